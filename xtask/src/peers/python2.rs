//! Python 2.7: programs of that time are still in use, and its xmlrpclib and Pyro 3 are what they speak with. No package
//! index offers it as an environment; what the machine has is found and put behind one name.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::search_path;

/// The wrapper in `target/peers`: a program that takes Python's arguments.
pub(super) const NAME: &str = "python2";

/// Fails where it is another version, or where the modules are missing that the peers need.
const PROBE: &str = "import sys, ssl, xmlrpclib, SimpleXMLRPCServer\n\
     assert sys.version_info[:2] == (2, 7), 'is version %d.%d' % sys.version_info[:2]\n\
     sys.stdout.write('fine')";

/// Whether the wrapper is there and what it starts still is.
pub(super) fn is_right(parent: &Path) -> bool {
    wrapped(&parent.join(NAME)).is_some_and(|python| python.is_file())
}

/// Finds a Python 2.7 that runs and writes the wrapper.
pub(super) fn make(parent: &Path) -> Result<(), String> {
    let python = find(&candidates())?;
    println!("peers: Python 2.7 is {}", python.display());
    let wrapper = parent.join(NAME);
    let text = format!("#!/bin/sh\nexec '{}' \"$@\"\n", python.display());
    fs::write(&wrapper, text).map_err(|e| format!("cannot write {}: {e}", wrapper.display()))?;
    executable(&wrapper)
}

#[cfg(unix)]
fn executable(file: &Path) -> Result<(), String> {
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(file, fs::Permissions::from_mode(0o755)).map_err(|e| format!("{}: {e}", file.display()))
}

#[cfg(not(unix))]
fn executable(_: &Path) -> Result<(), String> {
    Err("the wrapper of Python 2.7 is a shell script".to_owned())
}

fn find(candidates: &[PathBuf]) -> Result<PathBuf, String> {
    let mut tried = Vec::new();
    for candidate in candidates {
        match probe(candidate) {
            Ok(()) => return Ok(candidate.clone()),
            Err(reason) => tried.push(format!("\n    {}: {reason}", candidate.display())),
        }
    }
    let tried = tried.concat();
    // Jython would be one, but Debian's cannot load its module for TLS.
    Err(format!(
        "the peers need CPython 2.7 with ssl, as a python2.7 in PATH or under pyenv{tried}\n\
         Where the distribution has dropped it: pyenv install 2.7.18"
    ))
}

// pyenv's own before the search path: its shims stand there under the name and fail when they are run.
fn candidates() -> Vec<PathBuf> {
    let pyenv = std::env::var_os("PYENV_ROOT").map(PathBuf::from);
    let pyenv = pyenv.or_else(|| std::env::var_os("HOME").map(|home| Path::new(&home).join(".pyenv")));
    let versions = pyenv.and_then(|root| fs::read_dir(root.join("versions")).ok());
    let mut all: Vec<PathBuf> = versions
        .into_iter()
        .flatten()
        .flatten()
        .filter(|version| version.file_name().to_string_lossy().starts_with("2.7"))
        .map(|version| version.path().join("bin/python2.7"))
        .collect();
    all.sort();
    all.reverse();
    let named = ["python2.7", "python2"].into_iter().flat_map(search_path);
    all.into_iter().chain(named).filter(|file| file.is_file()).collect()
}

fn probe(python: &Path) -> Result<(), String> {
    let output = Command::new(python)
        .args(["-c", PROBE])
        .stdin(Stdio::null())
        .output()
        .map_err(|e| format!("does not start: {e}"))?;
    if output.status.success() && output.stdout == b"fine" {
        return Ok(());
    }
    let text = String::from_utf8_lossy(&output.stderr);
    Err(text.lines().rfind(|l| !l.trim().is_empty()).unwrap_or("fails without a word").trim().to_owned())
}

/// What a wrapper starts.
fn wrapped(wrapper: &Path) -> Option<PathBuf> {
    let text = fs::read_to_string(wrapper).ok()?;
    let (_, rest) = text.split_once("exec '")?;
    Some(PathBuf::from(rest.split_once("' \"$@\"")?.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wrapper_tells_what_it_starts() {
        let dir = std::env::temp_dir().join(format!("springline-xtask-python2-{}", std::process::id()));
        fs::create_dir_all(&dir).unwrap();
        assert!(!is_right(&dir));
        let python = dir.join("a python2.7");
        fs::write(&python, "#!/bin/sh\nprintf '%s|' \"$@\"\n").unwrap();
        executable(&python).unwrap();
        let wrapper = dir.join(NAME);
        fs::write(&wrapper, format!("#!/bin/sh\nexec '{}' \"$@\"\n", python.display())).unwrap();
        executable(&wrapper).unwrap();
        assert_eq!(wrapped(&wrapper), Some(python.clone()));
        assert!(is_right(&dir));
        let output = Command::new(&wrapper).args(["-c", "two words"]).output().unwrap();
        assert_eq!(output.stdout, b"-c|two words|");
        let none = find(std::slice::from_ref(&wrapper)).unwrap_err();
        assert!(none.contains(&wrapper.display().to_string()) && none.contains("pyenv install"), "{none}");
        fs::remove_file(&python).unwrap();
        assert!(!is_right(&dir));
        fs::remove_dir_all(&dir).unwrap();
    }
}
