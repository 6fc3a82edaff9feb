//! Two gateways that differ in nothing but what they hold, and what a reader sees of an answer.

mod far;

use std::{
    io,
    num::NonZeroUsize,
    path::{Path, PathBuf},
    sync::{
        Arc, LazyLock,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use http::{Request, header};
use http_body_util::BodyExt;
use mylife::{
    audit::log::{Disk, Log, Tape},
    authenticate::jose::{ring::Ring, sign::Signer},
    chance::SeededChance,
    clock::{Clock, FixedClock},
    consent::law::Law,
    directory::Listing,
    domain::{
        id::NodeCode,
        identity::{TestRange, WrongCheck},
        moment::Moment,
    },
    federation::{choose::Sources, client},
    gateway::{
        Gateway, Limits,
        kept::Kept,
        open::{Setup, log_keys},
    },
    json,
    listen::{
        Answer, Incoming,
        body::{Body, BodyReader},
    },
    source::local::Local,
    transport::Tcp,
};
use serde_json::json;
use tokio::runtime::{Builder, Runtime};

use self::far::Far;
use super::{
    reader::{Reader, signed},
    shelf::{KEYS, Shelf},
    world::{CITY, World, YOUTH},
};
use crate::step::wires::Wires;

pub(super) const ISSUER: &str = "https://kuopio.example";
pub(super) const FHIR: &str = "https://kuopio.example/fhir";

static SIGNER: LazyLock<Arc<Signer>> = LazyLock::new(|| {
    use mylife::authenticate::jose::{key::Algorithm, sign::generate};
    Arc::new(Signer::from_jwk(&generate(Algorithm::Es256).unwrap()).unwrap())
});

/// The instant of every request but those that wait for something, which come up to some hours later.
pub(super) fn now() -> Moment {
    Moment::parse("2026-06-01T12:00:00Z").unwrap()
}

/// Services and units, one of them sensitive; `297.svc.gone` is listed nowhere.
pub(super) fn listing() -> Listing {
    let name = |text: &str| json!({ "fi": text, "sv": text, "en": text });
    serde_json::from_value(json!({
        "organizations": [
            { "id": "297.org.city", "name": name("Kuopio"), "oid": CITY },
            { "id": "297.org.youth", "name": name("Nuoriso"), "oid": YOUTH,
              "part_of": "297.org.city" },
            { "id": "297.org.mind", "name": name("Mieli"), "oid": format!("{CITY}.2"),
              "part_of": "297.org.city", "sensitivity": ["mental-health"] },
        ],
        "services": [
            { "id": "297.svc.youth", "name": name("Ohjaamo"), "organization": "297.org.youth" },
            { "id": "297.svc.mind", "name": name("Mielipalvelu"),
              "organization": "297.org.mind" },
        ],
        "practitioners": [
            { "id": "297.prac.youth", "name": "Leena Kettunen", "organization": "297.org.youth" },
            { "id": "297.prac.mind", "name": "Jari Oksanen", "organization": "297.org.mind" },
        ],
    }))
    .unwrap()
}

/// The law table: one ground, and who may read records.
pub(super) fn law() -> Law {
    serde_json::from_value(json!({
        "grounds": [{ "id": "law:1", "purposes": ["HRESCH"], "themes": ["finance"] }],
        "officer_roles": ["officer"],
    }))
    .unwrap()
}

/// When law and mapping came into force.
pub(super) fn activated() -> Moment {
    Moment::parse("2026-01-25T00:00:00Z").unwrap()
}

/// A disk that promises nothing, for speed.
struct Fast;

struct Nothing;

impl Disk for Fast {
    fn create(&self, _: &Path) -> io::Result<Box<dyn Tape>> {
        Ok(Box::new(Nothing))
    }
    fn resume(&self, _: &Path, _: u64) -> io::Result<Box<dyn Tape>> {
        Ok(Box::new(Nothing))
    }
    fn replace(&self, _: &Path, _: &[u8]) -> io::Result<()> {
        Ok(())
    }
}

impl Tape for Nothing {
    fn make_room(&mut self, _: usize) -> io::Result<()> {
        Ok(())
    }
    fn append(&mut self, _: &[u8]) -> io::Result<()> {
        Ok(())
    }
}

/// One gateway, whose data is put in place as a whole.
pub(super) struct Lab {
    gateway: Gateway,
    /// The one that holds the data, where the gateway has none of its own.
    far: Option<Arc<Far>>,
    runtime: Runtime,
    directory: PathBuf,
    clock: Arc<FixedClock>,
    /// How often it was told what it holds.
    held: u64,
    shelf: Option<Arc<Shelf>>,
}

/// What is sent beside the token.
pub(super) struct Sent<'a> {
    pub(super) method: &'a str,
    pub(super) target: &'a str,
    pub(super) headers: Vec<(&'static str, String)>,
    pub(super) body: &'a str,
}

impl Default for Sent<'_> {
    fn default() -> Self {
        Self { method: "GET", target: FHIR, headers: Vec::new(), body: "" }
    }
}

/// What a reader sees of an answer.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Seen {
    pub(super) status: u16,
    /// All headers but `Date`, the request's id and the receipt.
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: String,
}

impl Seen {
    pub(super) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.body).unwrap()
    }
}

impl Lab {
    pub(super) fn new() -> Self {
        Self::with(|_| ())
    }

    /// One that is set up in another way, and holds what is written to it until told to hold more.
    pub(super) fn with(alter: impl FnOnce(&mut Setup)) -> Self {
        let directory = fresh();
        let runtime = Builder::new_current_thread().enable_all().build().unwrap();
        let clock = Arc::new(FixedClock::new(now()));
        let gateway = open(&runtime, &directory, &clock, alter);
        Self { gateway, far: None, runtime, directory, clock, held: 0, shelf: None }
    }

    /// A portal without data, which asks one other gateway: what is held is held there.
    pub(super) fn portal() -> Self {
        Self::portal_with(|_| (), |_| ())
    }

    /// The same, set up in other ways here and there.
    pub(super) fn portal_with(
        here: impl FnOnce(&mut Setup),
        there: impl FnOnce(&mut Setup),
    ) -> Self {
        let directory = fresh();
        let runtime = Builder::new_current_thread().enable_all().build().unwrap();
        let wires = Wires::default();
        let clock = Arc::new(FixedClock::new(now()));
        let holder = open(&runtime, &directory.join("holder"), &clock, |setup| {
            far::holder(setup, &wires);
            there(setup);
        });
        let gateway = open(&runtime, &directory.join("portal"), &clock, |setup| {
            far::portal(setup, &wires);
            here(setup);
        });
        let far = Some(runtime.block_on(Far::serve(holder, &wires)));
        Self { gateway, far, runtime, directory, clock, held: 0, shelf: None }
    }

    /// From now on this is what the gateway holds. Chance begins anew, so that what was drawn of it
    /// for earlier holdings moves nothing.
    pub(super) fn hold(&mut self, world: &World) {
        self.held += 1;
        let chance = || Arc::new(SeededChance::new(self.held));
        self.gateway.chance = chance();
        match &self.far {
            None => self.shelf = Some(fill(&mut self.gateway, world)),
            Some(far) => {
                let mut holder = self.runtime.block_on(far.change());
                holder.chance = chance();
                self.shelf = Some(fill(&mut holder, world));
            }
        }
    }

    /// Chance begins anew for one more request of those of a holding: what an earlier one drew of it for
    /// what is hidden moves nothing.
    pub(super) fn draw(&mut self, request: u64) {
        self.gateway.chance = Arc::new(SeededChance::new(self.held << 16 | request));
    }

    /// Lets time pass, everywhere.
    pub(super) fn pass(&self, by: Duration) {
        self.clock.advance(by);
    }

    /// A token for a reader, got now.
    pub(super) fn token(&self, reader: &Reader) -> String {
        reader.token(&SIGNER, self.url(), self.clock.now())
    }

    /// Where the gateway is.
    pub(super) fn url(&self) -> &str {
        self.gateway.base.trim_end_matches("/fhir")
    }

    /// Is what is held held at another gateway?
    pub(super) fn is_portal(&self) -> bool {
        self.far.is_some()
    }

    /// Leading characters of an id that make up one block of a walk over people.
    pub(super) fn stride(&mut self, stride: usize) {
        self.gateway.reach.stride = stride;
        if let Some(far) = &self.far {
            self.runtime.block_on(far.change()).reach.stride = stride;
        }
    }

    /// What it holds.
    pub(super) fn shelf(&self) -> &Shelf {
        self.shelf.as_ref().unwrap()
    }

    pub(super) fn gateway(&self) -> &Gateway {
        &self.gateway
    }

    pub(super) fn block_on<F: Future>(&self, future: F) -> F::Output {
        self.runtime.block_on(future)
    }

    /// Gets an address, which may be absolute.
    pub(super) fn fetch(&self, token: &str, target: &str) -> Seen {
        self.send(token, &Sent { target, ..Sent::default() })
    }

    /// Posts a form.
    pub(super) fn post(&self, token: &str, target: &str, form: &str) -> Seen {
        let kind = vec![("content-type", "application/x-www-form-urlencoded".to_owned())];
        self.send(token, &Sent { method: "POST", target, headers: kind, body: form })
    }

    /// Sends any request.
    pub(super) fn send(&self, token: &str, sent: &Sent<'_>) -> Seen {
        let incoming = incoming(token, sent);
        self.runtime.block_on(async { seen(self.gateway.answer(incoming).await).await })
    }

    /// Sends any request to the gateway that holds the data.
    pub(super) fn send_there(&self, token: &str, sent: &Sent<'_>) -> Seen {
        let Some(far) = &self.far else { return self.send(token, sent) };
        let incoming = incoming(token, sent);
        self.runtime.block_on(async { seen(far.change().await.answer(incoming).await).await })
    }
}

/// A request as it arrives at whichever gateway it is sent to.
fn incoming(token: &str, sent: &Sent<'_>) -> Incoming {
    // Of whichever gateway it is, what is asked is asked of this one.
    let target = match sent.target.strip_prefix("https://") {
        Some(rest) => &rest[rest.find('/').unwrap()..],
        None => sent.target,
    };
    let mut request = Request::builder()
        .method(sent.method)
        .uri(target)
        .header(header::AUTHORIZATION, format!("Bearer {token}"))
        .header("x-request-id", "r1");
    for (name, value) in &sent.headers {
        request = request.header(*name, value);
    }
    let (parts, ()) = request.body(()).unwrap().into_parts();
    let body = BodyReader::of(Bytes::copy_from_slice(sent.body.as_bytes()));
    Incoming { parts, body, peer_certificate: None, peer_names: None, address: "127.0.0.1".into() }
}

/// What is seen of an answer.
async fn seen(answer: http::Response<Body>) -> Seen {
    let (head, body) = answer.into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    let hidden = ["date", "x-request-id", "mylife-receipt"];
    let shown = head.headers.iter().filter(|(name, _)| !hidden.contains(&name.as_str()));
    let mut headers: Vec<(String, String)> =
        shown.map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned())).collect();
    headers.sort();
    let body = String::from_utf8(body.to_vec()).unwrap();
    Seen { status: head.status.as_u16(), headers, body }
}

/// A directory of its own.
fn fresh() -> PathBuf {
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    let name = format!("mylife-property-{}-{number}", std::process::id());
    std::env::temp_dir().join(name)
}

fn open(
    runtime: &Runtime,
    directory: &Path,
    clock: &Arc<FixedClock>,
    alter: impl FnOnce(&mut Setup),
) -> Gateway {
    std::fs::create_dir_all(directory).unwrap();
    let mut setup = setup(directory, Arc::clone(clock));
    alter(&mut setup);
    let mut gateway = runtime.block_on(Gateway::open(setup)).unwrap();
    let log = Log::inline(
        &directory.join("fast"),
        log_keys(&gateway.node, &KEYS).unwrap(),
        Arc::new(Fast),
        Arc::clone(&gateway.clock),
        Arc::clone(&gateway.chance),
    );
    gateway.log = Arc::new(log.unwrap());
    gateway
}

/// From now on this is what a gateway holds.
fn fill(gateway: &mut Gateway, world: &World) -> Arc<Shelf> {
    let shelf = Arc::new(Shelf::of(world));
    let store = Arc::clone(&shelf);
    let local = Some(Arc::new(Local::new(store, CITY.into(), 1 << 24)));
    let node = gateway.node.clone();
    let peers = gateway.reach.sources.peers.clone();
    gateway.reach.sources = Arc::new(Sources { node, local, peers });
    // What was answered of other people is not kept for these.
    gateway.kept = Kept::new(1 << 24);
    shelf
}

impl Drop for Lab {
    fn drop(&mut self) {
        drop(std::fs::remove_dir_all(&self.directory));
    }
}

/// The key of the gateways and of all clients.
pub(super) fn signer() -> &'static Signer {
    &SIGNER
}

/// A token for a reader.
pub(super) fn token(reader: &Reader) -> String {
    reader.token(&SIGNER, ISSUER, now())
}

/// A token of any client of the gateway at `url`, with these claims, got at an instant.
pub(super) fn token_with(
    client: &str,
    claims: &serde_json::Value,
    url: &str,
    at: Moment,
) -> String {
    signed(&SIGNER, client, claims, url, at)
}

/// The client that keeps the documents of these worlds.
fn writer() -> mylife::authenticate::registry::ClientEntry {
    let client = json!({
        "client_id": "source", "name": "Source", "organization": "urn:oid:1.2.246.10.3",
        "jwks": mylife::gateway::open::jwks(&SIGNER), "scopes": ["system/*.cruds"],
    });
    serde_json::from_value(client).unwrap()
}

fn setup(directory: &Path, clock: Arc<FixedClock>) -> Setup {
    let client = json!({
        "client_id": "reader", "name": "Reader", "organization": "urn:oid:1.2.246.10.1",
        "jwks": mylife::gateway::open::jwks(&SIGNER), "scopes": ["system/*.rs"],
    });
    Setup {
        node: NodeCode::parse("297").unwrap(),
        organization: CITY.to_owned(),
        url: ISSUER.to_owned(),
        holds_data: true,
        directory_path: directory.to_path_buf(),
        keys: Arc::clone(&KEYS),
        ring: Ring::of(Arc::clone(&SIGNER)),
        clients: vec![serde_json::from_value(client).unwrap(), writer()],
        peers: Vec::new(),
        filters: mylife::native::foreign::Filters::default(),
        key_rules: mylife::oauth::keys::fetch::Rules::default(),
        transport: Arc::new(Tcp),
        peer_tls: None,
        peer_limits: client::Limits::default(),
        law: law(),
        directory: listing(),
        activated: activated(),
        settings: mylife::gateway::numbered::Numbered::default(),
        limits: Limits {
            page: 100,
            test_range: TestRange::Allow(WrongCheck::Refuse),
            document: json::Limits::default(),
            documents: usize::MAX,
        },
        cache_bytes: 1 << 20,
        stride: 0,
        readers: NonZeroUsize::MIN,
        shared: mylife::shared::Choice::Process,
        providers: Vec::new(),
        issuers: Vec::new(),
        sandbox: mylife::oauth::launch::login::Sandbox::default(),
        rates: mylife::shared::pace::Rates { client: 1_000_000, ..Default::default() },
        database: None,
        collector: None,
        clock,
        chance: Arc::new(SeededChance::new(1)),
    }
}
