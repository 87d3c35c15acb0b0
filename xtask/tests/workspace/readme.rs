//! What the README files tell one to type is there, and what they link to as well.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

use crate::common::{self, text};

/// Everything that a newcomer reads.
fn guides() -> Vec<std::path::PathBuf> {
    let root = common::root();
    let mut found: Vec<_> = ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "CHANGELOG.md"]
        .iter()
        .map(|name| root.join(name))
        .collect();
    for package in common::own_packages() {
        let readme = Path::new(text(&package, "manifest_path")).with_file_name("README.md");
        if readme.exists() {
            found.push(readme);
        }
    }
    found
}

/// The commands in a guide's shell blocks and indented blocks, without their comments.
fn commands(guide: &str) -> Vec<String> {
    let mut in_shell = false;
    let mut found = Vec::new();
    for line in guide.lines() {
        match line {
            "```sh" => in_shell = true,
            line if line.starts_with("```") => in_shell = false,
            line if in_shell || line.starts_with("    cargo ") => {
                found.push(line.split(" #").next().unwrap_or_default().trim().to_owned());
            }
            _ => {}
        }
    }
    found.retain(|c| !c.is_empty());
    found
}

/// Why a cargo command cannot be run here; none if it can.
fn wrong(command: &str, packages: &[serde_json::Value], tasks: &str) -> Option<String> {
    let words: Vec<&str> = command.split_whitespace().take_while(|w| *w != "--").collect();
    let after = |flag: &str| words.iter().position(|w| *w == flag).and_then(|i| words.get(i + 1)).copied();
    let package =
        after("-p").or_else(|| after("--package")).map(|name| (name, packages.iter().find(|p| p["name"] == name)));
    match words.as_slice() {
        ["cargo", "xtask", task, ..] => {
            let known = tasks.lines().any(|l| l.split_whitespace().next() == Some(task) && l.starts_with("  "));
            (!known).then(|| format!("xtask has no {task}"))
        }
        ["cargo", "run", ..] => {
            let Some((name, Some(package))) = package else { return Some("no such package".to_owned()) };
            let targets = package["targets"].as_array().unwrap();
            let bin = after("--bin").unwrap_or(name);
            let found = targets.iter().any(|t| t["kind"][0] == "bin" && t["name"] == bin);
            (!found).then(|| format!("{name} has no program {bin}"))
        }
        ["cargo", "install", "--path", path, ..] => {
            let found = common::root().join(path).join("Cargo.toml").exists();
            (!found).then(|| format!("{path} is no package"))
        }
        ["cargo", "build" | "test" | "bench", ..] => match package {
            Some((name, None)) => Some(format!("no package {name}")),
            _ => None,
        },
        // Tools of others, and programs that their own crates' tests run.
        _ => None,
    }
}

fn tasks() -> String {
    let help = Command::new(env!("CARGO_BIN_EXE_xtask")).arg("help").output().unwrap();
    assert!(help.status.success());
    String::from_utf8(help.stdout).unwrap()
}

#[test]
fn commands_exist() {
    let (packages, tasks) = (common::own_packages(), tasks());
    let mut bad = Vec::new();
    for guide in guides() {
        let content = std::fs::read_to_string(&guide).unwrap();
        for command in commands(&content) {
            if let Some(why) = wrong(&command, &packages, &tasks) {
                bad.push(format!("{}: {command}: {why}", guide.display()));
            }
        }
    }
    assert!(bad.is_empty(), "{bad:#?}");
}

#[test]
fn the_two_main_commands_come_first() {
    let readme = std::fs::read_to_string(common::root().join("README.md")).unwrap();
    let all = commands(&readme);
    assert_eq!(all[..2], ["cargo run -p quickstart", "cargo xtask test"]);
    let alias = std::fs::read_to_string(common::root().join(".cargo/config.toml")).unwrap();
    assert!(alias.contains("\nxtask = "), "{alias}");
}

#[test]
fn wrong_commands_are_found() {
    let (packages, tasks) = (common::own_packages(), tasks());
    for command in [
        "cargo run -p quickstart --bin nothing",
        "cargo run -p nothing",
        "cargo xtask nothing",
        "cargo install --path crates/nothing",
        "cargo test -p nothing",
    ] {
        assert!(wrong(command, &packages, &tasks).is_some(), "{command}");
    }
    for command in ["cargo run -p quickstart -- --serve", "cargo xtask peers", "cargo install cargo-deny"] {
        assert_eq!(wrong(command, &packages, &tasks), None, "{command}");
    }
    assert_eq!(
        commands("```sh\ncargo a  # why\n\n```\ncargo b\n    cargo c\n```rust\ncargo d\n```"),
        ["cargo a", "cargo c"]
    );
}

/// The targets of a guide's links, but those to other sites.
fn links(guide: &str) -> BTreeSet<String> {
    let targets = guide.split("](").skip(1).filter_map(|rest| rest.split(')').next());
    targets.filter(|t| !t.contains("://") && !t.starts_with('#')).map(str::to_owned).collect()
}

#[test]
fn links_lead_somewhere() {
    let mut broken = Vec::new();
    let mut count = 0;
    for guide in guides() {
        let content = std::fs::read_to_string(&guide).unwrap();
        for link in links(&content) {
            count += 1;
            let file = link.split('#').next().unwrap_or_default();
            if !guide.with_file_name(file).exists() {
                broken.push(format!("{}: {link}", guide.display()));
            }
        }
    }
    assert!(count > 5, "only {count} links were found");
    assert!(broken.is_empty(), "{broken:#?}");
}

#[test]
fn every_library_says_what_it_is() {
    for package in common::own_packages() {
        let manifest = Path::new(text(&package, "manifest_path"));
        if manifest.starts_with(common::root().join("crates")) {
            let readme = std::fs::read_to_string(manifest.with_file_name("README.md"));
            let title = format!("# {}\n", text(&package, "name"));
            assert!(readme.is_ok_and(|r| r.starts_with(&title)), "{title} is not the title of its README.md");
        }
    }
}

/// How many crates a build of the umbrella has with these features alone.
fn weight(features: &str) -> i64 {
    let args = ["tree", "-p", "springline", "--no-default-features", "--features", features, "--edges", "normal"];
    let tree = common::cargo(&[&args[..], &["--prefix", "none", "--format", "{p}"]].concat());
    let crates: BTreeSet<&str> = tree.lines().filter_map(|line| line.split_whitespace().next()).collect();
    i64::try_from(crates.len()).unwrap()
}

#[test]
fn the_weight_of_features_is_as_told() {
    let readme = std::fs::read_to_string(common::root().join("README.md")).unwrap();
    let (_, table) = readme.split_once("| feature of `springline` |").unwrap();
    let rows = table.lines().skip(2).map_while(|line| line.strip_prefix("| ")?.strip_suffix(" |"));
    let rows: Vec<(&str, i64)> = rows
        .map(|row| {
            let (rest, number) = row.rsplit_once('|').unwrap();
            (rest.split('|').next().unwrap().trim(), number.trim().parse().unwrap())
        })
        .collect();
    let packages = common::own_packages();
    let umbrella = packages.iter().find(|p| p["name"] == "springline").unwrap();
    let features: Vec<&str> = umbrella["features"].as_object().unwrap().keys().map(String::as_str).collect();
    let mut wrong = Vec::new();
    for feature in features.iter().filter(|f| **f != "default") {
        let Some((_, told)) = rows.iter().find(|(row, _)| row.starts_with(&format!("`{feature}`"))) else {
            wrong.push(format!("{feature} has no row"));
            continue;
        };
        // TLS is Pyro's here.
        let with = if *feature == "tls" { "tls,pyro" } else { feature };
        let weight = weight(with);
        // Other versions of dependencies bring one more or less.
        if (weight - told).abs() > 5 {
            wrong.push(format!("{feature}: {weight} crates, not {told}"));
        }
    }
    for (row, features) in [("none", String::new()), ("all", features.join(","))] {
        let told = rows.iter().find(|(name, _)| *name == row).unwrap().1;
        let weight = weight(&features);
        if (weight - told).abs() > 5 {
            wrong.push(format!("{row}: {weight} crates, not {told}"));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}
