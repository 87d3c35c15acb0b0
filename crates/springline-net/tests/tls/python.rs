//! CPython's `ssl` as the other side.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Stdio};

use springline_core::{Error, ErrorKind, Reached};
use springline_net::tls::{CertReqs, ClientTls, ClientTlsBuilder, VerifyMode, refusal};
use springline_net::{Address, ConnectOptions, Stream, connect};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::pki::{Identity, Leaf, sample};
use super::support::{PATIENCE, Server, chapter, python, samples};

/// Connects, sends a line, reads the answer; prints what it got, or which error; a second time with the session.
const CLIENT: &str = r#"
import socket, ssl, sys
host, port, ca, cert, key, version, size, again = sys.argv[1:9]
context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
context.load_verify_locations(ca)
context.minimum_version = context.maximum_version = ssl.TLSVersion[version]
if cert:
    context.load_cert_chain(cert, key)
session = None
for turn in range(2 if again else 1):
    try:
        plain = socket.create_connection((host, int(port)), timeout=60)
        with context.wrap_socket(plain, server_hostname="localhost", session=session) as tls:
            # Much more than the server reads before it looks at the certificate.
            tls.sendall(b"x" * int(size) + b"ping\n")
            answer = tls.recv(100)
            session = tls.session
            print("answer", answer.decode().strip() or "(end)", tls.version(), "reused" if tls.session_reused else "new")
    except (ssl.SSLError, OSError) as e:
        print("error", type(e).__name__, e)
    sys.stdout.flush()
    if again and not turn:
        sys.stdin.readline()
"#;

fn call(
    server: &Server,
    identity: Option<&Identity>,
    version: &str,
    size: usize,
    between: Option<&dyn Fn()>,
) -> Vec<String> {
    let mut command = python();
    command.args(["-c", CLIENT, "127.0.0.1", &server.address.port().to_string()]).arg(sample("ca-chain.pem"));
    match identity {
        Some(identity) => command.arg(&identity.cert).arg(&identity.key),
        None => command.args(["", ""]),
    };
    command.args([version, &size.to_string(), if between.is_some() { "again" } else { "" }]);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut got = vec![lines.next().unwrap().unwrap()];
    if let Some(between) = between {
        between();
        drop(child.stdin.take());
        got.push(lines.next().unwrap().unwrap());
    }
    assert!(child.wait().unwrap().success());
    got
}

#[test]
fn python_is_served_and_refused() {
    let server = Server::start(chapter());
    let client = Identity::sample("client");
    for (version, shown) in [("TLSv1_2", "TLSv1.2"), ("TLSv1_3", "TLSv1.3")] {
        assert_eq!(call(&server, Some(&client), version, 0, None), [format!("answer hello My Client {shown} new")]);
        assert_eq!(server.outcome().unwrap().info.version, shown);
        // Refused for its fields: the end of the connection, no reset, even with much that was never read.
        let wrong = Leaf::new().subject([(rcgen::DnType::CommonName, "Somebody".into())]).sign();
        for size in [0, 100_000] {
            assert_eq!(call(&server, Some(&wrong), version, size, None), [format!("answer (end) {shown} new")]);
            assert_eq!(server.outcome().unwrap_err().kind(), ErrorKind::Denied);
        }
        // Refused by TLS: told so.
        let none = call(&server, None, version, 0, None);
        assert!(none[0].starts_with("error SSL"), "{none:?}");
        assert_eq!(server.outcome().unwrap_err().kind(), ErrorKind::Denied);
    }
}

#[test]
fn python_with_its_session_after_the_rule_was_tightened() {
    let server = Server::start(samples().cert_reqs(CertReqs::Required));
    let client = Identity::sample("client");
    for (version, shown) in [("TLSv1_2", "TLSv1.2"), ("TLSv1_3", "TLSv1.3")] {
        server.tls.set_verify_fields::<&str, &str>([], VerifyMode::Unique).unwrap();
        let got = call(&server, Some(&client), version, 0, Some(&|| {}));
        let hello = format!("answer hello My Client {shown}");
        assert_eq!(got, [format!("{hello} new"), format!("{hello} reused")]);
        let tighten = || {
            let fields = [("commonName", "Somebody else")];
            server.tls.set_verify_fields(fields, VerifyMode::Unique).unwrap();
        };
        let got = call(&server, Some(&client), version, 0, Some(&tighten));
        assert_eq!(got, [format!("{hello} new"), format!("answer (end) {shown} reused")]);
        for _ in 0..3 {
            server.outcome().unwrap();
        }
        assert_eq!(server.outcome().unwrap_err().kind(), ErrorKind::Denied);
        // Tightened by a reload: no session from before is taken up at all.
        server.tls.set_verify_fields::<&str, &str>([], VerifyMode::Unique).unwrap();
        let got = call(&server, Some(&client), version, 0, Some(&|| server.tls.reload().unwrap()));
        assert_eq!(got, [format!("{hello} new"), format!("{hello} new")]);
        for _ in 0..2 {
            assert!(!server.outcome().unwrap().info.resumed);
        }
    }
}

/// Answers each connection's line, and ends it with or without TLS's own end.
const SERVER: &str = r#"
import socket, ssl, sys
cert, key, ca, reqs, version, ragged = sys.argv[1:7]
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(cert, key)
context.minimum_version = context.maximum_version = ssl.TLSVersion[version]
context.verify_mode = ssl.VerifyMode[reqs]
context.load_verify_locations(ca)
listener = socket.create_server(("127.0.0.1", 0))
print(listener.getsockname()[1], flush=True)
while True:
    plain, _ = listener.accept()
    try:
        tls = context.wrap_socket(plain, server_side=True)
        line = tls.recv(100)
        subject = dict(rdn[0] for rdn in (tls.getpeercert() or {}).get("subject", ()))
        if line:
            tls.sendall(("hello %s\n" % subject.get("commonName", "nobody")).encode())
        if ragged:
            tls.close()
        else:
            tls.unwrap().close()
    except (ssl.SSLError, OSError, ValueError):
        # Also of a client that is gone before its line came.
        plain.close()
"#;

/// A server in Python; it ends with the test.
struct Python {
    child: Child,
    port: u16,
}

impl Python {
    fn start(identity: &Identity, reqs: &str, version: &str, ragged: bool) -> Self {
        let mut command = python();
        command.args(["-c", SERVER]).arg(&identity.cert).arg(&identity.key).arg(sample("ca-chain.pem"));
        command.args([reqs, version, if ragged { "ragged" } else { "" }]).stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        Self { child, port: line.trim().parse().unwrap() }
    }
}

impl Drop for Python {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn client() -> ClientTlsBuilder {
    ClientTls::builder().ca_certs(sample("ca-chain.pem")).handshake_timeout(PATIENCE)
}

fn with_certificate() -> ClientTlsBuilder {
    client().certfile(sample("client-cert.pem")).keyfile(sample("client-key.pem"))
}

async fn open(port: u16, tls: &ClientTls, host: &str) -> springline_core::Result<Stream> {
    let stream = connect(&Address::tcp("127.0.0.1", port), &ConnectOptions::default()).await?;
    tls.connect(stream, host).await
}

async fn ask(stream: &mut Stream) -> std::io::Result<String> {
    stream.write_all(b"ping\n").await?;
    stream.flush().await?;
    let mut all = String::new();
    stream.read_to_string(&mut all).await?;
    Ok(all)
}

#[tokio::test]
async fn a_client_of_ours_and_python() {
    for (version, shown) in [("TLSv1_2", "TLSv1.2"), ("TLSv1_3", "TLSv1.3")] {
        let server = Python::start(&Identity::sample("server"), "CERT_REQUIRED", version, false);
        let tls = with_certificate().build().unwrap();
        for host in ["localhost", "127.0.0.1", "::1", "[::1]", "LOCALHOST"] {
            let mut stream = open(server.port, &tls, host).await.unwrap();
            let info = stream.tls_info().unwrap();
            assert_eq!(info.version, shown);
            assert!(info.cipher.starts_with("TLS_") && !info.cipher.contains("TLS13"), "{info:?}");
            let certificate = stream.peer_certificate().unwrap();
            assert_eq!(certificate.field("commonName").as_deref(), Some("My Server"));
            assert_eq!(certificate.alternative_names(), ["localhost", "127.0.0.1", "::1"]);
            assert_eq!(ask(&mut stream).await.unwrap(), "hello My Client\n");
        }
        // Without a certificate it is refused, and told so at the latest by the first read.
        let tls = client().build().unwrap();
        let refused = match open(server.port, &tls, "localhost").await {
            Err(e) => e,
            Ok(mut stream) => {
                assert_eq!(version, "TLSv1_3", "in TLS 1.2 the handshake waits for it");
                let e = ask(&mut stream).await.unwrap_err();
                refusal(&e).unwrap_or_else(|| panic!("{e:?}"))
            }
        };
        assert_eq!(refused.kind(), ErrorKind::Denied);
        assert!(refused.message().contains("requires a certificate of ours"), "{refused}");
    }
}

#[tokio::test]
async fn ends_without_tls_own_end() {
    for version in ["TLSv1_2", "TLSv1_3"] {
        let server = Python::start(&Identity::sample("server"), "CERT_NONE", version, true);
        let tls = client().build().unwrap();
        let mut stream = open(server.port, &tls, "localhost").await.unwrap();
        assert_eq!(ask(&mut stream).await.unwrap(), "hello nobody\n");
        let strict = client().suppress_ragged_eofs(false).build().unwrap();
        let mut stream = open(server.port, &strict, "localhost").await.unwrap();
        assert_eq!(ask(&mut stream).await.unwrap_err().kind(), std::io::ErrorKind::UnexpectedEof);
    }
}

#[track_caller]
fn denied(result: Result<Stream, Error>, part: &str) {
    let e = result.unwrap_err();
    assert_eq!((e.kind(), e.reached()), (ErrorKind::Denied, Reached::NotSent), "{e}");
    assert!(e.message().contains(part), "{part:?} is not in: {e}");
}

#[tokio::test]
async fn certificates_of_a_server() {
    let day = std::time::Duration::from_secs(24 * 3600);
    let now = std::time::SystemTime::now();
    let ours = || Leaf::new().names(&["localhost"]);
    let cn = |name: &str| Leaf::new().subject([(rcgen::DnType::CommonName, name.into())]);
    let tls = client().build().unwrap();
    let start = |identity: &Identity| Python::start(identity, "CERT_NONE", "TLSv1_3", false);

    let server = start(&ours().sign_by_a_stranger());
    denied(open(server.port, &tls, "localhost").await, "not issued by an authority of ca_certs");
    let server = start(&ours().sign_by_an_impostor());
    denied(open(server.port, &tls, "localhost").await, "wrong signature");
    let server = start(&ours().valid(now - 2 * day, now - day).sign());
    denied(open(server.port, &tls, "localhost").await, "is expired");
    let server = start(&ours().valid(now + day, now + 2 * day).sign());
    denied(open(server.port, &tls, "localhost").await, "not valid yet");
    let server = start(&ours().purpose(rcgen::ExtendedKeyUsagePurpose::ClientAuth).sign());
    denied(open(server.port, &tls, "localhost").await, "not meant for a server");

    // Its own authority: known or not.
    let own = ours().sign_itself();
    let server = start(&own);
    denied(open(server.port, &tls, "localhost").await, "the server's certificate");
    let trusting = ClientTls::builder().ca_certs(&own.cert).build().unwrap();
    denied(open(server.port, &trusting, "localhost").await, "this certificate is its own CA");

    // Names.
    let server = start(&Leaf::new().names(&["a.example", "*.b.example", "192.0.2.1"]).sign());
    let wrong = "is not valid for localhost, but for a.example, *.b.example, 192.0.2.1";
    denied(open(server.port, &tls, "localhost").await, wrong);
    for host in ["a.example", "x.b.example", "192.0.2.1"] {
        open(server.port, &tls, host).await.unwrap();
    }
    denied(open(server.port, &tls, "192.0.2.2").await, "is not valid for 192.0.2.2");
    denied(open(server.port, &tls, "x.y.b.example").await, "is not valid for x.y.b.example");
    let named = client().server_name("a.example").build().unwrap();
    open(server.port, &named, "localhost").await.unwrap();
    let unchecked = client().verify_hostname(false).common_name_fallback(true).build().unwrap();
    open(server.port, &unchecked, "localhost").await.unwrap();

    // Only a commonName.
    let server = start(&cn("localhost").sign());
    denied(open(server.port, &tls, "localhost").await, "it has no subjectAltName");
    let fallback = client().common_name_fallback(true).verify_hostname(true).build().unwrap();
    open(server.port, &fallback, "localhost").await.unwrap();
    denied(open(server.port, &fallback, "other").await, "is not valid for other, but for localhost");
    denied(open(server.port, &fallback, "127.0.0.1").await, "is not valid for 127.0.0.1");
    let server = start(&cn("*.b.example").sign());
    open(server.port, &fallback, "a.b.example").await.unwrap();
    denied(open(server.port, &fallback, "b.example").await, "is not valid for b.example");
    // Where there are alternative names, the commonName is none.
    let server = start(&cn("localhost").names(&["a.example"]).sign());
    denied(open(server.port, &fallback, "localhost").await, "but for a.example");

    // Not looking at names is not looking away; only the ugly name does that.
    let stranger = start(&ours().sign_by_a_stranger());
    denied(open(stranger.port, &unchecked, "localhost").await, "not issued by an authority");
    denied(open(stranger.port, &fallback, "localhost").await, "not issued by an authority");
    let any = ClientTls::builder().dangerously_accept_any_server().build().unwrap();
    assert_eq!(ask(&mut open(stranger.port, &any, "localhost").await.unwrap()).await.unwrap(), "hello nobody\n");
}

#[tokio::test]
async fn versions_have_to_meet() {
    let server = Python::start(&Identity::sample("server"), "CERT_NONE", "TLSv1_2", false);
    let newer = client().versions(["TLSv1_3"]).build().unwrap();
    denied(open(server.port, &newer, "localhost").await, "protocol_version");
    let same = client().versions(["TLSv1_2"]).build().unwrap();
    open(server.port, &same, "localhost").await.unwrap();
    let not_a_name = open(server.port, &same, "not a name").await.unwrap_err();
    assert_eq!(not_a_name.kind(), ErrorKind::Config);
}
