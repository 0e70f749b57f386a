//! Every codec end to end: what clients and the built-in server say to each other.

use uproar::codec::CodecKind;

use super::support::{run, say};

/// Six cohorts, one a codec, in the same rooms: everyone hears everyone, in their own codec.
#[test]
fn people_of_every_codec_hear_each_other_and_nothing_is_lost() {
    let mut scenario = String::from(
        r#"
        [target]
        builtin = "rooms"
        decode = true
        [rooms.lobby]
        size = 12
        [[phase]]
        name = "gather"
        duration = "1s"
        rate = "0%"
        measure = false
        [[phase]]
        name = "steady"
        duration = "2s"
        "#,
    );
    for codec in CodecKind::ALL {
        for (kind, publish) in [
            ("plain", "size = \"100B\", binary = \"50%\""),
            ("posts", "size = \"1KiB\", body = \"structured\""),
        ] {
            scenario.push_str(&format!(
                r#"
                [[cohort]]
                name = "{name}-{kind}"
                codec = "{name}"
                clients = 4
                join = {{ rooms = "lobby" }}
                publish = {{ rate = "5/s", arrivals = "constant", {publish} }}
                "#,
                name = codec.name(),
            ));
        }
    }
    let ran = run(&scenario, &[]);
    assert_eq!(ran.said.code, Some(0), "{}", ran.said.all());
    // 48 clients in rooms of 12, 5 messages a second each for 2 s.
    let expected = 48 * 12 * 5 * 2;
    let deliveries = ran.report.deliveries;
    assert_eq!((deliveries.expected, deliveries.delivered), (Some(expected), expected));
    assert_eq!((deliveries.lost, deliveries.corrupted), (Some(0), Some(0)));
    let codecs: Vec<&str> = CodecKind::ALL.map(CodecKind::name).to_vec();
    assert_eq!(ran.report.target.codecs, codecs);
    for cohort in &ran.report.cohorts {
        let heard = cohort.deliveries;
        assert_eq!((heard.expected, heard.delivered), (Some(expected / 12), expected / 12));
    }
    assert!(ran.report.errors.is_empty(), "{:?}", ran.report.errors);
}

/// The shipped comparison, smaller, with each codec alone: a structured message of 1 KiB takes
/// 1 KiB, and what its codec adds.
#[test]
fn the_comparison_runs_with_each_codec() {
    for codec in CodecKind::ALL {
        let folder = tempfile::tempdir().unwrap();
        let said = say(
            folder.path(),
            &[
                "run",
                "codec-compare",
                "--codec",
                codec.name(),
                "--clients",
                "44",
                "--duration",
                "2s",
                "--allow-invalid",
                "--quiet",
                "--out",
                "out",
            ],
        );
        assert_eq!(said.code, Some(0), "{}", said.all());
        let report = super::support::read_report(&folder.path().join("out"));
        let deliveries = report.deliveries;
        assert!(deliveries.expected > Some(200), "{deliveries:?}");
        assert_eq!(Some(deliveries.delivered), deliveries.expected);
        assert_eq!(deliveries.lost, Some(0));
        assert_eq!(report.target.codecs, [codec.name()]);
        let each = report.bytes.sent / report.publishes.sent;
        assert!((1024..1600).contains(&each), "{}: {each} B a publish", codec.name());
    }
}
