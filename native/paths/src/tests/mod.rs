//! What a hostile root can do to a walk, with openat2(2) and without it.

mod agree;
mod dangling;
mod race;
mod refuse;
mod support;
