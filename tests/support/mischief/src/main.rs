//! Does what a hostile container would do, faster than a shell could.
//!
//!     mischief exchange A B     swaps two names all the time
//!     mischief grab SECONDS     takes hold of whatever process appears, and says what it got
//!     mischief touch SECONDS    the same, but changes nothing
//!     mischief eat MIB          fills memory and keeps it
//!     mischief files DIR        makes empty files until none can be made, and says how many
//!     mischief fork             makes as many processes as it may, all of them busy
//!     mischief tick             a number each 20 ms
//!     mischief socket PATH      binds a socket there and leaves it
mod grab;
mod sys;

use std::fs::File;
use std::io::{self, Write};
use std::os::unix::net::UnixListener;
use std::process::ExitCode;
use std::time::Duration;

use rustix::fs::{CWD, RenameFlags};

fn say(words: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    writeln!(out, "{words}")?;
    out.flush()
}

fn exchange(a: &str, b: &str) -> io::Result<()> {
    say("ready")?;
    loop {
        rustix::fs::renameat_with(CWD, a, CWD, b, RenameFlags::EXCHANGE)?;
    }
}

fn eat(mebibytes: usize) -> io::Result<()> {
    say("ready")?;
    let mut held: Vec<Vec<u8>> = Vec::new();
    for _ in 0..mebibytes {
        held.push(vec![1; 1 << 20]);
    }
    say(&format!("holds {}", held.len()))?;
    std::thread::sleep(Duration::from_hours(1));
    Ok(())
}

fn files(directory: &str) -> io::Result<()> {
    for count in 0_u64.. {
        if let Err(error) = File::create_new(format!("{directory}/{count}")) {
            return say(&format!("{count} files: {error}"));
        }
    }
    Ok(())
}

fn tick() -> io::Result<()> {
    for number in 0_u64.. {
        say(&number.to_string())?;
        std::thread::sleep(Duration::from_millis(20));
    }
    Ok(())
}

fn run(words: &[&str]) -> io::Result<()> {
    let bad = |_| io::Error::from(io::ErrorKind::InvalidInput);
    match words {
        ["exchange", a, b] => exchange(a, b),
        [how @ ("grab" | "touch"), seconds] => {
            let time = Duration::from_secs(seconds.parse().map_err(bad)?);
            say("ready")?;
            for line in grab::grab(time, *how == "grab") {
                say(&line)?;
            }
            say("done")
        }
        ["eat", mebibytes] => eat(mebibytes.parse().map_err(bad)?),
        ["files", directory] => files(directory),
        ["fork"] => {
            say("ready")?;
            sys::fork_for_ever()
        }
        ["tick"] => tick(),
        ["socket", path] => UnixListener::bind(path).map(drop),
        _ => Err(io::ErrorKind::InvalidInput.into()),
    }
}

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    match run(&words.iter().map(String::as_str).collect::<Vec<_>>()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _unread = writeln!(io::stderr(), "mischief: {error}");
            ExitCode::FAILURE
        }
    }
}
