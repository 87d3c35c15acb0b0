//! URLs that an HTTP client can call.

use std::fmt;
use std::str::FromStr;

use springline_core::{Error, ErrorKind, Result};

use crate::Address;

/// The URL of an HTTP server: where to connect, with or without TLS, and what to ask for.
///
/// | form | meaning |
/// | --- | --- |
/// | `http://host[:port][/path][?query]` | TCP; port 80 unless given |
/// | `https://host[:port][/path][?query]` | TLS over TCP; port 443 unless given |
/// | `http+unix://%2Frun%2Fx.sock[/path]` | a Unix socket, its path percent-encoded |
/// | `unix:///run/x.sock`, `unix:/run/x.sock` | a Unix socket (supervisor's form); the whole rest is the socket's path |
///
/// `user:password@` before the host is meant for basic authentication and may be percent-encoded. IPv6 addresses stand in
/// brackets. A fragment is dropped.
///
/// ```
/// use springline_net::http::HttpUrl;
/// let url: HttpUrl = "https://me:secret@[::1]:8443/RPC2".parse()?;
/// assert_eq!(url.to_string(), "https://me:***@[::1]:8443/RPC2");
/// assert_eq!(url.authority(), "[::1]:8443");
/// # Ok::<(), springline_core::Error>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct HttpUrl {
    secure: bool,
    address: Address,
    authority: String,
    credentials: Option<Credentials>,
    path: String,
    query: Option<String>,
}

/// A user's name and password, as they stand in a URL once decoded. Neither is ever printed by `Debug`.
#[derive(Clone, PartialEq, Eq)]
pub struct Credentials {
    /// The user's name.
    pub user: String,
    /// The password; empty where there is none.
    pub password: String,
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Credentials(***)")
    }
}

impl Credentials {
    /// The value of an `Authorization` header, `Basic ...`.
    pub(super) fn basic(&self) -> Result<http::HeaderValue> {
        use base64::Engine as _;
        if self.user.contains(':') {
            return Err(Error::new(ErrorKind::Config, "a user name for basic authentication cannot contain ':'"));
        }
        let text = format!("{}:{}", self.user, self.password);
        let value = format!("Basic {}", base64::engine::general_purpose::STANDARD.encode(text));
        let mut value = http::HeaderValue::try_from(value)
            .map_err(|_| Error::new(ErrorKind::Config, "the user name and password cannot be put into a header"))?;
        value.set_sensitive(true);
        Ok(value)
    }
}

impl HttpUrl {
    /// A Unix socket, with or without what to ask for (`/RPC2`).
    pub fn unix(socket: impl Into<std::path::PathBuf>, target: &str) -> Result<Self> {
        let mut url = Self {
            secure: false,
            address: Address::unix(socket),
            authority: "localhost".to_owned(),
            credentials: None,
            path: String::new(),
            query: None,
        };
        url.set_target(target);
        Ok(url)
    }

    /// Whether TLS is spoken.
    #[must_use]
    pub fn secure(&self) -> bool {
        self.secure
    }

    /// Where to connect.
    #[must_use]
    pub fn address(&self) -> &Address {
        &self.address
    }

    /// The host name or address without brackets; `localhost` for Unix sockets.
    #[must_use]
    pub fn host(&self) -> &str {
        match &self.address {
            Address::Tcp(host, _) => host,
            Address::Unix(_) => &self.authority,
        }
    }

    /// What the `Host` header says: the host as written, and the port unless it is the scheme's own.
    #[must_use]
    pub fn authority(&self) -> &str {
        &self.authority
    }

    /// User and password, where the URL has them.
    #[must_use]
    pub fn credentials(&self) -> Option<&Credentials> {
        self.credentials.as_ref()
    }

    /// Path and query as they go into the request line. `default` stands in for an empty path.
    #[must_use]
    pub fn target(&self, default: &str) -> String {
        let path = if self.path.is_empty() { default } else { &self.path };
        match &self.query {
            Some(query) => format!("{path}?{query}"),
            None => path.to_owned(),
        }
    }

    /// Whether the URL names no path.
    #[must_use]
    pub fn path_is_empty(&self) -> bool {
        self.path.is_empty()
    }

    /// Replaces path and query.
    pub fn set_target(&mut self, target: &str) {
        let target = target.split_once('#').map_or(target, |(before, _)| before);
        let (path, query) = match target.split_once('?') {
            Some((path, query)) => (path, Some(query)),
            None => (target, None),
        };
        self.path = encode(path);
        if !self.path.is_empty() && !self.path.starts_with('/') {
            self.path.insert(0, '/');
        }
        self.query = query.map(encode);
    }
}

// Bytes that cannot stand in a request line are percent-encoded; what is encoded already stays.
fn encode(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for b in text.bytes() {
        match b {
            b'"' | b'<' | b'>' | b'\\' | b'^' | b'`' | b'{' | b'|' | b'}' => out.push_str(&format!("%{b:02X}")),
            0x21..=0x7e => out.push(b as char),
            _ => out.push_str(&format!("%{b:02X}")),
        }
    }
    out
}

/// Percent-decodes; `None` where the result is no UTF-8. A `%` without two hex digits stands for itself, as in Python.
fn decode(text: &str) -> Option<String> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&b, tail)) = rest.split_first() {
        let hex = tail.get(..2).filter(|_| b == b'%').and_then(|h| std::str::from_utf8(h).ok());
        match hex.filter(|h| h.bytes().all(|b| b.is_ascii_hexdigit())).and_then(|h| u8::from_str_radix(h, 16).ok()) {
            Some(byte) => {
                out.push(byte);
                rest = tail.get(2..).unwrap_or_default();
            }
            None => {
                out.push(b);
                rest = tail;
            }
        }
    }
    String::from_utf8(out).ok()
}

/// `text` without what may be a password, for error messages.
pub(super) fn masked(text: &str) -> String {
    let start = text.find("://").map_or(0, |at| at + 3);
    let (head, rest) = text.split_at(start);
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    match rest.get(..end).and_then(|authority| authority.rfind('@')) {
        Some(at) => format!("{head}***{}", &rest[at..]),
        // A slash in a password ends the authority too early: mask whatever stands before an '@'.
        None => match rest.rfind('@') {
            Some(at) => format!("{head}***{}", &rest[at..]),
            None => text.to_owned(),
        },
    }
}

impl FromStr for HttpUrl {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let bad = |why: &str| Error::new(ErrorKind::Name, format!("bad URL {:?}: {why}", masked(text)));
        let (scheme, rest) =
            text.split_once(':').ok_or_else(|| bad("expected http://host, https://host or unix:///path"))?;
        let scheme = scheme.to_ascii_lowercase();
        if scheme == "unix" {
            // unix://relative is no authority either: supervisor takes everything behind the slashes.
            let path = rest.strip_prefix("//").unwrap_or(rest);
            return if path.is_empty() { Err(bad("the socket's path is empty")) } else { Self::unix(path, "") };
        }
        if !matches!(scheme.as_str(), "http" | "https" | "http+unix") {
            return Err(bad("the scheme must be http, https, http+unix or unix"));
        }
        let rest = rest.strip_prefix("//").ok_or_else(|| bad("'//' is missing after the scheme"))?;
        let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
        let (authority, target) = rest.split_at(end);
        let (userinfo, host) = match authority.rsplit_once('@') {
            Some((userinfo, host)) => (Some(userinfo), host),
            None => (None, authority),
        };
        let credentials = match userinfo {
            Some(userinfo) => {
                let (user, password) = userinfo.split_once(':').unwrap_or((userinfo, ""));
                let text = |t| decode(t).ok_or_else(|| bad("user and password must be UTF-8 once decoded"));
                Some(Credentials { user: text(user)?, password: text(password)? })
            }
            None => None,
        };
        let secure = scheme == "https";
        let mut url = if scheme == "http+unix" {
            let path = decode(host).ok_or_else(|| bad("the socket's path must be UTF-8"))?;
            if path.is_empty() {
                return Err(bad("the socket's path is empty; it stands percent-encoded after '//'"));
            }
            Self::unix(path, "")?
        } else {
            let (address, authority) = tcp(host, secure).map_err(|why| bad(&why))?;
            Self { secure, address, authority, credentials: None, path: String::new(), query: None }
        };
        url.credentials = credentials;
        url.set_target(target);
        Ok(url)
    }
}

// The address, and what the Host header says.
fn tcp(text: &str, secure: bool) -> Result<(Address, String), String> {
    let (host, port, brackets) = if let Some(rest) = text.strip_prefix('[') {
        let (host, after) = rest.split_once(']').ok_or("']' is missing")?;
        let port = match after.strip_prefix(':') {
            Some(port) => port,
            None if after.is_empty() => "",
            None => return Err(format!("expected ':' and a port after ']', found {after:?}")),
        };
        let plain = host.split('%').next().unwrap_or_default();
        if plain.parse::<std::net::Ipv6Addr>().is_err() {
            return Err(format!("[{host}] is no IPv6 address"));
        }
        (host, port, true)
    } else {
        let (host, port) = text.split_once(':').unwrap_or((text, ""));
        if port.contains(':') {
            return Err("an IPv6 address needs brackets: [::1]:port".to_owned());
        }
        (host, port, false)
    };
    if host.is_empty() {
        return Err("the host is empty".to_owned());
    }
    if let Some(wrong) = host.chars().find(|c| !c.is_ascii_alphanumeric() && !matches!(c, '-' | '.' | '_' | ':' | '%'))
    {
        return Err(if wrong.is_ascii() {
            format!("{wrong:?} cannot be in a host name")
        } else {
            format!("{wrong:?} cannot be in a host name; write it in its ASCII form, xn--...")
        });
    }
    let standard = if secure { 443 } else { 80 };
    let port = match port {
        "" => standard,
        text => text.parse().map_err(|_| format!("{text:?} is no port number from 0 to 65535"))?,
    };
    let zoned = host.replacen("%25", "%", 1);
    let plain = zoned.split('%').next().unwrap_or_default();
    let mut authority = if brackets { format!("[{plain}]") } else { plain.to_owned() };
    if port != standard {
        authority.push_str(&format!(":{port}"));
    }
    Ok((Address::Tcp(zoned, port), authority))
}

impl fmt::Display for HttpUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let user = self.credentials.as_ref().map(|c| format!("{}:***@", encode(&c.user))).unwrap_or_default();
        let target = self.target("");
        match &self.address {
            Address::Unix(path) if target.is_empty() && user.is_empty() => write!(f, "unix://{}", path.display()),
            Address::Unix(path) => {
                let path = encode(&path.display().to_string()).replace('/', "%2F");
                write!(f, "http+unix://{user}{path}{target}")
            }
            Address::Tcp(..) => {
                write!(f, "{}://{user}{}{target}", if self.secure { "https" } else { "http" }, self.authority)
            }
        }
    }
}

// Without the password, as Display.
impl fmt::Debug for HttpUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "HttpUrl({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms() {
        for (text, address, authority, target) in [
            ("http://localhost", "localhost:80", "localhost", "/RPC2"),
            ("http://localhost/", "localhost:80", "localhost", "/"),
            ("HTTP://localhost:8000/a?b=c#d", "localhost:8000", "localhost:8000", "/a?b=c"),
            ("https://h?x=1", "h:443", "h", "/RPC2?x=1"),
            ("https://h:443/x", "h:443", "h", "/x"),
            ("http://[::1]:8080/p", "[::1]:8080", "[::1]:8080", "/p"),
            ("http://[::1]", "[::1]:80", "[::1]", "/RPC2"),
            ("http://[fe80::1%25eth0]/", "[fe80::1%eth0]:80", "[fe80::1]", "/"),
            ("http+unix://%2Frun%2Fx.sock/RPC3", "unix:/run/x.sock", "localhost", "/RPC3"),
            ("unix:///run/x.sock", "unix:/run/x.sock", "localhost", "/RPC2"),
            ("unix:/run/x y?.sock", "unix:/run/x y?.sock", "localhost", "/RPC2"),
            ("http://h/a b\u{e9}", "h:80", "h", "/a%20b%C3%A9"),
        ] {
            let url: HttpUrl = text.parse().unwrap();
            assert_eq!(url.address().to_string(), address, "{text}");
            assert_eq!(url.authority(), authority, "{text}");
            assert_eq!(url.target("/RPC2"), target, "{text}");
        }
    }

    #[test]
    fn bad_ones_say_why_and_keep_the_password() {
        for (text, why) in [
            ("", "expected http"),
            ("localhost", "expected http"),
            ("ftp://h", "the scheme must be"),
            ("http:/h", "'//' is missing"),
            ("http://", "the host is empty"),
            ("http://u:secret@:80", "the host is empty"),
            ("http://u:secret@h:port", "no port number"),
            ("http://u:se/cret@h:port", "no port number"),
            ("http://h:99999", "no port number"),
            ("http://::1:80", "needs brackets"),
            ("http://[::1", "']' is missing"),
            ("http://[x]:1", "no IPv6"),
            ("http://[::1]80", "after ']'"),
            ("http://b\u{fc}cher/", "xn--"),
            ("http://a b/", "' ' cannot be"),
            ("unix:", "path is empty"),
            ("unix://", "path is empty"),
            ("http+unix:///x", "path is empty"),
            ("http://u:%ff@h", "UTF-8"),
        ] {
            let e = text.parse::<HttpUrl>().unwrap_err();
            assert_eq!(e.kind(), ErrorKind::Name);
            assert!(e.message().contains(why), "{text}: {e}");
            assert!(!e.to_string().contains("secret") && !e.to_string().contains("cret@"), "{e}");
        }
    }

    #[test]
    fn credentials_are_decoded_and_masked() {
        let url: HttpUrl = "http://us%40er:p%3Aa%2Fs@h:1/x".parse().unwrap();
        let credentials = url.credentials().unwrap();
        assert_eq!((credentials.user.as_str(), credentials.password.as_str()), ("us@er", "p:a/s"));
        assert_eq!(credentials.basic().unwrap(), "Basic dXNAZXI6cDphL3M=");
        for text in [url.to_string(), format!("{url:?}"), format!("{credentials:?}")] {
            assert!(!text.contains("p:a") && !text.contains("p%3A"), "{text}");
        }
        let unix: HttpUrl = "http+unix://u:p@%2Fa/b".parse().unwrap();
        assert_eq!(unix.to_string(), "http+unix://u:***@%2Fa/b");
        assert_eq!(unix.to_string().parse::<HttpUrl>().unwrap().address(), unix.address());
    }
}
