//! Another issuer of access tokens, with keys and TLS of its own: it says what a story lets it say.

use std::{
    cell::Cell,
    sync::{Arc, Mutex},
    time::Duration,
};

use http::{HeaderValue, Response, StatusCode, header};
use mylife::{
    authenticate::{
        issuer::{ClaimRules, Issuer, IssuerLimits},
        jose::{
            address::KeyAddress,
            key::{Algorithm, KeySet},
            sign::Signer,
        },
    },
    error::Kind,
    gateway::open::jwks,
    listen::{Answer, Answering, Incoming, body::Body},
    oauth::issuers::{Check, Settings},
    smart::Scopes,
    transport::Authority,
};
use serde_json::{Value, json};

use super::{World, actor::ORGANIZATIONS, identity::signer, provider};
use crate::step::signed::{sign, with};

/// Ports of the issuers of the world.
pub(crate) const PORTS: [u16; 3] = [8011, 8012, 8013];

/// Hosts that gateways of the world may ask.
pub(crate) fn inside() -> Vec<Authority> {
    PORTS.iter().map(|port| Authority::new(provider::HOST, *port)).collect()
}

/// How it answers, whatever it is asked.
#[derive(Clone)]
pub(crate) enum Mood {
    Well,
    Hangs,
    /// Status, header, body.
    Says(u16, (&'static str, String), String),
}

pub(crate) struct Outsider {
    pub(crate) id: &'static str,
    pub(crate) url: String,
    pub(crate) signer: Arc<Signer>,
    pub(crate) says: Arc<Says>,
    made: Cell<u32>,
}

pub(crate) struct Says {
    pub(crate) configuration: Mutex<Value>,
    pub(crate) keys: Mutex<Value>,
    /// What it answers of each token that is active.
    pub(crate) active: Mutex<Vec<(String, Value)>>,
    pub(crate) mood: Mutex<Mood>,
    /// Path and body of what it was asked.
    pub(crate) asked: Mutex<Vec<(String, String)>>,
}

impl Outsider {
    /// An issuer that runs; no gateway knows it yet.
    pub(crate) fn stand(world: &World, id: &'static str, port: u16) -> Self {
        let url = format!("https://{}:{port}", provider::HOST);
        let signer = Arc::new(signer());
        let configuration = json!({ "issuer": url, "jwks_uri": format!("{url}/keys") });
        let says = Arc::new(Says {
            configuration: Mutex::new(configuration),
            keys: Mutex::new(jwks(&signer)),
            active: Mutex::default(),
            mood: Mutex::new(Mood::Well),
            asked: Mutex::default(),
        });
        provider::listen(world, port, Arc::new(Desk(Arc::clone(&says))));
        Self { id, url, signer, says, made: Cell::default() }
    }

    /// It is checked by the keys that it publishes.
    pub(crate) fn by_keys(&self) -> Settings {
        let check = Check::Published { address: None, algorithms: vec![Algorithm::Es256] };
        Settings { issuer: self.issuer(), check }
    }

    /// It is checked by its keys, which are registered.
    pub(crate) fn by_registered_keys(&self) -> Settings {
        let keys = KeySet::parse(&jwks(&self.signer)).unwrap();
        Settings { issuer: self.issuer(), check: Check::Registered(Arc::new(keys)) }
    }

    /// It is asked about each token.
    pub(crate) fn by_asking(&self, opaque: bool) -> Settings {
        let endpoint = KeyAddress::parse(&format!("{}/introspect", self.url)).unwrap();
        let client_id = format!("gateway-at-{}", self.id);
        let check = Check::Introspection { endpoint, client_id, opaque };
        Settings { issuer: self.issuer(), check }
    }

    fn issuer(&self) -> Issuer {
        let [portal, county, _] = ORGANIZATIONS;
        let some = |text: &str| Some(text.to_owned());
        Issuer {
            id: self.id.to_owned(),
            issuer: self.url.as_str().into(),
            audience: "https://n297.test:297/fhir".to_owned(),
            plain: false,
            longest: Duration::from_mins(10),
            claims: ClaimRules {
                organization: some("/extensions/ihe_iua/subject_organization_id"),
                role: some("roles"),
                purpose: some("purpose"),
                ..ClaimRules::default()
            },
            limits: IssuerLimits {
                scopes: Scopes::parse(
                    "user/Observation.rs user/Patient.r system/*.rs patient/*.rs",
                ),
                organizations: [portal, county].map(|oid| format!("urn:oid:{oid}")).to_vec(),
                roles: vec!["nurse".to_owned()],
                purposes: vec!["TREAT".to_owned(), "PATRQT".to_owned()],
                people_act: false,
            },
        }
    }

    /// What a token of somebody at work in the county says, with changes; `null` takes a claim away.
    pub(crate) fn claims(&self, world: &World, changes: &Value) -> Value {
        self.made.set(self.made.get() + 1);
        let now = world.now().seconds();
        let claims = json!({
            "iss": self.url, "sub": "u-7", "aud": "https://n297.test:297/fhir",
            "exp": now + 300, "iat": now, "jti": format!("t-{}", self.made.get()),
            "client_id": "ward-app", "scope": "openid user/*.rs",
            "extensions": { "ihe_iua":
                { "subject_organization_id": format!("urn:oid:{}", ORGANIZATIONS[1]) } },
            "roles": ["nurse"], "purpose": "TREAT", "fhirUser": "Practitioner/297.prac.social1",
        });
        with(claims, changes)
    }

    /// A token with these claims, signed as it should be.
    pub(crate) fn token(&self, world: &World, changes: &Value) -> String {
        self.signed(&json!({}), &self.claims(world, changes), &self.signer)
    }

    /// A token with any header, by any key.
    pub(crate) fn signed(&self, header: &Value, claims: &Value, signer: &Signer) -> String {
        let usual =
            json!({ "alg": self.signer.algorithm(), "kid": self.signer.kid(), "typ": "at+jwt" });
        sign(signer, &with(usual, header), claims)
    }

    /// From now on a token is active, and this is said of it; the token states nothing by itself.
    pub(crate) fn issues(&self, world: &World, changes: &Value) -> String {
        let claims = self.claims(world, changes);
        let token = format!("opaque-{}-{}", self.id, self.made.get());
        self.knows(&token, &with(claims, &json!({ "active": true })));
        token
    }

    /// What it answers of a token from now on.
    pub(crate) fn knows(&self, token: &str, answer: &Value) {
        self.says.active.lock().unwrap().push((token.to_owned(), answer.clone()));
    }

    /// No token is active any more.
    pub(crate) fn withdraws_all(&self) {
        self.says.active.lock().unwrap().clear();
    }

    pub(crate) fn is(&self, mood: Mood) {
        *self.says.mood.lock().unwrap() = mood;
    }

    /// How often it was asked at a path.
    pub(crate) fn times(&self, path: &str) -> usize {
        self.says.asked.lock().unwrap().iter().filter(|(at, _)| at == path).count()
    }

    /// The last form that it was sent.
    pub(crate) fn heard(&self) -> Vec<(String, String)> {
        let asked = self.says.asked.lock().unwrap();
        let (_, body) = asked.last().unwrap();
        form_urlencoded::parse(body.as_bytes()).into_owned().collect()
    }
}

struct Desk(Arc<Says>);

impl Answer for Desk {
    fn answer(&self, request: Incoming) -> Answering<'_> {
        Box::pin(async move {
            let path = request.parts.uri.path().to_owned();
            let body = request.body.whole().await.unwrap_or_default();
            let body = String::from_utf8(body.to_vec()).unwrap();
            let says = &self.0;
            says.asked.lock().unwrap().push((path.clone(), body.clone()));
            let mood = says.mood.lock().unwrap().clone();
            match mood {
                Mood::Well => {}
                Mood::Hangs => return std::future::pending().await,
                Mood::Says(status, (name, value), text) => {
                    let mut response = Response::new(Body::free(text));
                    *response.status_mut() = StatusCode::from_u16(status).unwrap();
                    let value = HeaderValue::try_from(value).unwrap();
                    response.headers_mut().insert(name, value);
                    return response;
                }
            }
            let said = match path.as_str() {
                "/.well-known/openid-configuration" => says.configuration.lock().unwrap().clone(),
                "/keys" => says.keys.lock().unwrap().clone(),
                "/introspect" => {
                    let form = form_urlencoded::parse(body.as_bytes());
                    let asked: String =
                        form.filter(|(name, _)| name == "token").map(|(_, token)| token).collect();
                    let active = says.active.lock().unwrap();
                    let known = active.iter().rev().find(|(token, _)| *token == asked);
                    known.map_or_else(|| json!({ "active": false }), |(_, said)| said.clone())
                }
                _ => return provider::json_of(StatusCode::NOT_FOUND, &Value::Null),
            };
            let mut response = provider::json_of(StatusCode::OK, &said);
            // Keys are looked for anew after two minutes.
            let kept = HeaderValue::from_static("max-age=240");
            response.headers_mut().insert(header::CACHE_CONTROL, kept);
            response
        })
    }

    fn refuse(&self, _: Kind, _: &'static str) -> Response<Body> {
        provider::json_of(StatusCode::BAD_REQUEST, &Value::Null)
    }
}
