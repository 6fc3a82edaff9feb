//! Revocation: a client ends a token of its own before its time.
//!
//! Part of `oauth`. Source: RFC 7009. Durable before it is acknowledged, and from then on in force in
//! every process within a second. A token that is none, or over, is as good as revoked; what a client
//! says of it beside (`token_type_hint`) changes nothing, as no token can be taken for another type.

use bytes::Bytes;
use http::{Response, StatusCode};

use super::{
    refused::{Code, Refused, json_response},
    token::{Answered, Asked, Known, TokenEndpoint, refuse_second_method},
};
use crate::domain::moment::Moment;

impl TokenEndpoint {
    /// Answers one request to revoke a token.
    pub async fn revoke(&self, asked: Asked<'_>, now: Moment) -> Answered {
        let mut known = Known::default();
        let decided = self.decide_revocation(asked, &mut known, now).await;
        known.answered(decided)
    }

    async fn decide_revocation(
        &self,
        asked: Asked<'_>,
        known: &mut Known,
        now: Moment,
    ) -> Result<Response<Bytes>, Refused> {
        let form = self.form(asked, now).await?;
        refuse_second_method(asked.headers, &form)?;
        let client = self.app_of(&form, asked.proven(None), &mut known.client, now).await?;
        let token = form.value("token").ok_or(Refused::request("no token"))?;
        if let Ok(good) = self.authenticator.examine(token, now) {
            let owner = &good.claims.statement.client_id;
            if good.claims.node.is_some() || **owner != **client.id() {
                return Err(Refused::new(Code::ForeignToken, "another client's token"));
            }
            let until = good.registered.expires();
            let revoked = self.authenticator.revoked();
            revoked
                .revoke(&*self.store, good.id, until, now)
                .await
                .map_err(|why| Refused::unavailable(&why))?;
            known.token = Some(good.registered.jti);
        }
        if let Some(held) = self.opened(token, client) {
            // Whoever gives this up gives up the whole launch (RFC 7009 section 2.1).
            known.subject.clone_from(&held.permitted.statement.subject);
            self.end_family(&held.permitted, now).await?;
        }
        Ok(json_response(StatusCode::OK, "{}".to_owned()))
    }
}
