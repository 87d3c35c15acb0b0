//! Connecting, with a deadline over all addresses of a name.

use std::io;
use std::time::Duration;

use springline_core::{Error, ErrorKind, Reached, Result};
use tokio::net::{TcpStream, UnixStream, lookup_host};
use tokio::time::timeout;

use crate::{Address, Stream};

/// How to connect.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ConnectOptions {
    /// For the look-up of the name and all attempts together. Default 10 s.
    pub timeout: Duration,
}

impl Default for ConnectOptions {
    fn default() -> Self {
        Self { timeout: Duration::from_secs(10) }
    }
}

/// Connects to `address`, trying each address of a host name in turn.
///
/// # Errors
/// [`ErrorKind::Unavailable`] with the system's reason, [`ErrorKind::Timeout`] after `timeout`; both
/// [`Reached::NotSent`].
pub async fn connect(address: &Address, options: &ConnectOptions) -> Result<Stream> {
    let attempt = async {
        match address {
            Address::Tcp(host, port) => connect_tcp(host, *port).await.map(Stream::Tcp),
            Address::Unix(path) => UnixStream::connect(path).await.map(Stream::Unix),
        }
    };
    match timeout(options.timeout, attempt).await {
        Ok(Ok(stream)) => Ok(stream),
        Ok(Err(e)) => Err(Error::new(ErrorKind::Unavailable, e.to_string())),
        Err(_) => Err(Error::new(ErrorKind::Timeout, format!("no connection within {:?}", options.timeout))),
    }
    .map_err(|e| e.with_endpoint(address).with_reached(Reached::NotSent))
}

async fn connect_tcp(host: &str, port: u16) -> io::Result<TcpStream> {
    let mut last = None;
    for address in lookup_host((host, port)).await? {
        match TcpStream::connect(address).await {
            Ok(stream) => {
                stream.set_nodelay(true)?;
                return Ok(stream);
            }
            Err(e) => last = Some(e),
        }
    }
    Err(last.unwrap_or_else(|| io::Error::new(io::ErrorKind::NotFound, "the host name has no address")))
}
