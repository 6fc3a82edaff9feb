//! When a peer that keeps failing is left in peace for a while.
//!
//! Part of asking peers: `client` asks for admission before each call and reports how it went. A
//! pure state machine over a monotonic time it is given; it must not wait, ask or count calls.

use std::time::Duration;

/// How patient the breaker is.
#[derive(Clone, Copy, Debug)]
pub struct Rules {
    /// Failures in a row that open it; at least 1.
    pub failures: u32,
    /// How long it stays open the first time; doubled each time the probe fails.
    pub open: Duration,
    /// The longest it stays open.
    pub open_at_most: Duration,
    /// After this long a probe without a report counts as lost, and another may go.
    pub probe: Duration,
}

impl Default for Rules {
    fn default() -> Self {
        Self {
            failures: 5,
            open: Duration::from_secs(2),
            open_at_most: Duration::from_secs(30),
            probe: Duration::from_secs(5),
        }
    }
}

/// What the breaker says to one call.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Admission {
    /// Call; the peer is well as far as we know.
    Pass,
    /// Call; the answer decides whether others may follow.
    Probe,
    /// Do not call for about this long.
    Refuse(Duration),
}

/// How a call went.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Health {
    /// The peer is up and failed, or did not answer.
    Ill,
    /// The peer answered.
    Well,
}

/// Where the breaker stands.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum State {
    /// Calls pass; so many failed in a row.
    Closed(u32),
    /// One probe is under way, at the latest until then.
    HalfOpen(Duration),
    /// Nobody calls until then.
    Open(Duration),
}

impl State {
    /// One word for it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Closed(_) => "closed",
            Self::HalfOpen(_) => "half-open",
            Self::Open(_) => "open",
        }
    }
}

/// One peer's breaker. All instants are of one monotonic clock.
#[derive(Clone, Debug)]
pub struct Breaker {
    rules: Rules,
    state: State,
    /// How long the next opening lasts.
    pause: Duration,
    answered: Option<Duration>,
}

impl Breaker {
    /// Closed.
    pub fn new(rules: Rules) -> Self {
        Self { rules, state: State::Closed(0), pause: rules.open, answered: None }
    }

    /// Where it stands.
    pub fn state(&self) -> State {
        self.state
    }

    /// When an answer was last reported, if ever.
    pub fn answered(&self) -> Option<Duration> {
        self.answered
    }

    /// May a call go out at `now`?
    pub fn admit(&mut self, now: Duration) -> Admission {
        match self.state {
            State::Closed(_) => Admission::Pass,
            State::HalfOpen(until) | State::Open(until) if now < until => {
                Admission::Refuse(until.saturating_sub(now))
            }
            State::HalfOpen(_) | State::Open(_) => {
                self.state = State::HalfOpen(now.saturating_add(self.rules.probe));
                Admission::Probe
            }
        }
    }

    /// How an admitted call went. `admission` is what [`Breaker::admit`] said to it, so that a call
    /// from before the breaker opened cannot close it.
    pub fn report(&mut self, admission: Admission, health: Health, now: Duration) {
        if health == Health::Well {
            self.answered = Some(now);
        }
        match (self.state, admission, health) {
            (State::Closed(_), Admission::Pass | Admission::Probe, Health::Well)
            | (State::HalfOpen(_), Admission::Probe, Health::Well) => {
                self.state = State::Closed(0);
                self.pause = self.rules.open;
            }
            (State::Closed(failed), Admission::Pass | Admission::Probe, Health::Ill) => {
                let failed = failed.saturating_add(1);
                if failed < self.rules.failures {
                    self.state = State::Closed(failed);
                } else {
                    self.open(now);
                }
            }
            (State::HalfOpen(_), Admission::Probe, Health::Ill) => self.open(now),
            (State::HalfOpen(_), Admission::Pass, _)
            | (State::Open(_), Admission::Pass | Admission::Probe, _)
            | (_, Admission::Refuse(_), _) => (),
        }
    }

    fn open(&mut self, now: Duration) {
        self.state = State::Open(now.saturating_add(self.pause));
        self.pause = self.pause.saturating_mul(2).min(self.rules.open_at_most);
    }
}
