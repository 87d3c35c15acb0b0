//! The client against this crate's own server: what CPython's has not.
#![cfg(feature = "net")]

#[path = "support/client.rs"]
mod support;

use springline_core::{ErrorKind, Reached, Value};
use springline_macros::remote;
use springline_net::http::Proxies;
use springline_net::tls::CertReqs;
use springline_xmlrpc::client::{SSLClient, XmlRpcProxy, XmlRpcProxyBuilder};
use springline_xmlrpc::server::{XmlRpcServer, XmlRpcServerBuilder};
use support::{cert, soon};

#[remote(crate = "springline_core")]
trait Account {
    /// What is in it.
    #[remote(name = "balanceOf")]
    async fn balance(&self, id: i64) -> springline_core::Result<i64>;
    async fn put(&self, id: i64, note: Option<String>) -> springline_core::Result<()>;
    #[remote(oneway)]
    async fn log(&self, line: String) -> springline_core::Result<()>;
}

struct Bank;

impl Account for Bank {
    async fn balance(&self, id: i64) -> springline_core::Result<i64> {
        Ok(id * 10)
    }

    async fn put(&self, _id: i64, _note: Option<String>) -> springline_core::Result<()> {
        Ok(())
    }

    async fn log(&self, _line: String) -> springline_core::Result<()> {
        Ok(())
    }
}

fn server() -> XmlRpcServerBuilder {
    XmlRpcServer::builder()
        .host("localhost")
        .port(0)
        .register_function("pow", ["x", "y"], |(x, y): (i64, u32)| async move { Ok(x.pow(y)) })
        .register_function("echo", ["x"], |(x,): (Value,)| async move { Ok(x) })
        .register_service("account", AccountServer::new(Bank))
}

fn builder(server: &XmlRpcServer) -> XmlRpcProxyBuilder {
    XmlRpcProxy::builder(&server.url()).proxies(Proxies::none())
}

#[tokio::test]
async fn introspection_and_multicall() {
    let server = server().serve().await.unwrap();
    let proxy = builder(&server).build().unwrap();
    let methods = proxy.list_methods().await.unwrap();
    for name in ["account.balanceOf", "echo", "pow", "system.multicall"] {
        assert!(methods.iter().any(|m| m == name), "{methods:?}");
    }
    let account = proxy.object("account");
    assert_eq!(account.method_help("balanceOf").await.unwrap(), "What is in it.");
    let signatures = account.method_signature("balanceOf").await.unwrap().unwrap();
    assert_eq!(signatures[0].params.len(), 1, "{signatures:?}");
    let capabilities = proxy.capabilities().await.unwrap();
    let faults = capabilities.iter().find(|c| c.name == "faults_interop").unwrap();
    assert_eq!(faults.spec_version, "20010516");
    let results = proxy
        .multicall()
        .call("pow", (41, 3))
        .call("system.multicall", (Vec::<i32>::new(),))
        .call("nope", ())
        .send()
        .await
        .unwrap();
    assert_eq!(results[0].as_ref().unwrap(), &Value::from(68_921));
    assert_eq!(results[1].as_ref().unwrap_err().exception().unwrap().code, Some(-32600));
    assert_eq!(results[2].as_ref().unwrap_err().exception().unwrap().code, Some(-32601));
}

#[tokio::test]
async fn a_trait_below_a_prefix() {
    let server = server().allow_none(true).serve().await.unwrap();
    let account = AccountProxy::new(builder(&server).prefix("account").allow_none(true).build().unwrap());
    assert_eq!(account.balance(7).await.unwrap(), 70);
    account.put(7, Some("note".into())).await.unwrap();
    account.put(7, None).await.unwrap();
    account.log("a line".into()).await.unwrap();
    let e = AccountProxy::new(builder(&server).prefix("elsewhere").build().unwrap()).balance(7).await.unwrap_err();
    assert_eq!((e.kind(), e.exception().unwrap().code), (ErrorKind::Remote, Some(-32601)), "{e}");
}

#[tokio::test]
async fn a_trait_without_null() {
    let server = server().serve().await.unwrap();
    let account = AccountProxy::new(builder(&server).prefix("account").build().unwrap());
    account.put(7, Some("note".into())).await.unwrap();
    account.log("a line".into()).await.unwrap();
    let e = account.put(7, None).await.unwrap_err();
    assert_eq!((e.kind(), e.reached()), (ErrorKind::Encode, Reached::NotSent), "{e}");
}

#[tokio::test]
async fn compressed_calls_and_other_encodings() {
    let server = server().serve().await.unwrap();
    let text = "Z\u{fc}rich \u{1f600} <&>\r\n".repeat(1000);
    for label in ["utf-8", "iso-8859-1", "utf-16"] {
        let proxy = builder(&server).gzip_request(true).encoding(label).build().unwrap();
        assert_eq!(proxy.call::<String>("echo", (text.as_str(),)).await.unwrap(), text, "{label}");
        assert_eq!(proxy.idle_connections(), 1);
    }
}

#[tokio::test]
async fn the_chapters_example() {
    let server = server()
        .keyfile(cert("server-key.pem"))
        .certfile(cert("server-cert.pem"))
        .ca_certs(cert("ca-chain.pem"))
        .cert_reqs(CertReqs::Required)
        .verify_fields([
            ("commonName", "My Client"),
            ("organizationName", "My Company"),
            ("stateOrProvinceName", "My State"),
        ])
        .serve()
        .await
        .unwrap();
    let client = SSLClient::builder(&server.url())
        .ca_certs(cert("ca-chain.pem"))
        .keyfile(cert("client-key.pem"))
        .certfile(cert("client-cert.pem"))
        .build()
        .unwrap();
    assert_eq!(client.call::<i64>("pow", (41, 3)).await.unwrap(), 68_921);
    // Without a certificate, at the first call.
    let nobody = SSLClient::new(&server.url(), cert("ca-chain.pem")).unwrap();
    let e = soon("a refusal", nobody.call::<i64>("pow", (41, 3))).await.unwrap_err();
    assert_eq!(e.kind(), ErrorKind::Denied, "{e}");
    assert!(e.reached() <= Reached::MaybeExecuted);
}
