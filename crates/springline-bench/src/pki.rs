//! Certificates for the workloads over TLS: P-256, made anew for every run, gone with it.

use crate::Result;
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose,
};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::server::WebPkiClientVerifier;
use rustls::{ClientConfig, RootCertStore, ServerConfig};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// What the servers that check fields expect of a client's certificate, and what [`Pki`] puts there:
/// long names of RFC 5280 and values.
pub(crate) const FIELDS: [(&str, &str); 4] = [
    ("commonName", "client"),
    ("organizationName", "Springline"),
    ("organizationalUnitName", "Benchmarks"),
    ("countryName", "DE"),
];

/// A directory with a CA, a server's certificate for 127.0.0.1 and localhost, and a client's. It goes with the value.
pub(crate) struct Pki {
    dir: PathBuf,
}

impl Pki {
    pub(crate) fn make() -> Result<Self> {
        let dir = std::env::temp_dir().join(format!("springline-pki-{}", std::process::id()));
        std::fs::create_dir_all(&dir)?;
        let pki = Self { dir };
        let mut ca = CertificateParams::default();
        ca.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        ca.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::DigitalSignature];
        ca.distinguished_name.push(DnType::CommonName, "Springline benchmarks CA");
        let key = KeyPair::generate()?;
        pki.write("ca.pem", &ca.self_signed(&key)?.pem())?;
        let issuer = Issuer::new(ca, key);
        let names = vec!["localhost".to_owned(), "127.0.0.1".to_owned()];
        pki.leaf("server", names, ExtendedKeyUsagePurpose::ServerAuth, &issuer)?;
        pki.leaf("client", Vec::new(), ExtendedKeyUsagePurpose::ClientAuth, &issuer)?;
        Ok(pki)
    }

    fn leaf(
        &self,
        name: &str,
        alternative_names: Vec<String>,
        usage: ExtendedKeyUsagePurpose,
        issuer: &Issuer<'_, KeyPair>,
    ) -> Result<()> {
        let mut leaf = CertificateParams::new(alternative_names)?;
        leaf.distinguished_name = rcgen::DistinguishedName::new();
        leaf.distinguished_name.push(DnType::CountryName, FIELDS[3].1);
        leaf.distinguished_name.push(DnType::OrganizationName, FIELDS[1].1);
        leaf.distinguished_name.push(DnType::OrganizationalUnitName, FIELDS[2].1);
        leaf.distinguished_name.push(DnType::CommonName, name);
        leaf.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        leaf.extended_key_usages = vec![usage];
        leaf.use_authority_key_identifier_extension = true;
        let key = KeyPair::generate()?;
        self.write(&format!("{name}.pem"), &leaf.signed_by(&key, issuer)?.pem())?;
        self.write(&format!("{name}.key"), &key.serialize_pem())
    }

    fn write(&self, name: &str, text: &str) -> Result<()> {
        Ok(std::fs::write(self.dir.join(name), text)?)
    }

    pub(crate) fn files(&self) -> Files {
        Files(self.dir.clone())
    }
}

impl Drop for Pki {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.dir);
    }
}

/// The files of a [`Pki`], for the processes that load them.
#[derive(Clone)]
pub(crate) struct Files(PathBuf);

impl Files {
    /// Those in the directory that the starting process named.
    pub(crate) fn of(dir: Option<&Path>) -> Result<Self> {
        Ok(Self(dir.ok_or("a contestant over TLS needs --pki DIR")?.to_owned()))
    }

    pub(crate) fn dir(&self) -> &Path {
        &self.0
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    fn roots(&self) -> Result<RootCertStore> {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_file(self.path("ca.pem"))?)?;
        Ok(roots)
    }

    fn identity(&self, name: &str) -> Result<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>)> {
        let chain = CertificateDer::pem_file_iter(self.path(&format!("{name}.pem")))?.collect::<Result<_, _>>()?;
        Ok((chain, PrivateKeyDer::from_pem_file(self.path(&format!("{name}.key")))?))
    }

    /// A bare rustls server: ring, its defaults, TLS 1.2 and 1.3.
    pub(crate) fn server(&self, client_certificates: bool) -> Result<ServerConfig> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = ServerConfig::builder_with_provider(provider.clone()).with_safe_default_protocol_versions()?;
        let (chain, key) = self.identity("server")?;
        let builder = if client_certificates {
            let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(self.roots()?), provider).build()?;
            builder.with_client_cert_verifier(verifier)
        } else {
            builder.with_no_client_auth()
        };
        Ok(builder.with_single_cert(chain, key)?)
    }

    /// A bare rustls client for TLS 1.3, which never resumes.
    pub(crate) fn client(&self, client_certificate: bool) -> Result<ClientConfig> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder =
            ClientConfig::builder_with_provider(provider).with_protocol_versions(&[&rustls::version::TLS13])?;
        let builder = builder.with_root_certificates(self.roots()?);
        let mut config = if client_certificate {
            let (chain, key) = self.identity("client")?;
            builder.with_client_auth_cert(chain, key)?
        } else {
            builder.with_no_client_auth()
        };
        config.resumption = rustls::client::Resumption::disabled();
        Ok(config)
    }
}

/// The name that the servers' certificates stand for.
pub(crate) fn server_name() -> ServerName<'static> {
    ServerName::IpAddress(std::net::IpAddr::from([127, 0, 0, 1]).into())
}
