//! Plain messages, quickly: those of version 502 that have a payload and nothing else. [`wire`](crate::wire) has the general
//! forms.

use springline_core::{Error, ErrorKind, Limits, Output, Result};

use crate::wire::{self, Flags, Head, Version};
use crate::{Generation, Serializer};

/// What the header of a plain message says. It stays in registers, which a whole [`Header`](wire::Header) does not.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PlainHead<'m> {
    header: &'m [u8; 40],
}

impl<'m> PlainHead<'m> {
    /// Bytes of a header.
    pub(crate) const LEN: usize = 40;
    /// The number of a call.
    pub(crate) const INVOKE: u8 = 4;
    /// The number of a result.
    pub(crate) const RESULT: u8 = 5;
    /// The number of a ping.
    pub(crate) const PING: u8 = 6;

    /// Of the message that `b` begins with. `None` if that is no plain one, is not there, or anything is wrong with it.
    #[inline(always)]
    pub(crate) fn of(b: &'m [u8]) -> Option<Self> {
        let header = b.first_chunk::<40>()?;
        let flags = u16::from_be_bytes([header[8], header[9]]);
        let plain = header[..6] == *b"PYRO\x01\xF6"
            && header[38..] == [0x4D, 0xC5]
            && flags & !Flags::CORRELATION == 0
            && header[16..20] == [0; 4];
        plain.then_some(Self { header })
    }

    /// The number of the message's kind.
    #[inline(always)]
    pub(crate) fn kind(self) -> u8 {
        self.header[6]
    }

    /// The serializer's number.
    #[inline(always)]
    pub(crate) fn serializer(self) -> u8 {
        self.header[7]
    }

    /// The serializer.
    #[inline(always)]
    pub(crate) fn serializer_of(self) -> Option<Serializer> {
        Serializer::from_id(self.header[7].into(), Generation::Pyro5)
    }

    /// The sequence number.
    #[inline(always)]
    pub(crate) fn seq(self) -> u16 {
        u16::from_be_bytes([self.header[10], self.header[11]])
    }

    /// Bytes of the whole message.
    #[inline(always)]
    pub(crate) fn message_len(self) -> usize {
        40 + u32::from_be_bytes([self.header[12], self.header[13], self.header[14], self.header[15]]) as usize
    }

    /// The correlation id.
    #[inline(always)]
    pub(crate) fn correlation_id(self) -> Option<[u8; 16]> {
        let id = self.header[20..].first_chunk::<16>().filter(|_| self.header[9] & Flags::CORRELATION as u8 != 0);
        id.copied()
    }
}

/// A header and what its payload begins with: copied and filled in, where others are put together anew.
#[derive(Debug)]
pub(crate) struct Template(Box<[u8]>);

impl Template {
    /// `None` for other versions, and for messages with more to them: annotations, compression, a signature.
    pub(crate) fn new(head: &Head<'_>, begins: &[u8]) -> Option<Self> {
        let plain = head.annotations.is_empty() && !head.compress && head.key.is_none();
        if head.version != Version::V502 || !plain {
            return None;
        }
        let mut out = Output::new();
        let payload = |out: &mut Output| {
            out.buf.extend_from_slice(begins);
            Ok(())
        };
        wire::write_message(&mut out, &Head { correlation_id: None, ..*head }, &Limits::default(), payload).ok()?;
        Some(Self(out.buf.into()))
    }

    /// Appends a message; `rest` writes what its payload goes on with. On an error `out` is as it was.
    #[inline]
    pub(crate) fn write(
        &self,
        out: &mut Output,
        seq: u16,
        correlation_id: Option<&[u8; 16]>,
        limits: &Limits,
        rest: impl FnOnce(&mut Output) -> Result<()>,
    ) -> Result<()> {
        let (start, blobs, before) = (out.buf.len(), out.blobs().len(), out.len());
        out.buf.extend_from_slice(&self.0);
        let done = rest(out).and_then(|()| {
            let total = out.len() - before;
            limits.check_message(total)?;
            let header = out.buf.get_mut(start..).and_then(|m| m.first_chunk_mut::<40>());
            let (Some(header), Ok(len)) = (header, u32::try_from(total - 40)) else { return Err(too_large(total)) };
            header[10..12].copy_from_slice(&seq.to_be_bytes());
            header[12..16].copy_from_slice(&len.to_be_bytes());
            if let Some(id) = correlation_id {
                header[9] |= Flags::CORRELATION as u8;
                header[20..36].copy_from_slice(id);
            }
            Ok(())
        });
        if done.is_err() {
            out.truncate(start, blobs);
        }
        done
    }
}

#[cold]
fn too_large(total: usize) -> Error {
    Error::new(ErrorKind::Encode, format!("a message of {total} bytes is too large for the wire"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::{HmacKey, MessageKind};

    #[test]
    fn writes_what_the_long_way_writes() {
        let head = Head {
            version: Version::V502,
            kind: MessageKind::Result,
            serializer: 4,
            flags: Flags::default(),
            seq: 0xABCD,
            annotations: &[],
            correlation_id: None,
            compress: false,
            key: None,
        };
        let template = Template::new(&head, b"begins ").unwrap();
        for id in [None, Some([7; 16])] {
            let (mut short, mut long) = (Output::new(), Output::new());
            for out in [&mut short, &mut long] {
                out.buf.extend_from_slice(b"before");
            }
            let limits = Limits::default();
            let text = |text: &'static [u8]| {
                move |out: &mut Output| {
                    out.buf.extend_from_slice(text);
                    Ok(())
                }
            };
            template.write(&mut short, head.seq, id.as_ref(), &limits, text(b"and ends")).unwrap();
            let with_id = Head { correlation_id: id, ..head };
            wire::write_message(&mut long, &with_id, &limits, text(b"begins and ends")).unwrap();
            assert_eq!(short.to_vec(), long.to_vec());
            let message = &short.to_vec()[6..];
            let (read, whole) = (PlainHead::of(message).unwrap(), wire::parse_header(message).unwrap().unwrap());
            assert_eq!((read.seq(), read.message_len()), (whole.seq, whole.message_len()));
            assert_eq!((read.kind(), u16::from(read.serializer())), (PlainHead::RESULT, whole.serializer));
            assert_eq!((read.correlation_id(), whole.correlation_id), (id, id));
            for at in [0, 4, 5, 8, 9, 16, 19, 38, 39] {
                let mut other = message.to_vec();
                other[at] ^= 1;
                assert!(PlainHead::of(&other).is_none(), "byte {at}");
            }
            assert!(PlainHead::of(&message[..39]).is_none());
            let mut tight = Limits::default();
            tight.message_size = 50;
            assert!(template.write(&mut short, 1, None, &tight, text(b"and ends")).is_err());
            assert_eq!(short.to_vec(), long.to_vec(), "taken back");
        }
        let key = HmacKey::new("key");
        let annotations = [("ABCD".into(), "x".into())];
        let others = [
            Head { version: Version::V501, ..head },
            Head { annotations: &annotations, ..head },
            Head { compress: true, ..head },
            Head { key: Some(&key), ..head },
        ];
        assert!(others.iter().all(|head| Template::new(head, b"").is_none()));
    }
}
