//! Pyro4 on Python 2.7: one release for each wire version, and a serpent that still runs there.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::archives::Archive;

/// The index begins with 4.10.
const ARCHIVES: [Archive; 6] = [
    release("Pyro4-4.10", "de74e5e020a8a26cd357f5917afb48f7e14e161ca58574a1c653441bdbe9711c", "pyro4-4.10"),
    release("Pyro4-4.20", "72d3fb6dc653e6ae36bd47f2667fbff3c587c72f8bfb3f0dcb1763ee86c906f8", "pyro4-4.20"),
    release("Pyro4-4.25", "ac2b0123badcb76c63eb716fcd95e0ee4021d345b5db05fda19253c59e39b384", "pyro4-4.25"),
    release("Pyro4-4.37", "2c4c9e7c3dbace3c75524324b6a686381be37bebab89b5001c0670418cec89c7", "pyro4-4.37"),
    release("Pyro4-4.82", "511f5b0804e92dd77dc33adf9c947787e3f9e9c5a96b12162f0557a7c4ce21fb", "pyro4py2-4.82"),
    Archive {
        project: "serpent",
        stem: "serpent-1.28",
        checksum: "f306336ca09aa38e526f3b03cab58eb7e45af09981267233167bcf3bfd6436ab",
        part: "serpent.py",
        directory: "serpent-1.28",
    },
];

const fn release(stem: &'static str, checksum: &'static str, directory: &'static str) -> Archive {
    Archive { project: "Pyro4", stem, checksum, part: "src/Pyro4", directory }
}

/// Releases that no index has. They are tags of the project's own repository.
const FROM_HISTORY: [&str; 2] = ["4.2", "4.3"];

/// Names a clone of that repository, with its tags.
const HISTORY: &str = "SPRINGLINE_PYRO4_HISTORY";

/// Whether all that can be had is there.
pub(super) fn is_right(parent: &Path) -> bool {
    ARCHIVES.iter().all(|archive| archive.is_there(parent))
        && (std::env::var_os(HISTORY).is_none() || missing_history(parent).is_empty())
}

/// Unpacks what is missing.
pub(super) fn make(parent: &Path) -> Result<(), String> {
    ARCHIVES.iter().try_for_each(|archive| archive.ensure(parent))?;
    let Some(clone) = std::env::var_os(HISTORY).map(PathBuf::from) else { return Ok(()) };
    missing_history(parent).into_iter().try_for_each(|release| from_history(parent, &clone, release))
}

/// What is to be told of peers that are not there, if there are such.
pub(super) fn note(parent: &Path) -> Option<String> {
    let missing = missing_history(parent);
    (!missing.is_empty()).then(|| {
        format!(
            "peers: without Pyro4 {}, which no package index has: {HISTORY}=CLONE cargo xtask peers, with a clone of \
             Pyro4's repository, adds them to the live tests",
            missing.join(" and ")
        )
    })
}

fn directory(parent: &Path, release: &str) -> PathBuf {
    parent.join(format!("pyro4-{release}"))
}

fn missing_history(parent: &Path) -> Vec<&'static str> {
    FROM_HISTORY.into_iter().filter(|release| !directory(parent, release).join("Pyro4/core.py").is_file()).collect()
}

fn from_history(parent: &Path, clone: &Path, release: &str) -> Result<(), String> {
    println!("peers: taking Pyro4 {release} out of {}", clone.display());
    let dir = directory(parent, release);
    let half = parent.join(format!("pyro4-{release}.part"));
    let _ = fs::remove_dir_all(&half);
    fs::create_dir_all(&half).map_err(|e| format!("cannot make {}: {e}", half.display()))?;
    let mut git = Command::new("git");
    git.arg("-C").arg(clone).args(["archive", release, "src/Pyro4"]).stdout(Stdio::piped());
    let mut git = git.spawn().map_err(|e| format!("git does not start: {e}"))?;
    let packed = git.stdout.take().ok_or("git gives nothing")?;
    let mut tar = Command::new("tar");
    tar.args(["-x", "--strip-components=1", "-C"]).arg(&half).stdin(packed);
    let unpacked = tar.status().map_err(|e| format!("tar does not start: {e}"))?;
    let archived = git.wait().map_err(|e| format!("git: {e}"))?;
    if !archived.success() || !unpacked.success() || !half.join("Pyro4/core.py").is_file() {
        return Err(format!("{} has no Pyro4 {release}", clone.display()));
    }
    let _ = fs::remove_dir_all(&dir);
    fs::rename(&half, &dir).map_err(|e| format!("cannot make {}: {e}", dir.display()))
}
