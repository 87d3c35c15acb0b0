//! New certificates without dropping connections; clients that say nothing.

use std::io::{Read as _, Write as _};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use springline_core::ErrorKind;
use springline_net::tls::{CertReqs, ClientTls, ServerTls};
use springline_net::{Address, ConnectOptions, Stream, connect};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::pki::{Identity, Leaf, Scratch, sample};
use super::support::{PATIENCE, Server, plain, s_client, samples};

fn client() -> ClientTls {
    ClientTls::builder()
        .ca_certs(sample("ca-chain.pem"))
        .certfile(sample("client-cert.pem"))
        .keyfile(sample("client-key.pem"))
        .handshake_timeout(PATIENCE)
        .build()
        .unwrap()
}

async fn open(server: &Server, tls: &ClientTls) -> springline_core::Result<Stream> {
    let address: Address = server.address.to_string().parse().unwrap();
    tls.connect(connect(&address, &ConnectOptions::default()).await?, "localhost").await
}

async fn ask(stream: &mut Stream) -> String {
    stream.write_all(b"ping\n").await.unwrap();
    stream.flush().await.unwrap();
    let mut line = [0; 64];
    let n = stream.read(&mut line).await.unwrap();
    String::from_utf8_lossy(&line[..n]).into_owned()
}

fn install(identity: &Identity, at: &Scratch) {
    // The key first and the certificate last, so that a reload in between fails and one after it does not.
    std::fs::copy(&identity.key, at.path("key.pem")).unwrap();
    std::fs::copy(&identity.cert, at.path("cert.pem")).unwrap();
}

#[test]
fn new_handshakes_see_the_new_certificate_and_old_connections_stay() {
    let files = Scratch::new();
    install(&Identity::sample("server"), &files);
    let server = Server::start(
        ServerTls::builder()
            .certfile(files.path("cert.pem"))
            .keyfile(files.path("key.pem"))
            .ca_certs(sample("ca-chain.pem"))
            .cert_reqs(CertReqs::Required)
            .handshake_timeout(PATIENCE),
    );
    let serial = |stream: &Stream| stream.peer_certificate().unwrap().serial();
    let mut old = server.block_on(open(&server, &client())).unwrap();
    let before = serial(&old);
    install(&Leaf::new().names(&["localhost"]).sign(), &files);
    // Nothing changes by itself.
    assert_eq!(serial(&server.block_on(open(&server, &client())).unwrap()), before);
    server.tls.reload().unwrap();
    let mut new = server.block_on(open(&server, &client())).unwrap();
    assert_ne!(serial(&new), before);
    assert_eq!(server.block_on(ask(&mut old)), "hello My Client\n");
    assert_eq!(server.block_on(ask(&mut new)), "hello My Client\n");

    // A reload that fails says why and changes nothing.
    std::fs::copy(sample("client-key.pem"), files.path("key.pem")).unwrap();
    let e = server.tls.reload().unwrap_err();
    assert_eq!(e.kind(), ErrorKind::Config);
    assert!(e.message().contains("key.pem does not belong to it"), "{e}");
    std::fs::remove_file(files.path("cert.pem")).unwrap();
    assert!(server.tls.reload().unwrap_err().message().contains("cannot be read"));
    assert_eq!(serial(&server.block_on(open(&server, &client())).unwrap()), serial(&new));
    assert_eq!(server.block_on(ask(&mut old)), "hello My Client\n");
}

/// One that began earlier, with files from before, does not end later and undo what another read since.
#[test]
fn reloads_at_a_time() {
    let files = Scratch::new();
    install(&Identity::sample("server"), &files);
    let server = Server::start(
        ServerTls::builder()
            .certfile(files.path("cert.pem"))
            .keyfile(files.path("key.pem"))
            .handshake_timeout(PATIENCE),
    );
    let serial = || server.block_on(open(&server, &client())).unwrap().peer_certificate().unwrap().serial();
    let before = serial();
    let (key, pipe) = (files.path("key.pem"), files.path("pipe"));
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let old = std::fs::read(&key).unwrap();
    std::fs::rename(&pipe, &key).unwrap();
    std::thread::scope(|scope| {
        // It has the old certificate and waits for the old key.
        let first = scope.spawn(|| server.tls.reload());
        let mut slow = std::fs::OpenOptions::new().write(true).open(&key).unwrap();
        let new = Leaf::new().names(&["localhost"]).sign();
        std::fs::copy(&new.key, files.path("new.pem")).unwrap();
        std::fs::rename(files.path("new.pem"), &key).unwrap();
        std::fs::copy(&new.cert, files.path("cert.pem")).unwrap();
        let second = scope.spawn(|| server.tls.reload());
        // Either it is through by then, or it waits for the first one.
        std::thread::sleep(Duration::from_millis(500));
        slow.write_all(&old).unwrap();
        drop(slow);
        first.join().unwrap().unwrap();
        second.join().unwrap().unwrap();
    });
    assert_ne!(serial(), before);
}

#[test]
fn reload_under_load() {
    let files = Scratch::new();
    let identities = [Identity::sample("server"), Leaf::new().names(&["localhost"]).sign()];
    install(&identities[0], &files);
    let server = Server::start(
        ServerTls::builder()
            .certfile(files.path("cert.pem"))
            .keyfile(files.path("key.pem"))
            .ca_certs(sample("ca-chain.pem"))
            .cert_reqs(CertReqs::Required)
            .verify_fields([("commonName", "My Client")])
            .handshake_timeout(PATIENCE),
    );
    let (done, handshakes) = (AtomicBool::new(false), AtomicUsize::new(0));
    let mut serials = std::collections::HashSet::new();
    std::thread::scope(|scope| {
        let callers: Vec<_> = (0..4)
            .map(|i| {
                let (server, done, handshakes) = (&server, &done, &handshakes);
                scope.spawn(move || {
                    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
                    runtime.block_on(async {
                        let tls = client();
                        let mut kept = open(server, &tls).await.unwrap();
                        let mut seen = std::collections::HashSet::new();
                        while !done.load(Ordering::Relaxed) {
                            assert_eq!(ask(&mut kept).await, "hello My Client\n");
                            // Every other caller begins anew each time, with a session to take up.
                            if i % 2 == 0 {
                                let mut stream = open(server, &tls).await.unwrap();
                                assert_eq!(ask(&mut stream).await, "hello My Client\n");
                                seen.insert(stream.peer_certificate().unwrap().serial());
                                handshakes.fetch_add(1, Ordering::Relaxed);
                            }
                        }
                        seen
                    })
                })
            })
            .collect();
        for round in 1..=20 {
            install(&identities[round % 2], &files);
            server.tls.reload().unwrap();
            let enough = handshakes.load(Ordering::Relaxed) + 6;
            let begin = std::time::Instant::now();
            while handshakes.load(Ordering::Relaxed) < enough && begin.elapsed() < PATIENCE {
                if callers.iter().any(std::thread::ScopedJoinHandle::is_finished) {
                    break;
                }
                std::thread::sleep(Duration::from_millis(1));
            }
        }
        done.store(true, Ordering::Relaxed);
        for caller in callers {
            serials.extend(caller.join().unwrap());
        }
    });
    assert_eq!(serials.len(), 2, "both certificates were seen");
    assert!(handshakes.into_inner() >= 120);
}

#[test]
fn a_silent_client_holds_nobody_up() {
    let server = Server::start(samples());
    let silent: Vec<_> = (0..50).map(|_| plain(&server)).collect();
    let mut half = plain(&server);
    half.write_all(b"\x16\x03\x01\x02\x00\x01").unwrap();
    s_client(&server, "-tls1_3", None, &[]).was_answered("hello nobody");
    server.outcome().unwrap();
    drop((silent, half));
    for _ in 0..51 {
        assert_eq!(server.outcome().unwrap_err().kind(), ErrorKind::Closed);
    }
}

#[test]
fn only_so_many_handshakes_at_a_time() {
    let server = Server::start(samples().cert_reqs(CertReqs::Optional).handshakes(1));
    // They have not begun.
    let silent: Vec<_> = (0..20).map(|_| plain(&server)).collect();
    s_client(&server, "-tls1_3", None, &[]).was_answered("hello nobody");
    server.outcome().unwrap();
    let mut half = plain(&server);
    half.write_all(b"\x16\x03\x01\x02\x00\x01").unwrap();
    let tls = client();
    let stream = server.block_on(async {
        let begin = std::time::Instant::now();
        loop {
            let mut next = Box::pin(open(&server, &tls));
            match tokio::time::timeout(Duration::from_millis(500), &mut next).await {
                // It was faster than the half one.
                Ok(stream) => drop(stream.unwrap()),
                Err(_) => {
                    drop(half);
                    break next.await;
                }
            }
            assert!(begin.elapsed() < PATIENCE, "nobody has to wait");
        }
    });
    let mut stream = stream.unwrap();
    assert_eq!(server.block_on(ask(&mut stream)), "hello My Client\n");
    drop(silent);
}

#[test]
fn handshakes_have_a_time_and_garbage_ends_them() {
    let server = Server::start(samples().handshake_timeout(Duration::from_millis(100)));
    let mut silent = plain(&server);
    assert_eq!(server.outcome().unwrap_err().kind(), ErrorKind::Timeout);
    assert_eq!(silent.read(&mut [0; 8]).unwrap(), 0, "the server has closed");

    let server = Server::start(samples());
    let mut http = plain(&server);
    http.write_all(b"POST /RPC2 HTTP/1.1\r\nhost: localhost\r\n\r\n").unwrap();
    let e = server.outcome().unwrap_err();
    assert!(e.kind() == ErrorKind::Protocol && e.message().contains("is it plain HTTP?"), "{e}");
    let mut all = Vec::new();
    http.read_to_end(&mut all).unwrap();
    assert_eq!(all.first(), Some(&21), "an alert, and the end: {all:?}");
    assert!(!server.log().contains("ERROR"), "what scanners do is no error of the server");
}
