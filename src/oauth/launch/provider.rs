//! Login at an `OpenID` provider: somebody else knows who people are, and says so, signed.
//!
//! Part of `oauth::launch`. Sources: `OpenID` Connect Core 3.1, Discovery 1.0, RFC 7636, RFC 9207, RFC 9700
//! sections 4.4 and 4.7. Everything a provider says comes over TLS from where its configuration says it
//! is; each has a return address of its own, and what came back counts only for the provider, the
//! browser and the login that it was begun with. No claim is kept but those that say who acts.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use tokio::sync::Mutex;
use zeroize::Zeroizing;

use super::{
    browser::Browser,
    errand::Errand,
    login::{Post, User},
    page,
    words::Tongue,
};
use crate::{
    authenticate::jose::{
        address::KeyAddress,
        key::{Algorithm, KeySet},
        login::{ExpectedLogin, verify_login},
    },
    chance::base32,
    digest::sha256,
    domain::{id::is_oid, identity::IdentityCode, moment::Moment, words::DirectoryId},
    error::Result,
    oauth::{
        form::Form,
        keys::{discovery, fetch::Fetcher},
        own_proof::own_proof,
        token::TokenEndpoint,
    },
};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};

/// How long it is remembered where a provider's endpoints are.
const LIFE: std::time::Duration = std::time::Duration::from_mins(5);
/// How long somebody may take to log in there.
const AWAY: std::time::Duration = std::time::Duration::from_mins(15);
/// Longest text of a claim.
const MAX_CLAIM: usize = 256;
/// How an ID token may be signed.
const ALGORITHMS: [Algorithm; 4] =
    [Algorithm::Es256, Algorithm::Es384, Algorithm::Rs256, Algorithm::Rs384];

/// A provider, as configured.
pub struct Settings {
    /// Its name in addresses: small letters, digits, `-`.
    pub id: String,
    /// For people, in Finnish, Swedish and English.
    pub names: [String; 3],
    /// Its issuer, an `https` URL, letter by letter as it says it.
    pub issuer: String,
    /// What it calls this gateway.
    pub client_id: String,
    /// A secret it shares with this gateway; without one the gateway signs with the key of its tokens.
    pub secret: Option<Zeroizing<String>>,
    /// What it is asked for.
    pub scope: String,
    /// Which of its claims say what.
    pub claims: Claims,
}

/// Which claims say what, and what they may say.
#[derive(Clone, Debug, Default)]
pub struct Claims {
    /// The personal identity code.
    pub person: Option<String>,
    /// A name to show.
    pub name: Option<String>,
    /// The id of somebody at work, in the directory.
    pub professional: Option<String>,
    /// Their organisations, `urn:oid:...`.
    pub organization: Option<String>,
    /// Their roles.
    pub role: Option<String>,
    /// Organisations it may speak for.
    pub organizations: Vec<String>,
    /// Roles it may give.
    pub roles: Vec<String>,
}

/// All providers, and the way to them.
pub struct Providers {
    all: Vec<Provider>,
    fetcher: Arc<Fetcher>,
}

struct Provider {
    settings: Settings,
    known: Mutex<Option<(Moment, Arc<Endpoints>)>>,
}

/// Where a provider is asked what.
struct Endpoints {
    authorization: KeyAddress,
    token: KeyAddress,
    keys: KeyAddress,
    names_itself: bool,
}

/// A login under way.
#[derive(Deserialize, Serialize)]
pub(super) struct Away {
    browser: [u8; 32],
    provider: String,
    nonce: String,
    verifier: String,
    /// What it is part of.
    pub(super) errand: Errand,
}

impl Providers {
    /// Reached through `fetcher`.
    pub fn new(all: Vec<Settings>, fetcher: Arc<Fetcher>) -> Self {
        let provider = |settings| Provider { settings, known: Mutex::default() };
        Self { all: all.into_iter().map(provider).collect(), fetcher }
    }

    /// Are there none?
    pub const fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    /// Ids, and names in one language.
    pub(super) fn names(&self, tongue: Tongue) -> impl Iterator<Item = (&str, &str)> {
        self.all.iter().map(move |provider| {
            let name = tongue.of(provider.settings.names.each_ref());
            (provider.settings.id.as_str(), name.as_str())
        })
    }

    fn of(&self, id: &str) -> Option<(&Provider, &Fetcher)> {
        let provider = self.all.iter().find(|provider| provider.settings.id == id)?;
        Some((provider, &self.fetcher))
    }
}

impl Provider {
    /// Where its endpoints are, as it says itself.
    async fn endpoints(&self, fetcher: &Fetcher, now: Moment) -> Asked<Arc<Endpoints>> {
        let mut known = self.known.lock().await;
        if let Some((since, endpoints)) = &*known
            && *since <= now
            && now < since.plus(LIFE)
        {
            return Ok(Arc::clone(endpoints));
        }
        let said = discovery::document(fetcher, &self.settings.issuer).await?;
        let address = |name: &str| discovery::endpoint(&said, name);
        let names_itself = said.get("authorization_response_iss_parameter_supported");
        let endpoints = Arc::new(Endpoints {
            authorization: address("authorization_endpoint")?,
            token: address("token_endpoint")?,
            keys: address("jwks_uri")?,
            names_itself: names_itself.and_then(Value::as_bool).unwrap_or(false),
        });
        *known = Some((now, Arc::clone(&endpoints)));
        Ok(endpoints)
    }

    /// Who logged in, by the claims of an ID token. Somebody at work only for an app made for work.
    fn user(
        &self,
        claims: &Map<String, Value>,
        endpoint: &TokenEndpoint,
        at_work: bool,
    ) -> Option<User> {
        let named = &self.settings.claims;
        let texts = |claim: &Option<String>| texts(claims, claim.as_deref());
        let name = texts(&named.name).into_iter().next();
        if at_work {
            let id = texts(&named.professional).into_iter().next()?;
            DirectoryId::parse(&id)?;
            let organizations = texts(&named.organization).into_iter();
            let organizations = organizations
                .filter(|oid| is_oid(oid) && named.organizations.contains(oid))
                .collect::<Vec<_>>();
            let roles: Vec<String> =
                texts(&named.role).into_iter().filter(|role| named.roles.contains(role)).collect();
            let post = |(organization, role): (&String, &String)| Post {
                organization: organization.clone(),
                role: role.clone(),
            };
            let pairs =
                organizations.iter().flat_map(|oid| roles.iter().map(move |role| (oid, role)));
            return Some(User::Professional { id, name, posts: pairs.map(post).collect() });
        }
        let code = texts(&named.person).into_iter().next()?;
        let (code, _) = IdentityCode::parse(&code, endpoint.launch.test_range).ok()?;
        Some(User::Person { mac: endpoint.mac(&code), name })
    }
}

/// The texts of a claim: one, or a list.
fn texts(claims: &Map<String, Value>, name: Option<&str>) -> Vec<String> {
    let fits = |text: &&str| !text.is_empty() && text.len() <= MAX_CLAIM;
    let text = |value: &Value| value.as_str().filter(fits).map(str::to_owned);
    match name.and_then(|name| claims.get(name)) {
        Some(Value::Array(all)) => all.iter().filter_map(text).collect(),
        Some(one) => text(one).into_iter().collect(),
        None => Vec::new(),
    }
}

/// Why a provider is of no use, for the log.
type Asked<T> = std::result::Result<T, &'static str>;

impl TokenEndpoint {
    /// Where a provider is asked who somebody is; what comes back counts for this browser alone.
    pub(super) async fn sends_away(
        &self,
        id: &str,
        browser: &Browser,
        errand: &Errand,
        now: Moment,
    ) -> Result<Asked<String>> {
        let Some((provider, fetcher)) = self.launch.providers.of(id) else {
            return Ok(Err("no such provider"));
        };
        let endpoints = match provider.endpoints(fetcher, now).await {
            Ok(endpoints) => endpoints,
            Err(why) => return Ok(Err(why)),
        };
        let (state, nonce) = (base32(&*self.chance, 26), base32(&*self.chance, 26));
        let verifier = base32(&*self.chance, 52);
        let challenge = URL_SAFE_NO_PAD.encode(sha256(verifier.as_bytes()));
        let settings = &provider.settings;
        let back = self.return_address(id);
        let mut pairs = vec![
            ("response_type", "code"),
            ("client_id", &settings.client_id),
            ("redirect_uri", &back),
            ("scope", &settings.scope),
            ("state", &state),
            ("nonce", &nonce),
            ("code_challenge", &challenge),
            ("code_challenge_method", "S256"),
            ("ui_locales", errand.tongue().code()),
        ];
        if errand.anew() {
            pairs.push(("prompt", "login"));
        }
        let to = page::with_query(endpoints.authorization.url(), &pairs);
        let away = Away {
            browser: browser.hash(),
            provider: id.to_owned(),
            nonce,
            verifier,
            errand: errand.clone(),
        };
        self.launch.kept.put("away", &state, &away, now.plus(AWAY), now).await?;
        Ok(Ok(to))
    }

    fn return_address(&self, id: &str) -> String {
        format!("{}/oauth/return/{id}", self.issuer)
    }

    /// The login of this browser that a provider sends back from, once.
    pub(super) async fn back_from(
        &self,
        id: &str,
        form: &Form,
        browser: &Browser,
        now: Moment,
    ) -> Result<Option<Away>> {
        let Some(state) = form.value("state") else { return Ok(None) };
        let away: Option<Away> = self.launch.kept.take("away", state, now).await?;
        Ok(away.filter(|away| away.browser == browser.hash() && away.provider == id))
    }

    /// Who logged in, as the provider says.
    pub(super) async fn identified(
        &self,
        away: &Away,
        form: &Form,
        at_work: bool,
        now: Moment,
    ) -> Asked<User> {
        let (provider, fetcher) =
            self.launch.providers.of(&away.provider).ok_or("no such provider")?;
        let endpoints = provider.endpoints(fetcher, now).await?;
        let settings = &provider.settings;
        // RFC 9207: an answer of another issuer is never shown to this one.
        match form.value("iss") {
            Some(issuer) if issuer != settings.issuer => return Err("another issuer answered"),
            None if endpoints.names_itself => return Err("the answer names no issuer"),
            Some(_) | None => {}
        }
        if form.value("error").is_some() {
            return Err("the provider says no");
        }
        let code = form.value("code").ok_or("no code")?;
        let (body, authorization) = self.asks_token(settings, away, code, now)?;
        let said = fetcher.post(&endpoints.token, body, authorization).await?;
        let token = said.get("id_token").and_then(Value::as_str).ok_or("no ID token")?;
        let set = fetcher.fetch(&endpoints.keys).await?.set;
        let keys = KeySet::published(&set, Arc::clone(endpoints.keys.url()), &ALGORITHMS)?;
        let expected = ExpectedLogin {
            issuer: &settings.issuer,
            client_id: &settings.client_id,
            nonce: &away.nonce,
            now,
        };
        let claims = verify_login(token, &keys, &expected).map_err(|why| {
            tracing::info!(reason = %why, "an ID token is not believed");
            "its ID token is not believed"
        })?;
        provider.user(&claims, self, at_work).ok_or("its claims name nobody")
    }

    /// What the provider's token endpoint is sent: the code, and who asks.
    fn asks_token(
        &self,
        settings: &Settings,
        away: &Away,
        code: &str,
        now: Moment,
    ) -> Asked<(String, Option<http::HeaderValue>)> {
        let back = self.return_address(&away.provider);
        let mut form = form_urlencoded::Serializer::new(String::new());
        form.extend_pairs([
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", &back),
            ("code_verifier", &away.verifier),
        ]);
        if let Some(secret) = &settings.secret {
            return Ok((form.finish(), Some(basic(&settings.client_id, secret)?)));
        }
        let (id, issuer) = (&settings.client_id, &settings.issuer);
        let proof = own_proof(id, issuer, &self.signer, &*self.chance, now);
        form.extend_pairs(proof.map_err(|_| "the gateway cannot sign")?);
        Ok((form.finish(), None))
    }
}

/// RFC 6749 section 2.3.1.
fn basic(id: &str, secret: &str) -> Asked<http::HeaderValue> {
    use base64::engine::general_purpose::STANDARD;
    let coded = |text: &str| form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
    let pair = Zeroizing::new([&*coded(id), ":", &coded(secret)].concat());
    let text = format!("Basic {}", STANDARD.encode(pair.as_bytes()));
    let mut value = http::HeaderValue::try_from(text).map_err(|_| "its secret is no text")?;
    value.set_sensitive(true);
    Ok(value)
}
