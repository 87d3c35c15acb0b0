//! The HTTP server, spoken to byte by byte.

mod support_http;

use std::time::Duration;

use springline_core::{BoxFuture, Limits};
use springline_net::http::{HttpHandler, HttpOptions, HttpServer, Request, Response, StatusCode, text};
use support_http::{Raw, head_of, options, server, server_with};
use tokio::io::AsyncWriteExt;

const ECHO: &str = "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello";

#[tokio::test]
async fn one_connection_serves_many_requests() {
    let server = server().await;
    let mut raw = Raw::connect(&server).await;
    for _ in 0..3 {
        raw.send(ECHO).await;
        let answer = raw.answer().await;
        assert_eq!((answer.status, &*answer.body), (200, &b"hello"[..]));
        assert_eq!(answer.header("content-length"), Some("5"));
        assert_eq!(answer.header("connection"), None);
    }
    assert_eq!(server.connections(), 1);
}

#[tokio::test]
async fn chunks_with_extensions_and_trailers() {
    let server = server().await;
    let mut raw = Raw::connect(&server).await;
    for _ in 0..2 {
        raw.send("POST /echo?a=b HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3;x=y\r\nhel\r\n").await;
        raw.send("02\r\nlo\r\n0\r\nX-Trailer: 1\r\n\r\n").await;
        let answer = raw.answer().await;
        assert_eq!((answer.status, &*answer.body), (200, &b"hello"[..]));
        assert_eq!(answer.header("transfer-encoding"), None, "a whole answer has its length");
    }
}

#[tokio::test]
async fn http_1_0_is_answered_in_kind() {
    let server = server().await;
    let mut raw = Raw::connect(&server).await;
    raw.send("POST /echo HTTP/1.0\r\nContent-Length: 2\r\n\r\nhi").await;
    let rest = raw.rest().await;
    assert!(rest.starts_with(b"HTTP/1.0 200 OK\r\n"), "{}", head_of(&rest));
    assert!(rest.ends_with(b"\r\n\r\nhi") && head_of(&rest).to_lowercase().contains("content-length: 2"));

    let mut raw = Raw::connect(&server).await;
    for _ in 0..2 {
        raw.send("POST /echo HTTP/1.0\r\nConnection: keep-alive\r\nContent-Length: 2\r\n\r\nhi").await;
        let answer = raw.answer().await;
        assert_eq!((answer.status, &*answer.body), (200, &b"hi"[..]));
    }
    // A stream has no length and no chunks here: its end is the connection's.
    let mut raw = Raw::connect(&server).await;
    raw.send("POST /stream HTTP/1.0\r\nContent-Length: 4\r\n\r\nabcd").await;
    let rest = raw.rest().await;
    assert!(rest.ends_with(b"\r\n\r\nabcd") && !head_of(&rest).to_lowercase().contains("chunked"));
}

#[tokio::test]
async fn other_paths_and_close() {
    let server = server().await;
    let mut raw = Raw::connect(&server).await;
    raw.send("POST /echo/ HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n").await;
    let answer = raw.answer().await;
    assert_eq!((answer.status, answer.header("content-type")), (404, Some("text/plain; charset=utf-8")));
    raw.send("GET /echo HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").await;
    let answer = raw.answer().await;
    assert_eq!((answer.status, answer.header("connection")), (200, Some("close")));
    assert!(raw.rest().await.is_empty());
}

#[tokio::test]
async fn names_of_fields_are_written_as_the_client_writes_them() {
    let check = async |server: &HttpServer, pieces: &[&str], small: bool| {
        let mut raw = Raw::connect(server).await;
        for piece in pieces {
            raw.send(piece).await;
            // A piece comes alone.
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        let head = head_of(&raw.rest().await);
        let expected = if small { "content-length: 2\r\n" } else { "Content-Length: 2\r\n" };
        assert!(head.contains(expected), "{pieces:?}: {head}");
    };
    let server = server().await;
    let first = "POST /echo HTTP/1.1\r\n";
    let (large, small) = ("Host: x\r\ncontent-length: 2\r\n", "host: x\r\nContent-Length: 2\r\n");
    let last = "Connection: close\r\n\r\nhi";
    check(&server, &[&format!("{first}{large}{last}")], false).await;
    check(&server, &[&format!("{first}{small}{last}")], true).await;
    // What cannot be seen at once is taken for the usual.
    check(&server, &[first, small, last], false).await;
    check(&server, &["P", "OST /echo HTTP/1.1\r\n", small, last], false).await;
    check(&server, &[&format!("\r\n{first}{small}{last}")], false).await;
    // Known from the first request on, also once the connection has been idle for a while.
    let mut raw = Raw::connect(&server).await;
    raw.exchange(&format!("{first}{small}\r\nhi")).await;
    tokio::time::sleep(Duration::from_millis(500)).await;
    raw.send(&format!("{first}{large}{last}")).await;
    let head = head_of(&raw.rest().await);
    assert!(head.contains("content-length: 2\r\n"), "{head}");
    let mut options = options();
    options.title_case = false;
    let server = server_with(options, None).await;
    check(&server, &[&format!("{first}{large}{last}")], true).await;
}

#[tokio::test]
async fn lengths_that_are_missing_or_too_large() {
    let mut options = options();
    options.limits = Limits::new();
    options.limits.message_size = 1000;
    let server = server_with(options, None).await;
    let check = async |request: String, status: u16| {
        let mut raw = Raw::connect(&server).await;
        raw.send(&request).await;
        let answer = raw.answer().await;
        assert_eq!((answer.status, answer.header("connection")), (status, Some("close")), "{request:.80}");
        assert!(raw.rest().await.is_empty(), "{request:.80}");
    };
    check("POST /echo HTTP/1.1\r\nHost: x\r\n\r\n".to_owned(), 411).await;
    check("POST /echo HTTP/1.0\r\n\r\n".to_owned(), 411).await;
    check("POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 1001\r\n\r\n".to_owned(), 413).await;
    check("POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 18446744073709551000\r\n\r\n".to_owned(), 413).await;
    // The answer arrives although the client goes on sending.
    let much = "x".repeat(8 << 20);
    check(format!("POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: {}\r\n\r\n{much}", much.len()), 413).await;
    let chunk = format!("64\r\n{}\r\n", "y".repeat(100));
    let chunked = "POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n";
    check(format!("{chunked}{}0\r\n\r\n", chunk.repeat(11)), 413).await;
    // Right at the limit is fine.
    let mut raw = Raw::connect(&server).await;
    raw.send(&format!("{chunked}{}0\r\n\r\n", chunk.repeat(10))).await;
    assert_eq!(raw.answer().await.body.len(), 1000);
}

#[tokio::test]
async fn requests_that_two_readers_read_differently() {
    let server = server().await;
    let table: &[(&str, &[&str])] = &[
        ("both lengths", &["Content-Length: 5", "Transfer-Encoding: chunked"]),
        ("both lengths, the other way round", &["Transfer-Encoding: chunked", "Content-Length: 5"]),
        ("both lengths, in capitals", &["TRANSFER-ENCODING: chunked", "X: y", "CONTENT-LENGTH: 5"]),
        ("two lengths", &["Content-Length: 5", "Content-Length: 6"]),
        ("two lengths in one", &["Content-Length: 5, 6"]),
        ("a sign", &["Content-Length: +5"]),
        ("a negative length", &["Content-Length: -5"]),
        ("no number", &["Content-Length: five"]),
        ("hexadecimal", &["Content-Length: 0x5"]),
        ("no length", &["Content-Length: "]),
        ("a length beyond 64 bits", &["Content-Length: 99999999999999999999999"]),
        ("chunked is not the last", &["Transfer-Encoding: chunked, gzip"]),
        ("not chunked at all", &["Transfer-Encoding: gzip"]),
        ("a space before the colon", &["Content-Length : 5"]),
        ("a folded line", &["Content-Length: 5", " 6"]),
        ("two hosts", &["Content-Length: 5", "Host: y"]),
        ("a control character", &["Content-Length: 5", "X: \u{1}"]),
        ("a NUL", &["Content-Length: 5", "X: a\0b"]),
    ];
    for (what, headers) in table {
        let request = format!("POST /echo HTTP/1.1\r\nHost: x\r\n{}\r\n\r\nhello", headers.join("\r\n"));
        for pieces in [usize::MAX, 1, 7] {
            let mut raw = Raw::connect(&server).await;
            raw.send_in_pieces(&request, pieces).await;
            let answer = raw.answer().await;
            assert_eq!((answer.status, answer.header("connection")), (400, Some("close")), "{what}");
            let rest = raw.rest().await;
            assert!(rest.is_empty(), "{what} {pieces}: {}", String::from_utf8_lossy(&rest));
        }
    }
    // Chunks are no business of HTTP/1.0.
    let mut raw = Raw::connect(&server).await;
    raw.send("POST /echo HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n").await;
    assert_eq!(raw.answer().await.status, 400);
    // Said twice, but the same.
    let mut raw = Raw::connect(&server).await;
    raw.send("POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\nhello").await;
    assert_eq!(&*raw.answer().await.body, b"hello");
}

#[tokio::test]
async fn both_lengths_are_found_wherever_the_request_begins() {
    let server = server().await;
    let smuggled = "POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n0\r\n\r\n";
    let before = [
        ECHO.to_owned(),
        "POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n".to_owned(),
        "GET /echo HTTP/1.1\r\nHost: x\r\n\r\n".to_owned(),
    ];
    for first in before {
        // Every cut between the two requests' first and last byte.
        let both = format!("{first}{smuggled}");
        for cut in (1..both.len()).step_by(3) {
            let mut raw = Raw::connect(&server).await;
            raw.send(&both[..cut]).await;
            tokio::task::yield_now().await;
            raw.send(&both[cut..]).await;
            assert_eq!(raw.answer().await.status, 200, "{cut}");
            // Where the second was read together with the first it may be answered, but nothing can follow it.
            let second = raw.answer().await;
            assert_eq!(second.header("connection"), Some("close"), "{first:?} cut at {cut}");
            assert!(raw.rest().await.is_empty());
        }
        // One after the other it is always refused.
        let mut raw = Raw::connect(&server).await;
        raw.send(&first).await;
        assert_eq!(raw.answer().await.status, 200);
        raw.send(smuggled).await;
        assert_eq!(raw.answer().await.status, 400);
    }
}

#[tokio::test]
async fn bad_chunks() {
    let server = server().await;
    let table = [
        "x\r\nhello\r\n0\r\n\r\n",
        "-5\r\nhello\r\n0\r\n\r\n",
        "+5\r\nhello\r\n0\r\n\r\n",
        "0x5\r\nhello\r\n0\r\n\r\n",
        "\r\nhello\r\n0\r\n\r\n",
        "5\r\nhelloX\r\n0\r\n\r\n",
        "FFFFFFFFFFFFFFFFF\r\nhello\r\n0\r\n\r\n",
        "5 5\r\nhello\r\n0\r\n\r\n",
        "5\r\nhello0\r\n\r\n",
    ];
    for body in table {
        let mut raw = Raw::connect(&server).await;
        raw.send("POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n").await;
        raw.send(body).await;
        let answer = raw.answer().await;
        assert_eq!((answer.status, answer.header("connection")), (400, Some("close")), "{body:?}");
    }
}

#[tokio::test]
async fn requests_in_one_go_are_answered_in_order() {
    let server = server().await;
    let mut raw = Raw::connect(&server).await;
    let many: String =
        (0..50).map(|i| format!("POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\n{i:03}")).collect();
    raw.send(&many).await;
    for i in 0..50 {
        assert_eq!(raw.answer().await.body, format!("{i:03}").into_bytes());
    }
    // Still good afterwards, also for chunks.
    raw.send("POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n").await;
    let answer = raw.answer().await;
    assert_eq!((answer.status, answer.header("connection")), (200, None));
    // Garbage behind a request costs the connection, not the request.
    raw.send(&format!("{ECHO}\u{16}\u{3}\u{1}garbage\r\n\r\n{ECHO}")).await;
    assert_eq!(&*raw.answer().await.body, b"hello");
    assert_eq!(raw.answer().await.status, 400);
    assert!(raw.rest().await.is_empty());
}

#[tokio::test]
async fn what_is_no_http() {
    let server = server().await;
    for bytes in [&b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"[..], b"\0\0\0\0", b"HELLO\r\n\r\n", b"GET\r\n\r\n"] {
        let mut raw = Raw::connect(&server).await;
        raw.stream.write_all(bytes).await.unwrap();
        assert_eq!(raw.answer().await.status, 400, "{bytes:?}");
    }
    let mut raw = Raw::connect(&server).await;
    raw.send(&format!("GET /{} HTTP/1.1\r\n\r\n", "a".repeat(70_000))).await;
    assert!(matches!(raw.answer().await.status, 414 | 431));
    let mut raw = Raw::connect(&server).await;
    raw.send(&format!("GET / HTTP/1.1\r\nHost: x\r\nX: {}\r\n\r\n", "a".repeat(40_000))).await;
    assert_eq!(raw.answer().await.status, 431);
    let mut raw = Raw::connect(&server).await;
    raw.send(&format!("GET / HTTP/1.1\r\nHost: x\r\n{}\r\n", "X: y\r\n".repeat(101))).await;
    assert_eq!(raw.answer().await.status, 431);
}

#[tokio::test]
async fn a_client_that_asks_before_it_sends() {
    let server = server().await;
    let mut raw = Raw::connect(&server).await;
    raw.send("POST /echo HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n").await;
    assert_eq!(raw.answer().await.status, 100);
    raw.send("hello").await;
    assert_eq!(&*raw.answer().await.body, b"hello");
    // Not where it is not wanted.
    raw.send("POST /nowhere HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n").await;
    assert_eq!(raw.answer().await.status, 404);
}

#[tokio::test]
async fn half_closed_and_cut_off() {
    let server = server().await;
    let mut raw = Raw::connect(&server).await;
    raw.send(ECHO).await;
    raw.stream.shutdown().await.unwrap();
    assert_eq!(&*raw.answer().await.body, b"hello");
    assert!(raw.rest().await.is_empty());
    // The body ends early: whoever still listens is told.
    for cut in [
        "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhel",
        "POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhel",
    ] {
        let mut raw = Raw::connect(&server).await;
        raw.send(cut).await;
        raw.stream.shutdown().await.unwrap();
        assert_eq!(raw.answer().await.status, 400);
        assert!(raw.rest().await.is_empty());
    }
    // A head that ends early, and nothing at all.
    for cut in ["POST /echo HTT", ""] {
        let mut raw = Raw::connect(&server).await;
        raw.send(cut).await;
        raw.stream.shutdown().await.unwrap();
        let rest = raw.rest().await;
        assert!(rest.is_empty() || rest.starts_with(b"HTTP/1.1 400"), "{}", head_of(&rest));
    }
    support_http::all_gone(&server).await;
}

#[tokio::test]
async fn slow_clients_are_given_up_and_others_are_served() {
    let mut options = options();
    options.header_timeout = Duration::from_millis(300);
    options.transfer_timeout = Duration::from_millis(300);
    let server = server_with(options, None).await;
    let mut others = Raw::connect(&server).await;
    let slow_head = async {
        let mut raw = Raw::connect(&server).await;
        raw.send("POST /echo HTTP/1.1\r\nHost: x\r\n").await;
        let answer = raw.answer().await;
        assert_eq!((answer.status, answer.header("connection")), (408, Some("close")));
        assert!(raw.rest().await.is_empty());
    };
    // Byte by byte is no way around it.
    let dribble = async {
        let mut raw = Raw::connect(&server).await;
        let (mut read, mut write) = raw.stream.split();
        let end = async { tokio::io::AsyncReadExt::read_to_end(&mut read, &mut Vec::new()).await };
        let begin = async {
            write.write_all(b"POST / HTTP/1.1\r\n").await.unwrap();
            loop {
                tokio::time::sleep(Duration::from_millis(20)).await;
                if write.write_all(b"X: y\r\n").await.is_err() {
                    std::future::pending::<()>().await;
                }
            }
        };
        tokio::select! { _ = end => {}, () = begin => {} }
    };
    let slow_body = async {
        let mut raw = Raw::connect(&server).await;
        raw.send("POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nhello").await;
        let answer = raw.answer().await;
        assert_eq!((answer.status, answer.header("connection")), (408, Some("close")));
    };
    // Asks for more than fits into all buffers between here and there, and takes nothing.
    let deaf = async {
        let raw = {
            let mut raw = Raw::connect(&server).await;
            raw.send("GET /much HTTP/1.1\r\nHost: x\r\n\r\n").await;
            raw
        };
        support_http::only(&server, 1).await;
        drop(raw);
    };
    let served = async {
        for _ in 0..20 {
            others.send(ECHO).await;
            assert_eq!(&*others.answer().await.body, b"hello");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::join!(slow_head, dribble, slow_body, deaf, served);
}

#[tokio::test]
async fn idle_connections_serve_again_and_end_at_last() {
    let mut options = options();
    options.idle_timeout = Duration::from_secs(8);
    let server = server_with(options, None).await;
    let mut raw = Raw::connect(&server).await;
    for _ in 0..2 {
        raw.send(ECHO).await;
        assert_eq!(&*raw.answer().await.body, b"hello");
        // Longer than hyper is kept for.
        tokio::time::sleep(Duration::from_millis(400)).await;
    }
    raw.send_in_pieces(ECHO, 1).await;
    assert_eq!(&*raw.answer().await.body, b"hello");
    assert!(raw.rest().await.is_empty());
    support_http::all_gone(&server).await;
}

#[tokio::test]
async fn half_a_request_behind_an_answer_is_not_lost() {
    let server = server().await;
    let second = "POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n";
    for cut in 1..second.len() {
        let mut raw = Raw::connect(&server).await;
        raw.send(&format!("{ECHO}{}", &second[..cut])).await;
        assert_eq!(&*raw.answer().await.body, b"hello");
        raw.send(&second[cut..]).await;
        assert_eq!(&*raw.answer().await.body, b"hi", "{cut}");
    }
}

#[tokio::test]
async fn line_ends_between_requests_do_not_count() {
    let mut options = options();
    options.header_timeout = Duration::from_millis(100);
    let server = server_with(options, None).await;
    let mut raw = Raw::connect(&server).await;
    raw.send("\r\n").await;
    for _ in 0..2 {
        raw.send(&format!("{ECHO}\r\n")).await;
        assert_eq!(&*raw.answer().await.body, b"hello");
        // Longer than hyper is kept for, and than a head may take.
        tokio::time::sleep(Duration::from_millis(400)).await;
        raw.send("\r\n").await;
    }
}

#[tokio::test]
async fn panics_cost_one_answer() {
    let server = server().await;
    let mut raw = Raw::connect(&server).await;
    for path in ["panic-now", "panic-later"] {
        raw.send(&format!("GET /{path} HTTP/1.1\r\nHost: x\r\n\r\n")).await;
        let answer = raw.answer().await;
        assert_eq!(answer.status, 500);
        assert!(!String::from_utf8_lossy(&answer.body).contains("secret"));
    }
    raw.send(ECHO).await;
    assert_eq!(&*raw.answer().await.body, b"hello");
}

#[tokio::test]
async fn streams_in_and_out() {
    let server = server().await;
    let mut raw = Raw::connect(&server).await;
    // What was sent comes back while the request is still under way.
    raw.send("POST /stream HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n").await;
    raw.until(b"3\r\nabc\r\n").await;
    raw.send("2\r\nde\r\n").await;
    raw.until(b"2\r\nde\r\n").await;
    raw.send("0\r\n\r\n").await;
    raw.until(b"0\r\n\r\n").await;
    raw.send(ECHO).await;
    assert_eq!(&*raw.answer().await.body, b"hello");
    // A stream that fails is not mistaken for a whole one.
    raw.send("GET /broken HTTP/1.1\r\nHost: x\r\n\r\n").await;
    let rest = raw.rest().await;
    assert!(rest.starts_with(b"HTTP/1.1 200") && !rest.ends_with(b"0\r\n\r\n"), "{}", head_of(&rest));
}

#[tokio::test]
async fn large_bodies_come_whole() {
    let server = server().await;
    let body: String = (0..300_000).map(|i| format!("{i} ")).collect();
    let mut raw = Raw::connect(&server).await;
    for _ in 0..2 {
        let request = format!("POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: {}\r\n\r\n{body}", body.len());
        let answer = raw.exchange(&request).await;
        assert!(answer.body == body.as_bytes());
    }
    let chunks: String = body
        .as_bytes()
        .chunks(70_001)
        .map(|c| format!("{:x}\r\n{}\r\n", c.len(), std::str::from_utf8(c).unwrap()))
        .collect();
    let answer = raw
        .exchange(&format!("POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n{chunks}0\r\n\r\n"))
        .await;
    assert!(answer.body == body.as_bytes());
}

#[tokio::test]
async fn shutdown_lets_requests_finish() {
    let server = server().await;
    let mut idle = Raw::connect(&server).await;
    idle.send(ECHO).await;
    idle.answer().await;
    let mut busy = Raw::connect(&server).await;
    busy.send("GET /wait HTTP/1.1\r\nHost: x\r\n\r\n").await;
    support_http::waiting().await;
    let (cut, answer, ()) = tokio::join!(
        server.shutdown(Duration::from_secs(60)),
        async {
            let answer = busy.answer().await;
            assert!(busy.rest().await.is_empty());
            answer
        },
        async {
            assert!(idle.rest().await.is_empty());
            support_http::let_go();
        }
    );
    assert_eq!((cut, answer.status, answer.header("connection")), (0, 200, Some("close")));

    let server = support_http::server().await;
    let mut stuck = Raw::connect(&server).await;
    stuck.send("GET /never HTTP/1.1\r\nHost: x\r\n\r\n").await;
    support_http::begun().await;
    assert_eq!(server.shutdown(Duration::from_millis(50)).await, 1);
}

#[tokio::test]
async fn unix_sockets_and_ipv6() {
    let server = support_http::server_at("[::1]:0").await;
    let mut raw = Raw::connect(&server).await;
    raw.send("GET /peer HTTP/1.1\r\nHost: x\r\n\r\n").await;
    let body = raw.answer().await.body;
    assert!(body.starts_with(b"[::1]:"), "{}", String::from_utf8_lossy(&body));

    let path = std::env::temp_dir().join(format!("springline-http-{}.sock", std::process::id()));
    let server = support_http::server_at(&format!("unix:{}", path.display())).await;
    let mut stream = tokio::net::UnixStream::connect(&path).await.unwrap();
    stream.write_all(b"GET /peer HTTP/1.0\r\n\r\n").await.unwrap();
    let mut all = Vec::new();
    tokio::io::AsyncReadExt::read_to_end(&mut stream, &mut all).await.unwrap();
    assert!(all.ends_with(b"\r\n\r\nunix:"), "{}", String::from_utf8_lossy(&all));
    drop(server);
}

#[tokio::test]
async fn connections_are_bounded() {
    let mut options = HttpOptions::default();
    options.limits.connections = 2;
    let server = server_with(options, None).await;
    let mut first = Raw::connect(&server).await;
    let mut second = Raw::connect(&server).await;
    first.send(ECHO).await;
    first.answer().await;
    second.send(ECHO).await;
    second.answer().await;
    let mut third = Raw::connect(&server).await;
    third.send(ECHO).await;
    drop(first);
    assert_eq!(&*third.answer().await.body, b"hello");
    assert!(server.connections() <= 2);
}

#[test]
fn builders_tell_their_paths() {
    let text = format!(
        "{:?}",
        HttpServer::builder().mount("/b", support_http::handler()).mount("/a", support_http::handler())
    );
    assert!(text.contains(r#"["/a", "/b"]"#), "{text}");
}

#[tokio::test]
async fn requests_do_not_show_their_secrets() {
    struct Shown;
    impl HttpHandler for Shown {
        fn handle<'a>(&'a self, request: Request) -> BoxFuture<'a, Response> {
            Box::pin(async move { text(StatusCode::OK, format!("{request:?}")) })
        }
    }
    let address = springline_net::Address::tcp("127.0.0.1", 0);
    let server = HttpServer::builder().mount("/x", std::sync::Arc::new(Shown)).bind(&address).await.unwrap();
    let mut raw = Raw::connect(&server).await;
    raw.send("GET /x?y HTTP/1.1\r\nHost: x\r\nAuthorization: Basic hidden\r\nCookie: hidden\r\n\r\n").await;
    let shown = String::from_utf8(raw.answer().await.body.to_vec()).unwrap();
    assert!(shown.contains("GET") && shown.contains("/x?y") && !shown.contains("hidden"), "{shown}");
}
