//! The HTTP client against servers that do what no sound server does: answers cut off, too long, late, for somebody else.
#![cfg(feature = "http")]

#[path = "support/http.rs"]
mod support;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use springline_core::{Error, ErrorKind, Limits, Reached};
use springline_net::http::{Body, ClientRequest, HttpClient, HttpClientBuilder, HttpStatus, Proxies};
use support::{Scripted, ok, read_request, soon};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

fn builder(server: &Scripted) -> HttpClientBuilder {
    HttpClient::builder(&server.url).proxies(Proxies::none())
}

fn client(server: &Scripted) -> HttpClient {
    builder(server).build().unwrap()
}

async fn post(client: &HttpClient, body: impl Into<Body>) -> Result<Vec<u8>, Error> {
    soon("the answer", client.send(ClientRequest::post(body))).await.map(|answer| answer.body.to_vec())
}

async fn failure(answer: &'static str) -> Error {
    let server = Scripted::saying(answer).await;
    let client = client(&server);
    let e = post(&client, "request").await.unwrap_err();
    assert_eq!(e.endpoint(), Some(&*server.url.clone()));
    assert_eq!((client.idle(), server.connections()), (0, 1), "neither kept nor sent again");
    e
}

#[tokio::test]
async fn answers_that_break_off() {
    for answer in [
        "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nten bytes.",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\na\r\nten by",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\na\r\nten bytes.\r\n",
        "HTTP/1.1 200 OK\r\nContent-Le",
        "HTTP/1.1 2",
    ] {
        let e = failure(answer).await;
        assert_eq!((e.kind(), e.reached()), (ErrorKind::Closed, Reached::MaybeExecuted), "{answer:?}: {e}");
        assert!(e.message().contains(&format!("after {} bytes", answer.len())), "{e}");
    }
    let e = failure("").await;
    assert_eq!((e.kind(), e.reached()), (ErrorKind::Closed, Reached::MaybeExecuted), "{e}");
    assert!(e.message().contains("before answering"), "{e}");
}

#[tokio::test]
async fn answers_that_are_no_http() {
    for answer in [
        "SSH-2.0-OpenSSH_9.2\r\n",
        "<html>no head</html>\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd",
        "HTTP/1.1 200 OK\r\nContent-Length: -3\r\n\r\nabcd",
        "HTTP/1.1 200 OK\r\nContent-Length: 3, 4\r\n\r\nabcd",
        "HTTP/1.1 200 OK\r\nno colon\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabcdef\r\n0\r\n\r\n",
    ] {
        let e = failure(answer).await;
        assert_eq!((e.kind(), e.reached()), (ErrorKind::Protocol, Reached::MaybeExecuted), "{answer:?}: {e}");
    }
}

#[tokio::test]
async fn equal_lengths_and_both_framings_are_read() {
    for (answer, body) in [
        ("HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 3\r\n\r\nabc", "abc"),
        ("HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n", "abc"),
        ("HTTP/1.0 200\r\n\r\nuntil the end", "until the end"),
        ("HTTP/1.1 200 OK\r\n\r\nuntil the end", "until the end"),
        ("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", ""),
        (
            "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nX: y\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx",
            "x",
        ),
    ] {
        let server = Scripted::saying(answer).await;
        assert_eq!(post(&client(&server), "request").await.unwrap(), body.as_bytes(), "{answer:?}");
    }
}

#[tokio::test]
async fn endless_heads() {
    let endless = |line: &'static str| {
        Scripted::start(move |mut stream, _| async move {
            read_request(&mut stream).await;
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\n").await;
            // Until the client has had enough.
            while stream.write_all(line.as_bytes()).await.is_ok() {}
        })
    };
    for line in ["X-More: and more\r\n", "and no end of line, ever"] {
        let server = endless(line).await;
        let e = post(&client(&server), "request").await.unwrap_err();
        assert!(matches!(e.kind(), ErrorKind::Limit | ErrorKind::Protocol), "{e}");
        assert_eq!(e.reached(), Reached::MaybeExecuted, "{e}");
    }
    // Informational answers without end.
    let server = Scripted::start(|mut stream, _| async move {
        read_request(&mut stream).await;
        while stream.write_all(b"HTTP/1.1 100 Continue\r\n\r\n").await.is_ok() {}
    })
    .await;
    let client = builder(&server).timeout(Duration::from_millis(500)).build().unwrap();
    let e = post(&client, "request").await.unwrap_err();
    assert_eq!((e.kind(), e.reached()), (ErrorKind::Timeout, Reached::MaybeExecuted), "{e}");
}

#[tokio::test]
async fn answers_over_the_limit() {
    let mut limits = Limits::default();
    limits.message_size = 1000;
    let claimed = Scripted::saying("HTTP/1.1 200 OK\r\nContent-Length: 1001\r\n\r\nx").await;
    let chunked = Scripted::start(|mut stream, _| async move {
        read_request(&mut stream).await;
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n").await;
        while stream.write_all(b"a\r\n0123456789\r\n").await.is_ok() {}
    })
    .await;
    let unbounded = Scripted::start(|mut stream, _| async move {
        read_request(&mut stream).await;
        let _ = stream.write_all(b"HTTP/1.0 200 OK\r\n\r\n").await;
        while stream.write_all(b"0123456789").await.is_ok() {}
    })
    .await;
    for server in [claimed, chunked, unbounded] {
        let e = post(&builder(&server).limits(limits).build().unwrap(), "request").await.unwrap_err();
        assert_eq!((e.kind(), e.reached()), (ErrorKind::Limit, Reached::Answered), "{e}");
        assert!(e.message().contains("message_size = 1000"), "{e}");
    }
    let whole = Scripted::start(|mut stream, _| async move {
        read_request(&mut stream).await;
        let _ = stream.write_all(&ok(&[b'x'; 1000])).await;
    })
    .await;
    assert_eq!(post(&builder(&whole).limits(limits).build().unwrap(), "request").await.unwrap().len(), 1000);
    // A length that is only claimed costs nothing.
    let claimed = Scripted::saying("HTTP/1.1 200 OK\r\nContent-Length: 9223372036854775807\r\n\r\nx").await;
    limits.message_size = usize::MAX;
    let e = post(&builder(&claimed).limits(limits).build().unwrap(), "request").await.unwrap_err();
    assert_eq!((e.kind(), e.reached()), (ErrorKind::Closed, Reached::MaybeExecuted), "{e}");
}

#[tokio::test]
async fn slow_answers_meet_the_deadline() {
    let server = Scripted::start(|mut stream, number| async move {
        read_request(&mut stream).await;
        let parts: &[&str] = match number {
            0 => &[],
            1 => &["HTTP/1.1 200"],
            _ => &["HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf"],
        };
        for part in parts {
            let _ = stream.write_all(part.as_bytes()).await;
        }
        let _ = stream.read(&mut [0]).await; // until the client goes
    })
    .await;
    let limited = builder(&server).timeout(Duration::from_millis(100)).build().unwrap();
    for _ in 0..3 {
        let e = post(&limited, "request").await.unwrap_err();
        assert_eq!((e.kind(), e.reached()), (ErrorKind::Timeout, Reached::MaybeExecuted), "{e}");
        assert_eq!(limited.idle(), 0, "a late answer must find nobody");
    }
    let unlimited = client(&server);
    let mut request = ClientRequest::post("request");
    request.deadline = Some(Instant::now() + Duration::from_millis(100));
    let e = soon("the deadline", unlimited.send(request)).await.unwrap_err();
    assert_eq!((e.kind(), server.connections()), (ErrorKind::Timeout, 4), "{e}");
}

#[tokio::test]
async fn a_request_that_is_not_taken_was_not_sent() {
    let server = Scripted::start(|stream, _| async move {
        tokio::time::sleep(Duration::from_secs(3600)).await;
        drop(stream);
    })
    .await;
    let client = builder(&server).timeout(Duration::from_millis(300)).build().unwrap();
    let e = post(&client, vec![0; 64 << 20]).await.unwrap_err();
    assert_eq!((e.kind(), e.reached()), (ErrorKind::Timeout, Reached::NotSent), "{e}");
}

#[tokio::test]
async fn ipv6_addresses() {
    let server = Scripted::start_at("[::1]:0", |mut stream, _| async move {
        while let Some((head, _)) = read_request(&mut stream).await {
            let host = head.lines().find_map(|line| line.strip_prefix("host: ")).unwrap().to_owned();
            let _ = stream.write_all(&ok(host.as_bytes())).await;
        }
    })
    .await;
    let host = post(&client(&server), "request").await.unwrap();
    assert_eq!(String::from_utf8(host).unwrap(), server.url.strip_prefix("http://").unwrap());
    assert!(server.url.starts_with("http://[::1]:"));
}

#[tokio::test]
async fn nobody_there() {
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let nobody = format!("http://127.0.0.1:{port}");
    for url in [nobody.as_str(), "unix:///nonexistent/x.sock", "http://name.invalid/"] {
        let client = HttpClient::builder(url).proxies(Proxies::none()).build().unwrap();
        let e = post(&client, "request").await.unwrap_err();
        assert_eq!((e.kind(), e.reached()), (ErrorKind::Unavailable, Reached::NotSent), "{e}");
    }
}

#[tokio::test]
async fn a_kept_connection_that_says_something_of_its_own_is_replaced() {
    // As servers do that give an idle connection up: 408 without a request.
    let (told, mut closed) = tokio::sync::mpsc::unbounded_channel();
    let server = Scripted::start(move |mut stream, number| {
        let told = told.clone();
        async move {
            while read_request(&mut stream).await.is_some() {
                let mut answer = ok(number.to_string().as_bytes());
                let _ = stream.write_all(&answer).await;
                if number == 0 {
                    tokio::time::sleep(Duration::from_millis(20)).await;
                    answer = b"HTTP/1.1 408 Request Timeout\r\nConnection: close\r\n\r\n".to_vec();
                    let _ = stream.write_all(&answer).await;
                    break;
                }
            }
            drop(stream);
            let _ = told.send(());
        }
    })
    .await;
    let client = client(&server);
    assert_eq!(post(&client, "request").await.unwrap(), b"0");
    closed.recv().await.unwrap();
    assert_eq!(post(&client, "request").await.unwrap(), b"1");
    assert_eq!(post(&client, "request").await.unwrap(), b"1", "and that one is kept");
}

#[tokio::test]
async fn answers_that_come_in_any_pieces() {
    // A read that gives less than it could is not followed by another in the same poll: nothing may be lost by that.
    let server = Scripted::start(|mut stream, _| async move {
        let whole = ok(&[b'x'; 40]);
        let mut piece = 0;
        while read_request(&mut stream).await.is_some() {
            piece += 1;
            for part in whole.chunks(piece) {
                let _ = stream.write_all(part).await;
                tokio::task::yield_now().await;
                tokio::time::sleep(Duration::from_micros(200)).await;
            }
        }
    })
    .await;
    let client = client(&server);
    for _ in 1..100 {
        assert_eq!(soon("the answer", post(&client, "request")).await.unwrap(), [b'x'; 40]);
    }
    assert_eq!(server.connections(), 1);
}

#[tokio::test]
async fn a_kept_connection_that_was_closed_is_replaced() {
    // Each connection answers once and is closed after its answer, which does not say so.
    let (told, mut closed) = tokio::sync::mpsc::unbounded_channel();
    let server = Scripted::start(move |mut stream, number| {
        let told = told.clone();
        async move {
            if read_request(&mut stream).await.is_some() {
                let _ = stream.write_all(&ok(number.to_string().as_bytes())).await;
            }
            drop(stream);
            let _ = told.send(());
        }
    })
    .await;
    let client = client(&server);
    for expected in ["0", "1", "2", "3"] {
        assert_eq!(post(&client, "request").await.unwrap(), expected.as_bytes());
        soon("the end", closed.recv()).await.unwrap();
        // The runtime has to look at its sockets once.
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(server.connections(), 4);
}

// Answers the first request of the first connection, reads the second one and closes without a word.
async fn stale(seen: Arc<AtomicUsize>) -> Scripted {
    Scripted::start(move |mut stream, number| {
        let seen = seen.clone();
        async move {
            let mut served = 0;
            while read_request(&mut stream).await.is_some() {
                seen.fetch_add(1, Ordering::SeqCst);
                if number == 0 && served == 1 {
                    return;
                }
                served += 1;
                let _ = stream.write_all(&ok(b"fine")).await;
            }
        }
    })
    .await
}

#[tokio::test]
async fn what_may_have_run_is_not_sent_again_unless_allowed() {
    let seen = Arc::new(AtomicUsize::new(0));
    let server = stale(seen.clone()).await;
    let careful = client(&server);
    post(&careful, "first").await.unwrap();
    let e = post(&careful, "second").await.unwrap_err();
    assert_eq!((e.kind(), e.reached()), (ErrorKind::Closed, Reached::MaybeExecuted), "{e}");
    assert_eq!((seen.load(Ordering::SeqCst), server.connections()), (2, 1));
    post(&careful, "third").await.unwrap();

    let seen = Arc::new(AtomicUsize::new(0));
    let server = stale(seen.clone()).await;
    let careless = builder(&server).retry_stale(true).build().unwrap();
    post(&careless, "first").await.unwrap();
    assert_eq!(post(&careless, "second").await.unwrap(), b"fine");
    assert_eq!((seen.load(Ordering::SeqCst), server.connections()), (3, 2));
}

#[tokio::test]
async fn retrying_ends_after_one_time_and_spares_new_connections() {
    let server = Scripted::start(|mut stream, number| async move {
        if number == 0 && read_request(&mut stream).await.is_some() {
            let _ = stream.write_all(&ok(b"fine")).await;
        }
        read_request(&mut stream).await;
    })
    .await;
    let client = builder(&server).retry_stale(true).build().unwrap();
    post(&client, "first").await.unwrap();
    let e = post(&client, "second").await.unwrap_err();
    assert_eq!((e.kind(), e.reached(), server.connections()), (ErrorKind::Closed, Reached::MaybeExecuted, 2), "{e}");
    post(&client, "third").await.unwrap_err();
    assert_eq!(server.connections(), 3, "a new connection that fails is not tried again");
}

#[tokio::test]
async fn bytes_that_nobody_asked_for_spoil_the_connection() {
    let server = Scripted::start(|mut stream, number| async move {
        while read_request(&mut stream).await.is_some() {
            let mut answer = ok(number.to_string().as_bytes());
            if number == 0 {
                answer.extend_from_slice(&ok(b"an answer to nothing"));
            }
            let _ = stream.write_all(&answer).await;
        }
    })
    .await;
    let client = client(&server);
    assert_eq!(post(&client, "first").await.unwrap(), b"0");
    assert_eq!(post(&client, "second").await.unwrap(), b"1");
    assert_eq!(post(&client, "third").await.unwrap(), b"1");
}

#[tokio::test]
async fn a_dropped_call_takes_its_connection_along() {
    let (told, mut asked) = tokio::sync::mpsc::unbounded_channel();
    let server = Scripted::start(move |mut stream, number| {
        let told = told.clone();
        async move {
            while let Some((_, body)) = read_request(&mut stream).await {
                let _ = told.send(());
                if body == b"slow" {
                    // Begins, so that the dropped call is in the middle of its answer.
                    let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nsl").await;
                    tokio::time::sleep(Duration::from_millis(50)).await;
                    let _ = stream.write_all(b"ow").await;
                } else {
                    let _ = stream.write_all(&ok(number.to_string().as_bytes())).await;
                }
            }
        }
    })
    .await;
    let client = client(&server);
    assert_eq!(post(&client, "quick").await.unwrap(), b"0");
    asked.recv().await.unwrap();
    {
        let slow = client.send(ClientRequest::post("slow"));
        tokio::select! {
            _ = slow => panic!("answered too early"),
            _ = async { soon("the request", asked.recv()).await } => {}
        }
    }
    assert_eq!(client.idle(), 0);
    assert_eq!(post(&client, "quick").await.unwrap(), b"1", "not the answer of the dropped call");
}

#[tokio::test]
async fn an_answer_may_come_before_the_request_is_read() {
    let server = Scripted::start(|mut stream, _| async move {
        let mut head = [0; 16];
        let _ = stream.read_exact(&mut head).await;
        let answer = b"HTTP/1.1 413 Payload Too Large\r\nContent-Length: 9\r\nConnection: close\r\n\r\ntoo large";
        let _ = stream.write_all(answer).await;
        let _ = stream.shutdown().await;
        // Reads on for a while, as servers should, so that the answer is not lost to a reset.
        let mut rest = vec![0; 1 << 16];
        while stream.read(&mut rest).await.is_ok_and(|n| n > 0) {}
    })
    .await;
    let client = client(&server);
    let answer = soon("413", client.send(ClientRequest::post(vec![b'x'; 8 << 20]))).await.unwrap();
    assert_eq!((answer.head.status().as_u16(), &answer.body[..]), (413, &b"too large"[..]));
    let e = answer.check(client.text()).unwrap_err();
    assert_eq!((e.kind(), e.reached()), (ErrorKind::Protocol, Reached::Answered));
    assert_eq!(HttpStatus::of(&e).unwrap().status.as_u16(), 413);
    assert_eq!(client.idle(), 0);
}

#[tokio::test]
async fn a_page_that_breaks_off_does_not_hide_its_status() {
    let server =
        Scripted::saying("HTTP/1.1 503 Busy here\r\nContent-Length: 100\r\nContent-Encoding: gzip\r\n\r\nnot gzip")
            .await;
    let answer = client(&server).send(ClientRequest::post("request")).await.unwrap();
    assert_eq!((answer.head.status().as_u16(), answer.head.reason().as_str()), (503, "Busy here"));
}

#[tokio::test]
async fn calls_beyond_the_limit_wait_for_a_connection() {
    let server = Scripted::start(|mut stream, _| async move {
        while read_request(&mut stream).await.is_some() {
            tokio::time::sleep(Duration::from_millis(5)).await;
            let _ = stream.write_all(&ok(b"fine")).await;
        }
    })
    .await;
    let client = builder(&server).max_connections(2).build().unwrap();
    let calls: Vec<_> = (0..10)
        .map(|_| {
            let client = client.clone();
            tokio::spawn(async move { post(&client, "request").await })
        })
        .collect();
    for call in calls {
        assert_eq!(call.await.unwrap().unwrap(), b"fine");
    }
    assert_eq!((server.connections(), client.idle()), (2, 2));

    let blocked = Scripted::start(|mut stream, _| async move {
        read_request(&mut stream).await;
        let _ = stream.read(&mut [0]).await;
    })
    .await;
    let client = builder(&blocked).max_connections(1).build().unwrap();
    let first = client.send(ClientRequest::post("first"));
    let mut request = ClientRequest::post("second");
    request.deadline = Some(Instant::now() + Duration::from_millis(200));
    tokio::select! {
        biased;
        _ = first => panic!("answered"),
        outcome = client.send(request) => {
            let e = outcome.unwrap_err();
            assert_eq!((e.kind(), e.reached()), (ErrorKind::Timeout, Reached::NotSent), "{e}");
        }
    }
}

#[tokio::test]
async fn idle_connections_are_few_and_do_not_grow_old() {
    let server = Scripted::start(|mut stream, number| async move {
        while read_request(&mut stream).await.is_some() {
            tokio::time::sleep(Duration::from_millis(20)).await;
            let _ = stream.write_all(&ok(number.to_string().as_bytes())).await;
        }
    })
    .await;
    let client = builder(&server).max_idle(1).build().unwrap();
    let (a, b, c) = tokio::join!(post(&client, "a"), post(&client, "b"), post(&client, "c"));
    assert!(a.is_ok() && b.is_ok() && c.is_ok());
    assert_eq!((client.idle(), server.connections()), (1, 3));
    client.release();
    assert_eq!(client.idle(), 0);

    let client = builder(&server).idle_timeout(Duration::from_millis(1)).build().unwrap();
    let first = post(&client, "a").await.unwrap();
    tokio::time::sleep(Duration::from_millis(20)).await;
    assert_ne!(post(&client, "b").await.unwrap(), first, "too old to be used");
    let client = builder(&server).max_idle(0).build().unwrap();
    post(&client, "a").await.unwrap();
    assert_eq!(client.idle(), 0);
}

#[test]
fn a_client_outlives_its_runtimes() {
    let other = tokio::runtime::Runtime::new().unwrap();
    let server = other.block_on(Scripted::start(|mut stream, number| async move {
        while read_request(&mut stream).await.is_some() {
            let _ = stream.write_all(&ok(number.to_string().as_bytes())).await;
        }
    }));
    let client = client(&server);
    for expected in ["0", "1"] {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        for _ in 0..2 {
            assert_eq!(runtime.block_on(post(&client, "request")).unwrap(), expected.as_bytes());
        }
    }
}

#[tokio::test]
async fn bodies_may_be_streams_both_ways() {
    let server = Scripted::start(|mut stream, _| async move {
        let mut bytes = Vec::new();
        while !bytes.ends_with(b"\r\n0\r\n\r\n") {
            assert_ne!(stream.read_buf(&mut bytes).await.unwrap(), 0);
        }
        let text = String::from_utf8(bytes).unwrap();
        assert!(
            text.contains("transfer-encoding: chunked\r\n")
                && text.ends_with("\r\n\r\n3\r\none\r\n3\r\ntwo\r\n0\r\n\r\n"),
            "{text}"
        );
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nthree\r\n").await;
        let _ = stream.flush().await;
        tokio::time::sleep(Duration::from_millis(50)).await;
        let _ = stream.write_all(b"4\r\nfour\r\n0\r\n\r\n").await;
        let _ = stream.read(&mut [0]).await;
    })
    .await;
    let client = client(&server);
    let (sender, body) = Body::channel(1);
    let send = async {
        sender.send("one").await.unwrap();
        sender.send("two").await.unwrap();
        drop(sender);
    };
    let (answer, ()) = soon("both", async { tokio::join!(client.open(ClientRequest::post(body)), send) }).await;
    let mut answer = answer.unwrap();
    assert_eq!(answer.head().status().as_u16(), 200);
    let mut pieces = Vec::new();
    while let Some(piece) = soon("a piece", answer.chunk()).await.unwrap() {
        pieces.push(piece);
    }
    assert_eq!(pieces.concat(), b"threefour");
    assert_eq!(answer.chunk().await.unwrap(), None);
    drop(answer);
    assert_eq!(client.idle(), 1);

    // A body that fails on this side ends the request.
    let server =
        Scripted::start(|mut stream, _| async move { while stream.read(&mut [0; 100]).await.is_ok_and(|n| n > 0) {} })
            .await;
    let client = self::client(&server);
    let (sender, body) = Body::channel(1);
    let fail = async { sender.fail(Error::encode("no more")).await };
    let (answer, ()) = soon("both", async { tokio::join!(client.open(ClientRequest::post(body)), fail) }).await;
    let e = answer.unwrap_err();
    assert!(e.kind() == ErrorKind::Encode && e.message().contains("no more"), "{e}");
}
