//! What both formats have in common.

use crate::{json, local};

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Stream {
    Output,
    Error,
}

impl Stream {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Output => "stdout",
            Self::Error => "stderr",
        }
    }

    /// The number that Docker's stream frames and the local format use.
    pub(crate) fn number(self) -> u8 {
        match self {
            Self::Output => 1,
            Self::Error => 2,
        }
    }
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Format {
    Json,
    Local,
}

/// One record as it lies in a file.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Record<'a> {
    pub(crate) stream: Stream,
    pub(crate) time: Time<'a>,
    /// A JSON object of strings.
    pub(crate) attrs: Option<&'a [u8]>,
    pub(crate) text: Text<'a>,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Time<'a> {
    Text(&'a [u8]),
    Nanos(i64),
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Text<'a> {
    /// The inside of a JSON string.
    Escaped(&'a [u8]),
    Plain(&'a [u8]),
}

impl Time<'_> {
    pub(crate) fn nanos(self) -> Option<i64> {
        match self {
            Self::Text(text) => crate::time::parse(text),
            Self::Nanos(nanos) => Some(nanos),
        }
    }

    /// Always with nine digits of a second, as Docker sends it.
    pub(crate) fn write(self, out: &mut Vec<u8>) {
        match self {
            Self::Text(text) if text.len() == 30 => out.extend(text),
            Self::Text(text) => match crate::time::parse(text) {
                Some(nanos) => out.extend(crate::time::format(nanos).bytes()),
                None => out.extend(text),
            },
            Self::Nanos(nanos) => out.extend(crate::time::format(nanos).bytes()),
        }
    }
}

/// What stands at the start of some bytes.
#[derive(Debug, Eq, PartialEq)]
pub(crate) enum Step<'a> {
    /// So many bytes; None is a record that is torn or foreign and is passed over.
    Record(usize, Option<Record<'a>>),
    /// More has to be read first.
    Incomplete,
    /// The rest of the file cannot be understood.
    Broken,
}

impl Format {
    pub(crate) fn step(self, bytes: &[u8]) -> Step<'_> {
        match self {
            Self::Json => match memchr::memchr(b'\n', bytes) {
                Some(end) => Step::Record(end + 1, bytes.get(..end).and_then(json::parse)),
                None => Step::Incomplete,
            },
            Self::Local => local::step(bytes),
        }
    }

    /// Length of the records that are whole.
    pub(crate) fn whole(self, bytes: &[u8]) -> usize {
        match self {
            Self::Json => memchr::memrchr(b'\n', bytes).map_or(0, |at| at + 1),
            Self::Local => local::boundary(bytes, usize::MAX).0,
        }
    }

    /// The first end of a record at or behind `at`.
    pub(crate) fn cut(self, bytes: &[u8], at: usize) -> usize {
        let from = at.saturating_sub(1).min(bytes.len());
        let rest = bytes.get(from..).unwrap_or_default();
        match self {
            Self::Json => memchr::memchr(b'\n', rest).map_or(bytes.len(), |end| from + end + 1),
            Self::Local => local::boundary(bytes, at).1,
        }
    }
}
