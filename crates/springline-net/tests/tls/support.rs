//! A server of ours, and the programs that talk to it.

use std::io::{self, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::{Arc, Mutex, mpsc};
use std::time::Duration;

use springline_core::{Error, Result};
use springline_net::Stream;
use springline_net::tls::{CertReqs, ServerTls, ServerTlsBuilder, TlsInfo};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tracing::instrument::WithSubscriber as _;

use super::pki::{Identity, sample};

/// For events that are expected; the machine may be busy.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) fn openssl() -> Command {
    let found =
        std::env::var_os("PATH").is_some_and(|p| std::env::split_paths(&p).any(|d| d.join("openssl").is_file()));
    assert!(found, "openssl is missing: run `cargo xtask peers` (Debian: apt-get install openssl)");
    let mut command = Command::new("openssl");
    command.stdin(Stdio::null());
    command
}

/// The Python that the peers run in.
pub(crate) fn python() -> Command {
    let python = match std::env::var_os("SPRINGLINE_PYTHON") {
        Some(path) => PathBuf::from(path),
        None => target().join("peers/python/bin/python"),
    };
    assert!(python.exists(), "{} is missing: run `cargo xtask peers`", python.display());
    Command::new(python)
}

fn target() -> PathBuf {
    match std::env::var_os("CARGO_TARGET_DIR") {
        Some(dir) if Path::new(&dir).is_absolute() => dir.into(),
        // A relative one means the directory that cargo was started in, which only cargo knows: this one lies in it.
        _ => Path::new(env!("CARGO_TARGET_TMPDIR")).parent().map_or_else(|| "target".into(), Path::to_path_buf),
    }
}

/// A builder with the samples.
pub(crate) fn samples() -> ServerTlsBuilder {
    ServerTls::builder()
        .certfile(sample("server-cert.pem"))
        .keyfile(sample("server-key.pem"))
        .ca_certs(sample("ca-chain.pem"))
        .handshake_timeout(PATIENCE)
}

/// The chapter's third way.
pub(crate) fn chapter() -> ServerTlsBuilder {
    samples().cert_reqs(CertReqs::Required).verify_fields([
        ("commonName", "My Client"),
        ("organizationName", "My Company"),
        ("stateOrProvinceName", "My State"),
    ])
}

/// What became of a connection.
#[derive(Debug)]
pub(crate) struct Served {
    pub(crate) info: TlsInfo,
    pub(crate) subject: Option<String>,
}

/// A server that answers each line with `hello NAME`, NAME being the client's common name.
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    pub(crate) tls: ServerTls,
    outcomes: Mutex<mpsc::Receiver<Result<Served, Error>>>,
    log: Log,
    runtime: tokio::runtime::Runtime,
}

impl Server {
    pub(crate) fn start(builder: ServerTlsBuilder) -> Self {
        let tls = builder.build().unwrap();
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let listener = runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0")).unwrap();
        let address = listener.local_addr().unwrap();
        let (sender, outcomes) = mpsc::channel();
        let log = Log::default();
        let (accepting, writer) = (tls.clone(), log.clone());
        runtime.spawn(async move {
            loop {
                let Ok((stream, _)) = listener.accept().await else { return };
                let (tls, sender) = (accepting.clone(), sender.clone());
                let subscriber = tracing_subscriber::fmt()
                    .with_ansi(false)
                    .without_time()
                    .with_max_level(tracing::Level::DEBUG)
                    .with_writer(writer.clone())
                    .finish();
                let serve = async move {
                    match tls.accept(Stream::Tcp(stream)).await {
                        Ok(stream) => {
                            let subject = stream.peer_certificate().map(|c| c.subject().to_string());
                            let _ = sender.send(Ok(Served { info: stream.tls_info().unwrap(), subject }));
                            let _ = answer(stream).await;
                        }
                        Err(e) => drop(sender.send(Err(e))),
                    }
                };
                tokio::spawn(serve.with_subscriber(subscriber));
            }
        });
        Self { address, tls, outcomes: Mutex::new(outcomes), log, runtime }
    }

    /// What became of the next connection.
    #[track_caller]
    pub(crate) fn outcome(&self) -> Result<Served, Error> {
        self.outcomes.lock().unwrap().recv_timeout(PATIENCE).expect("the server has come to an end with the connection")
    }

    /// What was logged since the last time.
    pub(crate) fn log(&self) -> String {
        String::from_utf8(std::mem::take(&mut *self.log.0.lock().unwrap())).unwrap()
    }

    pub(crate) fn block_on<F: Future>(&self, future: F) -> F::Output {
        self.runtime.block_on(future)
    }
}

async fn answer(mut stream: Stream) -> io::Result<()> {
    let name = stream.peer_certificate().and_then(|c| c.field("commonName")).unwrap_or_else(|| "nobody".to_owned());
    let mut buffer = [0; 1024];
    loop {
        let n = stream.read(&mut buffer).await?;
        if n == 0 {
            return stream.shutdown().await;
        }
        for _ in buffer.iter().take(n).filter(|b| **b == b'\n') {
            stream.write_all(format!("hello {name}\n").as_bytes()).await?;
        }
        stream.flush().await?;
    }
}

/// Where the log goes.
#[derive(Clone, Default)]
pub(crate) struct Log(Arc<Mutex<Vec<u8>>>);

impl io::Write for Log {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(buf);
        Ok(buf.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl tracing_subscriber::fmt::MakeWriter<'_> for Log {
    type Writer = Self;

    fn make_writer(&self) -> Self {
        self.clone()
    }
}

/// A version of TLS, as s_client names it.
pub(crate) const VERSIONS: [&str; 2] = ["-tls1_2", "-tls1_3"];

/// What `openssl s_client` saw.
pub(crate) struct Seen {
    pub(crate) out: String,
    pub(crate) states: String,
}

impl std::fmt::Debug for Seen {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // It prints all about certificates and tickets.
        let telling = ["hello", "New, ", "Reused, ", "erif"];
        for line in self.out.lines().filter(|l| telling.iter().any(|t| l.contains(t))).chain(self.states.lines()) {
            writeln!(f, "{line}")?;
        }
        Ok(())
    }
}

impl Seen {
    /// It was answered.
    #[track_caller]
    pub(crate) fn was_answered(&self, line: &str) {
        // What it tells of tickets may come in between.
        assert!(self.out.contains(&format!("{line}\n")), "{line:?} is not in: {self:#?}");
    }

    /// It saw a connection that ended in good order, without an answer and without a reason.
    #[track_caller]
    pub(crate) fn was_dropped(&self) {
        assert!(!self.out.contains("hello"), "{self:#?}");
        assert!(self.states.contains("alert read:warning:close notify"), "{self:#?}");
        assert!(!self.states.contains("fatal"), "no reason is given: {self:#?}");
        assert!(!self.states.contains("errno=104"), "no reset: {self:#?}");
    }

    /// It was told by an alert.
    #[track_caller]
    pub(crate) fn was_told(&self, alert: &str) {
        assert!(!self.out.contains("hello"), "{self:#?}");
        assert!(self.states.contains(&format!("alert read:fatal:{alert}")), "{self:#?}");
    }
}

/// Connects with `openssl s_client`, sends a line, reads until the answer or the end.
pub(crate) fn s_client(server: &Server, version: &str, identity: Option<&Identity>, more: &[&str]) -> Seen {
    let mut command = openssl();
    command.args(["s_client", "-connect", &server.address.to_string(), "-servername", "localhost", version]);
    command.args(["-state", "-verify_return_error", "-CAfile"]).arg(sample("ca-chain.pem"));
    if let Some(identity) = identity {
        command.arg("-cert").arg(&identity.cert).arg("-key").arg(&identity.key);
    }
    command.args(more).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    // It reads on until the server ends the connection, or until `Q` at the beginning of a line.
    let mut stdin = child.stdin.take().unwrap();
    let _ = stdin.write_all(b"ping\n");
    let mut stdout = child.stdout.take().unwrap();
    let mut out = Vec::new();
    let mut buffer = [0; 4096];
    while let Ok(n @ 1..) = stdout.read(&mut buffer) {
        out.extend_from_slice(&buffer[..n]);
        if out.windows(6).any(|w| w == b"hello ") && out.ends_with(b"\n") {
            let _ = stdin.write_all(b"Q\n");
        }
    }
    drop(stdin);
    let Output { stderr, .. } = child.wait_with_output().unwrap();
    Seen { out: String::from_utf8_lossy(&out).into_owned(), states: String::from_utf8_lossy(&stderr).into_owned() }
}

/// A plain connection to the server.
pub(crate) fn plain(server: &Server) -> TcpStream {
    let stream = TcpStream::connect(server.address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream
}
