//! What is done to the server, when, and what is noticed of it.

use super::*;
use crate::coordinator::builtin::tests::stand_in;
use crate::scenario::{Overrides, Source, read};

fn plan(faults: &str) -> Arc<Plan> {
    let text = format!(
        r#"
        format = 1
        name = "kept"
        [target]
        builtin = "echo"
        [[cohort]]
        name = "people"
        clients = 2
        [[phase]]
        name = "steady"
        duration = "60s"
        {faults}
        "#
    );
    let source = Source { name: "test".to_owned(), text };
    Arc::new(Plan::new(read(&source, &Overrides::default()).unwrap()))
}

fn fault(at: &str, kind: &str, more: &str) -> String {
    format!("[[fault]]\nat = \"{at}\"\nkind = \"{kind}\"\n{more}\n")
}

#[test]
fn faults_of_the_server_are_done_when_the_plan_says_and_undone_after_their_time() {
    let faults = [
        fault("2s", "freeze", "duration = \"3s\""),
        fault("6s", "reset", "clients = \"50%\""),
        fault("10s", "restart", "duration = \"4s\""),
        fault("20s", "kill", "duration = \"5s\""),
        fault("30s", "mark", "duration = \"1s\"\nlabel = \"x\""),
        fault("40s", "kill", ""),
    ];
    let at_s: Vec<_> = actions(&plan(&faults.concat()))
        .iter()
        .map(|(at_us, what)| (at_us / 1_000_000, *what))
        .collect();
    let expected = [
        (2, Action::Freeze),
        (5, Action::Resume),
        (10, Action::Stop),
        (14, Action::StartAgain),
        (20, Action::Kill),
        (25, Action::StartAgain),
        (40, Action::Kill),
    ];
    assert_eq!(at_s, expected);
}

async fn kept(how: &str, faults: &str) -> Keeper {
    let server = BuiltinServer::start(&stand_in(), &[how.to_owned()]).await.unwrap();
    let clock = Clock::starting_at(std::time::Instant::now());
    Keeper::start(server, plan(faults), clock, &Handle::current())
}

/// What is seen once it is so.
async fn seen(keeper: &mut Keeper, so: impl Fn(&Seen) -> bool) -> Seen {
    for _ in 0..200 {
        let seen = keeper.look().await;
        if so(&seen) {
            return seen;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("it was never seen: {:?}", keeper.seen.borrow());
}

#[tokio::test]
async fn an_end_that_nobody_asked_for_is_noticed_and_one_that_was_is_not() {
    let mut keeper = kept("dies", "").await;
    let how = seen(&mut keeper, |seen| seen.ended.is_some()).await.ended.unwrap();
    assert!(how.contains("exit status: 3"), "{how}");
    keeper.stop().await;

    // Killed by plan: its memory is gone, and that is all.
    let mut keeper = kept("", &fault("100ms", "kill", "")).await;
    let gone = |seen: &Seen| seen.stat.is_none_or(|stat| stat.rss_bytes == 0);
    assert_eq!(seen(&mut keeper, gone).await.ended, None);
    keeper.stop().await;
}
