//! Headers of wire versions 40 to 45 (Pyro4 4.2 to 4.21), whose messages do not tell their serializer.

use bytes::{Buf, Bytes};
#[cfg(feature = "net")]
use springline_core::Output;
use springline_core::{Error, ErrorKind, Result};

use super::{
    Flags, Head, Header, MessageKind, Version, be16, be32, check_length, checksum, kind_of, no_room, too_large,
};
use crate::Serializer;

/// Where the signature stands in a header of 44 and 45.
pub(super) const SIGNATURE_AT: usize = 18;

/// The message is signed; among our flags a number that no other has.
pub(super) const SIGNED: u16 = 1 << 15;

// The flags of 44 and 45 from the fourth on. 4.4 signs without setting the first.
const HMAC: u16 = 8;
const BATCH: u16 = 16;

/// Reads a header, of which all bytes are there.
pub(super) fn parse(version: Version, b: &[u8]) -> Result<Header> {
    let (kind, raw) = (be16(b, 6), be16(b, 8));
    let (seq, length_at) = if version == Version::V40 { (0, 10) } else { (be16(b, 10), 12) };
    let payload_len = be32(b, length_at);
    if version != Version::V40 && checksum(payload_len, [kind, version.number(), raw, seq, 0, 0]) != be16(b, 16) {
        return Err(Error::new(ErrorKind::Protocol, "header checksum mismatch").at(16));
    }
    check_length(payload_len, length_at)?;
    let mut flags = raw & (Flags::EXCEPTION | Flags::COMPRESSED | Flags::ONEWAY);
    if version.has_batches() && raw & BATCH != 0 {
        flags |= Flags::BATCH;
    }
    Ok(Header {
        version,
        kind: kind_of(kind)?,
        serializer: match version.only_serializer() {
            Some(_) => Serializer::Pickle.id(version.generation()),
            None => super::SERIALIZER_AS_SET,
        },
        flags: Flags(flags),
        seq,
        annotations_len: 0,
        payload_len: payload_len as usize,
        correlation_id: None,
        python: 0,
    })
}

/// Writes a header over the zeros that were left for it. The signature is there already.
pub(super) fn put(h: &mut [u8], head: &Head<'_>, flags: Flags, payload_len: usize) -> Result<()> {
    let payload = i32::try_from(payload_len).map_err(|_| too_large(payload_len))?.cast_unsigned();
    let (version, kind) = (head.version.number(), head.kind.number());
    let mut raw = flags.0 & (Flags::EXCEPTION | Flags::COMPRESSED | Flags::ONEWAY);
    if head.version.has_batches() {
        raw |= if flags.has(Flags::BATCH) { BATCH } else { 0 } | if flags.has(SIGNED) { HMAC } else { 0 };
    }
    let mut put = |at: usize, bytes: &[u8]| match h.get_mut(at..at + bytes.len()) {
        Some(slot) => {
            slot.copy_from_slice(bytes);
            Ok(())
        }
        None => Err(no_room()),
    };
    put(0, b"PYRO")?;
    put(4, &version.to_be_bytes())?;
    put(6, &kind.to_be_bytes())?;
    put(8, &raw.to_be_bytes())?;
    if head.version == Version::V40 {
        return put(10, &payload.to_be_bytes());
    }
    put(10, &head.seq.to_be_bytes())?;
    put(12, &payload.to_be_bytes())?;
    put(16, &checksum(payload, [kind, version, raw, head.seq, 0, 0]).to_be_bytes())
}

/// The signature in a header of 44 or 45, if there is one.
pub(super) fn signature(frame: &Bytes) -> Option<Bytes> {
    let bytes = frame.get(SIGNATURE_AT..SIGNATURE_AT + 20)?;
    let signed = be16(frame, 8) & HMAC != 0 || bytes.iter().any(|b| *b != 0);
    signed.then(|| frame.slice(SIGNATURE_AT..SIGNATURE_AT + 20))
}

/// Takes the version of Python off a payload that begins with it; gives its major part, else 0.
pub(super) fn take_python(header: &Header, payload: &mut Bytes) -> Result<u8> {
    if !header.version.tells_python() || !matches!(header.kind, MessageKind::Invoke | MessageKind::Result) {
        return Ok(0);
    }
    match payload.first_chunk::<2>() {
        Some(&[major, _]) => {
            payload.advance(2);
            Ok(major)
        }
        None => Err(Error::new(ErrorKind::Protocol, "the payload does not begin with a version of Python")),
    }
}

/// Begins the payload of a call or result of 40 or 43, which tell the version of Python that wrote it. Other versions'
/// begin with nothing.
#[cfg(feature = "net")]
pub(crate) fn put_python(out: &mut Output, version: Version, major: u8) {
    if version.tells_python() {
        // Python looks at the major version only (4.2, 4.3). What is not known is answered as Python 2.
        let major = if major == 0 { 2 } else { major };
        out.buf.extend_from_slice(&[major, if major == 2 { 7 } else { 0 }]);
    }
}
