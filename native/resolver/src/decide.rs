//! What a query is answered: from the names of the container's networks, or not by us.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::message::{INTERNET, Query, kind};
use crate::names::{self, Addresses, Container};
use crate::reply::Record;

/// All that names are looked up in.
#[derive(Clone, Copy)]
pub(crate) struct View<'a> {
    pub(crate) container: &'a Container,
    /// The text of each of its networks, in its order; "" for one that is gone.
    pub(crate) networks: &'a [String],
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Decision {
    /// By as many records as there are, which may be none.
    Answer(Vec<Record>),
    Forward,
}

pub(crate) fn decide(query: &Query<'_>, view: View<'_>) -> Decision {
    let Some(name) = query.name.as_deref() else {
        return Decision::Forward;
    };
    if query.class != INTERNET {
        return Decision::Forward;
    }
    if query.kind == kind::PTR {
        return view.reverse(name);
    }
    let is_address = matches!(query.kind, kind::A | kind::AAAA);
    match view.resolve(name) {
        Some((addresses, is_ours)) => match query.kind {
            kind::A => Decision::Answer(addresses.v4.into_iter().map(Record::V4).collect()),
            kind::AAAA => Decision::Answer(addresses.v6.into_iter().map(Record::V6).collect()),
            // A name that the world may know too is asked for there, but for its mail, which would go astray.
            other if is_ours || other == kind::MX => Decision::Answer(Vec::new()),
            _ => Decision::Forward,
        },
        // The user's search list is to be tried first.
        None if is_address && view.container.chose_ndots && !name.contains('.') => {
            Decision::Answer(Vec::new())
        }
        None => Decision::Forward,
    }
}

impl View<'_> {
    /// "a.b.c" may be a name, or "a.b" in the network "c", or "a" in the network "b.c". True beside the addresses
    /// if nobody outside can know the name.
    fn resolve(&self, name: &str) -> Option<(Addresses, bool)> {
        let is_single = !name.contains('.');
        let whole = self
            .look_up(name, None)
            .map(|addresses| (addresses, is_single));
        let parts = name.rmatch_indices('.');
        let split = parts.map(|(dot, _)| (&name[..dot], &name[dot + 1..]));
        whole.or_else(|| {
            split
                .filter_map(|(name, network)| self.look_up(name, Some(network)))
                .map(|addresses| (addresses, true))
                .next()
        })
    }

    /// The container's own words come first, and hide the names of others.
    fn look_up(&self, name: &str, network: Option<&str>) -> Option<Addresses> {
        let own = self.each_network(network).find_map(|(network, text)| {
            let link = self.link(network, name)?;
            names::find(text, link)
        });
        own.or_else(|| {
            self.each_network(network)
                .filter(|(network, _)| self.link(network, name).is_none())
                .find_map(|(_, text)| names::find(text, name))
        })
    }

    fn link(&self, network: &str, alias: &str) -> Option<&str> {
        let links = &self.container.links;
        let link = links
            .iter()
            .find(|link| link.network == network && link.alias == alias)?;
        Some(&link.name)
    }

    fn each_network(&self, only: Option<&str>) -> impl Iterator<Item = (&str, &str)> {
        let networks = self.container.networks.iter().zip(self.networks);
        networks
            .map(|(network, text)| (network.name.as_str(), text.as_str()))
            .filter(move |(name, _)| only.is_none_or(|only| only == *name))
    }

    fn reverse(&self, name: &str) -> Decision {
        let address = name
            .strip_suffix(".in-addr.arpa")
            .and_then(parse_v4)
            .or_else(|| name.strip_suffix(".ip6.arpa").and_then(parse_v6));
        let found = address.and_then(|address| {
            self.each_network(None).find_map(|(network, text)| {
                names::reverse(text, address).map(|name| format!("{name}.{network}"))
            })
        });
        match found {
            Some(name) => Decision::Answer(vec![Record::Name(name)]),
            None => Decision::Forward,
        }
    }
}

/// "2.0.18.172"
fn parse_v4(text: &str) -> Option<IpAddr> {
    let mut octets = [0; 4];
    let mut parts = text.split('.');
    for octet in octets.iter_mut().rev() {
        *octet = parts.next()?.parse().ok()?;
    }
    parts
        .next()
        .is_none()
        .then_some(Ipv4Addr::from(octets).into())
}

/// 32 digits, the last first.
fn parse_v6(text: &str) -> Option<IpAddr> {
    let mut bits = 0u128;
    let mut parts = text.split('.');
    for place in 0..32 {
        let digit = parts.next().filter(|part| part.len() == 1)?;
        bits |= u128::from_str_radix(digit, 16).ok()? << (4 * place);
    }
    parts
        .next()
        .is_none()
        .then_some(Ipv6Addr::from(bits).into())
}
