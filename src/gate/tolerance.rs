//! How much a figure may change before it matters: `10%, 2ms`.

use super::figure::Unit;
use crate::units::parse;

/// A change matters if it is larger than both.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize)]
pub struct Tolerance {
    /// Of the base's figure, 0.1 being 10 %.
    pub relative: f64,
    /// In the figure's own unit: microseconds, or a number.
    pub absolute: f64,
}

impl Tolerance {
    /// Reads `10%, 2ms`, `10%`, or for numbers `10%, 5`.
    ///
    /// # Errors
    ///
    /// What can't be read, in words.
    pub fn parse(text: &str, unit: Unit) -> Result<Self, String> {
        let (relative, absolute) = match text.split_once(',') {
            Some((relative, absolute)) => (relative.trim(), Some(absolute.trim())),
            None => (text.trim(), None),
        };
        let relative = parse::percent(relative).map_err(|why| {
            format!("{why}: write a share and what is too little to matter, such as \"10%, 2ms\"")
        })?;
        if !(0.0..=100.0).contains(&relative) {
            return Err("a share from 0% to 10000% stands first".to_owned());
        }
        let absolute = match (absolute, unit) {
            (None, _) => 0.0,
            (Some(text), Unit::Micros) => parse::duration(text)?.as_secs_f64() * 1e6,
            (Some(text), Unit::Number) => match text.parse::<f64>() {
                Ok(number) if number.is_finite() && number >= 0.0 => number,
                _ => return Err(format!("`{text}` is no number")),
            },
        };
        Ok(Self { relative, absolute })
    }

    /// Whether a change from `base` by `by` matters, with both limits this many times as large.
    #[must_use]
    pub fn is_exceeded(self, base: f64, by: f64, times: f64) -> bool {
        by > self.absolute * times && by > base * self.relative * times
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_limits_must_be_exceeded() {
        let tolerance = Tolerance::parse("10%, 2ms", Unit::Micros).unwrap();
        assert_eq!(tolerance, Tolerance { relative: 0.1, absolute: 2_000.0 });
        for (base, by, exceeded) in [
            (10_000.0, 2_500.0, true),
            (10_000.0, 1_500.0, false),
            (100_000.0, 9_000.0, false),
            (100_000.0, 11_000.0, true),
            (10_000.0, -5_000.0, false),
        ] {
            assert_eq!(tolerance.is_exceeded(base, by, 1.0), exceeded, "{base} {by}");
        }
        assert!(!tolerance.is_exceeded(10_000.0, 3_000.0, 2.0));
        assert_eq!(Tolerance::parse("5%", Unit::Number).unwrap().absolute, 0.0);
        assert_eq!(Tolerance::parse("5%, 3", Unit::Number).unwrap().absolute, 3.0);
        for wrong in ["", "10", "10%, 2", "ten%", "10%, 2ms, 3", "-5%", "10%,"] {
            assert!(Tolerance::parse(wrong, Unit::Micros).is_err(), "{wrong}");
        }
    }
}
