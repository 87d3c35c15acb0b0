//! Pyro 3, as its source archives from the Python package index: unpacked, never installed. Python 2.7 finds it by
//! PYTHONPATH.

use std::fs;
use std::path::Path;
use std::process::Command;

use super::run;

/// Releases, each with the checksum of its archive. 3.9.1 is one that speaks wire version 4.
const RELEASES: [(&str, &str); 2] = [
    ("3.16", "1bed508453ef7a7556b51424a58101af2349b662baab7e7331c5cb85dbe7e578"),
    ("3.9.1", "8396a61f2b47ca03685484fc400f573cac17a442652ed56fd86966488727bca4"),
];

/// Takes the archive's address from the index that pip would ask, checks what comes, and unpacks the package.
const FETCH: &str = r#"
import hashlib, html, io, os, re, subprocess, sys, tarfile, urllib.parse, urllib.request
release, checksum, target = sys.argv[1:]
asked = subprocess.run([sys.executable, "-m", "pip", "config", "get", "global.index-url"], capture_output=True, text=True)
index = os.environ.get("PIP_INDEX_URL") or asked.stdout.strip() or "https://pypi.org/simple"
page = index.rstrip("/") + "/pyro/"
links = re.findall(r'href="([^"]+)"', urllib.request.urlopen(page, timeout=120).read().decode())
links = [urllib.parse.urljoin(page, html.unescape(link)) for link in links]
link = next(link for link in links if "/Pyro-%s.tar.gz" % release in link)
data = urllib.request.urlopen(link, timeout=120).read()
assert hashlib.sha256(data).hexdigest() == checksum, "the archive is another one"
prefix = "Pyro-%s/Pyro/" % release
with tarfile.open(fileobj=io.BytesIO(data)) as archive:
    for member in archive.getmembers():
        name = member.name
        if not member.isfile() or not name.startswith(prefix) or ".." in name.split("/"):
            continue
        path = os.path.join(target, "Pyro", *name[len(prefix):].split("/"))
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as out:
            out.write(archive.extractfile(member).read())
"#;

fn directory(release: &str) -> String {
    format!("pyro3-{release}")
}

/// Whether all releases are unpacked.
pub(super) fn is_right(parent: &Path) -> bool {
    RELEASES.iter().all(|(release, _)| parent.join(directory(release)).join("Pyro/core.py").is_file())
}

/// Unpacks what is missing, with the Python of the environments.
pub(super) fn make(parent: &Path) -> Result<(), String> {
    for (release, checksum) in RELEASES {
        let dir = parent.join(directory(release));
        if dir.join("Pyro/core.py").is_file() {
            continue;
        }
        println!("peers: fetching Pyro {release}");
        let half = parent.join(format!("{}.part", directory(release)));
        let _ = fs::remove_dir_all(&half);
        let python = parent.join("python/bin/python");
        run(Command::new(python).args(["-c", FETCH, release, checksum]).arg(&half))
            .map_err(|reason| format!("Pyro {release} could not be had from the Python package index: {reason}"))?;
        let _ = fs::remove_dir_all(&dir);
        fs::rename(&half, &dir).map_err(|e| format!("cannot make {}: {e}", dir.display()))?;
    }
    Ok(())
}
