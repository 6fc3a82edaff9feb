//! Who saw what: the audit log as a further source about one person.
//!
//! Between `release` and `search` of the roads for `AuditEvent` alone, and only for whom the person's
//! records are released, so that neither cost nor error of looking tells anybody else that there is
//! something. What the log says is as little released as anything else until the view shows it.

use std::sync::Arc;

use crate::{
    audit::{
        event::{Observer, audit_event},
        frame::AuditKey,
        read::Found,
        tree::Hash,
    },
    chance::letters,
    consent::view::View,
    error::{Error, Kind, Result},
    fhir::{segment::RowValue, types::ResourceType},
    gateway::{
        Gateway,
        reviews::{asks_for_reviews, is_review},
    },
    mapping::told::{Event, Told},
    query::Query,
    scope::Grant,
};

/// Most records that one answer is made of.
const MOST: usize = 10_000;
/// Characters of an id that come from the record; 50 bits keep one person's apart.
pub(super) const OWN: usize = 10;

impl Gateway {
    /// The view with what the log says of the person, where a search asks for that.
    pub(super) async fn with_told(
        &self,
        view: Arc<View>,
        query: &Query,
        grant: &Grant,
    ) -> Result<Arc<View>> {
        if asks_for_reviews(query) {
            return self.with_reviews(view, grant, None).await;
        }
        let dates = query.filters.iter().filter(|filter| filter.param == "date");
        let dates: Vec<_> = dates.collect();
        // What the search would drop need not be mapped.
        let within = |found: &Found| {
            let Some(entry) = &found.entry else { return false };
            let value = RowValue::<&str>::Date(entry.at, entry.at);
            dates.iter().all(|filter| filter.any.iter().any(|test| test.holds(&value)))
        };
        self.tell(view, query.kind, within).await
    }

    /// The same for one `AuditEvent` or review, by its id.
    pub(super) async fn with_told_of(
        &self,
        view: Arc<View>,
        (kind, id): (ResourceType, &str),
        grant: &Grant,
    ) -> Result<Arc<View>> {
        if kind == ResourceType::Task && is_review(id) {
            return self.with_reviews(view, grant, Some(id)).await;
        }
        let patient = view.patient().to_owned();
        let is_named = |found: &Found| event_id(&found.leaf, &patient) == id;
        self.tell(view, kind, is_named).await
    }

    async fn tell(
        &self,
        view: Arc<View>,
        kind: ResourceType,
        is_asked: impl Fn(&Found) -> bool,
    ) -> Result<Arc<View>> {
        if kind != ResourceType::AuditEvent || !view.shows_told() {
            return Ok(view);
        }
        let (patient, key) = view.audit_key();
        let found = self.log.about(AuditKey::new(Arc::clone(patient), key)).await?;
        let asked: Vec<&Found> = found.iter().filter(|found| is_asked(found)).collect();
        if asked.len() > MOST {
            let say = "More records than one answer may be made of; ask for a shorter time, as \
                       date=ge2026-01-01&date=lt2026-02-01.";
            return Err(Error::new(Kind::TooCostly, say).at("date"));
        }
        let told = asked.iter().filter_map(|found| self.told(found, patient));
        Ok(view.telling(&told.collect::<Vec<_>>()))
    }

    fn told(&self, found: &Found, patient: &str) -> Option<Told> {
        let entry = found.entry.as_ref()?;
        let id: Arc<str> = event_id(&found.leaf, patient).into();
        let authority = self.base.split("://").nth(1)?;
        let observer = Observer {
            code: self.node.as_str(),
            organization: self.reach.sources.local.as_ref()?.custodian(),
            host: authority.split(['/', ':']).next()?,
        };
        Some(Told::Event(Event { at: entry.at, event: audit_event(entry, observer, &id), id }))
    }
}

/// Id of the `AuditEvent` that a record of this leaf is.
pub(super) fn event_id(leaf: &Hash, patient: &str) -> String {
    format!("{patient}.ae{}", own(leaf))
}

/// What of an id comes from a record of this leaf.
pub(super) fn own(leaf: &Hash) -> String {
    letters(leaf.get(..OWN).unwrap_or(leaf))
}
