//! The client and answers that Java's servers give when something is wrong with them, or never.
#![cfg(feature = "net")]

#[path = "../../springline-net/tests/support/http.rs"]
mod support;

use std::sync::{Arc, Mutex};

use springline_core::{Call, ErrorKind, Output, Payload, Reached, RemoteRef, Service, Value};
use springline_hessian::client::{HessianProxy, HessianProxyBuilder, HttpStatus};
use springline_hessian::codec::Version;
use springline_hessian::{Dialect, Fault, WriteOptions, write_fault, write_reply};
use springline_net::http::{Proxies, coding};
use support::{Scripted, ok, read_request, soon};
use tokio::io::AsyncWriteExt;

fn builder(url: &str) -> HessianProxyBuilder {
    HessianProxy::builder(url).proxies(Proxies::none())
}

/// A server that answers every request with these bytes, head and all.
async fn saying(answer: Vec<u8>) -> Scripted {
    Scripted::start(move |mut stream, _| {
        let answer = answer.clone();
        async move {
            while read_request(&mut stream).await.is_some() {
                let _ = stream.write_all(&answer).await;
            }
        }
    })
    .await
}

async fn replying(body: &[u8]) -> (Scripted, HessianProxy) {
    let server = saying(ok(body)).await;
    let proxy = builder(&server.url).build().unwrap();
    (server, proxy)
}

fn reply(version: Version, value: &Value) -> Vec<u8> {
    let mut out = Output::new();
    write_reply(&mut out, version, &Payload::from(value.clone()), &WriteOptions::new()).unwrap();
    out.to_vec()
}

fn person() -> Value {
    let person = Value::object(
        "peer.Person",
        vec![("firstName".to_owned(), "Greg \u{1f600}".into()), ("age".to_owned(), 40.into())],
    );
    Value::List(vec![person.clone(), person, Value::Map(vec![("k".into(), 2.5.into())]), Value::Back(1)])
}

#[tokio::test]
async fn empty_and_foreign_answers() {
    for (body, said) in [
        (&b""[..], "the reply is empty"),
        (b"<!DOCTYPE html><html>Please log in", "no Hessian: it begins with \"<!DOCTYPE html>"),
        (b"H\x02\x00", "cut off after 3 bytes"),
        (b"r\x01", "cut off after 2 bytes"),
        (b"H\x02\x00C\x01x\x90", "neither 'R' nor 'F' but byte 0x43"),
        (b"r\x02\x00\x4ez", "draft of Hessian 2"),
    ] {
        let (_server, proxy) = replying(body).await;
        for e in [
            proxy.call_value("x", ()).await.unwrap_err(),
            proxy.call::<i32>("x", ()).await.unwrap_err(),
            proxy.call_unboxed(&Call::new("x", &())).await.unwrap_err(),
            proxy.download("x", ()).await.map(|_| ()).unwrap_err(),
        ] {
            assert_eq!((e.kind(), e.reached()), (ErrorKind::Protocol, Reached::Answered), "{e:?}");
            assert!(e.message().contains(said) && e.endpoint() == Some(proxy.url()), "{e}");
        }
    }
}

#[tokio::test]
async fn replies_cut_at_every_byte() {
    let mut fault = Output::new();
    let exception = springline_core::Exception::new("peer.BankException", "too little").with_attribute("code", 7);
    write_fault(&mut fault, Version::One, &Fault::from_exception(&exception), &WriteOptions::new()).unwrap();
    let mut fault2 = Output::new();
    write_fault(&mut fault2, Version::Two, &Fault::from_exception(&exception), &WriteOptions::new()).unwrap();
    for whole in [reply(Version::One, &person()), reply(Version::Two, &person()), fault.to_vec(), fault2.to_vec()] {
        let cut = Arc::new(Mutex::new(whole.len()));
        let (now, message) = (cut.clone(), whole.clone());
        let server = Scripted::start(move |mut stream, _| {
            let (now, message) = (now.clone(), message.clone());
            async move {
                while read_request(&mut stream).await.is_some() {
                    let answer = ok(&message[..*now.lock().unwrap()]);
                    let _ = stream.write_all(&answer).await;
                }
            }
        })
        .await;
        let proxy = builder(&server.url).build().unwrap();
        let first = proxy.call_value("x", ()).await;
        assert!(first.is_ok() || first.unwrap_err().exception().is_some());
        let mut wrong = Vec::new();
        for at in 0..whole.len() {
            *cut.lock().unwrap() = at;
            for e in [
                proxy.call_value("x", ()).await.unwrap_err(),
                proxy.call_unboxed(&Call::new("x", &())).await.unwrap_err(),
            ] {
                let said = e.message().contains("cut off") || e.message().contains("empty");
                if (e.kind(), e.reached(), said) != (ErrorKind::Protocol, Reached::Answered, true) {
                    wrong.push(format!("cut at {at}: {e}"));
                }
            }
        }
        assert!(wrong.is_empty(), "{wrong:#?}");
        assert_eq!(server.connections(), 1, "the connection is kept all the while");
    }
}

#[tokio::test]
async fn connections_that_break() {
    let part = &reply(Version::Two, &person())[..20];
    let whole_head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", 4000);
    let chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n".to_vec();
    for answer in [
        // As HessianServlet in Jetty: the head, and nothing.
        chunked.clone(),
        // A chunk of a result that cannot be written.
        [&chunked[..], b"14\r\n", part, b"\r\n"].concat(),
        [whole_head.as_bytes(), part].concat(),
    ] {
        let server = Scripted::start(move |mut stream, _| {
            let answer = answer.clone();
            async move {
                if read_request(&mut stream).await.is_some() {
                    let _ = stream.write_all(&answer).await;
                }
            }
        })
        .await;
        let proxy = builder(&server.url).build().unwrap();
        let e = proxy.call_value("x", ()).await.unwrap_err();
        assert_eq!((e.kind(), e.reached()), (ErrorKind::Protocol, Reached::MaybeExecuted), "{e:?}");
        assert!(e.message().contains("answered 200 and then broke the reply off"), "{e}");
    }
    // Before any answer it is the connection that failed.
    let server = Scripted::start(|mut stream, _| async move {
        read_request(&mut stream).await;
    })
    .await;
    let e = builder(&server.url).build().unwrap().call_value("x", ()).await.unwrap_err();
    assert_eq!((e.kind(), e.reached()), (ErrorKind::Closed, Reached::MaybeExecuted), "{e:?}");
}

#[tokio::test]
async fn replies_of_either_version_to_any_call() {
    for version in [Version::One, Version::Two] {
        let server = saying(ok(&reply(version, &person()))).await;
        for dialect in [Dialect::Hessian1, Dialect::Mixed, Dialect::Hessian2] {
            let proxy = builder(&server.url).dialect(dialect).build().unwrap();
            assert_eq!(proxy.call_value("x", ()).await.unwrap(), person());
        }
    }
    // The version's bytes of Hessian 1 do not count, but for the draft's.
    let (_server, proxy) = replying(b"r\x01\x07I\x00\x00\x00\x05z").await;
    assert_eq!(proxy.call::<i32>("x", ()).await.unwrap(), 5);
}

#[tokio::test]
async fn what_follows_a_result() {
    // Hessian 1 ends with a 'z', which has to be there; behind a result of Hessian 2 Java looks at nothing.
    let (_server, proxy) = replying(b"r\x01\x00I\x00\x00\x00\x05N").await;
    let e = proxy.call::<i32>("x", ()).await.unwrap_err();
    assert_eq!((e.kind(), e.reached()), (ErrorKind::Malformed, Reached::Answered), "{e}");
    let (_server, proxy) = replying(b"H\x02\x00R\x95trailing").await;
    assert_eq!(proxy.call::<i32>("x", ()).await.unwrap(), 5);
}

#[tokio::test]
async fn compressed_replies() {
    let whole = reply(Version::Two, &"x".repeat(5000).into());
    for (name, body) in [("deflate", coding::deflate(&whole)), ("gzip", coding::gzip(&whole))] {
        let head = format!("HTTP/1.1 200 OK\r\nContent-Encoding: {name}\r\nContent-Length: {}\r\n\r\n", body.len());
        let server = saying([head.as_bytes(), &body].concat()).await;
        let proxy = builder(&server.url).build().unwrap();
        assert_eq!(proxy.call::<String>("x", ()).await.unwrap().len(), 5000);
        // A stream is not asked for packed, and not taken so.
        let e = proxy.download("x", ()).await.map(|_| ()).unwrap_err();
        assert!(e.kind() == ErrorKind::Protocol && e.message().contains(name), "{e}");
    }
}

#[tokio::test]
async fn statuses() {
    for (status, kind) in [
        ("401 Unauthorized", ErrorKind::Denied),
        ("404 Not Found", ErrorKind::NotFound),
        ("500 Server Error", ErrorKind::Protocol),
    ] {
        let page = "<h1>no</h1>";
        let answer = format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\n\r\n{page}", page.len());
        let server = saying(answer.into_bytes()).await;
        let proxy = builder(&server.url).build().unwrap();
        for e in [proxy.call_value("x", ()).await.unwrap_err(), proxy.download("x", ()).await.map(|_| ()).unwrap_err()]
        {
            assert_eq!((e.kind(), e.reached()), (kind, Reached::Answered), "{e}");
            assert!(HttpStatus::of(&e).is_some(), "{e:?}");
        }
    }
}

#[tokio::test]
async fn limits() {
    let (_server, proxy) = replying(&reply(Version::Two, &"x".repeat(5000).into())).await;
    let mut limits = springline_core::Limits::new();
    limits.message_size = 1000;
    let proxy = builder(proxy.url()).limits(limits).build().unwrap();
    let e = proxy.call_value("x", ()).await.unwrap_err();
    assert!(e.kind() == ErrorKind::Limit && e.message().contains("message_size = 1000"), "{e}");
    // Deep and wide ones.
    for body in [[b"H\x02\x00R".to_vec(), vec![0x79; 200_000]].concat(), b"H\x02\x00RX\x49\x7f\xff\xff\xff".to_vec()] {
        let (_server, proxy) = replying(&body).await;
        let e = proxy.call_value("x", ()).await.unwrap_err();
        assert!(matches!(e.kind(), ErrorKind::Limit | ErrorKind::Protocol), "{e}");
    }
}

/// Requests, head and body; names of header fields in small letters, however they came.
type Seen = Arc<Mutex<Vec<(String, Vec<u8>)>>>;

fn small_names(head: &str) -> String {
    let line = |line: &str| match line.split_once(": ") {
        Some((name, value)) => format!("{}: {value}", name.to_ascii_lowercase()),
        None => line.to_owned(),
    };
    head.split("\r\n").map(line).collect::<Vec<_>>().join("\r\n")
}

/// A server that notes what it is asked.
async fn recording(answer: Vec<u8>) -> (Scripted, Seen) {
    let seen = Seen::default();
    let noted = seen.clone();
    let server = Scripted::start(move |mut stream, _| {
        let (noted, answer) = (noted.clone(), answer.clone());
        async move {
            while let Some((head, body)) = read_request(&mut stream).await {
                noted.lock().unwrap().push((small_names(&head), body));
                let _ = stream.write_all(&answer).await;
            }
        }
    })
    .await;
    (server, seen)
}

#[tokio::test]
async fn what_is_sent() {
    let (server, seen) = recording(ok(&reply(Version::Two, &Value::Null))).await;
    for dialect in [Dialect::Hessian1, Dialect::Mixed, Dialect::Hessian2] {
        let proxy = builder(&format!("{}/service?id=7", server.url)).dialect(dialect).build().unwrap();
        proxy.call::<()>("add", (1, 2_i64)).await.unwrap();
    }
    let seen = seen.lock().unwrap();
    let bodies: Vec<&[u8]> = seen.iter().map(|(_, body)| &**body).collect();
    assert_eq!(bodies[0], b"c\x01\x00m\x00\x03addI\x00\x00\x00\x01L\x00\x00\x00\x00\x00\x00\x00\x02z");
    assert_eq!(bodies[1], b"c\x02\x00m\x00\x03addI\x00\x00\x00\x01L\x00\x00\x00\x00\x00\x00\x00\x02z");
    assert_eq!(bodies[2], b"H\x02\x00C\x03add\x92\x91\xe2");
    for (head, _) in seen.iter() {
        assert!(head.starts_with("POST /service?id=7 HTTP/1.1\r\n"), "{head}");
        for line in ["content-type: x-application/hessian", "accept-encoding: deflate", "content-length: "] {
            assert!(head.contains(line), "{line} in {head}");
        }
    }
}

#[tokio::test]
async fn references_keep_credentials_where_they_belong() {
    let answer = ok(&reply(Version::Two, &Value::Null));
    let (near, near_seen) = recording(answer.clone()).await;
    let (far, far_seen) = recording(answer).await;
    let proxy = builder(&format!("{}/bank", near.url).replacen("://", "://me:secret@", 1));
    let proxy = proxy.header("X-Token", "secret").dialect(Dialect::Hessian2).build().unwrap();
    let here = proxy.remote(&RemoteRef::uri(format!("{}/account/1?x=y", near.url))).unwrap();
    let there = proxy.remote(&RemoteRef::uri(format!("{}/account/2", far.url))).unwrap();
    assert!(here.url().ends_with("/account/1?x=y") && !here.url().contains("secret"), "{}", here.url());
    proxy.call::<()>("open", ()).await.unwrap();
    here.call::<()>("owner", ()).await.unwrap();
    there.call::<()>("owner", ()).await.unwrap();
    assert_eq!((near.connections(), there.dialect()), (1, Dialect::Hessian2));
    let heads = |seen: &Mutex<Vec<(String, Vec<u8>)>>| -> Vec<String> {
        seen.lock().unwrap().iter().map(|(head, _)| head.clone()).collect()
    };
    let near = heads(&near_seen);
    assert!(near[1].starts_with("POST /account/1?x=y ") && near[1].contains("authorization: Basic "), "{near:?}");
    let far = heads(&far_seen);
    assert!(far[0].starts_with("POST /account/2 ") && !far[0].contains("authorization"), "{far:?}");
    assert!(!far[0].contains("x-token") && far[0].contains("x-application/hessian"), "{far:?}");
    // A URL that is none, and one that needs TLS where no TLS was set up.
    assert_eq!(proxy.remote(&RemoteRef::uri("nonsense")).unwrap_err().kind(), ErrorKind::Name);
    assert_eq!(proxy.remote(&RemoteRef::uri("https://localhost/x")).unwrap_err().kind(), ErrorKind::Config);
}

#[tokio::test]
async fn a_stream_that_cannot_be_read() {
    struct Broken(usize);
    impl tokio::io::AsyncRead for Broken {
        fn poll_read(
            mut self: std::pin::Pin<&mut Self>,
            _: &mut std::task::Context<'_>,
            out: &mut tokio::io::ReadBuf<'_>,
        ) -> std::task::Poll<std::io::Result<()>> {
            if self.0 == 0 {
                return std::task::Poll::Ready(Err(std::io::Error::other("the disk is gone")));
            }
            self.0 -= 1;
            let n = out.remaining().min(100);
            out.put_slice(&[7; 100][..n]);
            std::task::Poll::Ready(Ok(()))
        }
    }
    let server = Scripted::start(|mut stream, _| async move {
        let mut sink = Vec::new();
        let _ = tokio::io::AsyncReadExt::read_to_end(&mut stream, &mut sink).await;
        let text = String::from_utf8_lossy(&sink);
        assert!(!text.ends_with("0\r\n\r\n"), "the body has an end");
    })
    .await;
    let proxy = builder(&server.url).build().unwrap();
    let sent = soon("the error", proxy.upload::<Value>("upload", ("x",), Broken(1000))).await;
    let e = sent.unwrap_err();
    assert_eq!((e.kind(), e.reached()), (ErrorKind::Encode, Reached::MaybeExecuted), "{e:?}");
    assert!(e.message().contains("the disk is gone"), "{e}");
}

#[tokio::test]
async fn a_stream_that_is_answered_early() {
    // A server that refuses an upload before it has read it.
    let server = Scripted::start(|mut stream, _| async move {
        let mut some = [0; 1000];
        let _ = tokio::io::AsyncReadExt::read(&mut stream, &mut some).await;
        let page = "HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
        let _ = stream.write_all(page.as_bytes()).await;
        let mut rest = Vec::new();
        let _ = tokio::io::AsyncReadExt::read_to_end(&mut stream, &mut rest).await;
    })
    .await;
    let proxy = builder(&server.url).build().unwrap();
    let endless = tokio::io::repeat(7);
    let e = soon("the answer", proxy.upload::<Value>("upload", (), endless)).await.unwrap_err();
    assert!(HttpStatus::of(&e).is_some_and(|s| s.status == 413), "{e:?}");
}

#[tokio::test]
async fn streams_cut_at_every_byte() {
    let mut whole = b"H\x02\x00RA\x00\x05hello".to_vec();
    whole.extend_from_slice(b"\x26world!");
    for at in 0..whole.len() {
        let (_server, proxy) = replying(&whole[..at]).await;
        let outcome = match proxy.download("x", ()).await {
            Err(e) => Err(e),
            Ok(mut download) => download.copy_to(&mut Vec::new()).await,
        };
        let e = outcome.unwrap_err();
        assert_eq!((e.kind(), e.reached()), (ErrorKind::Protocol, Reached::Answered), "cut at {at}: {e:?}");
    }
    let (_server, proxy) = replying(&whole).await;
    let mut out = Vec::new();
    proxy.download("x", ()).await.unwrap().copy_to(&mut out).await.unwrap();
    assert_eq!(out, b"helloworld!");
    let (_server, proxy) = replying(b"r\x01\x00b\x00\x02heB\x00\x03lloz").await;
    let mut out = Vec::new();
    proxy.download("x", ()).await.unwrap().copy_to(&mut out).await.unwrap();
    assert_eq!((out, proxy.idle_connections()), (b"hello".to_vec(), 1));
}

#[tokio::test]
async fn what_cannot_be_called() {
    let proxy = builder("http://127.0.0.1:1/").build().unwrap();
    let args = (1,);
    let mut call = Call::new("x", &args);
    call.kind = springline_core::CallKind::GetAttr;
    let e = proxy.call_unboxed(&call).await.unwrap_err();
    assert_eq!((e.kind(), e.reached()), (ErrorKind::NotFound, Reached::NotSent), "{e}");
    let e = proxy.call::<()>("x", (Value::Complex(1.0, 2.0),)).await.unwrap_err();
    assert_eq!((e.kind(), e.reached()), (ErrorKind::Encode, Reached::NotSent), "{e}");
    assert_eq!(builder("ftp://x").build().unwrap_err().kind(), ErrorKind::Name);
    assert_eq!(builder("https://localhost/").build().unwrap_err().kind(), ErrorKind::Config);
    assert_eq!(builder("http://localhost/").ca_pem("x").build().unwrap_err().kind(), ErrorKind::Config);
}
