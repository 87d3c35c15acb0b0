//! What a builder finds before the first connection.

use springline_core::{Error, ErrorKind};
use springline_net::tls::{CertReqs, ClientTls, ServerTls};

use super::pki::{Identity, Leaf, Scratch, sample};
use super::support::{openssl, samples};

#[track_caller]
fn fails<T: std::fmt::Debug>(result: Result<T, Error>, parts: &[&str]) {
    let e = result.unwrap_err();
    assert_eq!(e.kind(), ErrorKind::Config, "{e}");
    for part in parts {
        assert!(e.to_string().contains(part), "{part:?} is not in: {e}");
    }
}

fn read(name: &str) -> Vec<u8> {
    std::fs::read(sample(name)).unwrap()
}

#[test]
fn files_of_a_server() {
    let server = || ServerTls::builder();
    let (cert, key) = (sample("server-cert.pem"), sample("server-key.pem"));
    let scratch = Scratch::new();
    fails(server().build(), &["needs a certfile"]);
    fails(server().certfile("nowhere.pem").build(), &["certfile nowhere.pem: cannot be read", "No such file"]);
    fails(server().certfile(&cert).keyfile("nowhere.pem").build(), &["keyfile nowhere.pem: cannot be read"]);
    fails(server().certfile(&cert).build(), &["server-cert.pem: there is no private key", "only CERTIFICATE"]);
    let swapped = server().certfile(&key).keyfile(&cert).build();
    fails(swapped, &["server-key.pem: there is no certificate", "only PRIVATE KEY"]);
    let garbage = scratch.write("garbage.pem", b"\x30\x82\xff\xfe garbage");
    fails(server().certfile(&garbage).build(), &["garbage.pem", "it is not PEM"]);
    let cut = scratch.write("cut.pem", &read("server-cert.pem")[..300]);
    fails(server().certfile(&cut).keyfile(&key).build(), &["cut.pem: is no sound PEM"]);
    let damaged = String::from_utf8(read("server-cert.pem")).unwrap().replacen("\nMII", "\n!!!", 1);
    let damaged = scratch.write("damaged.pem", damaged);
    fails(server().certfile(&damaged).keyfile(&key).build(), &["damaged.pem: is no sound PEM"]);
    let nonsense = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    let nonsense = scratch.write("nonsense.pem", nonsense);
    fails(server().certfile(&nonsense).keyfile(&key).build(), &["nonsense.pem: the certificate cannot be used"]);
    fails(samples().ca_certs(&nonsense).cert_reqs(CertReqs::Required).build(), &["nonsense.pem: certificate 1"]);
    let nonsense_key = "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n";
    let nonsense_key = scratch.write("nonsense-key.pem", nonsense_key);
    fails(
        server().certfile(&cert).keyfile(&nonsense_key).build(),
        &["nonsense-key.pem: the private key cannot be used"],
    );
    let other = server().certfile(&cert).keyfile(sample("client-key.pem")).build();
    fails(other, &["server-cert.pem: the private key in", "client-key.pem does not belong to it"]);
    let other = server().cert_pem(read("server-cert.pem")).key_pem(read("client-key.pem")).build();
    fails(other, &["certfile: the private key does not belong to it"]);
    let mut backwards = read("ca-signing-cert.pem");
    backwards.extend(read("server-cert.pem"));
    let backwards = scratch.write("backwards.pem", backwards);
    fails(server().certfile(&backwards).keyfile(&key).build(), &["backwards.pem", "has to be the first"]);
}

#[test]
fn encrypted_keys_are_refused_with_the_way_out() {
    let scratch = Scratch::new();
    let encrypt = |name: &str, args: &[&str]| {
        let path = scratch.path(name);
        let done =
            openssl().args(args).arg("-in").arg(sample("server-key.pem")).arg("-out").arg(&path).output().unwrap();
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
        path
    };
    let pkcs8 = encrypt("pkcs8.pem", &["pkcs8", "-topk8", "-v2", "aes-256-cbc", "-passout", "pass:1234"]);
    let legacy = encrypt("legacy.pem", &["ec", "-aes256", "-passout", "pass:1234"]);
    for key in [pkcs8, legacy] {
        let name = key.file_name().unwrap().to_str().unwrap();
        let built = ServerTls::builder().certfile(sample("server-cert.pem")).keyfile(&key).build();
        fails(built, &[name, "is encrypted", "openssl pkey -in FILE -out NEWFILE"]);
    }
    // The way out works.
    let plain = scratch.path("plain.pem");
    let args = ["pkey", "-passin", "pass:1234"];
    let done = openssl().args(args).arg("-in").arg(scratch.path("pkcs8.pem")).arg("-out").arg(&plain).output().unwrap();
    assert!(done.status.success());
    ServerTls::builder().certfile(sample("server-cert.pem")).keyfile(plain).build().unwrap();
}

#[test]
fn forms_that_work() {
    let scratch = Scratch::new();
    let mut both = read("server-key.pem");
    both.extend(read("server-cert.pem"));
    let both = scratch.write("both.pem", both);
    ServerTls::builder().certfile(&both).build().unwrap();
    ServerTls::builder().certfile(&both).keyfile(&both).build().unwrap();
    ServerTls::builder().cert_pem(read("server-cert.pem")).key_pem(read("server-key.pem")).build().unwrap();
    // Text around the sections is none of ours, whatever it says.
    let commented = [b"# UNENCRYPTED, keep it safe\n".to_vec(), read("server-key.pem")].concat();
    let commented = scratch.write("commented.pem", commented);
    ServerTls::builder().certfile(sample("server-cert.pem")).keyfile(commented).build().unwrap();
    // SEC1, with parameters before the key as `openssl ecparam -genkey` writes it, and PKCS#1.
    let run = |args: &[&str], out: &str| {
        let path = scratch.path(out);
        let (command, options) = args.split_first().unwrap();
        let done = openssl().arg(command).arg("-out").arg(&path).args(options).output().unwrap();
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
        path
    };
    let self_signed = |key: &std::path::Path, out: &str| {
        let args = ["req", "-x509", "-days", "2", "-subj", "/CN=x", "-key", key.to_str().unwrap()];
        run(&args, out)
    };
    let sec1 = run(&["ecparam", "-name", "prime256v1", "-genkey"], "sec1.pem");
    ServerTls::builder().certfile(self_signed(&sec1, "sec1-cert.pem")).keyfile(&sec1).build().unwrap();
    let pkcs1 = run(&["genrsa", "-traditional", "2048"], "pkcs1.pem");
    assert!(std::fs::read_to_string(&pkcs1).unwrap().contains("BEGIN RSA PRIVATE KEY"));
    ServerTls::builder().certfile(self_signed(&pkcs1, "pkcs1-cert.pem")).keyfile(&pkcs1).build().unwrap();
}

#[test]
fn options_of_a_server() {
    let required = || samples().cert_reqs(CertReqs::Required);
    let certificates = || ServerTls::builder().certfile(sample("server-cert.pem")).keyfile(sample("server-key.pem"));
    fails(certificates().cert_reqs(CertReqs::Required).build(), &["needs ca_certs"]);
    fails(certificates().cert_reqs(CertReqs::Optional).build(), &["needs ca_certs"]);
    fails(samples().verify_fields([("CN", "x")]).build(), &["verify_fields with cert_reqs none"]);
    fails(samples().check(|_, _| Ok(())).build(), &["a check with cert_reqs none"]);
    fails(required().verify_fields([("FOO", "x")]).build(), &["verify_fields", "unknown certificate field \"FOO\""]);
    let typo = required().verify_fields([("organisationName", "x")]).build();
    fails(typo, &["did you mean \"organizationName\"?"]);
    fails(required().verify_fields([("CN", "x"), ("commonName", "y")]).build(), &["two values"]);
    fails(required().versions(["TLSv1"]).build(), &["TLSv1 is broken (RFC 8996)"]);
    fails(required().ciphers(["ECDHE-RSA-AES128-GCM-SHA256"]).build(), &["TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256"]);
    let apart = required().versions(["TLSv1_2"]).ciphers(["TLS_AES_128_GCM_SHA256"]).build();
    fails(apart, &["versions and ciphers do not go together"]);
    fails(required().alpn([""]).build(), &["ALPN"]);
    fails(required().ca_certs("nowhere.pem").build(), &["ca_certs nowhere.pem: cannot be read"]);
    // Also where nothing is verified by it.
    fails(samples().ca_certs("nowhere.pem").build(), &["ca_certs nowhere.pem: cannot be read"]);
    let keys = required().ca_certs(sample("server-key.pem")).build();
    fails(keys, &["ca_certs", "server-key.pem: there is no certificate"]);
    // No rule at all is no check.
    samples().verify_fields::<&str, &str>([]).build().unwrap();
    // Debug output has no key in it.
    let built = ServerTls::builder().cert_pem(read("server-cert.pem")).key_pem(read("server-key.pem")).build().unwrap();
    let shown = format!("{built:?}");
    assert!(shown.contains("keyfile: Some((bytes))"), "{shown}");
}

#[test]
fn options_of_a_client() {
    let client = || ClientTls::builder().ca_certs(sample("ca-chain.pem"));
    fails(ClientTls::builder().build(), &["needs ca_certs"]);
    fails(ClientTls::builder().cert_reqs(CertReqs::None).build(), &["dangerously_accept_any_server"]);
    ClientTls::builder().dangerously_accept_any_server().build().unwrap();
    let any = client().dangerously_accept_any_server();
    any.clone().build().unwrap();
    fails(any.ca_certs("nowhere.pem").build(), &["ca_certs nowhere.pem: cannot be read"]);
    fails(ClientTls::builder().ca_certs("nowhere.pem").build(), &["ca_certs nowhere.pem: cannot be read"]);
    fails(client().keyfile(sample("client-key.pem")).build(), &["a keyfile needs a certfile"]);
    fails(client().certfile(sample("client-cert.pem")).build(), &["client-cert.pem: there is no private key"]);
    let other = client().certfile(sample("client-cert.pem")).keyfile(sample("server-key.pem")).build();
    fails(other, &["server-key.pem does not belong to it"]);
    fails(client().server_name("not a name").build(), &["server_name", "neither a DNS name nor an address"]);
    fails(client().versions(["SSLv3"]).build(), &["SSLv3 is broken"]);
    client().certfile(sample("client-cert.pem")).keyfile(sample("client-key.pem")).build().unwrap();
    let Identity { cert, key, .. } = &Leaf::client().sign();
    client().certfile(cert).keyfile(key).server_name("::1").build().unwrap();
}
