//! The examples are run by `cargo xtask examples`, all of them, and what they are made of is used.

use std::path::Path;

use crate::common::{self, text};

/// Run by the quickstart's own tests, against Python.
const OF_THE_README: [&str; 2] = ["readme-client", "readme-server"];

/// What output.txt types, of all examples, and their packages.
fn typed() -> (Vec<String>, Vec<serde_json::Value>) {
    let examples = common::root().join("examples");
    let mut packages = common::own_packages();
    packages.retain(|p| Path::new(text(p, "manifest_path")).starts_with(&examples));
    assert!(packages.len() >= 12, "only {} examples were found", packages.len());
    let mut typed = Vec::new();
    for package in &packages {
        let file = Path::new(text(package, "manifest_path")).with_file_name("output.txt");
        let content = std::fs::read_to_string(&file).unwrap_or_else(|e| panic!("{}: {e}", file.display()));
        typed.extend(content.lines().filter_map(|l| l.strip_prefix("$ ")).map(str::to_owned));
    }
    (typed, packages)
}

#[test]
fn every_program_is_run() {
    let (typed, packages) = typed();
    let mut left_out = Vec::new();
    for package in &packages {
        let name = text(package, "name");
        for target in package["targets"].as_array().unwrap().iter().filter(|t| t["kind"][0] == "bin") {
            let bin = text(target, "name");
            let mut command = format!("cargo run -p {name}");
            if bin != name {
                command += &format!(" --bin {bin}");
            }
            // Behind it stand arguments, or nothing: not another program's name.
            let is_it = |line: &String| {
                line.split_once(&command).is_some_and(|(_, rest)| rest.is_empty() || rest.starts_with([' ']))
                    && (bin != name || !line.contains("--bin"))
            };
            if !OF_THE_README.contains(&bin) && !typed.iter().any(is_it) {
                left_out.push(command);
            }
        }
    }
    assert!(left_out.is_empty(), "no output.txt has {left_out:#?}");
}

#[test]
fn every_file_is_used() {
    let (typed, _) = typed();
    let root = common::root();
    let mut unused = Vec::new();
    for file in common::files(&root.join("examples")) {
        let name = file.file_name().unwrap().to_string_lossy().into_owned();
        if !["xml", "toml", "py"].iter().any(|e| file.extension().is_some_and(|x| x == *e)) || name == "Cargo.toml" {
            continue;
        }
        let relative = file.strip_prefix(&root).unwrap().display().to_string();
        let package =
            root.join("examples").join(file.strip_prefix(root.join("examples")).unwrap().iter().next().unwrap());
        let in_code = common::files(&package.join("src"))
            .iter()
            .any(|f| std::fs::read_to_string(f).is_ok_and(|code| code.contains(&format!("{name}\""))));
        if !in_code && !typed.iter().any(|line| line.contains(&relative)) {
            unused.push(relative);
        }
    }
    assert!(unused.is_empty(), "no program reads and no output.txt names {unused:#?}");
}
