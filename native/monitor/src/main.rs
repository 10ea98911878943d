//! One of these stands beside every container: it is the parent of the container's first process,
//! holds its standard streams, writes its log, answers on its socket, and records how it ended. It
//! outlives the daemon, so it is small: one thread, one loop, no JSON parser, no allocation at rest
//! beyond a few pages.
//!
//! ```text
//! hear.rs     what a child says before its program runs
//! launch.rs   Prepared → clone → gate → Ready        (with the daemon's addon)
//! network.rs  a network namespace ahead of need      names.rs  its resolver
//! serve.rs    the loop: output, input, clients, exit  (with the daemon, by frames)
//! watch.rs    what the loop waits for
//! queue.rs    what a client has still to take   pace.rs  whether a process waits for it
//! exec.rs     further processes
//! obey.rs     what clients ask for   streams.rs  output and input
//! oom.rs      kills for lack of memory
//! direct.rs   clients whose own connection was handed over   detach.rs  their way out
//! client.rs   one connection        log.rs  the log                 exit.rs  the exit record
//! ```

mod client;
mod detach;
mod direct;
mod exec;
mod exit;
mod hear;
mod json;
mod launch;
mod log;
mod names;
mod network;
mod obey;
mod oom;
mod pace;
mod queue;
mod serve;
mod streams;
mod watch;

use std::process::ExitCode;

fn main() -> ExitCode {
    match launch::launch() {
        Some((container, log)) => {
            serve::serve(container, log);
            ExitCode::SUCCESS
        }
        None => ExitCode::FAILURE,
    }
}
