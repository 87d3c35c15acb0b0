//! What rustls says, in words that a person can act on.

use std::error::Error as StdError;
use std::io;

use rustls::{AlertDescription, CertificateError};
use springline_core::{Error, ErrorKind};

/// Finds in `error` or its causes that the other side refused our TLS connection, or that its TLS is broken, and says
/// so as an error of kind [`ErrorKind::Denied`] or [`ErrorKind::Protocol`].
///
/// In TLS 1.3 a client's handshake is over before the server has looked at the client's certificate: a refusal comes as
/// an error of the first read.
#[must_use]
pub fn refusal(error: &(dyn StdError + 'static)) -> Option<Error> {
    let mut next = Some(error);
    while let Some(e) = next {
        if let Some(tls) = e.downcast_ref::<rustls::Error>() {
            return Some(explain(tls, "server"));
        }
        // An io::Error gives the cause of what it wraps, not what it wraps.
        next = match e.downcast_ref::<io::Error>().and_then(io::Error::get_ref) {
            Some(inner) => Some(inner as &(dyn StdError + 'static)),
            None => e.source(),
        };
    }
    None
}

/// A failed handshake with `peer`, "client" or "server".
pub(super) fn handshake(error: &io::Error, peer: &'static str) -> Error {
    match error.get_ref().and_then(|e| e.downcast_ref::<rustls::Error>()) {
        Some(tls) => explain(tls, peer),
        None if error.kind() == io::ErrorKind::UnexpectedEof => {
            Error::new(ErrorKind::Closed, format!("the {peer} closed the connection during the TLS handshake"))
        }
        None => Error::new(ErrorKind::Closed, format!("the connection broke during the TLS handshake: {error}")),
    }
}

/// Whether the handshake failed because of the client's certificate, or because there was none.
pub(super) fn about_certificate(error: &io::Error) -> bool {
    use rustls::Error as E;
    let tls = error.get_ref().and_then(|e| e.downcast_ref::<rustls::Error>());
    matches!(tls, Some(E::InvalidCertificate(_) | E::NoCertificatesPresented | E::UnsupportedNameType))
}

fn explain(error: &rustls::Error, peer: &'static str) -> Error {
    use rustls::Error as E;
    let denied = |text: String| Error::new(ErrorKind::Denied, text);
    let protocol = |text: String| Error::new(ErrorKind::Protocol, text);
    match error {
        E::AlertReceived(alert) => denied(format!("the {peer} refused the TLS connection: {}", alert_text(*alert))),
        E::InvalidCertificate(e) => denied(format!("the {peer}'s certificate {}", certificate_text(e, peer))),
        E::NoCertificatesPresented => denied(format!("the {peer} showed no certificate")),
        E::InvalidMessage(rustls::InvalidMessage::InvalidContentType) => {
            protocol(format!("the {peer} does not speak TLS; is it plain HTTP?"))
        }
        E::PeerIncompatible(e) => {
            protocol(format!("the {peer} offers no TLS that is offered here (TLS 1.2 and 1.3): {e:?}"))
        }
        E::PeerMisbehaved(e) => protocol(format!("the {peer} breaks the rules of TLS: {e:?}")),
        E::NoApplicationProtocol => protocol(format!("the {peer} offers none of the ALPN protocols asked for")),
        other => protocol(format!("TLS with the {peer} failed: {other}")),
    }
}

fn alert_text(alert: AlertDescription) -> String {
    use AlertDescription as A;
    let text = match alert {
        A::CertificateRequired => "it requires a certificate of ours (certificate_required)",
        A::HandshakeFailure => {
            "no common parameters, or it requires a certificate of ours and got none (handshake_failure)"
        }
        A::BadCertificate => "it does not accept our certificate, or requires one (bad_certificate)",
        A::UnknownCA => "it does not know the authority of our certificate (unknown_ca)",
        A::CertificateExpired => "our certificate is expired or not valid yet (certificate_expired)",
        A::CertificateRevoked => "our certificate is revoked (certificate_revoked)",
        A::UnsupportedCertificate => {
            "our certificate is not meant for this use, see its extended key usage (unsupported_certificate)"
        }
        A::CertificateUnknown => "it does not accept our certificate (certificate_unknown)",
        A::AccessDenied => "our certificate is sound, but not let in (access_denied)",
        A::ProtocolVersion => "it has no TLS version that is offered here (protocol_version)",
        A::UnrecognisedName => "it does not know the server name (unrecognized_name)",
        A::NoApplicationProtocol => "it has none of the ALPN protocols offered here (no_application_protocol)",
        other => return format!("alert {other:?}"),
    };
    text.to_owned()
}

fn certificate_text(error: &CertificateError, peer: &str) -> String {
    use CertificateError as C;
    match error {
        C::Expired | C::ExpiredContext { .. } => "is expired".to_owned(),
        C::NotValidYet | C::NotValidYetContext { .. } => "is not valid yet; is the clock right?".to_owned(),
        C::UnknownIssuer => "was not issued by an authority of ca_certs; or an intermediate one is missing".to_owned(),
        C::NotValidForNameContext { expected, presented } if presented.is_empty() => {
            let expected = expected.to_str();
            format!(
                "is not valid for {expected}: it has no subjectAltName (common_name_fallback looks at its commonName, \
                 verify_hostname(false) at no name)"
            )
        }
        C::NotValidForNameContext { expected, presented } => {
            let presented: Vec<String> = presented.iter().map(|name| presented_name(name)).collect();
            format!("is not valid for {}, but for {}", expected.to_str(), presented.join(", "))
        }
        C::InvalidPurpose | C::InvalidPurposeContext { .. } => {
            format!("is not meant for a {peer}, see its extended key usage")
        }
        C::BadSignature => "has a wrong signature: it is not by the authority that it names".to_owned(),
        C::BadEncoding => "is damaged".to_owned(),
        C::UnhandledCriticalExtension => "has a critical extension that is unknown here".to_owned(),
        C::UnsupportedSignatureAlgorithmContext { .. } | C::UnsupportedSignatureAlgorithmForPublicKeyContext { .. } => {
            "is signed in a way that is not accepted (SHA-1, MD5 or a short RSA key)".to_owned()
        }
        C::Other(other) => {
            let text = other.to_string();
            if text.contains("CaUsedAsEndEntity") {
                return "is an authority's: this certificate is its own CA. Make one for the peer with an authority \
                        (`springline certs`), or without CA:TRUE"
                    .to_owned();
            }
            format!("cannot be used: {text}")
        }
        other => format!("is not accepted: {other}"),
    }
}

// webpki writes `DnsName("a.example")` and `IpAddress(127.0.0.1)`.
fn presented_name(name: &str) -> String {
    let kinds = ["DnsName(", "IpAddress(", "UniformResourceIdentifier("];
    let inner = kinds.iter().find_map(|kind| name.strip_prefix(kind)?.strip_suffix(')')).unwrap_or(name);
    // The server says what it likes here, terminals obey what they like.
    inner.trim_matches('"').escape_debug().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(name: &str, expected: &str) {
        assert_eq!(presented_name(name), expected);
    }

    #[test]
    fn names_that_a_certificate_has() {
        check("DnsName(\"a.example\")", "a.example");
        check("IpAddress(192.0.2.1)", "192.0.2.1");
        check("localhost", "localhost");
        check("a server (of tests)", "a server (of tests)");
        check("a\nb\u{1b}[31m\0", r"a\nb\u{1b}[31m\0");
    }
}
