//! A whole federation in one process, under a network, a time and a chance that follow from a seed: a portal
//! and two holders are killed, cut off and kept waiting while somebody permits and withdraws and others ask,
//! and all that clients saw is judged afterwards.
//!
//! The same seed is the same history: which host lives when, what the network does with each message, clocks,
//! random values, how long a store takes. `MYLIFE_SIM_SEED=7` runs the schedule of one seed and prints what
//! happened in it. Not simulated, and of no influence on the order of what happens: keys and nonces of TLS,
//! which are the operating system's; the store's threads, for which whoever asks waits; the time that
//! computing takes. Not covered: disks (files are real, and what was acknowledged is there), several processes
//! of one gateway, the audit log's own thread (its inline form is used).

mod clients;
mod federation;
mod judge;
mod network;
mod person;
mod slow;
mod trouble;

use std::{
    io::{Write as _, stderr, stdout},
    time::Duration,
};

use self::{
    clients::Clients,
    federation::{Federation, PORTAL, dice},
    person::Person,
    trouble::Trouble,
};
use crate::world::World;

/// Milliseconds of trouble.
const TROUBLE: u64 = 7_000;
/// After this all must be well again by itself: a peer is left in peace for half a minute at most, and a
/// letter waits no longer between two tries.
const WELL: Duration = Duration::from_mins(2);
/// How long the portal waits for a holder.
const DEADLINE: Duration = Duration::from_millis(1200);

/// The schedules of an ordinary run. In the first a peer is not reached, in the second the portal is killed
/// while it owes something; in the last it would show what was withdrawn at a holder that did not wait.
const SOME: [u64; 5] = [1, 2, 3, 4, 651_756_923];

/// What came of a schedule.
struct Ran {
    trouble: Trouble,
    notes: Vec<String>,
    faults: Vec<String>,
    counted: [usize; 4],
}

/// Names the schedule in which something panics.
struct Named(u64);

impl Drop for Named {
    fn drop(&mut self) {
        if std::thread::panicking() {
            drop(writeln!(stderr(), "MYLIFE_SIM_SEED={}", self.0));
        }
    }
}

/// Who there is: the same in all schedules.
fn world() -> World {
    let world = World::with_deadline(DEADLINE);
    // There is a third that is not part of it.
    world.unknown.set(Some("297"));
    world
}

/// Runs the schedule of a seed.
fn run(world: &World, seed: u64) -> Ran {
    let _named = Named(seed);
    let mut federation = Federation::new(world, seed);
    assert!(federation.lives_until(WELL, Federation::all_run), "a gateway does not start");
    let person = Person::new(Clients::new(world, &federation.network));
    federation.asks(person.clone().comes());
    let is_shown = |_: &Federation| person.seen().shown.len() == 2;
    assert!(federation.lives_until(WELL, is_shown), "the person is not known");

    let trouble = Trouble::new(seed, TROUBLE);
    let end = federation.now() + Duration::from_millis(TROUBLE);
    for at in 0..=2 {
        // What was written last is delivered though nothing is written after it.
        let mut dice = dice(seed, 20 + at as u64);
        let early = Duration::from_millis(dice.below(TROUBLE / 2));
        federation.asks(person.clone().writes(dice, at, end.saturating_sub(early)));
    }
    for (purpose, at) in [(30, Some(PORTAL)), (31, Some(PORTAL)), (32, None)] {
        federation.asks(person.clone().gives_answers(dice(seed, purpose), at, end));
    }
    trouble.happens(&mut federation);

    let mut faults = Vec::new();
    let idle = |f: &Federation| f.now() > end && person.rests() && f.owed() == Some(0);
    let by = end + WELL;
    if federation.lives_until(by, |f| f.all_run() && idle(f)) {
        federation.asks(person.clone().ends());
        if !federation.lives_until(by + WELL, |_| person.seen().is_over) {
            faults.push("no answer is whole any more".to_owned());
        }
    } else {
        faults.push(format!("{:?} letters are owed for ever", federation.owed()));
    }
    let seen = person.seen();
    faults.extend(judge::faults(&seen));
    Ran { trouble, notes: federation.network.notes(), faults, counted: seen.counted }
}

/// Runs the schedules of these seeds; each must be without fault.
fn runs(seeds: impl Iterator<Item = u64>) {
    let (world, mut counted) = (world(), [0; 4]);
    for seed in seeds {
        let Ran { trouble, faults, counted: own, .. } = run(&world, seed);
        assert!(faults.is_empty(), "MYLIFE_SIM_SEED={seed}\n{trouble}{}", faults.join("\n"));
        counted = std::array::from_fn(|of| counted[of] + own[of]);
    }
    let [whole, others, done, pending] = counted;
    let tried = whole > 0 && others > 0 && done > 0 && pending > 0;
    assert!(tried, "nothing was tried: {counted:?}");
}

#[test]
fn the_same_seed_is_the_same_history() {
    let world = world();
    let [one, other, another] = [1, 1, 2].map(|seed| run(&world, seed).notes);
    let differs = one.iter().zip(&other).find(|(one, other)| one != other);
    assert_eq!((differs, one.len()), (None, other.len()));
    assert_ne!(one, another);
}

#[test]
fn whatever_befalls_a_federation_its_promises_hold() {
    let Some(seed) = std::env::var_os("MYLIFE_SIM_SEED") else { return runs(SOME.into_iter()) };
    let seed = seed.to_str().and_then(|text| text.parse().ok()).expect("a seed is a number");
    let Ran { notes, faults, .. } = run(&world(), seed);
    drop(writeln!(stdout(), "{}", notes.join("\n")));
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

mod long {
    use std::io::{Write as _, stdout};

    use mylife::chance::{Chance, SystemChance};

    #[test]
    fn whatever_befalls_it_thousands_of_times_they_hold() {
        let mut bytes = [0; 4];
        SystemChance.fill(&mut bytes);
        let first = u64::from(u32::from_be_bytes(bytes));
        drop(writeln!(stdout(), "from seed {first} on"));
        super::runs(first..first + 2_000);
    }
}
