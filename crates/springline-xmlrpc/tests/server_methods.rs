//! What is served: functions, services, introspection, several calls in one, faults.

#[path = "support/raw.rs"]
mod raw;

use std::sync::Arc;
use std::time::Duration;

use raw::Raw;
use springline_core::{Error, ErrorKind, Exception, FnService, Registry, Result, Value, context};
use springline_macros::remote;
use springline_xmlrpc::FaultDialect;
use springline_xmlrpc::server::{XmlRpcServer, XmlRpcServerBuilder, certificate};

#[remote(crate = "springline_core")]
trait Account {
    /// What there is.
    async fn balance(&self, owner: &str) -> Result<i64>;
    async fn rename(&self, owner: &str, name: Option<String>) -> Result<()>;
    async fn history(&self) -> Result<Vec<f64>>;
    #[remote(name = "sub.method")]
    async fn dotted(&self, flag: bool) -> Result<String>;
    #[remote(name = "_hidden")]
    async fn hidden(&self) -> Result<i64>;
}

struct MyAccount;

impl Account for MyAccount {
    async fn balance(&self, owner: &str) -> Result<i64> {
        Ok(owner.len() as i64)
    }

    async fn rename(&self, _owner: &str, _name: Option<String>) -> Result<()> {
        Ok(())
    }

    async fn history(&self) -> Result<Vec<f64>> {
        Ok(vec![1.5, -2.0])
    }

    async fn dotted(&self, flag: bool) -> Result<String> {
        Ok(flag.to_string())
    }

    async fn hidden(&self) -> Result<i64> {
        Ok(1)
    }
}

fn explode() -> Result<i64> {
    panic!("secret")
}

fn builder() -> XmlRpcServerBuilder {
    XmlRpcServer::builder()
        .host("127.0.0.1")
        .port(0)
        .register_function("pow", ["x", "y"], |(x, y): (i64, u32)| async move { Ok(x.pow(y)) })
        .doc("  x to the power of y.\n")
        .register_sync("a.b.c", [], |()| Ok("deep".to_owned()))
        .register_sync("nothing", [], |()| Ok(()))
        .register_sync("maybe", ["there"], |(there,): (bool,)| Ok(there.then_some(1)))
        .register_sync("wide", [], |()| Ok(1_i64 << 40))
        .register_sync("fail", ["class"], |(class,): (String,)| -> Result<()> {
            Err(match &*class {
                "internal" => Error::new(ErrorKind::Internal, "secret").with_source(std::io::Error::other("disk")),
                "code" => Error::remote(Exception::new("Custom", "told").with_code(4711)),
                class => {
                    let mut exception = Exception::new(class, "boom");
                    exception.traceback = Some("secret".to_owned());
                    Error::remote(exception)
                }
            })
        })
        .register_function("panic", ["later"], |(later,): (bool,)| async move {
            if later {
                tokio::task::yield_now().await;
            }
            explode()
        })
        .register_function("slow", [], |()| async move {
            let left = context::deadline().map(|d| d - std::time::Instant::now());
            tokio::time::sleep(Duration::from_secs(if left.is_some() { 3600 } else { 0 })).await;
            Ok(0)
        })
        .register_sync("who", [], |()| {
            let peer = context::peer().map(|p| (p.address.clone(), p.protocol.clone()));
            Ok((peer, certificate().is_some()))
        })
        .register_service("bank.accounts", AccountServer::new(MyAccount))
}

async fn server() -> XmlRpcServer {
    builder().serve().await.unwrap()
}

fn list<T: Into<Value>>(items: impl IntoIterator<Item = T>) -> Value {
    Value::List(items.into_iter().map(Into::into).collect())
}

#[tokio::test]
async fn functions_and_services() {
    let server = server().await;
    let mut raw = Raw::connect(&server).await;
    let pow = raw.call("pow", &["<int>41</int>", "<i4>3</i4>"]).await;
    assert_eq!(pow.value().as_i64(), Some(68_921));
    assert_eq!(pow.header("content-length"), Some(&*pow.body.len().to_string()));
    assert_eq!(raw.call("a.b.c", &[]).await.value(), Value::from("deep"));
    assert_eq!(raw.call("bank.accounts.balance", &["me"]).await.value().as_i64(), Some(2));
    assert_eq!(raw.call("bank.accounts.sub.method", &["<boolean>1</boolean>"]).await.value(), Value::from("true"));
    assert_eq!(raw.call("bank.accounts.history", &[]).await.value(), list([1.5, -2.0]));
    let who = raw.call("who", &[]).await.value();
    let peer = who.get(0).and_then(|p| p.get(0)).and_then(Value::as_str).unwrap_or_default().to_owned();
    assert!(peer.starts_with("127.0.0.1:"), "{who:?}");
    assert_eq!(who.get(1), Some(&Value::Bool(false)));
    for name in [
        "nope",
        "bank.accounts",
        "bank.accounts.nope",
        "balance",
        "a.b",
        "system.nope",
        "POW",
        "bank.accounts._hidden",
        "_x",
        "a._b.c",
        "",
    ] {
        let (code, text) = raw.call(name, &[]).await.fault();
        assert!(code == -32601 || (name.is_empty() && code == -32600), "{name}: {code} {text}");
    }
}

#[tokio::test]
async fn objects_come_and_go_while_it_runs() {
    let registry = Registry::new();
    let server = builder().registry(registry.clone()).serve().await.unwrap();
    let mut raw = Raw::connect(&server).await;
    assert_eq!(raw.call("late.hi", &[]).await.fault().0, -32601);
    let late = || FnService::new("late").method("hi", [], |()| async { Ok("hi".to_owned()) });
    registry.register("late", late()).unwrap();
    server.registry().register("", late()).unwrap();
    assert_eq!(raw.call("late.hi", &[]).await.value(), Value::from("hi"));
    assert_eq!(raw.call("hi", &[]).await.value(), Value::from("hi"));
    let names = raw.call("system.listMethods", &[]).await.value();
    assert!(names.as_items().unwrap().contains(&"late.hi".into()) && names.as_items().unwrap().contains(&"hi".into()));
    registry.unregister("late");
    assert_eq!(raw.call("late.hi", &[]).await.fault().0, -32601);
    assert_eq!(raw.call("bank.accounts.balance", &["x"]).await.value().as_i64(), Some(1));
}

#[tokio::test]
async fn introspection() {
    let server = server().await;
    let mut raw = Raw::connect(&server).await;
    let expected = [
        "a.b.c",
        "bank.accounts.balance",
        "bank.accounts.history",
        "bank.accounts.rename",
        "bank.accounts.sub.method",
        "fail",
        "maybe",
        "nothing",
        "panic",
        "pow",
        "slow",
        "system.getCapabilities",
        "system.listMethods",
        "system.methodHelp",
        "system.methodSignature",
        "system.multicall",
        "who",
        "wide",
    ];
    assert_eq!(raw.call("system.listMethods", &[]).await.value(), list(expected));
    let help = async |raw: &mut Raw, name: &str| raw.call("system.methodHelp", &[name]).await.value();
    assert_eq!(help(&mut raw, "pow").await, Value::from("x to the power of y."));
    assert_eq!(help(&mut raw, "bank.accounts.balance").await, Value::from("What there is."));
    assert_eq!(help(&mut raw, "nothing").await, Value::from(""));
    assert!(help(&mut raw, "system.multicall").await.as_str().unwrap().contains("several calls"));
    let signature = async |raw: &mut Raw, name: &str| raw.call("system.methodSignature", &[name]).await.value();
    for (name, types) in [
        ("pow", &["int", "int", "int"][..]),
        ("a.b.c", &["string"]),
        ("nothing", &["nil"]),
        ("maybe", &["int", "boolean"]),
        ("bank.accounts.balance", &["int", "string"]),
        ("bank.accounts.rename", &["nil", "string", "string"]),
        ("bank.accounts.history", &["array"]),
        ("bank.accounts.sub.method", &["string", "boolean"]),
        ("system.methodSignature", &["array", "string"]),
    ] {
        assert_eq!(signature(&mut raw, name).await, list([list(types.iter().copied())]), "{name}");
    }
    for method in ["system.methodHelp", "system.methodSignature"] {
        assert_eq!(raw.call(method, &["nope"]).await.fault().0, -32601);
        assert_eq!(raw.call(method, &["bank.accounts._hidden"]).await.fault().0, -32601);
        assert_eq!(raw.call(method, &[]).await.fault().0, -32602);
        assert_eq!(raw.call(method, &["<int>1</int>"]).await.fault().0, -32602);
    }
    assert_eq!(raw.call("system.listMethods", &["x"]).await.fault().0, -32602);
    let capabilities = raw.call("system.getCapabilities", &[]).await.value();
    let interop = capabilities.field("faults_interop").expect("faults_interop");
    assert_eq!(interop.field("specUrl"), Some(&"http://xmlrpc-epi.sourceforge.net/specs/rfc.fault_codes.php".into()));
    assert_eq!(interop.field("specVersion").and_then(Value::as_i64), Some(20_010_516));
    assert!(capabilities.field("nil").is_none());
}

#[tokio::test]
async fn what_can_be_switched_off() {
    let server = builder().introspection(false).capabilities(false).multicall(0).serve().await.unwrap();
    let mut raw = Raw::connect(&server).await;
    for name in ["listMethods", "methodHelp", "methodSignature", "getCapabilities", "multicall"] {
        assert_eq!(raw.call(&format!("system.{name}"), &[]).await.fault().0, -32601, "{name}");
    }
    let server = builder().introspection(false).serve().await.unwrap();
    let mut raw = Raw::connect(&server).await;
    assert!(raw.call("system.getCapabilities", &[]).await.value().field("introspection").is_none());
}

fn one(name: &str, params: &str) -> String {
    format!(
        "<struct><member><name>methodName</name><value>{name}</value></member>\
         <member><name>params</name><value><array><data>{params}</data></array></value></member></struct>"
    )
}

fn many(calls: &[String]) -> String {
    let calls: String = calls.iter().map(|c| format!("<value>{c}</value>")).collect();
    format!("<array><data>{calls}</data></array>")
}

#[tokio::test]
async fn several_calls_in_one() {
    let server = builder().multicall(12).serve().await.unwrap();
    let mut raw = Raw::connect(&server).await;
    let int = "<value><int>2</int></value>";
    let calls = [
        one("pow", &int.repeat(2)),
        one("nope", ""),
        one("system.multicall", "<value><array><data></data></array></value>"),
        one("nothing", ""),
        one("maybe", "<value><boolean>0</boolean></value>"),
        one("fail", "<value>code</value>"),
        one("panic", "<value><boolean>1</boolean></value>"),
        "<struct><member><name>methodName</name><value>pow</value></member></struct>".to_owned(),
        "<struct><member><name>params</name><value><array><data/></array></value></member></struct>".to_owned(),
        one("pow", "").replace("</struct>", "<member><name>x</name><value/></member></struct>"),
        "<string>pow</string>".to_owned(),
        one("system.methodHelp", "<value>pow</value>"),
    ];
    let answers = raw.call("system.multicall", &[&many(&calls)]).await.value();
    let answers = answers.as_items().unwrap();
    assert_eq!(answers.len(), calls.len());
    let code = |at: usize| {
        let fault = &answers[at];
        assert_eq!(fault.as_pairs().map(<[_]>::len), Some(2), "{fault:?}");
        assert!(fault.field("faultString").is_some_and(|s| !s.as_str().unwrap_or_default().contains("secret")));
        fault.field("faultCode").and_then(Value::as_i64).unwrap_or_else(|| panic!("{fault:?}"))
    };
    assert_eq!(answers[0].as_items().unwrap()[0].as_i64(), Some(4));
    assert_eq!(answers[3], list([""]));
    assert_eq!(answers[11], list(["x to the power of y."]));
    let codes: Vec<i64> = [1, 2, 4, 5, 6, 7, 8, 9, 10].map(code).to_vec();
    assert_eq!(codes, [-32601, -32600, -32603, 4711, -32603, -32600, -32600, -32600, -32600]);

    let none = raw.call("system.multicall", &["<array><data></data></array>"]).await.value();
    assert_eq!(none, Value::List(Vec::new()));
    assert_eq!(raw.call("system.multicall", &[]).await.fault().0, -32602);
    assert_eq!(raw.call("system.multicall", &["<int>1</int>"]).await.fault().0, -32602);
    let (code, text) = raw.call("system.multicall", &[&many(&vec![one("nothing", ""); 13])]).await.fault();
    assert!(code == -32600 && text.contains("multicall = 12"), "{code} {text}");
}

#[tokio::test]
async fn faults_tell_what_is_the_callers_business() {
    let server = server().await;
    let mut raw = Raw::connect(&server).await;
    let fault = async |raw: &mut Raw, class: &str| raw.call("fail", &[class]).await.fault();
    assert_eq!(fault(&mut raw, "code").await, (4711, "told".to_owned()));
    let (code, text) = fault(&mut raw, "ValueError").await;
    assert!(code == -32500 && text.contains("boom") && !text.contains("secret"), "{code} {text}");
    let (code, text) = fault(&mut raw, "internal").await;
    assert!(code == -32603 && !text.contains("secret") && !text.contains("disk"), "{code} {text}");
    for later in ["0", "1"] {
        let (code, text) = raw.call("panic", &[&format!("<boolean>{later}</boolean>")]).await.fault();
        assert!(code == -32603 && !text.contains("secret"), "{code} {text}");
    }
    let (code, text) = raw.call("pow", &["<int>1</int>"]).await.fault();
    assert!(code == -32602 && text.contains("'y'"), "{code} {text}");
    let (code, text) = raw.call("pow", &["<int>1</int>", "<int>1</int>", "<int>1</int>"]).await.fault();
    assert!(code == -32602 && text.contains('3'), "{code} {text}");
    assert_eq!(server.connections(), 1);

    let server = builder().error_details(true).serve().await.unwrap();
    let mut raw = Raw::connect(&server).await;
    let (_, text) = fault(&mut raw, "internal").await;
    assert!(text.contains("secret: disk"), "{text}");
    assert!(raw.call("panic", &["<boolean>0</boolean>"]).await.fault().1.contains("secret"));

    let server = builder().fault_dialect(FaultDialect::Python).serve().await.unwrap();
    let mut raw = Raw::connect(&server).await;
    assert_eq!(fault(&mut raw, "ValueError").await, (1, "<class 'ValueError'>:boom".to_owned()));
    let nope = raw.call("nope", &[]).await.fault();
    assert_eq!(nope, (1, "<class 'Exception'>:method \"nope\" is not supported".to_owned()));
}

#[tokio::test]
async fn null_and_wide_integers() {
    let server = server().await;
    let mut raw = Raw::connect(&server).await;
    assert_eq!(raw.call("nothing", &[]).await.value(), Value::from(""), "CPython's clients choke on null");
    assert_eq!(raw.call("bank.accounts.rename", &["me", "you"]).await.value(), Value::from(""));
    assert_eq!(raw.call("maybe", &["<boolean>0</boolean>"]).await.fault().0, -32603, "None is no empty text");
    assert_eq!(raw.call("wide", &[]).await.fault().0, -32603);
    assert_eq!(raw.call("maybe", &["<boolean>1</boolean>"]).await.value().as_i64(), Some(1));

    let server = builder().allow_none(true).serve().await.unwrap();
    let mut raw = Raw::connect(&server).await;
    assert_eq!(raw.call("nothing", &[]).await.value(), Value::Null);
    assert_eq!(raw.call("maybe", &["<boolean>0</boolean>"]).await.value(), Value::Null);
    assert_eq!(raw.call("wide", &[]).await.value().as_i64(), Some(1 << 40));
    assert_eq!(raw.call("bank.accounts.rename", &["me"]).await.value(), Value::Null, "an Option may be left out");
    assert!(raw.call("system.getCapabilities", &[]).await.value().field("nil").is_some());
}

#[tokio::test]
async fn a_call_that_takes_too_long() {
    let server = builder().deadline(Duration::from_millis(100)).serve().await.unwrap();
    let mut raw = Raw::connect(&server).await;
    let (code, text) = raw.call("slow", &[]).await.fault();
    assert!(code == -32300 && text.contains("too long"), "{code} {text}");
    assert_eq!(raw.call("a.b.c", &[]).await.value(), Value::from("deep"));
}

#[tokio::test]
async fn calls_of_several_clients_run_side_by_side() {
    let gate = Arc::new(tokio::sync::Barrier::new(8));
    let server = builder()
        .register_function("meet", [], move |()| {
            let gate = gate.clone();
            async move {
                gate.wait().await;
                Ok(true)
            }
        })
        .serve()
        .await
        .unwrap();
    let mut all = tokio::task::JoinSet::new();
    for _ in 0..8 {
        let mut raw = Raw::connect(&server).await;
        all.spawn(async move { raw.call("meet", &[]).await.value() });
    }
    while let Some(met) = all.join_next().await {
        assert_eq!(met.unwrap(), Value::Bool(true));
    }
    assert_eq!(server.shutdown(Duration::from_secs(60)).await, 0);
}
