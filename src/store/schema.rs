//! Which steps of a schema a store still lacks.
//!
//! Belongs to `store`; the implementations keep the journal, run the steps and hold the text of them.
//! Steps go forward only and are never edited: each is applied once and known by its checksum.
//! Nothing is repaired here: what does not fit is refused with what to do.

use std::borrow::Cow;

use crate::{
    digest::sha256,
    error::{Error, Kind, Result},
};

/// A step from one form to the next.
pub(super) struct Step {
    /// 1, 2, 3, ...
    pub(super) number: i64,
    /// SHA-256 of its text, for the journal.
    pub(super) checksum: Vec<u8>,
    /// SQL.
    pub(super) text: &'static str,
}

/// The steps after those that the journal tells of, both in order; number 1 is the first.
///
/// # Errors
/// [`Kind::Unavailable`] if the journal tells of other steps than ours, or of more.
pub(super) fn missing(
    steps: &'static [&'static str],
    journal: &[(i64, Vec<u8>)],
) -> Result<Vec<Step>> {
    if journal.len() > steps.len() {
        return Err(refusal(
            "The store was written by a newer gateway: start that version, schemas do not go back.",
        ));
    }
    let all = (1..).zip(steps).map(|(number, text)| {
        let checksum = sha256(text.as_bytes()).to_vec();
        Step { number, checksum, text }
    });
    let (done, missing): (Vec<_>, Vec<_>) =
        all.partition(|step| usize::try_from(step.number).is_ok_and(|n| n <= journal.len()));
    let same = |(step, (number, sum)): (&Step, &(i64, Vec<u8>))| {
        step.number == *number && step.checksum == *sum
    };
    if done.iter().zip(journal).all(same) {
        return Ok(missing);
    }
    Err(refusal("The store's schema is not one this gateway made: restore a backup."))
}

/// A store that must not be used as it is, and what to do.
pub(super) fn refusal(say: impl Into<Cow<'static, str>>) -> Error {
    Error::new(Kind::Unavailable, say)
}
