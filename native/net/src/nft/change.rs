//! What the kernel tells everybody of changes to `nf_tables`.

use std::os::fd::OwnedFd;

use rustix::io::Errno;
use rustix::net::netlink::{self, SocketAddrNetlink};
use rustix::net::{
    AddressFamily, RecvFlags, SocketFlags, SocketType, bind, recv, socket_with, sockopt,
};

use super::SUBSYSTEM;
use crate::wire::{find, read_u16, read_u32, text_of};

/// The multicast group `NFNLGRP_NFTABLES`, 7, as a bit.
const GROUP: u32 = 1 << (7 - 1);
/// Notices that wait; others may load rules by the ten thousand.
const ROOM: usize = 4 << 20;
const HEADER: usize = 16;
const NFGENMSG: usize = 4;
/// The table's name is attribute 1 of every object.
const TABLE: u16 = 1;
/// A table that is put to sleep is told of as a new one.
const NEWTABLE: u16 = SUBSYSTEM << 8;
const NEWGEN: u16 = SUBSYSTEM << 8 | 0xf;
/// Of tables, chains, rules, sets and their elements.
const REMOVALS: [u16; 5] = [2, 5, 8, 0xb, 0xe];

/// Hears of all changes in the network namespace in which it was opened.
pub(crate) struct Listener {
    fd: OwnedFd,
    buffer: Vec<u8>,
}

impl Listener {
    pub(crate) fn open() -> Result<Self, Errno> {
        let (family, kind) = (AddressFamily::NETLINK, SocketType::RAW);
        let protocol = Some(netlink::NETFILTER);
        let fd = socket_with(family, kind, SocketFlags::CLOEXEC, protocol)?;
        // Without the right to it the kernel's default is what there is.
        let _ = sockopt::set_socket_recv_buffer_size_force(&fd, ROOM);
        bind(&fd, &SocketAddrNetlink::new(0, GROUP))?;
        let buffer = vec![0; 1 << 16];
        Ok(Self { fd, buffer })
    }

    /// Waits for the next notices. `NOBUFS`: some were lost.
    pub(crate) fn hear(&mut self) -> Result<impl Iterator<Item = Change<'_>>, Errno> {
        let (_, length) = recv(&self.fd, &mut self.buffer[..], RecvFlags::empty())?;
        Ok(Change::all(self.buffer.get(..length).unwrap_or_default()))
    }
}

#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Change<'a> {
    /// Something of the table went, by the hand of that socket.
    Removal { table: &'a str, by: u32 },
    /// All of one transaction was told.
    End,
}

impl<'a> Change<'a> {
    fn all(mut bytes: &'a [u8]) -> impl Iterator<Item = Self> {
        std::iter::from_fn(move || {
            let length = read_u32(bytes, 0)? as usize;
            let message = bytes.get(..length).filter(|_| length >= HEADER)?;
            bytes = bytes.get(length.next_multiple_of(4)..).unwrap_or_default();
            Some(Self::read(message))
        })
        .flatten()
    }

    fn read(message: &'a [u8]) -> Option<Self> {
        let kind = read_u16(message, 4)?;
        let by = read_u32(message, 12)?;
        if kind == NEWGEN {
            return Some(Self::End);
        }
        let removal = |number: &u16| kind == SUBSYSTEM << 8 | number;
        if kind != NEWTABLE && !REMOVALS.iter().any(removal) {
            return None;
        }
        let table = text_of(find(message.get(HEADER + NFGENMSG..)?, TABLE)?);
        Some(Self::Removal { table, by })
    }
}
