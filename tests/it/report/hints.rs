//! What is suggested for what went wrong.

use uproar::metric::{Detail, ErrorKind, LocalLimit, Step, TlsFault};
use uproar::report::hints::{Known, Several, Trouble, hint};

fn acme() -> Known<'static> {
    Known { protocol: "acme", ..Known::default() }
}

/// What is said to a server that refuses the upgrade.
#[test]
fn a_refusal_is_read_before_anything_is_guessed() {
    let table = [
        (400, Some(false), "", "does it want a subprotocol"),
        (400, Some(true), "", "does it know the subprotocol"),
        (400, Some(false), ": Origin not allowed", "--header \"Origin: https://...\""),
        (400, None, ": missing header `Origin`", "it wants an Origin"),
        (400, Some(false), ": aboriginal original", "does it want a subprotocol"),
        (503, Some(false), "", "where no subprotocol is offered"),
        (501, None, "", "where no subprotocol is offered"),
        (503, Some(true), "", "does it know the subprotocol that was offered"),
        (503, Some(false), ": unknown Origin", "it wants an Origin"),
        (500, Some(false), "", "its log may say why"),
        (403, Some(false), ": invalid API key", "who this is"),
        (400, Some(true), ": no Sec-WebSocket-Protocol in common", "it wants a subprotocol"),
        (407, None, "", "check the path"),
        (301, None, ", pointing to wss://h.test/?token=[redacted]", "redirects are not followed"),
    ];
    for (status, offered, said, words) in table {
        let text = format!("answered {status} Proxy Authentication Required to the upgrade{said}");
        let known = Known { words: &text, offered, ..acme() };
        let trouble = Trouble::Failed(ErrorKind::HttpStatus, Detail::Status(status), Step::Upgrade);
        let hint = hint(trouble, &known);
        assert!(hint.contains(words), "{status} {offered:?} {said}: {hint}");
    }
}

#[test]
fn several_messages_in_a_frame_are_told_from_one() {
    use Several::{InARow, Separated};
    for (frame, several) in [
        ("{\"a\":1}", None),
        ("{\"a\":1}\n", None),
        ("{\"a\":\"\\n\"}", None),
        ("[1,2]", None),
        ("{\"a\":1}\n{\"b\":2}", Some(Separated("\n"))),
        ("{\"a\":1}\n\n[2]\n", Some(Separated("\n"))),
        ("{\"a\":1}\r\n{\"b\":2}\r\n", Some(Separated("\r\n"))),
        ("{\"a\":1}\u{1e}", Some(Separated("\u{1e}"))),
        ("{}\u{1e}{\"a\":1}\u{1e}", Some(Separated("\u{1e}"))),
        ("{\"a\":1}\0{\"b\":2}\0", Some(Separated("\0"))),
        ("{\"a\":1}{\"b\":2}", Some(InARow)),
        ("hello\nworld", None),
        ("1 2", None),
        ("{\"a\":1}\nhello", None),
        ("", None),
    ] {
        assert_eq!(Several::separated(frame.as_bytes()), several, "{frame:?}");
    }
    assert_eq!(Several::separated(b"\xff\n{}"), None);
    for (frame, several) in
        [("[{},{}]", Some(Several::Listed)), ("[{}]", None), ("[1,2]", None), ("{}", None)]
    {
        assert_eq!(Several::listed(frame.as_bytes()), several, "{frame}");
    }
}

#[test]
fn what_a_failure_suggests() {
    use ErrorKind as K;
    use Step as S;
    let status = Detail::Status;
    let table = [
        (K::LookupFailed, Detail::None, S::Lookup, "host's name"),
        (K::TimedOut, Detail::None, S::Lookup, "resolver"),
        (K::Refused, Detail::None, S::Tcp, "is the server running"),
        (K::TimedOut, Detail::None, S::Tcp, "firewall"),
        (K::Tls, Detail::Tls(TlsFault::UnknownIssuer), S::Tls, "--ca FILE"),
        (K::Tls, Detail::Tls(TlsFault::NotTls), S::Tls, "ws:// instead of wss://"),
        (K::Tls, Detail::Tls(TlsFault::Expired), S::Tls, "openssl s_client"),
        (K::TimedOut, Detail::None, S::Tls, "ws:// there"),
        (K::Reset, Detail::None, S::Tls, "TLS on this port"),
        (K::TimedOut, Detail::None, S::Upgrade, "does not answer HTTP"),
        (K::Reset, Detail::None, S::Upgrade, "expect TLS"),
        (K::BadHandshake, Detail::None, S::Upgrade, "`acme` listen there"),
        (K::HttpStatus, status(200), S::Upgrade, "ordinary page"),
        (K::HttpStatus, status(301), S::Upgrade, "redirects are not followed"),
        (K::HttpStatus, status(400), S::Upgrade, "subprotocol"),
        (K::HttpStatus, status(401), S::Upgrade, "Authorization"),
        (K::HttpStatus, status(403), S::Upgrade, "Origin"),
        (K::HttpStatus, status(404), S::Upgrade, "path of the URL"),
        (K::HttpStatus, status(426), S::Upgrade, "upgrades nothing here"),
        (K::HttpStatus, status(429), S::Upgrade, "how often"),
        (K::HttpStatus, status(503), S::Upgrade, "proxy before it"),
        (K::HttpStatus, status(401), S::Login, "body of the login"),
        (K::HttpStatus, Detail::None, S::Upgrade, "Origin or a token"),
        (K::Closed, Detail::Code(1003), S::Connect, "text or binary"),
        (K::Closed, Detail::Code(1008), S::Join, "policy"),
        (K::Closed, Detail::Code(1000), S::Active, "has to answer"),
        (K::Closed, Detail::Code(1013), S::Join, "still starting"),
        (K::Closed, Detail::Code(4001), S::Connect, "code of its own"),
        (K::Closed, Detail::Code(1000), S::Connect, "sent it away again"),
        (K::ServerError, Detail::None, S::Join, "its words say why"),
        (K::TimedOut, Detail::None, S::Join, "speak `acme`? The limit is"),
        (K::LocalLimit, Detail::Limit(LocalLimit::OpenFiles), S::Tcp, "uproar doctor"),
        (K::HeartbeatLost, Detail::None, S::Active, "heartbeat"),
        (K::MissingValue, Detail::None, S::Connect, "capture what it names"),
        (K::MissingValue, Detail::Capture, S::Connect, "where the server writes it"),
        (K::Oversize, Detail::None, S::Active, "target.max_message"),
        (K::Io, Detail::None, S::Active, "log may say why"),
        (K::ProtocolViolation, Detail::None, S::Active, "no WebSocket"),
    ];
    for (kind, detail, step, words) in table {
        let hint = hint(Trouble::Failed(kind, detail, step), &acme());
        assert!(hint.contains(words), "{kind:?} {detail:?} {step:?}: {hint}");
        assert!(!hint.ends_with('.'), "{hint}");
    }
}

#[test]
fn what_was_heard_wrongly_suggests() {
    let table = [
        (Trouble::Otherwise, "what the server really says"),
        (Trouble::NotProbed, "`barrier` or `settle`"),
        (Trouble::NothingPushed, "push by itself"),
        (Trouble::Unheard, "payload on whole"),
        (Trouble::Filtered, "[delivery] when"),
        (Trouble::OwnCopyMissing, "recipients = \"others\""),
        (Trouble::OwnCopy, "recipients = \"room\""),
        (Trouble::OthersMissing, "recipients = \"sender\""),
        (Trouble::OthersHeard, "recipients = \"room\""),
        (Trouble::PartlyHeard, "limit how fast"),
        (Trouble::Changed, "trims, caps or encodes"),
        (Trouble::Twice, "in the room twice"),
        (Trouble::Unacknowledged, "ack.id"),
        (Trouble::Rejected, "its words say why"),
        (Trouble::Echoed, "an error which repeats the message"),
        (Trouble::Several(Several::Separated("\u{1e}")), "`framing = { split = \"\\u001e\" }`"),
        (Trouble::Several(Several::Separated("\r\n")), "`framing = { split = \"\\r\\n\" }`"),
        (Trouble::Several(Several::InARow), "nothing between them"),
        (Trouble::Several(Several::Listed), "`ack` takes a frame once"),
    ];
    for (trouble, words) in table {
        let hint = hint(trouble, &acme());
        assert!(hint.contains(words), "{trouble:?}: {hint}");
    }
}
