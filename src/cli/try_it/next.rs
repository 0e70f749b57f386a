//! What to do after `try`: a line that can be pasted into a shell.
//!
//! Secrets of the command line are not repeated, since a transcript may lie in a log: each is named as a
//! variable of the shell.

use url::Url;

use crate::cli::args::TargetArgs;
use crate::protocol::Protocol;
use crate::secrets::is_secret_name;

/// The first cohort of `chat-rooms`.
pub(super) const COHORT: &str = "people";

/// A word of a command line: what stands there, and names of variables.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    Text(String),
    Variable(String),
}

/// The line.
pub(super) fn line(scenario: Option<&str>, given: &Given<'_>) -> String {
    let mut words = Vec::new();
    match (scenario, given.users) {
        (Some(scenario), _) => {
            words.push("uproar run".to_owned());
            words.push(quoted(&[Part::Text(scenario.to_owned())]));
            words.extend(given.flags(&Flag::ALL));
        }
        // `init` knows no users.
        (None, Some(_)) => {
            words.push("uproar run chat-rooms --clients 20".to_owned());
            words.extend(given.flags(&Flag::ALL));
        }
        (None, None) => {
            words.push("uproar init".to_owned());
            words.extend(given.flags(&Flag::OF_INIT));
            words.push("--out first.toml && uproar run first.toml".to_owned());
            words.extend(given.flags(&Flag::BESIDE_INIT));
        }
    }
    words.join(" ")
}

/// What the command line says of the target.
pub(super) struct Given<'a> {
    pub(super) target: &'a TargetArgs,
    pub(super) protocol: &'a Protocol,
    /// The first cohort of the scenario that is run next, and the file of its users, if one was named.
    pub(super) users: Option<(&'a str, &'a str)>,
    /// Whether secrets are shown.
    pub(super) shown: bool,
}

/// What names a target.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Flag {
    Url,
    Protocol,
    Param,
    Set,
    Header,
    Tls,
}

impl Flag {
    const ALL: [Self; 6] =
        [Self::Url, Self::Protocol, Self::Param, Self::Set, Self::Header, Self::Tls];
    /// What the scenario that `init` writes has in it.
    const OF_INIT: [Self; 4] = [Self::Url, Self::Protocol, Self::Param, Self::Header];
    const BESIDE_INIT: [Self; 2] = [Self::Set, Self::Tls];
}

impl Given<'_> {
    fn flags(&self, flags: &[Flag]) -> Vec<String> {
        let mut words = Vec::new();
        for (name, value) in flags.iter().flat_map(|flag| self.of(*flag)) {
            words.push(name.to_owned());
            words.extend(value.map(|value| quoted(&value)));
        }
        words
    }

    /// Each flag of a kind, with its value if it has one.
    fn of(&self, flag: Flag) -> Vec<(&'static str, Option<Vec<Part>>)> {
        let target = self.target;
        let text = |text: &String| Some(vec![Part::Text(text.clone())]);
        let pair = |separator| move |pair: &String| Some(self.named(pair, separator));
        fn each<'a>(
            name: &'static str,
            values: impl IntoIterator<Item = &'a String>,
            value: impl Fn(&String) -> Option<Vec<Part>>,
        ) -> Vec<(&'static str, Option<Vec<Part>>)> {
            values.into_iter().map(|given| (name, value(given))).collect()
        }
        match flag {
            Flag::Url => each("--url", &target.url, |url| Some(self.address(url))),
            Flag::Protocol => each("--protocol", &target.protocol, text),
            Flag::Param => each("--param", &target.param, pair('=')),
            Flag::Set => {
                let mut flags = each("--set", &target.set, |pair| Some(self.setting(pair)));
                flags.extend(self.users.map(|(cohort, file)| {
                    // In a scenario a path is relative to it.
                    let file = std::path::absolute(file).unwrap_or_else(|_| file.into());
                    let set = format!("cohort.{cohort}.data={}", file.display());
                    ("--set", Some(vec![Part::Text(set)]))
                }));
                flags
            }
            Flag::Header => each("--header", &target.header, pair(':')),
            Flag::Tls => {
                let mut flags = each("--ca", &target.ca, text);
                flags.extend(target.insecure.then_some(("--insecure", None)));
                flags
            }
        }
    }

    /// A name and its value; what is secret as a variable.
    fn named(&self, pair: &str, separator: char) -> Vec<Part> {
        let whole = || vec![Part::Text(pair.to_owned())];
        let Some((name, value)) = pair.split_once(separator) else { return whole() };
        let last = name.rsplit('.').next().unwrap_or(name).trim();
        if self.shown || !(is_secret_name(last) || self.protocol.calls_secret(last)) {
            return whole();
        }
        let blank = &value[..value.len() - value.trim_start().len()];
        vec![Part::Text(format!("{name}{separator}{blank}")), Part::Variable(variable(last))]
    }

    /// A key of the scenario; those that `--url` and `--header` set too are as secret.
    fn setting(&self, pair: &str) -> Vec<Part> {
        let Some((key, value)) = pair.split_once('=') else { return self.named(pair, '=') };
        let before = || Part::Text(format!("{key}="));
        match key.trim() {
            _ if self.shown => self.named(pair, '='),
            "target.url" => std::iter::once(before()).chain(self.address(value)).collect(),
            "target" | "target.headers" => vec![before(), Part::Variable(variable(key.trim()))],
            _ => self.named(pair, '='),
        }
    }

    fn address(&self, url: &str) -> Vec<Part> {
        if self.shown { vec![Part::Text(url.to_owned())] } else { address(url) }
    }
}

/// A URL; who is named in it, and each value of its query, as variables.
fn address(url: &str) -> Vec<Part> {
    let Ok(parsed) = Url::parse(url) else { return vec![Part::Text(url.to_owned())] };
    let mut parts = Vec::new();
    let mut rest = url;
    if !parsed.username().is_empty() || parsed.password().is_some() {
        let (scheme, after) = url.split_once("//").unwrap_or(("", url));
        let after = after.split_once('@').map_or(after, |(_, after)| after);
        parts.push(Part::Text(format!("{scheme}//")));
        parts.push(Part::Variable("USER_AND_PASSWORD".to_owned()));
        parts.push(Part::Text("@".to_owned()));
        rest = after;
    }
    let Some((before, query)) = rest.split_once('?') else {
        parts.push(Part::Text(rest.to_owned()));
        return parts;
    };
    parts.push(Part::Text(format!("{before}?")));
    for (at, pair) in query.split('&').enumerate() {
        if at > 0 {
            parts.push(Part::Text("&".to_owned()));
        }
        match pair.split_once('=') {
            Some((name, value)) if !value.is_empty() => {
                parts.push(Part::Text(format!("{name}=")));
                parts.push(Part::Variable(variable(name)));
            }
            _ => parts.push(Part::Text(pair.to_owned())),
        }
    }
    parts
}

/// A name as shells have it.
fn variable(name: &str) -> String {
    let upper = name.chars().map(|c| match c {
        c if c.is_ascii_alphanumeric() => c.to_ascii_uppercase(),
        _ => '_',
    });
    let upper: String = upper.collect();
    if upper.starts_with(|c: char| c.is_ascii_digit()) { format!("_{upper}") } else { upper }
}

/// A word as a POSIX shell reads it back.
fn quoted(parts: &[Part]) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=@%+,".contains(c);
    let text: String = parts
        .iter()
        .map(|part| match part {
            Part::Text(text) => text.as_str(),
            Part::Variable(_) => "",
        })
        .collect();
    let variables = parts.iter().any(|part| matches!(part, Part::Variable(_)));
    if !variables {
        let is_plain = !text.is_empty() && text.chars().all(plain);
        return if is_plain { text } else { format!("'{}'", text.replace('\'', "'\\''")) };
    }
    let mut word = String::from("\"");
    for part in parts {
        match part {
            Part::Text(text) => {
                for c in text.chars() {
                    if matches!(c, '"' | '\\' | '$' | '`') {
                        word.push('\\');
                    }
                    word.push(c);
                }
            }
            Part::Variable(name) => word.push_str(&format!("${{{name}}}")),
        }
    }
    word.push('"');
    word
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::CodecKind;
    use crate::protocol::ProtocolKind;

    fn target() -> TargetArgs {
        TargetArgs {
            url: Some("ws://127.0.0.1:8080/chat".to_owned()),
            protocol: Some("./my chat.toml".to_owned()),
            param: vec!["room=lobby".to_owned(), "token=s3cret".to_owned()],
            set: Vec::new(),
            header: Vec::new(),
            ca: None,
            insecure: false,
        }
    }

    fn next(scenario: Option<&str>, target: TargetArgs, show_secrets: bool) -> String {
        let protocol = Protocol::Native(ProtocolKind::Rooms, CodecKind::Json);
        let given =
            Given { target: &target, protocol: &protocol, users: None, shown: show_secrets };
        line(scenario, &given)
    }

    #[test]
    fn the_whole_command_is_given_without_its_secrets() {
        assert_eq!(
            next(None, target(), false),
            "uproar init --url ws://127.0.0.1:8080/chat --protocol './my chat.toml' --param \
             room=lobby --param \"token=${TOKEN}\" --out first.toml && uproar run first.toml"
        );
        let mut tls = target();
        tls.url = Some("wss://ann:pw@h.test/chat?room=1&api-key=abc&x".to_owned());
        tls.param.clear();
        tls.header =
            vec!["Authorization: Bearer abc".to_owned(), "Origin: https://h.test/it's".to_owned()];
        (tls.ca, tls.insecure) = (Some("ca.pem".to_owned()), true);
        assert_eq!(
            next(Some("load.toml"), tls.clone(), false),
            "uproar run load.toml --url \"wss://${USER_AND_PASSWORD}@h.test/chat?room=${ROOM}&\
             api-key=${API_KEY}&x\" --protocol './my chat.toml' --header \"Authorization: \
             ${AUTHORIZATION}\" --header 'Origin: https://h.test/it'\\''s' --ca ca.pem --insecure"
        );
        let shown = next(None, tls, true);
        assert!(shown.contains("--url 'wss://ann:pw@h.test/chat?room=1&api-key=abc&x'"), "{shown}");
        assert!(shown.contains("--header 'Authorization: Bearer abc'"), "{shown}");
        assert!(shown.ends_with("&& uproar run first.toml --ca ca.pem --insecure"), "{shown}");
    }

    #[test]
    fn users_and_settings_are_run_with_as_they_were_tried() {
        let protocol = Protocol::Native(ProtocolKind::Rooms, CodecKind::Json);
        let mut target = target();
        target.param.clear();
        target.set = [
            "cohort.people.publish.rate=5/s",
            "target.url=ws://h.test/?token=abc",
            "target.headers.Authorization=Bearer abc",
            "target.headers={ X = \"abc\" }",
        ]
        .map(str::to_owned)
        .to_vec();
        let users = Some(("talkers", "/data/my users.csv"));
        let given = Given { target: &target, protocol: &protocol, users, shown: false };
        assert_eq!(
            line(None, &given),
            "uproar run chat-rooms --clients 20 --url ws://127.0.0.1:8080/chat --protocol './my \
             chat.toml' --set cohort.people.publish.rate=5/s --set \
             \"target.url=ws://h.test/?token=${TOKEN}\" --set \
             \"target.headers.Authorization=${AUTHORIZATION}\" --set \
             \"target.headers=${TARGET_HEADERS}\" --set 'cohort.talkers.data=/data/my users.csv'"
        );
        let mine = line(Some("load.toml"), &given);
        assert!(mine.starts_with("uproar run load.toml --url"), "{mine}");
    }

    #[test]
    fn a_shell_reads_each_word_back() {
        let words = ["a b", "it's", "$HOME", "`id`", "a\"b\\c", "", "*", "x=y;rm", "~", "#x"];
        for text in words {
            let plain = quoted(&[Part::Text(text.to_owned())]);
            let (mixed, variable) =
                ([Part::Text(text.to_owned()), Part::Variable("V".to_owned())], "v'\"$ v");
            let script = format!("printf '%s\\n' {plain} {}", quoted(&mixed));
            let mut shell = std::process::Command::new("sh");
            let output = shell.args(["-c", &script]).env("V", variable).output().unwrap();
            let read = String::from_utf8(output.stdout).unwrap();
            assert_eq!(read, format!("{text}\n{text}{variable}\n"), "{script}");
        }
    }
}
