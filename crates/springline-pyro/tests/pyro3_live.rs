//! Pyro 3, live against 3.16 on Python 2.7: certificates, name servers, calls that are given up. The table of `live` has the rest.

#[path = "support/pyro3.rs"]
mod peer;
#[path = "support/python.rs"]
mod python;

use std::time::Duration;

use peer::{PATIENCE, Server, certs, command};
use springline_core::{ErrorKind, FnService, RemoteRef, Result, Value};
use springline_pyro::pyro3::{Daemon, DaemonBuilder, NameServer, Proxy, ProxyBuilder, Uri};
use springline_pyro::tls::{CertReqs, ClientTls, ServerTls};
use tokio::time::timeout;

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
    let uri = mine.register("rust", thing()).unwrap();
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
    let uri = mine.register("rust", thing()).unwrap();
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
        let uri = daemon.register("thing", thing()).unwrap();
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

/// What Python calls here.
fn thing() -> FnService {
    FnService::new("Thing")
        .method("get_data", ["param"], |(p,): (String,)| async move { Ok(format!("You got remote data => {p}")) })
        .method("nothing", [], |()| async move { Ok(()) })
        .method("echo", ["x"], |(x,): (Value,)| async move { Ok(x) })
        .method("add", ["a", "b?", "c?"], |(a, b, c): (i64, Option<i64>, Option<i64>)| async move {
            Ok(a + b.unwrap_or(10) + c.unwrap_or(0))
        })
}

// What `pyro3_client.py` makes of it: every feature that it can show.
async fn python_calls(release: &str, daemon: &Daemon, args: &[&str]) {
    let uri = daemon.register("thing", thing()).unwrap().to_string();
    let ssl = if args.contains(&"--ssl") { "SSL" } else { "" };
    let location = format!("PYROLOC{ssl}://{}/thing", daemon.address());
    let args = [&[&*location, &uri][..], args, &["--feature", "call", "handshake", "transport", "kwargs"]].concat();
    let child = command(release, "pyro3_client.py", &args).spawn().unwrap();
    let output = timeout(PATIENCE, child.wait_with_output()).await.unwrap().unwrap();
    let (said, errors) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert_eq!(said.lines().filter(|line| line.contains("\"ok\": true")).count(), 4, "{said} {errors}");
}
