//! Instants as text (RFC 3339) and back. No time zones but offsets.

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// Milliseconds since 1970 as `2026-11-30T17:43:44.25Z`; the start of 1970 for what lies past the year
/// 9999.
#[must_use]
pub fn from_unix_ms(unix_ms: u64) -> String {
    let instant = OffsetDateTime::from_unix_timestamp_nanos(i128::from(unix_ms) * 1_000_000);
    let instant = instant.unwrap_or(OffsetDateTime::UNIX_EPOCH);
    // Only a year of five digits has no such text, and none is left.
    instant.format(&Rfc3339).unwrap_or_default()
}

/// Microseconds since 1970 of a date with its offset from UTC; `None` for any other text, and for what
/// lies before 1970.
#[must_use]
pub fn to_unix_us(text: &str) -> Option<u64> {
    let instant = OffsetDateTime::parse(text, &Rfc3339).ok()?;
    u64::try_from(instant.unix_timestamp_nanos() / 1_000).ok()
}

/// Now, in UTC, as `20261130T174344Z`: for names of files.
pub(crate) fn now_for_names() -> String {
    let now = OffsetDateTime::now_utc();
    let (year, month, day) = (now.year(), u8::from(now.month()), now.day());
    let (hour, minute, second) = now.to_hms();
    format!("{year:04}{month:02}{day:02}T{hour:02}{minute:02}{second:02}Z")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_instant_is_written_and_read() {
        for (unix_ms, text) in [
            (0, "1970-01-01T00:00:00Z"),
            (951_782_400_000, "2000-02-29T00:00:00Z"),
            (1_764_524_624_250, "2025-11-30T17:43:44.25Z"),
            (1_764_524_624_007, "2025-11-30T17:43:44.007Z"),
        ] {
            assert_eq!(from_unix_ms(unix_ms), text);
            assert_eq!(to_unix_us(text), Some(unix_ms * 1_000), "{text}");
        }
        assert_eq!(from_unix_ms(u64::MAX), "1970-01-01T00:00:00Z");
    }

    #[test]
    fn an_offset_is_taken_off_and_what_is_no_date_is_none() {
        let whole = Some(1_764_524_624_000_000);
        assert_eq!(to_unix_us("2025-11-30T18:43:44+01:00"), whole);
        assert_eq!(to_unix_us("2025-11-30T12:13:44-05:30"), whole);
        assert_eq!(to_unix_us("2025-11-30t17:43:44z"), whole);
        assert_eq!(to_unix_us("2025-11-30T17:43:44.123456789Z"), Some(1_764_524_624_123_456));
        for wrong in [
            "",
            "2025-11-30",
            "2025-11-30T17:43:44",
            "2025-11-31T17:43:44Z",
            "2025-11-30T24:43:44Z",
            "1969-12-31T23:59:59Z",
            "2025-11-30T17:43:44Z and more",
            "1764524624",
        ] {
            assert_eq!(to_unix_us(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_name_has_no_character_that_a_file_may_not_have() {
        let name = now_for_names();
        assert_eq!((name.len(), &name[8..9], &name[15..]), (16, "T", "Z"), "{name}");
        assert!(name.chars().all(|c| c.is_ascii_alphanumeric()), "{name}");
    }
}
