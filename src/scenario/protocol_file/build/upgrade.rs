//! What the upgrade asks for: path, query, subprotocols, headers.

use super::Builder;
use super::templates::{Here, Kind};
use crate::protocol::template::Template;
use crate::scenario::keys::At;
use crate::scenario::protocol_file::raw::File;
use crate::scenario::protocol_file::texts::Text;

/// Names and templates.
type Pairs = Vec<(String, Template)>;

impl Builder<'_> {
    pub(super) fn upgrade(
        &mut self,
        file: &File,
    ) -> (Option<Template>, Pairs, Vec<Template>, Pairs) {
        let here = Here {
            quotes: false,
            // A connection is in one room from its upgrade on, or asks for rooms later.
            room: file.join.is_absent(),
            ..Here::rule("the upgrade")
        };
        let path = file.path.get().and_then(|path| {
            self.path(path);
            self.template(path, Kind::Text, &here)
        });
        let mut query = Vec::new();
        for (name, value) in file.query.get().map_or(&[][..], |texts| &texts.0) {
            if let Some(template) = self.template(value, Kind::Text, &here) {
                query.push((name.value.clone(), template));
            }
        }
        let mut subprotocols = Vec::new();
        for At { value, .. } in file.subprotocols.get().map_or(&[][..], |list| &list.0) {
            self.subprotocol(value);
            if let Some(template) = self.template(value, Kind::Text, &here) {
                subprotocols.push(template);
            }
        }
        let headers = self.headers(&file.headers, &here);
        (path, query, subprotocols, headers)
    }

    fn path(&mut self, path: &Text) {
        let text = path.text.as_str();
        let (what, label, help) = if let Some((before, after)) = text.split_once('?') {
            let pairs: Vec<String> = after
                .split('&')
                .filter_map(|pair| pair.split_once('='))
                .map(|(name, value)| format!("{name} = {value:?}"))
                .collect();
            (
                "`path` has a query in it",
                "from the ? on",
                format!("write `path = {before:?}` and `query = {{ {} }}`", pairs.join(", ")),
            )
        } else if text.contains("://") {
            (
                "`path` is a whole URL",
                "scheme and host",
                "the host is the scenario's `target.url`: write the path alone, such as \"/ws\""
                    .to_owned(),
            )
        } else if !text.starts_with('/') && !text.starts_with("{{") {
            ("`path` must begin with `/`", "no / in front", format!("write \"/{text}\""))
        } else {
            return;
        };
        self.mistakes.add(&path.span, what).label(label).help(help);
    }

    fn subprotocol(&mut self, name: &Text) {
        // RFC 6455, 4.1: a token, as a header's name is.
        let token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
        let is_token = !name.text.is_empty() && name.text.bytes().all(token);
        if !is_token && !name.text.contains("{{") {
            self.mistakes
                .add(&name.span, "this can't be the name of a subprotocol")
                .label("not a token")
                .help("several are a list: [\"v12.stomp\", \"v11.stomp\"]");
        }
    }
}
