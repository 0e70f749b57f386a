//! `[target] tls`, headers of several values and subprotocols: what is read, and what is said of
//! files that can't be used.

use std::path::Path;

use rcgen::{CertifiedKey, KeyPair, generate_simple_self_signed};
use tempfile::TempDir;
use uproar::scenario::{Overrides, Scenario, ScenarioErrors, Source, read};

use super::{complaints, least_with, reads, rendered};

const BUILTIN: &str = r#"builtin = "rooms""#;

/// A folder with good files and bad ones.
fn folder() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let CertifiedKey { cert, signing_key } =
        generate_simple_self_signed(["chat.test".to_owned()]).unwrap();
    let key = signing_key.serialize_pem();
    for (name, text) in [
        ("ca.pem", cert.pem()),
        ("client.pem", cert.pem()),
        ("client.key", key.clone()),
        ("other.key", KeyPair::generate().unwrap().serialize_pem()),
        ("empty.pem", String::new()),
        ("both.pem", key + &cert.pem()),
        ("cut.pem", cert.pem().replace("-----END CERTIFICATE-----", "")),
        ("damaged.pem", cert.pem().replace("MII", "AAA")),
        ("large.pem", "#".repeat((1 << 20) + 1)),
    ] {
        std::fs::write(folder.path().join(name), text).unwrap();
    }
    folder
}

fn read_in(folder: &Path, tls: &str, overrides: &Overrides) -> Result<Scenario, ScenarioErrors> {
    let target = format!("url = \"wss://chat.test/\"\nprotocol = \"rooms\"\n{tls}");
    let name = folder.join("scenario.toml").to_string_lossy().into_owned();
    read(&Source { name, text: least_with(&[(BUILTIN, &target)]) }, overrides)
}

#[test]
fn files_are_read_beside_the_scenario_and_their_content_kept() {
    let folder = folder();
    let tls =
        r#"tls = { ca = "ca.pem", cert = "both.pem", key = "both.pem", server_name = "x.test" }"#;
    let scenario = read_in(folder.path(), tls, &Overrides::default()).unwrap();
    let tls = &scenario.target.tls;
    let identity = tls.identity.as_ref().unwrap();
    assert_eq!((tls.roots.len(), identity.chain.len()), (1, 1));
    assert_eq!(tls.roots, identity.chain, "the same certificate");
    assert_eq!((tls.server_name.as_deref(), tls.insecure), (Some("x.test"), false));
    let printed = format!("{scenario:?}");
    let key = format!("{:?}", identity.key.0);
    assert!(!printed.contains(&key), "the key is in {printed}");
}

#[test]
fn the_command_line_s_paths_are_its_own_and_replace_the_file_s() {
    let folder = folder();
    let absolute = folder.path().join("ca.pem").to_string_lossy().into_owned();
    let elsewhere = folder.path().join("elsewhere");
    let overrides = Overrides { ca: Some(absolute), insecure: true, ..Overrides::default() };
    let scenario = read_in(&elsewhere, r#"tls = { ca = "none.pem" }"#, &overrides).unwrap();
    assert!(scenario.target.tls.insecure);
    assert_eq!(scenario.target.tls.roots.len(), 1);

    let relative = Overrides { ca: Some("no such file.pem".to_owned()), ..Overrides::default() };
    let said = rendered(read_in(folder.path(), "", &relative).unwrap_err());
    let here = std::env::current_dir().unwrap().join("no such file.pem");
    assert!(said.replace("\n  │ ", "").contains("--ca no such file.pem"), "{said}");
    assert!(!said.contains(&*folder.path().to_string_lossy()), "{said} {}", here.display());
}

#[test]
fn every_mistake_stands_under_its_line() {
    let folder = folder();
    let cases = [
        r#"tls = { ca = "missing.pem" }"#,
        r#"tls = { ca = "empty.pem" }"#,
        r#"tls = { ca = "client.key" }"#,
        r#"tls = { ca = "cut.pem" }"#,
        r#"tls = { ca = "damaged.pem" }"#,
        r#"tls = { ca = "large.pem" }"#,
        r#"tls = { cert = "client.pem" }"#,
        r#"tls = { key = "client.key" }"#,
        r#"tls = { cert = "client.pem", key = "other.key" }"#,
        r#"tls = { cert = "client.pem", key = "ca.pem" }"#,
        r#"tls = { cert = "missing.pem", key = "missing.key", ca = "missing.ca" }"#,
        r#"tls = { server_name = "a b" }"#,
        r#"tls = { insecure = "yes" }"#,
        r#"tls = { verify = false }"#,
    ];
    let mut said = String::new();
    for case in cases {
        let errors = read_in(folder.path(), case, &Overrides::default()).unwrap_err();
        said += &format!("# {case}\n{}\n", rendered(errors));
    }
    let shown = folder.path().to_string_lossy().into_owned();
    snapshot!(said.replace(&shown, "FOLDER"));
}

#[test]
fn tls_is_for_wss() {
    snapshot!(complaints(&[
        ("the built-in server", &[(BUILTIN, "builtin = \"rooms\"\ntls = {}")]),
        (
            "without TLS",
            &[(
                BUILTIN,
                "url = \"ws://chat.test/\"\nprotocol = \"rooms\"\ntls = { insecure = true }"
            )]
        ),
    ]));
}

#[test]
fn headers_of_several_values_and_subprotocols_are_kept_in_order() {
    let target = "builtin = \"rooms\"\nsubprotocols = [\"b.v2\", \"b.v1\"]\n\
                  headers = { Cookie = [\"a=1\", \"b=2\"], X = \"y\" }";
    let scenario = reads(&least_with(&[(BUILTIN, target)]), &Overrides::default());
    assert_eq!(scenario.target.subprotocols, ["b.v2", "b.v1"]);
    let headers = [("Cookie", "a=1"), ("Cookie", "b=2"), ("X", "y")];
    let headers = headers.map(|(name, value)| (name.to_owned(), value.to_owned()));
    assert_eq!(scenario.target.headers, headers);
}

#[test]
fn subprotocols_and_headers_that_cannot_be_sent() {
    let with = |line: &str| format!("builtin = \"rooms\"\n{line}");
    let lines = [
        r#"subprotocols = "mqtt""#,
        r#"subprotocols = ["mqtt, b"]"#,
        r#"subprotocols = ["", "a", "a"]"#,
        r#"headers = { Sec-WebSocket-Protocol = "mqtt" }"#,
        r#"headers = { Cookie = ["a=1", 2], cookie = "c" }"#,
    ];
    let said: String =
        lines.iter().map(|line| complaints(&[(*line, &[(BUILTIN, &with(line))])])).collect();
    snapshot!(said);
}
