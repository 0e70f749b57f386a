//! `[target]`: the built-in server or a URL, and what may be sent there.

use std::net::IpAddr;
use std::path::Path;
use std::time::Duration;

use url::Url;

use super::super::alike::{is_token, wrong_header};
use super::super::keys::{At, Field, list};
use super::super::mistake::{Mistakes, Span};
use super::super::model::{Target, Tls, Watch};
use super::super::overrides::Applied;
use super::super::protocol_file::is_template;
use super::super::raw;
use super::protocol::{self, Protocols, Resolved};
use super::{not_zero, tls, watch};
use crate::codec::CodecKind;
use crate::protocol::{Protocol, ProtocolKind};

/// The least and the most that `max_message` may be.
const MESSAGE_BYTES: std::ops::RangeInclusive<u64> = (1 << 10)..=(1 << 30);

/// For a file without a target, so that the rest of it is checked.
pub(super) fn stand_in() -> Target {
    Target {
        url: None,
        serves_per_s: None,
        protocol: Protocol::Native(ProtocolKind::Rooms, CodecKind::Json),
        codec: CodecKind::Json,
        decode: false,
        connect_timeout: Duration::ZERO,
        join_timeout: Duration::ZERO,
        drain_timeout: Duration::ZERO,
        max_message: None,
        headers: Vec::new(),
        subprotocols: Vec::new(),
        tls: Tls::default(),
        source_addresses: Vec::new(),
        allow_host: Vec::new(),
        watch: Watch::default(),
    }
}

/// The target, and its protocol where that is known.
pub(super) fn target(
    raw: &raw::Target,
    applied: &Applied,
    folder: Option<&Path>,
    protocols: &mut Protocols<'_>,
    mistakes: &mut Mistakes,
) -> (Target, Option<Resolved>) {
    let url = raw.url.written().and_then(|at| web_socket_url(at, mistakes));
    not_zero("target.connect_timeout", &raw.connect_timeout, mistakes);
    not_zero("target.join_timeout", &raw.join_timeout, mistakes);
    if let Some(at) = raw.max_message.written()
        && !MESSAGE_BYTES.contains(&at.value.0)
    {
        mistakes
            .add(&at.span, "`target.max_message` must be from 1 KiB to 1 GiB")
            .label("out of range");
    }
    let resolved = resolved(raw, applied, protocols, mistakes);
    let codec = raw.codec.value().0;
    let known = resolved.as_ref().map(|resolved| resolved.protocol.clone());
    if let (Some(at), Some(url)) = (raw.url.written(), &url) {
        path_beside_rooms(at, url, known.as_ref(), mistakes);
    }
    if let (Some(protocol @ (Protocol::Described(_) | Protocol::Mqtt(_))), Some(codec)) =
        (&known, raw.codec.written())
    {
        let message = "`target.codec` is of uproar's own protocols".to_owned();
        mistakes
            .idle(&codec.span, applied.protocol, message)
            .label("not with this protocol")
            .help(format!("`{}` has none: remove it", protocol.name()));
    }
    let decode = raw.decode.value();
    if let (Some(protocol), Some(written), true) = (&known, raw.decode.written(), decode)
        && !matches!(protocol, Protocol::Native(ProtocolKind::Rooms, _))
    {
        let message = "`target.decode` is of the protocol `rooms`".to_owned();
        mistakes
            .idle(&written.span, applied.protocol, message)
            .label("not with this protocol")
            .help(format!("deliveries of `{}` have no codec: remove it", protocol.name()));
    }
    let watched = raw.watch.written().map(|at| &at.value);
    let is_builtin = raw.builtin.written().is_some() && applied.replaced_builtin.is_none();
    let target = Target {
        watch: watch::watch(watched, url.as_deref(), is_builtin, mistakes),
        serves_per_s: serves_per_s(raw, applied, mistakes),
        decode,
        tls: tls::tls(raw, url.as_deref(), folder, mistakes),
        url,
        protocol: with_codec(known, codec),
        codec,
        connect_timeout: raw.connect_timeout.value(),
        join_timeout: raw.join_timeout.value(),
        drain_timeout: raw.drain_timeout.value(),
        max_message: raw.max_message.get().map(|bytes| bytes.0),
        headers: headers(raw, mistakes),
        subprotocols: subprotocols(raw, mistakes),
        source_addresses: source_addresses(raw),
        allow_host: allow_host(raw, mistakes),
    };
    (target, resolved)
}

/// The bound of the built-in server. One that `--url` replaced takes its bound with it.
fn serves_per_s(raw: &raw::Target, applied: &Applied, mistakes: &mut Mistakes) -> Option<f64> {
    let written = raw.serves.written().filter(|_| applied.replaced_builtin.is_none())?;
    if raw.builtin.written().is_none() {
        mistakes
            .add(&written.span, "`target.serves` is of the built-in server")
            .label("not with a server of your own")
            .help("remove it: uproar can't bound that one");
        return None;
    }
    if written.value.0 <= 0.0 {
        mistakes
            .add(&written.span, "`target.serves` must be over 0")
            .label("it would serve nobody");
    }
    Some(written.value.0)
}

/// Refuses a URL whose path takes the only place where a room is named: everybody would be in one.
fn path_beside_rooms(
    at: &At<String>,
    url: &str,
    protocol: Option<&Protocol>,
    mistakes: &mut Mistakes,
) {
    let Some(Protocol::Described(file)) = protocol else { return };
    let path = Url::parse(url).map(|url| url.path().to_owned()).unwrap_or_default();
    if matches!(path.as_str(), "" | "/") || !file.names_room_in_path_alone() {
        return;
    }
    let name = &file.name;
    let help = if file.names.params.iter().any(|param| param == "prefix") {
        format!("write the URL without it, and prefix = \"{path}\": --param prefix={path}")
    } else {
        format!(
            "write the URL without it, or a path with `{{{{ room }}}}` into the file of `{name}`"
        )
    };
    mistakes
        .add(
            &at.span,
            format!("the path `{path}` takes the place of `{name}`'s, which names the room"),
        )
        .label("everybody would be in one room")
        .help(help);
}

/// A protocol with a codec, where it is one that codecs belong to; uproar's own if none is known.
pub(super) fn with_codec(protocol: Option<Protocol>, codec: CodecKind) -> Protocol {
    match protocol {
        Some(Protocol::Native(kind, _)) => Protocol::Native(kind, codec),
        Some(other) => other,
        None => Protocol::Native(ProtocolKind::Rooms, codec),
    }
}

/// The protocol: that of `url`, or the built-in server's mode.
fn resolved(
    raw: &raw::Target,
    applied: &Applied,
    protocols: &mut Protocols<'_>,
    mistakes: &mut Mistakes,
) -> Option<Resolved> {
    let modes = list(ProtocolKind::ALL.into_iter().map(ProtocolKind::name));
    let known = list(protocol::names());
    match (&raw.builtin, &raw.url, &raw.protocol) {
        (Field::Written(builtin), Field::Written(url), _) => {
            let span = if url.span.start > builtin.span.start { &url.span } else { &builtin.span };
            mistakes.add(span, "`target` has both `builtin` and `url`").label("one too many").help(
                "keep `builtin` to test uproar's own server, or `url` and `protocol` to test \
                     yours",
            );
        }
        (Field::Written(_), _, Field::Written(protocol)) => {
            mistakes
                .add(&protocol.span, "`target` has both `builtin` and `protocol`")
                .label("one too many")
                .help(
                    "`protocol` says how the server at a `url` speaks; the built-in server's mode \
                     is what `builtin` names",
                );
        }
        (Field::Absent, Field::Written(url), Field::Absent) => {
            let remedy = match applied.replaced_builtin.as_deref() {
                Some(mode) => format!(
                    "if it speaks as the built-in server did in this scenario, add \
                     `--protocol {mode}`. Protocols: {known}"
                ),
                None => {
                    format!(
                        "say how it speaks with `protocol` (or `--protocol`): a protocol file, or \
                         one of {known}"
                    )
                }
            };
            mistakes
                .add(&url.span, "`target.url` has no protocol")
                .label("how does this server speak?")
                .help(remedy);
        }
        (Field::Absent, Field::Absent, _) => {
            mistakes.missing(&raw.span, "`target` names no server").label("in this table").help(
                format!(
                    "write `builtin = \"rooms\"` to test uproar's own server (modes: {modes}), or \
                     `url = \"ws://...\"` and `protocol = \"...\"` to test yours"
                ),
            );
        }
        _ => {}
    }
    if let Some(mode) = raw.builtin.get() {
        return Some(Resolved::native(mode.0));
    }
    let written = raw.protocol.written()?;
    protocols.find(written, applied.protocol, mistakes)
}

/// The URL, if a WebSocket can be opened to it.
fn web_socket_url(at: &At<String>, mistakes: &mut Mistakes) -> Option<String> {
    const EXAMPLE: &str = "write it as \"ws://host:port/path\", or with wss:// for TLS";
    let text = at.value.trim();
    let refuse = |mistakes: &mut Mistakes, message: &str, label: &str, help: String| {
        mistakes.add(&at.span, message).label(label).help(help);
        None
    };
    if is_template(text) {
        return refuse(
            mistakes,
            "a URL of a scenario is no template",
            "would be sent as it stands",
            "only a protocol file fills in `{{ }}`: write `path = \"...\"` or `query = { ... }` there"
                .to_owned(),
        );
    }
    let Some((scheme, _)) = text.split_once("://") else {
        let help =
            if text.is_empty() { EXAMPLE.to_owned() } else { format!("write \"ws://{text}\"") };
        return refuse(mistakes, "this is not a WebSocket URL", "no ws:// in front", help);
    };
    let url = match Url::parse(text) {
        Ok(url) => url,
        Err(error) => {
            let message = format!("this is not a WebSocket URL: {error}");
            return refuse(mistakes, &message, "can't be read", EXAMPLE.to_owned());
        }
    };
    if !matches!(url.scheme(), "ws" | "wss") {
        let message = format!("`{scheme}://` is not a WebSocket URL");
        return refuse(mistakes, &message, "neither ws:// nor wss://", EXAMPLE.to_owned());
    }
    if url.host_str().is_none_or(str::is_empty) {
        return refuse(mistakes, "this URL has no host", "no host", EXAMPLE.to_owned());
    }
    if !url.username().is_empty() || url.password().is_some() {
        return refuse(
            mistakes,
            "a WebSocket URL can't carry a user name or a password",
            "before the @",
            "send them as a header: headers = { Authorization = \"Basic ...\" }".to_owned(),
        );
    }
    if url.fragment().is_some() {
        return refuse(
            mistakes,
            "a WebSocket URL can't have a fragment",
            "after the #",
            "remove it, or write `#` as %23".to_owned(),
        );
    }
    if url.port() == Some(0) {
        return refuse(mistakes, "port 0 can't be connected to", "port 0", EXAMPLE.to_owned());
    }
    Some(url.into())
}

fn headers(raw: &raw::Target, mistakes: &mut Mistakes) -> Vec<(String, String)> {
    let mut headers: Vec<(String, String)> = Vec::new();
    // Values of one list share their key.
    let mut keys: Vec<At<String>> = Vec::new();
    for (name, value) in raw.headers.value().0 {
        let twice = keys
            .iter()
            .any(|old| old.span != name.span && old.value.eq_ignore_ascii_case(&name.value));
        if let Some((why, help)) = wrong_header(&name.value, &value.value) {
            mistakes.add(&name.span, why).label("can't be sent").help(help);
        } else if is_template(&value.value) {
            mistakes
                .add(
                    &value.span,
                    format!("the header `{}` of a scenario is no template", name.value),
                )
                .label("would be sent as it stands")
                .help("only a protocol file fills in `{{ }}`: write `headers = { ... }` there");
        } else if twice {
            mistakes
                .add(&name.span, format!("the header `{}` stands here twice", name.value))
                .label("a second time")
                .help(
                    "upper and lower case are the same in a header's name; to send it twice, \
                     write a list of values",
                );
        } else {
            keys.push(name.clone());
            headers.push((name.value, value.value));
        }
    }
    headers
}

/// Subprotocols, each a token (RFC 6455, 4.1) and there once.
fn subprotocols(raw: &raw::Target, mistakes: &mut Mistakes) -> Vec<String> {
    let Some(written) = raw.subprotocols.get() else { return Vec::new() };
    let mut names: Vec<String> = Vec::new();
    for At { value, span } in &written.0 {
        if value.is_empty() || !value.bytes().all(is_token) {
            mistakes
                .add(span, format!("`{}` can't be a subprotocol", value.escape_debug()))
                .label("not a token")
                .help("one name each, without spaces and commas: [\"chat.v2\", \"chat.v1\"]");
        } else if names.contains(value) {
            mistakes
                .add(span, format!("the subprotocol `{value}` stands here twice"))
                .label("a second time")
                .help("name each once");
        } else {
            names.push(value.clone());
        }
    }
    names
}

fn source_addresses(raw: &raw::Target) -> Vec<IpAddr> {
    let written = raw.source_addresses.get();
    written.map(|list| list.0.iter().map(|at| at.value).collect()).unwrap_or_default()
}

fn allow_host(raw: &raw::Target, mistakes: &mut Mistakes) -> Vec<String> {
    let Some(hosts) = raw.allow_host.get() else { return Vec::new() };
    let mut names = Vec::new();
    for At { value, span } in &hosts.0 {
        match host_name(value) {
            Some(name) => names.push(name),
            None => not_a_host(value, span, mistakes),
        }
    }
    names
}

/// A host as a URL would hold it, so that the two compare equal.
fn host_name(text: &str) -> Option<String> {
    let text = text.trim();
    let bare = text.trim_start_matches('[').trim_end_matches(']');
    if bare.parse::<IpAddr>().is_ok() {
        return Some(bare.to_owned());
    }
    match url::Host::parse(text) {
        Ok(url::Host::Domain(name)) if !name.is_empty() => Some(name),
        _ => None,
    }
}

fn not_a_host(text: &str, span: &Span, mistakes: &mut Mistakes) {
    mistakes
        .add(span, format!("`{}` is not the name of a host", text.escape_debug()))
        .label("not a host")
        .help("write the name or address alone, without ws://, port and path: chat.example.com");
}
