//! `springline check FILE...`

use std::path::PathBuf;

use springline::context::{ApplicationContext, Diagnostics, classes, json_schema};

use crate::cli::Check;
use crate::failure::Failure;
use crate::output;

pub(super) fn run(command: &Check) -> Result<(), Failure> {
    if command.schema {
        return output::line(json_schema(&classes()).trim_end());
    }
    let context = build(&command.files)?;
    output::line(&format!("ok: {} objects", context.ids().len()))
}

/// A context of the files, of which nothing is started.
pub(super) fn build(files: &[PathBuf]) -> Result<ApplicationContext, Failure> {
    let mut builder = ApplicationContext::builder().classes(classes());
    for file in files {
        builder = builder.file(file);
    }
    builder.build().map_err(told)
}

fn told(all: Diagnostics) -> Failure {
    Failure::Diagnostics(all.iter().map(ToString::to_string).collect())
}
