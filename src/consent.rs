//! What may leave: the decision on each kind of data for each asker.
//!
//! Stands between mapping and search on the way of a request. [`policy`] reads a Consent once,
//! [`decide`] decides without touching JSON, [`boundary`] says until when a decision holds and
//! since when it has, [`profile`] is the strict form in which a Consent may be written here,
//! [`explain`] says what is permitted by what, and [`cases`] runs worked examples. Source:
//! `consent` 1.3 and 1.4 of the design. Nothing in here is asynchronous, reads a clock, or can fail
//! in a way that yields data.

use crate::unit::{self, label, period, tri};

pub mod asker;
pub mod boundary;
pub mod cases;
pub mod cover;
pub mod decide;
pub mod import;
pub mod law;
mod matching;
pub mod name;
pub mod policy;
pub mod profile;
pub mod purpose;
pub mod rule;
mod vote;

pub mod stated;
pub mod release;
pub mod explain;
pub mod sight;
pub mod view;
