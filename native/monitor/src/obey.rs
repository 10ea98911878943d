//! What clients ask for, frame by frame.

use std::os::fd::AsFd;

use rustix::io::Errno;
use rustix::net::{SendFlags, send};
use rustix::termios::{Winsize, tcsetwinsize};
use sandbox::protocol::{form, frame, packet};
use sandbox::{Code, StepError, sys};

use crate::client::{Client, Frame};
use crate::json;
use crate::serve::{Monitor, State};

impl Monitor {
    pub(crate) fn obey(&mut self, index: usize, frame: &Frame) {
        let answer = match frame.kind {
            frame::STDIN => {
                self.feed(index, &frame.payload);
                None
            }
            frame::STDIN_CLOSE => {
                let exec = self.clients.get(index).and_then(Client::exec);
                self.input_ended(exec.map(str::to_owned).as_deref());
                None
            }
            frame::EXEC => {
                if let Some(client) = self.clients.get_mut(index) {
                    client.push(frame::ACK, &[]);
                }
                self.exec(&frame.payload);
                None
            }
            frame::ADOPT => {
                self.adopt(index, &frame.payload);
                Some((frame::ACK, Vec::new()))
            }
            frame::ATTACH => Some(self.attach(index, &frame.payload)),
            frame::RESIZE => Some(self.resize(&frame.payload)),
            frame::SIGNAL => Some(self.signal(&frame.payload)),
            frame::START => self.start(index),
            frame::WATCH => Some(self.watch(index)),
            frame::RESOLVE => Some(self.resolve()),
            kind if (frame::ATTACH..=frame::LAST_COMMAND).contains(&kind) => Some(unknown(kind)),
            _ => None,
        };
        if let (Some((kind, payload)), Some(client)) = (answer, self.clients.get_mut(index)) {
            client.push(kind, &payload);
        }
    }

    /// As Docker: the end of the first client's input is the end of the container's, if asked for.
    pub(crate) fn input_ended(&mut self, exec: Option<&str>) {
        if let Some(id) = exec {
            self.close_exec_input(id);
        } else if self.container.prepared.stdin_once && !self.container.prepared.tty {
            self.input.closes = true;
            self.write_input();
        }
    }

    pub(crate) fn feed(&mut self, index: usize, bytes: &[u8]) {
        let exec = self.clients.get(index).and_then(Client::exec);
        if let Some(id) = exec.map(str::to_owned) {
            self.feed_exec(&id, bytes);
        } else if self.input_fd().is_some() {
            self.input.take(bytes);
            self.write_input();
        }
    }

    /// Flags, and the id of an exec, which may be yet to come.
    fn attach(&mut self, index: usize, payload: &[u8]) -> (u8, Vec<u8>) {
        let flags = payload.first().copied().unwrap_or(0);
        let exec = exec_id(payload, 1);
        if let Some(client) = self.clients.get_mut(index) {
            client.attach(flags, exec, self.container.prepared.tty);
        }
        (frame::ACK, Vec::new())
    }

    fn resize(&mut self, payload: &[u8]) -> (u8, Vec<u8>) {
        let exec = exec_id(payload, 4);
        let (tty, streams) = match exec.and_then(|id| self.exec_of(&id)) {
            Some(exec) => (exec.tty, &exec.streams),
            None if payload.len() > 4 => return (frame::ACK, Vec::new()),
            None => (self.container.prepared.tty, &self.container.streams),
        };
        if let (Some(&[a, b, c, d]), true, Some(master)) =
            (payload.first_chunk::<4>(), tty, &streams.output)
        {
            let (ws_row, ws_col) = (u16::from_be_bytes([a, b]), u16::from_be_bytes([c, d]));
            let _not_a_terminal = tcsetwinsize(
                master,
                Winsize {
                    ws_row,
                    ws_col,
                    ws_xpixel: 0,
                    ws_ypixel: 0,
                },
            );
        }
        (frame::ACK, Vec::new())
    }

    fn signal(&self, payload: &[u8]) -> (u8, Vec<u8>) {
        let signal = payload.first().copied().unwrap_or(0);
        let pidfd = match exec_id(payload, 1) {
            Some(id) => self
                .execs
                .iter()
                .find(|exec| exec.id == id)
                .map(|exec| &exec.pidfd),
            None => Some(&self.container.pidfd),
        };
        let sent = pidfd.map_or(Err(Errno::SRCH), |pidfd| {
            sys::pidfd_signal(pidfd.as_fd(), signal.into())
        });
        match sent {
            Ok(()) => (frame::ACK, Vec::new()),
            Err(errno) => {
                let error =
                    StepError::call("signal", &signal.to_string(), errno).with_code(Code::Conflict);
                (frame::FAILED, json::failure(&error))
            }
        }
    }

    fn start(&mut self, index: usize) -> Option<(u8, Vec<u8>)> {
        if self.state != State::AtGate {
            let text = "the container was started already";
            return Some((
                frame::FAILED,
                json::failure(&StepError::new(Code::Conflict, "start", "", 0, text)),
            ));
        }
        if let Some(client) = self.clients.get_mut(index) {
            client.starts = true;
        }
        self.state = State::Starting;
        let _child_gone = send(&self.container.channel, &[packet::GO], SendFlags::NOSIGNAL);
        None
    }

    fn watch(&mut self, index: usize) -> (u8, Vec<u8>) {
        // Before the answer, so that who has it knows of every exec there is.
        if let Some(client) = self.clients.get_mut(index) {
            client.watches = true;
            for told in &self.exits {
                client.push(frame::EXEC_EXITED, told);
            }
            for exec in &self.execs {
                client.push(frame::EXEC_STARTED, &exec.started());
            }
        }
        // A start that is under way counts: a daemon that asks now must not let go of it.
        let running = self.state != State::AtGate;
        (frame::ACK, vec![u8::from(running), form::EXEC, form::ADOPT])
    }
}

/// Asked by a daemon that is newer than this monitor.
fn unknown(kind: u8) -> (u8, Vec<u8>) {
    let text = format!("the container's monitor is older than what is asked of it ({kind:#x})");
    let error = StepError::new(Code::NotImplemented, "obey", "", 0, text);
    (frame::FAILED, json::failure(&error))
}

/// The id of an exec behind the first bytes of a payload.
fn exec_id(payload: &[u8], from: usize) -> Option<String> {
    let id = payload.get(from..).filter(|id| !id.is_empty())?;
    Some(String::from_utf8_lossy(id).into_owned())
}
