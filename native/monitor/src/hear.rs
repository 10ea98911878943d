//! What a child says on its channel before its program runs.

use std::mem::MaybeUninit;
use std::os::fd::OwnedFd;

use rustix::io::{Errno, IoSliceMut};
use rustix::net::{RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, recvmsg};
use sandbox::StepError;
use sandbox::protocol::packet;

use crate::launch::internal;

/// What a child says on its channel.
pub(crate) enum Heard {
    Gate,
    /// Master and slave.
    Terminal(Option<OwnedFd>, Option<OwnedFd>),
    Failed(StepError),
    /// Its program runs, or it is gone.
    End,
}

pub(crate) fn hear(channel: &OwnedFd, flags: RecvFlags) -> Result<Heard, Errno> {
    let mut buffer = vec![0u8; 16 * 1024];
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(2))];
    let mut control = RecvAncillaryBuffer::new(&mut space);
    let mut parts = [IoSliceMut::new(&mut buffer)];
    let received = recvmsg(
        channel,
        &mut parts,
        &mut control,
        flags | RecvFlags::CMSG_CLOEXEC,
    )?;
    let count = received.bytes;
    Ok(match buffer.first().filter(|_| count > 0) {
        Some(&packet::GATE) => Heard::Gate,
        Some(&packet::TERMINAL) => {
            let mut fds = descriptors(&mut control).into_iter();
            Heard::Terminal(fds.next(), fds.next())
        }
        Some(&packet::FAILED) => {
            Heard::Failed(parse_failure(buffer.get(1..count).unwrap_or_default()))
        }
        _ => Heard::End,
    })
}

pub(crate) fn parse_failure(bytes: &[u8]) -> StepError {
    postcard::from_bytes(bytes).unwrap_or_else(|_| {
        internal("the container's set-up failed for a reason it could not tell")
    })
}

pub(crate) fn descriptors(control: &mut RecvAncillaryBuffer<'_>) -> Vec<OwnedFd> {
    let rights = control.drain().filter_map(|message| match message {
        RecvAncillaryMessage::ScmRights(fds) => Some(fds),
        _ => None,
    });
    rights.flatten().collect()
}
