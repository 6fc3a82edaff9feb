//! FHIR R4 as values.
//!
//! Floor of the house: knows the grammar of FHIR, neither callers nor consents nor the store. Names
//! are exactly those of FHIR R4 4.0.1.

pub mod types;
pub mod version;
pub mod coding;
pub mod date;
pub mod difference;
pub mod labels;
pub mod segment;
pub mod param;
pub mod path;
pub mod elements;
pub mod guide;
pub mod schema;
