//! What a document to be stored is: its kind, its parts, and the resource by whose name it is recorded.
//!
//! Part of `commit`.

use crate::{
    domain::part::{self, Content},
    error::Result,
    json,
    native::{Native, Typed},
    store::DocumentKind,
};

pub(super) fn content(document: &Native) -> (DocumentKind, Content) {
    match document.typed() {
        Typed::Person(person) => (DocumentKind::Person, part::of_person(person)),
        Typed::Assessment(a) => (DocumentKind::Assessment, part::of_assessment(a)),
        Typed::Plan(plan) => (DocumentKind::Plan, part::of_plan(plan)),
    }
}

/// The content of a stored document.
///
/// # Errors
/// `Internal` when it is not what was accepted.
pub(super) fn of_stored(kind: DocumentKind, body: &[u8]) -> Result<Content> {
    Ok(match kind {
        DocumentKind::Person => part::of_person(&json::stored(body)?),
        DocumentKind::Assessment => part::of_assessment(&json::stored(body)?),
        DocumentKind::Plan => part::of_plan(&json::stored(body)?),
        DocumentKind::Proposal => part::of_proposal(&json::stored(body)?),
        DocumentKind::Consent => {
            Content { parts: Vec::new(), status: "active", authored: String::new() }
        }
    })
}

pub(super) const fn resource_name(kind: DocumentKind) -> &'static str {
    match kind {
        DocumentKind::Person => "Patient",
        DocumentKind::Assessment => "QuestionnaireResponse",
        DocumentKind::Plan => "CarePlan",
        DocumentKind::Consent => "Consent",
        DocumentKind::Proposal => "Task",
    }
}
