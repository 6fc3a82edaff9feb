//! The native model: themes, labels, identity codes, and what a municipality pushes.
//!
//! Floor of the house: knows neither FHIR nor HTTP nor the store.

pub mod theme;
pub mod class;
pub mod moment;
pub mod id;
pub mod near;
pub mod coded;
pub mod day;
pub mod words;
pub mod identity;
pub mod person;
pub mod assessment;
pub mod plan;
pub mod proposal;
pub mod questionnaire;
pub mod part;
pub mod warrant;
