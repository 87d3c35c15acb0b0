//! Where the log goes.

use std::io::IsTerminal;

use tracing_subscriber::EnvFilter;

/// Writes the log to stderr: all that Springline says at level DEBUG, or what `RUST_LOG` asks for.
pub fn start_logging() {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("springline=debug"));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(std::io::stderr().is_terminal())
        .with_writer(std::io::stderr)
        .init();
}
