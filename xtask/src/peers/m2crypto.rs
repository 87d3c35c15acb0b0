//! M2Crypto for Python 2.7: what Pyro 3 does TLS with. It is compiled here, against the system's OpenSSL.

use std::fs;
use std::path::Path;
use std::process::Command;

use super::{apt_get, python2, run, search_path};

/// The last release that Pyro 3.16 was recorded with.
const PIN: &str = "M2Crypto==0.38.0";

const DIRECTORY: &str = "m2crypto";

/// Whether it is there.
pub(super) fn is_right(parent: &Path) -> bool {
    parent.join(DIRECTORY).join("M2Crypto/SSL/__init__.py").is_file()
}

/// Compiles it into a directory of its own, for PYTHONPATH.
pub(super) fn make(parent: &Path) -> Result<(), String> {
    let mut missing = Vec::new();
    for (program, packages) in [("gcc", &["gcc", "libc6-dev"][..]), ("swig", &["swig"])] {
        if !search_path(program).iter().any(|file| file.is_file()) {
            missing.extend(packages);
        }
    }
    if !Path::new("/usr/include/openssl/ssl.h").is_file() {
        missing.push("libssl-dev");
    }
    if !missing.is_empty() {
        apt_get(&missing)?;
    }
    println!("peers: compiling {PIN} for Python 2.7");
    // Some of OpenSSL's headers are in a directory that swig does not look into by itself.
    let multiarch = Command::new("gcc").arg("-print-multiarch").output().map_err(|e| format!("gcc: {e}"))?;
    let multiarch = String::from_utf8_lossy(&multiarch.stdout).trim().to_owned();
    let half = parent.join(format!("{DIRECTORY}.part"));
    let _ = fs::remove_dir_all(&half);
    let mut pip = Command::new(parent.join(python2::NAME));
    pip.args(["-m", "pip", "install", "--quiet", "--no-input", "--disable-pip-version-check", "--target"]);
    pip.arg(&half).arg(PIN).env("SWIG_FEATURES", format!("-I/usr/include/{multiarch}"));
    run(&mut pip).map_err(|reason| {
        format!("{PIN} could not be compiled for Python 2.7 (it needs pip, gcc, swig and OpenSSL's headers): {reason}")
    })?;
    let dir = parent.join(DIRECTORY);
    let _ = fs::remove_dir_all(&dir);
    fs::rename(&half, &dir).map_err(|e| format!("cannot make {}: {e}", dir.display()))
}
