//! What a scenario may say about MQTT, as params of the protocol.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::protocol::relay::Away;
use crate::protocol::scope::Names;
use crate::protocol::template::Template;

/// What a param is for, where it is listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Param {
    /// Its key.
    pub name: &'static str,
    /// Its value where a scenario says nothing.
    pub default: &'static str,
    /// Its meaning, for people.
    pub meaning: &'static str,
    /// Whether its value is never shown.
    pub secret: bool,
}

/// Every param, in the order they are listed.
pub const PARAMS: [Param; 10] = [
    Param { name: "version", default: "3.1.1", meaning: "3.1.1 or 5", secret: false },
    Param {
        name: "qos",
        default: "0",
        meaning: "of publishes and subscriptions: 0, or 1 with acknowledgements",
        secret: false,
    },
    Param {
        name: "clean_start",
        default: "true",
        meaning: "false: the server keeps a client's session while it is away",
        secret: false,
    },
    Param {
        name: "session_expiry",
        default: "0",
        meaning: "for how many seconds it keeps it (MQTT 5)",
        secret: false,
    },
    Param {
        name: "keep_alive",
        default: "60",
        meaning: "the most seconds between two packets of a client; 0: any",
        secret: false,
    },
    Param { name: "username", default: "", meaning: "empty: none is sent", secret: true },
    Param { name: "password", default: "", meaning: "empty: none is sent", secret: true },
    Param {
        name: "client_id",
        default: "uproar-{{ run }}-{{ client }}",
        meaning: "the client identifier; two clients with one push each other out",
        secret: false,
    },
    Param {
        name: "topic",
        default: "{{ room }}",
        meaning: "the topic of a room, for publishes and subscriptions",
        secret: false,
    },
    Param {
        name: "path",
        default: "/mqtt",
        meaning: "what the upgrade asks for, where the URL has no path",
        secret: false,
    },
];

/// The version of the protocol.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Version {
    /// 3.1.1, protocol level 4.
    #[default]
    V3,
    /// 5.0.
    V5,
}

/// How delivery is assured. QoS 2 is not offered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Qos {
    /// At most once: nothing is acknowledged.
    #[default]
    AtMostOnce,
    /// At least once: each PUBLISH has its PUBACK.
    AtLeastOnce,
}

/// What all clients of a cohort have in common.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Options {
    /// The version of the protocol.
    pub version: Version,
    /// Of publishes, and the maximum of subscriptions.
    pub qos: Qos,
    /// Whether the server forgets what it has of the client.
    pub clean_start: bool,
    /// For how long it keeps it after the connection, in whole seconds. Only MQTT 5 says so.
    pub session_expiry: Duration,
    /// The longest time between two packets of the client, in whole seconds, at most 65,535;
    /// `None`: any.
    pub keep_alive: Option<Duration>,
    /// `None`: none is sent.
    pub username: Option<Template>,
    /// `None`: none is sent.
    pub password: Option<Template>,
    /// The client identifier.
    pub client_id: Template,
    /// A room's topic.
    pub topic: Template,
    /// What the upgrade asks for, where the URL has no path of its own.
    pub path: Template,
}

/// A param that says nothing that could be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wrong {
    /// Its name.
    pub param: String,
    /// What is wrong.
    pub message: String,
    /// What to write instead.
    pub help: String,
}

impl Options {
    /// Reads params by name; whatever isn't named has its default. Of a name that is given twice
    /// the last value holds.
    ///
    /// Values are templates where a client or a room makes a difference: `username`, `password`,
    /// `client_id`, `topic` and `path`.
    ///
    /// # Errors
    ///
    /// Everything that is wrong.
    pub fn from_params(params: &[(String, String)]) -> Result<Self, Vec<Wrong>> {
        let mut reader = Reader { params, wrong: Vec::new() };
        for (name, _) in params {
            if !PARAMS.iter().any(|param| param.name == name) {
                let known: Vec<&str> = PARAMS.iter().map(|param| param.name).collect();
                let help = format!("`mqtt` has the params {}", known.join(", "));
                reader.complain(name, format!("`mqtt` has no param `{name}`"), &help);
            }
        }
        let version = reader.one_of("version", &[("3.1.1", Version::V3), ("5", Version::V5)]);
        let qos = reader.one_of("qos", &[("0", Qos::AtMostOnce), ("1", Qos::AtLeastOnce)]);
        let clean_start = reader.one_of("clean_start", &[("true", true), ("false", false)]);
        let session_expiry = reader.seconds("session_expiry", u64::from(u32::MAX));
        let keep_alive = reader.seconds("keep_alive", u64::from(u16::MAX));
        let [username, password] = ["username", "password"].map(|name| {
            Some(reader.template(name)).filter(|template| template.is_literal() != Some(b""))
        });
        let [client_id, topic, path] =
            ["client_id", "topic", "path"].map(|name| reader.template(name));
        if version == Version::V3 && session_expiry > Duration::ZERO {
            reader.complain(
                "session_expiry",
                "MQTT 3.1.1 has no session expiry: its server decides".to_owned(),
                "leave it out, or set `version = \"5\"`",
            );
        }
        if password.is_some() && username.is_none() {
            reader.complain(
                "password",
                "a password needs a username".to_owned(),
                "set `username` too",
            );
        }
        if topic.is_literal() == Some(b"") {
            let help = "leave it out for \"{{ room }}\"";
            reader.complain("topic", "a topic has at least one character".to_owned(), help);
        }
        if !reader.wrong.is_empty() {
            return Err(reader.wrong);
        }
        let keep_alive = Some(keep_alive).filter(|time| *time > Duration::ZERO);
        Ok(Self {
            version,
            qos,
            clean_start,
            session_expiry,
            keep_alive,
            username,
            password,
            client_id,
            topic,
            path,
        })
    }

    /// Every template.
    pub fn templates(&self) -> impl Iterator<Item = &Template> {
        let Self { username, password, client_id, topic, path, .. } = self;
        username.iter().chain(password).chain([client_id, topic, path])
    }

    /// What becomes of messages published while a receiver is away: a session that lasts keeps
    /// those of QoS 1.
    #[must_use]
    pub fn away(&self) -> Away {
        let lasts = match self.version {
            Version::V3 => true,
            // 0 ends the session with its connection.
            Version::V5 => self.session_expiry > Duration::ZERO,
        };
        if self.qos == Qos::AtLeastOnce && !self.clean_start && lasts {
            Away::Replayed
        } else {
            Away::Missed
        }
    }
}

struct Reader<'a> {
    params: &'a [(String, String)],
    wrong: Vec<Wrong>,
}

impl<'a> Reader<'a> {
    fn complain(&mut self, param: &str, message: String, help: &str) {
        self.wrong.push(Wrong { param: param.to_owned(), message, help: help.to_owned() });
    }

    fn value(&self, name: &str) -> &'a str {
        let given = self.params.iter().rev().find(|(given, _)| given == name);
        let default = PARAMS.iter().find(|param| param.name == name);
        given
            .map(|(_, value)| value.as_str())
            .or_else(|| default.map(|param| param.default))
            .unwrap_or_default()
    }

    /// The first of them where the value is none of them.
    fn one_of<T: Copy + Default>(&mut self, name: &str, known: &[(&str, T)]) -> T {
        let value = self.value(name);
        if let Some((_, known)) = known.iter().find(|(known, _)| *known == value) {
            return *known;
        }
        let names: Vec<String> = known.iter().map(|(known, _)| format!("\"{known}\"")).collect();
        let names = names.join(" or ");
        let message = match (name, value) {
            ("qos", "2") => "QoS 2 is not supported".to_owned(),
            _ => format!("{value:?} is not {names}"),
        };
        self.complain(name, message, &format!("write {names}"));
        T::default()
    }

    fn seconds(&mut self, name: &str, max: u64) -> Duration {
        let value = self.value(name);
        if let Some(seconds) = value.parse().ok().filter(|seconds| *seconds <= max) {
            return Duration::from_secs(seconds);
        }
        let help = format!("write seconds without a unit, from \"0\" to \"{max}\"");
        self.complain(name, format!("{value:?} is no number of seconds"), &help);
        Duration::ZERO
    }

    fn template(&mut self, name: &str) -> Template {
        match Template::parse(self.value(name), &Names::default()) {
            Ok(template) => template,
            Err(error) => {
                let help = error.help.unwrap_or_else(|| "see docs/protocols.md".to_owned());
                self.complain(name, error.message, &help);
                Template::literal("")
            }
        }
    }
}
