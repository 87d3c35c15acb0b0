//! A client of ours against `openssl s_server`, and against a server of ours.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Stdio};
use std::time::Duration;

use springline_core::{ErrorKind, Reached};
use springline_net::tls::{ClientTls, ClientTlsBuilder, refusal};
use springline_net::{Address, ConnectOptions, Stream, connect};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::pki::{Identity, Leaf, sample};
use super::support::{PATIENCE, Server, chapter, openssl, samples};

/// `openssl s_server`, which writes back each line reversed; it ends with the test.
struct SServer {
    child: Child,
    port: u16,
    _output: BufReader<std::process::ChildStdout>,
}

impl SServer {
    fn start(more: &[&str]) -> Self {
        let mut command = openssl();
        command.args(["s_server", "-accept", "127.0.0.1:0", "-rev"]);
        command.arg("-cert").arg(sample("server-cert.pem")).arg("-cert_chain").arg(sample("ca-signing-cert.pem"));
        command.arg("-key").arg(sample("server-key.pem")).arg("-CAfile").arg(sample("ca-chain.pem"));
        let mut child = command.args(more).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let mut output = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        while !line.starts_with("ACCEPT") {
            line.clear();
            assert_ne!(output.read_line(&mut line).unwrap(), 0, "it says where it listens");
        }
        let port = line.trim().rsplit(':').next().unwrap().parse().unwrap();
        Self { child, port, _output: output }
    }
}

impl Drop for SServer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn client() -> ClientTlsBuilder {
    ClientTls::builder().ca_certs(sample("ca-root-cert.pem")).handshake_timeout(PATIENCE)
}

fn with_certificate() -> ClientTlsBuilder {
    client().certfile(sample("client-cert.pem")).keyfile(sample("client-key.pem"))
}

async fn open(port: u16, tls: &ClientTls) -> springline_core::Result<Stream> {
    let stream = connect(&Address::tcp("127.0.0.1", port), &ConnectOptions::default()).await?;
    tls.connect(stream, "localhost").await
}

async fn ask(stream: &mut Stream, line: &str) -> std::io::Result<String> {
    stream.write_all(line.as_bytes()).await?;
    stream.flush().await?;
    let mut answer = vec![0; 100];
    let n = stream.read(&mut answer).await?;
    answer.truncate(n);
    Ok(String::from_utf8(answer).unwrap())
}

#[tokio::test]
async fn s_server_answers_and_resumes() {
    for (version, shown) in [("-tls1_2", "TLSv1.2"), ("-tls1_3", "TLSv1.3")] {
        let server = SServer::start(&[version, "-Verify", "3", "-verify_return_error", "-alpn", "http/1.1"]);
        let tls = with_certificate().build().unwrap();
        for resumed in [false, true] {
            let mut stream = open(server.port, &tls).await.unwrap();
            assert_eq!(ask(&mut stream, "abc\n").await.unwrap(), "cba\n");
            let info = stream.tls_info().unwrap();
            assert_eq!((info.version, info.resumed, info.alpn.as_deref()), (shown, resumed, Some("http/1.1")));
            // s_server serves one after the other.
            stream.shutdown().await.unwrap();
        }
        let never = with_certificate().resumption(false).build().unwrap();
        for _ in 0..2 {
            let mut stream = open(server.port, &never).await.unwrap();
            assert_eq!(ask(&mut stream, "abc\n").await.unwrap(), "cba\n");
            assert!(!stream.tls_info().unwrap().resumed);
            stream.shutdown().await.unwrap();
        }
    }
}

#[tokio::test]
async fn s_server_with_one_cipher_suite() {
    let server = SServer::start(&["-tls1_2", "-cipher", "ECDHE-ECDSA-CHACHA20-POLY1305"]);
    let one = |name: &str| client().ciphers([name]).build().unwrap();
    let stream = open(server.port, &one("TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256")).await.unwrap();
    assert_eq!(stream.tls_info().unwrap().cipher, "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256");
    drop(stream);
    let e = open(server.port, &one("TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256")).await.unwrap_err();
    assert!(e.kind() == ErrorKind::Denied && e.message().contains("no common parameters"), "{e}");
}

#[tokio::test]
async fn s_server_refuses_our_certificate() {
    for version in ["-tls1_2", "-tls1_3"] {
        let server = SServer::start(&[version, "-Verify", "3", "-verify_return_error"]);
        let now = std::time::SystemTime::now();
        let day = Duration::from_secs(24 * 3600);
        let refused = |identity: Option<Identity>| {
            let tls = match &identity {
                Some(identity) => client().certfile(&identity.cert).keyfile(&identity.key).build().unwrap(),
                None => client().build().unwrap(),
            };
            let port = server.port;
            async move {
                match open(port, &tls).await {
                    Err(e) => e,
                    // TLS 1.3: the first read says it.
                    Ok(mut stream) => {
                        let e = ask(&mut stream, "abc\n").await.unwrap_err();
                        refusal(&e).unwrap_or_else(|| panic!("{e:?}"))
                    }
                }
            }
        };
        for (identity, part) in [
            (None, "requires a certificate of ours"),
            (Some(Leaf::client().sign_by_a_stranger()), "unknown_ca"),
            (Some(Leaf::client().valid(now - 2 * day, now - day).sign()), "certificate_expired"),
        ] {
            let e = refused(identity).await;
            assert!(e.kind() == ErrorKind::Denied && e.message().contains(part), "{version} {part}: {e}");
        }
    }
}

#[tokio::test]
async fn a_server_that_does_not_speak_tls() {
    // It takes the handshake and says nothing, or something else.
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let serve = tokio::spawn(async move {
        let (silent, _) = listener.accept().await.unwrap();
        let (mut http, _) = listener.accept().await.unwrap();
        http.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await.unwrap();
        let (closed, _) = listener.accept().await.unwrap();
        drop(closed);
        (silent, http)
    });
    let hasty = client().handshake_timeout(Duration::from_millis(100)).build().unwrap();
    let e = open(port, &hasty).await.unwrap_err();
    assert_eq!((e.kind(), e.reached()), (ErrorKind::Timeout, Reached::NotSent));
    let patient = client().build().unwrap();
    let e = open(port, &patient).await.unwrap_err();
    assert!(e.kind() == ErrorKind::Protocol && e.message().contains("is it plain HTTP?"), "{e}");
    let e = open(port, &patient).await.unwrap_err();
    assert_eq!((e.kind(), e.reached()), (ErrorKind::Closed, Reached::NotSent), "{e}");
    drop(serve.await.unwrap());
}

/// What a client of ours sees of a server of ours that drops it.
#[test]
fn ours_dropped_by_ours() {
    let server = Server::start(chapter().verify_fields([("commonName", "Somebody else")]));
    for version in ["TLSv1_2", "TLSv1_3"] {
        let tls = with_certificate().versions([version]).build().unwrap();
        server.block_on(async {
            let mut stream = open(server.address.port(), &tls).await.unwrap();
            assert_eq!(ask(&mut stream, "ping\n").await.unwrap(), "", "the end, no reset and no reason");
            // The server does not wait for one that stays.
            assert_eq!(server.outcome().unwrap_err().kind(), ErrorKind::Denied);
            drop(stream);
        });
    }
}

#[test]
fn what_was_negotiated() {
    let server = Server::start(chapter().ciphers(["TLS_AES_256_GCM_SHA384"]));
    let tls = with_certificate().build().unwrap();
    server.block_on(async {
        for resumed in [false, true] {
            let mut stream = open(server.address.port(), &tls).await.unwrap();
            assert_eq!(ask(&mut stream, "ping\n").await.unwrap(), "hello My Client\n");
            let (ours, theirs) = (stream.tls_info().unwrap(), server.outcome().unwrap().info);
            assert_eq!((ours.version, &*ours.cipher), ("TLSv1.3", "TLS_AES_256_GCM_SHA384"));
            assert_eq!((ours.alpn.as_deref(), ours.resumed), (Some("http/1.1"), resumed));
            assert_eq!(theirs.server_name.as_deref(), Some("localhost"));
            assert_eq!((theirs.version, theirs.cipher, theirs.resumed), (ours.version, ours.cipher, resumed));
        }
    });
    // A server without that protocol, and one that knows none.
    let other = client().alpn(["h2"]).build().unwrap();
    let e = server.block_on(open(server.address.port(), &other)).unwrap_err();
    assert!(e.message().contains("no_application_protocol"), "{e}");
    let none: [&str; 0] = [];
    let server = Server::start(samples().alpn(none));
    let stream = server.block_on(open(server.address.port(), &other)).unwrap();
    assert_eq!(stream.tls_info().unwrap().alpn, None);
}

/// Large bodies both ways at once, through small pieces.
#[test]
fn much_data_passes_unharmed() {
    use springline_net::tls::ServerTls;
    let tls: ServerTls = samples().build().unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let echo = tokio::spawn(async move {
            let stream = tls.accept(Stream::Tcp(listener.accept().await.unwrap().0)).await.unwrap();
            let (mut from, mut to) = tokio::io::split(stream);
            tokio::io::copy(&mut from, &mut to).await.unwrap();
            to.shutdown().await.unwrap();
        });
        let stream = open(port, &client().build().unwrap()).await.unwrap();
        let data: Vec<u8> = (0..3_000_000u32).flat_map(|i| i.wrapping_mul(2_654_435_761).to_be_bytes()).collect();
        let (mut from, mut to) = tokio::io::split(stream);
        let sent = data.clone();
        let send = tokio::spawn(async move {
            for piece in sent.chunks(70_001) {
                to.write_all(piece).await.unwrap();
            }
            to.shutdown().await.unwrap();
        });
        let mut got = Vec::new();
        from.read_to_end(&mut got).await.unwrap();
        assert!(got == data, "{} of {} bytes", got.len(), data.len());
        send.await.unwrap();
        echo.await.unwrap();
    });
}

/// The authorities of the system, which a variable can replace: so in a process of its own.
#[cfg(feature = "system-roots")]
#[test]
fn system_roots_are_trusted_if_asked() {
    let run = |file: &std::path::Path| {
        let me = std::env::current_exe().unwrap();
        let mut command = std::process::Command::new(me);
        command.args(["--ignored", "--exact", "client::system_roots_in_its_own_process", "--nocapture"]);
        let done = command.env("SSL_CERT_FILE", file).env_remove("SSL_CERT_DIR").output().unwrap();
        (done.status.success(), String::from_utf8_lossy(&done.stdout).into_owned())
    };
    let (success, out) = run(&sample("ca-chain.pem"));
    assert!(success && out.contains("it was let in"), "{out}");
    let (success, out) = run(&Leaf::client().sign_itself().cert);
    assert!(success && out.contains("not issued by an authority"), "{out}");
    let (success, out) = run(std::path::Path::new("/nowhere.pem"));
    assert!(success && out.contains("bad configuration: system_roots"), "{out}");
}

#[cfg(feature = "system-roots")]
#[test]
#[ignore = "run by system_roots_are_trusted_if_asked"]
fn system_roots_in_its_own_process() {
    let server = Server::start(samples());
    let result = ClientTls::builder().system_roots(true).build();
    let result = result.and_then(|tls| server.block_on(open(server.address.port(), &tls)));
    println!("{}", result.map_or_else(|e| e.to_string(), |_| "it was let in".to_owned()));
}
