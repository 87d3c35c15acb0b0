//! npm's hessian.js, a second opinion on the bytes of Hessian.

use std::fs;
use std::path::Path;
use std::process::Command;

use super::{run, search_path};

/// The release that the tests know.
const PIN: &str = "hessian.js@2.11.0";

const DIRECTORY: &str = "hessian-js";

/// Whether it is there, and what runs it.
pub(super) fn is_right(parent: &Path) -> bool {
    let made = || fs::read_to_string(parent.join(DIRECTORY).join("pin"));
    missing_tools().is_empty() && made().is_ok_and(|pin| pin == PIN)
}

/// Installs it into a directory of its own, for NODE_PATH.
pub(super) fn make(parent: &Path) -> Result<(), String> {
    if !missing_tools().is_empty() {
        super::apt_get(&["nodejs", "npm"])?;
    }
    println!("peers: {PIN} for node");
    let half = parent.join(format!("{DIRECTORY}.part"));
    let _ = fs::remove_dir_all(&half);
    let cannot = |e: std::io::Error| format!("cannot make {}: {e}", half.display());
    fs::create_dir_all(&half).map_err(cannot)?;
    let mut npm = Command::new("npm");
    npm.args(["install", "--no-audit", "--no-fund", "--no-save", "--silent", "--prefix"]).arg(&half).arg(PIN);
    run(&mut npm).map_err(|reason| format!("npm could not install {PIN}: {reason}"))?;
    fs::write(half.join("pin"), PIN).map_err(cannot)?;
    let dir = parent.join(DIRECTORY);
    let _ = fs::remove_dir_all(&dir);
    fs::rename(&half, &dir).map_err(|e| format!("cannot make {}: {e}", dir.display()))
}

fn missing_tools() -> Vec<&'static str> {
    ["node", "npm"].into_iter().filter(|tool| !search_path(tool).iter().any(|file| file.is_file())).collect()
}
