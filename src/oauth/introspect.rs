//! Introspection: what a token says, told to the clients that may ask.
//!
//! Part of `oauth`. Sources: RFC 7662, SMART App Launch 2.2 `token-introspection`, IHE ITI-102. A client
//! proves itself as at the token endpoint or by an access token of its own; one that may ask at all may
//! ask about every client's tokens, and about those of other issuers that count here: of them it is told what
//! they may do here. What is unknown, over, revoked or another server's is the same bytes; what cannot be
//! known at present is not told to be inactive.

use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderMap, Response, StatusCode, header::AUTHORIZATION};
use serde_json::{Value, json};

use super::{
    issuers::Trouble,
    refused::{Code, Refused, json_response},
    token::{Answered, Asked, Known, TokenEndpoint, refuse_second_method},
};
use crate::{
    authenticate::{Caller, Examined, issuer::Elsewhere},
    domain::moment::Moment,
};

/// RFC 6750 section 3.1.
const CHALLENGE: &str = "Bearer error=\"invalid_token\"";

impl TokenEndpoint {
    /// Answers one question about a token.
    pub async fn introspect(&self, asked: Asked<'_>, now: Moment) -> Answered {
        let mut known = Known::default();
        let decided = self.decide_introspection(asked, &mut known, now).await;
        known.answered(decided)
    }

    async fn decide_introspection(
        &self,
        asked: Asked<'_>,
        known: &mut Known,
        now: Moment,
    ) -> Result<Response<Bytes>, Refused> {
        let form = self.form(asked, now).await?;
        let client = if is_bearer(asked.headers) && form.value("client_assertion").is_none() {
            if form.value("client_secret").is_some() {
                return Err(Refused::request("two ways of client authentication"));
            }
            let caller = self.bearing(asked, known, now).await?;
            let unknown = || Refused::new(Code::InvalidClient, "unknown client");
            self.registry.client(caller.client_id()).ok_or_else(unknown)?
        } else {
            refuse_second_method(asked.headers, &form)?;
            self.proven(&form, asked.proven(None), &mut known.client, now).await?.0
        };
        if !client.entry().introspects {
            return Err(Refused::new(Code::AccessDenied, "not registered to introspect"));
        }
        let token = form.value("token").ok_or(Refused::request("no token"))?;
        let body = match self.good(token, now).await? {
            Some((good, _)) => {
                known.token = Some(good.registered.jti.clone());
                said(&good)
            }
            None => json!({ "active": false }),
        };
        Ok(json_response(StatusCode::OK, body.to_string()))
    }

    /// What a token says, if it is good: one of ours, or of another issuer.
    pub(super) async fn good(
        &self,
        token: &str,
        now: Moment,
    ) -> Result<Option<(Examined, Option<Elsewhere>)>, Refused> {
        if let Ok(good) = self.authenticator.examine(token, now) {
            return Ok(Some((good, None)));
        }
        let Some(issuer) = self.issuers.of(token) else { return Ok(None) };
        match self.issuers.look_at(issuer, token, now).await {
            Ok((good, elsewhere)) => Ok(Some((good, Some(elsewhere)))),
            Err(Trouble::Refused(_)) => Ok(None),
            Err(Trouble::Unreachable(why)) => Err(Refused::new(Code::TemporarilyUnavailable, why)),
        }
    }

    /// Who bears an access token of a client's own.
    pub(super) async fn bearing(
        &self,
        asked: Asked<'_>,
        known: &mut Known,
        now: Moment,
    ) -> Result<Arc<Caller>, Refused> {
        let refused = |why: &'static str| Refused {
            challenge: Some(CHALLENGE),
            ..Refused::new(Code::InvalidClient, why)
        };
        let verified = self.authenticator.verify(asked.headers, asked.certificate, None, now);
        let caller = verified.map_err(|_| refused("no good access token"))?;
        let client = self.registry.client(caller.client_id()).filter(|_| caller.node().is_none());
        let client = client.ok_or_else(|| refused("the access token is no client's own"))?;
        self.keep_claimed(client.id(), asked.address, now).await?;
        known.client = Some(Arc::clone(client.id()));
        Ok(caller)
    }
}

fn is_bearer(headers: &HeaderMap) -> bool {
    let value = headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok());
    let scheme = value.and_then(|value| value.split(' ').next());
    scheme.is_some_and(|scheme| scheme.eq_ignore_ascii_case("bearer"))
}

/// What the token says, in the words of RFC 7662 and IHE IUA.
fn said(good: &Examined) -> Value {
    let (registered, statement) = (&good.registered, &good.claims.statement);
    let acting = json!({
        "subject_organization_id": statement.organization,
        "subject_role": statement.roles,
        "purpose_of_use": statement.purpose,
        "subject_id": statement.subject,
    });
    let proven = good.claims.cnf.as_ref().is_some_and(|cnf| cnf.key.is_some());
    let mut said = json!({
        "active": true,
        "token_type": if proven { "DPoP" } else { "Bearer" },
        "scope": statement.scope,
        "client_id": statement.client_id,
        "iss": registered.iss,
        "sub": registered.sub,
        "aud": registered.aud,
        "exp": registered.exp,
        "iat": registered.iat,
        "jti": registered.jti,
        "patient": statement.patient,
        "act": statement.act,
        "may_act": good.claims.may_act,
        "cnf": good.claims.cnf,
        "extensions": { "ihe_iua": acting },
    });
    if let Some(all) = said.as_object_mut() {
        all.extend(good.claims.launched.clone());
    }
    leave_out_nothings(&mut said);
    said
}

/// Members that say nothing are left out.
fn leave_out_nothings(value: &mut Value) {
    if let Value::Object(members) = value {
        members.values_mut().for_each(leave_out_nothings);
        members.retain(|_, member| !member.is_null() && *member != json!([]));
    }
}
