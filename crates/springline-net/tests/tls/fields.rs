//! Client certificates and their fields, seen by `openssl s_client`.

use std::time::{Duration, SystemTime};

use rcgen::string::{BmpString, Ia5String, PrintableString, TeletexString, UniversalString};
use rcgen::{DnType, DnValue, ExtendedKeyUsagePurpose, KeyUsagePurpose};
use springline_core::ErrorKind;
use springline_net::tls::{CertReqs, VerifyMode};

use super::pki::{CN_AGAIN, Identity, Leaf, UTF8, by_openssl, text};
use super::support::{Server, VERSIONS, chapter, s_client, samples};

/// The client is served.
#[track_caller]
fn passes(server: &Server, identity: Option<&Identity>, name: &str) {
    for version in VERSIONS {
        s_client(server, version, identity, &[]).was_answered(&format!("hello {name}"));
        assert_eq!(server.outcome().unwrap().subject.is_some(), identity.is_some());
        assert!(!server.log().contains("ERROR"));
    }
}

/// The client sees the end of the connection and nothing else; the log says why.
#[track_caller]
fn is_dropped(server: &Server, identity: Option<&Identity>, reasons: &[&str]) {
    for version in VERSIONS {
        s_client(server, version, identity, &[]).was_dropped();
        let e = server.outcome().unwrap_err();
        assert_eq!(e.kind(), ErrorKind::Denied);
        logs(server, reasons);
    }
}

/// The client is told by an alert, as TLS has it; the log says why.
#[track_caller]
fn is_told(server: &Server, identity: Option<&Identity>, alert: &str, reasons: &[&str]) {
    for version in VERSIONS {
        s_client(server, version, identity, &[]).was_told(alert);
        let e = server.outcome().unwrap_err();
        assert_eq!(e.kind(), ErrorKind::Denied, "{e}");
        logs(server, reasons);
    }
}

#[track_caller]
fn logs(server: &Server, reasons: &[&str]) {
    let log = server.log();
    let line = log.lines().find(|l| l.contains("ERROR")).unwrap_or_else(|| panic!("no ERROR in: {log}"));
    for part in reasons.iter().chain(&["springline::tls", "client certificate refused", "peer=127.0.0.1:"]) {
        assert!(line.contains(part), "{part:?} is not in: {line}");
    }
}

// The original's list of cases, one by one.

#[test]
fn no_client_certificate_is_asked_for() {
    let server = Server::start(samples());
    passes(&server, None, "nobody");
    // One that is offered is not seen.
    s_client(&server, "-tls1_3", Some(&Identity::sample("client")), &[]).was_answered("hello nobody");
    assert!(server.outcome().unwrap().subject.is_none());
}

#[test]
fn a_client_certificate() {
    let server = Server::start(samples().cert_reqs(CertReqs::Required));
    passes(&server, Some(&Identity::sample("client")), "My Client");
}

#[test]
fn all_fields_right() {
    let server = Server::start(chapter());
    let client = Identity::sample("client");
    passes(&server, Some(&client), "My Client");
    s_client(&server, "-tls1_3", Some(&client), &[]).was_answered("hello My Client");
    let subject = server.outcome().unwrap().subject.unwrap();
    assert_eq!(subject, "ST=My State, L=My Town, O=My Company, CN=My Client");
    // At DEBUG the whole subject, with the address.
    let log = server.log();
    assert!(log.contains("DEBUG") && log.contains(&subject) && log.contains("peer=127.0.0.1:"), "{log}");
}

#[test]
fn a_field_is_missing() {
    let server = Server::start(chapter().verify_fields([("commonName", "My Client"), ("title", "Dr")]));
    is_dropped(&server, Some(&Identity::sample("client")), &["Peer didn't send the 'title' field"]);
}

#[test]
fn a_field_is_wrong() {
    let fields = [("commonName", "Somebody"), ("organizationName", "Other"), ("stateOrProvinceName", "My State")];
    let server = Server::start(chapter().verify_fields(fields));
    // All that is wrong is told, what is right is not.
    let reasons = [
        "Expected the field 'commonName' to have value \"Somebody\" instead of \"My Client\"",
        "Expected the field 'organizationName' to have value \"Other\" instead of \"My Company\"",
    ];
    is_dropped(&server, Some(&Identity::sample("client")), &reasons);
    s_client(&server, "-tls1_3", Some(&Identity::sample("client")), &[]).was_dropped();
    let e = server.outcome().unwrap_err();
    assert!(!e.message().contains("stateOrProvinceName"), "{e}");
    assert!(e.endpoint().unwrap().starts_with("127.0.0.1:"), "{e}");
}

#[test]
fn optional_and_none_sent() {
    let server = Server::start(samples().cert_reqs(CertReqs::Optional));
    passes(&server, None, "nobody");
    passes(&server, Some(&Identity::sample("client")), "My Client");
    let server = Server::start(chapter().cert_reqs(CertReqs::Optional));
    is_dropped(&server, None, &["Couldn't verify fields, peer didn't send the certificate"]);
    passes(&server, Some(&Identity::sample("client")), "My Client");
}

#[test]
fn required_and_none_sent() {
    for builder in [samples().cert_reqs(CertReqs::Required), chapter()] {
        let server = Server::start(builder);
        for version in VERSIONS {
            let seen = s_client(&server, version, None, &[]);
            // certificate_required, which has no name in OpenSSL 3.0.
            assert!(seen.states.contains("SSL alert number 116") && !seen.out.contains("hello"), "{seen:#?}");
            assert!(server.outcome().unwrap_err().message().contains("showed no certificate"));
            logs(&server, &["showed no certificate"]);
        }
    }
}

// What an authority has not signed so, or not for this.

#[test]
fn certificates_that_do_not_hold() {
    for reqs in [CertReqs::Optional, CertReqs::Required] {
        let server = Server::start(chapter().cert_reqs(reqs));
        let day = Duration::from_secs(24 * 3600);
        let now = SystemTime::now();
        let expired = Leaf::client().valid(now - 2 * day, now - day).sign();
        is_told(&server, Some(&expired), "certificate expired", &["the client's certificate is expired"]);
        let early = Leaf::client().valid(now + day, now + 2 * day).sign();
        is_told(&server, Some(&early), "certificate expired", &["not valid yet"]);
        let stranger = Leaf::client().sign_by_a_stranger();
        is_told(&server, Some(&stranger), "unknown CA", &["not issued by an authority of ca_certs"]);
        let impostor = Leaf::client().sign_by_an_impostor();
        is_told(&server, Some(&impostor), "decrypt error", &["wrong signature"]);
        let itself = Leaf::client().sign_itself();
        is_told(&server, Some(&itself), "", &["the client's certificate"]);
        let of_a_server = Leaf::client().purpose(ExtendedKeyUsagePurpose::ServerAuth).sign();
        is_told(&server, Some(&of_a_server), "unsupported certificate", &["not meant for a client"]);
        passes(&server, Some(&Leaf::client().purpose(ExtendedKeyUsagePurpose::ClientAuth).sign()), "My Client");
        passes(&server, Some(&Leaf::client().sign()), "My Client");
    }
}

#[test]
fn keys_for_something_else() {
    // OpenSSL refuses it, rustls does not look.
    for (usage, good) in [
        (KeyUsagePurpose::DigitalSignature, true),
        (KeyUsagePurpose::KeyAgreement, true),
        (KeyUsagePurpose::KeyEncipherment, false),
        (KeyUsagePurpose::DataEncipherment, false),
        (KeyUsagePurpose::DecipherOnly, false),
    ] {
        let client = Leaf::client().key_usage(usage).sign();
        for builder in [chapter(), samples().cert_reqs(CertReqs::Optional)] {
            let server = Server::start(builder);
            if good {
                passes(&server, Some(&client), "My Client");
            } else {
                is_dropped(&server, Some(&client), &["not meant for signing, see its key usage"]);
            }
        }
    }
}

/// A certificate whose common name is this, the rest as it should be.
fn named(value: DnValue) -> Identity {
    Leaf::client()
        .subject([
            (DnType::StateOrProvinceName, text("My State")),
            (DnType::OrganizationName, text("My Company")),
            (DnType::CommonName, value),
        ])
        .sign()
}

#[test]
fn look_alikes() {
    let server = Server::start(chapter());
    for (name, shown) in [
        ("My \u{421}lient", "instead of \"My \u{421}lient\""), // a Cyrillic letter
        ("My Client\0", r#"instead of "My Client\0""#),
        ("My Client\0.evil.example", r#"instead of "My Client\0.evil.example""#),
        ("My Client ", "instead of \"My Client \""),
        (" My Client", "instead of \" My Client\""),
        ("My  Client", "instead of \"My  Client\""),
        ("my client", "instead of \"my client\""),
        ("My Clie\u{200b}nt", r#"instead of "My Clie\u{200b}nt""#),
        ("My Client\u{301}", "instead of \"My Client"), // combining
        ("\u{ff2d}y Client", "instead of \"\u{ff2d}y Client\""), // full width
        ("*", "instead of \"*\""),
        ("", "Peer didn't send the 'commonName' field"),
        ("My\nClient", r#"instead of "My\nClient""#), // no second line in the log
    ] {
        is_dropped(&server, Some(&named(text(name))), &[shown]);
    }
}

#[test]
fn all_kinds_of_text() {
    let server = Server::start(chapter());
    let name = "My Client";
    for value in [
        DnValue::Utf8String(name.to_owned()),
        DnValue::PrintableString(PrintableString::try_from(name).unwrap()),
        DnValue::Ia5String(Ia5String::try_from(name).unwrap()),
        DnValue::TeletexString(TeletexString::try_from(name).unwrap()),
        DnValue::BmpString(BmpString::try_from(name).unwrap()),
        DnValue::UniversalString(UniversalString::try_from(name).unwrap()),
    ] {
        passes(&server, Some(&named(value)), name);
    }
    let server = Server::start(chapter().verify_fields([("commonName", "Kraków Łódź")]));
    for value in [
        DnValue::Utf8String("Kraków Łódź".to_owned()),
        DnValue::BmpString(BmpString::try_from("Kraków Łódź").unwrap()),
        DnValue::UniversalString(UniversalString::try_from("Kraków Łódź").unwrap()),
    ] {
        passes(&server, Some(&named(value)), "Kraków Łódź");
    }
    // OpenSSL's masks: T61String, which is read as Latin-1 as OpenSSL itself does, BMPString, UniversalString.
    let server = Server::start(samples().cert_reqs(CertReqs::Required).verify_fields([("commonName", "Krak\u{f3}w")]));
    for mask in ["0x4", "0x800", "0x100"] {
        passes(&server, Some(&by_openssl("/CN=Krak\u{f3}w", mask)), "Krak\u{f3}w");
    }
}

#[test]
fn an_empty_subject() {
    let server = Server::start(chapter());
    let nameless = Leaf::new().names(&["client.example"]).sign();
    is_dropped(&server, Some(&nameless), &["Peer certificate doesn't have the 'subject' field"]);
    let server = Server::start(samples().cert_reqs(CertReqs::Required));
    passes(&server, Some(&nameless), "nobody");
}

#[test]
fn fields_by_number_and_short_name() {
    let odd = Leaf::client()
        .subject([
            (DnType::CommonName, text("My Client")),
            (DnType::CustomDnType(vec![1, 3, 6, 1, 4, 1, 99999, 1]), text("x")),
            (DnType::CustomDnType(vec![2, 5, 4, 97]), text("VATPL-1")),
        ])
        .sign();
    let fields = [("2.5.4.3", "My Client"), ("1.3.6.1.4.1.99999.1", "x"), ("organizationIdentifier", "VATPL-1")];
    let server = Server::start(chapter().verify_fields(fields));
    passes(&server, Some(&odd), "My Client");
    let server = Server::start(chapter().verify_fields([("CN", "My Client"), ("1.3.6.1.4.1.99999.1", "y")]));
    is_dropped(&server, Some(&odd), &["'1.3.6.1.4.1.99999.1'", "\"y\" instead of \"x\""]);
    is_dropped(&server, Some(&Identity::sample("client")), &["didn't send the '1.3.6.1.4.1.99999.1' field"]);
}

#[test]
fn repeated_fields() {
    let twice = |first: &str, second: &str| {
        Leaf::client()
            .subject([
                (DnType::CommonName, text(first)),
                (DnType::CustomDnType(CN_AGAIN.to_vec()), text(second)),
                (DnType::StateOrProvinceName, text("My State")),
                (DnType::OrganizationName, text("My Company")),
            ])
            .sign()
    };
    let (last, first) = (twice("Other", "My Client"), twice("My Client", "Other"));
    let server = Server::start(chapter());
    for identity in [&first, &last, &twice("My Client", "My Client")] {
        is_dropped(&server, Some(identity), &["Peer sent the 'commonName' field 2 times"]);
    }
    // As Python's dict has it. Neither name is told as *the* name.
    let server = Server::start(chapter().verify_mode(VerifyMode::Last));
    passes(&server, Some(&last), "nobody");
    is_dropped(&server, Some(&first), &["instead of \"Other\""]);
    let server = Server::start(chapter().verify_mode(VerifyMode::Any));
    passes(&server, Some(&last), "nobody");
    passes(&server, Some(&first), "nobody");
    is_dropped(&server, Some(&twice("A", "B")), &["'commonName'"]);
}

#[test]
fn sets_with_several_fields() {
    // OpenSSL sorts a set by its bytes, as DER has it: OU (2.5.4.11) goes behind CN (2.5.4.3), unless it is shorter.
    let hidden = by_openssl("/ST=My State/O=My Company/OU=Unit+CN=My Client", UTF8);
    let visible = by_openssl("/ST=My State/O=My Company/OU=Unit of ours+CN=My Client", UTF8);
    let server = Server::start(chapter());
    is_dropped(&server, Some(&hidden), &["Peer sent the 'commonName' field behind another one"]);
    passes(&server, Some(&visible), "My Client");
    let server = Server::start(chapter().verify_mode(VerifyMode::Last));
    is_dropped(&server, Some(&hidden), &["Peer didn't send the 'commonName' field"]);
    passes(&server, Some(&visible), "My Client");
    let server = Server::start(chapter().verify_mode(VerifyMode::Any));
    passes(&server, Some(&hidden), "My Client");
    passes(&server, Some(&visible), "My Client");
}

#[test]
fn a_check_of_ones_own() {
    let server = Server::start(chapter().check(|certificate, peer| {
        assert!(peer.starts_with("127.0.0.1:"), "{peer}");
        match certificate.field("localityName").as_deref() {
            Some("My Town") => Ok(()),
            other => Err(format!("no such town: {other:?}")),
        }
    }));
    passes(&server, Some(&Identity::sample("client")), "My Client");
    // The fields are right, the check says no.
    is_dropped(&server, Some(&Leaf::client().sign()), &["no such town: None"]);
    let server = Server::start(samples().cert_reqs(CertReqs::Optional).check(|_, _| Ok(())));
    passes(&server, Some(&Identity::sample("client")), "My Client");
    is_dropped(&server, None, &["peer didn't send the certificate"]);
}
