//! A moment in time with the one textual form the registry uses.

use crate::shown::shown;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;
use std::time::Duration;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// A moment in UTC with microsecond precision, which is what Postgres keeps.
///
/// Text form: RFC 3339. [`Timestamp::pubtime`] gives the stricter form cargo demands in index lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(OffsetDateTime);

/// A text that is not an RFC 3339 moment.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("`{0}` is not a time; write it like 2026-05-31T12:00:00Z")]
pub struct InvalidTimestamp(String);

impl Timestamp {
    /// Takes a moment from anywhere, moves it to UTC and cuts it to microseconds.
    #[must_use]
    pub fn new(at: OffsetDateTime) -> Self {
        let at = at.to_offset(time::UtcOffset::UTC);
        let micros = at.nanosecond() / 1_000 * 1_000;
        Self(at.replace_nanosecond(micros).unwrap_or(at))
    }

    /// The moment `seconds` after the Unix epoch; the epoch itself when that is outside the calendar.
    #[must_use]
    pub fn from_unix(seconds: i64) -> Self {
        Self(OffsetDateTime::from_unix_timestamp(seconds).unwrap_or(OffsetDateTime::UNIX_EPOCH))
    }

    /// Whole seconds since the Unix epoch.
    #[must_use]
    pub fn unix(self) -> i64 {
        self.0.unix_timestamp()
    }

    /// The form Postgres and the `time` crate work with.
    #[must_use]
    pub fn inner(self) -> OffsetDateTime {
        self.0
    }

    /// This moment moved into the future.
    #[must_use]
    pub fn plus(self, by: Duration) -> Self {
        Self(self.0.saturating_add(time::Duration::try_from(by).unwrap_or(time::Duration::MAX)))
    }

    /// This moment moved into the past.
    #[must_use]
    pub fn minus(self, by: Duration) -> Self {
        Self(self.0.saturating_sub(time::Duration::try_from(by).unwrap_or(time::Duration::MAX)))
    }

    /// Exactly `YYYY-MM-DDThh:mm:ssZ`. Cargo drops an index entry whose `pubtime` has fractions or an offset.
    #[must_use]
    pub fn pubtime(self) -> String {
        let t = self.0;
        format!(
            "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}Z",
            t.year(),
            u8::from(t.month()),
            t.day(),
            t.hour(),
            t.minute(),
            t.second()
        )
    }

    /// Reads RFC 3339.
    pub fn parse(text: &str) -> Result<Self, InvalidTimestamp> {
        OffsetDateTime::parse(text, &Rfc3339).map(Self::new).map_err(|_| InvalidTimestamp(shown(text, 40)))
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.format(&Rfc3339).map_err(|_| fmt::Error)?)
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_forms() {
        let at = Timestamp::parse("2026-05-31T14:00:00.123456789+02:00").unwrap();
        assert_eq!(at.to_string(), "2026-05-31T12:00:00.123456Z");
        assert_eq!(at.pubtime(), "2026-05-31T12:00:00Z");
        assert!(Timestamp::parse("yesterday").is_err());
    }
}
