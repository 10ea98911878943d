//! A policy as a program: by architecture, then by number, then by arguments.
//!
//! Numbers that end alike are one interval, and intervals are found by halving: six or seven comparisons
//! for an ordinary profile. Nothing but architecture and number is looked at before a call is known to need
//! its arguments, so that the kernel (5.11 and later) keeps the calls that are always allowed in a
//! bitmap and does not run the program for them at all.

use std::collections::{BTreeSet, HashMap};

use crate::action::Action;
use crate::arch::{Arch, X32_BIT};
use crate::assemble::{Assembler, Instruction, Label, code};
use crate::condition::{Condition, Test};
use crate::error::ProfileError;
use crate::policy::{Policy, Rule, Table};

/// Offsets in `struct seccomp_data`; arguments are 64 bits, low half first.
const NUMBER: u32 = 0;
const ARCHITECTURE: u32 = 4;
const ARGUMENTS: u32 = 16;

pub(crate) fn program(policy: &Policy) -> Result<Vec<Instruction>, ProfileError> {
    let mut compiler = Compiler {
        out: Assembler::default(),
        rules: HashMap::new(),
        default: policy.default,
    };
    let mut next = compiler.out.end(Action::KILL_THREAD)?;
    // Laid down from the last on: the host's own architecture, the commonest, is to be asked for first.
    let arches: BTreeSet<Arch> = policy.tables.keys().map(|arch| arch.kernels()).collect();
    let (guests, hosts): (Vec<Arch>, Vec<Arch>) = arches
        .into_iter()
        .partition(|arch| matches!(arch, Arch::X86 | Arch::Arm));
    for arch in guests.into_iter().chain(hosts) {
        let intervals = intervals(policy, arch);
        let found = compiler.search(&intervals)?;
        compiler.out.fall_to(found)?;
        let found = compiler.out.load(NUMBER)?;
        next = compiler
            .out
            .branch(code::JUMP_EQUAL, arch.audit(), found, next)?;
    }
    compiler.out.load(ARCHITECTURE)?;
    Ok(compiler.out.finish())
}

/// What a number leads to.
#[derive(Clone, Debug, Eq, PartialEq)]
enum Outcome<'a> {
    End(Action),
    Ask(&'a Rule),
}

/// (first number, what follows from it up to the next one).
type Interval<'a> = (u32, Outcome<'a>);

/// All numbers of what the kernel calls one architecture, x32 among them.
fn intervals(policy: &Policy, arch: Arch) -> Vec<Interval<'_>> {
    let mut all = Vec::new();
    match policy.tables.get(&arch) {
        Some(table) => add(&mut all, 0, table, policy.default),
        None => all.push((0, Outcome::End(Action::KILL_THREAD))),
    }
    // The ranges of others cut off what lies above the table.
    if let Some(table) = policy
        .tables
        .get(&Arch::X32)
        .filter(|_| arch == Arch::X86_64)
    {
        add(&mut all, X32_BIT, table, policy.default);
    } else if arch == Arch::X86_64 {
        all.push((X32_BIT, Outcome::End(Action::KILL_THREAD)));
        // -1 is no call of x32, but one that a tracer has had skipped.
        let table = policy.tables.get(&arch);
        let is_new = table.is_some_and(|table| table.highest.is_some());
        let unknown = is_new.then_some(Action::NO_SUCH_CALL);
        all.push((u32::MAX, Outcome::End(unknown.unwrap_or(policy.default))));
    }
    all.dedup_by(|later, earlier| later.1 == earlier.1);
    all
}

fn add<'a>(all: &mut Vec<Interval<'a>>, start: u32, table: &'a Table, default: Action) {
    let mut from = start;
    let highest = table.highest;
    // Numbers without a rule, from `first` up to the next rule.
    let gap = |all: &mut Vec<Interval<'a>>, first: u32, end: Option<u32>| {
        let new = highest.map(|highest| highest + 1);
        if new.is_none_or(|new| first < new) {
            all.push((first, Outcome::End(default)));
        }
        if let Some(new) = new.filter(|new| end.is_none_or(|end| *new < end)) {
            all.push((new.max(first), Outcome::End(Action::NO_SUCH_CALL)));
        }
    };
    for (number, rule) in &table.rules {
        if *number > from {
            gap(all, from, Some(*number));
        }
        all.push((*number, outcome(rule)));
        from = number + 1;
    }
    gap(all, from, None);
}

fn outcome(rule: &Rule) -> Outcome<'_> {
    match rule.otherwise {
        Some(action) if rule.alternatives.is_empty() => Outcome::End(action),
        _ => Outcome::Ask(rule),
    }
}

struct Compiler<'a> {
    out: Assembler,
    /// Those laid down already: many calls share one.
    rules: HashMap<&'a Rule, Label>,
    default: Action,
}

impl<'a> Compiler<'a> {
    fn search(&mut self, intervals: &[Interval<'a>]) -> Result<Label, ProfileError> {
        match intervals {
            [] => self.out.end(Action::KILL_THREAD),
            [(_, Outcome::End(action))] => self.out.end(*action),
            [(_, Outcome::Ask(rule))] => self.rule(rule),
            _ => {
                let (low, high) = intervals.split_at(intervals.len() / 2);
                let first = high.first().map_or(0, |(first, _)| *first);
                let high = self.search(high)?;
                let low = self.search(low)?;
                self.out.branch(code::JUMP_AT_LEAST, first, high, low)
            }
        }
    }

    fn rule(&mut self, rule: &'a Rule) -> Result<Label, ProfileError> {
        if let Some(label) = self.rules.get(rule) {
            return Ok(*label);
        }
        let mut no = self.out.end(rule.otherwise.unwrap_or(self.default))?;
        for (conditions, action) in rule.alternatives.iter().rev() {
            let mut yes = self.out.end(*action)?;
            for condition in conditions.iter().rev() {
                yes = self.condition(condition, yes, no)?;
            }
            no = yes;
        }
        self.rules.insert(rule, no);
        Ok(no)
    }

    fn condition(
        &mut self,
        condition: &Condition,
        yes: Label,
        no: Label,
    ) -> Result<Label, ProfileError> {
        let at = ARGUMENTS + 8 * u32::from(condition.argument);
        let place = if condition.low {
            Place::Low(at)
        } else {
            Place::Whole(at)
        };
        match condition.test {
            Test::Equal(value) => self.equal(place, u64::MAX, value, yes, no),
            Test::NotEqual(value) => self.equal(place, u64::MAX, value, no, yes),
            Test::Masked { mask, value } => self.equal(place, mask, value, yes, no),
            Test::AtLeast(value) => self.order(place, code::JUMP_AT_LEAST, value, yes, no),
            Test::Less(value) => self.order(place, code::JUMP_AT_LEAST, value, no, yes),
            Test::Greater(value) => self.order(place, code::JUMP_GREATER, value, yes, no),
            Test::AtMost(value) => self.order(place, code::JUMP_GREATER, value, no, yes),
        }
    }

    /// The bits of `mask` are those of `value`.
    fn equal(
        &mut self,
        place: Place,
        mask: u64,
        value: u64,
        yes: Label,
        no: Label,
    ) -> Result<Label, ProfileError> {
        let (mask_high, mask_low) = halves(mask);
        let (high, low) = halves(value);
        let lower = self.half(place.low(), mask_low, low, yes, no)?;
        match place {
            Place::Whole(at) if mask_high != 0 => self.half(at + 4, mask_high, high, lower, no),
            _ => Ok(lower),
        }
    }

    fn half(
        &mut self,
        at: u32,
        mask: u32,
        value: u32,
        yes: Label,
        no: Label,
    ) -> Result<Label, ProfileError> {
        self.out.branch(code::JUMP_EQUAL, value, yes, no)?;
        if mask != u32::MAX {
            self.out.and(mask)?;
        }
        self.out.load(at)
    }

    /// `code` compares the low halves; the high ones decide unless they are equal.
    fn order(
        &mut self,
        place: Place,
        code: u16,
        value: u64,
        yes: Label,
        no: Label,
    ) -> Result<Label, ProfileError> {
        let (high, low) = halves(value);
        self.out.branch(code, low, yes, no)?;
        let lower = self.out.load(place.low())?;
        let Place::Whole(at) = place else {
            return Ok(lower);
        };
        let equal = self.out.branch(code::JUMP_EQUAL, high, lower, no)?;
        self.out.branch(code::JUMP_GREATER, high, yes, equal)?;
        self.out.load(at + 4)
    }
}

/// Where an argument is, and how much of it counts.
#[derive(Clone, Copy)]
enum Place {
    Whole(u32),
    Low(u32),
}

impl Place {
    const fn low(self) -> u32 {
        match self {
            Self::Whole(at) | Self::Low(at) => at,
        }
    }
}

fn halves(value: u64) -> (u32, u32) {
    #[allow(clippy::cast_possible_truncation)]
    let low = value as u32;
    #[allow(clippy::cast_possible_truncation)]
    let high = (value >> 32) as u32;
    (high, low)
}
