//! The cases of the original's own tests, and those that it lacked: who is served over TLS, told by CPython's
//! `xmlrpc.client` and by openssl. A call that is not let in does not run.
#![cfg(feature = "net")]

#[path = "support/peers.rs"]
mod peers;

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::time::{Duration, SystemTime};

use rcgen::{BasicConstraints, CertificateParams, DistinguishedName, DnType, IsCa, Issuer, KeyPair, date_time_ymd};
use springline_net::tls::{CertReqs, ServerTls, VerifyMode};
use springline_xmlrpc::server::{XmlRpcServer, XmlRpcServerBuilder, certificate};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::process::{Child, Command};

const PATIENCE: Duration = Duration::from_secs(120);

/// What the chapter's third way asks for.
const FIELDS: [(&str, &str); 3] =
    [("commonName", "My Client"), ("organizationName", "My Company"), ("stateOrProvinceName", "My State")];

fn cert(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap().join("certs").join(name)
}

/// Calls over TLS 1.2, then over 1.3, and once more with the session of each after a line came in. A line for each: the
/// caller's name as the server knows it and whether the session was taken up, or what the client learnt.
const CLIENT: &str = r#"
import http.client, ssl, sys, xmlrpc.client
url, ca, cert, key, again = sys.argv[1:]

class Connection(http.client.HTTPSConnection):
    def connect(self):
        http.client.HTTPConnection.connect(self)
        self.sock = self.context.wrap_socket(self.sock, server_hostname=self.host, session=self.session)

class Transport(xmlrpc.client.SafeTransport):
    session = None
    def make_connection(self, host):
        if not (self._connection and host == self._connection[0]):
            connection = Connection(host, context=self.context, timeout=100)
            connection.context, connection.session = self.context, self.session
            self._connection = host, connection
        return self._connection[1]

def call(transport):
    try:
        with xmlrpc.client.ServerProxy(url, transport=transport) as server:
            assert server.pow(41, 3) == 68921
            name = server.who()
            sock = transport._connection[1].sock
            transport.session = sock.session
            print("answer", name or "nobody", "reused" if sock.session_reused else "new", flush=True)
    except (OSError, http.client.HTTPException) as e:
        print("error", type(e).__name__, e, flush=True)

transports = []
for version in ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3:
    context = ssl.create_default_context(cafile=ca)
    context.minimum_version = context.maximum_version = version
    if cert:
        context.load_cert_chain(cert, key)
    transports.append(Transport(context=context))
    transports[-1].context = context
    call(transports[-1])
if again:
    sys.stdin.readline()
    for transport in transports:
        call(transport)
"#;

/// A certificate and its key.
struct Identity {
    cert: PathBuf,
    key: PathBuf,
    folder: Option<PathBuf>,
}

impl Drop for Identity {
    fn drop(&mut self) {
        if let Some(folder) = &self.folder {
            let _ = std::fs::remove_dir_all(folder);
        }
    }
}

impl Identity {
    fn client() -> Self {
        Self { cert: cert("client-cert.pem"), key: cert("client-key.pem"), folder: None }
    }

    /// Another one of the samples' authority, or of one that has only its name. Valid for a day from `from` days on.
    fn new(common_name: &str, from: i32, known_authority: bool) -> Self {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        let mut authority = CertificateParams::default();
        authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        authority.distinguished_name = name("SAMPLE Signing CA");
        let signing = match known_authority {
            true => KeyPair::from_pem(&std::fs::read_to_string(cert("ca-signing-key.pem")).unwrap()).unwrap(),
            false => KeyPair::generate().unwrap(),
        };
        let mut params = CertificateParams::default();
        params.distinguished_name = name(common_name);
        let day = Duration::from_secs(24 * 3600);
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
        let from =
            date_time_ymd(1970, 1, 1) + now + day * from.max(0).unsigned_abs() - day * from.min(0).unsigned_abs();
        params.not_before = from;
        params.not_after = from + day;
        let key = KeyPair::generate().unwrap();
        let signed = params.signed_by(&key, &Issuer::new(authority, signing)).unwrap();
        let folder = format!("springline-chapter-{}-{}", std::process::id(), NEXT.fetch_add(1, SeqCst));
        let folder = std::env::temp_dir().join(folder);
        std::fs::create_dir_all(&folder).unwrap();
        let (cert, key_file) = (folder.join("cert.pem"), folder.join("key.pem"));
        std::fs::write(&cert, signed.pem()).unwrap();
        std::fs::write(&key_file, key.serialize_pem()).unwrap();
        Self { cert, key: key_file, folder: Some(folder) }
    }
}

fn name(common_name: &str) -> DistinguishedName {
    let mut name = DistinguishedName::new();
    name.push(DnType::StateOrProvinceName, "My State");
    name.push(DnType::OrganizationName, "My Company");
    name.push(DnType::CommonName, common_name);
    name
}

/// A server with the chapter's methods that counts the calls that ran.
struct Server {
    server: XmlRpcServer,
    runs: Arc<AtomicUsize>,
}

fn encrypted() -> XmlRpcServerBuilder {
    XmlRpcServer::builder().keyfile(cert("server-key.pem")).certfile(cert("server-cert.pem"))
}

fn with_certificates(reqs: CertReqs) -> XmlRpcServerBuilder {
    encrypted().ca_certs(cert("ca-chain.pem")).cert_reqs(reqs)
}

impl Server {
    async fn start(builder: XmlRpcServerBuilder) -> Self {
        let runs = Arc::new(AtomicUsize::new(0));
        let counted = runs.clone();
        let pow = move |(x, y): (i64, u32)| {
            counted.fetch_add(1, SeqCst);
            Ok(x.pow(y))
        };
        let who = |()| Ok(certificate().and_then(|c| c.field("commonName")).unwrap_or_default());
        let builder = builder.register_sync("pow", ["x", "y"], pow).register_sync("who", [], who);
        Self { server: builder.bind("127.0.0.1:0").await.unwrap(), runs }
    }

    fn url(&self) -> String {
        self.server.url().replace("127.0.0.1", "localhost")
    }

    fn python(&self, identity: Option<&Identity>, again: bool) -> Child {
        let mut command = Command::new(peers::python3());
        command.args(["-c", CLIENT, &self.url()]).arg(cert("ca-chain.pem"));
        match identity {
            Some(identity) => command.arg(&identity.cert).arg(&identity.key),
            None => command.args(["", ""]),
        };
        command.arg(if again { "again" } else { "" }).kill_on_drop(true);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap()
    }

    async fn lines(&self, identity: Option<&Identity>) -> Vec<String> {
        let output = self.python(identity, false).wait_with_output();
        let output = tokio::time::timeout(PATIENCE, output).await.expect("Python does not end").unwrap();
        assert!(output.status.success());
        String::from_utf8(output.stdout).unwrap().lines().map(str::to_owned).collect()
    }

    /// A client with that certificate is served, under that name.
    async fn serves(&self, identity: Option<&Identity>, name: &str) {
        let before = self.runs.load(SeqCst);
        assert_eq!(self.lines(identity).await, vec![format!("answer {name} new"); 2]);
        assert_eq!(self.runs.load(SeqCst), before + 2);
    }

    /// It is not, in either version, and learns nothing but that. Nothing has run.
    async fn refuses(&self, identity: Option<&Identity>) {
        let lines = self.lines(identity).await;
        assert!(lines.len() == 2 && lines.iter().all(|line| line.starts_with("error ")), "{lines:?}");
        for part in ["My ", "Somebody", "title", "commonName", "organizationName"] {
            assert!(!lines.iter().any(|line| line.contains(part)), "{lines:?}");
        }
        assert_eq!(self.runs.load(SeqCst), 0);
    }

    /// What openssl is sent after a request, in both versions.
    async fn openssl(&self, identity: &Identity) -> String {
        let address = self.server.address().to_string();
        let mut all = String::new();
        for version in ["-tls1_2", "-tls1_3"] {
            let mut command = Command::new("openssl");
            command.args(["s_client", "-quiet", "-verify_quiet", "-connect", &address, "-servername", "localhost"]);
            command.arg(version).arg("-CAfile").arg(cert("ca-chain.pem"));
            command.arg("-cert").arg(&identity.cert).arg("-key").arg(&identity.key);
            command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).kill_on_drop(true);
            let mut child = command.spawn().unwrap_or_else(|e| panic!("no openssl ({e}): run `cargo xtask peers`"));
            let body = "<methodCall><methodName>who</methodName></methodCall>";
            let length = body.len();
            let request =
                format!("POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n{body}");
            let mut stdin = child.stdin.take().unwrap();
            let _ = stdin.write_all(request.as_bytes()).await;
            let output =
                tokio::time::timeout(PATIENCE, child.wait_with_output()).await.expect("it does not end").unwrap();
            drop(stdin);
            all.push_str(&String::from_utf8_lossy(&output.stdout));
        }
        all
    }
}

// The original's seven.

#[tokio::test]
async fn no_client_certificate_is_asked_for() {
    let server = Server::start(encrypted()).await;
    server.serves(None, "nobody").await;
    server.serves(Some(&Identity::client()), "nobody").await;
}

#[tokio::test]
async fn a_client_certificate() {
    let server = Server::start(with_certificates(CertReqs::Required)).await;
    server.serves(Some(&Identity::client()), "My Client").await;
    assert_eq!(server.openssl(&Identity::client()).await.matches("<string>My Client</string>").count(), 2);
}

#[tokio::test]
async fn all_fields_right() {
    let server = Server::start(with_certificates(CertReqs::Required).verify_fields(FIELDS)).await;
    server.serves(Some(&Identity::client()), "My Client").await;
}

#[tokio::test]
async fn a_field_is_missing() {
    let fields = [("commonName", "My Client"), ("title", "Dr")];
    let server = Server::start(with_certificates(CertReqs::Required).verify_fields(fields)).await;
    server.refuses(Some(&Identity::client())).await;
    assert_eq!(server.openssl(&Identity::client()).await, "");
}

#[tokio::test]
async fn a_field_is_wrong() {
    let fields = [("commonName", "Somebody Else"), ("organizationName", "My Company")];
    let server = Server::start(with_certificates(CertReqs::Required).verify_fields(fields)).await;
    server.refuses(Some(&Identity::client())).await;
    assert_eq!(server.openssl(&Identity::client()).await, "");
}

#[tokio::test]
async fn optional_and_none_sent() {
    let server = Server::start(with_certificates(CertReqs::Optional)).await;
    server.serves(None, "nobody").await;
    let server = Server::start(with_certificates(CertReqs::Optional).verify_fields(FIELDS)).await;
    server.refuses(None).await;
    server.serves(Some(&Identity::client()), "My Client").await;
}

#[tokio::test]
async fn required_and_none_sent() {
    for builder in [with_certificates(CertReqs::Required), with_certificates(CertReqs::Required).verify_fields(FIELDS)]
    {
        Server::start(builder).await.refuses(None).await;
    }
}

// And those that it lacked.

#[tokio::test]
async fn a_check_of_ones_own() {
    // The original's `verify_peer`, which one had to override.
    let check = |wanted: &'static str| {
        with_certificates(CertReqs::Required).verify_fields(FIELDS).verify_peer(move |certificate, address| {
            assert!(address.starts_with("127.0.0.1:"), "{address}");
            let found = certificate.field("localityName").unwrap_or_default();
            if found == wanted { Ok(()) } else { Err(format!("{found} is not {wanted}, Somebody says")) }
        })
    };
    Server::start(check("My Town")).await.serves(Some(&Identity::client()), "My Client").await;
    Server::start(check("Elsewhere")).await.refuses(Some(&Identity::client())).await;
}

#[tokio::test]
async fn versions_and_cipher_suites() {
    for (builder, old, new) in [
        (encrypted().ssl_version("TLSv1_2"), true, false),
        (encrypted().ssl_version("TLSv1_3"), false, true),
        (encrypted().ssl_version("SSLv23"), true, true),
        (encrypted().ciphers(["TLS_AES_128_GCM_SHA256"]).ssl_version("TLSv1_3"), false, true),
        (encrypted().ciphers(["TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256"]).ssl_version("TLSv1_2"), true, false),
        // Not one that the sample certificate's key can be used with.
        (encrypted().ciphers(["TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256"]).ssl_version("TLSv1_2"), false, false),
    ] {
        let lines = Server::start(builder).await.lines(None).await;
        let served: Vec<_> = lines.iter().map(|line| line == "answer nobody new").collect();
        assert_eq!(served, [old, new], "{lines:?}");
    }
    for (builder, part) in [
        (encrypted().ssl_version("TLSv1"), "TLSv1"),
        (encrypted().ciphers(["RC4-MD5"]), "RC4-MD5"),
        (with_certificates(CertReqs::Required).verify_fields([("comonName", "x")]), "commonName"),
        (encrypted().verify_fields(FIELDS), "cert_reqs"),
    ] {
        let e = builder.bind("127.0.0.1:0").await.unwrap_err();
        assert!(e.to_string().contains(part), "{e}");
    }
}

#[tokio::test]
async fn certificates_that_do_not_hold() {
    let server = Server::start(with_certificates(CertReqs::Optional).verify_fields(FIELDS)).await;
    server.refuses(Some(&Identity::new("My Client", -3, true))).await;
    server.refuses(Some(&Identity::new("My Client", 2, true))).await;
    server.refuses(Some(&Identity::new("My Client", 0, false))).await;
    // Valid names that only look right: a Cyrillic letter, a NUL, blanks, another case.
    for look_alike in ["My \u{421}lient", "My Client\0.evil", " My Client", "My Client ", "my client", "My\u{a0}Client"]
    {
        server.refuses(Some(&Identity::new(look_alike, 0, true))).await;
    }
    server.serves(Some(&Identity::new("My Client", 0, true)), "My Client").await;
}

#[tokio::test]
async fn sessions_from_before_the_rule_was_tightened() {
    let tls = ServerTls::builder().keyfile(cert("server-key.pem")).certfile(cert("server-cert.pem"));
    let tls = tls.ca_certs(cert("ca-chain.pem")).cert_reqs(CertReqs::Required).build().unwrap();
    for tightened in [false, true] {
        let server = Server::start(XmlRpcServer::builder().tls(tls.clone())).await;
        let client = Identity::client();
        let mut python = server.python(Some(&client), true);
        let mut lines = BufReader::new(python.stdout.take().unwrap()).lines();
        let mut next = async || {
            let line = tokio::time::timeout(PATIENCE, lines.next_line()).await;
            line.expect("Python says nothing").unwrap().expect("Python has ended")
        };
        for _ in 0..2 {
            assert_eq!(next().await, "answer My Client new");
        }
        if tightened {
            tls.set_verify_fields([("commonName", "Somebody Else")], VerifyMode::Unique).unwrap();
        }
        python.stdin.take().unwrap().write_all(b"\n").await.unwrap();
        for _ in 0..2 {
            let line = next().await;
            if tightened {
                assert!(line.starts_with("error ") && !line.contains("Somebody"), "{line}");
            } else {
                assert_eq!(line, "answer My Client reused");
            }
        }
        assert_eq!(server.runs.load(SeqCst), if tightened { 2 } else { 4 });
    }
}
