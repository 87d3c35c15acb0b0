//! What the tests of this package have in common.

use std::path::{Path, PathBuf};
use std::process::Command;

pub(crate) fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

fn target() -> PathBuf {
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap();
    match std::env::var_os("CARGO_TARGET_DIR") {
        Some(dir) if !dir.is_empty() => workspace.join(dir),
        _ => workspace.join("target"),
    }
}

/// The Python that the peers run in.
pub(crate) fn python() -> PathBuf {
    let python = match std::env::var_os("SPRINGLINE_PYTHON") {
        Some(path) => PathBuf::from(path),
        None => target().join("peers/python/bin/python"),
    };
    assert!(python.exists(), "{} is missing: run `cargo xtask peers`", python.display());
    python
}

/// A Python 2.7 that has Pyro 3.16.
#[allow(dead_code, reason = "not every test program needs one")]
pub(crate) fn python2() -> Command {
    let pyro = target().join("peers/pyro3-3.16");
    assert!(pyro.exists(), "{} is missing: run `cargo xtask peers`", pyro.display());
    let mut command = Command::new(target().join("peers/python2"));
    command.arg("-B").env("PYTHONPATH", pyro).env("PYRO_STORAGE", std::env::temp_dir());
    command
}
