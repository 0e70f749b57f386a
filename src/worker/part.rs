//! A worker's part of the plan, drawn before the run starts: its clients, their first events,
//! the names of the rooms. For many clients this takes a while, and the run's clock must not
//! tick meanwhile.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use tokio::task::JoinHandle;

use super::link::Prepare;
use super::run_name;
use crate::client::{Agenda, Client, Event, Line};
use crate::machine::clock::micros;
use crate::plan::{Churns, Due, Plan, Publishes, Window};
use crate::scenario::Load;

/// Everything of a worker that does not need the clock.
pub(super) struct Part {
    pub(super) prepare: Prepare,
    pub(super) agenda: Agenda,
    pub(super) slots: Vec<Slot>,
    /// By room number; empty for rooms without a name.
    pub(super) room_names: Vec<String>,
}

/// One of the worker's clients, up or not.
pub(super) struct Slot {
    pub(super) client: Rc<Client>,
    pub(super) line: Rc<Line>,
    pub(super) windows: Vec<Window>,
    pub(super) publishes: RefCell<Publishes>,
    /// The message that the agenda's next `Publish` is for; `None` in a closed loop.
    pub(super) next: Cell<Option<Due>>,
    /// By action: when, and the one that the agenda's next `Act` is for.
    actions: RefCell<Vec<(Publishes, Option<Due>)>>,
    connection_churns: RefCell<Churns>,
    pub(super) room_churns: RefCell<Churns>,
    pub(super) task: RefCell<Option<JoinHandle<()>>>,
}

impl Part {
    /// Takes every `workers`-th client and fills the agenda with what each does first.
    pub(super) fn draw(prepare: Prepare) -> Self {
        let Prepare { plan, worker, workers, .. } = &prepare;
        let mine = |id: &u32| id % u32::from(*workers) == u32::from(*worker);
        let slots: Vec<Slot> = (0..plan.client_count())
            .filter(mine)
            .zip(0..)
            .map(|(id, local)| Slot::new(plan, id, local))
            .collect();
        let agenda = Agenda::default();
        for slot in &slots {
            slot.schedule_first(plan, &agenda);
        }
        for (index, fault) in (0_u32..).zip(&plan.faults) {
            agenda.add(fault.at_us, Event::Fault(index));
        }
        let run_name = run_name(prepare.run);
        let rooms = 0..plan.rooms().len() as u32;
        let room_names =
            rooms.map(|room| plan.room_name(room, &run_name).unwrap_or_default()).collect();
        Self { agenda, slots, room_names, prepare }
    }
}

impl Slot {
    fn new(plan: &Plan, id: u32, local: u32) -> Self {
        let client = Client::new(id, local, plan.cohort_of(id));
        let publish = plan.cohort(id).publish.as_ref();
        if let Some(Load::Closed { in_flight, answer_within, .. }) = publish.map(|of| of.load) {
            client.close_loop(in_flight, micros(answer_within));
        }
        Self {
            client: Rc::new(client),
            line: Rc::default(),
            windows: plan.windows(id),
            publishes: RefCell::new(plan.publishes(id)),
            next: Cell::new(None),
            actions: RefCell::new(plan.actions(id).into_iter().map(|at| (at, None)).collect()),
            connection_churns: RefCell::new(plan.connection_churns(id)),
            room_churns: RefCell::new(plan.room_churns(id)),
            task: RefCell::new(None),
        }
    }

    fn schedule_first(&self, plan: &Plan, agenda: &Agenda) {
        let local = self.client.local;
        for window in &self.windows {
            agenda.add(window.on_us, Event::Start(local));
            // Everyone who is up at the end stays for the drain.
            if window.off_us < plan.end_us() {
                agenda.add(window.off_us, Event::Stop(local));
            }
        }
        let Some(first) = self.windows.first() else { return };
        self.schedule_publish(plan, agenda);
        let actions = self.actions.borrow().len();
        for action in 0..actions {
            self.take_action(plan, agenda, action);
        }
        self.schedule_leave_server(plan, agenda, first.on_us);
        self.schedule_leave_room(plan, agenda, first.on_us);
    }

    /// Adds the client's next message, if it has one.
    pub(super) fn schedule_publish(&self, plan: &Plan, agenda: &Agenda) {
        let mut publishes = self.publishes.borrow_mut();
        let due = plan.next_due(self.client.id, &self.windows, &mut publishes);
        self.next.set(due);
        if let Some(due) = due {
            agenda.add(due.at_us, Event::Publish(self.client.local));
        }
    }

    /// Gives the action that is due, and adds the next one, if there is one.
    pub(super) fn take_action(&self, plan: &Plan, agenda: &Agenda, action: usize) -> Option<Due> {
        let mut actions = self.actions.borrow_mut();
        let (stream, next) = actions.get_mut(action)?;
        let due = next.take();
        *next = plan.next_action(self.client.id, action, &self.windows, stream);
        if let Some(next) = next {
            agenda.add(next.at_us, Event::Act(self.client.local, action as u16));
        }
        due
    }

    /// Adds the next time the client leaves on purpose.
    pub(super) fn schedule_leave_server(&self, plan: &Plan, agenda: &Agenda, after_us: u64) {
        let event = Event::LeaveServer(self.client.local);
        schedule_churn(&self.connection_churns, plan, agenda, after_us, event);
    }

    /// Adds the next time the client leaves a room on purpose.
    pub(super) fn schedule_leave_room(&self, plan: &Plan, agenda: &Agenda, after_us: u64) {
        let event = Event::LeaveRoom(self.client.local);
        schedule_churn(&self.room_churns, plan, agenda, after_us, event);
    }
}

fn schedule_churn(
    churns: &RefCell<Churns>,
    plan: &Plan,
    agenda: &Agenda,
    after_us: u64,
    event: Event,
) {
    let next = churns.borrow_mut().next(after_us);
    if let Some(at_us) = next.filter(|at_us| *at_us < plan.end_us()) {
        agenda.add(at_us, event);
    }
}
