//! What the tests of this package have in common.

use std::path::{Path, PathBuf};

pub(crate) fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// The Python that the peers run in.
pub(crate) fn python() -> PathBuf {
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap();
    let target = match std::env::var_os("CARGO_TARGET_DIR") {
        Some(dir) if !dir.is_empty() => workspace.join(dir),
        _ => workspace.join("target"),
    };
    let python = match std::env::var_os("SPRINGLINE_PYTHON") {
        Some(path) => PathBuf::from(path),
        None => target.join("peers/python/bin/python"),
    };
    assert!(python.exists(), "{} is missing: run `cargo xtask peers`", python.display());
    python
}
