//! The built programs: what they print, and that Python gets its answers of them.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

const ENCRYPTED: &str = env!("CARGO_BIN_EXE_encrypted");
const CLIENT_CERTIFICATE: &str = env!("CARGO_BIN_EXE_client-certificate");
const FIELDS_CHECKED: &str = env!("CARGO_BIN_EXE_fields-checked");
const README: &str = include_str!("../README.md");

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap().to_path_buf()
}

/// The Python that the peers run in.
fn python() -> PathBuf {
    let target = match std::env::var_os("CARGO_TARGET_DIR") {
        Some(dir) if !dir.is_empty() => workspace().join(dir),
        _ => workspace().join("target"),
    };
    let python = match std::env::var_os("SPRINGLINE_PYTHON") {
        Some(path) => PathBuf::from(path),
        None => target.join("peers/python/bin/python"),
    };
    assert!(python.exists(), "{} is missing: run `cargo xtask peers`", python.display());
    python
}

fn run(program: &str) -> Output {
    Command::new(program).stdin(Stdio::null()).output().unwrap()
}

#[test]
fn encrypted_only() {
    let done = run(ENCRYPTED);
    assert!(done.status.success(), "{}", text(&done.stderr));
    assert_eq!(text(&done.stdout), "pow(41, 3) = 68921\n");
    assert_eq!(text(&done.stderr), "");
}

#[test]
fn client_certificate_required() {
    let done = run(CLIENT_CERTIFICATE);
    assert!(done.status.success(), "{}", text(&done.stderr));
    let out = text(&done.stdout);
    let lines: Vec<&str> = out.lines().collect();
    assert_eq!((lines.len(), lines[0]), (2, "pow(41, 3) = 68921"), "{out}");
    assert!(lines[1].starts_with("without a certificate: "), "{out}");
}

#[test]
fn fields_checked() {
    let done = run(FIELDS_CHECKED);
    assert!(done.status.success(), "{}", text(&done.stderr));
    let out = text(&done.stdout);
    let lines: Vec<&str> = out.lines().collect();
    assert_eq!((lines.len(), &lines[..2]), (4, &["I am My Client", "pow(41, 3) = 68921"][..]), "{out}");
    assert!(lines[2].starts_with("listdir: ") && lines[2].contains(" client-cert.pem "), "{out}");
    // The client is not told why; the log is.
    assert!(lines[3].starts_with("not let in: ") && !lines[3].contains("My "), "{out}");
    let log = text(&done.stderr);
    assert!(log.contains("ERROR") && log.contains("commonName"), "{log}");
}

/// A program with `--serve` at a free port, and its URL.
struct Served(Child, String);

impl Served {
    fn start(program: &str) -> Self {
        let mut command = Command::new(program);
        command.arg("--serve=0").stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = command.spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let served = Self(child, line.split_whitespace().nth(1).unwrap_or_default().to_owned());
        assert!(served.1.starts_with("https://"), "{line:?}");
        served
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The README's lines for Python, with or without those that show a certificate.
fn snippet(url: &str, with_certificate: bool) -> String {
    let block = README.split("```python\n").nth(1).unwrap().split("```").next().unwrap();
    let port = url.rsplit(':').next().unwrap().split('/').next().unwrap();
    assert!(block.contains("https://localhost:8000/RPC2") && block.contains("load_cert_chain"));
    let lines = block.lines().filter(|line| with_certificate || !line.contains("load_cert_chain"));
    lines.map(|line| line.replace(":8000/", &format!(":{port}/")) + "\n").collect()
}

fn python_says(snippet: &str) -> Output {
    Command::new(python()).args(["-c", snippet]).current_dir(workspace()).output().unwrap()
}

#[test]
fn python_calls_all_three() {
    for (program, needs_certificate) in [(ENCRYPTED, false), (CLIENT_CERTIFICATE, true), (FIELDS_CHECKED, true)] {
        let served = Served::start(program);
        let done = python_says(&snippet(&served.1, true));
        assert_eq!(text(&done.stdout), "68921\n", "{program}: {}", text(&done.stderr));
        let done = python_says(&snippet(&served.1, false));
        if needs_certificate {
            assert!(!done.status.success() && done.stdout.is_empty(), "{program}: {}", text(&done.stdout));
        } else {
            assert_eq!(text(&done.stdout), "68921\n", "{program}: {}", text(&done.stderr));
        }
    }
}
