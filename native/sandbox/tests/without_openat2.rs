//! Behind a filter that does not know openat2(2), as an old container engine puts around us.

use std::fs;
use std::os::fd::AsFd;
use std::os::unix::fs::symlink;

use paths::{Make, Root, host};
use rustix::fs::{CWD, Mode, OFlags, ResolveFlags};
use rustix::io::Errno;

/// `struct sock_filter`: code, jumps, value.
fn instruction(code: u16, if_true: u8, if_false: u8, value: u32) -> Vec<u8> {
    let mut bytes = code.to_ne_bytes().to_vec();
    bytes.extend([if_true, if_false]);
    bytes.extend(value.to_ne_bytes());
    bytes
}

/// openat2 fails with `errno`, all else is allowed: seccomp(2).
fn filter(errno: Errno) -> Vec<u8> {
    const LOAD_NUMBER: u16 = 0x20;
    const JUMP_EQUAL: u16 = 0x15;
    const RETURN: u16 = 0x06;
    const ALLOW: u32 = 0x7fff_0000;
    const FAIL: u32 = 0x0005_0000;
    let number = u32::try_from(libc::SYS_openat2).expect("number");
    let errno = u32::try_from(errno.raw_os_error()).expect("errno");
    [
        instruction(LOAD_NUMBER, 0, 0, 0),
        instruction(JUMP_EQUAL, 0, 1, number),
        instruction(RETURN, 0, 0, FAIL | errno),
        instruction(RETURN, 0, 0, ALLOW),
    ]
    .concat()
}

fn work_behind(errno: Errno) {
    rustix::thread::set_no_new_privs(true).expect("no_new_privs");
    sandbox::sys::load_filter(0, &filter(errno)).expect("filter");
    let direct = rustix::fs::openat2(CWD, ".", OFlags::PATH, Mode::empty(), ResolveFlags::IN_ROOT);
    assert_eq!(direct.err(), Some(errno));

    let dir = std::env::temp_dir().join(format!("rt-no-openat2-{}", std::process::id()));
    fs::create_dir_all(dir.join("root/var")).expect("scratch");
    fs::write(dir.join("passwd"), "of the host").expect("file");
    symlink("../../../../..", dir.join("root/var/up")).expect("link");
    symlink("/run", dir.join("root/var/run")).expect("link");
    let fd = host::find_dir(dir.join("root")).expect("root");
    let root = Root::new(fd.as_fd());
    assert_eq!(
        root.open("var/up/passwd", OFlags::PATH).err(),
        Some(Errno::NOENT)
    );
    root.ensure("var/run/x/y", Make::File).expect("made");
    assert!(dir.join("root/run/x/y").is_file());
    assert!(root.read_plain("run/x/y", 0).expect("read").is_empty());
    fs::remove_dir_all(dir).expect("clean up");
}

#[test]
fn paths_are_resolved_by_steps() {
    for errno in [Errno::PERM, Errno::NOSYS] {
        // The filter is the thread's, and ends with it.
        std::thread::spawn(move || work_behind(errno))
            .join()
            .expect("worked");
    }
}
