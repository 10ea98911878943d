//! What clients ask for, frame by frame.

use std::os::fd::AsFd;

use rustix::net::{SendFlags, send};
use rustix::termios::{Winsize, tcsetwinsize};
use sandbox::protocol::{frame, packet};
use sandbox::{Code, StepError, sys};

use crate::client::Frame;
use crate::json;
use crate::serve::{Monitor, State};

impl Monitor {
    pub(crate) fn obey(&mut self, index: usize, frame: &Frame) {
        let answer = match frame.kind {
            frame::STDIN => {
                if self.input_fd().is_some() && !self.closes_input {
                    self.input.extend_from_slice(&frame.payload);
                    self.write_input();
                }
                None
            }
            frame::STDIN_CLOSE => {
                self.input_ended();
                None
            }
            frame::ATTACH => Some(self.attach(index, &frame.payload)),
            frame::RESIZE => Some(self.resize(&frame.payload)),
            frame::SIGNAL => Some(self.signal(&frame.payload)),
            frame::START => self.start(index),
            frame::WATCH => Some(self.watch(index)),
            _ => None,
        };
        if let (Some((kind, payload)), Some(client)) = (answer, self.clients.get_mut(index)) {
            client.push(kind, &payload);
        }
    }

    /// As Docker: the end of the first client's input is the end of the container's, if asked for.
    pub(crate) fn input_ended(&mut self) {
        if self.container.prepared.stdin_once && !self.container.prepared.tty {
            self.closes_input = true;
            self.write_input();
        }
    }

    fn attach(&mut self, index: usize, flags: &[u8]) -> (u8, Vec<u8>) {
        let flags = flags.first().copied().unwrap_or(0);
        let tty = self.container.prepared.tty;
        if let Some(client) = self.clients.get_mut(index) {
            client.wants_input = flags & 1 != 0;
            client.wants_output = flags & 2 != 0 || (tty && flags & 4 != 0);
            client.wants_error = flags & 4 != 0 && !tty;
        }
        (frame::ACK, Vec::new())
    }

    fn resize(&self, size: &[u8]) -> (u8, Vec<u8>) {
        if let (&[a, b, c, d], true, Some(master)) = (
            size,
            self.container.prepared.tty,
            &self.container.streams.output,
        ) {
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
        match sys::pidfd_signal(self.container.pidfd.as_fd(), signal.into()) {
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
        if let Some(client) = self.clients.get_mut(index) {
            client.watches = true;
        }
        // A start that is under way counts: a daemon that asks now must not let go of it.
        let running = self.state != State::AtGate;
        (frame::ACK, vec![u8::from(running)])
    }
}
