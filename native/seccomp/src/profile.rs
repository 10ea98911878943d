//! A profile as Docker writes it: JSON → the same for every host and container.

use serde::{Deserialize, Deserializer};

use crate::action::{Action, shown};
use crate::arch::{Arch, is_foreign};
use crate::condition::Condition;
use crate::error::ProfileError;
use crate::kernel::KernelVersion;

#[derive(Clone, Debug)]
pub(crate) struct Profile {
    /// None with rules is an error, without rules it means that nothing is filtered.
    pub(crate) default: Option<Action>,
    pub(crate) arches: Arches,
    /// `SECCOMP_FILTER_FLAG_*`.
    pub(crate) flags: u32,
    pub(crate) groups: Vec<Group>,
}

/// Which architectures are filtered beside that of the host; all others are killed.
#[derive(Clone, Debug)]
pub(crate) enum Arches {
    These(Vec<Arch>),
    /// By the host's own.
    Map(Vec<(Arch, Vec<Arch>)>),
}

/// System calls that are treated alike.
#[derive(Clone, Debug)]
pub(crate) struct Group {
    pub(crate) names: Vec<String>,
    pub(crate) action: Action,
    /// One of these has to hold in all its parts; none: always.
    pub(crate) alternatives: Vec<Vec<Condition>>,
    pub(crate) includes: Guard,
    pub(crate) excludes: Guard,
}

/// When a group counts: all of the capabilities, one of the architectures.
#[derive(Clone, Debug, Default)]
pub(crate) struct Guard {
    pub(crate) capabilities: Vec<String>,
    pub(crate) arches: Vec<String>,
    pub(crate) kernel: Option<KernelVersion>,
}

impl Profile {
    pub(crate) fn parse(text: &str) -> Result<Self, ProfileError> {
        // serde would take a list for the fields in their order.
        if text.trim_start().starts_with('[') {
            return Err(ProfileError::Json("it is not a JSON object".into()));
        }
        let raw: Raw =
            serde_json::from_str(text).map_err(|e| ProfileError::Json(shown_error(&e)))?;
        raw.check()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.default.is_none() && self.groups.is_empty()
    }
}

/// serde quotes what it has read, so it is cut and its control characters are shown.
fn shown_error(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let plain = text.chars().take(200);
    plain
        .flat_map(|c| {
            if c.is_control() {
                c.escape_default().collect::<Vec<_>>()
            } else {
                vec![c]
            }
        })
        .collect()
}

/// Go reads null as nothing, and Docker's own profiles hold some.
fn nullable<'de, D: Deserializer<'de>, T: Default + Deserialize<'de>>(
    input: D,
) -> Result<T, D::Error> {
    Ok(Option::<T>::deserialize(input)?.unwrap_or_default())
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[derive(Default)]
struct Raw {
    #[serde(deserialize_with = "nullable")]
    default_action: String,
    default_errno_ret: Option<u64>,
    #[serde(deserialize_with = "nullable")]
    architectures: Vec<String>,
    #[serde(deserialize_with = "nullable")]
    arch_map: Vec<RawArch>,
    #[serde(deserialize_with = "nullable")]
    flags: Vec<String>,
    #[serde(deserialize_with = "nullable")]
    listener_path: String,
    #[serde(deserialize_with = "nullable")]
    syscalls: Vec<RawGroup>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct RawArch {
    architecture: String,
    #[serde(deserialize_with = "nullable")]
    sub_architectures: Vec<String>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct RawGroup {
    #[serde(deserialize_with = "nullable")]
    name: String,
    #[serde(deserialize_with = "nullable")]
    names: Vec<String>,
    #[serde(deserialize_with = "nullable")]
    action: String,
    errno_ret: Option<u64>,
    #[serde(deserialize_with = "nullable")]
    args: Vec<RawArgument>,
    #[serde(deserialize_with = "nullable")]
    includes: RawGuard,
    #[serde(deserialize_with = "nullable")]
    excludes: RawGuard,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct RawArgument {
    index: u64,
    value: u64,
    value_two: u64,
    op: String,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct RawGuard {
    #[serde(deserialize_with = "nullable")]
    caps: Vec<String>,
    #[serde(deserialize_with = "nullable")]
    arches: Vec<String>,
    min_kernel: Option<String>,
}

impl Raw {
    fn check(self) -> Result<Profile, ProfileError> {
        if !self.listener_path.is_empty() {
            return Err(ProfileError::Listener("listenerPath"));
        }
        let no_default = self.default_action.is_empty() && self.syscalls.is_empty();
        let default = (!no_default)
            .then(|| Action::parse(&self.default_action, self.default_errno_ret))
            .transpose()?;
        let groups = self.syscalls.into_iter().map(RawGroup::check);
        Ok(Profile {
            default,
            flags: flags(&self.flags)?,
            groups: groups.collect::<Result<_, _>>()?,
            arches: arches(&self.architectures, &self.arch_map)?,
        })
    }
}

const FLAG_LOG: u32 = 1 << 1;
/// Speculation past a filter is the program's own affair; without it every start pays for a mitigation.
pub(crate) const FLAG_SPEC_ALLOW: u32 = 1 << 2;

fn flags(names: &[String]) -> Result<u32, ProfileError> {
    // As runc does it where a profile says nothing.
    if names.is_empty() {
        return Ok(FLAG_SPEC_ALLOW);
    }
    let flag = |name: &String| match name.as_str() {
        // One thread loads it, and there is no other.
        "SECCOMP_FILTER_FLAG_TSYNC" => Ok(0),
        "SECCOMP_FILTER_FLAG_LOG" => Ok(FLAG_LOG),
        "SECCOMP_FILTER_FLAG_SPEC_ALLOW" => Ok(FLAG_SPEC_ALLOW),
        _ => Err(ProfileError::Flag(shown(name))),
    };
    names.iter().try_fold(0, |all, name| Ok(all | flag(name)?))
}

fn arches(list: &[String], map: &[RawArch]) -> Result<Arches, ProfileError> {
    if !list.is_empty() && !map.is_empty() {
        return Err(ProfileError::TwoArchitectures);
    }
    if map.is_empty() {
        return known(list).map(Arches::These);
    }
    let mut entries = Vec::new();
    for entry in map {
        let below = known(&entry.sub_architectures)?;
        if let Some(arch) = parse_arch(&entry.architecture)? {
            entries.push((arch, below));
        }
    }
    Ok(Arches::Map(entries))
}

fn known(names: &[String]) -> Result<Vec<Arch>, ProfileError> {
    let arches = names.iter().map(|name| parse_arch(name));
    let arches: Result<Vec<_>, _> = arches.collect();
    Ok(arches?.into_iter().flatten().collect())
}

fn parse_arch(name: &str) -> Result<Option<Arch>, ProfileError> {
    match Arch::parse(name) {
        None if !is_foreign(name) => Err(ProfileError::Architecture(shown(name))),
        arch => Ok(arch),
    }
}

impl RawGroup {
    fn check(self) -> Result<Group, ProfileError> {
        let names = match (self.name.is_empty(), self.names.is_empty()) {
            (false, false) => return Err(ProfileError::NameAndNames),
            (false, true) => vec![self.name],
            (true, _) => self.names,
        };
        if names.iter().any(String::is_empty) {
            return Err(ProfileError::NoName);
        }
        Ok(Group {
            names,
            action: Action::parse(&self.action, self.errno_ret)?,
            alternatives: alternatives(&self.args)?,
            includes: self.includes.check()?,
            excludes: self.excludes.check()?,
        })
    }
}

/// Two conditions on one argument make each condition a rule of its own, as runc has it since Docker
/// profiles have been written so.
fn alternatives(args: &[RawArgument]) -> Result<Vec<Vec<Condition>>, ProfileError> {
    let conditions = args
        .iter()
        .map(|arg| Condition::parse(arg.index, &arg.op, arg.value, arg.value_two));
    let conditions: Vec<Condition> = conditions.collect::<Result<_, _>>()?;
    let mut seen = [false; 6];
    let repeated = conditions
        .iter()
        .any(|c| std::mem::replace(&mut seen[usize::from(c.argument)], true));
    Ok(if conditions.is_empty() {
        Vec::new()
    } else if repeated {
        conditions.into_iter().map(|c| vec![c]).collect()
    } else {
        vec![conditions]
    })
}

impl RawGuard {
    fn check(self) -> Result<Guard, ProfileError> {
        let kernel = self.min_kernel.as_deref().map(KernelVersion::parse);
        Ok(Guard {
            capabilities: self.caps,
            arches: self.arches,
            kernel: kernel.transpose()?,
        })
    }
}
