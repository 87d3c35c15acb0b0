//! One client's connection: handshake, then requests in order.

use std::borrow::Cow;
use std::future::poll_fn;
use std::sync::Arc;

use bytes::Bytes;
use springline_core::service::CallOptions;
use springline_core::{Budget, Error, ErrorKind, Peer, Result, Service, Value, remote};
use springline_net::{Connection, Handler, Inbound, Outbound, Stream};
use tokio::time::{Instant, timeout};
use tracing::{debug, warn};

use super::run::Run;
use super::{DAEMON_OBJECT, Handshake, Shared, object};
use crate::handshake::{ConnectReply, ConnectRequest};
use crate::plain::Template;
use crate::serializer::CallFrame;
use crate::wire::{self, BadStart, Flags, Head, Header, MessageKind, Version};
use crate::{Generation, ObjectMetadata, Serializer};

/// Replies are held back while more requests are there, up to so many bytes.
pub(super) const COALESCE: usize = 64 * 1024;

/// A client that has been let in.
pub(super) struct Client {
    pub(super) peer: Arc<Peer>,
    pub(super) version: Version,
    /// What it called last.
    pub(super) last: Option<Found>,
    /// The conditions of a call in a run: made once, with the peer in them.
    options: CallOptions,
}

/// A method of an object, as it was looked up.
pub(super) struct Found {
    pub(super) frame: CallFrame,
    /// The serializer's number on this connection.
    pub(super) serializer_id: u16,
    /// What the limits allow a message.
    pub(super) budget: Budget,
    /// How plain results are written.
    pub(super) reply: Option<Template>,
    pub(super) service: Arc<dyn Service>,
    /// Of the registry; another one means that something has changed.
    pub(super) epoch: u64,
}

impl Client {
    pub(super) fn new(peer: Arc<Peer>, version: Version) -> Self {
        let mut options = CallOptions::NONE;
        options.peer = Some(peer.clone());
        Self { peer, version, last: None, options }
    }
}

/// Whether the connection goes on.
#[derive(PartialEq, Eq)]
pub(super) enum Next {
    Continue,
    Close,
}

impl Handler for Shared {
    async fn serve(self: Arc<Self>, mut stream: Stream, connection: Connection) {
        // Boxed, so that its size does not count for the rest of the connection's life.
        let (mut client, early) = match Box::pin(self.welcome(&mut stream)).await {
            Ok(Some(welcome)) => welcome,
            Ok(None) => return,
            Err(e) => {
                debug!(peer = %stream.peer_text(), error = %e, "handshake failed");
                return;
            }
        };
        debug!(peer = %client.peer.address, protocol = %client.peer.protocol, "client connected");
        match self.requests(&mut stream, &connection, &mut client, early).await {
            Ok(()) => debug!(peer = %client.peer.address, "client gone"),
            Err(e) if e.kind() == ErrorKind::Closed => {
                debug!(peer = %client.peer.address, error = %e, "client gone");
            }
            Err(e) => warn!(peer = %client.peer.address, error = %e, "connection closed"),
        }
    }
}

impl Shared {
    async fn requests(
        self: &Arc<Self>,
        stream: &mut Stream,
        connection: &Connection,
        client: &mut Client,
        early: Option<Box<Inbound>>,
    ) -> Result<()> {
        let keep = self.pool.keep();
        let mut kept = early.map(|early| (*early, Outbound::default()));
        while connection.next_request() {
            match &mut kept {
                // One read tells that there is a request, and what it is.
                Some((inbound, _)) if inbound.is_empty() => {
                    if poll_fn(|cx| inbound.poll_fill(stream, cx, 0)).await.map_err(closed)? == 0 {
                        break;
                    }
                }
                Some(_) => {}
                // An idle connection holds no buffer.
                None => poll_fn(|cx| stream.poll_read_ready(cx)).await.map_err(closed)?,
            }
            if !connection.begin() {
                break;
            }
            let (inbound, outbound) = kept.get_or_insert_with(|| self.pool.take());
            let next = match self.busy(stream, inbound, outbound, client).await {
                Ok(next) => next,
                Err(e) => {
                    // What was asked before is answered.
                    if !matches!(e.kind(), ErrorKind::Closed | ErrorKind::Timeout) {
                        self.flush(stream, outbound).await?;
                    }
                    return Err(e);
                }
            };
            if keep.as_ref().is_none_or(|keep| !keep.suits(inbound, outbound))
                && let Some((inbound, outbound)) = kept.take()
            {
                self.pool.give(inbound, outbound);
            }
            if next == Next::Close {
                break;
            }
        }
        Ok(())
    }

    // Serves requests until none is left in the buffer.
    async fn busy(
        self: &Arc<Self>,
        stream: &mut Stream,
        inbound: &mut Inbound,
        outbound: &mut Outbound,
        client: &mut Client,
    ) -> Result<Next> {
        let limits = &self.config.limits;
        // Since when the message at hand is being waited for.
        let mut since = None;
        loop {
            if !inbound.is_empty()
                && let Some(found) = &client.last
            {
                let mut run = Run::new(self, found, &mut client.options, client.version, inbound, outbound);
                if run.advance() {
                    since = None;
                    run.serve().await?;
                    if inbound.is_empty() || outbound.pending() > COALESCE {
                        self.flush(stream, outbound).await?;
                    }
                    if inbound.is_empty() {
                        return Ok(Next::Continue);
                    }
                }
            }
            let mut need = 0;
            if let Some(header) = wire::parse_header(inbound.bytes())? {
                need = header.message_len();
                limits.check_message(need)?;
                if inbound.bytes().len() >= need {
                    since = None;
                    let frame = inbound.take(need);
                    let next = self.answer(header, frame, outbound, client).await?;
                    if next == Next::Continue && !inbound.is_empty() {
                        // The answers to what else is there go out together.
                        if outbound.pending() > COALESCE {
                            self.flush(stream, outbound).await?;
                        }
                        continue;
                    }
                    self.flush(stream, outbound).await?;
                    return Ok(next);
                }
            }
            self.flush(stream, outbound).await?;
            match self.fill(stream, inbound, need, &mut since).await? {
                Some(0) if inbound.is_empty() => return Ok(Next::Close),
                Some(0) => {
                    return Err(Error::new(ErrorKind::Closed, "the client closed the connection within a message"));
                }
                Some(_) => {}
                None => return Ok(Next::Continue),
            }
        }
    }

    async fn answer(
        self: &Arc<Self>,
        mut header: Header,
        frame: Bytes,
        outbound: &mut Outbound,
        client: &mut Client,
    ) -> Result<Next> {
        if header.version != client.version {
            return Err(Error::new(ErrorKind::Protocol, "the client changed its version within a connection"));
        }
        match header.kind {
            MessageKind::Invoke => Box::pin(self.invoke(&mut header, frame, outbound, client)).await,
            MessageKind::Ping => {
                let head = Head { serializer: header.serializer, ..self.head(&header, MessageKind::Ping) };
                wire::write_message(&mut outbound.output, &head, &self.config.limits, |out| {
                    out.buf.extend_from_slice(b"pong");
                    Ok(())
                })?;
                Ok(Next::Continue)
            }
            other => Err(Error::new(ErrorKind::Protocol, format!("expected a call or a ping, found {other:?}"))),
        }
    }

    /// What stays the same when a method is called again.
    pub(super) fn found(&self, request: &Header, frame: CallFrame, service: Arc<dyn Service>, epoch: u64) -> Found {
        let mut head = self.head(request, MessageKind::Result);
        head.compress = self.config.compress;
        let reply = Template::new(&head, &[]);
        Found { frame, serializer_id: request.serializer, budget: self.config.limits.budget(), reply, service, epoch }
    }

    /// The head of an answer to `request`.
    pub(super) fn head<'a>(&'a self, request: &Header, kind: MessageKind) -> Head<'a> {
        Head {
            version: request.version,
            kind,
            serializer: request.serializer,
            flags: Flags::default(),
            seq: request.seq,
            annotations: self.annotations(request.version),
            correlation_id: None,
            compress: false,
            key: self.config.key.as_ref(),
        }
    }

    // Those for every reply, where they can be told.
    #[inline]
    fn annotations(&self, version: Version) -> &[(Cow<'static, str>, Bytes)] {
        if version.has_annotations() { &self.config.annotations } else { &[] }
    }

    async fn fill(
        &self,
        stream: &mut Stream,
        inbound: &mut Inbound,
        need: usize,
        since: &mut Option<Instant>,
    ) -> Result<Option<usize>> {
        inbound.fill(stream, need, since, self.config.transfer_timeout).await
    }

    async fn flush(&self, stream: &mut Stream, outbound: &mut Outbound) -> Result<()> {
        outbound.flush(stream, self.config.transfer_timeout).await
    }

    /// The handshake, and what the client sent in one piece with it. `None` for a client that was refused.
    async fn welcome(self: &Arc<Self>, stream: &mut Stream) -> Result<Option<(Client, Option<Box<Inbound>>)>> {
        let (mut inbound, mut outbound) = self.pool.take();
        let introduction = async {
            match self.config.version.filter(|version| version.daemon_speaks_first()) {
                // The client says nothing before it is greeted, and nothing but calls after that.
                Some(version) => self.greet(version, stream, &mut outbound),
                None => self.introduce(stream, &mut inbound, &mut outbound).await,
            }
        };
        let client = match timeout(self.config.handshake_timeout, introduction).await {
            Ok(done) => done?,
            Err(_) => {
                let allowed = self.config.handshake_timeout;
                return Err(Error::new(ErrorKind::Timeout, format!("no handshake within {allowed:?}")));
            }
        };
        self.flush(stream, &mut outbound).await?;
        let early = (!inbound.is_empty()).then(|| Box::new(std::mem::take(&mut inbound)));
        self.pool.give(inbound, outbound);
        Ok(client.map(|client| (client, early)))
    }

    async fn introduce(
        self: &Arc<Self>,
        stream: &mut Stream,
        inbound: &mut Inbound,
        outbound: &mut Outbound,
    ) -> Result<Option<Client>> {
        loop {
            let mut need = 0;
            if let Some(version) = wire::version_of(inbound.bytes()).filter(|version| !self.config.accepts(*version)) {
                return self.refuse_version(version, outbound);
            }
            match wire::parse_header(inbound.bytes()) {
                Ok(Some(header)) => {
                    need = header.message_len();
                    if let Err(e) = self.config.limits.check_message(need) {
                        return self.refuse(header.version, 0, e.message(), outbound);
                    }
                    if inbound.bytes().len() >= need {
                        let frame = inbound.take(need);
                        return self.judge(&header, frame, stream, outbound).await;
                    }
                }
                Ok(None) => {}
                // A web browser, a port scanner, or a Python daemon that wakes itself up with exclamation marks.
                Err(BadStart::NotPyro) => return Err(BadStart::NotPyro.into()),
                Err(BadStart::Version(v)) => {
                    let version = if v < 100 { Version::V48 } else { Version::V502 };
                    return self.refuse(version, 0, &format!("invalid protocol version: {v}"), outbound);
                }
                Err(BadStart::Header(e)) => {
                    let version = wire::version_of(inbound.bytes()).unwrap_or(Version::V502);
                    return self.refuse(version, 0, e.message(), outbound);
                }
            }
            if poll_fn(|cx| inbound.poll_fill(stream, cx, need)).await.map_err(closed)? == 0 {
                return Err(Error::new(ErrorKind::Closed, "the client closed the connection before its handshake"));
            }
        }
    }

    // In the client's own version, where one that speaks first can have it.
    fn refuse_version(&self, version: Version, outbound: &mut Outbound) -> Result<Option<Client>> {
        if let (Some(only), None) = (version.only_serializer(), self.config.version)
            && !version.daemon_speaks_first()
        {
            let reason = format!("wire version {version} is {only} alone, which this daemon does not accept");
            return self.refuse(version, 0, &reason, outbound);
        }
        let answered = if version.generation().is_old() { Version::V48 } else { version };
        self.refuse(answered, 0, &format!("invalid protocol version: {}", version.number()), outbound)
    }

    // Early refusals are written in marshal, whatever the client speaks (4.82, 5.17).
    fn refuse(&self, version: Version, seq: u16, reason: &str, outbound: &mut Outbound) -> Result<Option<Client>> {
        self.fail(version, seq, Serializer::Marshal, reason, outbound)
    }

    fn fail(
        &self,
        version: Version,
        seq: u16,
        serializer: Serializer,
        reason: &str,
        outbound: &mut Outbound,
    ) -> Result<Option<Client>> {
        debug!(reason, "client refused");
        let generation = version.generation();
        let head = Head {
            version,
            kind: MessageKind::ConnectFail,
            serializer: serializer.id(generation),
            flags: Flags::default(),
            seq,
            annotations: &[],
            correlation_id: None,
            compress: false,
            key: self.config.key.as_ref(),
        };
        wire::write_message(&mut outbound.output, &head, &self.config.limits, |out| {
            if !version.has_annotations() {
                out.buf.extend_from_slice(reason.as_bytes()); // plain text (4.2 to 4.21)
                return Ok(());
            }
            serializer.write(generation, out, |sink| sink.str(reason))
        })?;
        Ok(None)
    }

    // The first message to a client of 44 to 47, or the answer to one of 40 or 43: that the daemon is there.
    fn welcome_old(
        &self,
        version: Version,
        seq: u16,
        stream: &Stream,
        outbound: &mut Outbound,
    ) -> Result<Option<Client>> {
        let peer = Peer::new(stream.peer_text(), version.label());
        if let Some(hook) = &self.config.handshake
            && let Err(e) = hook(&Handshake { peer: &peer, object: None, data: &Value::Null })
        {
            return self.refuse(version, seq, e.message(), outbound);
        }
        let generation = version.generation();
        let head = Head {
            version,
            kind: MessageKind::ConnectOk,
            serializer: Serializer::Marshal.id(generation),
            flags: Flags::default(),
            seq,
            annotations: self.annotations(version),
            correlation_id: None,
            compress: false,
            key: self.config.key.as_ref(),
        };
        wire::write_message(&mut outbound.output, &head, &self.config.limits, |out| {
            match version {
                Version::V40 | Version::V43 => {}
                Version::V44 | Version::V45 => out.buf.extend_from_slice(b"ok"),
                _ => Serializer::Marshal.write(generation, out, |sink| sink.str("ok"))?,
            }
            Ok(())
        })?;
        Ok(Some(Client::new(Arc::new(peer), version)))
    }

    fn greet(&self, version: Version, stream: &Stream, outbound: &mut Outbound) -> Result<Option<Client>> {
        self.welcome_old(version, 1, stream, outbound)
    }

    async fn judge(
        self: &Arc<Self>,
        header: &Header,
        frame: Bytes,
        stream: &Stream,
        outbound: &mut Outbound,
    ) -> Result<Option<Client>> {
        let (version, seq) = (header.version, header.seq);
        if header.kind != MessageKind::Connect {
            let number = match header.kind {
                MessageKind::Invoke => 4,
                MessageKind::Result => 5,
                MessageKind::Ping => 6,
                MessageKind::ConnectFail => 3,
                MessageKind::ConnectOk | MessageKind::Connect => 2,
            };
            return self.refuse(version, seq, &format!("invalid msg type {number} received (expected: 1)"), outbound);
        }
        if self.config.key.is_some() && !version.has_signatures() {
            let reason = "this daemon wants hmac signatures, which only Pyro4 has, from 4.4 on";
            return self.refuse(version, seq, reason, outbound);
        }
        if version.generation().is_old() {
            return self.welcome_old(version, seq, stream, outbound);
        }
        let serializer = match self.config.serializer_of(header) {
            Some(serializer) => serializer,
            None => {
                let reason = format!("message used serializer that is not accepted: {}", header.serializer);
                return self.refuse(version, seq, &reason, outbound);
            }
        };
        let message = match wire::open(header, frame, &self.config.limits, self.config.key.as_ref()) {
            Ok(message) => message,
            Err(e) => return self.refuse(version, seq, e.message(), outbound),
        };
        let budget = self.config.limits.budget();
        let request = match serializer.read(&message.payload, budget, |source| ConnectRequest::read(source)) {
            Ok(request) => request,
            Err(e) => return self.refuse(version, seq, &e.to_string(), outbound),
        };
        let mut peer = Peer::new(stream.peer_text(), version.label());
        let wants_meta = version != Version::V48 || header.flags.has(Flags::META);
        let answer = match &self.config.handshake {
            None => Ok(Value::from("hello")),
            Some(hook) => hook(&Handshake { peer: &peer, object: request.object.as_deref(), data: &request.handshake }),
        };
        let answer = match answer {
            Ok(answer) => answer,
            Err(e) => return self.fail(version, seq, serializer, e.message(), outbound),
        };
        let metadata = match (&request.object, wants_meta) {
            (Some(id), true) => match object::metadata_of(self, id).await {
                Ok(Some(metadata)) => Some(metadata),
                // Who is not told what there is could call nothing: it is to try again.
                Err(e) => {
                    let reason = format!("the object cannot be reached: {}", remote::exception_of(e));
                    return self.fail(version, seq, serializer, &reason, outbound);
                }
                Ok(None) => return self.fail(version, seq, serializer, "unknown object", outbound),
            },
            (None, true) => return self.fail(version, seq, serializer, "'object'", outbound),
            _ => None,
        };
        self.accept(header, serializer, answer, metadata, outbound)?;
        let usual = request.handshake.as_str() == Some("hello")
            || request.handshake.as_bytes().is_some_and(|data| *data == b"hello"[..]);
        if !usual {
            peer.handshake = Some(request.handshake);
        }
        Ok(Some(Client::new(Arc::new(peer), version)))
    }

    fn accept(
        &self,
        request: &Header,
        serializer: Serializer,
        answer: Value,
        metadata: Option<ObjectMetadata>,
        outbound: &mut Outbound,
    ) -> Result<()> {
        let version = request.version;
        let generation = version.generation();
        let mut head = self.head(request, MessageKind::ConnectOk);
        head.correlation_id = request.correlation_id;
        if metadata.is_some() && generation == Generation::Pyro4 {
            head.flags.0 |= Flags::META;
        }
        wire::write_message(&mut outbound.output, &head, &self.config.limits, |out| {
            serializer.write(generation, out, |sink| match metadata {
                // Sets for Pyro5, lists for Pyro4, as the originals have it.
                Some(metadata) => ConnectReply { handshake: answer, metadata: Some(metadata) }
                    .write(sink, generation == Generation::Pyro5),
                None => answer.write(sink),
            })
        })
    }
}

fn closed(e: std::io::Error) -> Error {
    Error::new(ErrorKind::Closed, format!("the connection broke: {e}"))
}

/// Whether `object` is the daemon itself.
pub(super) fn is_daemon(object: &str) -> bool {
    object == DAEMON_OBJECT
}
