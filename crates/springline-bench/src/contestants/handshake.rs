//! Full TLS 1.3 handshakes with client certificates. The client is the same for all servers: it connects, shakes
//! hands without resuming, sends a byte, waits for one, and closes.

use crate::Result;
use crate::control::announce;
use crate::driver::{ANSWER, Client};
use crate::pki::{Files, server_name};
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::{TlsAcceptor, TlsConnector};

/// The limit: bare rustls that verifies the chain of the client's certificate.
pub(crate) async fn serve(pki: &Files) -> Result<()> {
    let acceptor = TlsAcceptor::from(Arc::new(pki.server(true)?));
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    announce(listener.local_addr()?)?;
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        let acceptor = acceptor.clone();
        tokio::spawn(async move { echo(acceptor.accept(stream).await?).await });
    }
}

/// A byte there and back, and the end of the connection.
pub(crate) async fn echo(mut stream: impl AsyncRead + AsyncWrite + Unpin) -> Result<()> {
    let byte = stream.read_u8().await?;
    stream.write_u8(byte).await?;
    stream.flush().await?;
    // The client closes first: its end of the connection waits for late packets, not this one.
    let _ = stream.read_u8().await;
    Ok(())
}

/// A connection for every call.
pub(crate) struct Caller {
    addr: SocketAddr,
    connector: TlsConnector,
}

pub(crate) fn client(addr: SocketAddr, pki: &Files) -> Result<Caller> {
    Ok(Caller { addr, connector: TlsConnector::from(Arc::new(pki.client(true)?)) })
}

impl Client for Caller {
    async fn get_data(&mut self, _: &str) -> Result<String> {
        let stream = TcpStream::connect(self.addr).await?;
        stream.set_nodelay(true)?;
        let mut stream = self.connector.connect(server_name(), stream).await?;
        if stream.get_ref().1.handshake_kind() != Some(rustls::HandshakeKind::Full) {
            return Err("not a full handshake".into());
        }
        stream.write_u8(7).await?;
        stream.flush().await?;
        if stream.read_u8().await? != 7 {
            return Err("another byte came back".into());
        }
        Ok(ANSWER.to_owned())
    }
}
