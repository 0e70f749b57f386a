//! Whether a frame that repeats what a client said is an error about it.

/// Words of errors, in small letters.
const WORDS: [&str; 17] = [
    "error",
    "errors",
    "err",
    "exception",
    "invalid",
    "failed",
    "failure",
    "denied",
    "forbidden",
    "unauthorized",
    "unknown",
    "rejected",
    "refused",
    "unsupported",
    "malformed",
    "not allowed",
    "not found",
];
/// What stands behind a key that says that there is none.
const NONE: [&str; 6] = ["null", "false", "\"\"", "[]", "{}", "0"];

/// Whether a frame has a word of errors that was not in what was said.
pub(super) fn says_error(heard: &[u8], said: &[u8]) -> bool {
    let [heard, said] =
        [heard, said].map(|bytes| String::from_utf8_lossy(bytes).to_ascii_lowercase());
    WORDS.iter().any(|word| count(&heard, word) > count(&said, word))
}

/// How often a word stands in a text, but for keys whose value says that there is none.
fn count(text: &str, word: &str) -> usize {
    let is_letter = |c: Option<char>| c.is_some_and(char::is_alphanumeric);
    let found = text.match_indices(word).filter(|(at, _)| {
        let after = &text[at + word.len()..];
        let is_word =
            !is_letter(text[..*at].chars().next_back()) && !is_letter(after.chars().next());
        is_word && !is_none(after)
    });
    found.count()
}

fn is_none(after: &str) -> bool {
    let value = after.trim_start_matches('"').trim_start().strip_prefix(':').map(str::trim_start);
    value.is_some_and(|value| NONE.iter().any(|none| value.starts_with(none)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_are_told_from_messages_in_a_table() {
        let said = r#"{"type":"say","text":"upr1"}"#;
        for (heard, is_error) in [
            (r#"{"type":"say","text":"upr1"}"#, false),
            (r#"{"type":"Error","why":"no such room","of":{"text":"upr1"}}"#, true),
            (r#"{"type":"say","text":"upr1","error":null}"#, false),
            (r#"{"type":"say","text":"upr1","error": false,"errors":[]}"#, false),
            (r#"{"text":"upr1","error":{"code":4}}"#, true),
            (r#"{"text":"upr1","parse_error":true}"#, true),
            (r#"{"text":"upr1","from":"Terror"}"#, false),
            ("ERR unknown command 'upr1'", true),
            ("not allowed: upr1", true),
            ("upr1", false),
        ] {
            assert_eq!(says_error(heard.as_bytes(), said.as_bytes()), is_error, "{heard}");
        }
        assert!(!says_error(b"the error room: upr1", b"the error room: upr1"), "as it was said");
    }
}
