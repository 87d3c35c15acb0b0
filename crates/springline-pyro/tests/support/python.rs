//! Where the Python peers are that `cargo xtask peers` makes.
#![allow(dead_code, reason = "each test program uses its part")]

use std::path::{Path, PathBuf};

/// A Python with Pyro4 4.82, Pyro5 5.17, serpent and msgpack.
pub(crate) fn python() -> PathBuf {
    environment("python", "SPRINGLINE_PYTHON")
}

/// A Python with Pyro5 5.1, the last release of wire version 501.
pub(crate) fn python_pyro5_1() -> PathBuf {
    environment("pyro5-5.1", "SPRINGLINE_PYTHON_PYRO5_1")
}

fn environment(name: &str, variable: &str) -> PathBuf {
    if let Some(path) = std::env::var_os(variable) {
        return path.into();
    }
    let python = target().join("peers").join(name).join("bin/python");
    assert!(python.exists(), "{} is missing: run `cargo xtask peers`", python.display());
    python
}

/// The target directory.
pub(crate) fn target() -> PathBuf {
    match std::env::var_os("CARGO_TARGET_DIR") {
        Some(dir) if Path::new(&dir).is_absolute() => dir.into(),
        // A relative one means the directory that cargo was started in, which only cargo knows: this one lies in it.
        _ => Path::new(env!("CARGO_TARGET_TMPDIR")).parent().map_or_else(|| "target".into(), Path::to_path_buf),
    }
}

/// The directory of the peer programs.
pub(crate) fn programs() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/peers")
}
