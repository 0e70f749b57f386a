//! What is done to the server, when, and what is noticed of it.

use super::*;
use crate::coordinator::builtin::tests::{comes, leaves, pid, stand_in};
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
    keeping(BuiltinServer::start(&stand_in(), &[how.to_owned()]).await.unwrap(), faults)
}

fn keeping(server: BuiltinServer, faults: &str) -> Keeper {
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

#[tokio::test]
async fn what_can_not_be_done_to_it_is_told() {
    let fails = async |faults: &str| {
        let mut server = BuiltinServer::start(&stand_in(), &[]).await.unwrap();
        server.kill().await;
        let mut keeper = keeping(server, faults);
        let how = seen(&mut keeper, |seen| seen.ended.is_some()).await.ended.unwrap();
        keeper.stop().await;
        how
    };
    // The first that failed.
    let said = fails(&fault("10ms", "freeze", "duration = \"10ms\"")).await;
    assert_eq!(said, "freezing it failed: it is not running");
    let words = [
        (Action::Freeze, "freezing it"),
        (Action::Resume, "letting it go on"),
        (Action::Kill, "killing it"),
        (Action::Stop, "stopping it"),
        (Action::StartAgain, "starting it again"),
    ];
    assert!(words.into_iter().all(|(action, said)| action.words() == said));
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn it_ends_in_order_when_stopped_and_at_once_when_nobody_keeps_it() {
    let place = tempfile::tempdir().unwrap();
    let file = place.path().join("ended");
    keeping(leaves(&file).await, "").stop().await;
    assert!(file.exists());
    // One that would not end by itself for a minute, nor be given up for five seconds.
    let server = BuiltinServer::start(&stand_in(), &["hangs".to_owned()]).await.unwrap();
    let running = format!("/proc/{}/stat", pid(&server));
    let is_gone = || match std::fs::read_to_string(&running) {
        Ok(stat) => stat.contains(") Z ").then_some(()),
        Err(_) => Some(()),
    };
    assert!(is_gone().is_none());
    let began = Instant::now();
    drop(keeping(server, ""));
    comes(is_gone).await;
    assert!(began.elapsed() < Duration::from_secs(4), "{:?}", began.elapsed());
}
