//! What a second person is to review, as Tasks: found by who reviews it, and by nobody else.
//!
//! Beside [`super::told`], and of the same shape: the log is a further source about one person, looked at
//! between `release` and `search`, and only for whom the person's records are released and who holds the
//! role that the ground names, for the organisation that holds the data. They are found by their code and
//! read by id; no other search tells of them, so nothing of anybody else's differs by them. Across people
//! only those are looked at of whom the log has a mark, so a list costs what there is to review and not
//! what there is.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use crate::{
    audit::{
        frame::AuditKey,
        record::{Basis, Entry},
        review::{self, Use},
    },
    consent::{law::Ground, view::View},
    domain::moment::Moment,
    error::Result,
    federation::choose::Plan,
    fhir::types::ResourceType,
    gateway::{
        Gateway,
        told::{OWN, event_id, own},
    },
    mapping::{
        plan::PLAN,
        told::{
            Told,
            review::{Finding, Found, REQUESTED, REVIEW, Review},
        },
    },
    mutant::{self, Mutant},
    query::{Filter, How, Query, test::Test},
    scope::Grant,
};

/// What follows the Patient's id in the id of a Task.
const LETTERS: &str = ".rv";
const DAY: Duration = Duration::from_hours(24);

/// Is this the id of a review?
pub(super) fn is_review(id: &str) -> bool {
    id.rsplit_once(LETTERS).is_some_and(|(patient, own)| {
        patient.contains('.') && own.len() == OWN && !own.contains('.')
    })
}

/// Does a query ask for reviews and nothing else?
pub(super) fn asks_for_reviews(query: &Query) -> bool {
    query.kind == ResourceType::Task && says(query, "code", Some(PLAN), REVIEW)
}

/// Must a parameter be this code alone?
fn says(query: &Query, param: &str, system: Option<&str>, code: &str) -> bool {
    let is_it = |test: &Test| match test {
        Test::Token(of, Some(own)) => *own == *code && (of.is_none() || of.as_deref() == system),
        Test::Token(..)
        | Test::Date(..)
        | Test::Reference(..)
        | Test::Uri(_)
        | Test::Text(..)
        | Test::Within(_) => false,
    };
    let only = |filter: &&Filter| {
        filter.param == param && filter.how == How::Any && filter.any.iter().all(is_it)
    };
    query.filters.iter().any(|filter| only(&filter))
}

/// All that one request told of a person by a declared ground, up to its review.
pub(super) struct Case {
    /// Id of its Task.
    pub(super) id: Arc<str>,
    /// What was told, oldest first.
    pub(super) uses: Vec<Use>,
}

impl Gateway {
    /// Does the caller review what is told here, as far as that does not depend on what it is?
    fn reviews(&self, grant: &Grant) -> bool {
        let caller = grant.caller();
        let Some(local) = &self.reach.sources.local else { return false };
        let names = self.terms.directory.names(caller.organization());
        let is_ours = names.iter().any(|name| **name == *local.custodian());
        (caller.node().is_none() && is_ours && self.is_officer(grant))
            || mutant::on(Mutant::ReviewsAreAnybodys)
    }

    /// The view with the reviews of the person that are asked for, by id or all.
    pub(super) async fn with_reviews(
        &self,
        view: Arc<View>,
        grant: &Grant,
        id: Option<&str>,
    ) -> Result<Arc<View>> {
        let mut cases = self.cases(&view, grant).await?;
        cases.retain(|case| id.is_none_or(|id| *case.id == *id));
        Ok(self.telling(&view, &cases))
    }

    /// The same of cases that are known.
    pub(super) fn telling(&self, view: &Arc<View>, cases: &[Case]) -> Arc<View> {
        if cases.is_empty() {
            return Arc::clone(view);
        }
        let told = cases.iter().map(|case| Told::Review(self.review(case, view.patient())));
        view.telling(&told.collect::<Vec<_>>())
    }

    /// What is there to review of a person, or was, for this caller.
    pub(super) async fn cases(&self, view: &View, grant: &Grant) -> Result<Vec<Case>> {
        if !self.reviews(grant) || !view.shows_told() {
            return Ok(Vec::new());
        }
        let (patient, key) = view.audit_key();
        let uses = review::of_person(&self.log, AuditKey::new(Arc::clone(patient), key)).await?;
        let roles = grant.caller().roles();
        let mut cases = cases(uses, patient);
        cases.retain(|case| {
            let of = self.reviewers(case);
            let is_theirs = roles.iter().any(|role| of.iter().any(|one| **one == **role));
            is_theirs || mutant::on(Mutant::ReviewsAreAnybodys)
        });
        Ok(cases)
    }

    /// Across people, whom alone a search for reviews by who makes them need look at; only what this
    /// gateway holds is reviewed here.
    pub(super) async fn narrowed(&self, plan: Plan, grant: &Grant, query: &Query) -> Result<Plan> {
        if query.person.is_some() || !asks_for_reviews(query) || !self.reviews(grant) {
            return Ok(plan);
        }
        let waits = says(query, "status", Some("http://hl7.org/fhir/task-status"), REQUESTED);
        Ok(plan.among(review::people(&self.log, !waits).await?))
    }

    /// The grounds of a case that the law table has.
    fn grounds<'a>(&'a self, case: &'a Case) -> impl Iterator<Item = &'a Ground> {
        let ids =
            case.uses.iter().flat_map(|one| &one.entry.basis).filter_map(|basis| match basis {
                Basis::Law { id, .. } => Some(&**id),
                Basis::Consent { .. }
                | Basis::Person
                | Basis::Register
                | Basis::Representation { .. } => None,
            });
        ids.filter_map(|id| self.terms.law.grounds.iter().find(|ground| *ground.id == *id))
    }

    /// The roles that review it: those that its grounds name; of a ground that names none, any officer.
    fn reviewers(&self, case: &Case) -> Vec<Arc<str>> {
        let named = self.grounds(case).filter_map(|ground| ground.reviewer.clone());
        let mut named: Vec<Arc<str>> = named.collect();
        named.sort_unstable();
        named.dedup();
        if named.is_empty() { self.terms.law.officer_roles.clone() } else { named }
    }

    fn review(&self, case: &Case, patient: &str) -> Review {
        let of = |pick: fn(&Use) -> Moment| case.uses.iter().map(pick);
        let opened = of(|one| one.entry.at).min().unwrap_or(Moment::MIN);
        let last = of(|one| one.entry.at).max().unwrap_or(opened);
        let found = case.uses.first().and_then(|one| found(one.review.as_ref()?));
        let days = self.grounds(case).filter_map(|ground| ground.review_days).min();
        Review {
            id: Arc::clone(&case.id),
            opened,
            changed: found.as_ref().map_or(last, |found| found.at),
            due: days.map(|days| opened.plus(DAY * u32::from(days))),
            events: case.uses.iter().map(|one| event_id(&one.leaf, patient).into()).collect(),
            roles: self.reviewers(case).iter().map(ToString::to_string).collect(),
            reason: case.uses.first().map(Use::reason).unwrap_or_default().to_owned(),
            found,
        }
    }
}

/// What is to be reviewed together: what a request told up to a review, or until now.
fn cases(uses: Vec<Use>, patient: &str) -> Vec<Case> {
    let mut together: BTreeMap<(String, Option<Moment>), Vec<Use>> = BTreeMap::new();
    for one in uses {
        let reviewed = one.review.as_ref().map(|review| review.at);
        together.entry((one.entry.request.to_string(), reviewed)).or_default().push(one);
    }
    let case = |mut uses: Vec<Use>| {
        uses.sort_by_key(|one| (one.entry.at, one.leaf));
        let own = own(&uses.first()?.leaf);
        Some(Case { id: format!("{patient}{LETTERS}{own}").into(), uses })
    };
    together.into_values().filter_map(case).collect()
}

fn found(entry: &Entry<'_>) -> Option<Found> {
    let made = entry.review.as_ref()?;
    let note = made.note.as_ref().map(ToString::to_string);
    let finding = Finding { justified: made.justified, note };
    Some(Found { at: entry.at, by: made.by.to_string(), finding })
}
