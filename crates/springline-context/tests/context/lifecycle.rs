//! Making, starting, stopping.

use std::time::Duration;

use springline_core::{ErrorKind, Result};
use springline_macros::remote;

use crate::support::{Log, around, builder, classes, kept};

fn exporter(id: &str, service: &str, more: &str) -> String {
    format!(
        "<object id='{id}' class='Exporter'><property name='service_name' value='{id}'/>\
         <property name='service' ref='{service}'/>{more}</object>"
    )
}

#[tokio::test]
async fn in_order_and_back() {
    let log = Log::default();
    let text = exporter("one", "b", "")
        + "<object id='a' class='Keeper'/><object id='b' class='Keeper'><property name='a' ref='a'/></object>"
        + &exporter("two", "a", "");
    let context = builder(&log).xml("t.xml", around(&text)).build().unwrap();
    assert_eq!(log.take(), ["make a", "make b"]);
    context.start().await.unwrap();
    assert_eq!(log.take(), ["start one", "start two"]);
    context.start().await.unwrap();
    assert!(log.take().is_empty());
    context.shutdown(Duration::from_secs(1)).await;
    assert_eq!(log.take(), ["stop two of a", "stop one of b"]);
    assert!(context.endpoints().is_empty());
}

#[tokio::test]
async fn a_failing_start_is_rolled_back() {
    let log = Log::default();
    let fails = "<property name='fails' value='true'/>";
    let text = "<object id='a' class='Keeper'/>\n".to_owned()
        + &exporter("one", "a", "")
        + &exporter("two", "a", "")
        + "\n"
        + &exporter("three", "a", fails)
        + &exporter("four", "a", "");
    let context = builder(&log).xml("t.xml", around(&text)).build().unwrap();
    log.take();
    let e = context.start().await.unwrap_err();
    assert_eq!(e.to_string(), "cannot connect: t.xml:4:1: the object 'three' could not be started: no room");
    assert_eq!(log.take(), ["start one", "start two", "fail three", "stop two of a", "stop one of a"]);
    assert!(context.endpoints().is_empty());
}

#[tokio::test]
async fn lazy_objects_and_prototypes() {
    let log = Log::default();
    let text = "<object id='lazy' class='Keeper' lazy-init='True'/>
        <object id='used' class='Keeper' lazy-init='True'/>
        <object id='x' class='Keeper'><property name='a' ref='used'/></object>
        <object id='many' class='Keeper' scope='prototype'><property name='a' ref='lazy'/></object>"
        .to_owned()
        + "<object id='e' class='Exporter' lazy-init='True'><property name='service_name' value='e'/><property name='service' ref='x'/></object>";
    let context = builder(&log).xml("t.xml", around(&text)).start().await.unwrap();
    assert_eq!(log.take(), ["make used", "make x"]);
    assert_eq!(kept(&context, "many").await, "-> lazy".into());
    assert_eq!(log.take(), ["make lazy", "make many"]);
    context.service("many").unwrap();
    context.service("lazy").unwrap();
    assert_eq!(log.take(), ["make many"]);
    context.start_one("e").await.unwrap();
    context.start_one("e").await.unwrap();
    assert_eq!(log.take(), ["start e"]);
    assert_eq!(context.start_one("x").await.unwrap_err().kind(), ErrorKind::Config);
    assert!(context.stop_one("e", Duration::ZERO).await);
    assert!(!context.stop_one("e", Duration::ZERO).await);
}

#[remote(crate = "springline_core")]
trait Greeter {
    async fn greet(&self, name: String) -> Result<String>;
}

struct Polite;

impl Greeter for Polite {
    async fn greet(&self, name: String) -> Result<String> {
        Ok(format!("Good day, {name}"))
    }
}

#[tokio::test]
async fn objects_by_their_traits() {
    let classes = classes(&Log::default())
        .class("my.Greeter", |class| class.handle(|_| Ok(GreeterRef::local(Polite))))
        .class("my.Served", |class| class.service(|_| Ok(GreeterServer::new(Polite))));
    let context = builder(&Log::default())
        .classes(classes)
        .xml("t.xml", "<objects><object id='a' class='my.Greeter'/><object id='b' class='my.Served'/></objects>")
        .build()
        .unwrap();
    for (id, local) in [("a", true), ("b", false)] {
        let greeter: GreeterRef = context.get(id).unwrap();
        assert_eq!(greeter.is_local(), local);
        assert_eq!(greeter.greet("Ada".to_owned()).await.unwrap(), "Good day, Ada");
        let answer: String = context.proxy(id).unwrap().request("greet").kwarg("name", "Ada").send().await.unwrap();
        assert_eq!(answer, "Good day, Ada");
    }
    let e = context.get::<GreeterRef>("c").unwrap_err();
    assert_eq!(e.kind(), ErrorKind::NotFound);
}
