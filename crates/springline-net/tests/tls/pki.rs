//! Certificates for tests: the samples of certs/, and others of the same authority.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, SystemTime};

use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, DnValue, ExtendedKeyUsagePurpose, IsCa, Issuer,
    KeyPair, KeyUsagePurpose, date_time_ymd,
};

/// A file of the samples.
pub(crate) fn sample(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap().join("certs").join(name)
}

/// A directory that goes with the test.
pub(crate) struct Scratch(PathBuf);

impl Scratch {
    pub(crate) fn new() -> Self {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        let name = format!("springline-tls-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let path = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    pub(crate) fn write(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        std::fs::write(&path, content).unwrap();
        path
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// A certificate and its key, in files.
pub(crate) struct Identity {
    pub(crate) cert: PathBuf,
    pub(crate) key: PathBuf,
    _files: Option<Scratch>,
}

impl Identity {
    pub(crate) fn sample(name: &str) -> Self {
        Self { cert: sample(&format!("{name}-cert.pem")), key: sample(&format!("{name}-key.pem")), _files: None }
    }
}

pub(crate) fn text(value: &str) -> DnValue {
    DnValue::Utf8String(value.to_owned())
}

/// An attribute of the type that OpenSSL calls commonName; further ones of the same type need another way of naming it.
pub(crate) const CN_AGAIN: &[u64] = &[2, 5, 4, 3];

/// Makes a certificate of the samples' signing authority.
pub(crate) struct Leaf {
    params: CertificateParams,
}

impl Leaf {
    /// A client's, with the subject of the samples'.
    pub(crate) fn client() -> Self {
        Self::new().subject([
            (DnType::StateOrProvinceName, text("My State")),
            (DnType::OrganizationName, text("My Company")),
            (DnType::CommonName, text("My Client")),
        ])
    }

    /// One for any use, with no subject, valid from yesterday until tomorrow.
    pub(crate) fn new() -> Self {
        let mut params = CertificateParams::default();
        params.distinguished_name = DistinguishedName::new();
        let day = Duration::from_secs(24 * 3600);
        Self { params }.valid(SystemTime::now() - day, SystemTime::now() + day)
    }

    pub(crate) fn subject(mut self, attributes: impl IntoIterator<Item = (DnType, DnValue)>) -> Self {
        let mut name = DistinguishedName::new();
        for (kind, value) in attributes {
            name.push(kind, value);
        }
        self.params.distinguished_name = name;
        self
    }

    pub(crate) fn valid(mut self, from: SystemTime, to: SystemTime) -> Self {
        let since_1970 =
            |t: SystemTime| Duration::from_secs(t.duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs());
        self.params.not_before = date_time_ymd(1970, 1, 1) + since_1970(from);
        self.params.not_after = date_time_ymd(1970, 1, 1) + since_1970(to);
        self
    }

    pub(crate) fn names(mut self, names: &[&str]) -> Self {
        let names: Vec<String> = names.iter().map(|n| (*n).to_owned()).collect();
        self.params.subject_alt_names = CertificateParams::new(names).unwrap().subject_alt_names;
        self
    }

    pub(crate) fn purpose(mut self, purpose: ExtendedKeyUsagePurpose) -> Self {
        self.params.extended_key_usages = vec![purpose];
        self
    }

    pub(crate) fn key_usage(mut self, usage: KeyUsagePurpose) -> Self {
        self.params.key_usages = vec![usage];
        self
    }

    /// By the signing authority of the samples.
    pub(crate) fn sign(self) -> Identity {
        let key = KeyPair::from_pem(&std::fs::read_to_string(sample("ca-signing-key.pem")).unwrap()).unwrap();
        self.sign_by("SAMPLE Signing CA", key)
    }

    /// By an authority that nobody knows.
    pub(crate) fn sign_by_a_stranger(self) -> Identity {
        self.sign_by("Another CA", KeyPair::generate().unwrap())
    }

    /// By somebody who says to be the samples' authority.
    pub(crate) fn sign_by_an_impostor(self) -> Identity {
        self.sign_by("SAMPLE Signing CA", KeyPair::generate().unwrap())
    }

    fn sign_by(self, name: &str, authority: KeyPair) -> Identity {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name = DistinguishedName::new();
        params.distinguished_name.push(DnType::StateOrProvinceName, "My State");
        params.distinguished_name.push(DnType::OrganizationName, "My Company");
        params.distinguished_name.push(DnType::CommonName, name);
        let issuer = Issuer::new(params, authority);
        let key = KeyPair::generate().unwrap();
        let certificate = self.params.signed_by(&key, &issuer).unwrap();
        files(&certificate.pem(), &key.serialize_pem())
    }

    /// By itself, as its own authority.
    pub(crate) fn sign_itself(mut self) -> Identity {
        self.params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        files(&self.params.self_signed(&key).unwrap().pem(), &key.serialize_pem())
    }
}

fn files(certificate: &str, key: &str) -> Identity {
    let files = Scratch::new();
    Identity { cert: files.write("cert.pem", certificate), key: files.write("key.pem", key), _files: Some(files) }
}

/// OpenSSL's mask for UTF8String.
pub(crate) const UTF8: &str = "0x2000";

/// A client's certificate with a subject as OpenSSL writes it, `+` between the attributes of one set. `mask` says as which
/// kind of text.
pub(crate) fn by_openssl(subject: &str, mask: &str) -> Identity {
    let files = Scratch::new();
    let (cert, key) = (files.path("cert.pem"), files.path("key.pem"));
    let config = format!("[req]\nstring_mask = MASK:{mask}\ndistinguished_name = name\n[name]\n");
    let config = files.write("config", config);
    let mut command = super::support::openssl();
    command.args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-utf8"]);
    command
        .args(["-multivalue-rdn", "-days", "2", "-addext", "basicConstraints=CA:FALSE", "-subj", subject])
        .arg("-config")
        .arg(config);
    command.arg("-CA").arg(sample("ca-signing-cert.pem")).arg("-CAkey").arg(sample("ca-signing-key.pem"));
    let done = command.arg("-out").arg(&cert).arg("-keyout").arg(&key).output().unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    Identity { cert, key, _files: Some(files) }
}
