//! `springline ping URI`

use std::time::Instant;

use crate::cli::Ping;
use crate::failure::Failure;
use crate::output::{self, one_line};
use crate::target::{Target, block_on, masked};

pub(super) fn run(command: &Ping) -> Result<(), Failure> {
    let target = Target::open(&command.object.uri, &command.connection)?;
    let start = Instant::now();
    let alive = block_on(target.ping())?.map_err(|e| target.failure(e))?;
    let took = start.elapsed().as_secs_f64() * 1000.0;
    output::line(&format!(
        "{} is alive ({}, connected and answered in {took:.1} ms)",
        one_line(&masked(&command.object.uri)),
        alive.protocol
    ))
}
