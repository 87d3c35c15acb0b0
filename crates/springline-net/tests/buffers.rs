//! Buffers: what goes in comes out, in order, whatever is taken back or cut out before it was written.

use std::future::poll_fn;
use std::task::{Context, Waker};

use bytes::Bytes;
use springline_core::Output;
use springline_net::{Address, BufferPool, ConnectOptions, Inbound, Outbound, Stream, connect};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixListener;

async fn pair(name: &str) -> (Stream, tokio::net::UnixStream) {
    let path = std::env::temp_dir().join(format!("springline-buffers-{}-{name}.sock", std::process::id()));
    let _ = std::fs::remove_file(&path);
    let listener = UnixListener::bind(&path).unwrap();
    let (address, options) = (Address::unix(&path), ConnectOptions::default());
    let (ours, theirs) = tokio::join!(connect(&address, &options), listener.accept());
    let _ = std::fs::remove_file(&path);
    (ours.unwrap(), theirs.unwrap().0)
}

/// A message of a head and, if it is large, a blob that is kept by reference.
fn push(out: &mut Outbound, n: usize, large: bool) -> (std::ops::Range<u64>, Vec<u8>) {
    let begins = out.total_queued();
    let head = format!("<{n}>");
    let tail = format!("</{n}>");
    out.output.buf.extend_from_slice(head.as_bytes());
    let mut bytes = head.into_bytes();
    if large {
        let blob = vec![b'a' + (n % 26) as u8; Output::BY_REFERENCE + n];
        out.output.blob(Bytes::from(blob.clone()));
        bytes.extend_from_slice(&blob);
    }
    out.output.buf.extend_from_slice(tail.as_bytes());
    bytes.extend_from_slice(tail.as_bytes());
    assert_eq!(out.total_queued() - begins, bytes.len() as u64);
    (begins..out.total_queued(), bytes)
}

async fn drained(
    out: &mut Outbound,
    stream: &mut Stream,
    peer: &mut tokio::net::UnixStream,
    expected: usize,
) -> Vec<u8> {
    let mut got = vec![0; expected];
    let (sent, read) = tokio::join!(poll_fn(|cx| out.poll_flush(stream, cx)), peer.read_exact(&mut got));
    sent.unwrap();
    read.unwrap();
    assert_eq!((out.pending(), out.output.is_empty()), (0, true));
    got
}

// Every subset of eight messages, small and large ones mixed, after a first one that is partly written.
#[tokio::test]
async fn messages_are_cut_out() {
    let (mut stream, mut peer) = pair("cut").await;
    let mut cx = Context::from_waker(Waker::noop());
    for subset in 0..256u32 {
        let mut out = Outbound::default();
        let before = out.total_written();
        let (first, first_bytes) = {
            let begins = out.total_queued();
            let bytes = vec![b'x'; 600_000];
            out.output.buf.extend_from_slice(&bytes[..10]);
            out.output.blob(Bytes::from(bytes[10..].to_vec()));
            (begins..out.total_queued(), bytes)
        };
        // As much as the socket takes.
        assert!(out.poll_flush(&mut stream, &mut cx).is_pending());
        let written = out.total_written();
        assert!(before < written && written < first.end);
        let mut expected = first_bytes;
        let mut cuts = Vec::new();
        for n in 0..8 {
            let (place, bytes) = push(&mut out, n, (n + subset as usize).is_multiple_of(3));
            if subset & (1 << n) != 0 {
                cuts.push(place);
            } else {
                expected.extend_from_slice(&bytes);
            }
        }
        out.cut(&cuts);
        assert_eq!(out.total_written(), written);
        assert_eq!(out.total_queued() - before, expected.len() as u64, "{subset:b}");
        // What is appended afterwards follows.
        let (_, bytes) = push(&mut out, 9, subset.is_multiple_of(2));
        expected.extend_from_slice(&bytes);
        let got = drained(&mut out, &mut stream, &mut peer, expected.len()).await;
        assert!(got == expected, "{subset:b}");
    }
}

#[tokio::test]
async fn the_last_message_is_taken_back() {
    let (mut stream, mut peer) = pair("back").await;
    for first_large in [false, true] {
        for last_large in [false, true] {
            let mut out = Outbound::default();
            let (_, first) = push(&mut out, 1, first_large);
            let (place, _) = push(&mut out, 2, last_large);
            assert!(!out.take_back_tail(out.pending() + 1));
            assert!(out.take_back_tail((place.end - place.start) as usize));
            assert_eq!(out.total_queued(), first.len() as u64);
            assert_eq!(drained(&mut out, &mut stream, &mut peer, first.len()).await, first);
        }
    }
    // Part of a message that was begun cannot be taken back with it.
    let mut out = Outbound::default();
    out.output.blob(Bytes::from(vec![1; 600_000]));
    assert!(out.poll_flush(&mut stream, &mut Context::from_waker(Waker::noop())).is_pending());
    assert!(!out.take_back_tail(600_000));
}

// Claimed lengths make no room by themselves; what comes does.
#[tokio::test]
async fn room_is_made_by_what_came() {
    let (mut stream, mut peer) = pair("room").await;
    let mut inbound = Inbound::default();
    peer.write_all(b"hello").await.unwrap();
    let n = poll_fn(|cx| inbound.poll_fill(&mut stream, cx, usize::MAX / 2)).await.unwrap();
    assert_eq!((n, inbound.bytes()), (5, &b"hello"[..]));
    let sent: Vec<u8> = (0..1_000_000u32).map(|i| i as u8).collect();
    let all = sent.clone();
    let writing = tokio::spawn(async move {
        peer.write_all(&all).await.unwrap();
        peer
    });
    while inbound.bytes().len() < 1_000_005 {
        assert!(poll_fn(|cx| inbound.poll_fill(&mut stream, cx, 1 << 40)).await.unwrap() > 0);
    }
    assert_eq!(inbound.take(5), "hello");
    assert!(inbound.take(1_000_000) == sent);
    assert!(inbound.is_empty());
    drop(writing.await.unwrap());
    assert_eq!(poll_fn(|cx| inbound.poll_fill(&mut stream, cx, 0)).await.unwrap(), 0);
}

// A busy connection does not walk through its buffer: what it read last is where the processor has it at hand.
#[tokio::test]
async fn small_messages_come_to_the_same_place() {
    let (mut stream, mut peer) = pair("place").await;
    let mut inbound = Inbound::default();
    let mut places = Vec::new();
    for message in [&b"first"[..], b"second", b"third"] {
        peer.write_all(message).await.unwrap();
        poll_fn(|cx| inbound.poll_fill(&mut stream, cx, 0)).await.unwrap();
        inbound.settle();
        assert_eq!(inbound.piece(), message);
        places.push(inbound.piece().as_ptr());
        inbound.pass(message.len());
    }
    assert!(places.iter().all(|place| *place == places[0]), "{places:?}");
}

// A pair that still holds somebody's bytes is never handed to somebody else.
#[tokio::test]
async fn the_pool_hands_out_nothing_but_empty_buffers() {
    let (mut stream, mut peer) = pair("pool").await;
    let pool = BufferPool::default();
    let (mut inbound, outbound) = pool.take();
    peer.write_all(b"secret").await.unwrap();
    poll_fn(|cx| inbound.poll_fill(&mut stream, cx, 0)).await.unwrap();
    pool.give(inbound, outbound);
    let (inbound, mut outbound) = pool.take();
    assert!(inbound.is_empty());
    outbound.output.buf.extend_from_slice(b"secret");
    pool.give(inbound, outbound);
    let (inbound, outbound) = pool.take();
    assert!(inbound.is_empty() && outbound.pending() == 0 && outbound.total_queued() == 0);
}

#[tokio::test]
async fn an_end_within_a_write() {
    let (mut stream, peer) = pair("end").await;
    let mut out = Outbound::default();
    out.output.blob(Bytes::from(vec![1; 1_000_000]));
    let mut cx = Context::from_waker(Waker::noop());
    assert!(out.poll_flush(&mut stream, &mut cx).is_pending());
    drop(peer);
    let written = out.total_written();
    assert!(poll_fn(|cx| out.poll_flush(&mut stream, cx)).await.is_err());
    assert_eq!(out.total_written(), written, "what was written stays known");
}
