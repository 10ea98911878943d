//! A profile for one host and one set of capabilities: what happens to which call.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use crate::Host;
use crate::action::Action;
use crate::arch::Arch;
use crate::capability;
use crate::condition::Condition;
use crate::error::ProfileError;
use crate::multiplex::other_way;
use crate::profile::{Arches, Group, Guard, Profile};

#[derive(Debug)]
pub(crate) struct Policy {
    pub(crate) default: Action,
    /// For each architecture that is filtered; calls of any other are killed.
    pub(crate) tables: BTreeMap<Arch, Table>,
}

/// The calls of one architecture.
#[derive(Debug, Default)]
pub(crate) struct Table {
    pub(crate) rules: BTreeMap<u32, Rule>,
    /// The highest number that the profile names: what is above is unknown to whoever wrote it, and is
    /// answered as an older kernel would. None with a default that lets calls through.
    pub(crate) highest: Option<u32>,
}

/// The first alternative that holds decides.
#[derive(Clone, Debug, Default, Eq, Hash, PartialEq)]
pub(crate) struct Rule {
    pub(crate) alternatives: Vec<(Vec<Condition>, Action)>,
    /// Where none of them does; None: the policy's default.
    pub(crate) otherwise: Option<Action>,
}

impl Policy {
    pub(crate) fn new(
        profile: &Profile,
        capabilities: u64,
        host: &Host,
    ) -> Result<Self, ProfileError> {
        let default = profile.default;
        let default = default.ok_or_else(|| ProfileError::Action(String::new()))?;
        let groups = profile.groups.iter();
        let groups: Vec<&Group> = groups.filter(|g| counts(g, capabilities, host)).collect();
        let tables = arches(&profile.arches, host.arch).into_iter();
        let tables = tables.map(|arch| (arch, Table::new(arch, default, &groups)));
        Ok(Self {
            default,
            tables: tables.collect(),
        })
    }

    /// The meaning of a policy, call by call.
    #[cfg(test)]
    pub(crate) fn decide(&self, audit: u32, number: u32, arguments: &[u64; 6]) -> Action {
        use crate::arch::X32_BIT;
        let skipped = number == u32::MAX && !self.tables.contains_key(&Arch::X32);
        let is_x32 = audit == Arch::X32.audit() && number >= X32_BIT && !skipped;
        let mut tables = self.tables.iter();
        let table =
            tables.find(|(arch, _)| arch.audit() == audit && (**arch == Arch::X32) == is_x32);
        let Some((_, table)) = table else {
            return Action::KILL_THREAD;
        };
        if let Some(rule) = table.rules.get(&number) {
            let mut alternatives = rule.alternatives.iter();
            let holds = |c: &Condition| c.holds(arguments);
            let found = alternatives.find(|(conditions, _)| conditions.iter().all(holds));
            return found
                .map(|(_, action)| *action)
                .or(rule.otherwise)
                .unwrap_or(self.default);
        }
        let is_new = table.highest.is_some_and(|highest| number > highest);
        if is_new {
            Action::NO_SUCH_CALL
        } else {
            self.default
        }
    }
}

fn arches(arches: &Arches, native: Arch) -> BTreeSet<Arch> {
    let more: &[Arch] = match arches {
        Arches::These(list) => list,
        Arches::Map(map) => map
            .iter()
            .find(|(arch, _)| *arch == native)
            .map_or(&[], |(_, below)| below),
    };
    std::iter::once(native)
        .chain(more.iter().copied())
        .collect()
}

fn counts(group: &Group, capabilities: u64, host: &Host) -> bool {
    let own = host.arch.condition_name();
    let has = |name: &String| capability::is_in(name, capabilities);
    let Guard {
        capabilities: needed,
        arches,
        kernel,
    } = &group.includes;
    let included = (arches.is_empty() || arches.iter().any(|arch| arch == own))
        && needed.iter().all(has)
        && kernel.is_none_or(|kernel| host.kernel >= kernel);
    let Guard {
        capabilities: barred,
        arches,
        kernel,
    } = &group.excludes;
    let excluded = arches.iter().any(|arch| arch == own)
        || barred.iter().any(has)
        || kernel.is_some_and(|kernel| host.kernel >= kernel);
    included && !excluded
}

impl Table {
    fn new(arch: Arch, default: Action, groups: &[&Group]) -> Self {
        let mut table = Self::default();
        let mut seen = HashSet::new();
        for group in groups {
            // It says what would happen anyway; libseccomp refuses such rules, so runc skips them.
            let counts = group.action != default;
            for name in &group.names {
                if let Some(number) = arch.number(name) {
                    if arch.is_in_table(number) {
                        table.highest = table.highest.max(Some(number));
                    }
                    if counts {
                        table.add(arch, number, group, &mut seen);
                    }
                }
                if let Some((number, condition)) = other_way(arch, name).filter(|_| counts) {
                    table.add_other_way(number, condition, group);
                }
            }
        }
        if default.is_permissive() {
            table.highest = None;
        }
        table.rules.retain(|_, rule| *rule != Rule::default());
        table
    }

    /// A rule without conditions beats those that have some, wherever they stand, as in libseccomp.
    fn add<'a>(
        &mut self,
        arch: Arch,
        number: u32,
        group: &'a Group,
        seen: &mut HashSet<(u32, &'a [Condition])>,
    ) {
        let rule = self.rules.entry(number).or_default();
        if rule.otherwise.is_some() {
            return;
        }
        if group.alternatives.is_empty() {
            rule.alternatives.clear();
            rule.otherwise = Some(group.action);
        }
        for conditions in &group.alternatives {
            if seen.insert((number, conditions)) {
                let conditions = conditions.iter();
                let conditions =
                    conditions.map(|c| if arch.is_narrow() { c.narrowed() } else { *c });
                rule.alternatives.push((conditions.collect(), group.action));
            }
        }
    }

    /// By the other way the arguments are in memory: what a rule forbids by them is forbidden altogether,
    /// what it allows by them is not.
    fn add_other_way(&mut self, number: u32, condition: Condition, group: &Group) {
        if group.alternatives.is_empty() || !group.action.is_permissive() {
            let rule = self.rules.entry(number).or_default();
            let alternative = (vec![condition], group.action);
            if rule.otherwise.is_none() && !rule.alternatives.contains(&alternative) {
                rule.alternatives.push(alternative);
            }
        }
    }
}
