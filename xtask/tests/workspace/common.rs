//! What the tests of the workspace itself have in common.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

/// The directory of the workspace.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_path_buf()
}

/// The output of the first of these cargo commands that succeeds.
fn first(commands: &[&[&str]]) -> String {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut complaint = String::new();
    for args in commands {
        let output = Command::new(&cargo).args(*args).arg("--locked").current_dir(root()).output().unwrap();
        if output.status.success() {
            return String::from_utf8(output.stdout).unwrap();
        }
        complaint += &format!("cargo {}: {}", args.join(" "), String::from_utf8_lossy(&output.stderr));
    }
    panic!("{complaint}");
}

/// The output of a cargo command, from what is on this machine where that is enough.
pub(crate) fn cargo(args: &[&str]) -> String {
    first(&[&[args, &["--offline"]].concat(), args])
}

/// `cargo metadata` with every dependency; without a network possibly only those of this platform.
pub(crate) fn metadata() -> Value {
    let version = Command::new("rustc").arg("-vV").output().unwrap().stdout;
    let version = String::from_utf8(version).unwrap();
    let host = version.lines().find_map(|l| l.strip_prefix("host: ")).expect("rustc tells its host");
    let all = ["metadata", "--format-version", "1"];
    let here = ["metadata", "--format-version", "1", "--offline", "--filter-platform", host];
    serde_json::from_str(&first(&[&[&all[..], &["--offline"]].concat(), &all, &here])).unwrap()
}

/// `cargo metadata` of the workspace's own packages.
pub(crate) fn own_packages() -> Vec<Value> {
    let all: Value = serde_json::from_str(&cargo(&["metadata", "--format-version", "1", "--no-deps"])).unwrap();
    all["packages"].as_array().unwrap().clone()
}

pub(crate) fn text<'v>(value: &'v Value, key: &str) -> &'v str {
    value[key].as_str().unwrap_or_else(|| panic!("no {key} in {value}"))
}

/// Every file below a directory of the workspace, without what is built or generated.
pub(crate) fn files(below: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut todo = vec![below.to_path_buf()];
    while let Some(dir) = todo.pop() {
        let Ok(entries) = std::fs::read_dir(&dir) else { continue };
        for entry in entries {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_str().unwrap_or_default().to_owned();
            if path.is_symlink() {
                continue;
            } else if !path.is_dir() {
                found.push(path);
            } else if !["target", ".git", "__pycache__", "node_modules"].contains(&name.as_str()) {
                todo.push(path);
            }
        }
    }
    found.sort();
    found
}
