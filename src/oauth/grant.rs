//! Between gateways: one speaks for its caller to another.
//!
//! Part of `oauth`, grant type `jwt-bearer`. Sources: RFC 7523 sections 2.1 and 3, RFC 8693 section
//! 4.1, RFC 8705. [`on_behalf`](crate::authenticate::behalf::on_behalf) writes what the endpoint of
//! the other gateway reads; both can only narrow what the caller had. The peer proves itself by its
//! certificate, the token it gets is bound to it and ends with the assertion.

use std::sync::Arc;

use super::{
    form::Form,
    refused::{Code, Refused},
    token::{Granted, TokenEndpoint, narrow},
};
use crate::{
    authenticate::{
        jose::{self, Expected, Refusal, TokenKind, claims::is_name},
        peer::Peer,
        statement::{MAX_ACTORS, Statement},
    },
    domain::moment::Moment,
    smart::Scopes,
};

impl TokenEndpoint {
    pub(super) async fn jwt_bearer(
        &self,
        form: &Form,
        certificate: Option<&[u8; 32]>,
        known: &mut Option<Arc<str>>,
        now: Moment,
    ) -> Result<Granted<'_>, Refused> {
        let peer = certificate.and_then(|certificate| self.peers.of_certificate(certificate));
        let peer =
            peer.ok_or_else(|| Refused::new(Code::InvalidClient, "no peer's certificate"))?;
        if form.value("client_assertion").is_some() {
            return Err(Refused::request("two ways of client authentication"));
        }
        if form.value("client_id").is_some_and(|id| id != peer.issuer) {
            return Err(Refused::new(
                Code::InvalidClient,
                "client_id differs from the certificate",
            ));
        }
        *known = Some(peer.code.as_str().into());
        self.keep_peer(peer, now).await?;
        let refused = |why: &'static str| Refused::new(Code::InvalidGrant, why);
        let disbelieved = |why: Refusal| Refused::new(Code::InvalidGrant, why.to_string());
        let token = form.value("assertion").ok_or(Refused::request("no assertion"))?;
        let expected = Expected {
            kind: TokenKind::AuthorizationGrant,
            issuer: &peer.issuer,
            audience: &[&self.issuer, &self.url],
            now,
        };
        let proof = jose::verify::<Statement>(token, &peer.keys, &expected).map_err(disbelieved)?;
        self.spend("authorization-grant", &proof.registered, Code::InvalidGrant, now).await?;
        let mut statement = proof.claims;
        if !statement.is_wholesome() || !peer.limits.admit(&statement) {
            return Err(refused("beyond what this peer may speak for"));
        }
        narrowed(&mut statement, peer, form.value("scope"))?;
        let subject = statement.client_id.clone();
        let (family, beside) = (None, serde_json::Map::new());
        let until = proof.registered.expires();
        let (peer, certificate) = (Some(peer), Some(peer.certificate));
        Ok(Granted { subject, statement, peer, certificate, until, family, beside })
    }
}

/// The statement as it holds here: no scope it did not have, the peer named as the one who speaks,
/// the client under the peer's code so that it cannot be taken for one of ours.
fn narrowed(statement: &mut Statement, peer: &Peer, scope: Option<&str>) -> Result<(), Refused> {
    let had = Scopes::parse(&statement.scope).without_ours();
    let asked = scope.map_or_else(|| had.to_string(), str::to_owned);
    statement.scope = narrow(Some(&asked), &had)?.to_string();
    statement.spoken_by(&peer.issuer);
    statement.client_id = format!("{}/{}", peer.code, statement.client_id);
    if statement.actors().len() > MAX_ACTORS || !is_name(&statement.client_id) {
        return Err(Refused::new(Code::InvalidGrant, "through too many gateways"));
    }
    Ok(())
}
