//! A stream as the result of a call.

use std::fmt;
use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use springline_core::{Args, Bytes, Call, CallOptions, Error, ErrorKind, Output, Payload, Reached, Result};
use springline_net::http::header::{ACCEPT_ENCODING, CONTENT_ENCODING};
use springline_net::http::{Answer, Body, HeaderValue};
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt, ReadBuf};

use super::HessianProxy;
use crate::chunks::{Chunks, Step, read_piece};
use crate::codec::Version;
use crate::message::ReplyHead;

/// A binary result that is read as it comes. Dropped before its end, it closes its connection.
pub struct Download<'p> {
    proxy: &'p HessianProxy,
    answer: Answer<'p>,
    chunks: Chunks,
    version: Version,
    done: bool,
}

/// What a call for a stream gave.
pub(crate) enum Opened<'p> {
    /// A stream.
    Stream(Download<'p>),
    /// Another result, its first byte and where that stood.
    Other(Payload<'static>, u8, usize),
}

impl HessianProxy {
    /// Calls a method whose result is a stream (`InputStream` or `byte[]` in Java), to be read as it comes. It is not
    /// bounded, save by what takes it.
    ///
    /// ```no_run
    /// # async fn f(store: springline_hessian::client::HessianProxy) -> springline_core::Result<()> {
    /// let mut report = store.download("download", ("report.pdf",)).await?;
    /// while let Some(piece) = report.chunk().await? {
    ///     println!("{} bytes", piece.len());
    /// }
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// As [`call`](Self::call). [`ErrorKind::Mismatch`] for a result that is no binary.
    pub async fn download(&self, method: &str, args: impl Args) -> Result<Download<'_>> {
        let mut out = Output::new();
        self.write(&mut out, &Call::new(method, &args))?;
        match self.open(out.into(), &CallOptions::NONE).await? {
            Opened::Stream(download) => Ok(download),
            Opened::Other(_, code, at) => {
                let text = format!("expected a binary result, found one that begins with byte {code:#04x}");
                Err(self.answered(Error::mismatch(text).at(at)))
            }
        }
    }

    /// Makes a call, and gives its result as it is: for a gateway, behind which a method may give null instead of a stream.
    pub(crate) async fn open(&self, body: Body, options: &CallOptions) -> Result<Opened<'_>> {
        let request = self.request(body, options).header(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
        let mut answer = self.http().open(request).await?.check()?;
        if let Some(coding) = answer.head().header(CONTENT_ENCODING).filter(|c| !c.eq_ignore_ascii_case("identity")) {
            let text = format!("the reply comes in the content coding {coding:?}, though none was asked for");
            return Err(self.answered(Error::new(ErrorKind::Protocol, text)));
        }
        let mut came = Vec::new();
        let mut ended = false;
        // One byte more than the head: what the value is.
        while came.len() <= ReplyHead::LONGEST && !ended {
            match self.piece(&mut answer).await? {
                Some(piece) => came.extend_from_slice(&piece),
                None => ended = true,
            }
        }
        let head = ReplyHead::read(&came).map_err(|e| self.answered(e))?;
        let is_binary = match (head.version, came.get(head.at)) {
            (Version::One, Some(b'b' | b'B')) | (Version::Two, Some(b'A' | b'B' | 0x20..=0x2f | 0x34..=0x37)) => true,
            // Told by the chunks' reader.
            (_, None) => true,
            _ => false,
        };
        if head.is_fault || !is_binary {
            let code = came.get(head.at).copied().unwrap_or_default();
            let reply = self.rest(answer, came).await?;
            return Ok(Opened::Other(self.passed_on(&reply, options)?, code, head.at));
        }
        let at = head.at as u64;
        let chunks = Chunks::new(head.version, Bytes::from(came).split_off(head.at), at);
        Ok(Opened::Stream(Download { proxy: self, answer, chunks, version: head.version, done: false }))
    }

    async fn piece(&self, answer: &mut Answer<'_>) -> Result<Option<Bytes>> {
        poll_fn(|cx| self.poll_piece(answer, cx)).await
    }

    fn poll_piece(&self, answer: &mut Answer<'_>, cx: &mut Context<'_>) -> Poll<Result<Option<Bytes>>> {
        answer.poll_chunk(cx).map_err(|e| match e.kind() {
            ErrorKind::Closed => self.cut(e),
            _ => e,
        })
    }

    fn cut(&self, e: Error) -> Error {
        let text = format!("the server broke the reply off: {}", e.message());
        Error::new(ErrorKind::Protocol, text).with_reached(e.reached()).with_endpoint(self.url()).with_source(e)
    }

    // A fault, or a result of another kind: read whole.
    async fn rest(&self, mut answer: Answer<'_>, mut came: Vec<u8>) -> Result<Bytes> {
        let most = self.options().read.limits.message_size;
        while let Some(piece) = self.piece(&mut answer).await? {
            if came.len() + piece.len() > most {
                let text = format!("an answer of more than {most} bytes is over the limit message_size = {most}");
                return Err(self.answered(Error::new(ErrorKind::Limit, text)));
            }
            came.extend_from_slice(&piece);
        }
        Ok(came.into())
    }
}

impl Download<'_> {
    /// The next piece; `None` at the end.
    ///
    /// # Errors
    /// [`ErrorKind::Protocol`] for a reply that breaks off, [`ErrorKind::Malformed`] for one that is damaged,
    /// [`ErrorKind::Timeout`].
    pub async fn chunk(&mut self) -> Result<Option<Bytes>> {
        poll_fn(|cx| self.poll_piece(usize::MAX, cx)).await
    }

    fn poll_piece(&mut self, most: usize, cx: &mut Context<'_>) -> Poll<Result<Option<Bytes>>> {
        while !self.done {
            match self.chunks.next(most).map_err(|e| self.proxy.answered(e))? {
                Step::Data(data) => return Poll::Ready(Ok(Some(data))),
                Step::More => match ready!(self.proxy.poll_piece(&mut self.answer, cx))? {
                    Some(piece) => self.chunks.push(piece),
                    None => return Poll::Ready(Err(self.cut_off())),
                },
                Step::End => ready!(self.poll_end(cx))?,
            }
        }
        Poll::Ready(Ok(None))
    }

    // Reads what follows the value, so that the connection can be kept: a piece of it, or its end.
    fn poll_end(&mut self, cx: &mut Context<'_>) -> Poll<Result<()>> {
        let ended = match (self.version, self.chunks.rest().first()) {
            (Version::Two, _) | (Version::One, Some(b'z')) => true,
            (Version::One, None) => false,
            (Version::One, Some(other)) => {
                self.done = true;
                let at = usize::try_from(self.chunks.taken()).unwrap_or(usize::MAX);
                let text = format!("expected 'z', the end of the reply, found byte {other:#04x}");
                return Poll::Ready(Err(self.proxy.answered(Error::malformed(at, text))));
            }
        };
        match ready!(self.proxy.poll_piece(&mut self.answer, cx))? {
            Some(piece) if !ended => self.chunks.push(piece),
            Some(_) => {}
            None if !ended => return Poll::Ready(Err(self.cut_off())),
            None => self.done = true,
        }
        Poll::Ready(Ok(()))
    }

    fn cut_off(&mut self) -> Error {
        self.done = true;
        let text = format!("the reply is cut off after {} bytes", self.chunks.taken());
        self.proxy.answered(Error::new(ErrorKind::Protocol, text)).with_reached(Reached::Answered)
    }

    /// Writes all that is left to `out`; gives how many bytes that were.
    ///
    /// # Errors
    /// As [`chunk`](Self::chunk), and [`ErrorKind::Closed`] where `out` takes no more.
    pub async fn copy_to(&mut self, out: &mut (impl AsyncWrite + Unpin)) -> Result<u64> {
        let mut bytes = 0;
        while let Some(piece) = self.chunk().await? {
            let failed = |e| Error::new(ErrorKind::Closed, format!("what was received cannot be written: {e}"));
            out.write_all(&piece).await.map_err(failed)?;
            bytes += piece.len() as u64;
        }
        Ok(bytes)
    }
}

/// Errors are those of [`chunk`](Download::chunk), in an [`std::io::Error`].
impl AsyncRead for Download<'_> {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<std::io::Result<()>> {
        let this = self.get_mut();
        read_piece(buf, |most| this.poll_piece(most, cx))
    }
}

impl fmt::Debug for Download<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Download").field("url", &self.proxy.url()).field("done", &self.done).finish_non_exhaustive()
    }
}
