//! Rust calls Pyro 3: what needs servers of its own.

use springline_core::{ErrorKind, Reached, Value};
use springline_pyro::pyro3::{Daemon, NameServer, Proxy, Uri};

use crate::call::{Failure, Outcome, check, failed, raised};
use crate::peer::{Server, certs};
use crate::pyro3_call::{Ctx, callback, rows, run, works};
use crate::table::Peer;

/// The rows that need servers of their own.
pub(crate) async fn special_servers(
    peer: Peer,
    release: &str,
    wants: impl Fn(&str) -> bool,
) -> Vec<(&'static str, Outcome)> {
    let mut all: Vec<(&'static str, Outcome)> = Vec::new();
    if wants("validator_token") {
        all.push(("validator_token", token(release).await));
    }
    for (row, args, kind, part) in [
        ("denied_full", &["--most", "0"][..], ErrorKind::Unavailable, "as many connections"),
        ("denied_host", &["--block"], ErrorKind::Denied, "this host"),
    ] {
        if wants(row) {
            all.push((row, denied(release, args, kind, part).await));
        }
    }
    for (row, protocol) in [("pickle_protocol:0", "0"), ("pickle_protocol:1", "1")] {
        if wants(row) {
            all.push((row, everything(peer, release, &["--pickle", protocol]).await));
        }
    }
    if wants("tls") && peer == Peer::Pyro3 {
        all.push(("tls", tls(release).await));
    }
    if wants("name_by_host") {
        let server = Server::start(release, &["--name-server", "--broadcast"]).await;
        all.extend(names(&server, peer).await);
    }
    all
}

async fn token(release: &str) -> Outcome {
    let server = Server::start(release, &["--token", "token of "]).await;
    let answer = |challenge: &[u8]| [b"token of ", &*challenge.iter().rev().copied().collect::<Vec<u8>>()].concat();
    works(&server.builder("location").token(answer).build()?).await?;
    let e = failed(server.builder("location").build()?.ping().await, ErrorKind::Denied)?;
    check!(e.message().contains("identification"), "{e}");
    Ok(())
}

async fn denied(release: &str, args: &[&str], kind: ErrorKind, part: &str) -> Outcome {
    let server = Server::start(release, args).await;
    let e = failed(server.builder("location").build()?.ping().await, kind)?;
    check!(e.message().contains(part) && e.reached() == Reached::NotSent, "{e:?}");
    Ok(())
}

// Every row, against a server with these options.
async fn everything(peer: Peer, release: &str, args: &[&str]) -> Outcome {
    let c = Ctx::new(peer, Server::start(release, args).await, false).await;
    let mut wrong = Vec::new();
    for row in rows() {
        match run(&c, &row).await {
            Ok(()) | Err(Failure::WithOptions | Failure::Peer(_)) => {}
            Err(other) => wrong.push(format!("{row}: {other:?}")),
        }
    }
    check!(wrong.is_empty(), "{}", wrong.join("; "));
    Ok(())
}

async fn tls(release: &str) -> Outcome {
    let certs = certs();
    let server = Server::start(release, &["--ssl", &certs.display().to_string()]).await;
    for which in ["location", "thing"] {
        let builder = server.builder(which).ca_certs(certs.join("ca-chain.pem"));
        let proxy = builder.certfile(certs.join("client-cert.pem")).keyfile(certs.join("client-key.pem")).build()?;
        check!(proxy.uri().tls, "{}", proxy.uri());
        works(&proxy).await?;
        let x = raised(proxy.call::<Value>("fail", ("value", "the message")).await, "ValueError")?;
        check!(x.message == "the message", "{x:?}");
    }
    Ok(())
}

async fn names(server: &Server, peer: Peer) -> Vec<(&'static str, Outcome)> {
    let by_host = async { works(&server.builder("name").build()?).await };
    let by_broadcast =
        async { works(&Proxy::builder("PYRONAME://thing")?.broadcast(server.uri("broadcast")).build()?).await };
    let registered = async {
        let mine = Daemon::builder().version_4(peer == Peer::Pyro39).bind("127.0.0.1:0").await?;
        let uri: Uri = mine.register("rust", callback())?;
        let at: Uri = server.uri("name").parse()?;
        let (host, port) = at.location.ok_or_else(|| Failure::Wrong("no host".to_owned()))?;
        let names = NameServer::at(&host, port)?;
        names.ping().await?;
        names.register("rust", &uri).await?;
        check!(names.resolve("rust").await? == uri, "another URI");
        let found = Proxy::new(&format!("PYRONAME://{host}:{port}/rust"))?;
        let got: String = found.call("get_data", ("x",)).await?;
        check!(got == "called back with x", "got {got:?}");
        names.unregister("rust").await?;
        raised(names.resolve("rust").await, "NamingError")?;
        Ok(())
    };
    vec![
        ("name_by_host", by_host.await),
        ("name_by_broadcast", by_broadcast.await),
        ("name_registered", registered.await),
    ]
}
