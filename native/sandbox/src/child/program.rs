//! The last steps: from the powers of the set-up to the program.

use rustix::thread::CapabilitySet;

use super::{Child, Result, exec, identity, missing, reaper};
use crate::error::Context;
use crate::op::Op;
use crate::sys;

/// What these steps leave for each other.
#[derive(Default)]
pub(super) struct Program {
    /// Those it is to have.
    capabilities: Option<CapabilitySet>,
    file: Option<String>,
}

impl Child {
    pub(super) fn become_program(&mut self, op: Op) -> Result<()> {
        match op {
            Op::BoundCapabilities(set) => identity::bound_capabilities(set),
            Op::BecomeUser { capabilities, held } => {
                let own = identity::become_user(&self.user, capabilities, held)?;
                self.program.capabilities = Some(own);
                Ok(())
            }
            Op::FindProgram { name, path } => {
                self.program.file = Some(exec::find(&name, path.as_deref())?);
                Ok(())
            }
            Op::NoNewPrivileges => {
                rustix::thread::set_no_new_privs(true).step("set no_new_privs", "")
            }
            Op::Seccomp { flags, program } => {
                sys::load_filter(flags, &program).step("set seccomp filter", "")
            }
            Op::DropHeld => {
                let own = self.program.capabilities;
                identity::set_capabilities(own.ok_or_else(|| missing("drop capabilities", ""))?)
            }
            Op::Reaper => reaper::split(),
            Op::Exec { argv, env } => {
                let name = argv.first().map_or("", String::as_str);
                let file = self.program.file.as_deref();
                let file = file.ok_or_else(|| missing("exec", name))?;
                Err(exec::exec(file, &argv, env, &self.user.home))
            }
            other => Err(missing("become the program", &format!("{other:?}"))),
        }
    }
}
