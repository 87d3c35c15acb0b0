//! Where the peers are that `cargo xtask peers` makes, and how they are run.
#![allow(dead_code, reason = "each test program uses its part")]

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Caucho's Hessian, as Debian has it.
const HESSIAN: &str = "/usr/share/java/hessian.jar";

/// What Hessian reaches into from Java 17 on: exceptions, big integers, UUIDs.
const OPENS: [&str; 3] = ["java.lang", "java.math", "java.util"];

/// A Java program of ours: `peer.Server` and the like.
pub(crate) fn java(program: &str) -> Command {
    let mut command = Command::new("java");
    // Small heaps and a simple collector: several of them run side by side.
    command.args(["-Xmx1g", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Dsun.net.httpserver.nodelay=true"]);
    for package in OPENS {
        command.arg("--add-opens").arg(format!("java.base/{package}=ALL-UNNAMED"));
    }
    command.arg("-cp").arg(class_path()).arg(program);
    command.stdin(Stdio::piped()).stdout(Stdio::piped());
    command
}

/// Our programs and Hessian.
pub(crate) fn class_path() -> String {
    let jar = target().join("peers/hessian/peers.jar");
    for file in [&*jar, Path::new(HESSIAN)] {
        assert!(file.exists(), "{} is missing: run `cargo xtask peers`", file.display());
    }
    format!("{}:{HESSIAN}", jar.display())
}

/// The target directory.
pub(crate) fn target() -> PathBuf {
    match std::env::var_os("CARGO_TARGET_DIR") {
        Some(dir) if Path::new(&dir).is_absolute() => dir.into(),
        // A relative one means the directory that cargo was started in, which only cargo knows: this one lies in it.
        _ => Path::new(env!("CARGO_TARGET_TMPDIR")).parent().map_or_else(|| "target".into(), Path::to_path_buf),
    }
}

/// The sample certificates.
pub(crate) fn certs() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../certs")
}
