//! `springline serve FILE...`

use std::time::Duration;

use springline::context::ApplicationContext;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tracing::{info, warn};

use super::check::build;
use crate::cli::Serve;
use crate::failure::Failure;
use crate::output::{self, one_line};

pub(super) fn run(command: &Serve) -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|e| Failure::Usage(format!("threads cannot be started: {e}")))?;
    runtime.block_on(async {
        let context = build(&command.files)?;
        if command.check {
            return output::line(&format!("ok: {} objects", context.ids().len()));
        }
        serve(&context, command.drain).await
    })
}

async fn serve(context: &ApplicationContext, drain: Duration) -> Result<(), Failure> {
    // Before anything is told to be ready: whoever reads that may send one at once.
    let [mut terminate, mut interrupt, mut hangup] =
        [SignalKind::terminate(), SignalKind::interrupt(), SignalKind::hangup()].map(signal).map(heard);
    context.start().await.map_err(Failure::Start)?;
    for endpoint in context.endpoints() {
        output::line(&format!("{} {}", endpoint.id, endpoint.uris.join(" ")))?;
    }
    output::line("ready")?;
    loop {
        tokio::select! {
            () = next(&mut terminate) => break,
            () = next(&mut interrupt) => break,
            () = next(&mut hangup) => reload(context, drain).await,
        }
    }
    info!(target: "springline", ?drain, "stopping");
    tokio::select! {
        cut = context.shutdown(drain) => {
            if cut > 0 {
                warn!(target: "springline", connections = cut, "connections were cut off");
            }
        }
        () = next(&mut terminate) => {}
        () = next(&mut interrupt) => {}
    }
    Ok(())
}

async fn reload(context: &ApplicationContext, drain: Duration) {
    match context.reload(drain).await {
        Ok(done) => eprintln!(
            "reloaded: {} added, {} changed, {} removed, {} unchanged",
            done.added.len(),
            done.changed.len(),
            done.removed.len(),
            done.unchanged
        ),
        Err(e) => {
            for line in e.report().lines() {
                eprintln!("{}", one_line(line));
            }
            eprintln!("error: not reloaded, everything goes on as it was");
        }
    }
}

fn heard(signal: std::io::Result<Signal>) -> Option<Signal> {
    signal.inspect_err(|e| warn!(target: "springline", error = %e, "a signal cannot be listened for")).ok()
}

async fn next(signal: &mut Option<Signal>) {
    match signal {
        Some(signal) => {
            signal.recv().await;
        }
        None => std::future::pending().await,
    }
}
