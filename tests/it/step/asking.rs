//! A token endpoint with clients, peers and a store in memory, for the tests that ask it.

use std::{
    collections::HashMap,
    net::{IpAddr, Ipv4Addr},
    sync::{Arc, Mutex},
};

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, Response, header::CONTENT_TYPE};
use mylife::{
    authenticate::{
        Authenticator, Caller,
        jose::{key::KeySet, sign::Signer},
        peer::{Peer, PeerLimits, Peers},
        registry::{ClientEntry, Registry},
    },
    chance::SeededChance,
    clock::{Clock, FixedClock},
    domain::{id::NodeCode, identity::TestRange, moment::Moment, person::Named},
    error::{Error, Result},
    oauth::{
        issuers::Issuers,
        keys::{
            PublishedKeys,
            fetch::{Fetcher, Rules},
        },
        launch::{Launch, fleeting::Fleeting, login::Sandbox, provider::Providers},
        refused::Refused,
        token::{Asked, TokenEndpoint},
    },
    seal::Keys,
    shared::{
        Limiter,
        pace::{Pace, Rates},
        process::Process,
    },
    store::{
        Change, Changes, Committed, DocumentKind, IdentityMac, Job, Outgoing, Permission, Place,
        Revocations, Store, Stored, Subscription, Task, Walked, subscription::State,
    },
};
use serde_json::{Value, json};

use super::signed::{ES256, ES384, OTHER, RS384, at, header, jwks, keys, noon, sign, with};
use super::wires::Wires;

pub(crate) const ISSUER: &str = "https://kuopio.example";
pub(crate) const TOKEN_URL: &str = "https://kuopio.example/oauth/token";
pub(crate) const FHIR: &str = "https://kuopio.example/fhir";
pub(crate) const PEER: &str = "https://portal.example";
pub(crate) const CERTIFICATE: [u8; 32] = [7; 32];
pub(crate) const PORTAL: &str = "urn:oid:1.2.246.10.1";

/// A store of what was spent, revoked and is owed to others, and of nobody; or it is away.
#[derive(Default)]
pub(crate) struct Memory {
    spent: Mutex<HashMap<[u8; 32], Moment>>,
    /// The last number that was given, and what is owed under which.
    pub(crate) owed: Mutex<(i64, Vec<(i64, Outgoing)>)>,
    pub(crate) revoked: Mutex<Vec<([u8; 32], Moment)>>,
    pub(crate) away: Mutex<bool>,
}

fn absent<T: Send + 'static>() -> Task<T> {
    Box::pin(async { Err(Error::unavailable("not in this test")) })
}

impl Store for Memory {
    fn load(&self, _: &str) -> Task<Option<Stored>> {
        absent()
    }
    fn load_one(&self, _: &str, _: &str, _: DocumentKind, _: &str) -> Task<Option<Stored>> {
        absent()
    }
    fn naming(&self, _: &str) -> Task<Vec<(Arc<str>, Named)>> {
        absent()
    }
    fn history(&self, _: &str) -> Task<Option<Stored>> {
        absent()
    }
    fn find(&self, _: IdentityMac) -> Task<Option<Arc<str>>> {
        absent()
    }
    fn local(&self, _: &str, _: DocumentKind, _: &str) -> Task<Option<Place>> {
        absent()
    }
    fn place(&self, _: &str) -> Task<Option<Place>> {
        absent()
    }
    fn walk(&self, _: Option<&str>, _: usize) -> Task<Vec<Walked>> {
        absent()
    }
    fn commit(&self, _: Change) -> Task<Committed> {
        absent()
    }
    fn changes(&self, _: i64, _: usize) -> Task<Changes> {
        absent()
    }
    fn spend(&self, value: [u8; 32], until: Moment, now: Moment) -> Task<bool> {
        if *self.away.lock().unwrap() {
            return absent();
        }
        assert!(until > now, "kept for as long as the proof is good");
        let first = self.spent.lock().unwrap().insert(value, until).is_none();
        Box::pin(async move { Ok(first) })
    }
    fn revoke(&self, token: [u8; 32], until: Moment, _: Moment) -> Task<()> {
        if *self.away.lock().unwrap() {
            return absent();
        }
        self.revoked.lock().unwrap().push((token, until));
        Box::pin(async { Ok(()) })
    }
    fn revoked(&self, _: i64) -> Task<Revocations> {
        let tokens = self.revoked.lock().unwrap().clone();
        Box::pin(async { Ok(Revocations { tokens, settled: 0, server: 0, settings: 0 }) })
    }
    fn permit(&self, _: Permission, _: Moment) -> Task<bool> {
        absent()
    }
    fn permissions(&self, _: IdentityMac, _: Option<Arc<str>>, _: Moment) -> Task<Vec<Permission>> {
        absent()
    }
    fn unrecorded(&self) -> Task<Vec<(i64, Arc<[u8]>)>> {
        absent()
    }
    fn recorded(&self, _: Vec<i64>) -> Task<()> {
        absent()
    }
    fn owed(&self, limit: usize) -> Task<Vec<(i64, Outgoing)>> {
        let all = self.owed.lock().unwrap().1.iter().take(limit).cloned().collect();
        Box::pin(async move { Ok(all) })
    }
    fn owe(&self, messages: Vec<Outgoing>) -> Task<Vec<i64>> {
        let (last, owed) = &mut *self.owed.lock().unwrap();
        let first = *last + 1;
        *last += i64::try_from(messages.len()).unwrap();
        let ids: Vec<i64> = (first..=*last).collect();
        owed.extend(ids.iter().copied().zip(messages));
        Box::pin(async move { Ok(ids) })
    }
    fn delivered(&self, message: i64) -> Task<()> {
        self.owed.lock().unwrap().1.retain(|(id, _)| *id != message);
        Box::pin(async { Ok(()) })
    }
    fn begin_job(&self, _: Job, _: usize, _: Moment) -> Task<bool> {
        absent()
    }
    fn job(&self, _: &str, _: Moment) -> Task<Option<Job>> {
        absent()
    }
    fn end_job(&self, _: &str) -> Task<()> {
        absent()
    }
    fn put_subscription(&self, _: Subscription, _: Option<Vec<Arc<str>>>, _: usize) -> Task<bool> {
        absent()
    }
    fn subscription(&self, _: &str) -> Task<Option<Subscription>> {
        absent()
    }
    fn subscriptions_of(&self, _: &str) -> Task<Vec<Subscription>> {
        absent()
    }
    fn count_subscriptions(&self) -> Task<Vec<(State, u64)>> {
        absent()
    }
    fn due_subscriptions(&self, _: Moment, _: usize) -> Task<Vec<Subscription>> {
        absent()
    }
    fn looked_at(&self, _: &Subscription, _: Moment) -> Task<()> {
        absent()
    }
    fn touch(&self, _: Option<Vec<Arc<str>>>) -> Task<()> {
        absent()
    }
    fn end_subscription(&self, _: &str) -> Task<()> {
        absent()
    }
}

/// One gateway's side of authorization.
pub(crate) struct Desk {
    pub(crate) endpoint: TokenEndpoint,
    pub(crate) authenticator: Arc<Authenticator>,
    pub(crate) memory: Arc<Memory>,
}

pub(crate) fn entry(changes: &Value) -> ClientEntry {
    let entry = json!({
        "client_id": "portal", "name": "National portal", "organization": PORTAL,
        "roles": ["case-worker"], "jwks": jwks(&[&ES384, &RS384]),
        "scopes": ["system/*.rs", "system/Consent.cu"], "purposes": ["TREAT", "PATRQT"],
        "register": "social", "sector": "social", "declares": ["child-welfare-act"],
        "break_glass": true,
    });
    serde_json::from_value(with(entry, changes)).unwrap()
}

/// The client that may state nothing but its only purpose.
pub(crate) fn plain() -> ClientEntry {
    entry(&json!({
        "client_id": "single", "jwks": jwks(&[&ES256]), "purposes": ["TREAT"],
        "scopes": ["system/Goal.rs", "user/*.rs", "mylife/native.write"], "native_owner": true,
        "declares": [], "break_glass": false, "register": null, "sector": null, "roles": [],
    }))
}

pub(crate) fn peer() -> Peer {
    let list = |value: &str| vec![value.to_owned()];
    Peer {
        code: NodeCode::parse("900").unwrap(),
        issuer: PEER.to_owned(),
        organization: PORTAL.to_owned(),
        keys: keys(&[&OTHER]),
        certificate: CERTIFICATE,
        limits: PeerLimits {
            organizations: list(PORTAL),
            roles: list("case-worker"),
            purposes: list("TREAT"),
            registers: list("social"),
            sectors: list("social"),
            declares: list("child-welfare-act"),
            counts: false,
        },
    }
}

impl Desk {
    pub(crate) fn new() -> Self {
        Self::of(ISSUER, vec![entry(&json!({})), plain()], vec![peer()])
    }

    /// The desk of another gateway, or with others that it knows.
    pub(crate) fn of(issuer: &str, clients: Vec<ClientEntry>, peers: Vec<Peer>) -> Self {
        let registry = Arc::new(Registry::build(clients).expect("good clients"));
        let peers = Arc::new(Peers::build(peers).unwrap());
        let audience = format!("{issuer}/fhir");
        let memory = Arc::new(Memory::default());
        let signer = Arc::new(signer());
        let own = KeySet::of([signer.public()]).unwrap();
        let (clients, others) = (Arc::clone(&registry), Arc::clone(&peers));
        let authenticator = Authenticator::new(issuer, &*audience, own, clients, others);
        let authenticator = Arc::new(authenticator);
        let endpoint = TokenEndpoint {
            issuer: issuer.to_owned(),
            url: format!("{issuer}/oauth/token"),
            audience,
            identity: Arc::clone(&signer),
            signer,
            registry,
            keys: PublishedKeys::default(),
            peers,
            issuers: Arc::<Issuers>::default(),
            authenticator: Arc::clone(&authenticator),
            store: Arc::clone(&memory) as Arc<dyn Store>,
            chance: Arc::new(SeededChance::new(1)),
            pace: Arc::new(pace(Rates {
                client_tokens: 1000,
                address_tokens: 1000,
                ..Rates::default()
            })),
            launch: launch(),
        };
        Self { endpoint, authenticator, memory }
    }

    pub(crate) async fn ask(&self, asked: Asked<'_>) -> (Response<Bytes>, Option<Refused>) {
        let answered = self.endpoint.answer(asked, noon()).await;
        let headers = answered.response.headers();
        assert_eq!(headers["cache-control"], "no-store", "AL-07");
        assert_eq!(headers["pragma"], "no-cache", "AL-07");
        assert_eq!(headers["content-type"], "application/json");
        (answered.response, answered.refused)
    }

    pub(crate) async fn post(&self, body: &str) -> (Response<Bytes>, Option<Refused>) {
        self.post_from(body, None).await
    }

    pub(crate) async fn post_from(
        &self,
        body: &str,
        certificate: Option<&[u8; 32]>,
    ) -> (Response<Bytes>, Option<Refused>) {
        let headers = form_headers();
        let method = Method::POST;
        let body = body.as_bytes();
        self.ask(Asked {
            method: &method,
            query: None,
            headers: &headers,
            body,
            certificate,
            names: None,
            address: HOME,
        })
        .await
    }

    pub(crate) fn caller(
        &self,
        token: &str,
        certificate: Option<&[u8; 32]>,
    ) -> Result<Arc<Caller>> {
        self.authenticator.verify(&bearing(token), certificate, None, noon())
    }
}

/// Where requests come from.
pub(crate) const HOME: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

/// Rates held in this process.
pub(crate) fn pace(rates: Rates) -> Pace {
    Pace::new(Limiter::here(Arc::default()), rates)
}

/// A desk at which nobody logs in.
fn launch() -> Launch {
    let chance = Arc::new(SeededChance::new(3));
    let mut master = [0; 32];
    (0_u8..).zip(&mut master).for_each(|(n, byte)| *byte = n * 7);
    let keys = Arc::new(Keys::from_master(&master, chance).unwrap());
    let clock: Arc<dyn Clock> = Arc::new(FixedClock::new(noon()));
    let fetcher = Fetcher::new(Arc::new(Wires::default()), Rules::default(), &clock).unwrap();
    Launch {
        kept: Fleeting::new(Arc::new(Process::default()), keys),
        sandbox: Sandbox::default(),
        providers: Providers::new(Vec::new(), Arc::new(fetcher)),
        test_range: TestRange::Refuse,
    }
}

/// The key of this desk alone.
fn signer() -> Signer {
    super::signed::elliptic(mylife::authenticate::jose::key::Algorithm::Es256)
}

pub(crate) fn form_headers() -> HeaderMap {
    let form = HeaderValue::from_static("application/x-www-form-urlencoded");
    HeaderMap::from_iter([(CONTENT_TYPE, form)])
}

pub(crate) fn bearing(token: &str) -> HeaderMap {
    let value = HeaderValue::try_from(format!("Bearer {token}")).unwrap();
    HeaderMap::from_iter([(http::header::AUTHORIZATION, value)])
}

pub(crate) fn body(response: &Response<Bytes>) -> Value {
    serde_json::from_slice(response.body()).unwrap()
}

/// A form; a pair with the value `-` is left out.
pub(crate) fn form(pairs: &[(&str, &str)]) -> String {
    let mut form = form_urlencoded::Serializer::new(String::new());
    form.extend_pairs(pairs.iter().filter(|(_, value)| *value != "-"));
    form.finish()
}

/// The claims of an assertion with the `jti` given.
pub(crate) fn claims(jti: &str) -> Value {
    json!({
        "iss": "portal", "sub": "portal", "aud": TOKEN_URL,
        "exp": at(300), "iat": at(0), "jti": jti,
    })
}

/// An assertion of the portal with other claims.
pub(crate) fn assertion(jti: &str, changes: &Value) -> String {
    sign(&ES384, &header(&ES384, "JWT"), &with(claims(jti), changes))
}

/// An assertion of the client that may state nothing but its only purpose.
pub(crate) fn single(jti: &str, changes: &Value) -> String {
    let claims = with(claims(jti), &json!({"iss": "single", "sub": "single"}));
    sign(&ES256, &header(&ES256, "JWT"), &with(claims, changes))
}

/// The form of a backend service.
pub(crate) fn credentials(assertion: &str, scope: &str) -> String {
    form(&[
        ("grant_type", "client_credentials"),
        ("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"),
        ("client_assertion", assertion),
        ("scope", scope),
    ])
}
