//! Frames of every version, with and without annotations, compression and signatures: what is written is read again.

use std::borrow::Cow;

use bytes::Bytes;
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use springline_core::{ErrorKind, Limits, Output};
use springline_pyro::wire::{self, BadStart, Flags, Head, Header, HmacKey, Message, MessageKind};
use springline_pyro::{Generation, Version};

const KINDS: [MessageKind; 6] = [
    MessageKind::Connect,
    MessageKind::ConnectOk,
    MessageKind::ConnectFail,
    MessageKind::Invoke,
    MessageKind::Result,
    MessageKind::Ping,
];

type Pairs = Vec<(Cow<'static, str>, Bytes)>;

#[derive(Clone, Debug)]
struct Case {
    version: Version,
    kind: MessageKind,
    serializer: u16,
    flags: u16,
    seq: u16,
    annotations: Pairs,
    correlation_id: Option<[u8; 16]>,
    compress: bool,
    key: Option<Vec<u8>>,
    /// Pieces; those of more than 16 KiB are kept by reference.
    payload: Vec<Vec<u8>>,
    /// What stands in the buffer before.
    before: Vec<u8>,
}

impl Case {
    fn head<'a>(&'a self, key: Option<&'a HmacKey>) -> Head<'a> {
        Head {
            version: self.version,
            kind: self.kind,
            serializer: self.serializer,
            flags: Flags(self.flags),
            seq: self.seq,
            annotations: &self.annotations,
            correlation_id: self.correlation_id,
            compress: self.compress,
            key,
        }
    }

    fn key(&self) -> Option<HmacKey> {
        self.key.clone().map(HmacKey::new)
    }

    // Only Pyro4 signs, from 44 on.
    fn signing_key(&self) -> Option<HmacKey> {
        self.key().filter(|_| self.version.has_signatures())
    }

    // Calls and results of 40 and 43 begin with a version of Python.
    fn tells_python(&self) -> bool {
        matches!(self.version, Version::V40 | Version::V43)
            && matches!(self.kind, MessageKind::Invoke | MessageKind::Result)
    }

    fn payload(&self) -> Vec<u8> {
        self.payload.concat()
    }

    fn written(&self) -> Vec<u8> {
        let key = self.key();
        let mut out = Output::new();
        out.buf.extend_from_slice(&self.before);
        wire::write_message(&mut out, &self.head(key.as_ref()), &Limits::default(), |out| {
            if self.tells_python() {
                out.buf.extend_from_slice(&[3, 1]);
            }
            for piece in &self.payload {
                out.blob(Bytes::from(piece.clone()));
            }
            Ok(())
        })
        .unwrap();
        let all = out.to_vec();
        assert_eq!(&all[..self.before.len()], &self.before[..]);
        all[self.before.len()..].to_vec()
    }
}

fn piece() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        8 => vec(any::<u8>(), 0..300),
        // What can be packed, below and above the sizes from which it is.
        4 => (any::<u8>(), 0usize..500).prop_map(|(b, n)| vec![b; n]),
        1 => (any::<u8>(), 16_000usize..40_000).prop_map(|(b, n)| vec![b; n]),
        1 => vec(any::<u8>(), 16_384..20_000),
    ]
}

fn annotations() -> impl Strategy<Value = Pairs> {
    let key = "[A-Z]{4}".prop_filter("reserved", |k| k != "HMAC" && k != "CORR");
    vec((key.prop_map(Cow::Owned), vec(any::<u8>(), 0..200).prop_map(Bytes::from)), 0..6)
}

prop_compose! {
    fn case()(
        version in prop_oneof![
            2 => proptest::sample::select(&Version::OLD[..]),
            3 => proptest::sample::select(&[Version::V48, Version::V501, Version::V502][..]),
        ],
        kind in proptest::sample::select(&KINDS[..]),
        serializer in 0u16..256,
        flags in any::<u16>(),
        seq in any::<u16>(),
        annotations in annotations(),
        correlation_id in option::of(any::<[u8; 16]>()),
        compress in any::<bool>(),
        key in option::of(vec(any::<u8>(), 0..100)),
        payload in vec(piece(), 0..4),
        before in vec(any::<u8>(), 0..50),
    ) -> Case {
        // Those that this version has; COMPRESSED is set by the writer, CORRELATION goes with its id.
        let known = match version.generation() {
            Generation::Pyro4 => Flags::META | Flags::ITEM_STREAM | Flags::KEEP_SERIALIZED,
            Generation::Pyro5 => Flags::ITEM_STREAM | Flags::KEEP_SERIALIZED,
            Generation::Pyro4Early | Generation::Pyro4Middle => 0,
        };
        let batch = if version.has_batches() { Flags::BATCH } else { 0 };
        let known = known | Flags::EXCEPTION | Flags::ONEWAY | batch;
        let serializer = match version {
            Version::V40 | Version::V43 | Version::V44 => 4,
            Version::V45 => wire::SERIALIZER_AS_SET,
            Version::V501 | Version::V502 => serializer & 0xFF,
            _ => serializer,
        };
        let seq = if version == Version::V40 { 0 } else { seq };
        let annotations = if version.has_annotations() { annotations } else { Vec::new() };
        let flags = flags & known;
        Case { version, kind, serializer, flags, seq, annotations, correlation_id, compress, key, payload, before }
    }
}

fn parse(bytes: &[u8]) -> Header {
    wire::parse_header(bytes).unwrap().expect("a whole header")
}

fn open(bytes: &[u8], limits: &Limits, key: Option<&HmacKey>) -> springline_core::Result<Message> {
    wire::open(&parse(bytes), Bytes::copy_from_slice(bytes), limits, key)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 600, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_is_written_is_read(case in case()) {
        let bytes = case.written();
        let header = parse(&bytes);
        prop_assert_eq!(header.message_len(), bytes.len());
        prop_assert_eq!((header.version, header.kind), (case.version, case.kind));
        prop_assert_eq!((header.serializer, header.seq), (case.serializer, case.seq));
        let mut flags = header.flags;
        if flags.has(Flags::COMPRESSED) {
            prop_assert!(case.compress && header.payload_len < case.payload().len() + 2);
            flags.0 &= !Flags::COMPRESSED;
        } else {
            prop_assert_eq!(header.payload_len, case.payload().len() + if case.tells_python() { 2 } else { 0 });
        }
        let pyro5 = !case.version.generation().is_pyro4();
        if pyro5 && case.correlation_id.is_some() {
            prop_assert!(flags.has(Flags::CORRELATION));
            flags.0 &= !Flags::CORRELATION;
        }
        prop_assert_eq!(flags.0, case.flags);
        prop_assert_eq!(header.correlation_id, case.correlation_id.filter(|_| pyro5));

        let message = open(&bytes, &Limits::default(), case.signing_key().as_ref()).unwrap();
        prop_assert_eq!(&message.payload[..], &case.payload()[..]);
        prop_assert_eq!(message.python, if case.tells_python() { 3 } else { 0 });
        let mut expected = case.annotations.clone();
        if let Some(id) = case.correlation_id.filter(|_| !pyro5 && case.version.has_annotations()) {
            expected.push(("CORR".into(), Bytes::copy_from_slice(&id)));
        }
        prop_assert_eq!(message.annotations, expected);
    }

    #[test]
    fn every_prefix_waits_or_is_the_header(case in case()) {
        let bytes = case.written();
        let header = parse(&bytes);
        for end in 0..bytes.len().min(200) {
            let parsed = wire::parse_header(&bytes[..end]).unwrap();
            prop_assert_eq!(parsed.is_some(), end >= case.version.header_len(), "{} bytes", end);
            prop_assert!(parsed.is_none_or(|p| p == header));
        }
        // A frame that was cut is an error, never a panic and never a message.
        let key = case.signing_key();
        for end in (0..bytes.len()).step_by(1 + bytes.len() / 50) {
            let cut = Bytes::copy_from_slice(&bytes[..end]);
            prop_assert!(wire::open(&header, cut, &Limits::default(), key.as_ref()).is_err());
        }
    }

    #[test]
    fn a_changed_bit_is_noticed_or_harmless(case in case(), at in any::<prop::sample::Index>(), bit in 0u8..8) {
        let mut bytes = case.written();
        let at = at.index(bytes.len());
        bytes[at] ^= 1 << bit;
        let header_len = case.version.header_len();
        match wire::parse_header(&bytes) {
            Err(_) => prop_assert!(at < header_len),
            Ok(None) => {
                // An empty message of an old version may be shorter than the header of the version that it names now.
                let named = Version::from_number(u16::from_be_bytes([bytes[4], bytes[5]]));
                prop_assert!(matches!(at, 4 | 5) && named.is_some_and(|v| bytes.len() < v.header_len()), "byte {}", at);
            }
            Ok(Some(header)) => {
                // The checksum covers Pyro4's header but for the two bytes reserved, and of the length the lower half. Up
                // to 45 the header ends with a signature.
                let summed = match case.version {
                    Version::V43 | Version::V44 | Version::V45 => 18,
                    Version::V46 | Version::V47 | Version::V48 => 24,
                    _ => 0,
                };
                // One that names 40 now has nothing that would have to fit.
                let covered = at < summed && !matches!(at, 12 | 13 | 20 | 21) && header.version != Version::V40;
                prop_assert!(!covered, "byte {} of the header", at);
                if header.message_len() != bytes.len() {
                    prop_assert!(at < header_len);
                    return Ok(());
                }
                let key = case.signing_key();
                let opened = wire::open(&header, Bytes::from(bytes.clone()), &Limits::default(), key.as_ref());
                if key.is_some() && at >= header_len + header.annotations_len {
                    prop_assert_eq!(opened.unwrap_err().kind(), ErrorKind::Denied, "a signed payload was changed");
                }
            }
        }
    }

    #[test]
    fn any_bytes_are_read_or_refused(
        bytes in vec(any::<u8>(), 0..200),
        version in prop_oneof![Just(40u16), Just(43), Just(44), Just(45), Just(47), Just(48), Just(501), Just(502)],
        fix in any::<bool>(),
    ) {
        let mut bytes = [b"PYRO", &version.to_be_bytes()[..], &bytes].concat();
        // 40 has nothing that would have to fit.
        if fix && version > 45 {
            // Past the checks, into what follows.
            let parsed = Version::from_number(version).unwrap();
            let header_len = parsed.header_len();
            if bytes.len() >= header_len {
                let rest = bytes.len() - header_len;
                bytes[12..16].copy_from_slice(&(rest as u32 / 2).to_be_bytes());
                let annotations = (rest - rest / 2) as u32;
                match parsed {
                    Version::V501 => {
                        bytes[16..18].copy_from_slice(&(annotations as u16).to_be_bytes());
                        bytes[6] = 4;
                        bytes[36..38].copy_from_slice(&0x4DC5u16.to_be_bytes());
                    }
                    Version::V502 => {
                        bytes[16..20].copy_from_slice(&annotations.to_be_bytes());
                        bytes[6] = 4;
                        bytes[38..40].copy_from_slice(&0x4DC5u16.to_be_bytes());
                    }
                    _ => {
                        bytes[18..20].copy_from_slice(&(annotations as u16).to_be_bytes());
                        bytes[6] = 0;
                        bytes[7] = 4;
                        let word = |i: usize| u32::from(u16::from_be_bytes([bytes[i], bytes[i + 1]]));
                        let fields: u32 = [4, 6, 8, 10, 16, 18].into_iter().map(word).sum();
                        let sum = fields + 0x34E9 + rest as u32 / 2;
                        bytes[22..24].copy_from_slice(&(sum as u16).to_be_bytes());
                    }
                }
                prop_assert!(wire::parse_header(&bytes).unwrap().is_some());
            }
        }
        if let Ok(Some(header)) = wire::parse_header(&bytes) {
            let _ = wire::open(&header, Bytes::from(bytes.clone()), &Limits::default(), None);
            let _ = wire::open(&header, Bytes::from(bytes), &Limits::default(), Some(&HmacKey::new("key")));
        }
    }
}

fn head<'a>(version: Version, annotations: &'a [(Cow<'static, str>, Bytes)], key: Option<&'a HmacKey>) -> Head<'a> {
    Head {
        version,
        kind: MessageKind::Invoke,
        serializer: 1,
        flags: Flags(0),
        seq: 1,
        annotations,
        correlation_id: None,
        compress: false,
        key,
    }
}

#[test]
fn signatures_are_symmetric() {
    let written = |key: Option<&HmacKey>| {
        let mut out = Output::new();
        wire::write_message(&mut out, &head(Version::V48, &[], key), &Limits::default(), |out| {
            out.buf.extend_from_slice(b"payload");
            Ok(())
        })
        .unwrap();
        out.to_vec()
    };
    let (key, other) = (HmacKey::new("key"), HmacKey::new("other"));
    let limits = Limits::default();
    assert_eq!(&open(&written(Some(&key)), &limits, Some(&key)).unwrap().payload[..], b"payload");
    for (signed, checked, text) in [
        (Some(&key), None, "the peer signs"),
        (None, Some(&key), "the peer does not sign"),
        (Some(&key), Some(&other), "hmac mismatch"),
    ] {
        let e = open(&written(signed), &limits, checked).unwrap_err();
        assert_eq!(e.kind(), ErrorKind::Denied);
        assert!(e.to_string().contains(text), "{e}");
    }
    assert_eq!(format!("{key:?}"), "HmacKey(..)");
}

#[test]
fn what_cannot_be_written_leaves_nothing_behind() {
    let long = vec![("ABCD".into(), Bytes::from(vec![0; 65536]))];
    let many: Pairs = (0..20).map(|_| ("ABCD".into(), Bytes::from(vec![0; 4000]))).collect();
    let names: Vec<Pairs> =
        ["", "ABC", "ABCDE", "ÄBC", "\u{1F600}\u{1F600}"].iter().map(|k| vec![((*k).into(), Bytes::new())]).collect();
    for version in [Version::V48, Version::V501, Version::V502] {
        let mut out = Output::new();
        out.buf.extend_from_slice(b"before");
        out.blob(Bytes::from(vec![1; 20_000]));
        let before = out.to_vec();
        let mut limits = Limits::default();
        limits.message_size = 100_000;
        let mut refused = |annotations: &[_], payload: usize, kind| {
            let written = wire::write_message(&mut out, &head(version, annotations, None), &limits, |out| {
                out.buf.extend_from_slice(b"some");
                out.blob(Bytes::from(vec![2; payload]));
                Ok(())
            });
            assert_eq!(written.unwrap_err().kind(), kind);
            assert_eq!(out.to_vec(), before);
        };
        names.iter().for_each(|n| refused(n, 0, ErrorKind::Encode));
        refused(&[], 100_000, ErrorKind::Limit);
        if version != Version::V502 {
            refused(&long, 0, ErrorKind::Encode);
            refused(&many, 0, ErrorKind::Encode);
        }
        let e = wire::write_message(&mut out, &head(version, &[], None), &limits, |_| {
            Err(springline_core::Error::encode("no"))
        });
        assert_eq!(e.unwrap_err().message(), "no");
        assert_eq!(out.to_vec(), before);
    }
}

#[test]
fn other_versions_and_protocols() {
    for (number, text) in
        [(4, "Pyro 3"), (5, "Pyro 3"), (41, "unknown"), (42, "unknown"), (49, "unknown"), (503, "unknown")]
    {
        let bytes = [b"PYRO", &u16::to_be_bytes(number)[..]].concat();
        let bad = wire::parse_header(&bytes).unwrap_err();
        assert!(matches!(bad, BadStart::Version(v) if v == number));
        let e = springline_core::Error::from(bad);
        assert_eq!(e.kind(), ErrorKind::Protocol);
        assert!(e.to_string().contains(text), "{e}");
    }
    for bytes in [&b"G"[..], b"PYRX", b"\0", b"GET /", b"pyro"] {
        assert!(matches!(wire::parse_header(bytes), Err(BadStart::NotPyro)), "{bytes:?}");
    }
    for bytes in [&b""[..], b"P", b"PYR", b"PYRO", b"PYRO\x01"] {
        assert!(wire::parse_header(bytes).unwrap().is_none(), "{bytes:?}");
    }
    // All of an empty message of 43, was it not that it names 47.
    assert!(wire::parse_header(&[b"PYRO\0\x2f", &[0; 12][..]].concat()).unwrap().is_none());
}

// Up to 16 MiB a message may unpack to anything; above, only within the ratio; never over the size.
#[test]
fn compression_is_bounded() {
    let packed = |len: usize| {
        let mut out = Output::new();
        let head = Head { compress: true, ..head(Version::V502, &[], None) };
        let mut limits = Limits::default();
        limits.message_size = usize::MAX;
        wire::write_message(&mut out, &head, &limits, |out| {
            out.buf.resize(out.buf.len() + len, b'x');
            Ok(())
        })
        .unwrap();
        let bytes = out.to_vec();
        assert!(bytes.len() < 100 + len / 500);
        bytes
    };
    let mut limits = Limits::default();
    assert_eq!(open(&packed(16 << 20), &limits, None).unwrap().payload.len(), 16 << 20);
    let e = open(&packed(40 << 20), &limits, None).unwrap_err();
    assert_eq!(e.kind(), ErrorKind::Limit);
    assert!(e.to_string().contains("decompression_ratio = 200"), "{e}");
    limits.decompression_ratio = 2000;
    assert_eq!(open(&packed(40 << 20), &limits, None).unwrap().payload.len(), 40 << 20);
    limits.decompressed_size = (40 << 20) - 1;
    let e = open(&packed(40 << 20), &limits, None).unwrap_err();
    assert!(e.to_string().contains("decompressed_size"), "{e}");
    // A stream that ends early, goes on after its end, or is none.
    let good = packed(5000);
    for end in 41..good.len() - 1 {
        let cut = [&good[..12], &((end - 40) as u32).to_be_bytes(), &good[16..end]].concat();
        let e = open(&cut, &limits, None).map(|m| m.payload.len()).unwrap_err();
        assert_eq!(e.kind(), ErrorKind::Malformed, "cut at {end}: {e}");
    }
}

// What 4.4 and 4.10 do with a key: the signature stands in the header, the flag only since 4.5.
#[test]
fn signatures_of_44_are_in_the_header() {
    let key = HmacKey::new("key");
    let mut out = Output::new();
    let head = Head { version: Version::V44, ..head(Version::V48, &[], Some(&key)) };
    wire::write_message(&mut out, &head, &Limits::default(), |out| {
        out.buf.extend_from_slice(b"ok");
        Ok(())
    })
    .unwrap();
    let mut bytes = out.to_vec();
    assert_eq!((bytes.len(), &bytes[38..]), (40, &b"ok"[..]));
    let limits = Limits::default();
    assert_eq!(&open(&bytes, &limits, Some(&key)).unwrap().payload[..], b"ok");
    let e = open(&bytes, &limits, None).unwrap_err();
    assert!(e.to_string().contains("no key is set here"), "{e}");
    // Without the flag, and the checksum that fits.
    bytes[9] &= !8;
    let sum = u16::from_be_bytes([bytes[16], bytes[17]]) - 8;
    bytes[16..18].copy_from_slice(&sum.to_be_bytes());
    assert_eq!(&open(&bytes, &limits, Some(&key)).unwrap().payload[..], b"ok");
    bytes[39] ^= 1;
    assert_eq!(open(&bytes, &limits, Some(&key)).unwrap_err().kind(), ErrorKind::Denied);
}
