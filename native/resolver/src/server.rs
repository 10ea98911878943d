//! A resolver at work. It never waits: whoever holds it watches its sockets and calls when there is something to do.

use std::collections::VecDeque;
use std::net::{IpAddr, SocketAddr, SocketAddrV4};
use std::os::fd::OwnedFd;
use std::time::{Duration, Instant};

use rustix::event::PollFlags;
use rustix::io::Errno;
use rustix::net::{RecvFlags, SendFlags, SocketFlags, accept_with, recvfrom, sendto};

use crate::client::Client;
use crate::decide::{Decision, decide};
use crate::exchange::{Asker, Exchange, Question};
use crate::files::Files;
use crate::message::{Code, LONGEST_QUERY, Parsed, Query, parse};
use crate::names::Upstream;
use crate::reply::{self, Record, Transport};
use crate::sockets::{ADDRESS, Listening, Places};

/// Queries that servers are asked at once. As many more wait for their turn, and the rest is refused.
const MOST_EXCHANGES: usize = 256;
const MOST_WAITING: usize = 1024;
/// How long one waits for its turn; Docker's.
const TURN_PATIENCE: Duration = Duration::from_secs(4);
const MOST_CLIENTS: usize = 32;
/// Taken in one go, before whoever holds this does something else.
const BURST: usize = 32;
/// The longest message there can be.
const BUFFER: usize = 65_535;

/// What is ready: given by [`Server::watch`], taken by [`Server::handle`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Token {
    Datagrams,
    Connections,
    Client(u32),
    Exchange(u32),
}

pub struct Server {
    listening: Listening,
    places: Places,
    files: Files,
    clients: Vec<Client>,
    exchanges: Vec<Exchange>,
    waiting: VecDeque<(Instant, Question)>,
    /// The last id of a client or an exchange.
    last: u32,
    /// Empty at rest.
    buffer: Vec<u8>,
}

impl Server {
    /// `names` is the path of the container's file.
    pub fn new(listening: Listening, places: Places, names: String) -> Self {
        Self {
            listening,
            places,
            files: Files::new(names),
            clients: Vec::new(),
            exchanges: Vec::new(),
            waiting: VecDeque::new(),
            last: 0,
            buffer: Vec::new(),
        }
    }

    /// Tells every socket that there is something to wait for at.
    pub fn watch<'a>(&'a self, mut watch: impl FnMut(Token, &'a OwnedFd, PollFlags)) {
        watch(Token::Datagrams, &self.listening.udp, PollFlags::IN);
        watch(Token::Connections, &self.listening.tcp, PollFlags::IN);
        for client in &self.clients {
            watch(Token::Client(client.id), &client.socket, client.flags());
        }
        for exchange in &self.exchanges {
            if let Some((socket, flags)) = exchange.watched() {
                watch(Token::Exchange(exchange.id), socket, flags);
            }
        }
    }

    /// When [`Server::tick`] is to be called at the latest.
    pub fn deadline(&self) -> Option<Instant> {
        let clients = self.clients.iter().filter_map(Client::deadline);
        let exchanges = self.exchanges.iter().filter_map(Exchange::deadline);
        let waiting = self.waiting.front().map(|(until, _)| *until);
        clients.chain(exchanges).chain(waiting).min()
    }

    pub fn handle(&mut self, token: Token) {
        let mut buffer = std::mem::take(&mut self.buffer);
        buffer.resize(BUFFER, 0);
        match token {
            Token::Datagrams => self.take_datagrams(&mut buffer),
            Token::Connections => self.accept(),
            Token::Client(id) => self.hear_client(id, &mut buffer),
            Token::Exchange(id) => self.hear_server(id, &mut buffer),
        }
        self.buffer = buffer;
        self.take_waiting();
    }

    /// Gives up what has taken too long.
    pub fn tick(&mut self) {
        let now = Instant::now();
        let is_late = |deadline: Option<Instant>| deadline.is_some_and(|at| at <= now);
        self.clients.retain(|client| !is_late(client.deadline()));
        let late = self.exchanges.iter().filter(|e| is_late(e.deadline()));
        for id in late.map(|exchange| exchange.id).collect::<Vec<_>>() {
            let exchange = self.exchanges.iter_mut().find(|e| e.id == id);
            if exchange.is_some_and(|exchange| exchange.tick(now).is_err()) {
                self.ask_next(id);
            }
        }
        while let Some((_, question)) = self.waiting.pop_front_if(|(until, _)| *until <= now) {
            self.fail(&question, Code::Refused);
        }
        self.take_waiting();
    }

    /// Gives memory back that the next query takes again.
    pub fn rest(&mut self) {
        self.buffer = Vec::new();
        self.files.rest();
        self.clients.shrink_to_fit();
        self.exchanges.shrink_to_fit();
        self.waiting.shrink_to_fit();
    }

    fn take_datagrams(&mut self, buffer: &mut [u8]) {
        for _ in 0..BURST {
            let room = buffer.get_mut(..=LONGEST_QUERY).unwrap_or_default();
            match recvfrom(&self.listening.udp, &mut *room, RecvFlags::DONTWAIT) {
                Ok((_, count, from)) => {
                    let from = from.and_then(|from| SocketAddr::try_from(from).ok());
                    if let (Some(SocketAddr::V4(from)), 1..=LONGEST_QUERY) = (from, count) {
                        let bytes = room.get(..count).unwrap_or_default().to_vec();
                        self.take_query(Asker::Udp(from), bytes);
                    }
                }
                Err(Errno::INTR) => {}
                Err(_) => return,
            }
        }
    }

    fn accept(&mut self) {
        let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
        let Ok(socket) = accept_with(&self.listening.tcp, flags) else {
            return;
        };
        if self.clients.len() >= MOST_CLIENTS {
            // The oldest that waits for nothing, else the oldest.
            let idle = self.clients.iter().position(|c| c.deadline().is_some());
            let gone = self.clients.remove(idle.unwrap_or(0)).id;
            self.forget(gone);
        }
        let id = self.next_id();
        self.clients.push(Client::new(id, socket));
    }

    fn hear_client(&mut self, id: u32, buffer: &mut [u8]) {
        let Some(client) = self.clients.iter_mut().find(|client| client.id == id) else {
            return;
        };
        match client.turn(buffer) {
            Ok(Some(query)) => self.take_query(Asker::Tcp(id), query),
            Ok(None) => {}
            Err(_) => {
                self.clients.retain(|client| client.id != id);
                self.forget(id);
            }
        }
    }

    /// Nobody is left to answer.
    fn forget(&mut self, client: u32) {
        let asker = Asker::Tcp(client);
        self.exchanges.retain(|e| e.question.asker != asker);
        self.waiting.retain(|(_, question)| question.asker != asker);
    }

    fn take_query(&mut self, asker: Asker, bytes: Vec<u8>) {
        match parse(&bytes) {
            Parsed::Query(query) => match self.own_answer(&query, asker.transport()) {
                Ok(answer) => self.give(asker, &answer),
                Err(servers) => self.forward(Question { asker, bytes }, servers),
            },
            Parsed::Refused { id, flags, code } => {
                self.give(asker, &reply::refusal(id, flags, code));
            }
            Parsed::Nothing => {
                if let Asker::Tcp(id) = asker {
                    self.clients.retain(|client| client.id != id);
                }
            }
        }
    }

    /// The answer from our names, or the servers to ask.
    fn own_answer(
        &mut self,
        query: &Query<'_>,
        transport: Transport,
    ) -> Result<Vec<u8>, Vec<Upstream>> {
        let view = self.files.look();
        match decide(query, view) {
            Decision::Answer(mut records) => {
                shuffle(&mut records);
                Ok(reply::answer(query, &records, transport))
            }
            Decision::Forward => {
                let container = view.container;
                let servers = container.servers.iter().copied();
                Err(servers
                    .filter(|server| container.reaches_outside || !server.by_host)
                    .filter(|server| server.by_host || !is_own(server.address.ip()))
                    .collect())
            }
        }
    }

    fn forward(&mut self, question: Question, servers: Vec<Upstream>) {
        if self.exchanges.len() < MOST_EXCHANGES {
            let id = self.next_id();
            self.exchanges.push(Exchange::new(id, question, servers));
            self.ask_next(id);
        } else if self.waiting.len() < MOST_WAITING {
            let until = Instant::now() + TURN_PATIENCE;
            self.waiting.push_back((until, question));
        } else {
            self.fail(&question, Code::Refused);
        }
    }

    fn hear_server(&mut self, id: u32, buffer: &mut [u8]) {
        let Some(exchange) = self.exchanges.iter_mut().find(|e| e.id == id) else {
            return;
        };
        match exchange.turn(buffer) {
            Ok(None) => {}
            Ok(Some(answer)) => {
                let asker = exchange.question.asker;
                self.end(id);
                self.give(asker, &answer);
            }
            Err(_) => self.ask_next(id),
        }
    }

    fn ask_next(&mut self, id: u32) {
        let Some(exchange) = self.exchanges.iter_mut().find(|e| e.id == id) else {
            return;
        };
        if exchange.advance(&mut self.places) {
            return;
        }
        if let Some(exchange) = self.end(id) {
            self.fail(&exchange.question, Code::ServerFailure);
        }
    }

    fn end(&mut self, id: u32) -> Option<Exchange> {
        let index = self.exchanges.iter().position(|e| e.id == id)?;
        Some(self.exchanges.swap_remove(index))
    }

    /// Whose turn has come is looked at anew: names may have changed meanwhile.
    fn take_waiting(&mut self) {
        while self.exchanges.len() < MOST_EXCHANGES
            && let Some((_, Question { asker, bytes })) = self.waiting.pop_front()
        {
            self.take_query(asker, bytes);
        }
    }

    fn fail(&mut self, question: &Question, code: Code) {
        if let Parsed::Query(query) = parse(&question.bytes) {
            let failure = reply::failure(&query, code);
            self.give(question.asker, &failure);
        }
    }

    fn give(&mut self, asker: Asker, answer: &[u8]) {
        match asker {
            Asker::Udp(to) => self.give_datagram(to, answer),
            Asker::Tcp(id) => {
                let client = self.clients.iter_mut().find(|client| client.id == id);
                if client.is_some_and(|client| client.give(answer).is_err()) {
                    self.clients.retain(|client| client.id != id);
                }
            }
        }
    }

    fn give_datagram(&self, to: SocketAddrV4, answer: &[u8]) {
        let flags = SendFlags::DONTWAIT | SendFlags::NOSIGNAL;
        // One that cannot be sent is asked for again.
        let _lost = sendto(&self.listening.udp, answer, flags, &to);
    }

    fn next_id(&mut self) -> u32 {
        self.last = self.last.wrapping_add(1);
        self.last
    }
}

/// Also as an IPv6 socket has it.
fn is_own(address: IpAddr) -> bool {
    address.to_canonical() == ADDRESS
}

/// So that whoever takes the first spreads what it asks for.
fn shuffle(records: &mut [Record]) {
    if records.len() < 2 {
        return;
    }
    let mut seed = [0; 8];
    let _in_order = rustix::rand::getrandom(&mut seed, rustix::rand::GetRandomFlags::NONBLOCK);
    let mut state = u64::from_ne_bytes(seed) | 1;
    for end in (1..records.len()).rev() {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        let with = usize::try_from(state % (end as u64 + 1)).unwrap_or(0);
        records.swap(end, with);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_resolver_knows_itself_in_either_family() {
        for (address, own) in [
            ("127.0.0.11", true),
            ("::ffff:127.0.0.11", true),
            ("127.0.0.53", false),
            ("::ffff:127.0.0.53", false),
            ("::1", false),
        ] {
            assert_eq!(is_own(address.parse().unwrap()), own, "{address}");
        }
    }
}
