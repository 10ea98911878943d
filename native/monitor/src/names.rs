//! The container's resolver, where it has one: from its start, or from when it is first connected to a network
//! whose containers have names.

use std::os::fd::{AsFd, OwnedFd};
use std::time::Instant;

use resolver::{Listening, Places, Server, Token};
use rustix::io::Errno;
use rustix::net::{AddressFamily, SocketFlags, SocketType, socket_with};
use sandbox::protocol::{Prepared, frame};
use sandbox::{Context, StepError, sys};

use crate::json;
use crate::serve::Monitor;

/// The file with what it has to know, beside the monitor's socket.
const FILE: &str = "names";

/// While the child sets itself up.
pub(crate) fn at_start(
    host: Option<&OwnedFd>,
    prepared: &Prepared,
) -> Result<Option<Server>, StepError> {
    if prepared.has_names {
        open(host, prepared).map(Some)
    } else {
        Ok(None)
    }
}

/// Begins to listen in the network namespace of this process, which has to be the container's; `host` is the
/// host's.
fn open(host: Option<&OwnedFd>, prepared: &Prepared) -> Result<Server, StepError> {
    let host = host
        .ok_or(Errno::NOTSUP)
        .and_then(|host| rustix::io::fcntl_dupfd_cloexec(host, 3));
    let host = host.step("open resolver", "")?;
    let kind = (AddressFamily::INET, SocketType::DGRAM, SocketFlags::CLOEXEC);
    if let Ok(socket) = socket_with(kind.0, kind.1, kind.2, None) {
        let _bind_will_tell = sys::loopback_up(socket.as_fd());
    }
    let listening = listen().step("open resolver", "")?;
    let places = Places::new(Some(host)).step("open resolver", "")?;
    let directory = prepared.socket_path.rsplit_once('/');
    let path = directory.map_or_else(String::new, |(directory, _)| format!("{directory}/{FILE}"));
    Ok(Server::new(listening, places, path))
}

/// Where the kernel cannot lead packets elsewhere, no program of the container can have the port.
fn listen() -> Result<Listening, Errno> {
    let listening = Listening::open()?;
    match net::redirect(resolver::ADDRESS, resolver::PORT, listening.port) {
        Ok(()) => Ok(listening),
        Err(_) => Listening::open_plain(),
    }
}

impl Monitor {
    /// The container has got names; that it had some already is no error.
    pub(crate) fn resolve(&mut self) -> (u8, Vec<u8>) {
        let container = &mut self.container;
        if container.names.is_none() {
            match open(container.host.as_ref(), &container.prepared) {
                Ok(names) => container.names = Some(names),
                Err(error) => return (frame::FAILED, json::failure(&error)),
            }
        }
        (frame::ACK, Vec::new())
    }

    pub(crate) fn hear_names(&mut self, token: Token) {
        if let Some(names) = &mut self.container.names {
            names.handle(token);
        }
    }

    /// Gives up what has taken too long.
    pub(crate) fn settle_names(&mut self) {
        if let Some(names) = &mut self.container.names
            && names.deadline().is_some_and(|at| at <= Instant::now())
        {
            names.tick();
        }
    }

    pub(crate) fn rest_names(&mut self) {
        if let Some(names) = &mut self.container.names {
            names.rest();
        }
    }
}
