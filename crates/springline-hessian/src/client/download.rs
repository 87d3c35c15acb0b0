//! A stream as the result of a call.

use std::fmt;

use springline_core::{Args, Bytes, Call, CallOptions, Error, ErrorKind, Output, Reached, Result};
use springline_net::http::header::{ACCEPT_ENCODING, CONTENT_ENCODING};
use springline_net::http::{Answer, HeaderValue};
use tokio::io::{AsyncWrite, AsyncWriteExt};

use super::HessianProxy;
use crate::chunks::{Chunks, Step};
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
        let request =
            self.request(out.into(), &CallOptions::NONE).header(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
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
            return Err(self.not_a_binary(answer, came, head).await);
        }
        let at = head.at as u64;
        let chunks = Chunks::new(head.version, Bytes::from(came).split_off(head.at), at);
        Ok(Download { proxy: self, answer, chunks, version: head.version, done: false })
    }

    async fn piece(&self, answer: &mut Answer<'_>) -> Result<Option<Bytes>> {
        answer.chunk().await.map_err(|e| match e.kind() {
            ErrorKind::Closed => self.cut(e),
            _ => e,
        })
    }

    fn cut(&self, e: Error) -> Error {
        let text = format!("the server broke the reply off: {}", e.message());
        Error::new(ErrorKind::Protocol, text).with_reached(e.reached()).with_endpoint(self.url()).with_source(e)
    }

    // A fault, or a result of another kind: read whole.
    async fn not_a_binary(&self, mut answer: Answer<'_>, mut came: Vec<u8>, head: ReplyHead) -> Error {
        let most = self.options().read.limits.message_size;
        loop {
            match self.piece(&mut answer).await {
                Ok(None) => break,
                Ok(Some(piece)) if came.len() + piece.len() <= most => came.extend_from_slice(&piece),
                Ok(Some(_)) => {
                    let text = format!("an answer of more than {most} bytes is over the limit message_size = {most}");
                    return self.answered(Error::new(ErrorKind::Limit, text));
                }
                Err(e) => return e,
            }
        }
        let code = came.get(head.at).copied().unwrap_or_default();
        match self.result(&came.into()) {
            Err(e) => e,
            Ok(_) => {
                let text = format!("expected a binary result, found one that begins with byte {code:#04x}");
                self.answered(Error::mismatch(text).at(head.at))
            }
        }
    }
}

impl Download<'_> {
    /// The next piece; `None` at the end.
    ///
    /// # Errors
    /// [`ErrorKind::Protocol`] for a reply that breaks off, [`ErrorKind::Malformed`] for one that is damaged,
    /// [`ErrorKind::Timeout`].
    pub async fn chunk(&mut self) -> Result<Option<Bytes>> {
        while !self.done {
            match self.chunks.next().map_err(|e| self.proxy.answered(e))? {
                Step::Data(data) => return Ok(Some(data)),
                Step::More => match self.proxy.piece(&mut self.answer).await? {
                    Some(piece) => self.chunks.push(piece),
                    None => return Err(self.cut_off()),
                },
                Step::End => self.finish().await?,
            }
        }
        Ok(None)
    }

    // Reads what follows the value, to the end, so that the connection can be kept.
    async fn finish(&mut self) -> Result<()> {
        self.done = true;
        let mut ended = self.version == Version::Two;
        loop {
            match (ended, self.chunks.rest().first()) {
                (false, Some(b'z')) => ended = true,
                (false, Some(other)) => {
                    let at = usize::try_from(self.chunks.taken()).unwrap_or(usize::MAX);
                    let e =
                        Error::malformed(at, format!("expected 'z', the end of the reply, found byte {other:#04x}"));
                    return Err(self.proxy.answered(e));
                }
                _ => {}
            }
            match self.proxy.piece(&mut self.answer).await? {
                Some(piece) if !ended => self.chunks.push(piece),
                Some(_) => {}
                None if !ended => return Err(self.cut_off()),
                None => return Ok(()),
            }
        }
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

impl fmt::Debug for Download<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Download").field("url", &self.proxy.url()).field("done", &self.done).finish_non_exhaustive()
    }
}
