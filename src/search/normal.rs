//! The normal distribution.

use std::f64::consts::SQRT_2;

/// The chance of a standard normal value at or under `z`, to nine digits.
pub(super) fn below(z: f64) -> f64 {
    match z {
        // Under 1e-9: the grid has most of its cells there.
        ..-6.0 => 0.0,
        6.0.. => 1.0,
        _ => 0.5 * libm::erfc(-z / SQRT_2),
    }
}

/// The value that a standard normal one is at or under with this chance: [`below`] the other way round.
pub(super) fn quantile(chance: f64) -> f64 {
    let (mut low, mut high) = (-9.0, 9.0);
    // Halved until nothing is left of it; it is asked once a search.
    for _ in 0..64 {
        let middle = f64::midpoint(low, high);
        if below(middle) < chance {
            low = middle;
        } else {
            high = middle;
        }
    }
    f64::midpoint(low, high)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_tables_have_it() {
        // Abramowitz and Stegun, tables 26.1 and 26.5.
        for (z, chance) in [(0.0, 0.5), (1.0, 0.841_344_7), (-2.0, 0.022_750_1), (3.0, 0.998_650_1)]
        {
            assert!((below(z) - chance).abs() < 1e-7, "{z}");
        }
        for (chance, z) in [(0.5, 0.0), (0.8, 0.841_621_2), (0.05, -1.644_853_6)] {
            assert!((quantile(chance) - z).abs() < 1e-6, "{chance}");
        }
    }
}
