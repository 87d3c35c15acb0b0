//! The certificate that the other side showed.

use std::fmt;
use std::time::{Duration, SystemTime};

use springline_core::{Error, ErrorKind, Result};
use x509_parser::asn1_rs::{Any, Class, Tag};
use x509_parser::certificate::{X509Certificate, X509CertificateParser};
use x509_parser::extensions::{GeneralName, ParsedExtension};
use x509_parser::nom::Parser;
use x509_parser::oid_registry::OID_X509_EXT_KEY_USAGE;
use x509_parser::time::ASN1Time;
use x509_parser::x509::{AttributeTypeAndValue, X509Name};

use super::names::{by_oid, resolve};

/// A certificate that the other side proved to own. Only its bytes are kept; each question reads them anew, which takes
/// some microseconds.
#[derive(Clone, PartialEq, Eq)]
pub struct PeerCertificate {
    der: Box<[u8]>,
}

impl PeerCertificate {
    /// Takes a certificate in DER.
    ///
    /// # Errors
    /// [`ErrorKind::Malformed`] when it is none, or bytes follow.
    pub fn from_der(der: &[u8]) -> Result<Self> {
        parse(der, true)?;
        Ok(Self { der: der.into() })
    }

    /// For bytes that [`parse`] has read.
    pub(super) fn parsed(der: &[u8]) -> Self {
        Self { der: der.into() }
    }

    /// The certificate's bytes.
    #[must_use]
    pub fn der(&self) -> &[u8] {
        &self.der
    }

    fn read<T: Default>(&self, deep: bool, f: impl FnOnce(&X509Certificate<'_>) -> T) -> T {
        // It was read once already.
        parse(&self.der, deep).map(|c| f(&c)).unwrap_or_default()
    }

    /// Whom it was given to.
    #[must_use]
    pub fn subject(&self) -> DistinguishedName {
        self.read(false, |c| DistinguishedName::new(c.subject()))
    }

    /// Who gave it.
    #[must_use]
    pub fn issuer(&self) -> DistinguishedName {
        self.read(false, |c| DistinguishedName::new(c.issuer()))
    }

    /// The value of a field of the subject, by its long name (`commonName`), dotted OID or short name (`CN`). None when
    /// the subject does not have it, has it more than once, or has it in a form that is no text:
    /// [`PeerCertificate::subject`] tells these apart.
    #[must_use]
    pub fn field(&self, name: &str) -> Option<String> {
        let oid = resolve(name).ok()?.to_id_string();
        let subject = self.subject();
        let mut all = subject.attributes().filter(|a| a.oid == oid);
        all.next().filter(|_| all.next().is_none()).and_then(|a| a.value.clone())
    }

    /// The fields of the subject by their long names, in the certificate's order. Fields that are no text are given as
    /// `#` and the hexadecimal digits of their bytes.
    #[must_use]
    pub fn fields(&self) -> Vec<(String, String)> {
        self.subject().attributes().map(|a| (a.name().to_owned(), a.text())).collect()
    }

    /// The serial number as hexadecimal digits, without leading zeros.
    #[must_use]
    pub fn serial(&self) -> String {
        let digits: String = self.read(false, |c| c.raw_serial().iter().map(|b| format!("{b:02x}")).collect());
        match digits.trim_start_matches('0') {
            "" => "0".to_owned(),
            digits => digits.to_owned(),
        }
    }

    /// When it begins to be valid. None before 1970.
    #[must_use]
    pub fn not_before(&self) -> Option<SystemTime> {
        self.read(false, |c| system_time(c.validity().not_before))
    }

    /// The last second in which it is valid. None before 1970.
    #[must_use]
    pub fn not_after(&self) -> Option<SystemTime> {
        self.read(false, |c| system_time(c.validity().not_after))
    }

    /// The alternative names: DNS names, addresses, e-mail addresses and URIs as text; those of other kinds are left
    /// out.
    #[must_use]
    pub fn alternative_names(&self) -> Vec<String> {
        self.read(true, |c| {
            let names = c.extensions().iter().filter_map(|e| match e.parsed_extension() {
                ParsedExtension::SubjectAlternativeName(san) => Some(&san.general_names),
                _ => None,
            });
            names.flatten().filter_map(general_name).collect()
        })
    }
}

fn general_name(name: &GeneralName<'_>) -> Option<String> {
    match name {
        GeneralName::DNSName(text) | GeneralName::RFC822Name(text) | GeneralName::URI(text) => Some((*text).to_owned()),
        GeneralName::IPAddress(bytes) => {
            let v4 = <[u8; 4]>::try_from(*bytes).map(std::net::IpAddr::from);
            let v6 = <[u8; 16]>::try_from(*bytes).map(std::net::IpAddr::from);
            v4.or(v6).ok().map(|a| a.to_string())
        }
        _ => None,
    }
}

fn system_time(time: ASN1Time) -> Option<SystemTime> {
    u64::try_from(time.timestamp()).ok().map(|s| SystemTime::UNIX_EPOCH + Duration::from_secs(s))
}

impl fmt::Debug for PeerCertificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PeerCertificate")
            .field("subject", &self.subject().to_string())
            .field("serial", &self.serial())
            .finish_non_exhaustive()
    }
}

/// Reads a certificate; `deep` its extensions too.
pub(super) fn parse(der: &[u8], deep: bool) -> Result<X509Certificate<'_>> {
    let bad = |why: String| Error::new(ErrorKind::Malformed, format!("the certificate cannot be read: {why}"));
    match X509CertificateParser::new().with_deep_parse_extensions(deep).parse(der) {
        Ok((b"", certificate)) => Ok(certificate),
        Ok((rest, _)) => Err(bad(format!("{} bytes follow it", rest.len()))),
        Err(e) => Err(bad(e.to_string())),
    }
}

/// Whether a key usage, where there is one, allows what a TLS client's key is for: digitalSignature, or keyAgreement, which
/// OpenSSL accepts too. webpki does not look at it.
pub(super) fn may_sign(certificate: &X509Certificate<'_>) -> bool {
    // A BIT STRING: tag, length, the number of unused bits, bits 0 to 7 from the highest on.
    let allows = |der: &[u8]| matches!(der, [0x03, _, _, bits, ..] if bits & 0b1000_1000 != 0);
    certificate.extensions().iter().filter(|e| e.oid == OID_X509_EXT_KEY_USAGE).all(|e| allows(e.value))
}

/// A subject or an issuer: a list of sets of attributes, nearly always with one attribute each.
///
/// `Display` writes it as in `C=PL, CN=My Client`: short names, in the certificate's order, `+` within a set; characters
/// that could be taken for something else, or not be seen, are escaped as RFC 4514 has it (a NUL is `\00`).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DistinguishedName {
    sets: Vec<Vec<Attribute>>,
}

impl DistinguishedName {
    fn new(name: &X509Name<'_>) -> Self {
        Self { sets: name.iter().map(|rdn| rdn.iter().map(Attribute::new).collect()).collect() }
    }

    /// The sets in the certificate's order.
    pub fn sets(&self) -> impl Iterator<Item = &[Attribute]> {
        self.sets.iter().map(Vec::as_slice)
    }

    /// All attributes in the certificate's order.
    pub fn attributes(&self) -> impl Iterator<Item = &Attribute> {
        self.sets.iter().flatten()
    }

    /// Whether there is no attribute at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.attributes().next().is_none()
    }
}

impl fmt::Display for DistinguishedName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, set) in self.sets.iter().enumerate() {
            for (j, attribute) in set.iter().enumerate() {
                f.write_str(match (i, j) {
                    (0, 0) => "",
                    (_, 0) => ", ",
                    _ => "+",
                })?;
                write!(f, "{attribute}")?;
            }
        }
        Ok(())
    }
}

/// One attribute of a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attribute {
    oid: String,
    value: Option<String>,
    raw: Box<[u8]>,
}

impl Attribute {
    fn new(from: &AttributeTypeAndValue<'_>) -> Self {
        let any = from.attr_value();
        Self { oid: from.attr_type().to_id_string(), value: text_of(any), raw: any.data.into() }
    }

    /// The type as a dotted OID.
    #[must_use]
    pub fn oid(&self) -> &str {
        &self.oid
    }

    /// The long name of the type as OpenSSL has it (`commonName`), or else the dotted OID.
    #[must_use]
    pub fn name(&self) -> &str {
        by_oid(&self.oid).map_or(&self.oid, |row| row.2)
    }

    /// The value, if it is a text of any of X.509's kinds and sound.
    #[must_use]
    pub fn value(&self) -> Option<&str> {
        self.value.as_deref()
    }

    /// The bytes of the value, without ASN.1's tag and length.
    #[must_use]
    pub fn raw(&self) -> &[u8] {
        &self.raw
    }

    fn text(&self) -> String {
        self.value.clone().unwrap_or_else(|| {
            let digits: String = self.raw.iter().map(|b| format!("{b:02x}")).collect();
            format!("#{digits}")
        })
    }
}

impl fmt::Display for Attribute {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}=", by_oid(&self.oid).map_or(self.oid.as_str(), |row| row.1))?;
        let Some(value) = &self.value else { return f.write_str(&self.text()) };
        let last = value.chars().count().saturating_sub(1);
        for (i, c) in value.chars().enumerate() {
            match c {
                ',' | '+' | '"' | '\\' | '<' | '>' | ';' | '=' => write!(f, "\\{c}")?,
                '#' | ' ' if i == 0 => write!(f, "\\{c}")?,
                ' ' if i == last => write!(f, "\\{c}")?,
                c if c.is_control() || is_invisible(c) => {
                    for byte in c.encode_utf8(&mut [0; 4]).bytes() {
                        write!(f, "\\{byte:02X}")?;
                    }
                }
                c => write!(f, "{c}")?,
            }
        }
        Ok(())
    }
}

// Characters that change how a log line looks without being seen themselves.
fn is_invisible(c: char) -> bool {
    matches!(c, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

/// A value as text, by its ASN.1 type; as OpenSSL and so Python do it: the types of one byte a character are Latin-1.
pub(super) fn text_of(any: &Any<'_>) -> Option<String> {
    // The same numbers mean other things in other classes, and what is in pieces is no DER.
    if any.class() != Class::Universal || any.header.constructed() {
        return None;
    }
    let data: &[u8] = any.data;
    match any.tag() {
        Tag::Utf8String => std::str::from_utf8(data).ok().map(str::to_owned),
        Tag::PrintableString | Tag::Ia5String | Tag::T61String | Tag::NumericString | Tag::VisibleString => {
            Some(data.iter().map(|b| char::from(*b)).collect())
        }
        Tag::BmpString => {
            let (units, rest) = data.as_chunks::<2>();
            let units = units.iter().map(|u| u16::from_be_bytes(*u));
            rest.is_empty().then(|| char::decode_utf16(units).collect::<Result<String, _>>().ok())?
        }
        Tag::UniversalString => {
            let (units, rest) = data.as_chunks::<4>();
            rest.is_empty().then(|| units.iter().map(|u| char::from_u32(u32::from_be_bytes(*u))).collect())?
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(tag: Tag, data: &[u8], expected: Option<&str>) {
        assert_eq!(text_of(&Any::from_tag_and_data(tag, data)).as_deref(), expected);
    }

    #[test]
    fn kinds_of_text() {
        check(Tag::Utf8String, "Kraków".as_bytes(), Some("Kraków"));
        check(Tag::Utf8String, b"\xff", None);
        check(Tag::Utf8String, b"My\0Client", Some("My\0Client"));
        check(Tag::PrintableString, b"My Client", Some("My Client"));
        check(Tag::T61String, b"Krak\xf3w", Some("Kraków"));
        check(Tag::Ia5String, b"a@b", Some("a@b"));
        check(Tag::NumericString, b"12 3", Some("12 3"));
        check(Tag::BmpString, b"\x01\x41\x00\x61", Some("Ła"));
        check(Tag::BmpString, b"\xd8\x3d\xde\x00", Some("😀"));
        check(Tag::BmpString, b"\xd8\x3d", None);
        check(Tag::BmpString, b"\x00\x61\x00", None);
        check(Tag::UniversalString, b"\x00\x01\xf6\x00", Some("😀"));
        check(Tag::UniversalString, b"\x00\x11\x00\x00", None);
        check(Tag::UniversalString, b"\x00\x00\x00", None);
        check(Tag::OctetString, b"x", None);
        check(Tag::Integer, b"\x01", None);
    }

    #[test]
    fn names_as_text() {
        let attribute = |oid: &str, value: Option<&str>| Attribute {
            oid: oid.to_owned(),
            value: value.map(str::to_owned),
            raw: Box::new(*b"\x01\xff"),
        };
        let name = DistinguishedName {
            sets: vec![
                vec![attribute("2.5.4.6", Some("PL"))],
                vec![attribute("2.5.4.11", Some(" a,b ")), attribute("2.5.4.3", Some("My\0Cl\u{202e}ient"))],
                vec![attribute("1.2.3", None)],
            ],
        };
        assert_eq!(name.to_string(), "C=PL, OU=\\ a\\,b\\ +CN=My\\00Cl\\E2\\80\\AEient, 1.2.3=#01ff");
        assert!(PeerCertificate::from_der(b"0").unwrap_err().message().contains("cannot be read"));
    }

    #[test]
    fn the_samples_read() {
        use rustls_pki_types::CertificateDer;
        use rustls_pki_types::pem::PemObject;

        let certs = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../certs");
        let read = |name: &str| CertificateDer::from_pem_file(certs.join(name)).unwrap();
        let server = PeerCertificate::from_der(&read("server-cert.pem")).unwrap();
        assert_eq!(server.issuer().to_string(), "ST=My State, O=My Company, CN=SAMPLE Signing CA");
        assert_eq!(server.field("commonName").as_deref(), Some("My Server"));
        assert_eq!(server.field("L").as_deref(), Some("My Town"));
        assert_eq!(server.field("2.5.4.10").as_deref(), Some("My Company"));
        assert_eq!((server.field("title"), server.field("FOO")), (None, None));
        let name = ("stateOrProvinceName".to_owned(), "My State".to_owned());
        assert_eq!((server.fields().len(), server.fields().first()), (4, Some(&name)));
        assert_eq!(server.alternative_names(), ["localhost", "127.0.0.1", "::1"]);
        let day = |n: u64| Some(SystemTime::UNIX_EPOCH + Duration::from_secs(n * 24 * 3600));
        assert_eq!((server.not_before(), server.not_after()), (day(20_089), day(20_089 + 18_262)));
        assert!(server.serial().len() > 30 && server.serial().bytes().all(|b| b.is_ascii_hexdigit()));
        assert!(format!("{server:?}").contains("CN=My Server"));

        // Whatever comes, it is read or refused, and what was read answers.
        let der = read("client-cert.pem");
        for cut in 0..der.len() {
            assert!(PeerCertificate::from_der(&der[..cut]).is_err(), "{cut}");
        }
        assert!(PeerCertificate::from_der(&[&der[..], b"x"].concat()).is_err());
        let mut changed = der.to_vec();
        for i in 0..changed.len() {
            for bit in [1, 2, 4, 16, 128, 255] {
                changed[i] ^= bit;
                if let Ok(c) = PeerCertificate::from_der(&changed) {
                    let names = (c.alternative_names(), c.not_before(), c.not_after(), c.serial(), c.field("CN"));
                    assert!(!format!("{names:?} {} {}", c.subject(), c.issuer()).is_empty());
                }
                changed[i] ^= bit;
            }
        }
    }
}
