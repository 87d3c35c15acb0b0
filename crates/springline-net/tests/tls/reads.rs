//! What one read gives of what came: whole records, then the end or the error behind them.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};

use springline_net::tls::ClientTls;
use springline_net::{Address, ConnectOptions, Stream, connect};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use super::pki::sample;
use super::support::samples;

/// A client of ours and a server of ours. Once `spoil` is set, what the server sends has a record behind it that nobody
/// has encrypted.
async fn pair(spoil: &Arc<AtomicBool>) -> (Stream, Stream) {
    let server = samples().build().unwrap();
    let client = ClientTls::builder().ca_certs(sample("ca-chain.pem")).build().unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let relay = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let behind = listener.local_addr().unwrap();
    let address = Address::tcp("127.0.0.1", relay.local_addr().unwrap().port());
    let spoil = spoil.clone();
    tokio::spawn(async move {
        let (mut from, mut to) = relay.accept().await.unwrap().0.into_split();
        let (mut answers, mut requests) = TcpStream::connect(behind).await.unwrap().into_split();
        let there = tokio::spawn(async move { tokio::io::copy(&mut from, &mut requests).await });
        let mut bytes = Vec::new();
        while answers.read_buf(&mut bytes).await.unwrap() > 0 {
            if spoil.load(SeqCst) {
                bytes.extend_from_slice(b"\x17\x03\x03\x00\x20................................");
            }
            to.write_all(&bytes).await.unwrap();
            bytes.clear();
        }
        drop(to);
        let _ = there.await;
    });
    let connecting = async {
        let stream = connect(&address, &ConnectOptions::default()).await.unwrap();
        client.connect(stream, "localhost").await.unwrap()
    };
    let accepting = async { server.accept(Stream::Tcp(listener.accept().await.unwrap().0)).await.unwrap() };
    tokio::join!(connecting, accepting)
}

#[tokio::test]
async fn records_that_came_together_and_the_end_behind_them() {
    let (mut ours, mut theirs) = pair(&Arc::default()).await;
    for text in ["one ", "two ", "three"] {
        theirs.write_all(text.as_bytes()).await.unwrap();
        theirs.flush().await.unwrap();
    }
    theirs.shutdown().await.unwrap();
    drop(theirs);
    // Whatever a read finds, nothing of it is lost: into large buffers and into small ones.
    for size in [1, 5, 4096] {
        let mut buffer = vec![0; size];
        let n = ours.read(&mut buffer).await.unwrap();
        assert!(n > 0 && n <= size);
        let mut got = buffer[..n].to_vec();
        ours.read_to_end(&mut got).await.unwrap();
        assert_eq!(String::from_utf8(got).unwrap(), "one two three", "{size}");
        assert_eq!(ours.read(&mut buffer).await.unwrap(), 0);
        (ours, theirs) = pair(&Arc::default()).await;
        theirs.write_all(b"one two ").await.unwrap();
        theirs.write_all(b"three").await.unwrap();
        theirs.shutdown().await.unwrap();
    }
}

#[tokio::test]
async fn what_came_before_a_bad_record() {
    let spoil = Arc::new(AtomicBool::new(false));
    let (mut ours, mut theirs) = pair(&spoil).await;
    let mut buffer = [0; 4096];
    theirs.write_all(b"well").await.unwrap();
    theirs.flush().await.unwrap();
    ours.read_exact(&mut buffer[..4]).await.unwrap();
    spoil.store(true, SeqCst);
    theirs.write_all(b"good").await.unwrap();
    theirs.flush().await.unwrap();
    // Behind what came whole in the same piece, or before it, as rustls does.
    let error = loop {
        match ours.read(&mut buffer).await {
            Ok(n) => assert_eq!(&buffer[..n], b"good"),
            Err(e) => break e,
        }
    };
    assert_eq!(error.kind(), std::io::ErrorKind::InvalidData, "{error}");
}
