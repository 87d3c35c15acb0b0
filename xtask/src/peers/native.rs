//! The peers in C: xmlrpc-c from the distribution, two programs of ours compiled against it, and openssl.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::{apt_get, run, search_path};

/// What is compiled, and where it is.
const DIRECTORY: &str = "xmlrpc-c";

/// Our programs, each one file, with the part of xmlrpc-c that it links.
const PROGRAMS: [(&str, &str); 2] = [("client", "client"), ("server", "abyss-server")];

/// Where their sources are, from the workspace's directory.
const SOURCES: &str = "crates/springline-xmlrpc/tests/peers/xmlrpc-c";

/// Programs that must be in the search path, and the Debian packages that bring them.
const NEEDED: [(&str, &str); 5] = [
    ("gcc", "gcc libc6-dev"),
    ("xmlrpc-c-config", "libxmlrpc-core-c3-dev"),
    ("xmlrpc", "libxmlrpc-core-c3-dev"),
    ("openssl", "openssl"),
    ("tinyproxy", "tinyproxy"),
];

/// Whether all is there and compiled from the sources as they are.
pub(super) fn is_right(parent: &Path, root: &Path) -> bool {
    missing_packages().is_empty() && PROGRAMS.iter().all(|(name, _)| Program::of(parent, root, name).is_right())
}

/// Installs what is missing and compiles what has changed.
pub(super) fn make(parent: &Path, root: &Path) -> Result<(), String> {
    let missing = missing_packages();
    if !missing.is_empty() {
        apt_get(&missing)?;
    }
    let dir = parent.join(DIRECTORY);
    fs::create_dir_all(&dir).map_err(|e| format!("cannot make {}: {e}", dir.display()))?;
    for (name, library) in PROGRAMS {
        let program = Program::of(parent, root, name);
        if !program.is_right() {
            println!("peers: compiling {}", program.source.display());
            program.make(library)?;
        }
    }
    Ok(())
}

fn missing_packages() -> Vec<&'static str> {
    let mut packages: Vec<&str> = NEEDED
        .iter()
        .filter(|(program, _)| !search_path(program).iter().any(|file| file.is_file()))
        .flat_map(|(_, packages)| packages.split(' '))
        .collect();
    packages.dedup();
    packages
}

/// One of our programs.
struct Program {
    source: PathBuf,
    /// The source that the program was made from: it is the stamp.
    copy: PathBuf,
    program: PathBuf,
}

impl Program {
    fn of(parent: &Path, root: &Path, name: &str) -> Self {
        let dir = parent.join(DIRECTORY);
        Self {
            source: root.join(SOURCES).join(format!("{name}.c")),
            copy: dir.join(format!("{name}.c")),
            program: dir.join(name),
        }
    }

    fn is_right(&self) -> bool {
        match (fs::read(&self.source), fs::read(&self.copy)) {
            (Ok(source), Ok(copy)) => source == copy && self.program.is_file(),
            _ => false,
        }
    }

    fn make(&self, library: &str) -> Result<(), String> {
        let _ = fs::remove_file(&self.copy);
        let config = |what: &str| {
            let output = Command::new("xmlrpc-c-config").args([library, what]).output();
            let output = output.map_err(|e| format!("xmlrpc-c-config does not start: {e}"))?;
            let words = String::from_utf8_lossy(&output.stdout).split_whitespace().map(str::to_owned).collect();
            Ok::<Vec<String>, String>(words)
        };
        let mut gcc = Command::new("gcc");
        gcc.args(["-std=gnu11", "-O1", "-Wall", "-Wextra", "-Werror"]).args(config("--cflags")?);
        gcc.arg("-o").arg(&self.program).arg(&self.source);
        // xmlrpc-c's library finds libcurl by itself; the file that `-lcurl` asks for is in another package.
        gcc.args(config("--libs")?.iter().filter(|word| *word != "-lcurl"));
        run(&mut gcc).map_err(|reason| format!("gcc could not compile {}: {reason}", self.source.display()))?;
        fs::copy(&self.source, &self.copy).map(|_| ()).map_err(|e| format!("cannot write the stamp: {e}"))
    }
}
