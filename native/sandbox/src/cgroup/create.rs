//! Makes a container's control groups, with limits and device rules, before its process exists.

use std::fs;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::{Component, Path, PathBuf};
use std::sync::OnceLock;

use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;

use super::device::{self, Rule};
use super::layout::{Hierarchy, Layout, enable_controllers};
use super::remove::{OomSource, remove, remove_empty};
use super::reserve;
use super::resources::{self, Setting};
use super::settings::{put, write_all};
use crate::error::{Code, Context, StepError};
use crate::plan::{CgroupPlan, ContainerPlan};
use crate::sys;

/// Which devices the processes of a container may use.
#[derive(Debug)]
pub enum Devices {
    All,
    Rules(Vec<Rule>),
}

impl Devices {
    pub fn of(plan: &ContainerPlan) -> Self {
        if plan.privileged {
            Self::All
        } else {
            Self::Rules(device::rules(&plan.devices, &plan.device_rules))
        }
    }
}

/// The control groups of one container, still empty.
#[derive(Debug, Default)]
pub struct Created {
    /// The v2 directory to clone into.
    pub v2: Option<OwnedFd>,
    /// v1 directories to join by writing the pid to their `cgroup.procs`.
    pub join: Vec<String>,
    /// Every directory made, and those that an update may make, for removal.
    pub directories: Vec<String>,
    pub oom: Option<OomSource>,
}

/// Makes the control groups of `plan`; on failure nothing is left.
pub fn create(layout: &Layout, plan: &CgroupPlan, devices: &Devices) -> Result<Created, StepError> {
    check_name(plan)?;
    let mut created = Created::default();
    let done = fill(layout, plan, devices, &mut created);
    if done.is_err() {
        remove(&created.directories);
    }
    done?;
    // A later update may join the container to more controllers.
    for hierarchy in &layout.v1 {
        let later = hierarchy.locate(plan.parent.as_deref(), &plan.name);
        let shown = later.to_string_lossy().into_owned();
        if !created.directories.contains(&shown) {
            created.directories.push(shown);
        }
    }
    if let Some(memory) = layout.v1_for("memory") {
        let later = memory.locate(plan.parent.as_deref(), &plan.name);
        created.oom = Some(OomSource::v1(&later));
    }
    Ok(created)
}

pub(super) fn check_name(plan: &CgroupPlan) -> Result<(), StepError> {
    if plan.name.is_empty() || plan.name.contains('/') || plan.name.starts_with('.') {
        let text = format!("make cgroup \"{}\": not a plain name", plan.name);
        return Err(StepError::new(
            Code::InvalidArgument,
            "make cgroup",
            &plan.name,
            0,
            text,
        ));
    }
    Ok(())
}

fn fill(
    layout: &Layout,
    plan: &CgroupPlan,
    devices: &Devices,
    created: &mut Created,
) -> Result<(), StepError> {
    let unified = layout.v1.is_empty();
    let mut v1_wanted: Vec<&str> = Vec::new();
    let settings = if unified {
        resources::v2(&plan.resources)?
    } else {
        resources::v1(&plan.resources)?
    };

    if let Some(v2) = &layout.v2 {
        let directory = make(v2, plan, created)?;
        let fd = open_directory(&directory)?;
        if unified {
            write_all(&directory, settings.iter())?;
            if !settings.iter().any(|setting| setting.file == "pids.max") {
                let most = reserve::most_processes(v2).to_string();
                let _no_such_controller = put(&directory, "pids.max", &most);
            }
            created.oom = Some(OomSource::v2(&directory));
        }
        match match devices {
            Devices::All => Ok(()),
            Devices::Rules(rules) => attach_device_rules(fd.as_fd(), rules),
        } {
            // A sandbox around us may forbid BPF but leave us the v1 controller.
            Err(Errno::PERM) if layout.v1_for("devices").is_some() => v1_wanted.push("devices"),
            other => other.step("attach device rules", &directory.to_string_lossy())?,
        }
        created.v2 = Some(fd);
    } else {
        // Something must hold the container's processes together even without any limit.
        v1_wanted.push(match devices {
            Devices::All => "pids",
            Devices::Rules(_) => "devices",
        });
        // Joined ahead, so that `pause` finds every process there.
        if layout.v1_for("freezer").is_some() {
            v1_wanted.push("freezer");
        }
    }
    if !unified {
        for setting in &settings {
            if !v1_wanted.contains(&setting.controller) {
                v1_wanted.push(setting.controller);
            }
        }
    }
    for controller in v1_wanted {
        join_v1(layout, plan, controller, &settings, created)?;
        if let ("devices", Devices::Rules(rules)) = (controller, devices) {
            allow_devices(layout, plan, rules)?;
        }
    }
    Ok(())
}

fn allow_devices(layout: &Layout, plan: &CgroupPlan, rules: &[Rule]) -> Result<(), StepError> {
    let Some(hierarchy) = layout.v1_for("devices") else {
        return Ok(());
    };
    let directory = hierarchy.locate(plan.parent.as_deref(), &plan.name);
    put(&directory, "devices.deny", "a")?;
    rules
        .iter()
        .try_for_each(|rule| put(&directory, "devices.allow", &device::v1_line(rule)))
}

pub(super) fn join_v1(
    layout: &Layout,
    plan: &CgroupPlan,
    controller: &'static str,
    settings: &[Setting],
    created: &mut Created,
) -> Result<(), StepError> {
    let Some(hierarchy) = layout.v1_for(controller) else {
        let text = format!("limit by \"{controller}\": this host has no such controller");
        return Err(StepError::new(
            Code::Unavailable,
            "make cgroup",
            controller,
            0,
            text,
        ));
    };
    let directory = make(hierarchy, plan, created)?;
    if controller == "cpuset" {
        inherit_cpuset(&directory)?;
    }
    let own = settings.iter().filter(|s| s.controller == controller);
    write_all(&directory, own)?;
    created.join.push(directory.to_string_lossy().into_owned());
    Ok(())
}

/// The directory of the container in one hierarchy, with all its parents.
fn make(
    hierarchy: &Hierarchy,
    plan: &CgroupPlan,
    created: &mut Created,
) -> Result<PathBuf, StepError> {
    let parent = parent_directory(hierarchy, plan.parent.as_deref())?;
    let directory = parent.join(&plan.name);
    let shown = directory.to_string_lossy().into_owned();
    if created.directories.contains(&shown) {
        return Ok(directory);
    }
    match mkdir(&directory) {
        Ok(()) => {}
        Err(Errno::EXIST) => {
            // Left by a container of this name that has ended; one that lives keeps its own.
            if !remove_empty(&shown) {
                let text = format!("make cgroup \"{shown}\": it is in use");
                return Err(StepError::new(
                    Code::Conflict,
                    "make cgroup",
                    &shown,
                    0,
                    text,
                ));
            }
            mkdir(&directory).step("make cgroup", &shown)?;
        }
        Err(errno) => return Err(StepError::call("make cgroup", &shown, errno)),
    }
    created.directories.push(shown);
    Ok(directory)
}

fn mkdir(directory: &Path) -> Result<(), Errno> {
    rustix::fs::mkdir(directory, Mode::from_raw_mode(0o755))
}

/// None: this process's own; "/a/b": from the root of the tree; "a/b": below this process's own.
fn parent_directory(hierarchy: &Hierarchy, parent: Option<&str>) -> Result<PathBuf, StepError> {
    let Some(parent) = parent else {
        return Ok(hierarchy.own.clone());
    };
    let mut directory = if parent.starts_with('/') {
        hierarchy.mount.clone()
    } else {
        hierarchy.own.clone()
    };
    let v2 = hierarchy.controllers.is_empty();
    for component in Path::new(parent).components() {
        match component {
            Component::RootDir | Component::CurDir => continue,
            Component::Normal(name) => {
                if v2 {
                    enable_controllers(&directory);
                }
                directory.push(name);
            }
            Component::ParentDir | Component::Prefix(_) => {
                let text = format!("use cgroup parent \"{parent}\": \"..\" is not allowed");
                return Err(StepError::new(
                    Code::InvalidArgument,
                    "use cgroup parent",
                    parent,
                    0,
                    text,
                ));
            }
        }
        match mkdir(&directory) {
            Ok(()) if hierarchy.controllers.iter().any(|c| c == "cpuset") => {
                inherit_cpuset(&directory)?;
            }
            Ok(()) | Err(Errno::EXIST) => {}
            Err(errno) => {
                return Err(StepError::call(
                    "make cgroup",
                    &directory.to_string_lossy(),
                    errno,
                ));
            }
        }
    }
    if v2 {
        enable_controllers(&directory);
    }
    Ok(directory)
}

/// A new v1 cpuset is empty, and takes no process until it has CPUs and memory nodes.
fn inherit_cpuset(directory: &Path) -> Result<(), StepError> {
    let Some(parent) = directory.parent() else {
        return Ok(());
    };
    for file in ["cpuset.cpus", "cpuset.mems"] {
        let path = parent.join(file);
        let value = fs::read_to_string(&path).step("read", &path.to_string_lossy())?;
        put(directory, file, value.trim())?;
    }
    Ok(())
}

fn open_directory(directory: &Path) -> Result<OwnedFd, StepError> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    rustix::fs::open(directory, flags, Mode::empty())
        .step("open cgroup", &directory.to_string_lossy())
}

/// The default program is the same for every container: loaded once in a process.
fn attach_device_rules(cgroup: BorrowedFd<'_>, rules: &[Rule]) -> Result<(), Errno> {
    static PROGRAM: OnceLock<OwnedFd> = OnceLock::new();
    if rules != device::DEFAULTS {
        let program = sys::bpf_load_device_program(&device::program(rules))?;
        return sys::bpf_attach_device_program(cgroup, program.as_fd());
    }
    let program = if let Some(program) = PROGRAM.get() {
        program
    } else {
        let loaded = sys::bpf_load_device_program(&device::program(&device::DEFAULTS))?;
        PROGRAM.get_or_init(|| loaded)
    };
    sys::bpf_attach_device_program(cgroup, program.as_fd())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::PlannedResources;

    fn hierarchy() -> Hierarchy {
        let at = PathBuf::from("/nonexistent");
        Hierarchy {
            controllers: Vec::new(),
            mount: at.clone(),
            own: at.join("own"),
        }
    }

    #[test]
    fn no_parent_means_the_own_cgroup() {
        let parent = parent_directory(&hierarchy(), None).expect("parent");
        assert_eq!(parent, PathBuf::from("/nonexistent/own"));
    }

    #[test]
    fn a_parent_that_climbs_is_refused() {
        let error = parent_directory(&hierarchy(), Some("../x")).expect_err("refused");
        assert_eq!(error.code, Code::InvalidArgument);
    }

    #[test]
    fn a_name_with_a_slash_is_refused() {
        let plan = CgroupPlan {
            parent: None,
            name: "a/b".into(),
            resources: PlannedResources::default(),
        };
        let error = create(&Layout::default(), &plan, &Devices::All).expect_err("refused");
        assert_eq!(error.code, Code::InvalidArgument);
    }
}
