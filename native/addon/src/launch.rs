//! Starting containers: directories and files first, then the monitor, then its network.

use std::fs::{self, DirBuilder};
use std::io::{self, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::sync::OnceLock;

use net::EndpointPlan;
use sandbox::plan::ContainerPlan;
use sandbox::{Code, IdleMonitor, StepError};
use serde::Deserialize;

use crate::failure::Failure;
use crate::pool::{self, Ready, Turn};

static MONITOR: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/monitor.bin"));

/// `LaunchRequest` of `src/native-types/`.
#[derive(Deserialize)]
struct Request {
    plan: ContainerPlan,
    endpoints: Vec<EndpointPlan>,
    directories: Vec<Directory>,
    files: Vec<File>,
}

#[derive(Deserialize)]
struct Directory {
    path: String,
    mode: u32,
}

#[derive(Deserialize)]
struct File {
    path: String,
    content: String,
}

/// Takes a `LaunchRequest` and answers a `Launched`, both as JSON.
pub(crate) fn launch(request: &str) -> Result<String, Failure> {
    let request: Request = serde_json::from_str(request)?;
    let _turn = Turn::begin();
    for directory in &request.directories {
        make_directory(directory)
            .map_err(|error| file_failure("create", &directory.path, &error))?;
    }
    for file in &request.files {
        write_file(file).map_err(|error| file_failure("write", &file.path, &error))?;
    }
    ensure_profile(request.plan.process.app_armor.as_deref())?;
    forget_exit(&request.plan.exit_path)?;
    forget_exit(&format!("{}/exit.json", request.plan.run_dir))?;
    let mut unwired = None;
    let Ready { monitor, spare } = pool::take(net::can_use_spare(&request.endpoints))?;
    let launched = sandbox::launch_on(monitor, &request.plan, |_pid, netns| {
        let attached = match spare {
            Some(spare) => net::attach_prepared(&request.endpoints, netns, spare),
            None => net::attach(&request.endpoints, netns),
        };
        attached.map_err(|error| {
            let told = StepError::new(Code::Internal, error.op, "", error.errno, error.to_string());
            unwired = Some(error);
            told
        })
    });
    // The network's own error says more: its kind, and so the code of the answer.
    match (launched, unwired) {
        (Ok(launched), _) => Ok(serde_json::to_string(&launched)?),
        (Err(_), Some(error)) => Err(error.into()),
        (Err(error), None) => Err(error.into()),
    }
}

/// The default profile is loaded when it is first needed, and again should somebody have taken it away.
/// Others are loaded by whoever wrote them.
pub(crate) fn ensure_profile(name: Option<&str>) -> Result<(), Failure> {
    if name == Some(apparmor::DEFAULT) {
        apparmor::ensure_default()
            .map_err(|error| Failure::new("unavailable", error.to_string()))?;
    }
    Ok(())
}

/// Lets go of the monitors that wait, and takes away what the daemon shares with containers. For its end, if
/// none runs.
pub(crate) fn retire() {
    pool::close();
    sandbox::cgroup::retire();
}

pub(crate) fn start_monitor() -> Result<IdleMonitor, Failure> {
    Ok(IdleMonitor::start(monitor_image()?.as_fd())?)
}

/// The file that monitors are started from, made once: they share its pages.
fn monitor_image() -> Result<&'static OwnedFd, Failure> {
    static IMAGE: OnceLock<OwnedFd> = OnceLock::new();
    if let Some(image) = IMAGE.get() {
        return Ok(image);
    }
    if MONITOR.is_empty() {
        return Err(Failure::new(
            "internal",
            "this build has no monitor: build it with scripts/build.sh",
        ));
    }
    let made = sandbox::program_from(MONITOR)?;
    Ok(IMAGE.get_or_init(|| made))
}

fn make_directory(directory: &Directory) -> io::Result<()> {
    match DirBuilder::new()
        .mode(directory.mode)
        .create(&directory.path)
    {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        other => other,
    }
}

/// The record of the run before would be taken for this one's.
fn forget_exit(path: &str) -> Result<(), Failure> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(file_failure("remove", path, &error))
        }
        _ => Ok(()),
    }
}

/// The file is bind-mounted into a container that may still hold it: replaced, never rewritten.
fn write_file(file: &File) -> io::Result<()> {
    let temporary = format!("{}.new", file.path);
    fs::OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o644)
        .open(&temporary)?
        .write_all(file.content.as_bytes())?;
    fs::rename(&temporary, &file.path)
}

fn file_failure(verb: &str, path: &str, error: &io::Error) -> Failure {
    let code = match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => "unavailable",
        _ => "internal",
    };
    Failure::new(code, format!("{verb} \"{path}\": {error}"))
}
