//! Which proxy, if any, a URL is called through.

use std::net::IpAddr;

use springline_core::{Error, ErrorKind, Result};

use super::url::{Credentials, HttpUrl, masked};
use crate::Address;

/// The proxies that a client may go through. Unix sockets never use one.
///
/// `http` URLs are asked for in absolute form, `https` URLs through a tunnel (`CONNECT`).
#[derive(Clone, Default)]
pub struct Proxies {
    http: Option<String>,
    https: Option<String>,
    all: Option<String>,
    bypass: Vec<String>,
    bypass_loopback: bool,
}

/// One proxy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ProxyServer {
    pub(super) address: Address,
    pub(super) credentials: Option<Credentials>,
}

impl Proxies {
    /// No proxy at all.
    #[must_use]
    pub fn none() -> Self {
        Self::default()
    }

    /// One proxy for everything, `http://[user:password@]host[:port]`.
    ///
    /// # Errors
    /// [`ErrorKind::Config`] when the URL cannot be read or is of another kind (`https`, `socks5`).
    pub fn one(url: &str) -> Result<Self> {
        server(url)?;
        Ok(Self { all: Some(url.to_owned()), ..Self::default() })
    }

    /// What the process's environment says; see [`from_variables`](Self::from_variables).
    #[must_use]
    pub fn from_environment() -> Self {
        Self::from_variables(
            std::env::vars_os().filter_map(|(k, v)| Some((k.into_string().ok()?, v.into_string().ok()?))),
        )
    }

    /// What `http_proxy`, `https_proxy`, `all_proxy` and `no_proxy` say, as curl 8 and CPython's urllib (3.11) read them:
    /// names in upper case count where those in lower case are missing, an empty one means none, and `HTTP_PROXY` does
    /// not count in a CGI program (where `REQUEST_METHOD` is set), since a client could set it there.
    ///
    /// `no_proxy` lists host names, each also for the names below it, with or without a leading dot and a port, addresses
    /// and networks (`10.0.0.0/8`); `*` is everything. Unlike curl's and Python's, calls to `localhost` and loopback
    /// addresses never go through a proxy of the environment.
    #[must_use]
    pub fn from_variables(variables: impl IntoIterator<Item = (String, String)>) -> Self {
        let variables: Vec<(String, String)> = variables.into_iter().collect();
        let get = |name: &str| variables.iter().find(|(k, _)| k == name).map(|(_, v)| v.trim().to_owned());
        let cgi = get("REQUEST_METHOD").is_some();
        let read = |name: &str| {
            let upper = || if cgi && name == "http_proxy" { None } else { get(&name.to_ascii_uppercase()) };
            get(name).or_else(upper).filter(|v| !v.is_empty())
        };
        Self {
            http: read("http_proxy"),
            https: read("https_proxy"),
            all: read("all_proxy"),
            bypass: split(&read("no_proxy").unwrap_or_default()),
            bypass_loopback: true,
        }
    }

    /// Replaces the list of hosts that are called directly; in the form of `no_proxy`.
    #[must_use]
    pub fn no_proxy(mut self, list: &str) -> Self {
        self.bypass = split(list);
        self
    }

    pub(super) fn find(&self, url: &HttpUrl) -> Result<Option<ProxyServer>> {
        let Address::Tcp(host, port) = url.address() else { return Ok(None) };
        let own = if url.secure() { &self.https } else { &self.http };
        let Some(text) = own.as_ref().or(self.all.as_ref()) else { return Ok(None) };
        if self.is_direct(&host.to_ascii_lowercase(), *port) {
            return Ok(None);
        }
        server(text).map(Some)
    }

    fn is_direct(&self, host: &str, port: u16) -> bool {
        let ip = host.split('%').next().and_then(|h| h.parse::<IpAddr>().ok());
        if self.bypass_loopback && (host == "localhost" || ip.is_some_and(|ip| ip.is_loopback())) {
            return true;
        }
        self.bypass.iter().any(|entry| matches(entry, host, ip, port))
    }
}

impl std::fmt::Debug for Proxies {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let hidden = |v: &Option<String>| v.as_deref().map(masked);
        f.debug_struct("Proxies")
            .field("http", &hidden(&self.http))
            .field("https", &hidden(&self.https))
            .field("all", &hidden(&self.all))
            .field("no_proxy", &self.bypass)
            .finish()
    }
}

fn split(list: &str) -> Vec<String> {
    list.split([',', ' ']).map(|e| e.trim().to_ascii_lowercase()).filter(|e| !e.is_empty()).collect()
}

fn matches(entry: &str, host: &str, ip: Option<IpAddr>, port: u16) -> bool {
    if entry == "*" {
        return true;
    }
    if let (Some(ip), Some((network, bits))) = (ip, entry.split_once('/')) {
        return in_network(ip, network, bits);
    }
    if let Some(ip) = ip {
        let bare = entry.strip_prefix('[').and_then(|e| e.strip_suffix(']')).unwrap_or(entry);
        if bare.parse::<IpAddr>().is_ok_and(|e| e == ip) {
            return true;
        }
    }
    let (name, only) = match entry.rsplit_once(':') {
        Some((name, only)) if !name.contains(':') || name.ends_with(']') => (name, Some(only)),
        _ => (entry, None),
    };
    if only.is_some_and(|only| only.parse() != Ok(port)) {
        return false;
    }
    let name = name.trim_start_matches('[').trim_end_matches(']').trim_start_matches('.');
    !name.is_empty()
        && (host == name || ip.is_none() && host.strip_suffix(name).is_some_and(|head| head.ends_with('.')))
}

fn in_network(ip: IpAddr, network: &str, bits: &str) -> bool {
    let Ok(bits) = bits.parse::<u32>() else { return false };
    match (ip, network.parse::<IpAddr>()) {
        (IpAddr::V4(ip), Ok(IpAddr::V4(net))) if bits <= 32 => {
            let mask = u32::MAX.checked_shl(32 - bits).unwrap_or(0);
            ip.to_bits() & mask == net.to_bits() & mask
        }
        (IpAddr::V6(ip), Ok(IpAddr::V6(net))) if bits <= 128 => {
            let mask = u128::MAX.checked_shl(128 - bits).unwrap_or(0);
            ip.to_bits() & mask == net.to_bits() & mask
        }
        _ => false,
    }
}

fn server(text: &str) -> Result<ProxyServer> {
    let bad = |why: String| Error::new(ErrorKind::Config, format!("bad proxy {:?}: {why}", masked(text)));
    let url = match text.split_once("://") {
        None => format!("http://{text}"), // curl's default
        Some((scheme, _)) if scheme.eq_ignore_ascii_case("http") => text.to_owned(),
        Some((scheme, _)) => return Err(bad(format!("only http proxies are supported, not {scheme}"))),
    };
    let url: HttpUrl = url.parse().map_err(|e: Error| bad(e.message().to_owned()))?;
    Ok(ProxyServer { address: url.address().clone(), credentials: url.credentials().cloned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(variables: &[(&str, &str)], url: &str) -> Option<String> {
        let variables = variables.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned()));
        let found = Proxies::from_variables(variables).find(&url.parse().unwrap()).unwrap();
        found.map(|p| p.address.to_string())
    }

    #[test]
    fn variables() {
        let both = [("http_proxy", "http://a:1"), ("HTTPS_PROXY", "b:2"), ("ALL_PROXY", "c:3")];
        assert_eq!(of(&both, "http://x").as_deref(), Some("a:1"));
        assert_eq!(of(&both, "https://x").as_deref(), Some("b:2"));
        assert_eq!(of(&both[2..], "https://x").as_deref(), Some("c:3"));
        assert_eq!(of(&both, "unix:///x"), None);
        assert_eq!(of(&both, "http://localhost"), None);
        assert_eq!(of(&both, "http://127.1.2.3"), None);
        assert_eq!(of(&both, "http://[::1]"), None);
        assert_eq!(of(&[("HTTP_PROXY", "a:1")], "http://x").as_deref(), Some("a:1"));
        assert_eq!(of(&[("HTTP_PROXY", "a:1"), ("REQUEST_METHOD", "GET")], "http://x"), None);
        assert_eq!(of(&[("HTTP_PROXY", "a:1"), ("http_proxy", "b:2")], "http://x").as_deref(), Some("b:2"));
        assert_eq!(of(&[("http_proxy", "")], "http://x"), None);
    }

    #[test]
    fn bypass() {
        for (list, url, direct) in [
            ("example.org", "http://example.org", true),
            ("example.org", "http://www.Example.org", true),
            ("example.org", "http://notexample.org", false),
            (".example.org", "http://example.org", true),
            ("a, example.org ,b", "http://www.example.org", true),
            ("example.org:8080", "http://example.org", false),
            ("example.org:8080", "http://example.org:8080", true),
            ("*", "http://example.org", true),
            ("10.0.0.0/8", "http://10.1.2.3", true),
            ("10.0.0.0/8", "http://11.1.2.3", false),
            ("0.0.0.0/0", "http://11.1.2.3", true),
            ("10.0.0.0/99", "http://10.1.2.3", false),
            ("10.1.2.3", "http://10.1.2.3", true),
            ("2.3", "http://10.1.2.3", false),
            ("fd00::/8", "http://[fd12::1]", true),
            ("fd12::1", "http://[fd12::1]:80", true),
            ("[fd12::1]:80", "http://[fd12::1]:80", true),
            ("[fd12::1]:81", "http://[fd12::1]:80", false),
            ("", "http://example.org", false),
        ] {
            assert_eq!(of(&[("http_proxy", "p:1"), ("no_proxy", list)], url).is_none(), direct, "{list} {url}");
        }
    }

    #[test]
    fn proxies_that_cannot_be_used() {
        for (text, why) in
            [("socks5://h", "not socks5"), ("https://u:secret@h", "not https"), ("http://", "host is empty")]
        {
            let e = Proxies::one(text).unwrap_err();
            assert_eq!(e.kind(), ErrorKind::Config);
            assert!(e.message().contains(why) && !e.message().contains("secret"), "{e}");
        }
        let shown = format!("{:?}", Proxies::one("http://u:secret@h:1").unwrap());
        assert!(!shown.contains("secret"), "{shown}");
    }
}
