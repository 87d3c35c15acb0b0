//! Pyro 3, on Python 2.7.

use std::path::Path;

use super::archives::Archive;

/// 3.9.1 is one that speaks wire version 4.
const RELEASES: [Archive; 2] = [
    Archive {
        project: "Pyro",
        stem: "Pyro-3.16",
        checksum: "1bed508453ef7a7556b51424a58101af2349b662baab7e7331c5cb85dbe7e578",
        part: "Pyro",
        directory: "pyro3-3.16",
    },
    Archive {
        project: "Pyro",
        stem: "Pyro-3.9.1",
        checksum: "8396a61f2b47ca03685484fc400f573cac17a442652ed56fd86966488727bca4",
        part: "Pyro",
        directory: "pyro3-3.9.1",
    },
];

/// Whether all releases are unpacked.
pub(super) fn is_right(parent: &Path) -> bool {
    RELEASES.iter().all(|release| release.is_there(parent))
}

/// Unpacks what is missing.
pub(super) fn make(parent: &Path) -> Result<(), String> {
    RELEASES.iter().try_for_each(|release| release.ensure(parent))
}
