//! Times, as they are stored and told: of the years 1970 to 9999, which RFC 3339 has, and to the millisecond.
//!
//! What lies outside counts as the nearest end, so that no time, whoever wrote it, is one that cannot be told.
//! The module serves `#[serde(with = "…")]`, and its part [`option`] writes times that may be missing, by
//! `#[serde(serialize_with = "…")]`.

use std::fmt;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Deserializer, Serializer, de};

/// The last time there is, in milliseconds since 1970.
pub const LAST_MILLIS: i64 = 253_402_300_799_999;

/// Milliseconds since 1970.
///
/// ```
/// use mcp_registry_spec::time;
/// let time = time::from_millis(1_700_000_000_123);
/// assert_eq!(time::to_millis(time), 1_700_000_000_123);
/// assert_eq!(time::shown_millis(time).to_string(), "2023-11-14T22:13:20.123Z");
/// assert_eq!(time::shown(time::from_millis(i64::MAX)).to_string(), "9999-12-31T23:59:59Z");
/// ```
#[must_use]
pub fn to_millis(time: SystemTime) -> i64 {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(LAST_MILLIS).min(LAST_MILLIS)
}

/// The time of so many milliseconds since 1970.
#[must_use]
pub fn from_millis(millis: i64) -> SystemTime {
    let since = Duration::from_millis(u64::try_from(millis.min(LAST_MILLIS)).unwrap_or_default());
    UNIX_EPOCH.checked_add(since).unwrap_or(UNIX_EPOCH)
}

/// The time as people read it: RFC 3339 in UTC, to the second.
#[must_use]
pub fn shown(time: SystemTime) -> impl fmt::Display {
    humantime::format_rfc3339_seconds(from_millis(to_millis(time)))
}

/// The time as programs read it: RFC 3339 in UTC, to the millisecond.
#[must_use]
pub fn shown_millis(time: SystemTime) -> impl fmt::Display {
    humantime::format_rfc3339_millis(from_millis(to_millis(time)))
}

/// Writes a time.
///
/// # Errors
/// Those of the serializer.
pub fn serialize<S: Serializer>(time: &SystemTime, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&shown_millis(*time))
}

/// Reads a time.
///
/// # Errors
/// When it is written otherwise.
pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<SystemTime, D::Error> {
    let text = String::deserialize(deserializer)?;
    humantime::parse_rfc3339_weak(&text).map_err(|_| de::Error::custom("a time is written as RFC 3339 says"))
}

/// Times that may be missing.
pub mod option {
    use super::{Serializer, SystemTime};

    /// Writes a time, if there is one.
    ///
    /// # Errors
    /// Those of the serializer.
    pub fn serialize<S: Serializer>(time: &Option<SystemTime>, serializer: S) -> Result<S::Ok, S::Error> {
        match time {
            Some(time) => super::serialize(time, serializer),
            None => serializer.serialize_none(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_time_can_be_told() {
        for (millis, told) in [
            (i64::MIN, "1970-01-01T00:00:00.000Z"),
            (-1, "1970-01-01T00:00:00.000Z"),
            (0, "1970-01-01T00:00:00.000Z"),
            (LAST_MILLIS, "9999-12-31T23:59:59.999Z"),
            (LAST_MILLIS + 1, "9999-12-31T23:59:59.999Z"),
            (i64::MAX, "9999-12-31T23:59:59.999Z"),
        ] {
            assert_eq!(shown_millis(from_millis(millis)).to_string(), told);
        }
        let (before, after) = (UNIX_EPOCH - Duration::from_secs(9), UNIX_EPOCH + Duration::from_secs(u64::MAX / 4));
        assert_eq!((to_millis(before), to_millis(after)), (0, LAST_MILLIS));
        assert_eq!(shown(after).to_string(), "9999-12-31T23:59:59Z");
    }
}
