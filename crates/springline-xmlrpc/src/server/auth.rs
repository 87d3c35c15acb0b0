//! Basic authentication.

use std::fmt;
use std::future::Future;
use std::hint::black_box;
use std::sync::Arc;

use base64::Engine;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use springline_core::{BoxFuture, Peer};

/// With or without padding.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// Who wants to be let in.
#[derive(Clone)]
#[non_exhaustive]
pub struct Login {
    /// The name.
    pub user: String,
    /// The password.
    pub password: String,
    /// The caller's address and certificate.
    pub peer: Arc<Peer>,
}

/// Without the password.
impl fmt::Debug for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Login").field("user", &self.user).field("peer", &self.peer.address).finish_non_exhaustive()
    }
}

impl Login {
    /// Reads the value of an `Authorization` header. Names and passwords are UTF-8, else ISO 8859-1.
    pub(super) fn read(header: &str, peer: &Arc<Peer>) -> Option<Self> {
        let (scheme, data) = header.trim().split_once(' ')?;
        if !scheme.eq_ignore_ascii_case("basic") {
            return None;
        }
        let bytes = BASE64.decode(data.trim()).ok()?;
        let text = String::from_utf8(bytes).unwrap_or_else(|e| e.into_bytes().iter().map(|b| char::from(*b)).collect());
        let (user, password) = text.split_once(':')?;
        Some(Self { user: user.to_owned(), password: password.to_owned(), peer: peer.clone() })
    }
}

/// One name and one password, compared in a time that does not depend on where they differ.
///
/// ```
/// let users = springline_xmlrpc::server::SingleUser::new("Aladdin", "open sesame");
/// assert!(users.admits("Aladdin", "open sesame"));
/// assert!(!users.admits("Aladdin", "open sesam"));
/// ```
#[derive(Clone)]
pub struct SingleUser {
    user: String,
    password: String,
}

impl SingleUser {
    /// Keeps both.
    pub fn new(user: impl Into<String>, password: impl Into<String>) -> Self {
        Self { user: user.into(), password: password.into() }
    }

    /// Whether it is they.
    #[must_use]
    pub fn admits(&self, user: &str, password: &str) -> bool {
        let (user, password) = (same(&self.user, user), same(&self.password, password));
        user & password
    }
}

impl fmt::Debug for SingleUser {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SingleUser").field("user", &self.user).finish_non_exhaustive()
    }
}

// Goes through all that was sent, whatever it is.
fn same(secret: &str, sent: &str) -> bool {
    let (secret, sent) = (secret.as_bytes(), sent.as_bytes());
    let mut different = u8::from(secret.len() != sent.len());
    for (at, b) in sent.iter().enumerate() {
        different = black_box(different | (b ^ secret.get(at).copied().unwrap_or(0)));
    }
    different == 0
}

pub(super) trait Doorkeeper: Send + Sync {
    fn admits(&self, login: Login) -> BoxFuture<'_, bool>;
}

impl<F, Fut> Doorkeeper for F
where
    F: Fn(Login) -> Fut + Send + Sync,
    Fut: Future<Output = bool> + Send + 'static,
{
    fn admits(&self, login: Login) -> BoxFuture<'_, bool> {
        Box::pin(self(login))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn logins_are_read() {
        let peer = Arc::new(Peer::new("here", "http/1.1"));
        let check = |header: &str, expected: Option<(&str, &str)>| {
            let login = Login::read(header, &peer);
            assert_eq!(login.as_ref().map(|l| (&*l.user, &*l.password)), expected, "{header}");
        };
        check("Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==", Some(("Aladdin", "open sesame")));
        check("basic   QWxhZGRpbjpvcGVuIHNlc2FtZQ", Some(("Aladdin", "open sesame")));
        check("Basic YTpiOmM=", Some(("a", "b:c")));
        check("Basic dTpww7Y=", Some(("u", "p\u{f6}")));
        check("Basic dTpw9g==", Some(("u", "p\u{f6}")));
        check("Basic bm9jb2xvbg==", None);
        check("Basic !!", None);
        check("Bearer QWxhZGRpbjpvcGVuIHNlc2FtZQ==", None);
        check("Basic", None);
        let login = Login::read("Basic YTpzZWNyZXQ=", &peer).map(|l| format!("{l:?}"));
        assert!(!login.unwrap_or_default().contains("secret"));
    }

    #[test]
    fn one_user() {
        let one = SingleUser::new("user", "");
        assert!(one.admits("user", ""));
        for (user, password) in [("user", "x"), ("use", ""), ("user\0", ""), ("", "")] {
            assert!(!one.admits(user, password), "{user:?} {password:?}");
        }
        assert!(!format!("{:?}", SingleUser::new("u", "secret")).contains("secret"));
    }
}
