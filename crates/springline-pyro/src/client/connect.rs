//! Opening a connection: the handshake, and finding out which generation the daemon is.

use std::future::poll_fn;
use std::io;
use std::time::Duration;

use bytes::Bytes;
use springline_core::{Error, ErrorKind, Limits, Output, Result, Value};
use springline_net::{Address, ConnectOptions, Inbound, Outbound, Stream};
use tokio::time::timeout;
use tracing::debug;

use super::link::Link;
use crate::handshake::{ConnectReply, ConnectRequest, ObjectMetadata};
use crate::wire::{self, Flags, Head, Header, HmacKey, MessageKind, Version};
use crate::{Serializer, fault};

/// How long a daemon may take to speak first, where it is not known to.
const GREETING: Duration = Duration::from_secs(1);

/// What a connection is opened with.
#[derive(Debug)]
pub(crate) struct Opening<'a> {
    pub(crate) address: &'a Address,
    pub(crate) object: &'a str,
    pub(crate) serializer: Serializer,
    pub(crate) handshake: &'a Value,
    pub(crate) key: Option<&'a HmacKey>,
    pub(crate) compress: bool,
    pub(crate) annotations: &'a wire::Annotations,
    pub(crate) limits: &'a Limits,
    pub(crate) timeout: Duration,
}

/// An open connection and what the daemon said.
#[derive(Debug)]
pub(crate) struct Opened {
    pub(crate) link: Link,
    pub(crate) version: Version,
    pub(crate) handshake: Value,
    pub(crate) metadata: Option<ObjectMetadata>,
}

impl Opening<'_> {
    /// Connects with `version`, or finds out which one the daemon has: tries 502 and goes by the version of the refusal,
    /// or, where a daemon closes without one, by trying 48 and 501.
    pub(crate) async fn open(&self, version: Option<Version>) -> Result<Opened> {
        let all = async {
            if let Some(version) = version {
                return self.attempt(version).await.map_err(|a| a.error);
            }
            let mut left = vec![Version::V501, Version::V48, Version::V502];
            if self.key.is_some() || self.serializer.is_pickle() {
                left = vec![Version::V48]; // only Pyro4 signs, and has pickle
            }
            let mut first_error = None;
            while let Some(version) = left.pop() {
                match self.attempt(version).await {
                    Ok(opened) => return Ok(opened),
                    Err(attempt) => {
                        match attempt.theirs {
                            Some(theirs) if theirs == version => return Err(attempt.error),
                            Some(theirs) if !theirs.has_serializer(self.serializer) => {
                                let what = format!(
                                    "the daemon speaks wire version {theirs}, which has no {}: ask for that version, or \
                                     for a serializer that it has",
                                    self.serializer
                                );
                                return Err(Error::new(ErrorKind::Protocol, what));
                            }
                            Some(theirs) => {
                                debug!(address = %self.address, "the daemon speaks version {}", theirs.number());
                                left = vec![theirs];
                                // What comes of that one is what counts.
                                first_error = None;
                                continue;
                            }
                            None if !attempt.silent => return Err(attempt.error),
                            None => {}
                        }
                        first_error.get_or_insert(attempt.error);
                    }
                }
            }
            let error = first_error.unwrap_or_else(|| Error::new(ErrorKind::Protocol, "no version to try"));
            // One that greets first and hangs up on another version may have lost its greeting with that.
            match timeout(GREETING, self.listen()).await {
                Ok(Ok(opened)) => Ok(opened),
                _ => Err(error),
            }
        };
        match timeout(self.timeout, all).await {
            Ok(done) => done,
            Err(_) => Err(Error::new(ErrorKind::Timeout, format!("no handshake within {:?}", self.timeout))),
        }
        .map_err(|e| e.with_endpoint(self.address))
    }

    // Waits for a daemon that speaks first.
    async fn listen(&self) -> Result<Opened> {
        let mut options = ConnectOptions::default();
        options.timeout = self.timeout;
        let mut stream = springline_net::connect(self.address, &options).await?;
        let frame = read_frame(&mut stream, self.limits).await.map_err(|attempt| attempt.error)?;
        match frame.0.version {
            version if version.daemon_speaks_first() && version.has_serializer(self.serializer) => {
                self.judge_old(stream, version, frame).await
            }
            other => Err(Error::new(ErrorKind::Protocol, format!("a greeting of version {other}"))),
        }
    }

    async fn attempt(&self, version: Version) -> Result<Opened, Attempt> {
        let mut options = ConnectOptions::default();
        options.timeout = self.timeout;
        let mut stream = springline_net::connect(self.address, &options).await?;
        let mut outbound = Outbound::default();
        if !version.daemon_speaks_first() {
            self.write(version, &mut outbound.output)?;
        }
        // A daemon that refuses may close before it has read everything; its answer is still worth reading.
        let sent = poll_fn(|cx| outbound.poll_flush(&mut stream, cx)).await;
        let frame = match read_frame(&mut stream, self.limits).await {
            Ok(frame) => frame,
            Err(mut attempt) => {
                if let Err(e) = sent {
                    attempt.error = attempt.error.with_source(e);
                }
                return Err(attempt);
            }
        };
        let theirs = frame.0.version;
        let judged = if theirs.generation().is_old() {
            Box::pin(self.judge_old(stream, version, frame)).await
        } else {
            self.judge(stream, version, frame)
        };
        judged.map_err(|error| Attempt { error, theirs: Some(theirs), silent: false })
    }

    fn write(&self, version: Version, out: &mut Output) -> Result<()> {
        let generation = version.generation();
        let head = Head {
            version,
            kind: MessageKind::Connect,
            serializer: self.serializer.id(generation),
            flags: Flags(Flags::META),
            seq: first_seq(version),
            annotations: self.annotations,
            correlation_id: None,
            compress: self.compress,
            key: self.key,
        };
        wire::write_message(out, &head, self.limits, |out| {
            if version.generation().is_old() {
                return Ok(()); // to come is all that there is to say (4.2, 4.3)
            }
            self.serializer.write(generation, out, |sink| ConnectRequest::write(self.handshake, self.object, sink))
        })
    }

    fn judge(&self, stream: Stream, version: Version, (header, bytes): (Header, Bytes)) -> Result<Opened> {
        let kind = header.kind;
        let serializer = wire::serializer_of(&header).and_then(|s| s.answering(self.serializer));
        let theirs = header.version;
        let is_meta = header.flags.has(Flags::META) || theirs != Version::V48;
        let message = match (kind, wire::open(&header, bytes.clone(), self.limits, self.key)) {
            // An unsigned refusal is read even where we have a key: what it says is probably that the daemon has none.
            (MessageKind::ConnectFail, Err(e)) if e.kind() == ErrorKind::Denied => wire::open(
                &header,
                bytes,
                self.limits,
                None,
            )
            .map_err(|_| {
                Error::new(
                    ErrorKind::Denied,
                    "the daemon refused the connection, with a signed reason: its hmac key differs from ours, or only \
                         one side has one",
                )
            })?,
            (_, opened) => opened?,
        };
        match kind {
            MessageKind::ConnectOk => {
                check_version(version, theirs)?;
                let budget = self.limits.budget();
                let reply = serializer?.read(&message.payload, budget, |source| ConnectReply::read(source, is_meta))?;
                let link = Link::new(stream, *self.limits, version, 0);
                Ok(Opened { link, version, handshake: reply.handshake, metadata: reply.metadata })
            }
            MessageKind::ConnectFail => {
                let text = serializer
                    .as_ref()
                    .map_err(|e| Error::new(e.kind(), e.message().to_owned()))
                    .and_then(|s| s.read(&message.payload, self.limits.budget(), |source| Value::read(source)));
                Err(fault::refused(text, serializer.ok()))
            }
            other => Err(Error::new(ErrorKind::Protocol, format!("expected the handshake's answer, found {other:?}"))),
        }
    }
}

pub(super) fn check_version(ours: Version, theirs: Version) -> Result<()> {
    if ours == theirs {
        return Ok(());
    }
    let text = format!("asked for version {}, answered in {}", ours.number(), theirs.number());
    Err(Error::new(ErrorKind::Protocol, text))
}

// The number of the message that the client begins with.
pub(super) fn first_seq(version: Version) -> u16 {
    u16::from(version == Version::V43)
}

/// A handshake that failed.
#[derive(Debug)]
pub(super) struct Attempt {
    pub(super) error: Error,
    /// The version that the daemon answered in.
    theirs: Option<Version>,
    /// Whether it closed without a word, as some do that cannot read the version.
    silent: bool,
}

impl From<Error> for Attempt {
    fn from(error: Error) -> Self {
        Self { error, theirs: None, silent: false }
    }
}

pub(super) async fn read_frame(stream: &mut Stream, limits: &Limits) -> Result<(Header, Bytes), Attempt> {
    let mut inbound = Inbound::default();
    loop {
        let header = wire::parse_header(inbound.bytes()).map_err(Error::from)?;
        let mut need = 0;
        if let Some(header) = header {
            need = header.message_len();
            limits.check_message(need)?;
            if inbound.bytes().len() >= need {
                let frame = inbound.take(need);
                // A daemon that spoke first may have more to say to one of another version (4.10).
                let greeting = header.kind == MessageKind::ConnectOk && header.version.daemon_speaks_first();
                if !(greeting || inbound.is_empty()) {
                    return Err(
                        Error::new(ErrorKind::Protocol, "the daemon sent more than the handshake's answer").into()
                    );
                }
                return Ok((header, frame));
            }
        }
        match poll_fn(|cx| inbound.poll_fill(stream, cx, need)).await {
            Ok(0) => {
                let error = Error::new(ErrorKind::Closed, "the daemon closed the connection during the handshake");
                return Err(Attempt { error, theirs: None, silent: inbound.is_empty() });
            }
            Ok(_) => {}
            Err(e) => {
                let silent = e.kind() == io::ErrorKind::ConnectionReset || e.kind() == io::ErrorKind::BrokenPipe;
                let error = Error::new(ErrorKind::Closed, format!("the connection broke during the handshake: {e}"));
                return Err(Attempt { error, theirs: None, silent });
            }
        }
    }
}
