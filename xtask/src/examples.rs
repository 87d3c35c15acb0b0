//! `cargo xtask examples`: runs every package in `examples/` by the output.txt beside it.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::io::{BufRead, BufReader, PipeReader, Read};
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crate::transcript::{self, Action, Step};

/// When a program that says nothing more is given up.
const PATIENCE: Duration = Duration::from_secs(60);

/// The examples, in order.
pub(crate) fn names(root: &Path) -> Vec<String> {
    let found = std::fs::read_dir(root.join("examples")).into_iter().flatten().flatten();
    let packages = found.filter(|entry| entry.path().join("Cargo.toml").exists());
    let mut names: Vec<String> = packages.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

/// Runs one, whose programs are built. An error tells what differs.
pub(crate) fn run(root: &Path, target: &Path, name: &str) -> Result<(), String> {
    let file = format!("examples/{name}/output.txt");
    let text = std::fs::read_to_string(root.join(&file)).map_err(|e| format!("{file}: {e}"))?;
    let steps = transcript::parse(&text).map_err(|why| format!("{file}: {why}"))?;
    let mut shell = Shell { root, target, ports: BTreeMap::new(), jobs: Vec::new() };
    for step in &steps {
        shell.step(step).map_err(|why| format!("{file}:{}: $ {}\n{why}", step.line, step.command))?;
    }
    // The last one first, as one would end them.
    while let Some(job) = shell.jobs.pop() {
        let Some(job) = job else { continue };
        let command = job.command.clone();
        job.end(&[], &shell.ports).map_err(|why| format!("{file}: $ {command}\nafter the last command:\n{why}"))?;
    }
    Ok(())
}

/// By the variable's name: the port in the file, and the one of this run.
type Ports = BTreeMap<String, (String, String)>;

struct Shell<'a> {
    root: &'a Path,
    target: &'a Path,
    ports: Ports,
    jobs: Vec<Option<Job>>,
}

impl Shell<'_> {
    fn step(&mut self, step: &Step) -> Result<(), String> {
        match &step.action {
            Action::Export { name, port } => {
                self.ports.insert(name.clone(), (port.clone(), self.free_port()?));
                Ok(())
            }
            Action::Kill(number) => match self.jobs.get_mut(number - 1).and_then(Option::take) {
                Some(job) => job.end(&step.expected, &self.ports),
                None => Err(format!("there is no program {number} in the background")),
            },
            Action::Run { environment, words, with_errors, in_background } => {
                let words: Vec<String> = words.iter().map(|word| self.expanded(word)).collect();
                let mut command = self.command(&words)?;
                command.current_dir(self.root).env_remove("RUST_LOG").env("PYTHONUNBUFFERED", "1");
                command.envs(self.ports.iter().map(|(name, (_, port))| (name, port)));
                command.envs(environment.iter().map(|(name, value)| (name, self.expanded(value))));
                let mut job = Job::start(command, &step.command, *with_errors)?;
                if *in_background {
                    job.says(&step.expected, &self.ports, Until::Said)?;
                    self.jobs.push(Some(job));
                    return Ok(());
                }
                job.says(&step.expected, &self.ports, Until::TheEnd)?;
                job.succeeds()
            }
        }
    }

    fn free_port(&self) -> Result<String, String> {
        loop {
            let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).and_then(|l| l.local_addr());
            let port = port.map_err(|e| format!("there is no free port: {e}"))?.port().to_string();
            if self.ports.values().all(|(_, taken)| *taken != port) {
                return Ok(port);
            }
        }
    }

    fn expanded(&self, word: &str) -> String {
        // PORT2 before PORT.
        self.ports.iter().rev().fold(word.to_owned(), |word, (name, (_, port))| word.replace(&format!("${name}"), port))
    }

    fn command(&self, words: &[String]) -> Result<Command, String> {
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let (program, args) = match *words.as_slice() {
            ["cargo", "run", "-p", _, "--bin", bin, "--", ref args @ ..]
            | ["cargo", "run", "-p", _, "--bin", bin, ref args @ ..]
            | ["cargo", "run", "-p", bin, "--", ref args @ ..]
            | ["cargo", "run", "-p", bin, ref args @ ..] => (self.built(bin)?, args),
            ["springline", ref args @ ..] => (self.built("springline")?, args),
            [python @ ("python" | "python2"), ref args @ ..] => (self.python(python)?, args),
            _ => return Err("expected cargo run -p, springline, python or python2".to_owned()),
        };
        let mut command = Command::new(program);
        command.args(args);
        if words[0] == "python2" {
            command.env("PYTHONPATH", self.target.join("peers/pyro3-3.16")).env("PYRO_STORAGE", std::env::temp_dir());
            command.env("PYTHONDONTWRITEBYTECODE", "1");
        }
        Ok(command)
    }

    fn built(&self, bin: &str) -> Result<PathBuf, String> {
        let path = self.target.join("debug").join(bin).with_extension(std::env::consts::EXE_EXTENSION);
        if path.exists() { Ok(path) } else { Err(format!("no program {bin} was built")) }
    }

    fn python(&self, name: &str) -> Result<PathBuf, String> {
        let path = match (name, std::env::var_os("SPRINGLINE_PYTHON")) {
            ("python2", _) => self.target.join("peers/python2"),
            (_, Some(path)) => PathBuf::from(path),
            (_, None) => self.target.join("peers/python/bin/python"),
        };
        if path.exists() { Ok(path) } else { Err(format!("{} is missing: run `cargo xtask peers`", path.display())) }
    }
}

/// How much of a program's output is compared.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Until {
    Said,
    TheEnd,
}

/// A program that runs.
struct Job {
    command: String,
    is_python: bool,
    child: Child,
    lines: Receiver<String>,
    errors: Option<JoinHandle<String>>,
}

impl Job {
    fn start(mut command: Command, typed: &str, with_errors: bool) -> Result<Self, String> {
        let failed = |e: std::io::Error| format!("it does not start: {e}");
        let (output, written) = std::io::pipe().map_err(failed)?;
        let mut errors = None;
        if with_errors {
            command.stderr(written.try_clone().map_err(failed)?);
        } else {
            let (read, write) = std::io::pipe().map_err(failed)?;
            command.stderr(write);
            errors = Some(read);
        }
        let is_python = command.get_program().to_string_lossy().contains("python");
        let child = command.stdin(Stdio::null()).stdout(written).spawn().map_err(failed)?;
        // The ends that are written to are the program's alone from here on.
        drop(command);
        let errors = errors.map(|read| std::thread::spawn(|| all_of(read)));
        Ok(Self { command: typed.to_owned(), is_python, child, lines: lines_of(output), errors })
    }

    /// Compares what it prints.
    fn says(&mut self, expected: &[String], ports: &Ports, until: Until) -> Result<(), String> {
        let deadline = Instant::now() + PATIENCE;
        let mut lines = Vec::new();
        let why = loop {
            if until == Until::Said && transcript::agrees(expected, &lines) {
                return Ok(());
            }
            match self.lines.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
                Ok(line) => lines.push(as_in_file(&line, ports)),
                Err(RecvTimeoutError::Disconnected) if until == Until::TheEnd => {
                    if transcript::agrees(expected, &lines) {
                        return Ok(());
                    }
                    break "it printed something else (- expected, + printed)";
                }
                Err(RecvTimeoutError::Disconnected) => break "it ended",
                Err(RecvTimeoutError::Timeout) => break "it neither went on nor ended",
            }
        };
        let difference = transcript::difference(expected, &lines);
        Err(format!("{why}\n{difference}{}", self.errors()))
    }

    /// What it had to say on stderr; ends it.
    fn errors(&mut self) -> String {
        let _ = self.child.kill();
        let text = self.errors.take().and_then(|thread| thread.join().ok()).unwrap_or_default();
        if text.is_empty() { text } else { format!("stderr:\n{text}") }
    }

    fn succeeds(&mut self) -> Result<(), String> {
        match self.child.wait() {
            Ok(status) if status.success() => Ok(()),
            Ok(status) => Err(format!("it ended with {status}\n{}", self.errors())),
            Err(e) => Err(e.to_string()),
        }
    }

    /// Ends it as Ctrl-C does, and compares what it still printed.
    fn end(mut self, expected: &[String], ports: &Ports) -> Result<(), String> {
        let interrupted = Command::new("kill").args(["-INT", &self.child.id().to_string()]).status();
        if !interrupted.is_ok_and(|status| status.success()) {
            return Err(format!("it is not there any more\n{}", self.errors()));
        }
        self.says(expected, ports, Until::TheEnd)?;
        // Python tells of the interruption.
        if self.is_python { Ok(()) } else { self.succeeds() }
    }
}

impl Drop for Job {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn as_in_file(line: &str, ports: &Ports) -> String {
    ports.values().fold(line.to_owned(), |line, (shown, real)| transcript::renumber(&line, real, shown))
}

fn lines_of(output: PipeReader) -> Receiver<String> {
    let (send, lines) = channel();
    std::thread::spawn(move || {
        let mut output = BufReader::new(output);
        let mut bytes = Vec::new();
        while output.read_until(b'\n', &mut bytes).is_ok_and(|n| n > 0) {
            let line = String::from_utf8_lossy(&bytes).trim_end_matches(['\r', '\n']).to_owned();
            bytes.clear();
            if send.send(line).is_err() {
                break;
            }
        }
    });
    lines
}

fn all_of(mut read: PipeReader) -> String {
    let mut bytes = Vec::new();
    let _ = read.read_to_end(&mut bytes);
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Those of the names that were asked for; all, if none was.
pub(crate) fn chosen<'a>(names: &'a [String], asked: &[impl AsRef<OsStr>]) -> Result<Vec<&'a String>, String> {
    if asked.is_empty() {
        return Ok(names.iter().collect());
    }
    let find = |name: &OsStr| {
        let unknown = || format!("there is no example {:?}: there are {}", name, names.join(", "));
        names.iter().find(|n| OsStr::new(n.as_str()) == name).ok_or_else(unknown)
    };
    asked.iter().map(|name| find(name.as_ref())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};

    #[test]
    fn examples_by_name() {
        let names = ["one".to_owned(), "two".to_owned()];
        assert_eq!(chosen(&names, &[] as &[&str]).unwrap().len(), 2);
        assert_eq!(chosen(&names, &["two"]).unwrap(), [&names[1]]);
        assert!(chosen(&names, &["three"]).unwrap_err().contains("one, two"));
    }

    /// A directory with one example and nothing built.
    fn outcome(output: &str) -> Result<(), String> {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let root = std::env::temp_dir().join(format!("springline-examples-{}-{number}", std::process::id()));
        std::fs::create_dir_all(root.join("examples/x")).unwrap();
        std::fs::create_dir_all(root.join("debug")).unwrap();
        std::fs::write(root.join("examples/x/output.txt"), output).unwrap();
        for program in ["cat", "sh"] {
            let path = std::env::var_os("PATH").unwrap();
            let mut found = std::env::split_paths(&path).map(|dir| dir.join(program)).filter(|path| path.exists());
            let link = root.join("debug").join(program);
            let _ = std::os::unix::fs::symlink(found.next().unwrap(), link);
        }
        std::fs::write(root.join("ready"), "ready\nat 1\n").unwrap();
        let outcome = run(&root, &root, "x");
        std::fs::remove_dir_all(&root).unwrap();
        outcome
    }

    #[test]
    fn outputs_are_compared() {
        assert_eq!(outcome("$ cargo run -p cat -- ready\nready\nat [..]\n"), Ok(()));
        let why = outcome("$ cargo run -p cat -- ready\nready\nat 2\n").unwrap_err();
        assert!(why.contains("examples/x/output.txt:1: $ cargo run -p cat -- ready\n"), "{why}");
        assert!(why.contains("\n  ready\n- at 2\n+ at 1\n"), "{why}");
        assert!(outcome("$ cargo run -p cat -- ready\n").is_err(), "more was printed");
        assert!(outcome("$ cargo run -p cat -- missing\n").unwrap_err().contains("missing"), "it failed");
        assert!(outcome("$ cargo run -p nothing\n").unwrap_err().contains("no program nothing"));
        assert!(outcome("$ ls\n").unwrap_err().contains("expected cargo run"));
        assert!(outcome("$ kill -INT %1\n").unwrap_err().contains("no program 1"));
    }

    #[test]
    fn what_runs_in_the_background_is_ended() {
        std::fs::write(std::env::temp_dir().join("springline-examples-serve.sh"), SERVE).unwrap();
        let serve = format!("{}/springline-examples-serve.sh", std::env::temp_dir().display());
        let run = format!("$ export PORT=7000\n$ cargo run -p sh -- {serve} $PORT &\nserving at 7000\n");
        assert_eq!(outcome(&format!("{run}$ kill -INT %1\nbye\n")), Ok(()));
        let why = outcome(&run).unwrap_err();
        assert!(why.contains("after the last command") && why.contains("+ bye\n"), "{why}");
    }

    const SERVE: &str = "trap 'echo bye; exit 0' INT\necho serving at $1\nwhile :; do sleep 0.05; done\n";
}
