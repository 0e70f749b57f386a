//! What people write in a file or on the command line, as numbers: durations, sizes, rates
//! and shares.
//!
//! Pure functions from text. Every error says what is wrong and shows how to write it; where
//! the text stands is for the caller to add.

use std::time::Duration;

/// Longest duration that is read: 1,000 days, so that sums of several can't overflow.
const MAX_DURATION: Duration = Duration::from_secs(1_000 * 24 * 3600);

/// Units of a duration in nanoseconds.
const DURATIONS: [(&str, u64); 6] = [
    ("ns", 1),
    ("us", 1_000),
    ("ms", 1_000_000),
    ("s", 1_000_000_000),
    ("m", 60_000_000_000),
    ("h", 3_600_000_000_000),
];

/// Units of a size in bytes.
const SIZES: [(&str, u64); 7] = [
    ("B", 1),
    ("kB", 1_000),
    ("MB", 1_000_000),
    ("GB", 1_000_000_000),
    ("KiB", 1 << 10),
    ("MiB", 1 << 20),
    ("GiB", 1 << 30),
];

/// What a rate may be counted by, in seconds.
const PERIODS: [(&str, f64); 3] = [("s", 1.0), ("min", 60.0), ("h", 3600.0)];

/// A duration such as `10s`, `250ms`, `80us`, `1.5s` or `1m30s`. `m` is minutes.
///
/// # Errors
///
/// Says what is wrong and shows a duration.
///
/// ```
/// # use std::time::Duration;
/// # use uproar::units::parse::duration;
/// assert_eq!(duration("1m30s"), Ok(Duration::from_secs(90)));
/// assert_eq!(duration("10").unwrap_err(), r#"`10` has no unit: write "10s" or "10ms""#);
/// ```
pub fn duration(text: &str) -> Result<Duration, String> {
    let whole = text.trim();
    let mut rest = whole;
    let mut total = Duration::ZERO;
    let mut last_unit = u64::MAX;
    loop {
        let (number, after) = split_number(rest);
        check_number(whole, number, "a duration, such as \"10s\" or \"250ms\"")?;
        let (unit, next) = after.split_at(after.find(starts_number).unwrap_or(after.len()));
        let unit = unit.trim();
        rest = next;
        if unit.is_empty() {
            return Err(format!(
                "`{whole}` has no unit: write \"{whole}s\" or \"{whole}ms\"",
                whole = short(whole)
            ));
        }
        let Some((_, nanos)) = DURATIONS.iter().find(|(name, _)| *name == unit) else {
            return Err(unknown_unit(whole, unit, "h, m, s, ms, us or ns", "10s"));
        };
        if *nanos >= last_unit {
            return Err(format!(
                "`{}` does not go from the large unit to the small one: write \"1m30s\"",
                short(whole)
            ));
        }
        last_unit = *nanos;
        total = scaled(number, *nanos)
            .and_then(|part| total.checked_add(part))
            .filter(|total| *total <= MAX_DURATION)
            .ok_or_else(|| {
                format!("`{}` is too long: at most 1,000 days (\"24000h\")", short(whole))
            })?;
        if rest.is_empty() {
            return Ok(total);
        }
    }
}

/// A size such as `128B`, `16KiB` or `4kB`, in bytes.
///
/// # Errors
///
/// Says what is wrong and shows a size.
///
/// ```
/// # use uproar::units::parse::bytes;
/// assert_eq!(bytes("16KiB"), Ok(16_384));
/// assert_eq!(bytes("4kB"), Ok(4_000));
/// ```
pub fn bytes(text: &str) -> Result<u64, String> {
    let whole = text.trim();
    let (number, unit) = split_number(whole);
    check_number(whole, number, "a size, such as \"128B\" or \"16KiB\"")?;
    let unit = unit.trim();
    if unit.is_empty() {
        return Err(format!(
            "`{whole}` has no unit: write \"{whole}B\" or \"{whole}KiB\"",
            whole = short(whole)
        ));
    }
    let Some((_, scale)) = SIZES.iter().find(|(name, _)| *name == unit) else {
        return Err(unknown_unit(whole, unit, "B, KiB, MiB, GiB, kB, MB or GB", "16KiB"));
    };
    let value = match number.parse::<u64>() {
        Ok(count) => count.checked_mul(*scale),
        Err(_) => {
            let exact = number.parse::<f64>().unwrap_or(f64::NAN) * *scale as f64;
            if exact.is_finite() && exact < 2f64.powi(53) && exact.fract() != 0.0 {
                return Err(format!(
                    "`{}` is not a whole number of bytes: write \"1536B\" or \"1.5KiB\"",
                    short(whole)
                ));
            }
            // Exact below 2^53, and 8 PiB is past any payload.
            (exact < 2f64.powi(53)).then_some(exact as u64)
        }
    };
    value.ok_or_else(|| format!("`{}` is too large: at most a few PiB (\"1GiB\")", short(whole)))
}

/// A rate such as `1/s`, `30/min` or `1000/h`, a second.
///
/// # Errors
///
/// Says what is wrong and shows a rate.
///
/// ```
/// # use uproar::units::parse::rate;
/// assert_eq!(rate("30/min"), Ok(0.5));
/// ```
pub fn rate(text: &str) -> Result<f64, String> {
    let whole = text.trim();
    let (number, after) = split_number(whole);
    check_number(whole, number, "a rate, such as \"1/s\" or \"30/min\"")?;
    let count = finite(whole, number)?;
    let Some(period) = after.trim().strip_prefix('/') else {
        return Err(format!(
            "`{}` does not say how often: write \"{number}/s\", \"{number}/min\" or \"{number}/h\"",
            short(whole)
        ));
    };
    Ok(count / seconds(whole, period, &format!("{number}/s"))?)
}

/// A share such as `30%` or `2.5%`; 1.0 is 100 %.
///
/// # Errors
///
/// Says what is wrong and shows a share.
///
/// ```
/// # use uproar::units::parse::percent;
/// assert_eq!(percent("2.5%"), Ok(0.025));
/// assert!(percent("0.3").is_err());
/// ```
pub fn percent(text: &str) -> Result<f64, String> {
    let whole = text.trim();
    let (number, after) = split_number(whole);
    check_number(whole, number, "a percentage, such as \"30%\"")?;
    match after.trim() {
        "%" => Ok(finite(whole, number)? / 100.0),
        "" => Err(format!("`{whole}` has no unit: write \"{whole}%\"", whole = short(whole))),
        other => Err(unknown_unit(whole, other, "%", "30%")),
    }
}

/// A share a time such as `5%/min`, as a share a second.
///
/// # Errors
///
/// Says what is wrong and shows a share a time.
///
/// ```
/// # use uproar::units::parse::share_rate;
/// assert_eq!(share_rate("60%/min"), Ok(0.01));
/// ```
pub fn share_rate(text: &str) -> Result<f64, String> {
    let whole = text.trim();
    let (number, after) = split_number(whole);
    check_number(whole, number, "a share a time, such as \"5%/min\"")?;
    let Some((share, period)) = whole.split_once('/') else {
        let percent = if after.trim().is_empty() { "%" } else { "" };
        return Err(format!(
            "`{whole}` does not say how often: write \"{whole}{percent}/min\"",
            whole = short(whole)
        ));
    };
    Ok(percent(share)? / seconds(whole, period, &format!("{number}%/min"))?)
}

/// The length of a period named after the `/` of a rate.
fn seconds(whole: &str, period: &str, example: &str) -> Result<f64, String> {
    let period = period.trim();
    match PERIODS.iter().find(|(name, _)| *name == period) {
        Some((_, seconds)) => Ok(*seconds),
        // `m` is minutes in a duration, but "5/m" is read as milli, metre or month too.
        None if period == "m" => {
            Err(format!("`{}`: a minute is `min` in a rate, as in \"30/min\"", short(whole)))
        }
        None => Err(format!(
            "`{}` does not say how often: after the `/` stands s, min or h, as in \"{example}\"",
            short(whole)
        )),
    }
}

/// The leading decimal number of `text`, and what follows it.
fn split_number(text: &str) -> (&str, &str) {
    text.split_at(text.find(|c: char| !starts_number(c)).unwrap_or(text.len()))
}

fn starts_number(c: char) -> bool {
    c.is_ascii_digit() || c == '.'
}

/// Refuses what is not digits with at most one point between them. Exponents, signs and
/// `inf` are refused with it: nobody writes a duration so, and `1e3s` reads as a typo.
fn check_number(whole: &str, number: &str, example: &str) -> Result<(), String> {
    let plain = match number.split_once('.') {
        Some((left, right)) => digits(left) && digits(right),
        None => digits(number),
    };
    if plain {
        return Ok(());
    }
    if whole.is_empty() {
        return Err(format!("this is empty: write {example}"));
    }
    if whole.starts_with('-') {
        return Err(format!("`{}` is negative: write {example}", short(whole)));
    }
    Err(format!("`{}` is not {example}", short(whole)))
}

fn digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

fn finite(whole: &str, number: &str) -> Result<f64, String> {
    number
        .parse::<f64>()
        .ok()
        // Past this, whole numbers have gaps.
        .filter(|value| *value < 2f64.powi(53))
        .ok_or_else(|| format!("`{}` is too large: at most 9,000,000,000,000,000", short(whole)))
}

/// `number` times `nanos` nanoseconds, exact in decimals; `None` when it overflows.
fn scaled(number: &str, nanos: u64) -> Option<Duration> {
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    let whole: u64 = whole.parse().ok()?;
    let mut total = whole.checked_mul(nanos)?;
    let mut place = nanos;
    for digit in fraction.bytes() {
        place /= 10;
        total = total.checked_add(place.checked_mul(u64::from(digit - b'0'))?)?;
    }
    Some(Duration::from_nanos(total))
}

fn unknown_unit(whole: &str, unit: &str, units: &str, example: &str) -> String {
    format!(
        "`{}` has the unknown unit `{}`: use {units}, as in \"{example}\"",
        short(whole),
        short(unit)
    )
}

/// Keeps a message readable when somebody pasted a page into a value.
fn short(text: &str) -> String {
    if text.chars().count() <= 40 {
        return text.to_owned();
    }
    let mut cut: String = text.chars().take(40).collect();
    cut.push('…');
    cut
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn durations() {
        for (text, expected) in [
            ("0s", Duration::ZERO),
            ("10s", Duration::from_secs(10)),
            ("250ms", Duration::from_millis(250)),
            ("80us", Duration::from_micros(80)),
            ("2m", Duration::from_secs(120)),
            ("1h", Duration::from_secs(3600)),
            ("1m30s", Duration::from_secs(90)),
            ("1 m 30 s", Duration::from_secs(90)),
            ("1h0m0.5s", Duration::from_millis(3_600_500)),
            ("0.25s", Duration::from_millis(250)),
            (" 5s ", Duration::from_secs(5)),
            ("24000h", Duration::from_secs(86_400_000)),
        ] {
            assert_eq!(duration(text), Ok(expected), "{text}");
        }
    }

    #[test]
    fn durations_that_are_refused_say_why() {
        for (text, why) in [
            ("", "this is empty: write a duration, such as \"10s\" or \"250ms\""),
            ("10", "`10` has no unit: write \"10s\" or \"10ms\""),
            (
                "1 day",
                "`1 day` has the unknown unit `day`: use h, m, s, ms, us or ns, as in \"10s\"",
            ),
            ("-1s", "`-1s` is negative: write a duration, such as \"10s\" or \"250ms\""),
            ("NaN", "`NaN` is not a duration, such as \"10s\" or \"250ms\""),
            ("inf", "`inf` is not a duration, such as \"10s\" or \"250ms\""),
            ("1.s", "`1.s` is not a duration, such as \"10s\" or \"250ms\""),
            (
                "10sec",
                "`10sec` has the unknown unit `sec`: use h, m, s, ms, us or ns, as in \"10s\"",
            ),
            ("30s1m", "`30s1m` does not go from the large unit to the small one: write \"1m30s\""),
            ("24001h", "`24001h` is too long: at most 1,000 days (\"24000h\")"),
            (
                "99999999999999999999h",
                "`99999999999999999999h` is too long: at most 1,000 days (\"24000h\")",
            ),
        ] {
            assert_eq!(duration(text).unwrap_err(), why, "{text}");
        }
    }

    #[test]
    fn sizes() {
        assert_eq!(bytes("128B"), Ok(128));
        assert_eq!(bytes("16KiB"), Ok(16 * 1024));
        assert_eq!(bytes("1MiB"), Ok(1024 * 1024));
        assert_eq!(bytes("4kB"), Ok(4000));
        assert_eq!(bytes("1.5KiB"), Ok(1536));
        assert_eq!(bytes("128").unwrap_err(), "`128` has no unit: write \"128B\" or \"128KiB\"");
        assert_eq!(
            bytes("4KB").unwrap_err(),
            "`4KB` has the unknown unit `KB`: use B, KiB, MiB, GiB, kB, MB or GB, as in \"16KiB\""
        );
        assert!(bytes("0.5B").unwrap_err().contains("whole number of bytes"));
        assert!(bytes("99999999999GiB").unwrap_err().contains("too large"));
        assert!(bytes("-1B").unwrap_err().contains("negative"));
    }

    #[test]
    fn rates() {
        assert_eq!(rate("1/s"), Ok(1.0));
        assert_eq!(rate("0.1/s"), Ok(0.1));
        assert_eq!(rate("30/min"), Ok(0.5));
        assert_eq!(rate("1800/h"), Ok(0.5));
        assert_eq!(rate("20 / s"), Ok(20.0));
        assert_eq!(
            rate("5").unwrap_err(),
            "`5` does not say how often: write \"5/s\", \"5/min\" or \"5/h\""
        );
        assert!(rate("5/m").unwrap_err().contains("`min`"));
        assert!(rate("5/day").unwrap_err().contains("s, min or h"));
        assert!(rate("/s").unwrap_err().contains("is not a rate"));
        assert!(rate("-5/s").unwrap_err().contains("negative"));
    }

    #[test]
    fn shares() {
        assert_eq!(percent("30%"), Ok(0.3));
        assert_eq!(percent("2.5 %"), Ok(0.025));
        assert_eq!(percent("300%"), Ok(3.0));
        assert_eq!(percent("0.3").unwrap_err(), "`0.3` has no unit: write \"0.3%\"");
        assert_eq!(share_rate("6%/min"), Ok(0.001));
        assert_eq!(share_rate("5%").unwrap_err(), "`5%` does not say how often: write \"5%/min\"");
        assert!(share_rate("5/min").unwrap_err().contains("no unit"));
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in "\\PC{0,30}|[0-9.]{1,30}(s|ms|B|GiB|/s|%|%/min)?") {
            let _ = (duration(&text), bytes(&text), percent(&text));
            for value in [rate(&text), share_rate(&text), percent(&text)].into_iter().flatten() {
                prop_assert!(value.is_finite() && value >= 0.0);
            }
        }

        #[test]
        fn a_duration_in_parts_is_their_sum(h in 0u64..1000, m in 0u64..60, s in 0u64..60, ms in 0u64..1000) {
            let expected = Duration::from_millis(((h * 60 + m) * 60 + s) * 1000 + ms);
            prop_assert_eq!(duration(&format!("{h}h{m}m{s}s{ms}ms")), Ok(expected));
        }

        #[test]
        fn a_rate_by_the_hour_is_sixty_by_the_minute(count in 0u32..1_000_000) {
            let by_hour = rate(&format!("{count}/h")).unwrap();
            let by_minute = rate(&format!("{count}/min")).unwrap();
            prop_assert!((by_hour * 60.0 - by_minute).abs() <= by_minute * 1e-12);
        }

        #[test]
        fn sizes_scale(count in 0u64..1_000_000) {
            prop_assert_eq!(bytes(&format!("{count}KiB")), Ok(count * 1024));
            prop_assert_eq!(bytes(&format!("{count}kB")), Ok(count * 1000));
        }
    }
}
