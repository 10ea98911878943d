use super::Compiled;
use crate::action::Action;
use crate::arch::Arch;
use crate::profile::Profile;
use crate::{KernelVersion, ProfileError, compile as compile_text, compiled};

const NONE: [u64; 6] = [0; 6];

fn error(text: &str) -> ProfileError {
    let host = super::host(Arch::X86_64);
    compile_text(Some(text), 0, &host).expect_err(text)
}

fn rule(fields: &str) -> String {
    format!(r#"{{"defaultAction":"SCMP_ACT_ALLOW","syscalls":[{{{fields}}}]}}"#)
}

#[test]
fn a_profile_that_means_nothing_is_refused_with_a_reason() {
    let cases = [
        (
            "",
            "Decoding seccomp profile failed: EOF while parsing a value at line 1 column 0",
        ),
        (
            "[]",
            "Decoding seccomp profile failed: it is not a JSON object",
        ),
        (
            r#"{"defaultAction":"SCMP_ACT_NONE"}"#,
            "invalid seccomp profile: unknown action \"SCMP_ACT_NONE\"",
        ),
        (
            r#"{"syscalls":[{"names":["read"],"action":"SCMP_ACT_ALLOW"}]}"#,
            "invalid seccomp profile: unknown action \"\"",
        ),
        (
            r#"{"defaultAction":"SCMP_ACT_ALLOW","flags":["SECCOMP_FILTER_FLAG_NEW_LISTENER"]}"#,
            "invalid seccomp profile: unknown flag \"SECCOMP_FILTER_FLAG_NEW_LISTENER\"",
        ),
        (
            r#"{"defaultAction":"SCMP_ACT_ALLOW","architectures":["SCMP_ARCH_VAX"]}"#,
            "invalid seccomp profile: unknown architecture \"SCMP_ARCH_VAX\"",
        ),
        (
            r#"{"defaultAction":"SCMP_ACT_ALLOW","architectures":["SCMP_ARCH_X86"],"archMap":[{"architecture":"SCMP_ARCH_X86_64","subArchitectures":null}]}"#,
            "both 'architectures' and 'archMap' are specified in the seccomp profile, use either 'architectures' or 'archMap'",
        ),
    ];
    for (text, words) in cases {
        assert_eq!(error(text).to_string(), words);
    }
    let rules = [
        (
            r#""name":"read","names":["write"],"action":"SCMP_ACT_ERRNO""#,
            "both 'name' and 'names' are specified in the seccomp profile, use either 'name' or 'names'",
        ),
        (
            r#""names":[""],"action":"SCMP_ACT_ERRNO""#,
            "invalid seccomp profile: a rule has no system call",
        ),
        (
            r#""names":["read"],"action":"SCMP_ACT_ERRNO","errnoRet":4096"#,
            "invalid seccomp profile: errno 4096 is out of range (0 to 4095)",
        ),
        (
            r#""names":["read"],"action":"SCMP_ACT_ERRNO","args":[{"index":6,"value":0,"op":"SCMP_CMP_EQ"}]"#,
            "invalid seccomp profile: argument 6 does not exist (system calls have 0 to 5)",
        ),
        (
            r#""names":["read"],"action":"SCMP_ACT_ERRNO","args":[{"index":0,"value":0,"op":"EQ"}]"#,
            "invalid seccomp profile: unknown operator \"EQ\"",
        ),
        (
            r#""names":["read"],"action":"SCMP_ACT_ERRNO","includes":{"minKernel":"4"}"#,
            "invalid seccomp profile: kernel version \"4\" is not of the form \"MAJOR.MINOR\"",
        ),
    ];
    for (fields, words) in rules {
        assert_eq!(error(&rule(fields)).to_string(), words);
    }
}

#[test]
fn a_profile_with_a_listener_is_not_supported() {
    for text in [
        r#"{"defaultAction":"SCMP_ACT_NOTIFY"}"#.to_owned(),
        r#"{"defaultAction":"SCMP_ACT_ALLOW","listenerPath":"/run/x.sock"}"#.to_owned(),
        rule(r#""names":["mkdir"],"action":"SCMP_ACT_NOTIFY""#),
    ] {
        assert!(error(&text).is_unsupported(), "{text}");
    }
}

#[test]
fn hostile_text_is_refused_or_bounded() {
    let deep = |field: &str| {
        let (open, close) = ("[".repeat(100_000), "]".repeat(100_000));
        format!(r#"{{"defaultAction":"SCMP_ACT_ALLOW","{field}":{open}{close}}}"#)
    };
    assert!(matches!(error(&deep("syscalls")), ProfileError::Json(_)));
    assert!(Profile::parse(&deep("unknown")).is_ok());
    assert!(matches!(
        error(r#"{"defaultAction":1e999}"#),
        ProfileError::Json(_)
    ));
    assert!(matches!(
        error(r#"{"defaultErrnoRet":-1,"defaultAction":"SCMP_ACT_ERRNO"}"#),
        ProfileError::Json(_)
    ));
    let control = error("{\"defaultAction\":\"\\u001b[31m\\n\"}").to_string();
    assert!(!control.chars().any(char::is_control), "{control}");
    let long = error(&format!(r#"{{"defaultAction":"{}"}}"#, "x".repeat(1 << 20))).to_string();
    assert!(long.len() < 300, "{}", long.len());

    // The same rule and the same name again and again become one.
    let names = vec![r#""mkdir""#; 50_000].join(",");
    let same = format!(
        r#"{{"names":[{names}],"action":"SCMP_ACT_ERRNO","args":[{{"index":0,"value":1,"op":"SCMP_CMP_EQ"}}]}}"#
    );
    let rules = [same.as_str(); 4].join(",");
    let compiled = Compiled::parse(&format!(
        r#"{{"defaultAction":"SCMP_ACT_ALLOW","syscalls":[{rules}]}}"#
    ));
    assert!(compiled.program.len() < 40);

    let many: Vec<String> = (0..2000).map(|value| format!(r#"{{"names":["mkdir"],"action":"SCMP_ACT_ERRNO","args":[{{"index":0,"value":{value},"op":"SCMP_CMP_EQ"}}]}}"#)).collect();
    let text = format!(
        r#"{{"defaultAction":"SCMP_ACT_ALLOW","syscalls":[{}]}}"#,
        many.join(",")
    );
    assert!(matches!(error(&text), ProfileError::TooLong(_)));
}

#[test]
fn unknown_names_and_fields_are_ignored() {
    let compiled = Compiled::parse(
        r#"{"defaultAction":"SCMP_ACT_ALLOW","future":{"a":[1]},"syscalls":[
        {"names":["no_such_call","mkdir"],"action":"SCMP_ACT_ERRNO","comment":"x","errnoRet":30,
         "args":null,"includes":{},"excludes":null}]}"#,
    );
    assert_eq!(
        compiled.call(Arch::X86_64, "mkdir", NONE),
        Action(0x0005_001e)
    );
    assert_eq!(compiled.call(Arch::X86_64, "rmdir", NONE), Action::ALLOW);
}

#[test]
fn a_profile_without_default_and_rules_filters_nothing() {
    let host = super::host(Arch::X86_64);
    assert_eq!(compile_text(Some("{}"), 0, &host), Ok(None));
    assert_eq!(
        compile_text(Some(r#"{"syscalls":null}"#), 0, &host),
        Ok(None)
    );
}

#[test]
fn a_default_that_allows_makes_no_number_unknown() {
    let compiled = Compiled::parse(&rule(r#""name":"mkdir","action":"SCMP_ACT_KILL_PROCESS""#));
    assert_eq!(
        compiled.answer(Arch::X86_64.audit(), 9999, NONE),
        Action::ALLOW
    );
    assert_eq!(
        compiled.call(Arch::X86_64, "mkdir", NONE),
        Action::KILL_PROCESS
    );
    // Without a list there is the host's own architecture alone.
    assert_eq!(
        compiled.answer(Arch::X86.audit(), 0, NONE),
        Action::KILL_THREAD
    );
    assert_eq!(
        compiled.answer(Arch::X32.audit(), 0x4000_0000, NONE),
        Action::KILL_THREAD
    );
}

#[test]
fn a_rule_without_conditions_beats_one_with_some() {
    let with = r#"{"names":["mkdir"],"action":"SCMP_ACT_ERRNO","args":[{"index":1,"value":7,"op":"SCMP_CMP_EQ"}]}"#;
    let without = r#"{"names":["mkdir"],"action":"SCMP_ACT_LOG"}"#;
    for rules in [[with, without], [without, with]] {
        let text = format!(
            r#"{{"defaultAction":"SCMP_ACT_ALLOW","syscalls":[{}]}}"#,
            rules.join(",")
        );
        let compiled = Compiled::parse(&text);
        assert_eq!(
            compiled.call(Arch::X86_64, "mkdir", [0, 7, 0, 0, 0, 0]),
            Action::LOG
        );
    }
}

#[test]
fn conditions_on_one_argument_are_alternatives_and_on_several_all_needed() {
    let compiled = Compiled::parse(&rule(
        r#""names":["mkdir"],"action":"SCMP_ACT_ERRNO","args":[
        {"index":0,"value":1,"op":"SCMP_CMP_EQ"},{"index":0,"value":2,"op":"SCMP_CMP_EQ"}]"#,
    ));
    let mkdir = |first, second| compiled.call(Arch::X86_64, "mkdir", [first, second, 0, 0, 0, 0]);
    assert_eq!(
        [mkdir(1, 0), mkdir(2, 0), mkdir(3, 0)],
        [Action::DENY, Action::DENY, Action::ALLOW]
    );
    let compiled = Compiled::parse(&rule(
        r#""names":["mkdir"],"action":"SCMP_ACT_ERRNO","args":[
        {"index":0,"value":1,"op":"SCMP_CMP_EQ"},{"index":1,"value":2,"op":"SCMP_CMP_EQ"}]"#,
    ));
    let mkdir = |first, second| compiled.call(Arch::X86_64, "mkdir", [first, second, 0, 0, 0, 0]);
    assert_eq!(
        [mkdir(1, 2), mkdir(1, 0), mkdir(0, 2)],
        [Action::DENY, Action::ALLOW, Action::ALLOW]
    );
}

#[test]
fn flags_are_the_kernels_and_allow_speculation_unless_told() {
    let flags = |list: &str| {
        Profile::parse(&format!(
            r#"{{"defaultAction":"SCMP_ACT_ALLOW","flags":{list}}}"#
        ))
        .expect("profile")
        .flags
    };
    assert_eq!(flags("[]"), 4);
    assert_eq!(flags(r#"["SECCOMP_FILTER_FLAG_LOG"]"#), 2);
    assert_eq!(flags(r#"["SECCOMP_FILTER_FLAG_TSYNC"]"#), 0);
}

#[test]
fn a_compiled_program_is_found_again_for_its_capabilities_alone() {
    let host = super::host(Arch::X86_64);
    let one = compiled(None, 1, &host).expect("filter").expect("some");
    let again = compiled(None, 1, &host).expect("filter").expect("some");
    assert!(std::sync::Arc::ptr_eq(&one, &again));
    let other = compiled(None, super::ADMIN, &host)
        .expect("filter")
        .expect("some");
    assert_ne!(one.program, other.program);
    let old = crate::Host {
        kernel: KernelVersion::default(),
        ..host
    };
    assert_ne!(
        compiled(None, 1, &old)
            .expect("filter")
            .expect("some")
            .program,
        one.program
    );
}

#[test]
fn architectures_of_32_bits_compare_32_bits() {
    let compiled = Compiled::parse(
        r#"{"defaultAction":"SCMP_ACT_ALLOW","architectures":["SCMP_ARCH_X86","SCMP_ARCH_X32"],
        "syscalls":[{"names":["setpriority"],"action":"SCMP_ACT_ERRNO","args":[
        {"index":2,"value":18446744073709551615,"op":"SCMP_CMP_EQ"}]}]}"#,
    );
    let ask = |arch, third| compiled.call(arch, "setpriority", [0, 0, third, 0, 0, 0]);
    assert_eq!(ask(Arch::X86_64, u64::MAX), Action::DENY);
    assert_eq!(ask(Arch::X86_64, 0xffff_ffff), Action::ALLOW);
    for arch in [Arch::X86, Arch::X32] {
        assert_eq!(ask(arch, 0xffff_ffff), Action::DENY);
        assert_eq!(ask(arch, 0xffff_fffe), Action::ALLOW);
    }
}

#[test]
fn what_is_forbidden_is_forbidden_by_way_of_socketcall_and_ipc_too() {
    let profile = |default: &str, action: &str, args: &str| {
        Compiled::parse(&format!(
            r#"{{"defaultAction":"{default}","architectures":["SCMP_ARCH_X86"],"syscalls":[
            {{"names":["socket","semop"],"action":"{action}","args":[{args}]}}]}}"#
        ))
    };
    let by =
        |compiled: &Compiled, name, first| compiled.call(Arch::X86, name, [first, 0, 0, 0, 0, 0]);
    let vsock = r#"{"index":0,"value":40,"op":"SCMP_CMP_EQ"}"#;
    for args in ["", vsock] {
        let forbids = profile("SCMP_ACT_ALLOW", "SCMP_ACT_ERRNO", args);
        assert_eq!(by(&forbids, "socketcall", 1), Action::DENY);
        assert_eq!(by(&forbids, "socketcall", 2), Action::ALLOW);
        // A version in the upper half does not make it another call.
        assert_eq!(by(&forbids, "ipc", 0x0001_0001), Action::DENY);
        assert_eq!(by(&forbids, "ipc", 21), Action::ALLOW);
    }
    let allows = profile("SCMP_ACT_ERRNO", "SCMP_ACT_ALLOW", "");
    assert_eq!(by(&allows, "socketcall", 1), Action::ALLOW);
    assert_eq!(by(&allows, "socketcall", 2), Action::DENY);
    let allows_some = profile("SCMP_ACT_ERRNO", "SCMP_ACT_ALLOW", vsock);
    assert_eq!(by(&allows_some, "socketcall", 1), Action::DENY);
}
