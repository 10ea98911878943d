//! Further processes in running containers: what the monitor is asked, built from a plan.

use sandbox::plan::ExecPlan;

use crate::failure::Failure;

/// Takes an `ExecPlan` as JSON and answers the payload of an EXEC frame.
pub(crate) fn build(plan: &str) -> Result<Vec<u8>, Failure> {
    let plan: ExecPlan = serde_json::from_str(plan)?;
    let request = sandbox::build_exec(&plan)?;
    postcard::to_allocvec(&request).map_err(|error| Failure::new("internal", error.to_string()))
}
