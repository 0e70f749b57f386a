//! Numbers as servers write them, read to their last digit: never by way of a float.

/// The whole number that a text says: `7`, but also `7.0` and `7e2`. `None` for what is no number,
/// has a fraction, or is larger than any count.
#[must_use]
pub fn whole(text: &str) -> Option<i128> {
    Decimal::read(text)?.whole()
}

/// The same of numbers that count something.
#[must_use]
pub fn count(text: &str) -> Option<u64> {
    whole(text)?.try_into().ok()
}

/// A number of units of `10^power` in units of one, what is left cut off: `1.5` of `10^3` is 1,500.
/// `None` for what is no number, below 0, or too large.
#[must_use]
pub fn scaled(text: &str, power: i32) -> Option<u64> {
    let mut number = Decimal::read(text)?;
    number.power = number.power.checked_add(power)?;
    number.cut();
    number.whole()?.try_into().ok()
}

/// How many digits stand behind the point.
#[must_use]
pub fn places(text: &str) -> usize {
    let fraction = text.split_once('.').map_or("", |(_, after)| after);
    fraction.bytes().take_while(u8::is_ascii_digit).count()
}

/// `digits × 10^power`.
struct Decimal {
    negative: bool,
    digits: i128,
    power: i32,
}

impl Decimal {
    /// A number of JSON; a text of digits may also begin with zeros or `+`.
    fn read(text: &str) -> Option<Self> {
        let negative = text.starts_with('-');
        let text = text.strip_prefix(['-', '+']).unwrap_or(text);
        let (text, power) = match text.split_once(['e', 'E']) {
            Some((text, power)) => (text, power.parse().ok()?),
            None => (text, 0),
        };
        let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
        let is_digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
        if !is_digits(whole) || !is_digits(fraction) {
            return None;
        }
        let fraction = fraction.trim_end_matches('0');
        let power = i32::checked_sub(power, i32::try_from(fraction.len()).ok()?)?;
        let mut digits = 0_i128;
        for digit in whole.bytes().chain(fraction.bytes()) {
            digits = digits.checked_mul(10)?.checked_add(i128::from(digit - b'0'))?;
        }
        Some(Self { negative, digits, power })
    }

    /// Cuts off what is less than one.
    fn cut(&mut self) {
        while self.power < 0 && self.digits != 0 {
            self.digits /= 10;
            self.power += 1;
        }
    }

    fn whole(mut self) -> Option<i128> {
        while self.power > 0 && self.digits != 0 {
            self.digits = self.digits.checked_mul(10)?;
            self.power -= 1;
        }
        while self.power < 0 && self.digits != 0 {
            if self.digits % 10 != 0 {
                return None;
            }
            self.digits /= 10;
            self.power += 1;
        }
        Some(if self.negative { -self.digits } else { self.digits })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_numbers_in_a_table() {
        for (text, number) in [
            ("0", Some(0)),
            ("-0", Some(0)),
            ("7", Some(7)),
            ("7.0", Some(7)),
            ("007", Some(7)),
            ("7.50", None),
            ("7e2", Some(700)),
            ("12.5e1", Some(125)),
            ("700e-2", Some(7)),
            ("-4", Some(-4)),
            ("9007199254740993", Some(9_007_199_254_740_993)),
            ("9007199254740993.0", Some(9_007_199_254_740_993)),
            ("18446744073709551615", Some(u64::MAX.into())),
            ("12345678901234567890123", Some(12_345_678_901_234_567_890_123)),
            ("1e2000000000", None),
            ("1e-2000000000", None),
            ("0e2000000000", Some(0)),
            ("1e99999999999", None),
            ("", None),
            (".", None),
            ("1.", None),
            ("1700000000001-0", None),
            ("٣", None),
        ] {
            assert_eq!(whole(text), number, "{text}");
        }
        assert_eq!(count("18446744073709551615"), Some(u64::MAX));
        assert_eq!(count("18446744073709551616"), None);
        assert_eq!(count("-1"), None);
    }

    #[test]
    fn times_in_other_units() {
        for (text, power, micros) in [
            ("1700000000", 6, Some(1_700_000_000_000_000)),
            ("1700000000.123456", 6, Some(1_700_000_000_123_456)),
            ("1700000000.1234569", 6, Some(1_700_000_000_123_456)),
            ("1700000000123", 3, Some(1_700_000_000_123_000)),
            ("1.7e12", 3, Some(1_700_000_000_000_000)),
            ("0.0000001", 6, Some(0)),
            ("-1", 6, None),
            ("20000000000000", 6, None),
            ("x", 6, None),
        ] {
            assert_eq!(scaled(text, power), micros, "{text}");
        }
        assert_eq!([places("1.50"), places("1"), places("12:00:01.123Z")], [2, 0, 3]);
    }
}
