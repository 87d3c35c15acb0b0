//! The rules hold where an earlier session is taken up again: rustls does not ask its verifier then.

use std::time::{Duration, SystemTime};

use springline_core::ErrorKind;
use springline_net::tls::{CertReqs, VerifyMode};

use super::pki::{Identity, Leaf, Scratch};
use super::support::{Seen, Server, VERSIONS, chapter, s_client, samples};

/// A version, and options besides.
type Kind = (&'static str, &'static [&'static str]);

/// By tickets in both versions, and by TLS 1.2's table on the server.
const KINDS: [Kind; 3] = [("-tls1_3", &[]), ("-tls1_2", &[]), ("-tls1_2", &["-no_ticket"])];

/// A session in a file of `openssl s_client`.
struct Session(Scratch, Kind);

impl Session {
    fn path(&self) -> String {
        self.0.path("session.pem").to_str().unwrap().to_owned()
    }

    /// Connects for the first time.
    #[track_caller]
    fn begin(server: &Server, kind: Kind, identity: Option<&Identity>) -> Self {
        let session = Self(Scratch::new(), kind);
        let seen = s_client(server, kind.0, identity, &[&["-sess_out", &session.path()], kind.1].concat());
        assert!(seen.out.contains("New, TLSv1."), "{seen:#?}");
        assert!(std::path::Path::new(&session.path()).exists(), "{seen:#?}");
        if kind.0 == "-tls1_3" {
            // What is sent before the handshake is over could be repeated, and comes before the rules are looked at.
            assert!(seen.out.contains("Max Early Data: 0\n"), "{}", seen.out);
        }
        session
    }

    /// Connects again, without a certificate: that of the session counts.
    fn resume(&self, server: &Server) -> Seen {
        s_client(server, self.1.0, None, &[&["-sess_in", &self.path()], self.1.1].concat())
    }
}

#[test]
fn sessions_are_taken_up_again() {
    let server = Server::start(chapter());
    for kind in KINDS {
        let session = Session::begin(&server, kind, Some(&Identity::sample("client")));
        assert!(!server.outcome().unwrap().info.resumed);
        let seen = session.resume(&server);
        seen.was_answered("hello My Client");
        assert!(seen.out.contains("Reused, TLSv1."), "{seen:#?}");
        let served = server.outcome().unwrap();
        assert!(served.info.resumed);
        assert_eq!(served.subject.as_deref(), Some("ST=My State, L=My Town, O=My Company, CN=My Client"));
    }
}

#[test]
fn a_tightened_rule_holds_for_sessions_from_before() {
    let server = Server::start(samples().cert_reqs(CertReqs::Required));
    for kind in KINDS {
        server.tls.set_verify_fields([("commonName", "My Client")], VerifyMode::Unique).unwrap();
        let session = Session::begin(&server, kind, Some(&Identity::sample("client")));
        server.outcome().unwrap();
        server.tls.set_verify_fields([("commonName", "Somebody else")], VerifyMode::Unique).unwrap();
        server.log();
        let seen = session.resume(&server);
        assert!(seen.out.contains("Reused, TLSv1."), "the session itself is taken up: {seen:#?}");
        seen.was_dropped();
        assert_eq!(server.outcome().unwrap_err().kind(), ErrorKind::Denied);
        let log = server.log();
        assert!(log.contains("ERROR") && log.contains("\"Somebody else\" instead of \"My Client\""), "{log}");
    }
    // A rule that is none of the known ones changes nothing.
    assert!(server.tls.set_verify_fields([("FOO", "x")], VerifyMode::Unique).is_err());
    s_client(&server, "-tls1_3", Some(&Identity::sample("client")), &[]).was_dropped();
}

#[test]
fn a_client_that_was_dropped_stays_out_with_its_session() {
    let server = Server::start(chapter().verify_fields([("commonName", "Somebody else")]));
    for kind in KINDS {
        // It got its tickets before it was looked at.
        let session = Session::begin(&server, kind, Some(&Identity::sample("client")));
        assert_eq!(server.outcome().unwrap_err().kind(), ErrorKind::Denied);
        let seen = session.resume(&server);
        assert!(seen.out.contains("Reused, TLSv1."), "{seen:#?}");
        seen.was_dropped();
        assert_eq!(server.outcome().unwrap_err().kind(), ErrorKind::Denied);
    }
}

#[test]
fn a_session_without_a_certificate_does_not_get_around_the_rule() {
    let server = Server::start(samples().cert_reqs(CertReqs::Optional));
    for kind in KINDS {
        server.tls.set_verify_fields::<&str, &str>([], VerifyMode::Unique).unwrap();
        let session = Session::begin(&server, kind, None);
        server.outcome().unwrap();
        server.tls.set_verify_fields([("commonName", "My Client")], VerifyMode::Unique).unwrap();
        session.resume(&server).was_dropped();
        assert!(server.outcome().unwrap_err().message().contains("didn't send the certificate"));
    }
}

#[test]
fn a_reload_ends_all_sessions() {
    let server = Server::start(chapter());
    for kind in KINDS {
        let client = Identity::sample("client");
        let session = Session::begin(&server, kind, Some(&client));
        server.outcome().unwrap();
        server.tls.reload().unwrap();
        // With its certificate it gets in as before, by a whole handshake ...
        let seen = s_client(&server, kind.0, Some(&client), &[&["-sess_in", &session.path()], kind.1].concat());
        seen.was_answered("hello My Client");
        assert!(seen.out.contains("New, TLSv1."), "{seen:#?}");
        assert!(!server.outcome().unwrap().info.resumed);
        // ... without it not at all.
        let seen = session.resume(&server);
        assert!(!seen.out.contains("hello"), "{seen:#?}");
        assert!(server.outcome().unwrap_err().message().contains("showed no certificate"));
    }
}

#[test]
fn resumption_can_be_turned_off() {
    let server = Server::start(samples().resumption(false));
    let again = |version: &str| {
        let session = Scratch::new();
        let path = session.path("session.pem").to_str().unwrap().to_owned();
        s_client(&server, version, None, &["-sess_out", &path]).was_answered("hello nobody");
        server.outcome().unwrap();
        if std::path::Path::new(&path).exists() {
            s_client(&server, version, None, &["-sess_in", &path]).was_answered("hello nobody");
            assert!(!server.outcome().unwrap().info.resumed);
        }
    };
    VERSIONS.into_iter().for_each(again);
}

#[test]
fn a_session_ends_with_its_certificate() {
    let server = Server::start(chapter());
    // On a busy machine the first handshake may come too late; then with more time.
    for seconds in [5, 20, 60] {
        let end = SystemTime::now() + Duration::from_secs(seconds);
        let client = Leaf::client().valid(SystemTime::now() - Duration::from_secs(3600), end).sign();
        let session = Scratch::new();
        let path = session.path("session.pem").to_str().unwrap().to_owned();
        let seen = s_client(&server, "-tls1_3", Some(&client), &["-sess_out", &path]);
        if server.outcome().is_err() || !seen.out.contains("hello My Client") {
            continue;
        }
        // The certificate counts to the end of its last second.
        let rest = end.duration_since(SystemTime::now()).unwrap_or_default() + Duration::from_secs(2);
        std::thread::sleep(rest);
        server.log();
        let seen = s_client(&server, "-tls1_3", Some(&client), &["-sess_in", &path]);
        assert!(seen.out.contains("Reused, TLSv1.3"), "{seen:#?}");
        seen.was_dropped();
        assert!(server.outcome().unwrap_err().message().contains("is expired by now"));
        return;
    }
    panic!("no handshake within a minute");
}
