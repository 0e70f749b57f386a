//! Whom a message is for.

use super::*;

#[test]
fn who_hears_a_publish_is_who_is_expected_to() {
    let members = plan().rooms()[0].members.len() as u64;
    assert!(plan().rooms()[0].members.contains(&0), "its author is a member");
    for (recipients, addressed) in [
        (Recipients::Room, members),
        (Recipients::Others, members - 1),
        (Recipients::Sender, 1),
        (Recipients::Nobody, 0),
    ] {
        let plan = relaying(recipients);
        for heard in [false, true] {
            let mut coordinator = everyone_in(&plan);
            say(&mut coordinator, 0, S, S);
            for slot in 0..if heard { members as u32 } else { 0 } {
                hear(&mut coordinator, 0, slot, S, S + 5);
            }
            coordinator.settler.finish(&mut coordinator.spreads, &mut coordinator.recoveries);
            let found = sum(&coordinator);
            assert_eq!(found.expected, addressed, "{recipients:?}");
            let outcome = (found.delivered, found.lost, found.unexpected);
            let expected =
                if heard { (addressed, 0, members - addressed) } else { (0, addressed, 0) };
            assert_eq!(outcome, expected, "{recipients:?}");
        }
    }
}
