//! The search parameters as questions name them.
//!
//! The table is that of [`crate::fhir::param`], which the mappings obey too; here are the parameters
//! that select nothing.

pub use crate::fhir::param::{
    COMMON, Param, Type, beside, find, is_private, modifiers, of, system, targets,
};

/// Parameters that shape the answer and select nothing.
pub const CONTROL: &[&str] = &[
    "_count",
    "_cursor",
    "_elements",
    "_format",
    "_include",
    "_pretty",
    "_revinclude",
    "_sort",
    "_summary",
    "_total",
];
