//! May they ask this at all: a verified caller and a call become a [`Grant`], or 403.
//!
//! Step of the way after `authenticate`. Refusals here depend on no person's data. What a granular
//! scope leaves of a permitted call travels in the grant and narrows the view. Source: SMART App
//! Launch 2.2, scopes; RFC 6750 section 3.1.

use std::sync::Arc;

use crate::{
    authenticate::Caller,
    error::Result,
    fhir::types::{Interaction, ResourceType},
    route::Call,
    smart::{self, Limits, decide::Cover},
};

/// That this caller may make this call.
#[derive(Clone)]
pub struct Grant {
    caller: Arc<Caller>,
    call: Call,
}

impl Grant {
    /// Who asks.
    pub fn caller(&self) -> &Arc<Caller> {
        &self.caller
    }

    /// What is asked.
    pub fn call(&self) -> &Call {
        &self.call
    }

    /// What of a type the call may reach: `None` is everything, else any one of the limits.
    pub fn limits(&self, kind: ResourceType) -> Option<Vec<&Limits>> {
        match self.caller.scopes().covers(kind, self.interaction()) {
            Cover::Whole => None,
            Cover::Nothing => Some(Vec::new()),
            Cover::Limited(limits) => Some(limits),
        }
    }

    /// Does some scope cover the type for this call's interaction?
    pub fn reaches(&self, kind: ResourceType) -> bool {
        self.limits(kind).is_none_or(|limits| !limits.is_empty())
    }

    /// The interaction the call is.
    pub fn interaction(&self) -> Interaction {
        self.call.interaction().unwrap_or(Interaction::Read)
    }
}

/// May this caller make this call?
///
/// # Errors
/// `Forbidden`, the same whatever any store holds.
pub fn grant(caller: Arc<Caller>, call: Call) -> Result<Grant> {
    let grant = Grant { caller, call };
    let allowed = match &grant.call {
        Call::Push(..) | Call::PushSeveral(_) => grant.caller.scopes().native_write(),
        Call::Everything(_) => grant.reaches(ResourceType::Patient),
        Call::Handles(_) => grant.caller.node().is_some() && grant.reaches(ResourceType::Patient),
        // The directory belongs to no person and is public to any authenticated caller.
        Call::Read(kind, _) | Call::Search(kind) => !kind.is_personal() || grant.reaches(*kind),
        Call::Vread(kind, ..)
        | Call::HistoryInstance(kind, _)
        | Call::HistoryType(kind)
        | Call::Notification(kind)
        | Call::Compartment(_, kind) => grant.reaches(*kind),
        // Each of its entries is granted by itself, or not; and what is validated, or extracted from, is the
        // caller's own.
        Call::Batch | Call::ExtractGiven | Call::Validate(_) => true,
        Call::CircleOfResponse(_) | Call::CircleOfPatient(_) => {
            grant.reaches(ResourceType::QuestionnaireResponse)
        }
        Call::CollectivePlan(_) => grant.reaches(ResourceType::CarePlan),
        Call::Populate(_) => grant.reaches(ResourceType::QuestionnaireResponse),
        Call::Extract(_) => {
            grant.reaches(ResourceType::QuestionnaireResponse)
                && grant.reaches(ResourceType::Observation)
        }
        // Whoever is counted, scopes that choose among people would choose what is subtracted.
        Call::Evaluate(_) => {
            grant.limits(ResourceType::Observation).is_none()
                && grant.limits(ResourceType::Patient).is_none()
        }
        Call::CreateConsent
        | Call::ImportConsent
        | Call::Receipt(_)
        | Call::UpdateConsent(_)
        | Call::WriteConsent => grant.reaches(ResourceType::Consent),
        // What a scope leaves out may not be written under it, and answers are taken whole.
        Call::CreateResponse => grant.limits(ResourceType::QuestionnaireResponse).is_none(),
        Call::CreatePlanned(kind)
        | Call::DeleteMatching(kind)
        | Call::DeletePlanned(kind, _)
        | Call::UpdateMatching(kind)
        | Call::UpdatePlanned(kind, _) => grant.limits(*kind).is_none(),
        // It tells of every Consent, so a scope that leaves some out does not do.
        Call::Explain(_) => grant.limits(ResourceType::Consent).is_none(),
        // Which types of it a file may have is asked again for each.
        Call::Export(_) | Call::ExportStatus(_) | Call::ExportEnd(_) | Call::ExportFile(_) => {
            let personal = ResourceType::ALL.iter().filter(|kind| kind.is_personal());
            personal.copied().any(|kind| grant.reaches(kind))
        }
        // Subscriptions are taken and given whole.
        Call::Subscribing(_) => grant.limits(ResourceType::Subscription).is_none(),
        Call::Public(..) | Call::OAuth(_) => false,
    };
    if allowed { Ok(grant) } else { Err(smart::decide::insufficient()) }
}
