//! Certificates.

use springline::Result;
use springline_net::tls::{ClientTls, ClientTlsBuilder};

use crate::cli::Connection;

/// The options that were given and that are TLS's.
pub(super) fn given(connection: &Connection) -> Vec<&'static str> {
    let options = &connection.tls;
    super::named([
        ("--ca", options.ca.is_some()),
        ("--cert", options.cert.is_some()),
        ("--key", options.key.is_some()),
        ("--server-name", options.server_name.is_some()),
        ("--insecure", options.insecure),
    ])
}

/// What they come to, with what the protocol asks for.
pub(super) fn client(
    connection: &Connection,
    protocol: impl FnOnce(ClientTlsBuilder) -> ClientTlsBuilder,
) -> Result<ClientTls> {
    let options = &connection.tls;
    let mut tls = protocol(ClientTls::builder());
    tls = match (&options.ca, options.insecure) {
        (_, true) => tls.dangerously_accept_any_server(),
        (Some(file), false) => tls.ca_certs(file),
        (None, false) => tls.system_roots(true),
    };
    if let (Some(cert), Some(key)) = (&options.cert, &options.key) {
        tls = tls.certfile(cert).keyfile(key);
    }
    if let Some(name) = &options.server_name {
        tls = tls.server_name(name);
    }
    tls.build()
}
