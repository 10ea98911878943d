//! The sealed memory file that monitors are started from.

use std::os::fd::{AsFd, OwnedFd};

use rustix::fs::{MemfdFlags, SealFlags};
use rustix::io::Errno;

use crate::error::{Context, StepError};

/// An executable memory file with these bytes, sealed against every change: whoever reaches it
/// through `/proc/PID/exe` cannot write to it.
pub fn memfd_from(bytes: &[u8]) -> Result<OwnedFd, StepError> {
    let flags = MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING;
    // Before 6.3 the kernel does not know EXEC, and every memory file is executable.
    let file = match rustix::fs::memfd_create("rt-monitor", flags | MemfdFlags::EXEC) {
        Err(Errno::INVAL) => rustix::fs::memfd_create("rt-monitor", flags),
        other => other,
    };
    let file = file.step("create memory file", "rt-monitor")?;
    write_all(file.as_fd(), bytes)?;
    let seals = SealFlags::SEAL | SealFlags::SHRINK | SealFlags::GROW | SealFlags::WRITE;
    rustix::fs::fcntl_add_seals(&file, seals).step("seal memory file", "rt-monitor")?;
    Ok(file)
}

fn write_all(file: std::os::fd::BorrowedFd<'_>, mut bytes: &[u8]) -> Result<(), StepError> {
    while !bytes.is_empty() {
        let written = rustix::io::write(file, bytes).step("write memory file", "rt-monitor")?;
        bytes = bytes.get(written..).unwrap_or_default();
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sealed_memory_file_refuses_writes() {
        let file = memfd_from(b"#!/bin/true\n").expect("memfd");
        assert_eq!(rustix::io::pwrite(&file, b"x", 0), Err(Errno::PERM));
    }
}
