//! Connections to Pyro4 before 4.38: the daemon says no more than that it is there, and what it has is asked for by a
//! call, if at all.

use std::future::poll_fn;

use bytes::Bytes;
use springline_core::{Error, ErrorKind, Payload, Result, Value};
use springline_net::{Outbound, Stream};

use super::connect::{Opened, Opening, check_version, first_seq, read_frame};
use super::link::Link;
use crate::handshake::ObjectMetadata;
use crate::serializer::{Arguments, Kwargs};
use crate::wire::{self, Flags, Head, Header, MessageKind, Version};
use crate::{DAEMON_OBJECT, fault};

impl Opening<'_> {
    /// What the daemon's first message comes to.
    pub(super) async fn judge_old(
        &self,
        mut stream: Stream,
        version: Version,
        (header, bytes): (Header, Bytes),
    ) -> Result<Opened> {
        let message = wire::open(&header, bytes.clone(), self.limits, self.key);
        match header.kind {
            MessageKind::ConnectOk => {
                check_version(version, header.version)?;
                message?;
            }
            MessageKind::ConnectFail => {
                // As elsewhere, a refusal is read whether it is signed or not.
                let message = message.or_else(|_| wire::open(&header, bytes, self.limits, None))?;
                return Err(self.refused(&header, &message.payload));
            }
            other => {
                let what = format!("expected the daemon's greeting, found {other:?}");
                return Err(Error::new(ErrorKind::Protocol, what));
            }
        }
        let mut seq = first_seq(version);
        let mut metadata = None;
        // Only this version's daemons have any (since 4.27).
        if version == Version::V47 {
            seq = seq.wrapping_add(1);
            metadata = self.ask_metadata(&mut stream, version, seq).await?;
        }
        let link = Link::new(stream, *self.limits, version, seq);
        Ok(Opened { link, version, handshake: Value::Null, metadata })
    }

    // Up to 45 a reason is plain text.
    fn refused(&self, header: &Header, payload: &Bytes) -> Error {
        if header.version.has_annotations()
            && let Ok(serializer) = wire::serializer_of(header).and_then(|s| s.answering(self.serializer))
        {
            let text = serializer.read(payload, self.limits.budget(), |source| Value::read(source));
            return fault::refused(text, Some(serializer));
        }
        fault::refused(Ok(String::from_utf8_lossy(payload).into_owned().into()), None)
    }

    async fn ask_metadata(&self, stream: &mut Stream, version: Version, seq: u16) -> Result<Option<ObjectMetadata>> {
        let generation = version.generation();
        let head = Head {
            version,
            kind: MessageKind::Invoke,
            serializer: self.serializer.id(generation),
            flags: Flags::default(),
            seq,
            annotations: self.annotations,
            correlation_id: None,
            compress: false,
            key: self.key,
        };
        let args = Payload::from(Value::Tuple(vec![self.object.into()]));
        let mut outbound = Outbound::default();
        wire::write_message(&mut outbound.output, &head, self.limits, |out| {
            let arguments = Arguments { args: &args, kwargs: Kwargs::None };
            self.serializer.write_call(generation, out, DAEMON_OBJECT, "get_metadata", &arguments)
        })?;
        let broke = |e| Error::new(ErrorKind::Closed, format!("the connection broke during the handshake: {e}"));
        poll_fn(|cx| outbound.poll_flush(stream, cx)).await.map_err(broke)?;
        let (header, bytes) = read_frame(stream, self.limits).await.map_err(|attempt| attempt.error)?;
        let message = wire::open(&header, bytes, self.limits, self.key)?;
        if header.kind != MessageKind::Result || header.seq != seq {
            return Err(Error::new(ErrorKind::Protocol, "expected the object's metadata, found another message"));
        }
        let serializer = wire::serializer_of(&header)?.answering(self.serializer)?;
        let value = serializer.read(&message.payload, self.limits.budget(), |source| Value::read_tree(source))?;
        if !header.flags.has(Flags::EXCEPTION) {
            return Ok(Some(ObjectMetadata::from_value(&value)));
        }
        let exception = fault::from_value(value);
        // 4.26 has no such method.
        if exception.is("AttributeError") {
            return Ok(None);
        }
        Err(fault::refused(Ok(exception.message.into()), Some(serializer)))
    }
}
