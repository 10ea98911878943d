//! A machine for one test: namespaces, a directory and a cgroup of its own, gone at the end.

use std::fs;
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use sandbox::plan::ContainerPlan;
use sandbox::{Launched, StepError};
use serde_json::{Value, json};

use crate::client::Client;

/// Docker's default capabilities.
const CAPABILITIES: u64 = 0xa804_25fb;

/// Numbers the machines of this process.
static NEXT: AtomicU32 = AtomicU32::new(0);

pub(crate) struct Machine {
    pub(crate) dir: PathBuf,
    cgroup: String,
    image: OwnedFd,
}

impl Machine {
    /// None where this test cannot run; that is a failure where it must.
    pub(crate) fn new() -> Option<Self> {
        if !rustix::process::geteuid().is_root() {
            assert_ne!(
                std::env::var("RT_MUST_RUN").as_deref(),
                Ok("1"),
                "needs root"
            );
            eprintln!("skipped: needs root");
            return None;
        }
        // SAFETY: namespaces of this thread alone; no memory or descriptor depends on them.
        unsafe {
            use rustix::thread::{UnshareFlags, unshare_unsafe};
            unshare_unsafe(UnshareFlags::NEWNS | UnshareFlags::NEWNET).expect("own namespaces");
        }
        rustix::mount::mount_change(
            "/",
            rustix::mount::MountPropagationFlags::PRIVATE
                | rustix::mount::MountPropagationFlags::REC,
        )
        .expect("private mounts");
        let name = format!(
            "rt-test-{}-{}",
            std::process::id(),
            NEXT.fetch_add(1, Ordering::Relaxed)
        );
        let dir = std::env::temp_dir().join(&name);
        for sub in ["lower/etc", "lower/bin", "upper", "work", "run"] {
            fs::create_dir_all(dir.join(sub)).expect("directory");
        }
        let machine = Self {
            image: sandbox::program_from(
                &fs::read(env!("CARGO_BIN_EXE_rt-monitor")).expect("monitor"),
            )
            .expect("program"),
            cgroup: format!("/{name}"),
            dir,
        };
        fs::copy(probe(), machine.lower("probe")).expect("probe");
        machine.file(
            "etc/passwd",
            "root:x:0:0::/root:/bin/sh\nweb:x:33:44::/srv/web:/bin/sh\n",
            0o644,
        );
        machine.file("etc/group", "root:x:0:\nwww:x:44:\nlog:x:50:web\n", 0o644);
        Some(machine)
    }

    pub(crate) fn lower(&self, path: &str) -> PathBuf {
        self.dir.join("lower").join(path)
    }

    /// Puts a file into the image.
    pub(crate) fn file(&self, path: &str, content: &str, mode: u32) {
        use std::os::unix::fs::PermissionsExt;
        fs::write(self.lower(path), content).expect("file");
        fs::set_permissions(self.lower(path), fs::Permissions::from_mode(mode)).expect("mode");
    }

    /// A plan that runs the probe; `changes` is laid over it, object by object.
    pub(crate) fn plan(&self, argv: &[&str], changes: &Value) -> ContainerPlan {
        let at = |sub: &str| self.dir.join(sub).to_string_lossy().into_owned();
        let mut plan = json!({
            "id": "0".repeat(64),
            "runDir": at("run"), "exitPath": at("run/exit.json"),
            "log": {
                "driver": "json-file", "path": at("log.json"), "maxSize": null, "maxFile": 1,
                "compress": false, "blocking": true, "bufferSize": 0, "attrs": null,
            },
            "rootfs": {"lower": [at("lower")], "upper": at("upper"), "work": at("work"), "readonly": false},
            "mounts": [],
            "process": {
                "argv": argv, "env": ["PATH=/bin:/"], "cwd": "/", "user": "", "groups": [],
                "tty": false, "rows": 0, "cols": 0, "openStdin": false, "stdinOnce": false,
                "capabilities": CAPABILITIES, "noNewPrivileges": false, "oomScoreAdj": 0, "rlimits": [],
            },
            "init": false, "hostname": "probe-host", "domainname": "",
            "namespaces": {"network": "new", "pid": "new", "ipc": "new", "uts": "new", "cgroup": "new"},
            "cgroup": {"parent": self.cgroup, "name": "rt-probe", "resources": {}},
            "privileged": false,
            "maskedPaths": ["/proc/kcore", "/proc/keys", "/proc/acpi", "/proc/scsi", "/sys/firmware"],
            "readonlyPaths": ["/proc/bus", "/proc/sys", "/proc/sysrq-trigger"],
            "sysctls": {}, "shmSize": 67_108_864,
        });
        lay_over(&mut plan, changes);
        serde_json::from_value(plan).expect("plan")
    }

    pub(crate) fn launch(&self, plan: &ContainerPlan) -> Result<Launched, StepError> {
        sandbox::launch(plan, self.image.as_fd(), |_, _| Ok(()))
    }

    /// A launch whose network is wired only when the set-up has failed for good.
    pub(crate) fn launch_wired_late(&self, plan: &ContainerPlan) -> Result<Launched, StepError> {
        sandbox::launch(plan, self.image.as_fd(), |pid, _| {
            let monitor = parent_of(pid);
            eventually("the set-up has failed", || !is_alive(pid));
            // Unless the child was gone before anybody could ask whose it was.
            if let Some(monitor) = monitor {
                eventually("the monitor has ended", || !is_alive(monitor));
            }
            Ok(())
        })
    }

    pub(crate) fn client(&self) -> Client {
        Client::connect(&self.dir.join("run/monitor.sock"))
    }

    /// Launches, starts, and waits for the end: (exit code, stdout, stderr).
    pub(crate) fn run(&self, argv: &[&str], changes: &Value) -> Outcome {
        self.started(argv, changes, 0b110).until_exit()
    }

    /// The control connection to a container that stands at its gate.
    pub(crate) fn at_gate(&self, argv: &[&str], changes: &Value) -> Client {
        self.launch(&self.plan(argv, changes)).expect("launch");
        let mut control = self.client();
        control.watch();
        control
    }

    /// The connection of a client that has attached by `flags`, watches, and has started the container.
    pub(crate) fn started(&self, argv: &[&str], changes: &Value, flags: u8) -> Client {
        self.launch(&self.plan(argv, changes)).expect("launch");
        let mut client = self.client();
        client.attach(flags);
        client.watch();
        client.start().expect("started");
        client
    }

    /// The failure of a launch or of a start.
    pub(crate) fn failure(&self, argv: &[&str], changes: &Value) -> (String, String) {
        if let Err(e) = self.launch(&self.plan(argv, changes)) {
            return (e.code.name().to_owned(), e.message);
        }
        let failed = self.client().start().expect_err("no such program");
        let text = |key: &str| failed[key].as_str().expect("text").to_owned();
        (text("code"), text("message"))
    }

    pub(crate) fn log(&self) -> Vec<Value> {
        let text = fs::read_to_string(self.dir.join("log.json")).expect("log");
        text.lines()
            .map(|l| serde_json::from_str(l).expect("JSON"))
            .collect()
    }

    /// All cgroup directories of this test's containers that exist now.
    pub(crate) fn cgroups(&self) -> Vec<PathBuf> {
        self.parents()
            .map(|p| p.join("rt-probe"))
            .filter(|p| p.exists())
            .collect()
    }

    fn parents(&self) -> impl Iterator<Item = PathBuf> {
        let layout = sandbox::cgroup::Layout::detect().expect("layout");
        let name = self.cgroup.trim_start_matches('/').to_owned();
        layout
            .v1
            .into_iter()
            .chain(layout.v2)
            .map(move |h| h.mount.join(&name))
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        if std::thread::panicking() {
            // What still runs would hold the cgroup.
            for group in self.cgroups() {
                let _ = fs::write(group.join("cgroup.kill"), "1");
            }
        } else {
            eventually("socket and cgroups are gone", || {
                !self.dir.join("run/monitor.sock").exists() && self.cgroups().is_empty()
            });
        }
        for parent in self.parents() {
            let _ = fs::remove_dir(parent);
        }
        let _ = fs::remove_dir_all(&self.dir);
    }
}

/// In the network of the calling thread.
pub(crate) fn loopback_up() {
    let socket = std::net::UdpSocket::bind("0.0.0.0:0").expect("socket");
    sandbox::sys::loopback_up(socket.as_fd()).expect("loopback");
}

#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) code: i64,
    pub(crate) oom_killed: bool,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// Waits for a condition; the test fails if it does not come true.
pub(crate) fn eventually(what: &str, mut condition: impl FnMut() -> bool) {
    let end = Instant::now() + Duration::from_secs(10);
    while !condition() {
        assert!(Instant::now() < end, "in vain: {what}");
        std::thread::sleep(Duration::from_millis(2));
    }
}

fn lay_over(base: &mut Value, changes: &Value) {
    match (base, changes) {
        (Value::Object(base), Value::Object(changes)) => {
            for (key, value) in changes {
                lay_over(base.entry(key.clone()).or_insert(Value::Null), value);
            }
        }
        (base, changes) => *base = changes.clone(),
    }
}

/// The static probe, compiled once for all tests.
fn probe() -> &'static Path {
    static PROBE: OnceLock<PathBuf> = OnceLock::new();
    PROBE.get_or_init(|| {
        let out = Path::new(env!("CARGO_TARGET_TMPDIR")).join("probe");
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/container/probe.rs");
        let status = Command::new("rustc")
            .args([
                "--edition=2024",
                "-O",
                "-Cpanic=abort",
                "-Ctarget-feature=+crt-static",
                "-Crelocation-model=static",
            ])
            .args([Path::new("-o"), &out, &source])
            .status()
            .expect("rustc");
        assert!(status.success(), "the probe does not compile");
        out
    })
}

/// A zombie is not alive.
pub(crate) fn is_alive(pid: u32) -> bool {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    // The name in field 2 may hold anything: the state stands behind the last parenthesis.
    let state = stat
        .rsplit_once(") ")
        .and_then(|(_, rest)| rest.chars().next());
    state.is_some_and(|state| !matches!(state, 'Z' | 'X'))
}

fn parent_of(pid: u32) -> Option<u32> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("PPid:"))?;
    line.trim().parse().ok()
}
