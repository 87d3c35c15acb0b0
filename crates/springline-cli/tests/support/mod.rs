//! The built program, and the servers that it is run against.

// Every test file has a copy of its own and uses its share.
#![allow(dead_code)]

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use springline::pyro::{Daemon, DaemonBuilder};
use springline::{Error, Exception, FnService, Result, Value, call_context};

/// The program, with nothing of the caller's settings.
pub(crate) fn program() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_springline"));
    command
        .env_remove("SPRINGLINE_HMAC_KEY")
        .env_remove("SPRINGLINE_PYRO_IDENT")
        .env_remove("RUST_LOG")
        .stdin(Stdio::null());
    command
}

/// What a run of the program came to.
pub(crate) struct Run {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Run {
    pub(crate) fn of(output: Output) -> Self {
        Self {
            code: output.status.code().expect("it ends by itself"),
            out: String::from_utf8(output.stdout).unwrap(),
            err: String::from_utf8(output.stderr).unwrap(),
        }
    }

    /// It worked and printed exactly this line.
    #[track_caller]
    pub(crate) fn prints(&self, line: &str) {
        assert_eq!((self.code, &*self.out), (0, &*format!("{line}\n")), "stderr: {}", self.err);
    }

    /// It worked and printed something with this part.
    #[track_caller]
    pub(crate) fn prints_part(&self, part: &str) {
        assert!(self.code == 0 && self.out.contains(part), "{} {}", self.out, self.err);
    }

    /// It ended with this code, printed nothing, and said on stderr one line that has all of these parts.
    #[track_caller]
    pub(crate) fn fails(&self, code: i32, parts: &[&str]) {
        assert_eq!((self.code, &*self.out), (code, ""), "stderr: {}", self.err);
        let line = self.err.lines().find(|l| l.starts_with("error: ")).unwrap_or_else(|| panic!("{}", self.err));
        for part in parts {
            assert!(line.contains(part), "{part:?} is not in: {}", self.err);
        }
    }
}

/// Runs the program with these arguments.
pub(crate) fn run(args: &[&str]) -> Run {
    Run::of(program().args(args).output().unwrap())
}

/// A daemon of our own, in a runtime of its own.
pub(crate) struct Rust {
    pub(crate) uri: String,
    pub(crate) daemon: Option<Daemon>,
    runtime: tokio::runtime::Runtime,
}

impl Rust {
    pub(crate) fn start() -> Self {
        Self::with(Daemon::builder(), "127.0.0.1:0")
    }

    pub(crate) fn with(builder: DaemonBuilder, address: &str) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let (uri, daemon) = runtime.block_on(async {
            let daemon = builder.bind(address).await.unwrap();
            let uri = daemon.register("thing", thing()).unwrap().to_string();
            (uri, daemon)
        });
        Self { uri, daemon: Some(daemon), runtime }
    }
}

impl Drop for Rust {
    fn drop(&mut self) {
        let _guard = self.runtime.enter();
        self.daemon.take();
    }
}

async fn sleep(seconds: f64) {
    tokio::time::sleep(std::time::Duration::from_secs_f64(seconds)).await;
}

pub(crate) fn thing() -> FnService {
    let fired = std::sync::Arc::new(std::sync::Mutex::new(Vec::<String>::new()));
    let value = std::sync::Arc::new(std::sync::Mutex::new(Value::from("initial")));
    let (heard, got, set) = (fired.clone(), value.clone(), value);
    FnService::new("thing")
        .method("get_data", ["param"], |(p,): (String,)| async move { Ok(format!("You got remote data => {p}")) })
        .method("echo", ["x"], |(x,): (Value,)| async move { Ok(x) })
        .method("add", ["a", "b?", "c?"], |(a, b, c): (i64, Option<i64>, Option<i64>)| async move {
            Ok(a + b.unwrap_or(10) + c.unwrap_or(0))
        })
        .method("kinds", ["x"], |(x,): (Value,)| async move { Ok(format!("{x:?}")) })
        .method("fail", ["class", "message"], |(class, message): (String, String)| async move {
            Err::<(), _>(Error::remote(Exception::new(class, message).with_attribute("code", 42)))
        })
        .method("slow", ["seconds"], |(seconds,): (f64,)| async move {
            sleep(seconds).await;
            Ok("done".to_owned())
        })
        .method("annotation", ["key"], |(key,): (String,)| async move {
            call_context::set_reply_annotation("ANSW", "of the method");
            Ok(call_context::annotation(&key).map(|data| String::from_utf8_lossy(&data).into_owned()))
        })
        .method("peer", [], |()| async move {
            let peer = call_context::peer().expect("a peer");
            Ok((peer.protocol.clone(), peer.handshake.clone()))
        })
        .method("big_text", ["n"], |(n,): (usize,)| async move { Ok("x".repeat(n)) })
        .method("many", [], |()| async move { Ok((0..100_000).collect::<Vec<i64>>()) })
        .method("fire", ["token"], move |(token,): (String,)| {
            fired.lock().unwrap().push(token);
            std::future::ready(Ok(()))
        })
        .oneway()
        .method("fired", [], move |()| std::future::ready(Ok(heard.lock().unwrap().clone())))
        .attribute("value", move || std::future::ready(Ok(got.lock().unwrap().clone())))
        .setter("value", move |new: Value| {
            *set.lock().unwrap() = new;
            std::future::ready(Ok(()) as Result<()>)
        })
}

/// The Python that the peers run in.
pub(crate) fn python() -> PathBuf {
    let python = match std::env::var_os("SPRINGLINE_PYTHON") {
        Some(path) => PathBuf::from(path),
        None => target().join("peers/python/bin/python"),
    };
    assert!(python.exists(), "{} is missing: run `cargo xtask peers`", python.display());
    python
}

pub(crate) fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap().to_path_buf()
}

pub(crate) fn target() -> PathBuf {
    match std::env::var_os("CARGO_TARGET_DIR") {
        Some(dir) if !dir.is_empty() => workspace().join(dir),
        _ => workspace().join("target"),
    }
}

/// A Python server; it ends with the test, however that ends.
pub(crate) struct Python {
    child: Child,
    pub(crate) uri: String,
}

impl Python {
    pub(crate) fn start(generation: u8, options: &[&str]) -> Self {
        let script = workspace().join("crates/springline-pyro/tests/peers/server.py");
        let mut child = Command::new(python())
            .arg(script)
            .args(["--gen", &generation.to_string()])
            .args(options)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let ready = lines.next().expect("the server says when it is ready").unwrap();
        let ready: serde_json::Value = serde_json::from_str(ready.strip_prefix("READY ").expect(&ready)).unwrap();
        Self { child, uri: ready["uri"].as_str().unwrap().to_owned() }
    }
}

impl Drop for Python {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        let _ = self.child.wait();
    }
}

/// A file in the directory for temporary ones that goes with the test.
pub(crate) struct Scratch(pub(crate) PathBuf);

impl Scratch {
    pub(crate) fn file(name: &str, content: &[u8]) -> Self {
        let path = std::env::temp_dir().join(format!("springline-cli-{}-{name}", std::process::id()));
        std::fs::write(&path, content).unwrap();
        Self(path)
    }

    pub(crate) fn path(&self) -> &str {
        self.0.to_str().unwrap()
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

/// Where nobody listens: a port that was free a moment ago.
pub(crate) fn nowhere() -> String {
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    format!("PYRO:thing@127.0.0.1:{port}")
}
