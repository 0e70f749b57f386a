//! Where a client connects, of what the target's URL and a protocol file each say about it.
//!
//! Pure functions: whoever fills a protocol file's templates calls them with finished text.

use crate::protocol::scope::TargetNames;
use url::Url;
use url::form_urlencoded::{byte_serialize, parse};

/// The URL of an upgrade. Of the paths the URL's counts, unless it is empty or `/`; of the queries
/// all keys, and where both have one, the URL's. The URL's come first, as they are written.
///
/// `path` is taken as a path of a URL, with what can't stand there percent-encoded and `%` left
/// alone; keys and values of `query` are plain text.
///
/// # Errors
///
/// When `url` is none.
pub fn joined(
    url: &str,
    path: Option<&str>,
    query: &[(String, String)],
) -> Result<String, url::ParseError> {
    let mut url = Url::parse(url)?;
    if let (Some(path), "" | "/") = (path, url.path()) {
        url.set_path(path);
    }
    let written = url.query().unwrap_or_default().to_owned();
    let taken = |key: &str| parse(written.as_bytes()).any(|(known, _)| known == key);
    let mut parts: Vec<String> = Vec::new();
    if !written.is_empty() {
        parts.push(written.clone());
    }
    for (key, value) in query.iter().filter(|(key, _)| !taken(key)) {
        parts.push(format!("{}={}", encoded(key), encoded(value)));
    }
    if !parts.is_empty() {
        url.set_query(Some(&parts.join("&")));
    }
    Ok(url.into())
}

/// A space as `%20`, which every server reads; only forms read `+`.
fn encoded(text: &str) -> String {
    byte_serialize(text.as_bytes()).collect::<String>().replace('+', "%20")
}

/// What templates may name of a `ws://` or `wss://` URL; `None` where it is neither, or has no host.
/// A scheme's own port is left out of `http`, never of `host`; an IPv6 address stands in brackets.
#[must_use]
pub fn names_of(url: &str) -> Option<TargetNames> {
    let parsed = Url::parse(url).ok()?;
    let scheme = match parsed.scheme() {
        "ws" => "http",
        "wss" => "https",
        _ => return None,
    };
    let name = parsed.host_str()?;
    let port = parsed.port().map(|port| format!(":{port}")).unwrap_or_default();
    Some(TargetNames {
        http: format!("{scheme}://{name}{port}"),
        ws: url.to_owned(),
        host: format!("{name}:{}", parsed.port_or_known_default()?),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    type Row =
        (&'static str, Option<&'static str>, &'static [(&'static str, &'static str)], &'static str);

    #[test]
    fn url_and_protocol_in_a_table() {
        let table: [Row; 14] = [
            ("ws://h:1", None, &[], "ws://h:1/"),
            ("ws://h:1", Some("/ws"), &[], "ws://h:1/ws"),
            ("ws://h:1/", Some("/ws"), &[], "ws://h:1/ws"),
            ("ws://h:1/", Some("ws"), &[], "ws://h:1/ws"),
            ("ws://h:1/mine", Some("/ws"), &[], "ws://h:1/mine"),
            ("ws://h:1/mine/", Some("/ws"), &[], "ws://h:1/mine/"),
            ("ws://h:1?a=1", Some("/ws"), &[], "ws://h:1/ws?a=1"),
            ("ws://h/", Some("/a b/ä?%20"), &[], "ws://h/a%20b/%C3%A4%3F%20"),
            ("ws://h/", None, &[("v", "2"), ("t", "a&b=c+d e")], "ws://h/?v=2&t=a%26b%3Dc%2Bd%20e"),
            ("ws://h/?t=1", None, &[("v", "2"), ("t", "3")], "ws://h/?t=1&v=2"),
            ("ws://h/?t=1&t=2", None, &[("t", "3")], "ws://h/?t=1&t=2"),
            ("ws://h/?%74=1&x+y=2", None, &[("t", "3"), ("x y", "4")], "ws://h/?%74=1&x+y=2"),
            ("ws://h/?flag", None, &[("flag", "3"), ("b", "")], "ws://h/?flag&b="),
            ("wss://h:443/?", None, &[("a", "1")], "wss://h/?a=1"),
        ];
        for (url, path, query, expected) in table {
            let query: Vec<_> =
                query.iter().map(|&(key, value)| (key.to_owned(), value.to_owned())).collect();
            assert_eq!(joined(url, path, &query).unwrap(), expected, "{url} {path:?} {query:?}");
        }
        assert!(joined("no url", None, &[]).is_err());
    }

    #[test]
    fn names_of_the_target_in_a_table() {
        for (url, http, host) in [
            ("ws://h/ws?a=b", "http://h", "h:80"),
            ("wss://h/ws", "https://h", "h:443"),
            ("wss://h:8443/", "https://h:8443", "h:8443"),
            ("ws://[::1]:9001/", "http://[::1]:9001", "[::1]:9001"),
        ] {
            let names = names_of(url).unwrap();
            assert_eq!((&*names.http, &*names.ws, &*names.host), (http, url, host), "{url}");
        }
        assert_eq!(names_of("http://h/"), None);
        assert_eq!(names_of("ws"), None);
    }
}
