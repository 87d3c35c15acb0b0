//! The server and requests that no sound client sends: methods, codings, limits, cut and wrong calls, streams, headers.
#![cfg(feature = "net")]

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use springline_core::{Bytes, Error, ErrorKind, Exception, FnService, Limits, Output, Payload, Value, context};
use springline_hessian::server::{
    BinaryStream, HessianServer, HessianServiceExporter, HessianServiceExporterBuilder, Login,
};
use springline_hessian::{Dialect, Fault, ReadOptions, WriteOptions, parse_reply, write_call};
use springline_net::http::{
    ClientRequest, ClientResponse, HeaderName, HeaderValue, HttpClient, Method, Proxies, coding,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

const DIALECTS: [Dialect; 3] = [Dialect::Hessian1, Dialect::Mixed, Dialect::Hessian2];

fn service() -> FnService {
    FnService::new("Thing")
        .method("echo", ["x"], |(x,): (Value,)| async move { Ok(x) })
        .method("add", ["a", "b"], |(a, b): (i64, i64)| async move { Ok(a + b) })
        .method("find", ["name", "most?"], |(name, most): (String, Option<i32>)| async move {
            Ok(format!("{name} {}", most.unwrap_or(-1)))
        })
        .method("fail", [], |()| async move { Err::<(), _>(Error::remote(Exception::new("ValueError", "no & never"))) })
        .method("panic", [], |()| async move {
            if true {
                panic!("a secret");
            }
            Ok(())
        })
        .method("unwritable", [], |()| async move { Ok(Value::Complex(1.0, 2.0)) })
        .method("sleep", ["ms"], |(ms,): (u64,)| async move {
            tokio::time::sleep(Duration::from_millis(ms)).await;
            Ok("awake".to_owned())
        })
        .method("annotation", ["name"], |(name,): (String,)| async move {
            Ok(context::annotation(&name).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()))
        })
        .method("who", [], |()| async move { Ok(context::peer().map(|peer| peer.protocol.clone())) })
}

async fn start(builder: HessianServiceExporterBuilder) -> (HessianServer, HttpClient) {
    let server = builder.path("/thing").bind("127.0.0.1:0").await.unwrap();
    let client = HttpClient::builder(&server.url()).proxies(Proxies::none()).build().unwrap();
    (server, client)
}

fn call(dialect: Dialect, method: &str, args: Vec<Value>) -> Vec<u8> {
    let mut out = Output::new();
    write_call(&mut out, dialect, method, &Payload::borrowed(&args), &WriteOptions::new()).unwrap();
    out.to_vec()
}

async fn post(client: &HttpClient, body: impl Into<Bytes>) -> ClientResponse {
    client.send(ClientRequest::post(body.into())).await.unwrap()
}

/// The version's first byte, and the reply.
fn read(response: &ClientResponse) -> (u8, Result<Value, Fault>) {
    assert_eq!(response.head.status(), 200, "{:?}", response.body);
    assert_eq!(response.head.header("content-type"), Some("x-application/hessian"));
    let reply = parse_reply(&response.body, &ReadOptions::new()).unwrap();
    (response.body[0], reply.map(|result| result.into_value().unwrap()))
}

async fn fault(client: &HttpClient, body: impl Into<Bytes>) -> Fault {
    read(&post(client, body).await).1.unwrap_err()
}

#[tokio::test]
async fn each_dialect_is_answered_by_the_rule() {
    let (_server, client) = start(HessianServiceExporter::builder(service())).await;
    for (dialect, first) in [(Dialect::Hessian1, b'r'), (Dialect::Mixed, b'H'), (Dialect::Hessian2, b'H')] {
        let ok = read(&post(&client, call(dialect, "add", vec![1.into(), 2.into()])).await);
        assert_eq!(ok, (first, Ok(Value::I64(3))), "{dialect:?}");
        let response = post(&client, call(dialect, "fail", vec![])).await;
        let (version, reply) = read(&response);
        let x = reply.unwrap_err().into_exception();
        // Java's class on the wire, and what it was for those who know the field.
        let java: &[u8] = b"java.lang.IllegalArgumentException";
        assert!(response.body.windows(java.len()).any(|part| part == java));
        assert_eq!((version, &*x.class, &*x.message), (first, "ValueError", "no & never"));
    }
    // Other versions, as Java takes them: majors beyond 2, a bare 'C'.
    let body = call(Dialect::Hessian2, "add", vec![1.into(), 2.into()]);
    assert_eq!(read(&post(&client, body[3..].to_vec()).await), (b'H', Ok(Value::I64(3))));
    assert_eq!(read(&post(&client, [b"H\x03\x07", &body[3..]].concat()).await), (b'H', Ok(Value::I64(3))));
    let mut body = call(Dialect::Mixed, "add", vec![1.into(), 2.into()]);
    body[1] = 3;
    assert_eq!(read(&post(&client, body).await), (b'H', Ok(Value::I64(3))));
    // Bytes behind the last argument of Hessian 2 are ignored, as in Java.
    let body = [call(Dialect::Hessian2, "add", vec![1.into(), 2.into()]), b"trailing".to_vec()].concat();
    assert_eq!(read(&post(&client, body).await), (b'H', Ok(Value::I64(3))));
}

#[tokio::test]
async fn what_is_no_call() {
    let (_server, client) = start(HessianServiceExporter::builder(service())).await;
    for body in [&b""[..], b"GET", b"\x00", b"<?xml version='1.0'?><methodCall/>", b"r\x01\x00Nz"] {
        let response = post(&client, body.to_vec()).await;
        assert_eq!(response.head.status(), 400, "{body:?}");
    }
    for (body, said) in [
        (&b"H\x02\x00E\x01xZ"[..], "envelopes"),
        (b"H\x02\x00X", "'C'"),
        (b"H\x02\x00C\x03add\x8f", "count"),
        (b"c\x01\x00x", "'m'"),
        (b"H\x02\x00C\x90", "a string"),
        (b"c\x02\x00m\xff\xffadd", "ends within"),
    ] {
        let f = fault(&client, body.to_vec()).await;
        assert_eq!(f.code, "ProtocolException", "{f:?}");
        assert!(f.message.as_deref().is_some_and(|text| text.contains(said)), "{f:?}");
    }
}

#[tokio::test]
async fn calls_cut_at_every_byte_and_changed_at_random() {
    let (_server, client) = start(HessianServiceExporter::builder(service())).await;
    let person = Value::object("peer.Person", vec![("name".to_owned(), "Greg \u{1f600}".into())]);
    let args =
        vec![Value::List(vec![person.clone(), Value::Map(vec![(1.into(), 2.5.into())]), person, Value::Back(1)])];
    fastrand::seed(7);
    for dialect in DIALECTS {
        let whole = call(dialect, "echo", args.clone());
        for at in 2..whole.len() {
            // A cut call is a fault, never a result, a panic or a hang-up.
            let f = fault(&client, whole[..at].to_vec()).await;
            assert!(matches!(&*f.code, "ProtocolException" | "ServiceException"), "cut at {at}: {f:?}");
        }
        for _ in 0..500 {
            let mut changed = whole.clone();
            for _ in 0..fastrand::usize(1..4) {
                let at = fastrand::usize(1..changed.len());
                changed[at] = fastrand::u8(..);
            }
            let response = post(&client, changed).await;
            assert!(matches!(response.head.status().as_u16(), 200 | 400), "{}", response.head.status());
        }
    }
    assert_eq!(client.idle(), 1, "one connection has served all of it");
}

#[tokio::test]
async fn wrong_arguments() {
    let (_server, client) = start(HessianServiceExporter::builder(service())).await;
    for dialect in DIALECTS {
        for (method, args, code, said) in [
            ("add", vec![1.into()], "ServiceException", "missing"),
            ("add", vec![1.into(), 2.into(), 3.into()], "ServiceException", "takes 2"),
            ("add", vec![1.into(), "x".into()], "ServiceException", "argument 2 'b' of add()"),
            ("nothing", vec![], "NoSuchMethodException", "nothing"),
            ("_private", vec![], "NoSuchMethodException", "_private"),
            ("unwritable", vec![], "ServiceException", "the result cannot be sent"),
        ] {
            let f = fault(&client, call(dialect, method, args)).await;
            assert_eq!(f.code, code, "{f:?}");
            assert!(f.message.as_deref().is_some_and(|text| text.contains(said)), "{method}: {f:?}");
        }
        // Optional parameters may stay out; names may be Java's.
        for (method, args, result) in [
            ("find", vec!["x".into()], "x -1"),
            ("find", vec!["x".into(), 3.into()], "x 3"),
            ("find_string_int", vec!["x".into(), 3.into()], "x 3"),
            ("find__1", vec!["x".into()], "x -1"),
        ] {
            let (_, got) = read(&post(&client, call(dialect, method, args)).await);
            assert_eq!(got.unwrap(), result.into(), "{method}");
        }
    }
    // A name as long as there is room for is told back in part.
    let f = fault(&client, call(Dialect::Hessian1, &"x".repeat(65_535), vec![])).await;
    assert!(f.message.unwrap().len() < 300);
}

#[tokio::test]
async fn panics_and_secrets() {
    let (_server, client) = start(HessianServiceExporter::builder(service())).await;
    let f = fault(&client, call(Dialect::Hessian2, "panic", vec![])).await;
    assert_eq!(f.message.as_deref(), Some("the method failed"));
    assert!(!format!("{f:?}").contains("secret"));
    let (_server, client) = start(HessianServiceExporter::builder(service()).error_details(true)).await;
    let f = fault(&client, call(Dialect::Hessian2, "panic", vec![])).await;
    assert!(f.message.is_some_and(|text| text.contains("a secret")));
}

#[tokio::test]
async fn methods_paths_and_codings() {
    let (server, client) = start(HessianServiceExporter::builder(service())).await;
    for method in [Method::GET, Method::HEAD, Method::PUT] {
        let mut request = ClientRequest::post("");
        request.method = method;
        let response = client.send(request).await.unwrap();
        assert_eq!((response.head.status().as_u16(), response.head.header("allow")), (405, Some("POST")));
    }
    let mut request = ClientRequest::post(call(Dialect::Hessian2, "who", vec![]));
    request.target = Some("/elsewhere".to_owned());
    assert_eq!(client.send(request).await.unwrap().head.status(), 404);
    let mut request = ClientRequest::post(call(Dialect::Hessian2, "who", vec![]));
    request.target = Some("/thing?id=7".to_owned());
    assert_eq!(client.send(request).await.unwrap().head.status(), 200);
    let body = call(Dialect::Mixed, "echo", vec!["x".repeat(5000).into()]);
    let coded = |name: &'static str, body: Bytes| {
        ClientRequest::post(body).header(HeaderName::from_static("content-encoding"), HeaderValue::from_static(name))
    };
    for (name, packed) in
        [("gzip", coding::gzip(&body)), ("deflate", coding::deflate(&body)), ("identity", body.clone().into())]
    {
        let response = client.send(coded(name, packed)).await.unwrap();
        assert_eq!(read(&response).1.unwrap().as_str().map(str::len), Some(5000), "{name}");
    }
    assert_eq!(client.send(coded("br", body.clone().into())).await.unwrap().head.status(), 415);
    assert_eq!(client.send(coded("gzip", body.clone().into())).await.unwrap().head.status(), 400);
    // In chunks, as Java's clients of version 3 send it.
    let (sender, chunked) = springline_net::http::Body::channel(4);
    let sending = tokio::spawn(async move {
        for piece in body.chunks(100) {
            sender.send(piece.to_vec()).await.unwrap();
        }
    });
    let response = client.send(ClientRequest::post(chunked)).await.unwrap();
    sending.await.unwrap();
    assert_eq!(read(&response).1.unwrap().as_str().map(str::len), Some(5000));
    assert!(format!("{server:?}").contains("/thing"));
}

#[tokio::test]
async fn compressed_answers() {
    let (_server, client) = start(HessianServiceExporter::builder(service()).deflate(true)).await;
    let body = call(Dialect::Mixed, "echo", vec!["x".repeat(5000).into()]);
    let stream = |accept: &str| {
        format!(
            "POST /thing HTTP/1.1\r\nHost: x\r\n{accept}Content-Length: {}\r\nConnection: close\r\n\r\n",
            body.len()
        )
    };
    for (accept, packed) in [
        ("Accept-Encoding: deflate\r\n", true),
        ("", false),
        ("Accept-Encoding: gzip\r\n", false),
        ("Accept-Encoding: deflate;q=0\r\n", false),
    ] {
        let address = client.url().authority().to_owned();
        let mut tcp = TcpStream::connect(address).await.unwrap();
        tcp.write_all(&[stream(accept).as_bytes(), &body].concat()).await.unwrap();
        let mut answer = Vec::new();
        tcp.read_to_end(&mut answer).await.unwrap();
        let text = String::from_utf8_lossy(&answer).to_ascii_lowercase();
        assert_eq!(text.contains("content-encoding: deflate"), packed, "{accept}");
        assert_eq!(answer.len() < 1000, packed, "{accept}");
    }
}

#[tokio::test]
async fn limits_of_bodies_and_depth() {
    let mut limits = Limits::new();
    limits.message_size = 1000;
    limits.depth = 20;
    let (_server, client) = start(HessianServiceExporter::builder(service()).limits(limits)).await;
    let response = post(&client, call(Dialect::Hessian2, "echo", vec!["x".repeat(2000).into()])).await;
    assert_eq!(response.head.status(), 413);
    let deep = (0..30).fold(Value::Null, |inner, _| Value::List(vec![inner]));
    let f = fault(&client, call(Dialect::Hessian2, "echo", vec![deep])).await;
    assert!(f.code == "ProtocolException" && f.message.is_some_and(|text| text.contains("depth = 20")));
    let f = fault(&client, [b"H\x02\x00C\x04echo\x91".to_vec(), vec![0x79; 900]].concat()).await;
    assert_eq!(f.code, "ProtocolException");
    let f = fault(&client, b"H\x02\x00C\x04echo\x91\x58\x49\x7f\xff\xff\xff".to_vec()).await;
    assert_eq!(f.code, "ProtocolException");
}

#[tokio::test]
async fn a_deadline() {
    let builder = HessianServiceExporter::builder(service()).deadline(Duration::from_millis(100));
    let (_server, client) = start(builder).await;
    let f = fault(&client, call(Dialect::Hessian2, "sleep", vec![60_000.into()])).await;
    assert_eq!(f.message.as_deref(), Some("the method took too long"));
    let (_, ok) = read(&post(&client, call(Dialect::Hessian2, "sleep", vec![1.into()])).await);
    assert_eq!(ok.unwrap(), "awake".into());
}

#[tokio::test]
async fn headers_of_hessian_1_are_annotations() {
    let (_server, client) = start(HessianServiceExporter::builder(service())).await;
    let ask = |name: &str| {
        let mut body = b"c\x01\x00H\x00\x04userS\x00\x04Greg".to_vec();
        // One with a value that is neither text nor bytes, and a list that takes a number among the references.
        body.extend_from_slice(b"H\x00\x04listVzH\x00\x03binB\x00\x02hi");
        body.extend_from_slice(b"m\x00\x0aannotationS\x00");
        body.push(name.len() as u8);
        body.extend_from_slice(name.as_bytes());
        body.push(b'z');
        body
    };
    for (name, wanted) in [("user", Value::from("Greg")), ("bin", "hi".into()), ("list", Value::Null)] {
        assert_eq!(read(&post(&client, ask(name)).await).1.unwrap(), wanted, "{name}");
    }
    // References count from the headers on: the argument is list 1, the header's is 0.
    let mut body = b"c\x01\x00H\x00\x04listVl\x00\x00\x00\x01I\x00\x00\x00\x07z".to_vec();
    body.extend_from_slice(b"m\x00\x04echoR\x00\x00\x00\x00z");
    assert_eq!(read(&post(&client, body).await).1.unwrap(), Value::List(vec![7.into()]));
}

#[tokio::test]
async fn users_and_passwords() {
    let builder = HessianServiceExporter::builder(service());
    let (_server, client) =
        start(builder.basic_auth("things", |login: Login| async move {
            login.user == "me" && login.password == "pa:ss w\u{f6}rd"
        }))
        .await;
    let body = || call(Dialect::Hessian2, "who", vec![]);
    let response = post(&client, body()).await;
    assert_eq!(response.head.status(), 401);
    assert_eq!(response.head.header("www-authenticate"), Some("Basic realm=\"things\", charset=\"UTF-8\""));
    let proxy = |user: &str, password: &str| {
        springline_hessian::client::HessianProxy::builder(client.text())
            .proxies(Proxies::none())
            .basic_auth(user, password)
            .build()
            .unwrap()
    };
    assert!(proxy("me", "pa:ss w\u{f6}rd").call::<String>("who", ()).await.is_ok());
    assert!(proxy("me", "wrong").call::<String>("who", ()).await.is_err());
    let bad = HessianServiceExporter::builder(service()).basic_auth_user("a\"b", "u", "p").handler();
    assert!(bad.unwrap_err().message().contains("realm"));
    let bad = HessianServiceExporter::builder(service()).path("thing").handler();
    assert!(bad.unwrap_err().message().contains("slash"));
}

/// A service that takes a stream, which counts how many calls were begun.
fn uploads(begun: &Arc<AtomicUsize>) -> HessianServiceExporterBuilder {
    let begun = begun.clone();
    HessianServiceExporter::builder(service()).upload(
        "upload",
        ["name"],
        move |(name,): (String,), mut data: BinaryStream| {
            begun.fetch_add(1, Ordering::SeqCst);
            async move {
                let all = data.whole(1 << 20).await?;
                Ok(format!("{name}: {}", all.len()))
            }
        },
    )
}

#[tokio::test]
async fn streams_that_are_cut_or_wrong() {
    let begun = Arc::default();
    let (_server, client) = start(uploads(&begun)).await;
    for dialect in DIALECTS {
        let whole = call(dialect, "upload", vec!["up".into(), Value::Bytes(vec![7; 40_000].into())]);
        assert_eq!(read(&post(&client, whole.clone()).await).1.unwrap(), "up: 40000".into());
        let cuts = (2..60).chain([1000, whole.len() - 2, whole.len() - 1]);
        for at in cuts {
            let response = post(&client, whole[..at].to_vec()).await;
            let (_, reply) = read(&response);
            let f = reply.expect_err("a cut stream is no stream");
            assert!(matches!(&*f.code, "ProtocolException" | "ServiceException"), "cut at {at}: {f:?}");
        }
        // Another kind of value, too few arguments, too many.
        for args in
            [vec!["up".into(), 7.into()], vec!["up".into()], vec!["up".into(), Value::Bytes(vec![1].into()), 1.into()]]
        {
            let f = fault(&client, call(dialect, "upload", args)).await;
            assert_ne!(f.code, "", "{f:?}");
        }
        // Other methods beside it, in pieces as they come.
        let echo = call(dialect, "echo", vec!["x".repeat(200_000).into()]);
        assert_eq!(read(&post(&client, echo).await).1.unwrap().as_str().map(str::len), Some(200_000));
        let f = fault(&client, call(dialect, "nothing", vec![])).await;
        assert_eq!(f.code, "NoSuchMethodException");
    }
    // One that is larger than its taker likes.
    let large = call(Dialect::Mixed, "upload", vec!["up".into(), Value::Bytes(vec![7; 2 << 20].into())]);
    let f = fault(&client, large).await;
    assert!(f.message.is_some_and(|text| text.contains("over the limit")));
    assert!(begun.load(Ordering::SeqCst) > 0);
}

#[tokio::test]
async fn a_stream_is_not_held() {
    // More than the limit on messages: what stands before the stream is bounded, the stream is not.
    let mut limits = Limits::new();
    limits.message_size = 10_000;
    let counting = HessianServiceExporter::builder(service()).limits(limits).upload(
        "upload",
        [],
        |(): (), mut data: BinaryStream| async move {
            let mut bytes = 0_i64;
            while let Some(piece) = data.chunk().await? {
                bytes += piece.len() as i64;
            }
            Ok(bytes)
        },
    );
    let (_server, client) = start(counting).await;
    let proxy = springline_hessian::client::HessianProxy::builder(client.text()).proxies(Proxies::none());
    for dialect in DIALECTS {
        let proxy = proxy.clone().dialect(dialect).build().unwrap();
        let data = tokio::io::AsyncReadExt::take(tokio::io::repeat(7), 3 << 20);
        assert_eq!(proxy.upload::<i64>("upload", (), data).await.unwrap(), 3 << 20);
        assert_eq!(proxy.idle_connections(), 1);
    }
    let long = call(Dialect::Hessian2, "echo", vec!["x".repeat(20_000).into()]);
    assert_eq!(post(&client, long).await.head.status(), 413);
}

#[tokio::test]
async fn a_stream_does_not_wait_for_more() {
    let (mut source, reader) = tokio::io::duplex(1024);
    let given = Mutex::new(Some(reader));
    let slow = HessianServiceExporter::builder(service())
        .download("slow", [], move |(): ()| {
            std::future::ready(Ok(given.lock().unwrap().take().expect("it is asked for once")))
        })
        // Of one name, told apart by how many arguments there are; and a stream that is read as any other.
        .upload("take", ["a"], |(a,): (String,), mut data: BinaryStream| async move {
            let mut text = a;
            data.read_to_string(&mut text).await.map_err(|e| Error::new(ErrorKind::Malformed, e.to_string()))?;
            Ok(text)
        })
        .upload("take", ["a", "b"], |(a, b): (String, String), mut data: BinaryStream| async move {
            let mut few = [0; 3];
            data.read_exact(&mut few).await.map_err(|e| Error::new(ErrorKind::Malformed, e.to_string()))?;
            let rest = data.whole(100).await?;
            Ok(format!("{a}{b} {} {}", String::from_utf8_lossy(&few), String::from_utf8_lossy(&rest)))
        });
    let (_server, client) = start(slow).await;
    let proxy = springline_hessian::client::HessianProxy::builder(client.text()).proxies(Proxies::none());
    let proxy = proxy.dialect(Dialect::Hessian2).build().unwrap();
    source.write_all(b"first").await.unwrap();
    let mut stream = proxy.download("slow", ()).await.unwrap();
    assert_eq!(stream.chunk().await.unwrap().unwrap(), "first");
    source.write_all(b"second").await.unwrap();
    let mut few = [0; 3];
    assert_eq!(stream.read(&mut few).await.unwrap(), 3);
    assert_eq!((&few, &*stream.chunk().await.unwrap().unwrap()), (b"sec", &b"ond"[..]));
    drop(source);
    assert_eq!(stream.chunk().await.unwrap(), None);
    assert_eq!(stream.read(&mut few).await.unwrap(), 0);
    assert_eq!(proxy.idle_connections(), 1);
    let data = "in pieces".as_bytes();
    assert_eq!(proxy.upload::<String>("take", ("a ",), data).await.unwrap(), "a in pieces");
    assert_eq!(proxy.upload::<String>("take__3", ("a", "b"), data).await.unwrap(), "ab in  pieces");
}

#[tokio::test]
async fn methods_are_told_to_those_who_ask() {
    let (_server, client) = start(uploads(&Arc::default())).await;
    let proxy =
        springline_hessian::client::HessianProxy::builder(client.text()).proxies(Proxies::none()).build().unwrap();
    let info = proxy.methods().await.unwrap();
    let find = info.method("find").unwrap();
    assert_eq!(
        find.params.iter().map(|p| (&*p.name, p.optional)).collect::<Vec<_>>(),
        [("name", false), ("most", true)]
    );
    assert_eq!(info.method("upload").map(|m| m.params.len()), Some(2));
    assert_eq!(info.method("who").map(|m| m.params.len()), Some(0));
    let quiet = HessianServiceExporter::builder(service()).introspection(false).api_class("peer.Thing");
    let (_server, client) = start(quiet).await;
    let proxy =
        springline_hessian::client::HessianProxy::builder(client.text()).proxies(Proxies::none()).build().unwrap();
    let e = proxy.methods().await.unwrap_err();
    assert!(e.kind() == springline_core::ErrorKind::NotFound && e.message().contains("peer.Thing"), "{e}");
}

#[tokio::test]
async fn shutdown_lets_calls_finish() {
    let (server, client) = start(HessianServiceExporter::builder(service())).await;
    let body = call(Dialect::Hessian2, "sleep", vec![300.into()]);
    let calling = tokio::spawn(async move { post(&client, body).await });
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert_eq!(server.shutdown(Duration::from_secs(60)).await, 0);
    assert_eq!(read(&calling.await.unwrap()).1.unwrap(), "awake".into());
}
