//! Frames: headers of all wire versions of Pyro4 and Pyro5, annotations, compression, checksum and signature. No IO here.

mod early;

#[cfg(feature = "net")]
pub(crate) use early::put_python;

use std::borrow::Cow;
use std::io::Write;

use bytes::{Buf, Bytes};
use hmac::{Hmac, Mac};
use sha1::Sha1;
use springline_core::{Error, ErrorKind, Limits, Output, Result};

pub use crate::version::Version;
use crate::{Generation, Serializer};

/// What a message is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum MessageKind {
    /// The client introduces itself.
    Connect,
    /// The daemon accepts.
    ConnectOk,
    /// The daemon refuses; the payload is a text.
    ConnectFail,
    /// A call.
    Invoke,
    /// Its result.
    Result,
    /// A sign of life, either way.
    Ping,
}

impl MessageKind {
    fn number(self) -> u16 {
        match self {
            Self::Connect => 1,
            Self::ConnectOk => 2,
            Self::ConnectFail => 3,
            Self::Invoke => 4,
            Self::Result => 5,
            Self::Ping => 6,
        }
    }

    fn from_number(number: u16) -> Option<Self> {
        Some(match number {
            1 => Self::Connect,
            2 => Self::ConnectOk,
            3 => Self::ConnectFail,
            4 => Self::Invoke,
            5 => Self::Result,
            6 => Self::Ping,
            _ => return None,
        })
    }
}

/// Flags, in one numbering for both generations (whose own differ from bit 16 on).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Flags(pub u16);

impl Flags {
    /// The payload is an exception.
    pub const EXCEPTION: u16 = 1;
    /// The payload is compressed with zlib.
    pub const COMPRESSED: u16 = 2;
    /// Nobody waits for an answer.
    pub const ONEWAY: u16 = 4;
    /// The payload is a batch of calls or of results.
    pub const BATCH: u16 = 8;
    /// The result is an iterator that stays with the daemon.
    pub const ITEM_STREAM: u16 = 16;
    /// The argument is passed on in serialized form.
    pub const KEEP_SERIALIZED: u16 = 32;
    /// The header holds a correlation id (Pyro5).
    pub const CORRELATION: u16 = 64;
    /// The handshake wants metadata (Pyro4).
    pub const META: u16 = 128;

    /// Whether any of `bits` is set.
    #[must_use]
    #[inline]
    pub fn has(self, bits: u16) -> bool {
        self.0 & bits != 0
    }

    fn to_wire(self, generation: Generation) -> u16 {
        let low = self.0 & 15;
        match generation {
            Generation::Pyro5 => low | self.0 & 0x70,
            Generation::Pyro4 => {
                let bit = |ours, theirs| if self.has(ours) { theirs } else { 0 };
                low | bit(Self::META, 16) | bit(Self::ITEM_STREAM, 32) | bit(Self::KEEP_SERIALIZED, 64)
            }
            Generation::Pyro4Early | Generation::Pyro4Middle => low,
        }
    }

    fn from_wire(raw: u16, generation: Generation) -> Self {
        let low = raw & 15;
        match generation {
            Generation::Pyro5 => Self(low | raw & 0x70),
            Generation::Pyro4 => {
                let bit = |theirs, ours| if raw & theirs != 0 { ours } else { 0 };
                Self(low | bit(16, Self::META) | bit(32, Self::ITEM_STREAM) | bit(64, Self::KEEP_SERIALIZED))
            }
            Generation::Pyro4Early | Generation::Pyro4Middle => Self(low),
        }
    }
}

/// A message's head.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header {
    /// Wire version.
    pub version: Version,
    /// What it is.
    pub kind: MessageKind,
    /// The serializer's number, of the generation's numbering. In 40 to 44, which do not tell it, that of pickle; in 45
    /// [`SERIALIZER_AS_SET`].
    pub serializer: u16,
    /// Flags.
    pub flags: Flags,
    /// Sequence number; a reply has its request's. 0 in 40, which has none.
    pub seq: u16,
    /// Bytes of all annotations.
    pub annotations_len: usize,
    /// Bytes of the payload as sent.
    pub payload_len: usize,
    /// The correlation id of a Pyro5 header.
    pub correlation_id: Option<[u8; 16]>,
    /// The major version of the Python that wrote the message, as [`Message::python`] has it. Not known from the header.
    pub python: u8,
}

impl Header {
    /// Bytes of the whole message.
    #[must_use]
    #[inline]
    pub fn message_len(&self) -> usize {
        self.version.header_len() + self.annotations_len + self.payload_len
    }

    /// Whether the payload is nothing but a result, and all that follows the header.
    #[cfg(feature = "net")]
    #[inline]
    pub(crate) fn is_plain(&self) -> bool {
        let odd = Flags::EXCEPTION | Flags::COMPRESSED | Flags::ITEM_STREAM;
        // Up to 45 the header may hold a signature, or the payload begin with more.
        self.annotations_len == 0 && !self.flags.has(odd) && self.version.has_annotations()
    }
}

/// What stands for the serializer of a message of version 45: the one that both sides are set to.
pub const SERIALIZER_AS_SET: u16 = u16::MAX;

const CHECKSUM_MAGIC: u32 = 0x34E9;
const PYRO5_MAGIC: u16 = 0x4DC5;

#[inline]
fn be16(b: &[u8], at: usize) -> u16 {
    match b.get(at..at + 2) {
        Some(&[h, l]) => u16::from_be_bytes([h, l]),
        _ => 0,
    }
}

#[inline]
fn be32(b: &[u8], at: usize) -> u32 {
    match b.get(at..at + 4) {
        Some(&[a, b, c, d]) => u32::from_be_bytes([a, b, c, d]),
        _ => 0,
    }
}

/// Why the first bytes are no message of ours.
#[derive(Debug)]
pub enum BadStart {
    /// Not `PYRO`.
    NotPyro,
    /// A version that is not ours.
    Version(u16),
    /// A header that contradicts itself.
    Header(Error),
}

impl From<BadStart> for Error {
    fn from(bad: BadStart) -> Self {
        match bad {
            BadStart::NotPyro => {
                Self::new(ErrorKind::Protocol, "the peer does not speak Pyro: expected a message that begins with PYRO")
            }
            BadStart::Version(4 | 5) => Self::new(ErrorKind::Protocol, "the peer speaks Pyro 3, expected Pyro 4 or 5"),
            BadStart::Version(v) => {
                Self::new(ErrorKind::Protocol, format!("unknown wire version {v}, expected 48, 501 or 502"))
            }
            BadStart::Header(e) => e,
        }
    }
}

/// The version in the first six bytes, if they are there and it is one of ours.
#[must_use]
pub fn version_of(b: &[u8]) -> Option<Version> {
    let number = b.strip_prefix(b"PYRO").filter(|rest| rest.len() >= 2).map(|rest| be16(rest, 0))?;
    Version::from_number(number)
}

/// Reads a header. `None` when more bytes are needed; what is there is checked as far as it goes.
#[inline(always)]
pub fn parse_header(b: &[u8]) -> Result<Option<Header>, BadStart> {
    // Nearly every message.
    match b.first_chunk::<40>() {
        Some(h) if h.starts_with(b"PYRO\x01\xF6") => parse_502(h).map(Some).map_err(BadStart::Header),
        _ if b.is_empty() => Ok(None),
        _ => parse_any_header(b),
    }
}

/// The error for a message that ends within its header.
#[cfg(feature = "net")]
#[cold]
pub(crate) fn cut_off() -> Error {
    Error::new(ErrorKind::Internal, "a message ends within its header")
}

#[inline(always)]
fn parse_502(h: &[u8; 40]) -> Result<Header> {
    if u16::from_be_bytes([h[38], h[39]]) != PYRO5_MAGIC {
        return parse_full_header(Version::V502, h); // which finds the words for it
    }
    let Some(kind) = MessageKind::from_number(h[6].into()) else { return parse_full_header(Version::V502, h) };
    let raw = u16::from_be_bytes([h[8], h[9]]);
    let id = h[20..].first_chunk::<16>().filter(|_| raw & Flags::CORRELATION != 0);
    Ok(Header {
        version: Version::V502,
        kind,
        serializer: h[7].into(),
        flags: Flags::from_wire(raw, Generation::Pyro5),
        seq: u16::from_be_bytes([h[10], h[11]]),
        annotations_len: u32::from_be_bytes([h[16], h[17], h[18], h[19]]) as usize,
        payload_len: u32::from_be_bytes([h[12], h[13], h[14], h[15]]) as usize,
        correlation_id: id.copied(),
        python: 0,
    })
}

#[cold]
fn parse_any_header(b: &[u8]) -> Result<Option<Header>, BadStart> {
    let start = b.len().min(4);
    if b.get(..start) != b"PYRO".get(..start) {
        return Err(BadStart::NotPyro);
    }
    if b.len() < 6 {
        return Ok(None);
    }
    let number = be16(b, 4);
    let version = Version::from_number(number).ok_or(BadStart::Version(number))?;
    let Some(b) = b.get(..version.header_len()) else { return Ok(None) };
    parse_full_header(version, b).map(Some).map_err(BadStart::Header)
}

fn parse_full_header(version: Version, b: &[u8]) -> Result<Header> {
    let protocol = |m: String| Error::new(ErrorKind::Protocol, m);
    let generation = version.generation();
    let (kind, serializer, flags, seq, annotations_len, payload_len, correlation) = match version {
        Version::V40 | Version::V43 | Version::V44 | Version::V45 => return early::parse(version, b),
        Version::V46 | Version::V47 | Version::V48 => {
            let payload_len = be32(b, 12);
            let fields = [be16(b, 6), be16(b, 4), be16(b, 18), be16(b, 16), be16(b, 8), be16(b, 10)];
            if checksum(payload_len, fields) != be16(b, 22) {
                return Err(protocol("header checksum mismatch".to_owned()).at(22));
            }
            check_length(payload_len, 12)?;
            (be16(b, 6), be16(b, 16), be16(b, 8), be16(b, 10), u32::from(be16(b, 18)), payload_len, None)
        }
        Version::V501 | Version::V502 => {
            let pair = be16(b, 6);
            let (annotations, id_at) = match version {
                Version::V501 => (u32::from(be16(b, 16)), 18),
                _ => (be32(b, 16), 20),
            };
            let magic_at = version.header_len() - 2;
            if be16(b, magic_at) != PYRO5_MAGIC {
                return Err(protocol(format!("bad magic number, expected 0x{PYRO5_MAGIC:04X}")).at(magic_at));
            }
            let mut id = [0; 16];
            if let Some(raw) = b.get(id_at..id_at + 16) {
                id.copy_from_slice(raw);
            }
            let flags = be16(b, 8);
            let id = (flags & Flags::CORRELATION != 0).then_some(id);
            (pair >> 8, pair & 0xFF, flags, be16(b, 10), annotations, be32(b, 12), id)
        }
    };
    Ok(Header {
        version,
        kind: kind_of(kind)?,
        serializer,
        flags: Flags::from_wire(flags, generation),
        seq,
        annotations_len: annotations_len as usize,
        payload_len: payload_len as usize,
        correlation_id: correlation,
        python: 0,
    })
}

fn kind_of(number: u16) -> Result<MessageKind> {
    MessageKind::from_number(number)
        .ok_or_else(|| Error::new(ErrorKind::Protocol, format!("unknown message type {number}")).at(6))
}

// Pyro4's lengths have a sign.
fn check_length(payload_len: u32, at: usize) -> Result<()> {
    match i32::try_from(payload_len) {
        Ok(_) => Ok(()),
        Err(_) => {
            let text = format!("negative payload length {}", payload_len.cast_signed());
            Err(Error::new(ErrorKind::Protocol, text).at(at))
        }
    }
}

pub use springline_core::Annotations;

/// What follows a message's head, its signature checked and its payload decompressed.
#[derive(Clone, Debug)]
pub struct Message {
    /// Its annotations, without the signature.
    pub annotations: Annotations,
    /// Its payload.
    pub payload: Bytes,
    /// The major version of the Python that wrote it, which calls and results of 40 and 43 tell; else 0. Python reads
    /// nothing of another one.
    pub python: u8,
}

/// A shared key for Pyro4's HMAC-SHA1 signatures.
#[derive(Clone)]
pub struct HmacKey(Bytes);

impl HmacKey {
    /// The key's bytes; Python takes a `str` key as UTF-8.
    pub fn new(key: impl Into<Bytes>) -> Self {
        Self(key.into())
    }

    // Over the payload as sent, then the data of all other annotations in the order of their keys (4.82).
    fn sign(
        &self,
        payload: impl Iterator<Item = impl AsRef<[u8]>>,
        annotations: &[(Cow<'static, str>, Bytes)],
    ) -> Hmac<Sha1> {
        // HMAC takes keys of any length, so this cannot fail; an empty key stands in if it ever did.
        let mut mac = <Hmac<Sha1> as Mac>::new_from_slice(&self.0)
            .unwrap_or_else(|_| <Hmac<Sha1> as Mac>::new(&Default::default()));
        payload.for_each(|p| mac.update(p.as_ref()));
        let mut sorted: Vec<_> = annotations.iter().collect();
        sorted.sort_by(|a, b| a.0.cmp(&b.0));
        sorted.iter().for_each(|(_, data)| mac.update(data));
        mac
    }
}

impl std::fmt::Debug for HmacKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("HmacKey(..)")
    }
}

const HMAC_ANNOTATION: &str = "HMAC";

// Programs have a handful. An empty one takes eight bytes on the wire and ten times as much here.
const MOST_ANNOTATIONS: usize = 1024;

/// Takes a whole message apart. `frame` must have `header.message_len()` bytes.
#[inline]
pub fn open(header: &Header, mut frame: Bytes, limits: &Limits, key: Option<&HmacKey>) -> Result<Message> {
    if frame.len() != header.message_len() {
        return Err(Error::new(ErrorKind::Protocol, "the frame has not the length that its header says"));
    }
    let bare = header.annotations_len == 0 && !header.flags.has(Flags::COMPRESSED);
    if bare && key.is_none() && header.version.has_annotations() {
        frame.advance(header.version.header_len().min(frame.len()));
        return Ok(Message { annotations: Annotations::new(), payload: frame, python: 0 });
    }
    open_slowly(header, frame, limits, key)
}

fn open_slowly(header: &Header, mut frame: Bytes, limits: &Limits, key: Option<&HmacKey>) -> Result<Message> {
    let mut annotations = split_annotations(header, &frame)?;
    let signature = match header.version {
        Version::V44 | Version::V45 => early::signature(&frame),
        _ => annotations.take(HMAC_ANNOTATION),
    };
    frame.advance((header.version.header_len() + header.annotations_len).min(frame.len()));
    check_signature(key, signature, &frame, &annotations)?;
    let mut payload = if header.flags.has(Flags::COMPRESSED) { decompress(&frame, limits)? } else { frame };
    let python = early::take_python(header, &mut payload)?;
    Ok(Message { annotations, payload, python })
}

fn check_signature(
    key: Option<&HmacKey>,
    signature: Option<Bytes>,
    payload: &Bytes,
    annotations: &[(Cow<'static, str>, Bytes)],
) -> Result<()> {
    match (key, signature) {
        (None, None) => Ok(()),
        (Some(key), Some(signature)) => key
            .sign(std::iter::once(payload), annotations)
            .verify_slice(&signature)
            .map_err(|_| Error::new(ErrorKind::Denied, "message hmac mismatch: the two sides have different keys")),
        (Some(_), None) => Err(Error::new(ErrorKind::Denied, "hmac key config not symmetric: the peer does not sign")),
        (None, Some(_)) => {
            Err(Error::new(ErrorKind::Denied, "hmac key config not symmetric: the peer signs, but no key is set here"))
        }
    }
}

fn split_annotations(header: &Header, frame: &Bytes) -> Result<Annotations> {
    let length_bytes = header.version.annotation_length_bytes();
    let mut at = header.version.header_len();
    let end = at + header.annotations_len;
    let mut list = Annotations::new();
    while at < end {
        let bad = |what: &str| Error::new(ErrorKind::Protocol, format!("bad annotation: {what}")).at(at);
        let head = frame.get(at..(at + 4 + length_bytes).min(end)).unwrap_or_default();
        if head.len() < 4 + length_bytes {
            return Err(bad("its head is cut off"));
        }
        let (key, length) = head.split_at(4);
        let length = if length_bytes == 2 { usize::from(be16(length, 0)) } else { be32(length, 0) as usize };
        let data_at = at + 4 + length_bytes;
        if length > end - data_at {
            return Err(bad("it is longer than all annotations together"));
        }
        if list.len() == MOST_ANNOTATIONS {
            let e = Error::new(ErrorKind::Limit, format!("the message has more annotations than {MOST_ANNOTATIONS}"));
            return Err(e.at(at));
        }
        let key = std::str::from_utf8(key).ok().filter(|k| k.is_ascii()).ok_or_else(|| bad("its key is not ASCII"))?;
        list.push((Cow::Owned(key.to_owned()), frame.slice(data_at..data_at + length)));
        at = data_at + length;
    }
    Ok(list)
}

pub(crate) fn decompress(payload: &[u8], limits: &Limits) -> Result<Bytes> {
    let over = |what: String| Error::new(ErrorKind::Limit, format!("decompressed payload is over the limit {what}"));
    // Up to 16 MiB any ratio is harmless: zeros and repetitions pack a thousand to one.
    let by_ratio = payload.len().saturating_mul(limits.decompression_ratio).max(16 << 20);
    let most = by_ratio.min(limits.decompressed_size);
    let mut out = Vec::with_capacity(payload.len().saturating_mul(3).clamp(64, 1 << 20).min(most + 1));
    let mut inflate = flate2::Decompress::new(true);
    loop {
        let (read, had) = (inflate.total_in() as usize, out.len());
        let rest = payload.get(read..).unwrap_or_default();
        let status = inflate
            .decompress_vec(rest, &mut out, flate2::FlushDecompress::None)
            .map_err(|e| Error::malformed(read, format!("the compressed payload cannot be unpacked: {e}")))?;
        if status == flate2::Status::StreamEnd || out.len() > most {
            break;
        }
        if out.len() == out.capacity() {
            out.reserve_exact(out.len().min(most + 1 - out.len()));
        } else if inflate.total_in() as usize == read && out.len() == had {
            return Err(Error::malformed(read, "the compressed payload cannot be unpacked: it is cut off"));
        }
    }
    if out.len() > most {
        return Err(if most < limits.decompressed_size {
            over(format!("decompression_ratio = {}", limits.decompression_ratio))
        } else {
            over(format!("decompressed_size = {}", limits.decompressed_size))
        });
    }
    Ok(out.into())
}

/// What a message is written with.
#[derive(Clone, Copy, Debug)]
pub struct Head<'a> {
    /// Wire version.
    pub version: Version,
    /// What it is.
    pub kind: MessageKind,
    /// The serializer's number, of the generation's numbering.
    pub serializer: u16,
    /// Flags; `COMPRESSED` is set by the writer itself.
    pub flags: Flags,
    /// Sequence number.
    pub seq: u16,
    /// Annotations, without the signature and, in Pyro4, the correlation id.
    pub annotations: &'a [(Cow<'static, str>, Bytes)],
    /// Correlation id: in Pyro5's header, Pyro4's `CORR` annotation.
    pub correlation_id: Option<[u8; 16]>,
    /// Whether the payload may be compressed.
    pub compress: bool,
    /// Pyro4's key.
    pub key: Option<&'a HmacKey>,
}

/// Appends one message to `out`; `payload` writes its payload. On an error `out` is as it was.
#[inline]
pub fn write_message(
    out: &mut Output,
    head: &Head<'_>,
    limits: &Limits,
    payload: impl FnOnce(&mut Output) -> Result<()>,
) -> Result<()> {
    let (start, blobs, before) = (out.buf.len(), out.blobs().len(), out.len());
    let done = write_parts(out, head, limits, start, before, payload);
    if done.is_err() {
        out.truncate(start, blobs);
    }
    done
}

#[inline]
fn write_parts(
    out: &mut Output,
    head: &Head<'_>,
    limits: &Limits,
    start: usize,
    before: usize,
    payload: impl FnOnce(&mut Output) -> Result<()>,
) -> Result<()> {
    let version = head.version;
    let header_len = version.header_len();
    match version {
        Version::V502 => out.buf.extend_from_slice(&[0; 40]),
        Version::V501 => out.buf.extend_from_slice(&[0; 38]),
        Version::V48 => out.buf.extend_from_slice(&[0; 24]),
        _ => out.buf.resize(start + header_len, 0),
    }
    let signed_or_tied = version.generation().is_pyro4() && (head.key.is_some() || head.correlation_id.is_some());
    if head.annotations.is_empty() && !head.compress && !signed_or_tied {
        payload(out)?;
        let total = out.len() - before;
        limits.check_message(total)?;
        return put_header(out.buf.get_mut(start..).unwrap_or_default(), head, head.flags, 0, total - header_len);
    }
    // A version without annotations has no place for an id either.
    let corr = match &head.correlation_id {
        Some(id) if version.generation().is_pyro4() && version.has_annotations() => {
            Some((Cow::Borrowed("CORR"), Bytes::copy_from_slice(id)))
        }
        _ => None,
    };
    let key = head.key.filter(|_| version.has_signatures());
    if !head.annotations.is_empty() && !version.has_annotations() {
        return Err(Error::encode(format!("wire version {version} has no annotations")));
    }
    for (name, data) in head.annotations.iter().chain(&corr) {
        push_annotation(out, version, name, data)?;
    }
    let hmac_at = key.filter(|_| version.has_annotations()).map(|_| {
        out.buf.extend_from_slice(b"HMAC\0\x14");
        let at = out.buf.len();
        out.buf.resize(at + 20, 0);
        at
    });
    let annotations_len = out.buf.len() - start - header_len;
    let payload_at = out.buf.len();
    payload(out)?;
    let mut flags = head.flags;
    if head.compress && compress(out, payload_at, version)? {
        flags.0 |= Flags::COMPRESSED;
    }
    if let Some(key) = key {
        // In the header, where there are no annotations.
        let at = hmac_at.unwrap_or(start + early::SIGNATURE_AT);
        if hmac_at.is_none() {
            flags.0 |= early::SIGNED;
        }
        out.flatten(payload_at);
        let mut signed = head.annotations.to_vec();
        signed.extend(corr);
        let mac = key.sign(std::iter::once(out.buf.get(payload_at..).unwrap_or_default()), &signed);
        if let Some(slot) = out.buf.get_mut(at..at + 20) {
            slot.copy_from_slice(&mac.finalize().into_bytes());
        }
    }
    let total = out.len() - before;
    limits.check_message(total)?;
    let payload_len = total - header_len - annotations_len;
    put_header(out.buf.get_mut(start..).unwrap_or_default(), head, flags, annotations_len, payload_len)
}

fn push_annotation(out: &mut Output, version: Version, name: &str, data: &Bytes) -> Result<()> {
    if name.len() != 4 || !name.is_ascii() {
        return Err(Error::encode(format!("annotation key {name:?} must be four ASCII characters")));
    }
    out.buf.extend_from_slice(name.as_bytes());
    if version.annotation_length_bytes() == 2 {
        let len = u16::try_from(data.len())
            .map_err(|_| Error::encode(format!("annotation {name} of {} bytes is over 65535", data.len())))?;
        out.buf.extend_from_slice(&len.to_be_bytes());
    } else {
        let len = u32::try_from(data.len()).map_err(|_| Error::encode(format!("annotation {name} is over 4 GiB")))?;
        out.buf.extend_from_slice(&len.to_be_bytes());
    }
    out.buf.extend_from_slice(data);
    Ok(())
}

// The sizes from which the generations compress (4.82: 200 bytes, 5.17: above 100). Never when it does not pay: Pyro5
// itself would, but every receiver goes by the flag.
fn compress(out: &mut Output, payload_at: usize, version: Version) -> Result<bool> {
    let (least, level) = match version {
        Version::V501 | Version::V502 => (101, flate2::Compression::new(4)),
        _ => (200, flate2::Compression::default()),
    };
    out.flatten(payload_at);
    let plain = out.buf.get(payload_at..).unwrap_or_default();
    if plain.len() < least {
        return Ok(false);
    }
    let mut encoder = flate2::write::ZlibEncoder::new(Vec::with_capacity(plain.len() / 2), level);
    let packed = encoder
        .write_all(plain)
        .and_then(|()| encoder.finish())
        .map_err(|e| Error::encode(format!("compression failed: {e}")))?;
    if packed.len() >= plain.len() {
        return Ok(false);
    }
    out.buf.truncate(payload_at);
    out.buf.extend_from_slice(&packed);
    Ok(true)
}

// Writes the header over the zeros that were left for it.
#[inline]
fn put_header(h: &mut [u8], head: &Head<'_>, flags: Flags, annotations_len: usize, payload_len: usize) -> Result<()> {
    match head.version {
        Version::V502 => {
            let Some(h) = h.first_chunk_mut::<40>() else { return Err(no_room()) };
            put_pyro5_start(h, head, flags, payload_len)?;
            let annotations =
                u32::try_from(annotations_len).map_err(|_| Error::encode("annotations are over 4 GiB"))?;
            h[16..20].copy_from_slice(&annotations.to_be_bytes());
            if let Some(id) = &head.correlation_id {
                h[20..36].copy_from_slice(id);
            }
            h[38..40].copy_from_slice(&PYRO5_MAGIC.to_be_bytes());
        }
        Version::V501 => {
            let Some(h) = h.first_chunk_mut::<38>() else { return Err(no_room()) };
            put_pyro5_start(h, head, flags, payload_len)?;
            h[16..18].copy_from_slice(&short(annotations_len)?.to_be_bytes());
            if let Some(id) = &head.correlation_id {
                h[18..34].copy_from_slice(id);
            }
            h[36..38].copy_from_slice(&PYRO5_MAGIC.to_be_bytes());
        }
        Version::V40 | Version::V43 | Version::V44 | Version::V45 => early::put(h, head, flags, payload_len)?,
        Version::V46 | Version::V47 | Version::V48 => {
            let Some(h) = h.first_chunk_mut::<24>() else { return Err(no_room()) };
            let payload = i32::try_from(payload_len).map_err(|_| too_large(payload_len))? as u32;
            let (kind, annotations) = (head.kind.number(), short(annotations_len)?);
            let flags = flags.to_wire(head.version.generation());
            let number = head.version.number();
            let sum = checksum(payload, [kind, number, annotations, head.serializer, flags, head.seq]);
            h[0..4].copy_from_slice(b"PYRO");
            h[4..6].copy_from_slice(&number.to_be_bytes());
            h[6..8].copy_from_slice(&kind.to_be_bytes());
            h[8..10].copy_from_slice(&flags.to_be_bytes());
            h[10..12].copy_from_slice(&head.seq.to_be_bytes());
            h[12..16].copy_from_slice(&payload.to_be_bytes());
            h[16..18].copy_from_slice(&head.serializer.to_be_bytes());
            h[18..20].copy_from_slice(&annotations.to_be_bytes());
            h[22..24].copy_from_slice(&sum.to_be_bytes());
        }
    }
    Ok(())
}

// What headers of 501 and 502 have in common: their first 16 bytes.
#[inline]
fn put_pyro5_start<const N: usize>(h: &mut [u8; N], head: &Head<'_>, flags: Flags, payload_len: usize) -> Result<()> {
    let payload = u32::try_from(payload_len).map_err(|_| too_large(payload_len))?;
    let mut flags = flags.to_wire(Generation::Pyro5);
    if head.correlation_id.is_some() {
        flags |= Flags::CORRELATION;
    }
    h[0..4].copy_from_slice(b"PYRO");
    h[4..6].copy_from_slice(&head.version.number().to_be_bytes());
    h[6] = head.kind.number() as u8;
    h[7] = head.serializer as u8;
    h[8..10].copy_from_slice(&flags.to_be_bytes());
    h[10..12].copy_from_slice(&head.seq.to_be_bytes());
    h[12..16].copy_from_slice(&payload.to_be_bytes());
    Ok(())
}

#[inline]
fn checksum(payload: u32, fields: [u16; 6]) -> u16 {
    (fields.iter().fold(payload, |sum, v| sum.wrapping_add(u32::from(*v))).wrapping_add(CHECKSUM_MAGIC)) as u16
}

fn short(n: usize) -> Result<u16> {
    u16::try_from(n).map_err(|_| Error::encode(format!("annotations of {n} bytes together are over 65535")))
}

#[cold]
fn too_large(payload_len: usize) -> Error {
    Error::encode(format!("payload of {payload_len} bytes is too large for the wire"))
}

#[cold]
fn no_room() -> Error {
    Error::new(ErrorKind::Internal, "no room was left for the header")
}

/// The serializer of a message on a side that is set to `set`, which version 45 goes by.
///
/// # Errors
/// As [`serializer_of`].
#[inline]
pub fn serializer_on(header: &Header, set: Serializer) -> Result<Serializer> {
    if header.version == Version::V45 { Ok(set) } else { serializer_of(header) }
}

/// The serializer of a message, or the error for a number that has none.
pub fn serializer_of(header: &Header) -> Result<Serializer> {
    Serializer::from_id(header.serializer, header.version.generation()).ok_or_else(|| {
        Error::new(ErrorKind::Protocol, format!("message used serializer that is not accepted: {}", header.serializer))
    })
}

/// The annotation in which a call that was made with a deadline has the milliseconds that its caller still waits, as
/// decimal digits. It is ours: Python's daemons leave it to the method.
pub const DEADLINE: &str = "DDLN";

/// Takes out how long the caller still waits, if it says so.
pub fn take_deadline(metadata: &mut springline_core::Metadata) -> Option<std::time::Duration> {
    let data = metadata.annotations.take(DEADLINE)?;
    let millis = std::str::from_utf8(&data).ok()?.parse().ok()?;
    Some(std::time::Duration::from_millis(millis))
}

/// Moves Pyro4's `CORR` annotation into the correlation id.
pub fn take_corr(metadata: &mut springline_core::Metadata) {
    let Some(data) = metadata.annotations.take("CORR") else { return };
    if metadata.correlation_id.is_none() {
        metadata.correlation_id = data.as_ref().try_into().ok();
    }
}
