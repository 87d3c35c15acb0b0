//! `springline certs`, judged by OpenSSL, and the samples in certs/ that it made.

mod support;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use support::{Run, run, workspace};

const FILES: [&str; 9] = [
    "ca-root-cert.pem",
    "ca-root-key.pem",
    "ca-signing-cert.pem",
    "ca-signing-key.pem",
    "ca-chain.pem",
    "server-cert.pem",
    "server-key.pem",
    "client-cert.pem",
    "client-key.pem",
];

/// A directory that goes with the test.
struct Directory(PathBuf);

impl Directory {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("springline-certs-{}-{name}", std::process::id()));
        let _ = fs::remove_dir_all(&path);
        Self(path)
    }

    fn text(&self) -> &str {
        self.0.to_str().unwrap()
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn openssl(directory: &Path, args: &[&str]) -> Run {
    let output = Command::new("openssl")
        .args(args)
        .current_dir(directory)
        .output()
        .expect("openssl is missing: run `cargo xtask peers` (Debian: apt-get install openssl)");
    Run::of(output)
}

#[track_caller]
fn holds(directory: &Path, args: &[&str], part: &str) {
    let done = openssl(directory, args);
    assert!(done.code == 0 && done.out.contains(part), "openssl {args:?}: {}{}", done.out, done.err);
}

/// What every PKI of ours is.
fn check(directory: &Path) {
    let mut found: Vec<String> =
        fs::read_dir(directory).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
    found.retain(|f| f.ends_with(".pem"));
    found.sort();
    let mut expected = FILES.map(str::to_owned);
    expected.sort();
    assert_eq!(found, expected);

    let strict = ["verify", "-x509_strict", "-CAfile"];
    let verify = |rest: &[&str], part: &str| holds(directory, &[&strict[..], rest].concat(), part);
    verify(&["ca-root-cert.pem", "ca-root-cert.pem", "ca-signing-cert.pem"], "ca-signing-cert.pem: OK");
    verify(&["ca-chain.pem", "-purpose", "sslclient", "client-cert.pem"], "client-cert.pem: OK");
    verify(&["ca-chain.pem", "-purpose", "sslserver", "server-cert.pem"], "server-cert.pem: OK");
    // The intermediate one is in the file.
    for name in ["client-cert.pem", "server-cert.pem"] {
        verify(&["ca-root-cert.pem", "-untrusted", name, name], ": OK");
        assert_eq!(fs::read_to_string(directory.join(name)).unwrap().matches("BEGIN CERTIFICATE").count(), 2);
    }
    let wrong = openssl(directory, &["verify", "-CAfile", "ca-chain.pem", "-purpose", "sslserver", "client-cert.pem"]);
    assert_ne!(wrong.code, 0, "a client is no server: {}", wrong.out);
    for name in ["ca-root", "ca-signing", "server", "client"] {
        let of_key = openssl(directory, &["pkey", "-in", &format!("{name}-key.pem"), "-pubout"]);
        holds(directory, &["x509", "-in", &format!("{name}-cert.pem"), "-noout", "-pubkey"], &of_key.out);
        assert!(of_key.out.contains("BEGIN PUBLIC KEY"), "{}", of_key.err);
    }
}

fn subject(directory: &Path, file: &str) -> String {
    openssl(directory, &["x509", "-in", file, "-noout", "-subject", "-nameopt", "RFC2253,sep_comma_plus_space,-dn_rev"])
        .out
        .trim()
        .to_owned()
}

#[test]
fn the_samples_are_sound() {
    let certs = workspace().join("certs");
    check(&certs);
    assert_eq!(subject(&certs, "client-cert.pem"), "subject=ST=My State, L=My Town, O=My Company, CN=My Client");
    assert_eq!(subject(&certs, "ca-root-cert.pem"), "subject=ST=My State, O=My Company, CN=SAMPLE Root CA");
    assert_eq!(subject(&certs, "ca-signing-cert.pem"), "subject=ST=My State, O=My Company, CN=SAMPLE Signing CA");
    // For ten years from any day on which this is run.
    holds(&certs, &["x509", "-in", "server-cert.pem", "-noout", "-checkend", "315360000"], "will not expire");
    for name in ["localhost", "127.0.0.1", "::1"] {
        let kind = if name == "localhost" { "-checkhost" } else { "-checkip" };
        holds(&certs, &["x509", "-in", "server-cert.pem", "-noout", kind, name], "does match");
    }
    holds(&certs, &["x509", "-in", "client-cert.pem", "-noout", "-text"], "prime256v1");
    let made = fs::read_to_string(certs.join("README.md")).unwrap();
    assert!(made.contains("springline certs certs --start 2025-01-01 --days 18262 --force"), "it says how");
}

#[test]
fn new_ones_are_made_as_the_samples_were() {
    let directory = Directory::new("same");
    let done = run(&["certs", directory.text(), "--start", "2025-01-01", "--days", "18262"]);
    assert_eq!((done.code, done.out.lines().count(), &*done.err), (0, 9, ""));
    check(&directory.0);
    for file in FILES {
        let mode = fs::metadata(directory.0.join(file)).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode, if file.ends_with("-key.pem") { 0o600 } else { 0o644 & mode }, "{file}");
        if file.ends_with("-cert.pem") {
            let samples = workspace().join("certs");
            let facts = |at: &Path| openssl(at, &["x509", "-in", file, "-noout", "-subject", "-issuer", "-dates"]).out;
            assert_eq!(facts(&directory.0), facts(&samples), "{file}");
            let extensions = |at: &Path| {
                let args = ["-ext", "subjectAltName,keyUsage,extendedKeyUsage,basicConstraints"];
                openssl(at, &[&["x509", "-in", file, "-noout"], &args[..]].concat()).out
            };
            assert_eq!(extensions(&directory.0), extensions(&samples), "{file}");
        }
    }
}

#[test]
fn nothing_is_overwritten_without_force() {
    let directory = Directory::new("force");
    assert_eq!(run(&["certs", directory.text()]).code, 0);
    let read = || FILES.map(|f| fs::read(directory.0.join(f)).unwrap());
    let before = read();
    for left in FILES {
        for file in FILES.iter().filter(|f| **f != left) {
            fs::remove_file(directory.0.join(file)).unwrap();
        }
        run(&["certs", directory.text()]).fails(2, &[left, "--force"]);
        assert_eq!(fs::read_dir(&directory.0).unwrap().count(), 1, "nothing is written beside {left}");
        for (file, content) in FILES.iter().zip(&before) {
            fs::write(directory.0.join(file), content).unwrap();
        }
    }
    // Keys that everybody could read become private.
    assert_eq!(run(&["certs", directory.text(), "--force"]).code, 0);
    assert!(read().iter().zip(&before).all(|(new, old)| new != old));
    let key = fs::metadata(directory.0.join("client-key.pem")).unwrap();
    assert_eq!(key.permissions().mode() & 0o777, 0o600);
    check(&directory.0);
}

#[test]
fn subjects_names_days_and_keys_are_options() {
    let directory = Directory::new("options");
    let done = run(&[
        "certs",
        directory.text(),
        "--client-subject",
        r"C=PL, organizationName=A\, B, CN=Zażółć, 1.3.6.1.4.1.99999.1=x",
        "--server-subject",
        "CN=server",
        "--root-subject",
        "CN=Root",
        "--signing-subject",
        "CN=Signing",
        "--san",
        "rpc.example.com",
        "--san",
        "192.0.2.7",
        "--days",
        "2",
        "--key-type",
        "p384",
    ]);
    assert_eq!((done.code, &*done.err), (0, ""));
    check(&directory.0);
    let client = subject(&directory.0, "client-cert.pem");
    assert!(client.starts_with(r"subject=C=PL, O=A\, B, CN=Za\C5\BC\C3\B3\C5\82\C4\87"), "{client}");
    holds(&directory.0, &["x509", "-in", "server-cert.pem", "-noout", "-issuer"], "CN = Signing");
    holds(&directory.0, &["x509", "-in", "ca-signing-cert.pem", "-noout", "-issuer"], "CN = Root");
    holds(&directory.0, &["x509", "-in", "server-cert.pem", "-noout", "-checkhost", "rpc.example.com"], "does match");
    holds(&directory.0, &["x509", "-in", "server-cert.pem", "-noout", "-checkip", "192.0.2.7"], "does match");
    holds(&directory.0, &["x509", "-in", "server-cert.pem", "-noout", "-checkhost", "localhost"], "NOT match");
    holds(&directory.0, &["x509", "-in", "server-cert.pem", "-noout", "-text"], "secp384r1");
    let ends = openssl(&directory.0, &["x509", "-in", "server-cert.pem", "-noout", "-checkend", "180000"]);
    assert_ne!(ends.code, 0, "two days have 172,800 seconds: {}", ends.out);
}

#[test]
fn the_examples_of_the_help_work() {
    let help = run(&["certs", "--help"]).out;
    let examples = help.split("Examples:").nth(1).unwrap();
    let lines: Vec<&str> = examples.lines().map(str::trim).filter(|l| l.starts_with("springline certs ")).collect();
    assert!(lines.len() > 1, "{help}");
    for line in lines {
        let directory = Directory::new("example");
        fs::create_dir(&directory.0).unwrap();
        let program = Path::new(env!("CARGO_BIN_EXE_springline")).to_str().unwrap();
        let here = line.replacen("springline", &format!("'{program}'"), 1);
        let done = Command::new("sh").args(["-c", &here]).current_dir(&directory.0).output().unwrap();
        assert!(done.status.success(), "{line}: {}", String::from_utf8_lossy(&done.stderr));
        check(&directory.0.join("certs"));
    }
}

#[test]
fn mistakes_are_code_2() {
    let directory = Directory::new("mistakes");
    for (args, parts) in [
        (&["--client-subject", "comonName=x"][..], &["--client-subject", "did you mean \"commonName\"?"][..]),
        (&["--root-subject", "Root"], &["--root-subject", "NAME=VALUE"]),
        (&["--start", "2025-02-30"], &["--start", "no day 30"]),
        (&["--san", "żółw"], &["--san"]),
    ] {
        run(&[&["certs", directory.text()], args].concat()).fails(2, parts);
        assert!(!directory.0.exists(), "nothing was made");
    }
    for args in [&["--days", "0"][..], &["--key-type", "rsa"]] {
        assert_eq!(run(&[&["certs", directory.text()], args].concat()).code, 2, "{args:?}");
    }
    run(&["certs", "/dev/null/certs"]).fails(2, &["cannot make /dev/null/certs"]);
}
