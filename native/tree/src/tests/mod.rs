//! What the tests of this crate share: a root of their own beside something that must not be touched.

mod changes;
mod difference;
mod hostile;
mod race;
mod round;
mod waste;

use std::fs;
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use layer::tar::Kind;

use crate::header::{Header, end, pad};
use crate::{Receive, Target, TreeError, archive, receive};

static NEXT: AtomicU32 = AtomicU32::new(0);

/// A directory with `root`, and `outside` with a file that tells whether it was read or changed.
pub(crate) struct Scene(PathBuf);

pub(crate) const CANARY: &str = "canary of the host";

impl Scene {
    pub(crate) fn new() -> Self {
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("rt-tree-{}-{number}", std::process::id());
        let path = std::env::temp_dir().join(name);
        fs::create_dir_all(path.join("root")).unwrap();
        fs::create_dir(path.join("outside")).unwrap();
        fs::write(path.join("outside/secret"), CANARY).unwrap();
        Self(path)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    pub(crate) fn root(&self) -> PathBuf {
        self.0.join("root")
    }

    pub(crate) fn outside(&self) -> PathBuf {
        self.0.join("outside")
    }

    pub(crate) fn open(&self) -> OwnedFd {
        crate::changes::open_host(&self.root()).unwrap()
    }

    pub(crate) fn archive(&self, path: &str) -> Result<Vec<u8>, TreeError> {
        let mut out = Vec::new();
        let target = Target::parse(path)?;
        archive(self.open().as_fd(), &target, None, |_| {}, &mut out)?;
        Ok(out)
    }

    pub(crate) fn receive(&self, path: &str, tar: &[u8]) -> Result<(), TreeError> {
        let target = Target::parse(path)?;
        receive(self.open().as_fd(), &target, Receive::default(), || {}, tar)
    }

    /// Fails unless the outside is what it was.
    pub(crate) fn check(&self) {
        let names: Vec<_> = fs::read_dir(self.outside()).unwrap().collect();
        assert_eq!(names.len(), 1, "something was made outside");
        let secret = fs::read_to_string(self.outside().join("secret")).unwrap();
        assert_eq!(secret, CANARY);
    }
}

impl Drop for Scene {
    fn drop(&mut self) {
        layer::remove_tree(&self.0).expect("remove the scene");
    }
}

/// An archive of (name, kind, content).
pub(crate) fn tar(entries: &[(&str, Kind, &str)]) -> Vec<u8> {
    let mut out = Vec::new();
    for (name, kind, content) in entries {
        add(&mut out, name, kind, content, &[]);
    }
    end(&mut out).unwrap();
    out
}

pub(crate) fn add(
    out: &mut Vec<u8>,
    name: &str,
    kind: &Kind,
    content: &str,
    xattrs: &[(Vec<u8>, Vec<u8>)],
) {
    let header = Header {
        name: name.as_bytes(),
        kind,
        mode: 0o644,
        uid: rustix::process::geteuid().as_raw(),
        gid: rustix::process::getegid().as_raw(),
        size: content.len() as u64,
        seconds: 1_000_000,
        nanos: 0,
        xattrs,
    };
    header.write(out).unwrap();
    out.extend_from_slice(content.as_bytes());
    pad(out, content.len() as u64).unwrap();
}

pub(crate) fn symlink(to: impl AsRef<Path>) -> Kind {
    Kind::Symlink(to.as_ref().to_str().unwrap().as_bytes().to_vec())
}

/// False if the test cannot run since it makes devices.
pub(crate) fn is_root() -> bool {
    let is_root = rustix::process::geteuid().is_root();
    let must_run = std::env::var("RT_MUST_RUN").is_ok_and(|value| value == "1");
    assert!(is_root || !must_run, "this test needs root");
    if !is_root {
        eprintln!("SKIPPED: this test needs root");
    }
    is_root
}
