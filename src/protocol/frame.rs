//! One message as it arrived, with its JSON for those who ask.

use std::cell::OnceCell;

use super::json::Json;

/// One message as it arrived. JSON is parsed at most once, and only when asked for: most messages
/// are deliveries, and those are found by a scan.
#[derive(Debug)]
pub struct Frame<'a> {
    bytes: &'a [u8],
    is_text: bool,
    json_from: Option<&'a regex::bytes::Regex>,
    json: OnceCell<Option<Json<'a>>>,
}

impl<'a> Frame<'a> {
    /// `json_from` matches what stands before the JSON; a message that it doesn't match has none.
    #[must_use]
    pub fn new(bytes: &'a [u8], is_text: bool, json_from: Option<&'a regex::bytes::Regex>) -> Self {
        Self { bytes, is_text, json_from, json: OnceCell::new() }
    }

    /// All of it.
    #[must_use]
    pub fn bytes(&self) -> &'a [u8] {
        self.bytes
    }

    /// Whether it came in text frames.
    #[must_use]
    pub fn is_text(&self) -> bool {
        self.is_text
    }

    /// Its JSON, if it is JSON to its end and nested at most 128 deep.
    ///
    /// Costs up to some 30 times the message's size in memory until the frame is dropped.
    #[must_use]
    pub fn json(&self) -> Option<&Json<'a>> {
        let parse = || {
            let start = match self.json_from {
                Some(before) => before.find(self.bytes)?.end(),
                None => 0,
            };
            Json::parse(&self.bytes[start..])
        };
        self.json.get_or_init(parse).as_ref()
    }
}
