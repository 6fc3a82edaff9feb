//! What a native document points at.
//!
//! Part of `native`; used by the commit, which asks the store and the directory whether a target exists.

use crate::{
    domain::{
        plan::Plan,
        words::{DirectoryId, LocalId},
    },
    json::{element, member},
    native::Typed,
};

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

/// Everything a document points at.
pub fn of(typed: &Typed) -> Vec<Reference> {
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
