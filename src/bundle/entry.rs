//! One match on a page, of whichever source, and its place in the order.
//!
//! Part of `bundle`. What a match is sorted by comes from what is released of it, here and elsewhere alike.

use std::cmp::Ordering;

use super::{Disclosure, Frame, disclosures, peers_disclosure};
use crate::{
    domain::moment::Moment,
    federation,
    mutant::{self, Mutant},
    query::{Query, Sort, order::Key},
    search::{self, Hit},
};

/// One match on a page.
pub(super) enum Entry {
    /// Of this gateway, released and found here.
    Own(Hit),
    /// Of a peer, as that released it.
    Peers(federation::Entry),
}

impl Entry {
    pub(super) fn id(&self) -> &str {
        match self {
            Self::Own(hit) => &hit.resource.id,
            Self::Peers(entry) => &entry.id,
        }
    }

    pub(super) fn patient(&self) -> &str {
        match self {
            Self::Own(hit) => hit.view.patient(),
            Self::Peers(entry) => &entry.patient,
        }
    }

    /// What leaves of it, to whose record.
    pub(super) fn told(&self, frame: &Frame<'_>) -> Vec<Disclosure> {
        match self {
            Self::Own(hit) => disclosures(hit, frame.node),
            Self::Peers(entry) => vec![peers_disclosure(entry)],
        }
    }

    /// Where it stands across people.
    pub(super) fn place(&self) -> String {
        format!("{}/{}", self.patient(), self.id())
    }

    /// Its first key.
    pub(super) fn key(&self, sort: &[Sort]) -> Key {
        let newest = Key::At(Moment::MIN);
        match (self, sort.first()) {
            (Self::Own(hit), Some(by)) => search::key(hit, *by),
            (Self::Own(hit), None) => Key::At(hit.sight.seen.last_updated),
            (Self::Peers(entry), Some(_)) => entry.keys.first().cloned().unwrap_or(newest),
            (Self::Peers(entry), None) => Key::At(entry.last_updated),
        }
    }

    pub(super) fn keys(&self, sort: &[Sort]) -> Vec<Key> {
        match self {
            Self::Own(hit) => sort.iter().map(|by| search::key(hit, *by)).collect(),
            Self::Peers(entry) => entry.keys.clone(),
        }
    }

    /// What a cursor says of its moment.
    pub(super) fn at(&self, sort: &[Sort]) -> i64 {
        if let (true, Self::Own(hit)) = (mutant::on(Mutant::CursorCountsHidden), self) {
            let all = hit.view.resources(hit.resource.kind).len();
            return i64::try_from(all).unwrap_or(i64::MAX);
        }
        self.key(sort).place()
    }

    /// Does it come before a place that no longer exists?
    pub(super) fn before(&self, at: i64, id: &str, sort: &[Sort]) -> bool {
        let descending = sort.first().is_none_or(|key| key.descending);
        let ordering = self.key(sort).place().cmp(&at);
        let ordering = if descending { ordering.reverse() } else { ordering };
        ordering.then_with(|| self.id().cmp(id)) != Ordering::Greater
    }
}

/// The order of [`search::order`], over own and peers' entries alike.
pub(super) fn order(query: &Query, a: &Entry, b: &Entry) -> Ordering {
    if let (Entry::Own(a), Entry::Own(b)) = (a, b) {
        return search::order(&query.sort, a, b);
    }
    let of = |e: &Entry| (e.keys(&query.sort), e.key(&[]));
    let ((keys_a, newest_a), (keys_b, newest_b)) = (of(a), of(b));
    let mut ordering = Ordering::Equal;
    for ((key, x), y) in query.sort.iter().zip(keys_a).zip(keys_b) {
        let one = x.cmp(&y);
        ordering = ordering.then(if key.descending { one.reverse() } else { one });
    }
    if query.sort.is_empty() {
        ordering = newest_b.cmp(&newest_a);
    }
    ordering.then_with(|| a.id().cmp(b.id()))
}
