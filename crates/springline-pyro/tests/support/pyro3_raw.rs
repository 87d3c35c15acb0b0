//! Raw clients of Pyro 3 daemons, and an object to serve them.
#![allow(dead_code, reason = "each test program uses its part")]

use std::time::Duration;

use springline_core::service::{BoxFuture, Call, Reply, Service};
use springline_core::{Budget, Bytes, Limits, Output, Payload, Result, Value};
use springline_pyro::codec::pickle;
use springline_pyro::pyro3::wire::{HEADER, Style, parse_header, write_frame};
use springline_pyro::pyro3::{Daemon, Ident, write_call};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// Answers with its arguments; `panic` panics.
pub(crate) struct Echo;

impl Service for Echo {
    fn call<'a>(&'a self, call: &'a Call<'a>) -> BoxFuture<'a, Result<Reply>> {
        Box::pin(async move {
            assert_ne!(call.method, "panic", "as it was asked to");
            let args = call.args.decode::<Vec<Value>>()?;
            Ok(Reply::from(args.into_iter().next().unwrap_or_default()))
        })
    }
}

pub(crate) async fn daemon(limits: Limits) -> (Daemon, String) {
    let daemon = Daemon::builder().limits(limits).bind("127.0.0.1:0").await.unwrap();
    daemon.register("thing", Echo).unwrap();
    let address = daemon.address().to_string();
    (daemon, address)
}

/// A raw client that was let in.
pub(crate) async fn raw(address: &str) -> TcpStream {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let challenge = read_frame(&mut stream).await.unwrap();
    let token = Ident::none().token(&challenge);
    send(&mut stream, &[b"CONNECT".as_slice(), &token].concat()).await;
    let mut word = [0; 7];
    stream.read_exact(&mut word).await.unwrap();
    assert_eq!(&word, b"GRANTED");
    stream
}

pub(crate) async fn send(stream: &mut TcpStream, body: &[u8]) {
    let mut out = Output::new();
    write_frame(&mut out, Style::default(), &Limits::new(), |out| {
        out.buf.extend_from_slice(body);
        Ok(())
    })
    .unwrap();
    stream.write_all(&out.to_vec()).await.unwrap();
}

/// The next frame's body, or nothing at the end.
pub(crate) async fn read_frame(stream: &mut TcpStream) -> Option<Bytes> {
    let mut header = [0; HEADER];
    timeout(PATIENCE, stream.read_exact(&mut header)).await.expect("an answer or an end").ok()?;
    let parsed = parse_header(&header).unwrap().unwrap();
    let mut frame = header.to_vec();
    frame.resize(parsed.frame_len(), 0);
    stream.read_exact(&mut frame[HEADER..]).await.unwrap();
    Some(parsed.open(frame.into(), &Limits::new()).unwrap())
}

pub(crate) fn call_of(object: &str, method: &str, args: &[Value]) -> Vec<u8> {
    let mut out = Output::new();
    let args = Payload::from(Value::Tuple(args.to_vec()));
    write_call(&mut out, false, object, method, false, &args, None).unwrap();
    out.to_vec()
}

pub(crate) async fn value(stream: &mut TcpStream) -> Value {
    let body = read_frame(stream).await.expect("an answer");
    Value::read(&mut pickle::Decoder::new(&body, 0, Budget::default())).unwrap()
}

/// A body with its header.
pub(crate) fn framed(body: &[u8]) -> Vec<u8> {
    let mut out = Output::new();
    write_frame(&mut out, Style::default(), &Limits::new(), |out| {
        out.buf.extend_from_slice(body);
        Ok(())
    })
    .unwrap();
    out.to_vec()
}
