//! Pyro 3, live against 3.16 and 3.9.1 on Python 2.7, both ways.

#[path = "support/pyro3.rs"]
mod peer;
#[path = "support/python.rs"]
mod python;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use peer::{PATIENCE, RELEASES, Server, certs, command};
use springline_core::service::{BoxFuture, Call, CallKind, Reply, Service};
use springline_core::{Blob, Bytes, Error, ErrorKind, Exception, RemoteRef, Result, Value};
use springline_macros::remote;
use springline_pyro::pyro3::{Daemon, DaemonBuilder, NameServer, Proxy, ProxyBuilder, Uri};
use springline_pyro::tls::{CertReqs, ClientTls, ServerTls};
use tokio::time::timeout;

#[tokio::test]
async fn rust_calls_python() {
    for release in RELEASES {
        for (args, on) in [(&[][..], false), (&["--compress", "--checksum"], true)] {
            let server = Server::start(release, args).await;
            let builder = server.builder("location").compression(on).checksum(on);
            features(&builder.build().unwrap(), release).await;
            let by_id = server.builder("thing").build().unwrap();
            assert_eq!(by_id.call::<String>("get_data", ("x",)).await.unwrap(), "You got remote data => x");
        }
    }
}

async fn features(proxy: &Proxy, release: &str) {
    assert_eq!(proxy.call::<String>("get_data", ("Hello",)).await.unwrap(), "You got remote data => Hello");
    let when = springline_core::DateTime::parse("2020-01-02T03:04:05.000678").unwrap();
    for value in [
        Value::Null,
        Value::Bool(true),
        Value::I64(-5),
        Value::I64(1 << 40),
        Value::I64(i64::MIN),
        Value::from(springline_core::BigInt::from(u64::MAX) * 1000),
        Value::F64(-0.5),
        "text".into(),
        "€😀".into(),
        Value::Bytes(Bytes::from_static(b"\x00\xff")),
        Value::Bytes(vec![255; 100_000].into()),
        Value::Tuple(vec![Value::Complex(1.0, -2.0), Value::Decimal("1.50".into()), when.into()]),
        Value::Set(vec![Value::Tuple(vec![Value::I64(1)])]),
        Value::Map(vec![(Value::Null, Value::FrozenSet(vec![]))]),
        // What is shared, and what contains itself.
        Value::List(vec![Value::List(vec![Value::I64(1)]), Value::Back(1), Value::Back(0)]),
    ] {
        assert_eq!(proxy.call::<Value>("echo", (value.clone(),)).await.unwrap(), value);
    }
    let shared: Value = proxy.call("twice", (vec![1_i64],)).await.unwrap();
    assert_eq!(shared, Value::List(vec![Value::List(vec![Value::I64(1)]), Value::Back(1)]));
    assert_eq!(proxy.call::<String>("kind", ("ascii",)).await.unwrap(), "str");
    assert_eq!(proxy.call::<String>("kind", ("é",)).await.unwrap(), "unicode");
    assert_eq!(proxy.call::<String>("kind", (1_i64 << 40,)).await.unwrap(), "int");
    let blob: Blob = proxy.call("echo", (Blob::from(&b"ascii"[..]),)).await.unwrap();
    assert_eq!(&blob[..], b"ascii");
    // Names and attributes, as any caller has them.
    let sum: i64 = proxy.request("add").args((1,)).kwarg("b", 2).kwarg("c", 3).send().await.unwrap();
    assert_eq!(sum, 6);
    proxy.ping().await.unwrap();
    assert_eq!(proxy.registered().await.unwrap(), ["other", "thing"]);
    assert_eq!(proxy.describe_remote().await.unwrap(), None);
    assert_eq!(proxy.version(), Some(if release == "3.16" { 5 } else { 4 }));
    proxy.release();
    assert_eq!(proxy.get_attr::<String>("value").await.unwrap(), "initial");
    proxy.set_attr("value", "changed").await.unwrap();
    assert_eq!(proxy.get_attr::<String>("value").await.unwrap(), "changed");
    proxy.set_attr("value", "initial").await.unwrap();
    // Exceptions.
    let e = proxy.call::<Value>("fail", ("value", "bad")).await.unwrap_err();
    let x = e.exception().expect("an exception");
    assert!(x.is("ValueError") && x.message == "bad", "{x:?}");
    assert_eq!(x.attribute("extra"), Some(&Value::I64(7)));
    assert!(x.traceback.as_deref().is_some_and(|t| t.contains("in fail")), "{x:?}");
    let e = proxy.call::<Value>("fail", ("naming", "bad")).await.unwrap_err();
    assert!(e.exception().is_some_and(|x| x.class == "Pyro.errors.NamingError"), "{e:?}");
    let e = proxy.call::<Value>("nosuch", ()).await.unwrap_err();
    assert!(e.exception().is_some_and(|x| x.is("AttributeError")), "{e:?}");
    // Objects and references.
    let objects: Value = proxy.call("objects", ()).await.unwrap();
    let point = objects.get(0).unwrap();
    assert_eq!((point.class(), point.field("x")), (Some("shapes.Point"), Some(&Value::I64(1))));
    assert_eq!(objects.get(1).and_then(Value::class), Some("shapes.Old"));
    for method in ["give_proxy", "give_uri"] {
        let other: RemoteRef = proxy.call(method, ()).await.unwrap();
        assert_eq!(other.proxy, method == "give_proxy");
        let other = Proxy::new(&other.uri).unwrap();
        assert_eq!(other.call::<String>("who", ()).await.unwrap(), "other");
    }
    let mine = Daemon::builder().version_4(release == "3.9.1").bind("127.0.0.1:0").await.unwrap();
    mine.register("back", Thing::default()).unwrap();
    let said: String = proxy.call("call_back", (mine.reference("back"), "x")).await.unwrap();
    assert_eq!(said, "You got remote data => x");
    // Oneway: the call returns before the method does.
    proxy.request("fire").args(("token", 0.5)).oneway().send::<()>().await.unwrap();
    let fired = async {
        while !proxy.call::<Vec<String>>("fired", ()).await.unwrap().contains(&"token".to_owned()) {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    timeout(PATIENCE, fired).await.unwrap();
}

#[tokio::test]
async fn a_call_that_is_given_up_spoils_no_other() {
    let server = Server::start("3.16", &[]).await;
    let proxy = server.builder("location").build().unwrap();
    for _ in 0..3 {
        let slow = timeout(Duration::from_millis(100), proxy.call::<String>("slow", (1.0,))).await;
        assert!(slow.is_err());
        assert_eq!(proxy.call::<String>("echo", ("mine",)).await.unwrap(), "mine");
    }
    let hasty = server.builder("location").timeout(Duration::from_millis(300)).build().unwrap();
    let e = hasty.call::<String>("slow", (30.0,)).await.unwrap_err();
    assert_eq!((e.kind(), e.reached()), (ErrorKind::Timeout, springline_core::Reached::MaybeExecuted));
}

#[tokio::test]
async fn identification_is_asked_for() {
    let server = Server::start("3.16", &["--identification", "secret"]).await;
    let good = server.builder("location").identification("secret").build().unwrap();
    assert_eq!(good.call::<String>("echo", ("x",)).await.unwrap(), "x");
    for bad in [server.builder("location"), server.builder("location").identification("wrong")] {
        let e = bad.build().unwrap().call::<String>("echo", ("x",)).await.unwrap_err();
        assert_eq!((e.kind(), e.reached()), (ErrorKind::Denied, springline_core::Reached::NotSent));
        assert!(e.to_string().contains("identification"), "{e}");
    }
}

#[tokio::test]
async fn names_are_looked_up_in_pythons_name_server() {
    let server = Server::start("3.16", &["--name-server"]).await;
    let proxy = server.builder("name").build().unwrap();
    assert_eq!(proxy.call::<String>("echo", ("x",)).await.unwrap(), "x");
    let e = Proxy::new(&server.uri("name").replace("/thing", "/nosuch")).unwrap();
    let e = e.call::<String>("echo", ("x",)).await.unwrap_err();
    assert!(e.exception().is_some_and(|x| x.is("NamingError")), "{e:?}");
    // A Rust object, registered there and found by its name.
    let mine = Daemon::bind("127.0.0.1:0").await.unwrap();
    let uri = mine.register("rust", Thing::default()).unwrap();
    let (at, _) = server.uri("name").rsplit_once('/').unwrap();
    let port = at.rsplit(':').next().unwrap().parse().unwrap();
    let names = NameServer::at("127.0.0.1", port).unwrap();
    names.ping().await.unwrap();
    names.register("rust", &uri).await.unwrap();
    assert_eq!(names.resolve(":Default.rust").await.unwrap(), uri);
    let found = Proxy::new(&format!("{at}/rust")).unwrap();
    assert_eq!(found.call::<String>("get_data", ("x",)).await.unwrap(), "You got remote data => x");
    let refused = |result: Result<()>, why: &str| {
        let e = result.unwrap_err();
        let x = e.exception().expect("an exception of the name server's");
        assert!(x.is("NamingError") && x.args[0].as_str() == Some(why), "{x:?}");
    };
    refused(names.register("rust", &uri).await, "name already exists");
    refused(names.register("bank.account", &uri).await, "(parent)group not found");
    names.create_group("bank").await.unwrap();
    names.register("bank.account", &uri).await.unwrap();
    names.set_meta("bank.account", vec![Value::from("replica")]).await.unwrap();
    assert_eq!(names.meta("bank.account").await.unwrap(), Value::List(vec!["replica".into()]));
    assert_eq!(names.list("bank").await.unwrap(), [("account".to_owned(), false)]);
    assert!(names.list("").await.unwrap().contains(&("bank".to_owned(), true)));
    let all = names.flat_list().await.unwrap();
    assert!(all.contains(&(":Default.bank.account".to_owned(), uri.clone())), "{all:?}");
    assert!(all.iter().any(|(name, _)| name == ":Pyro.NameServer"), "{all:?}");
    names.delete_group("bank").await.unwrap();
    names.unregister("rust").await.unwrap();
    refused(names.unregister("rust").await, "name not found");
    refused(names.resolve("bank.account").await.map(|_| ()), "name not found");
}

#[tokio::test]
async fn the_name_server_is_asked_for_by_udp() {
    let server = Server::start("3.16", &["--name-server", "--broadcast"]).await;
    let builder = Proxy::builder("PYRONAME://thing").unwrap().broadcast(server.uri("broadcast"));
    let proxy = builder.build().unwrap();
    assert_eq!(proxy.call::<String>("echo", ("x",)).await.unwrap(), "x");
    // The name server is a name in itself.
    let names = Proxy::builder("PYRONAME://:Pyro.NameServer").unwrap().broadcast(server.uri("broadcast"));
    let names = NameServer::new(names.build().unwrap());
    let mine = Daemon::bind("127.0.0.1:0").await.unwrap();
    let uri = mine.register("rust", Thing::default()).unwrap();
    names.register("rust", &uri).await.unwrap();
    let found = Proxy::builder("PYRONAME://rust").unwrap().broadcast(server.uri("broadcast")).build().unwrap();
    assert_eq!(found.call::<String>("get_data", ("x",)).await.unwrap(), "You got remote data => x");
}

fn samples(builder: ProxyBuilder) -> ProxyBuilder {
    let certs = certs();
    let builder = builder.ca_certs(certs.join("ca-chain.pem"));
    builder.certfile(certs.join("client-cert.pem")).keyfile(certs.join("client-key.pem"))
}

fn secure() -> DaemonBuilder {
    let certs = certs();
    let builder = Daemon::builder().ca_certs(certs.join("ca-chain.pem"));
    builder.certfile(certs.join("server-cert.pem")).keyfile(certs.join("server-key.pem"))
}

#[tokio::test]
async fn rust_calls_python_over_tls() {
    let server = Server::start("3.16", &["--ssl", certs().to_str().unwrap()]).await;
    assert!(server.uri("location").starts_with("PYROLOCSSL://") && server.uri("thing").starts_with("PYROSSL://"));
    for which in ["location", "thing"] {
        let proxy = samples(server.builder(which)).build().unwrap();
        assert_eq!(proxy.call::<String>("get_data", ("Hello",)).await.unwrap(), "You got remote data => Hello");
        let large = "x".repeat(1 << 20);
        assert_eq!(proxy.call::<String>("echo", (&large,)).await.unwrap(), large);
        // Its proxies over TLS cannot be pickled (3.16); URIs can.
        let other: RemoteRef = proxy.call("give_uri", ()).await.unwrap();
        let other = proxy.another(&other.uri).unwrap();
        assert_eq!(other.call::<String>("who", ()).await.unwrap(), "other");
        let x = proxy.call::<Value>("fail", ("value", "bad")).await.unwrap_err();
        assert!(x.exception().is_some_and(|x| x.is("ValueError")));
        // Sessions are not taken up again: such a connection would fail.
        proxy.release();
        assert_eq!(proxy.call::<String>("echo", ("x",)).await.unwrap(), "x");
    }
    // Without a certificate nobody is let in.
    let anonymous = server.builder("location").ca_certs(certs().join("ca-chain.pem")).build().unwrap();
    let e = anonymous.call::<String>("echo", ("x",)).await.unwrap_err();
    assert_eq!((e.kind(), e.reached()), (ErrorKind::Denied, springline_core::Reached::NotSent), "{e:?}");
    assert!(e.to_string().contains("certificate"), "{e}");
    // A daemon of another authority is not trusted.
    let strange = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap().cert.pem();
    let tls = ClientTls::builder().ca_pem(strange).build().unwrap();
    let e = server.builder("location").tls(tls).build().unwrap().call::<String>("echo", ("x",)).await.unwrap_err();
    assert_eq!((e.kind(), e.reached()), (ErrorKind::Denied, springline_core::Reached::NotSent), "{e:?}");
    assert!(e.to_string().contains("was not issued by an authority"), "{e}");
    // Nor is one that is sought without any.
    let e = server.builder("location").build().unwrap_err();
    assert!(e.kind() == ErrorKind::Config && e.to_string().contains("ca_certs"), "{e}");
}

#[tokio::test]
async fn python_calls_rust_over_tls() {
    let certs = certs();
    let ssl = ["--ssl", certs.to_str().unwrap()];
    let daemon = secure().identifications(["secret"]).bind("127.0.0.1:0").await.unwrap();
    python_calls("3.16", &daemon, &[&ssl[..], &["--identification", "secret"]].concat()).await;
    // A passphrase is asked for on top, and who has no certificate gets no challenge.
    let location = format!("PYROLOCSSL://{}/thing", daemon.address());
    let e = samples(Proxy::builder(&location).unwrap()).build().unwrap().ping().await.unwrap_err();
    assert!(e.kind() == ErrorKind::Denied && e.to_string().contains("identification"), "{e}");
    let anonymous = Proxy::builder(&location).unwrap().ca_certs(certs.join("ca-chain.pem")).build().unwrap();
    let e = anonymous.ping().await.unwrap_err();
    assert!(e.kind() == ErrorKind::Denied && e.to_string().contains("certificate"), "{e}");
    // One speaks TLS and the other does not.
    let plain = Proxy::builder(&location.replace("SSL", "")).unwrap().connect_timeout(Duration::from_millis(300));
    let e = plain.build().unwrap().ping().await.unwrap_err();
    assert_eq!((e.kind(), e.reached()), (ErrorKind::Timeout, springline_core::Reached::NotSent));
    let open = Daemon::bind("127.0.0.1:0").await.unwrap();
    let secured = samples(Proxy::builder(&format!("PYROLOCSSL://{}/thing", open.address())).unwrap());
    let e = secured.build().unwrap().ping().await.unwrap_err();
    assert!(e.kind() == ErrorKind::Protocol && e.to_string().contains("does not speak TLS"), "{e}");
}

#[tokio::test]
async fn certificates_can_be_looked_into() {
    let certs = certs();
    let server = |name: &str| {
        let tls = ServerTls::builder().certfile(certs.join("server-cert.pem")).keyfile(certs.join("server-key.pem"));
        let tls = tls.ca_certs(certs.join("ca-chain.pem")).cert_reqs(CertReqs::Required);
        Daemon::builder().tls(tls.verify_fields([("commonName", name)]).build().unwrap())
    };
    for (name, welcome) in [("My Client", true), ("Somebody", false)] {
        let daemon = server(name).bind("127.0.0.1:0").await.unwrap();
        let uri = daemon.register("thing", Thing::default()).unwrap();
        assert!(uri.to_string().starts_with("PYROSSL://"));
        let client = ClientTls::builder().ca_certs(certs.join("ca-chain.pem"));
        let client = client.certfile(certs.join("client-cert.pem")).keyfile(certs.join("client-key.pem"));
        let proxy = Proxy::builder(&uri.to_string()).unwrap().tls(client.build().unwrap()).build().unwrap();
        let answer = proxy.call::<String>("echo", ("x",)).await;
        // Why it was not let in is not told.
        match answer {
            Ok(text) => assert!(welcome && text == "x"),
            Err(e) => assert!(!welcome && e.kind() == ErrorKind::Closed, "{e:?}"),
        }
        assert_eq!(daemon.shutdown(PATIENCE).await, 0);
    }
    let half = Daemon::builder().certfile(certs.join("server-cert.pem")).bind("127.0.0.1:0").await.unwrap_err();
    assert_eq!(half.kind(), ErrorKind::Config);
}

#[tokio::test]
async fn what_cannot_be_reached_is_told() {
    let nobody = Daemon::bind("127.0.0.1:0").await.unwrap();
    let uri: Uri = format!("PYROLOC://{}/nosuch", nobody.address()).parse().unwrap();
    let e = Proxy::new(&uri.to_string()).unwrap().call::<Value>("f", ()).await.unwrap_err();
    assert!(e.exception().is_some_and(|x| x.is("NamingError")), "{e:?}");
    let address = nobody.address().to_string();
    nobody.shutdown(PATIENCE).await;
    let e = Proxy::new(&format!("PYROLOC://{address}/x")).unwrap().call::<Value>("f", ()).await.unwrap_err();
    assert_eq!((e.kind(), e.reached()), (ErrorKind::Unavailable, springline_core::Reached::NotSent));
    let e = Proxy::new("PYROLOCSSL://localhost/x").unwrap_err();
    assert_eq!(e.kind(), ErrorKind::Config);
}

/// The service that Python calls, with every kind of member.
#[derive(Clone, Default)]
struct Thing {
    fired: Arc<Mutex<Vec<String>>>,
    value: Arc<Mutex<Option<String>>>,
    other: Option<RemoteRef>,
}

impl Thing {
    async fn answer(&self, call: &Call<'_>) -> Result<Reply> {
        let value = |v: Value| Ok(Reply::from(v));
        match (call.kind, call.method) {
            (CallKind::GetAttr, "value") => {
                let value = self.value.lock().unwrap().clone();
                Ok(Reply::from(Value::from(value.unwrap_or_else(|| "initial".to_owned()))))
            }
            (CallKind::SetAttr, "value") => {
                let (text,) = call.args.decode::<(String,)>()?;
                *self.value.lock().unwrap() = Some(text);
                value(Value::Null)
            }
            (CallKind::Method, "get_data") => {
                let (text,) = call.args.decode::<(String,)>()?;
                value(format!("You got remote data => {text}").into())
            }
            (CallKind::Method, "echo") => value(call.args.decode::<(Value,)>()?.0),
            (CallKind::Method, "fail") => {
                let (class, message) = call.args.decode::<(String, String)>()?;
                Err(Error::remote(Exception::new(class, message).with_attribute("extra", 7)))
            }
            (CallKind::Method, "fire") => {
                let (token,) = call.args.decode::<(String,)>()?;
                self.fired.lock().unwrap().push(token);
                value(Value::Null)
            }
            (CallKind::Method, "fired") => {
                let fired = self.fired.lock().unwrap().clone();
                value(fired.into_iter().map(Value::from).collect())
            }
            (CallKind::Method, "give_proxy") => value(self.other.clone().map_or(Value::Null, Into::into)),
            (CallKind::Method, "call_back") => {
                let (proxy, x) = call.args.decode::<(RemoteRef, Value)>()?;
                let said: Value = Proxy::new(&proxy.uri)?.call("get_data", (x,)).await?;
                value(said)
            }
            (CallKind::Method, "add") => {
                let (a, b, c) = call.bind(&ADD)?.read::<(i64, Option<i64>, Option<i64>)>()?;
                value(Value::I64(a + b.unwrap_or(10) + c.unwrap_or(0)))
            }
            (kind, name) => Err(springline_core::service::no_such_method("Thing", kind, name)),
        }
    }
}

static ADD: std::sync::LazyLock<springline_core::service::MethodInfo> = std::sync::LazyLock::new(|| {
    let param = |name: &'static str, optional| springline_core::service::ParamInfo {
        name: name.into(),
        type_name: "i64".into(),
        optional,
    };
    springline_core::service::MethodInfo {
        name: "add".into(),
        params: vec![param("a", false), param("b", true), param("c", true)].into(),
        ..Default::default()
    }
});

static INFO: std::sync::LazyLock<springline_core::ServiceInfo> = std::sync::LazyLock::new(|| {
    let methods = ["get_data", "echo", "fail", "fire", "fired", "give_proxy", "call_back"];
    let mut methods: Vec<_> = methods
        .into_iter()
        .map(|name| springline_core::service::MethodInfo { name: name.into(), ..Default::default() })
        .collect();
    methods.push(ADD.clone());
    springline_core::ServiceInfo { name: "Thing".into(), doc: "".into(), methods: methods.into() }
});

impl Service for Thing {
    fn call<'a>(&'a self, call: &'a Call<'a>) -> BoxFuture<'a, Result<Reply>> {
        Box::pin(self.answer(call))
    }

    fn describe(&self) -> Option<&springline_core::ServiceInfo> {
        Some(&INFO)
    }
}

#[remote(crate = "springline_core")]
trait Who {
    async fn who(&self) -> Result<String>;
}

struct Other;

impl Who for Other {
    async fn who(&self) -> Result<String> {
        Ok("other".to_owned())
    }
}

#[tokio::test]
async fn one_trait_is_called_here_and_far_away() {
    async fn suite(who: impl Who) {
        assert_eq!(who.who().await.unwrap(), "other");
    }
    suite(Other).await;
    let daemon = Daemon::bind("127.0.0.1:0").await.unwrap();
    daemon.register("other", WhoServer::new(Other)).unwrap();
    let rust = Proxy::new(&format!("PYROLOC://{}/other", daemon.address())).unwrap();
    suite(WhoProxy::new(rust)).await;
    let server = Server::start("3.16", &[]).await;
    let python = Proxy::new(&server.uri("location").replace("/thing", "/other")).unwrap();
    suite(WhoRef::remote(python)).await;
}

async fn python_calls(release: &str, daemon: &Daemon, args: &[&str]) {
    daemon.register("other", WhoServer::new(Other)).unwrap();
    let thing = Thing { other: Some(daemon.reference("other")), ..Thing::default() };
    let uri = daemon.register("thing", thing).unwrap().to_string();
    let ssl = if args.contains(&"--ssl") { "SSL" } else { "" };
    let location = format!("PYROLOC{ssl}://{}/thing", daemon.address());
    let args = [&[&*location, &uri][..], args].concat();
    let child = command(release, "pyro3_client.py", &args).spawn().unwrap();
    let output = timeout(PATIENCE, child.wait_with_output()).await.unwrap().unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert_eq!(String::from_utf8_lossy(&output.stdout).trim_end(), "fine", "{release} {args:?}: {errors}");
}

#[tokio::test]
async fn python_calls_rust() {
    for args in [&[][..], &["--compress", "--checksum"], &["--pickle", "0"], &["--pickle", "1"]] {
        let on = args.contains(&"--compress");
        let daemon = Daemon::builder().compression(on).checksum(on).bind("127.0.0.1:0").await.unwrap();
        python_calls("3.16", &daemon, args).await;
    }
    let daemon = Daemon::builder().identifications(["secret", "other"]).bind("127.0.0.1:0").await.unwrap();
    python_calls("3.16", &daemon, &["--identification", "secret"]).await;
}

#[tokio::test]
async fn python_calls_rust_in_version_4() {
    let daemon = Daemon::builder().version_4(true).bind("127.0.0.1:0").await.unwrap();
    python_calls("3.9.1", &daemon, &[]).await;
}
