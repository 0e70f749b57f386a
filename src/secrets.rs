//! Values that no output may show, and how they are taken out of any text.
//!
//! A secret is known by its value, not by where it stands: a server may repeat it in an error, in
//! another encoding, in the middle of something else. Values are collected before a run (headers,
//! params, environment, query) and, for what logins capture, by each worker.

use std::borrow::Cow;
use std::fmt;

use data_encoding::{BASE64, BASE64URL_NOPAD, HEXLOWER};

/// What stands in the place of a secret.
pub const REDACTED: &str = "[redacted]";

/// Shorter values are left alone: they occur in ordinary text, and a text full of holes says which
/// they were.
const SHORTEST_BYTES: usize = 4;

/// Values to be taken out of texts. Its `Debug` shows how many there are, and none.
#[derive(Clone, Default)]
pub struct Secrets {
    /// Every form of every value, the longest first: one may contain another.
    forms: Vec<String>,
}

impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Secrets({} forms)", self.forms.len())
    }
}

impl Secrets {
    /// Those values, as they are and as JSON, URLs, base64 and hexadecimal write them.
    pub fn new<'a>(values: impl IntoIterator<Item = &'a str>) -> Self {
        let mut forms: Vec<String> = values
            .into_iter()
            .map(str::trim)
            .filter(|value| value.len() >= SHORTEST_BYTES)
            .flat_map(forms_of)
            .collect();
        forms.sort_by(|a, b| b.len().cmp(&a.len()).then_with(|| a.cmp(b)));
        forms.dedup();
        Self { forms }
    }

    /// Whether there is nothing to take out.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.forms.is_empty()
    }

    /// The text without them.
    #[must_use]
    pub fn redact<'t>(&self, text: &'t str) -> Cow<'t, str> {
        let mut text = Cow::Borrowed(text);
        for form in &self.forms {
            if text.contains(form.as_str()) {
                text = Cow::Owned(text.replace(form.as_str(), REDACTED));
            }
        }
        text
    }
}

/// The forms in which a value may come back.
fn forms_of(value: &str) -> Vec<String> {
    let json = serde_json::Value::String(value.to_owned()).to_string();
    let bytes = value.as_bytes();
    let form: String = url::form_urlencoded::byte_serialize(bytes).collect();
    let mut forms = vec![
        value.to_owned(),
        json[1..json.len() - 1].to_owned(),
        form.replace('+', "%20"),
        form,
        BASE64.encode(bytes).trim_end_matches('=').to_owned(),
        BASE64URL_NOPAD.encode(bytes),
        HEXLOWER.encode(bytes),
    ];
    // `Bearer x` is as secret as `x`, which is what a server quotes; Basic holds two in base64.
    for scheme in ["Bearer ", "Basic ", "Token "] {
        if let Some(credentials) = value.strip_prefix(scheme)
            && credentials.len() >= SHORTEST_BYTES
        {
            forms.extend(forms_of(credentials));
            let decoded = BASE64.decode(credentials.as_bytes()).ok();
            let words = decoded.and_then(|decoded| String::from_utf8(decoded).ok());
            let password = words.as_deref().and_then(|words| words.split_once(':'));
            if let Some((_, password)) = password.filter(|(_, it)| it.len() >= SHORTEST_BYTES) {
                forms.push(password.to_owned());
            }
        }
    }
    forms
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
