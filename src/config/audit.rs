//! `[audit]`: how often the log is signed.
//!
//! Part of `config`.

use std::time::Duration;

use crate::config::section::Section;

/// How often the log is signed.
pub struct Auditing {
    /// Between two checkpoints.
    pub checkpoint: Duration,
}

/// Reads the section.
pub fn read(mut section: Section<'_>) -> Auditing {
    let checkpoint = section.number("checkpoint_seconds", 1..=86_400, 60);
    section.finish();
    Auditing { checkpoint: Duration::from_secs(checkpoint) }
}
