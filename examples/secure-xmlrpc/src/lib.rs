//! What the three programs have in common: the functions they serve, and where the sample certificates are.

use std::io::IsTerminal;
use std::path::PathBuf;

use springline::xmlrpc::server::{XmlRpcServer, XmlRpcServerBuilder};
use springline::{Error, Exception};
use tracing_subscriber::filter::LevelFilter;

/// A file among the sample keys and certificates.
#[must_use]
pub fn certs(name: &str) -> PathBuf {
    [env!("CARGO_MANIFEST_DIR"), "..", "..", "certs", name].iter().collect()
}

/// Registers what the original's examples serve: Python's `pow`, and `listdir`.
pub fn register_functions(server: XmlRpcServerBuilder) -> XmlRpcServerBuilder {
    server
        .register_sync("pow", ["x", "y"], |(x, y): (i64, u32)| {
            x.checked_pow(y).ok_or_else(|| Error::remote(Exception::new("OverflowError", "the power is too large")))
        })
        .doc("x to the power of y.")
        .register_sync("listdir", ["path"], |(path,): (String,)| {
            let raise = |e: std::io::Error| Error::remote(Exception::new("OSError", e.to_string()));
            let mut names: Vec<String> = Vec::new();
            for entry in std::fs::read_dir(&path).map_err(raise)? {
                names.push(entry.map_err(raise)?.file_name().to_string_lossy().into_owned());
            }
            names.sort();
            Ok(names)
        })
        .doc("The names of what is in a directory.")
}

/// The port to serve at: that of the original's examples with `--serve`, another with `--serve=PORT`, else a free one.
#[must_use]
pub fn port() -> u16 {
    let arg = std::env::args().find(|arg| arg.starts_with("--serve"));
    match arg.as_deref().map(|arg| arg.split_once('=')) {
        None => 0,
        Some(None) => 8000,
        Some(Some((_, port))) => port.parse().expect("--serve=PORT, a number from 0 to 65535"),
    }
}

/// Whether the server is for others; otherwise the program calls it itself and ends.
#[must_use]
pub fn is_to_serve() -> bool {
    std::env::args().any(|arg| arg.starts_with("--serve"))
}

/// The server's URL. Prints it, and stays, where it is for others.
pub async fn url(server: &XmlRpcServer) -> String {
    let url = server.url();
    if is_to_serve() {
        println!("serving {url} until Ctrl-C");
        std::future::pending::<()>().await;
    }
    url
}

/// Shows on stderr what the server has to say at the level ERROR: why clients were refused.
pub fn log_errors() {
    tracing_subscriber::fmt()
        .with_max_level(LevelFilter::ERROR)
        .with_ansi(std::io::stderr().is_terminal())
        .with_writer(std::io::stderr)
        .init();
}
