//! Where the peers are that `cargo xtask peers` makes.
#![allow(dead_code, reason = "each test program uses its part")]

use std::path::{Path, PathBuf};

/// A CPython 3.
pub(crate) fn python3() -> PathBuf {
    match std::env::var_os("SPRINGLINE_PYTHON") {
        Some(path) => path.into(),
        None => peer("python/bin/python"),
    }
}

/// A Python 2.7.
pub(crate) fn python2() -> PathBuf {
    peer("python2")
}

/// One of our programs on xmlrpc-c: `client` or `server`.
pub(crate) fn c_program(name: &str) -> PathBuf {
    peer(&format!("xmlrpc-c/{name}"))
}

/// supervisor's `supervisord`.
pub(crate) fn supervisord() -> PathBuf {
    peer("supervisor/bin/supervisord")
}

fn peer(path: &str) -> PathBuf {
    let file = target().join("peers").join(path);
    assert!(file.exists(), "{} is missing: run `cargo xtask peers`", file.display());
    file
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
