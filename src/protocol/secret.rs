//! Which of the values that a client's templates may name are secret.

use super::scope::{Captured, Person};
use super::{Protocol, mqtt};
use crate::secrets::is_secret_name;

impl Protocol {
    /// The values that no output may show: every environment variable, params and captures that the
    /// file calls secret or whose name says so, columns of users and what is sent with the upgrade
    /// where its name says so, and all that logins captured. A param that has its declared default
    /// is none.
    pub fn secrets<'a>(&'a self, person: &'a Person, captured: &'a Captured) -> Vec<&'a str> {
        let setting = &person.setting;
        let env = setting.env.iter().map(|(_, value)| value.as_str());
        let params = setting.params.iter().filter(|(name, value)| {
            (is_secret_name(name) || self.calls_secret(name)) && !self.is_default(name, value)
        });
        let params = params.map(|(_, value)| value.as_str());
        let user = person.user.iter().flat_map(|row| row.columns.iter().zip(&row.values));
        let user = user.filter(|(name, _)| is_secret_name(name)).map(|(_, value)| value.as_str());
        let captures = (0..captured.len())
            .filter(|at| self.captures_secret(*at))
            .flat_map(|at| captured.all(at));
        env.chain(params).chain(user).chain(captures).chain(self.written()).collect()
    }

    /// What the file itself sends with the upgrade under a name that says so.
    fn written(&self) -> impl Iterator<Item = &str> {
        let sent = match self {
            Self::Described(file) => Some(file.query.iter().chain(&file.headers)),
            Self::Native(..) | Self::Mqtt(_) => None,
        };
        let secret = sent.into_iter().flatten().filter(|(name, _)| is_secret_name(name));
        secret.filter_map(|(_, template)| std::str::from_utf8(template.is_literal()?).ok())
    }

    pub(crate) fn calls_secret(&self, name: &str) -> bool {
        match self {
            Self::Native(..) => false,
            Self::Described(file) => file.secret.iter().any(|secret| secret == name),
            Self::Mqtt(_) => mqtt::PARAMS.iter().any(|param| param.name == name && param.secret),
        }
    }

    /// Whether a value is what everybody can read in the protocol file.
    fn is_default(&self, name: &str, value: &str) -> bool {
        match self {
            Self::Native(..) | Self::Mqtt(_) => false,
            Self::Described(file) => {
                file.params.iter().any(|(known, default)| known == name && default == value)
            }
        }
    }

    /// Whether the capture of this index is secret: the file calls it so, or a login captured it.
    #[must_use]
    pub fn captures_secret(&self, at: usize) -> bool {
        let Self::Described(file) = self else { return false };
        let by_login = file.logins.iter().flat_map(|login| &login.captures);
        by_login.map(|capture| capture.into).any(|into| into == at)
            || file.names.captures.get(at).is_some_and(|name| self.calls_secret(name))
    }
}
