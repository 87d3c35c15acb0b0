//! Names of the attributes that stand in a certificate's subject.

use springline_core::{Error, ErrorKind, Result};
use x509_parser::oid_registry::asn1_rs::Oid;

/// Dotted OID, OpenSSL's short name, OpenSSL's long name. The long names are those that Python's `getpeercert` gives.
type Row = (&'static str, &'static str, &'static str);

/// All attributes of OpenSSL 3.0.19 (`OBJ_obj2txt`) that may occur in a subject: X.500 (2.5.4), RFC 4524 (the pilot
/// schema), PKCS#9, EV jurisdictions and the Russian ones.
#[rustfmt::skip]
static NAMES: &[Row] = &[
    ("0.9.2342.19200300.100.1.1", "UID", "userId"),
    ("0.9.2342.19200300.100.1.2", "textEncodedORAddress", "textEncodedORAddress"),
    ("0.9.2342.19200300.100.1.3", "mail", "rfc822Mailbox"),
    ("0.9.2342.19200300.100.1.4", "info", "info"),
    ("0.9.2342.19200300.100.1.5", "favouriteDrink", "favouriteDrink"),
    ("0.9.2342.19200300.100.1.6", "roomNumber", "roomNumber"),
    ("0.9.2342.19200300.100.1.7", "photo", "photo"),
    ("0.9.2342.19200300.100.1.8", "userClass", "userClass"),
    ("0.9.2342.19200300.100.1.9", "host", "host"),
    ("0.9.2342.19200300.100.1.10", "manager", "manager"),
    ("0.9.2342.19200300.100.1.11", "documentIdentifier", "documentIdentifier"),
    ("0.9.2342.19200300.100.1.12", "documentTitle", "documentTitle"),
    ("0.9.2342.19200300.100.1.13", "documentVersion", "documentVersion"),
    ("0.9.2342.19200300.100.1.14", "documentAuthor", "documentAuthor"),
    ("0.9.2342.19200300.100.1.15", "documentLocation", "documentLocation"),
    ("0.9.2342.19200300.100.1.20", "homeTelephoneNumber", "homeTelephoneNumber"),
    ("0.9.2342.19200300.100.1.21", "secretary", "secretary"),
    ("0.9.2342.19200300.100.1.22", "otherMailbox", "otherMailbox"),
    ("0.9.2342.19200300.100.1.23", "lastModifiedTime", "lastModifiedTime"),
    ("0.9.2342.19200300.100.1.24", "lastModifiedBy", "lastModifiedBy"),
    ("0.9.2342.19200300.100.1.25", "DC", "domainComponent"),
    ("0.9.2342.19200300.100.1.26", "aRecord", "aRecord"),
    ("0.9.2342.19200300.100.1.27", "pilotAttributeType27", "pilotAttributeType27"),
    ("0.9.2342.19200300.100.1.28", "mXRecord", "mXRecord"),
    ("0.9.2342.19200300.100.1.29", "nSRecord", "nSRecord"),
    ("0.9.2342.19200300.100.1.30", "sOARecord", "sOARecord"),
    ("0.9.2342.19200300.100.1.31", "cNAMERecord", "cNAMERecord"),
    ("0.9.2342.19200300.100.1.37", "associatedDomain", "associatedDomain"),
    ("0.9.2342.19200300.100.1.38", "associatedName", "associatedName"),
    ("0.9.2342.19200300.100.1.39", "homePostalAddress", "homePostalAddress"),
    ("0.9.2342.19200300.100.1.40", "personalTitle", "personalTitle"),
    ("0.9.2342.19200300.100.1.41", "mobileTelephoneNumber", "mobileTelephoneNumber"),
    ("0.9.2342.19200300.100.1.42", "pagerTelephoneNumber", "pagerTelephoneNumber"),
    ("0.9.2342.19200300.100.1.43", "friendlyCountryName", "friendlyCountryName"),
    ("0.9.2342.19200300.100.1.44", "uid", "uniqueIdentifier"),
    ("0.9.2342.19200300.100.1.45", "organizationalStatus", "organizationalStatus"),
    ("0.9.2342.19200300.100.1.46", "janetMailbox", "janetMailbox"),
    ("0.9.2342.19200300.100.1.47", "mailPreferenceOption", "mailPreferenceOption"),
    ("0.9.2342.19200300.100.1.48", "buildingName", "buildingName"),
    ("0.9.2342.19200300.100.1.49", "dSAQuality", "dSAQuality"),
    ("0.9.2342.19200300.100.1.50", "singleLevelQuality", "singleLevelQuality"),
    ("0.9.2342.19200300.100.1.51", "subtreeMinimumQuality", "subtreeMinimumQuality"),
    ("0.9.2342.19200300.100.1.52", "subtreeMaximumQuality", "subtreeMaximumQuality"),
    ("0.9.2342.19200300.100.1.53", "personalSignature", "personalSignature"),
    ("0.9.2342.19200300.100.1.54", "dITRedirect", "dITRedirect"),
    ("0.9.2342.19200300.100.1.55", "audio", "audio"),
    ("0.9.2342.19200300.100.1.56", "documentPublisher", "documentPublisher"),
    ("1.2.643.3.131.1.1", "INN", "INN"),
    ("1.2.643.100.1", "OGRN", "OGRN"),
    ("1.2.643.100.3", "SNILS", "SNILS"),
    ("1.2.643.100.5", "OGRNIP", "OGRNIP"),
    ("1.2.840.113549.1.9.1", "emailAddress", "emailAddress"),
    ("1.2.840.113549.1.9.2", "unstructuredName", "unstructuredName"),
    ("1.2.840.113549.1.9.3", "contentType", "contentType"),
    ("1.2.840.113549.1.9.4", "messageDigest", "messageDigest"),
    ("1.2.840.113549.1.9.5", "signingTime", "signingTime"),
    ("1.2.840.113549.1.9.6", "countersignature", "countersignature"),
    ("1.2.840.113549.1.9.7", "challengePassword", "challengePassword"),
    ("1.2.840.113549.1.9.8", "unstructuredAddress", "unstructuredAddress"),
    ("1.2.840.113549.1.9.9", "extendedCertificateAttributes", "extendedCertificateAttributes"),
    ("1.2.840.113549.1.9.14", "extReq", "Extension Request"),
    ("1.2.840.113549.1.9.15", "SMIME-CAPS", "S/MIME Capabilities"),
    ("1.2.840.113549.1.9.16", "SMIME", "S/MIME"),
    ("1.2.840.113549.1.9.20", "friendlyName", "friendlyName"),
    ("1.2.840.113549.1.9.21", "localKeyID", "localKeyID"),
    ("1.3.6.1.4.1.311.60.2.1.1", "jurisdictionL", "jurisdictionLocalityName"),
    ("1.3.6.1.4.1.311.60.2.1.2", "jurisdictionST", "jurisdictionStateOrProvinceName"),
    ("1.3.6.1.4.1.311.60.2.1.3", "jurisdictionC", "jurisdictionCountryName"),
    ("2.5.4.3", "CN", "commonName"),
    ("2.5.4.4", "SN", "surname"),
    ("2.5.4.5", "serialNumber", "serialNumber"),
    ("2.5.4.6", "C", "countryName"),
    ("2.5.4.7", "L", "localityName"),
    ("2.5.4.8", "ST", "stateOrProvinceName"),
    ("2.5.4.9", "street", "streetAddress"),
    ("2.5.4.10", "O", "organizationName"),
    ("2.5.4.11", "OU", "organizationalUnitName"),
    ("2.5.4.12", "title", "title"),
    ("2.5.4.13", "description", "description"),
    ("2.5.4.14", "searchGuide", "searchGuide"),
    ("2.5.4.15", "businessCategory", "businessCategory"),
    ("2.5.4.16", "postalAddress", "postalAddress"),
    ("2.5.4.17", "postalCode", "postalCode"),
    ("2.5.4.18", "postOfficeBox", "postOfficeBox"),
    ("2.5.4.19", "physicalDeliveryOfficeName", "physicalDeliveryOfficeName"),
    ("2.5.4.20", "telephoneNumber", "telephoneNumber"),
    ("2.5.4.21", "telexNumber", "telexNumber"),
    ("2.5.4.22", "teletexTerminalIdentifier", "teletexTerminalIdentifier"),
    ("2.5.4.23", "facsimileTelephoneNumber", "facsimileTelephoneNumber"),
    ("2.5.4.24", "x121Address", "x121Address"),
    ("2.5.4.25", "internationaliSDNNumber", "internationaliSDNNumber"),
    ("2.5.4.26", "registeredAddress", "registeredAddress"),
    ("2.5.4.27", "destinationIndicator", "destinationIndicator"),
    ("2.5.4.28", "preferredDeliveryMethod", "preferredDeliveryMethod"),
    ("2.5.4.29", "presentationAddress", "presentationAddress"),
    ("2.5.4.30", "supportedApplicationContext", "supportedApplicationContext"),
    ("2.5.4.31", "member", "member"),
    ("2.5.4.32", "owner", "owner"),
    ("2.5.4.33", "roleOccupant", "roleOccupant"),
    ("2.5.4.34", "seeAlso", "seeAlso"),
    ("2.5.4.35", "userPassword", "userPassword"),
    ("2.5.4.36", "userCertificate", "userCertificate"),
    ("2.5.4.37", "cACertificate", "cACertificate"),
    ("2.5.4.38", "authorityRevocationList", "authorityRevocationList"),
    ("2.5.4.39", "certificateRevocationList", "certificateRevocationList"),
    ("2.5.4.40", "crossCertificatePair", "crossCertificatePair"),
    ("2.5.4.41", "name", "name"),
    ("2.5.4.42", "GN", "givenName"),
    ("2.5.4.43", "initials", "initials"),
    ("2.5.4.44", "generationQualifier", "generationQualifier"),
    ("2.5.4.45", "x500UniqueIdentifier", "x500UniqueIdentifier"),
    ("2.5.4.46", "dnQualifier", "dnQualifier"),
    ("2.5.4.47", "enhancedSearchGuide", "enhancedSearchGuide"),
    ("2.5.4.48", "protocolInformation", "protocolInformation"),
    ("2.5.4.49", "distinguishedName", "distinguishedName"),
    ("2.5.4.50", "uniqueMember", "uniqueMember"),
    ("2.5.4.51", "houseIdentifier", "houseIdentifier"),
    ("2.5.4.52", "supportedAlgorithms", "supportedAlgorithms"),
    ("2.5.4.53", "deltaRevocationList", "deltaRevocationList"),
    ("2.5.4.54", "dmdName", "dmdName"),
    ("2.5.4.65", "pseudonym", "pseudonym"),
    ("2.5.4.72", "role", "role"),
    ("2.5.4.97", "organizationIdentifier", "organizationIdentifier"),
    ("2.5.4.98", "c3", "countryCode3c"),
    ("2.5.4.99", "n3", "countryCode3n"),
    ("2.5.4.100", "dnsName", "dnsName"),
];

/// The attribute with the dotted `oid`.
pub(super) fn by_oid(oid: &str) -> Option<&'static Row> {
    NAMES.iter().find(|row| row.0 == oid)
}

/// The dotted OID of a field of a certificate's subject, by its long name (`commonName`), its short name (`CN`) or the
/// OID itself.
///
/// ```
/// use springline_net::tls::field_oid;
/// assert_eq!(field_oid("organizationName").unwrap(), "2.5.4.10");
/// let unknown = field_oid("organisationName").unwrap_err();
/// assert!(unknown.message().ends_with("did you mean \"organizationName\"?"));
/// ```
///
/// # Errors
/// [`ErrorKind::Config`] for a word that is none of these, with a suggestion.
pub fn field_oid(name: &str) -> Result<String> {
    resolve(name).map(|oid| oid.to_id_string())
}

/// Finds an attribute by its long name, its dotted OID or its short name.
pub(super) fn resolve(name: &str) -> Result<Oid<'static>> {
    let known = NAMES.iter().find(|row| row.2 == name).or_else(|| NAMES.iter().find(|row| row.1 == name));
    let dotted = match known {
        Some(row) => row.0,
        None if name.starts_with(|c: char| c.is_ascii_digit()) => name,
        None => return Err(unknown(name)),
    };
    dotted.parse().ok().filter(|_| is_dotted(dotted)).ok_or_else(|| {
        Error::new(ErrorKind::Config, format!("{name:?} is no OID: expected numbers with dots between, as in 2.5.4.3"))
    })
}

fn is_dotted(text: &str) -> bool {
    let mut arcs = text.split('.').map(str::parse::<u64>);
    let first = arcs.next().and_then(Result::ok);
    let second = arcs.next().and_then(Result::ok);
    matches!((first, second), (Some(0 | 1), Some(0..40)) | (Some(2), Some(0..=175))) && arcs.all(|arc| arc.is_ok())
}

fn unknown(name: &str) -> Error {
    let long = NAMES.iter().map(|row| row.2);
    let alias = ALIASES.iter().find(|(alias, _)| alias.eq_ignore_ascii_case(name)).map(|(_, long)| *long);
    let short = || NAMES.iter().find(|row| row.1.eq_ignore_ascii_case(name)).map(|row| row.2);
    let hint = match alias.or_else(short).or_else(|| nearest(name, long)) {
        Some(near) => format!("did you mean {near:?}?"),
        None => "expected one of RFC 5280's names, as commonName, or a dotted OID".to_owned(),
    };
    Error::new(ErrorKind::Config, format!("unknown certificate field {name:?}: {hint}"))
}

/// What people write and OpenSSL does not.
static ALIASES: &[(&str, &str)] = &[
    ("email", "emailAddress"),
    ("E", "emailAddress"),
    ("state", "stateOrProvinceName"),
    ("S", "stateOrProvinceName"),
    ("province", "stateOrProvinceName"),
    ("country", "countryName"),
    ("locality", "localityName"),
    ("city", "localityName"),
    ("organization", "organizationName"),
    ("organisation", "organizationName"),
    ("organizationUnit", "organizationalUnitName"),
    ("unit", "organizationalUnitName"),
    ("street", "streetAddress"),
    ("T", "title"),
];

/// The candidate that is nearest to `word`, if it is near at all.
pub(super) fn nearest<'c>(word: &str, candidates: impl Iterator<Item = &'c str>) -> Option<&'c str> {
    let word = word.to_ascii_lowercase();
    // Longer words are none of ours, and the distance takes the square of their length.
    if word.len() > 80 {
        return None;
    }
    let bound = (word.len() / 3).max(1);
    candidates
        .map(|c| (distance(word.as_bytes(), c.to_ascii_lowercase().as_bytes()), c))
        .filter(|(distance, _)| *distance <= bound)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, c)| c)
}

// Levenshtein's.
fn distance(a: &[u8], b: &[u8]) -> usize {
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.iter().enumerate() {
        let mut diagonal = i;
        let mut left = i + 1;
        for (y, above) in b.iter().zip(row.iter_mut().skip(1)) {
            let cost = (diagonal + usize::from(x != y)).min(left + 1).min(*above + 1);
            diagonal = *above;
            *above = cost;
            left = cost;
        }
        if let Some(first) = row.first_mut() {
            *first = i + 1;
        }
    }
    row.last().copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(name: &str, expected: &str) {
        match resolve(name) {
            Ok(oid) => assert_eq!(oid.to_id_string(), expected, "{name}"),
            Err(e) => assert!(e.message().contains(expected), "{name}: {e}"),
        }
    }

    #[test]
    fn names_and_suggestions() {
        check("commonName", "2.5.4.3");
        check("CN", "2.5.4.3");
        check("2.5.4.3", "2.5.4.3");
        check("1.3.6.1.4.1.99999.1", "1.3.6.1.4.1.99999.1");
        check("userId", "0.9.2342.19200300.100.1.1");
        check("uid", "0.9.2342.19200300.100.1.44");
        check("emailAddress", "1.2.840.113549.1.9.1");
        check("FOO", "expected one of RFC 5280's names");
        check("comonName", "did you mean \"commonName\"?");
        check("commonname", "did you mean \"commonName\"?");
        check("organisationName", "did you mean \"organizationName\"?");
        check("email", "did you mean \"emailAddress\"?");
        check("cn", "did you mean \"commonName\"?");
        check("2.5.4", "2.5.4");
        check("2.5.x", "is no OID");
        check("3.1", "is no OID");
        check("1.99", "is no OID");
        check("2.5.", "is no OID");
        check("", "unknown certificate field");
    }

    #[test]
    fn every_row_resolves_to_itself() {
        for (oid, _, long) in NAMES {
            check(long, oid);
            assert_eq!(by_oid(oid).unwrap().2, *long);
        }
    }

    #[test]
    fn distances() {
        assert_eq!(distance(b"kitten", b"sitting"), 3);
        assert_eq!(distance(b"", b"abc"), 3);
        assert_eq!(distance(b"abc", b""), 3);
    }
}
