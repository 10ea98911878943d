//! The names as the daemon last wrote them. Files are replaced, never written into, so a look at what a path leads
//! to tells whether it has changed; nothing of them is held at rest.

use rustix::fs::{Mode, OFlags, Stat};
use rustix::io::Errno;

use crate::decide::View;
use crate::names::{self, Container};

/// A network is a bridge of 1,023 containers; ten times of what these need.
const LARGEST: u64 = 8 * 1024 * 1024;

/// What tells one file from the next under the same name.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Stamp {
    device: u64,
    inode: u64,
    seconds: i64,
    nanos: u64,
    size: i64,
}

#[allow(clippy::useless_conversion, reason = "widths differ between machines")]
impl From<&Stat> for Stamp {
    fn from(stat: &Stat) -> Self {
        Self {
            device: stat.st_dev.into(),
            inode: stat.st_ino.into(),
            seconds: stat.st_mtime.into(),
            nanos: stat.st_mtime_nsec.into(),
            size: stat.st_size.into(),
        }
    }
}

pub(crate) struct Files {
    path: String,
    container: (Option<Stamp>, Container),
    stamps: Vec<Option<Stamp>>,
    networks: Vec<String>,
}

impl Files {
    pub(crate) fn new(path: String) -> Self {
        Self {
            path,
            container: (None, Container::default()),
            stamps: Vec::new(),
            networks: Vec::new(),
        }
    }

    /// What holds now. A file of another version, or one that cannot be read, has no names.
    pub(crate) fn look(&mut self) -> View<'_> {
        let (stamp, container) = &mut self.container;
        if let Some(text) = read_if_new(&self.path, stamp) {
            *container = names::parse_container(&text).unwrap_or_default();
            self.stamps.clear();
            self.networks.clear();
        }
        self.stamps.resize(container.networks.len(), None);
        self.networks
            .resize(container.networks.len(), String::new());
        let known = self.stamps.iter_mut().zip(&mut self.networks);
        for (network, (stamp, text)) in container.networks.iter().zip(known) {
            if let Some(new) = read_if_new(&network.path, stamp) {
                *text = new;
            }
        }
        View {
            container,
            networks: &self.networks,
        }
    }

    pub(crate) fn rest(&mut self) {
        *self = Self::new(std::mem::take(&mut self.path));
    }
}

/// None if it is still the file of the stamp; "" for one that is gone.
fn read_if_new(path: &str, stamp: &mut Option<Stamp>) -> Option<String> {
    let now = rustix::fs::stat(path).ok().as_ref().map(Stamp::from);
    if now.is_some() && now == *stamp {
        return None;
    }
    let read = read(path).ok();
    *stamp = read.as_ref().map(|(stamp, _)| *stamp);
    Some(read.map(|(_, text)| text).unwrap_or_default())
}

fn read(path: &str) -> Result<(Stamp, String), Errno> {
    let file = rustix::fs::open(path, OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty())?;
    let stat = rustix::fs::fstat(&file)?;
    let size = u64::try_from(stat.st_size).unwrap_or(0).min(LARGEST);
    let mut bytes = vec![0; usize::try_from(size).unwrap_or(0)];
    let mut filled = 0;
    while let Some(room) = bytes.get_mut(filled..).filter(|room| !room.is_empty()) {
        match rustix::io::read(&file, room) {
            Ok(0) => break,
            Ok(count) => filled += count,
            Err(Errno::INTR) => {}
            Err(errno) => return Err(errno),
        }
    }
    bytes.truncate(filled);
    let text = String::from_utf8(bytes).map_err(|_| Errno::ILSEQ)?;
    Ok((Stamp::from(&stat), text))
}
