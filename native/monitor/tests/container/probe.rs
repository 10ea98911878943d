//! The program the tests run in containers: static, one word says what to do. Compiled by the tests.

use std::io::{Read, Write};

unsafe extern "C" {
    fn kill(pid: i32, signal: i32) -> i32;
    fn getpid() -> i32;
    fn getppid() -> i32;
    fn fork() -> i32;
    fn getuid() -> u32;
    fn getgid() -> u32;
    fn getgroups(size: i32, list: *mut u32) -> i32;
    fn isatty(fd: i32) -> i32;
    fn ioctl(fd: i32, request: u64, ...) -> i32;
    fn signal(number: i32, handler: usize) -> usize;
    fn pause() -> i32;
    fn _exit(status: i32) -> !;
}

fn say(text: impl std::fmt::Display) {
    let mut out = std::io::stdout();
    writeln!(out, "{text}").and_then(|()| out.flush()).expect("stdout");
}

extern "C" fn leave(number: i32) {
    // SAFETY: _exit is safe in a signal handler.
    unsafe { _exit(64 + number) }
}

fn window() -> String {
    let mut size = [0u16; 4];
    const TIOCGWINSZ: u64 = 0x5413;
    // SAFETY: the kernel writes four u16.
    let ret = unsafe { ioctl(0, TIOCGWINSZ, size.as_mut_ptr()) };
    format!("{} {} {ret}", size[0], size[1])
}

/// Asks for the IPv4 address of a name: code and addresses.
fn resolve(name: &str) -> std::io::Result<String> {
    let socket = std::net::UdpSocket::bind("0.0.0.0:0")?;
    socket.set_read_timeout(Some(std::time::Duration::from_secs(10)))?;
    socket.connect("127.0.0.11:53")?;
    let mut query = vec![0x12, 0x34, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0];
    for label in name.split('.') {
        query.push(u8::try_from(label.len()).expect("short"));
        query.extend_from_slice(label.as_bytes());
    }
    query.extend_from_slice(&[0, 0, 1, 0, 1]);
    socket.send(&query)?;
    let mut answer = [0; 512];
    let length = socket.recv(&mut answer)?;
    let records = answer[query.len()..length].chunks_exact(16);
    let addresses = records.map(|record| format!(" {:?}", &record[12..]));
    Ok(format!("{}{}", answer[3] & 15, addresses.collect::<String>()))
}

fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    match args.as_slice() {
        ["exit", code] => std::process::exit(code.parse().expect("number")),
        // SAFETY: plain call.
        ["die", number] => unsafe {
            kill(getpid(), number.parse().expect("number"));
            pause();
        },
        ["say", words @ ..] => say(words.join(" ")),
        ["both"] => {
            say("to stdout");
            eprintln!("to stderr");
        }
        ["flood", bytes] => {
            let line = [b'x'; 1024];
            let mut left: usize = bytes.parse().expect("number");
            let mut out = std::io::stdout();
            while left > 0 {
                let n = left.min(line.len());
                out.write_all(&line[..n]).expect("stdout");
                left -= n;
            }
        }
        ["cat"] => {
            let mut all = Vec::new();
            std::io::stdin().read_to_end(&mut all).expect("stdin");
            std::io::stdout().write_all(&all).expect("stdout");
            say("end");
        }
        ["echo-lines"] => {
            for line in std::io::stdin().lines() {
                say(line.expect("stdin"));
            }
        }
        ["echo-line"] => {
            let mut line = String::new();
            std::io::stdin().read_line(&mut line).expect("stdin");
            say(format!("heard {}", line.trim()));
        }
        ["window"] => {
            // SAFETY: plain call.
            say(format!("tty {}", unsafe { isatty(0) + isatty(1) + isatty(2) }));
            say(format!("size {}", window()));
            let mut line = String::new();
            std::io::stdin().read_line(&mut line).expect("stdin");
            say(format!("size {}", window()));
        }
        ["hold"] => {
            // SAFETY: the handler only leaves.
            unsafe { signal(15, leave as *const () as usize) };
            say("holding");
            loop {
                // SAFETY: plain call.
                unsafe { pause() };
            }
        }
        ["orphan"] => orphan(),
        ["pid"] => {
            // SAFETY: plain calls.
            say(unsafe { format!("{} {}", getpid(), getppid()) });
        }
        ["id"] => {
            let mut groups = [0u32; 32];
            // SAFETY: room for 32 groups, as said; the others are plain calls.
            let (uid, gid, count) = unsafe { (getuid(), getgid(), getgroups(32, groups.as_mut_ptr())) };
            say(format!("{uid} {gid} {:?}", &groups[..usize::try_from(count).expect("count")]));
        }
        ["read", path] => say(std::fs::read_to_string(path).map_or_else(|e| error(&e), |t| t.trim_end().to_owned())),
        ["write", path, text] => say(std::fs::OpenOptions::new().write(true).create(true).truncate(true).open(path)
            .and_then(|mut f| f.write_all(text.as_bytes()))
            .map_or_else(|e| error(&e), |()| "written".to_owned())),
        ["list", path] => {
            let read = std::fs::read_dir(path).map(|d| {
                let mut names: Vec<String> =
                    d.flatten().map(|e| e.file_name().to_string_lossy().into_owned()).collect();
                names.sort();
                names.join(" ")
            });
            say(read.unwrap_or_else(|e| error(&e)));
        }
        ["link", path] => say(std::fs::read_link(path)
            .map_or_else(|e| error(&e), |to| to.to_string_lossy().into_owned())),
        ["fds"] => {
            let mut found = Vec::new();
            for fd in 0..1024 {
                if std::fs::read_link(format!("/proc/self/fd/{fd}")).is_ok() {
                    found.push(fd.to_string());
                }
            }
            say(found.join(" "));
        }
        ["resolve"] => {
            for line in std::io::stdin().lines() {
                say(resolve(&line.expect("stdin")).unwrap_or_else(|e| error(&e)));
            }
        }
        ["take-dns-port"] => {
            let udp = std::net::UdpSocket::bind("0.0.0.0:53");
            let tcp = std::net::TcpListener::bind("[::]:53");
            say(udp.and(tcp.map(drop)).map_or_else(|e| error(&e), |()| "taken".to_owned()));
        }
        ["open", path] => say(std::fs::File::open(path).map_or_else(|e| error(&e), |_| "opened".to_owned())),
        ["append", path, text] => say(std::fs::OpenOptions::new().append(true).open(path)
            .and_then(|mut f| f.write_all(text.as_bytes()))
            .map_or_else(|e| error(&e), |()| "written".to_owned())),
        ["eat", mib] => {
            let mut kept = Vec::new();
            for _ in 0..mib.parse::<usize>().expect("number") {
                kept.push(vec![1u8; 1 << 20]);
            }
            say(kept.len());
        }
        ["env"] => std::env::vars().for_each(|(k, v)| say(format!("{k}={v}"))),
        ["cwd"] => say(std::env::current_dir().expect("cwd").display()),
        ["arg0"] => say(std::env::args().next().unwrap_or_default()),
        other => {
            eprintln!("probe does not know {other:?}");
            std::process::exit(99);
        }
    }
}

fn error(e: &std::io::Error) -> String {
    format!("errno {}", e.raw_os_error().unwrap_or(-1))
}

/// Leaves a grandchild behind, waits until PID 1 has taken it, and says so.
fn orphan() {
    // SAFETY: one thread.
    unsafe {
        signal(10, quiet as *const () as usize);
        let me = getpid();
        if fork() == 0 {
            if fork() == 0 {
                while getppid() != 1 {
                    std::thread::yield_now();
                }
                // The program itself ends after it has read this.
                say(format!("orphan of {}", getppid()));
                kill(me, 10);
                _exit(3);
            }
            _exit(0);
        }
        unsafe extern "C" {
            fn waitpid(pid: i32, status: *mut i32, options: i32) -> i32;
        }
        waitpid(-1, std::ptr::null_mut(), 0);
        pause();
        _exit(5);
    }
}

extern "C" fn quiet(_: i32) {
    // SAFETY: _exit is safe in a signal handler.
    unsafe { _exit(5) }
}
