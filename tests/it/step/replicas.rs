//! A model of replicas that follow one store, looked through to its end: whatever the order of steps,
//! no answer starts after the acknowledgement of a withdrawal and shows what was withdrawn.
//!
//! Two processes commit, the withdrawal and somebody's other change, each in two steps, so that the
//! places they take in the sequence and the order in which they are seen differ. One process follows
//! and answers: a round asks for the instant, then for the changes, then marks, then publishes; an
//! answer takes the instant, then loads, then looks at its deadline and starts. Between any two steps
//! it may stop as long as it likes. Its clock runs as fast as the writer's, a little faster or slower.
//! Time goes by in ticks: the bounds are the product's, in the same proportion.

use std::collections::{HashSet, VecDeque};

/// An answer is good for so many ticks, and a withdrawal is acknowledged as many after its commit.
const GOOD_FOR: u8 = 4;
/// The oldest state that is answered from.
const OLDEST: u8 = 2;
/// How far the two clocks may be apart within an answer's life; the follower's instants are as much
/// earlier.
const DRIFT: u8 = 1;
/// When the world ends.
const END: u8 = 8;

/// Where the withdrawal and the other change stand in the sequence: the withdrawal took its place first.
const WITHDRAWAL: u8 = 1;
const OTHER: u8 = 2;

/// How it is built; the product is built rightly.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Build {
    Right,
    /// The next round begins after the last change seen, not after what is settled.
    AfterTheLastSeen,
    /// The instant of a round is taken when its answer is there.
    InstantAfterTheQuestion,
    /// Nobody looks at the deadline when the first byte is handed over.
    NoDeadline,
    /// At its deadline an answer may still start.
    DeadlineIncluded,
    /// The follower allows nothing for clocks that run apart.
    NoDrift,
}

/// A transaction: not begun, begun (it has its place), committed at an instant.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
enum Transaction {
    Waits,
    Open,
    Done(u8),
}

/// Where the follower is in its round.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
enum Round {
    Idle,
    Asking {
        instant: u8,
    },
    /// What the store said: is the withdrawal among it, the last place, and up to where it is settled.
    Answered {
        instant: u8,
        withdrawn: bool,
        last: u8,
        settled: u8,
    },
    Marked {
        instant: u8,
        next: u8,
    },
}

/// Where the answer is.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
enum Answer {
    None,
    /// It has its instant, and the instant at which it asked the clock for it.
    Known {
        instant: u8,
        began: u8,
    },
    /// It has asked the store, whose answer would show what is withdrawn or not; was the slot marked
    /// since?
    Reading {
        instant: u8,
        began: u8,
        shows: bool,
        marked: bool,
    },
    /// It has loaded: does it show what is withdrawn?
    Loaded {
        instant: u8,
        began: u8,
        shows: bool,
    },
}

#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
struct State {
    /// By the writer's clock.
    now: u8,
    /// By how much the replica's clock is ahead: from nothing to `DRIFT`, to and fro.
    ahead: u8,
    withdrawal: Transaction,
    other: Transaction,
    round: Round,
    /// The next round reads above.
    after: u8,
    /// Up to when all is known; none before the first round.
    known: Option<u8>,
    /// What the slot holds: does it show what is withdrawn? None where it is marked.
    slot: Option<bool>,
    answer: Answer,
}

impl State {
    const START: Self = Self {
        now: 1,
        ahead: DRIFT,
        withdrawal: Transaction::Waits,
        other: Transaction::Waits,
        round: Round::Idle,
        after: 0,
        known: Some(1),
        slot: Some(true),
        answer: Answer::None,
    };

    /// The replica's clock.
    fn own(&self) -> u8 {
        self.now + self.ahead
    }

    fn is_withdrawn(&self) -> bool {
        matches!(self.withdrawal, Transaction::Done(_))
    }

    /// Has the withdrawal been acknowledged?
    fn is_acknowledged(&self) -> bool {
        matches!(self.withdrawal, Transaction::Done(at) if self.now >= at + GOOD_FOR)
    }

    /// What a question for changes finds: the withdrawal, the last place, what is settled.
    fn changes(&self) -> (bool, u8, u8) {
        let withdrawn = self.is_withdrawn() && WITHDRAWAL > self.after;
        let other = matches!(self.other, Transaction::Done(_));
        let last = [(self.is_withdrawn(), WITHDRAWAL), (other, OTHER)];
        let last = last.iter().filter(|(done, _)| *done).map(|(_, place)| *place).max();
        let settled = match (self.withdrawal, self.other) {
            (Transaction::Open, _) => WITHDRAWAL - 1,
            (_, Transaction::Open) => OTHER - 1,
            (
                Transaction::Waits | Transaction::Done(_),
                Transaction::Waits | Transaction::Done(_),
            ) => last.unwrap_or(0),
        };
        (withdrawn, last.unwrap_or(0), settled)
    }

    /// Time and the two transactions.
    fn outside(self, next: &mut Vec<Self>) {
        if self.now < END {
            next.push(Self { now: self.now + 1, ..self });
            // A tick of which the replica's clock counts none or two.
            if self.ahead > 0 {
                next.push(Self { now: self.now + 1, ahead: self.ahead - 1, ..self });
            }
            if self.ahead < DRIFT {
                next.push(Self { now: self.now + 1, ahead: self.ahead + 1, ..self });
            }
        }
        let step = |transaction, now| match transaction {
            Transaction::Waits => Some(Transaction::Open),
            Transaction::Open => Some(Transaction::Done(now)),
            Transaction::Done(_) => None,
        };
        next.extend(step(self.withdrawal, self.now).map(|w| Self { withdrawal: w, ..self }));
        // The other begins after the withdrawal has its place.
        if self.withdrawal != Transaction::Waits {
            // When it does is of no interest.
            next.extend(step(self.other, 0).map(|other| Self { other, ..self }));
        }
    }

    fn follow(self, build: Build) -> Self {
        match self.round {
            Round::Idle => Self { round: Round::Asking { instant: self.own() }, ..self },
            Round::Asking { instant } => {
                let (withdrawn, last, settled) = self.changes();
                let late = build == Build::InstantAfterTheQuestion;
                let instant = if late { u8::MAX } else { instant };
                Self { round: Round::Answered { instant, withdrawn, last, settled }, ..self }
            }
            Round::Answered { instant, withdrawn, last, settled } => {
                let instant = if instant == u8::MAX { self.own() } else { instant };
                let from_last = build == Build::AfterTheLastSeen;
                let next = if from_last { last.max(self.after) } else { settled };
                let round = Round::Marked { instant, next };
                if withdrawn { Self { round, ..self.mark() } } else { Self { round, ..self } }
            }
            Round::Marked { instant, next } => {
                let drift = if build == Build::NoDrift { 0 } else { DRIFT };
                let known = self.known.max(Some(instant.saturating_sub(drift)));
                Self { round: Round::Idle, known, after: next, ..self }
            }
        }
    }

    fn mark(self) -> Self {
        let mut marked = Self { slot: None, ..self };
        if let Answer::Reading { marked, .. } = &mut marked.answer {
            *marked = true;
        }
        marked
    }

    /// The next step of the answer; the second says what was seen if it started: does it show what is
    /// withdrawn, and when did it begin?
    fn answer(self, build: Build) -> (Self, Option<(bool, u8)>) {
        match self.answer {
            Answer::None => {
                let known = self.known.filter(|known| self.own() <= known + OLDEST);
                let began = self.now;
                let answer = known.map_or(Answer::None, |instant| Answer::Known { instant, began });
                (Self { answer, ..self }, None)
            }
            Answer::Known { instant, began } => {
                let answer = if let Some(shows) = self.slot {
                    Answer::Loaded { instant, began, shows }
                } else {
                    let shows = !self.is_withdrawn();
                    Answer::Reading { instant, began, shows, marked: false }
                };
                (Self { answer, ..self }, None)
            }
            Answer::Reading { instant, began, marked: true, .. } => {
                (Self { answer: Answer::Known { instant, began }, ..self }, None)
            }
            Answer::Reading { instant, began, shows, marked: false } => {
                let answer = Answer::Loaded { instant, began, shows };
                (Self { answer, slot: Some(shows), ..self }, None)
            }
            Answer::Loaded { instant, began, shows } => {
                let (now, deadline) = (self.own(), instant + GOOD_FOR);
                let in_time = match build {
                    Build::NoDeadline => true,
                    Build::DeadlineIncluded => now <= deadline,
                    Build::Right
                    | Build::AfterTheLastSeen
                    | Build::InstantAfterTheQuestion
                    | Build::NoDrift => now < deadline,
                };
                (Self { answer: Answer::None, ..self }, in_time.then_some((shows, began)))
            }
        }
    }
}

/// What is wrong somewhere, of all there can be; and how many states there are.
fn explore(build: Build) -> (Option<&'static str>, usize) {
    let mut met = HashSet::from([State::START]);
    let mut queue = VecDeque::from([State::START]);
    while let Some(state) = queue.pop_front() {
        let mut next = Vec::new();
        state.outside(&mut next);
        next.push(state.follow(build));
        let (answered, started) = state.answer(build);
        next.push(answered);
        if let Some((shows, began)) = started {
            if shows && state.is_acknowledged() {
                return (Some("an answer starts after the acknowledgement"), met.len());
            }
            let late = matches!(state.withdrawal,
                Transaction::Done(at) if began > at + OLDEST + DRIFT);
            if shows && late {
                return (Some("a change is not in force in time"), met.len());
            }
        }
        queue.extend(next.into_iter().filter(|state| met.insert(*state)));
    }
    (None, met.len())
}

#[test]
fn nothing_withdrawn_starts_after_the_acknowledgement_and_all_else_is_in_force_in_time() {
    let (fault, states) = explore(Build::Right);
    assert_eq!(fault, None);
    assert!(states > 10_000, "{states} states are few");
}

#[test]
fn each_mistake_in_the_building_is_found() {
    for build in [
        Build::AfterTheLastSeen,
        Build::InstantAfterTheQuestion,
        Build::NoDeadline,
        Build::DeadlineIncluded,
        Build::NoDrift,
    ] {
        assert!(explore(build).0.is_some(), "{build:?} is not found");
    }
}
