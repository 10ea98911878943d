//! Compression of a rotated file by a child of the writer, so that its output never waits for it and
//! its memory is gone afterwards. The child writes `.gz.new` and renames it to `.gz.done` when it is
//! whole; the writer, which may have moved the source meanwhile, gives it its name.

use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::AsFd;
use std::os::unix::fs::MetadataExt;

use flate2::{Compression, GzBuilder};
use rustix::io::Errno;
use rustix::process::{Pid, Signal, WaitOptions, kill_process, waitpid};

use crate::sys;

const BUFFER: usize = 64 * 1024;

pub(crate) struct Gzip {
    child: Pid,
    /// Number of the source in the chain, as it is now.
    pub(crate) index: u32,
    has_ended: bool,
    has_failed: bool,
}

impl Gzip {
    /// None if there is no process to be had: the file stays plain.
    pub(crate) fn start(index: u32, source: &str, partial: &str, done: &str) -> Option<Self> {
        // Opened here: the name may belong to another file by the time the child looks.
        let source = File::open(source).ok()?;
        let parent = rustix::process::getpid();
        if let Some(pid) = sys::fork().ok()? {
            return Some(Self {
                child: Pid::from_raw(pid)?,
                index,
                has_ended: false,
                has_failed: false,
            });
        }
        sys::close_others(source.as_fd());
        let _named = rustix::thread::set_name(c"rt-log-gzip");
        let _kind = rustix::process::nice(19);
        let _own = rustix::process::set_parent_process_death_signal(Some(Signal::KILL));
        let is_done = rustix::process::getppid() == Some(parent)
            && compress(&source, partial).is_ok()
            && std::fs::rename(partial, done).is_ok();
        if !is_done {
            let _absent = std::fs::remove_file(partial);
        }
        sys::exit_now(i32::from(!is_done))
    }

    pub(crate) fn is_running(&mut self) -> bool {
        if !self.has_ended {
            self.reap(WaitOptions::NOHANG);
        }
        !self.has_ended
    }

    /// False if it failed.
    pub(crate) fn wait(&mut self) -> bool {
        while !self.has_ended {
            self.reap(WaitOptions::empty());
        }
        !self.has_failed
    }

    fn reap(&mut self, options: WaitOptions) {
        match waitpid(Some(self.child), options) {
            Ok(None) | Err(Errno::INTR) => {}
            Ok(Some((_, status))) => {
                self.has_ended = true;
                self.has_failed = status.exit_status() != Some(0);
            }
            // Whoever reaps all children has reaped this one.
            Err(_) => self.has_ended = true,
        }
    }
}

impl Drop for Gzip {
    fn drop(&mut self) {
        if self.is_running() {
            let _gone = kill_process(self.child, Signal::KILL);
            self.wait();
        }
    }
}

fn compress(mut source: &File, target: &str) -> io::Result<()> {
    let target = File::options()
        .write(true)
        .create(true)
        .truncate(true)
        .open(target)?;
    let inode = source.metadata()?.ino();
    rustix::fs::fchmod(&target, rustix::fs::Mode::from_raw_mode(0o640))?;
    let mut encoder = GzBuilder::new()
        .extra(identity(inode))
        .write(target, Compression::fast());
    let mut buffer = vec![0; BUFFER];
    loop {
        match source.read(&mut buffer)? {
            0 => break,
            count => encoder.write_all(buffer.get(..count).unwrap_or_default())?,
        }
    }
    encoder.finish()?;
    Ok(())
}

/// What the header says of the file that was compressed.
fn identity(inode: u64) -> String {
    format!("{{\"inode\":{inode}}}")
}

pub(crate) fn inode_of(identity: &str) -> Option<u64> {
    let digits = identity.strip_prefix("{\"inode\":")?.strip_suffix('}')?;
    digits.parse().ok()
}
