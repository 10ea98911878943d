//! New limits for a container that runs.

use sandbox::cgroup::{self, Layout};
use sandbox::plan::CgroupPlan;

use crate::failure::Failure;

/// Takes the `cgroup` of a `ContainerPlan` as JSON.
pub(crate) fn update_resources(plan: &str) -> Result<(), Failure> {
    let plan: CgroupPlan = serde_json::from_str(plan)?;
    Ok(cgroup::update(&Layout::cached()?, &plan)?)
}
