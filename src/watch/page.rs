//! A page of metrics in Prometheus's text format (0.0.4): the figures of a few names. Pure and bounded:
//! what can't be read is passed over, line by line.

/// Series that are read of a page.
const SERIES_MAX: usize = 10_000;

/// What a name stands at.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Figure {
    /// Of a counter the sum of its series, of anything else the largest.
    pub(super) value: f64,
    /// Whether it only rises, from 0 when its process starts.
    pub(super) counter: bool,
}

/// The figures of these names, in their order; `None` where the page has none.
pub(super) fn figures(text: &str, names: &[String]) -> Vec<Option<Figure>> {
    let mut counters = vec![None; names.len()];
    let mut found: Vec<Option<Figure>> = vec![None; names.len()];
    let place = |name: &str| names.iter().position(|known| known == name);
    for line in text.lines().take(4 * SERIES_MAX) {
        let line = line.trim_start();
        if let Some(comment) = line.strip_prefix('#') {
            let mut words = comment.split_whitespace();
            if words.next() == Some("TYPE")
                && let (Some(name), Some(kind)) = (words.next(), words.next())
                && let Some(at) = place(name)
            {
                counters[at] = Some(kind == "counter");
            }
            continue;
        }
        let Some((name, value)) = sample(line) else { continue };
        let Some(at) = place(name) else { continue };
        let counter = counters[at].unwrap_or_else(|| is_counter(name));
        let before = found[at].map(|figure| figure.value);
        let value = match (before, counter) {
            (None, _) => value,
            (Some(before), true) => before + value,
            (Some(before), false) => before.max(value),
        };
        found[at] = Some(Figure { value, counter });
    }
    found
}

/// By its name, where no `TYPE` says it: a histogram's and a summary's parts have none of their own.
fn is_counter(name: &str) -> bool {
    ["_total", "_sum", "_count", "_bucket"].iter().any(|end| name.ends_with(end))
}

/// Name and value of a line such as `name{label="a"} 1.5 1700000000`; `None` where it is none, or no number.
fn sample(line: &str) -> Option<(&str, f64)> {
    let end = line.find(|c: char| c == '{' || c.is_ascii_whitespace())?;
    let (name, rest) = line.split_at(end);
    let rest = match rest.strip_prefix('{') {
        Some(labels) => after_labels(labels)?,
        None => rest,
    };
    let value: f64 = rest.split_whitespace().next()?.parse().ok()?;
    (!name.is_empty() && value.is_finite()).then_some((name, value))
}

/// What follows the labels. A label's value may hold anything, a `}` included.
fn after_labels(labels: &str) -> Option<&str> {
    let (mut quoted, mut escaped) = (false, false);
    for (at, c) in labels.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            '}' if !quoted => return labels.get(at + 1..),
            _ => {}
        }
    }
    None
}

/// For fuzzing: any bytes are read without a panic, and no figure is out of nothing.
pub fn fuzz(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let names = ["a", "process_open_fds", "x_total"].map(str::to_owned);
    for (name, figure) in names.iter().zip(figures(&text, &names)) {
        assert!(figure.is_none() || text.contains(name.as_str()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str, name: &str) -> Option<Figure> {
        figures(text, &[name.to_owned()])[0]
    }

    #[test]
    fn a_page_as_servers_write_it() {
        let page = "\
# HELP http_requests_total The total number of HTTP requests.
# TYPE http_requests_total counter
http_requests_total{method=\"post\",code=\"200\"} 1027 1395066363000
http_requests_total{method=\"post\",code=\"400\"}    3 1395066363000
# Escaping in label values:
msdos_file_access_time_seconds{path=\"C:\\\\DIR\\\\FILE.TXT\",error=\"Cannot \\\"open\\\" }\"} 1.458255915e9
metric_without_timestamp_and_labels 12.47
something_weird{problem=\"division by zero\"} +Inf -3982045
# TYPE rpc_duration_seconds summary
rpc_duration_seconds{quantile=\"0.01\"} 3102
rpc_duration_seconds{quantile=\"0.99\"} 76656
rpc_duration_seconds_sum 1.7560473e+07
";
        let counter = |value| Some(Figure { value, counter: true });
        let gauge = |value| Some(Figure { value, counter: false });
        assert_eq!(of(page, "http_requests_total"), counter(1_030.0));
        assert_eq!(of(page, "msdos_file_access_time_seconds"), gauge(1.458_255_915e9));
        assert_eq!(of(page, "metric_without_timestamp_and_labels"), gauge(12.47));
        assert_eq!(of(page, "something_weird"), None, "no number that can be shown");
        assert_eq!(of(page, "rpc_duration_seconds"), gauge(76_656.0));
        assert_eq!(of(page, "rpc_duration_seconds_sum"), counter(1.756_047_3e7));
        assert_eq!(of(page, "http_requests"), None);
    }

    #[test]
    fn what_is_no_page_has_no_figures() {
        for text in ["", "<html>", "a", "a{", "a{b=\"c\" 1", "a NaN", "a x", "{} 1", "# TYPE a"] {
            assert_eq!(of(text, "a"), None, "{text}");
        }
        assert_eq!(of("# TYPE a counter\r\na 1\r\n", "a").map(|of| of.value), Some(1.0));
        let many = "a 1\n".repeat(5 * SERIES_MAX);
        assert!(of(&many, "a").is_some());
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_are_read(bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..400)) {
            fuzz(&bytes);
        }
    }
}
