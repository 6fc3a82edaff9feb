//! When a person's resources became what the reader sees, and which are there no more.
//!
//! Part of `export`. `meta.lastUpdated` is the newest date of what is visible, and what was taken out leaves
//! none behind; who follows by it would keep a service that the plan no longer has. So an export since or
//! until an instant asks the history that the reader has today. What was withdrawn is in no state of that
//! history, so of it nothing is told. Source: Bulk Data Access 2.0, `export.html#query-parameters`, `_since`.

use std::sync::Arc;

use crate::{
    consent::release::former::Today,
    domain::moment::Moment,
    error::Result,
    fhir::types::ResourceType,
    former::Reader,
    mapping,
    mutant::{self, Mutant},
    search::history::{History, Version},
};

/// Between which instants something changed: after the first, up to the second.
#[derive(Clone, Copy)]
pub struct Span {
    /// After it, if there is a bound.
    pub since: Option<Moment>,
    /// Up to it, if there is a bound.
    pub until: Option<Moment>,
}

impl Span {
    /// Is it all of time?
    pub fn is_whole(self) -> bool {
        self.since.is_none() && self.until.is_none()
    }

    fn covers(self, at: Moment) -> bool {
        self.since.is_none_or(|since| at > since) && self.until.is_none_or(|until| at <= until)
    }

    /// May something of a person who was last changed then have changed on both sides of a bound?
    fn divides(self, changed: Moment) -> bool {
        [self.since, self.until].into_iter().flatten().any(|bound| changed > bound)
    }
}

/// Which resources of a type became what the reader sees within the span, of what was held at an instant.
///
/// # Errors
/// `Unavailable` if the store cannot be read.
pub async fn changed(
    reader: &Reader<'_>,
    patient: &str,
    kind: ResourceType,
    (span, at): (Span, Moment),
) -> Result<Vec<Arc<str>>> {
    let Reader { local, grant, terms, now, .. } = *reader;
    let Some(held) = local.load(patient).await? else { return Ok(Vec::new()) };
    if span.divides(held.changed()) {
        let mut history = [History::new(kind, None)];
        reader.look_back(patient, Some(at), &mut history).await?;
        let all = history.into_iter().flat_map(History::newest);
        let there = all.filter(|one| one.written.is_some() && span.covers(one.at));
        return Ok(there.map(|one| one.id).collect());
    }
    // No commit divides them: what is left are starts and ends of permits.
    let Some(same) = local.load(patient).await? else { return Ok(Vec::new()) };
    let mut today = Today::new(mapping::to_fhir(held, &terms.directory), grant, terms, now);
    let view = today.release(mapping::to_fhir(same, &terms.directory));
    let seen = view.resources(kind).iter().filter_map(|resource| {
        let sight = view.look(resource)?;
        let at = sight.seen.last_updated.max(view.ended(&mut today, &sight));
        span.covers(at).then(|| Arc::clone(&resource.id))
    });
    Ok(seen.collect())
}

/// What of these types the reader would have read and would no more, since within the span: that it is
/// gone, in order of type and id.
///
/// # Errors
/// `Unavailable` if the store cannot be read.
pub async fn gone(
    reader: &Reader<'_>,
    patient: &str,
    kinds: &[ResourceType],
    (span, at): (Span, Moment),
) -> Result<Vec<(ResourceType, Version)>> {
    let held = reader.local.load(patient).await?;
    if held.is_none_or(|held| span.since.is_some_and(|since| held.changed() <= since)) {
        return Ok(Vec::new());
    }
    let mut histories: Vec<History> = kinds.iter().map(|kind| History::new(*kind, None)).collect();
    let looks = reader.look_back(patient, Some(at), &mut histories);
    mutant::carelessly(Mutant::ExportTellsOfHiddenDeletions, looks).await?;
    let of_one = |history: History| {
        let kind = history.kind();
        let gone = history.newest().filter(|one| one.written.is_none() && span.covers(one.at));
        gone.map(move |one| (kind, one)).collect::<Vec<_>>()
    };
    Ok(histories.into_iter().flat_map(of_one).collect())
}
