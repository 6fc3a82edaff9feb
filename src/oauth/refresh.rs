//! A new token while nobody is at the page: each time for a new refresh token, and never for more.
//!
//! Part of `oauth`, grant type `refresh_token`. Sources: RFC 6749 section 6, RFC 9700 section 4.14, SMART
//! App Launch 2.2 `app-launch`. A refresh token is sealed: it holds what was permitted, and no store
//! need know of it. That it was used, and that a launch was ended, stand in the store; one that comes
//! twice was in two hands, so it ends the launch for both.

use std::{sync::Arc, time::Duration};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{
    form::Form,
    launch::consent::Permitted,
    possession,
    refused::{Code, Refused},
    token::{Granted, Proven, TokenEndpoint},
};
use crate::{
    authenticate::{
        caller::family_id,
        jose::claims::SKEW,
        registry::{Client, ClientKeys},
    },
    chance::base32,
    digest::sha256,
    domain::moment::Moment,
    smart::{
        Scopes,
        word::{Word, Words},
    },
};

/// How long a refresh token waits for its use.
const IDLE: Duration = Duration::from_hours(24 * 14);
/// Longest refresh token that is read, in bytes.
const MAX_TOKEN: usize = 16 * 1024;
/// How it begins, so that one that is shown where it does not belong is known and shown to nobody.
pub(super) const MARK: &str = "mylife-refresh-";
/// What it is sealed as.
const WHAT: &str = "refresh token";

/// What a refresh token holds.
#[derive(Deserialize, Serialize)]
pub(super) struct Refresh {
    /// Its own name.
    id: String,
    /// Good until.
    until: Moment,
    pub(super) permitted: Permitted,
}

impl TokenEndpoint {
    pub(super) async fn refresh_token(
        &self,
        form: &Form,
        asked: Proven<'_>,
        known: &mut Option<Arc<str>>,
        now: Moment,
    ) -> Result<Granted<'_>, Refused> {
        let token = form.value("refresh_token").ok_or(Refused::request("no refresh_token"))?;
        let client = match self.unnamed(form, token) {
            Some(client) => {
                self.keep_claimed(client.id(), asked.address, now).await?;
                *known = Some(Arc::clone(client.id()));
                client
            }
            None => self.app_of(form, asked, known, now).await?,
        };
        possession::demanded(client, asked.key)?;
        let refused = |why: &'static str| Refused::new(Code::InvalidGrant, why);
        let held = self.opened(token, client).ok_or_else(|| refused("no refresh token of it"))?;
        if now >= held.until || now >= held.permitted.ends {
            return Err(refused("the refresh token is over"));
        }
        if held.permitted.key.is_some_and(|bound| asked.key != Some(&bound)) {
            return Err(refused("bound to another key"));
        }
        let scope = narrower(form.value("scope"), &held.permitted.statement.scope, client)?;
        let revoked = self.authenticator.revoked();
        if revoked.has(&family_id(&held.permitted.family)) {
            return Err(refused("the launch was ended"));
        }
        let name = sha256(["refresh-token", &held.id].join("\0").as_bytes());
        match self.store.spend(name, held.until.plus(SKEW), now).await {
            Ok(true) => {}
            Ok(false) => {
                self.end_family(&held.permitted, now).await?;
                return Err(refused("refresh token used before"));
            }
            Err(why) => return Err(Refused::unavailable(&why)),
        }
        // Asked of the store: another process may have ended it a moment ago.
        self.remember(&held.permitted, held.permitted.since, now).await?;
        let mut beside = Self::beside(&held.permitted);
        self.add_refresh(&held.permitted, &mut beside, now)?;
        Ok(Self::launched(held.permitted, scope, beside))
    }

    /// A refresh token beside the access token, where one was permitted.
    pub(super) fn add_refresh(
        &self,
        permitted: &Permitted,
        beside: &mut Map<String, Value>,
        now: Moment,
    ) -> Result<(), Refused> {
        let words = Words::parse(&permitted.statement.scope);
        if !words.has(Word::OfflineAccess) && !words.has(Word::OnlineAccess) {
            return Ok(());
        }
        let until = now.plus(IDLE).min(permitted.ends);
        let id = base32(&*self.chance, 26);
        let held = Refresh { id, until, permitted: permitted.clone() };
        let fault = |why: &crate::error::Error| Refused::fault(why);
        let plain =
            serde_json::to_vec(&held).map_err(|why| fault(&crate::error::Error::internal(why)))?;
        let client = permitted.statement.client_id.as_str();
        let sealed = self.launch.kept.keys().seal(WHAT, &[client], &plain);
        let mut token = MARK.to_owned();
        URL_SAFE_NO_PAD.encode_string(sealed.map_err(|why| fault(&why))?, &mut token);
        beside.insert("refresh_token".to_owned(), token.into());
        Ok(())
    }

    /// The app of a refresh token that comes without a word of who sends it, as SMART lets apps do that
    /// have nothing to prove themselves with.
    fn unnamed(&self, form: &Form, token: &str) -> Option<&Arc<Client>> {
        let is_named =
            ["client_id", "client_assertion"].iter().any(|name| form.value(name).is_some());
        let mut keyless =
            self.registry.clients().filter(|client| matches!(client.keys(), ClientKeys::Absent));
        keyless.find(|client| !is_named && self.opened(token, client).is_some())
    }

    /// What a refresh token of this client holds; nothing for any other text.
    pub(super) fn opened(&self, token: &str, client: &Client) -> Option<Refresh> {
        if token.len() > MAX_TOKEN {
            return None;
        }
        let sealed = URL_SAFE_NO_PAD.decode(token.strip_prefix(MARK)?).ok()?;
        let plain = self.launch.kept.keys().open(WHAT, &[client.id()], &sealed).ok()?;
        serde_json::from_slice(&plain).ok()
    }
}

/// The scope of the new token: what is asked for, if all of it was permitted, as far as the app is still
/// registered for it.
fn narrower(asked: Option<&str>, had: &str, client: &Client) -> Result<String, Refused> {
    let refused = |why: &'static str| Refused::new(Code::InvalidScope, why);
    let (scopes, words) = (Scopes::parse(had), Words::parse(had));
    let text = asked.unwrap_or(had);
    let (asked_scopes, unknown) = Scopes::parse_noting(text);
    let asked_words = Words::parse(text);
    let all_known = unknown.iter().all(|token| Word::parse(token).is_some());
    let within = asked_scopes.intersect(&scopes) == asked_scopes
        && asked_words.intersect(&words) == asked_words;
    if !all_known || !within {
        return Err(refused("more than was permitted"));
    }
    let scopes = asked_scopes.without_ours().intersect(client.scopes());
    let words = asked_words.intersect(client.words());
    if scopes.is_empty() && !words.has(Word::OpenId) {
        return Err(refused("nothing is left of it"));
    }
    let texts = [words.to_string(), scopes.to_string()];
    let texts: Vec<_> = texts.into_iter().filter(|text| !text.is_empty()).collect();
    Ok(texts.join(" "))
}
