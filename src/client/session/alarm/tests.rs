use std::future::poll_fn;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Poll, Wake, Waker};
use std::time::Duration;

use super::*;

const MS: u64 = 1_000;

/// Counts how often it was woken.
#[derive(Default)]
struct Woken(AtomicUsize);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

/// A clock that stands still with tokio's.
fn clock() -> Clock {
    Clock::starting_at(tokio::time::Instant::now().into_std())
}

fn now_us() -> impl Fn() -> u64 {
    let began = tokio::time::Instant::now();
    move || began.elapsed().as_micros() as u64
}

#[tokio::test(start_paused = true)]
async fn it_wakes_the_task_at_the_deadline_and_rings_for_it_once() {
    let (clock, now_us, mut alarm) = (clock(), now_us(), Alarm::new());
    poll_fn(|cx| match alarm.poll(cx, &clock, 30 * MS, now_us()) {
        true => Poll::Ready(()),
        false => Poll::Pending,
    })
    .await;
    assert!((30 * MS..32 * MS).contains(&now_us()), "{}", now_us());
    let again = poll_fn(|cx| Poll::Ready(alarm.poll(cx, &clock, 30 * MS, now_us()))).await;
    assert!(!again, "acting on it twice would spin");
    let next = poll_fn(|cx| Poll::Ready(alarm.poll(cx, &clock, 31 * MS, 40 * MS))).await;
    assert!(!next && alarm.wakes_by(31 * MS) && !alarm.wakes_by(30 * MS));
}

#[tokio::test(start_paused = true)]
async fn a_deadline_that_moves_on_leaves_it_as_it_is_and_an_earlier_one_sets_it_again() {
    let (clock, now_us, mut alarm) = (clock(), now_us(), Alarm::new());
    let woken = Arc::<Woken>::default();
    let waker = Waker::from(Arc::clone(&woken));
    let mut poll = |deadline_us| {
        let now_us = now_us();
        let rang = alarm.poll(&mut Task::from_waker(&waker), &clock, deadline_us, now_us);
        (rang, alarm.at_us)
    };
    assert_eq!(poll(50 * MS), (false, 50 * MS));
    assert_eq!(poll(90 * MS), (false, 50 * MS), "it rings too early");
    assert_eq!(poll(20 * MS), (false, 20 * MS));
    tokio::time::sleep(Duration::from_millis(25)).await;
    assert_eq!(woken.0.load(Ordering::Relaxed), 1);
    // Woken too early, for what has moved on since.
    assert_eq!(poll(90 * MS), (false, 90 * MS));
    tokio::time::sleep(Duration::from_millis(60)).await;
    assert_eq!(woken.0.load(Ordering::Relaxed), 1);
    tokio::time::sleep(Duration::from_millis(10)).await;
    assert_eq!(woken.0.load(Ordering::Relaxed), 2);
    assert_eq!(poll(90 * MS), (true, 90 * MS));
}

#[tokio::test(start_paused = true)]
async fn without_a_deadline_it_rests_unless_one_comes_again() {
    let (clock, mut alarm) = (clock(), Alarm::new());
    let mut task = Task::from_waker(Waker::noop());
    assert!(!alarm.poll(&mut task, &clock, 50 * MS, 0));
    alarm.rest(true, 20 * MS);
    assert!(alarm.wakes_by(50 * MS) && alarm.sleep.is_some());
    alarm.rest(false, 20 * MS);
    assert!(!alarm.wakes_by(u64::MAX) && alarm.sleep.is_none());
    assert!(!alarm.poll(&mut task, &clock, 50 * MS, 0));
    alarm.rest(true, 50 * MS);
    assert!(!alarm.wakes_by(u64::MAX), "it has rung already");
}
