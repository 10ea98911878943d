//! A path pattern as AppArmor writes them, as a nondeterministic automaton over bytes: `?`, `*`, `**`,
//! `[^…]` and `{a,b}`. A star behind a slash stands for one character at least.

/// Which bytes lead on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Bytes([u64; 4]);

impl Bytes {
    /// Every byte of a name but NUL, which ends it.
    pub(crate) const NAME: Self = Self([!1, !0, !0, !0]);

    pub(crate) fn one(byte: u8) -> Self {
        let mut bytes = Self([0; 4]);
        bytes.set(byte, true);
        bytes
    }

    pub(crate) fn without(mut self, bytes: &[u8]) -> Self {
        for byte in bytes {
            self.set(*byte, false);
        }
        self
    }

    pub(crate) fn contains(self, byte: u8) -> bool {
        self.0[usize::from(byte >> 6)] >> (byte & 63) & 1 == 1
    }

    fn set(&mut self, byte: u8, on: bool) {
        let bit = 1 << (byte & 63);
        let word = &mut self.0[usize::from(byte >> 6)];
        *word = if on { *word | bit } else { *word & !bit };
    }
}

/// Part of a pattern.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    One(Bytes),
    /// Any number of them, also none.
    Many(Bytes),
    /// One of these sequences.
    Either(Vec<Vec<Part>>),
}

/// The exact text.
pub(crate) fn literal(text: &str) -> Vec<Part> {
    text.bytes().map(|b| Part::One(Bytes::one(b))).collect()
}

/// Patterns are this crate's own: one that is malformed reads as text.
pub(crate) fn parse(pattern: &str) -> Vec<Part> {
    sequence(&mut pattern.as_bytes(), false, b"")
}

/// Reads up to one of `ends`; `slash`: the byte before was one.
fn sequence(rest: &mut &[u8], mut slash: bool, ends: &[u8]) -> Vec<Part> {
    let mut parts = Vec::new();
    while let Some((&byte, after)) = rest.split_first() {
        if ends.contains(&byte) {
            break;
        }
        *rest = after;
        match byte {
            b'?' => parts.push(Part::One(Bytes::NAME.without(b"/"))),
            b'*' => {
                let first = Bytes::NAME.without(b"/");
                let deep = rest.strip_prefix(b"*");
                *rest = deep.unwrap_or(rest);
                parts.extend(slash.then_some(Part::One(first)));
                parts.push(Part::Many(if deep.is_some() { Bytes::NAME } else { first }));
            }
            b'[' => parts.push(Part::One(class(rest))),
            b'{' => parts.push(alternatives(rest, slash)),
            byte => parts.push(Part::One(Bytes::one(byte))),
        }
        slash = byte == b'/';
    }
    parts
}

/// The rest of "[^a-cd]".
fn class(rest: &mut &[u8]) -> Bytes {
    let end = rest.iter().position(|b| *b == b']').unwrap_or(rest.len());
    let (inside, after) = rest.split_at(end);
    *rest = after.get(1..).unwrap_or_default();
    let mut excluded = Vec::new();
    let mut bytes = inside.strip_prefix(b"^").unwrap_or(inside);
    while let Some((&first, after)) = bytes.split_first() {
        if let [b'-', last, after @ ..] = after {
            excluded.extend(first..=*last);
            bytes = after;
        } else {
            excluded.push(first);
            bytes = after;
        }
    }
    Bytes::NAME.without(&excluded)
}

/// The rest of "{a,b}".
fn alternatives(rest: &mut &[u8], slash: bool) -> Part {
    let mut all = Vec::new();
    loop {
        all.push(sequence(rest, slash, b",}"));
        let Some((&end, after)) = rest.split_first() else {
            break;
        };
        *rest = after;
        if end == b'}' {
            break;
        }
    }
    Part::Either(all)
}
