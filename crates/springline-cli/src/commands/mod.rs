//! One module a command.

mod call;
mod certs;
mod check;
mod get;
mod methods;
mod ping;
mod serve;
mod set;

use springline::{Call, Reply};

use crate::cli::Command;
use crate::failure::Failure;
use crate::target::{Target, block_on};
use crate::{json, output};

/// Runs a command to its end.
pub(crate) fn run(command: &Command) -> Result<(), Failure> {
    match command {
        Command::Call(command) => call::run(command),
        Command::Get(command) => get::run(command),
        Command::Set(command) => set::run(command),
        Command::Methods(command) => methods::run(command),
        Command::Ping(command) => ping::run(command),
        Command::Certs(command) => certs::run(command),
        Command::Serve(command) => serve::run(command),
        Command::Check(command) => check::run(command),
    }
}

// Makes one call and waits for what it comes to.
fn send(target: &Target, call: Call<'_>) -> Result<Reply, Failure> {
    let reply = block_on(target.service().call(&call))?.map_err(|e| target.failure(e))?;
    for (key, data) in &reply.metadata.annotations {
        tracing::debug!(target: "springline", key = %key, data = %data.escape_ascii(), "the reply has an annotation");
    }
    Ok(reply)
}

// Prints a call's result as JSON.
fn print(reply: Reply, compact: bool) -> Result<(), Failure> {
    let value = reply.result.into_value().map_err(|e| e.with_reached(springline::Reached::Answered))?;
    output::line(&json::write(&value, compact))
}
