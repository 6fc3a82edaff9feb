//! What a native document is made of and what it points at.
//!
//! Part of `native`; used by the commit, which gives each part its random id and keeps the number of
//! its last change, and by whoever asks the store and the directory whether a target exists.

use std::sync::Arc;

use serde_json::Value;

use crate::{
    domain::{
        coded::coded,
        plan::Plan,
        words::{DirectoryId, LocalId, redacted},
    },
    json::{element, member},
    native::Typed,
};

coded! {
    /// A list of a document whose entries have ids of their own; the code is the member's name.
    PartKind {
        /// Who may act for a person.
        Representation = "representation",
        /// Goals of a plan.
        Goal = "goals",
        /// Services of a plan.
        Service = "services",
        /// Actions of a plan.
        Action = "actions",
        /// Team of a plan.
        Member = "team",
        /// Follow-up of a plan.
        FollowUp = "follow_up",
    }
}

/// One part.
#[derive(Clone, Eq, PartialEq)]
pub struct Part {
    /// In which list.
    pub kind: PartKind,
    /// The sender's id, unique in that list.
    pub id: LocalId,
    /// Its canonical JSON; a part is unchanged as long as these bytes are.
    pub canonical: Arc<[u8]>,
}

redacted!(Part);

/// What a document points at.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Target {
    /// A person, by the sender's id.
    Person(LocalId),
    /// An assessment, by the sender's id.
    Assessment(LocalId),
    /// A `HealthcareService` of the directory.
    Service(DirectoryId),
    /// A Practitioner of the directory.
    Practitioner(DirectoryId),
    /// An Organization of the directory.
    Organization(DirectoryId),
}

/// One pointer, with its place.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Reference {
    /// JSON path.
    pub path: String,
    /// At what.
    pub target: Target,
}

/// The parts of a stored document, from its canonical bytes; none if the bytes are not JSON.
pub fn parts(canonical: &[u8]) -> Vec<Part> {
    let document: Value = serde_json::from_slice(canonical).unwrap_or_default();
    let of = |kind: PartKind| {
        let entries = document.get(kind.code()).and_then(Value::as_array).into_iter().flatten();
        entries.filter_map(move |entry| {
            let id = entry.get("id").and_then(Value::as_str).and_then(LocalId::parse)?;
            Some(Part { kind, id, canonical: serde_json::to_vec(entry).ok()?.into() })
        })
    };
    PartKind::ALL.iter().copied().flat_map(of).collect()
}

/// Everything a document points at.
pub fn references(typed: &Typed) -> Vec<Reference> {
    match typed {
        Typed::Person(_) => Vec::new(),
        Typed::Assessment(assessment) => vec![whose(&assessment.person)],
        Typed::Plan(plan) => of_plan(plan),
    }
}

/// Place of the pointer at whose document it is.
pub const WHOSE: &str = "$.person";

fn whose(person: &LocalId) -> Reference {
    Reference { path: WHOSE.to_owned(), target: Target::Person(person.clone()) }
}

fn of_plan(plan: &Plan) -> Vec<Reference> {
    let mut found = vec![whose(&plan.person)];
    let assessments = plan.assessments.iter().enumerate().map(|(at, id)| Reference {
        path: element("$.assessments", at),
        target: Target::Assessment(id.clone()),
    });
    found.extend(assessments);
    for (at, goal) in plan.goals.iter().enumerate() {
        let path = member(&element("$.goals", at), "concerns");
        let one = |(at, id): (usize, &LocalId)| Reference {
            path: element(&path, at),
            target: Target::Person(id.clone()),
        };
        found.extend(goal.concerns.iter().enumerate().map(one));
    }
    let services = plan.services.iter().enumerate().map(|(at, service)| Reference {
        path: member(&element("$.services", at), "service"),
        target: Target::Service(service.service.clone()),
    });
    found.extend(services);
    for (at, one) in plan.team.iter().enumerate() {
        let path = element("$.team", at);
        let target = Target::Practitioner(one.practitioner.clone());
        found.push(Reference { path: member(&path, "practitioner"), target });
        let target = Target::Organization(one.organization.clone());
        found.push(Reference { path: member(&path, "organization"), target });
    }
    found
}
