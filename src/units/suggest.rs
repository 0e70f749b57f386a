//! "Did you mean": the nearest of several names.

/// The name among `known` that `wrong` was most likely meant to be, if one is near.
pub(crate) fn nearest<'a>(
    wrong: &str,
    known: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    nearest_of(wrong, &known.into_iter().collect::<Vec<_>>())
}

fn nearest_of<'a>(wrong: &str, known: &[&'a str]) -> Option<&'a str> {
    // Compared without case and without telling `-` from `_`: `Half_Open` is no typo of another.
    let plain = |text: &str| text.to_lowercase().replace('-', "_");
    let wrong = plain(wrong);
    // Names of a few letters differ by one edit from too many others.
    let limit = match wrong.chars().count() {
        0..=2 => 1,
        3..=5 => 2,
        _ => 3,
    };
    let near = known
        .iter()
        .map(|name| (distance(&wrong, &plain(name)), *name))
        .filter(|(distance, name)| *distance <= limit && *distance < name.chars().count())
        .min_by_key(|(distance, _)| *distance);
    // Or its beginning: `graphql` of `graphql-ws`.
    let begun = || {
        let begins = |name: &&&str| plain(name).starts_with(&wrong);
        known.iter().find(begins).filter(|_| wrong.chars().count() >= BEGINNING_CHARS)
    };
    near.map(|(_, name)| name).or_else(|| begun().copied())
}

/// So much of a name is enough to know it by.
const BEGINNING_CHARS: usize = 4;

/// "did you mean `x`? " or nothing, to open a help text with.
pub(crate) fn did_you_mean<'a>(wrong: &str, known: impl IntoIterator<Item = &'a str>) -> String {
    nearest(wrong, known).map_or_else(String::new, |name| format!("did you mean `{name}`? "))
}

/// Edits between two words; two letters swapped count once (optimal string alignment).
fn distance(a: &str, b: &str) -> usize {
    // Past this length nothing of ours is meant, and the table below is quadratic.
    const LONGEST: usize = 64;
    let a: Vec<char> = a.chars().take(LONGEST).collect();
    let b: Vec<char> = b.chars().take(LONGEST).collect();
    let mut before: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=b.len()).collect();
    for i in 1..=a.len() {
        let mut row = vec![i];
        for j in 1..=b.len() {
            let changed = last[j - 1] + usize::from(a[i - 1] != b[j - 1]);
            let mut best = changed.min(last[j] + 1).min(row[j - 1] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                best = best.min(before[j - 2] + 1);
            }
            row.push(best);
        }
        before = std::mem::replace(&mut last, row);
    }
    last[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances() {
        for (a, b, edits) in
            [("", "", 0), ("rate", "", 4), ("rate", "rat", 1), ("rate", "raet", 1), ("ab", "xy", 2)]
        {
            assert_eq!(distance(a, b), edits, "{a} {b}");
            assert_eq!(distance(b, a), edits, "{b} {a}");
        }
    }

    #[test]
    fn suggests_only_what_is_near() {
        let known = ["rate", "total_rate", "arrivals", "to"];
        assert_eq!(nearest("rat", known), Some("rate"));
        assert_eq!(nearest("total-rate", known), Some("total_rate"));
        assert_eq!(nearest("arivals", known), Some("arrivals"));
        assert_eq!(nearest("zebra", known), None);
        assert_eq!(nearest("xx", known), None);
        assert_eq!(nearest("JSON", ["cbor", "json"]), Some("json"));
        assert_eq!(nearest("graphql", ["plain", "graphql-ws"]), Some("graphql-ws"));
        assert_eq!(nearest("gra", ["plain", "graphql-ws"]), None, "too little");
    }
}
