//! The road of a launch: pages on which people log in and choose what an app may do.
//!
//! Beside the way: `oauth` settles what becomes of a page; here what was decided is written down before
//! the page leaves. Logins, permissions and refusals are records like those of tokens (IHE ITI-71); they
//! hold no code, no cookie and no identity code. That a permission was ended is among the records of the person
//! whom it was about, and is said once nothing that it allowed can start any more.

use std::sync::Arc;

use http::Response;
use tokio::time::sleep;

use crate::{
    audit::{
        frame::AuditKey,
        record::{Caller, Interaction, Outcome, Query},
        step::{self, Done, Request},
    },
    authenticate::revoked::OLDEST,
    error::Result,
    gateway::{Gateway, request::Asked},
    listen::body::Body,
    oauth::{launch::Event, token},
    respond,
    route::Endpoint,
};

impl Gateway {
    /// One page.
    pub(super) async fn launch(
        &self,
        asked: &Asked<'_>,
        question: token::Asked<'_>,
        (endpoint, path): (Endpoint, &str),
    ) -> Response<Body> {
        let visited = match endpoint {
            Endpoint::Login => self.tokens.logs_in(question, asked.now).await,
            Endpoint::Consent => self.tokens.consents(question, asked.now).await,
            Endpoint::Permissions => self.tokens.permissions(question, asked.now).await,
            Endpoint::Return => {
                let provider = path.rsplit('/').next().unwrap_or_default();
                self.tokens.returns(question, provider, asked.now).await
            }
            Endpoint::Authorize
            | Endpoint::Introspect
            | Endpoint::Launch
            | Endpoint::Revoke
            | Endpoint::Token => self.tokens.authorize(question, asked.now).await,
        };
        let Some(event) = visited.event else { return visited.response.map(Body::free) };
        if let Some(reason) = event.refused {
            let (client, road) = (event.client.as_deref(), event.what);
            tracing::info!(reason, client, road, "refused");
        }
        let recorded = async {
            let about = match &event.ended {
                Some(patient) => self.key_of(patient).await?,
                None => None,
            };
            let (done, request) = told(&event, about, asked);
            step::record_done(&self.log, done, &request, asked.now).await
        };
        if let Err(error) = recorded.await {
            return respond::refusal(&error, None, None, &asked.request_id);
        }
        if let (Some(patient), Some(local)) = (&event.ended, &self.reach.sources.local) {
            if local.store().is_shared() {
                // For so long another process may not have heard of it.
                sleep(OLDEST).await;
            }
            self.nothing_earlier_starts(local, patient, None).await;
        }
        visited.response.map(Body::free)
    }

    /// The key of somebody's records, if they are known here.
    async fn key_of(&self, patient: &Arc<str>) -> Result<Option<AuditKey>> {
        let Some(local) = &self.reach.sources.local else { return Ok(None) };
        let mut keys = local.store().audit_keys(vec![Arc::clone(patient)]).await?;
        Ok(keys.remove(patient).map(|key| AuditKey::new(Arc::clone(patient), key)))
    }
}

/// What the record says.
fn told<'a>(event: &'a Event, about: Option<AuditKey>, asked: &Asked<'_>) -> (Done<'a>, Request) {
    let scopes = [("granted", &event.granted), ("withheld", &event.withheld)];
    let scopes = scopes.map(|(name, scopes)| (name, scopes.join(" ")));
    let said = scopes.iter().filter(|(_, scopes)| !scopes.is_empty());
    let query = Query::of(said.map(|(name, scopes)| (*name, scopes.as_str())));
    let refused = |_| match event.what {
        "login" => Outcome::Refused("login-refused".into()),
        "consent" => Outcome::Refused("consent-refused".into()),
        _ => Outcome::Refused("authorization-refused".into()),
    };
    let done = Done {
        caller: Caller {
            client: event.client.as_deref().unwrap_or_default().into(),
            subject: event.subject.as_deref().map(Into::into),
            ..Caller::default()
        },
        purpose: None,
        interaction: Interaction::Operation,
        types: vec![event.what.into()],
        outcome: event.refused.map_or(Outcome::Success, refused),
        about,
    };
    let query = Some(query).filter(|query| !query.as_str().is_empty());
    (done, Request { query, ..asked.request_alone() })
}
