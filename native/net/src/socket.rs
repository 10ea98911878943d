//! A netlink socket that speaks in whole batches.

use std::os::fd::{AsFd, OwnedFd};

use rustix::io::Errno;
use rustix::net::{
    AddressFamily, Protocol, RecvFlags, SendFlags, SocketFlags, SocketType, netlink, recv, send,
    socket_with,
};

use crate::error::Fault;
use crate::sys;
use crate::wire::{Answer, Batch, answers};

/// Longer than any single answer, and a good step for dumps (the kernel fills what we offer).
const BUFFER: usize = 16 * 1024;

/// The request that failed, in the words of its batch, and why.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) op: &'static str,
    pub(crate) fault: Fault,
    /// The numbers of all requests that failed, counted from 1.
    pub(crate) refused: Vec<u32>,
}

impl Failure {
    pub(crate) fn new(op: &'static str, fault: impl Into<Fault>) -> Self {
        let (fault, refused) = (fault.into(), Vec::new());
        Self { op, fault, refused }
    }
}

/// Bound to the network namespace in which it was opened, wherever it is used.
pub(crate) struct Netlink {
    fd: OwnedFd,
}

impl Netlink {
    /// `NETLINK_ROUTE` is protocol 0, which rustix spells as none.
    pub(crate) fn route() -> Result<Self, Failure> {
        Self::open(None, "open a route socket")
    }

    pub(crate) fn netfilter() -> Result<Self, Failure> {
        Self::open(Some(netlink::NETFILTER), "open a netfilter socket")
    }

    fn open(protocol: Option<Protocol>, op: &'static str) -> Result<Self, Failure> {
        let (family, kind) = (AddressFamily::NETLINK, SocketType::RAW);
        let fd = socket_with(family, kind, SocketFlags::CLOEXEC, protocol)
            .map_err(|errno| Failure::new(op, errno))?;
        sys::ask_for_reasons(fd.as_fd());
        Ok(Self { fd })
    }

    /// Sends a batch and waits for its end; the first failure is the one reported.
    pub(crate) fn run(&self, mut batch: Batch) -> Result<(), Failure> {
        if batch.awaited().is_none() {
            batch.acknowledge();
        }
        self.exchange(&batch, |_, _| ())
    }

    /// Sends one question and hands every answer (type, payload) to `take`.
    pub(crate) fn ask(&self, batch: &Batch, take: impl FnMut(u16, &[u8])) -> Result<(), Failure> {
        self.exchange(batch, take)
    }

    /// The kernel has worked through the whole batch when `send` returns, so that everything it
    /// has to say is in the queue, or (dumps) is made while we read: nothing here ever waits.
    fn exchange(&self, batch: &Batch, mut take: impl FnMut(u16, &[u8])) -> Result<(), Failure> {
        let awaited = batch.awaited();
        let last = awaited.unwrap_or_else(|| batch.last_sequence());
        let broken = |errno| Failure::new(batch.op(last), errno);
        send(&self.fd, batch.bytes(), SendFlags::empty()).map_err(|errno| Failure {
            refused: (1..=batch.last_sequence()).collect(),
            ..broken(errno)
        })?;
        let mut buffer = vec![0; BUFFER];
        let mut first: Option<Failure> = None;
        loop {
            let flags = RecvFlags::DONTWAIT | RecvFlags::TRUNC;
            let length = match recv(&self.fd, &mut buffer[..], flags) {
                Ok((_, length)) => length,
                Err(Errno::INTR) => continue,
                // Questions are answered by data alone. A batch that is refused as a whole is
                // answered at its first message.
                Err(Errno::AGAIN) if awaited.is_none() || first.is_some() => break,
                Err(Errno::AGAIN) => return Err(broken(Errno::PROTO)),
                Err(errno) => return Err(broken(errno)),
            };
            let datagram = buffer.get(..length).ok_or_else(|| broken(Errno::MSGSIZE))?;
            for (sequence, answer) in answers(datagram) {
                let end = match answer {
                    Answer::Data { kind, payload } => {
                        take(kind, payload);
                        false
                    }
                    Answer::Ack => sequence == last,
                    Answer::Done => true,
                    Answer::Failed(fault) => {
                        first
                            .get_or_insert_with(|| Failure::new(batch.op(sequence), fault))
                            .refused
                            .push(sequence);
                        sequence == last
                    }
                };
                if end {
                    return first.map_or(Ok(()), Err);
                }
            }
        }
        first.map_or(Ok(()), Err)
    }

    pub(crate) fn fd(&self) -> std::os::fd::BorrowedFd<'_> {
        self.fd.as_fd()
    }
}
