//! A threshold's condition as it is shown: its operator and its limit.

use crate::units::parse;

/// Operator and limit of a condition as written, the limit with a space before its unit:
/// `< 250ms` is `<` and `250 ms`.
#[must_use]
pub fn split_condition(condition: &str) -> (&str, String) {
    let condition = condition.trim();
    let end = condition.find(|c| !"<>=!".contains(c)).unwrap_or(condition.len());
    let (operator, limit) = condition.split_at(end);
    let mut spaced = String::with_capacity(limit.len() + 1);
    let mut before = ' ';
    for c in limit.trim().chars() {
        if before.is_ascii_digit() && (c.is_alphabetic() || c == '%') {
            spaced.push(' ');
        }
        spaced.push(c);
        before = c;
    }
    (operator, spaced)
}

/// The limit of a condition that a length of time must stay under, in microseconds, and as it is shown.
#[must_use]
pub fn upper_limit_us(condition: &str) -> Option<(f64, String)> {
    let (operator, text) = split_condition(condition);
    let limit = parse::duration(&text).ok().filter(|_| operator.starts_with('<'))?;
    Some((limit.as_micros() as f64, text))
}
