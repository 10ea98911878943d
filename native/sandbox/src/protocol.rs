//! What crosses between the daemon's addon, the monitor, and the container's first process.
//!
//! ```text
//!  addon                     monitor                          child (PID 1)
//!    │◀──────── Waiting ────────┤ (ahead of need)                │
//!    │  Prepared + two fds      │                                │
//!    ├─────────────────────────▶│ clone3 ───────────────────────▶│ ops up to the gate …
//!    │◀──────── Created{pid} ───┤ (joins v1 cgroups, JOINED ────▶│)
//!    │ wires the network        │◀──── TERMINAL + two fds ───────┤ (with a tty)
//!    ├──────────── b'N' ───────▶│◀──────────── GATE ─────────────┤
//!    │◀──────── Ready{pid} ─────┤                                │ waits
//!    x (closes)                 │                                │
//!  client ───────── START ─────▶│────────────── GO ─────────────▶│ ops behind the gate, execve
//!         ◀──────── STARTED ────┤◀──── end of file (close-on-exec)
//! ```
//! Any FAILED from the child takes the place of what was to come. On the launch channel a message
//! is a u32 LE length and a postcard value; on the child's channel it is one SEQPACKET packet.

use serde::{Deserialize, Serialize};

use crate::cgroup::OomSource;
use crate::error::StepError;
use crate::op::Op;
use crate::plan::LogPlan;

/// Everything the monitor needs to know.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[allow(clippy::struct_excessive_bools)]
pub struct Prepared {
    pub socket_path: String,
    pub exit_path: String,
    pub log: Option<LogPlan>,
    pub tty: bool,
    pub open_stdin: bool,
    pub stdin_once: bool,
    /// `CLONE_NEW*` for clone3.
    pub clone_flags: u64,
    /// v1 cgroup directories whose `cgroup.procs` gets the child's pid.
    pub cgroup_join: Vec<String>,
    /// All directories to remove at the end.
    pub cgroup_directories: Vec<String>,
    pub oom: Option<OomSource>,
    pub ops: Vec<Op>,
    /// How many namespaces of other containers to join: their descriptors follow the listener's.
    pub joins: u32,
    /// Behind those comes the mount namespace whose shared memory is used.
    pub has_donor: bool,
    /// The monitor answers names from the start.
    pub has_names: bool,
}

/// A further process for the monitor to start: payload of [`frame::EXEC`].
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct ExecRequest {
    pub id: String,
    pub tty: bool,
    pub open_stdin: bool,
    pub ops: Vec<Op>,
}

/// A client whose connection comes along: payload of [`frame::ADOPT`].
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Adoption {
    /// What the daemon calls it when it is told of it.
    pub token: u32,
    /// As of [`frame::ATTACH`]: 1 stdin, 2 stdout, 4 stderr.
    pub flags: u8,
    /// Output goes without headers.
    pub is_raw: bool,
    /// Bytes by which it asks to be let go; none that could not be.
    pub detach_keys: Vec<u8>,
    /// The exec it is attached to, "" for the container itself.
    pub exec: String,
    /// Where the daemon that gave it is gone, the monitor tells it the end, by [`frame::EXIT_CODE`].
    pub is_told_exit: bool,
}

/// Monitor → addon.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub enum LaunchReply {
    /// The monitor is ready; in a network namespace of its own, where that was possible.
    Waiting {
        has_network: bool,
    },
    /// The child exists, and so do its namespaces.
    Created {
        pid: u32,
    },
    /// The child stands at the gate.
    Ready {
        pid: u32,
    },
    Failed(StepError),
}

/// The descriptor the monitor is started with. The first message on it brings the listening socket,
/// the namespaces to join, the donor's mount namespace, and, where there is a v2 tree, the cgroup to
/// clone into.
pub const LAUNCH_FD: i32 = 3;

/// As many descriptors as that message brings at most: four namespaces beside the other three.
pub const LAUNCH_FDS: usize = 7;

/// Addon → monitor, after [`LaunchReply::Created`]: the network is wired.
pub const NETWORK_DONE: u8 = b'N';

/// First byte of a packet between monitor and child.
pub mod packet {
    /// Child: stands at the gate.
    pub const GATE: u8 = 1;
    /// Child: a postcard [`super::StepError`] follows.
    pub const FAILED: u8 = 2;
    /// Child: master and slave of the terminal come along.
    pub const TERMINAL: u8 = 3;
    /// Monitor: v1 cgroups are joined.
    pub const JOINED: u8 = 4;
    /// Monitor: go through the gate.
    pub const GO: u8 = 5;
}

/// Forms of what postcard carries to a monitor that runs, and may be of another version than the daemon. Whoever
/// changes what is recorded in the tests of this module counts the form up.
pub mod form {
    /// Of [`super::ExecRequest`], with each [`crate::op::Op`] that an exec uses.
    pub const EXEC: u8 = 1;
    /// Of [`super::Adoption`].
    pub const ADOPT: u8 = 2;
    /// Of a monitor that does not tell any: those before there were numbers.
    pub const UNTOLD: u8 = 1;
}

/// Kinds of frames on the monitor's socket: kind, three zero bytes, u32 BE length, payload.
pub mod frame {
    pub const STDIN: u8 = 0x00;
    pub const STDOUT: u8 = 0x01;
    pub const STDERR: u8 = 0x02;
    /// One byte, behind the output of a client that was adopted, as `exit` in `src/api/frames.ts`.
    pub const EXIT_CODE: u8 = 0x04;
    pub const ATTACH: u8 = 0x10;
    pub const STDIN_CLOSE: u8 = 0x11;
    pub const RESIZE: u8 = 0x12;
    pub const SIGNAL: u8 = 0x13;
    pub const START: u8 = 0x14;
    /// Acknowledged with a byte that says whether the container is past its gate, then the monitor's
    /// [`super::form`]s of EXEC and ADOPT.
    pub const WATCH: u8 = 0x15;
    /// A postcard [`super::ExecRequest`]; acknowledged at once, answered by one of the three below.
    pub const EXEC: u8 = 0x16;
    /// A postcard [`super::Adoption`], and with it the descriptor of the client's connection.
    pub const ADOPT: u8 = 0x17;
    /// The container has got names to answer: acknowledged once the resolver listens.
    pub const RESOLVE: u8 = 0x18;
    /// The last kind that may ask for something: those that are not known are answered by FAILED.
    pub const LAST_COMMAND: u8 = 0x1f;
    pub const ACK: u8 = 0x20;
    pub const STARTED: u8 = 0x21;
    pub const FAILED: u8 = 0x22;
    pub const EXITED: u8 = 0x23;
    /// To those who watch, as JSON: id and pid; id, code and message; id and exitCode.
    pub const EXEC_STARTED: u8 = 0x24;
    pub const EXEC_FAILED: u8 = 0x25;
    pub const EXEC_EXITED: u8 = 0x26;
    /// A process was killed for lack of memory; tells those that watch.
    pub const OOM: u8 = 0x27;
    /// To those who watch, with the token of a client that was adopted: it has typed the detach keys; it is let
    /// go of, and a byte tells why: 0 when it has taken all there was for it, 1 when it is gone.
    pub const DETACHED: u8 = 0x28;
    pub const RELEASED: u8 = 0x29;
    /// Bytes of a frame before its payload.
    pub const HEADER: usize = 8;
    /// Longest payload that a monitor takes; who announces a longer one is let go. An exec with all the
    /// arguments and variables that the kernel takes (2 MiB) fits.
    pub const LONGEST: usize = 3 * 1024 * 1024;

    /// The header of a frame.
    pub fn header(kind: u8, length: usize) -> [u8; HEADER] {
        let [a, b, c, d] = u32::try_from(length).unwrap_or(u32::MAX).to_be_bytes();
        [kind, 0, 0, 0, a, b, c, d]
    }
}

#[cfg(test)]
mod recorded;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Code;

    /// Whatever comes instead of a message is refused or is another message: it costs no memory that it
    /// does not bring along, and nothing panics.
    #[test]
    fn damaged_messages_are_refused_or_read() {
        let request = ExecRequest {
            id: "a1b2".into(),
            tty: true,
            open_stdin: false,
            ops: vec![
                Op::DieWithMonitor,
                Op::Hostname("name".into()),
                Op::Exec {
                    argv: vec!["sh".into(), "-c".into()],
                    env: vec!["A=b".into()],
                },
            ],
        };
        let failure = LaunchReply::Failed(StepError::new(Code::Internal, "step", "/x", 2, "no"));
        let seeds = [
            postcard::to_allocvec(&request).expect("request"),
            postcard::to_allocvec(&failure).expect("failure"),
            vec![0xff; 64],
        ];
        let mut state = 1u64;
        let mut below = |end: usize| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            usize::try_from(state % end as u64).expect("small")
        };
        for round in 0..60_000 {
            let mut bytes = seeds[round % seeds.len()].clone();
            for _ in 0..=below(4) {
                let at = below(bytes.len());
                match below(4) {
                    0 => bytes[at] = u8::try_from(below(256)).expect("a byte"),
                    1 => bytes[at] ^= 1 << below(8),
                    2 => bytes.truncate(at + 1),
                    _ => bytes.insert(at, 0xff),
                }
            }
            let _ = postcard::from_bytes::<ExecRequest>(&bytes);
            let _ = postcard::from_bytes::<LaunchReply>(&bytes);
            let _ = postcard::from_bytes::<Prepared>(&bytes);
            let _ = postcard::from_bytes::<StepError>(&bytes);
        }
    }
}
