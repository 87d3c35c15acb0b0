//! The peers that the live tests talk to: virtual environments with exactly the releases that they expect, a Python 2.7,
//! and what there is in C, Java and JavaScript.

mod archives;
mod hessian_js;
mod java;
mod m2crypto;
mod native;
mod pyro3;
mod pyro4;
mod python2;

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, SystemTime};

/// A virtual environment of peers.
struct Environment {
    /// Its directory in `target/peers`.
    name: &'static str,
    /// What it holds. The tests' expectations are those of these releases.
    pins: &'static [&'static str],
    /// What must load once it is made.
    check: &'static str,
}

const ENVIRONMENTS: [Environment; 3] = [
    Environment {
        name: "python",
        pins: &["Pyro4==4.82", "Pyro5==5.17", "serpent==1.43", "msgpack==1.1.1"],
        check: "import Pyro4, Pyro5.api, serpent, msgpack",
    },
    // The last release of wire version 501. It uses names that Python 3.10 dropped; the peer programs bring them back.
    Environment {
        name: "pyro5-5.1",
        pins: &["Pyro5==5.1", "serpent==1.43", "msgpack==1.1.1"],
        check: "import Pyro5, serpent, msgpack",
    },
    // A program that people administer over XML-RPC.
    Environment {
        name: "supervisor",
        pins: &["supervisor==4.3.0"],
        check: "import supervisor.supervisord, supervisor.xmlrpc",
    },
];

/// Names a Python may have, the preferred one first: the recorded conversations are of 3.11.
const NAMES: [&str; 9] = [
    "python3.11",
    "python3",
    "python3.12",
    "python3.13",
    "python3.10",
    "python3.9",
    "python3.8",
    "python3.14",
    "python",
];
const PREFERRED: (u32, u32) = (3, 11);
const OLDEST: (u32, u32) = (3, 8);

/// Prints the version and fails where a virtual environment could not be made.
const PROBE: &str = "import sys; sys.stdout.write('%d %d' % sys.version_info[:2]); import venv, ensurepip";

/// How long another process may be at work on the same environment before its lock counts as left behind.
const LOCK_PATIENCE: Duration = Duration::from_secs(300);

/// Makes the peers, or finds them as they should be. The answer says which, the error what to do.
pub(crate) fn ensure(root: &Path, target: &Path, python: Option<&Path>) -> Result<String, String> {
    let parent = target.join("peers");
    let told = |what: String| match pyro4::note(&parent) {
        Some(note) => format!("{note}\n{what}"),
        None => what,
    };
    let is_all_right = || {
        ENVIRONMENTS.iter().all(|e| e.is_right(&parent.join(e.name)))
            && python2::is_right(&parent)
            && pyro3::is_right(&parent)
            && m2crypto::is_right(&parent)
            && pyro4::is_right(&parent)
            && native::is_right(&parent, root)
            && java::is_right(&parent, root)
            && hessian_js::is_right(&parent)
    };
    if python.is_none() && is_all_right() {
        return Ok(told(format!("peers: {} is as it should be", parent.display())));
    }
    fs::create_dir_all(&parent).map_err(|e| format!("cannot make {}: {e}", parent.display()))?;
    let _lock = Lock::take(&parent.join("python.lock"))?;
    if python.is_none() && is_all_right() {
        return Ok(told(format!("peers: {} was made by another process", parent.display())));
    }
    if python.is_some() || !ENVIRONMENTS.iter().all(|e| e.is_right(&parent.join(e.name))) {
        environments(&parent, python)?;
    }
    if !python2::is_right(&parent) {
        python2::make(&parent)?;
    }
    if !pyro3::is_right(&parent) {
        pyro3::make(&parent)?;
    }
    if !m2crypto::is_right(&parent) {
        m2crypto::make(&parent)?;
    }
    if !pyro4::is_right(&parent) {
        pyro4::make(&parent)?;
    }
    if !native::is_right(&parent, root) {
        native::make(&parent, root)?;
    }
    if !java::is_right(&parent, root) {
        java::make(&parent, root)?;
    }
    if !hessian_js::is_right(&parent) {
        hessian_js::make(&parent)?;
    }
    Ok(told(format!("peers: {} is ready", parent.display())))
}

fn environments(parent: &Path, python: Option<&Path>) -> Result<(), String> {
    let chosen = match python {
        Some(python) => {
            probe(python).map_err(|reason| missing(&[(python.to_path_buf(), reason)]))?;
            python.to_path_buf()
        }
        None => find(&candidates(), probe).map_err(|tried| missing(&tried))?,
    };
    for environment in &ENVIRONMENTS {
        let dir = parent.join(environment.name);
        if python.is_some() || !environment.is_right(&dir) {
            environment.make(&dir, &chosen)?;
        }
    }
    Ok(())
}

/// Every place in the search path where a program of that name could be.
fn search_path(name: &str) -> Vec<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).map(|dir| dir.join(format!("{name}{}", std::env::consts::EXE_SUFFIX))).collect()
}

/// Installs Debian packages where this process may, else says how.
fn apt_get(packages: &[&str]) -> Result<(), String> {
    let by_hand = format!("apt-get install {}", packages.join(" "));
    let is_root = Command::new("id").arg("-u").output().is_ok_and(|o| o.stdout.trim_ascii() == b"0");
    if !is_root || !search_path("apt-get").iter().any(|file| file.is_file()) {
        return Err(format!("packages are missing. On Debian, as root: {by_hand}"));
    }
    println!("peers: {by_hand}");
    let install = || {
        let mut command = Command::new("apt-get");
        command.args(["install", "-y", "--no-install-recommends"]).args(packages);
        run(command.env("DEBIAN_FRONTEND", "noninteractive"))
    };
    install()
        // The list of packages may be an old one.
        .or_else(|_| run(Command::new("apt-get").arg("update")).and_then(|()| install()))
        .map_err(|reason| format!("`{by_hand}` failed: {reason}"))
}

impl Environment {
    fn make(&self, dir: &Path, python: &Path) -> Result<(), String> {
        println!("peers: making {} with {}", dir.display(), python.display());
        // Without its stamp a half-made environment is never taken for a whole one.
        let _ = fs::remove_file(stamp_file(dir));
        run(Command::new(python).args(["-m", "venv", "--clear"]).arg(dir)).map_err(|reason| {
            format!("{} could not make a virtual environment: {reason}\n{INSTALL_PYTHON}", python.display())
        })?;
        let mut pip = Command::new(program(dir));
        pip.args(["-m", "pip", "install", "--quiet", "--no-input", "--disable-pip-version-check"]).args(self.pins);
        run(&mut pip).map_err(|reason| {
            format!(
                "pip could not install the peers: {reason}\n\
                 It needs the Python package index, or whatever pip is configured for. By hand:\n    \
                 {} -m pip install {}",
                program(dir).display(),
                self.pins.join(" ")
            )
        })?;
        run(Command::new(program(dir)).args(["-c", self.check]))
            .map_err(|reason| format!("the peers are installed but do not load: {reason}"))?;
        fs::write(stamp_file(dir), self.stamp()).map_err(|e| format!("cannot write the stamp: {e}"))
    }

    fn stamp(&self) -> String {
        format!("springline peers, layout 1\n{}\n", self.pins.join("\n"))
    }

    fn is_right(&self, dir: &Path) -> bool {
        // `exists` follows the link to the Python it was made with, which may have gone since.
        fs::read_to_string(stamp_file(dir)).is_ok_and(|text| text == self.stamp()) && program(dir).exists()
    }
}

const INSTALL_PYTHON: &str = "On Debian and Ubuntu: apt-get install python3 python3-venv\n\
     Elsewhere install Python 3.11 with its venv and ensurepip modules, or name one: cargo xtask peers --python PATH";

fn stamp_file(dir: &Path) -> PathBuf {
    dir.join("springline-peers.txt")
}

/// The environment's own Python.
fn program(dir: &Path) -> PathBuf {
    if cfg!(windows) { dir.join("Scripts").join("python.exe") } else { dir.join("bin").join("python") }
}

/// Every file in the search path with one of the names, the preferred name in all directories first.
fn candidates() -> Vec<PathBuf> {
    NAMES.iter().flat_map(|name| search_path(name)).filter(|file| file.is_file()).collect()
}

/// The first candidate of the preferred version, else the first that is new enough. Only running one tells: the file may be
/// a shim of a version that is not installed.
fn find(
    candidates: &[PathBuf],
    probe: impl Fn(&Path) -> Result<(u32, u32), String>,
) -> Result<PathBuf, Vec<(PathBuf, String)>> {
    let mut second_best = None;
    let mut tried = Vec::new();
    for candidate in candidates {
        match probe(candidate) {
            Ok(PREFERRED) => return Ok(candidate.clone()),
            Ok(_) => second_best = second_best.or_else(|| Some(candidate.clone())),
            Err(reason) => tried.push((candidate.clone(), reason)),
        }
    }
    second_best.ok_or(tried)
}

/// The version of a Python that can make the environment.
fn probe(python: &Path) -> Result<(u32, u32), String> {
    let output = Command::new(python)
        .args(["-c", PROBE])
        .stdin(Stdio::null())
        .output()
        .map_err(|e| format!("does not start: {e}"))?;
    if !output.status.success() {
        let text = String::from_utf8_lossy(&output.stderr);
        let last = text.lines().rfind(|l| !l.trim().is_empty()).unwrap_or("it fails without a word").trim().to_owned();
        // A version on stdout means that it ran: then only the modules can be missing.
        let version = version(&String::from_utf8_lossy(&output.stdout));
        return Err(match version {
            _ if output.stdout.is_empty() => last,
            Ok(_) => format!("cannot make virtual environments ({last})"),
            Err(reason) => reason,
        });
    }
    version(&String::from_utf8_lossy(&output.stdout))
}

fn version(printed: &str) -> Result<(u32, u32), String> {
    let mut numbers = printed.split_whitespace().map(str::parse::<u32>);
    match (numbers.next(), numbers.next()) {
        (Some(Ok(major)), Some(Ok(minor))) if (major, minor) >= OLDEST => Ok((major, minor)),
        (Some(Ok(major)), Some(Ok(minor))) => Err(format!("is version {major}.{minor}, too old")),
        _ => Err(format!("did not tell its version but {printed:?}")),
    }
}

/// The message for a machine without a Python to use.
fn missing(tried: &[(PathBuf, String)]) -> String {
    let mut text = format!("the peers need Python {}.{} or newer with venv", OLDEST.0, OLDEST.1);
    if tried.is_empty() {
        text += ", and there is no Python in PATH";
    }
    for (python, reason) in tried {
        let _ = write!(text, "\n    {}: {reason}", python.display());
    }
    text + "\n" + INSTALL_PYTHON
}

fn run(command: &mut Command) -> Result<(), String> {
    let output = command.stdin(Stdio::null()).output().map_err(|e| format!("it does not start: {e}"))?;
    if output.status.success() {
        return Ok(());
    }
    let mut text = String::from_utf8_lossy(&output.stdout).into_owned();
    text += &String::from_utf8_lossy(&output.stderr);
    Err(format!("{}\n{}", output.status, text.trim()))
}

/// Keeps two processes from making the environment at the same time.
struct Lock(PathBuf);

impl Lock {
    fn take(file: &Path) -> Result<Self, String> {
        loop {
            match fs::File::create_new(file) {
                Ok(_) => return Ok(Lock(file.to_path_buf())),
                Err(e) if e.kind() == std::io::ErrorKind::AlreadyExists => {
                    let made = fs::metadata(file).and_then(|m| m.modified()).unwrap_or_else(|_| SystemTime::now());
                    if made.elapsed().unwrap_or_default() > LOCK_PATIENCE {
                        let _ = fs::remove_file(file);
                    }
                    std::thread::sleep(Duration::from_millis(200));
                }
                Err(e) => return Err(format!("cannot make {}: {e}", file.display())),
            }
        }
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn paths(names: &[&str]) -> Vec<PathBuf> {
        names.iter().map(PathBuf::from).collect()
    }

    /// Stands for running the file: `ok-3.9`, or anything else for a shim that fails.
    fn fake(python: &Path) -> Result<(u32, u32), String> {
        match python.to_str().and_then(|s| s.strip_prefix("ok-")) {
            Some(v) => version(&v.replace('.', " ")),
            None => Err("command not found".to_owned()),
        }
    }

    #[test]
    fn prefers_311_and_passes_over_broken_shims() {
        assert_eq!(find(&paths(&["shim", "ok-3.12", "ok-3.11"]), fake), Ok("ok-3.11".into()));
        assert_eq!(find(&paths(&["shim", "ok-2.7", "ok-3.12", "ok-3.9"]), fake), Ok("ok-3.12".into()));
        let tried = find(&paths(&["shim", "ok-3.7"]), fake).unwrap_err();
        assert_eq!(tried.len(), 2);
        let text = missing(&tried);
        for part in
            ["shim: command not found", "ok-3.7: is version 3.7, too old", "apt-get install python3 python3-venv"]
        {
            assert!(text.contains(part), "{text}");
        }
        assert!(missing(&[]).contains("no Python in PATH"));
    }

    #[test]
    fn versions() {
        assert_eq!(version("3 11\n"), Ok((3, 11)));
        assert_eq!(version("4 0"), Ok((4, 0)));
        assert!(version("2 7").is_err());
        assert!(version("").is_err());
        assert!(version("three").is_err());
    }

    #[test]
    fn a_program_that_is_no_python() {
        assert!(probe(Path::new("springline-no-such-python")).unwrap_err().contains("does not start"));
    }

    #[test]
    fn an_environment_without_its_stamp_is_not_right() {
        let dir = std::env::temp_dir().join(format!("springline-peers-{}", std::process::id()));
        let python = program(&dir);
        fs::create_dir_all(python.parent().unwrap()).unwrap();
        fs::write(&python, "").unwrap();
        let [one, other, ..] = ENVIRONMENTS;
        assert!(!one.is_right(&dir));
        fs::write(stamp_file(&dir), "springline peers, layout 0\n").unwrap();
        assert!(!one.is_right(&dir));
        fs::write(stamp_file(&dir), one.stamp()).unwrap();
        assert!(one.is_right(&dir) && !other.is_right(&dir));
        fs::remove_file(&python).unwrap();
        assert!(!one.is_right(&dir));
        fs::remove_dir_all(&dir).unwrap();
    }
}
