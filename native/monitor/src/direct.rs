//! Clients whose own connection the daemon has given us: what they get passes no other process, and goes on
//! when the daemon ends. They speak no frames: their input is raw, and with a terminal so is their output.

use std::os::fd::{AsFd, OwnedFd};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::net::{RecvFlags, recv};
use sandbox::protocol::{Adoption, frame};

use crate::client::Client;
use crate::detach::DetachScanner;
use crate::serve::Monitor;

/// Most that is read of a client's input at once.
const PIECE: usize = 64 * 1024;

pub(crate) struct Direct {
    /// What the daemon calls it.
    token: [u8; 4],
    /// Its output has no headers.
    pub(crate) is_raw: bool,
    scanner: DetachScanner,
    /// It has ended its side, which does not mean that it is gone.
    pub(crate) has_ended_input: bool,
    exit_by: ExitBy,
}

/// Who tells it the exit code, behind its output.
#[derive(Clone, Copy, PartialEq, Eq)]
enum ExitBy {
    Nobody,
    /// The daemon that gave it, as long as that is there.
    Daemon,
    Monitor,
}

impl Client {
    /// What is told when it is let go of, where its connection was handed over.
    pub(crate) fn release(&self) -> Option<[u8; 5]> {
        let [a, b, c, d] = self.direct.as_ref()?.token;
        let is_done = self.ends && !self.has_queued();
        Some([a, b, c, d, u8::from(!is_done)])
    }

    /// Its daemon is gone.
    pub(crate) fn orphan(&mut self) {
        if let Some(direct) = &mut self.direct {
            direct.exit_by = match direct.exit_by {
                ExitBy::Nobody => ExitBy::Nobody,
                ExitBy::Daemon | ExitBy::Monitor => ExitBy::Monitor,
            };
        }
    }

    /// In place of its daemon, if that is gone.
    pub(crate) fn tell_exit(&mut self, code: i32) {
        let by = self.direct.as_ref().map(|direct| direct.exit_by);
        if by == Some(ExitBy::Monitor) {
            let code = u8::try_from(code & 0xff).unwrap_or(u8::MAX);
            self.push(frame::EXIT_CODE, &[code]);
        }
    }
}

impl Monitor {
    /// Takes over the connection that came along with the frame.
    pub(crate) fn adopt(&mut self, index: usize, payload: &[u8]) {
        let given = self.clients.get_mut(index).and_then(Client::take_given);
        let (Some(fd), Ok(adoption)) = (given, postcard::from_bytes::<Adoption>(payload)) else {
            return self.refuse_adoption(payload);
        };
        let exec = (!adoption.exec.is_empty()).then_some(adoption.exec);
        let mut client = Client::new(fd, self.spill_directory());
        client.direct = Some(Direct {
            token: adoption.token.to_be_bytes(),
            is_raw: adoption.is_raw,
            scanner: DetachScanner::new(&adoption.detach_keys),
            has_ended_input: false,
            exit_by: if adoption.is_told_exit {
                ExitBy::Daemon
            } else {
                ExitBy::Nobody
            },
        });
        client.attach(adoption.flags, exec, self.container.prepared.tty);
        // Of an exec that is yet to come nothing is to be read, least of all the end.
        match client.exec() {
            Some(id) if self.exec_of(id).is_none() => self.early.push(client),
            _ => self.clients.push(client),
        }
    }

    /// The token comes first in every form: whoever waits for its client is told that it is gone.
    fn refuse_adoption(&mut self, payload: &[u8]) {
        if let Ok((token, _)) = postcard::take_from_bytes::<u32>(payload) {
            let [a, b, c, d] = token.to_be_bytes();
            self.tell(frame::RELEASED, &[a, b, c, d, 1]);
        }
    }

    /// The exec that they wait for is there, or will never be.
    pub(crate) fn join_early(&mut self, exec: &str) {
        let joined = self.early.extract_if(.., |c| c.is_of(Some(exec)));
        self.clients.extend(joined);
    }

    pub(crate) fn hear_direct(&mut self, index: usize) {
        let Some(client) = self.clients.get_mut(index) else {
            return;
        };
        if client.direct.as_ref().is_some_and(|d| d.has_ended_input) {
            client.is_gone |= is_gone(client.fd());
            return;
        }
        let mut buffer = vec![0u8; PIECE];
        match recv(client.fd(), buffer.as_mut_slice(), RecvFlags::DONTWAIT) {
            Ok((1.., count)) => self.take_typed(index, buffer.get(..count).unwrap_or_default()),
            Ok((0, _)) => self.end_input(index),
            Err(Errno::AGAIN | Errno::INTR) => {}
            Err(_) => client.is_gone = true,
        }
    }

    /// Its end of input is that of the process, where that is wanted; output goes on to it.
    fn end_input(&mut self, index: usize) {
        let Some(client) = self.clients.get_mut(index) else {
            return;
        };
        client.is_gone |= is_gone(client.fd());
        let exec = client.exec().map(str::to_owned);
        let ends_input = std::mem::take(&mut client.wants_input);
        if let Some(direct) = &mut client.direct {
            direct.has_ended_input = true;
        }
        if ends_input {
            self.input_ended(exec.as_deref());
        }
    }

    fn take_typed(&mut self, index: usize, bytes: &[u8]) {
        let Some(client) = self
            .clients
            .get_mut(index)
            .filter(|c| c.wants_input && !c.ends)
        else {
            return;
        };
        let Some(direct) = &mut client.direct else {
            return;
        };
        let (send, detached) = direct.scanner.push(bytes);
        let token = direct.token;
        client.ends |= detached;
        self.feed(index, &send);
        if detached {
            self.tell(frame::DETACHED, &token);
        }
    }
}

/// Both directions have ended: the other side is closed.
fn is_gone(fd: &OwnedFd) -> bool {
    let mut watched = [PollFd::from_borrowed_fd(fd.as_fd(), PollFlags::empty())];
    let at_once = Timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    let _interrupted = poll(&mut watched, Some(&at_once));
    let [watched] = watched;
    watched
        .revents()
        .intersects(PollFlags::HUP | PollFlags::ERR)
}
