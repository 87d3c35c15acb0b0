//! Hostile clients: each gets a fault, a status or the end of its connection, and others are served meanwhile.
#![cfg(feature = "net")]

mod codec_support;
#[path = "support/meanwhile.rs"]
mod meanwhile;
#[path = "support/raw.rs"]
mod raw;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::time::Duration;

use codec_support::documents;
use meanwhile::Meanwhile;
use raw::{Answer, Raw, call};
use springline_core::{FnService, Value};
use springline_net::http::HttpOptions;
use springline_xmlrpc::server::{XmlRpcServer, XmlRpcServerBuilder};

/// Bytes. More than any answer to a hostile request has to say: a thousand characters, each escaped.
const SHORT: usize = 8192;

fn builder() -> XmlRpcServerBuilder {
    let service = FnService::new("s").method("echo", ["text"], |(text,): (String,)| async move { Ok(text) });
    XmlRpcServer::builder()
        .host("127.0.0.1")
        .port(0)
        .register_function("echo", ["text"], |(text,): (String,)| async move { Ok(text) })
        .register_sync("any", ["value"], |(value,): (Value,)| Ok(value))
        .register_sync("number", ["n"], |(n,): (i64,)| Ok(n))
        .register_sync("large", [], |()| Ok("x".repeat(32 << 20)))
        .register_service("s", service)
}

/// A server that has no patience.
async fn impatient() -> XmlRpcServer {
    let mut options = HttpOptions::default();
    options.header_timeout = Duration::from_secs(1);
    options.transfer_timeout = Duration::from_secs(1);
    builder().http_options(options).serve().await.unwrap()
}

fn is_short(answer: &Answer) {
    assert!(answer.body.len() < SHORT, "{} bytes: {:.200}", answer.body.len(), answer.text());
}

/// The codes of a multicall's faults.
fn codes(answer: &Answer) -> Vec<i64> {
    let Value::List(answers) = answer.value() else { panic!("no list: {}", answer.text()) };
    let code = |fault: &Value| {
        let Value::Map(members) = fault else { panic!("no fault: {fault:?}") };
        members.iter().find(|(name, _)| name.as_str() == Some("faultCode")).and_then(|(_, code)| code.as_i64())
    };
    answers.iter().map(|fault| code(fault).expect("a fault's code")).collect()
}

fn is_refused(answer: &Answer, statuses: &[u16], what: &str) {
    is_short(answer);
    assert!(statuses.contains(&answer.status), "{what}: {} {}", answer.status, answer.text());
    assert_eq!(answer.header("connection"), Some("close"), "{what}");
}

#[tokio::test]
async fn results_of_a_multicall_are_bounded() {
    let runs = Arc::new(AtomicUsize::new(0));
    let counted = runs.clone();
    let megabytes = move |()| {
        counted.fetch_add(1, SeqCst);
        Ok("x".repeat(4 << 20))
    };
    let server = builder().register_sync("megabytes", [], megabytes).serve().await.unwrap();
    let mut others = Meanwhile::start(&server).await;
    let entry = "<value><struct><member><name>methodName</name><value>megabytes</value></member><member><name>params</name>\
                 <value><array><data/></array></value></member></struct></value>";
    let mut raw = Raw::connect(&server).await;
    let many = format!("<array><data>{}</data></array>", entry.repeat(1000));
    let answer = raw.call("system.multicall", &[&many]).await;
    let Value::List(results) = answer.value() else { panic!("no list") };
    let given = results.iter().take_while(|result| matches!(result, Value::List(_))).count();
    // What is refused has not run.
    assert_eq!((results.len(), given, runs.load(SeqCst)), (1000, 16, 16));
    let text = results[16].field("faultString").and_then(Value::as_str).unwrap_or_default();
    assert!(text.contains("67108864 bytes"), "{text}");
    others.go_on().await;
}

/// Waits until all connections but those are gone.
async fn only(server: &XmlRpcServer, connections: usize) {
    let gone = async {
        while server.connections() > connections {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    let gone = tokio::time::timeout(Duration::from_secs(60), gone).await;
    assert!(gone.is_ok(), "{} connections are left", server.connections());
}

#[tokio::test]
async fn entities_are_no_bombs() {
    let server = builder().serve().await.unwrap();
    let mut others = Meanwhile::start(&server).await;
    let laughs: String =
        (1..10).map(|i| format!("<!ENTITY lol{i} \"{}\">", format!("&lol{};", i - 1).repeat(10))).collect();
    let document = |doctype: &str, text: &str| {
        let call = call("echo", &[text]);
        call.replacen("<methodCall>", &format!("{doctype}<methodCall>"), 1)
    };
    let quadratic = format!("<!DOCTYPE m [<!ENTITY a \"{}\">]>", "x".repeat(50_000));
    let mut raw = Raw::connect(&server).await;
    for (doctype, text) in [
        (format!("<!DOCTYPE m [<!ENTITY lol0 \"lol\">{laughs}]>"), "&lol9;".to_owned()),
        (quadratic, "&a;".repeat(50_000)),
        ("<!DOCTYPE m [<!ENTITY x SYSTEM \"file:///etc/passwd\">]>".to_owned(), "&x;".to_owned()),
        ("<!DOCTYPE m SYSTEM \"http://127.0.0.1:1/\">".to_owned(), "x".to_owned()),
    ] {
        let answer = raw.post("/RPC2", &[], document(&doctype, &text)).await;
        is_short(&answer);
        let (code, text) = answer.fault();
        assert!(code == -32600 && text.contains("DOCTYPE"), "{code} {text}");
    }
    let answer = raw.post("/RPC2", &[], document("", "&lol9;")).await;
    is_short(&answer);
    assert_eq!(answer.fault().0, -32700);
    others.go_on().await;
}

#[tokio::test]
async fn names_of_methods_are_no_bombs() {
    let server = builder().serve().await.unwrap();
    let mut others = Meanwhile::start(&server).await;
    // Each dot may end the name of a service, and each character may be five in the answer.
    let dots = "a.".repeat(1_000_000);
    let signs = ">".repeat(1_000_000);
    for name in [format!("{dots}a"), format!("s.{dots}a"), format!("s.{signs}"), signs.clone(), dots.clone()] {
        let mut raw = Raw::connect(&server).await;
        let answers = [
            raw.call(&name, &["x"]).await,
            raw.call("system.methodHelp", &[&name]).await,
            raw.call("system.methodSignature", &[&name]).await,
        ];
        for answer in answers {
            is_short(&answer);
            assert_eq!(answer.fault().0, -32601, "{}", answer.text());
        }
        let entry = format!(
            "<struct><member><name>methodName</name><value>{name}</value></member>\
             <member><name>params</name><value><array><data/></array></value></member></struct>"
        );
        let answer =
            raw.call("system.multicall", &[&format!("<array><data><value>{entry}</value></data></array>")]).await;
        is_short(&answer);
        assert_eq!(codes(&answer), [-32601]);
    }
    others.go_on().await;
}

#[tokio::test]
async fn faults_do_not_repeat_what_was_sent() {
    let server = builder().serve().await.unwrap();
    let mut others = Meanwhile::start(&server).await;
    let mut raw = Raw::connect(&server).await;
    let long = ">".repeat(1_000_000);
    for (name, param) in [
        ("number", long.clone()),
        ("number", format!("<int>{long}</int>")),
        ("number", format!("<int>{}</int>", "9".repeat(1_000_000))),
        ("number", format!("<dateTime.iso8601>{long}</dateTime.iso8601>")),
        ("number", format!("<base64>{}</base64>", "AAAA".repeat(250_000))),
        ("number", format!("<double>{long}</double>")),
        ("number", format!("<struct><member><name>{long}</name><value/></member></struct>")),
        ("number", format!("<{}/>", "x".repeat(1_000_000))),
        ("echo", format!("&{};", "x".repeat(1_000_000))),
        ("system.multicall", format!("<array><data><value>{long}</value></data></array>")),
        ("any", format!("<x {}='{long}'/>", "x".repeat(100_000))),
    ] {
        let answer = raw.call(name, &[&param]).await;
        is_short(&answer);
        if name != "system.multicall" {
            assert!(answer.fault().0 < -32_000);
        }
    }
    others.go_on().await;
}

#[tokio::test]
async fn a_multicall_is_bounded() {
    let server = builder().multicall(100).serve().await.unwrap();
    let mut others = Meanwhile::start(&server).await;
    let mut raw = Raw::connect(&server).await;
    let entry = |name: &str, params: &str| {
        format!(
            "<value><struct><member><name>methodName</name><value>{name}</value></member><member><name>params</name>\
             <value><array><data>{params}</data></array></value></member></struct></value>"
        )
    };
    let many = |entry: &str, n: usize| format!("<array><data>{}</data></array>", entry.repeat(n));
    let echo = entry("echo", "<value>x</value>");
    let answer = raw.call("system.multicall", &[&many(&echo, 100)]).await;
    assert_eq!(answer.value(), Value::List(vec![Value::List(vec![Value::from("x")]); 100]));
    let answer = raw.call("system.multicall", &[&many(&echo, 101)]).await;
    let (code, text) = answer.fault();
    assert!(code == -32600 && text.contains("multicall = 100"), "{code} {text}");
    // One in another, as deep as values may be: none of them runs.
    let mut nested = many(&echo, 2);
    for _ in 0..12 {
        nested = many(&entry("system.multicall", &format!("<value>{nested}</value>")), 2);
    }
    let answer = raw.call("system.multicall", &[&nested]).await;
    is_short(&answer);
    assert_eq!(codes(&answer), [-32600, -32600]);
    others.go_on().await;
}

#[tokio::test]
async fn slow_headers() {
    let server = impatient().await;
    let mut others = Meanwhile::start(&server).await;
    let head = "POST /RPC2 HTTP/1.1\r\nHost: x\r\nContent-Type: text/xml\r\nX-Padding: ";
    let attacks: Vec<_> = (0..50)
        .map(|i| {
            let address = server.address().clone();
            tokio::spawn(async move {
                let mut raw = Raw::at(&address).await;
                // Some stop after a while, some go on letter by letter for ever.
                for (at, byte) in head.bytes().chain(std::iter::repeat_n(b'x', 1_000_000)).enumerate() {
                    if at > i && i % 2 == 0 {
                        break;
                    }
                    raw.send([byte]).await;
                    if let Ok(answer) = tokio::time::timeout(Duration::from_millis(50), raw.outcome()).await {
                        return answer;
                    }
                }
                raw.outcome().await
            })
        })
        .collect();
    others.go_on().await;
    for attack in attacks {
        match attack.await.unwrap() {
            Some(answer) => is_refused(&answer, &[408], "slow headers"),
            None => panic!("no answer at all"),
        }
    }
    only(&server, 1).await;
    others.go_on().await;
}

#[tokio::test]
async fn slow_bodies() {
    let server = impatient().await;
    let mut others = Meanwhile::start(&server).await;
    let attacks: Vec<_> = (0..50)
        .map(|i| {
            let address = server.address().clone();
            tokio::spawn(async move {
                let mut raw = Raw::at(&address).await;
                let (framing, piece) = match i % 3 {
                    0 => ("Content-Length: 100000", "x"),
                    1 => ("Transfer-Encoding: chunked", "1\r\nx\r\n"),
                    // Nothing comes at all.
                    _ => ("Content-Length: 100000", ""),
                };
                raw.send(format!("POST /RPC2 HTTP/1.1\r\nHost: x\r\n{framing}\r\n\r\n")).await;
                loop {
                    raw.send(piece).await;
                    if let Ok(answer) = tokio::time::timeout(Duration::from_millis(50), raw.outcome()).await {
                        return answer;
                    }
                }
            })
        })
        .collect();
    others.go_on().await;
    for attack in attacks {
        match attack.await.unwrap() {
            Some(answer) => is_refused(&answer, &[408], "a slow body"),
            None => panic!("no answer at all"),
        }
    }
    only(&server, 1).await;
    others.go_on().await;
}

#[tokio::test]
async fn answers_that_nobody_takes() {
    let server = impatient().await;
    let mut others = Meanwhile::start(&server).await;
    let mut all = Vec::new();
    for _ in 0..4 {
        let mut raw = Raw::connect(&server).await;
        let body = call("large", &[]);
        raw.send(format!("POST /RPC2 HTTP/1.1\r\nHost: x\r\nContent-Length: {}\r\n\r\n{body}", body.len())).await;
        all.push(raw);
    }
    others.go_on().await;
    only(&server, 1).await;
    drop(all);
}

#[tokio::test]
async fn half_closed_sockets() {
    let server = builder().serve().await.unwrap();
    let mut others = Meanwhile::start(&server).await;
    let body = call("echo", &["hi"]);
    let request = format!("POST /RPC2 HTTP/1.1\r\nHost: x\r\nContent-Length: {}\r\n\r\n{body}", body.len());
    // All of a request is answered, whatever is missing of it is not waited for.
    for cut in (0..=request.len()).rev() {
        let mut raw = Raw::connect(&server).await;
        raw.send(&request[..cut]).await;
        raw.half_close().await;
        match raw.outcome().await {
            Some(answer) if cut == request.len() => assert_eq!(answer.value(), Value::from("hi")),
            Some(answer) => assert!(cut > 0 && answer.status == 400, "{cut}: {} {}", answer.status, answer.text()),
            None => assert!(cut < request.len(), "the whole request has no answer"),
        }
        assert!(raw.ends().await, "{cut}");
    }
    only(&server, 1).await;
    others.go_on().await;
}

#[tokio::test]
async fn pipelined_garbage() {
    let server = impatient().await;
    let mut others = Meanwhile::start(&server).await;
    let body = call("echo", &["hi"]);
    let request = format!("POST /RPC2 HTTP/1.1\r\nHost: x\r\nContent-Length: {}\r\n\r\n{body}", body.len());
    let mut random = fastrand::Rng::with_seed(1);
    for round in 0..60 {
        let good = random.usize(0..5);
        let mut bytes = request.repeat(good).into_bytes();
        let first = bytes.len();
        bytes.extend((0..random.usize(1..20_000)).map(|_| random.u8(..)));
        if round % 2 == 0 {
            // No head begins with it.
            bytes[first] = 0;
        }
        bytes.extend_from_slice(request.as_bytes());
        let mut raw = Raw::connect(&server).await;
        raw.send(&bytes).await;
        for _ in 0..good {
            assert_eq!(raw.answer().await.value(), Value::from("hi"));
        }
        if let Some(answer) = raw.outcome().await {
            is_refused(&answer, &[400, 408, 431], "garbage");
        }
        assert!(raw.ends().await, "something follows the garbage");
    }
    only(&server, 1).await;
    others.go_on().await;
}

/// Requests that one reader ends here and another there: what comes behind must not run.
#[tokio::test]
async fn smuggled_calls_do_not_run() {
    let runs = Arc::new(AtomicUsize::new(0));
    let counted = runs.clone();
    let server = builder().register_sync("count", [], move |()| Ok(counted.fetch_add(1, SeqCst) as i64));
    let server = server.serve().await.unwrap();
    let mut others = Meanwhile::start(&server).await;
    let hidden = call("count", &[]);
    let hidden = format!("POST /RPC2 HTTP/1.1\r\nHost: x\r\nContent-Length: {}\r\n\r\n{hidden}", hidden.len());
    let length = format!("Content-Length: {}", hidden.len());
    let chunked = "Transfer-Encoding: chunked";
    let table: &[(&str, &[&str], &str)] = &[
        ("both lengths", &[&length, chunked], "0\r\n\r\n"),
        ("both lengths, the other way round", &[chunked, &length], "0\r\n\r\n"),
        ("both lengths, and none for this one", &["Content-Length: 0", chunked], ""),
        ("two lengths", &["Content-Length: 0", &length], ""),
        ("two lengths in one", &["Content-Length: 0, 5"], ""),
        ("a sign", &["Content-Length: +0"], ""),
        ("chunked twice", &["Transfer-Encoding: chunked, identity"], "0\r\n\r\n"),
        ("a space before the colon", &["Transfer-Encoding : chunked", &length], "0\r\n\r\n"),
        ("another coding", &["Transfer-Encoding: xchunked"], "0\r\n\r\n"),
        ("a folded field", &["X: y", " Transfer-Encoding: chunked", &length], ""),
        ("no chunk size", &[chunked], "\r\n"),
        ("a bad chunk size", &[chunked], "0x0\r\n\r\n"),
        ("a negative chunk size", &[chunked], "-1\r\n\r\n"),
        ("an endless extension", &[chunked], &format!("0;{}\r\n\r\n", "a".repeat(20_000))),
        ("a chunk size over 64 bits", &[chunked], "10000000000000000\r\n\r\n"),
        ("a chunk that is longer than it says", &[chunked], "1\r\nxx\r\n0\r\n\r\n"),
        ("a chunk size with a line feed alone in its extension", &[chunked], "0;a\n\r\n\r\n"),
    ];
    for (what, headers, body) in table {
        let before = others.calls();
        let mut raw = Raw::connect(&server).await;
        let head = format!("POST /RPC2 HTTP/1.1\r\nHost: x\r\n{}\r\n\r\n", headers.join("\r\n"));
        raw.send(format!("{head}{body}{hidden}")).await;
        let answer = raw.answer().await;
        is_refused(&answer, &[400], what);
        assert!(raw.ends().await, "{what}");
        assert_eq!(runs.load(SeqCst), 0, "{what}");
        others.more_than(before).await;
    }
    let answer = Raw::connect(&server).await.call("count", &[]).await;
    assert_eq!((answer.value(), runs.load(SeqCst)), (Value::from(0_i32), 1), "it can be called");
}

const PIECES: &[&[u8]] = &[
    b"<value>",
    b"</value>",
    b"<array><data>",
    b"<struct>",
    b"<member>",
    b"</name>",
    b"<!--",
    b"<![CDATA[",
    b"]]>",
    b"&#55357;",
    b"&x;",
    b"<!DOCTYPE a>",
    b"<nil/>",
    b"\xff\xfe",
    b"\0",
    b"1e999",
    b"system.multicall",
    b"\r\n\r\n",
];

fn mutated(random: &mut fastrand::Rng, original: &[u8]) -> Vec<u8> {
    let mut body = original.to_vec();
    for _ in 0..random.usize(1..4) {
        let at = random.usize(..=body.len());
        match random.u8(..5) {
            0 => body.truncate(at),
            1 if at < body.len() => body[at] = random.u8(..),
            2 => drop(body.splice(at..at, PIECES[random.usize(..PIECES.len())].iter().copied())),
            3 => {
                let copy = body[at..(at + random.usize(..64)).min(body.len())].to_vec();
                let to = random.usize(..=body.len());
                drop(body.splice(to..to, copy));
            }
            _ => drop(body.drain(at..(at + random.usize(1..32)).min(body.len()))),
        }
    }
    body
}

#[tokio::test]
async fn mutations_through_a_socket() {
    let server = builder().allow_none(true).serve().await.unwrap();
    let mut others = Meanwhile::start(&server).await;
    let recorded: Vec<Vec<u8>> = documents().into_iter().map(|(_, body)| body).filter(|b| b.len() < 4096).collect();
    // Calls that there are, so that some of what is left of them runs.
    let own = [
        call("any", &["<struct><member><name>a</name><value><array><data/></array></value></member></struct>"]),
        call("s.echo", &[&format!("<string>{}</string>", "hello ".repeat(200))]),
        call("system.listMethods", &[]),
    ];
    let mut random = fastrand::Rng::with_seed(20_260_117);
    let mut raw = Raw::connect(&server).await;
    let (mut faults, mut values) = (0, 0);
    for round in 0..5_000 {
        let original = match round % 3 {
            0 => own[random.usize(..own.len())].as_bytes(),
            _ => &recorded[random.usize(..recorded.len())],
        };
        let body = mutated(&mut random, original);
        let answer = raw.post("/RPC2", &["Content-Type: text/xml"], &body).await;
        assert!(answer.body.len() < SHORT + 8 * body.len(), "{} for {}", answer.body.len(), body.len());
        assert_eq!(answer.status, 200, "{}", answer.text());
        if answer.text().contains("<fault>") {
            is_short(&answer);
            assert!(answer.fault().0 < 0, "{}", answer.text());
            faults += 1;
        } else {
            answer.value();
            values += 1;
        }
    }
    assert!(faults > 1000 && values > 50, "{faults} faults, {values} values");
    others.go_on().await;
}

#[tokio::test]
async fn mutations_of_whole_requests() {
    let server = builder().serve().await.unwrap();
    let mut others = Meanwhile::start(&server).await;
    let body = call("echo", &["hi"]);
    let originals = [
        format!(
            "POST /RPC2 HTTP/1.1\r\nHost: x\r\nContent-Type: text/xml\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        ),
        format!(
            "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n{:x}\r\n{body}\r\n0\r\n\r\n",
            body.len()
        ),
        format!("POST /RPC2 HTTP/1.0\r\nAccept-Encoding: gzip\r\nContent-Length: {}\r\n\r\n{body}", body.len()),
    ];
    let mut random = fastrand::Rng::with_seed(7);
    let mut statuses = std::collections::BTreeMap::new();
    for round in 0..2_000 {
        let request = mutated(&mut random, originals[round % originals.len()].as_bytes());
        let mut raw = Raw::connect(&server).await;
        raw.send(&request).await;
        raw.half_close().await;
        // Any number of answers, then the end.
        let mut answers = 0;
        while let Some(answer) = raw.outcome().await {
            is_short(&answer);
            *statuses.entry(answer.status).or_insert(0) += 1;
            answers += 1;
            assert!(answers < 10, "{}", String::from_utf8_lossy(&request));
        }
        assert!(raw.ends().await, "{}", String::from_utf8_lossy(&request));
    }
    let known = [100, 200, 400, 404, 405, 408, 411, 413, 414, 415, 431, 501, 505];
    assert!(statuses.keys().all(|s| known.contains(s)), "{statuses:?}");
    assert!(statuses.contains_key(&200) && statuses.contains_key(&400), "{statuses:?}");
    only(&server, 1).await;
    others.go_on().await;
}
