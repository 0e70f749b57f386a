//! What to look at when something did not work: one place for the words of `try`, of a run's first
//! client and of a run that nobody got into.
//!
//! Pure: from what was seen to a sentence. A hint is a guess and says so; what was seen is told
//! beside it.

use crate::metric::{Detail, ErrorKind, Step, TlsFault};

/// What went wrong, as far as a hint depends on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// A connection did not come about, a step failed, or the connection ended.
    Failed(ErrorKind, Detail, Step),
    /// A step waited in vain, and something came that was in part what it waited for.
    Otherwise,
    /// Nothing confirms a join but the client's own message, which it never heard.
    NotProbed,
    /// The server pushed nothing to a client that only listens.
    NothingPushed,
    /// Nobody heard anything that was published.
    Unheard,
    /// Payloads arrived, but something other than `delivery` took them.
    Filtered,
    /// The others heard the sender, and the sender should have heard itself.
    OwnCopyMissing,
    /// The sender heard itself, and should not have.
    OwnCopy,
    /// The sender heard itself, and the others should have heard it.
    OthersMissing,
    /// The others heard the sender, and should not have.
    OthersHeard,
    /// Some messages arrived and some did not.
    PartlyHeard,
    /// Payloads arrived changed.
    Changed,
    /// Messages arrived more than once.
    Twice,
    /// Publishes were not acknowledged.
    Unacknowledged,
    /// Publishes were refused.
    Rejected,
    /// A sender heard its own message only in what looks like an error that repeats it.
    Echoed,
    /// A frame holds several messages, and is taken for one.
    Several(Several),
}

/// How several messages lie in one frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Several {
    /// With this between them, or behind each.
    Separated(&'static str),
    /// One JSON value behind the other.
    InARow,
    /// As the items of a JSON list.
    Listed,
}

/// What stands between messages, as servers have it.
const SEPARATORS: [&str; 4] = ["\u{1e}", "\0", "\r\n", "\n"];

impl Several {
    /// How JSON messages lie in a frame that is no JSON itself.
    #[must_use]
    pub fn separated(bytes: &[u8]) -> Option<Self> {
        let is_message = |part: &str| {
            let json: Result<serde_json::Value, _> = serde_json::from_str(part);
            json.is_ok_and(|json| json.is_object() || json.is_array())
        };
        let text = std::str::from_utf8(bytes).ok()?;
        if is_message(text) {
            return None;
        }
        let parted = SEPARATORS.into_iter().find(|separator| {
            let parts = || text.split(separator).filter(|part| !part.trim().is_empty());
            text.contains(separator) && parts().next().is_some() && parts().all(is_message)
        });
        if let Some(separator) = parted {
            return Some(Self::Separated(separator));
        }
        let values = serde_json::Deserializer::from_str(text).into_iter::<serde_json::Value>();
        let mut several = 0;
        for value in values {
            if !value.ok()?.is_object() {
                return None;
            }
            several += 1;
        }
        (several > 1).then_some(Self::InARow)
    }

    /// Whether a frame is a JSON list of several objects.
    #[must_use]
    pub fn listed(bytes: &[u8]) -> Option<Self> {
        let items: Vec<serde_json::Map<String, serde_json::Value>> =
            serde_json::from_slice(bytes).ok()?;
        (items.len() > 1).then_some(Self::Listed)
    }
}

/// What is known beside the trouble.
#[derive(Clone, Copy, Debug, Default)]
pub struct Known<'a> {
    /// The name of how the client spoke.
    pub protocol: &'a str,
    /// The error's words, which may quote the server.
    pub words: &'a str,
    /// Whether a subprotocol was offered, where that is known.
    pub offered: Option<bool>,
}

/// What to look at, without a full stop.
#[must_use]
pub fn hint(trouble: Trouble, known: &Known<'_>) -> String {
    let text = match trouble {
        Trouble::Failed(kind, detail, step) => return failed(kind, detail, step, known),
        Trouble::Otherwise => {
            "something came, though not that: does the matcher ask for what the server really says?"
        }
        Trouble::NotProbed => {
            "the join is silent, and `probe` needs the sender's own copy: if the server sends none, \
             use `barrier` or `settle`"
        }
        Trouble::NothingPushed => {
            "does the server push by itself, and within this time? Else the protocol file needs a \
             `[publish]`"
        }
        Trouble::Unheard => {
            "does the server pass the payload on whole, and to this room? Does `recipients` say who \
             hears it?"
        }
        Trouble::Filtered => {
            "payloads came in frames that `[delivery] when`, an `[[ignore]]` or another rule keeps \
             from delivering: let it take them"
        }
        Trouble::OwnCopyMissing => {
            "if the server never returns a message to its sender, the protocol file says \
             `recipients = \"others\"`"
        }
        Trouble::OwnCopy => {
            "if the server returns each message to its sender too, the protocol file says \
             `recipients = \"room\"`"
        }
        Trouble::OthersMissing => {
            "are both clients in the same room? If the server only answers the sender, the protocol \
             file says `recipients = \"sender\"`"
        }
        Trouble::OthersHeard => {
            "if others hear what a client publishes, the protocol file says `recipients = \"room\"`"
        }
        Trouble::PartlyHeard => {
            "does the server limit how fast or how much a client may say, or merge messages?"
        }
        Trouble::Changed => {
            "the server changes content: it trims, caps or encodes it. A payload has to come back \
             byte for byte: see the longest that it passes on, and filters in the protocol file"
        }
        Trouble::Twice => {
            "is a client in the room twice, or are there two frames for each message? `[delivery] \
             when` says which of them delivers"
        }
        Trouble::Unacknowledged => {
            "does `ack.when` match what the server answers, and `ack.id` point at the id that was \
             sent?"
        }
        Trouble::Rejected => "the server understood and refused: its words say why",
        Trouble::Echoed => {
            "that looks like an error which repeats the message: what does it say? `error = { json = { \
             ... } }` in the protocol file, or `fail` of its `ack`, takes it for one"
        }
        Trouble::Several(Several::Separated(separator)) => {
            return format!(
                "the server ends each message with \"{0}\", or puts several in a frame with that \
                 between them: the protocol file says `framing = {{ split = \"{0}\" }}`",
                toml_text(separator),
            );
        }
        Trouble::Several(Several::InARow) => {
            "the server writes several JSON values in one frame, with nothing between them: such a \
             frame is no JSON. Can it send one a frame, or put a line's end behind each? A matcher \
             of `contains` or `pattern` finds them as well"
        }
        Trouble::Several(Several::Listed) => {
            "the server puts several answers in one frame, as a list, and `ack` takes a frame once: \
             `ack.id` finds one id. Can the server answer one by one?"
        }
    };
    text.to_owned()
}

/// A separator as TOML writes it between quotes.
fn toml_text(separator: &str) -> String {
    let each = |c: char| match c {
        '\n' => "\\n".to_owned(),
        '\r' => "\\r".to_owned(),
        c => format!("\\u{:04x}", u32::from(c)),
    };
    separator.chars().map(each).collect()
}

fn failed(kind: ErrorKind, detail: Detail, step: Step, known: &Known<'_>) -> String {
    let protocol = known.protocol;
    let text = match (kind, detail, step) {
        (ErrorKind::LookupFailed, ..) => "check the host's name in the URL",
        (ErrorKind::TimedOut, _, Step::Lookup) => {
            "does this machine's resolver answer? The limit is target.connect_timeout, and --timeout in \
             `try`"
        }
        (ErrorKind::Refused, ..) => "is the server running, and on this port?",
        (ErrorKind::Tls, Detail::Tls(TlsFault::UnknownIssuer), _) => {
            "for a test server with a certificate of its own: --ca FILE, or --insecure"
        }
        (ErrorKind::Tls, Detail::Tls(TlsFault::NotTls), _) => {
            "if it speaks without TLS there, write ws:// instead of wss://"
        }
        (ErrorKind::Tls, ..) => {
            "`openssl s_client -connect HOST:PORT` shows the server's certificates"
        }
        (ErrorKind::HttpStatus, _, Step::Login) => {
            "check the URL, the method and the body of the login, and who it logs in"
        }
        (ErrorKind::HttpStatus, Detail::Status(status), _) => {
            return refused_upgrade(status, known);
        }
        (ErrorKind::HttpStatus, ..) => "check the path; the server may want an Origin or a token",
        (ErrorKind::BadHandshake, ..) => {
            return format!("does a server that speaks `{protocol}` listen there?");
        }
        (ErrorKind::Reset, _, Step::Tls) => {
            "it hung up in the TLS handshake: does it speak TLS on this port? Its log may say why"
        }
        (ErrorKind::Reset, _, Step::Tcp | Step::Upgrade) => {
            "does it expect TLS, or another protocol than HTTP? Its log may say why"
        }
        (ErrorKind::Closed, Detail::Code(1008), _) => {
            "it calls that a breach of its policy (1008): it may want a token, an Origin, or another \
             room"
        }
        (ErrorKind::Closed, Detail::Code(1003 | 1007), _) => {
            "it can't read what it was sent: does it want the other kind of frame, text or binary?"
        }
        (ErrorKind::Closed, Detail::Code(1012 | 1013), _) => {
            "it asks to come again later: is it still starting, or full?"
        }
        (ErrorKind::Closed, Detail::Code(4000..=4999), _) => {
            "it let the client in and sent it away again with a code of its own, which its \
             documentation explains: it may want a token, or another protocol"
        }
        (ErrorKind::Closed, _, Step::Active) => {
            "the client was in, and was sent away: does the server ask for something that a `[[reply]]` \
             or a `[heartbeat]` has to answer?"
        }
        (ErrorKind::Closed, ..) => {
            "it let the client in and sent it away again: it may want a token, or another protocol"
        }
        (ErrorKind::ServerError, ..) => "the server understood and refused: its words say why",
        (ErrorKind::ProtocolViolation, ..) => {
            "what it sent is no WebSocket: is that the server itself, or something before it?"
        }
        (ErrorKind::TimedOut, _, Step::Tcp) => {
            "does a firewall drop the packets? The limit is target.connect_timeout, and --timeout in \
             `try`"
        }
        (ErrorKind::TimedOut, _, Step::Tls) => {
            "something accepts connections there but does not answer TLS: is it ws:// there?"
        }
        (ErrorKind::TimedOut, _, Step::Upgrade) => {
            "something accepts connections there but does not answer HTTP"
        }
        (ErrorKind::TimedOut, _, Step::Login) => "does the URL of the login answer in this time?",
        (ErrorKind::TimedOut, ..) => {
            return format!(
                "does the server speak `{protocol}`? The limit is target.join_timeout, and --timeout \
                 in `try`"
            );
        }
        (ErrorKind::LocalLimit, ..) => "`uproar doctor` shows this machine's limits",
        (ErrorKind::HeartbeatLost, ..) => {
            "does the heartbeat say how often the server is heard, and what it answers?"
        }
        (ErrorKind::MissingValue, Detail::Capture, _) => {
            "does `capture` say where the server writes it, and is this the answer that has it?"
        }
        (ErrorKind::MissingValue, ..) => {
            "does the protocol file capture what it names, and is every param set?"
        }
        (ErrorKind::Oversize, ..) => {
            "is this the server's protocol? How large a message may be is target.max_message"
        }
        (ErrorKind::Reset | ErrorKind::Io, ..) => "the server's log may say why",
    };
    text.to_owned()
}

const WANTS_ORIGIN: &str = "it wants an Origin, or another one: --header \"Origin: https://...\"";
const WANTS_SUBPROTOCOL: &str = "it wants a subprotocol, or another one: `subprotocols` in the protocol file, or --header \
     \"Sec-WebSocket-Protocol: ...\"";
const WANTS_TO_KNOW: &str =
    "it wants to know who this is: --header \"Authorization: Bearer ...\", or a token in the query";

/// What a server's refusal names, and what that is most likely about. Written in small letters.
const CLUES: [(&[&str], &str); 3] = [
    (&["origin"], WANTS_ORIGIN),
    (&["subprotocol", "sub-protocol", "sec-websocket-protocol"], WANTS_SUBPROTOCOL),
    (
        &["token", "jwt", "credential", "unauthor", "authenticat", "api key", "api-key", "apikey"],
        WANTS_TO_KNOW,
    ),
];

/// What the server itself said of why it refused.
fn clue(words: &str) -> Option<&'static str> {
    // Before that stands its status, which has words of its own.
    let said = words.split_once("to the upgrade").map_or(words, |(_, said)| said);
    let said = said.to_ascii_lowercase();
    let named = |names: &[&str]| names.iter().any(|name| has_word(&said, name));
    CLUES.iter().find(|(names, _)| named(names)).map(|(_, hint)| *hint)
}

/// Whether a word begins so: "origin" is not in "aboriginal", nor meant by "original".
fn has_word(text: &str, word: &str) -> bool {
    text.match_indices(word).any(|(at, _)| {
        let before = text[..at].chars().next_back();
        let after = &text[at + word.len()..];
        !before.is_some_and(char::is_alphanumeric) && !after.starts_with("al")
    })
}

/// The server answered the upgrade with another status than 101.
fn refused_upgrade(status: u16, known: &Known<'_>) -> String {
    if let (400.., Some(clue)) = (status, clue(known.words)) {
        return clue.to_owned();
    }
    let offered = known.offered == Some(true);
    let text = match status {
        200..=299 => "that is an ordinary page: check the path, and that WebSocket is served there",
        300..=399 => "redirects are not followed: use the address it points to",
        400 if offered => {
            "it takes the upgrade for malformed: does it know the subprotocol, and want something in \
             path or query?"
        }
        400 => {
            "it takes the upgrade for malformed: does it want a subprotocol, or something in path or \
             query? --header \"Sec-WebSocket-Protocol: ...\""
        }
        401 => WANTS_TO_KNOW,
        403 => "it may want an Origin, --header \"Origin: https://...\", or a token",
        404 => "check the path of the URL",
        426 => "it answers, but upgrades nothing here: check the path and the subprotocol",
        429 => "it limits how often one address may connect",
        // What several libraries answer where they find no subprotocol that they know.
        501 | 503 if offered => {
            "does it know the subprotocol that was offered? Else the server, or a proxy before it, \
             can't serve this now: its log may say why"
        }
        501 | 503 => {
            "some servers answer so where no subprotocol is offered: `subprotocols` in the protocol \
             file, or --header \"Sec-WebSocket-Protocol: ...\". Else the server, or a proxy before \
             it, can't serve this now: its log may say why"
        }
        500.. => "the server, or a proxy before it, can't serve this now: its log may say why",
        _ => "check the path; the server may want an Origin or a token",
    };
    text.to_owned()
}

/// The detail of an error as a report names it.
#[must_use]
pub(super) fn detail(kind: ErrorKind, text: Option<&str>) -> Detail {
    let number = text.and_then(|text| text.parse().ok());
    match (kind, number) {
        (ErrorKind::HttpStatus, Some(status)) => Detail::Status(status),
        (ErrorKind::Closed, Some(code)) => Detail::Code(code),
        (ErrorKind::Tls, _) => {
            let faults = [TlsFault::UnknownIssuer, TlsFault::NotTls];
            let fault = faults.into_iter().find(|fault| Some(fault.name()) == text);
            fault.map_or(Detail::None, Detail::Tls)
        }
        (ErrorKind::MissingValue, _) if text == Detail::Capture.text().as_deref() => {
            Detail::Capture
        }
        _ => Detail::None,
    }
}
