//! First and last recipients of rooms of two sizes, told by a server that walks its list slowly.

use std::time::Duration;

use uproar::metric::Metric;
use uproar::report::{Latency, SpreadFigures};

use super::faulty::{Faults, Server};
use super::run::{Ran, all_delivered, run_text_alone};

const EACH_LATER_MS: u64 = 20;

const TWO_SIZES: &str = r#"
    format = 1
    name = "truth"
    seed = 3
    [target]
    builtin = "rooms"
    drain_timeout = "5s"
    [rooms.small]
    size = 3
    [rooms.large]
    size = 8
    [[cohort]]
    name = "few"
    clients = 6
    join = { rooms = "small" }
    publish = { rate = "5/s", arrivals = "constant", size = "128B" }
    [[cohort]]
    name = "many"
    clients = 16
    join = { rooms = "large" }
    publish = { rate = "5/s", arrivals = "constant", size = "128B" }
    [[phase]]
    name = "gather"
    duration = "1s"
    rate = "0%"
    measure = false
    [[phase]]
    name = "steady"
    duration = "4s"
"#;

#[track_caller]
fn between(what: &str, us: Option<u64>, from_ms: u64, to_ms: u64) {
    let us = us.unwrap_or_else(|| panic!("{what}: too few samples"));
    assert!((from_ms * 1_000..=to_ms * 1_000).contains(&us), "{what}: {us} us");
}

/// The last of `members` waits for all before it. Upper limits leave room for a busy machine.
#[track_caller]
fn walked(of: &SpreadFigures, members: u64) {
    let last_ms = (members - 1) * EACH_LATER_MS;
    // Never less, but for the histogram's third digit.
    let least = |latency: &Latency| latency.min.map(|us| us + us / 1_000);
    between("first p50", of.first.p50, 0, 15);
    between("last min", least(&of.last), last_ms, last_ms + 40);
    between("last p50", of.last.p50, last_ms, last_ms + 40);
    // The first may have been read late, which takes from the spread what it adds to `first`.
    between("spread p50", of.spread.p50, last_ms - 15, last_ms + 40);
}

#[tokio::test]
async fn a_server_that_walks_its_list_slowly_shows_by_room_size() {
    let each_later = Duration::from_millis(EACH_LATER_MS);
    let server = Server::start(Faults { each_later, ..Faults::default() }).await;
    let Ran { report, .. } =
        run_text_alone(TWO_SIZES, &["--protocol", "rooms"], server.address).await;
    // 6 clients in rooms of 3 and 16 in rooms of 8, 5 messages a second each for 4 s.
    assert_eq!(server.log().messages, 120 + 320);
    assert_eq!(report.deliveries, all_delivered(120 * 3 + 320 * 8));
    let [small, large] = &report.spread_by_size[..] else { panic!("{:?}", report.spread_by_size) };
    assert_eq!((small.recipients_from, small.recipients_to, small.messages), (3, 5, 120));
    assert_eq!((large.recipients_from, large.recipients_to, large.messages), (6, 10, 320));
    walked(small, 3);
    walked(large, 8);
    // Both sizes together: rooms of 8 have eight messages in eleven.
    let spread = &report.latency[&Metric::Spread];
    assert_eq!(spread.count, 440);
    between("spread p50", spread.p50, 125, 180);
    between("spread p90", spread.p90, 125, 180);
}
