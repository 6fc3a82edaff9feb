//! The numbered settings that every process of a gateway has: who lacks the newest answers nothing.
//!
//! Beside the way of a request, when settings are taken. What decisions read beside a person's data is a
//! numbered version in the store: a higher number is in force for all at once, one process with other
//! settings under the same number, or with older ones, is refused. Source: design 3.1.

use crate::{
    error::{Error, Kind, Result},
    seal::Keys,
    store::{Settings, Store},
};

/// Settings, as one process has them.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Numbered {
    /// Grows with every change that all processes must make.
    pub number: u64,
    /// What tells them from others that decide otherwise.
    pub digest: [u8; 32],
}

impl Default for Numbered {
    fn default() -> Self {
        Self { number: 1, digest: [0; 32] }
    }
}

/// Makes settings those of all processes, if no newer ones are; gives their number.
///
/// # Errors
/// `Invalid`, saying what to do, if the others have newer ones, or others under this number;
/// `Unavailable` if the store cannot be read.
pub(super) async fn agree(store: &dyn Store, keys: &Keys, own: Numbered) -> Result<i64> {
    let number = i64::try_from(own.number).unwrap_or(i64::MAX);
    let own = Settings { number, mark: keys.mac("settings", &own.digest) };
    let common = store.settle(own).await?;
    if common == own {
        return Ok(number);
    }
    let theirs = common.number;
    Err(Error::new(
        Kind::Invalid,
        if theirs == number {
            format!(
                "Another process of this gateway has other clients, issuers, peers, law table, directory \
                 or activation under node.settings = {number}: make the files alike, or, if these are \
                 the ones to go by, say node.settings = {} in all of them.",
                number.saturating_add(1)
            )
        } else {
            format!(
                "The settings of this gateway are at node.settings = {theirs} and these are of {number}: \
                 take the newer file, or, if these are the ones to go by, say node.settings = {} in \
                 all of them.",
                theirs.saturating_add(1)
            )
        },
    ))
}
