//! Wrong input: exit 2, before anything connects, in words that point at the mistake.

use std::fs;
use std::path::Path;

use super::misbehaving::{Manner, Misbehaving};
use super::support::{folder_with, say};

const GOOD: &str = r#"format = 1
name = "test"

[target]
builtin = "rooms"

[rooms.lobby]
size = 5

[[cohort]]
name = "talkers"
clients = 20
join = { rooms = "lobby" }
publish = { rate = "5/s" }

[[phase]]
name = "steady"
duration = "2s"

[thresholds]
"lost" = "== 0"
"#;

/// What `run` says to a scenario that is refused. Nothing may be left of the run.
fn told(scenario: &str, arguments: &[&str]) -> String {
    let folder = folder_with(scenario);
    let said = say(folder.path(), &[&["run", "scenario.toml"], arguments].concat());
    assert_eq!(said.code, Some(2), "{}", said.all());
    let left = folder.path().read_dir().unwrap().count();
    assert_eq!(left, 1, "{}", said.all());
    said.all()
}

#[test]
fn a_missing_file() {
    insta::assert_snapshot!("missing_file", {
        let folder = tempfile::TempDir::new().unwrap();
        say(folder.path(), &["run", "nothing-here.toml"]).all()
    });
}

#[test]
fn a_folder_for_a_file() {
    let folder = tempfile::TempDir::new().unwrap();
    fs::create_dir(folder.path().join("folder")).unwrap();
    insta::assert_snapshot!("folder_for_file", say(folder.path(), &["run", "folder"]).all());
}

#[test]
fn not_utf_8() {
    let folder = tempfile::TempDir::new().unwrap();
    fs::write(folder.path().join("scenario.toml"), b"format = 1\nname = \"\xff\xfe\"\n").unwrap();
    insta::assert_snapshot!("not_utf_8", say(folder.path(), &["run", "scenario.toml"]).all());
}

#[test]
fn an_unknown_key() {
    insta::assert_snapshot!("unknown_key", told(&GOOD.replace("clients", "cleints"), &[]));
}

#[test]
fn no_clients() {
    insta::assert_snapshot!("zero_clients", told(&GOOD.replace("= 20", "= 0"), &[]));
    insta::assert_snapshot!("zero_clients_by_flag", told(GOOD, &["--clients", "0"]));
}

#[test]
fn a_bad_unit() {
    insta::assert_snapshot!("bad_unit", told(&GOOD.replace("\"2s\"", "\"2sec\""), &[]));
}

#[test]
fn a_payload_smaller_than_its_stamp() {
    let small = GOOD.replace(r#"rate = "5/s""#, r#"rate = "5/s", size = "16B""#);
    insta::assert_snapshot!("small_payload", told(&small, &[]));
}

#[test]
fn an_unknown_metric() {
    insta::assert_snapshot!("unknown_metric", told(&GOOD.replace("\"lost\"", "\"lots\""), &[]));
}

#[test]
fn an_unknown_codec() {
    let codec = GOOD.replace("builtin = \"rooms\"", "builtin = \"rooms\"\ncodec = \"jsno\"");
    insta::assert_snapshot!("unknown_codec", told(&codec, &[]));
    insta::assert_snapshot!("unknown_codec_by_flag", told(GOOD, &["--codec", "jsno"]));
}

#[test]
fn an_http_url() {
    let arguments = ["--url", "http://127.0.0.1:9/", "--protocol", "rooms"];
    insta::assert_snapshot!("http_url", told(GOOD, &arguments));
}

#[test]
fn a_url_without_a_protocol() {
    insta::assert_snapshot!("no_protocol", told(GOOD, &["--url", "ws://127.0.0.1:9/"]));
}

#[test]
fn a_setting_without_a_value() {
    insta::assert_snapshot!("set_without_value", told(GOOD, &["--set", "seed"]));
}

#[test]
fn an_unknown_flag() {
    insta::assert_snapshot!("unknown_flag", told(GOOD, &["--client", "5"]));
}

#[test]
fn flags_that_exclude_each_other() {
    insta::assert_snapshot!("strict_and_not", told(GOOD, &["--strict", "--allow-invalid"]));
}

#[test]
fn a_stranger_s_host() {
    // TEST-NET-1, RFC 5737: nobody's, and never connected to, because 20 clients are too many.
    let arguments = ["--url", "ws://192.0.2.1/", "--protocol", "rooms"];
    let told = told(GOOD, &[&arguments[..], &["--clients", "11"]].concat());
    insta::assert_snapshot!("strangers_host", told);
}

#[test]
fn a_stranger_s_host_behind_other_names() {
    for url in ["ws://[2001:db8::1]/", "ws://[::ffff:192.0.2.1]/", "ws://3221225985/"] {
        let told = told(GOOD, &["--url", url, "--protocol", "rooms", "--allow-host", "else"]);
        assert!(told.contains("--allow-host"), "{told}");
    }
}

#[test]
fn a_built_in_scenario_that_is_none() {
    let folder = tempfile::TempDir::new().unwrap();
    insta::assert_snapshot!("no_such_scenario", say(folder.path(), &["scenarios", "chat"]).all());
}

/// Whatever is wrong with `--out` shows before anybody connects.
fn refused_output(folder: &Path, out: &str) -> String {
    let server = Misbehaving::start(Manner::Silent);
    let url = server.url();
    let arguments = ["run", "scenario.toml", "--url", &url, "--protocol", "rooms", "--out", out];
    let said = say(folder, &arguments);
    assert_eq!(server.connections(), 0, "{}", said.all());
    assert_eq!(said.code, Some(2), "{}", said.all());
    said.all()
}

#[test]
fn an_output_folder_that_is_a_file() {
    let folder = folder_with(GOOD);
    insta::assert_snapshot!("out_is_a_file", refused_output(folder.path(), "scenario.toml"));
    assert_eq!(fs::read_to_string(folder.path().join("scenario.toml")).unwrap(), GOOD);
}

#[test]
fn an_output_folder_that_is_somebody_s() {
    let folder = folder_with(GOOD);
    let theirs = folder.path().join("theirs");
    fs::create_dir(&theirs).unwrap();
    fs::write(theirs.join("report.json"), "{}").unwrap();
    fs::write(theirs.join("thesis.tex"), "all my work").unwrap();
    insta::assert_snapshot!("out_has_a_stranger", refused_output(folder.path(), "theirs"));
    assert_eq!(theirs.read_dir().unwrap().count(), 2);
}

#[test]
fn an_output_folder_that_can_t_be_made() {
    let folder = folder_with(GOOD);
    let below_a_file = refused_output(folder.path(), "scenario.toml/out");
    insta::assert_snapshot!("out_below_a_file", below_a_file);
    assert!(refused_output(folder.path(), "/proc/uproar").contains("/proc/uproar"));
}

#[test]
fn a_name_that_leads_out_of_the_folder() {
    let name = GOOD.replace("name = \"test\"", "name = \"../../test\"");
    insta::assert_snapshot!("name_with_slashes", told(&name, &[]));
}
