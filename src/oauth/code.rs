//! A code becomes tokens: once, for the app it was made for, and for nobody who only saw it pass.
//!
//! Part of `oauth`, grant type `authorization_code`. Sources: RFC 6749 sections 4.1.3 and 4.1.4, RFC 7636
//! section 4.6, RFC 9700 sections 2.1 and 4.5, SMART App Launch 2.2 `app-launch`, `OpenID` Connect Core
//! 3.1.3.3. That a code was used stands in the store; whoever comes with it again ends what came of it.

use std::sync::Arc;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Map, Value, json};

use super::{
    form::Form,
    launch::{
        consent::{CODE, Code as Held, Permitted},
        context::Context,
    },
    possession,
    refused::{Code, Refused},
    token::{Granted, Proven, TokenEndpoint},
};
use crate::{
    authenticate::{
        caller::family_id,
        jose::{TokenKind, claims::Registered},
        registry::{Client, ClientKeys},
    },
    chance::base32,
    digest::sha256,
    domain::moment::Moment,
    smart::word::{Word, Words},
};

/// Lengths of a verifier (RFC 7636 section 4.1).
const VERIFIER: std::ops::RangeInclusive<usize> = 43..=128;

impl TokenEndpoint {
    pub(super) async fn authorization_code(
        &self,
        form: &Form,
        asked: Proven<'_>,
        known: &mut Option<Arc<str>>,
        now: Moment,
    ) -> Result<Granted<'_>, Refused> {
        let client = self.app_of(form, asked, known, now).await?;
        possession::demanded(client, asked.key)?;
        let refused = |why: &'static str| Refused::new(Code::InvalidGrant, why);
        let code = form.value("code").ok_or(Refused::request("no code"))?;
        let held = self.launch.kept.look::<Held>("code", code, now).await;
        let held = held.map_err(|why| Refused::unavailable(&why))?;
        let held = held.ok_or_else(|| refused("no such code"))?;
        let permitted = &held.permitted;
        if permitted.statement.client_id != **client.id() {
            return Err(refused("another client's code"));
        }
        self.spend_code(code, &held, now).await?;
        if now >= held.made.plus(CODE) {
            return Err(refused("the code is over"));
        }
        if form.value("redirect_uri") != Some(&held.redirect_uri) {
            return Err(refused("another redirect_uri"));
        }
        if !form.value("code_verifier").is_some_and(|verifier| proves(verifier, &held.challenge)) {
            return Err(refused("code_verifier"));
        }
        if held.key.is_some_and(|bound| asked.key != Some(&bound)) {
            return Err(refused("bound to another key"));
        }
        let key = possession::binding(client, asked.key);
        let permitted = Permitted { key, ..permitted.clone() };
        self.remember(&permitted, held.made, now).await?;
        let mut beside = Self::beside(&permitted);
        self.add_refresh(&permitted, &mut beside, now)?;
        if Words::parse(&permitted.statement.scope).has(Word::OpenId) {
            let token = self.id_token(client, &held, now)?;
            beside.insert("id_token".to_owned(), token.into());
        }
        let scope = permitted.statement.scope.clone();
        Ok(Self::launched(permitted, scope, beside))
    }

    /// An app says who it is: one that keeps keys proves it.
    pub(super) async fn app_of(
        &self,
        form: &Form,
        asked: Proven<'_>,
        known: &mut Option<Arc<str>>,
        now: Moment,
    ) -> Result<&Arc<Client>, Refused> {
        if form.value("client_assertion").is_some() || self.certified(form).is_some() {
            return Ok(self.proven(form, asked, known, now).await?.0);
        }
        let refused = |why: &'static str| Refused::new(Code::InvalidClient, why);
        let stated = form.value("client_id").ok_or_else(|| refused("no client"))?;
        self.keep_claimed(stated, asked.address, now).await?;
        let client = self.registry.client(stated).ok_or_else(|| refused("unknown client"))?;
        if !matches!(client.keys(), ClientKeys::Absent) {
            return Err(refused("no assertion of a client that has keys"));
        }
        *known = Some(Arc::clone(client.id()));
        Ok(client)
    }

    /// Whoever uses a code first may have its tokens; when a second one comes, nobody may.
    async fn spend_code(&self, code: &str, held: &Held, now: Moment) -> Result<(), Refused> {
        let name = sha256(["authorization-code", code].join("\0").as_bytes());
        match self.store.spend(name, held.known_until(), now).await {
            Ok(true) => Ok(()),
            Ok(false) => {
                self.end_family(&held.permitted, now).await?;
                Err(Refused::new(Code::InvalidGrant, "code used before"))
            }
            Err(why) => Err(Refused::unavailable(&why)),
        }
    }

    /// Ends every token of a launch.
    pub(super) async fn end_family(
        &self,
        permitted: &Permitted,
        now: Moment,
    ) -> Result<(), Refused> {
        let ended = self.end(family_id(&permitted.family), permitted.ends, now).await;
        ended.map_err(|why| Refused::unavailable(&why))
    }

    /// The same by its name, of one that would end by itself.
    pub(super) async fn end(
        &self,
        family: [u8; 32],
        ends: Moment,
        now: Moment,
    ) -> crate::error::Result<()> {
        let until = ends.plus(TokenKind::AccessToken.longest());
        self.authenticator.revoked().revoke(&*self.store, family, until, now).await
    }

    /// A token of a launch, for `scope`.
    pub(super) fn launched(
        permitted: Permitted,
        scope: String,
        beside: Map<String, Value>,
    ) -> Granted<'static> {
        let Permitted { mut statement, user, family, .. } = permitted;
        statement.scope = scope;
        let (peer, certificate, until) = (None, None, Moment::MAX);
        let family = Some(family);
        Granted { subject: user, statement, peer, certificate, until, family, beside }
    }

    /// What an app is told of the launch beside the token.
    pub(super) fn beside(permitted: &Permitted) -> Map<String, Value> {
        let mut beside = Map::new();
        if let Some(patient) = &permitted.statement.patient {
            beside.insert("patient".to_owned(), patient.as_str().into());
            beside.insert("need_patient_banner".to_owned(), permitted.for_other.into());
        }
        beside.extend(permitted.context.iter().flat_map(Context::told));
        beside
    }

    /// Who logged in, for the app alone.
    fn id_token(&self, client: &Client, held: &Held, now: Moment) -> Result<String, Refused> {
        let permitted = &held.permitted;
        let registered = Registered {
            iss: self.issuer.clone(),
            sub: permitted.user.clone(),
            aud: client.id().to_string(),
            exp: now.plus(TokenKind::IdToken.longest()).seconds(),
            iat: Some(now.seconds()),
            nbf: None,
            jti: base32(&*self.chance, 26),
        };
        let mut claims = json!({ "auth_time": permitted.since.seconds() });
        if let (Some(nonce), Some(all)) = (&held.nonce, claims.as_object_mut()) {
            all.insert("nonce".to_owned(), nonce.as_str().into());
        }
        let told = Words::parse(&permitted.statement.scope).has(Word::FhirUser);
        let subject = permitted.statement.subject.as_deref().filter(|_| told);
        if let (Some(subject), Some(all)) = (subject, claims.as_object_mut()) {
            all.insert("fhirUser".to_owned(), format!("{}/{subject}", self.audience).into());
        }
        let signed = self.identity.sign(TokenKind::IdToken, &registered, &claims);
        signed.map_err(|why| Refused::fault(&why))
    }
}

/// Is this what the challenge was made of?
fn proves(verifier: &str, challenge: &str) -> bool {
    let fits = |b: u8| b.is_ascii_alphanumeric() || b"-._~".contains(&b);
    VERIFIER.contains(&verifier.len())
        && verifier.bytes().all(fits)
        && URL_SAFE_NO_PAD.encode(sha256(verifier.as_bytes())) == challenge
}
