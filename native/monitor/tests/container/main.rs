//! Whole containers: launch → monitor → probe, each in a machine of its own. Needs root.

mod client;
mod direct;
mod exec;
mod identity;
mod isolation;
mod lifecycle;
mod logs;
mod machine;
mod names;
mod protection;
mod share;
mod streams;
mod trees;
