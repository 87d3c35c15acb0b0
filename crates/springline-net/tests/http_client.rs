//! The HTTP client against CPython's http.server, over TCP and Unix sockets, and through tinyproxy.
#![cfg(feature = "http")]

#[path = "support/http.rs"]
mod support;

use std::io::Write;
use std::process::Stdio;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use springline_core::{Error, ErrorKind, Limits, Reached};
use springline_net::http::{ClientRequest, ClientResponse, HttpClient, HttpClientBuilder, HttpStatus, Proxies};
use support::{PythonServer, socket, soon};

fn builder(url: &str) -> HttpClientBuilder {
    HttpClient::builder(url).proxies(Proxies::none())
}

async fn post(client: &HttpClient, target: &str, body: impl Into<Vec<u8>>) -> Result<ClientResponse, Error> {
    let mut request = ClientRequest::post(body.into());
    request.target = Some(target.to_owned());
    soon(target, client.send(request)).await
}

#[tokio::test]
async fn connections_are_kept_alive() {
    let server = PythonServer::tcp("HTTP/1.1").await;
    let client = builder(&server.url).build().unwrap();
    for i in 0..5 {
        let body = format!("body {i}");
        let answer = post(&client, "/echo", body.clone()).await.unwrap();
        assert_eq!((answer.head.header("x-connection"), &answer.body[..]), (Some("1"), body.as_bytes()));
    }
    assert_eq!(client.idle(), 1);
    let clone = client.clone();
    drop(client);
    assert_eq!(post(&clone, "/echo", "x").await.unwrap().head.header("x-connection"), Some("1"), "clones share them");
}

#[tokio::test]
async fn a_request_and_an_answer_in_place() {
    let server = PythonServer::tcp("HTTP/1.1").await;
    let client = builder(&server.url).build().unwrap();
    let mut request = ClientRequest::post("once");
    request.target = Some("/echo".to_owned());
    let mut answer = ClientResponse::default();
    // Its body is taken, so that the next one is empty unless it gets another; large ones are shared, not copied.
    for body in ["once".to_owned(), String::new(), "x".repeat(5000)] {
        if body.len() == 5000 {
            request.body = body.clone().into();
        }
        soon("echo", client.exchange(&mut request, &mut answer)).await.unwrap();
        answer.check(client.text()).unwrap();
        assert_eq!((answer.head.header("x-connection"), &answer.body[..]), (Some("1"), body.as_bytes()));
    }
    request.target = Some("/nothing-here".to_owned());
    client.exchange(&mut request, &mut answer).await.unwrap();
    assert_eq!(answer.check(client.text()).unwrap_err().kind(), ErrorKind::NotFound);
}

#[tokio::test]
async fn http_1_0_has_a_connection_for_each_call() {
    let server = PythonServer::tcp("HTTP/1.0").await;
    let client = builder(&server.url).build().unwrap();
    for i in 1..=3 {
        let answer = post(&client, "/echo", "x").await.unwrap();
        assert_eq!(answer.head.header("x-connection"), Some(i.to_string().as_str()));
        assert_eq!(client.idle(), 0);
    }
    assert_eq!(&post(&client, "/close-delimited", "to the end").await.unwrap().body[..], b"to the end");
}

#[tokio::test]
async fn unix_sockets_in_all_forms() {
    let path = socket("http-client");
    let server = PythonServer::unix("HTTP/1.1", &path).await;
    let text = path.to_str().unwrap();
    for url in [
        server.url.clone(),
        format!("unix:{text}"),
        format!("http+unix://{}/echo?x=1", text.replace('/', "%2F")),
        format!("http+unix://{}", text.replace('/', "%2f")),
    ] {
        // A proxy is never asked for a Unix socket.
        let client = HttpClient::builder(&url).proxies(Proxies::one("http://127.0.0.1:1").unwrap()).build().unwrap();
        for _ in 0..2 {
            assert_eq!(&post(&client, "/echo", "over a file").await.unwrap().body[..], b"over a file");
        }
        assert_eq!(client.idle(), 1, "{url}");
    }
    let client = HttpClient::builder(&server.url).target("/echo").build().unwrap();
    assert_eq!(&client.send(ClientRequest::post("by its path")).await.unwrap().body[..], b"by its path");
    let _ = std::fs::remove_file(path);
}

#[tokio::test]
async fn what_is_sent() {
    let server = PythonServer::tcp("HTTP/1.1").await;
    let client = builder(&format!("{}/head?a=b", server.url))
        .user_agent("agent/1")
        .header("Content-Type", "text/xml")
        .header("X-Own", "a")
        .title_case(true)
        .build()
        .unwrap();
    let ask = async |client: &HttpClient| {
        let answer = soon("head", client.send(ClientRequest::post("12345"))).await.unwrap();
        String::from_utf8(answer.body.to_vec()).unwrap()
    };
    let host = server.url.strip_prefix("http://").unwrap();
    assert_eq!(
        ask(&client).await,
        format!(
            r#"{{"line": "POST /head?a=b HTTP/1.1", "headers": [["Host", "{host}"], ["Accept-Encoding", "gzip"], ["User-Agent", "agent/1"], ["Content-Type", "text/xml"], ["X-Own", "a"], ["Content-Length", "5"]]}}"#
        )
    );
    let plain = builder(&format!("{}/head", server.url)).gzip(false).build().unwrap();
    assert_eq!(
        ask(&plain).await,
        format!(r#"{{"line": "POST /head HTTP/1.1", "headers": [["host", "{host}"], ["content-length", "5"]]}}"#)
    );
    let empty = soon("empty", plain.send(ClientRequest::post(""))).await.unwrap();
    assert!(String::from_utf8_lossy(&empty.body).contains(r#"["content-length", "0"]"#), "{empty:?}");
    // A request's own header takes the place of the client's.
    let request = ClientRequest::post("12345").header("x-own".parse().unwrap(), "b".parse().unwrap());
    let answer = client.send(request).await.unwrap();
    assert!(String::from_utf8_lossy(&answer.body).contains(r#"["X-Own", "b"]"#), "{answer:?}");
}

#[tokio::test]
async fn what_cannot_be_built() {
    for (builder, kind, why) in [
        (builder("http://h").header("X Y", "z"), ErrorKind::Config, "no header name"),
        (builder("http://h").header("X", "a\r\nb"), ErrorKind::Config, "cannot be sent"),
        (builder("http://h").header("Content-Length", "3"), ErrorKind::Config, "by the client itself"),
        (builder("https://h"), ErrorKind::Config, "TLS"),
        (builder("ftp://h"), ErrorKind::Name, "the scheme must be"),
        (builder("http://h").basic_auth("a:b", "secret"), ErrorKind::Config, "cannot contain ':'"),
    ] {
        let e = builder.build().unwrap_err();
        assert!(e.kind() == kind && e.message().contains(why), "{e}");
        assert!(!e.to_string().contains("secret"));
    }
}

#[test]
fn secrets_are_not_for_debug() {
    let made = builder("http://me:hidden-one@h").header("Authorization", "hidden-two").basic_auth("me", "hidden-three");
    let value = springline_net::http::HeaderValue::from_static("hidden-four");
    let request = ClientRequest::post("hidden-five").header(springline_net::http::header::COOKIE, value);
    let text = format!("{made:?} {request:?} {:?}", made.clone().build().unwrap());
    assert!(text.contains("Authorization") && text.contains("cookie") && !text.contains("hidden"), "{text}");
}

#[tokio::test]
async fn other_statuses_are_errors_with_everything_in_them() {
    let server = PythonServer::tcp("HTTP/1.1").await;
    let url = server.url.replace("http://", "http://me:hidden@");
    let client = builder(&url).build().unwrap();
    for (status, kind) in [
        ("302-Go+there", ErrorKind::Protocol),
        ("307-Temporary", ErrorKind::Protocol),
        ("400-Bad", ErrorKind::Protocol),
        ("401-Who+are+you", ErrorKind::Denied),
        ("403-No", ErrorKind::Denied),
        ("404-Nothing+here", ErrorKind::NotFound),
        ("500-Oh+no", ErrorKind::Protocol),
        ("201-Made", ErrorKind::Protocol),
        ("599-", ErrorKind::Protocol),
    ] {
        let answer = post(&client, &format!("/status?{status}"), "x").await.unwrap();
        assert_eq!(&answer.body[..], b"<html>a page</html>");
        let e = answer.check(client.text()).unwrap_err();
        assert_eq!((e.kind(), e.reached()), (kind, Reached::Answered), "{e}");
        let found = HttpStatus::of(&e).unwrap();
        let (code, reason) = status.split_once('-').unwrap();
        assert_eq!((found.status.as_str(), found.reason.as_str()), (code, reason.replace('+', " ").as_str()));
        assert_eq!(found.headers.get("x-why").unwrap(), "because");
        assert_eq!(found.url, url.replace("hidden", "***"));
        assert!(e.to_string().contains(&format!("HTTP {code} {}", found.reason).trim_end().to_owned()), "{e}");
        assert!(e.to_string().contains("points to http://elsewhere/"), "{e}");
        assert!(!format!("{e:?}{e}{found:?}").contains("hidden"));
    }
    let counts = post(&client, "/counts", "").await.unwrap();
    assert_eq!(
        &counts.body[..],
        br#"{"requests": 10, "connections": 1}"#,
        "no redirect was followed, nothing repeated"
    );
}

#[tokio::test]
async fn basic_authentication() {
    let server = PythonServer::tcp("HTTP/1.1").await;
    let with = |user: &str| format!("{}/user", server.url.replace("http://", &format!("http://{user}@")));
    for (builder, status) in [
        (builder(&with("us%40er:p%3Aa%2Fss")), 200),
        (builder(&with("us%40er:wrong")), 401),
        (builder(&with("us%40er")), 401),
        (builder(&format!("{}/user", server.url)), 401),
        (builder(&format!("{}/user", server.url)).basic_auth("us@er", "p:a/ss"), 200),
        (builder(&with("some:one")).basic_auth("us@er", "p:a/ss"), 200),
    ] {
        let client = builder.build().unwrap();
        assert_eq!(client.send(ClientRequest::post("x")).await.unwrap().head.status().as_u16(), status);
        let shown = format!("{client:?} {} {:?}", client.text(), client.url());
        assert!(!shown.contains("p:a/ss") && !shown.contains("p%3A") && !shown.contains("wrong"), "{shown}");
    }
}

#[tokio::test]
async fn compressed_and_chunked_answers() {
    let server = PythonServer::tcp("HTTP/1.1").await;
    let client = builder(&server.url).build().unwrap();
    for body in [b"".to_vec(), b"short".to_vec(), (0..200_000u32).flat_map(u32::to_le_bytes).collect()] {
        for target in ["/gzip", "/deflate", "/raw-deflate", "/chunked", "/echo", "/close-delimited"] {
            let answer = post(&client, target, body.clone()).await.unwrap();
            assert!(answer.body[..] == body[..], "{target}: {} bytes of {}", answer.body.len(), body.len());
            assert_eq!(answer.head.header("content-encoding"), None, "it is unpacked");
        }
    }
    let e = post(&client, "/brotli", "x").await.unwrap_err();
    assert!(e.kind() == ErrorKind::Protocol && e.message().contains("\"br\""), "{e}");
}

#[tokio::test]
async fn bombs_are_refused() {
    let server = PythonServer::tcp("HTTP/1.1").await;
    let client = builder(&server.url).build().unwrap();
    assert_eq!(post(&client, "/bomb?16000000", "").await.unwrap().body.len(), 16_000_000);
    let e = post(&client, "/bomb?64000000", "").await.unwrap_err();
    assert_eq!((e.kind(), e.reached()), (ErrorKind::Limit, Reached::Answered), "{e}");
    assert!(e.message().contains("decompression_ratio"), "{e}");
    let mut limits = Limits::default();
    limits.decompressed_size = 1 << 20;
    let client = builder(&server.url).limits(limits).build().unwrap();
    let e = post(&client, "/bomb?16000000", "").await.unwrap_err();
    assert!(e.kind() == ErrorKind::Limit && e.message().contains("decompressed_size"), "{e}");
    assert_eq!(client.idle(), 1, "the connection itself is sound");
}

#[tokio::test]
async fn large_bodies() {
    let server = PythonServer::tcp("HTTP/1.1").await;
    let client = builder(&server.url).build().unwrap();
    let body: Vec<u8> = (0..8 << 20).map(|i: u32| (i % 251) as u8).collect();
    for _ in 0..2 {
        let answer = post(&client, "/echo", body.clone()).await.unwrap();
        assert!(answer.body[..] == body[..]);
    }
    assert_eq!(client.idle(), 1);
}

#[tokio::test]
async fn calls_that_overlap_have_a_connection_each() {
    let server = PythonServer::tcp("HTTP/1.1").await;
    let client = builder(&server.url).build().unwrap();
    let calls: Vec<_> = (0..8)
        .map(|i: u8| {
            let client = client.clone();
            tokio::spawn(async move { post(&client, "/wait", [i]).await.unwrap() })
        })
        .collect();
    // All eight wait at the server, and another one gets through.
    loop {
        let counts = post(&client, "/counts", "").await.unwrap();
        if String::from_utf8_lossy(&counts.body).contains("\"connections\": 9") {
            break;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    post(&client, "/release", "").await.unwrap();
    let mut seen = std::collections::HashSet::new();
    for (i, call) in calls.into_iter().enumerate() {
        let answer = call.await.unwrap();
        assert_eq!(answer.body[..], [i as u8]);
        seen.insert(answer.head.header("x-connection").unwrap().to_owned());
    }
    assert_eq!((seen.len(), client.idle()), (8, 9));
}

/// tinyproxy in a process of its own.
struct Proxy {
    child: std::process::Child,
    port: u16,
    directory: std::path::PathBuf,
}

impl Proxy {
    async fn start(more: &str) -> Self {
        static NUMBER: std::sync::atomic::AtomicUsize = std::sync::atomic::AtomicUsize::new(0);
        let number = NUMBER.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
        let directory = std::env::temp_dir().join(format!("springline-tinyproxy-{}-{number}", std::process::id()));
        std::fs::create_dir_all(&directory).unwrap();
        for _ in 0..5 {
            // tinyproxy cannot tell which port it was given: it gets one that was free just now.
            let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
            let file = directory.join("tinyproxy.conf");
            let log = directory.join("log");
            let text =
                format!("Port {port}\nListen 127.0.0.1\nLogFile \"{}\"\nLogLevel Connect\n{more}", log.display());
            std::fs::File::create(&file).unwrap().write_all(text.as_bytes()).unwrap();
            let mut child = std::process::Command::new("tinyproxy")
                .args(["-d", "-c"])
                .arg(&file)
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .spawn()
                .unwrap_or_else(|e| panic!("tinyproxy cannot be started ({e}): run `cargo xtask peers`"));
            for _ in 0..500 {
                if tokio::net::TcpStream::connect(("127.0.0.1", port)).await.is_ok() {
                    return Self { child, port, directory };
                }
                if child.try_wait().unwrap().is_some() {
                    break;
                }
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            let _ = child.kill();
            let _ = child.wait();
        }
        panic!("tinyproxy does not start");
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.directory.join("log")).unwrap_or_default()
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = std::fs::remove_dir_all(&self.directory);
    }
}

#[tokio::test]
async fn through_a_proxy() {
    let server = PythonServer::tcp("HTTP/1.1").await;
    let proxy = Proxy::start("").await;
    let url = format!("http://127.0.0.1:{}", proxy.port);
    let client = HttpClient::builder(&server.url).proxies(Proxies::one(&url).unwrap()).build().unwrap();
    for _ in 0..3 {
        assert_eq!(&post(&client, "/echo", "by way of").await.unwrap().body[..], b"by way of");
        assert_eq!(client.idle(), 0, "tinyproxy closes without saying so");
    }
    let answer = post(&client, "/status?404-Not+here", "x").await.unwrap();
    assert_eq!(answer.head.status().as_u16(), 404);
    assert!(proxy.log().contains("POST http://127.0.0.1"), "{}", proxy.log());

    // no_proxy, and loopback addresses of the environment's proxies, go straight.
    let variables = |list: &str| [("http_proxy".to_owned(), url.clone()), ("no_proxy".to_owned(), list.to_owned())];
    for proxies in [
        Proxies::one("http://127.0.0.1:1").unwrap().no_proxy("127.0.0.0/8"),
        Proxies::from_variables(variables("")),
        Proxies::from_variables(variables("*")),
    ] {
        let client = HttpClient::builder(&server.url).proxies(proxies).build().unwrap();
        let head = post(&client, "/head", "x").await.unwrap();
        let head = String::from_utf8_lossy(&head.body);
        assert!(head.contains("\"POST /head ") && !head.contains("Via"), "{head}");
    }

    // A name that only goes to the proxy: what the environment says is used.
    let proxies = Proxies::from_variables(variables(""));
    let client = HttpClient::builder("http://name.invalid/echo").proxies(proxies).build().unwrap();
    let answer = soon("the proxy's page", client.send(ClientRequest::post("x"))).await.unwrap();
    assert!(answer.head.status().is_server_error(), "{answer:?}");

    let nobody = HttpClient::builder(&server.url).proxies(Proxies::one("127.0.0.1:1").unwrap()).build().unwrap();
    let e = post(&nobody, "/echo", "x").await.unwrap_err();
    assert_eq!((e.kind(), e.reached()), (ErrorKind::Unavailable, Reached::NotSent));
    assert!(e.to_string().contains("the proxy"), "{e}");
}

#[tokio::test]
async fn a_proxy_that_asks_for_a_password() {
    let server = PythonServer::tcp("HTTP/1.1").await;
    let proxy = Proxy::start("BasicAuth me pass-word\n").await;
    for (user, status) in [("me:pass-word@", 200), ("me:wrong@", 401), ("", 407)] {
        let proxies = Proxies::one(&format!("http://{user}127.0.0.1:{}", proxy.port)).unwrap();
        let client = HttpClient::builder(&server.url).proxies(proxies).build().unwrap();
        let answer = post(&client, "/head", "x").await.unwrap();
        assert_eq!(answer.head.status().as_u16(), status, "{user}");
        if status == 200 {
            assert!(
                !String::from_utf8_lossy(&answer.body).contains("Proxy-Authorization"),
                "meant for the proxy alone"
            );
        } else {
            assert_eq!(answer.check("x").unwrap_err().kind(), ErrorKind::Denied);
        }
    }
}

/// Where a log goes to be read again.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn verbose_shows_everything_but_secrets() {
    let server = PythonServer::tcp("HTTP/1.1").await;
    let url = server.url.replace("http://", "http://me:hidden-one@");
    let log = Log::default();
    let sink = log.clone();
    let subscriber = tracing_subscriber::fmt().with_ansi(false).with_writer(move || sink.clone()).finish();
    let _guard = tracing::subscriber::set_default(subscriber);
    let client = builder(&format!("{url}/status?200-Fine"))
        .header("Cookie", "hidden-two")
        .header("X-Api-Key", "hidden-three")
        .header("X-Token-Of-Mine", "hidden-four")
        .header("X-Plain", "shown-one")
        .verbose(true)
        .build()
        .unwrap();
    soon("verbose", client.send(ClientRequest::post("<the body>"))).await.unwrap();
    let quiet = builder(&url).build().unwrap();
    post(&quiet, "/echo", "quietly").await.unwrap();
    let text = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    for part in [
        "INFO springline::http: send: POST /status?200-Fine HTTP/1.1",
        "send: x-plain: shown-one",
        "send: authorization: ***",
        "send: cookie: ***",
        "send: x-api-key: ***",
        "body: <the body>",
        "reply: HTTP/1.1 200 Fine",
        "header: x-why: because",
        "header: set-cookie: ***",
        "body: <html>a page</html>",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    assert!(!text.contains("hidden") && !text.contains("cookie-secret") && !text.contains("quietly"), "{text}");
}
