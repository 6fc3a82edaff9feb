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
//! since is in. Who asks for what changed since an instant is told too what was deleted since, in what
//! they may see today; of what was withdrawn nothing is told, as nothing is told of what is withheld.

pub mod file;
pub mod leave;
pub mod link;
pub mod manifest;
pub mod order;
pub mod peers;
pub mod since;

use std::time::Duration;

use crate::{fhir::types::ResourceType, query::shape::Shape};

/// What the lines of a file are.
pub enum Of {
    /// Resources of a type, each in this form.
    Seen(ResourceType, Shape),
    /// What of these types is there no more.
    Gone(Vec<ResourceType>),
}

impl Of {
    /// The type of the resources, if they are of one.
    pub fn kind(&self) -> Option<ResourceType> {
        match self {
            Self::Seen(kind, _) => Some(*kind),
            Self::Gone(_) => None,
        }
    }

    /// The type of the lines.
    pub fn name(&self) -> &'static str {
        self.kind().map_or(GONE, ResourceType::name)
    }
}

/// Exports that a client may have under way at once.
pub const MOST: usize = 16;

/// How long an export, and every link of it, works.
pub const LIFE: Duration = Duration::from_hours(1);

/// From the kick-off until every write of an instant up to it is there.
pub const SETTLES: Duration = Duration::from_secs(2);

/// The type of the lines that say what is there no more.
pub const GONE: &str = "Bundle";

/// The media type of the files.
pub const NDJSON: &str = "application/fhir+ndjson";

/// The spellings of it that a client may ask for.
pub const FORMATS: [&str; 3] = [NDJSON, "application/ndjson", "ndjson"];
