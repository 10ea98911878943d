//! Says what a process finds where it was started: one JSON object, a key for each subcommand.
//!
//!     probe capabilities syscalls …    what is named
//!     probe all                        all but `syscalls` and `numbers`
//!     probe wait                       nothing, until SIGTERM
//!
//! `syscalls` calls whatever a container might be denied, with arguments that no kernel acts upon.
//! Rust's start-up code is left out, since it changes what is looked at: it ignores SIGPIPE, handles
//! SIGSEGV and opens missing standard descriptors.
#![no_main]

mod calls;
mod device;
mod errno;
mod file;
mod numbers;
mod process;
mod sys;

use std::io::Write;

use serde_json::{Map, Value};

type Section = (&'static str, fn() -> Value);

const SECTIONS: [Section; 15] = [
    ("capabilities", process::capabilities),
    ("descriptors", file::descriptors),
    ("devices", device::nodes),
    ("groups", process::identity),
    ("keyring", process::keyring),
    ("limits", process::limits),
    ("made", device::made),
    ("mounts", file::mounts),
    ("namespaces", process::namespaces),
    ("numbers", numbers::all),
    ("paths", file::paths),
    ("process", process::surroundings),
    ("signals", process::signals),
    ("sysctls", file::sysctls),
    ("syscalls", calls::all),
];

/// Named only by themselves: they make calls by the hundred.
const APART: [&str; 2] = ["numbers", "syscalls"];

fn run() -> Result<(), String> {
    let mut words: Vec<String> = std::env::args().skip(1).collect();
    if words == ["wait"] {
        sys::wait_for_term();
        return Ok(());
    }
    if words.iter().any(|word| word == "all") {
        words.retain(|word| word != "all");
        let names = SECTIONS.iter().map(|(name, _)| *name);
        words.extend(
            names
                .filter(|name| !APART.contains(name))
                .map(str::to_owned),
        );
    }
    let mut said = Map::new();
    for word in words {
        let (name, look) = SECTIONS
            .iter()
            .find(|(name, _)| *name == word)
            .ok_or_else(|| format!("unknown subcommand \"{word}\""))?;
        said.insert((*name).to_owned(), look());
    }
    let mut text = Value::Object(said).to_string();
    text.push('\n');
    std::io::stdout()
        .write_all(text.as_bytes())
        .map_err(|e| e.to_string())
}

fn start() -> i32 {
    match run() {
        Ok(()) => 0,
        Err(words) => {
            let _ = writeln!(std::io::stderr(), "probe: {words}");
            1
        }
    }
}
