//! Logins, permissions and tokens as `AuditEvent`: IHE ITI-71, Get Access Token.
//!
//! Part of `audit::event`. Profile `IHE.IUA.71` (IHE ITI Basic Audit Log Patterns), whose agents and entities
//! are closed: the app, this gateway, whoever logged in, and what was asked. Success of a token alone
//! claims it. Holds no code, no token and nothing that narrows a scope.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Value, json};

use super::{
    DCM, OBJECT_ROLE, OBJECT_TYPE, Observer, add, client_agent, coding, server_agent, user_agent,
};
use crate::audit::record::{Entry, Interaction, Query};

/// Where the transactions of IHE have their codes.
const TRANSACTION: &str = "urn:ihe:event-type-code";
/// The profile.
pub(super) const PROFILE: &str = "https://profiles.ihe.net/ITI/BALP/StructureDefinition/IHE.IUA.71";

/// What such an event is about.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Access {
    /// Somebody logs in.
    Login,
    /// Somebody is sent by an app, opens one, permits it something, or no longer does.
    Permission,
    /// A token.
    Token,
}

/// The kind of an entry, if it is one of these.
pub(super) fn of(entry: &Entry<'_>) -> Option<Access> {
    let [one] = entry.types.as_slice() else { return None };
    match (entry.interaction, &**one) {
        (Interaction::Operation, "token") => Some(Access::Token),
        (Interaction::Operation, "login") => Some(Access::Login),
        (Interaction::Operation, "authorize" | "consent" | "end-permission" | "launch") => {
            Some(Access::Permission)
        }
        _ => None,
    }
}

impl Access {
    /// Type and subtype.
    pub(super) fn kind(self) -> (Value, Value) {
        let subtype = match self {
            Self::Login => coding(DCM, "110122"),
            Self::Permission | Self::Token => coding(TRANSACTION, "ITI-71"),
        };
        (coding(DCM, "110114"), subtype)
    }
}

/// The app, this gateway, and whoever logged in.
pub(super) fn agents(entry: &Entry<'_>, observer: Observer<'_>) -> Vec<Value> {
    let user = user_agent(entry, "IRCP");
    [client_agent(entry, "110150"), server_agent(observer, "110152")]
        .into_iter()
        .chain(user)
        .collect()
}

/// What was asked: which of the addresses, and which scopes were granted and which were not.
pub(super) fn entities(entry: &Entry<'_>) -> Vec<Value> {
    let query = entry.query.as_ref().map(Query::as_str).unwrap_or_default();
    let asked = STANDARD.encode(format!("{}?{query}", entry.types.join(",")));
    let mut entity = json!({
        "type": coding(OBJECT_TYPE, "2"),
        "role": coding(OBJECT_ROLE, "24"),
        "query": asked,
    });
    add(&mut entity, [("description", (!query.is_empty()).then(|| json!(query)))]);
    vec![entity]
}
