//! The scheme of a URI: what chooses the driver that understands the rest.

use std::fmt;

use crate::{Error, ErrorKind, Result};

/// A URI's scheme, in lower case: `pyro`, `pyroname`, `https`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Scheme(Box<str>);

impl Scheme {
    /// The text, in lower case.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Scheme {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl PartialEq<str> for Scheme {
    fn eq(&self, other: &str) -> bool {
        &*self.0 == other
    }
}

impl PartialEq<&str> for Scheme {
    fn eq(&self, other: &&str) -> bool {
        &*self.0 == *other
    }
}

/// Splits a URI into its scheme and what follows the colon.
///
/// ```
/// let (scheme, rest) = springline_core::split_scheme("PYRO:account@localhost:7766")?;
/// assert_eq!(scheme, "pyro");
/// assert_eq!(rest, "account@localhost:7766");
/// # Ok::<(), springline_core::Error>(())
/// ```
///
/// # Errors
/// [`ErrorKind::Name`] where there is no scheme, it has a character that schemes have not, or nothing follows it.
pub fn split_scheme(uri: &str) -> Result<(Scheme, &str)> {
    let bad = |why: &str| Error::new(ErrorKind::Name, format!("bad URI {uri:?}: {why}"));
    let (scheme, rest) =
        uri.split_once(':').ok_or_else(|| bad("no scheme; expected one and a colon, as in PYRO:object@host:port"))?;
    if scheme.is_empty() {
        return Err(bad("the scheme before the colon is empty"));
    }
    // RFC 3986, 3.1
    if !scheme.starts_with(|c: char| c.is_ascii_alphabetic()) {
        return Err(bad("a scheme begins with a letter"));
    }
    if let Some(wrong) = scheme.chars().find(|c| !c.is_ascii_alphanumeric() && !matches!(c, '+' | '-' | '.')) {
        return Err(bad(&format!("{wrong:?} cannot be in a scheme")));
    }
    if rest.is_empty() {
        return Err(bad("nothing follows the scheme"));
    }
    Ok((Scheme(scheme.to_ascii_lowercase().into()), rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn schemes_are_found() {
        for (uri, scheme, rest) in [
            ("PYRO:x@y:1", "pyro", "x@y:1"),
            ("PYRONAME:a.b", "pyroname", "a.b"),
            ("https://host/path", "https", "//host/path"),
            ("hessian+http://h", "hessian+http", "//h"),
        ] {
            let (found, tail) = split_scheme(uri).unwrap();
            assert_eq!((found.as_str(), tail), (scheme, rest), "{uri}");
            assert_eq!(found.to_string(), scheme);
        }
    }

    #[test]
    fn bad_uris_say_why() {
        for (uri, why) in [
            ("", "no scheme"),
            ("account", "no scheme"),
            (":x", "is empty"),
            ("1x:y", "begins with a letter"),
            ("a b:y", "' ' cannot be in a scheme"),
            ("my account@host:7766", "' ' cannot be in a scheme"),
            ("pyro:", "nothing follows"),
        ] {
            let e = split_scheme(uri).unwrap_err();
            assert_eq!(e.kind(), ErrorKind::Name);
            assert!(e.message().contains(why), "{uri}: {e}");
        }
    }
}
