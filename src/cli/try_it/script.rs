//! What the two clients do, and what of it came back.
//!
//! Both connect, join, publish three messages each, listen for what they are owed, leave and go. What
//! goes wrong on the way ends it, but for a leave; everything that was seen until then is in the tally.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::rc::Rc;
use std::time::Duration;

use tokio::time::Instant;

use super::outcome::{Broke, Outcome, Tally};
use super::page::Page;
use super::transcript::Column;
use crate::client::{Answer, DialError, Exchange, Guest, Request, Told, Visit, Watch, log_in};
use crate::machine::clock::Clock;
use crate::protocol::description::Each;
use crate::protocol::scope::Person;
use crate::protocol::{Audience, Recipients};
use crate::stamp::texts::Texts;
use crate::stamp::write_payload;

/// Messages each client publishes.
const MESSAGES: u32 = 3;
/// Which of them says what people say, where the scenario has no texts.
const PEOPLES: u32 = 2;
/// Events of a feed that each client waits for.
const EVENTS: u32 = 3;
/// How long both go on listening once they have heard what they are owed: a copy that should not
/// come, or a second one, comes after it.
const LISTEN_ON: Duration = Duration::from_millis(300);

/// What is published.
#[derive(Clone, Debug)]
pub(super) struct Payloads {
    /// Of each, in bytes.
    pub(super) bytes: usize,
    /// What they say: that of the scenario, or of one message that shows what the server does to
    /// what people write.
    pub(super) texts: Option<Texts>,
    /// Whether all of them say it, or the second only.
    pub(super) all: bool,
    /// Whether the third one belongs to the binary share.
    pub(super) binary: bool,
}

/// What one client is owed and has heard.
#[derive(Debug, Default)]
struct Ears {
    /// Messages by publisher and number.
    owed: BTreeSet<(u32, u32)>,
    heard: BTreeSet<(u32, u32)>,
    acks: BTreeSet<u64>,
    events: u32,
    tally: Tally,
}

impl Ears {
    fn hear(&mut self, told: Told, client: u32) {
        match told {
            Told::Heard(stamp, _) if stamp.seq > 0 => {
                let message = (stamp.publisher, stamp.seq);
                if !self.heard.insert(message) {
                    self.tally.twice += 1;
                    return;
                }
                let own = stamp.publisher == client;
                let owed = self.owed.remove(&message);
                match (owed, own) {
                    (true, true) => self.tally.own += 1,
                    (true, false) => self.tally.others += 1,
                    (false, true) => self.tally.own_unexpected += 1,
                    (false, false) => self.tally.others_unexpected += 1,
                }
            }
            Told::Acked(id) if self.acks.remove(&id) => self.tally.acked += 1,
            Told::Rejected(id, why) if self.acks.remove(&id) => {
                self.tally.rejected += 1;
                self.tally.refusal.get_or_insert(why);
            }
            Told::Event => self.events += 1,
            _ => {}
        }
    }

    fn is_content(&self, feed: bool) -> bool {
        if feed { self.events >= EVENTS } else { self.owed.is_empty() && self.acks.is_empty() }
    }
}

/// Goes through all of it. The second client visits as the first does.
pub(super) async fn play(
    visit: Visit<'_>,
    second: Person,
    columns: &mut [Column; 2],
    page: &Rc<RefCell<Page>>,
    payloads: Payloads,
    watch: Option<Duration>,
) -> (Outcome, Option<Broke>) {
    let protocol = visit.protocol;
    let (audience, recipients) = (protocol.audience(), protocol.recipients());
    let limit = visit.limit;
    let mut outcome = Outcome::default();
    let clock = Clock::starting_at(std::time::Instant::now());
    let [column_a, column_b] = columns;
    let broke = |client: u32, outcome: &mut Outcome, error: DialError| {
        (std::mem::take(outcome), Some(Broke { client, error }))
    };

    // Once for both, as in a run.
    let mut visit = visit;
    let told = |at, asked: &Request<'_>, answer: &Answer| {
        column_a.see(clock.now_us(), Exchange::LoggedIn(at, asked, answer), None);
    };
    let (target, person, traffic) = (visit.target, visit.person.clone(), Rc::default());
    let captured = &mut visit.captured;
    let each = Each::Run;
    if let Err(error) = log_in(target, protocol, each, &person, captured, &traffic, told).await {
        return broke(0, &mut outcome, error);
    }
    let second = Visit { person: second, ..visit.clone() };

    let mut a = match Guest::arrive(visit, clock, column_a).await {
        Ok(guest) => guest,
        Err(error) => return broke(0, &mut outcome, error),
    };
    if let Err(error) = a.join().await {
        return broke(0, &mut outcome, error);
    }
    outcome.got_in = true;
    let mut b = match Guest::arrive(second, clock, column_b).await {
        Ok(guest) => guest,
        Err(error) => return broke(1, &mut outcome, error),
    };
    if let Err(error) = b.join().await {
        return broke(1, &mut outcome, error);
    }

    let feed = audience == Audience::Feed || !protocol.publishes();
    let mut ears = [Ears::default(), Ears::default()];
    if !feed {
        for author in 0..2 {
            for seq in 1..=MESSAGES {
                for (receiver, ears) in (0_u32..).zip(&mut ears) {
                    if hears(recipients, author, receiver) {
                        ears.owed.insert((author, seq));
                        outcome.owed += 1;
                    }
                }
                let guest = if author == 0 { &mut a } else { &mut b };
                let binary = payloads.binary && seq == MESSAGES;
                let published = guest.publish(seq, binary, |stamp| {
                    let mut payload = String::new();
                    match &payloads.texts {
                        Some(texts) if payloads.all || seq == PEOPLES => {
                            texts.write(stamp, payloads.bytes, &mut payload);
                        }
                        _ => write_payload(stamp, payloads.bytes, &mut payload),
                    }
                    page.borrow_mut().publishes(author, seq, &payload);
                    payload
                });
                match published.await {
                    Ok(Some(id)) => {
                        page.borrow_mut().published_as(author, seq, id);
                        ears[author as usize].acks.insert(id);
                        outcome.acks_owed += 1;
                    }
                    Ok(None) => {}
                    Err(error) => return broke(author, &mut outcome, error),
                }
                outcome.published += 1;
            }
        }
    }

    let [ears_a, ears_b] = &mut ears;
    let listening = Listening { limit, feed, watch };
    let listened =
        tokio::join!(listening.listen(&mut a, 0, ears_a), listening.listen(&mut b, 1, ears_b));
    outcome.feed = feed;
    outcome.unpushed = ears.iter().filter(|ears| ears.events == 0).count() as u32;
    for ears in ears {
        outcome.events += ears.events;
        outcome.tally.add(ears.tally);
    }
    outcome.tally.changed = page.borrow().changes;
    match listened {
        (Err(error), _) => return broke(0, &mut outcome, error),
        (_, Err(error)) => return broke(1, &mut outcome, error),
        (Ok(()), Ok(())) => {}
    }

    for (client, mut guest) in [(0, a), (1, b)] {
        if let Err(error) = guest.leave().await {
            outcome.unleft.get_or_insert(Broke { client, error });
        }
        guest.part().await;
    }
    (outcome, None)
}

fn hears(recipients: Recipients, author: u32, receiver: u32) -> bool {
    match recipients {
        Recipients::Room => true,
        Recipients::Others => author != receiver,
        Recipients::Sender => author == receiver,
        Recipients::Nobody => false,
    }
}

/// How long both listen, and for what.
#[derive(Clone, Copy, Debug)]
struct Listening {
    limit: Duration,
    feed: bool,
    /// How much longer, whatever was heard.
    watch: Option<Duration>,
}

impl Listening {
    /// Listens until it has heard what it is owed, and a little longer.
    async fn listen(
        self,
        guest: &mut Guest<'_>,
        client: u32,
        ears: &mut Ears,
    ) -> Result<(), DialError> {
        let deadline = Instant::now() + self.limit;
        while !ears.is_content(self.feed) {
            match guest.listen(deadline).await? {
                Some(told) => ears.hear(told, client),
                None => break,
            }
        }
        let further = match self.watch {
            Some(watch) => watch,
            None if self.feed || !ears.is_content(self.feed) => return Ok(()),
            None => LISTEN_ON,
        };
        let deadline = Instant::now() + further;
        while let Some(told) = guest.listen(deadline).await? {
            ears.hear(told, client);
        }
        Ok(())
    }
}
