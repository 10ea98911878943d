//! What a monitor that runs is asked by a daemon of another version, byte by byte. A record is never changed:
//! where this fails, [`form`] is to be counted up and the new bytes recorded behind the old ones.

use super::*;

/// (form, bytes as hex digits), the form of today last.
const EXECS: [(u8, &str); 1] = [(
    1,
    "0261310101130001022c0a72742d64656661756c7400200d1d1e1f18ac0200210377656201037777772224042f7372761c078008ffffffffffffffffff0126fbcb90c00a2701808080012802736801042f62696e292a0408060000000000ff7f2b2e02027368022d630103413d62",
)];
const ADOPTIONS: [(u8, &str); 2] = [
    (1, "effdb6f70f0701021011026131"),
    (2, "effdb6f70f070102101102613101"),
];

/// With every operation that an exec uses.
fn exec() -> ExecRequest {
    ExecRequest {
        id: "a1".into(),
        tty: true,
        open_stdin: true,
        ops: vec![
            Op::DieWithMonitor,
            Op::Undumpable,
            Op::AwaitJoined,
            Op::AppArmor {
                profile: "rt-default".into(),
                at_once: false,
            },
            Op::Enter { oom_score_adj: -7 },
            Op::NewKeyring,
            Op::NewSession,
            Op::Console {
                rows: 24,
                cols: 300,
                main: false,
            },
            Op::FindUser {
                user: "web".into(),
                groups: vec!["www".into()],
            },
            Op::OwnStdio,
            Op::ChangeDirectory("/srv".into()),
            Op::Rlimit {
                resource: 7,
                soft: 1024,
                hard: u64::MAX,
            },
            Op::BoundCapabilities(0xa804_25fb),
            Op::BecomeUser {
                capabilities: 1,
                held: 1 << 21,
            },
            Op::FindProgram {
                name: "sh".into(),
                path: Some("/bin".into()),
            },
            Op::NoNewPrivileges,
            Op::Seccomp {
                flags: 4,
                program: vec![6, 0, 0, 0, 0, 0, 255, 127],
            },
            Op::DropHeld,
            Op::Exec {
                argv: vec!["sh".into(), "-c".into()],
                env: vec!["A=b".into()],
            },
        ],
    }
}

fn adoption() -> Adoption {
    Adoption {
        token: 0xfeed_beef,
        flags: 7,
        is_raw: true,
        detach_keys: vec![16, 17],
        exec: "a1".into(),
        is_told_exit: true,
    }
}

fn hex(bytes: &[u8]) -> String {
    let digits = |text: String, byte: &u8| text + &format!("{byte:02x}");
    bytes.iter().fold(String::new(), digits)
}

#[test]
fn what_monitors_are_asked_has_the_recorded_form() {
    let exec = postcard::to_allocvec(&exec()).expect("request");
    assert_eq!(EXECS.last(), Some(&(form::EXEC, hex(&exec).as_str())));
    let adoption = postcard::to_allocvec(&adoption()).expect("adoption");
    assert_eq!(
        ADOPTIONS.last(),
        Some(&(form::ADOPT, hex(&adoption).as_str()))
    );
}
