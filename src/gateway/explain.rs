//! The road of `$explain`: what somebody else would be permitted to see of a person, and by what.
//!
//! Of the same shape as the others: the question is read, the person's data are gathered and mapped,
//! the same decision as that of every release is made about the caller that is named, and what is told
//! is recorded before it leaves. Who may not ask, and whom nobody knows, get the same 404.

use std::sync::Arc;

use http::Response;

use crate::{
    audit::{
        self,
        frame::AuditKey,
        record::{Entry, Query, Review},
        review, step,
    },
    bundle::explained::{Reviewed, Use, explained},
    consent::explain::{self, Explanation, question::Question},
    domain::id::node_of,
    error::{Error, Kind, Result},
    gateway::{Gateway, request::Asked},
    listen::body::Body,
    mapping, respond,
    route::Call,
    scope::Grant,
};

impl Gateway {
    /// `POST /fhir/Patient/{id}/$explain`.
    pub(crate) async fn explain(&self, asked: &Asked<'_>, grant: &Grant) -> Result<Response<Body>> {
        let Call::Explain(id) = grant.call() else {
            return Err(Error::internal("only an explanation has such an id"));
        };
        let question = self.question(asked)?;
        let is_elsewhere = node_of(id).as_ref() != Some(&self.node);
        if grant.caller().node().is_none() && (is_elsewhere || asked.nodes().is_some()) {
            return Box::pin(self.explain_everywhere(asked, grant, id, &question)).await;
        }
        let in_flight = self.flights.take();
        let local = self.reach.sources.local.as_ref().ok_or_else(Error::not_found)?;
        let known_current = self.known_current()?;
        let meant = grant.caller().confined_to().is_none_or(|one| one == Some(id.as_str()));
        let held = local.load(id).await?.filter(|_| meant).ok_or_else(Error::not_found)?;
        let mapped = mapping::to_fhir(held, &self.terms.directory);
        let explanation = explain::explain(mapped, grant, &question, &self.terms, asked.now)
            .ok_or_else(Error::not_found)?;
        let uses = self.uses(&explanation).await?;
        let (language, here) = (asked.language(), (&self.node, asked.now));
        let answer = explained(&explanation, &uses, language, here, known_current);
        let request = step::Request { query: Some(recorded(&question)), ..asked.request_alone() };
        let receipt = audit::record(&self.log, &answer, grant, &request, asked.now).await?;
        let sending = self.sending(asked, &receipt, in_flight)?;
        Ok(respond::bundle(answer, &receipt, sending))
    }

    /// Who was told of the person by a declared ground, as the log has it now: the notice of it.
    pub(super) async fn uses(&self, explanation: &Explanation) -> Result<Vec<Use>> {
        if !explanation.tells_of_uses() {
            return Ok(Vec::new());
        }
        let (id, key) = explanation.audit_key();
        let uses = review::of_person(&self.log, AuditKey::new(Arc::clone(id), key)).await?;
        Ok(uses.iter().map(used).collect())
    }

    /// What is asked; the same for everybody, whatever is held.
    fn question(&self, asked: &Asked<'_>) -> Result<Question> {
        Question::read(&self.resource(asked, Kind::Unprocessable)?)
    }
}

/// A use, and what came of it.
fn used(one: &review::Use) -> Use {
    let entry = &one.entry;
    let found = |entry: &Entry<'_>| {
        let Review { by, justified, .. } = entry.review.as_ref()?;
        Some(Reviewed { at: entry.at, by: by.to_string(), justified: *justified })
    };
    Use {
        at: entry.at,
        organization: entry.caller.organization.as_deref().unwrap_or_default().to_owned(),
        role: entry.caller.role.as_deref().map(str::to_owned),
        ground: one.ground().map(|(id, _)| id.to_owned()),
        reason: one.reason().to_owned(),
        reviewed: one.review.as_ref().and_then(found),
        notified: one.notice.as_ref().map(|entry| entry.at),
    }
}

/// About whom was asked, as the record may say it.
pub(super) fn recorded(question: &Question) -> Query {
    let one = [("organization", &question.organization), ("purpose", &question.purpose)];
    let user = question.user.iter().map(|user| ("user", user));
    let roles = question.roles.iter().map(|role| ("role", role));
    let all = one.into_iter().chain(roles).chain(user);
    Query::of(all.map(|(name, value)| (name, value.as_str())))
}
