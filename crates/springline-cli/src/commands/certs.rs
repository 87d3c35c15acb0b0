//! `springline certs`: a sample PKI in a directory.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::time::{Duration, SystemTime};

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DistinguishedName, DnType, DnValue, ExtendedKeyUsagePurpose,
    IsCa, KeyPair, KeyUsagePurpose, SignatureAlgorithm, date_time_ymd,
};
use springline_net::tls::field_oid;

use crate::cli::{Certs, KeyType};
use crate::failure::Failure;
use crate::output;

/// In seconds.
const DAY: u64 = 24 * 3600;
/// Clocks of other machines may be behind ours.
const BEFORE: Duration = Duration::from_secs(DAY);

type Issuer = CertifiedIssuer<'static, KeyPair>;

/// Runs the command.
pub(crate) fn run(command: &Certs) -> Result<(), Failure> {
    let pki = Pki::new(command)?;
    let directory = &command.directory;
    fs::create_dir_all(directory).map_err(|e| cannot("make", directory, &e))?;
    if !command.force {
        // All are looked for first: half a PKI fits nothing.
        let there: Vec<&str> =
            pki.files.iter().map(|f| f.name).filter(|n| directory.join(n).symlink_metadata().is_ok()).collect();
        if !there.is_empty() {
            let text = format!("{} has {} already; --force overwrites", directory.display(), there.join(", "));
            return Err(Failure::Usage(text));
        }
    }
    for file in &pki.files {
        let path = directory.join(file.name);
        file.write(&path).map_err(|e| cannot("write", &path, &e))?;
        output::line(&path.display().to_string())?;
    }
    Ok(())
}

fn cannot(what: &str, path: &Path, e: &io::Error) -> Failure {
    Failure::Usage(format!("cannot {what} {}: {e}", path.display()))
}

struct File {
    name: &'static str,
    mode: u32,
    content: String,
}

impl File {
    // In place of what is there, never into it: that may be open to others, or a link.
    fn write(&self, path: &Path) -> io::Result<()> {
        match fs::remove_file(path) {
            Err(e) if e.kind() != io::ErrorKind::NotFound => return Err(e),
            _ => {}
        }
        let mut file = OpenOptions::new().write(true).create_new(true).mode(self.mode).open(path)?;
        file.write_all(self.content.as_bytes())
    }
}

struct Pki {
    files: Vec<File>,
}

impl Pki {
    fn new(command: &Certs) -> Result<Self, Failure> {
        let days = Duration::from_secs(u64::from(command.days) * DAY);
        let (start, length) = match &command.start {
            Some(date) => (Duration::from_secs(parse_date(date).map_err(Failure::Usage)? * DAY), days),
            None => (SystemTime::UNIX_EPOCH.elapsed().unwrap_or_default().saturating_sub(BEFORE), days + BEFORE),
        };
        let params = |option: &str, subject: &str| {
            let mut params = CertificateParams::default();
            params.distinguished_name = parse_subject(subject).map_err(|e| Failure::Usage(format!("{option}: {e}")))?;
            params.not_before = date_time_ymd(1970, 1, 1) + Duration::from_secs(start.as_secs());
            params.not_after = params.not_before + length;
            params.use_authority_key_identifier_extension = true;
            Ok::<_, Failure>(params)
        };
        let authority = |option: &str, subject: &str, below: u8| {
            let mut params = params(option, subject)?;
            params.is_ca = IsCa::Ca(BasicConstraints::Constrained(below));
            params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
            Ok::<_, Failure>(params)
        };
        let leaf = |option: &str, subject: &str, purpose: ExtendedKeyUsagePurpose| {
            let mut params = params(option, subject)?;
            params.is_ca = IsCa::ExplicitNoCa;
            params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
            params.extended_key_usages = vec![purpose];
            Ok::<_, Failure>(params)
        };
        let key = || KeyPair::generate_for(algorithm(command.key_type)).map_err(failed);

        let root = authority("--root-subject", &command.root_subject, 1)?;
        let root: Issuer = CertifiedIssuer::self_signed(root, key()?).map_err(failed)?;
        let signing = authority("--signing-subject", &command.signing_subject, 0)?;
        let signing: Issuer = CertifiedIssuer::signed_by(signing, key()?, &root).map_err(failed)?;

        let mut server = leaf("--server-subject", &command.server_subject, ExtendedKeyUsagePurpose::ServerAuth)?;
        let names = match command.names.as_slice() {
            [] => ["localhost", "127.0.0.1", "::1"].map(str::to_owned).to_vec(),
            names => names.to_vec(),
        };
        server.subject_alt_names =
            CertificateParams::new(names).map_err(|e| Failure::Usage(format!("--san: {e}")))?.subject_alt_names;
        let client = leaf("--client-subject", &command.client_subject, ExtendedKeyUsagePurpose::ClientAuth)?;

        let mut files = vec![
            certificate("ca-root-cert.pem", root.pem()),
            private("ca-root-key.pem", root.key()),
            certificate("ca-signing-cert.pem", signing.pem()),
            private("ca-signing-key.pem", signing.key()),
            certificate("ca-chain.pem", signing.pem() + &root.pem()),
        ];
        for (params, name, key_name) in
            [(server, "server-cert.pem", "server-key.pem"), (client, "client-cert.pem", "client-key.pem")]
        {
            let key = key()?;
            let leaf = params.signed_by(&key, &signing).map_err(failed)?;
            files.push(certificate(name, leaf.pem() + &signing.pem()));
            files.push(private(key_name, &key));
        }
        Ok(Self { files })
    }
}

fn certificate(name: &'static str, pem: String) -> File {
    File { name, mode: 0o644, content: pem.replace("\r\n", "\n") }
}

fn private(name: &'static str, key: &KeyPair) -> File {
    File { name, mode: 0o600, content: key.serialize_pem().replace("\r\n", "\n") }
}

fn failed(e: rcgen::Error) -> Failure {
    Failure::Usage(format!("no certificate can be made of this: {e}"))
}

fn algorithm(key_type: KeyType) -> &'static SignatureAlgorithm {
    match key_type {
        KeyType::P256 => &rcgen::PKCS_ECDSA_P256_SHA256,
        KeyType::P384 => &rcgen::PKCS_ECDSA_P384_SHA384,
        KeyType::Ed25519 => &rcgen::PKCS_ED25519,
    }
}

// The days from 1970 on.
fn parse_date(text: &str) -> Result<u64, String> {
    let sound = |(i, byte): (usize, u8)| if matches!(i, 4 | 7) { byte == b'-' } else { byte.is_ascii_digit() };
    let sound = text.len() == 10 && text.bytes().enumerate().all(sound);
    let numbers: Vec<u64> = text.split('-').filter_map(|n| n.parse().ok()).collect();
    let leap = |y: u64| y.is_multiple_of(4) && (!y.is_multiple_of(100) || y.is_multiple_of(400));
    let lengths = |y| [31, 28 + u64::from(leap(y)), 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    match (sound, numbers.as_slice()) {
        (true, &[year @ 1970..=2999, month @ 1..=12, day @ 1..=31]) => {
            let lengths = lengths(year);
            let (before, rest) = lengths.split_at(month as usize - 1);
            if rest.first().is_some_and(|length| day <= *length) {
                let years: u64 = (1970..year).map(|y| 365 + u64::from(leap(y))).sum();
                return Ok(years + before.iter().sum::<u64>() + day - 1);
            }
            Err(format!("--start: the month {year}-{month:02} has no day {day}"))
        }
        _ => Err(format!("--start: {text:?} is no date from 1970 on: expected YYYY-MM-DD")),
    }
}

// `ST=My State, O=A\, B, CN=My Client`
fn parse_subject(text: &str) -> Result<DistinguishedName, String> {
    let mut name = DistinguishedName::new();
    for part in split(text) {
        let (field, value) =
            part.split_once('=').ok_or_else(|| format!("{part:?} is not of the form NAME=VALUE (as CN=My Client)"))?;
        let (field, value) = (field.trim(), value);
        let oid = field_oid(field).map_err(|e| e.message().to_owned())?;
        let arcs: Vec<u64> = oid.split('.').filter_map(|arc| arc.parse().ok()).collect();
        let value = unescape(value);
        if value.is_empty() {
            return Err(format!("{field} has no value"));
        }
        let kind = DnType::from_oid(&arcs);
        if name.get(&kind).is_some() {
            return Err(format!("{field} stands there twice"));
        }
        // A country is a PrintableString by the standard, all others are taken as UTF-8.
        let value = match kind {
            DnType::CountryName => {
                let sound = value.len() == 2 && value.bytes().all(|b| b.is_ascii_uppercase());
                let printable = value.as_str().try_into().ok().filter(|_| sound);
                DnValue::PrintableString(printable.ok_or_else(|| format!("{value:?} is no country of two letters"))?)
            }
            _ => DnValue::Utf8String(value),
        };
        name.push(kind, value);
    }
    Ok(name)
}

// At commas that no backslash stands before. Blanks around the parts go, those that are escaped stay.
fn split(text: &str) -> Vec<String> {
    let mut parts = vec![String::new()];
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        let Some(last) = parts.last_mut() else { break };
        match c {
            '\\' => last.extend(std::iter::once('\\').chain(chars.next())),
            ',' => parts.push(String::new()),
            c if c.is_whitespace() && last.is_empty() => {}
            c => last.push(c),
        }
    }
    parts.retain(|p| !p.trim().is_empty());
    parts
}

fn unescape(text: &str) -> String {
    let mut out = String::new();
    // How much of it must stay when blanks at the end go.
    let mut kept = 0;
    let mut chars = text.trim_start().chars();
    while let Some(c) = chars.next() {
        let escaped = c == '\\';
        let c = if escaped { chars.next().unwrap_or('\\') } else { c };
        out.push(c);
        if escaped || !c.is_whitespace() {
            kept = out.len();
        }
    }
    out.truncate(kept);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: &str) {
        let got = match parse_subject(text) {
            Ok(name) => {
                let value = |v: &DnValue| match v {
                    DnValue::Utf8String(text) => text.clone(),
                    other => format!("{other:?}"),
                };
                name.iter().map(|(_, v)| value(v)).collect::<Vec<_>>().join("|")
            }
            Err(e) => e,
        };
        assert!(got.contains(expected) && got.is_empty() == expected.is_empty(), "{text}: {got}");
    }

    #[test]
    fn dates() {
        assert_eq!(parse_date("1970-01-01"), Ok(0));
        assert_eq!(parse_date("2000-03-01"), Ok(11_017));
        assert_eq!(parse_date("2026-01-01"), Ok(20_454));
        for bad in [
            "2026-02-29",
            "2026-13-01",
            "2026-00-01",
            "2026-01-00",
            "26-01-01",
            "2026-1-1",
            "1969-12-31",
            "",
            "2026-+1-01",
            "2026-1-001",
            "x-2026-1-1",
            "2026-01-01 ",
            "２０-01-01",
        ] {
            assert!(parse_date(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn subjects() {
        check("ST=My State, O=My Company,CN = My Client ", "My State|My Company|My Client");
        check(r"O=A\, B\\, CN=\ x\ ", r"A, B\| x ");
        check("commonName=a=b", "a=b");
        check("1.3.6.1.4.1.99999.1=x", "x");
        check("", "");
        check("C=PL", "PL");
        check("C=Poland", "no country of two letters");
        check("CN", "NAME=VALUE");
        check("CN=", "has no value");
        check("CN=a, commonName=b", "twice");
        check("organisationName=x", "did you mean");
    }
}
