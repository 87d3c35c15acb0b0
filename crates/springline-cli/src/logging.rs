//! What the program says of its doings, on stderr.

use std::io::IsTerminal;

use tracing_subscriber::EnvFilter;

/// Starts logging: nothing by default, Springline's own doings with `-v`, everybody's with `-vv`. `RUST_LOG` overrides
/// both.
pub(crate) fn start(verbose: u8) {
    let filter = match std::env::var("RUST_LOG") {
        Ok(directives) if !directives.is_empty() => EnvFilter::new(directives),
        _ => match verbose {
            0 => return,
            1 => EnvFilter::new("warn,springline=debug,springline_net=debug,springline_pyro=debug"),
            _ => EnvFilter::new("trace"),
        },
    };
    let colours = std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|v| v.is_empty());
    let _ =
        tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).with_ansi(colours).try_init();
}
