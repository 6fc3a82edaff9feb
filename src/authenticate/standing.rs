//! Who subscribed, as they would be let in now.
//!
//! Part of the step `authenticate`. A subscription stands for longer than any token, so what the client
//! stated when it subscribed is kept, and a [`Caller`] is made of it anew each time something is to be
//! told: with no more than the client is registered for at that moment. What needs a proof of its own
//! each time (a person who acts, a declared ground, an emergency, another gateway) cannot stand.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{
    Authenticator, Examined,
    caller::{AccessClaims, Bound, Caller},
    jose::{Refusal, claims::Registered},
    statement::Statement,
};
use crate::{digest::sha256, domain::moment::Moment, smart::Scopes};

/// How long what is told may take, from the decision on.
const LIFE: Duration = Duration::from_mins(1);

/// Who subscribed: what was stated, of which no more holds than is registered.
#[derive(Clone, Deserialize, Serialize)]
#[serde(transparent)]
pub struct Standing(Statement);

impl Standing {
    /// That this caller subscribes; `None` for one who could not be let in again without a proof.
    pub fn of(caller: &Caller) -> Option<Self> {
        let said = caller.statement();
        let is_alone = caller.node().is_none()
            && caller.issuer().is_none()
            && caller.family().is_none()
            && caller.confined_to().is_none();
        let is_bare = said.subject.is_none()
            && said.patient.is_none()
            && said.declared.is_empty()
            && said.break_glass.is_none()
            && said.act.is_none();
        (is_alone && is_bare).then(|| Self(said.clone()))
    }

    /// The client.
    pub fn client_id(&self) -> &str {
        &self.0.client_id
    }
}

impl Authenticator {
    /// Who subscribed, now. `name` names the subscription in records.
    ///
    /// # Errors
    /// Why they would not be let in any more, for the log.
    pub fn standing(
        &self,
        standing: &Standing,
        name: &str,
        now: Moment,
    ) -> Result<Caller, Refusal> {
        let client = self.registry.client(standing.client_id());
        let client = client.ok_or(Refusal::Invalid("client is not configured any more"))?;
        let (entry, mut statement) = (client.entry(), standing.0.clone());
        let is_registered = statement.purpose.iter().all(|one| entry.purposes.contains(one))
            && statement.roles.iter().all(|role| entry.roles.contains(role))
            && statement.organization == entry.organization;
        if !is_registered {
            return Err(Refusal::Invalid("not what the client is registered for any more"));
        }
        let scopes = Scopes::parse(&statement.scope).intersect(client.scopes());
        if scopes.is_empty() {
            return Err(Refusal::Invalid("no scope is left"));
        }
        statement.scope = scopes.to_string();
        statement.register.clone_from(&entry.register);
        statement.sector.clone_from(&entry.sector);
        let registered = Registered {
            iss: self.issuer.clone(),
            sub: statement.client_id.clone(),
            aud: self.audience.clone(),
            exp: now.plus(LIFE).seconds(),
            iat: Some(now.seconds()),
            nbf: None,
            jti: name.to_owned(),
        };
        let claims = AccessClaims {
            statement,
            node: None,
            cnf: None,
            may_act: None,
            family: None,
            launched: serde_json::Map::new(),
        };
        let examined = Examined { id: sha256(name.as_bytes()), registered, claims };
        Caller::new(examined, Bound::default(), None, &self.peers)
    }
}
