//! Who is in which room: memberships drawn once, from the seed.

use rand::RngExt;
use rand::distr::Distribution;
use rand_distr::Zipf;
use rand_pcg::Pcg64Mcg;
use rustc_hash::FxHashSet;

use super::seeds;
use crate::protocol::Audience;
use crate::scenario::{Pick, RoomCount, Scenario};

/// A room and everyone who is ever a member of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Room {
    /// The set it belongs to; `None` for the implicit rooms of echo and broadcast.
    pub set: Option<usize>,
    /// Its number within the set, from 0.
    pub n: u32,
    /// Client numbers, by slot.
    pub members: Vec<u32>,
}

/// A client's place in a room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Membership {
    /// Index into the plan's rooms.
    pub room: u32,
    /// Index into the room's members.
    pub slot: u32,
}

/// All rooms, and each client's memberships.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Rooms {
    pub(super) rooms: Vec<Room>,
    /// For each room set, the first of its rooms and their number.
    pub(super) sets: Vec<(u32, u32)>,
    /// The room of those whose protocol has no rooms.
    everyone: Option<u32>,
    memberships: Vec<Membership>,
    /// Where a client's memberships start; one more entry than clients.
    starts: Vec<u32>,
}

impl Rooms {
    pub(super) fn of(&self, client: u32) -> &[Membership] {
        let at = client as usize;
        &self.memberships[self.starts[at] as usize..self.starts[at + 1] as usize]
    }

    pub(super) fn memberships(&self) -> usize {
        self.memberships.len()
    }

    /// Draws the memberships of every client, cohort after cohort.
    pub(super) fn draw(scenario: &Scenario) -> Self {
        let mut rooms = Self { starts: vec![0], ..Self::default() };
        // Even picks go on where the cohort before stopped, so that cohorts mix in every room.
        let mut turns = Vec::new();
        for (index, set) in scenario.room_sets.iter().enumerate() {
            let (count, last) = room_count(scenario, index, &set.rooms);
            turns.push(Turns { turn: 0, count, last });
            rooms.sets.push((rooms.rooms.len() as u32, count));
            rooms.rooms.extend((0..count).map(|n| Room {
                set: Some(index),
                n,
                members: Vec::new(),
            }));
        }
        let mut client = 0;
        for (index, cohort) in scenario.cohorts.iter().enumerate() {
            let mut rng = seeds::rng(scenario.seed, seeds::ROOMS, index as u64);
            for _ in 0..cohort.clients {
                match (&cohort.join, cohort.protocol.audience()) {
                    (Some(join), _) => {
                        let (first, _) = rooms.sets[join.set];
                        let picks =
                            pick(join.pick, join.per_client, &mut turns[join.set], &mut rng);
                        for n in picks {
                            rooms.add(client, first + n);
                        }
                    }
                    (None, Audience::Alone) => rooms.add_alone(client),
                    (None, Audience::Everyone) => rooms.add_to_all(client),
                    (None, Audience::Joined | Audience::Connected | Audience::Feed) => {}
                }
                rooms.starts.push(rooms.memberships.len() as u32);
                client += 1;
            }
        }
        rooms
    }

    fn add(&mut self, client: u32, room: u32) {
        let members = &mut self.rooms[room as usize].members;
        self.memberships.push(Membership { room, slot: members.len() as u32 });
        members.push(client);
    }

    fn add_alone(&mut self, client: u32) {
        self.rooms.push(Room { set: None, n: client, members: Vec::new() });
        self.add(client, self.rooms.len() as u32 - 1);
    }

    fn add_to_all(&mut self, client: u32) {
        let room = *self.everyone.get_or_insert_with(|| {
            self.rooms.push(Room::default());
            self.rooms.len() as u32 - 1
        });
        self.add(client, room);
    }
}

/// How many rooms, and how full the last one is where all others are as large as `size` says: members of
/// it, and of the others.
fn room_count(scenario: &Scenario, set: usize, rooms: &RoomCount) -> (u32, Option<(u64, u64)>) {
    match rooms {
        RoomCount::Count(count) => ((*count).max(1), None),
        RoomCount::Names(names) => ((names.len() as u32).max(1), None),
        RoomCount::Size(size) => {
            let joins = scenario.cohorts.iter().filter_map(|cohort| {
                let join = cohort.join.as_ref().filter(|join| join.set == set)?;
                Some((u64::from(cohort.clients) * u64::from(join.per_client), join.per_client))
            });
            let (members, widest) = joins.fold((0, 1), |(members, widest), (more, per_client)| {
                (members + more, widest.max(per_client))
            });
            // A client needs as many rooms as it joins, whatever their size.
            let size = u64::from((*size).max(1));
            let by_size = u32::try_from(members.div_ceil(size)).unwrap_or(u32::MAX);
            let last = members % size;
            let is_partial = last > 0 && by_size >= widest;
            (by_size.max(widest), is_partial.then_some((last, size)))
        }
    }
}

/// Rooms of a set in turn.
struct Turns {
    turn: u64,
    count: u32,
    /// Of the last room, where it is smaller than the others: its members, and theirs.
    last: Option<(u64, u64)>,
}

impl Turns {
    /// The next room. Rooms of a `size` are that large but for the last: spread evenly, people who come
    /// would make all of them smaller, and the load would fall as they grow. The last one is passed over in
    /// even steps, so that cohorts mix in it too.
    fn next(&mut self) -> u32 {
        let count = u64::from(self.count);
        loop {
            let (round, room) = (self.turn / count, self.turn % count);
            self.turn += 1;
            let is_passed_over = self.last.is_some_and(|(last, size)| {
                room + 1 == count && (round + 1) * last / size == round * last / size
            });
            if !is_passed_over {
                return room as u32;
            }
        }
    }
}

/// Distinct rooms for one client, at most `count`.
fn pick(pick: Pick, per_client: u32, turns: &mut Turns, rng: &mut Pcg64Mcg) -> Vec<u32> {
    let count = turns.count;
    let wanted = per_client.min(count) as usize;
    let mut picked = Vec::with_capacity(wanted);
    let mut known = FxHashSet::default();
    // Drawing distinct rooms from a steep Zipf may take long: the rest is filled in turn.
    let mut draws = 64 * wanted;
    while picked.len() < wanted {
        let room = match pick {
            Pick::Even => turns.next(),
            _ if draws == 0 => turns.next(),
            Pick::Random => rng.random_range(0..count),
            Pick::Zipf { exponent } => zipf(count, exponent, rng).unwrap_or_else(|| turns.next()),
        };
        draws = draws.saturating_sub(1);
        if known.insert(room) {
            picked.push(room);
        }
    }
    picked
}

/// `None` where the exponent is out of the distribution's range, which validation refuses.
fn zipf(count: u32, exponent: f64, rng: &mut Pcg64Mcg) -> Option<u32> {
    let zipf = Zipf::new(f64::from(count), exponent).ok()?;
    Some((zipf.sample(rng) as u32).clamp(1, count) - 1)
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;

    use super::*;
    use crate::plan::Plan;
    use crate::scenario::{Overrides, Source, read};

    fn plan(builtin: &str, rest: &str) -> Plan {
        let text = format!(
            r#"
            format = 1
            name = "rooms"
            seed = 7
            [target]
            builtin = "{builtin}"
            {rest}
            [[phase]]
            name = "steady"
            duration = "10s"
            "#
        );
        let source = Source { name: "test".to_owned(), text };
        Plan::new(
            read(&source, &Overrides::default()).unwrap_or_else(|mistakes| panic!("{mistakes:?}")),
        )
    }

    fn members(plan: &Plan) -> Vec<(Option<usize>, u32, Vec<u32>)> {
        plan.rooms().iter().map(|room| (room.set, room.n, room.members.clone())).collect()
    }

    /// Three cohorts in two sets: 4 with two rooms each and 5 with one, and 3 in rooms of their own.
    fn cohorts(lobby: &str, news: &str) -> String {
        format!(
            r#"
            [rooms.lobby]
            {lobby}
            [rooms.news]
            {news}
            [[cohort]]
            name = "two"
            clients = 4
            join = {{ rooms = "lobby", per_client = 2 }}
            [[cohort]]
            name = "readers"
            clients = 3
            join = {{ rooms = "news" }}
            [[cohort]]
            name = "one"
            clients = 5
            join = {{ rooms = "lobby" }}
            "#
        )
    }

    #[test]
    fn rooms_of_a_size_are_that_large_but_for_the_last_whatever_the_clients() {
        let sizes = |talkers: u32, readers: u32| {
            let text = format!(
                r#"
                [rooms.lobby]
                size = 50
                [[cohort]]
                name = "talkers"
                clients = {talkers}
                join = {{ rooms = "lobby" }}
                [[cohort]]
                name = "readers"
                clients = {readers}
                join = {{ rooms = "lobby" }}
                "#
            );
            let plan = plan("rooms", &text);
            plan.rooms().iter().map(|room| room.members.clone()).collect::<Vec<_>>()
        };
        let lengths = |rooms: &[Vec<u32>]| rooms.iter().map(Vec::len).collect::<Vec<_>>();
        assert_eq!(lengths(&sizes(100, 100)), [50, 50, 50, 50]);
        assert_eq!(lengths(&sizes(100, 101)), [50, 50, 50, 50, 1]);
        assert_eq!(lengths(&sizes(112, 112)), [50, 50, 50, 50, 24]);
        assert_eq!(lengths(&sizes(3, 4)), [7]);
        // Both cohorts are in every room, half and half.
        for room in sizes(112, 112) {
            let talkers = room.iter().filter(|client| **client < 112).count();
            assert!(room.len().abs_diff(2 * talkers) <= 3, "{talkers} of {}", room.len());
        }
    }

    #[test]
    fn even_picks_fill_the_rooms_in_turn_and_cohorts_mix() {
        let plan = plan("rooms", &cohorts("count = 3", "count = 2"));
        assert_eq!(
            members(&plan),
            [
                (Some(0), 0, vec![0, 1, 3, 8, 11]),
                (Some(0), 1, vec![0, 2, 3, 9]),
                (Some(0), 2, vec![1, 2, 7, 10]),
                (Some(1), 0, vec![4, 6]),
                (Some(1), 1, vec![5]),
            ]
        );
        assert_eq!([0, 1].map(|set| plan.rooms_of_set(set)), [(0, 3), (3, 2)]);
        // The third client's rooms, which are the third and the second, and its places in them.
        let slot = |room, slot| Membership { room, slot };
        assert_eq!(plan.memberships(2), [slot(1, 1), slot(2, 1)]);
        assert_eq!(plan.memberships(11), [slot(0, 4)]);
        assert_eq!(plan.membership_count(), 16, "4 × 2 + 3 + 5");
    }

    #[test]
    fn a_size_makes_as_many_rooms_as_its_members_need() {
        use RoomCount::{Count, Names, Size};
        // 13 memberships in the lobby and 3 in the news.
        for (lobby, news, counts) in [
            (Size(4), Size(3), [4, 1]),
            (Size(100), Size(2), [2, 2]), // a client's two rooms differ
            (Size(5), Size(1), [3, 3]),
            (Size(1), Size(1_000_000), [13, 1]),
            (Count(6), Count(1), [6, 1]),
            (Count(2), Names(["a", "b", "c"].map(str::to_owned).into()), [2, 3]),
        ] {
            let mut scenario = plan("rooms", &cohorts("count = 2", "count = 1")).scenario;
            scenario.room_sets[0].rooms = lobby.clone();
            scenario.room_sets[1].rooms = news;
            let plan = Plan::new(scenario);
            assert_eq!([0, 1].map(|set| plan.rooms_of_set(set).1), counts, "{lobby:?}");
            assert_eq!(plan.rooms().len() as u32, counts[0] + counts[1]);
        }
    }

    #[test]
    fn protocols_without_rooms_have_implicit_ones() {
        let people = "[[cohort]]\nname = \"a\"\nclients = 2\n[[cohort]]\nname = \"b\"\nclients = 1";
        let alone = [(None, 0, vec![0]), (None, 1, vec![1]), (None, 2, vec![2])];
        assert_eq!(members(&plan("echo", people)), alone);
        assert_eq!(members(&plan("broadcast", people)), [(None, 0, vec![0, 1, 2])]);
        assert_eq!(members(&plan("feed", people)), []);
    }

    #[test]
    fn a_random_pick_is_random_to_its_last_room() {
        for seed in 0..20 {
            let mut turns = Turns { turn: 0, count: 20, last: None };
            let mut rng = Pcg64Mcg::seed_from_u64(seed);
            let mut picked = pick(Pick::Random, 30, &mut turns, &mut rng);
            picked.sort_unstable();
            assert_eq!(picked, Vec::from_iter(0..20), "each once");
            assert_eq!(turns.turn, 0, "none was filled in turn");
        }
    }

    #[test]
    fn a_pick_that_hardly_ever_finds_another_room_is_filled_in_turn() {
        let mut turns = Turns { turn: 3, count: 20, last: None };
        let mut rng = Pcg64Mcg::seed_from_u64(7);
        let steep = Pick::Zipf { exponent: 10.0 };
        let mut picked = pick(steep, 20, &mut turns, &mut rng);
        assert!(turns.turn > 3 + 10, "most were: {}", turns.turn);
        picked.sort_unstable();
        assert_eq!(picked, Vec::from_iter(0..20));
    }

    #[test]
    fn zipf_takes_room_k_as_often_as_one_in_k() {
        let mut rng = Pcg64Mcg::seed_from_u64(7);
        let mut times = [0_u32; 4];
        for _ in 0..25_000 {
            times[zipf(4, 1.0, &mut rng).unwrap() as usize] += 1;
        }
        // 1 + 1/2 + 1/3 + 1/4 is 25/12. Standard deviations are at most 79.
        let expected = [12_000, 6_000, 4_000, 3_000_u32];
        let far = times.iter().zip(expected).find(|(found, wanted)| found.abs_diff(*wanted) > 400);
        assert_eq!(far, None, "{times:?}");
        assert_eq!(zipf(4, -1.0, &mut rng), None);
    }
}
