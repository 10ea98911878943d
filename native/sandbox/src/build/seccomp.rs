//! Decides: which system calls the program may make, and how the filter gets there.
//!
//! A filter may be loaded with `no_new_privs`, or by a holder of `CAP_SYS_ADMIN`. Without the former the latter is
//! held, beside what the user is to have, until the filter is there; then nothing but capset and execve
//! follows, so that a profile need not allow what the set-up calls.

use ::seccomp::{Arch, Filter, Host, KernelVersion, ProfileError, compiled};
use std::sync::{Arc, OnceLock};

use crate::error::{Code, StepError};
use crate::op::Op;
use crate::plan::{ProcessPlan, SeccompPlan};
use crate::sys;

const STEP: &str = "set seccomp filter";
const SYS_ADMIN: u64 = 1 << 21;

pub(super) fn filter(process: &ProcessPlan) -> Result<Option<Op>, StepError> {
    let Some(plan) = &process.seccomp else {
        return Ok(None);
    };
    if !sys::has_seccomp() {
        let text = "seccomp is not enabled in your kernel: start the container with --security-opt \
                    seccomp=unconfined";
        return Err(StepError::new(Code::Unavailable, STEP, "", 0, text));
    }
    Ok(compile(plan)?.map(|filter| Op::Seccomp {
        flags: filter.flags,
        program: filter.program.clone(),
    }))
}

pub(super) fn held(process: &ProcessPlan) -> u64 {
    if process.seccomp.is_some() && !process.no_new_privileges {
        SYS_ADMIN
    } else {
        0
    }
}

/// Refuses a profile that cannot be used for a container.
pub fn check_seccomp(plan: &SeccompPlan) -> Result<(), StepError> {
    compile(plan).map(drop)
}

fn compile(plan: &SeccompPlan) -> Result<Option<Arc<Filter>>, StepError> {
    compiled(plan.profile.as_deref(), plan.capabilities, host()).map_err(|error| refused(&error))
}

fn refused(error: &ProfileError) -> StepError {
    let code = if error.is_unsupported() {
        Code::NotImplemented
    } else {
        Code::InvalidArgument
    };
    StepError::new(code, STEP, "", 0, error.to_string())
}

fn host() -> &'static Host {
    static HOST: OnceLock<Host> = OnceLock::new();
    HOST.get_or_init(|| Host {
        arch: Arch::NATIVE,
        kernel: KernelVersion::of_release(&rustix::system::uname().release().to_string_lossy()),
    })
}
