//! The server and the client of a contestant as child processes.

use crate::Result;
use crate::codecs::TAMED;
use crate::contestants::{Contestant, Kind, Sizes};
use crate::load::Workload;
use crate::peers::{java_arguments, python, python2, script};
use crate::pki::Files;
use crate::samples::Sample;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

/// A child that is slower than this hangs. Under valgrind, 10,000 connections take a while.
const PATIENCE: Duration = Duration::from_secs(300);

/// The Hessian peers' program for calls.
const ECHO: &str = "peer.Echo";
/// How long Java is warmed up at least.
const JAVA_WARM: Duration = Duration::from_secs(5);

/// A child we talk with in lines. Dropping it ends it.
pub(crate) struct Process {
    what: String,
    child: Child,
    input: Option<ChildStdin>,
    lines: Receiver<String>,
}

impl Process {
    pub(crate) fn start(what: String, command: &mut Command) -> Result<Self> {
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|e| format!("{what}: cannot start {:?}: {e}", command.get_program()))?;
        let output = child.stdout.take().ok_or("no pipe to read")?;
        let (sender, lines) = channel();
        std::thread::spawn(move || {
            for line in BufReader::new(output).lines() {
                let Ok(line) = line else { break };
                if sender.send(line).is_err() {
                    break;
                }
            }
        });
        let input = child.stdin.take();
        Ok(Self { what, child, input, lines })
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn tell(&mut self, line: &str) -> Result<()> {
        let input = self.input.as_mut().ok_or("already finished")?;
        writeln!(input, "{line}").map_err(|e| format!("{}: {e}", self.what).into())
    }

    /// Waits for a line that starts with `word`; what follows the word.
    pub(crate) fn expect(&mut self, word: &str) -> Result<Vec<String>> {
        let line = self.lines.recv_timeout(PATIENCE);
        let line = line.map_err(|_| format!("{}: ended or hangs, no `{word}` came", self.what))?;
        let mut words = line.split_whitespace().map(str::to_owned);
        if words.next().as_deref() == Some(word) {
            return Ok(words.collect());
        }
        Err(format!("{}: `{word}` was expected and `{line}` came", self.what).into())
    }

    pub(crate) fn expect_numbers<const N: usize>(&mut self, word: &str) -> Result<[u64; N]> {
        let numbers: Vec<u64> = self.expect(word)?.iter().map(|n| n.parse()).collect::<Result<_, _>>()?;
        let count = numbers.len();
        numbers.try_into().map_err(|_| format!("{}: {count} numbers after `{word}`", self.what).into())
    }

    /// Closes the pipe, on which the child ends by itself, and waits for that.
    pub(crate) fn finish(&mut self) -> Result<()> {
        drop(self.input.take());
        let status = self.child.wait()?;
        if status.success() {
            return Ok(());
        }
        Err(format!("{}: {status}", self.what).into())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        drop(self.input.take());
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// How to start a contestant.
#[derive(Clone)]
pub(crate) struct Launch {
    /// The program with the Rust contestants in it.
    pub(crate) program: PathBuf,
    pub(crate) sizes: Sizes,
    /// The cores of server and client.
    pub(crate) cores: Option<(usize, usize)>,
    pub(crate) warm: Duration,
    pub(crate) connections: usize,
    /// Where callgrind, if it is to run the processes, leaves its figures.
    pub(crate) callgrind: Option<PathBuf>,
    /// Certificates, for contestants over TLS.
    pub(crate) pki: Option<Files>,
}

impl Launch {
    pub(crate) fn new(sizes: Sizes) -> Result<Self> {
        Ok(Self {
            program: std::env::current_exe()?,
            sizes,
            cores: None,
            warm: Duration::ZERO,
            connections: 0,
            callgrind: None,
            pki: None,
        })
    }

    fn command(&self, program: &Path, side: &str) -> Command {
        let mut words: Vec<std::ffi::OsString> = Vec::new();
        if let Some((server, client)) = self.cores {
            let core = if side == "serve" { server } else { client };
            words.extend(["taskset".into(), "-c".into(), core.to_string().into()]);
        }
        if let Some(dir) = &self.callgrind {
            let mut out = std::ffi::OsString::from("--callgrind-out-file=");
            out.push(dir.join(side));
            words.extend(["valgrind".into(), "-q".into(), "--tool=callgrind".into(), out]);
        }
        words.push(program.into());
        let mut command = Command::new(&words[0]);
        command.args(&words[1..]);
        if std::env::var_os(TAMED).is_some() {
            command.env_remove("GLIBC_TUNABLES");
        }
        command
    }

    fn rust(&self, side: &str) -> Command {
        let mut command = self.command(&self.program, side);
        command.arg(side);
        command.args(["--request-body", &self.sizes.request_body.to_string()]);
        command.args(["--reply-body", &self.sizes.reply_body.to_string()]);
        if let Some(pki) = &self.pki {
            command.arg("--pki").arg(pki.dir());
        }
        command
    }

    /// Starts a server; it will tell where it listens.
    pub(crate) fn server(&self, contestant: Contestant) -> Result<Process> {
        let Contestant { name, kind, .. } = contestant;
        let mut server = self.side(kind, "serve")?;
        match kind {
            Kind::Rust => server.arg(name),
            // Against "multiplex": a little faster for one connection, level for sixteen.
            Kind::Pyro5(_) => server.arg(script("server.py")).arg("thread"),
            Kind::PyXmlrpc => server.arg(script("xml_server.py")),
            Kind::PyPyro3 => server.arg(script("pyro3_server.py")),
            Kind::Java => java_arguments(&mut server, ECHO)?.arg("serve"),
        };
        Process::start(format!("{name} server"), &mut server)
    }

    fn side(&self, kind: Kind, side: &str) -> Result<Command> {
        Ok(match kind {
            Kind::Rust => self.rust(side),
            Kind::Pyro5(_) | Kind::PyXmlrpc => self.command(&python()?, side),
            Kind::PyPyro3 => {
                let (python, pyro) = python2()?;
                let mut command = self.command(&python, side);
                command.arg("-B").env("PYTHONPATH", pyro).env("PYRO_STORAGE", std::env::temp_dir());
                command
            }
            Kind::Java => self.command(Path::new("java"), side),
        })
    }

    /// Starts both processes and waits until the client is warm (or its connections are idle).
    pub(crate) fn pair(&self, contestant: Contestant, workload: Workload) -> Result<Pair> {
        let Contestant { name, kind, .. } = contestant;
        let mut server = self.server(contestant)?;
        let addr = server.expect("listening")?.join(" ");
        let warm = self.warm.as_millis().to_string();
        let mut client = self.side(kind, "drive")?;
        match kind {
            Kind::Rust => client
                .args([name, workload.name(), &addr, "--warm-ms", &warm])
                .args(["--connections", &self.connections.to_string()]),
            Kind::Pyro5(serializer) => {
                client.arg(script("client.py")).args([serializer, workload.name(), &addr, &warm])
            }
            Kind::PyXmlrpc => client.arg(script("xml_client.py")).args([&addr, &warm]),
            Kind::PyPyro3 => client.arg(script("pyro3_client.py")).args([&addr, &warm]),
            // Its compiler needs some thousand calls until it is done.
            Kind::Java => java_arguments(&mut client, ECHO)?.args([
                "drive",
                &addr,
                &JAVA_WARM.max(self.warm).as_millis().to_string(),
            ]),
        };
        let client = Process::start(format!("{name} client, {workload}"), &mut client)?;
        Ok(Pair { server, client })
    }
}

/// A running server and its client.
pub(crate) struct Pair {
    pub(crate) server: Process,
    pub(crate) client: Process,
}

impl Pair {
    /// Calls per second at the end of the warm-up.
    pub(crate) fn warm(&mut self) -> Result<u64> {
        Ok(self.client.expect_numbers::<1>("warm")?[0])
    }

    pub(crate) fn measure(&mut self, calls: u64) -> Result<Sample> {
        let [cpu, allocations] = self.server_stats()?;
        self.client.tell(&format!("go {calls}"))?;
        let [calls, wall_ns, client_ns, client_allocations] = self.client.expect_numbers("done")?;
        let [cpu_after, allocations_after] = self.server_stats()?;
        Ok(Sample {
            calls,
            wall_ns,
            client_ns,
            server_ns: cpu_after - cpu,
            client_allocations,
            server_allocations: allocations_after - allocations,
        })
    }

    fn server_stats(&mut self) -> Result<[u64; 2]> {
        self.server.tell("stats")?;
        self.server.expect_numbers("stats")
    }

    pub(crate) fn finish(mut self) -> Result<()> {
        self.client.finish()?;
        self.server.finish()
    }
}

/// What the system tells of a process's memory: `VmRSS:` is resident now, `VmHWM:` was at the most.
pub(crate) fn status_kb(pid: u32, field: &str) -> Result<u64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = status.lines().find_map(|l| l.strip_prefix(field)).ok_or_else(|| format!("no {field}"))?;
    Ok(line.trim().trim_end_matches(" kB").parse()?)
}
