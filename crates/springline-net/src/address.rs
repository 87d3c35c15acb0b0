//! Where to connect to or listen.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use springline_core::{Error, ErrorKind, Result};

/// A TCP host and port, or the path of a Unix socket.
///
/// ```
/// use springline_net::Address;
/// assert_eq!("[::1]:80".parse::<Address>().unwrap().to_string(), "[::1]:80");
/// assert_eq!("unix:/run/x.sock".parse::<Address>().unwrap(), Address::Unix("/run/x.sock".into()));
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Address {
    /// Host name or address, without brackets, and port.
    Tcp(String, u16),
    /// A path. One that begins with a NUL is abstract (Linux).
    Unix(PathBuf),
}

impl Address {
    /// A TCP address.
    pub fn tcp(host: impl Into<String>, port: u16) -> Self {
        Self::Tcp(host.into(), port)
    }

    /// A Unix socket.
    pub fn unix(path: impl Into<PathBuf>) -> Self {
        Self::Unix(path.into())
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(host, port) if host.contains(':') => write!(f, "[{host}]:{port}"),
            Self::Tcp(host, port) => write!(f, "{host}:{port}"),
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}

impl FromStr for Address {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let bad = |why: &str| Error::new(ErrorKind::Name, format!("bad address {text:?}: {why}"));
        if let Some(path) = text.strip_prefix("unix:") {
            return if path.is_empty() { Err(bad("the path is empty")) } else { Ok(Self::Unix(path.into())) };
        }
        let (host, port) = text.rsplit_once(':').ok_or_else(|| bad("expected host:port or unix:path"))?;
        let host = match host.strip_prefix('[') {
            Some(rest) => rest.strip_suffix(']').ok_or_else(|| bad("']' is missing"))?,
            None if host.contains(':') => return Err(bad("an IPv6 address needs brackets: [::1]:port")),
            None => host,
        };
        if host.is_empty() {
            return Err(bad("the host is empty"));
        }
        let port = port.parse().map_err(|_| bad("the port is no number from 0 to 65535"))?;
        Ok(Self::Tcp(host.to_owned(), port))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses() {
        for text in ["127.0.0.1:80", "[::1]:7766", "localhost:0", "unix:/tmp/x"] {
            assert_eq!(text.parse::<Address>().unwrap().to_string(), text);
        }
        for text in ["", "host", "::1:80", "[::1:80", "host:99999", ":80", "unix:"] {
            assert!(text.parse::<Address>().is_err(), "{text}");
        }
    }
}
