//! Every recorded message of Python's own peers: read, written again byte for byte, fed byte by byte, and cut at every
//! offset. The whole conversations are played to a daemon of ours in `recorded_daemon.rs`, to a proxy in
//! `recorded_proxy.rs`.

#[path = "support_recorded/mod.rs"]
mod support;

use std::collections::BTreeMap;

use springline_core::{Error, ErrorKind, Limits, Output, Value};
use springline_pyro::Serializer;
use springline_pyro::wire::{self, BadStart, Head, MessageKind};
use support::{Case, Recorded, cases, is_compressed, open};

const OTHER_VERSION: &str = "another version of ours";

/// Messages that are no messages of ours, and why: what the recorder's client sent to provoke a refusal.
fn refused(case: &Case, message: &Recorded) -> Option<&'static str> {
    let text = match (case.name.as_str(), message.from_client) {
        ("probe-not-pyro", true) => "does not speak Pyro",
        // A handshake of 48 under the number of a version that has no such flag: it is read, and not written alike.
        ("probe-bad-version", true) if case.peer.starts_with("pyro4") => OTHER_VERSION,
        // Pyro5 5.17's header with the number of 5.0, whose header is shorter.
        ("probe-bad-version", true) => "bad magic",
        ("probe-bad-checksum", true) => "checksum mismatch",
        ("probe-bad-magic", true) => "bad magic",
        ("hmac-wrong", true) => "hmac mismatch",
        _ => return None,
    };
    Some(text)
}

fn tcp_messages(mut f: impl FnMut(&Case, &Recorded, &str)) {
    let (all, mut seen) = (cases(), 0);
    assert!(all.len() >= 233, "only {} conversations were found", all.len());
    for case in all.iter().filter(|c| !c.udp) {
        for (n, message) in case.messages.iter().enumerate() {
            seen += 1;
            f(case, message, &format!("{}, message {n}", case.id()));
        }
    }
    assert!(seen >= 1050, "only {seen} messages were found");
}

#[test]
fn every_message_is_read() {
    let mut kinds: BTreeMap<String, usize> = BTreeMap::new();
    let mut unread: BTreeMap<String, usize> = BTreeMap::new();
    tcp_messages(|case, message, at| {
        let opened = match (wire::parse_header(&message.bytes), refused(case, message)) {
            (Ok(_), None) => open(&message.bytes, case.key(message).as_ref()).unwrap_or_else(|e| panic!("{at}: {e}")),
            (Ok(header), Some(OTHER_VERSION)) => {
                assert_eq!(header.unwrap().version, springline_pyro::Version::V47, "{at}");
                return;
            }
            (Ok(_), Some(why)) => {
                let e = open(&message.bytes, case.key(message).as_ref()).unwrap_err();
                assert!(e.to_string().contains(why), "{at}: {e}");
                return;
            }
            (Err(bad), why) => {
                let e = Error::from(bad);
                assert!(why.is_some_and(|why| e.to_string().contains(why)), "{at}: {e}");
                return;
            }
        };
        let kind = opened.header.kind;
        *kinds.entry(format!("{kind:?}")).or_default() += 1;
        if kind == MessageKind::Ping {
            assert!(matches!(&opened.payload[..], b"ping" | b"pong"), "{at}");
            return;
        }
        match wire::serializer_of(&opened.header) {
            Ok(_) => drop(opened.value().unwrap_or_else(|e| panic!("{at}: {e}"))),
            // The number that a probe made up, and what answers it.
            Err(e) => *unread.entry(e.to_string()).or_default() += 1,
        }
    });
    println!("{kinds:?}\nof serializers that are not ours: {unread:?}");
    assert_eq!(kinds.len(), 6, "every kind of message is there: {kinds:?}");
    assert_eq!(unread.values().sum::<usize>(), 2, "{unread:?}");
}

// Header and annotations, signature included, are a function of the fields in them: no message may differ in a byte.
#[test]
fn every_frame_is_written_alike() {
    let (mut frames, mut signed) = (0, 0);
    tcp_messages(|case, message, at| {
        let key = match case.name.as_str() {
            "hmac-wrong" if message.from_client => return, // whatever its key was
            _ => case.key(message),
        };
        if refused(case, message).is_some() {
            return;
        }
        let opened = open(&message.bytes, key.as_ref()).unwrap();
        let payload_at = message.bytes.len() - opened.header.payload_len;
        let head = Head {
            version: opened.header.version,
            kind: opened.header.kind,
            serializer: opened.header.serializer,
            flags: opened.header.flags,
            seq: opened.header.seq,
            // In Pyro4 the correlation id is one of them.
            annotations: &opened.annotations,
            correlation_id: opened.header.correlation_id,
            compress: false,
            key: key.as_ref(),
        };
        let mut out = Output::new();
        wire::write_message(&mut out, &head, &Limits::default(), |out| {
            out.buf.extend_from_slice(&message.bytes[payload_at..]);
            Ok(())
        })
        .unwrap();
        assert_eq!(out.to_vec(), message.bytes, "{at}");
        frames += 1;
        signed += usize::from(key.is_some());
    });
    assert!(frames > 1040 && signed > 25, "{frames} frames, {signed} signed");
}

/// Why a payload may be written differently from how it was recorded. Sets and metadata keep the order they came in,
/// so nothing else may.
fn freedom(case: &Case, serializer: Serializer, payload: &[u8]) -> Option<&'static str> {
    if serializer == Serializer::Marshal {
        return Some("marshal's reference bits follow CPython's reference counts");
    }
    if serializer.is_pickle() {
        return Some("the opcodes of another protocol");
    }
    match case.name.as_str() {
        name if name.starts_with("probe-") && !payload.starts_with(b"#") => {
            Some("a probe without serpent's header line")
        }
        "serpent-bytes-repr" => Some("bytes as b'..' (SERPENT_BYTES_REPR), which is read and not written"),
        // Python reads bytes as such a dict, and writes what it has read.
        "arg-bytes-serpent" => Some("bytes that a Python peer passed on as the dict it had read"),
        _ => None,
    }
}

#[test]
fn payloads_are_written_alike() {
    // (serializer, kind, what of it) -> how many
    let mut table: BTreeMap<(String, String, String), usize> = BTreeMap::new();
    let mut failures = Vec::new();
    tcp_messages(|case, message, at| {
        if refused(case, message).is_some() {
            return;
        }
        let opened = open(&message.bytes, case.key(message).as_ref()).unwrap();
        let kind = opened.header.kind;
        let Ok(serializer) = wire::serializer_of(&opened.header) else { return };
        let value = opened.value().unwrap();
        let generation = opened.header.version.generation();
        let mut out = Output::new();
        serializer.write(generation, &mut out, |sink| value.write(sink)).unwrap_or_else(|e| panic!("{at}: {e}"));
        let written = bytes::Bytes::from(out.to_vec());
        let alike = written == opened.payload;
        let again = support::Opened { payload: written.clone(), ..opened.clone() }.value().unwrap();
        // Whatever the bytes, the value is the same.
        if format!("{again:?}") != format!("{value:?}") {
            failures.push(format!("{at}: the value changed: {value:?} is now {again:?}"));
        }
        let what = match (alike, freedom(case, serializer, &opened.payload)) {
            (true, _) => "byte for byte".to_owned(),
            (false, Some(why)) => format!("by value ({why})"),
            (false, None) => {
                let (was, is) = (String::from_utf8_lossy(&opened.payload), String::from_utf8_lossy(&written));
                failures.push(format!("{at}:\n  recorded {was}\n  written  {is}"));
                return;
            }
        };
        let packed = if is_compressed(&opened.header) { ", unpacked" } else { "" };
        *table.entry((serializer.to_string(), format!("{kind:?}{packed}"), what)).or_default() += 1;
    });
    println!("| serializer | message | written again | messages |\n|---|---|---|---|");
    for ((serializer, kind, what), n) in &table {
        println!("| {serializer} | {kind} | {what} | {n} |");
    }
    assert!(failures.is_empty(), "{} differ:\n{}", failures.len(), failures.join("\n"));
    let exact: usize = table.iter().filter(|((.., what), _)| what == "byte for byte").map(|(_, n)| n).sum();
    assert!(exact > 830, "only {exact} payloads were written byte for byte");
}

#[test]
fn every_message_byte_by_byte() {
    tcp_messages(|case, message, at| {
        let bytes = &message.bytes;
        let whole = wire::parse_header(bytes);
        let header_len = match &whole {
            Ok(Some(header)) => header.version.header_len(),
            Ok(None) => panic!("{at}: shorter than a header"),
            Err(_) => usize::MAX,
        };
        let mut failed = false;
        for end in 0..=bytes.len() {
            match wire::parse_header(&bytes[..end]) {
                Ok(None) => assert!(end < header_len && !failed, "{at}: {end} bytes are waited for"),
                Ok(Some(header)) => {
                    assert!(end >= header_len, "{at}: a header of {end} bytes");
                    assert_eq!(Some(header), *whole.as_ref().unwrap(), "{at}");
                }
                Err(BadStart::NotPyro | BadStart::Version(_) | BadStart::Header(_)) => {
                    assert!(refused(case, message).is_some(), "{at}: refused after {end} bytes");
                    failed = true;
                }
            }
        }
        assert_eq!(failed, whole.is_err(), "{at}");
    });
}

// Cut anywhere, a frame is waited for and its payload is refused: never read as something else, never a panic.
#[test]
fn every_message_cut_at_every_offset() {
    let mut read_in_part = 0;
    tcp_messages(|case, message, at| {
        if refused(case, message).is_some() {
            return;
        }
        let key = case.key(message);
        let opened = open(&message.bytes, key.as_ref()).unwrap();
        let header = &opened.header;
        for end in 0..message.bytes.len() {
            let cut = message.bytes.slice(..end);
            assert!(
                wire::parse_header(&cut).unwrap().is_none_or(|h| h.message_len() > end),
                "{at}: {end} bytes are enough"
            );
            assert!(wire::open(header, cut, &Limits::default(), key.as_ref()).is_err(), "{at}: {end} bytes are opened");
        }
        let Ok(serializer) = wire::serializer_of(header) else { return };
        for end in 0..opened.payload.len() {
            let cut = opened.payload.slice(..end);
            match serializer.read(&cut, Limits::default().budget(), |s| support::expanded(s)) {
                Err(e) => {
                    assert_eq!(e.kind(), ErrorKind::Malformed, "{at}: payload cut at {end}: {e}");
                    assert!(e.offset().is_some_and(|o| o <= end), "{at}: payload cut at {end}: {e}");
                }
                Ok(value) => {
                    // The first digits of a number are a number.
                    let number = matches!(value, Value::I64(_) | Value::F64(_) | Value::Big(_) | Value::Complex(..));
                    assert!(
                        number && matches!(serializer, Serializer::Serpent | Serializer::Json),
                        "{at}: payload cut at {end} is {value:?}"
                    );
                    read_in_part += 1;
                }
            }
        }
    });
    assert!(read_in_part < 300, "{read_in_part} cut payloads were read");
}

#[test]
fn datagrams_are_no_messages() {
    let mut seen = 0;
    for case in cases().iter().filter(|c| c.udp) {
        for message in &case.messages {
            assert!(!message.bytes.starts_with(b"PYRO") || message.bytes.starts_with(b"PYRO:"));
            assert!(wire::parse_header(&message.bytes).is_err());
            seen += 1;
        }
    }
    assert_eq!(seen, 6);
}
