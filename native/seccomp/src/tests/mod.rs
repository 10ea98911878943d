//! The compiled programs against the meaning of their profiles.

mod builtin;
mod machine;
mod profiles;
mod property;

use crate::action::Action;
use crate::arch::Arch;
use crate::policy::Policy;
use crate::profile::Profile;
use crate::{Host, KernelVersion, compile};
use machine::{Input, run};

/// Docker's default capabilities.
const DEFAULT_CAPABILITIES: u64 = 0xa804_25fb;
const ADMIN: u64 = 1 << 21;

fn host(arch: Arch) -> Host {
    let kernel = KernelVersion { major: 6, minor: 1 };
    Host { arch, kernel }
}

/// A profile on an ordinary x86-64 host with the default capabilities.
struct Compiled {
    policy: Policy,
    program: Vec<crate::assemble::Instruction>,
}

impl Compiled {
    fn new(profile: &Profile, capabilities: u64, host: &Host) -> Self {
        let policy = Policy::new(profile, capabilities, host).expect("policy");
        let program = compile::program(&policy).expect("program");
        machine::check(&program);
        Self { policy, program }
    }

    fn parse(text: &str) -> Self {
        let profile = Profile::parse(text).expect("profile");
        Self::new(&profile, DEFAULT_CAPABILITIES, &host(Arch::X86_64))
    }

    /// What the program answers, which is what the policy means.
    fn answer(&self, audit: u32, number: u32, arguments: [u64; 6]) -> Action {
        let input = Input {
            number,
            audit,
            arguments,
        };
        let action = Action(run(&self.program, &input));
        let meant = self.policy.decide(audit, number, &arguments);
        assert_eq!(action, meant, "{audit:#x} {number:#x} {arguments:x?}");
        action
    }

    fn call(&self, arch: Arch, name: &str, arguments: [u64; 6]) -> Action {
        let number = arch.number(name).expect(name);
        self.answer(arch.audit(), number, arguments)
    }
}
