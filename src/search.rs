//! What of the view was asked for: matching, order and place on the released view alone.
//!
//! Step of the way after `consent`, before `bundle`. A [`View`] is all it can read: a row whose
//! kinds are not permitted does not exist, what is computed comes from what is visible, so two
//! stores that differ in what the reader may not see give the same hits. Source: FHIR R4 search.

pub mod history;
pub mod linked;

use std::{cmp::Ordering, sync::Arc};

use crate::{
    consent::{sight::Sight, view::View},
    domain::{moment::Moment, person::Named},
    fhir::{segment::Resource, types::ResourceType},
    mutant::{self, Mutant},
    query::{Filter, Person, Query, Sort, lens, order::Key},
    search::linked::Ready,
};

/// One resource that was asked for, and what the reader sees of it.
#[derive(Clone)]
pub struct Hit {
    /// The resource.
    pub resource: Arc<Resource>,
    /// What the reader sees.
    pub sight: Arc<Sight>,
    /// The view it was found in.
    pub view: Arc<View>,
}

/// Everything of one person that was asked for, in order.
pub struct Found {
    hits: Vec<Hit>,
}

impl Found {
    /// How many there are.
    pub fn count(&self) -> usize {
        if let (true, Some(hit)) = (mutant::on(Mutant::TotalCountsHidden), self.hits.first()) {
            return hit.view.resources(hit.resource.kind).len();
        }
        self.hits.len()
    }

    /// Of these what is about somebody, as whom they are named there; without a name all.
    #[must_use]
    pub fn about(mut self, names: Option<&[Named]>) -> Self {
        if let Some(names) = names {
            self.hits.retain(|hit| hit.view.is_about(&hit.resource, &hit.sight.seen, names));
        }
        self
    }

    /// The hits, in order.
    pub fn hits(&self) -> &[Hit] {
        &self.hits
    }

    /// The hits, in order, to keep.
    pub fn into_hits(self) -> Vec<Hit> {
        self.hits
    }
}

/// The one resource of a type and id, if it exists for the reader.
pub fn read(view: &Arc<View>, kind: ResourceType, id: &str) -> Option<Hit> {
    let all = view.resources(kind);
    let resource = all.get(all.binary_search_by(|r| (*r.id).cmp(id)).ok()?)?;
    let sight = view.look(resource)?;
    Some(Hit { resource: Arc::clone(resource), sight, view: Arc::clone(view) })
}

/// What of one person's view of a type any of the queries asks for, in order of id; without a query all.
pub fn any(view: &Arc<View>, kind: ResourceType, queries: &[Query]) -> Vec<Hit> {
    let is_about = |query: &Query| match &query.person {
        None => true,
        Some(Person::Id(id)) => *id == view.patient(),
        Some(Person::Identifier(..)) => false,
    };
    let about = queries.iter().filter(|query| is_about(query));
    let about: Vec<(&Query, Vec<Ready<'_>>)> =
        about.map(|query| (query, ready(view, kind, query))).collect();
    let hits = view.resources(kind).iter().filter_map(|resource| {
        let sight = view.look(resource)?;
        let meets = |(query, links): &(&Query, Vec<Ready<'_>>)| {
            query.filters.iter().all(|f| matches(view, resource, &sight, f))
                && links.iter().all(|link| link.holds(view, resource, &sight))
        };
        let is_meant = queries.is_empty() || about.iter().any(meets);
        is_meant.then(|| Hit { resource: Arc::clone(resource), sight, view: Arc::clone(view) })
    });
    hits.collect()
}

/// What of one person's view the query asks for, in the requested order, then by id.
pub fn find(view: &Arc<View>, query: &Query) -> Found {
    let is_cut = mutant::on(Mutant::PageIsCutBeforeRelease) && query.count > 0;
    let links = ready(view, query.kind, query);
    let mut hits: Vec<Hit> = view
        .resources(query.kind)
        .iter()
        .take(if is_cut { query.count } else { usize::MAX })
        .filter_map(|resource| {
            let sight = view.look(resource)?;
            let all = query.filters.iter().all(|filter| matches(view, resource, &sight, filter))
                && links.iter().all(|link| link.holds(view, resource, &sight));
            all.then(|| Hit { resource: Arc::clone(resource), sight, view: Arc::clone(view) })
        })
        .collect();
    hits.sort_by(|a, b| order(&query.sort, a, b));
    Found { hits }
}

/// The conditions of a query on neighbours, ready to be asked.
fn ready<'q>(view: &View, kind: ResourceType, query: &'q Query) -> Vec<Ready<'q>> {
    query.links.iter().map(|link| linked::ready(view, kind, link)).collect()
}

/// The requested order; without one, newest first. Ids decide between equals.
pub fn order(sort: &[Sort], a: &Hit, b: &Hit) -> Ordering {
    let keys = sort.iter().map(|sort| {
        let ordering = key(a, *sort).cmp(&key(b, *sort));
        if sort.descending { ordering.reverse() } else { ordering }
    });
    let newest = || last_updated(b).cmp(&last_updated(a));
    keys.fold(Ordering::Equal, Ordering::then)
        .then_with(|| if sort.is_empty() { newest() } else { Ordering::Equal })
        .then_with(|| a.resource.id.cmp(&b.resource.id))
}

/// What a hit is sorted by.
pub fn key(hit: &Hit, sort: Sort) -> Key {
    match sort.param {
        "_lastUpdated" => Key::At(last_updated(hit)),
        "_id" => Key::Text((&*hit.resource.id).into()),
        param => {
            let Some(lens) = hit.view.lens(&hit.resource) else { return Key::At(Moment::MIN) };
            let values = lens::values(&lens, &hit.resource, &hit.sight.seen, param);
            Key::of(values, sort.descending)
        }
    }
}

/// When it last changed for the reader.
fn last_updated(hit: &Hit) -> Moment {
    if mutant::on(Mutant::SortsOnHidden) {
        let lens = hit.view.lens(&hit.resource);
        let look = || lens.and_then(|lens| hit.resource.look(&lens));
        let whole = mutant::careless(Mutant::SortsOnHidden, look);
        return whole.map_or(Moment::MIN, |seen| seen.last_updated);
    }
    hit.sight.seen.last_updated
}

/// Does the resource, as the reader sees it, meet the filter?
pub fn matches(view: &View, resource: &Resource, sight: &Sight, filter: &Filter) -> bool {
    let meets = |lens| lens::meets(&lens, resource, &sight.seen, sight.labels, filter);
    view.lens(resource).is_some_and(meets)
}
