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
}

/// What to look at, without a full stop. `protocol` is the name of how the client spoke.
#[must_use]
pub fn hint(trouble: Trouble, protocol: &str) -> String {
    let text = match trouble {
        Trouble::Failed(kind, detail, step) => return failed(kind, detail, step, protocol),
        Trouble::Otherwise => {
            "something near it came: does the matcher ask for what the server really says?"
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
    };
    text.to_owned()
}

fn failed(kind: ErrorKind, detail: Detail, step: Step, protocol: &str) -> String {
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
        (ErrorKind::HttpStatus, Detail::Status(status), _) => return refused_upgrade(status),
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
        (ErrorKind::Closed, Detail::Code(4000..=4999), _) => {
            "it let the client in and sent it away again with a code of its own, which its \
             documentation explains: it may want a token, or another protocol"
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

/// The server answered the upgrade with another status than 101.
fn refused_upgrade(status: u16) -> String {
    let text = match status {
        200..=299 => "that is an ordinary page: check the path, and that WebSocket is served there",
        300..=399 => "redirects are not followed: use the address it points to",
        400 => {
            "it takes the upgrade for malformed: does it want a subprotocol, or something in path or \
             query? --header \"Sec-WebSocket-Protocol: ...\""
        }
        401 => {
            "it wants to know who this is: --header \"Authorization: Bearer ...\", or a token in the \
             query"
        }
        403 => "it may want an Origin, --header \"Origin: https://...\", or a token",
        404 => "check the path of the URL",
        426 => "it answers, but upgrades nothing here: check the path and the subprotocol",
        429 => "it limits how often one address may connect",
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
        _ => Detail::None,
    }
}
