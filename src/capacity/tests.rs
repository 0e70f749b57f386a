//! The published schema.

use super::*;

/// `UPROAR_UPDATE_SCHEMA=1 cargo test capacity::tests` writes it.
#[test]
fn the_schema_is_the_structs_own() {
    let made = format!("{:#}\n", schemars::schema_for!(Capacity).to_value());
    if std::env::var_os("UPROAR_UPDATE_SCHEMA").is_some() {
        let file = concat!(env!("CARGO_MANIFEST_DIR"), "/src/capacity/schema.json");
        std::fs::write(file, &made).unwrap();
    } else {
        assert!(SCHEMA == made, "write it anew: UPROAR_UPDATE_SCHEMA=1 cargo test capacity::tests");
    }
}

fn trial(number: u64, load: f64, outcome: Outcome) -> Trial {
    let why = "1 of 3 thresholds: delivery.p99 was 412 ms, limit 250 ms".to_owned();
    let failed = outcome == Outcome::Failed;
    let gave_way = GaveWay {
        load,
        trial: number,
        what: "delivery.p99 was 412 ms, limit 250 ms".to_owned(),
        at_s: Some(6.0),
        full: Some("the server's one core was full (97 % used)".to_owned()),
        ..GaveWay::default()
    };
    Trial {
        number,
        load,
        outcome,
        why: if outcome == Outcome::Passed { String::new() } else { why },
        report: format!("{number:02}/report.json"),
        delivery_p99_us: Some(if failed { 412_000 } else { 31_000 }),
        lost_share: Some(0.0),
        uproar_cores: Some(0.31),
        gave_way: failed.then_some(gave_way),
        ..Trial::default()
    }
}

fn refused(number: u64, load: f64, let_in: u64) -> Trial {
    let mut trial = trial(number, load, Outcome::Failed);
    if let Some(of) = &mut trial.gave_way {
        of.refused = Some("12 attempts answered 503".to_owned());
        of.let_in = Some(let_in);
    }
    trial
}

fn goal() -> Goal {
    Goal { from: 100.0, to: 100_000.0, ..Goal::default() }
}

/// A search whose trials were these.
fn concluded(goal: Goal, trials: Vec<Trial>, ended: &Ended, limit: Option<&Limit>) -> Capacity {
    use crate::search::{Goal as Range, Search, Trial as Weighed};
    let mut search = Search::new(Range {
        from: goal.from,
        to: goal.to,
        chance: goal.chance,
        within: goal.within,
        trials: 40,
    });
    for trial in trials.iter().filter(|trial| trial.outcome != Outcome::Invalid) {
        let passed = trial.outcome == Outcome::Passed;
        search.add(Weighed { load: trial.load, passed });
    }
    let mut capacity = Capacity {
        capacity_version: CAPACITY_VERSION,
        goal,
        trials,
        people: "in rooms of 20, 1 msg/s each".to_owned(),
        took_s: 520.0,
        ..Capacity::default()
    };
    conclude(&mut capacity, &search, ended, limit);
    capacity
}

/// What a server of 3,400 people leaves: passes below, fails above.
fn usual() -> Vec<Trial> {
    let loads = [
        100.0, 200.0, 400.0, 800.0, 1_600.0, 3_200.0, 6_400.0, 4_500.0, 3_800.0, 3_500.0, 3_300.0,
        3_450.0, 3_350.0, 3_400.0, 3_600.0, 3_300.0, 3_450.0, 3_350.0, 3_300.0, 3_300.0,
    ];
    let outcome = |load| if load <= 3_400.0 { Outcome::Passed } else { Outcome::Failed };
    (1..).zip(loads).map(|(number, load)| trial(number, load, outcome(load))).collect()
}

fn found(goal: Goal) -> Capacity {
    let ended = Ended::Found(crate::search::Found::Between);
    concluded(goal, usual(), &ended, None)
}

#[test]
fn an_answer_is_told_with_its_interval_and_what_gave_way() {
    insta::assert_snapshot!("text", to_text(&found(goal()), "reports/x/capacity.html", 80));
    insta::assert_snapshot!("markdown", to_markdown(&found(goal())));
}

#[test]
fn a_gate_holds_fails_or_is_not_known() {
    for (least, exit, told) in [
        (3_000.0, 0, "at least 3,000 people were asked for"),
        (4_000.0, 1, "at least 4,000 people were asked for, and that is more"),
        (3_380.0, 3, "whether it is at least 3,380 people is not known"),
    ] {
        let found = found(Goal { at_least: Some(least), ..goal() });
        assert_eq!(found.verdict.exit_code, exit, "{}", found.verdict.sentence);
        assert!(found.verdict.sentence.ends_with(told), "{}", found.verdict.sentence);
        let junit = to_junit(&found).unwrap();
        assert!(junit.contains("tests=\"2\""), "{junit}");
        let wrong = match exit {
            1 => "failures=\"1\"",
            3 => "errors=\"1\"",
            _ => "failures=\"0\"",
        };
        assert!(junit.contains(wrong), "{junit}");
        assert_eq!(to_annotations(&found).is_empty(), exit == 0);
    }
}

#[test]
fn uproar_s_own_limit_is_no_answer_but_a_lower_bound() {
    let limit = Limit {
        whose: Whose::Uproar,
        what: "the generator was the bottleneck".to_owned(),
        at: Some(800.0),
        remedy: "give it more cores".to_owned(),
    };
    let trials = || [100.0, 200.0, 400.0].map(|load| trial(1, load, Outcome::Passed)).to_vec();
    let ended = Ended::Found(crate::search::Found::AtLeast);
    let found = concluded(goal(), trials(), &ended, Some(&limit));
    assert_eq!((found.verdict.state, found.verdict.exit_code), (State::AtLeast, 3));
    let sentence = &found.verdict.sentence;
    assert!(sentence.starts_with("400 people") && sentence.contains("uproar was the limit"));
    // One that passed above what may be tried may have been lucky.
    let lucky: Vec<Trial> =
        [(200.0, true), (900.0, true), (800.0, false), (400.0, true), (400.0, true)]
            .map(|(load, passed)| {
                trial(1, load, if passed { Outcome::Passed } else { Outcome::Failed })
            })
            .to_vec();
    let found = concluded(Goal { to: 400.0, ..goal() }, lucky, &ended, Some(&limit));
    let answer = found.answer.unwrap();
    assert!(answer.load == 400.0 && answer.low <= 400.0 && answer.high >= 400.0, "{answer:?}");
    // What was asked for is carried all the same.
    let enough = Goal { at_least: Some(50.0), ..goal() };
    let found = concluded(enough, trials(), &ended, Some(&limit));
    assert_eq!(found.verdict.exit_code, 0, "{}", found.verdict.sentence);
}

#[test]
fn a_door_is_found_by_those_it_turns_away() {
    let passed = |number| trial(number, 250.0, Outcome::Passed);
    let next = |trials: &[Trial]| door(&goal(), trials).map(|door| (door.load, door.next));
    assert_eq!(next(&[trial(1, 200.0, Outcome::Passed), trial(2, 400.0, Outcome::Failed)]), None);
    let mut trials = vec![refused(1, 400.0, 250)];
    assert_eq!(next(&trials), Some((250.0, Some(250.0))));
    trials.extend([passed(2), passed(3), passed(4)]);
    assert_eq!(next(&trials), Some((250.0, Some(255.0))));
    trials.push(refused(5, 255.0, 250));
    assert_eq!(next(&trials), Some((250.0, None)));
    let ended = Ended::Found(crate::search::Found::Open);
    let found = concluded(goal(), trials.clone(), &ended, None);
    let answer = found.answer.expect("an answer");
    assert_eq!((found.verdict.state, answer.low, answer.high), (State::Carries, 250.0, 250.0));
    // One that fails there too, or lets in others, is no door.
    let mut fails = trials.clone();
    fails.push(trial(6, 250.0, Outcome::Failed));
    assert_eq!(next(&fails), None);
    trials.push(refused(6, 300.0, 240));
    assert_eq!(next(&trials), None);
}

#[test]
fn two_searches_differ_as_far_as_their_answers_do() {
    let base = found(goal());
    let scaled = |factor: f64| {
        let mut new = base.clone();
        if let Some(answer) = &mut new.answer {
            for load in answer.quantiles.iter_mut().chain([&mut answer.load]) {
                *load *= factor;
            }
        }
        new
    };
    for (factor, state) in
        [(0.8, Difference::Worse), (1.0, Difference::Same), (1.25, Difference::Better)]
    {
        let new = scaled(factor);
        let compared = compare_capacities(("a", &base), ("b", &new), false, false).unwrap();
        assert_eq!(compared.state, state, "{factor}");
        assert_eq!(compared.fails(), state == Difference::Worse);
    }
    let worse = scaled(0.8);
    let elsewhere = Capacity { host: "other".to_owned(), ..worse.clone() };
    let told = compare_capacities(("a", &base), ("b", &elsewhere), false, false).unwrap();
    assert!(!told.fails() && !told.notes.is_empty());
    assert!(compare_capacities(("a", &base), ("b", &elsewhere), false, true).unwrap().fails());
    let other = Capacity { scenario_hash: "other".to_owned(), ..worse.clone() };
    assert!(compare_capacities(("a", &base), ("b", &other), false, false).is_err());
    assert!(compare_capacities(("a", &base), ("b", &other), true, false).unwrap().fails());
    let none = Capacity { answer: None, ..worse };
    let why = compare_capacities(("a", &base), ("b", &none), false, false).unwrap_err();
    assert!(why.contains("b has no answer"), "{why}");
}

#[test]
fn texts_of_a_server_stay_texts() {
    let mut capacity = found(goal());
    for trial in &mut capacity.trials {
        trial.why = "<script>alert(1)</script>\u{1b}[2J".to_owned();
    }
    capacity.verdict.sentence = "</p><img src=x onerror=alert(1)>\u{1b}".to_owned();
    for text in [to_html(&capacity), to_markdown(&capacity), to_junit(&capacity).unwrap()] {
        assert!(!text.contains('\u{1b}') && !text.contains("<script>alert"), "{text}");
    }
    assert!(!to_html(&capacity).contains("<img"));
    assert!(!to_text(&capacity, "", 80).contains('\u{1b}'));
    assert_eq!(from_json(&to_json(&capacity).unwrap()).unwrap(), capacity);
    assert!(from_json("{}").unwrap_err().contains("no capacity.json"));
    assert!(from_json("{\"capacity_version\": 9}").unwrap_err().contains("version 9"));
}

#[test]
fn a_server_has_recovered_when_it_is_as_good_as_at_first() {
    let first = Idle { clients: 10, delivery_p99_us: Some(20_000) };
    let now = |p99| Health::Well(Idle { clients: 10, delivery_p99_us: Some(p99) });
    assert!(is_as_before(first, &now(24_000), &[]).is_ok());
    assert!(is_as_before(first, &now(24_001), &[]).is_err());
    // What is under a machine's noise makes no difference.
    let quick = Idle { clients: 10, delivery_p99_us: Some(500) };
    assert!(is_as_before(quick, &now(2_500), &[]).is_ok());
    assert!(is_as_before(quick, &now(2_501), &[]).is_err());
    let ill = Health::Ill("9 of 10 clients joined".to_owned());
    // A fifth of what is asked for decides nothing.
    let limit = [("delivery.p99".to_owned(), "< 300ms".to_owned())];
    assert!(is_as_before(quick, &now(60_000), &limit).is_ok());
    assert!(is_as_before(quick, &now(60_001), &limit).is_err());
    assert_eq!(is_as_before(first, &ill, &[]), Err("9 of 10 clients joined".to_owned()));
}
