//! A proposal about a plan becomes a committed version: with it, where it changes the plan, the plan's.
//!
//! Part of `commit`. The first version is its proposer's; whoever takes it a step further writes the next
//! version of the same. Each follows the version that was looked at, or nothing is committed.

use std::sync::Arc;

use super::{
    Desk, TRIES, Written, another, busy, commit, content::content, newest_of, next_parts,
    successor, unchanged,
};
use crate::{
    domain::{part, proposal::Proposal},
    error::{Error, Kind, Result},
    native::{self, Native},
    store::{Document, DocumentKind, Stored},
};

/// What a proposal is to be.
pub struct Next<'a> {
    /// The proposal.
    pub proposal: &'a Proposal,
    /// The version it follows; a new one follows none.
    pub of: Option<&'a Document>,
    /// The plan as it is to be with it, and the version that follows.
    pub plan: Option<(&'a Native, &'a Document)>,
}

/// What would be stored of a person with it, and its id; nothing is.
///
/// # Errors
/// As [`write()`].
pub fn preview(desk: &Desk<'_>, mut stored: Stored, next: &Next<'_>) -> Result<(Stored, Arc<str>)> {
    let documents = versions(desk, &stored, next)?;
    let id = documents.first().map(|document| Arc::clone(&document.id));
    stored.documents.retain(|held| documents.iter().all(|next| next.id != held.id));
    stored.documents.extend(documents);
    Ok((stored, id.ok_or_else(|| Error::internal("a proposal has an id"))?))
}

/// Commits it.
///
/// # Errors
/// `PreconditionFailed` when what it follows is another by now; `Conflict`, `Unavailable`.
pub async fn write(desk: &Desk<'_>, patient: &Arc<str>, next: &Next<'_>) -> Result<Written> {
    for _ in 0..TRIES {
        let stored = desk.local.store().load(patient).await?.ok_or_else(Error::not_found)?;
        let documents = versions(desk, &stored, next).map_err(|error| error.about(patient))?;
        let same = next.of.zip(documents.first()).filter(|(of, next)| of.body == next.body);
        if let (Some((same, _)), None) = (same, next.plan) {
            unchanged::record_document(desk, Some(&stored), same).await?;
            desk.local.mark(patient);
            let (id, patient) = (Arc::clone(&same.id), Arc::clone(patient));
            return Ok(Written { id, version: same.version, created: false, patient });
        }
        match commit(desk, patient, Some(&stored), None, documents).await {
            Err(error) if error.kind() == Kind::Conflict => {}
            done => return done,
        }
    }
    Err(busy())
}

/// The versions to be stored, the proposal's first.
fn versions(desk: &Desk<'_>, stored: &Stored, next: &Next<'_>) -> Result<Vec<Document>> {
    let Next { proposal, of, plan } = next;
    let earlier = of.map(|of| standing(stored, of)).transpose()?;
    let parts = next_parts(desk, earlier, &part::of_proposal(proposal))?;
    let body = native::canonical(proposal)?.into();
    let owner = earlier.map_or_else(|| desk.author.client_id().into(), |e| Arc::clone(&e.owner));
    let local = proposal.id.shared();
    let kind = DocumentKind::Proposal;
    let mut all = vec![successor(desk, earlier, kind, &owner, &local, parts, body)];
    if let Some((plan, of)) = plan {
        let earlier = standing(stored, of)?;
        let (kind, content) = content(plan);
        let parts = next_parts(desk, Some(earlier), &content)?;
        let (owner, local) = (&earlier.owner, &earlier.local_id);
        let body = Arc::clone(plan.canonical());
        all.push(successor(desk, Some(earlier), kind, owner, local, parts, body));
    }
    Ok(all)
}

/// What is stored now, if it is what was looked at.
fn standing<'a>(stored: &'a Stored, of: &Document) -> Result<&'a Document> {
    let now = newest_of(stored, |held| held.id == of.id);
    now.filter(|now| now.body == of.body).ok_or_else(another)
}
