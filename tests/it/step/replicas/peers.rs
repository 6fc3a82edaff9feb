//! A model of an answer that passes through another gateway: whatever the order of steps, what a portal
//! answers of a holder's page does not start after the holder acknowledged a withdrawal and show what
//! was withdrawn.
//!
//! A portal sends a question; it arrives, is decided as of what the holder knows, leaves the holder
//! within that answer's life, arrives, and starts at the portal. A holder alone knows everything at
//! once, counts what is under way, notes what it hands over, and acknowledges when nothing is under way
//! and what was handed over is past. One of several knows what the last round told it, at most `OLDEST`
//! ago, and lets the time of an answer pass. Where the withdrawal comes through this portal, a holder alone
//! leaves it to the portal to wait: that waits, once it hears of the acknowledgement, until what it asked
//! before has started. Between any two steps everybody may stop as long as they like. The portal's clock
//! and the holder's run apart as much as in the other model.

use stateright::{Checker, HasDiscoveries, Model, Property};

use super::{DRIFT, GOOD_FOR, OLDEST};

/// When the world ends: an answer's life for what was before, and one for what comes after.
const LONG: u8 = 3 * GOOD_FOR;

/// How it is built; the product is built rightly.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Build {
    Right,
    /// The portal counts from its question, though the holder may know less than was so then.
    WithoutTheAge,
    /// A holder alone takes what has left for what has started.
    LeftIsStarted,
    /// A holder alone looks at what it handed over while something is still under way.
    LookedBeforeLanding,
    /// The portal allows nothing for clocks that run apart.
    NoDrift,
    /// The portal waits for what is under way when it passes the withdrawal on, and for nothing that it
    /// asks until it is acknowledged.
    CountedBefore,
    /// The holder leaves it to the portal to wait, which does not.
    NobodyWaits,
}

/// Who the holder is, and whose withdrawal it hears of.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
enum Holder {
    /// One process; the withdrawal is written there.
    Alone,
    /// One process; the withdrawal comes through the portal.
    AloneThrough,
    /// One of several.
    Several,
}

/// Where the withdrawal is.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
enum Withdrawal {
    Waits,
    /// The portal has passed it on.
    Sent,
    Committed {
        at: u8,
    },
    /// Nothing decided before is under way at the holder; until then it may start elsewhere.
    Landed {
        at: u8,
        until: u8,
    },
    /// The portal hears of the acknowledgement, at this instant of its own clock.
    Heard {
        at: u8,
        heard: u8,
    },
    Acknowledged {
        after: u8,
    },
}

/// Where the question is. `sent` is by the portal's clock, everything else by the holder's.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
enum Passing {
    Nothing,
    Asked { sent: u8 },
    Decided { sent: u8, known: u8, age: u8, shows: bool },
    Left { sent: u8, age: u8, shows: bool },
}

#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
struct State {
    holder: Holder,
    /// By the holder's clock.
    now: u8,
    /// By how much the portal's is ahead.
    ahead: u8,
    withdrawal: Withdrawal,
    /// What the last round of a holder among several told: up to when, and was it withdrawn?
    known: u8,
    knows: bool,
    /// Until when a portal may start what a holder alone handed over, of what is withdrawn.
    noted: u8,
    passing: Passing,
    /// Is the question one that the portal waits for?
    counted: bool,
    /// What started just now at the portal: did it show what is withdrawn?
    started: Option<bool>,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Step {
    /// A tick, of which the portal's clock counts so many.
    Tick(u8),
    Commit,
    Land,
    Acknowledge,
    Round,
    Pass,
}

impl State {
    fn start(holder: Holder) -> Self {
        Self {
            holder,
            now: DRIFT,
            ahead: DRIFT,
            withdrawal: Withdrawal::Waits,
            known: 0,
            knows: false,
            noted: 0,
            passing: Passing::Nothing,
            counted: false,
            started: None,
        }
    }

    fn is_several(&self) -> bool {
        self.holder == Holder::Several
    }

    /// The portal's clock.
    fn portal(&self) -> u8 {
        self.now + self.ahead
    }

    fn tick(self, counted: u8) -> Option<Self> {
        let ahead = (self.ahead + counted).checked_sub(1)?;
        let now = self.now + 1;
        // What is past makes no difference any more.
        let noted = if self.noted > now { self.noted } else { 0 };
        (now <= LONG && ahead <= DRIFT).then_some(Self { now, ahead, noted, ..self })
    }

    fn is_withdrawn(&self) -> bool {
        !matches!(self.withdrawal, Withdrawal::Waits | Withdrawal::Sent)
    }

    fn is_acknowledged(&self) -> bool {
        matches!(self.withdrawal, Withdrawal::Acknowledged { .. })
    }

    /// The next step of the holder with what was committed then.
    fn land(self, at: u8, build: Build) -> Option<Self> {
        let end = at + GOOD_FOR;
        let until = match build {
            _ if self.is_several() => end,
            // Nobody but this portal is told.
            _ if self.holder == Holder::AloneThrough => self.now,
            Build::LeftIsStarted => self.now,
            Build::Right
            | Build::WithoutTheAge
            | Build::LookedBeforeLanding
            | Build::NoDrift
            | Build::CountedBefore
            | Build::NobodyWaits => self.noted.min(end),
        };
        let under_way = matches!(self.passing, Passing::Decided { shows: true, .. });
        let waits = under_way && self.now < end && build != Build::LookedBeforeLanding;
        let withdrawal = Withdrawal::Landed { at, until };
        (self.is_several() || !waits).then_some(Self { withdrawal, ..self })
    }

    /// Is an answer's life not yet over since the commit?
    fn may_still_wait(&self) -> bool {
        matches!(self.withdrawal, Withdrawal::Committed { at } if self.now < at + GOOD_FOR)
    }

    /// May the holder acknowledge what may start elsewhere until then?
    fn acknowledge(self, at: u8, until: u8) -> Option<Self> {
        let under_way = matches!(self.passing, Passing::Decided { shows: true, .. });
        let waits = !self.is_several() && under_way && self.now < at + GOOD_FOR;
        let withdrawal = if self.holder == Holder::AloneThrough {
            Withdrawal::Heard { at, heard: self.portal() }
        } else {
            Withdrawal::Acknowledged { after: self.now - at }
        };
        (self.now >= until && !waits).then_some(Self { withdrawal, ..self })
    }

    /// May the portal acknowledge what it heard of then?
    fn pass_on(self, at: u8, heard: u8, build: Build) -> Option<Self> {
        let waits = self.counted && self.portal() < heard + GOOD_FOR;
        let withdrawal = Withdrawal::Acknowledged { after: self.now - at };
        (!waits || build == Build::NobodyWaits).then_some(Self { withdrawal, ..self })
    }

    /// What is under way at the portal now is waited for.
    fn count(self) -> Self {
        Self { counted: self.passing != Passing::Nothing, ..self }
    }

    /// The next step of the question and its answer.
    fn pass(self, build: Build) -> Self {
        let portal = self.portal();
        let passing = match self.passing {
            Passing::Nothing => Passing::Asked { sent: portal },
            Passing::Asked { sent } => {
                let (known, shows) = if self.is_several() {
                    (self.known, !self.knows)
                } else {
                    (self.now, !self.is_withdrawn())
                };
                // It has not heard of the others for too long.
                if self.now > known + OLDEST {
                    return Self { passing: Passing::Nothing, counted: false, ..self };
                }
                Passing::Decided { sent, known, age: self.now - known, shows }
            }
            Passing::Decided { sent, known, age, shows } if self.now < known + GOOD_FOR => {
                let until = known + GOOD_FOR;
                let noted = if shows { until.max(self.noted) } else { self.noted };
                return Self { passing: Passing::Left { sent, age, shows }, noted, ..self };
            }
            Passing::Decided { .. } => {
                return Self { passing: Passing::Nothing, counted: false, ..self };
            }
            Passing::Left { sent, age, shows } => {
                let age = if build == Build::WithoutTheAge { 0 } else { age };
                let drift = if build == Build::NoDrift { 0 } else { DRIFT };
                let started = (portal + age + drift < sent + GOOD_FOR).then_some(shows);
                return Self { passing: Passing::Nothing, counted: false, started, ..self };
            }
        };
        Self { passing, ..self }
    }
}

const AFTER: &str = "nothing that was withdrawn starts at the portal after the acknowledgement";
const SOON: &str = "once an answer's life has passed since the commit it may be acknowledged";

impl Model for Build {
    type State = State;
    type Action = Step;

    fn init_states(&self) -> Vec<State> {
        [Holder::Alone, Holder::AloneThrough, Holder::Several].map(State::start).to_vec()
    }

    fn actions(&self, _: &State, steps: &mut Vec<Step>) {
        steps.extend([0, 1, 2].map(Step::Tick));
        steps.extend([Step::Commit, Step::Land, Step::Acknowledge, Step::Round, Step::Pass]);
    }

    fn next_state(&self, state: &State, step: Step) -> Option<State> {
        let state = State { started: None, ..*state };
        match (step, state.withdrawal) {
            (Step::Tick(counted), _) => state.tick(counted),
            (Step::Commit, Withdrawal::Waits) if state.holder == Holder::AloneThrough => {
                let counted = if *self == Self::CountedBefore { state.count() } else { state };
                Some(State { withdrawal: Withdrawal::Sent, ..counted })
            }
            (Step::Commit, Withdrawal::Waits | Withdrawal::Sent) => {
                Some(State { withdrawal: Withdrawal::Committed { at: state.now }, ..state })
            }
            (Step::Land, Withdrawal::Committed { at }) => state.land(at, *self),
            (Step::Acknowledge, Withdrawal::Landed { at, until }) => {
                let heard = state.acknowledge(at, until)?;
                Some(if *self == Self::CountedBefore { heard } else { heard.count() })
            }
            (Step::Acknowledge, Withdrawal::Heard { at, heard }) => state.pass_on(at, heard, *self),
            // A follower allows for clocks that run apart.
            (Step::Round, _) if state.is_several() => {
                let known = state.known.max(state.now - DRIFT);
                Some(State { known, knows: state.is_withdrawn(), ..state })
            }
            (Step::Pass, _) => Some(state.pass(*self)),
            (Step::Commit | Step::Land | Step::Acknowledge | Step::Round, _) => None,
        }
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::always(AFTER, |_: &Self, state: &State| {
                !state.is_acknowledged() || state.started != Some(true)
            }),
            Property::always(SOON, |build: &Self, state: &State| {
                let landed = match state.withdrawal {
                    Withdrawal::Committed { at } => state.land(at, *build),
                    Withdrawal::Landed { .. } => Some(*state),
                    Withdrawal::Heard { at, heard } => {
                        let in_time = state.portal() < heard + GOOD_FOR;
                        return in_time || state.pass_on(at, heard, *build).is_some();
                    }
                    Withdrawal::Waits | Withdrawal::Sent | Withdrawal::Acknowledged { .. } => {
                        return true;
                    }
                };
                let Some(State { withdrawal: Withdrawal::Landed { at, until }, .. }) = landed
                else {
                    return state.may_still_wait();
                };
                state.now < at + GOOD_FOR || state.acknowledge(at, until).is_some()
            }),
            Property::sometimes(
                "who told nobody acknowledges at once",
                |_: &Self, state: &State| {
                    let at_once = state.withdrawal == Withdrawal::Acknowledged { after: 0 };
                    state.holder == Holder::Alone && at_once
                },
            ),
            Property::sometimes(
                "a portal that was told acknowledges at once when it has started",
                |_: &Self, state: &State| {
                    let at_once = state.withdrawal == Withdrawal::Acknowledged { after: 0 };
                    state.holder == Holder::AloneThrough && at_once && state.noted > state.now
                },
            ),
            Property::sometimes(
                "a holder alone has it passed on before",
                |_: &Self, state: &State| {
                    !state.is_several() && state.is_withdrawn() && state.started == Some(true)
                },
            ),
            Property::sometimes(
                "one of several has it passed on before",
                |_: &Self, state: &State| {
                    state.is_several() && state.is_withdrawn() && state.started == Some(true)
                },
            ),
            Property::sometimes(
                "somebody is answered after the acknowledgement",
                |_: &Self, state: &State| state.is_acknowledged() && state.started == Some(false),
            ),
        ]
    }
}

#[test]
fn nothing_withdrawn_starts_at_another_gateway_after_the_acknowledgement() {
    let looked = Build::Right.checker().spawn_bfs().join();
    looked.assert_properties();
    let states = looked.unique_state_count();
    assert!(states > 10_000, "{states} states are few");
}

const MISTAKES: [Build; 6] = [
    Build::WithoutTheAge,
    Build::LeftIsStarted,
    Build::LookedBeforeLanding,
    Build::NoDrift,
    Build::CountedBefore,
    Build::NobodyWaits,
];

#[test]
fn each_mistake_between_two_gateways_is_found() {
    for build in MISTAKES {
        let looked = build.checker().finish_when(HasDiscoveries::AnyFailures).spawn_bfs().join();
        assert!(looked.discovery(AFTER).is_some(), "{build:?} is not found");
    }
}
