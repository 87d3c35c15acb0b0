//! The server's side.

use std::fmt;
use std::future::poll_fn;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, OnceLock, PoisonError, RwLock};
use std::time::{Duration, SystemTime};

use rustls::server::danger::ClientCertVerifier;
use rustls::server::{NoClientAuth, NoServerSessionStorage, ServerSessionMemoryCache, WebPkiClientVerifier};
use rustls::sign::SingleCertAndKey;
use rustls::{HandshakeKind, RootCertStore, ServerConfig};
use springline_core::{Error, ErrorKind, Result};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::Semaphore;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tracing::{debug, enabled, error};

use super::certificate::{may_sign, parse};
use super::fields::Rules;
use super::pem::{Source, identity};
use super::settings::{Settings, config_error, cryptography};
use super::{CertReqs, LOG, PeerCertificate, TlsStream, VerifyMode, errors};
use crate::Stream;

type Check = dyn Fn(&PeerCertificate, &str) -> Result<(), String> + Send + Sync;

/// How long a refused client is given to close its side, so that it sees the end of the stream and not a reset.
const LINGER: Duration = Duration::from_secs(1);
/// How much of what it still sends is thrown away meanwhile, in bytes.
const LINGER_BYTES: usize = 256 * 1024;
/// Sessions of TLS 1.2 clients without tickets that are remembered.
const SESSIONS: usize = 1024;

/// The TLS side of a listening server. Cheap to clone; clones share certificates and rules.
#[derive(Clone)]
pub struct ServerTls {
    shared: Arc<Shared>,
}

struct Shared {
    builder: ServerTlsBuilder,
    // For handshakes at a time.
    places: Semaphore,
    // One after the other: what was read last holds.
    reloading: Mutex<()>,
    state: RwLock<Arc<State>>,
}

// What a handshake goes by. Exchanged as a whole.
struct State {
    config: Arc<ServerConfig>,
    rules: Rules,
}

impl fmt::Debug for ServerTls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ServerTls").field(&self.shared.builder).finish()
    }
}

/// Makes a [`ServerTls`]. The names are those of Spring Python's `SSLServer` where it has them.
#[derive(Clone)]
#[must_use]
pub struct ServerTlsBuilder {
    certificate: Option<Source>,
    key: Option<Source>,
    authorities: Vec<Source>,
    cert_reqs: CertReqs,
    settings: Settings,
    fields: Vec<(String, String)>,
    mode: VerifyMode,
    check: Option<Arc<Check>>,
    handshake_timeout: Duration,
    handshakes: usize,
    suppress_ragged_eofs: bool,
}

impl fmt::Debug for ServerTlsBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServerTlsBuilder")
            .field("certfile", &self.certificate)
            .field("keyfile", &self.key)
            .field("ca_certs", &self.authorities)
            .field("cert_reqs", &self.cert_reqs)
            .field("verify_fields", &self.fields)
            .finish_non_exhaustive()
    }
}

impl ServerTlsBuilder {
    /// The file with the server's certificate, followed by those of intermediate authorities; in PEM.
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

    /// A file with the authorities that clients' certificates may come from, in PEM. May be given several times.
    pub fn ca_certs(mut self, path: impl Into<PathBuf>) -> Self {
        self.authorities.push(Source::File(path.into()));
        self
    }

    /// As [`ca_certs`](Self::ca_certs), from memory.
    pub fn ca_pem(mut self, pem: impl Into<Vec<u8>>) -> Self {
        self.authorities.push(Source::Bytes(pem.into()));
        self
    }

    /// Whether clients have to show a certificate. Default [`CertReqs::None`].
    pub fn cert_reqs(mut self, cert_reqs: CertReqs) -> Self {
        self.cert_reqs = cert_reqs;
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

    /// The ALPN protocols. Default `http/1.1`. Clients that do not use ALPN are served all the same; those that offer
    /// only others are refused, as RFC 7301 asks.
    pub fn alpn<T: Into<String>>(mut self, protocols: impl IntoIterator<Item = T>) -> Self {
        self.settings.alpn = protocols.into_iter().map(Into::into).collect();
        self
    }

    /// Whether clients may take up earlier sessions. Default true. Fields are checked again each time, and so is the
    /// time of the certificate's validity.
    pub fn resumption(mut self, resumption: bool) -> Self {
        self.settings.resumption = resumption;
        self
    }

    /// Fields that the subject of a client's certificate must have, and their values: long names as `commonName`,
    /// dotted OIDs, or short names as `CN`. Values are compared exactly: no case folding, no trimming, no normalising.
    /// All fields have to match. A client without a certificate is refused.
    pub fn verify_fields<N: Into<String>, V: Into<String>>(mut self, fields: impl IntoIterator<Item = (N, V)>) -> Self {
        self.fields = fields.into_iter().map(|(name, value)| (name.into(), value.into())).collect();
        self
    }

    /// What is made of fields that a subject has several times, or behind others.
    pub fn verify_mode(mut self, mode: VerifyMode) -> Self {
        self.mode = mode;
        self
    }

    /// A check of one's own, after that of the fields: the certificate and the peer's address (`127.0.0.1:5000`) in,
    /// the reason for a refusal out, for the log. It runs on the connection's task and should not block. A client
    /// without a certificate is refused without asking it.
    pub fn check(
        mut self,
        check: impl Fn(&PeerCertificate, &str) -> Result<(), String> + Send + Sync + 'static,
    ) -> Self {
        self.check = Some(Arc::new(check));
        self
    }

    /// How long a handshake may take. Default 10 s.
    pub fn handshake_timeout(mut self, timeout: Duration) -> Self {
        self.handshake_timeout = timeout;
        self
    }

    /// How many handshakes may run at a time; others wait for their turn, within their time. Clients that have sent
    /// nothing yet do not count. Default 1,024, at least 1. A handshake may take up to 100 KB.
    pub fn handshakes(mut self, limit: usize) -> Self {
        self.handshakes = limit;
        self
    }

    /// Whether a connection that ends without TLS's own end reads as ended, as Python's clients do; else it is an
    /// error. Default true, as in Python. Messages with a length or in chunks cannot be cut short unnoticed either way.
    pub fn suppress_ragged_eofs(mut self, suppress: bool) -> Self {
        self.suppress_ragged_eofs = suppress;
        self
    }

    /// Reads and checks everything.
    ///
    /// # Errors
    /// [`ErrorKind::Config`], naming the file or option and what is wrong: a file that is missing or has not what it
    /// should, a key that does not belong to the certificate, an unknown field, version or cipher suite, options that
    /// contradict each other.
    pub fn build(self) -> Result<ServerTls> {
        let state = RwLock::new(Arc::new(self.state()?));
        let places = Semaphore::new(self.handshakes.clamp(1, Semaphore::MAX_PERMITS));
        Ok(ServerTls { shared: Arc::new(Shared { builder: self, places, reloading: Mutex::default(), state }) })
    }

    fn rules(&self, fields: &[(String, String)], mode: VerifyMode) -> Result<Rules> {
        let rules = Rules::new(fields, mode)?;
        if self.cert_reqs == CertReqs::None && !rules.is_empty() {
            return Err(config_error(
                "verify_fields with cert_reqs none would refuse everybody: set cert_reqs to required",
            ));
        }
        Ok(rules)
    }

    fn state(&self) -> Result<State> {
        let rules = self.rules(&self.fields, self.mode)?;
        if self.cert_reqs == CertReqs::None && self.check.is_some() {
            return Err(config_error("a check with cert_reqs none would refuse everybody: set cert_reqs to required"));
        }
        let provider = self.settings.provider()?;
        let certificate = self.certificate.as_ref().ok_or_else(|| config_error("a TLS server needs a certfile"))?;
        let identity = identity(certificate, self.key.as_ref(), &provider)?;
        let mut roots = RootCertStore::empty();
        self.authorities.iter().try_for_each(|a| a.add_roots(&mut roots))?;
        let verifier: Arc<dyn ClientCertVerifier> = match self.cert_reqs {
            CertReqs::None => Arc::new(NoClientAuth),
            _ if roots.is_empty() => {
                return Err(config_error("cert_reqs optional or required needs ca_certs"));
            }
            reqs => {
                let builder = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider.clone());
                let builder = if reqs == CertReqs::Optional { builder.allow_unauthenticated() } else { builder };
                builder.build().map_err(|e| config_error(format!("ca_certs cannot be used: {e}")))?
            }
        };
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_protocol_versions(&self.settings.versions()?)
            .map_err(|e| config_error(format!("versions and ciphers do not go together: {e}")))?
            .with_client_cert_verifier(verifier)
            .with_cert_resolver(Arc::new(SingleCertAndKey::from(identity)));
        config.alpn_protocols = self.settings.alpn()?;
        if self.settings.resumption {
            // Sealed with keys of this state's own: no session outlives a reload.
            config.ticketer = cryptography::Ticketer::new()
                .map_err(|e| Error::new(ErrorKind::Internal, format!("no key for session tickets: {e}")))?;
            config.session_storage = ServerSessionMemoryCache::new(SESSIONS);
        } else {
            config.session_storage = Arc::new(NoServerSessionStorage {});
            config.send_tls13_tickets = 0;
        }
        Ok(State { config: Arc::new(config), rules })
    }
}

impl ServerTls {
    /// Begins with nothing but defaults: no client certificates, TLS 1.2 and 1.3, resumption.
    pub fn builder() -> ServerTlsBuilder {
        ServerTlsBuilder {
            certificate: None,
            key: None,
            authorities: Vec::new(),
            cert_reqs: CertReqs::None,
            settings: Settings::default(),
            fields: Vec::new(),
            mode: VerifyMode::default(),
            check: None,
            handshake_timeout: Duration::from_secs(10),
            handshakes: 1024,
            suppress_ragged_eofs: true,
        }
    }

    /// Reads all files anew. Connections stay; handshakes from now on go by what was read, and sessions from before are
    /// not taken up again. Where reading fails all stays as it was. It blocks for as long as the files take: where that
    /// may be long, as on a network, call it by `tokio::task::spawn_blocking`.
    ///
    /// # Errors
    /// As [`ServerTlsBuilder::build`].
    pub fn reload(&self) -> Result<()> {
        let _one = self.shared.reloading.lock().unwrap_or_else(PoisonError::into_inner);
        let mut state = self.shared.builder.state()?;
        let mut current = self.shared.state.write().unwrap_or_else(PoisonError::into_inner);
        state.rules = current.rules.clone();
        *current = Arc::new(state);
        Ok(())
    }

    /// Exchanges the rules on fields; none at all lets every certificate of the authorities in. Connections stay; every
    /// handshake that ends from now on is checked by the new rules, also where an earlier session is taken up again.
    ///
    /// # Errors
    /// As [`ServerTlsBuilder::build`]; the rules stay as they were then.
    pub fn set_verify_fields<N: Into<String>, V: Into<String>>(
        &self,
        fields: impl IntoIterator<Item = (N, V)>,
        mode: VerifyMode,
    ) -> Result<()> {
        let fields: Vec<(String, String)> = fields.into_iter().map(|(n, v)| (n.into(), v.into())).collect();
        let rules = self.shared.builder.rules(&fields, mode)?;
        let mut current = self.shared.state.write().unwrap_or_else(PoisonError::into_inner);
        *current = Arc::new(State { config: current.config.clone(), rules });
        Ok(())
    }

    fn state(&self) -> Arc<State> {
        self.shared.state.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Does the handshake on a connection that was just accepted, and checks the client's certificate. It logs what
    /// went wrong itself and closes the connection so that the client sees its end; the caller has nothing more to do.
    ///
    /// # Errors
    /// [`ErrorKind::Timeout`] after the handshake's time, [`ErrorKind::Denied`] for a certificate that is missing or
    /// does not pass, [`ErrorKind::Protocol`] and [`ErrorKind::Closed`] for handshakes that fail otherwise.
    pub async fn accept(&self, stream: Stream) -> Result<Stream> {
        // A handshake's state is large and needed once: it must not be part of the connection's task for ever.
        Box::pin(self.handshake(stream)).await
    }

    async fn handshake(&self, stream: Stream) -> Result<Stream> {
        let builder = &self.shared.builder;
        let peer = stream.peer_text();
        let accept = async {
            // Who has sent nothing takes no place, and no memory for a handshake. Readiness alone may be a false alarm. A
            // broken stream shows when it is read.
            let _ = match &stream {
                Stream::Tcp(stream) => stream.peek(&mut [0]).await.map(drop),
                stream => poll_fn(|cx| stream.poll_read_ready(cx)).await,
            };
            let _place = self.shared.places.acquire().await;
            TlsAcceptor::from(self.state().config.clone()).accept(stream).into_fallible().await
        };
        let failed = match timeout(builder.handshake_timeout, accept).await {
            Ok(Ok(tls)) => match self.admit(&tls, &peer) {
                Ok(certificate) => {
                    let tls = TlsStream::new(tls.into(), certificate, builder.suppress_ragged_eofs);
                    return Ok(Stream::Tls(Box::new(tls)));
                }
                Err(reasons) => {
                    error!(target: LOG, %peer, "client certificate refused: {reasons}");
                    let tls = TlsStream::new(tls.into(), OnceLock::new(), builder.suppress_ragged_eofs);
                    let _ = timeout(LINGER, async { drain(tls.close().await).await }).await;
                    Error::new(ErrorKind::Denied, format!("the client's certificate was refused: {reasons}"))
                }
            },
            Ok(Err((e, stream))) => {
                let failed = errors::handshake(&e, "client");
                if errors::about_certificate(&e) {
                    error!(target: LOG, %peer, "client certificate refused: {}", failed.message());
                } else {
                    debug!(target: LOG, %peer, "TLS handshake failed: {}", failed.message());
                }
                let _ = timeout(LINGER, drain(stream)).await;
                failed
            }
            Err(_) => {
                debug!(target: LOG, %peer, "no TLS handshake within {:?}", builder.handshake_timeout);
                let text = format!("no TLS handshake within {:?}", builder.handshake_timeout);
                Error::new(ErrorKind::Timeout, text)
            }
        };
        Err(failed.with_endpoint(peer))
    }

    // Runs after every handshake: on resumed sessions rustls does not ask its verifier.
    fn admit(
        &self,
        tls: &tokio_rustls::server::TlsStream<Stream>,
        peer: &str,
    ) -> Result<OnceLock<Option<Arc<PeerCertificate>>>, String> {
        // As they are now, should they have changed during the handshake.
        let state = self.state();
        let check = self.shared.builder.check.as_ref();
        let (_, connection) = tls.get_ref();
        let Some(leaf) = connection.peer_certificates().and_then(<[_]>::first) else {
            if state.rules.is_empty() && check.is_none() {
                return Ok(OnceLock::new());
            }
            return Err("Couldn't verify fields, peer didn't send the certificate".to_owned());
        };
        let certificate = parse(leaf, false).map_err(|e| e.message().to_owned())?;
        let mut reasons = state.rules.mismatches(certificate.subject());
        if !may_sign(&certificate) {
            reasons.push("the client's certificate is not meant for signing, see its key usage".to_owned());
        }
        let ended = || SystemTime::UNIX_EPOCH.elapsed().map_or(i64::MAX, |now| now.as_secs().cast_signed());
        if connection.handshake_kind() == Some(HandshakeKind::Resumed)
            && certificate.validity().not_after.timestamp() < ended()
        {
            reasons.push("the certificate of the session that was resumed is expired by now".to_owned());
        }
        let kept = OnceLock::new();
        if check.is_some() || enabled!(target: LOG, tracing::Level::DEBUG) {
            let owned = Arc::new(PeerCertificate::parsed(leaf));
            debug!(target: LOG, %peer, subject = %owned.subject(), serial = owned.serial(), "client certificate");
            if let Some(check) = check.filter(|_| reasons.is_empty()) {
                reasons.extend(check(&owned, peer).err());
            }
            let _ = kept.set(Some(owned));
        }
        if reasons.is_empty() { Ok(kept) } else { Err(reasons.join("; ")) }
    }
}

// Ends our side and reads what still comes, so that closing sends no reset that overtakes what we said.
async fn drain(mut stream: Stream) {
    let _ = stream.shutdown().await;
    let mut scratch = [0u8; 1024];
    let mut left = LINGER_BYTES;
    while let Ok(n @ 1..) = stream.read(&mut scratch).await {
        left = left.saturating_sub(n);
        if left == 0 {
            return;
        }
    }
}
