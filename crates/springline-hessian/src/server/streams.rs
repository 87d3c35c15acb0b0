//! Methods whose last argument, or whose result, is a stream.

use std::borrow::Cow;
use std::fmt;
use std::future::{Future, poll_fn};
use std::marker::PhantomData;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, ready};

use serde::Serialize;
use serde::de::DeserializeOwned;
use springline_core::bind::FromArgs;
use springline_core::panics::{Panicked, catch};
use springline_core::remote::respond;
use springline_core::{
    BoxFuture, Budget, Bytes, Call, Error, ErrorKind, Format, MethodInfo, Output, ParamInfo, Payload, Reply, Result,
    ServiceInfo, Value,
};
use springline_net::http::header::CONTENT_TYPE;
use springline_net::http::{Body, BodySender, HeaderValue, Incoming, Request, Response};
use tokio::io::{AsyncRead, ReadBuf};
use tracing::debug;

use super::exporter::{Answer, LOG};
use crate::chunks::{Chunks, Step, WAITING, broken, fill, read_piece};
use crate::codec::{HessianFormat, Part, ReadOptions, Version, push_chunk_head};
use crate::mangle;
use crate::message::{CallHead, finish_reply, write_reply_head};

/// The methods.
#[derive(Default)]
pub(super) struct Streams {
    uploads: ServiceInfo,
    downloads: ServiceInfo,
    takers: Vec<Box<dyn Upload>>,
    givers: Vec<Box<dyn Download>>,
}

/// Something that takes a stream.
pub(super) trait Upload: Send + Sync {
    fn call<'a>(&'a self, call: &'a Call<'a>, stream: BinaryStream) -> BoxFuture<'a, Result<Reply>>;
}

/// Something that gives one.
pub(super) trait Download: Send + Sync {
    fn open<'a>(&'a self, call: &'a Call<'a>, version: Version) -> BoxFuture<'a, Result<Answer>>;
}

struct Method<A, F> {
    info: MethodInfo,
    f: F,
    args: PhantomData<fn(A)>,
}

impl<A, T, F, Fut> Upload for Method<A, F>
where
    A: for<'de> FromArgs<'de> + Send,
    T: Serialize + DeserializeOwned + Send + Sync + 'static,
    F: Fn(A, BinaryStream) -> Fut + Send + Sync,
    Fut: Future<Output = Result<T>> + Send,
{
    fn call<'a>(&'a self, call: &'a Call<'a>, stream: BinaryStream) -> BoxFuture<'a, Result<Reply>> {
        Box::pin(async move {
            let args = call.read_args::<A>(&self.info)?;
            respond(&call.options, async { (self.f)(args, stream).await }).await
        })
    }
}

impl<A, R, F, Fut> Download for Method<A, F>
where
    A: for<'de> FromArgs<'de> + Send,
    R: AsyncRead + Send + 'static,
    F: Fn(A) -> Fut + Send + Sync,
    Fut: Future<Output = Result<R>> + Send,
{
    fn open<'a>(&'a self, call: &'a Call<'a>, version: Version) -> BoxFuture<'a, Result<Answer>> {
        Box::pin(async move {
            let args = call.read_args::<A>(&self.info)?;
            let data = match catch(|| (self.f)(args)) {
                Ok(future) => future.await?,
                Err(Panicked(text)) => return Err(Error::new(ErrorKind::Internal, text)),
            };
            let (sender, response) = streamed();
            tokio::spawn(send(sender, version, data));
            Ok(Answer::Response(response))
        })
    }
}

/// An answer whose body is still to be [sent](send).
pub(super) fn streamed() -> (BodySender, Response) {
    let (sender, body) = Body::channel(WAITING);
    let mut response = Response::new(body);
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("x-application/hessian"));
    (sender, response)
}

fn info(name: Cow<'static, str>, params: &[&'static str]) -> MethodInfo {
    let param = |name: &&'static str| ParamInfo { name: Cow::Borrowed(*name), ..ParamInfo::default() };
    let params: Vec<ParamInfo> = params.iter().map(param).collect();
    MethodInfo { name, params: params.into(), ..MethodInfo::default() }
}

impl Streams {
    pub(super) fn upload<A, T, F, Fut>(&mut self, name: Cow<'static, str>, params: &[&'static str], f: F)
    where
        A: for<'de> FromArgs<'de> + Send + 'static,
        T: Serialize + DeserializeOwned + Send + Sync + 'static,
        F: Fn(A, BinaryStream) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<T>> + Send + 'static,
    {
        let info = info(name, params);
        // To whom calls it, the stream is a parameter like others.
        let mut all = info.params.to_vec();
        all.push(ParamInfo { name: "data".into(), type_name: "Bytes".into(), optional: false });
        let told = MethodInfo { params: all.into(), ..info.clone() };
        self.add_upload(told, Box::new(Method { info, f, args: PhantomData }));
    }

    /// Adds what takes a stream, the last of the parameters that are told.
    pub(super) fn add_upload(&mut self, told: MethodInfo, taker: Box<dyn Upload>) {
        self.takers.push(taker);
        self.uploads.methods.to_mut().push(told);
    }

    pub(super) fn download<A, R, F, Fut>(&mut self, name: Cow<'static, str>, params: &[&'static str], f: F)
    where
        A: for<'de> FromArgs<'de> + Send + 'static,
        R: AsyncRead + Send + 'static,
        F: Fn(A) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<R>> + Send + 'static,
    {
        let info = info(name, params);
        self.add_download(info.clone(), Box::new(Method { info, f, args: PhantomData }));
    }

    /// Adds what gives a stream.
    pub(super) fn add_download(&mut self, told: MethodInfo, giver: Box<dyn Download>) {
        self.givers.push(giver);
        self.downloads.methods.to_mut().push(told);
    }

    pub(super) fn uploads(&self) -> &ServiceInfo {
        &self.uploads
    }

    pub(super) fn downloads(&self) -> &ServiceInfo {
        &self.downloads
    }

    pub(super) fn has_uploads(&self) -> bool {
        !self.takers.is_empty()
    }

    pub(super) fn upload_named(&self, name: &str, count: Option<usize>) -> Option<&dyn Upload> {
        Some(&**self.takers.get(index(&self.uploads, name, count)?)?)
    }

    pub(super) fn download_named(&self, name: &str, count: Option<usize>) -> Option<&dyn Download> {
        Some(&**self.givers.get(index(&self.downloads, name, count)?)?)
    }

    /// Reads a request as far as the stream of a method that takes one; whole if it calls another.
    ///
    /// # Errors
    /// Those of reading a body.
    pub(super) async fn receive(&self, request: Request, options: &ReadOptions) -> Result<Received> {
        let most = options.limits.message_size;
        let mut body = request.into_body();
        body.set_limit(u64::MAX);
        let mut came = Bytes::new();
        let mut ended = false;
        // Looked at again when there is twice as much.
        let mut next_look = 0;
        loop {
            if ended || came.len() >= next_look {
                match self.look(&came, options) {
                    Look::Other | Look::More if ended => return Ok(Received::Whole(came)),
                    Look::Before(reply, e) if ended => return Ok(Received::Broken(reply, e)),
                    Look::Other => return Ok(Received::Whole(rest(body, came, most).await?)),
                    Look::Stream { version, reply, at, args } => {
                        let head = came.clone();
                        let stream = Chunks::new(version, came.slice(at..), at as u64);
                        let stream = BinaryStream { chunks: stream, body, version, behind: 0, done: false };
                        return Ok(Received::Upload(Box::new(Begun { head, reply, args, stream })));
                    }
                    Look::More | Look::Before(..) => next_look = came.len() * 2,
                }
            }
            match body.chunk().await? {
                None => ended = true,
                Some(piece) if came.is_empty() => came = piece,
                Some(piece) => came = [&came[..], &piece[..]].concat().into(),
            }
            if came.len() > most {
                let e = format!("what stands before the stream is over the limit message_size = {most}");
                return Err(Error::new(ErrorKind::Limit, e));
            }
        }
    }

    fn look(&self, came: &Bytes, options: &ReadOptions) -> Look {
        let head = match CallHead::read(came, options) {
            Ok(head) => head,
            // Whether it was cut or is bad is told when all is there.
            Err(_) if came.len() < HEAD => return Look::More,
            Err(_) => return Look::Other,
        };
        let Some(info) = mangle::find(&self.uploads, &head.method, head.count) else { return Look::Other };
        let before = info.params.len() - 1;
        if let Some(count) = head.count.filter(|count| *count != before + 1) {
            let e =
                format!("{}() takes {} arguments, the last of them a stream, and not {count}", info.name, before + 1);
            return Look::Before(head.reply, Error::new(ErrorKind::Arguments, e));
        }
        match arguments_before(came, &head, before, options) {
            Ok((at, args)) => Look::Stream { version: head.version, reply: head.reply, at, args },
            Err(e) => Look::Before(head.reply, e),
        }
    }
}

/// What a request's body turned out to be.
pub(super) enum Received {
    /// Something else.
    Whole(Bytes),
    /// A call whose last argument is a stream.
    Upload(Box<Begun>),
    /// One that is broken before its stream, and the version of the answer.
    Broken(Version, Error),
}

/// The most that a head may take until it can be read: a name of 65,535 units, and headers.
const HEAD: usize = 256 * 1024;

/// Bytes that may follow a stream: none mean anything, but a client of Hessian 2 may send some.
const BEHIND: usize = 64 * 1024;

/// What the beginning of a request is.
enum Look {
    /// Too little to tell.
    More,
    /// No call of a method that takes a stream.
    Other,
    /// One, as far as it is there.
    Before(Version, Error),
    /// One, with the arguments before the stream, which begins at `at`.
    Stream { version: Version, reply: Version, at: usize, args: Payload<'static> },
}

/// A call whose stream is still to be read.
pub(super) struct Begun {
    /// What came, the call's head at its beginning.
    pub(super) head: Bytes,
    pub(super) reply: Version,
    pub(super) args: Payload<'static>,
    pub(super) stream: BinaryStream,
}

fn index(info: &ServiceInfo, name: &str, count: Option<usize>) -> Option<usize> {
    let found = mangle::find(info, name, count)?;
    info.methods.iter().position(|m| std::ptr::eq(m, found))
}

// The arguments before the last one, and where that begins.
fn arguments_before(
    came: &Bytes,
    head: &CallHead<'_>,
    before: usize,
    options: &ReadOptions,
) -> Result<(usize, Payload<'static>)> {
    let mut at = head.first;
    let mut args = Value::Null;
    let format = HessianFormat::of(head.version, Part::Arguments, options);
    let budget: Budget = options.limits.budget();
    format.read(came, head.arguments, budget, &mut |source| {
        // The list itself.
        source.next()?;
        let mut items = Vec::with_capacity(before);
        for _ in 0..before {
            items.push(Value::read_tree(source)?);
        }
        at = source.offset();
        args = Value::List(items);
        Ok(())
    })?;
    if at >= came.len() {
        return Err(Error::malformed(at, "the message ends before the stream"));
    }
    Ok((at, args.into()))
}

// The rest of a body that turned out to be an ordinary one.
async fn rest(mut body: Incoming, came: Bytes, most: usize) -> Result<Bytes> {
    let left = most.saturating_sub(came.len());
    let rest = body.whole(left).await;
    let rest = rest.map_err(|e| match e.kind() {
        ErrorKind::Limit => Error::new(ErrorKind::Limit, format!("the body is over the limit message_size = {most}")),
        _ => e,
    })?;
    if rest.is_empty() {
        return Ok(came);
    }
    if came.is_empty() {
        return Ok(rest);
    }
    Ok([&came[..], &rest[..]].concat().into())
}

/// A stream that a client sends, read as it comes. What is not read is not held.
pub struct BinaryStream {
    chunks: Chunks,
    body: Incoming,
    version: Version,
    /// Bytes that came behind it.
    behind: usize,
    done: bool,
}

impl BinaryStream {
    /// The next piece; `None` at the end.
    ///
    /// # Errors
    /// [`ErrorKind::Malformed`] for a call that is damaged or breaks off, [`ErrorKind::Timeout`] for a client that sends too
    /// slowly. Nothing can be read after that.
    pub async fn chunk(&mut self) -> Result<Option<Bytes>> {
        poll_fn(|cx| self.poll_piece(usize::MAX, cx)).await
    }

    fn poll_piece(&mut self, most: usize, cx: &mut Context<'_>) -> Poll<Result<Option<Bytes>>> {
        while !self.done {
            match self.chunks.next(most)? {
                Step::Data(data) => return Poll::Ready(Ok(Some(data))),
                Step::More => ready!(self.poll_more(cx))?,
                Step::End if self.version == Version::One && self.chunks.rest().is_empty() => {
                    ready!(self.poll_more(cx))?;
                }
                Step::End => {
                    if self.version == Version::One && self.chunks.rest().first() != Some(&b'z') {
                        return Poll::Ready(Err(Error::malformed(self.offset(), "expected 'z', the end of the call")));
                    }
                    ready!(self.poll_behind(cx))?;
                }
            }
        }
        Poll::Ready(Ok(None))
    }

    // To the body's own end, lest the connection be lost for the next call.
    fn poll_behind(&mut self, cx: &mut Context<'_>) -> Poll<Result<()>> {
        match ready!(self.body.poll_chunk(cx))? {
            Some(piece) => self.behind += piece.len(),
            None => self.done = true,
        }
        if self.chunks.rest().len() + self.behind > BEHIND {
            return Poll::Ready(Err(Error::malformed(self.offset(), "the call goes on behind the stream")));
        }
        Poll::Ready(Ok(()))
    }

    fn poll_more(&mut self, cx: &mut Context<'_>) -> Poll<Result<()>> {
        Poll::Ready(match ready!(self.body.poll_chunk(cx))? {
            Some(piece) => {
                self.chunks.push(piece);
                Ok(())
            }
            None => Err(Error::malformed(self.offset(), "the stream breaks off")),
        })
    }

    fn offset(&self) -> usize {
        usize::try_from(self.chunks.taken()).unwrap_or(usize::MAX)
    }

    /// All of it, of at most `limit` bytes.
    ///
    /// # Errors
    /// As [`chunk`](Self::chunk), and [`ErrorKind::Limit`].
    pub async fn whole(&mut self, limit: usize) -> Result<Vec<u8>> {
        let mut all = Vec::new();
        while let Some(piece) = self.chunk().await? {
            if piece.len() > limit - all.len() {
                return Err(Error::new(ErrorKind::Limit, format!("the stream is over the limit of {limit} bytes")));
            }
            all.extend_from_slice(&piece);
        }
        Ok(all)
    }
}

/// Errors are those of [`chunk`](BinaryStream::chunk), in an [`std::io::Error`].
impl AsyncRead for BinaryStream {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<std::io::Result<()>> {
        let this = self.get_mut();
        read_piece(buf, |most| this.poll_piece(most, cx))
    }
}

impl fmt::Debug for BinaryStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BinaryStream").field("taken", &self.chunks.taken()).finish_non_exhaustive()
    }
}

/// Sends a result that is a stream.
pub(super) async fn send(sender: BodySender, version: Version, data: impl AsyncRead + Send) {
    let mut data = pin!(data);
    let mut head = Output::new();
    write_reply_head(&mut head, version);
    let mut piece = head.buf;
    loop {
        let chunk = tokio::select! {
            chunk = fill(data.as_mut()) => chunk,
            // Whatever it is read from is let go of at once, and not only when there is something to send.
            () = sender.closed() => return,
        };
        let chunk = match chunk {
            Ok(chunk) => chunk,
            Err(e) => {
                debug!(target: LOG, error = %broken(e).report(), "a stream cannot be read to its end");
                return sender.fail(Error::new(ErrorKind::Internal, "the stream cannot be read")).await;
            }
        };
        let last = chunk.is_empty();
        // A chunk has room for what was read.
        let _ = push_chunk_head(&mut piece, version, chunk.len(), last);
        piece.extend_from_slice(&chunk);
        if last {
            finish_reply(&mut piece, version);
        }
        if sender.send(std::mem::take(&mut piece)).await.is_err() || last {
            return;
        }
    }
}
