//! Files in PEM, with errors that name the file and what is wrong with it.

use std::borrow::Cow;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use rustls::RootCertStore;
use rustls::crypto::CryptoProvider;
use rustls::sign::CertifiedKey;
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use springline_core::{Error, Result};

use super::settings::config_error;

/// Where something in PEM comes from.
#[derive(Clone)]
pub(super) enum Source {
    File(PathBuf),
    Bytes(Vec<u8>),
}

impl fmt::Debug for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => write!(f, "{path:?}"),
            // May be a key.
            Self::Bytes(_) => f.write_str("(bytes)"),
        }
    }
}

impl Source {
    // `what` is the option's name.
    fn fail(&self, what: &str, why: impl fmt::Display) -> Error {
        match self {
            Self::File(path) => config_error(format!("{what} {}: {why}", path.display())),
            Self::Bytes(_) => config_error(format!("{what}: {why}")),
        }
    }

    fn read(&self, what: &str) -> Result<Cow<'_, [u8]>> {
        match self {
            Self::Bytes(bytes) => Ok(bytes.into()),
            Self::File(path) => {
                let read = std::fs::read(path).map_err(|e| self.fail(what, format_args!("cannot be read: {e}")))?;
                Ok(read.into())
            }
        }
    }

    /// All certificates, at least one.
    pub(super) fn certificates(&self, what: &str) -> Result<Vec<CertificateDer<'static>>> {
        let pem = self.read(what)?;
        let certificates = CertificateDer::pem_slice_iter(&pem)
            .collect::<Result<Vec<_>, _>>()
            .map_err(|e| self.fail(what, format_args!("is no sound PEM: {e}")))?;
        if certificates.is_empty() {
            let found = match labels(&pem) {
                found if found.is_empty() => "it is not PEM".to_owned(),
                found => format!("only {found}"),
            };
            return Err(self.fail(what, format_args!("there is no certificate (BEGIN CERTIFICATE) in it, {found}")));
        }
        Ok(certificates)
    }

    fn key(&self, what: &str) -> Result<PrivateKeyDer<'static>> {
        let pem = self.read(what)?;
        let encrypted = pem.windows(9).any(|w| w == b"ENCRYPTED");
        match PrivateKeyDer::pem_slice_iter(&pem).next() {
            Some(Ok(key)) => Ok(key),
            _ if encrypted => Err(self.fail(
                what,
                "the private key is encrypted, which is not supported: `openssl pkey -in FILE -out NEWFILE` decrypts it",
            )),
            Some(Err(e)) => Err(self.fail(what, format_args!("is no sound PEM: {e}"))),
            _ => {
                let found = match labels(&pem) {
                    found if found.is_empty() => "it is not PEM".to_owned(),
                    found => format!("only {found}"),
                };
                Err(self.fail(what, format_args!("there is no private key (BEGIN PRIVATE KEY) in it, {found}")))
            }
        }
    }

    /// Adds all certificates to `roots`.
    pub(super) fn add_roots(&self, roots: &mut RootCertStore) -> Result<()> {
        for (i, certificate) in self.certificates("ca_certs")?.into_iter().enumerate() {
            roots
                .add(certificate)
                .map_err(|e| self.fail("ca_certs", format_args!("certificate {} cannot be read: {e}", i + 1)))?;
        }
        Ok(())
    }
}

// The kinds of PEM sections, to tell what a file has instead.
fn labels(pem: &[u8]) -> String {
    let text = String::from_utf8_lossy(pem);
    let mut all: Vec<&str> = Vec::new();
    for label in text.lines().filter_map(|l| l.trim().strip_prefix("-----BEGIN ")?.strip_suffix("-----")) {
        if !all.contains(&label) && all.len() < 5 && label.len() < 40 {
            all.push(label);
        }
    }
    all.join(", ")
}

/// A certificate with its chain, and the key that belongs to it. Without a file of its own the key is looked for in the
/// certificate's.
pub(super) fn identity(
    certificate: &Source,
    key: Option<&Source>,
    provider: &CryptoProvider,
) -> Result<Arc<CertifiedKey>> {
    let chain = certificate.certificates("certfile")?;
    let (key_source, what) = key.map_or((certificate, "certfile"), |key| (key, "keyfile"));
    let key = key_source.key(what)?;
    let key = provider
        .key_provider
        .load_private_key(key)
        .map_err(|e| key_source.fail(what, format_args!("the private key cannot be used: {e}")))?;
    let fits = |chain: Vec<CertificateDer<'static>>| {
        let pair = CertifiedKey::new(chain, key.clone());
        match pair.keys_match() {
            Ok(()) | Err(rustls::Error::InconsistentKeys(rustls::InconsistentKeys::Unknown)) => Ok(pair),
            Err(e) => Err(e),
        }
    };
    match fits(chain.clone()) {
        Ok(pair) => Ok(Arc::new(pair)),
        Err(rustls::Error::InconsistentKeys(_)) => {
            let later = chain.into_iter().skip(1).any(|c| fits(vec![c]).is_ok());
            Err(match (later, key_source) {
                (true, _) => certificate.fail(
                    "certfile",
                    "the certificate that belongs to the key has to be the first, before those of its authorities",
                ),
                (false, Source::File(path)) => certificate
                    .fail("certfile", format_args!("the private key in {} does not belong to it", path.display())),
                (false, Source::Bytes(_)) => certificate.fail("certfile", "the private key does not belong to it"),
            })
        }
        Err(e) => Err(certificate.fail("certfile", format_args!("the certificate cannot be used: {e}"))),
    }
}
