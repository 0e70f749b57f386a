//! Values that no output may show, and how they are taken out of any text.
//!
//! A secret is known by its value, not by where it stands: a server may repeat it in an error, in
//! another encoding, in the middle of something else. Values are collected before a run (headers,
//! params, environment, query) and, for what logins capture, by each worker.

mod written;

use std::borrow::Cow;
use std::fmt;

use data_encoding::{BASE64, BASE64URL_NOPAD, HEXLOWER, HEXUPPER};
use rustc_hash::FxHashMap;
use url::Url;

use written::readings;

/// What stands in the place of a secret.
pub const REDACTED: &str = "[redacted]";

/// Shorter values are left alone: they occur in ordinary text, and a text full of holes says which
/// they were. So much of one that was cut off is taken out too.
const SHORTEST_CHARS: usize = 4;

/// Values to be taken out of texts. Its `Debug` shows how many there are, and none.
#[derive(Clone, Default)]
pub struct Secrets {
    /// Every form of every value.
    forms: Vec<Vec<char>>,
    /// Which forms begin with a character.
    by_first: FxHashMap<char, Vec<usize>>,
}

impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Secrets({} forms)", self.forms.len())
    }
}

impl Secrets {
    /// Those values, as they are and in base64 and hexadecimal; each of these in whichever way JSON,
    /// URLs and HTML write its characters.
    pub fn new<'a>(values: impl IntoIterator<Item = &'a str>) -> Self {
        let mut forms: Vec<Vec<char>> = values
            .into_iter()
            .map(str::trim)
            .flat_map(forms_of)
            .map(|form| form.chars().collect::<Vec<_>>())
            .filter(|form| form.len() >= SHORTEST_CHARS)
            .collect();
        forms.sort_unstable();
        forms.dedup();
        let mut by_first: FxHashMap<char, Vec<usize>> = FxHashMap::default();
        for (at, form) in forms.iter().enumerate() {
            by_first.entry(form[0]).or_default().push(at);
        }
        Self { forms, by_first }
    }

    /// Whether there is nothing to take out.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.forms.is_empty()
    }

    /// The text without them. Where it was cut within one, what is left of that goes too: an end of four
    /// characters and more, with dots for the rest or without.
    #[must_use]
    pub fn redact<'t>(&self, text: &'t str) -> Cow<'t, str> {
        if self.is_empty() {
            return Cow::Borrowed(text);
        }
        let mut clean = String::new();
        let (mut kept, mut at) = (0, 0);
        while at < text.len() {
            let end = if at == 0 { self.cut_before(text) } else { None };
            match end.or_else(|| self.longest_at(text, at)) {
                Some(end) => {
                    clean.push_str(&text[kept..at]);
                    clean.push_str(REDACTED);
                    (kept, at) = (end, end);
                }
                None => at += text[at..].chars().next().map_or(1, char::len_utf8),
            }
        }
        if kept == 0 {
            return Cow::Borrowed(text);
        }
        clean.push_str(&text[kept..]);
        Cow::Owned(clean)
    }

    /// Where the longest one ends that begins at a place.
    fn longest_at(&self, text: &str, at: usize) -> Option<usize> {
        let mut longest = None;
        for (first, _) in readings(text, at) {
            for form in self.by_first.get(&first).into_iter().flatten() {
                longest = longest.max(end_of(text, at, &self.forms[*form], 0));
            }
        }
        longest
    }

    /// Where the rest of one ends whose beginning was cut off before the text.
    fn cut_before(&self, text: &str) -> Option<usize> {
        let begins = text.len() - text.trim_start_matches(DOTS).len();
        let rests = self.forms.iter().flat_map(|form| {
            let last = form.len() - SHORTEST_CHARS;
            (1..=last).map(move |from| &form[from..])
        });
        rests.filter_map(|rest| end_of(text, begins, rest, 0)).max()
    }
}

/// What stands for what was cut off.
const DOTS: [char; 2] = ['\u{2026}', '.'];

/// Where a value ends that begins at a place, however each of its characters is written. Also if the text
/// ends within it, once `SHORTEST_CHARS` of it were there; `seen` counts them.
fn end_of(text: &str, at: usize, rest: &[char], seen: usize) -> Option<usize> {
    let Some((wanted, rest)) = rest.split_first() else { return Some(at) };
    if seen >= SHORTEST_CHARS && text[at..].trim_start_matches(DOTS).is_empty() {
        return Some(at);
    }
    let next = readings(text, at).filter(|(read, _)| read == wanted);
    next.filter_map(|(_, length)| end_of(text, at + length, rest, seen + 1)).max()
}

/// The forms in which a value may come back.
fn forms_of(value: &str) -> Vec<String> {
    let bytes = value.as_bytes();
    if value.chars().count() < SHORTEST_CHARS {
        return Vec::new();
    }
    let mut forms = vec![
        value.to_owned(),
        BASE64.encode(bytes).trim_end_matches('=').to_owned(),
        BASE64URL_NOPAD.encode(bytes),
        HEXLOWER.encode(bytes),
        HEXUPPER.encode(bytes),
    ];
    // `Bearer x` is as secret as `x`, which is what a server quotes; Basic holds two in base64.
    for scheme in ["Bearer ", "Basic ", "Token "] {
        if let Some(credentials) = value.strip_prefix(scheme) {
            forms.extend(forms_of(credentials));
            let decoded = BASE64.decode(credentials.as_bytes()).ok();
            let words = decoded.and_then(|decoded| String::from_utf8(decoded).ok());
            if let Some((_, password)) = words.as_deref().and_then(|words| words.split_once(':')) {
                forms.extend(forms_of(password));
            }
        }
    }
    forms
}

/// A URL's query without its values.
#[must_use]
pub fn redact_query(query: &str) -> String {
    let keys = query.split('&').map(|pair| match pair.split_once('=') {
        Some((key, _)) => format!("{key}={REDACTED}"),
        None => pair.to_owned(),
    });
    keys.collect::<Vec<_>>().join("&")
}

/// Whether something of this name is likely to be secret: a header, a key of a query, a param.
#[must_use]
pub fn is_secret_name(name: &str) -> bool {
    const TELLING: [&str; 12] = [
        "auth",
        "token",
        "secret",
        "password",
        "passwd",
        "passcode",
        "passphrase",
        "cookie",
        "session",
        "signature",
        "credential",
        "apikey",
    ];
    const LASTS: [&str; 5] = ["expiry", "expires", "ttl", "timeout", "age"];
    const WHOLE: [&str; 7] = ["key", "sig", "pass", "pwd", "jwt", "sid", "code"];
    let plain = name.to_ascii_lowercase().replace(['-', '_', '.'], "");
    let last = name.rsplit(['-', '_', '.']).next().unwrap_or_default().to_ascii_lowercase();
    // How long a session or a token lasts is no secret, and a number that occurs everywhere.
    !LASTS.contains(&&*last)
        && (TELLING.iter().any(|telling| plain.contains(telling)) || WHOLE.contains(&&*last))
}

/// Parts of a URL that may be secret: userinfo, and values of the query.
#[must_use]
pub fn redact_url(url: &str) -> String {
    let Ok(mut url) = Url::parse(url) else { return url.to_owned() };
    // Neither can fail for a URL with a host.
    let _ = url.set_username("");
    let _ = url.set_password(None);
    if let Some(query) = url.query() {
        let redacted = redact_query(query);
        url.set_query(Some(&redacted));
    }
    url.to_string()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn values_are_taken_out_in_every_form() {
        let secrets = Secrets::new(["s3cr\"et/+ value", "Bearer abc.def"]);
        for text in [
            "it said s3cr\"et/+ value!",
            r#"{"token":"s3cr\"et/+ value"}"#,
            "?t=s3cr%22et%2F%2B%20value&x",
            "?t=s3cr%22et%2F%2B+value&x",
            "basic czNjciJldC8rIHZhbHVl",
            "hex 7333637222657 42f2b2076616c7565 is not one, but 733363722265742f2b2076616c7565 is",
            "unknown token abc.def",
        ] {
            let redacted = secrets.redact(text);
            assert!(redacted.contains(REDACTED), "{redacted}");
            assert!(!redacted.contains("et/+") && !redacted.contains("abc.def"), "{redacted}");
        }
        assert_eq!(secrets.redact("nothing here"), "nothing here");
        assert!(!format!("{:?}", Secrets::new(["hidden"])).contains("hidden"));
    }

    /// Each is what some library or proxy makes of the same value.
    #[test]
    fn however_its_characters_are_written() {
        let secrets = Secrets::new(["a/b+c=d <\u{e9}>"]);
        for text in [
            "a/b+c=d <\u{e9}>",
            r"a\/b+c=d <\u00e9>",
            r"a\/b+c\u003dd \u003C\u00E9\u003e",
            "a%2Fb%2Bc%3Dd%20%3C%C3%A9%3E",
            "a%2fb%2bc%3dd+%3c%c3%a9%3e",
            "a&#47;b&#43;c&#61;d &lt;&#233;&gt;",
            "a&#x2F;b&#x2b;c&#x3D;d &#60;&#xe9;&#62;",
            "612f622b633d64203cc3a93e",
            "612F622B633D64203CC3A93E",
            "YS9iK2M9ZCA8w6k+",
            r"YS9iK2M9ZCA8w6k\u002b",
            "YS9iK2M9ZCA8w6k%2B",
            "YS9iK2M9ZCA8w6k-",
        ] {
            let around = format!("it said {text}!");
            assert_eq!(secrets.redact(&around), "it said [redacted]!", "{text}");
        }
        for other in ["a/b+c=e", "a%2Gb", "%", r"\u00", "&#;", "&#x", "&", "\\"] {
            assert_eq!(secrets.redact(other), other);
        }
    }

    /// JSON of JSON in a text that we quote; URLs in URLs; what a page says of either.
    fn anew(text: &str, layer: u8) -> String {
        match layer {
            0 => format!("{text:?}"),
            1 => serde_json::to_string(text).unwrap(),
            2 => serde_json::to_string(text).unwrap().replace('=', r"\u003d").replace('/', r"\/"),
            3 => percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC)
                .to_string(),
            _ => text.replace('&', "&amp;").replace('<', "&lt;").replace('"', "&#34;"),
        }
    }

    proptest! {
        #[test]
        fn however_often_it_was_written_anew(
            value in r#"[A-Za-z0-9/+=<"&%]{8,20}"#,
            layers in prop::collection::vec(0..5u8, 1..=3),
        ) {
            let secrets = Secrets::new([value.as_str()]);
            let said = layers.iter().fold(format!("it said {value}!"), |said, layer| {
                anew(&said, *layer)
            });
            let redacted = secrets.redact(&said);
            prop_assert!(redacted.contains(REDACTED), "{} was {}", redacted, said);
        }
    }

    #[test]
    fn what_was_cut_within_a_secret_is_not_shown_either() {
        let secrets = Secrets::new(["s3cretvalue/1"]);
        for (text, expected) in [
            ("it was s3cretvalue/1", "it was [redacted]"),
            ("it was s3cretvalu", "it was [redacted]"),
            ("it was s3cr", "it was [redacted]"),
            ("it was s3cretva...", "it was [redacted]..."),
            ("it was s3cretva\u{2026}", "it was [redacted]\u{2026}"),
            (r"it was s3cretvalue\/", "it was [redacted]"),
            ("tvalue/1 is wrong", "[redacted] is wrong"),
            ("...value/1 is wrong", "[redacted] is wrong"),
            ("value%2f1 is wrong", "[redacted] is wrong"),
            // Too short to be told from other words, or not at an end.
            ("it was s3c", "it was s3c"),
            ("e/1 is wrong", "e/1 is wrong"),
            ("s3cret is wrong", "s3cret is wrong"),
        ] {
            assert_eq!(secrets.redact(text), expected, "{text}");
        }
    }

    #[test]
    fn the_password_of_basic_credentials_is_one_too() {
        let secrets = Secrets::new(["Basic YW5uOnBhc3N3b3Jk"]);
        assert_eq!(secrets.redact("ann:password? no"), "ann:[redacted]? no");
    }

    #[test]
    fn a_value_that_contains_another_goes_whole() {
        let secrets = Secrets::new(["abcd", "abcdefgh"]);
        assert_eq!(secrets.redact("abcdefgh abcd abc"), "[redacted] [redacted] abc");
    }

    #[test]
    fn names_that_tell_of_secrets() {
        for name in
            ["Authorization", "Cookie", "X-Api-Key", "access_token", "auth", "api.key", "sid"]
        {
            assert!(is_secret_name(name), "{name}");
        }
        for name in [
            "Origin",
            "room",
            "v",
            "EIO",
            "transport",
            "keyboard",
            "event",
            "session_expiry",
            "token_ttl",
        ] {
            assert!(!is_secret_name(name), "{name}");
        }
    }

    proptest! {
        #[test]
        fn no_secret_is_left_in_any_text(value in "[!-~]{4,20}", before in ".{0,20}", after in ".{0,20}") {
            // What stands in its place must not look like one.
            prop_assume!(!REDACTED.contains(&value) && !value.contains(REDACTED));
            let secrets = Secrets::new([value.as_str()]);
            let redacted = secrets.redact(&format!("{before}{value}{after}")).into_owned();
            prop_assume!(!format!("{before}{REDACTED}{after}").contains(&value));
            prop_assert!(!redacted.contains(&value), "{}", redacted);
        }
    }
}
