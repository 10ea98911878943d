//! Tests of the parts together.

mod fuzz;
mod support;

mod answers;
mod forward;
mod messages;
