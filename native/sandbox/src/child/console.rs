//! The terminal of a container with a tty.

use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd};

use rustix::fs::{FileType, OFlags, makedev};
use rustix::io::IoSlice;
use rustix::net::{SendAncillaryBuffer, SendAncillaryMessage, SendFlags, sendmsg};
use rustix::pty::OpenptFlags;
use rustix::termios::Winsize;

use super::{Result, mount, root};
use crate::error::{Code, Context, StepError};
use crate::protocol::packet;

const STEP: &str = "open terminal";

/// Opens a pair in the container's own devpts. Master and slave go to the monitor, which keeps the
/// slave so that the master never reports a hang-up while the container lives.
pub(super) fn open(
    root: BorrowedFd<'_>,
    channel: BorrowedFd<'_>,
    rows: u16,
    cols: u16,
    main: bool,
) -> Result<()> {
    const DEVPTS_SUPER_MAGIC: u64 = 0x1cd1;
    let flags = OFlags::RDWR | OFlags::NOCTTY | OFlags::NOFOLLOW;
    let master = root::open(root, "/dev/pts/ptmx", flags).step(STEP, "/dev/pts/ptmx")?;
    let stat = rustix::fs::fstat(&master).step(STEP, "/dev/pts/ptmx")?;
    let file_system = rustix::fs::fstatfs(&master)
        .step(STEP, "/dev/pts/ptmx")?
        .f_type;
    let genuine = FileType::from_raw_mode(stat.st_mode) == FileType::CharacterDevice
        && stat.st_rdev == makedev(5, 2)
        && u64::try_from(file_system) == Ok(DEVPTS_SUPER_MAGIC);
    if !genuine {
        let text = "open terminal: /dev/pts/ptmx in the container is not a terminal multiplexer";
        return Err(StepError::new(
            Code::MountConflict,
            STEP,
            "/dev/pts/ptmx",
            0,
            text,
        ));
    }
    rustix::pty::unlockpt(&master).step(STEP, "")?;
    // By descriptor, not by name: a name could lead to another file.
    let peer = OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC;
    let slave = rustix::pty::ioctl_tiocgptpeer(&master, peer).step(STEP, "")?;
    if rows != 0 && cols != 0 {
        let size = Winsize {
            ws_row: rows,
            ws_col: cols,
            ws_xpixel: 0,
            ws_ypixel: 0,
        };
        rustix::termios::tcsetwinsize(&master, size).step("set terminal size", "")?;
    }
    if main {
        let place = root::ensure(root, "/dev/console", root::Make::File)?;
        mount::bind_file(slave.as_fd(), place.as_fd()).step(STEP, "/dev/console")?;
    }
    rustix::process::ioctl_tiocsctty(&slave).step(STEP, "")?;
    let placed = rustix::stdio::dup2_stdin(&slave)
        .and_then(|()| rustix::stdio::dup2_stdout(&slave))
        .and_then(|()| rustix::stdio::dup2_stderr(&slave));
    placed.step(STEP, "")?;
    send_pair(channel, master.as_fd(), slave.as_fd())
}

fn send_pair(channel: BorrowedFd<'_>, master: BorrowedFd<'_>, slave: BorrowedFd<'_>) -> Result<()> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(2))];
    let mut control = SendAncillaryBuffer::new(&mut space);
    let fds = [master, slave];
    control.push(SendAncillaryMessage::ScmRights(&fds));
    let body = [packet::TERMINAL];
    sendmsg(
        channel,
        &[IoSlice::new(&body)],
        &mut control,
        SendFlags::NOSIGNAL,
    )
    .step(STEP, "")
    .map(drop)
}
