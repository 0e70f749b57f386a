//! The parts of a plan that workers take add up to it.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use proptest::prelude::*;

use super::*;
use crate::client::Target;
use crate::measure::{MemberChange, MemberEvent};
use crate::plan::{Plan, any};
use crate::scenario::{Overrides, Source, read};

fn plan() -> Arc<Plan> {
    let text = r#"
        format = 1
        name = "shares"
        [target]
        builtin = "rooms"
        [rooms.lobby]
        size = 5
        [[cohort]]
        name = "talkers"
        clients = 13
        join = { rooms = "lobby" }
        publish = { rate = "2/s" }
        [[cohort]]
        name = "listeners"
        clients = 6
        join = { rooms = "lobby" }
        [[phase]]
        name = "ramp"
        duration = "5s"
        clients = "0% -> 100%"
        [[phase]]
        name = "steady"
        duration = "10s"
        [[fault]]
        at = "7s"
        kind = "reset"
        clients = "50%"
    "#;
    let source = Source { name: "test".to_owned(), text: text.to_owned() };
    Arc::new(Plan::new(read(&source, &Overrides::default()).unwrap()))
}

fn share(plan: &Arc<Plan>, worker: u16, workers: u16) -> Worker {
    let target = Target {
        url: "ws://127.0.0.1:1/".to_owned(),
        addresses: vec!["127.0.0.1:1".parse().unwrap()],
        user_agent: "uproar".to_owned(),
        headers: Vec::new(),
        subprotocols: Vec::new(),
        tls: None,
        login_hosts: Vec::new(),
        source_addresses: Vec::new(),
        connect_timeout: Duration::from_secs(1),
        message_bytes_max: 1 << 20,
        read_buffer_bytes: 1024,
    };
    let (plan, target) = (Arc::clone(plan), target.into());
    let (logged_in, cores) = (Vec::new(), Vec::new());
    let prepare = Prepare { plan, target, logged_in, run: 7, worker, workers, cores };
    Worker::new(Part::draw(prepare), Clock::starting_at(Instant::now()))
}

/// Everything a worker will do for its clients, by client.
fn agenda(worker: &Worker) -> BTreeMap<u32, Vec<(u64, String)>> {
    let mut found: BTreeMap<u32, Vec<(u64, String)>> = BTreeMap::new();
    for slot in &worker.slots {
        found.insert(slot.client.id, Vec::new());
    }
    while let Some((at_us, event)) = worker.ctx.agenda.take_due(u64::MAX) {
        let mut note = |local: u32, what: String| {
            let id = worker.slots[local as usize].client.id;
            found.entry(id).or_default().push((at_us, what));
        };
        match event {
            Event::Start(local) => note(local, "start".to_owned()),
            Event::Stop(local) => note(local, "stop".to_owned()),
            Event::LeaveServer(local) => {
                note(local, "leave".to_owned());
                let (slot, ctx) = (&worker.slots[local as usize], &worker.ctx);
                slot.schedule_leave_server(&ctx.plan, &ctx.agenda, at_us);
            }
            Event::LeaveRoom(local) => {
                let (slot, ctx) = (&worker.slots[local as usize], &worker.ctx);
                let rooms = ctx.plan.memberships(slot.client.id).len();
                let room = slot.room_churns.borrow_mut().choose(rooms);
                note(local, format!("leave {room}"));
                slot.schedule_leave_room(&ctx.plan, &ctx.agenda, at_us);
            }
            Event::Publish(local) => {
                let slot = &worker.slots[local as usize];
                note(local, format!("{:?}", slot.next.get()));
                slot.schedule_publish(&worker.ctx.plan, &worker.ctx.agenda);
            }
            Event::Act(local, action) => {
                let slot = &worker.slots[local as usize];
                let (plan, agenda) = (&worker.ctx.plan, &worker.ctx.agenda);
                let due = slot.take_action(plan, agenda, usize::from(action));
                note(local, format!("act {action} {due:?}"));
            }
            Event::Fault(index) => {
                let victims = &worker.ctx.plan.faults[index as usize].victims;
                for (local, slot) in (0..).zip(&worker.slots) {
                    if victims.contains(&slot.client.id) {
                        note(local, "fault".to_owned());
                    }
                }
            }
        }
    }
    found
}

#[test]
fn shares_add_up_to_the_plan() {
    let plan = plan();
    let whole = agenda(&share(&plan, 0, 1));
    assert_eq!(whole.len(), 19);
    assert!(whole.values().map(Vec::len).sum::<usize>() > 300);
    for workers in 2..=7 {
        let mut together = BTreeMap::new();
        for worker in 0..workers {
            for (client, events) in agenda(&share(&plan, worker, workers)) {
                assert!(together.insert(client, events).is_none(), "client {client} is twice");
            }
        }
        assert_eq!(together, whole, "with {workers} workers");
    }
}

/// A panic is a mistake of ours: it must be told, and leave nobody waiting for the client.
#[test]
fn a_client_whose_task_panics_is_told_of_and_gone() {
    let plan = plan();
    let room = plan.memberships(4)[0].room;
    let runtime = Builder::new_current_thread().enable_all().build_local(Default::default());
    let (replies, mut received) = tokio::sync::mpsc::channel(8);
    let (_coordinator, commands) = tokio::sync::mpsc::channel(1);
    let end = WorkerEnd { worker: 1, commands, replies };
    runtime.unwrap().block_on(async {
        let worker = share(&plan, 1, 3);
        let client = Rc::clone(&worker.slots[1].client);
        assert_eq!(client.id, 4);
        let ctx = Rc::clone(&worker.ctx);
        let task = worker.spawn(&client, async move {
            ctx.up.set(1);
            for change in [MemberChange::JoinWritten { room }, MemberChange::Joined { room }] {
                let event = MemberEvent { client: 4, at_us: ctx.clock.now_us(), change };
                ctx.recorder.borrow_mut().ledger.member(event);
            }
            // In the middle of a record.
            let _recorder = ctx.recorder.borrow_mut();
            panic!("a mistake of ours");
        });
        client.mailbox.set_active(true);
        task.await.unwrap();
        assert!(client.gave_up.get() && !client.mailbox.is_active());
        worker.report(&end, worker.snapshot()).await;
        worker.report(&end, worker.snapshot()).await;
    });
    let mut told = || received.try_recv().ok();
    let Some((1, Reply::Snapshot(snapshot))) = told() else { panic!("no snapshot") };
    assert_eq!(snapshot.health.clients_up, 0);
    let text = serde_json::to_value(&*snapshot).unwrap()["ledger"]["members"].to_string();
    assert!(text.contains("Failed") && text.contains("Gone"), "{text}");
    let Some((1, Reply::ClientsPanicked { first: 4, clients: 1, why })) = told() else {
        panic!("not told of");
    };
    assert_eq!(why, "a mistake of ours");
    assert!(matches!(told(), Some((1, Reply::Snapshot(_)))) && told().is_none());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn shares_add_up_to_any_plan(shape in any::shape(), seed in 0..u64::MAX / 4, workers in 1_u16..9) {
        let plan = Arc::new(shape.plan(seed));
        let mut together = BTreeMap::new();
        for worker in 0..workers {
            for (client, events) in agenda(&share(&plan, worker, workers)) {
                prop_assert!(together.insert(client, events).is_none(), "client {} is twice", client);
            }
        }
        prop_assert_eq!(&together, &agenda(&share(&plan, 0, 1)));
        // And that is what the plan says, message by message.
        prop_assert_eq!(together.len(), plan.client_count() as usize);
        for (client, events) in together {
            let windows = plan.windows(client);
            let mut publishes = plan.publishes(client);
            let next = || plan.next_due(client, &windows, &mut publishes);
            let dues = std::iter::from_fn(next).map(|due| (due.at_us, format!("{:?}", Some(due))));
            let done = events.into_iter().filter(|(_, what)| what.starts_with("Some"));
            prop_assert_eq!(done.collect::<Vec<_>>(), dues.collect::<Vec<_>>());
        }
    }
}
