//! A query that is asked of servers, one after the other.

use std::net::SocketAddrV4;
use std::os::fd::OwnedFd;
use std::time::{Duration, Instant};

use rustix::event::PollFlags;
use rustix::io::Errno;
use rustix::net::{RecvFlags, SendFlags, recv, send};

use crate::message::{self, Code};
use crate::names::Upstream;
use crate::reply::Transport;
use crate::sockets::Places;
use crate::stream::{Incoming, Outgoing};

/// How long one server is waited for, if there is another, and if there is none.
const PATIENCE: Duration = Duration::from_secs(2);
const LAST_PATIENCE: Duration = Duration::from_secs(4);
/// When a datagram is taken for lost.
const AGAIN_AFTER: Duration = Duration::from_secs(1);
const LONGEST_REPLY: usize = u16::MAX as usize;

/// Who is to have the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Asker {
    Udp(SocketAddrV4),
    /// By the id of its connection.
    Tcp(u32),
}

impl Asker {
    pub(crate) fn transport(self) -> Transport {
        match self {
            Self::Udp(_) => Transport::Udp,
            Self::Tcp(_) => Transport::Tcp,
        }
    }
}

/// A query as it came.
pub(crate) struct Question {
    pub(crate) asker: Asker,
    pub(crate) bytes: Vec<u8>,
}

enum Wire {
    Datagram { again_at: Option<Instant> },
    Stream { out: Outgoing, input: Incoming },
}

/// With one server.
struct Try {
    socket: OwnedFd,
    id: u16,
    wire: Wire,
    until: Instant,
}

pub(crate) struct Exchange {
    pub(crate) id: u32,
    pub(crate) question: Question,
    /// Those that are left.
    servers: std::vec::IntoIter<Upstream>,
    current: Option<Try>,
}

impl Exchange {
    pub(crate) fn new(id: u32, question: Question, servers: Vec<Upstream>) -> Self {
        Self {
            id,
            question,
            servers: servers.into_iter(),
            current: None,
        }
    }

    /// Asks the next server; false if there is none.
    pub(crate) fn advance(&mut self, places: &mut Places) -> bool {
        self.current = None;
        while let Some(server) = self.servers.next() {
            if let Ok(attempt) = self.begin(&server, places) {
                self.current = Some(attempt);
                return true;
            }
        }
        false
    }

    fn begin(&self, server: &Upstream, places: &mut Places) -> Result<Try, Errno> {
        let transport = self.question.asker.transport();
        let now = Instant::now();
        let has_next = !self.servers.as_slice().is_empty();
        let mut attempt = Try {
            socket: places.connect(server, transport)?,
            id: random_id()?,
            wire: Wire::Datagram {
                again_at: Some(now + AGAIN_AFTER),
            },
            until: now + if has_next { PATIENCE } else { LAST_PATIENCE },
        };
        let mut query = self.question.bytes.clone();
        message::set_id(&mut query, attempt.id);
        match transport {
            Transport::Udp => attempt.send_datagram(&query)?,
            Transport::Tcp => {
                attempt.wire = Wire::Stream {
                    out: Outgoing::new(&query),
                    input: Incoming::default(),
                };
            }
        }
        Ok(attempt)
    }

    pub(crate) fn watched(&self) -> Option<(&OwnedFd, PollFlags)> {
        let attempt = self.current.as_ref()?;
        let flags = match &attempt.wire {
            Wire::Stream { out, .. } if !out.is_done() => PollFlags::OUT,
            _ => PollFlags::IN,
        };
        Some((&attempt.socket, flags))
    }

    pub(crate) fn deadline(&self) -> Option<Instant> {
        let attempt = self.current.as_ref()?;
        match attempt.wire {
            Wire::Datagram { again_at: Some(at) } => Some(at),
            _ => Some(attempt.until),
        }
    }

    /// The answer, under the id that the asker has given; an error when this server will not give one.
    pub(crate) fn turn(&mut self, buffer: &mut [u8]) -> Result<Option<Vec<u8>>, Errno> {
        let Some(attempt) = self.current.as_mut() else {
            return Err(Errno::NOTCONN);
        };
        let Some(mut reply) = attempt.hear(&self.question.bytes, buffer)? else {
            return Ok(None);
        };
        let code = message::code_of(&reply);
        if code == Code::ServerFailure as u16 || code == Code::Refused as u16 {
            return Err(Errno::CONNREFUSED);
        }
        if let Some(&[high, low]) = self.question.bytes.first_chunk::<2>() {
            message::set_id(&mut reply, u16::from_be_bytes([high, low]));
        }
        Ok(Some(reply))
    }

    /// An error when the time of this server is over.
    pub(crate) fn tick(&mut self, now: Instant) -> Result<(), Errno> {
        let Some(attempt) = self.current.as_mut() else {
            return Ok(());
        };
        if now >= attempt.until {
            return Err(Errno::TIMEDOUT);
        }
        if let Wire::Datagram { again_at } = &mut attempt.wire
            && again_at.is_some_and(|at| now >= at)
        {
            *again_at = None;
            let mut query = self.question.bytes.clone();
            message::set_id(&mut query, attempt.id);
            attempt.send_datagram(&query)?;
        }
        Ok(())
    }
}

impl Try {
    fn send_datagram(&self, query: &[u8]) -> Result<(), Errno> {
        match send(
            &self.socket,
            query,
            SendFlags::DONTWAIT | SendFlags::NOSIGNAL,
        ) {
            // A full queue is as good as a lost packet.
            Ok(_) | Err(Errno::AGAIN | Errno::INTR | Errno::NOBUFS) => Ok(()),
            Err(errno) => Err(errno),
        }
    }

    /// What is no answer to this query is passed over where anybody may have sent it.
    fn hear(&mut self, query: &[u8], buffer: &mut [u8]) -> Result<Option<Vec<u8>>, Errno> {
        let id = self.id;
        match &mut self.wire {
            Wire::Stream { out, .. } if !out.is_done() => {
                out.send(&self.socket)?;
                Ok(None)
            }
            Wire::Stream { input, .. } => {
                match input.receive(&self.socket, buffer, LONGEST_REPLY)? {
                    Some(reply) if !message::answers(&reply, query, id) => Err(Errno::BADMSG),
                    other => Ok(other),
                }
            }
            Wire::Datagram { .. } => match recv(&self.socket, &mut *buffer, RecvFlags::DONTWAIT) {
                Ok((_, count)) => {
                    let reply = buffer.get(..count).unwrap_or_default();
                    let is_it = message::answers(reply, query, id);
                    Ok(is_it.then(|| reply.to_vec()))
                }
                Err(Errno::AGAIN | Errno::INTR) => Ok(None),
                Err(errno) => Err(errno),
            },
        }
    }
}

/// With the port, which the kernel chooses as freely, what a forger has to guess.
fn random_id() -> Result<u16, Errno> {
    let mut bytes = [0; 2];
    rustix::rand::getrandom(&mut bytes, rustix::rand::GetRandomFlags::empty())?;
    Ok(u16::from_ne_bytes(bytes))
}
