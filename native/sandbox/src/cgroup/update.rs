//! New limits for a container that runs.

use std::fs;
use std::path::{Path, PathBuf};

use super::create::{Created, check_name, join_v1};
use super::layout::{Hierarchy, Layout};
use super::remove::remove;
use super::resources;
use super::settings::write_all;
use crate::error::{Code, Context, StepError};
use crate::plan::CgroupPlan;

/// Rounds of moving processes: those that fork meanwhile leave more behind.
const ROUNDS: usize = 100;

/// Writes the limits of `plan` to the control groups it has. On a hybrid host a limit may ask for a
/// controller that the container has not joined yet: then all of its processes join it now.
pub fn update(layout: &Layout, plan: &CgroupPlan) -> Result<(), StepError> {
    check_name(plan)?;
    let directory_in = |h: &Hierarchy| h.locate(plan.parent.as_deref(), &plan.name);
    if let (Some(v2), true) = (&layout.v2, layout.v1.is_empty()) {
        return write_all(&directory_in(v2), resources::v2(&plan.resources)?.iter());
    }
    let settings = resources::v1(&plan.resources)?;
    let mut controllers: Vec<&'static str> = settings.iter().map(|s| s.controller).collect();
    controllers.dedup();
    for controller in controllers {
        let own = settings.iter().filter(|s| s.controller == controller);
        let here = layout.v1_for(controller).map(directory_in);
        if let Some(directory) = here.filter(|directory| directory.exists()) {
            write_all(&directory, own)?;
            continue;
        }
        let mut created = Created::default();
        let joined = join_v1(layout, plan, controller, &settings, &mut created)
            .and_then(|()| move_all(&home(layout, directory_in)?, &created.join));
        if joined.is_err() {
            remove(&created.directories);
        }
        joined?;
    }
    Ok(())
}

/// The directory that every process of the container is in.
fn home(
    layout: &Layout,
    directory_in: impl Fn(&Hierarchy) -> PathBuf,
) -> Result<PathBuf, StepError> {
    let first = layout.v2.iter().chain(&layout.v1).map(directory_in);
    first
        .into_iter()
        .find(|directory| directory.join("cgroup.procs").exists())
        .ok_or_else(|| {
            let text = "update limits: the container has no cgroup";
            StepError::new(Code::Conflict, "update limits", "", 0, text)
        })
}

fn move_all(from: &Path, to: &[String]) -> Result<(), StepError> {
    for directory in to {
        let target = Path::new(directory).join("cgroup.procs");
        let mut complete = false;
        for _ in 0..ROUNDS {
            let there = processes(&target)?;
            let left: Vec<_> = processes_below(from)?
                .into_iter()
                .filter(|pid| !there.contains(pid))
                .collect();
            if left.is_empty() {
                complete = true;
                break;
            }
            for pid in left {
                // One that has ended meanwhile needs no limit.
                let _ended = fs::write(&target, pid);
            }
        }
        if !complete {
            let text =
                "update limits: the container starts processes faster than they can be moved";
            return Err(StepError::new(
                Code::Unavailable,
                "update limits",
                directory,
                0,
                text,
            ));
        }
    }
    Ok(())
}

/// A privileged container may have cgroups of its own in there.
fn processes_below(directory: &Path) -> Result<Vec<String>, StepError> {
    let mut all = processes(&directory.join("cgroup.procs"))?;
    let entries = fs::read_dir(directory).map_err(|error| failed(directory, &error))?;
    for entry in entries.flatten() {
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            all.extend(processes_below(&entry.path())?);
        }
    }
    Ok(all)
}

fn processes(file: &Path) -> Result<Vec<String>, StepError> {
    let text = fs::read_to_string(file).step("read", &file.to_string_lossy())?;
    Ok(text.lines().map(str::to_owned).collect())
}

fn failed(path: &Path, error: &std::io::Error) -> StepError {
    let target = path.to_string_lossy();
    let text = format!("read \"{target}\": {error}");
    StepError::new(Code::Internal, "read", &target, 0, text)
}
