//! The `springline` program: calls, inspects and pings remote objects from a shell.

mod annotation;
mod base64;
mod cli;
mod commands;
mod duration;
mod failure;
mod json;
mod logging;
mod output;
mod target;

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    let cli = cli::Cli::parse();
    logging::start(cli.verbose);
    match commands::run(&cli.command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.tell(cli.verbose),
    }
}
