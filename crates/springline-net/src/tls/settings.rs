//! What servers and clients set alike: versions, cipher suites, the cryptography behind.

use std::sync::Arc;

use rustls::SupportedProtocolVersion;
use rustls::crypto::CryptoProvider;
use springline_core::{Error, ErrorKind, Result};

use super::names::nearest;

/// Whether the peer has to show a certificate. The numbers are those of Python's `ssl`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum CertReqs {
    /// `CERT_NONE`. A server does not ask for one; a client accepts any.
    #[default]
    None,
    /// `CERT_OPTIONAL`. A server asks: none is fine, a bad one ends the handshake. For a client the same as required.
    Optional,
    /// `CERT_REQUIRED`.
    Required,
}

pub(super) fn config_error(message: impl Into<String>) -> Error {
    Error::new(ErrorKind::Config, message.into())
}

#[cfg(feature = "tls-aws-lc")]
pub(super) use rustls::crypto::aws_lc_rs as cryptography;
#[cfg(not(feature = "tls-aws-lc"))]
pub(super) use rustls::crypto::ring as cryptography;

/// What is negotiated.
#[derive(Clone, Debug)]
pub(super) struct Settings {
    pub(super) versions: Vec<String>,
    pub(super) ciphers: Vec<String>,
    pub(super) alpn: Vec<String>,
    pub(super) resumption: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self { versions: Vec::new(), ciphers: Vec::new(), alpn: vec!["http/1.1".to_owned()], resumption: true }
    }
}

impl Settings {
    pub(super) fn provider(&self) -> Result<Arc<CryptoProvider>> {
        let mut provider = cryptography::default_provider();
        if !self.ciphers.is_empty() {
            let mut suites = Vec::new();
            for name in &self.ciphers {
                let found = provider.cipher_suites.iter().find(|s| iana(s.suite().as_str()) == *name);
                suites.push(*found.ok_or_else(|| unknown_cipher(name, &provider))?);
            }
            provider.cipher_suites = suites;
        }
        Ok(Arc::new(provider))
    }

    pub(super) fn versions(&self) -> Result<Vec<&'static SupportedProtocolVersion>> {
        if self.versions.is_empty() {
            return Ok(rustls::ALL_VERSIONS.to_vec());
        }
        let mut all: Vec<&'static SupportedProtocolVersion> = Vec::new();
        for name in &self.versions {
            for version in version(name)? {
                if !all.iter().any(|v| v.version == version.version) {
                    all.push(version);
                }
            }
        }
        Ok(all)
    }

    pub(super) fn alpn(&self) -> Result<Vec<Vec<u8>>> {
        match self.alpn.iter().find(|p| p.is_empty() || p.len() > 255) {
            Some(bad) => Err(config_error(format!("the ALPN protocol {bad:?} has not from 1 to 255 bytes"))),
            None => Ok(self.alpn.iter().map(|p| p.as_bytes().to_vec()).collect()),
        }
    }
}

fn version(name: &str) -> Result<&'static [&'static SupportedProtocolVersion]> {
    static BOTH: &[&SupportedProtocolVersion] = &[&rustls::version::TLS13, &rustls::version::TLS12];
    static ONE_3: &[&SupportedProtocolVersion] = &[&rustls::version::TLS13];
    static ONE_2: &[&SupportedProtocolVersion] = &[&rustls::version::TLS12];
    let plain: String = name.chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_ascii_lowercase();
    match plain.trim_start_matches("protocol") {
        "sslv23" | "tls" | "tlsclient" | "tlsserver" => Ok(BOTH),
        "tlsv12" | "tls12" => Ok(ONE_2),
        "tlsv13" | "tls13" => Ok(ONE_3),
        "sslv2" | "sslv3" | "tlsv1" | "tlsv10" | "tls1" | "tls10" | "tlsv11" | "tls11" => Err(config_error(format!(
            "{name} is broken (RFC 8996) and not offered: take TLSv1_2, TLSv1_3, or TLS for both"
        ))),
        _ => Err(config_error(format!("unknown TLS version {name:?}: expected TLSv1_2, TLSv1_3, or TLS for both"))),
    }
}

// rustls tells the suites of TLS 1.3 apart by a prefix that the registry does not have.
pub(super) fn iana(name: Option<&'static str>) -> String {
    let name = name.unwrap_or("unknown");
    name.strip_prefix("TLS13_").map_or_else(|| name.to_owned(), |rest| format!("TLS_{rest}"))
}

fn unknown_cipher(name: &str, provider: &CryptoProvider) -> Error {
    let all: Vec<String> = provider.cipher_suites.iter().map(|s| iana(s.suite().as_str())).collect();
    // OpenSSL writes ECDHE-RSA-AES128-GCM-SHA256 for TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256.
    let letters = |s: &str| s.replace("WITH", "").replace("TLS_", "").replace(['_', '-'], "").to_ascii_lowercase();
    let same = all.iter().find(|c| letters(c).starts_with(&letters(name)) && letters(name).len() > 8);
    let hint = match same.map(String::as_str).or_else(|| nearest(name, all.iter().map(String::as_str))) {
        Some(near) => format!("did you mean {near}?"),
        None => format!("expected names of the IANA registry out of {}", all.join(", ")),
    };
    config_error(format!("unknown cipher suite {name:?}: {hint}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(versions: &[&str], ciphers: &[&str], expected: &str) {
        let own = |list: &[&str]| list.iter().map(|s| (*s).to_owned()).collect();
        let settings = Settings { versions: own(versions), ciphers: own(ciphers), ..Settings::default() };
        let got = match (settings.versions(), settings.provider()) {
            (Err(e), _) | (_, Err(e)) => e.message().to_owned(),
            (Ok(v), Ok(p)) => {
                format!("{:?} {}", v.iter().map(|v| v.version).collect::<Vec<_>>(), p.cipher_suites.len())
            }
        };
        assert!(got.contains(expected), "{got}");
    }

    #[test]
    fn versions_and_ciphers() {
        check(&[], &[], "[TLSv1_3, TLSv1_2] 9");
        check(&["SSLv23"], &[], "[TLSv1_3, TLSv1_2]");
        check(&["TLSv1_2"], &[], "[TLSv1_2]");
        check(&["PROTOCOL_TLSv1_2", "TLSv1.3"], &[], "[TLSv1_2, TLSv1_3]");
        check(&["TLSv1"], &[], "TLSv1 is broken (RFC 8996)");
        check(&["SSLv3"], &[], "SSLv3 is broken (RFC 8996)");
        check(&["TLSv1_4"], &[], "unknown TLS version");
        check(&[], &["TLS_AES_128_GCM_SHA256", "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256"], "TLSv1_2] 2");
        check(&[], &["ECDHE-RSA-AES128-GCM-SHA256"], "did you mean TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256?");
        check(&[], &["ECDHE-ECDSA-CHACHA20-POLY1305"], "did you mean TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256?");
        check(&[], &["TLS_AES_128_GCM_SHA257"], "did you mean TLS_AES_128_GCM_SHA256?");
        check(&[], &["HIGH:!aNULL"], "expected names of the IANA registry");
    }
}
