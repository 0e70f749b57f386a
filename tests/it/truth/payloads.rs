//! Payloads that were changed on the way, and stamps that are not this run's.

use uproar::measure::ExampleOf;
use uproar::stamp::{self, Stamp};

use super::faulty::{Act, Delivery, Faults, Log, Server};
use super::run::{Ran, Setup, all_delivered, run};

async fn against(rule: impl Fn(&Delivery<'_>) -> Act + Send + Sync + 'static) -> (Log, Ran) {
    let server = Server::start(Faults { rule: Box::new(rule), ..Faults::default() }).await;
    let ran = run(&Setup::default(), server.address).await;
    (server.log(), ran)
}

fn changed_at(payload: &str, at: usize) -> String {
    let mut bytes = payload.as_bytes().to_vec();
    bytes[at] = if bytes[at] == b'q' { b'x' } else { b'q' };
    String::from_utf8(bytes).unwrap()
}

#[tokio::test]
async fn a_changed_payload_is_corrupted_and_still_arrived() {
    let (log, Ran { report, .. }) = against(|delivery| {
        let payload = delivery.payload;
        match (delivery.stamp.seq + delivery.receiver) % 9 {
            0 => Act::Change(changed_at(payload, stamp::STAMP_LEN + 20)),
            1 => Act::Change(payload[..100].to_owned()),
            2 => Act::Change(payload.replace(' ', "&#32;")),
            3 => Act::Change(payload.replacen(' ', "  ", 1)),
            4 => Act::Change(payload[..payload.len() - 1].to_owned()),
            _ => Act::Pass,
        }
    })
    .await;
    assert!(log.changed.len() > 500, "{}", log.changed.len());
    let mut expected = all_delivered(log.expected);
    expected.corrupted = Some(log.changed.len() as u64);
    assert_eq!(report.deliveries, expected);
}

/// Whose message it was can't be read any more, so it is missing there.
#[tokio::test]
async fn a_damaged_stamp_is_corrupted_and_its_message_lost() {
    let (log, Ran { report, .. }) =
        against(|delivery| match (delivery.stamp.seq + delivery.receiver) % 9 {
            0 => Act::Change(changed_at(delivery.payload, 20)),
            1 => Act::Change(delivery.payload[..30].to_owned()),
            _ => Act::Pass,
        })
        .await;
    let damaged = log.changed.len() as u64;
    assert!(damaged > 200, "{damaged}");
    let mut expected = all_delivered(log.expected);
    expected.delivered -= damaged;
    expected.lost = Some(damaged);
    expected.corrupted = Some(damaged);
    assert_eq!(report.deliveries, expected);
}

/// A scan knows where a payload ends and not where the server's own text does.
#[tokio::test]
async fn words_around_a_payload_are_no_damage() {
    let (log, Ran { report, .. }) = against(|delivery| {
        Act::Change(format!("(edited) \"{}\" <b>&amp;</b> upr", delivery.payload))
    })
    .await;
    assert_eq!(log.changed.len() as u64, log.expected);
    assert_eq!(report.deliveries, all_delivered(log.expected));
}

/// A change outside the payload shows only where every delivery is decoded.
#[tokio::test]
async fn what_can_not_be_decoded_is_corrupted_and_still_arrived() {
    for decode in [true, false] {
        let rule = |delivery: &Delivery<'_>| match (delivery.stamp.seq + delivery.receiver) % 9 {
            0 => Act::Bare,
            _ => Act::Pass,
        };
        let server = Server::start(Faults { rule: Box::new(rule), ..Faults::default() }).await;
        let target = format!("drain_timeout = \"1200ms\"\ndecode = {decode}");
        let setup = Setup { target: &target, ..Setup::default() };
        let Ran { report, .. } = run(&setup, server.address).await;
        let log = server.log();
        assert!(log.changed.len() > 100, "{}", log.changed.len());
        let mut expected = all_delivered(log.expected);
        expected.corrupted = Some(if decode { log.changed.len() as u64 } else { 0 });
        assert_eq!(report.deliveries, expected, "decode = {decode}");
        let noted = report.validity.reasons.iter().any(|reason| reason.what.contains("decoded"));
        assert_eq!(noted, decode, "{:?}", report.validity.reasons);
        let shown = report.examples.iter().any(|example| example.of == ExampleOf::Corrupted);
        assert_eq!(shown, decode);
    }
}

#[tokio::test]
async fn another_runs_stamp_is_foreign_and_nothing_else() {
    let (log, Ran { report, .. }) = against(|delivery| {
        if (delivery.stamp.seq + delivery.receiver) % 5 != 0 {
            return Act::Pass;
        }
        let stamp = Stamp { run: delivery.stamp.run ^ 1, ..delivery.stamp };
        let mut payload = String::new();
        stamp::write_payload(&stamp, 128, &mut payload);
        // What became of another run's payload is not this one's business.
        Act::Also(if delivery.receiver % 2 == 0 { payload } else { payload.replace(' ', "+") })
    })
    .await;
    assert!(log.added.len() > 200, "{}", log.added.len());
    let mut expected = all_delivered(log.expected);
    expected.foreign = Some(log.added.len() as u64);
    assert_eq!(report.deliveries, expected);
}
