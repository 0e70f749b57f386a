//! Each way in which a run can go wrong gets its verdict: servers that fail in one way each, and
//! scenarios that ask for hardly anything. docs/measuring.md has the table.

use uproar::report::{Report, ThresholdOutcome, VerdictState};

use super::hall::{Event, Hall, Server, Words, folder_beside_hall, words};
use super::support::{read_report, say};

/// Six people in two rooms; joined before anybody speaks. Nothing is asked of the run.
const SCENARIO: &str = r#"format = 1
name = "verdict"
[target]
url = "ws://127.0.0.1/"
protocol = "./hall.toml"
drain_timeout = "1500ms"
[rooms.lobby]
count = 2
[[cohort]]
name = "people"
clients = 6
join = { rooms = "lobby" }
publish = { rate = "10/s", arrivals = "constant" }
reconnect = { first = "20ms", max = "100ms", attempts = 100 }
[[phase]]
name = "gather"
duration = "500ms"
rate = "0%"
[[phase]]
name = "talk"
duration = "2s"
"#;

/// Relays what `passes`, by the number of messages that came before it.
fn relay(hall: &mut Hall, client: u64, event: Event<'_>, passes: fn(u64) -> bool) {
    match words(&event) {
        Some(Words::Join(room)) => hall.let_in(client, &room),
        Some(Words::Say(room, body)) => {
            let n = hall.count;
            hall.count += 1;
            if passes(n) {
                hall.pass_on(&room, &body);
            }
        }
        None => {}
    }
}

fn polite(hall: &mut Hall, client: u64, event: Event<'_>) {
    relay(hall, client, event, |_| true);
}

/// Every fifth message is heard by nobody.
fn forgetful(hall: &mut Hall, client: u64, event: Event<'_>) {
    relay(hall, client, event, |n| n % 5 != 0);
}

/// Lets everybody in and passes nothing on.
fn mute(hall: &mut Hall, client: u64, event: Event<'_>) {
    relay(hall, client, event, |_| false);
}

/// Passes on twenty messages, then cuts everybody, and whoever comes back.
fn dying(hall: &mut Hall, client: u64, event: Event<'_>) {
    const MESSAGES: u64 = 20;
    if matches!(event, Event::Connected) && hall.count >= MESSAGES {
        return hall.close(client, 1013, "over");
    }
    relay(hall, client, event, |n| n < MESSAGES);
    if hall.count == MESSAGES {
        hall.count += 1;
        hall.close_all(1011, "over");
    }
}

/// Cuts everybody once, after ten messages, and lets them in again.
fn jumpy(hall: &mut Hall, client: u64, event: Event<'_>) {
    relay(hall, client, event, |_| true);
    if hall.count == 10 {
        hall.count += 1;
        hall.close_all(1012, "again");
    }
}

/// Cuts everybody who says anything.
fn touchy(hall: &mut Hall, client: u64, event: Event<'_>) {
    let before = hall.count;
    relay(hall, client, event, |_| false);
    if hall.count > before {
        hall.close(client, 1011, "no");
    }
}

struct Judged {
    code: Option<i32>,
    report: Report,
    summary: String,
}

impl Judged {
    #[track_caller]
    fn is(&self, state: VerdictState, code: i32) {
        assert_eq!((self.report.verdict.state, self.code), (state, Some(code)), "{}", self.summary);
    }

    fn threshold(&self, name: &str) -> &ThresholdOutcome {
        let found = self.report.thresholds.iter().find(|threshold| threshold.metric == name);
        found.unwrap_or_else(|| panic!("no {name}: {}", self.summary))
    }

    #[track_caller]
    fn fails_first(&self, name: &str) {
        self.is(VerdictState::Failed, 1);
        let (_, first) = self.report.verdict.sentence.split_once(": ").unwrap();
        assert!(first.starts_with(name), "{}", self.report.verdict.sentence);
        assert!(!self.threshold(name.split(' ').next().unwrap()).passed);
    }
}

/// The run of the scenario, with further lines of its last part, against a server of such manners.
fn judged(manners: super::hall::Manners, thresholds: &str) -> Judged {
    judged_of(&format!("{SCENARIO}[thresholds]\n{thresholds}"), manners)
}

fn judged_of(scenario: &str, manners: super::hall::Manners) -> Judged {
    let server = Server::start(manners);
    let folder = folder_beside_hall(scenario);
    // Other tests load this machine: what is looked at here is what arrived, not how fast.
    let arguments = [
        "run",
        "scenario.toml",
        "--quiet",
        "--allow-invalid",
        "--no-preflight",
        "--out",
        "out",
        "--url",
    ];
    let said = say(folder.path(), &[&arguments[..], &[&server.url()]].concat());
    let report = read_report(&folder.path().join("out"));
    Judged { code: said.code, report, summary: said.all() }
}

#[test]
fn a_run_in_which_nothing_went_wrong_passes_without_a_threshold() {
    let run = judged(polite, "");
    run.is(VerdictState::Passed, 0);
    let sentence = &run.report.verdict.sentence;
    assert!(sentence.starts_with("uproar's own"), "{sentence}");
    assert!(run.report.thresholds.iter().all(|threshold| threshold.default && threshold.passed));
}

#[test]
fn nothing_delivered_where_something_was_due_fails() {
    let run = judged(mute, "\"lost.share\" = \"off\"");
    run.fails_first("delivered");
    assert_eq!(run.report.deliveries.delivered, 0);
    assert!(run.report.publishes.sent > 0);
}

#[test]
fn what_is_lost_fails_a_run_that_does_not_ask_and_is_named_before_what_is_late() {
    let run = judged(forgetful, "\"delivery.p50\" = \"< 2us, if any\"");
    run.fails_first("lost.share");
    let lost = run.threshold("lost.share");
    let (count, of) = (lost.count.unwrap(), lost.of.unwrap());
    assert_eq!(
        (Some(count), Some(of)),
        (run.report.deliveries.lost, run.report.deliveries.expected)
    );
    // Every fifth message, to three members each; of a few the last ones may be another run's.
    assert_eq!(count, run.report.publishes.sent.div_ceil(5) * 3, "{}", run.summary);
    let sentence = &run.report.verdict.sentence;
    assert!(sentence.contains(&format!("({count} of {of} deliveries)")), "{sentence}");
    assert!(sentence.contains("; delivery.p50 was"), "{sentence}");
}

#[test]
fn a_condition_of_uproars_own_is_loosened_or_switched_off_by_its_name() {
    for named in
        ["\"lost.share\" = \"< 50%\"", "\"lost\" = \"< 100000\"", "\"lost.share\" = \"off\""]
    {
        let run = judged(forgetful, named);
        run.is(VerdictState::Passed, 0);
        assert!(run.report.deliveries.lost > Some(0));
    }
}

#[test]
fn who_is_lost_and_does_not_come_back_fails_a_run_and_is_named_first() {
    let run = judged(dying, "\"lost\" = \"== 0\"");
    run.fails_first("clients.not_back was 6 of 6 clients (100 %), should be 0 (an outage at ");
    let sentence = &run.report.verdict.sentence;
    assert!(sentence.contains(" took 6 clients, 0 came back)"), "{sentence}");
    assert!(!run.threshold("not_sent.share").passed, "{}", run.summary);
    assert_eq!(run.report.clients.not_back, 6);
}

/// An outage that nobody ordered, however quickly it is over.
#[test]
fn connections_that_nothing_in_the_plan_ended_fail_a_run_although_all_come_back() {
    let run = judged(jumpy, "");
    run.is(VerdictState::Failed, 1);
    let report = &run.report;
    assert_eq!((report.connections.lost, report.connections.broken), (6, Some(6)));
    assert_eq!((report.connections.reconnected, report.clients.not_back), (6, 0));
    let broken = run.threshold("connections.broken.share");
    assert_eq!((broken.count, broken.of, broken.passed), (Some(6), Some(6), false));
    let sentence = &report.verdict.sentence;
    assert!(
        sentence.contains("connections.broken.share was 100 % (6 for 6 clients)"),
        "{sentence}"
    );
    judged(jumpy, "\"connections.broken.share\" = \"off\"").is(VerdictState::Passed, 0);
    judged(jumpy, "\"connections.broken\" = \"<= 6\"").is(VerdictState::Passed, 0);
}

#[test]
fn a_run_of_which_nearly_nothing_can_be_known_fails() {
    let run = judged(touchy, "\"clients.not_back\" = \"off\"\n\"delivered\" = \"off\"");
    run.is(VerdictState::Failed, 1);
    let uncertain = run.threshold("uncertain.share");
    assert!(!uncertain.passed && uncertain.actual > Some(0.9), "{}", run.summary);
    assert!(uncertain.actual <= Some(1.0), "a share of all that was settled");
}
