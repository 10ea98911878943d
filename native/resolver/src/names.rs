//! The files that the daemon writes: what one container's resolver has to know, and the names of one network.
//!
//! ```text
//! of a container                             of a network, a line for each container
//!   rt-names 1                                 rt-names 1
//!   network backend /run/rt/networks/4f…       172.18.0.2 fd00::2 web www 0c1d2e3f4a5b
//!   link backend db postgres                   172.18.0.3 - db 99aabbccddee
//!   server 10.0.0.1
//!   server 127.0.0.53 host
//!   ndots
//!   outside
//! ```
//!
//! Names are in lower case; the first of a line is the one that its addresses have. A link is the container's own
//! word for another one. `host` is a server that the host's network reaches; `ndots`: the user has chosen that
//! option; `outside`: there is a way out. Lines that are not known are passed over.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV6};

const FIRST_LINE: &str = "rt-names 1";
const DNS_PORT: u16 = 53;
/// As many servers are asked at most; Docker's.
const MOST_SERVERS: usize = 3;

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Container {
    pub(crate) networks: Vec<Network>,
    pub(crate) links: Vec<Link>,
    pub(crate) servers: Vec<Upstream>,
    pub(crate) chose_ndots: bool,
    pub(crate) reaches_outside: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Network {
    pub(crate) name: String,
    pub(crate) path: String,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Link {
    pub(crate) network: String,
    pub(crate) alias: String,
    pub(crate) name: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Upstream {
    pub(crate) address: SocketAddr,
    /// Asked from the host's network, not from the container's.
    pub(crate) by_host: bool,
}

/// None for text of another version.
pub(crate) fn parse_container(text: &str) -> Option<Container> {
    let mut container = Container::default();
    for line in body(text)? {
        let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
        match word {
            "network" => container.networks.extend(parse_network(rest)),
            "link" => container.links.extend(parse_link(rest)),
            "server" => container.servers.extend(parse_server(rest)),
            "ndots" => container.chose_ndots = true,
            "outside" => container.reaches_outside = true,
            _ => {}
        }
    }
    container.servers.truncate(MOST_SERVERS);
    Some(container)
}

fn parse_network(words: &str) -> Option<Network> {
    let (name, path) = words.split_once(' ')?;
    Some(Network {
        name: name.to_owned(),
        path: path.to_owned(),
    })
}

fn parse_link(words: &str) -> Option<Link> {
    let mut words = words.split(' ').map(str::to_owned);
    Some(Link {
        network: words.next()?,
        alias: words.next()?,
        name: words.next()?,
    })
}

/// `10.0.0.1`, `10.0.0.1#5353`, `fe80::1%2` with the number of an interface, `127.0.0.53 host`.
fn parse_server(words: &str) -> Option<Upstream> {
    let (address, place) = words.split_once(' ').unwrap_or((words, ""));
    let (address, port) = match address.split_once('#') {
        Some((address, port)) => (address, port.parse().ok()?),
        None => (address, DNS_PORT),
    };
    let address = match address.split_once('%') {
        Some((address, scope)) => {
            let address: Ipv6Addr = address.parse().ok()?;
            SocketAddrV6::new(address, port, 0, scope.parse().ok()?).into()
        }
        None => SocketAddr::new(address.parse().ok()?, port),
    };
    Some(Upstream {
        address,
        by_host: place == "host",
    })
}

/// What a name stands for; of either family there may be none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Addresses {
    pub(crate) v4: Vec<Ipv4Addr>,
    pub(crate) v6: Vec<Ipv6Addr>,
}

/// None if no container of the network has that name.
pub(crate) fn find(network: &str, name: &str) -> Option<Addresses> {
    let mut found: Option<Addresses> = None;
    for line in body(network)? {
        let mut words = line.split(' ');
        let (Some(v4), Some(v6)) = (words.next(), words.next()) else {
            continue;
        };
        if !words.any(|word| word == name) {
            continue;
        }
        let found = found.get_or_insert_default();
        push_new(&mut found.v4, v4.parse().ok());
        push_new(&mut found.v6, v6.parse().ok());
    }
    found
}

fn push_new<T: PartialEq>(list: &mut Vec<T>, item: Option<T>) {
    if let Some(item) = item
        && !list.contains(&item)
    {
        list.push(item);
    }
}

/// The first name of the container that has the address.
pub(crate) fn reverse(network: &str, address: IpAddr) -> Option<&str> {
    let is_it = |word: &str| word.parse() == Ok(address);
    body(network)?.find_map(|line| {
        let mut words = line.split(' ');
        let (v4, v6) = (words.next()?, words.next()?);
        let mine = if address.is_ipv4() { v4 } else { v6 };
        words.next().filter(|_| is_it(mine))
    })
}

fn body(text: &str) -> Option<std::str::Lines<'_>> {
    let mut lines = text.lines();
    (lines.next()? == FIRST_LINE).then_some(lines)
}
