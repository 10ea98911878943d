//! The resolver of a container: it knows the names of the container's networks, and asks the servers of the host
//! for all others. It lives in the container's monitor, in the container's network namespace, and reads what it has to
//! know from files that the daemon replaces; see docs/design/names.md.
//!
//! ```text
//! message.rs  queries as bytes, hostile ones too     reply.rs     answers as bytes
//! names.rs    the daemon's files as text             files.rs     what of them holds now
//! decide.rs   query + names → answer, or not ours
//! server.rs   who asks what, and where it stands     sockets.rs   where they ask, and whom we ask
//! client.rs   one that asks over TCP                 exchange.rs  one query that servers are asked
//! stream.rs   messages over TCP
//! ```

#![forbid(unsafe_code)]

mod client;
mod decide;
mod exchange;
mod files;
#[cfg(any(test, feature = "fuzzing"))]
pub mod fuzz;
mod message;
mod names;
mod reply;
mod server;
mod sockets;
mod stream;
#[cfg(test)]
mod tests;

pub use server::{Server, Token};
pub use sockets::{ADDRESS, Listening, PORT, Places};
