//! `PYROSSL` and `PYROLOCSSL`: the same frames within TLS, which begins with the first byte.

use std::io;

#[cfg(not(feature = "tls"))]
use springline_core::ErrorKind;
use springline_core::{Error, Result};
use springline_net::Stream;
#[cfg(feature = "tls")]
use springline_net::tls::{CertReqs, ClientTls, ClientTlsBuilder, ServerTls, ServerTlsBuilder};

use super::Uri;

/// A client's settings.
#[derive(Clone, Default)]
pub(super) struct ClientSide {
    #[cfg(feature = "tls")]
    options: Option<ClientTlsBuilder>,
    #[cfg(feature = "tls")]
    tls: Option<ClientTls>,
}

/// A daemon's settings.
#[derive(Clone, Default)]
pub(super) struct ServerSide {
    #[cfg(feature = "tls")]
    options: Option<ServerTlsBuilder>,
    #[cfg(feature = "tls")]
    tls: Option<ServerTls>,
}

#[cfg(feature = "tls")]
impl ClientSide {
    /// Changes the files and options that TLS is made of.
    pub(super) fn with(&mut self, set: impl FnOnce(ClientTlsBuilder) -> ClientTlsBuilder) {
        // There is no HTTP within. A Python daemon fails where a session is taken up again: OpenSSL refuses that to servers that
        // check certificates and set no context for sessions (3.16 with M2Crypto 0.38).
        let fresh = || ClientTls::builder().alpn::<String>([]).resumption(false);
        self.options = Some(set(self.options.take().unwrap_or_else(fresh)));
        self.tls = None;
    }

    /// Takes what was made ready elsewhere.
    pub(super) fn set(&mut self, tls: ClientTls) {
        (self.options, self.tls) = (None, Some(tls));
    }

    /// Reads the files. A URI over TLS needs them, one of a name server may come to need them.
    pub(super) fn build(&mut self, uri: &Uri) -> Result<()> {
        if uri.tls && self.tls.is_none() {
            self.with(|options| options);
        }
        if let Some(options) = self.options.take() {
            self.tls = Some(options.build().map_err(|e| e.with_endpoint(uri))?);
        }
        Ok(())
    }

    /// The stream within which frames go to the daemon of a URI.
    pub(super) async fn wrap(&self, stream: Stream, host: &str, wanted: bool) -> Result<Stream> {
        match &self.tls {
            _ if !wanted => Ok(stream),
            Some(tls) => tls.connect(stream, host).await,
            None => Err(Error::new(
                springline_core::ErrorKind::Config,
                "the name server told a URI over TLS, and the proxy was given no ca_certs",
            )),
        }
    }
}

#[cfg(not(feature = "tls"))]
impl ClientSide {
    pub(super) fn build(&mut self, uri: &Uri) -> Result<()> {
        if uri.tls { Err(without().with_endpoint(uri)) } else { Ok(()) }
    }

    pub(super) async fn wrap(&self, stream: Stream, _: &str, wanted: bool) -> Result<Stream> {
        if wanted { Err(without()) } else { Ok(stream) }
    }
}

#[cfg(not(feature = "tls"))]
fn without() -> Error {
    Error::new(ErrorKind::Config, "TLS was left out of this program: springline-pyro's feature `tls`")
}

impl ServerSide {
    /// Changes the files and options that TLS is made of.
    #[cfg(feature = "tls")]
    pub(super) fn with(&mut self, set: impl FnOnce(ServerTlsBuilder) -> ServerTlsBuilder) {
        // Pyro 3 lets in nobody without a certificate (3.16).
        let fresh = || ServerTls::builder().alpn::<String>([]).cert_reqs(CertReqs::Required);
        self.options = Some(set(self.options.take().unwrap_or_else(fresh)));
        self.tls = None;
    }

    /// Takes what was made ready elsewhere.
    #[cfg(feature = "tls")]
    pub(super) fn set(&mut self, tls: ServerTls) {
        (self.options, self.tls) = (None, Some(tls));
    }

    /// Reads the files, if there are any.
    #[cfg_attr(not(feature = "tls"), allow(clippy::unused_self, clippy::unnecessary_wraps))]
    pub(super) fn build(&mut self) -> Result<()> {
        #[cfg(feature = "tls")]
        if let Some(options) = self.options.take() {
            self.tls = Some(options.build()?);
        }
        Ok(())
    }

    /// Whether clients have to speak TLS.
    #[cfg_attr(not(feature = "tls"), allow(clippy::unused_self))]
    pub(super) fn is_on(&self) -> bool {
        #[cfg(feature = "tls")]
        return self.tls.is_some();
        #[cfg(not(feature = "tls"))]
        false
    }

    /// The stream within which frames come. What went wrong is in the log already.
    #[cfg_attr(not(feature = "tls"), allow(clippy::unused_self))]
    pub(super) async fn accept(&self, stream: Stream) -> Result<Stream> {
        #[cfg(feature = "tls")]
        if let Some(tls) = &self.tls {
            return tls.accept(stream).await;
        }
        Ok(stream)
    }
}

/// What a broken connection means. In TLS 1.3 a daemon's refusal of a client's certificate comes with the first read.
pub(super) fn broken(e: &io::Error) -> Option<Error> {
    #[cfg(feature = "tls")]
    return springline_net::tls::refusal(e);
    #[cfg(not(feature = "tls"))]
    {
        let _ = e;
        None
    }
}
