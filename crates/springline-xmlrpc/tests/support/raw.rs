//! A client of HTTP that says what it is told to say.
#![allow(dead_code, reason = "each test program uses its part")]

use std::time::Duration;

use springline_core::{Payload, Value};
use springline_net::Address;
use springline_xmlrpc::server::XmlRpcServer;
use springline_xmlrpc::{Fault, ReadOptions, parse_response};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// No wait for an answer is longer.
const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().skip(1).find_map(|line| {
            let (n, v) = line.split_once(':')?;
            n.eq_ignore_ascii_case(name).then(|| v.trim())
        })
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    fn read(&self) -> Result<Payload<'static>, Fault> {
        assert_eq!((self.status, self.header("content-type")), (200, Some("text/xml")), "{}", self.text());
        parse_response(self.body.clone().into(), None, &ReadOptions::new())
            .unwrap_or_else(|e| panic!("{e} in {}", self.text()))
    }

    pub(crate) fn value(&self) -> Value {
        let result = self.read().unwrap_or_else(|fault| panic!("{fault}"));
        result.into_value().unwrap()
    }

    pub(crate) fn fault(&self) -> (i64, String) {
        match self.read() {
            Ok(_) => panic!("no fault: {}", self.text()),
            Err(fault) => (fault.code, fault.string),
        }
    }
}

pub(crate) struct Raw {
    stream: TcpStream,
    buffer: Vec<u8>,
}

impl Raw {
    pub(crate) async fn connect(server: &XmlRpcServer) -> Self {
        Self::at(server.address()).await
    }

    pub(crate) async fn at(address: &Address) -> Self {
        let Address::Tcp(host, port) = address else { panic!("not TCP") };
        let stream = TcpStream::connect((host.as_str(), *port)).await.unwrap();
        Self { stream, buffer: Vec::new() }
    }

    /// Sends it; false where the other side does not take it any more.
    pub(crate) async fn send(&mut self, bytes: impl AsRef<[u8]>) -> bool {
        self.stream.write_all(bytes.as_ref()).await.is_ok()
    }

    pub(crate) async fn answer(&mut self) -> Answer {
        let end = loop {
            if let Some(at) = self.buffer.windows(4).position(|w| w == b"\r\n\r\n") {
                break at + 4;
            }
            self.fill().await;
        };
        let head = String::from_utf8(self.buffer[..end].to_vec()).unwrap();
        let status = head.split(' ').nth(1).and_then(|s| s.parse().ok()).expect("a status line");
        let mut answer = Answer { status, head, body: Vec::new() };
        let length = answer.header("content-length").map_or(0, |n| n.parse().unwrap());
        while self.buffer.len() < end + length {
            self.fill().await;
        }
        let rest = self.buffer.split_off(end + length);
        answer.body = std::mem::replace(&mut self.buffer, rest).split_off(end);
        answer
    }

    async fn fill(&mut self) {
        let read = self.stream.read_buf(&mut self.buffer);
        let n = tokio::time::timeout(PATIENCE, read).await.expect("no answer comes").unwrap();
        assert!(n > 0, "the connection ended in {:?}", String::from_utf8_lossy(&self.buffer));
    }

    pub(crate) async fn post(&mut self, path: &str, headers: &[&str], body: impl AsRef<[u8]>) -> Answer {
        let body = body.as_ref();
        let headers: String = headers.iter().map(|h| format!("{h}\r\n")).collect();
        let head = format!("POST {path} HTTP/1.1\r\nHost: x\r\n{headers}Content-Length: {}\r\n\r\n", body.len());
        self.send([head.as_bytes(), body].concat()).await;
        self.answer().await
    }

    pub(crate) async fn call(&mut self, method: &str, params: &[&str]) -> Answer {
        self.post("/RPC2", &["Content-Type: text/xml"], call(method, params)).await
    }

    /// The next answer; `None` where the other side ends the connection without one.
    pub(crate) async fn outcome(&mut self) -> Option<Answer> {
        while !self.buffer.windows(4).any(|w| w == b"\r\n\r\n") {
            let read = self.stream.read_buf(&mut self.buffer);
            let read = tokio::time::timeout(PATIENCE, read).await.expect("neither an answer nor an end comes");
            if !read.is_ok_and(|n| n > 0) {
                return None;
            }
        }
        Some(self.answer().await)
    }

    /// Has no more to send.
    pub(crate) async fn half_close(&mut self) {
        let _ = self.stream.shutdown().await;
    }

    /// Whether the other side has ended the connection, waiting for it.
    pub(crate) async fn ends(&mut self) -> bool {
        let read = self.stream.read_to_end(&mut self.buffer);
        tokio::time::timeout(PATIENCE, read).await.is_ok() && self.buffer.is_empty()
    }
}

/// A call's document; the parameters are what stands in `<value>`.
pub(crate) fn call(method: &str, params: &[&str]) -> String {
    let params: String = params.iter().map(|p| format!("<param><value>{p}</value></param>")).collect();
    format!("<?xml version='1.0'?><methodCall><methodName>{method}</methodName><params>{params}</params></methodCall>")
}
