//! A tunnel through a proxy (RFC 9110, 9.3.6).

use http::HeaderValue;
use springline_core::{Error, ErrorKind, Reached, Result};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::url::HttpUrl;
use crate::{Address, Stream};

/// The most that a proxy's answer may take.
const MOST: usize = 16 * 1024;

/// Asks the proxy at the other end of `stream` for a connection to the URL's host.
pub(super) async fn open(mut stream: Stream, url: &HttpUrl, secret: Option<&HeaderValue>) -> Result<Stream> {
    // With the port always, unlike the Host header of a request.
    let target = match url.address() {
        Address::Tcp(host, port) if host.contains(':') => {
            format!("[{}]:{port}", host.split('%').next().unwrap_or(host))
        }
        Address::Tcp(host, port) => format!("{host}:{port}"),
        Address::Unix(_) => return Err(Error::new(ErrorKind::Internal, "a Unix socket is not behind a proxy")),
    };
    let mut request = format!("CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n").into_bytes();
    if let Some(secret) = secret {
        request.extend_from_slice(b"Proxy-Authorization: ");
        request.extend_from_slice(secret.as_bytes());
        request.extend_from_slice(b"\r\n");
    }
    request.extend_from_slice(b"\r\n");
    let lost = |e: std::io::Error| {
        Error::new(ErrorKind::Unavailable, format!("the proxy closed the connection before it opened the tunnel: {e}"))
    };
    stream.write_all(&request).await.map_err(lost)?;
    stream.flush().await.map_err(lost)?;
    let mut answer = Vec::with_capacity(512);
    // The server speaks only after us, so nothing can follow the proxy's answer: one that does is not to be trusted.
    let end = loop {
        if let Some(end) = find_end(&answer) {
            break end;
        }
        if answer.len() > MOST {
            return Err(Error::new(ErrorKind::Limit, format!("the proxy's answer is over {MOST} bytes")));
        }
        if stream.read_buf(&mut answer).await.map_err(lost)? == 0 {
            return Err(lost(std::io::ErrorKind::UnexpectedEof.into()));
        }
    };
    let head = String::from_utf8_lossy(answer.get(..end).unwrap_or_default());
    let line = head.lines().next().unwrap_or_default();
    let mut words = line.splitn(3, ' ');
    let version = words.next().unwrap_or_default();
    let status = words.next().and_then(|s| s.parse::<u16>().ok());
    let (true, Some(status)) = (version.starts_with("HTTP/1."), status) else {
        return Err(Error::new(ErrorKind::Protocol, format!("the proxy's answer is not HTTP/1: {line:?}")));
    };
    if !(200..300).contains(&status) {
        let kind = if status == 407 { ErrorKind::Denied } else { ErrorKind::Unavailable };
        let text =
            format!("the proxy does not open a tunnel to {target}: {}", line.split_once(' ').map_or("", |l| l.1));
        return Err(Error::new(kind, text).with_reached(Reached::NotSent));
    }
    if answer.len() > end {
        return Err(Error::new(ErrorKind::Protocol, "bytes follow the proxy's answer before anything was sent"));
    }
    Ok(stream)
}

// Where the head ends, its empty line included.
fn find_end(bytes: &[u8]) -> Option<usize> {
    let crlf = bytes.windows(4).position(|w| w == b"\r\n\r\n").map(|at| at + 4);
    crlf.or_else(|| bytes.windows(2).position(|w| w == b"\n\n").map(|at| at + 2))
}
