//! Who may connect: the challenge, the client's token, and the server's one word.

use hmac::{Hmac, Mac};
use md5::{Digest, Md5};
use springline_core::{Error, ErrorKind};

/// An identification: what a client proves that it knows. Made of a passphrase.
#[derive(Clone, PartialEq, Eq)]
pub struct Ident(Vec<u8>);

impl Ident {
    /// The one of clients that were given none.
    #[must_use]
    pub fn none() -> Self {
        Self(Vec::new())
    }

    /// Made as Pyro 3's own validator does it.
    #[must_use]
    pub fn passphrase(passphrase: &str) -> Self {
        Self(Md5::digest(passphrase.as_bytes()).to_vec())
    }

    /// What proves that its sender knows the identification, for one challenge.
    #[must_use]
    pub fn token(&self, challenge: &[u8]) -> Vec<u8> {
        self.mac(challenge).map(|mac| mac.finalize().into_bytes().to_vec()).unwrap_or_default()
    }

    /// Whether a token is the one for this challenge. How long that takes says nothing about the token.
    #[must_use]
    pub fn accepts(&self, challenge: &[u8], token: &[u8]) -> bool {
        self.mac(challenge).is_some_and(|mac| mac.verify_slice(token).is_ok())
    }

    fn mac(&self, challenge: &[u8]) -> Option<Hmac<Md5>> {
        let mut mac = Hmac::<Md5>::new_from_slice(challenge).ok()?;
        mac.update(&self.0);
        Some(mac)
    }
}

/// Without what it is made of.
impl std::fmt::Debug for Ident {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(if self.0.is_empty() { "Ident(none)" } else { "Ident(..)" })
    }
}

/// What is sent in the place of a challenge, or of `GRANTED`, to a client that is not let in.
#[cfg(feature = "net")]
pub(super) const DENIED: &[u8] = b"DENIED";
#[cfg(feature = "net")]
pub(super) const GRANTED: &[u8] = b"GRANTED";

#[cfg(feature = "net")]
pub(super) const DENIED_FULL: &[u8] = b"DENIED1";
#[cfg(feature = "net")]
pub(super) const DENIED_HOST: &[u8] = b"DENIED2";
#[cfg(feature = "net")]
pub(super) const DENIED_IDENTIFICATION: &[u8] = b"DENIED3";

/// The error for the digit behind `DENIED`.
#[must_use]
pub fn denied(digit: u8) -> Error {
    let (kind, why) = match digit {
        b'1' => (ErrorKind::Unavailable, "it has as many connections as it allows"),
        b'2' => (ErrorKind::Denied, "it does not let this host in"),
        b'3' => (ErrorKind::Denied, "the identification (passphrase) is missing or wrong"),
        _ => (ErrorKind::Denied, "it gave no reason"),
    };
    Error::new(kind, format!("the daemon refused the connection: {why}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_are_those_of_recorded_clients() {
        // Pyro 3.16, without identification (recording `pyroloc`).
        let challenge =
            [0x7f, 0x29, 0xce, 0x9e, 0x8f, 0x82, 0xf5, 0xce, 0xbc, 0x65, 0x5f, 0xef, 0x06, 0xe0, 0x68, 0x8a];
        let token = [0x01, 0x77, 0x26, 0x69, 0x5a, 0x19, 0xf1, 0x91, 0x96, 0xaf, 0x38, 0x88, 0x4b, 0xcb, 0xfe, 0x6f];
        assert_eq!(Ident::none().token(&challenge), token);
        assert!(Ident::none().accepts(&challenge, &token));
        assert!(!Ident::passphrase("x").accepts(&challenge, &token));
        assert!(!Ident::none().accepts(&challenge, b""));
        assert_eq!(format!("{:?}", Ident::passphrase("secret")), "Ident(..)");
    }
}
