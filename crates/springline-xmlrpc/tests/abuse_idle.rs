//! Thousands of TLS connections that do nothing: the server and its clients are a process each, so that the descriptors
//! suffice and the server's memory is its own.
#![cfg(feature = "net")]

#[path = "support/raw.rs"]
mod raw;

use std::io::{BufRead, BufReader, Write};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::Duration;

use springline_net::http::HttpOptions;
use springline_net::tls::ClientTls;
use springline_net::{Address, ConnectOptions, Stream, connect};
use springline_xmlrpc::server::XmlRpcServer;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// As many as are asked for, the fewest that say anything, and what a process needs beside them.
const WANTED: usize = 5_000;
const FEWEST: usize = 1_000;
const SPARE: usize = 200;

/// Kilobytes of the server's resident memory for each connection. rustls itself keeps some 10 of them.
const MOST: usize = 32;

/// Nothing takes longer, on a machine with much else to do.
const PATIENCE: Duration = Duration::from_secs(120);

const ROLE: &str = "SPRINGLINE_ABUSE_ROLE";

fn cert(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../certs").join(name)
}

#[test]
fn idle_tls_connections() {
    match std::env::var(ROLE).as_deref() {
        Ok("server") => serve(),
        Ok(clients) => hold(clients),
        Err(_) => watch(),
    }
}

/// This program once more, in another role and with as many descriptors as the system allows.
struct Part {
    child: Child,
    lines: std::io::Lines<BufReader<ChildStdout>>,
    commands: ChildStdin,
}

impl Part {
    fn start(role: &str) -> Self {
        let mut child = Command::new("sh")
            .args(["-c", "ulimit -n \"$(ulimit -H -n)\"; exec \"$0\" \"$@\""])
            .arg(std::env::current_exe().unwrap())
            .args(["--exact", "idle_tls_connections", "--nocapture"])
            .env(ROLE, role)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let commands = child.stdin.take().unwrap();
        Self { child, lines, commands }
    }

    /// What follows `word` in a line of its output, waiting for it.
    fn says(&mut self, word: &str) -> String {
        for line in self.lines.by_ref() {
            let line = line.unwrap();
            if let Some(rest) = line.strip_prefix(word) {
                return rest.trim().to_owned();
            }
        }
        panic!("it ended before it said {word}");
    }

    fn ask(&mut self, word: &str) -> String {
        writeln!(self.commands, "{word}").unwrap();
        self.says(word)
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn watch() {
    let limit = Command::new("sh").args(["-c", "ulimit -H -n"]).output().unwrap().stdout;
    let limit = String::from_utf8(limit).unwrap().trim().parse().unwrap_or(usize::MAX);
    let connections = WANTED.min(limit.saturating_sub(SPARE));
    assert!(
        connections >= FEWEST,
        "a process may have {limit} descriptors, and {} are needed: raise the hard limit (`ulimit -H -n`)",
        FEWEST + SPARE
    );
    if connections < WANTED {
        println!("only {connections} connections: a process may have {limit} descriptors (`ulimit -H -n`)");
    }
    let mut server = Part::start("server");
    let url = server.says("AT");
    let number = |text: String| text.parse::<usize>().unwrap();
    // What is made once is made before.
    assert_eq!(number(server.ask("SERVED")), 1);
    let before = number(server.ask("KILOBYTES"));
    let mut clients = Part::start(&format!("{url} {connections}"));
    clients.says("OPEN");
    assert!(number(server.ask("CONNECTIONS")) >= connections, "all of them stay open");
    // Others are served, over new connections and over those that were idle.
    assert_eq!(number(server.ask("SERVED")), 1);
    clients.ask("USE");
    let each = number(server.ask("KILOBYTES")).saturating_sub(before) as f64 / connections as f64;
    println!("{each:.1} KB of the server's memory for each of {connections} connections");
    assert!(each < MOST as f64, "{each:.1} KB for each connection");
    drop(clients);
    // They are gone without a word, which is noticed.
    assert_eq!(number(server.ask("ALONE")), 0);
    assert_eq!(number(server.ask("SERVED")), 1);
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap()
}

fn tls() -> ClientTls {
    ClientTls::builder().ca_certs(cert("ca-chain.pem")).handshake_timeout(PATIENCE).build().unwrap()
}

async fn open(address: &Address, tls: &ClientTls) -> Stream {
    let mut options = ConnectOptions::default();
    options.timeout = PATIENCE;
    let stream = connect(address, &options).await.unwrap();
    tls.connect(stream, "localhost").await.unwrap()
}

async fn echo(stream: &mut Stream) {
    let body = raw::call("echo", &["hi"]);
    let request = format!("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: {}\r\n\r\n{body}", body.len());
    stream.write_all(request.as_bytes()).await.unwrap();
    stream.flush().await.unwrap();
    let mut answer = Vec::new();
    while !answer.ends_with(b"</methodResponse>\n") {
        let read =
            tokio::time::timeout(PATIENCE, stream.read_buf(&mut answer)).await.expect("no answer comes").unwrap();
        assert!(read > 0, "the connection ended in {:?}", String::from_utf8_lossy(&answer));
    }
    let answer = String::from_utf8(answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 ") && answer.contains("<string>hi</string>"), "{answer}");
}

/// Answers what `watch` asks for.
fn serve() {
    let runtime = runtime();
    let mut options = HttpOptions::default();
    options.idle_timeout = PATIENCE * 5;
    let tls = springline_net::tls::ServerTls::builder()
        .keyfile(cert("server-key.pem"))
        .certfile(cert("server-cert.pem"))
        .handshake_timeout(PATIENCE)
        .build()
        .unwrap();
    let builder = XmlRpcServer::builder().host("127.0.0.1").port(0).http_options(options).tls(tls);
    let builder = builder.register_function("echo", ["text"], |(text,): (String,)| async move { Ok(text) });
    let server = runtime.block_on(builder.serve()).unwrap();
    println!("\nAT {}", server.address());
    let client = self::tls();
    for word in std::io::stdin().lines() {
        let word = word.unwrap();
        let number = match &*word {
            "SERVED" => {
                runtime.block_on(async { echo(&mut open(server.address(), &client).await).await });
                1
            }
            "CONNECTIONS" => server.connections(),
            "ALONE" => {
                runtime.block_on(until(|| server.connections() == 0));
                server.connections()
            }
            _ => resident(),
        };
        println!("{word} {number}");
    }
}

async fn until(done: impl Fn() -> bool) {
    let wait = async {
        while !done() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    let _ = tokio::time::timeout(PATIENCE, wait).await;
}

/// Kilobytes of this process in memory.
fn resident() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches("kB").trim().parse().unwrap()
}

/// Opens connections and holds them.
fn hold(clients: &str) {
    let (address, number) = clients.split_once(' ').unwrap();
    let (address, number): (Address, usize) = (address.parse().unwrap(), number.parse().unwrap());
    let runtime = runtime();
    let tls = tls();
    let mut all = runtime.block_on(async {
        let tasks: Vec<_> = (0..32)
            .map(|at| {
                let (address, tls) = (address.clone(), tls.clone());
                tokio::spawn(async move {
                    let mut own = Vec::new();
                    for _ in (at..number).step_by(32) {
                        let mut stream = open(&address, &tls).await;
                        // Some have made a call before they do nothing.
                        if own.len() % 4 == 0 {
                            echo(&mut stream).await;
                        }
                        own.push(stream);
                    }
                    own
                })
            })
            .collect();
        let mut all = Vec::new();
        for task in tasks {
            all.extend(task.await.unwrap());
        }
        all
    });
    println!("\nOPEN {}", all.len());
    for word in std::io::stdin().lines() {
        runtime.block_on(async {
            for stream in all.iter_mut().step_by(50) {
                echo(stream).await;
            }
        });
        println!("{}", word.unwrap());
    }
}
