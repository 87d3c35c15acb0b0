//! An encrypted stream.

use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll};

use rustls::{CommonState, HandshakeKind};
use tokio::io::{AsyncBufRead, AsyncRead, AsyncWrite, ReadBuf};

use super::PeerCertificate;
use super::certificate::parse;
use super::settings::iana;
use crate::Stream;

/// A TLS connection over another [`Stream`].
#[derive(Debug)]
pub struct TlsStream {
    io: tokio_rustls::TlsStream<Stream>,
    certificate: OnceLock<Option<Arc<PeerCertificate>>>,
    suppress_ragged_eofs: bool,
}

/// What was negotiated.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct TlsInfo {
    /// `TLSv1.2` or `TLSv1.3`.
    pub version: &'static str,
    /// The cipher suite's IANA name.
    pub cipher: String,
    /// The ALPN protocol both agreed upon.
    pub alpn: Option<String>,
    /// Whether an earlier session was taken up again.
    pub resumed: bool,
    /// The server name that the client asked for; on the server's side only.
    pub server_name: Option<String>,
}

impl TlsStream {
    pub(super) fn new(
        io: tokio_rustls::TlsStream<Stream>,
        certificate: OnceLock<Option<Arc<PeerCertificate>>>,
        suppress_ragged_eofs: bool,
    ) -> Self {
        Self { io, certificate, suppress_ragged_eofs }
    }

    fn state(&self) -> &CommonState {
        self.io.get_ref().1
    }

    /// The stream beneath.
    #[must_use]
    pub fn inner(&self) -> &Stream {
        self.io.get_ref().0
    }

    /// The other side's certificate, if it showed one. On a resumed session the one of the session's beginning.
    pub fn peer_certificate(&self) -> Option<&Arc<PeerCertificate>> {
        let leaf = || self.state().peer_certificates()?.first();
        let read = || leaf().filter(|l| parse(l, false).is_ok()).map(|l| Arc::new(PeerCertificate::parsed(l)));
        self.certificate.get_or_init(read).as_ref()
    }

    /// What was negotiated.
    #[must_use]
    pub fn info(&self) -> TlsInfo {
        let state = self.state();
        TlsInfo {
            version: match state.protocol_version() {
                Some(rustls::ProtocolVersion::TLSv1_2) => "TLSv1.2",
                _ => "TLSv1.3",
            },
            cipher: iana(state.negotiated_cipher_suite().and_then(|s| s.suite().as_str())),
            alpn: state.alpn_protocol().map(|p| String::from_utf8_lossy(p).into_owned()),
            resumed: state.handshake_kind() == Some(HandshakeKind::Resumed),
            server_name: match &self.io {
                tokio_rustls::TlsStream::Server(s) => s.get_ref().1.server_name().map(str::to_owned),
                tokio_rustls::TlsStream::Client(_) => None,
            },
        }
    }

    /// Ready when a read may give bytes, the end or an error. A read can be pending all the same: what came may belong
    /// to TLS.
    pub(crate) fn poll_read_ready(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let (inner, state) = self.io.get_ref();
        if state.wants_read() { inner.poll_read_ready(cx) } else { Poll::Ready(Ok(())) }
    }

    /// Says goodbye, then gives the stream beneath.
    pub(super) async fn close(mut self) -> Stream {
        let _ = poll_fn(|cx| Pin::new(&mut self.io).poll_shutdown(cx)).await;
        match self.io {
            tokio_rustls::TlsStream::Server(s) => s.into_inner().0,
            tokio_rustls::TlsStream::Client(s) => s.into_inner().0,
        }
    }
}

impl AsyncRead for TlsStream {
    // As far as what was decrypted goes: tokio-rustls would then try for more until the socket has nothing, and that
    // costs a small message a tenth of its reading.
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let before = buf.filled().len();
        loop {
            let data = match Pin::new(&mut this.io).poll_fill_buf(cx) {
                Poll::Ready(Ok(data)) => data,
                // Whatever it is, the next read meets it again.
                _ if buf.filled().len() > before => return Poll::Ready(Ok(())),
                // The end of TCP without that of TLS; what belongs to a message is missed by whoever reads it.
                Poll::Ready(Err(e)) if this.suppress_ragged_eofs && e.kind() == io::ErrorKind::UnexpectedEof => {
                    return Poll::Ready(Ok(()));
                }
                Poll::Ready(Err(e)) => return Poll::Ready(Err(e)),
                Poll::Pending => return Poll::Pending,
            };
            let n = data.len().min(buf.remaining());
            buf.put_slice(&data[..n]);
            Pin::new(&mut this.io).consume(n);
            if n == 0 || buf.remaining() == 0 || this.state().wants_read() {
                return Poll::Ready(Ok(()));
            }
        }
    }
}

impl AsyncWrite for TlsStream {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write(cx, buf)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(cx)
    }
}
