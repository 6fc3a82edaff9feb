//! When a person's resources became what the reader sees, and which are there no more.
//!
//! Part of `export`. `meta.lastUpdated` is the newest date of what is visible, and what was taken out leaves
//! none behind; who follows by it would keep a service that the plan no longer has. So an export since or
//! until an instant asks the history that the reader has today. What was withdrawn is in no state of that
//! history, so of it nothing is told. Source: Bulk Data Access 2.0, `export.html#query-parameters`, `_since`.

use std::sync::Arc;

use super::file::Tools;
use crate::{
    consent::release::former::Today,
    domain::moment::Moment,
    error::Result,
    fhir::types::ResourceType,
    mapping,
    mutant::{self, Mutant},
    scope::Grant,
    search::history::History,
};

/// Whose resources, and of which types.
pub type Of<'a> = (&'a str, &'a [ResourceType]);

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
    tools: &Tools,
    grant: &Grant,
    (patient, kind): (&str, ResourceType),
    (span, at): (Span, Moment),
    now: Moment,
) -> Result<Vec<Arc<str>>> {
    let Tools { local, terms, .. } = tools;
    let Some(held) = local.load(patient).await? else { return Ok(Vec::new()) };
    if span.divides(held.changed()) {
        let histories = histories(tools, grant, (patient, &[kind]), at, now).await?;
        let all = histories.iter().flat_map(History::last);
        let there = all.filter(|last| last.is_there && span.covers(last.at));
        return Ok(there.map(|last| last.id).collect());
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

/// What the reader would have read and would no more, since within the span, in order of type and id.
///
/// # Errors
/// `Unavailable` if the store cannot be read.
pub async fn gone(
    tools: &Tools,
    grant: &Grant,
    of: Of<'_>,
    (span, at): (Span, Moment),
    now: Moment,
) -> Result<Vec<(ResourceType, Arc<str>)>> {
    let held = tools.local.load(of.0).await?;
    if held.is_none_or(|held| span.since.is_some_and(|since| held.changed() <= since)) {
        return Ok(Vec::new());
    }
    let histories = histories(tools, grant, of, at, now).await?;
    let of_one = |history: &History| {
        let gone = history.last().filter(|last| !last.is_there && span.covers(last.at));
        gone.map(|last| (history.kind(), last.id)).collect::<Vec<_>>()
    };
    Ok(histories.iter().flat_map(of_one).collect())
}

/// The history of each type, up to what was held at an instant.
async fn histories(
    tools: &Tools,
    grant: &Grant,
    (patient, kinds): Of<'_>,
    at: Moment,
    now: Moment,
) -> Result<Vec<History>> {
    let Tools { local, terms, sealer, .. } = tools;
    let mut histories: Vec<History> = kinds.iter().map(|kind| History::new(*kind, None)).collect();
    let Some(mut past) = local.history(patient).await? else { return Ok(histories) };
    let mut today =
        Today::new(mapping::to_fhir(past.today()?, &terms.directory), grant, terms, now);
    while let Some((then, held)) = past.advance()? {
        if then > at {
            break;
        }
        let mapped = mapping::to_fhir(held, &terms.directory);
        let release = || today.release(mapped);
        let view = mutant::careless(Mutant::ExportTellsOfHiddenDeletions, release);
        for history in &mut histories {
            history.then(&mut today, &view, then, &**sealer);
        }
        // Whoever has a long history must not keep others waiting.
        tokio::task::yield_now().await;
    }
    Ok(histories)
}
