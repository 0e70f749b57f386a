//! Params, and what is said about wrong ones.

use super::*;
use crate::protocol::relay::Away;

#[test]
fn defaults_are_those_that_are_listed() {
    let listed: Vec<(&str, &str)> =
        super::super::PARAMS.iter().map(|param| (param.name, param.default)).collect();
    assert_eq!(options(&listed), options(&[]));
    let secret = super::super::PARAMS.iter().filter(|param| param.secret);
    assert_eq!(secret.map(|param| param.name).collect::<Vec<_>>(), ["username", "password"]);
}

#[test]
fn each_wrong_param_is_complained_of_by_name() {
    for (params, expected) in [
        (&[("qos", "2")][..], "qos: QoS 2 is not supported (write \"0\" or \"1\")"),
        (
            &[("version", "4")],
            "version: \"4\" is not \"3.1.1\" or \"5\" (write \"3.1.1\" or \"5\")",
        ),
        (
            &[("keep_alive", "65536")],
            "keep_alive: \"65536\" is no number of seconds (write seconds without a unit, from \
             \"0\" to \"65535\")",
        ),
        (
            &[("clean_start", "no")],
            "clean_start: \"no\" is not \"true\" or \"false\" (write \"true\" or \"false\")",
        ),
        (
            &[("session_expiry", "60")],
            "session_expiry: MQTT 3.1.1 has no session expiry: its server decides (leave it out, \
             or set `version = \"5\"`)",
        ),
        (&[("password", "x")], "password: a password needs a username (set `username` too)"),
        (
            &[("topic", "")],
            "topic: a topic has at least one character (leave it out for \"{{ room }}\")",
        ),
        (
            &[("quality", "1")],
            "quality: `mqtt` has no param `quality` (`mqtt` has the params version, qos, \
             clean_start, session_expiry, keep_alive, username, password, client_id, topic, path)",
        ),
    ] {
        let params: Vec<(String, String)> =
            params.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let wrong = Options::from_params(&params).unwrap_err();
        let [wrong] = &wrong[..] else { panic!("{wrong:?}") };
        assert_eq!(format!("{}: {} ({})", wrong.param, wrong.message, wrong.help), expected);
    }
}

#[test]
fn everything_that_is_wrong_is_told_at_once() {
    let params = [("qos", "3"), ("client_id", "{{ nobody }}"), ("keep_alive", "1m")];
    let params = params.map(|(name, value)| (name.to_owned(), value.to_owned()));
    let wrong = Options::from_params(&params).unwrap_err();
    let names: Vec<&str> = wrong.iter().map(|wrong| wrong.param.as_str()).collect();
    assert_eq!(names, ["qos", "keep_alive", "client_id"]);
}

#[test]
fn only_a_session_that_lasts_replays_and_only_with_qos_1() {
    for (params, away) in [
        (&[][..], Away::Missed),
        (&[("clean_start", "false")], Away::Missed),
        (&[("qos", "1")], Away::Missed),
        (&[("qos", "1"), ("clean_start", "false")], Away::Replayed),
        (&[("qos", "1"), ("clean_start", "false"), ("version", "5")], Away::Missed),
        (
            &[("qos", "1"), ("clean_start", "false"), ("version", "5"), ("session_expiry", "60")],
            Away::Replayed,
        ),
    ] {
        assert_eq!(options(params).away(), away, "{params:?}");
    }
}
