//! Requests whose token is bound to a key, shown with a proof of holding it (`DPoP`).
//!
//! Around the way, beside the plain road of a bearer token. Source: RFC 9449 sections 7 to 9 and 11.1. That a
//! proof is shown for the first time is known by the store alone; what replicas share tells of most that
//! are shown again, so that a flood of them does not come so far. A number of ours that proofs must
//! repeat is derived and kept nowhere.

use http::{HeaderValue, Response, header};

use crate::{
    authenticate::{
        jose::{
            Refusal,
            proof::{self, ALGS, Target},
        },
        unproven,
    },
    domain::moment::Moment,
    error::Result,
    gateway::{Gateway, request::Asked},
    listen::body::Body,
    route::Call,
    scope::{self, Grant},
    shared::Key,
};

impl Gateway {
    /// Who may ask what, where the token is shown with a proof.
    pub(super) async fn grant_proven(
        &self,
        asked: &Asked<'_>,
        path: &str,
        call: Call,
    ) -> Result<Grant> {
        self.authenticator.revoked().current(self.clock.elapsed())?;
        let looked_at = self.looked_at(asked).await?;
        let url = [&*self.tokens.issuer, path].concat();
        let target = Target { method: asked.method, url: &url, token: None };
        let (caller, proof) = self.authenticator.verify_proven(
            asked.headers,
            asked.peer_certificate.as_ref(),
            asked.query,
            (target, &self.keys, looked_at),
            asked.now,
        )?;
        let name = Key::new("dpop", &[&proof.id]);
        // What is away, or has forgotten, has not seen it.
        let first = self.shared.once(&name, proof.until, asked.now).await.unwrap_or(true);
        if !first || !self.tokens.store.spend(proof.id, proof.until, asked.now).await? {
            return Err(unproven(Refusal::Invalid("a proof shown before")));
        }
        scope::grant(caller, call)
    }

    /// An answer to whoever shows proofs: with the number for the next, and a challenge in their scheme.
    pub(super) fn proven_told(&self, now: Moment, mut response: Response<Body>) -> Response<Body> {
        let headers = response.headers_mut();
        let number = HeaderValue::try_from(proof::nonce(&self.keys, now)).ok();
        headers.extend(number.map(|number| (proof::NONCE, number)));
        let told = headers.get(header::WWW_AUTHENTICATE).and_then(|value| value.to_str().ok());
        let rest = told.and_then(|told| told.strip_prefix("Bearer")).map(str::trim);
        let comma = rest.map(|rest| if rest.is_empty() { "" } else { ", " });
        let own = rest.zip(comma).map(|(rest, comma)| format!("DPoP {rest}{comma}algs=\"{ALGS}\""));
        if let Some(own) = own.and_then(|text| HeaderValue::try_from(text).ok()) {
            headers.insert(header::WWW_AUTHENTICATE, own);
        }
        response
    }
}
