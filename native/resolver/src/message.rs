//! DNS messages as containers and servers send them (RFC 1035, RFC 6891): no more of them is understood than an
//! answer needs. Nothing is trusted; what does not hold together is refused or ignored.

pub(crate) const HEADER: usize = 12;
/// Longest query that is taken, over UDP as over TCP. Answers may have any length.
pub(crate) const LONGEST_QUERY: usize = 2048;
const LONGEST_NAME: usize = 255;
const LONGEST_LABEL: usize = 63;

pub(crate) mod kind {
    pub(crate) const A: u16 = 1;
    pub(crate) const PTR: u16 = 12;
    pub(crate) const MX: u16 = 15;
    pub(crate) const AAAA: u16 = 28;
    pub(crate) const OPT: u16 = 41;
}

pub(crate) const INTERNET: u16 = 1;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Code {
    Fine = 0,
    Malformed = 1,
    ServerFailure = 2,
    NotImplemented = 4,
    Refused = 5,
}

/// Bits of the second half of a header's first word.
pub(crate) mod flag {
    pub(crate) const ANSWER: u16 = 0x8000;
    pub(crate) const TRUNCATED: u16 = 0x0200;
    pub(crate) const RECURSION_DESIRED: u16 = 0x0100;
    pub(crate) const RECURSION_AVAILABLE: u16 = 0x0080;
    pub(crate) const CODE: u16 = 0x000f;
    pub(crate) const OPERATION: u16 = 0x7800;
}

/// One question, which is all that anybody asks at once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Query<'a> {
    pub(crate) id: u16,
    pub(crate) flags: u16,
    /// In lower case, without the last dot; None for one that no container can have.
    pub(crate) name: Option<String>,
    pub(crate) kind: u16,
    pub(crate) class: u16,
    /// Name, kind and class as they were sent.
    pub(crate) question: &'a [u8],
    /// What the asker takes over UDP, if it speaks EDNS.
    pub(crate) takes: Option<u16>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Parsed<'a> {
    Query(Query<'a>),
    /// Answered by this code alone.
    Refused {
        id: u16,
        flags: u16,
        code: Code,
    },
    /// Not a query at all.
    Nothing,
}

pub(crate) fn parse(bytes: &[u8]) -> Parsed<'_> {
    let (Some(id), Some(flags)) = (u16_at(bytes, 0), u16_at(bytes, 2)) else {
        return Parsed::Nothing;
    };
    if bytes.len() < HEADER || flags & flag::ANSWER != 0 {
        return Parsed::Nothing;
    }
    let refused = |code| Parsed::Refused { id, flags, code };
    if flags & flag::OPERATION != 0 {
        return refused(Code::NotImplemented);
    }
    match question_of(bytes) {
        Some(question) => Parsed::Query(Query {
            id,
            flags,
            ..question
        }),
        None => refused(Code::Malformed),
    }
}

fn question_of(bytes: &[u8]) -> Option<Query<'_>> {
    let [questions, answers, authorities, additional] =
        [4, 6, 8, 10].map(|at| u16_at(bytes, at).unwrap_or(0));
    if questions != 1 || answers != 0 || authorities != 0 || additional > 2 {
        return None;
    }
    let (name, after) = read_name(bytes, HEADER)?;
    let end = after + 4;
    let query = Query {
        id: 0,
        flags: 0,
        name,
        kind: u16_at(bytes, after)?,
        class: u16_at(bytes, after + 2)?,
        question: bytes.get(HEADER..end)?,
        takes: None,
    };
    let mut at = end;
    let mut takes = None;
    for _ in 0..additional {
        at = skip_name(bytes, at)?;
        if u16_at(bytes, at)? == kind::OPT {
            takes = Some(u16_at(bytes, at + 2)?);
        }
        at += 10 + usize::from(u16_at(bytes, at + 8)?);
        if at > bytes.len() {
            return None;
        }
    }
    Some(Query { takes, ..query })
}

/// The name at `start`, and where it ends. A question comes first, so there is nothing to point back to.
fn read_name(bytes: &[u8], start: usize) -> Option<(Option<String>, usize)> {
    let mut at = start;
    let mut text = String::new();
    let mut is_plain = true;
    loop {
        let length = usize::from(*bytes.get(at)?);
        at += 1;
        if length == 0 {
            break;
        }
        if length > LONGEST_LABEL || at + length - start >= LONGEST_NAME {
            return None;
        }
        if !text.is_empty() {
            text.push('.');
        }
        for byte in bytes.get(at..at + length)? {
            is_plain &= byte.is_ascii_graphic() && *byte != b'.';
            text.push(char::from(byte.to_ascii_lowercase()));
        }
        at += length;
    }
    Some(((is_plain && !text.is_empty()).then_some(text), at))
}

/// Where a name of a record ends, which may point back.
fn skip_name(bytes: &[u8], start: usize) -> Option<usize> {
    let mut at = start;
    loop {
        let length = usize::from(*bytes.get(at)?);
        match length {
            0 => return Some(at + 1),
            1..=LONGEST_LABEL => at += 1 + length,
            0xc0.. => return Some(at + 2),
            _ => return None,
        }
        if at - start > LONGEST_NAME {
            return None;
        }
    }
}

/// True if this is a server's answer to that query, which we sent under `id`.
pub(crate) fn answers(reply: &[u8], query: &[u8], id: u16) -> bool {
    let (Some(flags), Some(questions)) = (u16_at(reply, 2), u16_at(reply, 4)) else {
        return false;
    };
    if reply.len() < HEADER
        || u16_at(reply, 0) != Some(id)
        || flags & flag::ANSWER == 0
        || flags & flag::OPERATION != 0
    {
        return false;
    }
    if questions == 0 {
        // Some refuse without a word of what they refuse.
        return flags & flag::CODE != 0;
    }
    let Parsed::Query(Query { question, .. }) = parse(query) else {
        return false;
    };
    let repeated = reply.get(HEADER..HEADER + question.len());
    questions == 1 && repeated.is_some_and(|repeated| repeated.eq_ignore_ascii_case(question))
}

/// Of a message that is long enough.
pub(crate) fn code_of(message: &[u8]) -> u16 {
    u16_at(message, 2).unwrap_or(0) & flag::CODE
}

pub(crate) fn set_id(message: &mut [u8], id: u16) {
    if let Some(place) = message.get_mut(..2) {
        place.copy_from_slice(&id.to_be_bytes());
    }
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    let pair = bytes.get(at..at + 2)?;
    Some(u16::from_be_bytes([*pair.first()?, *pair.last()?]))
}
