//! The built program: what it prints, that Java compiles and runs what it prints for Java, and that it calls Java's server.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};

const PROGRAM: &str = env!("CARGO_BIN_EXE_hessian");
const HESSIAN: &str = "/usr/share/java/hessian.jar";
// Hessian looks into exceptions, which Java 17 and newer have to be told.
const OPENS: [&str; 2] = ["--add-opens", "java.base/java.lang=ALL-UNNAMED"];
const CALLS: [&str; 4] = [
    "as a dictionary: Greg Turnquist",
    "Hessian1: Greg Turnquist a,b,c,x,y,z",
    "Mixed: Greg Turnquist a,b,c,x,y,z",
    "Hessian2: Greg Turnquist a,b,c,x,y,z",
];

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

fn target() -> PathBuf {
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap();
    match std::env::var_os("CARGO_TARGET_DIR") {
        Some(dir) if !dir.is_empty() => workspace.join(dir),
        _ => workspace.join("target"),
    }
}

/// A process, and its output line by line; it ends with this.
struct Running(Child, BufReader<ChildStdout>);

impl Running {
    fn start(command: &mut Command) -> Self {
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let out = BufReader::new(child.stdout.take().unwrap());
        Self(child, out)
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        assert_ne!(self.1.read_line(&mut line).unwrap(), 0, "it ended");
        line.trim_end().to_owned()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Compiles and runs a program in Java.
fn run_java(source: &str) -> String {
    assert!(Path::new(HESSIAN).exists(), "{HESSIAN} is missing: run `cargo xtask peers`");
    let dir = std::env::temp_dir().join(format!("springline-hessian-example-{}", std::process::id()));
    std::fs::create_dir_all(&dir).unwrap();
    std::fs::write(dir.join("Client.java"), source).unwrap();
    let done = Command::new("javac").args(["-cp", HESSIAN, "Client.java"]).current_dir(&dir).output().unwrap();
    assert!(done.status.success(), "{}", text(&done.stderr));
    let path = format!(".:{HESSIAN}");
    let done =
        Command::new("java").args([OPENS[0], OPENS[1], "-cp", &path, "Client"]).current_dir(&dir).output().unwrap();
    let _ = std::fs::remove_dir_all(&dir);
    text(&done.stdout) + &text(&done.stderr)
}

#[test]
fn calls_and_what_is_printed() {
    let done = Command::new(PROGRAM).stdin(Stdio::null()).output().unwrap();
    let out = text(&done.stdout);
    assert!(done.status.success() && done.stderr.is_empty(), "{}", text(&done.stderr));
    assert_eq!(out.lines().take(4).collect::<Vec<_>>(), CALLS);
    assert!(out.contains("cargo run -p hessian -- --serve"), "{out}");
    assert!(out.contains(include_str!("../java/Client.java")), "{out}");
    let wrong = Command::new(PROGRAM).arg("serve").output().unwrap();
    assert!(!wrong.status.success() && text(&wrong.stderr).starts_with("error: "), "{}", text(&wrong.stderr));
}

#[test]
fn java_runs_the_printed_lines() {
    let mut served = Running::start(Command::new(PROGRAM).arg("--serve=0"));
    let mut lines = vec![served.line()];
    while !lines.last().is_some_and(|line| line.starts_with("// javac")) {
        lines.push(served.line());
    }
    assert_eq!(lines[..4], CALLS);
    let start = lines.len() - 1;
    for _ in 1..include_str!("../java/Client.java").lines().count() {
        lines.push(served.line());
    }
    let source = lines[start..].join("\n") + "\n";
    assert!(source.contains("http://127.0.0.1:"), "{source}");
    assert_eq!(run_java(&source), "Greg Turnquist a,b,c,x,y,z\n");
}

#[test]
fn a_service_of_java_is_called() {
    let jar = target().join("peers/hessian/peers.jar");
    assert!(jar.exists(), "{} is missing: run `cargo xtask peers`", jar.display());
    let mut command = Command::new("java");
    command.args(OPENS).args(["-Dsun.net.httpserver.nodelay=true", "-cp"]);
    command.arg(format!("{}:{HESSIAN}", jar.display())).arg("peer.Server");
    let mut java = Running::start(&mut command);
    let ready = java.line();
    let base = ready.split('"').nth(3).unwrap();
    let done = Command::new(PROGRAM).arg(format!("{base}/thing")).output().unwrap();
    assert_eq!(text(&done.stdout).lines().collect::<Vec<_>>(), CALLS, "{}", text(&done.stderr));
}
