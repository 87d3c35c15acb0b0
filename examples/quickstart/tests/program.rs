//! The built program: what it prints, and that what it prints for Python works.

mod support;

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, Output, Stdio};

use support::{python, python2, text};

const PROGRAM: &str = env!("CARGO_BIN_EXE_quickstart");

fn run(args: &[&str]) -> Output {
    Command::new(PROGRAM).args(args).stdin(Stdio::null()).output().unwrap()
}

const CALLS: [&str; 6] = [
    "local    You got remote data => Hello",
    "Pyro 3   You got remote data => Hello",
    "Pyro 4   You got remote data => Hello",
    "Pyro 5   You got remote data => Hello",
    "XML-RPC  You got remote data => Hello",
    "Hessian  You got remote data => Hello",
];

/// The lines for Python that stand behind the comment with this beginning, up to the next empty line.
fn snippet(lines: &[String], comment: &str) -> String {
    let lines: Vec<&str> = lines
        .iter()
        .map(String::as_str)
        .skip_while(|line| !line.starts_with(comment))
        .take_while(|line| !line.is_empty())
        .collect();
    assert!(lines.len() > 2, "nothing behind {comment}: {lines:?}");
    lines.join("\n")
}

#[test]
fn the_same_client_for_six_objects() {
    let done = run(&[]);
    let out = text(&done.stdout);
    assert!(done.status.success(), "{}", text(&done.stderr));
    assert_eq!(out.lines().take(6).collect::<Vec<_>>(), CALLS);
    // What it prints for Python goes with `--serve`, which it names.
    let lines: Vec<String> = out.lines().map(str::to_owned).collect();
    assert!(out.contains("cargo run -p quickstart -- --serve"), "{out}");
    for generation in ["# Pyro4", "# Pyro5"] {
        assert!(snippet(&lines, generation).contains("\"PYRO:ServiceName@127.0.0.1:7766\""), "{out}");
    }
    assert!(snippet(&lines, "# Pyro 3").contains("\"PYROLOC://127.0.0.1:7767/ServiceName\""), "{out}");
    assert!(snippet(&lines, "# XML-RPC").contains("\"http://127.0.0.1:8000/RPC2\""), "{out}");
    assert_eq!(text(&done.stderr), "");
}

/// The program with `--serve`, and the lines it printed until it waited.
struct Served {
    child: Child,
    out: BufReader<std::process::ChildStdout>,
    lines: Vec<String>,
}

impl Served {
    fn start() -> Self {
        let mut child = Command::new(PROGRAM)
            .args(["--serve", "--port", "0", "--pyro3-port", "0", "--http-port", "0"])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut out = BufReader::new(child.stdout.take().unwrap());
        let mut lines: Vec<String> = Vec::new();
        // The last line for Python is the last before it waits.
        while !lines.last().is_some_and(|line| line.starts_with("print(ServerProxy")) {
            let mut line = String::new();
            assert_ne!(out.read_line(&mut line).unwrap(), 0, "it ended after {lines:?}");
            lines.push(line.trim_end().to_owned());
        }
        lines.push(String::new());
        Self { child, out, lines }
    }

    // What it serves: `Serving URI, URI and URL until Ctrl-C.`
    fn address(&self, scheme: &str) -> &str {
        let line = self.lines.iter().find(|line| line.starts_with("Serving ")).unwrap();
        let words = line.split_whitespace().map(|word| word.trim_end_matches(','));
        words.into_iter().find(|word| word.starts_with(scheme)).unwrap_or_else(|| panic!("{scheme}: {line}"))
    }

    fn uri(&self) -> &str {
        self.address("PYRO:")
    }

    fn pyro3(&self) -> &str {
        self.address("PYROLOC://")
    }

    fn url(&self) -> &str {
        self.address("http://")
    }

    fn signal(&self, name: &str) {
        let sent = Command::new("kill").args([name, &self.child.id().to_string()]).status().unwrap();
        assert!(sent.success());
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn python_runs_the_printed_lines() {
    let mut served = Served::start();
    assert_eq!(served.lines[..6], CALLS);
    assert!(served.uri().starts_with("PYRO:ServiceName@127.0.0.1:"), "{:?}", served.lines);
    assert!(served.url().starts_with("http://127.0.0.1:"), "{:?}", served.lines);
    let python3 = || Command::new(python());
    for (kind, address, mut python) in [
        ("# Pyro4", served.uri(), python3()),
        ("# Pyro5", served.uri(), python3()),
        ("# Pyro 3", served.pyro3(), python2()),
        ("# XML-RPC", served.url(), python3()),
    ] {
        let snippet = snippet(&served.lines, kind);
        assert!(snippet.contains(address), "{snippet}");
        let done = python.args(["-c", &snippet]).output().unwrap();
        assert_eq!(text(&done.stdout), "You got remote data => Hello\n", "{snippet}\n{}", text(&done.stderr));
    }
    served.signal("-INT");
    assert!(served.child.wait().unwrap().success());
    let mut rest = String::new();
    served.out.read_to_string(&mut rest).unwrap();
    assert!(rest.contains("Stopping."), "{rest}");
}

#[test]
fn it_ends_when_it_is_asked_to() {
    let mut served = Served::start();
    served.signal("-TERM");
    assert!(served.child.wait().unwrap().success());
}

#[test]
fn an_idle_client_does_not_keep_it() {
    let mut served = Served::start();
    let pyro = served.uri().rsplit('@').next().unwrap();
    let pyro3 = served.pyro3().trim_start_matches("PYROLOC://").trim_end_matches("/ServiceName");
    let http = served.url().trim_start_matches("http://").trim_end_matches("/RPC2");
    let idle = [pyro, pyro3, http].map(|address| std::net::TcpStream::connect(address).unwrap());
    served.signal("-INT");
    assert!(served.child.wait().unwrap().success());
    drop(idle);
}

#[test]
fn a_taken_port_is_named() {
    let served = Served::start();
    let pyro = served.uri().rsplit(':').next().unwrap().to_owned();
    let http = served.url().rsplit(':').next().unwrap().trim_end_matches("/RPC2").to_owned();
    for (args, port) in [
        (&["--serve", "--port", &pyro][..], &pyro),
        (&["--port", &pyro], &pyro),
        (&["--pyro3-port", &pyro], &pyro),
        (&["--serve", "--port", "0", "--pyro3-port", "0", "--http-port", &http], &http),
        (&["--http-port", &http], &http),
    ] {
        let done = run(args);
        let err = text(&done.stderr);
        assert_eq!(done.status.code(), Some(1), "{err}");
        assert!(err.contains(&format!("127.0.0.1:{port}")) && err.contains("in use"), "{err}");
        assert!(err.contains("hint: ") && err.contains("--port"), "{err}");
    }
}

#[test]
fn help_and_wrong_arguments() {
    let help = run(&["--help"]);
    assert!(help.status.success());
    for part in [
        "--serve",
        "--port",
        "--pyro3-port",
        "--http-port",
        "PYRO:ServiceName@127.0.0.1:7766",
        "http://127.0.0.1:8000/RPC2",
    ] {
        assert!(text(&help.stdout).contains(part));
    }
    for args in [&["serve"][..], &["--port"], &["--port", "many"], &["--http-port", "-1"]] {
        let done = run(args);
        assert_eq!((done.status.code(), done.stdout.len()), (Some(2), 0), "{args:?}");
        assert!(text(&done.stderr).starts_with("error: "), "{args:?}");
    }
}
