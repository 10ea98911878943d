//! Patterns with marks → one deterministic automaton whose states know which marks they bear.

use std::collections::{BTreeSet, HashMap};

use crate::pattern::{Bytes, Part};

/// A node of the nondeterministic automaton.
#[derive(Debug, Default)]
struct Node {
    on: Vec<(Bytes, usize)>,
    free: Vec<usize>,
    marks: Vec<u32>,
}

/// Many patterns side by side.
#[derive(Debug)]
pub(crate) struct Patterns {
    nodes: Vec<Node>,
}

/// Where each byte leads, state by state: 0 is nowhere, 1 the start.
#[derive(Debug)]
pub(crate) struct Dfa {
    pub(crate) next: Vec<[u32; 256]>,
    /// The marks of each state.
    pub(crate) marks: Vec<BTreeSet<u32>>,
}

impl Patterns {
    pub(crate) fn new() -> Self {
        Self {
            nodes: vec![Node::default()],
        }
    }

    /// Who has read the whole pattern is in a state that bears `mark`.
    pub(crate) fn add(&mut self, pattern: &[Part], mark: u32) {
        let end = self.append(pattern, 0);
        self.nodes[end].marks.push(mark);
    }

    fn node(&mut self) -> usize {
        self.nodes.push(Node::default());
        self.nodes.len() - 1
    }

    /// Returns where the parts lead from `from`.
    fn append(&mut self, parts: &[Part], from: usize) -> usize {
        let mut at = from;
        for part in parts {
            let after = self.node();
            match part {
                Part::One(bytes) => self.nodes[at].on.push((*bytes, after)),
                Part::Many(bytes) => {
                    self.nodes[at].free.push(after);
                    self.nodes[after].on.push((*bytes, after));
                }
                Part::Either(choices) => {
                    for choice in choices {
                        let end = self.append(choice, at);
                        self.nodes[end].free.push(after);
                    }
                }
            }
            at = after;
        }
        at
    }

    fn closure(&self, mut open: Vec<usize>) -> BTreeSet<usize> {
        let mut all = BTreeSet::new();
        while let Some(node) = open.pop() {
            if all.insert(node) {
                open.extend(&self.nodes[node].free);
            }
        }
        all
    }

    pub(crate) fn determine(&self) -> Dfa {
        let mut dfa = Dfa {
            next: vec![[0; 256], [0; 256]],
            marks: vec![BTreeSet::new(), BTreeSet::new()],
        };
        let start = self.closure(vec![0]);
        let mut known = HashMap::from([(BTreeSet::new(), 0), (start.clone(), 1)]);
        let mut open = vec![(start, 1usize)];
        while let Some((nodes, state)) = open.pop() {
            let marks = nodes.iter().flat_map(|n| &self.nodes[*n].marks).copied();
            dfa.marks[state] = marks.collect();
            for byte in 0..=255u8 {
                let on = nodes.iter().flat_map(|n| &self.nodes[*n].on);
                let reached = on
                    .filter(|(bytes, _)| bytes.contains(byte))
                    .map(|(_, to)| *to);
                let reached = self.closure(reached.collect());
                let target = *known.entry(reached.clone()).or_insert_with(|| {
                    dfa.next.push([0; 256]);
                    dfa.marks.push(BTreeSet::new());
                    open.push((reached, dfa.next.len() - 1));
                    dfa.next.len() - 1
                });
                dfa.next[state][usize::from(byte)] = u32::try_from(target).unwrap_or(0);
            }
        }
        dfa
    }
}

impl Dfa {
    /// The state in which `text` ends.
    #[cfg(test)]
    pub(crate) fn state(&self, text: &[u8]) -> usize {
        text.iter().fold(1, |state, byte| {
            usize::try_from(self.next[state][usize::from(*byte)]).expect("state")
        })
    }
}
