//! Where the peers are.

use crate::Result;
use std::path::{Path, PathBuf};
use std::process::Command;

fn peer(path: &str) -> Result<PathBuf> {
    let target = match std::env::var_os("CARGO_TARGET_DIR") {
        Some(target) => PathBuf::from(target),
        None => Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target"),
    };
    let peer = target.join("peers").join(path);
    if peer.exists() {
        return Ok(peer);
    }
    Err(format!("{} is missing: run `cargo xtask peers`", peer.display()).into())
}

/// The Python with Pyro5 in it, which `cargo xtask peers` installs in the target directory.
pub(crate) fn python() -> Result<PathBuf> {
    peer("python/bin/python")
}

/// Python 2.7, and what it takes to find Pyro 3.16, for which `cargo xtask peers` links and unpacks them.
pub(crate) fn python2() -> Result<(PathBuf, PathBuf)> {
    Ok((peer("python2")?, peer("pyro3-3.16")?))
}

/// Java with one of our programs on Caucho's Hessian, which `cargo xtask peers` compiles.
pub(crate) fn java(class: &str) -> Result<Command> {
    let mut command = Command::new("java");
    java_arguments(&mut command, class)?;
    Ok(command)
}

/// What stands behind `java` for that.
pub(crate) fn java_arguments<'c>(command: &'c mut Command, class: &str) -> Result<&'c mut Command> {
    // Hessian looks into exceptions as soon as it is loaded.
    command.args(["--add-opens", "java.base/java.lang=ALL-UNNAMED", "-Dsun.net.httpserver.nodelay=true"]);
    let path = format!("{}:/usr/share/java/hessian.jar", peer("hessian/peers.jar")?.display());
    Ok(command.arg("-cp").arg(path).arg(class))
}

/// A program of this crate's `python/`.
pub(crate) fn script(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("python").join(name)
}
