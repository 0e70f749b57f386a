//! What a client writes at one place of a protocol: frames in order, made of templates.

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use tokio_tungstenite::tungstenite::{Message, Utf8Bytes};

use super::outbox::Outbox;
use super::scope::Scope;
use super::template::{Missing, Template};

/// The payload that a control frame may have at most (RFC 6455, section 5.5).
const CONTROL_MAX_BYTES: usize = 125;

/// One frame.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Piece {
    /// A text frame.
    Text(Template),
    /// A binary frame.
    Binary(Template),
    /// A WebSocket ping.
    Ping(Template),
}

impl Piece {
    /// What is in the frame.
    #[must_use]
    pub fn template(&self) -> &Template {
        match self {
            Self::Text(template) | Self::Binary(template) | Self::Ping(template) => template,
        }
    }

    fn fold(&self, scope: &Scope<'_>, changing: &[usize]) -> Result<Self, Missing> {
        Ok(match self {
            Self::Text(template) => Self::Text(template.fold(scope, changing)?),
            Self::Binary(template) => Self::Binary(template.fold(scope, changing)?),
            Self::Ping(template) => Self::Ping(template.fold(scope, changing)?),
        })
    }

    fn frame(&self, scope: &Scope<'_>) -> Result<Message, Missing> {
        let template = self.template();
        let mut bytes = Vec::with_capacity(template.length_hint(scope));
        template.render(scope, &mut bytes)?;
        match self {
            Self::Text(_) => match Utf8Bytes::try_from(bytes) {
                Ok(text) => Ok(Message::Text(text)),
                Err(_) => Err(refused("a text frame must be UTF-8, and a value in it is not")),
            },
            Self::Binary(_) => Ok(Message::Binary(Bytes::from(bytes))),
            Self::Ping(_) if bytes.len() > CONTROL_MAX_BYTES => {
                Err(refused("a ping holds at most 125 bytes"))
            }
            Self::Ping(_) => Ok(Message::Ping(Bytes::from(bytes))),
        }
    }
}

fn refused(why: &str) -> Missing {
    Missing { variable: String::new(), why: why.to_owned() }
}

/// Frames that are written one after the other.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Send(pub Vec<Piece>);

impl Send {
    /// Fills in what is known early; see [`Template::fold`].
    ///
    /// # Errors
    ///
    /// A value that is to be filled in and isn't there.
    pub fn fold(&self, scope: &Scope<'_>, changing: &[usize]) -> Result<Self, Missing> {
        self.0.iter().map(|piece| piece.fold(scope, changing)).collect::<Result<_, _>>().map(Self)
    }

    /// Puts the frames at the end of `out`: all of them, or none.
    ///
    /// # Errors
    ///
    /// A value that isn't there, text that is not UTF-8, or a ping of over 125 bytes.
    pub fn frames(&self, scope: &Scope<'_>, out: &mut Outbox) -> Result<(), Missing> {
        let before = out.len();
        for piece in &self.0 {
            match piece.frame(scope) {
                Ok(frame) => out.push_back(frame),
                Err(missing) => {
                    out.truncate(before);
                    return Err(missing);
                }
            }
        }
        Ok(())
    }
}
