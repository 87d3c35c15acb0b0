//! Files that change while everything runs.

use std::path::PathBuf;
use std::time::Duration;

use crate::support::{Log, around, builder, kept};

const DRAIN: Duration = Duration::from_secs(1);

struct File(PathBuf);

impl File {
    fn new(name: &str, inside: &str) -> Self {
        let file = Self(std::env::temp_dir().join(format!("springline-context-{}-{name}.xml", std::process::id())));
        file.write(inside);
        file
    }

    fn write(&self, inside: &str) {
        std::fs::write(&self.0, around(inside)).unwrap();
    }
}

impl Drop for File {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

fn exporter(id: &str, name: &str, service: &str) -> String {
    format!(
        "<object id='{id}' class='Exporter'><property name='exclusive' value='true'/>\
         <property name='service_name' value='{name}'/><property name='service' ref='{service}'/></object>"
    )
}

#[tokio::test]
async fn only_what_has_changed() {
    let log = Log::default();
    let proxy =
        |value: &str| format!("<object id='p' class='test.Proxy'><property name='a' value='{value}'/></object>");
    let rest = "<object id='k' class='Keeper'/>".to_owned() + &exporter("e", "e", "p") + &exporter("f", "f", "k");
    let file = File::new("changed", &(proxy("1") + &rest));
    let context = builder(&log).file(&file.0).start().await.unwrap();
    let before = context.proxy("p").unwrap();
    log.take();

    let report = context.reload(DRAIN).await.unwrap();
    assert_eq!((report.unchanged, report.changed.len()), (4, 0));
    assert!(log.take().is_empty());

    file.write(&(proxy("2") + &rest));
    let report = context.reload(DRAIN).await.unwrap();
    assert_eq!((report.unchanged, report.changed), (3, vec!["p".to_owned()]));
    // The exporter was not touched, and whoever holds the proxy reaches the new one.
    assert!(log.take().is_empty());
    assert_eq!(before.call::<String>("get", ("a",)).await.unwrap(), "2");

    let more = exporter("g", "g", "p") + "<object id='n' class='Keeper'/>";
    file.write(&(proxy("2") + "<object id='k' class='Keeper'/>" + &exporter("e", "e", "p") + &more));
    let report = context.reload(DRAIN).await.unwrap();
    assert_eq!((report.added, report.removed), (vec!["g".to_owned(), "n".to_owned()], vec!["f".to_owned()]));
    assert_eq!(log.take(), ["make n", "start g", "stop f of k"]);
    let ids: Vec<String> = context.endpoints().into_iter().map(|e| e.id).collect();
    assert_eq!(ids, ["e", "g"]);
}

#[tokio::test]
async fn objects_of_this_process_follow_what_they_refer_to() {
    let log = Log::default();
    let objects = |value: &str| {
        format!(
            "<object id='p' class='test.Proxy'><property name='a' value='{value}'/></object>\
             <object id='k' class='Keeper'><property name='a' ref='p'/></object>"
        ) + &exporter("e", "e", "k")
    };
    let file = File::new("follow", &objects("1"));
    let context = builder(&log).file(&file.0).start().await.unwrap();
    log.take();
    file.write(&objects("2"));
    let report = context.reload(DRAIN).await.unwrap();
    assert_eq!((report.changed, report.unchanged), (vec!["p".to_owned(), "k".to_owned()], 1));
    assert_eq!(log.take(), ["make k"]);
}

#[tokio::test]
async fn a_mistake_changes_nothing() {
    let log = Log::default();
    let good =
        "<object id='k' class='Keeper'><property name='a' value='1'/></object>".to_owned() + &exporter("e", "e", "k");
    let file = File::new("mistake", &good);
    let context = builder(&log).file(&file.0).start().await.unwrap();
    log.take();
    file.write("<object id='k' class='Nothing'/>");
    let e = context.reload(DRAIN).await.unwrap_err();
    assert!(e.to_string().contains("unknown class 'Nothing'"), "{e}");
    assert!(log.take().is_empty());
    assert_eq!(kept(&context, "k").await, "1".into());

    // An exporter that does not start: what was started with it stops again, and the old ones are back.
    let fails = exporter("x", "x", "k")
        .replace("<property name='exclusive'", "<property name='fails' value='true'/><property name='exclusive'");
    file.write(&(good.replace("value='e'", "value='other'") + &fails));
    let e = context.reload(DRAIN).await.unwrap_err();
    assert!(e.to_string().contains("the object 'x' could not be started"), "{e}");
    let uris: Vec<String> = context.endpoints().into_iter().flat_map(|e| e.uris).collect();
    assert_eq!(uris, ["test:e"]);
    assert_eq!(
        log.take(),
        [
            "start other",
            "fail x",
            "stop other of k",
            "stop e of k",
            "start other",
            "fail x",
            "stop other of k",
            "start e"
        ]
    );
}

#[tokio::test]
async fn an_address_that_is_still_in_use() {
    let log = Log::default();
    let objects = |port: &str| {
        "<object id='k' class='Keeper'/>".to_owned()
            + &exporter("e", "same", "k")
                .replace("</object>", &format!("<property name='port' value='{port}'/></object>"))
    };
    let file = File::new("address", &objects("1"));
    let context = builder(&log).file(&file.0).start().await.unwrap();
    log.take();
    file.write(&objects("2"));
    context.reload(DRAIN).await.unwrap();
    assert_eq!(log.take(), ["stop same of k", "start same"]);
    assert_eq!(context.endpoints().len(), 1);
}

/// A changed exporter that wants the name of one that stays does not get it.
#[tokio::test]
async fn a_name_that_another_one_has() {
    let log = Log::default();
    let exporter = |id: &str, name: &str| {
        let claims = "<property name='claims' value='true'/></object>\n";
        exporter(id, name, "k").replace("</object>", claims)
    };
    let objects =
        |name: &str| "<object id='k' class='Keeper'/>\n".to_owned() + &exporter("e", "one") + &exporter("f", name);
    let file = File::new("taken", &objects("two"));
    let context = builder(&log).file(&file.0).start().await.unwrap();
    log.take();
    file.write(&objects("one"));
    let e = context.reload(DRAIN).await.unwrap_err();
    let (name, text) = (file.0.display(), e.to_string());
    let wanted = format!("{name}:4:1: the exporter 'f' claims the name one, which 'e' has already, at {name}:3:1");
    assert!(text.contains(&wanted), "{text}");
    assert!(log.take().is_empty());
    let uris: Vec<String> = context.endpoints().into_iter().flat_map(|e| e.uris).collect();
    assert_eq!(uris, ["test:one", "test:two"]);
    // Names may be exchanged, though.
    file.write(&("<object id='k' class='Keeper'/>".to_owned() + &exporter("e", "two") + &exporter("f", "one")));
    context.reload(DRAIN).await.unwrap();
    let uris: Vec<String> = context.endpoints().into_iter().flat_map(|e| e.uris).collect();
    assert_eq!(uris, ["test:two", "test:one"]);
}

/// Two that want the same from the start.
#[test]
fn a_name_that_two_want() {
    let same =
        |id: &str| exporter(id, "same", "k").replace("</object>", "<property name='claims' value='true'/></object>\n");
    let text = "<object id='k' class='Keeper'/>\n".to_owned() + &same("e") + &same("f");
    let all = builder(&Log::default()).xml("t.xml", around(&text)).build().unwrap_err();
    assert_eq!(
        all.to_string(),
        "t.xml:4:1: the exporter 'f' claims the name same, which 'e' has already, at t.xml:3:1"
    );
}
