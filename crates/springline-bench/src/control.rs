//! What a server or a client process says to the program that started it: lines on its standard
//! streams. A process reports its own CPU time, because nobody else can: `/proc/PID/task/*` forgets
//! ended threads, and the clock of another process needs a call no safe crate offers.

use crate::Result;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use rustix::time::{ClockId, Timespec, clock_gettime};
use std::fmt::Display;
use std::io::{BufRead, Write};
use std::net::SocketAddr;
use std::sync::OnceLock;

static ALLOCATIONS: OnceLock<fn() -> u64> = OnceLock::new();

pub(crate) fn set_allocation_counter(counter: Option<fn() -> u64>) {
    if let Some(counter) = counter {
        let _ = ALLOCATIONS.set(counter);
    }
}

/// Heap allocations of this process so far; 0 in the program that does not count.
pub(crate) fn allocations() -> u64 {
    ALLOCATIONS.get().map_or(0, |count| count())
}

fn nanos(time: Timespec) -> u64 {
    (time.tv_sec as u64) * 1_000_000_000 + time.tv_nsec as u64
}

/// CPU time of this process, all its threads, ended ones too.
pub(crate) fn process_cpu_ns() -> u64 {
    nanos(clock_gettime(ClockId::ProcessCPUTime))
}

/// CPU time of the calling thread.
pub(crate) fn thread_cpu_ns() -> u64 {
    nanos(clock_gettime(ClockId::ThreadCPUTime))
}

/// Raises the soft limit of open files to the hard one.
pub(crate) fn raise_open_files(needed: u64) -> Result<()> {
    let limit = getrlimit(Resource::Nofile);
    if limit.maximum.is_some_and(|hard| hard < needed) {
        return Err(format!(
            "{needed} open files are needed and the hard limit is {}; raise it with `ulimit -Hn`",
            limit.maximum.unwrap_or_default()
        )
        .into());
    }
    setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, maximum: limit.maximum })?;
    Ok(())
}

/// Writes one line to the parent.
pub(crate) fn say(line: impl Display) -> Result<()> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{line}")?;
    out.flush()?;
    Ok(())
}

/// Waits for the parent's next line; `None` when the parent is gone or has finished with us.
pub(crate) fn hear() -> Result<Option<String>> {
    let mut line = String::new();
    let read = std::io::stdin().lock().read_line(&mut line)?;
    Ok((read > 0).then(|| line.trim().to_owned()))
}

/// Tells the parent where this server listens, and answers its questions from then on, on a thread
/// that sleeps in `read` the rest of the time. The process ends when the parent closes the pipe.
pub(crate) fn announce(addr: SocketAddr) -> Result<()> {
    say(format_args!("listening {addr}"))?;
    std::thread::Builder::new().name("control".into()).spawn(|| {
        while let Ok(Some(line)) = hear() {
            if line == "stats" {
                let stats = format!("stats {} {}", process_cpu_ns(), allocations());
                if say(stats).is_err() {
                    break;
                }
            }
        }
        std::process::exit(0);
    })?;
    Ok(())
}
