//! The client against CPython's XML-RPC server, over HTTP/1.0 and 1.1, TCP and Unix sockets.
#![cfg(feature = "net")]

#[path = "support/client.rs"]
mod support;

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use springline_core::service::{Call, MethodInfo, ParamInfo, Service, ServiceInfo};
use springline_core::{Blob, DateTime, ErrorKind, Limits, Payload, Reached, Value};
use springline_macros::remote;
use springline_net::http::Proxies;
use springline_xmlrpc::client::{HttpStatus, SSLClient, XmlRpcProxy, XmlRpcProxyBuilder};
use support::{Python, cert, socket, soon};

fn builder(url: &str) -> XmlRpcProxyBuilder {
    XmlRpcProxy::builder(url).proxies(Proxies::none())
}

fn proxy(url: &str) -> XmlRpcProxy {
    builder(url).build().unwrap()
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Person {
    name: String,
    age: i32,
    weight: f64,
    tags: Vec<String>,
    alive: bool,
}

fn person() -> Person {
    Person {
        name: "J\u{f8}rgen <&> \u{1f600}\n\ttail ".into(),
        age: -42,
        weight: 71.25,
        tags: vec!["a".into(), String::new()],
        alive: true,
    }
}

#[tokio::test]
async fn typed_and_dynamic_calls() {
    let server = Python::start(&[]).await;
    for which in ["url", "http10"] {
        let proxy = proxy(server.url(which));
        assert_eq!(proxy.call::<i64>("pow", (41, 3)).await.unwrap(), 68_921);
        assert_eq!(proxy.call::<String>("get_data", ("Hello",)).await.unwrap(), "You got remote data => Hello");
        assert_eq!(proxy.call::<Person>("echo", (person(),)).await.unwrap(), person());
        let map: BTreeMap<String, Vec<i32>> = [("one".into(), vec![1]), (String::new(), vec![])].into();
        assert_eq!(proxy.call::<BTreeMap<String, Vec<i32>>>("echo", (map.clone(),)).await.unwrap(), map);
        let blob = Blob::from(vec![0u8, 1, 255]);
        assert_eq!(proxy.call::<Blob>("echo", (blob.clone(),)).await.unwrap(), blob);
        let date: DateTime = "1998-07-17T14:08:55".parse().unwrap();
        assert_eq!(proxy.call::<DateTime>("echo", (date,)).await.unwrap(), date);
        for value in [
            Value::from(i32::MIN),
            Value::from(0.1),
            Value::from(true),
            Value::from("text"),
            Value::List(vec![Value::from(1), Value::List(vec![]), Value::Map(vec![])]),
            Value::Map(vec![("b".into(), 1.into()), ("a".into(), "x".into())]),
        ] {
            assert_eq!(proxy.call_value("echo", (value.clone(),)).await.unwrap(), value);
        }
        assert_eq!(
            proxy.call_value("describe", vec![Value::from(1), Value::from("a")]).await.unwrap().as_str(),
            Some("[int:1, string:\"a\"]")
        );
    }
}

#[tokio::test]
async fn connections_are_kept_and_shared() {
    #[derive(Deserialize)]
    struct Request {
        version: String,
        connection: String,
        content_type: String,
        user_agent: String,
        accept_encoding: String,
        path: String,
    }
    let server = Python::start(&[]).await;
    let kept = proxy(server.url("url"));
    let first: Request = kept.call("request", ()).await.unwrap();
    assert_eq!(
        (first.version.as_str(), first.content_type.as_str(), first.accept_encoding.as_str(), first.path.as_str()),
        ("HTTP/1.1", "text/xml", "gzip", "/RPC2")
    );
    assert!(first.user_agent.starts_with("springline-xmlrpc/"), "{}", first.user_agent);
    let clone = kept.clone();
    for proxy in [&kept, &clone] {
        let next: Request = proxy.call("request", ()).await.unwrap();
        assert_eq!(next.connection, first.connection);
    }
    assert_eq!(kept.idle_connections(), 1);
    kept.release();
    assert_eq!(clone.idle_connections(), 0);
    clone.call::<Request>("request", ()).await.unwrap();

    let once = proxy(server.url("http10"));
    once.call::<Request>("request", ()).await.unwrap();
    assert_eq!(once.idle_connections(), 0);

    let original = SSLClient::builder(server.url("url")).proxies(Proxies::none()).build().unwrap();
    let request: Request = original.call("request", ()).await.unwrap();
    assert_eq!(request.user_agent, "SSL XML-RPC Client (by http://springpython.webfactional.com)");
}

#[tokio::test]
async fn overlapping_calls_do_not_wait_for_each_other() {
    let server = Python::start(&[]).await;
    let proxy = proxy(server.url("url"));
    let slow = {
        let proxy = proxy.clone();
        tokio::spawn(async move { proxy.call::<String>("slow", (30,)).await })
    };
    for i in 0..20 {
        assert_eq!(soon("add", proxy.call::<i32>("add", (i, 1))).await.unwrap(), i + 1);
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    // It has begun by now, and has a connection to itself.
    assert!(!slow.is_finished());
    assert_eq!(proxy.idle_connections(), 1);
    slow.abort();
    let one = builder(server.url("url")).max_connections(1).build().unwrap();
    let calls = (0..6).map(|i| {
        let one = one.clone();
        tokio::spawn(async move { one.call::<i32>("echo", (i,)).await.unwrap() })
    });
    for (i, call) in calls.enumerate() {
        assert_eq!(call.await.unwrap(), i as i32);
    }
    assert_eq!(one.idle_connections(), 1);
}

#[tokio::test]
async fn unix_sockets() {
    let path = socket("xmlrpc-client");
    let text = path.to_str().unwrap();
    let _server = Python::start(&["--unix", text]).await;
    for proxy in [
        proxy(&format!("unix://{text}")),
        proxy(&format!("unix:{text}")),
        proxy(&format!("http+unix://{}/RPC2", text.replace('/', "%2F"))),
        builder(&format!("unix:{text}")).path("/RPC2").build().unwrap(),
    ] {
        for _ in 0..2 {
            assert_eq!(proxy.call::<i32>("add", (1, 2)).await.unwrap(), 3, "{proxy:?}");
        }
    }
    let elsewhere = builder(&format!("unix:{text}")).path("/other").build().unwrap();
    let e = elsewhere.call::<i32>("add", (1, 2)).await.unwrap_err();
    assert_eq!((e.kind(), HttpStatus::of(&e).unwrap().status.as_u16()), (ErrorKind::NotFound, 404));
}

#[tokio::test]
async fn faults_are_exceptions() {
    let server = Python::start(&[]).await;
    let proxy = proxy(server.url("url"));
    for (method, args, class, message, code) in [
        ("fail", ("17", "<no & way>"), "Fault", "<no & way>", 17),
        ("raise_it", ("value", "too small"), "ValueError", "too small", 1),
        ("raise_it", ("bank", "empty"), "BankError", "empty", 1),
    ] {
        let e = match method {
            "fail" => proxy.call::<i32>(method, (args.0.parse::<i32>().unwrap(), args.1)).await,
            _ => proxy.call::<i32>(method, args).await,
        }
        .unwrap_err();
        assert_eq!((e.kind(), e.reached()), (ErrorKind::Remote, Reached::Answered), "{e}");
        let exception = e.exception().unwrap();
        assert!(exception.is(class), "{exception:?}");
        assert_eq!((exception.message.as_str(), exception.code), (message, Some(code)));
    }
    let e = proxy.call::<i32>("no.such", ()).await.unwrap_err();
    assert!(e.exception().unwrap().message.contains("method \"no.such\" is not supported"), "{e}");
    assert_eq!(proxy.idle_connections(), 1, "a fault leaves the connection as it is");
    let e = proxy.call::<i32>("get_data", ("x",)).await.unwrap_err();
    assert_eq!(
        (e.kind(), e.reached(), e.endpoint()),
        (ErrorKind::Mismatch, Reached::Answered, Some(proxy.url())),
        "{e}"
    );
}

#[tokio::test]
async fn null_needs_permission() {
    let server = Python::start(&[]).await;
    let careful = proxy(server.url("url"));
    let e = careful.call_value("echo", (Value::Null,)).await.unwrap_err();
    assert_eq!((e.kind(), e.reached()), (ErrorKind::Encode, Reached::NotSent), "{e}");
    assert_eq!(careful.call_value("nothing", ()).await.unwrap(), Value::Null, "it is always read");
    assert_eq!(careful.call::<Option<i32>>("nothing", ()).await.unwrap(), None);
    let bold = builder(server.url("url")).allow_none(true).build().unwrap();
    assert_eq!(bold.call_value("echo", (Value::Null,)).await.unwrap(), Value::Null);
    assert_eq!(
        bold.call::<i64>("echo", (1i64 << 40,)).await.unwrap_err().kind(),
        ErrorKind::Remote,
        "CPython reads i8 and does not write it"
    );
    let e = bold.call_value("echo", ("control \u{1}",)).await.unwrap_err();
    assert_eq!((e.kind(), e.reached()), (ErrorKind::Encode, Reached::NotSent), "{e}");
}

#[tokio::test]
async fn encodings() {
    let server = Python::start(&[]).await;
    for label in ["utf-8", "iso-8859-1", "us-ascii", "windows-1252", "utf-16"] {
        let proxy = builder(server.url("url")).encoding(label).build().unwrap();
        let text = "Z\u{fc}rich \u{20ac} \u{1f600} \u{4e2d}";
        assert_eq!(proxy.call::<String>("echo", (text,)).await.unwrap(), text, "{label}");
    }
    let e = builder(server.url("url")).encoding("klingon").build().unwrap_err();
    assert!(e.kind() == ErrorKind::Config && e.message().contains("klingon"), "{e}");
}

#[tokio::test]
async fn compression_both_ways() {
    let server = Python::start(&[]).await;
    let text = "The quick brown fox. ".repeat(5000);
    for gzip in [false, true] {
        let proxy = builder(server.url("url")).gzip_request(gzip).accept_gzip(gzip).build().unwrap();
        assert_eq!(proxy.call::<String>("echo", (text.as_str(),)).await.unwrap(), text);
        let request: BTreeMap<String, Value> = proxy.call("request", ()).await.unwrap();
        // This one is too short to be compressed.
        assert_eq!(request["content_encoding"].as_str(), Some(""));
        assert_eq!(request["accept_encoding"].as_str(), Some(if gzip { "gzip" } else { "" }));
    }
    let mut limits = Limits::default();
    limits.decompressed_size = 50_000;
    let proxy = builder(server.url("url")).limits(limits).build().unwrap();
    let e = proxy.call::<String>("big_text", (100_000,)).await.unwrap_err();
    assert_eq!((e.kind(), e.reached()), (ErrorKind::Limit, Reached::Answered), "{e}");
    assert_eq!(proxy.call::<String>("big_text", (40_000,)).await.unwrap().len(), 40_000);
}

#[tokio::test]
async fn large_values() {
    let server = Python::start(&[]).await;
    let proxy = proxy(server.url("url"));
    let array: Vec<i32> = proxy.call("big_array", (200_000,)).await.unwrap();
    assert!(array.iter().copied().eq(0..200_000));
    assert_eq!(proxy.call::<usize>("size", (array,)).await.unwrap(), 200_000);
    let blob: Blob = proxy.call("blob", (3_000_000,)).await.unwrap();
    assert_eq!(blob.len(), 3_000_000);
    assert!(blob.iter().enumerate().all(|(i, b)| usize::from(*b) == i % 251));
    assert_eq!(proxy.call::<usize>("size", (blob,)).await.unwrap(), 3_000_000);
}

#[tokio::test]
async fn passwords_and_statuses() {
    let server = Python::start(&[]).await;
    let url = server.url("auth");
    let with = |user: &str| url.replace("http://", &format!("http://{user}@"));
    let right = proxy(&with("user:pa%3Ass%20w%C3%B6rd"));
    assert_eq!(right.call::<i32>("add", (1, 2)).await.unwrap(), 3);
    let option = builder(url).basic_auth("user", "pa:ss w\u{f6}rd").build().unwrap();
    assert_eq!(option.call::<i32>("add", (1, 2)).await.unwrap(), 3);
    for wrong in [url.to_owned(), with("user:hidden")] {
        let proxy = proxy(&wrong);
        let e = proxy.call::<i32>("add", (1, 2)).await.unwrap_err();
        assert_eq!((e.kind(), e.reached()), (ErrorKind::Denied, Reached::Answered), "{e}");
        let status = HttpStatus::of(&e).unwrap();
        assert_eq!((status.status.as_u16(), status.reason.as_str()), (401, "Unauthorized"));
        assert_eq!(status.headers.get("www-authenticate").unwrap(), "Basic realm=\"peers\"");
        assert!(!format!("{e} {e:?} {proxy:?}").contains("hidden"));
    }
    let e = proxy(&server.url("url").replace("/RPC2", "/elsewhere")).call::<i32>("add", (1, 2)).await.unwrap_err();
    assert_eq!(e.kind(), ErrorKind::NotFound, "{e}");
    // ServerProxy's rule: without a path, /RPC2; '/' is one, and CPython serves it as well.
    for path in ["", "/"] {
        let url = server.url("url").replace("/RPC2", path);
        assert_eq!(proxy(&url).call::<i32>("add", (1, 2)).await.unwrap(), 3);
    }
}

#[tokio::test]
async fn deadlines() {
    let server = Python::start(&[]).await;
    let proxy = builder(server.url("url")).timeout(Duration::from_millis(200)).build().unwrap();
    let e = proxy.call::<String>("slow", (30,)).await.unwrap_err();
    assert_eq!((e.kind(), e.reached()), (ErrorKind::Timeout, Reached::MaybeExecuted), "{e}");
    assert_eq!(proxy.idle_connections(), 0);
    let patient = builder(server.url("url")).build().unwrap();
    let args = (30,);
    let mut call = Call::new("slow", &args);
    call.options.deadline = Some(std::time::Instant::now() + Duration::from_millis(200));
    let e = Service::call(&patient, &call).await.unwrap_err();
    assert_eq!(e.kind(), ErrorKind::Timeout, "{e}");
    assert_eq!(patient.call::<i32>("add", (1, 2)).await.unwrap(), 3);
}

#[tokio::test]
async fn introspection() {
    let server = Python::start(&[]).await;
    let proxy = proxy(server.url("url"));
    let methods = proxy.list_methods().await.unwrap();
    assert!(
        methods.contains(&"get_data".to_owned()) && methods.contains(&"system.multicall".to_owned()),
        "{methods:?}"
    );
    assert_eq!(proxy.method_help("get_data").await.unwrap(), "Says what it was sent.");
    assert_eq!(proxy.method_help("nope").await.unwrap(), "");
    assert_eq!(proxy.method_signature("get_data").await.unwrap(), None, "CPython says that it has none");
    let e = proxy.capabilities().await.unwrap_err();
    assert_eq!(e.kind(), ErrorKind::Remote, "CPython does not have it: {e}");
    let validator = proxy.object("validator1");
    assert_eq!(validator.list_methods().await.unwrap(), methods, "system's methods have no prefix");
}

#[tokio::test]
async fn multicalls() {
    let server = Python::start(&[]).await;
    let proxy = proxy(server.url("url"));
    let results = proxy
        .multicall()
        .call("add", (1, 2))
        .call("fail", (10, "BAD_NAME"))
        .call("echo", (vec![7],))
        .call("echo", (person(),))
        .call("no.such", ())
        .send()
        .await
        .unwrap();
    assert_eq!(results.len(), 5);
    assert_eq!(results[0].as_ref().unwrap(), &Value::from(3));
    let exception = results[1].as_ref().unwrap_err().exception().unwrap();
    assert_eq!((exception.code, exception.message.as_str()), (Some(10), "BAD_NAME"));
    assert_eq!(results[2].as_ref().unwrap(), &Value::List(vec![7.into()]));
    let back: Person = Payload::from(results[3].as_ref().unwrap().clone()).decode().unwrap();
    assert_eq!(back, person());
    assert_eq!(results[4].as_ref().unwrap_err().kind(), ErrorKind::Remote);
    assert!(proxy.multicall().send().await.unwrap().is_empty());
    let prefixed = proxy.object("validator1").multicall().call("simpleStructReturnTest", (7,)).send().await.unwrap();
    assert_eq!(prefixed[0].as_ref().unwrap().field("times100"), Some(&Value::from(700)));
}

#[remote(crate = "springline_core")]
trait Thing {
    async fn get_data(&self, param: &str) -> springline_core::Result<String>;
    async fn add(&self, a: i64, b: i64) -> springline_core::Result<i64>;
    async fn echo(&self, x: Person) -> springline_core::Result<Person>;
    #[remote(oneway)]
    async fn nothing(&self) -> springline_core::Result<()>;
    async fn raise_it(&self, kind: &str, text: &str) -> springline_core::Result<()>;
}

#[remote(crate = "springline_core")]
trait Validator {
    #[remote(name = "easyStructTest")]
    async fn easy_struct_test(&self, stooges: BTreeMap<String, i32>) -> springline_core::Result<i32>;
}

#[tokio::test]
async fn remote_traits() {
    let server = Python::start(&[]).await;
    let proxy = proxy(server.url("url"));
    let thing = ThingProxy::new(proxy.clone());
    assert_eq!(thing.get_data("Hello").await.unwrap(), "You got remote data => Hello");
    assert_eq!(thing.add(1, 2).await.unwrap(), 3);
    assert_eq!(thing.echo(person()).await.unwrap(), person());
    thing.nothing().await.unwrap();
    let e = thing.raise_it("value", "no").await.unwrap_err();
    assert!(e.exception().unwrap().is("ValueError"), "{e}");
    let stooges: BTreeMap<String, i32> =
        [("moe", 1), ("larry", 2), ("curly", 3)].map(|(k, v)| (k.to_owned(), v)).into();
    let below = ValidatorProxy::new(proxy.object("validator1"));
    assert_eq!(below.easy_struct_test(stooges.clone()).await.unwrap(), 6);
    let option = builder(server.url("url")).prefix("validator1").build().unwrap();
    assert_eq!(ValidatorProxy::new(option).easy_struct_test(stooges).await.unwrap(), 6);
}

#[tokio::test]
async fn keyword_arguments_need_a_description() {
    let server = Python::start(&[]).await;
    let call = |kwargs: Vec<(Value, Value)>| {
        let mut call = Call::new("add", &());
        call.kwargs = Some(Payload::from(Value::Map(kwargs)));
        call
    };
    let both = vec![("b".into(), 2.into()), ("a".into(), 40.into())];
    let plain = proxy(server.url("url"));
    let e = Service::call(&plain, &call(both.clone())).await.unwrap_err();
    assert_eq!((e.kind(), e.reached()), (ErrorKind::Arguments, Reached::NotSent), "{e}");
    let e = Service::call(&plain, &call(vec![])).await.unwrap_err();
    assert_eq!(e.kind(), ErrorKind::Remote, "an empty map is none: {e}");
    let param = |name: &'static str, optional| ParamInfo { name: name.into(), optional, ..ParamInfo::default() };
    let add = MethodInfo {
        name: "add".into(),
        params: vec![param("a", false), param("b", false), param("c", true)].into(),
        ..MethodInfo::default()
    };
    let info = ServiceInfo { methods: vec![add].into(), ..ServiceInfo::default() };
    let described = builder(server.url("url")).describe(info).build().unwrap();
    assert!(Service::describe(&described).is_some());
    let reply = Service::call(&described, &call(both)).await.unwrap();
    assert_eq!(reply.result.decode::<i32>().unwrap(), 42);
    let e = Service::call(&described, &call(vec![("z".into(), 1.into())])).await.unwrap_err();
    assert!(e.message().contains("unexpected keyword argument 'z'"), "{e}");
}

#[tokio::test]
async fn urls_and_options_that_cannot_be_used() {
    for (builder, kind, why) in [
        (XmlRpcProxy::builder("localhost:8000"), ErrorKind::Name, "the scheme must be"),
        (XmlRpcProxy::builder("https://localhost"), ErrorKind::Config, "ca_certs"),
        (XmlRpcProxy::builder("http://localhost").ca_certs("x.pem"), ErrorKind::Config, "in the clear"),
        (XmlRpcProxy::builder("https://localhost").ca_certs("/nonexistent.pem"), ErrorKind::Config, "/nonexistent.pem"),
        (
            XmlRpcProxy::builder("https://localhost").ca_certs(cert("ca-chain.pem")).ssl_version("TLSv1"),
            ErrorKind::Config,
            "TLSv1",
        ),
        (XmlRpcProxy::builder("http://localhost").header("a b", "c"), ErrorKind::Config, "no header name"),
    ] {
        let e = builder.build().unwrap_err();
        assert!(e.kind() == kind && e.message().contains(why), "{e}");
    }
    let e = proxy("http://127.0.0.1:1").call::<i32>("x", ()).await.unwrap_err();
    assert_eq!((e.kind(), e.reached()), (ErrorKind::Unavailable, Reached::NotSent), "{e}");
    let server = Python::start(&[]).await;
    let mut call = Call::new("x", &());
    call.kind = springline_core::service::CallKind::GetAttr;
    let e = Service::call(&proxy(server.url("url")), &call).await.unwrap_err();
    assert_eq!((e.kind(), e.reached()), (ErrorKind::NotFound, Reached::NotSent), "{e}");
}
