//! A proposal about a plan that another gateway keeps: on to that gateway, which decides.
//!
//! Part of `proposed`. Which gateway that is stands in the id of what it is about. It goes there on its
//! writer's behalf, for no more than the writer's scopes, and what is said to it comes back: that it is
//! kept, or the refusal, in which the hidden is as the absent. Nothing of it stays here but the record that
//! it was passed on. An identity code goes nowhere. Source: design 7.

use std::sync::Arc;

use http::{HeaderMap, HeaderName};
use serde_json::Value;

use super::super::{
    End,
    sent::{Deed, Sent},
};
use crate::{
    audit::step,
    domain::{id::node_of, identity},
    error::{Error, Kind, Result},
    federation::{ask::Source, choose::choose, proposal},
    fhir::types::ResourceType::Task,
    gateway::{Gateway, request::Asked},
    scope::Grant,
};

impl Gateway {
    /// The other gateway that keeps the plan, if one does that this one asks.
    pub(super) fn keeper_elsewhere(
        &self,
        asked: &Asked<'_>,
        grant: &Grant,
        one: &Sent,
    ) -> Result<Option<Arc<Source>>> {
        let focus = || one.resource.pointer("/focus/reference")?.as_str()?.split_once('/');
        let id = match (one.deed, &one.id) {
            (Deed::Create, _) => focus().map(|(_, id)| id),
            (_, id) => id.as_deref(),
        };
        let Some(id) = id.filter(|id| node_of(id).as_ref() != Some(&self.node)) else {
            return Ok(None);
        };
        Ok(choose(&self.reach.sources, grant, asked.nodes())?.peer_of(id))
    }

    /// Passes it on, and writes that down.
    pub(super) async fn pass_on(
        &self,
        asked: &Asked<'_>,
        grant: &Grant,
        to: &Source,
        one: &Sent,
    ) -> Result<End> {
        let condition = one.condition.as_deref().unwrap_or_default();
        let mut said = form_urlencoded::parse(condition.as_bytes());
        if names_by_code(&one.resource) || said.any(|(_, value)| is_code(&value)) {
            let say = "Name people by reference: what says an identity code is not passed on.";
            return Err(Error::new(Kind::Unprocessable, say).at(one.place.clone()));
        }
        let mut conditions = HeaderMap::new();
        for name in ["if-match", "if-none-exist"].map(HeaderName::from_static) {
            let given = asked.headers.get(&name).cloned();
            conditions.extend(given.map(|value| (name, value)));
        }
        let asking = Arc::new(self.asking_for(asked, grant, Task, None).await?);
        let sent = proposal::Sent { id: one.id.as_deref(), conditions, task: &one.resource };
        let proposal::Kept { id, is_new, version } = to.propose(&asking, sent).await?;
        let at = format!("{Task}/{id}");
        let mut request = asked.request_alone();
        request.sources = vec![to.node().as_str().into()];
        step::record_passed_on(&self.log, grant, &at, &request, asked.now).await?;
        Ok(End::Elsewhere { at, is_new, version })
    }
}

/// Is somebody named by identity code?
fn names_by_code(value: &Value) -> bool {
    match value {
        Value::Object(members) => members.values().any(names_by_code),
        Value::Array(all) => all.iter().any(names_by_code),
        Value::String(text) => is_code(text),
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
    }
}

/// Is it an identity code, or the name of what such a code is of, or does one stand in it? Behind `|` stands
/// one in a condition.
fn is_code(text: &str) -> bool {
    let (system, code) = text.rsplit_once('|').unwrap_or((text, text));
    system == identity::SYSTEM
        || identity::resembles(code)
        || identity::mentions_identity_code(text)
}
