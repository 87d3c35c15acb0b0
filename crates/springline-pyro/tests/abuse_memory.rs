//! Messages that claim much, unpack to much or hold very many values: refused, with this process's memory bounded.
#![cfg(target_os = "linux")]

#[path = "support_abuse/mod.rs"]
mod support;

use std::io::Write as _;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use springline_core::{Error, ErrorKind, Limits, Value};
use springline_pyro::wire::{Flags, MessageKind};
use springline_pyro::{Proxy, Serializer, Version};
use support::{Raw, Script, Served, VERSIONS, connect_ok, exception, frame, invoke, patched, soon, value};
use tokio::io::AsyncWriteExt;

const MIB: usize = 1 << 20;

fn resident() -> usize {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap();
    statm.split(' ').nth(1).unwrap().parse::<usize>().unwrap() * 4096
}

/// One test at a time, so that the growth is its own; measured at its highest, every millisecond.
struct Watch {
    most: usize,
    before: usize,
    stop: Arc<AtomicBool>,
    sampler: Option<std::thread::JoinHandle<usize>>,
    _alone: MutexGuard<'static, ()>,
}

impl Watch {
    fn grows_at_most(most: usize) -> Self {
        static ALONE: Mutex<()> = Mutex::new(());
        let alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = stop.clone();
        let before = resident();
        let sampler = std::thread::spawn(move || {
            let mut highest = 0;
            while !stopped.load(Ordering::Acquire) {
                highest = highest.max(resident());
                std::thread::sleep(Duration::from_millis(1));
            }
            highest
        });
        Self { most, before, stop, sampler: Some(sampler), _alone: alone }
    }

    fn check(mut self) {
        self.stop.store(true, Ordering::Release);
        let highest = self.sampler.take().unwrap().join().unwrap();
        let grown = highest.saturating_sub(self.before);
        assert!(grown <= self.most, "grew by {} MiB, allowed {}", grown / MIB, self.most / MIB);
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Release);
    }
}

// A message with so many bytes claimed in its header.
fn claims(version: Version, kind: MessageKind, annotations: u32, length: u32) -> Vec<u8> {
    let bare = frame(version, kind, 1, Flags::META, 1, b"");
    let bare = patched(bare, version, 12, &length.to_be_bytes());
    match version {
        Version::V502 => patched(bare, version, 16, &annotations.to_be_bytes()),
        _ => bare,
    }
}

#[tokio::test]
async fn claimed_lengths_take_no_memory() {
    let mut limits = Limits::default();
    limits.message_size = usize::MAX;
    // With the default limit they are refused at the header; without any, they are waited for and nothing is allocated.
    for unlimited in [false, true] {
        let watch = Watch::grows_at_most(48 * MIB);
        let served = if unlimited { Served::start(|b| b.limits(limits)).await } else { Served::new().await };
        let mut waiting = Vec::new();
        for version in VERSIONS {
            for (annotations, length) in
                [(0, 0x7FFF_FFFF), (0, 0xFFFF_FFFF), (0xFFFF_FFFF, 0), (0xFFFF_FFFF, 0xFFFF_FFFF), (0, 300 << 20)]
            {
                let too_large = unlimited && version == Version::V48 && length == 0xFFFF_FFFF;
                let mut fresh = Raw::open(&served.address, version, Serializer::Serpent).await;
                fresh.send(&claims(version, MessageKind::Connect, annotations, length)).await;
                fresh.send(b"some of the payload").await;
                let mut inside = Raw::hello(&served.address, version, Serializer::Serpent).await;
                inside.send(&claims(version, MessageKind::Invoke, annotations, length)).await;
                inside.send(b"some of the payload").await;
                let small = version != Version::V502 && length == 0;
                if small || too_large {
                    continue;
                }
                if unlimited {
                    waiting.push((fresh, inside));
                    continue;
                }
                let refusals = fresh.closed().await;
                assert_eq!(refusals.len(), 1);
                let text = value(&refusals[0]);
                let text = text.as_str().unwrap();
                assert!(text.contains("message_size") || text.contains("negative payload length"), "{text}");
                assert!(inside.closed().await.is_empty());
            }
        }
        served.serves_others().await;
        for (mut fresh, mut inside) in waiting {
            fresh.send(&[b'x'; 1000]).await;
            inside.send(&[b'x'; 1000]).await;
        }
        served.serves_others().await;
        watch.check();
    }
}

#[tokio::test]
async fn claimed_lengths_of_a_daemon_take_no_memory() {
    let mut limits = Limits::default();
    limits.message_size = usize::MAX;
    let watch = Watch::grows_at_most(48 * MIB);
    for version in [Version::V48, Version::V502] {
        for in_handshake in [false, true] {
            for length in [0x7FFF_FFFFu32, 0xFFFF_FFFF] {
                let script = Script::tcp(version, Serializer::Serpent, move |mut raw, _| async move {
                    raw.next().await;
                    if in_handshake {
                        raw.send(&claims(version, MessageKind::ConnectOk, 0, length)).await;
                    } else {
                        raw.send(&connect_ok(version, Serializer::Serpent)).await;
                        raw.request().await;
                        raw.send(&claims(version, MessageKind::Result, 0, length)).await;
                    }
                    raw.send(&[b'x'; 5000]).await;
                    let _ = raw.next().await;
                })
                .await;
                let builder = Proxy::builder(&script.uri).unwrap().version(version);
                let e = soon("the refusal", builder.clone().build().unwrap().call::<Value>("echo", (1,)))
                    .await
                    .unwrap_err();
                let negative = version == Version::V48 && length > 0x7FFF_FFFF;
                assert_eq!(e.kind(), if negative { ErrorKind::Protocol } else { ErrorKind::Limit }, "{e}");
                let patient = builder.limits(limits).timeout(Duration::from_millis(200)).build().unwrap();
                let e = soon("the deadline", patient.call::<Value>("echo", (1,))).await.unwrap_err();
                assert!(matches!(e.kind(), ErrorKind::Timeout | ErrorKind::Protocol), "{e}");
            }
        }
    }
    watch.check();
}

/// Zeros, packed.
fn packed(bytes: usize) -> Vec<u8> {
    let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::best());
    let zeros = vec![b' '; MIB];
    for _ in 0..bytes / MIB {
        encoder.write_all(&zeros).unwrap();
    }
    encoder.finish().unwrap()
}

fn bomb_limits() -> Limits {
    let mut limits = Limits::default();
    limits.decompressed_size = 16 * MIB;
    limits
}

#[tokio::test]
async fn zip_bombs() {
    // A thousand times its size when unpacked, and twice packed, of which only the outer is ever unpacked.
    let bomb = packed(288 * MIB);
    let nested = {
        let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::best());
        encoder.write_all(&bomb).unwrap();
        encoder.finish().unwrap()
    };
    for limits in [bomb_limits(), Limits::default()] {
        // By the ratio of 200 the default allows some 60 MiB; the vector that grows has as much again for a moment.
        let watch = Watch::grows_at_most(if limits == Limits::default() { 224 * MIB } else { 96 * MIB });
        let served = Served::start(|b| b.limits(limits)).await;
        for version in VERSIONS {
            for payload in [&bomb, &nested] {
                let mut fresh = Raw::open(&served.address, version, Serializer::Serpent).await;
                fresh.send(&frame(version, MessageKind::Connect, 1, Flags::META | Flags::COMPRESSED, 0, payload)).await;
                let refusals = fresh.closed().await;
                let text = value(&refusals[0]);
                assert!(text.as_str().unwrap().len() > 10, "{text:?}");
                let mut inside = Raw::hello(&served.address, version, Serializer::Serpent).await;
                inside.send(&frame(version, MessageKind::Invoke, 1, Flags::COMPRESSED, 1, payload)).await;
                let told = exception(&inside.next().await.unwrap());
                if std::ptr::eq(payload, &bomb) {
                    assert!(told.contains("decompress"), "{told}");
                }
                assert!(inside.closed().await.is_empty());
            }
        }
        served.serves_others().await;
        // The reply of a daemon.
        let shared = Arc::new(bomb.clone());
        let script = Script::tcp(Version::V502, Serializer::Serpent, move |mut raw, _| {
            let bomb = shared.clone();
            async move {
                raw.welcome().await;
                while let Some((seq, _, text)) = raw.request().await {
                    match text.as_str() {
                        Some("bomb") => {
                            raw.send(&frame(raw.version, MessageKind::Result, 1, Flags::COMPRESSED, seq, &bomb)).await;
                        }
                        _ => raw.send(&support::result(raw.version, raw.serializer, seq, &text)).await,
                    }
                }
            }
        })
        .await;
        let proxy = Proxy::builder(&script.uri).unwrap().version(Version::V502).limits(limits).build().unwrap();
        let e = soon("the refusal", proxy.call::<Value>("echo", ("bomb",))).await.unwrap_err();
        assert_eq!(e.kind(), ErrorKind::Limit, "{e}");
        // The reply itself was whole: the connection goes on.
        assert_eq!(soon("the next call", proxy.call::<String>("echo", ("next",))).await.unwrap(), "next");
        watch.check();
    }
}

fn repeated(head: &[u8], piece: &[u8], times: usize, tail: &[u8], end: &[u8]) -> Vec<u8> {
    [head, &piece.repeat(times), tail, &end.repeat(times)].concat()
}

/// Calls with something at the place of their arguments, by serializer.
fn around(serializer: Serializer, argument: &[u8]) -> Vec<u8> {
    match serializer {
        Serializer::Serpent => [b"('thing','size',(", argument, b",),{})"].concat(),
        Serializer::Json => {
            [b"{\"object\":\"thing\",\"method\":\"size\",\"params\":[", argument, b"],\"kwargs\":{}}"].concat()
        }
        Serializer::Marshal => [b")\x04z\x05thingz\x04size)\x01", argument, b"{0"].concat(),
        Serializer::Msgpack => [b"\x94\xA5thing\xA4size\x91", argument, b"\x80"].concat(),
        other => unreachable!("{other} has tests of its own"),
    }
}

// What is refused is refused with a reply that says why, and the connection closes.
async fn refused(served: &Served, serializer: Serializer, payload: &[u8], why: &str) {
    for version in [Version::V48, Version::V502] {
        let mut raw = Raw::hello(&served.address, version, serializer).await;
        raw.send(&frame(version, MessageKind::Invoke, serializer.id(version.generation()), 0, 1, payload)).await;
        let text = exception(&raw.next().await.expect("an answer"));
        assert!(text.contains(why), "{serializer}, {} bytes: {text}", payload.len());
        assert!(raw.closed().await.is_empty(), "{serializer}");
    }
}

// The same for a reply: gives the client's error.
async fn refused_reply(serializer: Serializer, payload: Vec<u8>) -> Error {
    let payload = Arc::new(payload);
    let script = Script::tcp(Version::V502, serializer, move |mut raw, _| {
        let payload = payload.clone();
        async move {
            raw.welcome().await;
            while let Some((seq, ..)) = raw.request().await {
                let id = raw.serializer.id(raw.version.generation());
                raw.send(&frame(raw.version, MessageKind::Result, id, 0, seq, &payload)).await;
            }
        }
    })
    .await;
    let proxy = Proxy::builder(&script.uri).unwrap().version(Version::V502).serializer(serializer).build().unwrap();
    let typed = soon("a reply", proxy.call::<i64>("echo", (1,))).await.unwrap_err();
    assert_ne!(typed.kind(), ErrorKind::Internal);
    soon("a reply", proxy.call::<Value>("echo", (1,))).await.unwrap_err()
}

#[tokio::test]
async fn deep_nesting() {
    let watch = Watch::grows_at_most(192 * MIB);
    let served = Served::new().await;
    for times in [250, 100_000, 5_000_000] {
        for (serializer, open, inner, close) in [
            (Serializer::Serpent, &b"["[..], &b"1"[..], &b"]"[..]),
            (Serializer::Serpent, b"{1:", b"1", b"}"),
            (Serializer::Serpent, b"(", b"1,", b",)"),
            (Serializer::Serpent, b"((", b"1", b"))"),
            (Serializer::Json, b"[", b"1", b"]"),
            (Serializer::Json, b"{\"\":", b"1", b"}"),
            (Serializer::Marshal, b")\x01", b"N", b""),
            (Serializer::Marshal, b"[\x01\0\0\0", b"N", b""),
            (Serializer::Marshal, b"{N", b"N", b"0"),
            (Serializer::Msgpack, b"\x91", b"\xC0", b""),
            (Serializer::Msgpack, b"\x81\xC0", b"\xC0", b""),
        ] {
            let nested = repeated(b"", open, times, inner, close);
            refused(&served, serializer, &around(serializer, &nested), "depth").await;
            let e = refused_reply(serializer, nested).await;
            assert_eq!(e.kind(), ErrorKind::Limit, "{serializer}: {e}");
        }
    }
    served.serves_others().await;
    watch.check();
}

#[tokio::test]
async fn claimed_counts() {
    let watch = Watch::grows_at_most(48 * MIB);
    let served = Served::new().await;
    let claims: &[(Serializer, &[u8])] = &[
        (Serializer::Marshal, b"(\xFF\xFF\xFF\x7F"),
        (Serializer::Marshal, b"[\xFF\xFF\xFF\x7F"),
        (Serializer::Marshal, b"<\xFF\xFF\xFF\x7F"),
        (Serializer::Marshal, b">\xFF\xFF\xFF\x7F"),
        (Serializer::Marshal, b"s\xFF\xFF\xFF\x7F"),
        (Serializer::Marshal, b"u\xFF\xFF\xFF\x7F"),
        (Serializer::Marshal, b"a\xFF\xFF\xFF\xFF"),
        (Serializer::Marshal, b"l\xFF\xFF\xFF\x7F"),
        (Serializer::Marshal, b"l\x00\x00\x00\x80"),
        (Serializer::Msgpack, b"\xDD\xFF\xFF\xFF\xFF"),
        (Serializer::Msgpack, b"\xDF\xFF\xFF\xFF\xFF"),
        (Serializer::Msgpack, b"\xDF\x80\x00\x00\x00"),
        (Serializer::Msgpack, b"\xDB\xFF\xFF\xFF\xFF"),
        (Serializer::Msgpack, b"\xC6\xFF\xFF\xFF\xFF"),
        (Serializer::Msgpack, b"\xC9\xFF\xFF\xFF\xFF\x31"),
        (Serializer::Json, b"\"\\uD800"),
    ];
    for (serializer, argument) in claims {
        refused(&served, *serializer, &around(*serializer, argument), "SerializeError").await;
        let e = refused_reply(*serializer, argument.to_vec()).await;
        assert!(matches!(e.kind(), ErrorKind::Malformed | ErrorKind::Limit), "{serializer} {argument:?}: {e}");
    }
    // A reference to what never came is found when the argument is read; the message itself was whole.
    let mut raw = Raw::hello(&served.address, Version::V502, Serializer::Marshal).await;
    let dangling = around(Serializer::Marshal, b"r\xFF\xFF\xFF\x7F");
    raw.send(&frame(Version::V502, MessageKind::Invoke, 2, 0, 1, &dangling)).await;
    let text = exception(&raw.next().await.unwrap());
    assert!(text.contains("reference"), "{text}");
    raw.works(2).await;
    served.serves_others().await;
    watch.check();
}

// More values than the limit: counted before they become anything.
#[tokio::test]
async fn millions_of_values() {
    let mut limits = Limits::default();
    limits.nodes = 100_000;
    let watch = Watch::grows_at_most(160 * MIB);
    let served = Served::start(|b| b.limits(limits)).await;
    for (serializer, head, piece, tail) in [
        (Serializer::Serpent, &b"["[..], &b"1,"[..], &b"]"[..]),
        (Serializer::Serpent, b"[", b"[],", b"]"),
        (Serializer::Json, b"[1", b",1", b"]"),
        (Serializer::Json, b"[{}", b",{}", b"]"),
        (Serializer::Marshal, b"[\x00\x09\x3D\x00", b"N", b""),
        (Serializer::Marshal, b"[\x00\x09\x3D\x00", b")\0", b""),
        (Serializer::Msgpack, b"\xDD\x00\x3D\x09\x00", b"\x01", b""),
        (Serializer::Msgpack, b"\xDD\x00\x3D\x09\x00", b"\x80", b""),
    ] {
        let many = [head, &piece.repeat(4_000_000), tail].concat();
        refused(&served, serializer, &around(serializer, &many), "nodes").await;
    }
    served.serves_others().await;
    watch.check();
}

// A marshal message that refers to itself again and again would grow without end: 2^40 values in some hundred bytes.
#[tokio::test]
async fn references_that_multiply() {
    let watch = Watch::grows_at_most(1500 * MIB);
    let mut limits = Limits::default();
    limits.nodes = 1_000_000;
    let served = Served::start(|b| b.limits(limits)).await;
    // [[..[[], r0], r1]..]: each level is a list of two references to the one before.
    let mut levels = b"[\x29\0\0\0\xDB\x01\0\0\0N".to_vec();
    for n in 0..40u32 {
        levels.extend_from_slice(b"\xDB\x02\0\0\0");
        for _ in 0..2 {
            levels.push(b'r');
            levels.extend_from_slice(&n.to_le_bytes());
        }
    }
    let payload = around(Serializer::Marshal, &levels);
    for method in ["size", "echo"] {
        let payload = match method {
            "size" => payload.clone(),
            _ => {
                let at = payload.windows(4).position(|w| w == b"size").unwrap();
                let mut echo = payload.clone();
                echo[at..at + 4].copy_from_slice(b"echo");
                echo
            }
        };
        for version in [Version::V48, Version::V502] {
            let mut raw = Raw::hello(&served.address, version, Serializer::Marshal).await;
            let id = Serializer::Marshal.id(version.generation());
            raw.send(&frame(version, MessageKind::Invoke, id, 0, 1, &payload)).await;
            // Whatever it makes of it, it makes it within its limits, and answers.
            assert!(raw.next().await.is_some());
        }
    }
    served.serves_others().await;
    watch.check();
}

// Clients that ask for much and read nothing: at most one answer each waits in memory.
#[tokio::test]
async fn readers_that_stop() {
    let watch = Watch::grows_at_most(400 * MIB);
    let served = Served::new().await;
    let mut greedy = Vec::new();
    for _ in 0..8 {
        let mut raw = Raw::hello(&served.address, Version::V502, Serializer::Msgpack).await;
        for seq in 0..200 {
            raw.send(&invoke(raw.version, raw.serializer, 0, seq, "blob", vec![(10 * MIB as i64).into()])).await;
        }
        greedy.push(raw);
    }
    tokio::time::sleep(Duration::from_millis(500)).await;
    served.serves_others().await;
    watch.check();
    drop(greedy);
    served.until_connected(0).await;
}

// Ten thousand pings that nobody reads the answers of: the daemon stops reading at some point, and keeps nothing.
#[tokio::test]
async fn pings_without_end() {
    let watch = Watch::grows_at_most(48 * MIB);
    let served = Served::start(|b| b.transfer_timeout(Duration::from_millis(300))).await;
    let raw = Raw::hello(&served.address, Version::V502, Serializer::Msgpack).await;
    let (_unread, mut writer) = raw.stream.into_split();
    let pings = frame(Version::V502, MessageKind::Ping, 42, 0, 1, &[b'p'; 60]).repeat(1000);
    let flood = async {
        for _ in 0..100_000 {
            if writer.write_all(&pings).await.is_err() {
                return true;
            }
        }
        false
    };
    assert!(soon("the end of the connection", flood).await);
    served.serves_others().await;
    watch.check();
}
