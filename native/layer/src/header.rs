//! One 512-byte header block: its fields, as every dialect of tar spells them.

/// Bytes of a header, and what data is padded to.
pub(crate) const BLOCK: usize = 512;

/// A second and nanoseconds after it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Time {
    pub seconds: i64,
    pub nanos: u32,
}

#[derive(Debug, PartialEq, Eq, Clone, Copy)]
enum Dialect {
    /// No magic: nothing but the first 257 bytes.
    V7,
    /// POSIX: a prefix of 155 bytes for names.
    Ustar,
    /// Schily's: a prefix of 131 bytes.
    Star,
    /// GNU, before POSIX: the place of the prefix holds times and a sparse map.
    Gnu,
}

#[derive(Debug)]
pub(crate) struct Header<'a>(pub(crate) &'a [u8; BLOCK]);

impl<'a> Header<'a> {
    pub(crate) fn is_zero(&self) -> bool {
        self.0.iter().all(|byte| *byte == 0)
    }

    /// The sum of all bytes, its own field taken for spaces; old archivers summed signed bytes.
    pub(crate) fn is_sum_right(&self) -> bool {
        let Ok(Some(stated)) = octal(&self.0[148..156]) else {
            return false;
        };
        let (mut unsigned, mut signed) = (0i64, 0i64);
        for (index, byte) in self.0.iter().enumerate() {
            let byte = if (148..156).contains(&index) {
                b' '
            } else {
                *byte
            };
            unsigned += i64::from(byte);
            signed += i64::from(byte.cast_signed());
        }
        stated == unsigned || stated == signed
    }

    fn dialect(&self) -> Dialect {
        match &self.0[257..265] {
            b"ustar  \0" => Dialect::Gnu,
            [b'u', b's', b't', b'a', b'r', 0, ..] if &self.0[508..512] == b"tar\0" => Dialect::Star,
            [b'u', b's', b't', b'a', b'r', 0, ..] => Dialect::Ustar,
            _ => Dialect::V7,
        }
    }

    pub(crate) fn typeflag(&self) -> u8 {
        self.0[156]
    }

    /// The name with its prefix.
    pub(crate) fn name(&self) -> Vec<u8> {
        let name = text(&self.0[0..100]);
        let prefix = match self.dialect() {
            Dialect::V7 => &[],
            Dialect::Ustar => text(&self.0[345..500]),
            Dialect::Star => text(&self.0[345..476]),
            Dialect::Gnu => self.misplaced_prefix(),
        };
        if prefix.is_empty() {
            return name.to_vec();
        }
        [prefix, b"/", name].concat()
    }

    /// Go before 1.8 wrote a POSIX prefix under GNU's magic: where GNU's times are no numbers.
    fn misplaced_prefix(&self) -> &'a [u8] {
        let are_times = number(&self.0[345..357]).is_ok() && number(&self.0[357..369]).is_ok();
        let prefix = text(&self.0[345..500]);
        if are_times || !prefix.is_ascii() {
            return &[];
        }
        prefix
    }

    pub(crate) fn linkname(&self) -> &'a [u8] {
        text(&self.0[157..257])
    }

    /// Permission bits, sticky, setuid and setgid; others are dropped.
    pub(crate) fn mode(&self) -> Result<u32, &'static str> {
        let mode = number(&self.0[100..108])?;
        Ok(u32::try_from(mode & 0o7777).unwrap_or(0))
    }

    pub(crate) fn uid(&self) -> Result<u32, &'static str> {
        to_id(number(&self.0[108..116])?)
    }

    pub(crate) fn gid(&self) -> Result<u32, &'static str> {
        to_id(number(&self.0[116..124])?)
    }

    pub(crate) fn size(&self) -> Result<u64, &'static str> {
        to_size(number(&self.0[124..136])?)
    }

    pub(crate) fn mtime(&self) -> Result<Time, &'static str> {
        Ok(Time {
            seconds: number(&self.0[136..148])?,
            nanos: 0,
        })
    }

    /// Major and minor.
    pub(crate) fn device(&self) -> Result<(u32, u32), &'static str> {
        if self.dialect() == Dialect::V7 {
            return Ok((0, 0));
        }
        let part = |field, limit| match number(field)? {
            value if (0..limit).contains(&value) => {
                u32::try_from(value).map_err(|_| "its device number is out of range")
            }
            _ => Err("its device number is out of range"),
        };
        // The kernel has 12 and 20 bits.
        Ok((
            part(&self.0[329..337], 1 << 12)?,
            part(&self.0[337..345], 1 << 20)?,
        ))
    }

    /// Old GNU sparse: the four segments in the header, whether more blocks of them follow, and
    /// the size with the holes.
    pub(crate) fn old_sparse(&self) -> Result<(&'a [u8], bool, u64), &'static str> {
        let real = to_size(number(&self.0[483..495])?)?;
        Ok((&self.0[386..482], self.0[482] != 0, real))
    }
}

/// Up to the first NUL.
pub(crate) fn text(field: &[u8]) -> &[u8] {
    field.split(|byte| *byte == 0).next().unwrap_or(field)
}

/// -1 means "do not change" to chown and so is no owner.
pub(crate) fn to_id(value: i64) -> Result<u32, &'static str> {
    match u32::try_from(value) {
        Ok(u32::MAX) | Err(_) => Err("its owner is out of range"),
        Ok(id) => Ok(id),
    }
}

pub(crate) fn to_size(value: i64) -> Result<u64, &'static str> {
    u64::try_from(value).map_err(|_| "its size is negative")
}

/// A numeric field: octal text, or base-256 in two's complement if the first bit is set.
pub(crate) fn number(field: &[u8]) -> Result<i64, &'static str> {
    match field.first() {
        Some(first) if first & 0x80 != 0 => {
            let is_negative = first & 0x40 != 0;
            let mut value: i128 = if is_negative { -1 } else { 0 };
            for (index, byte) in field.iter().enumerate() {
                let byte = match (index, is_negative) {
                    (0, false) => byte & 0x7f,
                    _ => *byte,
                };
                value = (value << 8) | i128::from(byte);
            }
            i64::try_from(value).map_err(|_| "a number in its header is too large")
        }
        _ => Ok(octal(field)?.unwrap_or(0)),
    }
}

/// Spaces and NULs around octal digits; `None` if there are no digits.
fn octal(field: &[u8]) -> Result<Option<i64>, &'static str> {
    let is_blank = |byte: &u8| matches!(*byte, b' ' | 0);
    let start = field.iter().position(|byte| !is_blank(byte));
    let Some(start) = start else { return Ok(None) };
    let digits = &field[start..];
    let end = digits.iter().position(is_blank).unwrap_or(digits.len());
    let mut value = 0i64;
    for digit in &digits[..end] {
        if !(b'0'..=b'7').contains(digit) {
            return Err("a number in its header is malformed");
        }
        // 12 digits of 3 bits cannot overflow.
        value = (value << 3) | i64::from(digit - b'0');
    }
    Ok(Some(value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn number_reads_octal_with_any_padding() {
        assert_eq!(number(b"0000644\0"), Ok(0o644));
        assert_eq!(number(b"  755 \0\0"), Ok(0o755));
        assert_eq!(number(b"\0\0\0\0\0\0\0\0"), Ok(0));
        assert_eq!(number(b"777777777777"), Ok(0o777_777_777_777));
        assert!(number(b"0000-1\0\0").is_err());
        assert!(number(b"00008\0\0\0").is_err());
    }

    #[test]
    fn number_reads_base_256_of_both_signs_and_refuses_what_is_too_large() {
        assert_eq!(number(&[0x80, 0, 0, 0, 0, 0, 1, 2]), Ok(258));
        assert_eq!(number(&[0xff; 12]), Ok(-1));
        assert_eq!(
            number(&[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x00]),
            Ok(-256)
        );
        let mut huge = [0u8; 12];
        huge[0] = 0x80;
        huge[1] = 0x7f;
        assert!(number(&huge).is_err());
        assert!(
            number(&[
                0x80, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff
            ])
            .is_err()
        );
    }

    #[test]
    fn to_id_refuses_the_id_that_chown_takes_for_no_change() {
        assert!(to_id(i64::from(u32::MAX)).is_err());
        assert!(to_id(-1).is_err());
        assert_eq!(to_id(0xffff_fffe), Ok(0xffff_fffe));
    }

    #[test]
    fn name_finds_the_prefix_that_old_go_put_under_gnu_magic() {
        let mut block = [0u8; BLOCK];
        block[..4].copy_from_slice(b"name");
        block[257..265].copy_from_slice(b"ustar  \0");
        block[345..355].copy_from_slice(b"some/where");
        assert_eq!(Header(&block).name(), b"some/where/name");
        block[345..357].copy_from_slice(b"00000001234\0");
        assert_eq!(Header(&block).name(), b"name");
    }
}
