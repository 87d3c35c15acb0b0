//! The server's HTTP side: statuses, compression, authentication, the page.

#[path = "support/raw.rs"]
mod raw;

use std::sync::Arc;

use raw::{Raw, call};
use springline_core::{Limits, Value};
use springline_net::Address;
use springline_net::http::coding::{Coding, decode, gzip};
use springline_net::http::{HttpServer, text};
use springline_xmlrpc::server::{Login, XmlRpcServer, XmlRpcServerBuilder};

fn builder() -> XmlRpcServerBuilder {
    XmlRpcServer::builder()
        .host("127.0.0.1")
        .port(0)
        .register_function("echo", ["text"], |(text,): (String,)| async move { Ok(text) })
        .doc("Says <what> it was \"told\" & no more.")
        .register_sync("any", ["value"], |(value,): (Value,)| Ok(value))
}

async fn echoes(raw: &mut Raw) {
    assert_eq!(raw.call("echo", &["hi"]).await.value(), Value::from("hi"));
}

#[tokio::test]
async fn paths_and_methods() {
    let server = builder().serve().await.unwrap();
    let mut raw = Raw::connect(&server).await;
    for path in ["/", "/RPC2", "/RPC2?session-id=7&x=%20", "/?"] {
        assert_eq!(raw.post(path, &[], call("echo", &["hi"])).await.value(), Value::from("hi"), "{path}");
    }
    for path in ["/rpc2", "/RPC2/", "/RPC2/x", "/pydoc.css", "//"] {
        let answer = raw.post(path, &[], call("echo", &["hi"])).await;
        assert_eq!((answer.status, answer.header("content-type")), (404, Some("text/plain; charset=utf-8")), "{path}");
    }
    for method in ["GET", "HEAD", "PUT", "DELETE", "OPTIONS", "PATCH"] {
        let mut raw = Raw::connect(&server).await;
        raw.send(format!("{method} /RPC2 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")).await;
        if method == "HEAD" {
            continue; // its answer has a length and no body: see the page's test
        }
        let answer = raw.answer().await;
        assert_eq!((answer.status, answer.header("allow")), (405, Some("POST")), "{method}");
    }
    let server = builder().paths(["/rpc"]).serve().await.unwrap();
    let mut raw = Raw::connect(&server).await;
    assert_eq!(raw.post("/RPC2", &[], "").await.status, 404);
    assert_eq!(raw.post("/rpc", &[], call("echo", &["hi"])).await.value(), Value::from("hi"));
    assert!(server.url().ends_with("/rpc"), "{}", server.url());
}

#[tokio::test]
async fn content_types_count_only_when_asked_to() {
    let xml = ["text/xml", "application/xml; charset=utf-8", "Text/XML", "application/soap+xml"];
    let other = ["application/json", "text/html", "application/x-www-form-urlencoded"];
    let tolerant = builder().serve().await.unwrap();
    let strict = builder().strict_content_type(true).serve().await.unwrap();
    let (mut tolerant, mut strict) = (Raw::connect(&tolerant).await, Raw::connect(&strict).await);
    for kind in xml {
        let header = format!("Content-Type: {kind}");
        assert_eq!(tolerant.post("/", &[&header], call("echo", &["hi"])).await.status, 200, "{kind}");
        assert_eq!(strict.post("/", &[&header], call("echo", &["hi"])).await.status, 200, "{kind}");
    }
    assert_eq!(strict.post("/", &[], call("echo", &["hi"])).await.status, 200);
    for kind in other {
        let header = format!("Content-Type: {kind}");
        assert_eq!(tolerant.post("/", &[&header], call("echo", &["hi"])).await.status, 200, "{kind}");
        assert_eq!(strict.post("/", &[&header], call("echo", &["hi"])).await.status, 415, "{kind}");
    }
    // The charset counts where the document does not say.
    let body = [call("echo", &["caf"]).replace("caf", "caf\u{1}").replace("<?xml version='1.0'?>", "")].concat();
    let body: Vec<u8> = body.bytes().map(|b| if b == 1 { 0xe9 } else { b }).collect();
    let answer = tolerant.post("/", &["Content-Type: text/xml; Charset=\"iso-8859-1\""], body).await;
    assert_eq!(answer.value(), Value::from("caf\u{e9}"));
}

#[tokio::test]
async fn whatever_is_wrong_with_the_document_is_a_fault() {
    let server = builder().serve().await.unwrap();
    let mut raw = Raw::connect(&server).await;
    let table: &[(&[u8], i64)] = &[
        (b"", -32700),
        (b"no xml", -32700),
        (b"<methodCall><methodName>echo</methodName>", -32700),
        (b"<methodCall><methodName>echo</methodName><params><param><value>hi</value></param>", -32700),
        (b"<?xml version='1.0' encoding='nonsense'?><methodCall/>", -32701),
        (b"<methodCall><methodName>echo</methodName><params><param><value>\xff</value></param></params></methodCall>", -32702),
        (b"<methodResponse/>", -32600),
        (b"<methodCall><methodName></methodName></methodCall>", -32600),
        (b"<methodCall><methodName>nothing</methodName></methodCall>", -32601),
        (b"<methodCall><methodName>echo</methodName></methodCall>", -32602),
        (b"<methodCall><methodName>echo</methodName><params><param><value><int>1</int></value></param></params></methodCall>", -32602),
        (b"<!DOCTYPE x [<!ENTITY e 'x'>]><methodCall><methodName>echo</methodName></methodCall>", -32600),
    ];
    for (body, code) in table {
        let answer = raw.post("/RPC2", &[], body).await;
        assert_eq!(answer.fault().0, *code, "{} for {}", answer.text(), String::from_utf8_lossy(body));
    }
    echoes(&mut raw).await;
    assert_eq!(server.connections(), 1, "all that on one connection");
}

#[tokio::test]
async fn packed_requests() {
    let mut limits = Limits::new();
    limits.message_size = 100_000;
    limits.decompressed_size = 1 << 20;
    let server = builder().limits(limits).serve().await.unwrap();
    let mut raw = Raw::connect(&server).await;
    let body = call("echo", &["hi"]);
    for coding in ["gzip", "x-gzip", "GZIP"] {
        let answer = raw.post("/", &[&format!("Content-Encoding: {coding}")], gzip(body.as_bytes())).await;
        assert_eq!(answer.value(), Value::from("hi"), "{coding}");
    }
    assert_eq!(raw.post("/", &["Content-Encoding: identity"], &body).await.value(), Value::from("hi"));
    for coding in ["deflate", "br", "compress", "gzip, gzip", "zstd"] {
        let answer = raw.post("/", &[&format!("Content-Encoding: {coding}")], &body).await;
        assert_eq!((answer.status, answer.header("accept-encoding")), (415, Some("gzip, identity")), "{coding}");
    }
    let packed = gzip(body.as_bytes());
    let mut damaged = packed.to_vec();
    let last = damaged.len() - 6;
    damaged[last] ^= 1;
    for bad in [body.as_bytes(), &packed[..packed.len() - 3], &damaged] {
        let mut raw = Raw::connect(&server).await;
        let answer = raw.post("/", &["Content-Encoding: gzip"], bad).await;
        assert_eq!((answer.status, answer.header("connection")), (400, Some("close")));
        assert!(raw.ends().await);
    }
    let bomb = gzip(call("echo", &[&" ".repeat(2 << 20)]).as_bytes());
    assert!(bomb.len() < 100_000);
    assert_eq!(raw.post("/", &["Content-Encoding: gzip"], bomb).await.status, 413);
    let mut raw = Raw::connect(&server).await;
    assert_eq!(raw.post("/", &[], call("echo", &[&" ".repeat(100_000)])).await.status, 413);
}

#[tokio::test]
async fn packed_answers() {
    let server = builder().serve().await.unwrap();
    let mut raw = Raw::connect(&server).await;
    let (long, short) = ("long ".repeat(400), "x".repeat(1000));
    let check = async |raw: &mut Raw, accept: &str, packed: bool| {
        let headers: Vec<&str> = if accept.is_empty() { vec![] } else { vec![accept] };
        let mut answer = raw.post("/", &headers, call("echo", &[&long])).await;
        assert_eq!(answer.header("content-encoding"), packed.then_some("gzip"), "{accept}");
        if packed {
            assert!(answer.body.len() < long.len() / 2);
            answer.body = decode(Coding::Gzip, answer.body.into(), &Limits::new()).unwrap().to_vec();
        }
        assert_eq!(answer.value(), Value::from(long.as_str()));
        let answer = raw.post("/", &headers, call("echo", &[&short])).await;
        assert_eq!(answer.header("content-encoding"), None);
    };
    for accept in ["gzip", "x-gzip", "deflate, gzip;q=0.1", "*", "br, *;q=0.5", "GZip ; Q=1"] {
        check(&mut raw, &format!("Accept-Encoding: {accept}"), true).await;
    }
    for accept in ["identity", "gzip;q=0", "gzip; q=0.000", "*, gzip;q=0", "deflate", "gzip;q=x"] {
        check(&mut raw, &format!("Accept-Encoding: {accept}"), false).await;
    }
    check(&mut raw, "", false).await;
    let server = builder().gzip(false).serve().await.unwrap();
    check(&mut Raw::connect(&server).await, "Accept-Encoding: gzip", false).await;
}

#[tokio::test]
async fn names_and_passwords() {
    let server =
        builder().basic_auth_user("my robots", "user", "pa:ss w\u{f6}rd").html_page("Methods").serve().await.unwrap();
    let mut raw = Raw::connect(&server).await;
    let right = "Authorization: Basic dXNlcjpwYTpzcyB3w7ZyZA==";
    assert_eq!(raw.post("/", &[right], call("echo", &["hi"])).await.value(), Value::from("hi"));
    for wrong in ["X: y", "Authorization: Basic dXNlcjp4", "Authorization: Bearer x", "Authorization: Basic"] {
        let answer = raw.post("/", &[wrong], call("echo", &["hi"])).await;
        let challenge = answer.header("www-authenticate");
        assert_eq!((answer.status, challenge), (401, Some("Basic realm=\"my robots\", charset=\"UTF-8\"")), "{wrong}");
        assert!(!answer.text().contains("methodResponse"));
    }
    raw.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n").await;
    assert_eq!(raw.answer().await.status, 401);

    // A hook that has to ask somebody, and goes by the caller's address.
    let server = builder()
        .basic_auth("hook", |login: Login| async move {
            tokio::task::yield_now().await;
            login.user == "user" && login.password == "x" && login.peer.address.starts_with("127.0.0.1:")
        })
        .serve()
        .await
        .unwrap();
    let mut raw = Raw::connect(&server).await;
    let answer = raw.post("/", &["Authorization: Basic dXNlcjp4"], call("echo", &["hi"])).await;
    assert_eq!(answer.value(), Value::from("hi"));

    let e = builder().basic_auth_user("a \"realm\"", "user", "x").serve().await.unwrap_err();
    assert!(e.to_string().contains("realm"), "{e}");
}

#[tokio::test]
async fn a_page_for_people() {
    let server = builder()
        .register_sync("<b>", ["a&b"], |(n,): (i64,)| Ok(n))
        .html_page("Tom & Jerry's <methods>")
        .serve()
        .await
        .unwrap();
    let mut raw = Raw::connect(&server).await;
    raw.send("GET /RPC2?x HTTP/1.1\r\nHost: x\r\n\r\n").await;
    let page = raw.answer().await;
    assert_eq!((page.status, page.header("content-type")), (200, Some("text/html; charset=utf-8")));
    let text = page.text();
    assert!(text.contains("<title>Tom &amp; Jerry&#39;s &lt;methods&gt;</title>"), "{text}");
    assert!(text.contains("<strong>&lt;b&gt;</strong>(a&amp;b: int) &rarr; int"), "{text}");
    assert!(text.contains("Says &lt;what&gt; it was &quot;told&quot; &amp; no more."), "{text}");
    assert!(text.contains("<strong>system.listMethods</strong>() &rarr; array"), "{text}");
    raw.send("PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n").await;
    let answer = raw.answer().await;
    assert_eq!((answer.status, answer.header("allow")), (405, Some("GET, HEAD, POST")));
    raw.send("HEAD / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").await;
    assert!(!raw.ends().await, "a head");
}

#[tokio::test]
async fn beside_something_else_on_one_listener() {
    struct Hello;
    impl springline_net::http::HttpHandler for Hello {
        fn handle<'a>(
            &'a self,
            _: springline_net::http::Request,
        ) -> springline_core::BoxFuture<'a, springline_net::http::Response> {
            Box::pin(async { text(springline_net::http::StatusCode::OK, "hello") })
        }
    }
    let handler = builder().handler().unwrap();
    let server = HttpServer::builder()
        .mount("/xmlrpc", handler)
        .mount("/hello", Arc::new(Hello))
        .bind(&Address::tcp("127.0.0.1", 0))
        .await
        .unwrap();
    let mut raw = Raw::at(server.local_address()).await;
    assert_eq!(raw.post("/xmlrpc", &[], call("echo", &["hi"])).await.value(), Value::from("hi"));
    assert_eq!(raw.post("/hello", &[], "").await.text(), "hello");
    assert_eq!(raw.post("/RPC2", &[], "").await.status, 404);
}

#[tokio::test]
async fn mistakes_are_told_when_the_server_is_made() {
    let check = async |builder: XmlRpcServerBuilder, words: &[&str]| {
        let e = builder.serve().await.unwrap_err().to_string();
        assert!(words.iter().all(|w| e.contains(w)), "{e}");
    };
    let echo = |(x,): (i64,)| async move { Ok(x) };
    check(builder().register_function("echo", ["x"], echo), &["'echo'", "already"]).await;
    check(builder().register_function("a._b", ["x"], echo), &["'a._b'", "underscore"]).await;
    check(builder().paths(Vec::<String>::new()), &["path"]).await;
    check(builder().paths(["RPC2"]), &["\"RPC2\"", "slash"]).await;
    check(XmlRpcServer::builder().doc("of nothing"), &["doc()"]).await;
    check(builder().keyfile("/nowhere/key.pem").certfile("/nowhere/cert.pem"), &["/nowhere/"]).await;
    check(builder().keyfile("/nowhere/key.pem"), &["certfile"]).await;
    check(builder().host("no such host.invalid"), &["cannot listen"]).await;
    let service = || springline_core::FnService::new("x");
    check(builder().register_service("s", service()).register_service("s", service()), &["'s'", "already"]).await;
}

#[tokio::test]
async fn nesting_without_end() {
    let server = builder().serve().await.unwrap();
    let mut others = Raw::connect(&server).await;
    let open = "<methodCall><methodName>any</methodName><params><param><value>";
    // What fits into a request is a fault.
    let mut raw = Raw::connect(&server).await;
    let (code, text) = raw.post("/", &[], format!("{open}{}", "<array><data><value>".repeat(300_000))).await.fault();
    assert!(code == -32600 && text.contains("depth = 64"), "{code} {text}");
    // What does not is not waited for.
    raw.send("POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n").await;
    let piece = "<array><data><value>".repeat(5_000);
    let chunk = format!("{:x}\r\n{piece}\r\n", piece.len());
    for _ in 0..200 {
        raw.send(&chunk).await;
        tokio::task::yield_now().await;
    }
    let answer = raw.answer().await;
    assert_eq!((answer.status, answer.header("connection")), (413, Some("close")));
    echoes(&mut others).await;
}
