//! What TLS took and could not pass on is passed on later.

use std::future::poll_fn;
use std::task::{Context, Waker};

use springline_net::tls::ClientTls;
use springline_net::{Address, ConnectOptions, Outbound, Stream, connect};
use tokio::io::AsyncReadExt as _;
use tokio::net::TcpListener;

use super::pki::sample;
use super::support::{PATIENCE, samples};

#[tokio::test]
async fn a_flush_reaches_the_socket() {
    let server = samples().build().unwrap();
    let client = ClientTls::builder().ca_certs(sample("ca-chain.pem")).build().unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = Address::tcp("127.0.0.1", listener.local_addr().unwrap().port());
    let connecting = async {
        let stream = connect(&address, &ConnectOptions::default()).await.unwrap();
        client.connect(stream, "localhost").await.unwrap()
    };
    let accepting = async { server.accept(Stream::Tcp(listener.accept().await.unwrap().0)).await.unwrap() };
    let (mut ours, mut theirs) = tokio::join!(connecting, accepting);

    // Nobody reads, until the socket is full and TLS holds the last of it.
    let mut out = Outbound::default();
    let mut sent = Vec::new();
    let mut cx = Context::from_waker(Waker::noop());
    loop {
        let message = vec![(sent.len() / 1000 % 251) as u8; 1000];
        out.output.buf.extend_from_slice(&message);
        sent.extend_from_slice(&message);
        if out.poll_flush(&mut ours, &mut cx).is_pending() {
            break;
        }
        assert!(out.is_flushed());
    }
    assert_eq!((out.pending(), out.total_written()), (0, sent.len() as u64));
    assert!(!out.is_flushed() && out.output.is_empty());
    let mut got = vec![0; sent.len()];
    let (flushed, read) = tokio::join!(out.flush(&mut ours, PATIENCE), theirs.read_exact(&mut got));
    flushed.unwrap();
    read.unwrap();
    assert!(out.is_flushed() && got == sent);
    poll_fn(|cx| out.poll_flush(&mut ours, cx)).await.unwrap();
}
