//! First and last arrivals.

use super::*;

#[test]
fn first_and_last_arrivals_are_filed_by_how_many_heard_a_measured_message() {
    let text = r#"
        format = 1
        name = "sizes"
        [target]
        builtin = "rooms"
        [rooms.lobby]
        count = 1
        [[cohort]]
        name = "people"
        clients = 8
        join = { rooms = "lobby" }
        publish = { rate = "1/s" }
        [[phase]]
        name = "ramp"
        duration = "10s"
        measure = false
        [[phase]]
        name = "steady"
        duration = "20s"
    "#;
    let source = Source { name: "test".to_owned(), text: text.to_owned() };
    let plan = Arc::new(Plan::new(read(&source, &Overrides::default()).unwrap()));
    let mut coordinator = everyone_in(&plan);
    let sent_us = 11 * S;
    // When it was due decides whether it counts; slots hear it after so many microseconds.
    let messages: [(u64, &[u64]); 5] = [
        (sent_us, &[20, 10, 70]),
        (10 * S, &[30, 40, 50, 60, 90]),
        (sent_us, &[100, 200, 300, 400, 500, 600]),
        (10 * S - 1, &[1_000, 9_000, 5_000]),
        (sent_us, &[7]),
    ];
    for (seq, (due_us, arrivals)) in (0..).zip(messages) {
        say(&mut coordinator, seq, due_us, sent_us);
        for (slot, after_us) in (0..).zip(arrivals) {
            // Each arrival in a part of its own, as if every receiver had its own worker.
            hear(&mut coordinator, seq, slot, sent_us, sent_us + after_us);
        }
        // A copy neither widens the spread nor makes one recipient two.
        hear(&mut coordinator, seq, 0, sent_us, sent_us + 20_000);
    }
    coordinator.settler.finish(&mut coordinator.spreads, &mut coordinator.recoveries);
    let of = |hist: &crate::measure::Hist| (hist.inner().min(), hist.inner().max());
    let by_size = coordinator.settler.by_size();
    let found: Vec<_> = by_size
        .iter()
        .map(|(range, at)| (range, at.spread.len(), of(&at.first), of(&at.last), of(&at.spread)))
        .collect();
    assert_eq!(
        found,
        [
            ((3, 5), 2, (10, 30), (70, 90), (60, 60)),
            ((6, 10), 1, (100, 100), (600, 600), (500, 500))
        ]
    );
}
