//! What a protocol says in the upgrade: path, query, headers, subprotocols.

use super::Protocol;
use super::scope::Scope;
use super::template::{Missing, Template};

/// What stands in one client's upgrade besides what the target says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Entrance {
    /// Where the URL has none of its own.
    pub path: Option<String>,
    /// Added to the URL's.
    pub query: Vec<(String, String)>,
    /// Sent with the upgrade.
    pub headers: Vec<(String, String)>,
    /// Offered in this order.
    pub subprotocols: Vec<String>,
}

impl Protocol {
    /// What a client says in its upgrade.
    ///
    /// # Errors
    ///
    /// When a template names a value that there isn't.
    pub fn entrance(&self, scope: &Scope<'_>) -> Result<Entrance, Missing> {
        let text = |template: &Template| {
            let mut bytes = Vec::new();
            template.render(scope, &mut bytes)?;
            Ok::<_, Missing>(String::from_utf8_lossy(&bytes).into_owned())
        };
        let pairs = |pairs: &[(String, Template)]| {
            pairs
                .iter()
                .map(|(name, value)| Ok((name.clone(), text(value)?)))
                .collect::<Result<_, _>>()
        };
        Ok(match self {
            Self::Native(..) => {
                let subprotocols = self.subprotocol().map(str::to_owned).into_iter().collect();
                Entrance { subprotocols, ..Entrance::default() }
            }
            Self::Described(file) => Entrance {
                path: file.path.as_ref().map(text).transpose()?,
                query: pairs(&file.query)?,
                headers: pairs(&file.headers)?,
                subprotocols: file.subprotocols.iter().map(text).collect::<Result<_, _>>()?,
            },
            Self::Mqtt(options) => Entrance {
                path: Some(text(&options.path)?),
                subprotocols: vec!["mqtt".to_owned()],
                ..Entrance::default()
            },
        })
    }
}
