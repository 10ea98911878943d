//! Tests against the kernel. Each works in network namespaces of its own, made by its threads and
//! gone with them; the machine's own is never touched. They need root.

mod bridge;
mod endpoint;
mod hanging;
mod isolation;
pub(crate) mod lab;
mod nat;
mod policy;
mod published;
mod redirect;
pub(crate) mod restore;
mod routed;
mod several;
mod spare;
pub(crate) mod support;
