//! The road by which a second person writes down what they found of an access: parse, see, check, record,
//! respond.
//!
//! Part of `planned`, since a review is a Task; it is of no plan, and what is written is a record of the
//! log and nothing else. One at a time: a review that somebody else made meanwhile is read first. Source:
//! `consent` 1.4, break-glass; FHIR R4 http.html#concurrency.

use std::time::Duration;

use super::{
    End, reader,
    sent::{Sent, at_place},
    unseen::{is_as_seen, is_as_seen_but},
};
use crate::{
    audit::{
        frame::AuditKey,
        record::{Interaction, Review},
        review::{is_note, record_review},
        step,
    },
    commit,
    consent::view::View,
    domain::id::document_of,
    error::{Error, Kind, Result},
    fhir::types::ResourceType::Task,
    gateway::{Gateway, request::Asked, reviews::Case, writing::faulty},
    mapping::told::review::{self, COMPLETED, Finding},
    scope::Grant,
    search::{self, Hit},
    source::local::Local,
};

/// The turn in the store of the process that writes a review.
const NAME: &str = "review";
/// How long it has it at most.
const TURN: Duration = Duration::from_secs(10);
/// What of a review is another in its next version.
const MOVES: [&str; 3] = ["note", "output", "status"];

impl Gateway {
    /// Completes a review.
    pub(super) async fn keep_review(
        &self,
        asked: &Asked<'_>,
        grant: &Grant,
        one: Sent,
    ) -> Result<End> {
        let local = self.reach.sources.local.as_ref().ok_or_else(Error::not_found)?;
        self.well_formed(&one)?;
        let _one = self.log.alone().await;
        if !self.tokens.store.take_turn(NAME, TURN).await? {
            let say = "Another review is being written: send it again in a moment.";
            return Err(Error::new(Kind::Conflict, say));
        }
        let kept = self.reviewed(asked, grant, local, &one).await;
        self.tokens.store.end_turn(NAME).await?;
        kept
    }

    async fn reviewed(
        &self,
        asked: &Asked<'_>,
        grant: &Grant,
        local: &Local,
        one: &Sent,
    ) -> Result<End> {
        let id = one.review().ok_or_else(Error::not_found)?;
        let by = reader(grant, Task, id)?;
        let view = self.seen_now(asked, &by, local, document_of(id)).await?;
        let view = view.ok_or_else(Error::not_found)?;
        let mut cases = self.cases(&view, &by).await?;
        cases.retain(|case| *case.id == *id);
        let view = self.telling(&view, &cases);
        let hit = search::read(&view, Task, id).ok_or_else(Error::not_found)?;
        let case = cases.first().ok_or_else(Error::not_found)?;
        let kept = self.review_seen(asked, grant, local, one, (&view, &hit, case)).await;
        kept.map_err(|error| error.about(view.audit_key().0))
    }

    /// Completes one that is there for the reviewer to see.
    async fn review_seen(
        &self,
        asked: &Asked<'_>,
        grant: &Grant,
        local: &Local,
        one: &Sent,
        (view, hit, case): (&View, &Hit, &Case),
    ) -> Result<End> {
        self.may_follow(hit, one)?;
        let seen = self.as_seen(hit)?;
        let name = format!("{Task}/{}", case.id);
        if is_as_seen(&one.resource, &seen) {
            let request = asked.request_alone();
            let desk = self.desk(local, grant, &request, asked);
            let what = (name.as_str(), Interaction::Update);
            commit::unchanged::record(&desk, view.audit_key(), what).await?;
            return Ok(End::Updated(name));
        }
        let refused = |say, at: &str| Error::new(Kind::Unprocessable, say).at(at.to_owned());
        if seen.get("status").is_some_and(|status| *status == COMPLETED) {
            return Err(refused("It is completed, and stays as it is.", "Task.status"));
        }
        if !is_as_seen_but(&one.resource, &seen, &MOVES) {
            let say = "Of a review only status, output and note become others: read it, and send it \
                       back so.";
            return Err(refused(say, &one.place));
        }
        let Finding { justified, note } = review::read(&one.resource, is_note)
            .map_err(|faults| faulty(&at_place(faults, one)))?;
        let subject = second_person(grant, case)?;
        let listed = subject.strip_prefix("Practitioner/");
        let listed = listed.and_then(|id| self.terms.directory.name(id, "fi"));
        let found =
            Review { by: listed.unwrap_or(subject).into(), justified, note: note.map(Into::into) };
        let by = step::asker(grant);
        let used = case.uses.first().ok_or_else(Error::not_found)?;
        let (patient, key) = view.audit_key();
        let key = AuditKey::new(patient.clone(), key);
        record_review(&self.log, &key, &used.entry, (found, by), asked.now).await?;
        Ok(End::Updated(name))
    }
}

/// Who reviews: a person, and none of those who asked.
fn second_person<'a>(grant: &'a Grant, case: &Case) -> Result<&'a str> {
    let refused = |say| Err(Error::new(Kind::Forbidden, say));
    match grant.caller().subject() {
        None => refused("A review is a person's: ask with a token that names who reviews."),
        Some(subject) if case.uses.iter().any(|used| used.is_by(subject)) => {
            refused("It is reviewed by a second person, not by who asked.")
        }
        Some(subject) => Ok(subject),
    }
}
