//! The traffic as text, for whoever wants to see it.

use http::{HeaderMap, HeaderName, HeaderValue};
use http_body::Body as _;
use tracing::info;

use super::LOG;
use super::request::ResponseHead;
use crate::http::Body;

const MASK: &str = "***";

pub(super) fn request(request: &http::Request<Body>) {
    info!(target: LOG, "send: {} {} HTTP/1.1", request.method(), request.uri());
    headers("send", request.headers());
    if let Some(length) = request.body().size_hint().exact() {
        info!(target: LOG, "send: Content-Length: {length}");
    }
    match request.body().whole() {
        Some(body) => info!(target: LOG, "body: {}", text(&body)),
        None => info!(target: LOG, "body: {:?}", request.body()),
    }
}

pub(super) fn answer(head: &ResponseHead, body: Option<&[u8]>) {
    info!(target: LOG, "reply: {:?} {} {}", head.version(), head.status().as_u16(), head.reason());
    headers("header", head.headers());
    if let Some(body) = body {
        info!(target: LOG, "body: {}", text(body));
    }
}

fn headers(what: &str, headers: &HeaderMap) {
    for (name, value) in headers {
        info!(target: LOG, "{what}: {name}: {}", shown(name, value));
    }
}

fn shown<'a>(name: &HeaderName, value: &'a HeaderValue) -> std::borrow::Cow<'a, str> {
    let name = name.as_str();
    let secret = value.is_sensitive()
        || matches!(name, "authorization" | "proxy-authorization" | "cookie" | "set-cookie")
        || ["token", "secret", "password", "api-key"].iter().any(|part| name.contains(part));
    if secret {
        MASK.into()
    } else if name == "location" {
        super::url::masked(&text(value.as_bytes())).into()
    } else {
        text(value.as_bytes())
    }
}

fn text(bytes: &[u8]) -> std::borrow::Cow<'_, str> {
    String::from_utf8_lossy(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_of_redirects_are_masked() {
        let shown = |value: &'static str| shown(&http::header::LOCATION, &HeaderValue::from_static(value)).into_owned();
        assert_eq!(shown("http://me:hidden@h/x"), "http://***@h/x");
        assert_eq!(shown("/x?y"), "/x?y");
    }
}
