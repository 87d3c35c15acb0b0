//! One connection: hyper's state machine while there is something to do, nothing but the socket while there is not.

use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use http::header::HOST;
use http::{Method, StatusCode};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use springline_core::panics::{Caught, Panicked, catch};
use springline_core::{BoxFuture, Peer};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tracing::{debug, error};

use super::io::{Io, Phase, Seen, Shared};
use super::quiet::Watching;
use super::server::Mounts;
use super::wakes::Wakes;
use super::{HttpHandler, HttpOptions, Incoming, Request, Response, closing, text};
#[cfg(feature = "tls")]
use crate::tls::ServerTls;
use crate::{Connection, Handler, Stream};

/// How long a connection that ends is read from and the data thrown away, so that the peer gets the answer: a reset
/// would take it away.
const LINGER: Duration = Duration::from_secs(2);

/// What all connections of a server share.
#[derive(Clone, Default)]
pub(super) struct Site {
    pub(super) options: HttpOptions,
    pub(super) mounts: Mounts,
    pub(super) otherwise: Option<Arc<dyn HttpHandler>>,
    #[cfg(feature = "tls")]
    pub(super) tls: Option<ServerTls>,
}

impl Handler for Site {
    async fn serve(self: Arc<Self>, stream: Stream, connection: Connection) {
        // Handshake, hyper's state and farewell are boxed each, so that an idle connection is small.
        let Some(stream) = Box::pin(self.secure(stream)).await else { return };
        let peer = Arc::new(peer_of(&stream));
        let shared = Arc::new(Shared::new(connection, peer));
        let mut io = Io::new(stream, shared, &self.options);
        // No buffers and no state of hyper's until the first byte is there.
        let mut end = End::Idle;
        loop {
            match end {
                End::Renew => {}
                End::Idle => {
                    let first = poll_fn(|cx| io.poll_first(cx));
                    match tokio::time::timeout(self.options.idle_timeout, first).await {
                        Ok(Ok(())) => {}
                        Ok(Err(e)) => {
                            debug!(peer = %io.shared().peer.address, error = %e, "connection ends");
                            break;
                        }
                        Err(_) => break,
                    }
                }
                End::Closed => break,
            }
            (io, end) = Box::pin(self.converse(io)).await;
        }
        Box::pin(farewell(io)).await;
    }
}

/// A request that has been looked at.
enum Begun<'a> {
    /// Its handler is at it.
    Running(BoxFuture<'a, Response>),
    /// It needs none. Boxed: few do.
    Answered(Box<Response>),
}

/// Why hyper's state machine was left.
enum End {
    /// Nothing to do for a while: wait for the socket alone.
    Idle,
    /// What was read ahead begins a request that has to be looked at from its first byte.
    Renew,
    /// The connection is to end.
    Closed,
}

impl Site {
    async fn secure(&self, stream: Stream) -> Option<Stream> {
        #[cfg(feature = "tls")]
        if let Some(tls) = &self.tls {
            // Why not stands in the log already.
            return tls.accept(stream).await.ok();
        }
        Some(stream)
    }

    async fn converse(&self, io: Io) -> (Io, End) {
        let shared = io.shared().clone();
        let service = service_fn(|request: hyper::Request<hyper::body::Incoming>| {
            let shared = shared.clone();
            // At once, before hyper reads on.
            let seen = Seen::at(&request, &shared);
            let close = seen.chunked && !seen.scanned;
            let begun = self.begin(&shared, request, &seen);
            async move {
                let mut response = match begun {
                    Begun::Running(future) => Caught(future).await.unwrap_or_else(failed),
                    Begun::Answered(response) => *response,
                };
                if close || shared.stopping() {
                    response = closing(response);
                }
                shared.answered();
                response.body_mut().tell(shared);
                Ok::<_, std::convert::Infallible>(response)
            }
        });
        let mut http = http1::Builder::new();
        // One buffer for head and body: the system takes that faster than two. Large bodies come in pieces.
        http.writev(false).title_case_headers(!io.small_letters());
        http.half_close(true).header_read_timeout(None).max_header_size(self.options.head_size);
        let mut connection = http.serve_connection(TokioIo::new(io), service);
        let mut wakes = Wakes::new();
        let _watching = Watching::new(&shared, wakes.waker());
        let end = poll_fn(|cx| {
            wakes.poll(cx, |cx| {
                let polled = Pin::new(&mut connection).poll(cx);
                Poll::Ready(match polled {
                    Poll::Ready(Ok(())) => End::Closed,
                    Poll::Ready(Err(e)) => {
                        debug!(peer = %shared.peer.address, error = %chain(&e), "connection ends");
                        End::Closed
                    }
                    Poll::Pending => match shared.wish() {
                        Some(end) => end,
                        None => return Poll::Pending,
                    },
                })
            })
        })
        .await;
        let parts = connection.into_parts();
        let mut io = parts.io.into_inner();
        if matches!(end, End::Idle | End::Renew) {
            io.give_back(parts.read_buf);
            if io.has_bytes() {
                return (io, End::Renew);
            }
        }
        (io, end)
    }

    /// Hands the request to its handler, or answers it.
    fn begin<'a>(
        &'a self,
        shared: &Arc<Shared>,
        request: hyper::Request<hyper::body::Incoming>,
        seen: &Seen,
    ) -> Begun<'a> {
        let refused = if !seen.welcome {
            Some((StatusCode::SERVICE_UNAVAILABLE, "The server is shutting down.\n"))
        } else if seen.two_lengths {
            // What one end takes for a body, the other takes for a request.
            Some((StatusCode::BAD_REQUEST, "Content-Length and Transfer-Encoding exclude each other.\n"))
        } else if request.headers().len() > request.headers().keys_len()
            && request.headers().get_all(HOST).iter().nth(1).is_some()
        {
            Some((StatusCode::BAD_REQUEST, "There is more than one Host.\n"))
        } else if seen.length.unwrap_or(0) > self.options.limits.message_size as u64 {
            Some((StatusCode::PAYLOAD_TOO_LARGE, "The request is too large.\n"))
        } else if request.method() == Method::POST && seen.length.is_none() && !seen.chunked {
            Some((StatusCode::LENGTH_REQUIRED, "Content-Length is missing.\n"))
        } else {
            None
        };
        if let Some((status, words)) = refused {
            debug!(peer = %shared.peer.address, %status, words, "request refused");
            return Begun::Answered(Box::new(closing(text(status, words))));
        }
        let Some(handler) = self.mounts.get(request.uri().path()).or(self.otherwise.as_ref()) else {
            return Begun::Answered(Box::new(text(StatusCode::NOT_FOUND, "No such page.\n")));
        };
        let options = &self.options;
        let (head, body) = request.into_parts();
        let request = Request::new(head, Incoming::new(body, options, shared), shared.peer.clone());
        match catch(|| handler.handle(request)) {
            Ok(future) => Begun::Running(future),
            Err(panicked) => Begun::Answered(Box::new(failed(panicked))),
        }
    }
}

#[cold]
fn failed(Panicked(why): Panicked) -> Response {
    error!(panic = %why, "a handler panicked");
    text(StatusCode::INTERNAL_SERVER_ERROR, "The request failed.\n")
}

fn peer_of(stream: &Stream) -> Peer {
    #[allow(unused_mut, reason = "only TLS adds to it")]
    let mut peer = Peer::new(stream.peer_text(), "http/1.1");
    #[cfg(feature = "tls")]
    if let Some(certificate) = stream.peer_certificate() {
        peer.credentials = Some(springline_core::Credentials::new(certificate.clone()));
    }
    peer
}

fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(e) = next {
        text.push_str(": ");
        text.push_str(&e.to_string());
        next = e.source();
    }
    text
}

/// Ends the connection so that the last answer arrives.
async fn farewell(mut io: Io) {
    if io.phase() == Phase::Head && io.timed_out() {
        let late = b"HTTP/1.1 408 Request Timeout\r\nconnection: close\r\ncontent-length: 0\r\n\r\n";
        let _ = tokio::time::timeout(LINGER, io.stream.write_all(late)).await;
    }
    let _ = tokio::time::timeout(LINGER, async {
        io.stream.shutdown().await?;
        if io.ended() || io.stopping() {
            return Ok(());
        }
        let mut rest = vec![0; 16 * 1024];
        while io.stream.read(&mut rest).await? > 0 {}
        io::Result::Ok(())
    })
    .await;
}

impl Shared {
    fn wish(&self) -> Option<End> {
        if self.closing() {
            Some(End::Closed)
        } else if self.renew() {
            Some(End::Renew)
        } else if self.idle() {
            Some(End::Idle)
        } else {
            None
        }
    }
}
