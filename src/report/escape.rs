//! Makes text from outside (a server, a scenario, a file name) safe to print.
//!
//! One function a medium. Every renderer passes such text through here, because a room name or a
//! close reason may hold escape sequences, table bars or mentions.

use unicode_width::UnicodeWidthChar;

/// What text ends with where it was cut.
const CUT: char = '…';

/// Text for a terminal, at most `columns` wide: control characters and those that reorder a line
/// are shown as escapes (`\n`, `\u{1b}`), so that nothing moves the cursor or forges a line.
#[must_use]
pub fn escape_terminal(text: &str, columns: usize) -> String {
    // Past `columns` escaped characters nothing is shown: no need to escape megabytes first.
    let mut safe = String::new();
    for c in text.chars().take(columns.saturating_add(1)) {
        if is_unsafe(c) {
            safe.extend(c.escape_default());
        } else {
            safe.push(c);
        }
    }
    clip(&safe, columns)
}

/// The sign for a character that a terminal would not show as one, where each has to stay one character
/// because places under it are marked; `None` for all others.
#[must_use]
pub(crate) fn placeholder(c: char) -> Option<char> {
    match c {
        // Unicode has pictures of the oldest ones, in their order.
        '\0'..='\u{1f}' => char::from_u32(0x2400 + u32::from(c)),
        '\u{7f}' => Some('\u{2421}'),
        c => is_unsafe(c).then_some(char::REPLACEMENT_CHARACTER),
    }
}

/// Text for a file that programs read and people look into, at most `chars` characters of it, on one
/// line: what a terminal would not show is escaped, which is what XML can't hold, too.
#[must_use]
pub fn escape_line(text: &str, chars: usize) -> String {
    let mut safe = String::new();
    for (at, c) in text.chars().enumerate() {
        if at == chars {
            safe.push(CUT);
            break;
        }
        if is_unsafe(c) {
            safe.extend(c.escape_default());
        } else {
            safe.push(c);
        }
    }
    safe
}

/// Text for Markdown, at most `chars` characters of it: on one line, without markup, table bars,
/// HTML, links, mentions or issue references.
#[must_use]
pub fn escape_markdown(text: &str, chars: usize) -> String {
    let mut safe = String::new();
    let mut before = ' ';
    let mut rest = text.chars();
    let mut i = 0;
    while let Some(c) = rest.next() {
        if i == chars {
            safe.push(CUT);
            break;
        }
        match c {
            '\n' | '\r' | '\t' => safe.push(' '),
            // A mention or reference survives a backslash; a character of no width breaks it.
            '@' => safe.push_str("@\u{200b}"),
            '#' => safe.push_str("\\#\u{200b}"),
            // A link or an image needs its square brackets.
            '\\' | '`' | '*' | '_' | '[' | ']' | '<' | '>' | '|' | '~' | '&' | '$' => {
                safe.extend(['\\', c]);
            }
            // "https://" and "www." would turn into links by themselves.
            ':' if rest.as_str().starts_with("//") => safe.push_str("\\:"),
            '.' if before.eq_ignore_ascii_case(&'w') => safe.push_str("\\."),
            c if is_unsafe(c) => {
                safe.push_str(&format!("U+{:04X}", u32::from(c)));
            }
            c => safe.push(c),
        }
        before = c;
        i += 1;
    }
    safe
}

/// Text for HTML, between tags or in a quoted attribute, at most `chars` characters of it: without
/// markup, and with the same escapes as in a terminal for what can't be seen or reorders a line.
#[must_use]
pub fn escape_html(text: &str, chars: usize) -> String {
    let mut safe = String::with_capacity(text.len().min(chars));
    for (i, c) in text.chars().enumerate() {
        if i == chars {
            safe.push(CUT);
            break;
        }
        match c {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            c if is_unsafe(c) => safe.extend(c.escape_default()),
            c => safe.push(c),
        }
    }
    safe
}

/// The columns of a text in a terminal: each character by itself, so that a sequence drawn as
/// one emoji counts as all its parts. That is never too narrow, and terminals disagree anyway.
#[must_use]
pub(crate) fn columns(text: &str) -> usize {
    text.chars().map(char_columns).sum()
}

fn char_columns(c: char) -> usize {
    // This selector makes the narrow sign before it a wide emoji.
    if c == '\u{fe0f}' { 1 } else { c.width().unwrap_or(0) }
}

/// The text if it fits in `limit` columns, else what fits with `…` at the end.
#[must_use]
pub(super) fn clip(text: &str, limit: usize) -> String {
    if columns(text) <= limit {
        return text.to_owned();
    }
    let mut clipped = String::new();
    let mut used = 1;
    for c in text.chars() {
        used += char_columns(c);
        if used > limit {
            break;
        }
        clipped.push(c);
    }
    if limit > 0 {
        clipped.push(CUT);
    }
    clipped
}

/// Control characters, line and paragraph separators, and what changes the direction of text.
fn is_unsafe(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{061c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}'
            // No characters at all, and forbidden in XML.
            | '\u{fffe}' | '\u{ffff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn terminals_see_no_control_characters() {
        let table = [
            ("plain", "plain"),
            ("a\nb\r\t", "a\\nb\\r\\t"),
            ("\u{1b}[31mred", "\\u{1b}[31mred"),
            ("\u{9b}2J", "\\u{9b}2J"),
            ("abc\u{202e}fed", "abc\\u{202e}fed"),
            ("naïve 🎉 日本", "naïve 🎉 日本"),
            ("", ""),
        ];
        for (text, safe) in table {
            assert_eq!(escape_terminal(text, 80), safe, "{text:?}");
        }
    }

    #[test]
    fn what_is_not_shown_has_a_sign_of_one_column() {
        for (c, sign) in [
            ('\0', Some('␀')),
            ('\t', Some('␉')),
            ('\u{1b}', Some('␛')),
            ('\u{7f}', Some('␡')),
            ('\u{9b}', Some('�')),
            ('\u{202e}', Some('�')),
            ('a', None),
            ('日', None),
            ('🎉', None),
        ] {
            assert_eq!(placeholder(c), sign, "{c:?}");
            assert!(sign.is_none_or(|sign| char_columns(sign) == 1), "{c:?}");
        }
    }

    #[test]
    fn wide_characters_count_twice() {
        assert_eq!(columns("日本"), 4);
        assert_eq!(columns("e\u{301}"), 1);
        assert_eq!(columns("\u{2764}\u{fe0f}"), 2);
        assert_eq!(clip("日本語", 6), "日本語");
        assert_eq!(clip("日本語", 5), "日本…");
        assert_eq!(clip("日本語", 4), "日…");
        assert_eq!(clip("abc", 1), "…");
        assert_eq!(clip("abc", 0), "");
    }

    #[test]
    fn length_is_bounded() {
        let long = "\u{1b}".repeat(100_000);
        assert!(columns(&escape_terminal(&long, 40)) <= 40);
        assert_eq!(escape_markdown(&"x".repeat(100_000), 10), "xxxxxxxxxx…");
    }

    #[test]
    fn a_line_is_one_line_of_what_xml_can_hold() {
        assert_eq!(
            escape_line("a\nb\u{1b}[0m\u{ffff}é🎉<|\"", 100),
            "a\\nb\\u{1b}[0m\\u{ffff}é🎉<|\""
        );
        assert_eq!(escape_line("abc", 3), "abc");
        assert_eq!(escape_line("abcd", 3), "abc…");
    }

    #[test]
    fn html_is_text_in_attributes_too() {
        let table = [
            ("a <b> & \"c\" 'd'", "a &lt;b&gt; &amp; &quot;c&quot; &#39;d&#39;"),
            ("two\nlines\u{1b}[0m\u{202e}", "two\\nlines\\u{1b}[0m\\u{202e}"),
            ("&lt;", "&amp;lt;"),
            ("naïve 🎉 日本", "naïve 🎉 日本"),
        ];
        for (text, safe) in table {
            assert_eq!(escape_html(text, 100), safe, "{text:?}");
        }
        assert_eq!(escape_html("<<<", 2), "&lt;&lt;…");
    }

    #[test]
    fn markdown_is_text_and_nothing_else() {
        let table = [
            ("a|b", "a\\|b"),
            ("`x`", "\\`x\\`"),
            ("<img src=x>", "\\<img src=x\\>"),
            ("two\nlines", "two lines"),
            ("@team", "@\u{200b}team"),
            ("see #12", "see \\#\u{200b}12"),
            ("https://x.example", "https\\://x.example"),
            ("www.x.example", "www\\.x.example"),
            ("\u{1b}[0m", "U+001B\\[0m"),
            ("delivery.p99 < 250 ms", "delivery.p99 \\< 250 ms"),
        ];
        for (text, safe) in table {
            assert_eq!(escape_markdown(text, 100), safe, "{text:?}");
        }
    }
}
