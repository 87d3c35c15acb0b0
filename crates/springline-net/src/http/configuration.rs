//! What exporters and proxies of all protocols over HTTP are configured with alike.

use springline_core::Result;
use springline_core::component::{Class, Settings, Type};

use super::{HttpClientBuilder, Listening, SecureUrl};
use crate::tls::{CertReqs, VerifyMode};

const REQS: Type = Type::Choice(&[("CERT_NONE", &["0"]), ("CERT_OPTIONAL", &["1"]), ("CERT_REQUIRED", &["2"])]);
const MODE: Type = Type::Choice(&[("unique", &[]), ("last", &[]), ("any", &[])]);

/// The properties of a listener, in the order of the arguments of the original's `SSLServer`.
#[must_use]
pub fn server_properties(class: Class) -> Class {
    class
        .optional("host", Type::Text, "The host name or address to listen on. Default localhost.")
        .optional("port", Type::PORT, "The port; 0 takes a free one. Default 8000.")
        .optional("keyfile", Type::Text, "The file with the private key, PEM, not encrypted. Switches TLS on.")
        .optional("certfile", Type::Text, "The file with the certificate, PEM. Switches TLS on.")
        .optional(
            "ca_certs",
            Type::Text,
            "The file with the authorities that clients' certificates may come from, PEM.",
        )
        .optional("cert_reqs", REQS, "Whether clients have to show a certificate. Default CERT_NONE.")
        .optional(
            "ssl_version",
            Type::Text,
            "The version of TLS: TLSv1_2, TLSv1_3, or TLS for both, which is the default.",
        )
        .optional(
            "do_handshake_on_connect",
            Type::Boolean,
            "Without effect: a handshake always runs beside the others.",
        )
        .optional(
            "suppress_ragged_eofs",
            Type::Boolean,
            "Whether clients may end a TLS connection without saying so. Default true.",
        )
        .optional(
            "ciphers",
            Type::list(Type::Text),
            "The cipher suites, by their IANA names. Default: all that are sound.",
        )
        .optional("log_requests", Type::Boolean, "Whether each request is a line in the log. Default true.")
        .optional(
            "verify_fields",
            Type::dict(Type::Text),
            "What has to stand in the subject of a client's certificate, by long names such as commonName.",
        )
}

/// Further properties of a listener, without a place among the arguments.
#[must_use]
pub fn server_extras(class: Class) -> Class {
    class
        .optional("verify_mode", MODE, "How verify_fields takes fields that a subject has several times: unique (the default) refuses, last, or any.")
        .optional("max_connections", Type::Integer(1, i64::MAX), "Connections at a time. Default 16384.")
        .optional(
            "message_size",
            Type::Integer(1, 256 << 20),
            "Bytes that a request may have. Default 8 MiB for XML-RPC, 32 MiB for Hessian.",
        )
        .optional("idle_timeout", Type::Seconds, "How long a connection may be without a request. Default 120 s.")
}

/// The listener that the properties ask for, and its terms in words: those who share an address have to have the same.
///
/// # Errors
/// [`ErrorKind::Config`](springline_core::ErrorKind::Config) for a value of a wrong type.
pub fn listening(settings: &Settings) -> Result<(Listening, String)> {
    let host: String = settings.get("host")?.unwrap_or_else(|| "localhost".to_owned());
    let mut listening = Listening::new(host, settings.get("port")?.unwrap_or(8000));
    let mut terms = String::new();
    let mut term = |name: &str, value: &dyn std::fmt::Debug| terms.push_str(&format!("{name}={value:?};"));
    for name in ["keyfile", "certfile", "ca_certs"] {
        let Some(path) = settings.get::<String>(name)? else { continue };
        term(name, &path);
        listening.ssl(|ssl| match name {
            "keyfile" => ssl.keyfile(path),
            "certfile" => ssl.certfile(path),
            _ => ssl.ca_certs(path),
        });
    }
    if let Some(reqs) = settings.get::<String>("cert_reqs")? {
        term("cert_reqs", &reqs);
        // Without any other word of TLS the default needs none.
        if reqs != "CERT_NONE" || settings.setting("certfile").is_some() {
            listening.ssl(|ssl| ssl.cert_reqs(cert_reqs(&reqs)));
        }
    }
    if let Some(version) = settings.get::<String>("ssl_version")? {
        term("ssl_version", &version);
        listening.ssl(|ssl| ssl.versions([bare_version(&version)]));
    }
    if let Some(ciphers) = settings.get::<Vec<String>>("ciphers")? {
        term("ciphers", &ciphers);
        listening.ssl(|ssl| ssl.ciphers(ciphers));
    }
    let fields = settings.texts("verify_fields")?;
    if !fields.is_empty() {
        term("verify_fields", &fields);
        listening.ssl(|ssl| ssl.verify_fields(fields));
    }
    if let Some(mode) = settings.get::<String>("verify_mode")? {
        term("verify_mode", &mode);
        listening.ssl(|ssl| {
            ssl.verify_mode(match mode.as_str() {
                "any" => VerifyMode::Any,
                "last" => VerifyMode::Last,
                _ => VerifyMode::Unique,
            })
        });
    }
    if let Some(suppress) = settings.get::<bool>("suppress_ragged_eofs")?
        && settings.setting("certfile").is_some()
    {
        term("suppress_ragged_eofs", &suppress);
        listening.ssl(|ssl| ssl.suppress_ragged_eofs(suppress));
    }
    if let Some(most) = settings.get("max_connections")? {
        term("max_connections", &most);
        listening.http.limits.connections = most;
    }
    if let Some(timeout) = settings.seconds("idle_timeout")? {
        term("idle_timeout", &timeout);
        listening.http.idle_timeout = timeout;
    }
    Ok((listening, terms))
}

/// The properties of a client's TLS, in the order of the arguments of the original's `SSLClient`.
#[must_use]
pub fn client_tls_properties(class: Class) -> Class {
    class
        .optional(
            "ca_certs",
            Type::Text,
            "The file with the authorities that the server's certificate may come from, PEM.",
        )
        .optional("keyfile", Type::Text, "The file with our private key, PEM, not encrypted.")
        .optional("certfile", Type::Text, "The file with our certificate, PEM.")
        .optional("cert_reqs", REQS, "Whether the server's certificate is checked. Default CERT_REQUIRED.")
        .optional(
            "ssl_version",
            Type::Text,
            "The version of TLS: TLSv1_2, TLSv1_3, or TLS for both, which is the default.",
        )
}

/// Further properties of a client, without a place among the arguments.
#[must_use]
pub fn client_extras(class: Class) -> Class {
    class
        .optional(
            "server_name",
            Type::Text,
            "The name that the server's certificate has to be for. Default: the URL's host.",
        )
        .optional(
            "verify_hostname",
            Type::Boolean,
            "Whether the certificate has to be for the URL's host. Default true.",
        )
        .optional(
            "ciphers",
            Type::list(Type::Text),
            "The cipher suites, by their IANA names. Default: all that are sound.",
        )
        .optional("connect_timeout", Type::Seconds, "How long connecting may take. Default 10 s.")
        .optional("user", Type::Text, "The user for basic authentication.")
        .optional("password", Type::Text, "The user's password.")
        .optional("user_agent", Type::Text, "The User-Agent header.")
        .optional("headers", Type::dict(Type::Text), "Headers that go with every call.")
        .optional(
            "retry_stale",
            Type::Boolean,
            "Whether a call may be sent twice when a kept connection breaks. Default false.",
        )
        .optional("max_connections", Type::Integer(1, i64::MAX), "Connections at a time. Default 256.")
        .optional(
            "methods",
            Type::list(Type::Text),
            "What the object offers, as in get_data or add(a, b?), for gateways. Default: the server is asked.",
        )
}

/// What the properties of a client ask for, over what it has.
///
/// # Errors
/// [`ErrorKind::Config`](springline_core::ErrorKind::Config) for a value of a wrong type.
pub fn client(
    settings: &Settings,
    mut tls: SecureUrl,
    mut http: HttpClientBuilder,
) -> Result<(SecureUrl, HttpClientBuilder)> {
    for name in ["ca_certs", "keyfile", "certfile"] {
        let Some(path) = settings.get::<String>(name)? else { continue };
        tls = tls.with(|tls| match name {
            "keyfile" => tls.keyfile(path),
            "certfile" => tls.certfile(path),
            _ => tls.ca_certs(path),
        });
    }
    if let Some(reqs) = settings.get::<String>("cert_reqs")? {
        tls = tls.with(|tls| tls.cert_reqs(cert_reqs(&reqs)));
    }
    if let Some(version) = settings.get::<String>("ssl_version")? {
        tls = tls.with(|tls| tls.versions([bare_version(&version)]));
    }
    if let Some(name) = settings.get::<String>("server_name")? {
        tls = tls.with(|tls| tls.server_name(name));
    }
    if let Some(verify) = settings.get("verify_hostname")? {
        tls = tls.with(|tls| tls.verify_hostname(verify));
    }
    if let Some(ciphers) = settings.get::<Vec<String>>("ciphers")? {
        tls = tls.with(|tls| tls.ciphers(ciphers));
    }
    if let Some(timeout) = settings.seconds("timeout")? {
        http = http.timeout(timeout);
    }
    if let Some(timeout) = settings.seconds("connect_timeout")? {
        http = http.connect_timeout(timeout);
    }
    if let Some(verbose) = settings.get("verbose")? {
        http = http.verbose(verbose);
    }
    if let Some(user) = settings.get::<String>("user")? {
        http = http.basic_auth(user, settings.get::<String>("password")?.unwrap_or_default());
    }
    if let Some(text) = settings.get::<String>("user_agent")? {
        http = http.user_agent(text);
    }
    for (name, value) in settings.texts("headers")? {
        http = http.header(name, value);
    }
    if let Some(retry) = settings.get("retry_stale")? {
        http = http.retry_stale(retry);
    }
    if let Some(most) = settings.get("max_connections")? {
        http = http.max_connections(most);
    }
    Ok((tls, http))
}

fn cert_reqs(name: &str) -> CertReqs {
    match name {
        "CERT_NONE" => CertReqs::None,
        "CERT_OPTIONAL" => CertReqs::Optional,
        _ => CertReqs::Required,
    }
}

// `ssl.PROTOCOL_TLSv1_2` is `TLSv1_2`.
fn bare_version(name: &str) -> &str {
    let name = name.trim();
    let name = name.strip_prefix("ssl.").unwrap_or(name);
    name.strip_prefix("PROTOCOL_").unwrap_or(name)
}
