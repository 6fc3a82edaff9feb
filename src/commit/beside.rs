//! What a native document is written beside: whose it is, its last version, what it points at.
//!
//! Part of `commit`. It reads the store and writes nothing.

use std::sync::Arc;

use super::{Desk, find};
use crate::{
    domain::words::LocalId,
    error::{Error, Kind, Result},
    native::{
        Native, NativeKind, Typed,
        references::{self, Target},
    },
    store::{DocumentKind, IdentityMac, Stored},
};

/// The compartment a document belongs to: an existing one, or a new one for a new person.
pub(super) async fn whose(
    desk: &Desk<'_>,
    owner: &str,
    document: &Native,
    identity: Option<IdentityMac>,
) -> Result<Arc<str>> {
    let person = match document.typed() {
        Typed::Person(person) => &person.id,
        Typed::Assessment(assessment) => &assessment.person,
        Typed::Plan(plan) => &plan.person,
    };
    let known = desk.local.person(owner, person.as_str()).await?;
    match (known, document.typed(), identity) {
        (Some(patient), ..) => Ok(patient),
        (None, Typed::Person(_), Some(identity)) => {
            let known = desk.local.find(identity).await?;
            Ok(known.unwrap_or_else(|| desk.node.mint(desk.chance).into()))
        }
        (None, Typed::Person(_), None) => Ok(desk.node.mint(desk.chance).into()),
        (None, Typed::Assessment(_) | Typed::Plan(_), _) => Err(no_person()),
    }
}

fn no_person() -> Error {
    let say = "No person of this id was pushed; push it first.";
    Error::new(Kind::Unprocessable, say).at("$.person")
}

/// What is stored of a person beside whom a document is written: its last version, and the rest where it
/// points at some of it.
pub(super) async fn stored(
    desk: &Desk<'_>,
    document: &Native,
    patient: &str,
    (owner, kind, local): (&str, DocumentKind, &str),
) -> Result<Option<Stored>> {
    let store = desk.local.store();
    let points =
        document.references().iter().any(|one| matches!(one.target, Target::Assessment(_)));
    let stored = if points {
        store.load(patient).await?
    } else {
        store.load_one(patient, owner, kind, local).await?
    };
    if stored.is_none() && kind != DocumentKind::Person {
        // Who was known a moment ago is gone from the store.
        return Err(no_person());
    }
    Ok(stored)
}

/// What a version that is stored points at.
pub(super) fn named(earlier: Option<&[u8]>) -> Result<Vec<Target>> {
    let Some(earlier) = earlier else { return Ok(Vec::new()) };
    let plan = Typed::read(NativeKind::Plan, earlier)?;
    Ok(references::of(&plan).into_iter().map(|one| one.target).collect())
}

/// Does everything exist that the document points at? `named` need not be there any more: the version
/// before pointed at it, and whoever changes a part of it may not see where.
pub(super) async fn references(
    desk: &Desk<'_>,
    owner: &str,
    document: &Native,
    stored: Option<&Stored>,
    named: &[Target],
) -> Result<()> {
    let has = |kind, id: &LocalId| find(stored, owner, kind, id.as_str()).is_some();
    let mut places = Vec::new();
    for reference in document.references().into_iter().filter(|one| !named.contains(&one.target)) {
        let is_there = match &reference.target {
            // Whose the document is was settled before.
            Target::Person(_) if reference.path == references::WHOSE => true,
            Target::Person(id) => desk.local.person(owner, id.as_str()).await?.is_some(),
            Target::Assessment(id) => has(DocumentKind::Assessment, id),
            Target::Service(id) | Target::Practitioner(id) | Target::Organization(id) => {
                desk.directory.knows(id.as_str())
            }
        };
        if !is_there {
            places.push(reference.path);
        }
    }
    if places.is_empty() {
        return Ok(());
    }
    let say = "These point at nothing this gateway knows: push the assessment or the person first, \
               or have the unit, service or professional added to the directory.";
    let error = Error::new(Kind::Unprocessable, say);
    Err(places.into_iter().fold(error, Error::at))
}
