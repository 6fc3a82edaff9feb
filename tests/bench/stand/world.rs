//! The data a benchmark runs on: one gateway's directory with people, assessments and grants.
//!
//! Beside the way. Everything goes in through the gateway's own roads: documents are pushed and
//! grants are written as over the wire. Nobody here exists. Keeps keys in the open, since what they
//! protect was made up; must never be pointed at a real directory.

use std::{
    fs,
    num::NonZeroUsize,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use bytes::Bytes;
use http::{Method, Response, StatusCode};
use http_body_util::BodyExt;
use mylife::{
    authenticate::{
        jose::{
            TokenKind,
            claims::Registered,
            key::Algorithm,
            ring::Ring,
            sign::{Signer, generate},
        },
        registry::{CertificateEntry, ClientEntry, NotifyEntry},
    },
    chance::{Chance, SystemChance, base32},
    clock::{Clock, SystemClock},
    consent::law::Law,
    directory::{Listing, Name, Organization},
    domain::{
        id::NodeCode,
        identity::{TestRange, WrongCheck},
        moment::Moment,
        theme::Theme,
    },
    federation::client,
    gateway::{Gateway, Limits, open::Setup},
    listen::{
        Answer, Incoming, Stop,
        body::{Body, BodyReader},
    },
    pki::Ca,
    seal::Keys,
    shared::{Away, Choice, pace::Rates, redis::door},
    store::postgres::{Address, Database, Patience},
    transport::{Authority, Tcp},
};
use serde_json::{Value, json};
use tokio::task::JoinSet;

/// The name under which the gateway is addressed, whatever its port.
pub(crate) const HOST: &str = "bench.test";
/// Themes that the grants name; the other five never leave.
pub(crate) const SHARED: [Theme; 5] =
    [Theme::StudiesWork, Theme::Friends, Theme::Housing, Theme::Finance, Theme::SelfEsteem];
/// Opens the own words about a theme, so that a body can be searched for them.
pub(crate) const MARK: &str = "toive-";

/// The client that may have people counted.
pub(crate) const CENSUS: &str = "census";
/// Clients that may subscribe, `watcher-0` and so on.
pub(crate) const WATCHERS: usize = 10;
/// Where they may be notified; nobody is there.
pub(crate) const PLACE: &str = "https://bench.test/told";

const CITY: &str = "urn:oid:1.2.246.10.99900001";
pub(crate) const COUNTY: &str = "urn:oid:1.2.246.10.99900002";
/// Requests under way while it is filled; one fsync serves what comes together.
pub(crate) const TOGETHER: usize = 64;
/// People pushed with one token, which is good for five minutes.
pub(crate) const BY_ONE_TOKEN: usize = 10_000;
/// Connections of a process to the database, as the settings have it.
pub(crate) const CONNECTIONS: usize = 8;

/// What the people of a world hold.
#[derive(Clone, Copy)]
pub(crate) struct Size {
    /// How many people.
    pub(crate) people: usize,
    /// Assessments of thirty items that each of them has.
    pub(crate) assessments: usize,
    /// Consents that each of them gave; the first is the grant to the county, see [`consent`].
    pub(crate) consents: usize,
}

/// Ids of one person's resources.
pub(crate) struct Somebody {
    /// Of the Patient.
    pub(crate) patient: String,
    /// Of one `QuestionnaireResponse`.
    pub(crate) response: String,
}

/// A directory on disk that a gateway can be opened on.
pub(crate) struct World {
    /// Where it is.
    pub(crate) dir: PathBuf,
    /// The law table that a gateway is opened with.
    pub(crate) law: Law,
    signer: Arc<Signer>,
    /// Which of several processes opens it.
    pub(crate) number: usize,
    /// Bytes of people that a gateway keeps in memory.
    pub(crate) cache: u64,
}

/// The file that says what several processes share.
const SHARED_BY_ALL: &str = "shared";

impl World {
    /// The world of a directory; its keys and certificates are made if they are absent.
    pub(crate) fn at(dir: PathBuf) -> Self {
        fs::create_dir_all(&dir).unwrap();
        let key = dir.join("signer.jwk");
        if !key.exists() {
            let mut master = [0; 32];
            SystemChance.fill(&mut master);
            fs::write(dir.join("master"), master).unwrap();
            let now = SystemClock::default().now();
            let ca = Ca::new("bench", now).unwrap();
            ca.issued().write(&dir, "ca").unwrap();
            ca.gateway(&[HOST], now).unwrap().write(&dir, "server").unwrap();
            fs::write(&key, &*generate(Algorithm::Es256).unwrap()).unwrap();
        }
        let signer = Signer::from_jwk(&fs::read_to_string(key).unwrap()).unwrap();
        Self { dir, law: Law::default(), signer: Arc::new(signer), number: 0, cache: 2 << 30 }
    }

    /// A world filled anew; tells how long each document took, with its record, on average. `shared`
    /// is what several processes share: a database's address and a Redis's port, a line each.
    pub(crate) async fn filled(dir: PathBuf, size: Size, shared: Option<&str>) -> (Self, Duration) {
        drop(fs::remove_dir_all(&dir));
        fs::create_dir_all(&dir).unwrap();
        if let Some(shared) = shared {
            fs::write(dir.join(SHARED_BY_ALL), shared).unwrap();
        }
        let world = Self::at(dir);
        let gateway = Arc::new(world.open().await);
        // Who shares a store answers only what it has just heard of.
        let (stop, stopping) = Stop::new();
        if shared.is_some() {
            gateway.look().await.unwrap();
            tokio::spawn(Arc::clone(&gateway).follow(stopping));
        }
        let mut token = String::new();
        let clock = SystemClock::default();
        let mut all = Vec::new();
        let mut pushing = JoinSet::new();
        for number in 0..size.people {
            if number.is_multiple_of(BY_ONE_TOKEN) {
                token = world.token("source");
            }
            if pushing.len() >= TOGETHER {
                all.push(pushing.join_next().await.unwrap().unwrap());
            }
            pushing.spawn(push(Arc::clone(&gateway), token.clone(), number, size));
        }
        all.extend(pushing.join_all().await);
        drop(stop);
        all.sort_unstable();
        let documents = size.people * (1 + size.assessments + size.consents);
        let each = clock.elapsed() / u32::try_from(documents).unwrap();
        let lines: Vec<String> = all.into_iter().map(|(_, line)| line).collect();
        fs::write(world.dir.join("people"), lines.concat()).unwrap();
        (world, each)
    }

    /// Everybody in it.
    pub(crate) fn people(&self) -> Vec<Somebody> {
        let text = fs::read_to_string(self.dir.join("people")).unwrap();
        let one = |line: &str| {
            let (patient, response) = line.split_once(' ').unwrap();
            Somebody { patient: patient.to_owned(), response: response.to_owned() }
        };
        text.lines().map(one).collect()
    }

    /// The gateway of this directory.
    pub(crate) async fn open(&self) -> Gateway {
        let chance: Arc<dyn Chance> = Arc::new(SystemChance);
        let master = fs::read(self.dir.join("master")).unwrap().try_into().unwrap();
        let organization = |id: &str, oid: &str, name: &str| Organization {
            id: id.to_owned(),
            name: Name { fi: name.to_owned(), sv: name.to_owned(), en: name.to_owned() },
            oid: oid.to_owned(),
            part_of: None,
            sensitivity: Vec::new(),
        };
        let organizations = vec![
            organization("297.city", CITY, "Kaupunki"),
            organization("297.county", COUNTY, "Hyvinvointialue"),
        ];
        let (shared, database) = self.shared();
        let setup = Setup {
            node: NodeCode::parse("297").unwrap(),
            organization: CITY.to_owned(),
            url: format!("https://{HOST}"),
            holds_data: true,
            directory_path: self.dir.join(format!("gateway-{}", self.number)),
            keys: Arc::new(Keys::from_master(&master, Arc::clone(&chance)).unwrap()),
            ring: Ring::of(Arc::clone(&self.signer)),
            clients: self.clients(),
            peers: Vec::new(),
            filters: mylife::native::foreign::Filters::default(),
            key_rules: mylife::oauth::keys::fetch::Rules::default(),
            transport: Arc::new(Tcp),
            peer_tls: None,
            peer_limits: client::Limits::default(),
            law: self.law.clone(),
            directory: Listing { organizations, ..Listing::default() },
            activated: Moment::parse("2026-01-01T00:00:00Z").unwrap(),
            settings: mylife::gateway::numbered::Numbered::default(),
            limits: Limits {
                page: 100,
                test_range: TestRange::Allow(WrongCheck::Refuse),
                document: mylife::json::Limits::default(),
                documents: usize::MAX,
            },
            cache_bytes: self.cache,
            stride: 2,
            readers: NonZeroUsize::new(2).unwrap(),
            shared,
            providers: Vec::new(),
            issuers: Vec::new(),
            sandbox: mylife::oauth::launch::login::Sandbox::default(),
            rates: Rates { client: 1_000_000, ..Rates::default() },
            database,
            collector: None,
            clock: Arc::new(SystemClock::default()),
            chance,
        };
        Gateway::open(setup).await.unwrap()
    }

    /// What it shares with other processes.
    fn shared(&self) -> (Choice, Option<Database>) {
        let Ok(named) = fs::read_to_string(self.dir.join(SHARED_BY_ALL)) else {
            return (Choice::Process, None);
        };
        let (url, port) = named.trim().split_once('\n').unwrap();
        let wait = Duration::from_secs(1);
        let settings = door::Settings {
            reach: door::Reach::One(Authority::new("127.0.0.1", port.parse().unwrap())),
            tls: None,
            login: door::Login::default(),
            connect: wait,
            response: wait,
        };
        let database = Database {
            address: Address::parse(url).unwrap(),
            password: None,
            tls: None,
            connections: NonZeroUsize::new(CONNECTIONS).unwrap(),
            prepared: true,
            patience: Patience::default(),
        };
        let door = Arc::new(door::Door::new(settings).unwrap());
        (Choice::Redis { door, away: Away::Refuse }, Some(database))
    }

    /// An access token as the gateway would give it to a client, good for five minutes.
    pub(crate) fn token(&self, client: &str) -> String {
        let client = self.clients().into_iter().find(|c| c.client_id == client).unwrap();
        let now = SystemClock::default().now();
        let registered = Registered {
            iss: format!("https://{HOST}"),
            sub: client.client_id.clone(),
            aud: format!("https://{HOST}/fhir"),
            exp: now.plus(Duration::from_mins(5)).seconds(),
            iat: Some(now.seconds()),
            nbf: None,
            jti: base32(&SystemChance, 26),
        };
        let claims = json!({
            "client_id": client.client_id,
            "scope": client.scopes.join(" "),
            "organization": client.organization,
            "purpose": client.purposes.first(),
        });
        self.signer.sign(TokenKind::AccessToken, &registered, &claims).unwrap()
    }

    fn clients(&self) -> Vec<ClientEntry> {
        let client = |id: &str, organization: &str, scopes: &[&str]| ClientEntry {
            client_id: id.to_owned(),
            name: id.to_owned(),
            organization: organization.to_owned(),
            roles: Vec::new(),
            jwks: Some(json!({ "keys": [self.signer.public()] })),
            jwks_uri: None,
            tls_client_auth: CertificateEntry::default(),
            algorithms: Vec::new(),
            scopes: scopes.iter().map(|&scope| scope.to_owned()).collect(),
            purposes: vec!["TREAT".to_owned()],
            register: None,
            sector: None,
            declares: Vec::new(),
            break_glass: false,
            people_act: false,
            introspects: false,
            exchanges: false,
            may_act: None,
            native_owner: scopes.contains(&"mylife/native.write"),
            public: false,
            redirect_uris: Vec::new(),
            dpop_bound_access_tokens: false,
            user_organizations: Vec::new(),
            notify: NotifyEntry::default(),
        };
        let watcher = |number: usize| ClientEntry {
            notify: NotifyEntry { urls: vec![PLACE.to_owned()], ..NotifyEntry::default() },
            ..client(
                &format!("watcher-{number}"),
                COUNTY,
                &["system/*.rs", "system/Subscription.cruds"],
            )
        };
        let mut all = vec![
            client("source", CITY, &["mylife/native.write", "system/Consent.cu"]),
            client("county", COUNTY, &["system/*.rs"]),
            client("county-too", COUNTY, &["system/*.rs"]),
        ];
        all.extend((0..WATCHERS).map(watcher));
        all.push(ClientEntry {
            purposes: vec!["HOUTCOMS".to_owned()],
            ..client(CENSUS, COUNTY, &["system/Observation.rs", "system/Patient.rs"])
        });
        all
    }
}

/// Pushes everything about one person; tells the line of the file of people.
async fn push(gateway: Arc<Gateway>, token: String, number: usize, size: Size) -> (usize, String) {
    let local = format!("p-{number}");
    let person = json!({
        "schema": "mylife/person/1", "id": local, "language": "fi", "municipality": "297",
        "name": { "given": ["Testi"], "family": format!("Esimerkki{number}") },
        "birth_date": "2000-02-03", "non_disclosure": false,
    });
    let held = put(&gateway, &token, &format!("/native/people/{local}"), &person).await;
    let patient = held["patient"].as_str().unwrap().to_owned();
    let mut response = String::new();
    for which in 0..size.assessments {
        let one = assessment(&local, number, which);
        let path = format!("/native/assessments/a-{number}-{which}");
        let held = put(&gateway, &token, &path, &one).await;
        held["id"].as_str().unwrap().clone_into(&mut response);
    }
    for which in 0..size.consents {
        let (path, body) = consent(&patient, number, which);
        put(&gateway, &token, &path, &body).await;
    }
    (number, format!("{patient} {response}\n"))
}

async fn put(gateway: &Gateway, token: &str, path: &str, body: &Value) -> Value {
    let mut told = ask(gateway, Method::PUT, path, token, body.to_string()).await;
    // A machine that is busy with other things may not hear of the store in time.
    while told.0 == StatusCode::SERVICE_UNAVAILABLE {
        tokio::task::yield_now().await;
        told = ask(gateway, Method::PUT, path, token, body.to_string()).await;
    }
    let (status, bytes) = told;
    assert_eq!(status, StatusCode::CREATED, "{path}: {}", String::from_utf8_lossy(&bytes));
    serde_json::from_slice(&bytes).unwrap()
}

/// One question to the gateway, without a wire.
pub(crate) async fn ask(
    gateway: &Gateway,
    method: Method,
    path: &str,
    token: &str,
    body: String,
) -> (StatusCode, Bytes) {
    let response = answer(gateway, method, path, token, body).await;
    (response.status(), response.into_body().collect().await.unwrap().to_bytes())
}

/// The same before its body is read.
pub(crate) async fn answer(
    gateway: &Gateway,
    method: Method,
    path: &str,
    token: &str,
    body: String,
) -> Response<Body> {
    let request = http::Request::builder()
        .method(method)
        .uri(path)
        .header("authorization", format!("Bearer {token}"))
        .header("content-type", "application/json");
    let (parts, ()) = request.body(()).unwrap().into_parts();
    let (body, address) = (BodyReader::of(body), "127.0.0.1".into());
    let incoming = Incoming { parts, body, peer_certificate: None, peer_names: None, address };
    gateway.answer(incoming).await
}

/// All thirty items; each theme's own words name it behind [`MARK`].
pub(crate) fn assessment(person: &str, number: usize, which: usize) -> Value {
    let answer = |(at, theme): (usize, &Theme)| {
        json!({
            "theme": theme.code(),
            "importance": (number + at) % 11,
            "satisfaction": (number + at + which) % 11,
            "future": format!("{MARK}{}", theme.code()),
        })
    };
    let answers: Vec<Value> = Theme::ALL.iter().enumerate().map(answer).collect();
    json!({
        "schema": "mylife/assessment/1", "id": format!("a-{number}-{which}"), "person": person,
        "form": "3x10d-30", "age_group": "18+", "status": "completed", "answered_by": "person",
        "authored": format!("2026-0{}-01T09:30:00+02:00", which % 9 + 1), "language": "fi",
        "register": { "code": "youth", "service_task": "youth-work", "sector": "youth-services" },
        "answers": answers,
    })
}

/// A person's consent of this number, and where it is put. The first lets the county see five themes,
/// own words included; of every four that follow, two grants and a prohibition speak of others and one
/// more grant, for a time, of the county.
pub(crate) fn consent(patient: &str, number: usize, which: usize) -> (String, Value) {
    let uuid = format!("urn:uuid:00000000-0000-4000-{which:04}-{number:012}");
    let path = format!("/fhir/Consent?identifier=urn:ietf:rfc:3986%7C{uuid}");
    let other = format!("urn:oid:1.2.246.10.9990{:04}", 100 + which);
    let (kind, provision) = match which {
        0 => ("grant", permit(COUNTY, &SHARED, true)),
        _ if which.is_multiple_of(4) => {
            let mut rule = permit(COUNTY, &SHARED[..(which / 4 % SHARED.len()).max(1)], false);
            rule["period"] = json!({ "start": "2026-01-01", "end": "2099-12-31" });
            ("grant", rule)
        }
        _ if which % 4 == 3 => ("prohibition", permit(&other, &SHARED[..1], false)),
        _ => ("grant", permit(&other, &SHARED, true)),
    };
    let provision = match (kind, provision) {
        ("grant", rule) => json!({ "type": "deny", "provision": [rule] }),
        (_, mut rule) => {
            rule["type"] = json!("deny");
            rule
        }
    };
    (path, framed(patient, &uuid, kind, &provision))
}

/// An organisation may see these themes for care.
pub(crate) fn permit(organization: &str, themes: &[Theme], own_words: bool) -> Value {
    let systems = "https://mylife.example/fhir/CodeSystem";
    let terms = "http://terminology.hl7.org/CodeSystem";
    let theme = |t: &Theme| json!({ "system": format!("{systems}/theme"), "code": t.code() });
    let mut labels: Vec<Value> = themes.iter().map(theme).collect();
    if own_words {
        labels.push(json!({ "system": format!("{systems}/class"), "code": "free-text" }));
    }
    let role = json!({ "coding": [
        { "system": format!("{terms}/v3-ParticipationType"), "code": "PRCP" }] });
    let who = json!({ "identifier": { "system": "urn:ietf:rfc:3986", "value": organization } });
    let mut rule = json!({
        "type": "permit",
        "actor": [{ "role": role, "reference": who }],
        "purpose": [{ "system": format!("{terms}/v3-ActReason"), "code": "TREAT" }],
    });
    if !labels.is_empty() {
        rule["securityLabel"] = json!(labels);
    }
    rule
}

/// A consent of the person with these rules.
pub(crate) fn framed(patient: &str, uuid: &str, kind: &str, provision: &Value) -> Value {
    let terms = "http://terminology.hl7.org/CodeSystem";
    json!({
        "resourceType": "Consent", "status": "active",
        "identifier": [{ "system": "urn:ietf:rfc:3986", "value": uuid }],
        "scope": { "coding": [
            { "system": format!("{terms}/consentscope"), "code": "patient-privacy" }] },
        "category": [{ "coding": [{ "system": "urn:mylife:consent-kind", "code": kind }] }],
        "patient": { "reference": format!("Patient/{patient}") },
        "performer": [{ "reference": format!("Patient/{patient}") }],
        "policy": [{ "uri": "urn:mylife:policy:1" }],
        "provision": provision,
    })
}

/// Refuses a file system without a disk: what is never written is never durable.
pub(crate) fn demand_disk(dir: &Path) {
    let mounts = fs::read_to_string("/proc/mounts").unwrap();
    let of = mounts.lines().filter_map(|line| {
        let mut words = line.split(' ').skip(1);
        let (place, kind) = (words.next()?, words.next()?);
        dir.starts_with(place).then(|| (place.len(), kind.to_owned()))
    });
    let kind = of.max().map(|(_, kind)| kind).unwrap_or_default();
    assert!(kind != "tmpfs" && kind != "ramfs", "{} is a {kind}; use a disk", dir.display());
}
