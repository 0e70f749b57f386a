//! Figures as a person reads them: durations, counts, bytes, rates, shares, each with its unit.
//!
//! Pure functions from a number to a short text. Nothing here reads text (that is `parse`), and
//! nothing here knows which figure it formats.

/// What stands where a figure is unknown.
pub const UNKNOWN: &str = "-";

/// A latency in microseconds: `0.05 ms`, `3.9 ms`, `312 ms`, `1.41 s`, `2 m 05 s`, `1 h 02 m`.
///
/// Two or three digits, always in milliseconds below a second: a column of these compares at a
/// glance, which a mix of µs and ms would not.
#[must_use]
pub fn duration_us(us: u64) -> String {
    // Each bound is where the next coarser form would round up to its first own value, so that
    // no value prints as "100.0 ms" or "60.00 s".
    match us {
        0 => "0 ms".to_owned(),
        1..10 => format!("0.{us:03} ms"),
        10..95 => format!("0.{:02} ms", div_round(us, 10)),
        95..99_950 => tenths(div_round(us, 100), "ms"),
        99_950..999_500 => format!("{} ms", div_round(us, 1_000)),
        999_500..9_995_000 => {
            let hundredths = div_round(us, 10_000);
            format!("{}.{:02} s", hundredths / 100, hundredths % 100)
        }
        9_995_000..59_950_000 => tenths(div_round(us, 100_000), "s"),
        _ => whole_seconds(div_round(us, 1_000_000)),
    }
}

/// A length of time in seconds, without needless zeros: `40 s`, `0.93 s`, `1.2 s`, `2 m 05 s`.
/// [`UNKNOWN`] for what is no length of time.
#[must_use]
pub fn seconds(s: f64) -> String {
    if !s.is_finite() || s < 0.0 {
        return UNKNOWN.to_owned();
    }
    if s >= 119.95 {
        // Saturates, which is the right answer for a length that no run has.
        return whole_seconds(s.round() as u64);
    }
    let decimals = if s < 9.995 { 2 } else { 1 };
    format!("{} s", trimmed(s, decimals))
}

/// A count with thousands separated: `1,197,740`.
#[must_use]
pub fn count(n: u64) -> String {
    let digits = n.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A count of things: `1 client`, `1,000 clients`. `one` is a word whose plural ends in s.
#[must_use]
pub fn counted(n: u64, one: &str) -> String {
    if n == 1 { format!("1 {one}") } else { format!("{} {one}s", count(n)) }
}

/// A size in binary units: `512 B`, `41.2 MiB`.
#[must_use]
pub fn bytes(n: u64) -> String {
    const UNITS: [&str; 6] = ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
    if n < 1024 {
        return format!("{n} B");
    }
    let mut value = n as f64 / 1024.0;
    let mut unit = UNITS[0];
    for larger in &UNITS[1..] {
        // 1023.95 would print as "1024.0".
        if value < 1023.95 {
            break;
        }
        value /= 1024.0;
        unit = larger;
    }
    format!("{value:.1} {unit}")
}

/// So many of something a second: `rate(1000.0, "msg")` is `1,000 msg/s`, small rates keep two
/// decimals (`0.25 msg/s`). [`UNKNOWN`] for what is no rate.
#[must_use]
pub fn rate(per_s: f64, of: &str) -> String {
    if !per_s.is_finite() || per_s < 0.0 {
        return UNKNOWN.to_owned();
    }
    format!("{} {of}/s", number(per_s))
}

/// A number that need not be whole: `1,000`, `19.5`, `0.25`. [`UNKNOWN`] for what is negative or
/// not finite.
#[must_use]
pub fn number(value: f64) -> String {
    if !value.is_finite() || value < 0.0 {
        return UNKNOWN.to_owned();
    }
    if value >= 99.95 {
        count(value.round() as u64)
    } else if value >= 9.995 {
        trimmed(value, 1)
    } else if value < 0.01 && value > 0.0 {
        // Two digits of it: "0" would say that there is none.
        let decimals = (1.0 - value.log10().floor()) as usize;
        trimmed(value, decimals.min(9))
    } else {
        trimmed(value, 2)
    }
}

/// A share (1.0 is the whole): `31 %`, `0.01 %`, `<0.01 %`. Only the whole prints as `100 %`, and
/// only nothing as `0 %`: "0 % lost" must not hide one message. [`UNKNOWN`] for what is no share.
#[must_use]
pub fn percent(share: f64) -> String {
    if !share.is_finite() || share < 0.0 {
        return UNKNOWN.to_owned();
    }
    let value = share * 100.0;
    if share == 0.0 {
        "0 %".to_owned()
    } else if value < 0.01 {
        "<0.01 %".to_owned()
    } else if value < 9.995 {
        format!("{} %", trimmed(value, 2))
    } else if share < 1.0 && value >= 99.0 {
        // Cut, not rounded: 99.996 % is not the whole.
        format!("{} %", trimmed((value * 100.0).floor() / 100.0, 2))
    } else {
        format!("{} %", count(value.round() as u64))
    }
}

/// Minutes and hours, from a whole number of seconds.
fn whole_seconds(s: u64) -> String {
    match s {
        0..60 => format!("{s} s"),
        60..3_600 => format!("{} m {:02} s", s / 60, s % 60),
        _ => format!("{} h {:02} m", count(s / 3_600), s % 3_600 / 60),
    }
}

/// `n` tenths of a unit.
fn tenths(n: u64, unit: &str) -> String {
    format!("{}.{} {unit}", n / 10, n % 10)
}

/// Rounds half up; `n / by` would always round in the server's favour.
fn div_round(n: u64, by: u64) -> u64 {
    n / by + u64::from(n % by >= by.div_ceil(2))
}

/// At most this many decimals, and none that is a trailing zero.
fn trimmed(value: f64, decimals: usize) -> String {
    let text = format!("{value:.decimals$}");
    if text.contains('.') {
        text.trim_end_matches('0').trim_end_matches('.').to_owned()
    } else {
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_keep_two_or_three_digits_and_never_round_into_the_next_unit() {
        let table = [
            (0, "0 ms"),
            (4, "0.004 ms"),
            (10, "0.01 ms"),
            (50, "0.05 ms"),
            (94, "0.09 ms"),
            (95, "0.1 ms"),
            (99, "0.1 ms"),
            (800, "0.8 ms"),
            (949, "0.9 ms"),
            (3_900, "3.9 ms"),
            (21_449, "21.4 ms"),
            (99_949, "99.9 ms"),
            (99_950, "100 ms"),
            (312_000, "312 ms"),
            (999_499, "999 ms"),
            (999_500, "1.00 s"),
            (1_410_000, "1.41 s"),
            (9_994_999, "9.99 s"),
            (9_995_000, "10.0 s"),
            (59_949_999, "59.9 s"),
            (59_950_000, "1 m 00 s"),
            (125_000_000, "2 m 05 s"),
            (3_599_499_999, "59 m 59 s"),
            (3_600_000_000, "1 h 00 m"),
            (3_720_000_000, "1 h 02 m"),
            (u64::MAX, "5,124,095,576 h 01 m"),
        ];
        for (us, text) in table {
            assert_eq!(duration_us(us), text, "{us} us");
        }
    }

    #[test]
    fn seconds_drop_zeros() {
        let table = [
            (0.0, "0 s"),
            (0.93, "0.93 s"),
            (1.2, "1.2 s"),
            (40.0, "40 s"),
            (41.26, "41.3 s"),
            (119.9, "119.9 s"),
            (119.96, "2 m 00 s"),
            (125.0, "2 m 05 s"),
            (7_200.0, "2 h 00 m"),
            (-1.0, "-"),
            (f64::NAN, "-"),
            (f64::INFINITY, "-"),
        ];
        for (s, text) in table {
            assert_eq!(seconds(s), text, "{s} s");
        }
    }

    #[test]
    fn counts_have_thousands() {
        let table = [
            (0, "0"),
            (999, "999"),
            (1_000, "1,000"),
            (60_000, "60,000"),
            (1_197_740, "1,197,740"),
            (u64::MAX, "18,446,744,073,709,551,615"),
        ];
        for (n, text) in table {
            assert_eq!(count(n), text);
        }
    }

    #[test]
    fn things_are_counted_in_the_singular_and_the_plural() {
        assert_eq!(counted(0, "client"), "0 clients");
        assert_eq!(counted(1, "client"), "1 client");
        assert_eq!(counted(1_000, "row"), "1,000 rows");
    }

    #[test]
    fn what_is_little_is_not_nothing() {
        for (value, text) in [
            (0.0, "0"),
            (0.0104, "0.01"),
            (0.01, "0.01"),
            (0.005, "0.005"),
            (0.005_24, "0.0052"),
            (0.000_099_9, "0.0001"),
            (1e-12, "0"),
        ] {
            assert_eq!(number(value), text, "{value}");
        }
    }

    #[test]
    fn bytes_are_binary() {
        let table = [
            (0, "0 B"),
            (1_023, "1023 B"),
            (1_024, "1.0 KiB"),
            (1_048_575, "1.0 MiB"),
            (43_201_331, "41.2 MiB"),
            (24 << 30, "24.0 GiB"),
            (u64::MAX, "16.0 EiB"),
        ];
        for (n, text) in table {
            assert_eq!(bytes(n), text, "{n} bytes");
        }
    }

    #[test]
    fn rates_name_what_they_count() {
        let table = [
            (0.0, "0 msg/s"),
            (0.25, "0.25 msg/s"),
            (1.0, "1 msg/s"),
            (12.34, "12.3 msg/s"),
            (99.96, "100 msg/s"),
            (19_923.6, "19,924 msg/s"),
            (f64::NAN, "-"),
        ];
        for (per_s, text) in table {
            assert_eq!(rate(per_s, "msg"), text, "{per_s}");
        }
    }

    #[test]
    fn percents_never_round_to_nothing_or_to_everything() {
        let table = [
            (0.0, "0 %"),
            (0.000_001, "<0.01 %"),
            (0.000_12, "0.01 %"),
            (0.005, "0.5 %"),
            (0.31, "31 %"),
            (0.99, "99 %"),
            (0.999_99, "99.99 %"),
            (1.0, "100 %"),
            (1.5, "150 %"),
            (-0.1, "-"),
            (f64::NAN, "-"),
        ];
        for (share, text) in table {
            assert_eq!(percent(share), text, "{share}");
        }
    }
}
