//! Blots secrets out of the texts that mistakes are shown in: a message may end up in a public log.
//!
//! Only what is plainly one, by where it stands: these texts may hold mistakes, so nothing that was
//! read from them is relied on.

use std::ops::Range;
use std::sync::LazyLock;

use regex::Regex;

use crate::secrets::is_secret_name;

/// A key and its quoted value or values, in a table or between braces.
#[allow(clippy::unwrap_used, reason = "the test below compiles it")]
static ASSIGNED: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r#"([A-Za-z0-9_.-]+)["']?[ \t]*=[ \t]*("(?:[^"\\\n]|\\.)*"|'[^'\n]*'|\[[^\]\n]*\])"#)
        .unwrap()
});

/// An option of the command line that sets a name to a value, up to the line's end.
#[allow(clippy::unwrap_used, reason = "the test below compiles it")]
static OPTION: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(?m)^--(?:set|param|header)[ =]([A-Za-z0-9_.-]+)[ \t]*[=:](.*)$").unwrap()
});

/// The text with secrets replaced by `*`, byte for byte, so that places in it stay what they are:
/// values of keys whose name says that they are secret, what stands before the `@` of a URL, and
/// values in its query whose key says so.
///
/// A template and a JSON pointer are no secrets.
pub(super) fn blotted(text: &str) -> String {
    let mut bytes = text.as_bytes().to_vec();
    let mut blot = |range: Range<usize>| bytes[range].fill(b'*');
    for (scheme, _) in text.match_indices("://") {
        let start = scheme + "://".len();
        let is_end = |c: char| c.is_whitespace() || "\"'".contains(c);
        let end = text[start..].find(is_end).map_or(text.len(), |length| start + length);
        let url = &text[start..end];
        let authority = url.find(['/', '?', '#']).unwrap_or(url.len());
        if let Some(at) = url[..authority].rfind('@') {
            blot(start..start + at);
        }
        let Some((_, query)) = url.split_once('?') else { continue };
        let mut from = end - query.len();
        for pair in query.split('&') {
            if let Some((key, value)) = pair.split_once('=')
                && is_secret_name(key)
                && is_value(value)
            {
                blot(from + pair.len() - value.len()..from + pair.len());
            }
            from += pair.len() + 1;
        }
    }
    for found in ASSIGNED.captures_iter(text).chain(OPTION.captures_iter(text)) {
        let (Some(key), Some(value)) = (found.get(1), found.get(2)) else { continue };
        let quoted = value.as_str().starts_with(['"', '\'', '[']);
        let inside = if quoted { value.start() + 1..value.end() - 1 } else { value.range() };
        // `tls.key` is a file and `delivery.key` a place; `secret` lists names.
        let is_name = matches!(key.as_str(), "key" | "secret");
        if is_secret_name(key.as_str()) && !is_name && is_value(&text[inside.clone()]) {
            blot(inside);
        }
    }
    // Whole characters were replaced, so it is still UTF-8.
    String::from_utf8_lossy(&bytes).into_owned()
}

fn is_value(text: &str) -> bool {
    !text.starts_with('/') && !text.contains("{{")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_is_plainly_secret_is_blotted_out_and_nothing_else() {
        for (text, shown) in [
            (
                r#"url = "ws://ann:pa@s@host/ws?a=1&token=t0k#x""#,
                r#"url = "ws://********@host/ws?a=1&token=*****""#,
            ),
            (r#"Authorization = "Bearer é""#, r#"Authorization = "*********""#),
            (
                r#"headers = { "Cookie" = 'id=1', Origin = "b" }"#,
                r#"headers = { "Cookie" = '****', Origin = "b" }"#,
            ),
            (r#"password = "a\"b" # why"#, r#"password = "****" # why"#),
            (r#"capture = { token = "/token" }"#, r#"capture = { token = "/token" }"#),
            (r#"query = { token = "{{ token }}" }"#, r#"query = { token = "{{ token }}" }"#),
            ("Cookie = [\"a=1\", 2]", "Cookie = [********]"),
            ("tls = { key = \"a.pem\" }", "tls = { key = \"a.pem\" }"),
            ("code = 1000\nsecret = [\"token\"]", "code = 1000\nsecret = [\"token\"]"),
            (
                "--set target.headers.Cookie=id=1\n--clients 5",
                "--set target.headers.Cookie=****\n--clients 5",
            ),
            ("--header Authorization: Bearer x", "--header Authorization:*********"),
            ("--param tenant=a", "--param tenant=a"),
            ("name = \"a\" # a@b", "name = \"a\" # a@b"),
        ] {
            assert_eq!(blotted(text), shown, "{text}");
        }
    }

    proptest! {
        #[test]
        fn places_stay_what_they_are(text in "(\\PC|[\"'=@:/?&\\n]|token|://){0,40}") {
            let shown = blotted(&text);
            prop_assert_eq!(shown.len(), text.len());
            let lines = |text: &str| text.match_indices('\n').map(|(at, _)| at).collect::<Vec<_>>();
            prop_assert_eq!(lines(&shown), lines(&text));
        }
    }
}
