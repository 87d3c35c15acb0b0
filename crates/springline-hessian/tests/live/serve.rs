//! Java calls Rust: its client against servers of ours.

use std::sync::atomic::AtomicI64;
use std::sync::{Arc, OnceLock};

use springline_core::Result;
use springline_hessian::ReadOptions;
use springline_hessian::client::{HessianProxy, HessianProxyBuilder};
use springline_hessian::server::{BinaryStream, HessianServiceExporter, HessianServiceExporterBuilder};
use springline_net::Address;
use springline_net::http::{HttpServer, HttpServerBuilder};
use springline_net::tls::{CertReqs, ServerTls};

use crate::Plan;
use crate::java;
use crate::peers::{Answer, Client};
use crate::table::{Cell, Column, Table, Way};
use crate::thing::{AccountServer, Home, MyAccount, MyThing, ThingServer};

/// Whom the service with authentication lets in.
pub(crate) const USER: &str = "user";
pub(crate) const PASSWORD: &str = "pa:ss w\u{f6}rd";

/// What a client's certificate has to say, as in the original's manual.
const FIELDS: [(&str, &str); 3] =
    [("commonName", "My Client"), ("organizationName", "My Company"), ("stateOrProvinceName", "My State")];

/// What only Java's client can be asked, or has to be made to do.
pub(crate) const ONLY_JAVA: [(&str, &str); 3] = [
    ("create_by_attribute", "there are no interfaces to make proxies of by a class's name"),
    ("to_string_stays_here", "there are no methods that every object has"),
    ("chunked_post", "a body in chunks is what upload sends"),
];

/// All clients may use a server's certificate by this name.
fn tls(way: Way) -> Result<Option<ServerTls>> {
    let file = |name: &str| java::certs().join(name);
    let tls = ServerTls::builder().keyfile(file("server-key.pem")).certfile(file("server-cert.pem"));
    match way {
        Way::Plain => Ok(None),
        Way::Tls => tls.build().map(Some),
        Way::Cert => {
            let tls = tls.ca_certs(file("ca-chain.pem")).cert_reqs(CertReqs::Required);
            tls.verify_fields(FIELDS).build().map(Some)
        }
    }
}

/// A client's options for a way.
pub(crate) fn proxy(url: &str, way: Way) -> HessianProxyBuilder {
    let file = |name: &str| java::certs().join(name);
    let proxy = HessianProxy::builder(url);
    match way {
        Way::Plain => proxy,
        Way::Tls => proxy.ca_certs(file("ca-chain.pem")),
        Way::Cert => {
            proxy.ca_certs(file("ca-chain.pem")).keyfile(file("client-key.pem")).certfile(file("client-cert.pem"))
        }
    }
}

/// The thing with the methods that take and give streams.
fn thing(home: &Arc<Home>) -> HessianServiceExporterBuilder {
    HessianServiceExporter::builder(ThingServer::new(MyThing::new(home)))
        .api_class("peer.Thing")
        .upload("upload", ["name"], |(name,): (String,), mut data: BinaryStream| async move {
            let mut at = 0_usize;
            while let Some(piece) = data.chunk().await? {
                if let Some(wrong) = piece.iter().enumerate().find(|(i, b)| **b as usize != (at + i) % 251) {
                    return Ok(format!("{name}: byte {} is wrong", at + wrong.0));
                }
                at += piece.len();
            }
            Ok(format!("{name}: {at} bytes"))
        })
        .download("download", ["n"], |(n,): (usize,)| async move { Ok(Pattern { at: 0, length: n }) })
}

/// Bytes that need no memory.
struct Pattern {
    at: usize,
    length: usize,
}

impl tokio::io::AsyncRead for Pattern {
    fn poll_read(
        mut self: std::pin::Pin<&mut Self>,
        _: &mut std::task::Context<'_>,
        out: &mut tokio::io::ReadBuf<'_>,
    ) -> std::task::Poll<std::io::Result<()>> {
        let n = out.remaining().min(self.length - self.at);
        let bytes: Vec<u8> = (self.at..self.at + n).map(|i| (i % 251) as u8).collect();
        out.put_slice(&bytes);
        self.at += n;
        std::task::Poll::Ready(Ok(()))
    }
}

/// Objects stay as they are, also those that stand for plain values.
pub(crate) fn raw() -> ReadOptions {
    let mut read = ReadOptions::new();
    read.raw_classes = true;
    read
}

/// Everything that a client of ours is called at.
pub(crate) async fn start(
    way: Way,
    more: impl FnOnce(HttpServerBuilder) -> HttpServerBuilder,
) -> Result<(HttpServer, String)> {
    let home = Arc::new(Home { base: OnceLock::new(), follow: Box::new(move |url| proxy(url, way)) });
    let mut http = HttpServer::builder()
        .mount("/thing", thing(&home).handler()?)
        .mount("/auth", thing(&home).basic_auth_user("things", USER, PASSWORD).handler()?)
        .mount("/raw", thing(&home).read_options(raw()).handler()?)
        .mount("/deflate", thing(&home).deflate(true).handler()?);
    if let Some(tls) = tls(way)? {
        http = http.tls(tls);
    }
    for owner in ["anna", "bert"] {
        for dialect in ["H1", "MIXED", "H2"] {
            let owner = format!("{owner}-{dialect}");
            let account = MyAccount { owner: owner.clone(), balance: AtomicI64::new(0) };
            let account = HessianServiceExporter::builder(AccountServer::new(account)).handler()?;
            http = http.mount(format!("/account/{owner}"), account);
        }
    }
    let server = more(http).bind(&"127.0.0.1:0".parse()?).await?;
    let Address::Tcp(_, port) = server.local_address() else { unreachable!("a TCP address") };
    let base = format!("{}://localhost:{port}", way.scheme());
    home.base.set(base.clone()).expect("once");
    Ok((server, base))
}

/// Fills the J>R column.
pub(crate) async fn column(plan: &Plan, table: &Table, column: Column) -> std::result::Result<(), String> {
    let (_server, base) = start(column.way, |http| http).await.map_err(|e| e.report())?;
    let answers = Client::start(column, &base, &plan.features)?.finish().await?;
    if answers.is_empty() && plan.is_whole() {
        return Err("the client tried nothing".to_owned());
    }
    for Answer { feature, ok, detail } in answers {
        let cell = match ok {
            Some(true) => Cell::Ok,
            Some(false) => Cell::Fail(detail),
            None => Cell::Na(detail),
        };
        table.set(&feature, column, cell);
    }
    Ok(())
}
