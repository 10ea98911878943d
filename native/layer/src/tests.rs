//! Whole extractions of archives built in memory, row by row of the rules for hostile layers.

mod bodies;
mod contain;
mod fuzz;
mod kinds;
mod limits;
mod marks;
mod peer;
mod refuse;
mod send;
mod stream;
mod whole;
