//! Every dependency's licence is one that deny.toml allows. cargo-deny says the same, but not everybody has it.

use std::collections::BTreeSet;

use crate::common;

/// Whether a licence expression can be satisfied with these licences. `/` is the old way to write OR.
fn satisfied(expression: &str, allowed: &BTreeSet<String>) -> Result<bool, String> {
    let spaced = expression.replace('(', " ( ").replace(')', " ) ").replace('/', " OR ");
    let words: Vec<&str> = spaced.split_whitespace().collect();
    let mut at = 0;
    let result = either(&words, &mut at, allowed)?;
    match words.get(at) {
        None => Ok(result),
        Some(word) => Err(format!("unexpected {word} in {expression}")),
    }
}

fn either(words: &[&str], at: &mut usize, allowed: &BTreeSet<String>) -> Result<bool, String> {
    let mut result = both(words, at, allowed)?;
    while words.get(*at) == Some(&"OR") {
        *at += 1;
        result |= both(words, at, allowed)?;
    }
    Ok(result)
}

fn both(words: &[&str], at: &mut usize, allowed: &BTreeSet<String>) -> Result<bool, String> {
    let mut result = single(words, at, allowed)?;
    while words.get(*at) == Some(&"AND") {
        *at += 1;
        result &= single(words, at, allowed)?;
    }
    Ok(result)
}

fn single(words: &[&str], at: &mut usize, allowed: &BTreeSet<String>) -> Result<bool, String> {
    let word = *words.get(*at).ok_or("it ends too early")?;
    *at += 1;
    match word {
        "(" => {
            let result = either(words, at, allowed)?;
            if words.get(*at) != Some(&")") {
                return Err("a parenthesis is not closed".to_owned());
            }
            *at += 1;
            Ok(result)
        }
        ")" | "OR" | "AND" | "WITH" => Err(format!("unexpected {word}")),
        licence if words.get(*at) == Some(&"WITH") => {
            let exception = words.get(*at + 1).ok_or("it ends too early")?;
            *at += 2;
            Ok(allowed.contains(&format!("{licence} WITH {exception}")))
        }
        licence => Ok(allowed.contains(licence)),
    }
}

/// The `allow` list of the `[licenses]` table.
fn allowed() -> BTreeSet<String> {
    let config = std::fs::read_to_string(common::root().join("deny.toml")).unwrap();
    let table = config.split("\n[licenses]").nth(1).expect("deny.toml has a [licenses] table");
    let list =
        table.split("\nallow = [").nth(1).and_then(|l| l.split(']').next()).expect("[licenses] has an allow list");
    let list: BTreeSet<String> = list
        .lines()
        .map(|line| line.split('#').next().unwrap_or_default())
        .flat_map(|line| line.split(','))
        .map(|entry| entry.trim().trim_matches('"').to_owned())
        .filter(|entry| !entry.is_empty())
        .collect();
    assert!(list.contains("MIT") && list.contains("Apache-2.0"), "the allow list was not understood: {list:?}");
    list
}

#[test]
fn every_licence_is_allowed() {
    let allowed = allowed();
    let metadata = common::metadata();
    let mut refused = Vec::new();
    let packages = metadata["packages"].as_array().unwrap();
    assert!(packages.iter().any(|p| !p["source"].is_null()), "no dependencies at all?");
    for package in packages {
        let name = format!("{} {}", common::text(package, "name"), common::text(package, "version"));
        match package["license"].as_str() {
            None => refused.push(format!("{name}: no licence expression")),
            Some(licence) => match satisfied(licence, &allowed) {
                Ok(true) => {}
                Ok(false) => refused.push(format!("{name}: {licence}")),
                Err(error) => refused.push(format!("{name}: {licence}: {error}")),
            },
        }
    }
    assert!(refused.is_empty(), "not allowed by deny.toml: {refused:#?}");
}

#[test]
fn no_copyleft_is_allowed() {
    for licence in allowed() {
        for copyleft in ["GPL", "AGPL", "LGPL", "SSPL", "EUPL", "OSL", "CC-BY-SA"] {
            assert!(!licence.starts_with(copyleft), "{licence} must not be in the allow list");
        }
    }
}

#[test]
fn expressions() {
    let allowed: BTreeSet<String> =
        ["MIT", "Apache-2.0", "ISC", "Apache-2.0 WITH LLVM-exception"].map(String::from).into();
    for (expression, expected) in [
        ("MIT", true),
        ("GPL-3.0-only", false),
        ("MIT OR GPL-3.0-only", true),
        ("LGPL-2.1-or-later OR MIT", true),
        ("MIT AND GPL-3.0-only", false),
        ("Apache-2.0 AND ISC", true),
        ("MIT/Apache-2.0", true),
        ("Apache-2.0 WITH LLVM-exception", true),
        ("MIT WITH LLVM-exception", false),
        ("(MIT OR GPL-2.0-only) AND ISC", true),
        ("(MIT OR Apache-2.0) AND Unicode-3.0", false),
        ("GPL-2.0-only OR Apache-2.0 AND ISC", true),
    ] {
        assert_eq!(satisfied(expression, &allowed), Ok(expected), "{expression}");
    }
    for broken in ["", "MIT OR", "(MIT", "MIT)", "OR MIT", "MIT ISC"] {
        assert!(satisfied(broken, &allowed).is_err(), "{broken:?}");
    }
}
