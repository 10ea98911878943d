//! The other end of a monitor's socket.

use std::io::{Read, Write};
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

use sandbox::protocol::{Adoption, form, frame};
use serde_json::Value;

use crate::machine::Outcome;

pub(crate) struct Client {
    stream: UnixStream,
    stdout: Vec<u8>,
    stderr: Vec<u8>,
    exited: Option<Value>,
}

impl Client {
    pub(crate) fn connect(path: &Path) -> Self {
        let stream = UnixStream::connect(path).expect("monitor listens");
        stream
            .set_read_timeout(Some(Duration::from_secs(20)))
            .expect("time limit");
        Self {
            stream,
            stdout: Vec::new(),
            stderr: Vec::new(),
            exited: None,
        }
    }

    pub(crate) fn send(&mut self, kind: u8, payload: &[u8]) {
        let mut message = frame::header(kind, payload.len()).to_vec();
        message.extend_from_slice(payload);
        self.stream.write_all(&message).expect("send");
    }

    /// The next frame; None at the end of the connection.
    pub(crate) fn receive(&mut self) -> Option<(u8, Vec<u8>)> {
        let mut header = [0u8; frame::HEADER];
        match self.stream.read_exact(&mut header) {
            Err(e) if e.kind() == std::io::ErrorKind::UnexpectedEof => return None,
            Err(e) if e.kind() == std::io::ErrorKind::ConnectionReset => return None,
            other => other.expect("frame"),
        }
        let [kind, _, _, _, a, b, c, d] = header;
        let mut payload = vec![0; u32::from_be_bytes([a, b, c, d]) as usize];
        self.stream.read_exact(&mut payload).expect("payload");
        Some((kind, payload))
    }

    /// Reads on, keeping output, until another frame than output comes.
    pub(crate) fn answer(&mut self) -> Option<(u8, Vec<u8>)> {
        loop {
            match self.receive()? {
                (frame::STDOUT, bytes) => self.stdout.extend(bytes),
                (frame::STDERR, bytes) => self.stderr.extend(bytes),
                (frame::OOM, _) => {}
                (frame::EXITED, bytes) => {
                    self.exited = Some(serde_json::from_slice(&bytes).expect("record"));
                }
                other => return Some(other),
            }
        }
    }

    pub(crate) fn ask(&mut self, kind: u8, payload: &[u8]) -> (u8, Vec<u8>) {
        self.send(kind, payload);
        self.answer().expect("an answer")
    }

    /// Gives the monitor one end of a connection; the other.
    pub(crate) fn adopt(&mut self, adoption: &Adoption) -> UnixStream {
        let (ours, theirs) = UnixStream::pair().expect("connection");
        sandbox::adopt(self.stream.as_fd(), theirs.as_fd(), adoption).expect("sent");
        assert_eq!(self.answer().expect("an answer").0, frame::ACK);
        let limit = Some(Duration::from_secs(20));
        ours.set_read_timeout(limit).expect("time limit");
        ours
    }

    pub(crate) fn attach(&mut self, flags: u8) {
        assert_eq!(self.ask(frame::ATTACH, &[flags]).0, frame::ACK);
    }

    pub(crate) fn watch(&mut self) -> u8 {
        let (kind, payload) = self.ask(frame::WATCH, &[]);
        assert_eq!(kind, frame::ACK);
        assert_eq!(payload[1..], [form::EXEC, form::ADOPT]);
        payload[0]
    }

    /// The pid, or the failure.
    pub(crate) fn start(&mut self) -> Result<u32, Value> {
        match self.ask(frame::START, &[]) {
            (frame::STARTED, pid) => Ok(u32::from_be_bytes(pid.try_into().expect("four bytes"))),
            (frame::FAILED, json) => Err(serde_json::from_slice(&json).expect("JSON")),
            other => panic!("unexpected answer {other:?}"),
        }
    }

    pub(crate) fn signal(&mut self, number: u8) -> u8 {
        self.ask(frame::SIGNAL, &[number]).0
    }

    /// Reads until stdout so far contains `text`.
    pub(crate) fn until(&mut self, text: &str) {
        while !String::from_utf8_lossy(&self.stdout).contains(text) {
            match self.receive().expect("more output") {
                (frame::STDOUT, bytes) => self.stdout.extend(bytes),
                (frame::STDERR, bytes) => self.stderr.extend(bytes),
                _ => {}
            }
        }
    }

    /// All output up to the end of the connection.
    pub(crate) fn all_output(mut self) -> String {
        assert_eq!(self.answer(), None, "only output is left");
        String::from_utf8_lossy(&self.stdout).into_owned()
    }

    /// Everything up to the end of the connection. Needs an earlier [`Client::watch`].
    pub(crate) fn until_exit(mut self) -> Outcome {
        assert_eq!(self.answer(), None, "only output and the exit are left");
        let record = self.exited.expect("an exit record");
        Outcome {
            code: record["exitCode"].as_i64().expect("code"),
            oom_killed: record["oomKilled"].as_bool().expect("flag"),
            stdout: String::from_utf8_lossy(&self.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&self.stderr).into_owned(),
        }
    }
}
