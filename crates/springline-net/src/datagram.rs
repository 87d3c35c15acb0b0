//! One question by UDP, to whoever may answer it.

use std::io;
use std::time::Duration;

use springline_core::{Error, ErrorKind, Result};
use tokio::net::UdpSocket;
use tokio::time::timeout;

use crate::Address;

/// Sends `question` to a host and port, which may be a broadcast address, and waits `patience` for the first answer;
/// `tries` times, for datagrams get lost. `None` when nobody answered.
///
/// # Errors
/// [`ErrorKind::Unavailable`] where the question cannot be sent.
pub async fn ask(address: &Address, question: &[u8], tries: u32, patience: Duration) -> Result<Option<Vec<u8>>> {
    let Address::Tcp(host, port) = address else {
        return Err(Error::new(ErrorKind::Config, format!("{address} has no port to send a datagram to")));
    };
    let cannot = |e: io::Error| Error::new(ErrorKind::Unavailable, format!("cannot ask: {e}")).with_endpoint(address);
    let socket = UdpSocket::bind(("0.0.0.0", 0)).await.map_err(cannot)?;
    socket.set_broadcast(true).map_err(cannot)?;
    for _ in 0..tries {
        socket.send_to(question, (host.as_str(), *port)).await.map_err(cannot)?;
        let mut answer = vec![0; 2048];
        if let Ok(received) = timeout(patience, socket.recv_from(&mut answer)).await {
            let (len, _) = received.map_err(cannot)?;
            answer.truncate(len);
            return Ok(Some(answer));
        }
    }
    Ok(None)
}
