//! The check of a client certificate's fields.

use springline_core::Result;
use x509_parser::asn1_rs::Oid;
use x509_parser::x509::{AttributeTypeAndValue, X509Name};

use super::certificate::text_of;
use super::names::{by_oid, resolve};
use super::settings::config_error;

/// What is made of a subject that is not simply one value a field. All agree on ordinary certificates.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum VerifyMode {
    /// A field has to occur once and stand first in its set, so that [`Last`](Self::Last) and [`Any`](Self::Any) agree:
    /// an authority that lets applicants add fields cannot be used to pass for somebody else.
    #[default]
    Unique,
    /// As Spring Python (1.2, on Python 2.7) does: of each set only the first attribute counts, of several fields with
    /// one name only the last.
    Last,
    /// One of the values has to be the expected one, wherever it stands.
    Any,
}

/// The fields that are checked, with names resolved.
#[derive(Clone, Debug, Default)]
pub(super) struct Rules {
    fields: Vec<Rule>,
    mode: VerifyMode,
}

#[derive(Clone, Debug)]
struct Rule {
    name: String,
    oid: Oid<'static>,
    expected: String,
}

impl Rules {
    pub(super) fn new(fields: &[(String, String)], mode: VerifyMode) -> Result<Self> {
        let mut rules: Vec<Rule> = Vec::with_capacity(fields.len());
        for (name, expected) in fields {
            let oid = resolve(name).map_err(|e| e.context("verify_fields"))?;
            if expected.is_empty() {
                return Err(config_error(format!(
                    "verify_fields: {name:?} is to be empty, which no certificate passes"
                )));
            }
            match rules.iter().find(|r| r.oid == oid) {
                Some(same) if same.expected == *expected => continue,
                Some(same) => {
                    let both = format!("{:?} and {name:?} are one field with two values", same.name);
                    return Err(config_error(format!("verify_fields: {both}, which no certificate passes")));
                }
                None => {}
            }
            let name = by_oid(&oid.to_id_string()).map_or_else(|| name.clone(), |row| row.2.to_owned());
            rules.push(Rule { name, oid, expected: expected.clone() });
        }
        Ok(Self { fields: rules, mode })
    }

    pub(super) fn is_empty(&self) -> bool {
        self.fields.is_empty()
    }

    /// All reasons why `subject` does not pass.
    pub(super) fn mismatches(&self, subject: &X509Name<'_>) -> Vec<String> {
        if self.is_empty() {
            return Vec::new();
        }
        if subject.iter_attributes().next().is_none() {
            return vec!["Peer certificate doesn't have the 'subject' field".to_owned()];
        }
        self.fields.iter().filter_map(|rule| rule.mismatch(subject, self.mode)).collect()
    }
}

impl Rule {
    fn mismatch(&self, subject: &X509Name<'_>, mode: VerifyMode) -> Option<String> {
        let Self { name, oid, expected } = self;
        let of_type = |a: &&AttributeTypeAndValue<'_>| a.attr_type() == oid;
        let mut visible = subject.iter_rdn().filter_map(|rdn| rdn.iter().next()).filter(of_type);
        let mut all = subject.iter_attributes().filter(of_type);
        let candidates: Vec<&AttributeTypeAndValue<'_>> = match mode {
            VerifyMode::Last => visible.last().into_iter().collect(),
            VerifyMode::Any => all.collect(),
            VerifyMode::Unique => {
                let (first, second) = (all.next(), all.next());
                if second.is_some() {
                    return Some(format!("Peer sent the '{name}' field {} times", all.count() + 2));
                }
                if first.is_some() && visible.next().is_none() {
                    return Some(format!("Peer sent the '{name}' field behind another one, in one set with it"));
                }
                first.into_iter().collect()
            }
        };
        let values: Vec<Option<String>> = candidates.iter().map(|a| text_of(a.attr_value())).collect();
        if values.iter().flatten().any(|v| v == expected) {
            return None;
        }
        Some(match values.last() {
            None => format!("Peer didn't send the '{name}' field"),
            Some(Some(empty)) if empty.is_empty() => format!("Peer didn't send the '{name}' field, it is empty"),
            Some(Some(value)) => format!("Expected the field '{name}' to have value {expected:?} instead of {value:?}"),
            Some(None) => format!("Expected the field '{name}' to have value {expected:?} instead of what is no text"),
        })
    }
}

#[cfg(test)]
mod tests {
    use x509_parser::prelude::FromDer;

    use super::*;

    #[track_caller]
    fn check(fields: &[(&str, &str)], expected: &str) {
        let fields: Vec<_> = fields.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        let got = match Rules::new(&fields, VerifyMode::Unique) {
            Ok(rules) => format!("{:?}", rules.fields.iter().map(|r| r.name.as_str()).collect::<Vec<_>>()),
            Err(e) => e.to_string(),
        };
        assert!(got.contains(expected), "{got}");
    }

    #[test]
    fn rules() {
        check(&[("commonName", "x"), ("2.5.4.10", "y")], r#"["commonName", "organizationName"]"#);
        check(&[("CN", "x"), ("commonName", "x")], r#"["commonName"]"#);
        check(&[("CN", "x"), ("commonName", "y")], "are one field with two values");
        check(&[("FOO", "x")], "verify_fields: unknown certificate field \"FOO\"");
        check(&[("commonName", "")], "is to be empty");
        check(&[("1.2.3.4", "x")], r#"["1.2.3.4"]"#);
    }

    // A name with one set of one attribute: its OID's and its value's DER.
    fn mismatches(value: &[u8], mode: VerifyMode) -> Vec<String> {
        let der = |tag: u8, content: &[u8]| [&[tag, u8::try_from(content.len()).unwrap()], content].concat();
        let attribute = der(0x30, &[&der(0x06, &[0x55, 4, 3]), value].concat());
        let name = der(0x30, &der(0x31, &attribute));
        let rules = Rules::new(&[("commonName".to_owned(), "#d800".to_owned())], mode).unwrap();
        rules.mismatches(&X509Name::from_der(&name).unwrap().1)
    }

    #[test]
    fn what_is_no_text_equals_nothing() {
        for mode in [VerifyMode::Unique, VerifyMode::Last, VerifyMode::Any] {
            assert_eq!(mismatches(b"\x0c\x05#d800", mode), [""; 0], "as UTF-8");
            let told = ["Expected the field 'commonName' to have value \"#d800\" instead of what is no text"];
            assert_eq!(mismatches(b"\x1e\x02\xd8\x00", mode), told, "half of a pair");
            assert_eq!(mismatches(b"\x0c\x01\xff", mode), told, "no UTF-8");
            assert_eq!(mismatches(b"\x04\x05#d800", mode), told, "an octet string");
            assert_eq!(mismatches(b"\x8c\x05#d800", mode), told, "UTF-8's number in another class");
            assert_eq!(mismatches(b"\x2c\x07\x0c\x05#d800", mode), told, "in pieces");
        }
    }
}
