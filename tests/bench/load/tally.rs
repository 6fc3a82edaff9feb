//! What a stretch of load came to: times, refusals, and answers that were wrong.
//!
//! Beside the way; of the load driver. Times are kept in HDR histograms, three digits each.

use std::{collections::BTreeMap, time::Duration};

use hdrhistogram::Histogram;

use super::mix::Kind;

/// Wrong answers that are told in words; all are counted.
const TOLD: usize = 20;
/// No time is longer: whoever waits gives up before.
const LONGEST: u64 = 3_600_000_000;

/// How an exchange ended.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Ended {
    /// Answered.
    Well,
    /// Told to come again: 429 or 503 with `Retry-After`.
    Refused,
    /// Another 5xx, or no whole answer.
    Badly,
}

/// Times in microseconds.
pub(crate) struct Times(Histogram<u64>);

impl Default for Times {
    fn default() -> Self {
        Self(Histogram::new_with_bounds(1, LONGEST, 3).unwrap())
    }
}

impl Times {
    /// Notes one.
    pub(crate) fn note(&mut self, took: Duration) {
        self.0.saturating_record(u64::try_from(took.as_micros()).unwrap_or(LONGEST).max(1));
    }

    /// Milliseconds within which this share of all was done.
    pub(crate) fn within(&self, share: f64) -> f64 {
        self.0.value_at_quantile(share) as f64 / 1000.0
    }

    /// How many.
    pub(crate) fn count(&self) -> u64 {
        self.0.len()
    }

    /// Takes in the others.
    pub(crate) fn add(&mut self, others: &Self) {
        self.0.add(&others.0).unwrap();
    }
}

/// Of one kind of question.
#[derive(Default)]
pub(crate) struct Row {
    /// From when it was to be asked to its answer.
    pub(crate) times: Times,
    /// From when it was asked to being told to come again.
    pub(crate) refused: Times,
    /// How many ended badly.
    pub(crate) badly: u64,
}

/// Of all kinds.
#[derive(Default)]
pub(crate) struct Tally {
    pub(crate) rows: BTreeMap<Kind, Row>,
    /// How late the driver itself came to ask.
    pub(crate) late: Times,
    /// Answers of the portal that lack a source.
    pub(crate) partial: u64,
    /// What was said to those who were refused or ended badly, and how often.
    pub(crate) said: BTreeMap<String, u64>,
    /// Questions for which no connection came free.
    pub(crate) unsent: u64,
    /// Answers that were checked, and documents that were looked at in them.
    pub(crate) checked: u64,
    pub(crate) documents: u64,
    /// Answers that were wrong.
    pub(crate) wrong: u64,
    told: Vec<String>,
}

impl Tally {
    /// Notes how an exchange ended, so long after it was to begin and after it began.
    pub(crate) fn ended(
        &mut self,
        kind: Kind,
        ended: Ended,
        since_due: Duration,
        since_sent: Duration,
    ) {
        let row = self.rows.entry(kind).or_default();
        match ended {
            Ended::Well => row.times.note(since_due),
            Ended::Refused => row.refused.note(since_sent),
            Ended::Badly => row.badly += 1,
        }
    }

    /// An answer is wrong.
    pub(crate) fn wrong(&mut self, say: String) {
        self.wrong += 1;
        if self.told.len() < TOLD {
            self.told.push(say);
        }
    }

    /// Some of what was wrong, in words.
    pub(crate) fn told(&self) -> &[String] {
        &self.told
    }

    /// Times of all kinds but consent changes: those wait until nothing that was told can still start.
    pub(crate) fn times(&self) -> Times {
        let mut all = Times::default();
        for (_, row) in self.rows.iter().filter(|(kind, _)| **kind != Kind::Consent) {
            all.add(&row.times);
        }
        all
    }

    /// Answered as they should be.
    pub(crate) fn answered(&self) -> u64 {
        self.rows.values().map(|row| row.times.count()).sum()
    }

    /// Told to come again.
    pub(crate) fn refused(&self) -> u64 {
        self.rows.values().map(|row| row.refused.count()).sum()
    }

    /// Ended badly.
    pub(crate) fn badly(&self) -> u64 {
        self.rows.values().map(|row| row.badly).sum()
    }
}
