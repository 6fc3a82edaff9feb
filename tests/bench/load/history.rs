//! What was in force when: every change with the instants at which it was asked for and acknowledged, and on
//! which of them an answer may rest.
//!
//! Beside the way; of the load driver and of the stories of real processes. Whoever asks does so on one
//! thread, so that what it sees has an order. A change counts from its acknowledgement; before that the
//! state before it is as right as itself.

use std::time::Duration;

/// Place in the order of all that was seen, and time.
pub(crate) type At = (u64, Duration);

/// When something was asked, and when its answer came.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Span {
    /// The question left.
    pub(crate) sent: At,
    /// At this acknowledgement nothing of the answer had come yet; the question's own instant if there
    /// was none.
    pub(crate) unstarted: At,
    /// The answer was whole.
    pub(crate) ended: At,
}

#[derive(Clone, Copy)]
enum Became {
    /// Nobody knows yet, or nobody was told.
    Open,
    Acknowledged(At),
    /// It never will be made.
    Refused,
}

struct Change<T> {
    state: T,
    begun: At,
    became: Became,
}

/// One thing that changes.
pub(crate) struct History<T>(Vec<Change<T>>);

impl<T: Copy> History<T> {
    /// It has been so before anything was seen.
    pub(crate) fn of(state: T) -> Self {
        let always = (0, Duration::ZERO);
        Self(vec![Change { state, begun: always, became: Became::Acknowledged(always) }])
    }

    /// A change is asked for; its number.
    pub(crate) fn begins(&mut self, state: T, begun: At) -> usize {
        self.0.push(Change { state, begun, became: Became::Open });
        self.0.len() - 1
    }

    /// It is acknowledged.
    pub(crate) fn acknowledged(&mut self, change: usize, at: At) {
        self.became(change, Became::Acknowledged(at));
    }

    /// It was refused before anything was done.
    pub(crate) fn refused(&mut self, change: usize) {
        self.became(change, Became::Refused);
    }

    fn became(&mut self, change: usize, became: Became) {
        if let Some(change) = self.0.get_mut(change) {
            change.became = became;
        }
    }

    /// States that an answer may show something of: the last that was acknowledged while nothing of it had
    /// come, and each that was asked for after that and before it was whole.
    pub(crate) fn may(&self, span: Span) -> impl Iterator<Item = T> {
        let from = span.sent.max(span.unstarted);
        let since = self.last(|at| at <= from).unwrap_or(0);
        self.since(since, span.ended)
    }

    /// States of which an answer has one: the last that is in force everywhere, `within` its
    /// acknowledgement, and those that may be instead.
    pub(crate) fn holds(&self, span: Span, within: Duration) -> impl Iterator<Item = T> {
        let old = |(number, at): At| number <= span.sent.0 && at + within <= span.sent.1;
        // What was before anything was seen has always been in force.
        let held = self.last(old).unwrap_or(0);
        // What was never acknowledged may be made late.
        let before = self.0.iter().take(held);
        let late = before.filter(|change| matches!(change.became, Became::Open));
        self.since(held, span.ended).chain(late.map(|change| change.state))
    }

    fn last(&self, is_one: impl Fn(At) -> bool) -> Option<usize> {
        self.0.iter().rposition(|change| match change.became {
            Became::Acknowledged(at) => is_one(at),
            Became::Open | Became::Refused => false,
        })
    }

    fn since(&self, first: usize, end: At) -> impl Iterator<Item = T> {
        let later = self.0.iter().skip(first).filter(move |change| change.begun < end);
        let made = later.filter(|change| !matches!(change.became, Became::Refused));
        made.map(|change| change.state)
    }
}
