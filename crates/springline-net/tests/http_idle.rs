//! What an idle connection costs.

mod support_http;

use std::time::Duration;

use support_http::Raw;

#[global_allocator]
static ALLOCATOR: dhat::Alloc = dhat::Alloc;

const CONNECTIONS: usize = 100;

/// Bytes that an idle connection may hold on to, both ends and the runtime's part of them included. A read buffer of
/// hyper's alone is 8 KiB.
const MOST: usize = 4096;

#[tokio::test]
async fn idle_connections_hold_no_buffers() {
    let _profiler = dhat::Profiler::builder().testing().build();
    let held = || dhat::HeapStats::get().curr_bytes;
    let server = support_http::server().await;
    let request = "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello";
    // Whatever is made once is made before the counting begins.
    let mut first = Raw::connect(&server).await;
    assert_eq!(&*first.exchange(request).await.body, b"hello");
    tokio::time::sleep(Duration::from_millis(300)).await;
    let before = held();
    let mut all = Vec::new();
    for _ in 0..CONNECTIONS {
        let mut raw = Raw::connect(&server).await;
        assert_eq!(&*raw.exchange(request).await.body, b"hello");
        raw.forget();
        all.push(raw);
    }
    let given_up = async || {
        let wait = async {
            while held().saturating_sub(before) > CONNECTIONS * MOST {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        let waited = tokio::time::timeout(Duration::from_secs(60), wait).await;
        assert!(waited.is_ok(), "{} bytes for each connection", held().saturating_sub(before) / CONNECTIONS);
    };
    given_up().await;
    assert_eq!(server.connections(), CONNECTIONS + 1);
    // They are still good, and are given up again: at once, and when the thread that looks for them has ended meanwhile.
    for pause in [Duration::ZERO, Duration::from_secs(7)] {
        tokio::time::sleep(pause).await;
        let idle = held();
        let mut used = idle;
        for raw in &mut all {
            assert_eq!(&*raw.exchange(request).await.body, b"hello");
            raw.forget();
            used = used.max(held());
        }
        assert!(used > idle + 2 * MOST, "they hold nothing while they are in use");
        given_up().await;
    }
}
