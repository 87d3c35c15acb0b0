//! One connected byte stream, whatever it runs over.

use std::future::Future;
use std::io;
use std::pin::Pin;
#[cfg(feature = "tls")]
use std::sync::Arc;
#[cfg(feature = "tls")]
use std::task::Waker;
use std::task::{Context, Poll};

use bytes::BytesMut;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, Interest, ReadBuf};
use tokio::net::{TcpStream, UnixStream};

#[cfg(feature = "tls")]
use crate::tls::{PeerCertificate, TlsInfo, TlsStream};

/// A connected stream.
#[derive(Debug)]
#[non_exhaustive]
pub enum Stream {
    /// TCP, with NODELAY set.
    Tcp(TcpStream),
    /// A Unix socket.
    Unix(UnixStream),
    /// TLS over one of these.
    #[cfg(feature = "tls")]
    Tls(Box<TlsStream>),
}

impl Stream {
    /// The peer's address as text: `127.0.0.1:5000`, `[::1]:5000`, or `unix:path`.
    #[must_use]
    pub fn peer_text(&self) -> String {
        match self {
            Self::Tcp(s) => s.peer_addr().map_or_else(|_| "unknown".to_owned(), |a| a.to_string()),
            Self::Unix(s) => match s.peer_addr().ok().and_then(|a| a.as_pathname().map(|p| p.display().to_string())) {
                Some(path) => format!("unix:{path}"),
                None => "unix:".to_owned(),
            },
            #[cfg(feature = "tls")]
            Self::Tls(s) => s.inner().peer_text(),
        }
    }

    /// The certificate that the other side showed, over TLS.
    #[cfg(feature = "tls")]
    #[must_use]
    pub fn peer_certificate(&self) -> Option<&Arc<PeerCertificate>> {
        match self {
            Self::Tls(s) => s.peer_certificate(),
            Self::Tcp(_) | Self::Unix(_) => None,
        }
    }

    /// What TLS negotiated.
    #[cfg(feature = "tls")]
    #[must_use]
    pub fn tls_info(&self) -> Option<TlsInfo> {
        match self {
            Self::Tls(s) => Some(s.info()),
            Self::Tcp(_) | Self::Unix(_) => None,
        }
    }

    /// Ready when a read may give bytes, the end or an error; over TLS a read may still be pending. Keeps the waker of
    /// the last caller.
    #[inline]
    pub fn poll_read_ready(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self {
            Self::Tcp(s) => s.poll_read_ready(cx),
            Self::Unix(s) => s.poll_read_ready(cx),
            #[cfg(feature = "tls")]
            Self::Tls(s) => s.poll_read_ready(cx),
        }
    }

    /// Whether a read may give bytes, the end or an error at once, as far as the runtime has been told. Unlike
    /// [`poll_read_ready`](Self::poll_read_ready) it leaves wakers alone, and costs next to nothing.
    #[inline]
    #[must_use]
    pub fn is_readable(&self) -> bool {
        match self {
            Self::Tcp(s) => s.try_io(Interest::READABLE, || Ok(())).is_ok(),
            Self::Unix(s) => s.try_io(Interest::READABLE, || Ok(())).is_ok(),
            #[cfg(feature = "tls")]
            Self::Tls(s) => s.poll_read_ready(&mut Context::from_waker(Waker::noop())).is_ready(),
        }
    }

    /// Reads what there is into the spare capacity of `buf`; 0 is the end of the stream.
    #[inline]
    pub fn poll_read_buf(&mut self, cx: &mut Context<'_>, buf: &mut BytesMut) -> Poll<io::Result<usize>> {
        debug_assert!(buf.capacity() > buf.len());
        match self {
            Self::Tcp(s) => std::pin::pin!(s.read_buf(buf)).poll(cx),
            Self::Unix(s) => std::pin::pin!(s.read_buf(buf)).poll(cx),
            #[cfg(feature = "tls")]
            Self::Tls(s) => std::pin::pin!(s.read_buf(buf)).poll(cx),
        }
    }
}

impl AsyncRead for Stream {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Tcp(s) => Pin::new(s).poll_read(cx, buf),
            Self::Unix(s) => Pin::new(s).poll_read(cx, buf),
            #[cfg(feature = "tls")]
            Self::Tls(s) => Pin::new(&mut **s).poll_read(cx, buf),
        }
    }
}

impl AsyncWrite for Stream {
    #[inline]
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Tcp(s) => Pin::new(s).poll_write(cx, buf),
            Self::Unix(s) => Pin::new(s).poll_write(cx, buf),
            #[cfg(feature = "tls")]
            Self::Tls(s) => Pin::new(&mut **s).poll_write(cx, buf),
        }
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        // The system takes one buffer faster when it is not called one of many. TLS below mostly has one.
        if let [one] = bufs {
            return self.poll_write(cx, one);
        }
        match self.get_mut() {
            Self::Tcp(s) => Pin::new(s).poll_write_vectored(cx, bufs),
            Self::Unix(s) => Pin::new(s).poll_write_vectored(cx, bufs),
            #[cfg(feature = "tls")]
            Self::Tls(s) => Pin::new(&mut **s).poll_write_vectored(cx, bufs),
        }
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    #[inline]
    #[cfg_attr(not(feature = "tls"), allow(unused_variables))]
    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Tcp(_) | Self::Unix(_) => Poll::Ready(Ok(())),
            #[cfg(feature = "tls")]
            Self::Tls(s) => Pin::new(&mut **s).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Tcp(s) => Pin::new(s).poll_shutdown(cx),
            Self::Unix(s) => Pin::new(s).poll_shutdown(cx),
            #[cfg(feature = "tls")]
            Self::Tls(s) => Pin::new(&mut **s).poll_shutdown(cx),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stream_is_no_larger_than_a_socket_and_its_kind() {
        assert!(size_of::<Stream>() <= size_of::<TcpStream>() + size_of::<usize>());
    }
}
