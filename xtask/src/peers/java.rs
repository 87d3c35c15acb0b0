//! The peers in Java: Caucho's Hessian from the distribution, and our programs on it and on the JDK's HTTP server.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::{apt_get, run, search_path};

/// What is compiled, and where it is.
const DIRECTORY: &str = "hessian";

/// Our programs, all in one.
const JAR: &str = "peers.jar";

/// Where their sources are, from the workspace's directory.
const SOURCES: &str = "crates/springline-hessian/tests/peers";

/// Hessian 4.0.38, as Debian's libhessian-java installs it.
const HESSIAN: &str = "/usr/share/java/hessian.jar";

/// Programs that must be in the search path; one Debian package brings them.
const TOOLS: [&str; 3] = ["java", "javac", "jar"];

/// Whether all is there and compiled from the sources as they are.
pub(super) fn is_right(parent: &Path, root: &Path) -> bool {
    let dir = parent.join(DIRECTORY);
    let stamp = || Some(fs::read(dir.join("stamp")).ok()? == sources(root).ok()?.1);
    missing_packages().is_empty() && dir.join(JAR).is_file() && stamp().unwrap_or(false)
}

/// Installs what is missing and compiles what has changed.
pub(super) fn make(parent: &Path, root: &Path) -> Result<(), String> {
    let missing = missing_packages();
    if !missing.is_empty() {
        apt_get(&missing)?;
    }
    let dir = parent.join(DIRECTORY);
    let classes = dir.join("classes");
    let cannot = |e: std::io::Error| format!("cannot make {}: {e}", dir.display());
    let _ = fs::remove_dir_all(&classes);
    let _ = fs::remove_file(dir.join("stamp"));
    fs::create_dir_all(&classes).map_err(cannot)?;
    let (files, stamp) = sources(root)?;
    println!("peers: compiling {} for Java", root.join(SOURCES).display());
    let is_java = |file: &&PathBuf| file.extension().is_some_and(|e| e == "java");
    let mut javac = Command::new("javac");
    // The classes in one file with others are used from elsewhere, and nothing here is kept by Java's own serialization.
    javac.args(["-Werror", "-Xlint:all,-auxiliaryclass,-path,-serial", "--release", "11", "-encoding", "UTF-8", "-cp"]);
    javac.arg(HESSIAN).arg("-d").arg(&classes).args(files.iter().filter(is_java));
    run(&mut javac).map_err(|reason| format!("javac (11 or newer is needed) could not compile the peers: {reason}"))?;
    let meta = classes.join("META-INF/hessian");
    fs::create_dir_all(&meta).map_err(cannot)?;
    for file in files.iter().filter(|file| !is_java(file)) {
        if let Some(name) = file.file_name() {
            fs::copy(file, meta.join(name)).map_err(cannot)?;
        }
    }
    // A program that runs already keeps the jar that it has opened.
    let half = dir.join("half.jar");
    run(Command::new("jar").arg("cf").arg(&half).arg("-C").arg(&classes).arg("."))
        .map_err(|reason| format!("jar failed: {reason}"))?;
    fs::rename(&half, dir.join(JAR)).map_err(cannot)?;
    fs::write(dir.join("stamp"), stamp).map_err(cannot)
}

fn missing_packages() -> Vec<&'static str> {
    let mut packages = Vec::new();
    if !TOOLS.iter().all(|tool| search_path(tool).iter().any(|file| file.is_file())) {
        packages.push("default-jdk-headless");
    }
    if !Path::new(HESSIAN).is_file() {
        packages.push("libhessian-java");
    }
    packages
}

/// All files that the programs are made of, and one text that tells their names and contents.
fn sources(root: &Path) -> Result<(Vec<PathBuf>, Vec<u8>), String> {
    let dir = root.join(SOURCES);
    let mut files = Vec::new();
    for place in [dir.clone(), dir.join("META-INF/hessian")] {
        let cannot = |e: std::io::Error| format!("cannot read {}: {e}", place.display());
        for entry in fs::read_dir(&place).map_err(cannot)? {
            let file = entry.map_err(cannot)?.path();
            let wanted = place != dir || file.extension().is_some_and(|e| e == "java");
            if wanted && file.is_file() {
                files.push(file);
            }
        }
    }
    files.sort();
    let mut stamp = Vec::new();
    for file in &files {
        stamp.extend_from_slice(file.strip_prefix(&dir).unwrap_or(file).to_string_lossy().as_bytes());
        stamp.push(b'\n');
        stamp.extend(fs::read(file).map_err(|e| format!("cannot read {}: {e}", file.display()))?);
    }
    Ok((files, stamp))
}
