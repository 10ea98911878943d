//! Further processes in running containers, and those who follow them: what their monitors are asked.

use std::os::fd::AsFd;

use sandbox::plan::ExecPlan;
use sandbox::protocol::{Adoption, form, frame};
use sandbox::sys;

use crate::failure::Failure;
use crate::launch::ensure_profile;

/// Takes an `ExecPlan` as JSON and answers the payload of an EXEC frame.
pub(crate) fn build(plan: &str) -> Result<Vec<u8>, Failure> {
    let plan: ExecPlan = serde_json::from_str(plan)?;
    ensure_profile(plan.process.app_armor.as_deref())?;
    let request = sandbox::build_exec(&plan)?;
    let payload = postcard::to_allocvec(&request)
        .map_err(|error| Failure::new("internal", error.to_string()))?;
    // The monitor would let go of the daemon, which would take its container for ended.
    if payload.len() > frame::LONGEST {
        let text = "exec: the command and its environment are too long: argument list too long";
        return Err(Failure::new("command_not_executable", text));
    }
    Ok(payload)
}

/// The forms in which monitors are asked, as JSON.
pub(crate) fn forms() -> String {
    let (exec, adopt, untold) = (form::EXEC, form::ADOPT, form::UNTOLD);
    format!(r#"{{"exec":{exec},"adopt":{adopt},"untold":{untold}}}"#)
}

/// Takes the number of a socket that JavaScript holds; false if nothing was sent.
pub(crate) fn send_alone(socket: i32, bytes: &[u8]) -> bool {
    sys::copied(socket).is_ok_and(|it| sandbox::send_alone(it.as_fd(), bytes).is_ok())
}

/// Takes the numbers of two sockets that JavaScript holds, and an `Adoption` as JSON.
pub(crate) fn adopt(monitor: i32, client: i32, adoption: &str) -> Result<bool, Failure> {
    let adoption: Adoption = serde_json::from_str(adoption)?;
    let (Ok(monitor), Ok(client)) = (sys::copied(monitor), sys::copied(client)) else {
        return Ok(false);
    };
    Ok(sandbox::adopt(monitor.as_fd(), client.as_fd(), &adoption).is_ok())
}
