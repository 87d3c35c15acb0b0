//! Where the Python peers are.

use crate::Result;
use std::path::{Path, PathBuf};

/// The Python with Pyro5 in it, which `cargo xtask peers` installs in the target directory.
pub(crate) fn python() -> Result<PathBuf> {
    let target = match std::env::var_os("CARGO_TARGET_DIR") {
        Some(target) => PathBuf::from(target),
        None => Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target"),
    };
    let python = target.join("peers/python/bin/python");
    if python.exists() {
        return Ok(python);
    }
    Err(format!("{} is missing: run `cargo xtask peers`", python.display()).into())
}

/// A program of this crate's `python/`.
pub(crate) fn script(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("python").join(name)
}
