//! A client has this gateway speak for it to another: an access token becomes a statement.
//!
//! Part of `oauth`, grant type `token-exchange`, and the same statement as the gateway makes when it asks
//! itself. Sources: RFC 8693, OAuth Identity and Authorization Chaining Across Domains
//! (draft-ietf-oauth-identity-chaining). It says no more than the token did: fewer scopes, one gateway, a
//! minute at most, and whoever acts for another beside them. A token that is not believed, for whatever
//! reason, is answered with the same bytes (RFC 8693 section 2.2.2).

use bytes::Bytes;
use http::{Response, StatusCode};
use serde_json::json;

use super::{
    form::Form,
    possession,
    refused::{Code, Refused, json_response},
    token::{Exchanged, Known, Proven, TokenEndpoint, narrow},
};
use crate::{
    authenticate::{
        Caller, behalf::Errand, caller::MayAct, jose::TokenKind, peer::Peer, registry::Client,
    },
    domain::moment::Moment,
    smart::{Context, Scopes},
};

/// What is given for a statement (RFC 8693 section 3).
const ACCESS_TOKEN: &str = "urn:ietf:params:oauth:token-type:access_token";
/// What a statement is.
pub(super) const STATEMENT: &str = "urn:ietf:params:oauth:token-type:jwt";

/// A token that was shown.
struct Shown {
    caller: Caller,
    /// Its name.
    jti: String,
    /// Who may act for whom it speaks of, named by the issuer of it where it names no other.
    may_act: Option<MayAct>,
}

impl TokenEndpoint {
    pub(super) async fn token_exchange(
        &self,
        form: &Form,
        asked: Proven<'_>,
        known: &mut Known,
        now: Moment,
    ) -> Result<Response<Bytes>, Refused> {
        let (client, _) = self.proven(form, asked, &mut known.client, now).await?;
        possession::demanded(client, asked.key)?;
        if !client.entry().exchanges {
            return Err(Refused::new(Code::UnauthorizedClient, "not registered to exchange"));
        }
        if form.value("requested_token_type").is_some_and(|kind| kind != STATEMENT) {
            return Err(Refused::request("requested_token_type"));
        }
        let (shown, acting) = self.subject(form, client, asked, now).await?;
        known.token = Some(shown.jti);
        let peer = self.target(form)?;
        let scopes = narrower(form.value("scope"), shown.caller.scopes(), client.scopes())?;
        let errand = Errand::through(&shown.caller, &scopes, acting, &self.issuer);
        let errand = errand.map_err(|_| Refused::request("through too many gateways"))?;
        let longest = now.plus(TokenKind::AuthorizationGrant.longest());
        let until = longest.min(shown.caller.expires());
        let stated = errand.assertion(&peer.issuer, &self.signer, &*self.chance, now, until);
        let body = json!({
            "access_token": stated.map_err(|why| Refused::fault(&why))?,
            "issued_token_type": STATEMENT,
            "token_type": "N_A",
            "expires_in": until.seconds().saturating_sub(now.seconds()),
            "scope": errand.statement().scope,
        });
        known.exchanged = Some(Exchanged { errand, node: peer.code.clone() });
        Ok(json_response(StatusCode::OK, body.to_string()))
    }

    /// Whose token is exchanged, and the client's name where it acts for another.
    async fn subject<'a>(
        &self,
        form: &Form,
        client: &'a Client,
        asked: Proven<'_>,
        now: Moment,
    ) -> Result<(Shown, Option<&'a str>), Refused> {
        let shown = self.shown(form, "subject_token", "subject_token_type", asked, now).await?;
        let shown = shown.ok_or(Refused::request("no subject_token"))?;
        let actor = self.shown(form, "actor_token", "actor_token_type", asked, now).await?;
        if actor.is_some_and(|actor| !is_own(&actor.caller, client)) {
            return Err(Refused::request("the actor is not the client"));
        }
        let acting = (!is_own(&shown.caller, client)).then_some(&**client.id());
        if acting.is_some() && !self.lets_act(&shown, client) {
            return Err(Refused::request("its token does not let this client act"));
        }
        let statement = shown.caller.statement();
        if statement.people_act() || statement.patient.is_some() {
            return Err(Refused::request("people speak for themselves at each gateway"));
        }
        Ok((shown, acting))
    }

    /// The token of one parameter, if there is one and it is good: ours or of an issuer that counts here,
    /// shown by whoever holds what it is bound to.
    async fn shown(
        &self,
        form: &Form,
        name: &'static str,
        kind: &'static str,
        asked: Proven<'_>,
        now: Moment,
    ) -> Result<Option<Shown>, Refused> {
        let token = match (form.value(name), form.value(kind)) {
            (None, None) => return Ok(None),
            (Some(token), Some(ACCESS_TOKEN)) => token,
            _ => return Err(Refused::request("a token without its type, of another, or none")),
        };
        let good = self.good(token, now).await?;
        let (examined, elsewhere) = good.ok_or(Refused::request("a token that is not good"))?;
        let (jti, may_act) = (examined.registered.jti.clone(), examined.claims.may_act.clone());
        let issuer = examined.registered.iss.clone();
        let caller = self.authenticator.caller(examined, elsewhere);
        let caller = caller.map_err(|_| Refused::request("a token that is not good"))?;
        if !caller.is_held(asked.certificate, asked.key) {
            return Err(Refused::request("a token without what it is bound to"));
        }
        let may_act = may_act.map(|one| MayAct { iss: one.iss.or(Some(issuer)), ..one });
        Ok(Some(Shown { caller, jti, may_act }))
    }

    /// Does the token say that this client may act?
    fn lets_act(&self, shown: &Shown, client: &Client) -> bool {
        let named = shown.may_act.as_ref();
        named.is_some_and(|one| one.iss.as_ref() == Some(&self.issuer) && one.sub == **client.id())
    }

    /// The one gateway that is to read it, by its issuer or its FHIR base.
    fn target(&self, form: &Form) -> Result<&Peer, Refused> {
        let unknown = || Refused::new(Code::InvalidTarget, "no gateway that is known");
        let of = |name: &str| self.peers.of_issuer(name).ok_or_else(unknown);
        let audience = form.value("audience").map(of).transpose()?;
        let resource = form.value("resource");
        let resource =
            resource.map(|url| of(url.strip_suffix("/fhir").unwrap_or(url))).transpose()?;
        match (audience, resource) {
            (Some(one), None) | (None, Some(one)) => Ok(one),
            (Some(one), Some(other)) if one.code == other.code => Ok(one),
            (Some(_), Some(_)) => Err(Refused::new(Code::InvalidTarget, "two gateways")),
            (None, None) => Err(Refused::request("neither audience nor resource")),
        }
    }
}

/// Is it a token of the client's own?
fn is_own(caller: &Caller, client: &Client) -> bool {
    caller.issuer().is_none() && caller.node().is_none() && caller.client_id() == &**client.id()
}

/// What is asked for, if both the token and the client's registration have all of it; with nothing asked
/// what both have.
fn narrower(asked: Option<&str>, had: &Scopes, registered: &Scopes) -> Result<Scopes, Refused> {
    let most = had.intersect(registered).only(&[Context::System]).without_ours();
    let text = most.to_string();
    let granted = narrow(asked.or(Some(&text)), &most)?;
    if asked.is_some_and(|asked| Scopes::parse(asked) != granted) {
        return Err(Refused::new(Code::InvalidScope, "more than the token has"));
    }
    Ok(granted)
}
