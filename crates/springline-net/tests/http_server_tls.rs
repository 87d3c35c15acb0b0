//! The HTTP server over TLS.

mod support_http;

use std::path::PathBuf;
use std::time::Duration;

use springline_net::http::HttpServer;
use springline_net::tls::{CertReqs, ClientTls, PeerCertificate, ServerTls, ServerTlsBuilder};
use springline_net::{Address, ConnectOptions, Stream, connect};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

const ECHO: &[u8] = b"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello";

fn cert(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../certs").join(name)
}

fn tls() -> ServerTlsBuilder {
    ServerTls::builder().keyfile(cert("server-key.pem")).certfile(cert("server-cert.pem"))
}

async fn server(tls: ServerTlsBuilder) -> HttpServer {
    support_http::builder(support_http::options())
        .tls(tls.build().unwrap())
        .bind(&Address::tcp("127.0.0.1", 0))
        .await
        .unwrap()
}

fn client() -> ClientTls {
    ClientTls::builder().ca_certs(cert("ca-chain.pem")).build().unwrap()
}

async fn open(server: &HttpServer, client: &ClientTls) -> Stream {
    let stream = connect(server.local_address(), &ConnectOptions::default()).await.unwrap();
    client.connect(stream, "localhost").await.unwrap()
}

async fn exchange(stream: &mut Stream, request: &[u8]) -> String {
    stream.write_all(request).await.unwrap();
    stream.flush().await.unwrap();
    let mut answer = Vec::new();
    loop {
        let text = String::from_utf8_lossy(&answer).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head.to_lowercase().split_once("content-length: ").map(|(_, rest)| rest.to_owned());
            let length = length.and_then(|l| l.lines().next().and_then(|l| l.parse::<usize>().ok())).unwrap();
            if body.len() >= length {
                return text;
            }
        }
        let read = stream.read_buf(&mut answer);
        let n = tokio::time::timeout(Duration::from_secs(60), read).await.expect("no answer comes").unwrap();
        assert!(n > 0, "the connection ended in {text:?}");
    }
}

#[tokio::test]
async fn silent_clients_hold_up_nobody() {
    let server = server(tls().handshake_timeout(Duration::from_secs(4))).await;
    let silent = connect(server.local_address(), &ConnectOptions::default()).await.unwrap();
    let mut half = connect(server.local_address(), &ConnectOptions::default()).await.unwrap();
    half.write_all(b"\x16\x03\x01\x02\x00\x01\x00\x01").await.unwrap();
    let mut stream = open(&server, &client()).await;
    assert!(exchange(&mut stream, ECHO).await.ends_with("hello"));
    // Those who say nothing are let go; the other one stays.
    support_http::only(&server, 1).await;
    assert!(exchange(&mut stream, ECHO).await.ends_with("hello"));
    drop((silent, half));
}

#[tokio::test]
async fn idle_connections_serve_again() {
    let server = server(tls()).await;
    let client = client();
    let mut idle = Vec::new();
    for _ in 0..200 {
        let mut stream = open(&server, &client).await;
        assert!(exchange(&mut stream, ECHO).await.ends_with("hello"));
        idle.push(stream);
    }
    // Longer than hyper is kept for.
    tokio::time::sleep(Duration::from_millis(400)).await;
    assert_eq!(server.connections(), idle.len());
    for stream in &mut idle {
        assert!(exchange(stream, ECHO).await.ends_with("hello"));
    }
    assert_eq!(server.shutdown(Duration::from_secs(60)).await, 0);
}

#[tokio::test]
async fn handlers_see_the_certificate() {
    let with = tls().ca_certs(cert("ca-chain.pem")).cert_reqs(CertReqs::Optional);
    let server = server(with).await;
    let known = ClientTls::builder()
        .ca_certs(cert("ca-chain.pem"))
        .keyfile(cert("client-key.pem"))
        .certfile(cert("client-cert.pem"))
        .build()
        .unwrap();
    let mut stream = open(&server, &known).await;
    let who = exchange(&mut stream, b"GET /who HTTP/1.1\r\nHost: x\r\n\r\n").await;
    assert!(who.ends_with("\r\n\r\nMy Client"), "{who}");
    let mut stream = open(&server, &client()).await;
    let who = exchange(&mut stream, b"GET /who HTTP/1.1\r\nHost: x\r\n\r\n").await;
    assert!(who.ends_with("\r\n\r\nnobody"), "{who}");
}

#[tokio::test]
async fn large_bodies_and_refusals() {
    let server = server(tls()).await;
    let mut stream = open(&server, &client()).await;
    let body = "x".repeat(1 << 20);
    let request = format!("POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: {}\r\n\r\n{body}", body.len());
    assert!(exchange(&mut stream, request.as_bytes()).await.ends_with(&body));
    // The end comes in order: no truncation that a client would have to suspect.
    stream.write_all(b"POST /echo HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
    stream.flush().await.unwrap();
    let mut all = String::new();
    let read = stream.read_to_string(&mut all);
    tokio::time::timeout(Duration::from_secs(60), read).await.expect("the connection stays").unwrap();
    assert!(all.starts_with("HTTP/1.1 411 "), "{all}");
}

#[test]
fn certificates_are_kept_by_type() {
    let credentials = springline_core::Credentials::new(std::sync::Arc::new(1_u8));
    assert!(credentials.get::<PeerCertificate>().is_none() && credentials.get::<u8>().is_some());
}
