//! Objects behind Pyro 3.

use springline::pyro::pyro3::{Proxy, Scheme, Uri};
use springline::{Error, ErrorKind, Result, ServiceInfo};

use super::pyro::secret;
use super::tls;
use crate::cli::Connection;
use crate::failure::Failure;

/// The variable that may hold the passphrase.
const IDENT_VARIABLE: &str = "SPRINGLINE_PYRO_IDENT";

/// The object at `uri`.
pub(super) fn proxy(uri: &str, connection: &Connection) -> Result<Proxy, Failure> {
    let options = &connection.pyro3;
    let parsed: Uri = uri.parse()?;
    let mut builder = Proxy::builder(uri)?.compression(connection.compress).checksum(options.checksum);
    if let Some(timeout) = connection.timeout {
        builder = builder.timeout(timeout).connect_timeout(timeout);
    }
    if let Some(passphrase) = secret(options.ident_file.as_deref(), IDENT_VARIABLE, "passphrase")? {
        let passphrase = String::from_utf8(passphrase)
            .map_err(|_| Failure::Usage("the passphrase is no text in UTF-8".to_owned()))?;
        builder = builder.identification(&passphrase);
    }
    match (&options.broadcast, parsed.scheme, &parsed.location) {
        (None, ..) => {}
        (Some(address), Scheme::Name, None) => builder = builder.broadcast(address),
        _ => return Err(Failure::Usage("--broadcast is for PYRONAME URIs without a host".to_owned())),
    }
    match tls::given(connection).as_slice() {
        // What a name server tells may turn out to be over TLS.
        given if parsed.tls || parsed.scheme == Scheme::Name && !given.is_empty() => {
            builder = builder.tls(tls::client(connection, |tls| tls.alpn::<String>([]).resumption(false))?);
        }
        [] => {}
        names => {
            let text = format!("{} is for PYROLOCSSL and PYROSSL URIs", names.join(", "));
            return Err(Failure::Usage(text));
        }
    }
    Ok(builder.build()?)
}

/// The options that were given and that only Pyro 3 has.
pub(super) fn given(connection: &Connection) -> Vec<&'static str> {
    let options = &connection.pyro3;
    super::named([
        ("--ident-file", options.ident_file.is_some()),
        ("--broadcast", options.broadcast.is_some()),
        ("--checksum", options.checksum),
    ])
}

/// What the object offers, where its daemon tells.
pub(super) async fn describe(proxy: &Proxy) -> Result<ServiceInfo> {
    proxy.ping().await?;
    if let Some(info) = proxy.describe_remote().await? {
        return Ok(info);
    }
    let objects = proxy.registered().await?.join(", ");
    let text = format!("Pyro 3 has no way to ask an object for its methods; this daemon's objects are {objects}");
    Err(Error::new(ErrorKind::Config, text).with_endpoint(proxy.uri()))
}
