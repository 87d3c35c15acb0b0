//! The client over TLS, against CPython's `ssl`: the chapter's three ways, what a refused client sees, names, a tunnel
//! through tinyproxy.
#![cfg(feature = "net")]

#[path = "support/client.rs"]
mod support;

use std::collections::BTreeMap;
use std::io::Write;
use std::process::Stdio;
use std::time::Duration;

use springline_core::{Error, ErrorKind, Reached, Value};
use springline_net::http::Proxies;
use springline_net::tls::CertReqs;
use springline_xmlrpc::client::{SSLClient, XmlRpcProxy, XmlRpcProxyBuilder};
use support::{Python, cert, soon};
use tokio::net::TcpListener;

fn encrypted(url: &str) -> XmlRpcProxyBuilder {
    SSLClient::builder(url).proxies(Proxies::none()).ca_certs(cert("ca-chain.pem"))
}

fn with_certificate(url: &str) -> XmlRpcProxyBuilder {
    encrypted(url).keyfile(cert("client-key.pem")).certfile(cert("client-cert.pem"))
}

async fn pow(proxy: &XmlRpcProxy) -> Result<i64, Error> {
    soon("pow", proxy.call("pow", (41, 3))).await
}

async fn refused(builder: XmlRpcProxyBuilder) -> Error {
    let proxy = builder.build().unwrap();
    let e = pow(&proxy).await.unwrap_err();
    assert_eq!((e.kind(), e.endpoint(), proxy.idle_connections()), (ErrorKind::Denied, Some(proxy.url()), 0), "{e}");
    e
}

#[tokio::test]
async fn encrypted_only() {
    let server = Python::tls("tls").await;
    for which in ["url", "http10"] {
        let proxy = encrypted(server.url(which)).build().unwrap();
        for _ in 0..3 {
            assert_eq!(pow(&proxy).await.unwrap(), 68_921);
        }
        let request: BTreeMap<String, Value> = proxy.call("request", ()).await.unwrap();
        assert_eq!(request["tls"].as_str(), Some("TLSv1.3"));
        assert_eq!(proxy.call::<String>("whoami", ()).await.unwrap(), "");
    }
    let old = encrypted(server.url("url")).ssl_version("TLSv1_2").build().unwrap();
    let request: BTreeMap<String, Value> = old.call("request", ()).await.unwrap();
    assert_eq!(request["tls"].as_str(), Some("TLSv1.2"));
    let large: Vec<i32> = old.call("big_array", (100_000,)).await.unwrap();
    assert_eq!(large.len(), 100_000);
}

#[tokio::test]
async fn a_certificate_is_required() {
    for way in ["cert", "fields"] {
        let server = Python::tls(way).await;
        for version in ["TLSv1_2", "TLSv1_3"] {
            let proxy = with_certificate(server.url("url")).ssl_version(version).build().unwrap();
            assert_eq!(pow(&proxy).await.unwrap(), 68_921);
            assert_eq!(proxy.call::<String>("whoami", ()).await.unwrap(), "My Client");
            // In TLS 1.2 the handshake fails, in 1.3 only what follows it.
            let e = refused(encrypted(server.url("url")).ssl_version(version)).await;
            assert!(e.reached() <= Reached::MaybeExecuted && e.message().contains("certificate"), "{e}");
            // The server's own certificate is not meant for clients.
            let e = refused(
                encrypted(server.url("url"))
                    .ssl_version(version)
                    .keyfile(cert("server-key.pem"))
                    .certfile(cert("server-cert.pem")),
            )
            .await;
            assert!(e.message().contains("certificate"), "{e}");
        }
    }
}

#[tokio::test]
async fn a_server_that_hangs_up_after_the_handshake_refuses() {
    // What `verify_fields` of the original does: the connection is dropped, nothing is said.
    let server = Python::tls("tls").await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let behind = server.url("url").rsplit_once(':').unwrap().1.split('/').next().unwrap().to_owned();
    let accepted = std::sync::Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let counted = accepted.clone();
    // Lets the handshake pass and cuts the connection when the request has come.
    tokio::spawn(async move {
        use tokio::io::{AsyncReadExt, AsyncWriteExt};
        loop {
            let (mut client, _) = listener.accept().await.unwrap();
            counted.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
            let mut server = tokio::net::TcpStream::connect(format!("127.0.0.1:{behind}")).await.unwrap();
            let mut buffer = vec![0; 1 << 16];
            let n = client.read(&mut buffer).await.unwrap();
            server.write_all(&buffer[..n]).await.unwrap();
            let n = server.read(&mut buffer).await.unwrap();
            client.write_all(&buffer[..n]).await.unwrap();
            // Until the request itself, which is behind the handshake's last message.
            let mut seen = 0;
            while seen < 200 {
                match client.read(&mut buffer).await {
                    Ok(0) | Err(_) => break,
                    Ok(n) => seen += n,
                }
            }
        }
    });
    let e = refused(encrypted(&format!("https://localhost:{port}/RPC2"))).await;
    assert_eq!(e.reached(), Reached::MaybeExecuted, "{e}");
    assert!(
        e.message().contains("closed the connection before answering; where it asks for client certificates"),
        "{e}"
    );
    assert_eq!(accepted.load(std::sync::atomic::Ordering::SeqCst), 1, "never tried again");
}

// A certificate of somebody else's, made by openssl.
fn another_authority() -> Vec<u8> {
    let made = std::process::Command::new("openssl")
        .args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", "-"])
        .args(["-subj", "/CN=Somebody Else", "-days", "2"])
        .output()
        .unwrap_or_else(|e| panic!("openssl cannot be started ({e}): run `cargo xtask peers`"));
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    made.stdout
}

#[tokio::test]
async fn servers_are_checked() {
    let server = Python::tls("tls").await;
    let url = server.url("url");
    let by = |builder: XmlRpcProxyBuilder| builder.proxies(Proxies::none());
    // Another authority.
    let e = refused(by(XmlRpcProxy::builder(url).ca_pem(another_authority()))).await;
    assert!(e.message().contains("authority of ca_certs") && e.reached() == Reached::NotSent, "{e}");
    // Another name: checked unless told otherwise, unlike the original.
    let e = refused(encrypted(url).server_name("elsewhere.example")).await;
    assert!(e.message().contains("not valid for") && e.reached() == Reached::NotSent, "{e}");
    let lax = encrypted(url).server_name("elsewhere.example").verify_hostname(false).build().unwrap();
    assert_eq!(pow(&lax).await.unwrap(), 68_921);
    let address = url.replace("localhost", "127.0.0.1");
    assert_eq!(pow(&encrypted(&address).build().unwrap()).await.unwrap(), 68_921);
    let named = encrypted(&address).server_name("localhost").build().unwrap();
    assert_eq!(pow(&named).await.unwrap(), 68_921);
    let any = by(XmlRpcProxy::builder(url).cert_reqs(CertReqs::None).dangerously_accept_any_server()).build().unwrap();
    assert_eq!(pow(&any).await.unwrap(), 68_921);
    // A server that speaks no TLS, and a client that speaks none to one that does.
    let plain = Python::start(&[]).await;
    let e = pow(&encrypted(&plain.url("url").replace("http://", "https://")).build().unwrap()).await.unwrap_err();
    assert_eq!(e.reached(), Reached::NotSent, "{e}");
    let e = pow(&by(XmlRpcProxy::builder(&url.replace("https://", "http://"))).build().unwrap()).await.unwrap_err();
    assert!(matches!(e.kind(), ErrorKind::Protocol | ErrorKind::Closed), "{e}");
}

#[tokio::test]
async fn a_silent_server_meets_the_deadline() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("https://localhost:{}", listener.local_addr().unwrap().port());
    let proxy = encrypted(&url).timeout(Duration::from_millis(200)).build().unwrap();
    let e = pow(&proxy).await.unwrap_err();
    assert_eq!((e.kind(), e.reached()), (ErrorKind::Timeout, Reached::NotSent), "{e}");
}

#[tokio::test]
async fn through_a_tunnel() {
    let server = Python::tls("cert").await;
    let directory = std::env::temp_dir().join(format!("springline-tunnel-{}", std::process::id()));
    std::fs::create_dir_all(&directory).unwrap();
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let file = directory.join("tinyproxy.conf");
    let log = directory.join("log");
    let text = format!(
        "Port {port}\nListen 127.0.0.1\nLogFile \"{}\"\nLogLevel Connect\nBasicAuth me pass-word\nStartServers 2\n",
        log.display()
    );
    std::fs::File::create(&file).unwrap().write_all(text.as_bytes()).unwrap();
    let mut child = tokio::process::Command::new("tinyproxy")
        .args(["-d", "-c"])
        .arg(&file)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .unwrap_or_else(|e| panic!("tinyproxy cannot be started ({e}): run `cargo xtask peers`"));
    soon("tinyproxy", async {
        while tokio::net::TcpStream::connect(("127.0.0.1", port)).await.is_err() {
            assert!(child.try_wait().unwrap().is_none(), "tinyproxy has ended");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    })
    .await;
    let through = |user: &str| {
        let proxies = Proxies::one(&format!("http://{user}127.0.0.1:{port}")).unwrap();
        with_certificate(server.url("url")).proxies(proxies).build().unwrap()
    };
    let proxy = through("me:pass-word@");
    for _ in 0..3 {
        assert_eq!(pow(&proxy).await.unwrap(), 68_921);
    }
    assert_eq!(proxy.idle_connections(), 1, "a tunnel is kept alive");
    assert_eq!(proxy.call::<String>("whoami", ()).await.unwrap(), "My Client");
    assert!(std::fs::read_to_string(&log).unwrap().contains("CONNECT localhost:"));
    let e = pow(&through("")).await.unwrap_err();
    assert_eq!((e.kind(), e.reached()), (ErrorKind::Denied, Reached::NotSent), "{e}");
    assert!(e.message().contains("407"), "{e}");
    let nobody = with_certificate("https://localhost:1/")
        .proxies(Proxies::one(&format!("http://me:pass-word@127.0.0.1:{port}")).unwrap());
    let e = pow(&nobody.build().unwrap()).await.unwrap_err();
    assert_eq!((e.kind(), e.reached()), (ErrorKind::Unavailable, Reached::NotSent), "{e}");
    let _ = child.kill().await;
    let _ = std::fs::remove_dir_all(directory);
}
