//! `PYRO:object@host:port` and its relatives.

use std::fmt;
use std::str::FromStr;

use springline_core::{Error, ErrorKind, Result, Value};

/// The port of name servers, where a `PYRONAME:` or `PYROMETA:` URI gives none.
pub const NAME_SERVER_PORT: u16 = 9090;

/// Where a daemon listens.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Location {
    /// Host name or address and port. IPv6 addresses are kept without brackets.
    Tcp(String, u16),
    /// Path of a Unix socket; a leading NUL names an abstract one.
    Unix(String),
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(host, port) if host.contains(':') => write!(f, "[{host}]:{port}"),
            Self::Tcp(host, port) => write!(f, "{host}:{port}"),
            Self::Unix(path) => write!(f, "./u:{path}"),
        }
    }
}

/// A Pyro 4 or 5 URI: `PYRO:object@location`, `PYRONAME:name[@location]`, `PYROMETA:tag,tag[@location]`.
///
/// ```
/// let uri: springline_pyro::PyroUri = "PYRO:thing@[::1]:7766".parse().unwrap();
/// assert_eq!(uri.object, "thing");
/// assert_eq!(uri.to_string(), "PYRO:thing@[::1]:7766");
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct PyroUri {
    /// `PYRO`, `PYRONAME` or `PYROMETA`.
    pub protocol: String,
    /// Object id, name, or tags joined by commas.
    pub object: String,
    /// Where; always there for `PYRO`.
    pub location: Option<Location>,
}

impl PyroUri {
    /// The URI of an object of a daemon.
    pub fn new(object: impl Into<String>, location: Location) -> Self {
        Self { protocol: "PYRO".to_owned(), object: object.into(), location: Some(location) }
    }

    /// From the 5-tuple that Python's `URI.__getstate__` gives (Pyro4 4.82, Pyro5 5.17).
    pub(crate) fn from_state(
        protocol: &Value,
        object: &Value,
        socket: &Value,
        host: &Value,
        port: &Value,
    ) -> Option<Self> {
        let object = match object {
            Value::Str(text) => text.clone(),
            // PYROMETA holds a set of tags.
            tags => {
                let tags: Vec<&str> = tags.as_items()?.iter().filter_map(Value::as_str).collect();
                tags.join(",")
            }
        };
        let location = match (socket.as_str().filter(|path| !path.is_empty()), host, port) {
            (Some(path), ..) => Some(Location::Unix(path.to_owned())),
            (None, Value::Null, Value::Null) => None,
            (None, host, port) => Some(Location::Tcp(host.as_str()?.to_owned(), u16::try_from(port.as_i64()?).ok()?)),
        };
        Some(Self { protocol: protocol.as_str()?.to_owned(), object, location })
    }

    /// The five elements of the state tuple.
    pub(crate) fn state(&self) -> [Value; 5] {
        let (socket, host, port) = match &self.location {
            Some(Location::Tcp(host, port)) => (Value::Null, host.as_str().into(), Value::I64((*port).into())),
            Some(Location::Unix(path)) => (path.as_str().into(), Value::Null, Value::Null),
            None => (Value::Null, Value::Null, Value::Null),
        };
        [self.protocol.as_str().into(), self.object.as_str().into(), socket, host, port]
    }
}

impl fmt::Display for PyroUri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.protocol, self.object)?;
        match &self.location {
            Some(location) => write!(f, "@{location}"),
            None => Ok(()),
        }
    }
}

fn bad(text: &str, why: impl fmt::Display) -> Error {
    Error::new(ErrorKind::Name, format!("bad Pyro URI {text:?}: {why}"))
}

impl FromStr for PyroUri {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let (scheme, rest) = text.split_once(':').ok_or_else(|| bad(text, "expected PYRO:object@host:port"))?;
        let protocol = scheme.to_ascii_uppercase();
        let needs_location = match protocol.as_str() {
            "PYRO" => true,
            "PYRONAME" | "PYROMETA" => false,
            _ => return Err(bad(text, format!("unknown scheme {scheme:?}, expected PYRO, PYRONAME or PYROMETA"))),
        };
        // The location follows the first '@', as in Python's grammar.
        let (object, location) = match rest.split_once('@') {
            Some((object, location)) => (object, Some(location)),
            None => (rest, None),
        };
        if object.is_empty() || object.contains(char::is_whitespace) {
            return Err(bad(text, "the object's name is empty or has blanks"));
        }
        let location = match location {
            Some(l) => Some(parse_location(text, l, (!needs_location).then_some(NAME_SERVER_PORT))?),
            None if needs_location => return Err(bad(text, "a PYRO URI needs @host:port or @./u:path")),
            None => None,
        };
        Ok(Self { protocol, object: object.to_owned(), location })
    }
}

fn parse_location(text: &str, location: &str, default_port: Option<u16>) -> Result<Location> {
    if let Some(path) = location.strip_prefix("./u:") {
        if path.is_empty() || path.contains(':') {
            return Err(bad(text, "the socket's path is empty or has a ':'"));
        }
        return Ok(Location::Unix(path.to_owned()));
    }
    let (host, port) = if let Some(rest) = location.strip_prefix('[') {
        let (host, rest) = rest.split_once(']').ok_or_else(|| bad(text, "']' is missing after the IPv6 address"))?;
        if host.parse::<std::net::Ipv6Addr>().is_err() && !host.contains('%') {
            return Err(bad(text, format!("{host:?} is no IPv6 address")));
        }
        (host, rest.strip_prefix(':'))
    } else {
        match location.split_once(':') {
            Some((_, port)) if port.contains(':') => {
                return Err(bad(text, "an IPv6 address needs brackets: [::1]:port"));
            }
            Some((host, port)) => (host, Some(port)),
            None => (location, None),
        }
    };
    if host.is_empty() {
        return Err(bad(text, "the host is empty"));
    }
    let port = match (port, default_port) {
        (Some(port), _) => port.parse().map_err(|_| bad(text, format!("{port:?} is no port number (0 to 65535)")))?,
        (None, Some(port)) => port,
        (None, None) => return Err(bad(text, "the port is missing")),
    };
    Ok(Location::Tcp(host.to_owned(), port))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn good_uris_come_back() {
        for text in [
            "PYRO:obj_12ab@localhost:7766",
            "PYRO:Pyro.Daemon@127.0.0.1:1",
            "PYRO:x@[::1]:7766",
            "PYRO:x@./u:/tmp/sock",
            "PYRONAME:example.thing",
            "PYRONAME:x@host:9090",
            "PYROMETA:a,b@host:9090",
        ] {
            assert_eq!(text.parse::<PyroUri>().unwrap().to_string(), text);
        }
        assert_eq!("pyroname:x@host".parse::<PyroUri>().unwrap().to_string(), "PYRONAME:x@host:9090");
    }

    #[test]
    fn a_state_that_does_not_fit_is_none() {
        let state = |host: Value, port: Value| {
            PyroUri::from_state(&"PYRO".into(), &"x".into(), &Value::Null, &host, &port).map(|u| u.to_string())
        };
        assert_eq!(state("h".into(), 1.into()).as_deref(), Some("PYRO:x@h:1"));
        assert_eq!(state("h".into(), "1".into()), None);
        assert_eq!(state("h".into(), Value::Null), None);
        assert_eq!(state(Value::Null, 1.into()), None);
        assert_eq!(state("h".into(), 70_000.into()), None);
    }

    #[test]
    fn bad_uris_say_why() {
        for (text, why) in [
            ("thing", "expected PYRO:"),
            ("HTTP:x@y:1", "unknown scheme"),
            ("PYRO:x", "needs @host:port"),
            ("PYRO:x@host", "port is missing"),
            ("PYRO:x@host:70000", "no port number"),
            ("PYRO:x@::1:80", "needs brackets"),
            ("PYRO:x@[zz]:80", "no IPv6 address"),
            ("PYRO:@host:1", "empty"),
            ("PYRO:a b@host:1", "blanks"),
            ("PYRO:x@./u:", "path is empty"),
            ("PYRO:x@:80", "host is empty"),
        ] {
            let e = text.parse::<PyroUri>().unwrap_err();
            assert!(e.message().contains(why), "{text}: {e}");
        }
    }
}
