//! The format of the driver `local`: binary records, shorter and quicker to write than JSON.
//!
//! ```text
//! u32  length of what stands between the two lengths
//! i64  nanoseconds since 1970
//! u8   1 stdout, 2 stderr
//! u16  length of the attributes, then these: a JSON object of strings, or nothing
//!      the text, as the program wrote it
//! u32  the length again, so that a file can be read from its end
//! ```
//! All numbers are little-endian. What a killed writer leaves unfinished at the end is cut off by the next.

use crate::record::{Record, Step, Stream, Text, Time};

/// The two lengths.
const OUTER: usize = 8;
/// Time, stream and the length of the attributes.
const INNER: usize = 11;
/// Longer ones are not written, so a longer one is damage.
const MAX_RECORD: usize = 1 << 20;
pub(crate) const LONGEST: usize = MAX_RECORD + OUTER;

pub(crate) fn encode(out: &mut Vec<u8>, stream: Stream, nanos: i64, attrs: &[u8], line: &[u8]) {
    let attrs_length = u16::try_from(attrs.len()).unwrap_or(0);
    let attrs = &attrs[..usize::from(attrs_length)];
    let length = u32::try_from(INNER + attrs.len() + line.len()).unwrap_or(0);
    out.extend_from_slice(&length.to_le_bytes());
    out.extend_from_slice(&nanos.to_le_bytes());
    out.push(stream.number());
    out.extend_from_slice(&attrs_length.to_le_bytes());
    out.extend_from_slice(attrs);
    out.extend_from_slice(line);
    out.extend_from_slice(&length.to_le_bytes());
}

/// The length that stands at `at`; Err if it cannot be one.
fn length_at(bytes: &[u8], at: usize) -> Option<Result<usize, ()>> {
    let length = u32::from_le_bytes(bytes.get(at..at + 4)?.try_into().ok()?);
    let length = usize::try_from(length).unwrap_or(usize::MAX);
    Some(if (INNER..=MAX_RECORD).contains(&length) {
        Ok(length)
    } else {
        Err(())
    })
}

pub(crate) fn step(bytes: &[u8]) -> Step<'_> {
    let length = match length_at(bytes, 0) {
        None => return Step::Incomplete,
        Some(Err(())) => return Step::Broken,
        Some(Ok(length)) => length,
    };
    match length_at(bytes, length + 4) {
        None => Step::Incomplete,
        Some(again) if again == Ok(length) => {
            let inner = bytes.get(4..4 + length).unwrap_or_default();
            Step::Record(length + OUTER, parse(inner))
        }
        Some(_) => Step::Broken,
    }
}

fn parse(inner: &[u8]) -> Option<Record<'_>> {
    let (head, rest) = inner.split_at_checked(INNER)?;
    let nanos = i64::from_le_bytes(head.get(..8)?.try_into().ok()?);
    let attrs_length = u16::from_le_bytes(head.get(9..)?.try_into().ok()?);
    let (attrs, text) = rest.split_at_checked(usize::from(attrs_length))?;
    Some(Record {
        stream: match head.get(8)? {
            1 => Stream::Output,
            2 => Stream::Error,
            _ => return None,
        },
        time: Time::Nanos(nanos),
        attrs: (!attrs.is_empty()).then_some(attrs),
        text: Text::Plain(text),
    })
}

/// The last end of a record before `limit`, and the first at or behind it.
pub(crate) fn boundary(bytes: &[u8], limit: usize) -> (usize, usize) {
    let mut at = 0;
    loop {
        let rest = bytes.get(at..).unwrap_or_default();
        let Some(Ok(length)) = length_at(rest, 0) else {
            return (at, at.max(bytes.len()));
        };
        if rest.len() < length + OUTER {
            return (at, bytes.len());
        }
        let end = at + length + OUTER;
        if end >= limit {
            return (at, end);
        }
        at = end;
    }
}

/// Where the record begins that ends at the end of `bytes`; None if that is no end of a record, or if
/// it begins before.
pub(crate) fn last_start(bytes: &[u8]) -> Option<usize> {
    let length = length_at(bytes, bytes.len().checked_sub(4)?)?.ok()?;
    let start = bytes.len().checked_sub(length + OUTER)?;
    (length_at(bytes, start) == Some(Ok(length))).then_some(start)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn two() -> Vec<u8> {
        let mut out = Vec::new();
        encode(&mut out, Stream::Output, 5, b"{\"a\":\"b\"}", b"one\n");
        encode(&mut out, Stream::Error, -6, b"", b"\xff");
        out
    }

    #[test]
    fn records_come_back() {
        let bytes = two();
        let Step::Record(length, Some(first)) = step(&bytes) else {
            panic!("no record");
        };
        assert_eq!(first.attrs, Some(b"{\"a\":\"b\"}".as_slice()));
        assert_eq!(
            (first.time, first.text),
            (Time::Nanos(5), Text::Plain(b"one\n"))
        );
        let Step::Record(_, Some(second)) = step(&bytes[length..]) else {
            panic!("no record");
        };
        assert_eq!(
            (second.stream, second.text),
            (Stream::Error, Text::Plain(b"\xff"))
        );
        assert_eq!(last_start(&bytes), Some(length));
    }

    #[test]
    fn a_torn_end_is_incomplete_and_known_as_no_end() {
        let bytes = two();
        let Step::Record(first, _) = step(&bytes) else {
            panic!("no record");
        };
        for end in first + 1..bytes.len() {
            assert_eq!(step(&bytes[first..end]), Step::Incomplete);
            assert_eq!(last_start(&bytes[..end]), None, "{end}");
            assert_eq!(boundary(&bytes[..end], usize::MAX).0, first);
        }
        assert_eq!(step(&[0xff; 64]), Step::Broken);
    }

    #[test]
    fn ends_around_a_place_are_found() {
        let bytes = two();
        let Step::Record(first, _) = step(&bytes) else {
            panic!("no record");
        };
        assert_eq!(boundary(&bytes, 1), (0, first));
        assert_eq!(boundary(&bytes, first), (0, first));
        assert_eq!(boundary(&bytes, first + 1), (first, bytes.len()));
    }
}
