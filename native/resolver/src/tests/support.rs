//! Queries to ask, and a resolver to ask them.

use std::fs;
use std::net::{SocketAddr, TcpStream, UdpSocket};
use std::os::fd::{AsFd, OwnedFd};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};

use crate::sockets::{Listening, Places};
use crate::{Server, Token};

/// A query with the flag RD, and EDNS if it says what is taken.
pub(crate) fn query(id: u16, name: &str, kind: u16, takes: Option<u16>) -> Vec<u8> {
    let mut bytes = [id, 0x0100, 1, 0, 0, u16::from(takes.is_some())]
        .iter()
        .flat_map(|word| word.to_be_bytes())
        .collect::<Vec<_>>();
    for label in name.split('.').filter(|label| !label.is_empty()) {
        bytes.push(u8::try_from(label.len()).unwrap());
        bytes.extend_from_slice(label.as_bytes());
    }
    bytes.push(0);
    bytes.extend_from_slice(&kind.to_be_bytes());
    bytes.extend_from_slice(&[0, 1]);
    if let Some(takes) = takes {
        bytes.extend_from_slice(&[0, 0, 41]);
        bytes.extend_from_slice(&takes.to_be_bytes());
        bytes.extend_from_slice(&[0; 6]);
    }
    bytes
}

/// Code, whether it is truncated, and the data of all its records.
pub(crate) fn read(answer: &[u8]) -> (u16, bool, Vec<Vec<u8>>) {
    let word = |at: usize| u16::from_be_bytes([answer[at], answer[at + 1]]);
    let mut at = 12;
    if word(4) == 1 {
        while answer[at] != 0 {
            at += 1 + usize::from(answer[at]);
        }
        at += 5;
    }
    let mut data = Vec::new();
    for _ in 0..word(6) {
        assert_eq!(answer[at..at + 2], [0xc0, 12]);
        assert_eq!(answer[at + 6..at + 10], 600u32.to_be_bytes());
        let length = usize::from(word(at + 10));
        data.push(answer[at + 12..at + 12 + length].to_vec());
        at += 12 + length;
    }
    (word(2) & 15, word(2) & 0x0200 != 0, data)
}

/// A fresh network namespace, in which these tests may run, has a loopback that is down.
pub(crate) fn ensure_loopback() {
    let socket = UdpSocket::bind("0.0.0.0:0").unwrap();
    if socket.connect((crate::ADDRESS, crate::PORT)).is_err() {
        sandbox::sys::loopback_up(socket.as_fd()).unwrap();
    }
}

static NEXT: AtomicU32 = AtomicU32::new(0);

/// A resolver on a thread, with files of its own.
pub(crate) struct Running {
    pub(crate) directory: PathBuf,
    pub(crate) address: SocketAddr,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Running {
    /// `container` is what its file has behind the first line.
    pub(crate) fn new(container: &str) -> Self {
        ensure_loopback();
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("rt-resolver-{}-{number}", std::process::id());
        let directory = std::env::temp_dir().join(name);
        fs::create_dir_all(&directory).unwrap();
        let listening = Listening::open().unwrap();
        let address = SocketAddr::new(crate::ADDRESS.into(), listening.port);
        let host = fs::File::open("/proc/self/ns/net").unwrap();
        let places = Places::new(Some(OwnedFd::from(host))).unwrap();
        let path = directory.join("names").to_str().unwrap().to_owned();
        let stop = Arc::new(AtomicBool::new(false));
        let mut running = Self {
            directory,
            address,
            stop: Arc::clone(&stop),
            thread: None,
        };
        running.write("names", container);
        running.thread = Some(std::thread::spawn(move || {
            let mut server = Server::new(listening, places, path);
            while !stop.load(Ordering::Relaxed) {
                turn(&mut server);
            }
        }));
        running
    }

    /// Replaces one of its files.
    pub(crate) fn write(&self, name: &str, body: &str) {
        let new = self.directory.join(format!("{name}.new"));
        fs::write(&new, format!("rt-names 1\n{body}")).unwrap();
        fs::rename(new, self.directory.join(name)).unwrap();
    }

    pub(crate) fn path(&self, name: &str) -> String {
        self.directory.join(name).to_str().unwrap().to_owned()
    }

    pub(crate) fn ask(&self, query: &[u8]) -> Vec<u8> {
        let socket = self.socket();
        socket.send(query).unwrap();
        let mut answer = vec![0; 65_535];
        let length = socket.recv(&mut answer).unwrap();
        answer.truncate(length);
        answer
    }

    pub(crate) fn socket(&self) -> UdpSocket {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        socket.connect(self.address).unwrap();
        socket
            .set_read_timeout(Some(Duration::from_secs(10)))
            .unwrap();
        socket
    }

    pub(crate) fn stream(&self) -> TcpStream {
        let stream = TcpStream::connect(self.address).unwrap();
        stream
            .set_read_timeout(Some(Duration::from_secs(10)))
            .unwrap();
        stream
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        let ended = self.thread.take().map(JoinHandle::join);
        let _ = fs::remove_dir_all(&self.directory);
        assert!(std::thread::panicking() || ended.is_none_or(|ended| ended.is_ok()));
    }
}

/// As the monitor does it.
fn turn(server: &mut Server) {
    let mut tokens = Vec::new();
    let mut watched = Vec::new();
    server.watch(|token, fd, flags| {
        tokens.push(token);
        watched.push(PollFd::new(fd, flags));
    });
    let moment = Timespec {
        tv_sec: 0,
        tv_nsec: 20_000_000,
    };
    let _interrupted = poll(&mut watched, Some(&moment));
    let ready: Vec<Token> = tokens
        .into_iter()
        .zip(&watched)
        .filter(|(_, fd)| fd.revents() != PollFlags::empty())
        .map(|(token, _)| token)
        .collect();
    drop(watched);
    for token in ready {
        server.handle(token);
    }
    if server.deadline().is_some_and(|at| at <= Instant::now()) {
        server.tick();
    }
}
