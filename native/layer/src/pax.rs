//! PAX extended headers: "LENGTH KEY=VALUE\n" records that override fields of the next entry.

use crate::header::{Time, to_id, to_size};

/// Longest value of an extended attribute (the kernel's own limit).
const XATTR: usize = 64 * 1024;

/// What an extended header says; what it does not mention is `None` or empty.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Pax {
    pub(crate) path: Option<Vec<u8>>,
    pub(crate) linkpath: Option<Vec<u8>>,
    pub(crate) size: Option<u64>,
    pub(crate) uid: Option<u32>,
    pub(crate) gid: Option<u32>,
    pub(crate) mtime: Option<Time>,
    pub(crate) xattrs: Vec<(Vec<u8>, Vec<u8>)>,
    pub(crate) sparse: SparseKeys,
}

/// GNU's sparse formats 0.0 (repeated offset and numbytes), 0.1 (map) and 1.0 (major and minor).
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct SparseKeys {
    pub(crate) major: Option<u64>,
    pub(crate) minor: Option<u64>,
    pub(crate) name: Option<Vec<u8>>,
    /// The size with the holes.
    pub(crate) real_size: Option<u64>,
    /// Offsets and lengths in turn.
    pub(crate) map: Vec<u64>,
    /// Some key of 0.0 or 0.1 was there.
    pub(crate) is_old: bool,
}

impl Pax {
    pub(crate) fn parse(mut records: &[u8]) -> Result<Self, &'static str> {
        let mut pax = Self::default();
        while !records.is_empty() {
            let (key, value, rest) = split_record(records)?;
            pax.set(key, value)?;
            records = rest;
        }
        Ok(pax)
    }

    fn set(&mut self, key: &[u8], value: &[u8]) -> Result<(), &'static str> {
        if let Some(name) = key.strip_prefix(b"SCHILY.xattr.") {
            if name.is_empty() || name.contains(&0) {
                return Err("the name of an extended attribute is malformed");
            }
            if value.len() > XATTR {
                return Err("an extended attribute is longer than 64 KiB");
            }
            self.xattrs.push((name.to_vec(), value.to_vec()));
            return Ok(());
        }
        if let Some(key) = key.strip_prefix(b"GNU.sparse.") {
            return self.sparse.set(key, value);
        }
        // An empty value takes back what an earlier record said.
        let is_set = !value.is_empty();
        match key {
            b"path" => self.path = is_set.then(|| value.to_vec()),
            b"linkpath" => self.linkpath = is_set.then(|| value.to_vec()),
            b"size" => self.size = is_set.then(|| to_size(decimal(value)?)).transpose()?,
            b"uid" => self.uid = is_set.then(|| to_id(decimal(value)?)).transpose()?,
            b"gid" => self.gid = is_set.then(|| to_id(decimal(value)?)).transpose()?,
            b"mtime" => self.mtime = is_set.then(|| time(value)).transpose()?,
            _ => {}
        }
        Ok(())
    }
}

impl SparseKeys {
    fn set(&mut self, key: &[u8], value: &[u8]) -> Result<(), &'static str> {
        let size = |value| to_size(decimal(value)?);
        match key {
            b"major" => self.major = Some(size(value)?),
            b"minor" => self.minor = Some(size(value)?),
            b"name" => self.name = Some(value.to_vec()),
            b"realsize" | b"size" => self.real_size = Some(size(value)?),
            b"numblocks" => self.is_old = true,
            b"offset" | b"numbytes" => {
                let is_offset = key == b"offset";
                if self.map.len().is_multiple_of(2) != is_offset {
                    return Err("its sparse map is malformed");
                }
                self.map.push(size(value)?);
                self.is_old = true;
            }
            b"map" => {
                self.map.clear();
                self.is_old = true;
                for number in value.split(|byte| *byte == b',') {
                    if !(number.is_empty() && value.is_empty()) {
                        self.map.push(size(number)?);
                    }
                }
            }
            _ => {}
        }
        Ok(())
    }
}

/// Key, value and what follows the first record.
type Record<'a> = (&'a [u8], &'a [u8], &'a [u8]);

fn split_record(records: &[u8]) -> Result<Record<'_>, &'static str> {
    const BAD: &str = "a record of its extended header is malformed";
    let space = records.iter().take(20).position(|byte| *byte == b' ');
    let space = space.ok_or(BAD)?;
    let digits = &records[..space];
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return Err(BAD);
    }
    let length = usize::try_from(decimal(digits)?).map_err(|_| BAD)?;
    if length <= space + 1 || length > records.len() {
        return Err(BAD);
    }
    let (record, rest) = records.split_at(length);
    let record = record[space + 1..].strip_suffix(b"\n").ok_or(BAD)?;
    let equals = record.iter().position(|byte| *byte == b'=').ok_or(BAD)?;
    let (key, value) = (&record[..equals], &record[equals + 1..]);
    if key.is_empty() {
        return Err(BAD);
    }
    Ok((key, value, rest))
}

/// A decimal number, perhaps negative.
pub(crate) fn decimal(text: &[u8]) -> Result<i64, &'static str> {
    const BAD: &str = "a number in its extended header is malformed";
    let text = std::str::from_utf8(text).map_err(|_| BAD)?;
    if text.starts_with('+') {
        return Err(BAD);
    }
    text.parse().map_err(|_| BAD)
}

/// Decimal seconds with a fraction; digits beyond nanoseconds are cut off.
fn time(text: &[u8]) -> Result<Time, &'static str> {
    const BAD: &str = "a time in its extended header is malformed";
    let dot = text.iter().position(|byte| *byte == b'.');
    let (whole, fraction) = match dot {
        Some(dot) => (&text[..dot], &text[dot + 1..]),
        None => (text, &[][..]),
    };
    if !fraction.iter().all(u8::is_ascii_digit) {
        return Err(BAD);
    }
    let seconds = decimal(whole)?;
    let digits = fraction.iter().copied().chain(std::iter::repeat(b'0'));
    let nanos = digits
        .take(9)
        .fold(0u32, |nanos, digit| nanos * 10 + u32::from(digit - b'0'));
    if whole.starts_with(b"-") && nanos > 0 {
        // -1.25 is 0.75 after -2.
        return Ok(Time {
            seconds: seconds.checked_sub(1).ok_or(BAD)?,
            nanos: 1_000_000_000 - nanos,
        });
    }
    Ok(Time { seconds, nanos })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::to_records;

    #[test]
    fn parse_reads_every_key_that_matters_and_ignores_others() {
        let records = to_records(&[
            ("path", b"a/b"),
            ("linkpath", b"l="),
            ("size", b"12"),
            ("uid", b"70"),
            ("gid", b"71"),
            ("mtime", b"12.000000500"),
            ("SCHILY.xattr.user.k", b"\x00v=\n\x01"),
            ("comment", b"zz"),
        ]);
        let pax = Pax::parse(&records).unwrap();
        assert_eq!(pax.path.as_deref(), Some(&b"a/b"[..]));
        assert_eq!(pax.linkpath.as_deref(), Some(&b"l="[..]));
        assert_eq!((pax.size, pax.uid, pax.gid), (Some(12), Some(70), Some(71)));
        let (seconds, nanos) = (12, 500);
        assert_eq!(pax.mtime, Some(Time { seconds, nanos }));
        assert_eq!(pax.xattrs, [(b"user.k".to_vec(), b"\x00v=\n\x01".to_vec())]);
    }

    #[test]
    fn parse_refuses_malformed_records() {
        let bad: [&[u8]; 12] = [
            b"9 path=a",
            b"99 path=a\n",
            b" path=a\n",
            b"0 path=a\n",
            b"-9 path=a\n",
            b"9 path+a\n",
            b"5 =a\n",
            b"9 path=ab",
            b"99999999999999999999999 path=a\n",
            b"11 size=-1\n",
            b"17 uid=4294967295\n",
            b"11 mtime=x\n",
        ];
        for records in bad {
            assert!(Pax::parse(records).is_err(), "{}", records.escape_ascii());
        }
    }

    #[test]
    fn parse_lets_an_empty_value_take_back_an_override() {
        let pax = Pax::parse(b"10 path=a\n8 path=\n").unwrap();
        assert_eq!(pax.path, None);
    }

    #[test]
    fn time_counts_fractions_of_negative_times_upwards() {
        let of = |text: &[u8]| time(text).map(|time| (time.seconds, time.nanos));
        assert_eq!(of(b"-1.25"), Ok((-2, 750_000_000)));
        assert_eq!(of(b"7.1234567899"), Ok((7, 123_456_789)));
        assert_eq!(of(b"-3"), Ok((-3, 0)));
        assert!(of(b"1.-5").is_err());
    }
}
