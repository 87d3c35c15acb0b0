//! Objects behind Pyro 4 and 5.

use std::path::Path;

use springline::pyro::Proxy;
use springline::{Result, Value};

use crate::cli::{Connection, Pyro};
use crate::failure::Failure;
use crate::json;

/// The object at `uri`.
pub(super) fn proxy(uri: &str, connection: &Connection) -> Result<Proxy, Failure> {
    let options = &connection.pyro;
    let mut builder = Proxy::builder(uri)?.compression(connection.compress);
    if let Some(serializer) = options.serializer {
        builder = builder.serializer(serializer.into());
    }
    if let Some(version) = options.generation.version() {
        builder = builder.version(version);
    }
    if let Some(timeout) = connection.timeout {
        builder = builder.timeout(timeout).connect_timeout(timeout);
    }
    if let Some(key) = secret(options.hmac_key_file.as_deref(), HMAC_VARIABLE, "key")? {
        builder = builder.hmac_key(key);
    }
    if let Some(data) = &options.handshake {
        builder = builder.handshake(handshake(data)?);
    }
    for (key, text) in &options.annotations {
        builder = builder.annotation(key.clone(), text.clone().into_bytes());
    }
    Ok(builder.build()?)
}

/// The options that were given and that only Pyro 4 and 5 have.
pub(super) fn given(connection: &Connection) -> Vec<&'static str> {
    let options = &connection.pyro;
    super::named([
        ("--serializer", options.serializer.is_some()),
        ("--pyro", options.generation != Pyro::Auto),
        ("--hmac-key-file", options.hmac_key_file.is_some()),
        ("--handshake", options.handshake.is_some()),
        ("--annotation", !options.annotations.is_empty()),
    ])
}

fn handshake(text: &str) -> Result<Value, Failure> {
    json::argument(text, "--handshake")
}

/// The variable that may hold the key.
const HMAC_VARIABLE: &str = "SPRINGLINE_HMAC_KEY";

// From the file that was named, else from the environment. Never from the command line, which everybody can list.
pub(super) fn secret(file: Option<&Path>, variable: &str, what: &str) -> Result<Option<Vec<u8>>, Failure> {
    let Some(file) = file else {
        let secret = std::env::var_os(variable).filter(|secret| !secret.is_empty());
        return Ok(secret.map(std::ffi::OsString::into_encoded_bytes));
    };
    let shown = file.display();
    let mut secret =
        std::fs::read(file).map_err(|e| Failure::Usage(format!("the {what} file {shown} cannot be read: {e}")))?;
    // An editor's or echo's line end is no part of it.
    if secret.last() == Some(&b'\n') {
        secret.pop();
        if secret.last() == Some(&b'\r') {
            secret.pop();
        }
    }
    if secret.is_empty() {
        return Err(Failure::Usage(format!("the {what} file {shown} is empty")));
    }
    Ok(Some(secret))
}
