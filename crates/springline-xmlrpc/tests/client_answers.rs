//! The client and answers that CPython's server does not give, as other servers do.
#![cfg(feature = "net")]

#[path = "support/client.rs"]
mod support;

use springline_core::{DateTime, ErrorKind, Reached, Value};
use springline_net::http::Proxies;
use springline_xmlrpc::ReadOptions;
use springline_xmlrpc::client::{HttpStatus, XmlRpcProxy, XmlRpcProxyBuilder};
use support::saying;

fn builder(url: &str) -> XmlRpcProxyBuilder {
    XmlRpcProxy::builder(url).proxies(Proxies::none())
}

fn value(xml: &str) -> String {
    format!(
        "<?xml version='1.0'?><methodResponse><params><param><value>{xml}</value></param></params></methodResponse>"
    )
}

async fn proxy(body: &str) -> XmlRpcProxy {
    builder(&saying("200 OK\r\nContent-Type: text/xml", body.as_bytes()).await).build().unwrap()
}

#[tokio::test]
async fn a_page_instead_of_an_answer() {
    for (head, body, said) in [
        (
            "200 OK\r\nContent-Type: text/html",
            "<!DOCTYPE html>\n<html><body>Please log in</body></html>",
            "content type \"text/html\", 55 bytes): it begins with \"<!DOCTYPE html>\\n<html>",
        ),
        ("200 OK", "PHP Warning: something", "content type none, 22 bytes): it begins with \"PHP Warning: something\""),
        ("200 OK\r\nContent-Type: application/json", "{\"error\": 1}", "\"application/json\", 12 bytes)"),
        ("200 OK\r\nContent-Type: text/xml", "", "it is empty"),
        (
            "200 OK\r\nContent-Type: text/xml",
            "<methodCall><methodName>x</methodName></methodCall>",
            "begins with \"<methodCall>",
        ),
    ] {
        let proxy = builder(&saying(head, body.as_bytes()).await).build().unwrap();
        let e = proxy.call_value("x", ()).await.unwrap_err();
        assert_eq!(
            (e.kind(), e.reached(), e.endpoint()),
            (ErrorKind::Protocol, Reached::Answered, Some(proxy.url())),
            "{e}"
        );
        assert!(e.message().starts_with("the answer is no XML-RPC (") && e.message().contains(said), "{e}");
        assert!(std::error::Error::source(&e).is_some(), "what the reader says is kept");
    }
    // A long page is cut short.
    let page = format!("<html>{}</html>", "x".repeat(100_000));
    let e = proxy(&page).await.call_value("x", ()).await.unwrap_err();
    assert!(e.to_string().len() < 300, "{e}");
    // What is XML-RPC, but not sound, keeps the reader's own words, with the place.
    for body in [value("<int>x</int>"), value("<int>1</int>").replace("</param>", ""), value("<foo/>")] {
        let e = proxy(&body).await.call_value("x", ()).await.unwrap_err();
        assert_eq!((e.kind(), e.reached()), (ErrorKind::Malformed, Reached::Answered), "{e}");
        assert!(e.to_string().contains("line 1"), "{e}");
    }
}

#[tokio::test]
async fn the_content_type_does_not_matter_but_its_charset_does() {
    for kind in ["text/html", "text/plain; charset=utf-8", "application/octet-stream"] {
        let url = saying(&format!("200 OK\r\nContent-Type: {kind}"), value("<i4>7</i4>").as_bytes()).await;
        assert_eq!(builder(&url).build().unwrap().call::<i32>("x", ()).await.unwrap(), 7);
    }
    let mut body = value("Z?rich").into_bytes();
    let at = body.windows(5).position(|w| w == b"Z?ric").unwrap();
    body[at + 1] = 0xfc;
    let url = saying("200 OK\r\nContent-Type: text/xml; charset=\"iso-8859-1\"", &body).await;
    assert_eq!(builder(&url).build().unwrap().call::<String>("x", ()).await.unwrap(), "Z\u{fc}rich");
    let url = saying("200 OK\r\nContent-Type: text/xml", &body).await;
    let e = builder(&url).build().unwrap().call::<String>("x", ()).await.unwrap_err();
    assert_eq!(e.reached(), Reached::Answered, "{e}");
}

#[tokio::test]
async fn other_statuses_are_never_read_as_xml_rpc() {
    for (head, kind) in
        [("500 Oops", ErrorKind::Protocol), ("404 No", ErrorKind::NotFound), ("202 Later", ErrorKind::Protocol)]
    {
        let proxy = builder(&saying(head, value("<int>1</int>").as_bytes()).await).build().unwrap();
        let e = proxy.call_value("x", ()).await.unwrap_err();
        assert_eq!((e.kind(), HttpStatus::of(&e).map(|s| s.reason.as_str())), (kind, head.split(' ').nth(1)), "{e}");
    }
    let moved = builder(&saying("301 Moved\r\nLocation: http://u:hidden@elsewhere/", b"").await).build().unwrap();
    let e = moved.call_value("x", ()).await.unwrap_err();
    assert!(e.message().contains("redirects are not followed") && !e.to_string().contains("hidden"), "{e}");
}

#[tokio::test]
async fn faults_in_other_forms() {
    let fault = |members: &str| {
        format!("<methodResponse><fault><value><struct>{members}</struct></value></fault></methodResponse>")
    };
    let code = "<member><name>faultCode</name><value><i4>-501</i4></value></member>";
    let text = "<member><name>faultString</name><value>wrong type</value></member>";
    let cause = "<member><name>faultCause</name><value><base64>AAE=</base64></value></member>";
    for members in [format!("{code}{text}"), format!("{text}{cause}{code}")] {
        let e = proxy(&fault(&members)).await.call_value("x", ()).await.unwrap_err();
        let exception = e.exception().unwrap();
        assert_eq!(
            (exception.class.as_str(), exception.message.as_str(), exception.code),
            ("Fault", "wrong type", Some(-501))
        );
    }
    let python2 = text.replace("wrong type", "&lt;type 'exceptions.KeyError'&gt;:'k'");
    let e = proxy(&fault(&format!("{code}{python2}"))).await.call_value("x", ()).await.unwrap_err();
    assert!(e.exception().unwrap().is("KeyError"), "{e}");
    let e = proxy(&fault(text)).await.call_value("x", ()).await.unwrap_err();
    assert_eq!((e.kind(), e.reached()), (ErrorKind::Protocol, Reached::Answered), "{e}");
}

#[tokio::test]
async fn dates_that_are_none_come_as_text_unless_told_otherwise() {
    let date = |text: &str| value(&format!("<dateTime.iso8601>{text}</dateTime.iso8601>"));
    let url = saying("200 OK", date("00000000T00:00:00").as_bytes()).await;
    assert_eq!(builder(&url).build().unwrap().call_value("x", ()).await.unwrap(), Value::from("00000000T00:00:00"));
    let e = builder(&url).use_datetime(true).build().unwrap().call_value("x", ()).await.unwrap_err();
    assert_eq!(e.kind(), ErrorKind::Malformed, "{e}");
    let url = saying("200 OK", date("19980717T14:08:55").as_bytes()).await;
    for use_datetime in [false, true] {
        let found: DateTime = builder(&url).use_datetime(use_datetime).build().unwrap().call("x", ()).await.unwrap();
        assert_eq!(found, "1998-07-17T14:08:55".parse().unwrap());
    }
}

#[tokio::test]
async fn options_of_the_reader() {
    let body = format!(" \n{}", value("<boolean>true</boolean>"));
    let url = saying("200 OK", body.as_bytes()).await;
    builder(&url).build().unwrap().call::<bool>("x", ()).await.unwrap_err();
    let mut read = ReadOptions::new();
    read.lenient_start = true;
    read.lenient_bools = true;
    assert!(builder(&url).read_options(read).build().unwrap().call::<bool>("x", ()).await.unwrap());
}

#[tokio::test]
async fn multicalls_of_servers_that_do_not_wrap() {
    // supervisor 4: bare results, faults as structs.
    let fault = "<struct><member><name>faultCode</name><value><int>10</int></value></member>\
                 <member><name>faultString</name><value>BAD_NAME</value></member></struct>";
    let items = [
        fault,
        "<boolean>1</boolean>",
        "<array><data><value><int>7</int></value></data></array>",
        "<string>x</string>",
    ];
    let items: String = items.iter().map(|item| format!("<value>{item}</value>")).collect();
    let supervisor = proxy(&value(&format!("<array><data>{items}</data></array>"))).await;
    let four = || (0..4).fold(supervisor.multicall(), |calls, _| calls.call("x", ()));
    for (results, third) in [
        (four().send().await.unwrap(), Value::from(7)),
        (four().unwrapped().send().await.unwrap(), Value::List(vec![7.into()])),
    ] {
        let e = results[0].as_ref().unwrap_err();
        assert_eq!((e.exception().unwrap().code, e.reached()), (Some(10), Reached::Answered));
        assert_eq!(results[1].as_ref().unwrap(), &Value::from(true));
        assert_eq!(results[2].as_ref().unwrap(), &third);
        assert_eq!(results[3].as_ref().unwrap(), &Value::from("x"));
    }
    let e = supervisor.multicall().call("x", ()).send().await.unwrap_err();
    assert!(e.kind() == ErrorKind::Protocol && e.message().contains("a multicall of 1 calls has 4 results"), "{e}");
    let e = proxy(&value("<int>1</int>")).await.multicall().call("x", ()).send().await.unwrap_err();
    assert!(e.kind() == ErrorKind::Protocol && e.message().contains("no list"), "{e}");
}

#[tokio::test]
async fn introspection_of_other_servers() {
    let list = |names: &[&str]| {
        let items: String = names.iter().map(|n| format!("<value>{n}</value>")).collect();
        format!("<array><data>{items}</data></array>")
    };
    let supervisor = proxy(&value(&list(&["boolean", "string", "int"]))).await;
    let found = supervisor.method_signature("x").await.unwrap().unwrap();
    assert_eq!(
        (found.len(), found[0].result.as_str(), &found[0].params[..]),
        (1, "boolean", &["string".to_owned(), "int".into()][..])
    );
    let capabilities = proxy(&value(
        "<struct><member><name>faults_interop</name><value><struct>\
         <member><name>specUrl</name><value>http://x/</value></member>\
         <member><name>specVersion</name><value><int>20010516</int></value></member></struct></value></member></struct>",
    ))
    .await;
    let found = capabilities.capabilities().await.unwrap();
    assert_eq!(
        (found[0].name.as_str(), found[0].spec_url.as_str(), found[0].spec_version.as_str()),
        ("faults_interop", "http://x/", "20010516")
    );
    let e = capabilities.method_help("x").await.unwrap_err();
    assert_eq!(e.kind(), ErrorKind::Mismatch, "{e}");
}
