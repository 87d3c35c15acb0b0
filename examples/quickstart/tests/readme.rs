//! README.md's programs, run as they stand there; that they compile is for the doctests of this crate.

mod support;

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use support::{python, text};

const README: &str = include_str!("../../../README.md");
const SERVER: &str = include_str!("../src/bin/readme-server.rs");
const CLIENT: &str = include_str!("../src/bin/readme-client.rs");

/// Where the README's programs serve by default.
const ADDRESS: &str = "127.0.0.1:7766";

/// The code blocks of a language, in order.
fn blocks(language: &str) -> Vec<String> {
    let mut blocks = Vec::new();
    let mut lines = README.lines();
    while let Some(line) = lines.next() {
        if line == format!("```{language}") {
            blocks.push(lines.by_ref().take_while(|l| *l != "```").map(|l| format!("{l}\n")).collect());
        }
    }
    blocks
}

/// A process that serves, and the first line it printed: its URI.
struct Serving(Child, String);

impl Serving {
    fn start(command: &mut Command) -> Self {
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().unwrap();
        let mut uri = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut uri).unwrap();
        let serving = Self(child, uri.trim().to_owned());
        assert!(serving.1.starts_with("PYRO:account@"), "{uri:?}");
        serving
    }

    fn address(&self) -> &str {
        self.1.rsplit('@').next().unwrap()
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn client(uri: &str) -> String {
    let done = Command::new(env!("CARGO_BIN_EXE_readme-client")).arg(uri).output().unwrap();
    text(&done.stdout) + &text(&done.stderr)
}

#[test]
fn the_programs_are_those_of_the_readme() {
    let shown = blocks("rust,no_run");
    let behind_mark = |file: &str| file.split_once("\n// README\n").unwrap().1.to_owned();
    assert_eq!(shown, [behind_mark(SERVER), behind_mark(CLIENT)]);
    // Everything else is run by its doctest.
    assert_eq!(README.matches("\n```rust").count(), shown.len() + blocks("rust").len());
    for program in shown {
        assert!(program.contains(ADDRESS));
    }
}

#[test]
fn rust_and_python_call_the_rust_server() {
    let server = Serving::start(Command::new(env!("CARGO_BIN_EXE_readme-server")).arg("127.0.0.1:0"));
    assert_eq!(client(&server.1), "Ada has 300\n");
    assert!(README.contains("Ada has 300"));
    let snippets = blocks("python");
    let clients: Vec<&String> = snippets.iter().filter(|s| s.contains("Proxy(")).collect();
    assert_eq!(clients.len(), 2);
    for snippet in clients {
        assert!(snippet.contains(ADDRESS), "{snippet}");
        let snippet = snippet.replace(ADDRESS, server.address());
        let done = Command::new(python()).args(["-c", &snippet]).output().unwrap();
        assert_eq!(text(&done.stdout), "300\n", "{snippet}\n{}", text(&done.stderr));
    }
}

#[test]
fn rust_calls_the_python_server() {
    let snippets = blocks("python");
    let servers: Vec<&String> = snippets.iter().filter(|s| s.contains("requestLoop")).collect();
    assert_eq!(servers.len(), 1);
    assert!(servers[0].contains("port=7766"));
    let snippet = servers[0].replace("port=7766", "port=0");
    let server = Serving::start(Command::new(python()).args(["-c", &snippet]));
    assert_eq!(client(&server.1), "Ada has 300\n");
}
