//! Basic authentication, as a server asks for it.

use std::fmt;
use std::future::Future;
use std::hint::black_box;
use std::sync::Arc;

use base64::Engine;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use http::StatusCode;
use http::header::{AUTHORIZATION, HeaderValue, WWW_AUTHENTICATE};
use springline_core::{BoxFuture, Error, ErrorKind, Peer, Result};

use super::{Request, Response, text};

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
    fn read(header: &str, peer: &Arc<Peer>) -> Option<Self> {
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
/// let users = springline_net::http::SingleUser::new("Aladdin", "open sesame");
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

trait Doorkeeper: Send + Sync {
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

/// What requests have to pass: a name and a password, which somebody says yes to.
#[derive(Clone)]
pub struct Door {
    challenge: HeaderValue,
    keeper: Arc<dyn Doorkeeper>,
}

impl Door {
    /// Lets in whom `admits` says; `realm` is shown to the users of those who are asked.
    ///
    /// # Errors
    /// [`ErrorKind::Config`] for a realm with other characters than printable ASCII without quotes.
    pub fn new<F, Fut>(realm: &str, admits: F) -> Result<Self>
    where
        F: Fn(Login) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = bool> + Send + 'static,
    {
        let plain = realm.chars().all(|c| matches!(c, ' '..='~') && !matches!(c, '"' | '\\'));
        let challenge = HeaderValue::try_from(format!("Basic realm=\"{realm}\", charset=\"UTF-8\""));
        match challenge {
            Ok(challenge) if plain => Ok(Self { challenge, keeper: Arc::new(admits) }),
            _ => {
                let e = format!("the realm {realm:?} has other characters than printable ASCII without quotes");
                Err(Error::new(ErrorKind::Config, e))
            }
        }
    }

    /// Lets in one user.
    ///
    /// # Errors
    /// As [`new`](Self::new).
    pub fn one_user(realm: &str, user: impl Into<String>, password: impl Into<String>) -> Result<Self> {
        let one = SingleUser::new(user, password);
        Self::new(realm, move |login| std::future::ready(one.admits(&login.user, &login.password)))
    }

    /// Nothing for who is let in, else the answer: status 401 and the challenge.
    pub async fn refusal(&self, request: &Request) -> Option<Response> {
        let login = request.header(AUTHORIZATION).and_then(|value| Login::read(value, request.peer()));
        if let Some(login) = login
            && self.keeper.admits(login).await
        {
            return None;
        }
        let mut response = text(StatusCode::UNAUTHORIZED, "A name and a password are needed.\n");
        response.headers_mut().insert(WWW_AUTHENTICATE, self.challenge.clone());
        Some(response)
    }
}

impl fmt::Debug for Door {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Door").field("challenge", &self.challenge).finish_non_exhaustive()
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
