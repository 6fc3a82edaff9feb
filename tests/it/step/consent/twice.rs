//! Two implementations of the decision, of which neither knows the other, come to the same.

use mylife::consent::decide::{Verdict, decide};
use proptest::{
    prelude::*,
    test_runner::{Config, TestRunner},
};

use super::{
    twin::{Decision, Reading, Twin},
    world::{World, worlds},
};

fn product(world: &World) -> Decision {
    let Verdict { permit, basis, .. } =
        decide(&world.snapshot(), &world.asker(), &world.thing.unit());
    Decision { permit, basis: basis.iter().map(ToString::to_string).collect() }
}

/// Compares on so many inputs; the share of permits among them must be worth comparing.
fn compare(cases: u32) {
    let config = Config { cases, failure_persistence: None, ..Config::default() };
    let permits = std::cell::Cell::new(0);
    let outcome = TestRunner::new(config).run(&worlds(), |world| {
        let ours = product(&world);
        permits.set(permits.get() + u32::from(ours.permit));
        prop_assert_eq!(&ours, &Twin::new(&world, Reading::Closed).decide());
        // What the letter of the text leaves open is never opened.
        let letter = Twin::new(&world, Reading::Letter).decide();
        prop_assert!(letter.permit || !ours.permit, "{:?}", letter);
        Ok(())
    });
    if let Err(why) = outcome {
        panic!("{why}");
    }
    assert!(permits.get() > cases / 20, "{} permits are too few", permits.get());
}

#[test]
fn twenty_thousand_inputs_are_decided_alike() {
    compare(20_000);
}

mod long {
    #[test]
    fn a_million_inputs_are_decided_alike() {
        super::compare(1_000_000);
    }
}
