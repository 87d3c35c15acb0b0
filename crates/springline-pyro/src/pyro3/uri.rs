//! `PYROLOC://host:port/name` and its relatives.

use std::fmt;
use std::str::FromStr;

use springline_core::{Error, ErrorKind, Result};

use super::{DAEMON_PORT, NAME_SERVER_PORT};

/// How an object is named.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Scheme {
    /// `PYRO`: by its id.
    Pyro,
    /// `PYROLOC`: by the name that its daemon has for it.
    Loc,
    /// `PYRONAME`: by its name in a name server.
    Name,
}

/// A URI of Pyro 3: `PYRO://host[:port]/id`, `PYROLOC://host[:port]/name`, `PYRONAME://[host[:port]/]name`; the first two
/// also as `PYROSSL` and `PYROLOCSSL`, over TLS.
///
/// ```
/// let uri: springline_pyro::pyro3::Uri = "PYROLOC://localhost/ServiceName".parse().unwrap();
/// assert_eq!(uri.to_string(), "PYROLOC://localhost:7766/ServiceName");
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Uri {
    /// How the object is named.
    pub scheme: Scheme,
    /// Whether the connection is one over TLS.
    pub tls: bool,
    /// Host and port of the daemon or name server. Missing where a name server has yet to be found.
    pub location: Option<(String, u16)>,
    /// The id or name.
    pub object: String,
}

impl Uri {
    /// The URI of an object of a daemon, by its id.
    pub fn of_guid(host: impl Into<String>, port: u16, guid: impl Into<String>) -> Self {
        Self { scheme: Scheme::Pyro, tls: false, location: Some((host.into(), port)), object: guid.into() }
    }

    /// Whether a text begins as such a URI does, rather than as one of Pyro 4 or 5, which have no slashes.
    #[must_use]
    pub fn looks_like(text: &str) -> bool {
        text.split_once("://").is_some_and(|(scheme, _)| {
            let scheme = scheme.to_ascii_uppercase();
            ["PYRO", "PYROSSL", "PYROLOC", "PYROLOCSSL", "PYRONAME"].contains(&&*scheme)
        })
    }
}

fn bad(text: &str, why: impl fmt::Display) -> Error {
    Error::new(ErrorKind::Name, format!("bad Pyro 3 URI {text:?}: {why}"))
}

impl FromStr for Uri {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let shape = "expected PYROLOC://host:port/name, PYRO://host:port/id or PYRONAME://name";
        let (scheme, rest) = text.split_once("://").ok_or_else(|| bad(text, shape))?;
        let (scheme, tls) = match &*scheme.to_ascii_uppercase() {
            "PYRO" => (Scheme::Pyro, false),
            "PYROSSL" => (Scheme::Pyro, true),
            "PYROLOC" => (Scheme::Loc, false),
            "PYROLOCSSL" => (Scheme::Loc, true),
            "PYRONAME" => (Scheme::Name, false),
            other => return Err(bad(text, format!("unknown scheme {other:?}, {shape}"))),
        };
        let (place, object) = match rest.split_once('/') {
            Some((place, object)) => (Some(place), object),
            None => (None, rest),
        };
        if object.is_empty() || object.contains(char::is_whitespace) {
            return Err(bad(text, "the object's name is empty or has blanks"));
        }
        let port = if scheme == Scheme::Name { NAME_SERVER_PORT } else { DAEMON_PORT };
        let location = match place {
            None if scheme == Scheme::Name => None,
            None => return Err(bad(text, shape)),
            Some(place) => {
                // Python knows IPv4 only; in brackets, as everywhere.
                let (host, given) = match place.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
                    Some((host, "")) => (host, None),
                    Some((host, rest)) => (host, Some(rest.strip_prefix(':').unwrap_or(rest))),
                    None => place.split_once(':').map_or((place, None), |(host, port)| (host, Some(port))),
                };
                let port = match given {
                    Some(port) => port.parse().map_err(|_| bad(text, format!("{port:?} is no port number")))?,
                    None => port,
                };
                if host.is_empty() || host.contains(char::is_whitespace) {
                    return Err(bad(text, "the host is empty or has blanks"));
                }
                Some((host.to_owned(), port))
            }
        };
        Ok(Self { scheme, tls, location, object: object.to_owned() })
    }
}

impl fmt::Display for Uri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = match self.scheme {
            Scheme::Pyro => "PYRO",
            Scheme::Loc => "PYROLOC",
            Scheme::Name => "PYRONAME",
        };
        write!(f, "{scheme}{}://", if self.tls { "SSL" } else { "" })?;
        match &self.location {
            Some((host, port)) if host.contains(':') => write!(f, "[{host}]:{port}/")?,
            Some((host, port)) => write!(f, "{host}:{port}/")?,
            None => {}
        }
        f.write_str(&self.object)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn uris_come_back_with_their_port() {
        for (text, whole) in [
            ("PYROLOC://localhost:7766/ServiceName", "PYROLOC://localhost:7766/ServiceName"),
            ("PYROLOC://localhost/:Pyro.NameServer", "PYROLOC://localhost:7766/:Pyro.NameServer"),
            ("pyro://127.0.0.1:1/7f00", "PYRO://127.0.0.1:1/7f00"),
            ("PYROLOCSSL://h/x", "PYROLOCSSL://h:7766/x"),
            ("PYROLOC://[::1]/x", "PYROLOC://[::1]:7766/x"),
            ("PYRO://[::1]:1/x", "PYRO://[::1]:1/x"),
            ("PYRONAME://:Pyro.NameServer", "PYRONAME://:Pyro.NameServer"),
            ("PYRONAME://x", "PYRONAME://x"),
            ("PYRONAME://host/:a.b", "PYRONAME://host:9090/:a.b"),
        ] {
            assert_eq!(text.parse::<Uri>().unwrap().to_string(), whole);
            assert!(Uri::looks_like(text));
        }
        assert!(!Uri::looks_like("PYRO:x@h:1") && !Uri::looks_like("http://h/x"));
    }

    #[test]
    fn bad_uris_say_why() {
        for (text, why) in [
            ("PYRO:x@h:1", "expected PYROLOC://"),
            ("http://h/x", "unknown scheme"),
            ("PYRO://h", "expected PYROLOC://"),
            ("PYRO://h:x/y", "no port number"),
            ("PYRO://[::1]x/y", "no port number"),
            ("PYRO:///y", "the host is empty"),
            ("PYROLOC://h/", "name is empty"),
        ] {
            let e = text.parse::<Uri>().unwrap_err();
            assert!(e.message().contains(why), "{text}: {e}");
        }
    }
}
