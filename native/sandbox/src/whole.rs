//! Whole numbers of JavaScript.

use serde::Deserialize;
use serde::de::{self, Deserializer, Visitor};

/// A whole number as JavaScript writes it: beyond 2^63 (a "no limit" that went through a double)
/// it becomes -1, the engine's word for no limit.
pub(crate) fn whole<'de, D: Deserializer<'de>>(input: D) -> Result<i64, D::Error> {
    struct Whole;
    impl Visitor<'_> for Whole {
        type Value = i64;
        fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("a whole number")
        }
        fn visit_i64<E: de::Error>(self, v: i64) -> Result<i64, E> {
            Ok(v)
        }
        fn visit_u64<E: de::Error>(self, v: u64) -> Result<i64, E> {
            Ok(i64::try_from(v).unwrap_or(-1))
        }
        fn visit_f64<E: de::Error>(self, v: f64) -> Result<i64, E> {
            if v.is_nan() {
                return Err(E::custom("expected a whole number, got NaN"));
            }
            // 2^63 as a double; everything below fits.
            if v >= 9_223_372_036_854_775_808.0 {
                return Ok(-1);
            }
            #[allow(clippy::cast_possible_truncation)]
            Ok(v as i64)
        }
    }
    input.deserialize_any(Whole)
}

/// The same where there may be none.
pub(crate) fn maybe_whole<'de, D: Deserializer<'de>>(input: D) -> Result<Option<i64>, D::Error> {
    #[derive(Deserialize)]
    struct Wrapped(#[serde(deserialize_with = "whole")] i64);
    Ok(Option::<Wrapped>::deserialize(input)?.map(|w| w.0))
}
