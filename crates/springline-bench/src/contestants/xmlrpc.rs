//! Springline's XML-RPC: the `#[remote]` trait of the other contestants behind a server and before a proxy, plain and
//! over TLS; its handshakes alone; its codec.

use super::springline::{Object, Thing, ThingProxy, ThingServer};
use crate::Result;
use crate::codecs::{Column, Data, Op};
use crate::control::announce;
use crate::driver::Client;
use crate::memory::Records;
use crate::pki::{FIELDS, Files};
use crate::records::Record;
use bytes::Bytes;
use springline::payload::Typed;
use springline::{Limits, Payload, Value};
use springline_net::Stream;
use springline_net::tls::{CertReqs, ServerTls};
use springline_xmlrpc::client::XmlRpcProxy;
use springline_xmlrpc::server::{XmlRpcServer, XmlRpcServerBuilder};
use springline_xmlrpc::{ReadOptions, WriteOptions, parse_response, write_response};
use std::hint::black_box;
use std::net::SocketAddr;
use tokio::net::TcpListener;

/// Serves `Thing` without a prefix, and documents of any size, until the process is ended.
pub(crate) async fn serve(pki: Option<Files>) -> Result<()> {
    let server = with_big_documents(XmlRpcServer::builder().register_service("", ThingServer::new(Object)));
    let server = match pki {
        Some(pki) => server.certfile(pki.path("server.pem")).keyfile(pki.path("server.key")),
        None => server,
    };
    let server = server.bind("127.0.0.1:0").await?;
    announce(server.address().to_string().parse()?)?;
    server.serve_forever().await;
    Ok(())
}

/// The methods of the workload on memory.
fn with_big_documents(server: XmlRpcServerBuilder) -> XmlRpcServerBuilder {
    let mut limits = Limits::new();
    limits.message_size = 1 << 30;
    limits.nodes = u32::MAX;
    server
        .limits(limits)
        .register_sync("count", ["records"], |(records,): (Records,)| Ok(records.0))
        .register_sync("hold", ["records"], |(records,): (Vec<Record>,)| Ok(black_box(records).len()))
        .register_sync("records", ["count"], |(count,): (usize,)| Ok(Records(count)))
}

pub(crate) struct XmlRpc(ThingProxy<XmlRpcProxy>);

/// A proxy with connections of its own.
pub(crate) fn client(addr: SocketAddr, pki: Option<Files>) -> Result<XmlRpc> {
    let proxy = match pki {
        Some(pki) => XmlRpcProxy::builder(&format!("https://{addr}/RPC2")).ca_certs(pki.path("ca.pem")).build()?,
        None => XmlRpcProxy::builder(&format!("http://{addr}/RPC2")).build()?,
    };
    Ok(XmlRpc(ThingProxy::new(proxy)))
}

impl Client for XmlRpc {
    async fn get_data(&mut self, param: &str) -> Result<String> {
        Ok(self.0.get_data(param).await?)
    }
}

/// Handshakes with client certificates whose fields are checked, by springline-net alone.
pub(crate) async fn handshakes(pki: &Files) -> Result<()> {
    let tls = ServerTls::builder()
        .certfile(pki.path("server.pem"))
        .keyfile(pki.path("server.key"))
        .ca_certs(pki.path("ca.pem"))
        .cert_reqs(CertReqs::Required)
        .verify_fields(FIELDS)
        .build()?;
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    announce(listener.local_addr()?)?;
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        let tls = tls.clone();
        tokio::spawn(async move { super::handshake::echo(tls.accept(Stream::Tcp(stream)).await?).await });
    }
}

/// What codecs to time.
pub(crate) fn columns(data: &Data) -> Vec<Column<'_>> {
    const NAME: &str = "springline";
    let document = Bytes::from(data.xml.clone());
    let another = document.clone();
    let mut typed = Vec::new();
    let mut tree = Vec::new();
    let value: Value = read(&document).into_value().expect("own document");
    vec![
        Column::new(Op::XmlValue, NAME, move || {
            black_box(read(&document).into_value().expect("own document"));
        }),
        Column::new(Op::XmlTyped, NAME, move || {
            black_box(read(&another).decode::<Vec<Record>>().expect("own records"));
        }),
        Column::new(Op::XmlEncode, NAME, move || {
            typed.clear();
            let records = Typed(data.xml_records());
            write_response(&mut typed, &Payload::borrowed(&records), &WriteOptions::new()).expect("plain data");
            black_box(&typed);
        }),
        Column::new(Op::XmlEncode, "springline (tree)", move || {
            tree.clear();
            write_response(&mut tree, &Payload::borrowed(&value), &WriteOptions::new()).expect("plain data");
            black_box(&tree);
        }),
    ]
}

fn read(document: &Bytes) -> Payload<'static> {
    let result = parse_response(document.clone(), None, &ReadOptions::new());
    result.expect("own document").expect("a result")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contestants::http::{REQUEST, RESPONSE};
    use crate::driver::{ANSWER, PARAM};
    use crate::memory::BLOCK;
    use crate::records::records;
    use crate::xml::response;
    use springline_xmlrpc::write_call;

    #[test]
    fn the_limit_moves_our_documents() {
        let mut request = Vec::new();
        write_call(&mut request, "get_data", &Payload::borrowed(&(PARAM,)), &WriteOptions::new()).unwrap();
        assert_eq!(String::from_utf8(request).unwrap(), REQUEST);
        let mut response = Vec::new();
        write_response(&mut response, &Payload::borrowed(&Typed(ANSWER)), &WriteOptions::new()).unwrap();
        assert_eq!(String::from_utf8(response).unwrap(), RESPONSE);
    }

    #[test]
    fn the_columns_work_on_our_own_documents() {
        let records = records(100);
        let document = response(&records);
        let read = read(&Bytes::from(document.clone()));
        assert_eq!(read.decode::<Vec<Record>>().unwrap(), records);
        let mut written = Vec::new();
        write_response(&mut written, &Payload::borrowed(&Typed(&records)), &WriteOptions::new()).unwrap();
        assert_eq!(String::from_utf8(written).unwrap(), document);
    }

    #[tokio::test]
    async fn calls_and_big_documents() {
        let server = with_big_documents(XmlRpcServer::builder().register_service("", ThingServer::new(Object)));
        let server = server.bind("127.0.0.1:0").await.unwrap();
        let addr: SocketAddr = server.address().to_string().parse().unwrap();
        assert_eq!(client(addr, None).unwrap().get_data(PARAM).await.unwrap(), ANSWER);
        let proxy = XmlRpcProxy::new(&server.url()).unwrap();
        let records: Vec<Record> = proxy.call("records", (2 * BLOCK + 1,)).await.unwrap();
        assert_eq!((records.len(), &records[BLOCK]), (2 * BLOCK + 1, &records[0]));
        assert_eq!(proxy.call::<usize>("count", (&records,)).await.unwrap(), records.len());
        assert_eq!(proxy.call::<usize>("hold", (&records,)).await.unwrap(), records.len());
    }

    #[tokio::test]
    async fn calls_over_tls() {
        let pki = crate::pki::Pki::make().unwrap();
        let files = pki.files();
        let server = XmlRpcServer::builder().register_service("", ThingServer::new(Object));
        let server = server.certfile(files.path("server.pem")).keyfile(files.path("server.key"));
        let server = server.bind("127.0.0.1:0").await.unwrap();
        let addr: SocketAddr = server.address().to_string().parse().unwrap();
        assert_eq!(client(addr, Some(files)).unwrap().get_data(PARAM).await.unwrap(), ANSWER);
    }
}
