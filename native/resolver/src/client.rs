//! One connection of a container that asks over TCP: a query at a time, and what is asked meanwhile waits in the
//! kernel.

use std::os::fd::OwnedFd;
use std::time::{Duration, Instant};

use rustix::event::PollFlags;
use rustix::io::Errno;

use crate::message::LONGEST_QUERY;
use crate::stream::{Incoming, Outgoing};

/// How long one may stay silent, or not take its answer.
const PATIENCE: Duration = Duration::from_secs(10);

enum State {
    Asking(Incoming),
    /// For its answer.
    Waiting,
    Taking(Outgoing),
}

pub(crate) struct Client {
    pub(crate) id: u32,
    pub(crate) socket: OwnedFd,
    state: State,
    since: Instant,
}

impl Client {
    pub(crate) fn new(id: u32, socket: OwnedFd) -> Self {
        Self {
            id,
            socket,
            state: State::Asking(Incoming::default()),
            since: Instant::now(),
        }
    }

    pub(crate) fn flags(&self) -> PollFlags {
        match self.state {
            State::Asking(_) => PollFlags::IN,
            State::Waiting => PollFlags::empty(),
            State::Taking(_) => PollFlags::OUT,
        }
    }

    pub(crate) fn deadline(&self) -> Option<Instant> {
        (!matches!(self.state, State::Waiting)).then_some(self.since + PATIENCE)
    }

    /// A query that has come in whole; an error when the connection is over.
    pub(crate) fn turn(&mut self, buffer: &mut [u8]) -> Result<Option<Vec<u8>>, Errno> {
        match &mut self.state {
            State::Asking(incoming) => {
                let query = incoming.receive(&self.socket, buffer, LONGEST_QUERY)?;
                if query.is_some() {
                    self.state = State::Waiting;
                }
                Ok(query)
            }
            // Nothing is watched but its end.
            State::Waiting => Err(Errno::CONNRESET),
            State::Taking(outgoing) => {
                outgoing.send(&self.socket)?;
                if outgoing.is_done() {
                    self.state = State::Asking(Incoming::default());
                    self.since = Instant::now();
                }
                Ok(None)
            }
        }
    }

    pub(crate) fn give(&mut self, answer: &[u8]) -> Result<(), Errno> {
        let mut outgoing = Outgoing::new(answer);
        outgoing.send(&self.socket)?;
        self.since = Instant::now();
        self.state = if outgoing.is_done() {
            State::Asking(Incoming::default())
        } else {
            State::Taking(outgoing)
        };
        Ok(())
    }
}
