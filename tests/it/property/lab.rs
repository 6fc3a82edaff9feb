//! Two gateways that differ in nothing but what they hold, and what a reader sees of an answer.

use std::{
    io,
    num::NonZeroUsize,
    path::{Path, PathBuf},
    sync::{
        Arc, LazyLock,
        atomic::{AtomicU32, Ordering},
    },
};

use bytes::Bytes;
use http::{Method, Request, header};
use http_body_util::BodyExt;
use mylife::{
    audit::log::{Disk, Log, Tape},
    authenticate::jose::sign::Signer,
    chance::SeededChance,
    clock::FixedClock,
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
    listen::{Answer, Incoming, body::BodyReader},
    source::local::Local,
    transport::Tcp,
};
use serde_json::json;
use tokio::runtime::{Builder, Runtime};

use super::{
    reader::Reader,
    shelf::{KEYS, Shelf},
    world::{CITY, World, YOUTH},
};

pub(super) const ISSUER: &str = "https://kuopio.example";
pub(super) const FHIR: &str = "https://kuopio.example/fhir";

static SIGNER: LazyLock<Arc<Signer>> = LazyLock::new(|| {
    use mylife::authenticate::jose::{key::Algorithm, sign::generate};
    Arc::new(Signer::from_jwk(&generate(Algorithm::Es256).unwrap()).unwrap())
});

/// The instant of every request.
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
    fn write(&mut self, _: &[u8]) -> io::Result<()> {
        Ok(())
    }
    fn sync(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// One gateway, whose data is put in place as a whole.
pub(super) struct Lab {
    gateway: Gateway,
    runtime: Runtime,
    directory: PathBuf,
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
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let name = format!("mylife-property-{}-{number}", std::process::id());
        let directory = std::env::temp_dir().join(name);
        let runtime = Builder::new_current_thread().enable_all().build().unwrap();
        let mut gateway = runtime.block_on(Gateway::open(setup(&directory))).unwrap();
        gateway.log = Log::inline(
            &directory.join("fast"),
            log_keys(&gateway.node, &KEYS).unwrap(),
            Arc::new(Fast),
            Arc::clone(&gateway.clock),
            Arc::clone(&gateway.chance),
        )
        .unwrap();
        Self { gateway, runtime, directory }
    }

    /// From now on this is what the gateway holds.
    pub(super) fn hold(&mut self, world: &World) {
        let shelf = Arc::new(Shelf::of(world));
        let local = Some(Arc::new(Local::new(shelf, CITY.into(), 1 << 24)));
        let node = self.gateway.node.clone();
        self.gateway.reach.sources = Arc::new(Sources { node, local, peers: Vec::new() });
        // What was answered of other people is not kept for these.
        self.gateway.kept = Kept::new(1 << 24);
    }

    /// Leading characters of an id that make up one block of a walk over people.
    pub(super) fn stride(&mut self, stride: usize) {
        self.gateway.reach.stride = stride;
    }

    pub(super) fn gateway(&self) -> &Gateway {
        &self.gateway
    }

    pub(super) fn block_on<F: Future>(&self, future: F) -> F::Output {
        self.runtime.block_on(future)
    }

    /// Gets an address, which may be absolute.
    pub(super) fn fetch(&self, token: &str, target: &str) -> Seen {
        self.ask(token, Method::GET, target, None)
    }

    /// Posts a form.
    pub(super) fn post(&self, token: &str, target: &str, form: &str) -> Seen {
        self.ask(token, Method::POST, target, Some(form))
    }

    fn ask(&self, token: &str, method: Method, target: &str, form: Option<&str>) -> Seen {
        let target = target.strip_prefix(ISSUER).unwrap_or(target);
        let mut request = Request::builder()
            .method(method)
            .uri(target)
            .header(header::AUTHORIZATION, format!("Bearer {token}"))
            .header("x-request-id", "r1");
        if form.is_some() {
            request = request.header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
        }
        let (parts, ()) = request.body(()).unwrap().into_parts();
        let body = BodyReader::of(Bytes::copy_from_slice(form.unwrap_or("").as_bytes()));
        let incoming =
            Incoming { parts, body, peer_certificate: None, address: "127.0.0.1".into() };
        self.runtime.block_on(async {
            let (head, body) = self.gateway.answer(incoming).await.into_parts();
            let body = body.collect().await.unwrap().to_bytes();
            let hidden = ["date", "x-request-id", "mylife-receipt"];
            let shown = head.headers.iter().filter(|(name, _)| !hidden.contains(&name.as_str()));
            let mut headers: Vec<(String, String)> = shown
                .map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned()))
                .collect();
            headers.sort();
            let body = String::from_utf8(body.to_vec()).unwrap();
            Seen { status: head.status.as_u16(), headers, body }
        })
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        drop(std::fs::remove_dir_all(&self.directory));
    }
}

/// A token for a reader.
pub(super) fn token(reader: &Reader) -> String {
    reader.token(&SIGNER)
}

fn setup(directory: &Path) -> Setup {
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
        signer: Arc::clone(&SIGNER),
        clients: vec![serde_json::from_value(client).unwrap()],
        peers: Vec::new(),
        key_rules: mylife::oauth::keys::fetch::Rules::default(),
        transport: Arc::new(Tcp),
        peer_tls: None,
        peer_limits: client::Limits::default(),
        law: law(),
        directory: listing(),
        activated: activated(),
        limits: Limits {
            page: 100,
            test_range: TestRange::Allow(WrongCheck::Refuse),
            document: json::Limits::default(),
        },
        cache_bytes: 1 << 20,
        stride: 0,
        readers: NonZeroUsize::MIN,
        shared: mylife::shared::Choice::Process,
        rates: mylife::shared::pace::Rates { client: 1_000_000, ..Default::default() },
        database: None,
        clock: Arc::new(FixedClock::new(now())),
        chance: Arc::new(SeededChance::new(1)),
    }
}
