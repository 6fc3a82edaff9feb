//! What is about several people is decided for each of them, and each must permit it.

use mylife::{
    consent::{
        boundary::boundaries,
        decide::{Member, Snapshot, decide},
    },
    domain::person::Named,
    unit::Unit,
};
use proptest::prelude::*;

use super::world::{World, worlds};

fn named() -> Named {
    Named { owner: "source".into(), local: "eetu".into() }
}

/// The first person's snapshot, with somebody else beside them, and the unit that is about both.
fn together(one: &World, other: &World) -> (Snapshot, Unit) {
    let member = Member {
        named: named(),
        snapshot: other.snapshot(),
        asker: one.asker(),
        stance: other.thing.stance,
    };
    let snapshot = Snapshot { members: [member].into(), ..one.snapshot() };
    (snapshot, Unit { members: [named()].into(), ..one.thing.unit() })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1500))]

    #[test]
    fn both_must_permit(one in worlds(), other in worlds()) {
        let (snapshot, unit) = together(&one, &other);
        let (asker, alone) = (one.asker(), one.thing.unit());
        let own = decide(&one.snapshot(), &asker, &alone);
        let theirs = Unit { minor_stance: other.thing.stance, ..alone };
        let theirs = decide(&other.snapshot(), &asker, &theirs);
        let both = decide(&snapshot, &asker, &unit);
        prop_assert_eq!(both.permit, own.permit && theirs.permit);
        // What the other gave is told to nobody.
        prop_assert!(both.basis.iter().all(|id| own.basis.contains(id)));
        prop_assert!(both.permit || both.basis.is_empty());
    }

    #[test]
    fn whoever_is_named_and_not_known_permits_nothing(one in worlds()) {
        let unit = Unit { members: [named()].into(), ..one.thing.unit() };
        prop_assert!(!decide(&one.snapshot(), &one.asker(), &unit).permit);
    }

    #[test]
    fn a_decision_ends_where_that_of_any_of_them_does(one in worlds(), other in worlds()) {
        let (snapshot, _) = together(&one, &other);
        let asker = one.asker();
        let all = boundaries(&snapshot, &asker);
        let each = [boundaries(&one.snapshot(), &asker), boundaries(&other.snapshot(), &asker)];
        prop_assert!(each.iter().flatten().all(|at| all.contains(at)));
    }
}
