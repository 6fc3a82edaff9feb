//! A model of replicas that follow one store, looked through to its end: whatever the order of steps,
//! no answer starts after the acknowledgement of a withdrawal and shows what was withdrawn.
//!
//! Two processes commit, the withdrawal and somebody's other change, each in two steps, so that the
//! places they take in the sequence and the order in which they are seen differ. One process follows
//! and answers: a round asks for the instant, then for the changes, then marks, then publishes; an
//! answer takes the instant, then loads, then looks at its deadline and starts. Between any two steps
//! it may stop as long as it likes. Its clock runs as fast as the writer's, a little faster or slower.
//! Time goes by in ticks: the bounds are the product's, in the same proportion. `peers` has the same of
//! an answer that another gateway passes on.

mod peers;

use stateright::{Checker, HasDiscoveries, Model, Property};

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

impl Transaction {
    fn next(self, now: u8) -> Option<Self> {
        match self {
            Self::Waits => Some(Self::Open),
            Self::Open => Some(Self::Done(now)),
            Self::Done(_) => None,
        }
    }
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

/// What was just seen of an answer.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
enum Seen {
    Nothing,
    /// It started, and showed what it may, or no longer must hide.
    Right {
        shows: bool,
    },
    /// It showed what is withdrawn, after the acknowledgement.
    AfterTheAcknowledgement,
    /// It began long after the change and showed what was before.
    Late,
}

/// What can happen next.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Step {
    /// A tick, of which the replica's clock counts so many.
    Tick(u8),
    Withdraw,
    ChangeSomebodyElse,
    Follow,
    Answer,
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
    seen: Seen,
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
        seen: Seen::Nothing,
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

    /// A tick, of which the replica's clock counts so many; one that runs even is never further apart.
    fn tick(self, counted: u8) -> Option<Self> {
        let ahead = (self.ahead + counted).checked_sub(1)?;
        (self.now < END && ahead <= DRIFT).then_some(Self { now: self.now + 1, ahead, ..self })
    }

    fn withdraw(self) -> Option<Self> {
        Some(Self { withdrawal: self.withdrawal.next(self.now)?, ..self })
    }

    /// The other begins after the withdrawal has its place; when it is done is of no interest.
    fn change_somebody_else(self) -> Option<Self> {
        let may = self.withdrawal != Transaction::Waits;
        may.then(|| self.other.next(0)).flatten().map(|other| Self { other, ..self })
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

    /// The next step of the answer.
    fn answer(self, build: Build) -> Self {
        match self.answer {
            Answer::None => {
                let known = self.known.filter(|known| self.own() <= known + OLDEST);
                let began = self.now;
                let answer = known.map_or(Answer::None, |instant| Answer::Known { instant, began });
                Self { answer, ..self }
            }
            Answer::Known { instant, began } => {
                let answer = if let Some(shows) = self.slot {
                    Answer::Loaded { instant, began, shows }
                } else {
                    let shows = !self.is_withdrawn();
                    Answer::Reading { instant, began, shows, marked: false }
                };
                Self { answer, ..self }
            }
            Answer::Reading { instant, began, marked: true, .. } => {
                Self { answer: Answer::Known { instant, began }, ..self }
            }
            Answer::Reading { instant, began, shows, marked: false } => {
                let answer = Answer::Loaded { instant, began, shows };
                Self { answer, slot: Some(shows), ..self }
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
                let seen = if in_time { self.judge(shows, began) } else { Seen::Nothing };
                Self { answer: Answer::None, seen, ..self }
            }
        }
    }

    /// What it means that an answer starts now.
    fn judge(&self, shows: bool, began: u8) -> Seen {
        if shows && self.is_acknowledged() {
            return Seen::AfterTheAcknowledgement;
        }
        match self.withdrawal {
            Transaction::Done(at) if shows && began > at + OLDEST + DRIFT => Seen::Late,
            Transaction::Waits | Transaction::Open | Transaction::Done(_) => Seen::Right { shows },
        }
    }
}

const AFTER: &str = "no answer starts after the acknowledgement and shows what was withdrawn";
const LATE: &str = "every change is in force in time";

impl Model for Build {
    type State = State;
    type Action = Step;

    fn init_states(&self) -> Vec<State> {
        vec![State::START]
    }

    fn actions(&self, _: &State, steps: &mut Vec<Step>) {
        steps.extend([0, 1, 2].map(Step::Tick));
        steps.extend([Step::Withdraw, Step::ChangeSomebodyElse, Step::Follow, Step::Answer]);
    }

    fn next_state(&self, state: &State, step: Step) -> Option<State> {
        let state = State { seen: Seen::Nothing, ..*state };
        match step {
            Step::Tick(counted) => state.tick(counted),
            Step::Withdraw => state.withdraw(),
            Step::ChangeSomebodyElse => state.change_somebody_else(),
            Step::Follow => Some(state.follow(*self)),
            Step::Answer => Some(state.answer(*self)),
        }
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always(AFTER, |_: &Self, state: &State| {
                state.seen != Seen::AfterTheAcknowledgement
            }),
            Property::always(LATE, |_: &Self, state: &State| state.seen != Seen::Late),
            Property::sometimes(
                "what is withdrawn and not yet acknowledged is shown",
                |_: &Self, state: &State| {
                    state.is_withdrawn() && state.seen == Seen::Right { shows: true }
                },
            ),
            Property::sometimes(
                "somebody is answered after the acknowledgement",
                |_: &Self, state: &State| {
                    state.is_acknowledged() && state.seen == Seen::Right { shows: false }
                },
            ),
        ]
    }
}

#[test]
fn nothing_withdrawn_starts_after_the_acknowledgement_and_all_else_is_in_force_in_time() {
    let looked = Build::Right.checker().spawn_bfs().join();
    looked.assert_properties();
    let states = looked.unique_state_count();
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
        let looked = build.checker().finish_when(HasDiscoveries::AnyFailures).spawn_bfs().join();
        let found = [AFTER, LATE].into_iter().any(|name| looked.discovery(name).is_some());
        assert!(found, "{build:?} is not found");
    }
}
