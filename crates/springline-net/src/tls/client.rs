//! The client's side.

use std::path::PathBuf;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{
    ClientSessionMemoryCache, Resumption, verify_server_cert_signed_by_trust_anchor, verify_server_name,
};
use rustls::crypto::{WebPkiSupportedAlgorithms, verify_tls12_signature, verify_tls13_signature};
use rustls::server::ParsedCertificate;
use rustls::{CertificateError, ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};
use springline_core::{Error, ErrorKind, Reached, Result};
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use x509_parser::oid_registry::{OID_X509_COMMON_NAME, OID_X509_EXT_SUBJECT_ALT_NAME};

use super::certificate::{parse, text_of};
use super::pem::{Source, identity};
use super::settings::{Settings, config_error};
use super::{CertReqs, TlsStream, errors};
use crate::Stream;

/// Sessions that are remembered, over all servers.
const SESSIONS: usize = 256;

/// The TLS side of a client. Cheap to clone; clones share sessions.
#[derive(Clone, Debug)]
pub struct ClientTls {
    config: Arc<ClientConfig>,
    server_name: Option<ServerName<'static>>,
    handshake_timeout: Duration,
    suppress_ragged_eofs: bool,
}

/// Makes a [`ClientTls`]. The names are those of Spring Python's `SSLClient` where it has them.
#[derive(Clone, Debug)]
#[must_use]
pub struct ClientTlsBuilder {
    authorities: Vec<Source>,
    #[cfg(feature = "system-roots")]
    system_roots: bool,
    certificate: Option<Source>,
    key: Option<Source>,
    cert_reqs: CertReqs,
    accept_any: bool,
    verify_hostname: bool,
    common_name_fallback: bool,
    server_name: Option<String>,
    settings: Settings,
    handshake_timeout: Duration,
    suppress_ragged_eofs: bool,
}

/// Which names in the server's certificate are looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Names {
    Alternative,
    Common,
    Unchecked,
}

impl ClientTlsBuilder {
    /// A file with the authorities that the server's certificate may come from, in PEM. May be given several times.
    pub fn ca_certs(mut self, path: impl Into<PathBuf>) -> Self {
        self.authorities.push(Source::File(path.into()));
        self
    }

    /// As [`ca_certs`](Self::ca_certs), from memory.
    pub fn ca_pem(mut self, pem: impl Into<Vec<u8>>) -> Self {
        self.authorities.push(Source::Bytes(pem.into()));
        self
    }

    /// Whether the authorities that the system trusts are accepted too. Default false.
    #[cfg(feature = "system-roots")]
    pub fn system_roots(mut self, system_roots: bool) -> Self {
        self.system_roots = system_roots;
        self
    }

    /// The file with the client's certificate, followed by those of intermediate authorities; in PEM.
    pub fn certfile(mut self, path: impl Into<PathBuf>) -> Self {
        self.certificate = Some(Source::File(path.into()));
        self
    }

    /// As [`certfile`](Self::certfile), from memory.
    pub fn cert_pem(mut self, pem: impl Into<Vec<u8>>) -> Self {
        self.certificate = Some(Source::Bytes(pem.into()));
        self
    }

    /// The file with the private key, in PEM and not encrypted. Without it the key is looked for in the certificate's
    /// file.
    pub fn keyfile(mut self, path: impl Into<PathBuf>) -> Self {
        self.key = Some(Source::File(path.into()));
        self
    }

    /// As [`keyfile`](Self::keyfile), from memory.
    pub fn key_pem(mut self, pem: impl Into<Vec<u8>>) -> Self {
        self.key = Some(Source::Bytes(pem.into()));
        self
    }

    /// Whether the server's certificate is checked. Default [`CertReqs::Required`], and `Optional` is the same: servers
    /// always show one. [`CertReqs::None`] needs [`dangerously_accept_any_server`](Self::dangerously_accept_any_server)
    /// besides.
    pub fn cert_reqs(mut self, cert_reqs: CertReqs) -> Self {
        self.cert_reqs = cert_reqs;
        self
    }

    /// Takes any certificate of any server, as Python's `CERT_NONE`: everybody between here and the server can read and
    /// change everything, passwords included. For tests alone.
    pub fn dangerously_accept_any_server(mut self) -> Self {
        self.accept_any = true;
        self.cert_reqs = CertReqs::None;
        self
    }

    /// Expects the server's certificate to be for this name instead of the host that is connected to, and asks for it
    /// (SNI).
    pub fn server_name(mut self, name: impl Into<String>) -> Self {
        self.server_name = Some(name.into());
        self
    }

    /// Whether the server's certificate has to be for the host that is connected to. Default true; Spring Python never
    /// looked. With false every server with a certificate of the authorities can pass for any other.
    pub fn verify_hostname(mut self, verify: bool) -> Self {
        self.verify_hostname = verify;
        self
    }

    /// Whether a certificate without a `subjectAltName` may name the host in its `commonName`, as certificates did
    /// before RFC 6125. Default false.
    pub fn common_name_fallback(mut self, fallback: bool) -> Self {
        self.common_name_fallback = fallback;
        self
    }

    /// The versions that are offered: `TLSv1_2`, `TLSv1_3`, or `TLS` (also `SSLv23`, Python's old name) for both, which
    /// is the default.
    pub fn versions<T: Into<String>>(mut self, names: impl IntoIterator<Item = T>) -> Self {
        self.settings.versions = names.into_iter().map(Into::into).collect();
        self
    }

    /// The cipher suites that are offered, by their IANA names, most wanted first. By default all that rustls has.
    pub fn ciphers<T: Into<String>>(mut self, names: impl IntoIterator<Item = T>) -> Self {
        self.settings.ciphers = names.into_iter().map(Into::into).collect();
        self
    }

    /// The ALPN protocols. Default `http/1.1`. Servers that do not use ALPN are fine.
    pub fn alpn<T: Into<String>>(mut self, protocols: impl IntoIterator<Item = T>) -> Self {
        self.settings.alpn = protocols.into_iter().map(Into::into).collect();
        self
    }

    /// Whether earlier sessions are taken up again. Default true.
    pub fn resumption(mut self, resumption: bool) -> Self {
        self.settings.resumption = resumption;
        self
    }

    /// How long a handshake may take. Default 10 s.
    pub fn handshake_timeout(mut self, timeout: Duration) -> Self {
        self.handshake_timeout = timeout;
        self
    }

    /// Whether a connection that ends without TLS's own end reads as ended, as Python's and Java's servers do; else it
    /// is an error. Default true, as in Python. Messages with a length or in chunks cannot be cut short unnoticed either
    /// way.
    pub fn suppress_ragged_eofs(mut self, suppress: bool) -> Self {
        self.suppress_ragged_eofs = suppress;
        self
    }

    /// Reads and checks everything.
    ///
    /// # Errors
    /// [`ErrorKind::Config`], naming the file or option and what is wrong: a file that is missing or has not what it
    /// should, a key that does not belong to the certificate, no authorities, an unknown version or cipher suite.
    pub fn build(self) -> Result<ClientTls> {
        let provider = self.settings.provider()?;
        let algorithms = provider.signature_verification_algorithms;
        let roots = self.roots()?;
        let roots = match self.cert_reqs {
            CertReqs::None if !self.accept_any => {
                return Err(config_error(
                    "cert_reqs none would take any server for the right one: say dangerously_accept_any_server() if \
                     that is meant",
                ));
            }
            CertReqs::None => None,
            _ if roots.is_empty() => {
                return Err(config_error(
                    "a TLS client needs ca_certs: the authorities that the server's certificate may come from",
                ));
            }
            _ => Some(roots),
        };
        let names = match (self.verify_hostname, self.common_name_fallback) {
            (false, _) => Names::Unchecked,
            (true, true) => Names::Common,
            (true, false) => Names::Alternative,
        };
        let verifier = Verifier { roots, names, algorithms };
        let config = ClientConfig::builder_with_provider(provider.clone())
            .with_protocol_versions(&self.settings.versions()?)
            .map_err(|e| config_error(format!("versions and ciphers do not go together: {e}")))?
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(verifier));
        let mut config = match (&self.certificate, &self.key) {
            (Some(certificate), key) => {
                let identity = identity(certificate, key.as_ref(), &provider)?;
                config.with_client_cert_resolver(Arc::new(rustls::sign::SingleCertAndKey::from(identity)))
            }
            (None, Some(_)) => return Err(config_error("a keyfile needs a certfile")),
            (None, None) => config.with_no_client_auth(),
        };
        config.alpn_protocols = self.settings.alpn()?;
        config.resumption = if self.settings.resumption {
            Resumption::store(Arc::new(ClientSessionMemoryCache::new(SESSIONS)))
        } else {
            Resumption::disabled()
        };
        let server_name = self.server_name.as_deref().map(name_of).transpose().map_err(|e| e.context("server_name"))?;
        Ok(ClientTls {
            config: Arc::new(config),
            server_name,
            handshake_timeout: self.handshake_timeout,
            suppress_ragged_eofs: self.suppress_ragged_eofs,
        })
    }

    fn roots(&self) -> Result<RootCertStore> {
        let mut roots = RootCertStore::empty();
        self.authorities.iter().try_for_each(|a| a.add_roots(&mut roots))?;
        #[cfg(feature = "system-roots")]
        if self.system_roots {
            let found = rustls_native_certs::load_native_certs();
            let (added, _) = roots.add_parsable_certificates(found.certs);
            if added == 0 {
                let why = found.errors.first().map_or_else(|| "none found".to_owned(), ToString::to_string);
                return Err(config_error(format!("system_roots: {why}")));
            }
        }
        Ok(roots)
    }
}

impl ClientTls {
    /// Begins with nothing but defaults: names are checked, TLS 1.2 and 1.3, no certificate of our own.
    pub fn builder() -> ClientTlsBuilder {
        ClientTlsBuilder {
            authorities: Vec::new(),
            #[cfg(feature = "system-roots")]
            system_roots: false,
            certificate: None,
            key: None,
            cert_reqs: CertReqs::Required,
            accept_any: false,
            verify_hostname: true,
            common_name_fallback: false,
            server_name: None,
            settings: Settings::default(),
            handshake_timeout: Duration::from_secs(10),
            suppress_ragged_eofs: true,
        }
    }

    /// Does the handshake on a connection that was just made to `host`, a name or an address (IPv6 with or without
    /// brackets).
    ///
    /// In TLS 1.3 the server looks at our certificate after this is done: its refusal comes as an error, or the end, of
    /// the first read. [`refusal`](super::refusal) finds it in an error.
    ///
    /// # Errors
    /// [`ErrorKind::Denied`] when one side does not accept the other's certificate, [`ErrorKind::Timeout`],
    /// [`ErrorKind::Protocol`] and [`ErrorKind::Closed`] when the handshake fails otherwise; all
    /// [`Reached::NotSent`].
    pub async fn connect(&self, stream: Stream, host: &str) -> Result<Stream> {
        // A handshake's state is large and needed once.
        Box::pin(self.handshake(stream, host)).await.map_err(|e| e.with_reached(Reached::NotSent))
    }

    async fn handshake(&self, stream: Stream, host: &str) -> Result<Stream> {
        let name = match &self.server_name {
            Some(name) => name.clone(),
            None => name_of(host)?,
        };
        let connect = TlsConnector::from(self.config.clone()).connect(name, stream);
        match timeout(self.handshake_timeout, connect).await {
            Ok(Ok(tls)) => {
                let tls = TlsStream::new(tls.into(), OnceLock::new(), self.suppress_ragged_eofs);
                Ok(Stream::Tls(Box::new(tls)))
            }
            Ok(Err(e)) => Err(errors::handshake(&e, "server")),
            Err(_) => {
                let text = format!("no TLS handshake within {:?}", self.handshake_timeout);
                Err(Error::new(ErrorKind::Timeout, text))
            }
        }
    }
}

fn name_of(host: &str) -> Result<ServerName<'static>> {
    let plain = host.strip_prefix('[').and_then(|h| h.strip_suffix(']')).unwrap_or(host);
    ServerName::try_from(plain.to_owned())
        .map_err(|_| config_error(format!("{host:?} is neither a DNS name nor an address")))
}

/// Checks the chain, then the name as far as is asked for.
#[derive(Debug)]
struct Verifier {
    roots: Option<RootCertStore>,
    names: Names,
    algorithms: WebPkiSupportedAlgorithms,
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let Some(roots) = &self.roots else { return Ok(ServerCertVerified::assertion()) };
        let leaf = ParsedCertificate::try_from(end_entity)?;
        verify_server_cert_signed_by_trust_anchor(&leaf, roots, intermediates, now, self.algorithms.all)?;
        match self.names {
            Names::Alternative => verify_server_name(&leaf, server_name)?,
            Names::Common if has_no_alternative_names(end_entity) => {
                if !common_name_matches(end_entity, server_name) {
                    return Err(CertificateError::NotValidForNameContext {
                        expected: server_name.to_owned(),
                        presented: common_names(end_entity),
                    }
                    .into());
                }
            }
            Names::Common => verify_server_name(&leaf, server_name)?,
            Names::Unchecked => {}
        }
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, cert, dss, &self.algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, cert, dss, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}

fn has_no_alternative_names(certificate: &[u8]) -> bool {
    parse(certificate, false).is_ok_and(|c| c.extensions().iter().all(|e| e.oid != OID_X509_EXT_SUBJECT_ALT_NAME))
}

fn common_names(certificate: &[u8]) -> Vec<String> {
    let Ok(certificate) = parse(certificate, false) else { return Vec::new() };
    let names = certificate.subject().iter_attributes().filter(|a| *a.attr_type() == OID_X509_COMMON_NAME);
    names.filter_map(|a| text_of(a.attr_value())).collect()
}

// A DNS name in full, or with `*` for its first label; never an address.
fn common_name_matches(certificate: &[u8], expected: &ServerName<'_>) -> bool {
    let ServerName::DnsName(host) = expected else { return false };
    let host = host.as_ref().trim_end_matches('.');
    common_names(certificate).iter().any(|name| match name.strip_prefix("*.") {
        Some(rest) => {
            rest.contains('.') && host.split_once('.').is_some_and(|(_, parent)| parent.eq_ignore_ascii_case(rest))
        }
        None => name.eq_ignore_ascii_case(host),
    })
}
