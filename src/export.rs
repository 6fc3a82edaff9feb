//! Bulk export: what is to be read of many people, and each file of it made while it is taken.
//!
//! A road of its own with the same end as the others: `consent`, `search`, `bundle`, `audit`, `respond`.
//! An export is kept as a list of what to read, never as a copy: who takes a file gets what is released
//! to them at that moment, of what was held at the instant of the kick-off. Nothing here says how much
//! there is. Source: FHIR Bulk Data Access 2.0, `export.html`.
//!
//! *Snapshot.* `transactionTime` is the gateway's clock at the kick-off, not the last change in the
//! store, which would tell of changes that the reader may not see. Files can be taken once every write
//! of an instant up to then is there ([`SETTLES`]); a person changed since is read from the history, as
//! of then. Permission is that of the moment: what was withdrawn since is left out, what was granted
//! since is in.

pub mod file;
pub mod leave;
pub mod link;
pub mod manifest;
pub mod order;
pub mod peers;

use std::time::Duration;

/// Exports that a client may have under way at once.
pub const MOST: usize = 16;

/// How long an export, and every link of it, works.
pub const LIFE: Duration = Duration::from_hours(1);

/// From the kick-off until every write of an instant up to it is there.
pub const SETTLES: Duration = Duration::from_secs(2);

/// The media type of the files.
pub const NDJSON: &str = "application/fhir+ndjson";

/// The spellings of it that a client may ask for.
pub const FORMATS: [&str; 3] = [NDJSON, "application/ndjson", "ndjson"];
