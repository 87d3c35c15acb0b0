//! Rules about files that no compiler holds.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::common;

/// Longer files get split.
const MOST_LINES: usize = 800;

/// Directories of somebody's own machine. Put together here, so that this file does not contain them.
fn machine_paths() -> Vec<String> {
    ["wo-rk", "ro-ot", "ho-me", "Us-ers"].iter().map(|p| format!("/{}/", p.replace('-', ""))).collect()
}

/// The files that are or would be committed.
fn committed() -> Vec<PathBuf> {
    let root = common::root();
    let listed = Command::new("git")
        .args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"])
        .current_dir(&root)
        .output()
        .ok()
        .filter(|o| o.status.success() && !o.stdout.is_empty());
    match listed {
        Some(output) => String::from_utf8(output.stdout)
            .unwrap()
            .split('\0')
            .filter(|name| !name.is_empty())
            .map(|name| root.join(name))
            // A file may be deleted and not yet taken out of the index.
            .filter(|file| file.is_file())
            .collect(),
        None => common::files(&root),
    }
}

fn relative(file: &Path) -> String {
    file.strip_prefix(common::root()).unwrap_or(file).display().to_string()
}

/// The first place of a machine's path in a text. Part of a longer address (`example.org/home/`) is none.
fn machine_path_in(text: &str) -> Option<&str> {
    for pattern in machine_paths() {
        for (at, _) in text.match_indices(&pattern) {
            if !text[..at].ends_with(|c: char| c.is_alphanumeric() || "._-/}".contains(c)) {
                return text[at..].split_whitespace().next();
            }
        }
    }
    None
}

#[test]
fn no_source_file_is_too_long() {
    let mut long = Vec::new();
    for dir in ["crates", "xtask", "examples"] {
        for file in common::files(&common::root().join(dir)) {
            if file.extension().is_some_and(|e| e == "rs") {
                let lines = std::fs::read_to_string(&file).unwrap().lines().count();
                if lines > MOST_LINES {
                    long.push(format!("{}: {lines} lines", relative(&file)));
                }
            }
        }
    }
    assert!(long.is_empty(), "more than {MOST_LINES} lines: {long:#?}");
}

#[test]
fn no_file_names_a_machine() {
    let mut named = Vec::new();
    for file in committed() {
        // What is not UTF-8 is not text.
        let Ok(text) = std::fs::read_to_string(&file) else { continue };
        if let Some(found) = machine_path_in(&text) {
            named.push(format!("{}: {found}", relative(&file)));
        }
    }
    assert!(named.is_empty(), "paths of a developer's machine: {named:#?}");
}

#[test]
fn machine_paths_are_found() {
    for pattern in machine_paths() {
        assert!(machine_path_in(&format!("see {pattern}me/x")).is_some(), "{pattern}");
        assert!(machine_path_in(&format!("\"{pattern}me/x\"")).is_some(), "{pattern}");
        assert!(machine_path_in(&format!("https://example.org{pattern}me")).is_none(), "{pattern}");
    }
    assert!(machine_path_in("crates/work and /etc/hosts").is_none());
}

/// The lines of one table of a manifest.
fn table<'m>(manifest: &'m str, name: &str) -> Vec<&'m str> {
    let lines = manifest.lines().map(str::trim).skip_while(|l| *l != format!("[{name}]")).skip(1);
    lines.take_while(|l| !l.starts_with('[')).collect()
}

#[test]
fn every_crate_takes_the_workspace_lints() {
    for package in common::own_packages() {
        let manifest = std::fs::read_to_string(common::text(&package, "manifest_path")).unwrap();
        let name = common::text(&package, "name");
        assert!(table(&manifest, "lints").contains(&"workspace = true"), "{name} has no `[lints] workspace = true`");
    }
}

#[test]
fn unsafe_code_stays_forbidden() {
    let manifest = std::fs::read_to_string(common::root().join("Cargo.toml")).unwrap();
    assert!(table(&manifest, "workspace.lints.rust").contains(&"unsafe_code = \"forbid\""));
}

/// Ways to a socket in the standard library and in tokio; addresses are fine.
const SOCKET_TYPES: [&str; 8] =
    ["TcpListener", "TcpStream", "TcpSocket", "UdpSocket", "UnixListener", "UnixStream", "UnixDatagram", "tokio::net"];

#[test]
fn only_net_names_sockets() {
    let mut found = Vec::new();
    for krate in ["core", "macros", "pyro", "xmlrpc", "hessian", "cluster", "context"] {
        for file in common::files(&common::root().join(format!("crates/springline-{krate}/src"))) {
            let Ok(text) = std::fs::read_to_string(&file) else { continue };
            // Tests stand at the end of a file and may play any peer.
            let code = text.split("#[cfg(test)]").next().unwrap_or_default();
            for (number, line) in code.lines().enumerate().filter(|(_, l)| !l.trim_start().starts_with("//")) {
                if let Some(socket) = SOCKET_TYPES.iter().find(|s| line.contains(**s)) {
                    found.push(format!("{}:{}: {socket}", relative(&file), number + 1));
                }
            }
        }
    }
    assert!(found.is_empty(), "sockets outside springline-net: {found:#?}");
}
