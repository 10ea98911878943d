//! The time of day as RFC 3339, in UTC with nanoseconds: always 30 bytes, so that text sorts as time.

use rustix::time::{ClockId, clock_gettime};

const NANOS: i64 = 1_000_000_000;

/// Now: "2026-11-24T05:52:15.123456789Z".
pub fn now() -> String {
    format(now_nanos())
}

/// Nanoseconds since 1970.
pub(crate) fn now_nanos() -> i64 {
    let time = clock_gettime(ClockId::Realtime);
    time.tv_sec * NANOS + time.tv_nsec
}

pub(crate) fn format(nanos: i64) -> String {
    let (seconds, nanos) = (nanos.div_euclid(NANOS), nanos.rem_euclid(NANOS));
    let (days, rest) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
    let (year, month, day) = civil(days);
    let (hour, minute, second) = (rest / 3600, rest / 60 % 60, rest % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{nanos:09}Z")
}

/// The other way, for every form of RFC 3339; None for what is none or beyond the years 1678 to 2261.
pub fn parse(text: &[u8]) -> Option<i64> {
    let number = |from: usize, to: usize| {
        text.get(from..to)?.iter().try_fold(0, |sum: i64, byte| {
            byte.is_ascii_digit()
                .then(|| sum * 10 + i64::from(byte - b'0'))
        })
    };
    let date = (number(0, 4)?, number(5, 7)?, number(8, 10)?);
    let clock = number(11, 13)? * 3600 + number(14, 16)? * 60 + number(17, 19)?;
    let mut at = 19;
    let mut nanos = 0;
    if text.get(at) == Some(&b'.') {
        let digits = text.get(at + 1..)?.iter();
        let count = digits.take_while(|b| b.is_ascii_digit()).count();
        for index in 0..9 {
            let digit = text.get(at + 1 + index).filter(|_| index < count);
            nanos = nanos * 10 + digit.map_or(0, |digit| i64::from(digit - b'0'));
        }
        at += 1 + count;
    }
    let offset = match text.get(at)? {
        b'Z' | b'z' => 0,
        sign @ (b'+' | b'-') => {
            let offset = number(at + 1, at + 3)? * 3600 + number(at + 4, at + 6)? * 60;
            if *sign == b'-' { -offset } else { offset }
        }
        _ => return None,
    };
    let seconds = days(date)? * 86_400 + clock - offset;
    seconds.checked_mul(NANOS)?.checked_add(nanos)
}

/// Days since 1970-01-01 → the proleptic Gregorian date. Years are counted from March, so that the
/// leap day is a year's last, in eras of 400 years (146,097 days).
fn civil(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let (era, day_of_era) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * from_march + 2) / 5 + 1;
    let month = if from_march < 10 {
        from_march + 3
    } else {
        from_march - 9
    };
    (era * 400 + year_of_era + i64::from(month <= 2), month, day)
}

/// The inverse of [`civil`].
fn days((year, month, day): (i64, i64, i64)) -> Option<i64> {
    if !(1..=12).contains(&month) || !(1..=31).contains(&day) {
        return None;
    }
    let year = year - i64::from(month <= 2);
    let (era, year_of_era) = (year.div_euclid(400), year.rem_euclid(400));
    let from_march = (month + 9) % 12;
    let day_of_year = (153 * from_march + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    Some(era * 146_097 + day_of_era - 719_468)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_right_around_leap_days_both_ways() {
        for (seconds, text) in [
            (0, "1970-01-01T00:00:00.000000005Z"),
            (951_782_400, "2000-02-29T00:00:00.000000005Z"),
            (1_709_251_199, "2024-02-29T23:59:59.000000005Z"),
            (4_107_542_400, "2100-03-01T00:00:00.000000005Z"),
        ] {
            let nanos = seconds * NANOS + 5;
            assert_eq!(format(nanos), text);
            assert_eq!(parse(text.as_bytes()), Some(nanos));
        }
    }

    #[test]
    fn other_forms_are_read() {
        let same = parse(b"2024-02-29T23:59:59.5Z");
        assert!(same.is_some());
        assert_eq!(parse(b"2024-03-01T01:59:59.500+02:00"), same);
        assert_eq!(parse(b"2024-02-29T22:29:59.50-01:30"), same);
        for wrong in [
            "",
            "2024",
            "2024-02-29",
            "2024-13-01T00:00:00Z",
            "0001-01-01T00:00:00Z",
        ] {
            assert_eq!(parse(wrong.as_bytes()), None, "{wrong}");
        }
    }
}
