//! What hostile requests make the server hold: never much more than a request may have.
#![cfg(feature = "net")]

#[path = "support/meanwhile.rs"]
mod meanwhile;
#[path = "support/raw.rs"]
mod raw;

use std::sync::Arc;

use meanwhile::Meanwhile;
use raw::{Answer, Raw, call};
use springline_core::Value;
use springline_net::http::coding::gzip;
use springline_xmlrpc::server::XmlRpcServer;

#[global_allocator]
static ALLOCATOR: dhat::Alloc = dhat::Alloc;

const MIB: usize = 1 << 20;
const GIB: u64 = 1 << 30;
/// What a call may hold that is refused before its body counts: buffers, both ends.
const LITTLE: usize = MIB;

async fn start() -> XmlRpcServer {
    let builder = XmlRpcServer::builder().host("127.0.0.1").port(0);
    let builder = builder.register_function("echo", ["text"], |(text,): (String,)| async move { Ok(text) });
    builder.register_sync("any", ["value"], |(value,): (Value,)| Ok(value)).serve().await.unwrap()
}

/// Runs an attack on a server of its own while another client is served, and bounds what both ends hold during it. What
/// `prepare` makes is not counted.
async fn attack<T>(what: &str, most: usize, prepare: impl FnOnce() -> T, run: impl AsyncFnOnce(&XmlRpcServer, &T)) {
    let prepared = prepare();
    let profiler = dhat::Profiler::builder().testing().build();
    let server = start().await;
    let mut others = Meanwhile::start(&server).await;
    let before = others.calls();
    run(&server, &prepared).await;
    others.more_than(before).await;
    others.go_on().await;
    let peak = dhat::HeapStats::get().max_bytes;
    println!("{what}: {peak} bytes");
    assert!(peak < most, "{what}: {peak} bytes were held at a time, {most} are allowed");
    drop((server, others, profiler));
}

fn is_fault(answer: &Answer, code: i64, part: &str) {
    let (found, text) = answer.fault();
    assert!(found == code && text.contains(part), "{found} {text}");
}

const OPEN: &str = "<methodCall><methodName>any</methodName><params><param><value>";
const LEVEL: &str = "<array><data><value>";

/// Sends a gigabyte of nested arrays in chunks, or as much of it as the server takes.
async fn a_gigabyte_of_nesting(server: &XmlRpcServer, chunk: &Arc<Vec<u8>>) {
    let mut raw = Raw::connect(server).await;
    raw.send(format!("POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n{:x}\r\n{OPEN}\r\n", OPEN.len()))
        .await;
    let mut sent = 0;
    // The answer comes while it is being sent, and the connection ends some time later.
    while sent < GIB && raw.send(&**chunk).await {
        sent += chunk.len() as u64;
    }
    assert!(sent > 8 * MIB as u64, "{sent} bytes were taken");
    let answer = raw.answer().await;
    assert_eq!((answer.status, answer.header("connection")), (413, Some("close")), "{}", answer.text());
    assert!(raw.ends().await);
}

/// Connections that say that 8 MiB follow, and let a little follow.
async fn claims(server: &XmlRpcServer, _: &()) {
    let mut all = Vec::new();
    for i in 0..200 {
        let mut raw = Raw::connect(server).await;
        let framing = if i % 2 == 0 { "Content-Length: 8388608" } else { "Transfer-Encoding: chunked" };
        let chunk = if i % 2 == 0 { "" } else { "800000\r\n" };
        raw.send(format!("POST / HTTP/1.1\r\nHost: x\r\n{framing}\r\n\r\n{chunk}{OPEN}")).await;
        raw.send(LEVEL.repeat(100)).await;
        all.push(raw);
    }
    Meanwhile::start(server).await.go_on().await;
    assert!(server.connections() > 200);
}

/// A head without an end.
async fn headers(server: &XmlRpcServer, field: &Arc<Vec<u8>>) {
    let mut raw = Raw::connect(server).await;
    raw.send("POST / HTTP/1.1\r\nHost: x\r\n").await;
    let mut sent = 0;
    while sent < GIB && raw.send(&**field).await {
        sent += field.len() as u64;
    }
    let answer = raw.answer().await;
    assert_eq!((answer.status, answer.header("connection")), (431, Some("close")), "{}", answer.text());
}

// One test, because the counts are those of the whole program.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn memory_stays_bounded() {
    let chunk = || {
        let piece = LEVEL.repeat(13_000);
        Arc::new(format!("{:x}\r\n{piece}\r\n", piece.len()).into_bytes())
    };
    // A body of 8 MiB in chunks is put together in a buffer that doubles.
    attack("a gigabyte of nesting", 24 * MIB, chunk, a_gigabyte_of_nesting).await;

    attack(
        "a gigabyte that is announced",
        LITTLE,
        || (),
        async |server, ()| {
            let mut raw = Raw::connect(server).await;
            raw.send(format!("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: {GIB}\r\n\r\n{OPEN}{LEVEL}")).await;
            let answer = raw.answer().await;
            assert_eq!((answer.status, answer.header("connection")), (413, Some("close")));
        },
    )
    .await;

    // What fits is a fault at the 65th level, and is not read any further.
    let nesting = || format!("{OPEN}{}", LEVEL.repeat((8 * MIB - 1000) / LEVEL.len()));
    attack("8 MiB of nesting", 24 * MIB, nesting, async |server, body| {
        is_fault(&Raw::connect(server).await.post("/", &[], body).await, -32600, "depth = 64");
    })
    .await;

    // 1 GiB in 128 members of gzip, each of 8 MiB of nesting.
    let packed = || {
        let member = gzip(LEVEL.repeat(8 * MIB / LEVEL.len()).as_bytes());
        [&gzip(OPEN.as_bytes())[..], &member.repeat(128)].concat()
    };
    attack("a gigabyte of nesting, packed", 64 * MIB, packed, async |server, body| {
        assert!(body.len() < 8 * MIB, "{} bytes", body.len());
        let mut raw = Raw::connect(server).await;
        let answer = raw.post("/", &["Content-Encoding: gzip"], body).await;
        assert_eq!((answer.status, answer.header("connection")), (413, Some("close")));
    })
    .await;

    // What the smallest values become in memory.
    let values = || {
        let many = "<value/>".repeat((8 * MIB - 1000) / 8);
        format!("{OPEN}<array><data>{many}</data></array></value></param></params></methodCall>")
    };
    attack("a million values", 128 * MIB, values, async |server, body| {
        let answer = Raw::connect(server).await.post("/", &[], body).await;
        assert!(answer.status == 200 && !answer.text().contains("<fault>"));
    })
    .await;

    // Entities are not even stored, so that there is nothing to multiply.
    let laughs = || {
        let entities: String =
            (1..10).map(|i| format!("<!ENTITY lol{i} \"{}\">", format!("&lol{};", i - 1).repeat(10))).collect();
        let doctype = format!("<!DOCTYPE m [<!ENTITY lol0 \"lol\">{entities}]><methodCall>");
        call("echo", &["&lol9;"]).replacen("<methodCall>", &doctype, 1)
    };
    attack("a billion laughs", LITTLE, laughs, async |server, body| {
        is_fault(&Raw::connect(server).await.post("/", &[], body).await, -32600, "DOCTYPE");
    })
    .await;
    let quadratic = || {
        let doctype = format!("<!DOCTYPE m [<!ENTITY a \"{}\">]><methodCall>", "x".repeat(50_000));
        call("echo", &[&"&a;".repeat(50_000)]).replacen("<methodCall>", &doctype, 1)
    };
    attack("2.5 GB of one entity", 2 * MIB, quadratic, async |server, body| {
        is_fault(&Raw::connect(server).await.post("/", &[], body).await, -32600, "DOCTYPE");
    })
    .await;

    // Each of the 200 connections may have a buffer or two, and no more than was sent.
    attack("1.6 GB that are announced", 16 * MIB, || (), claims).await;

    let field = || Arc::new(format!("X-Field: {}\r\n", "x".repeat(8000)).into_bytes());
    attack("a head without an end", LITTLE, field, headers).await;
}
