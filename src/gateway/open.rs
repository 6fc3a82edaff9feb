//! What a gateway is made of, and how its store and log are opened and its keys derived.
//!
//! Called at start-up, by commands beside a gateway, and by tests; everything comes in through [`Setup`],
//! so several gateways live in one process. `assemble` wires the parts.

use std::{num::NonZeroUsize, path::PathBuf, sync::Arc};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Value, json};
use zeroize::Zeroizing;

use crate::{
    audit::{
        checkpoint,
        log::{Log, LogKeys},
    },
    authenticate::{
        jose::{ring::Ring, sign::Signer},
        peer::PeerLimits,
        registry::ClientEntry,
    },
    chance::Chance,
    clock::Clock,
    consent::law::Law,
    directory::Listing,
    domain::{id::NodeCode, moment::Moment},
    error::Result,
    federation::{client, tls::PeerTls},
    gateway::{Limits, collector, numbered::Numbered},
    handle::{HandleKey, PublicKey},
    native::foreign::Filters,
    oauth::{
        issuers,
        keys::fetch::Rules,
        launch::{login::Sandbox, provider::Settings},
    },
    seal::Keys,
    shared::{self, pace::Rates},
    store::{
        Store,
        postgres::{self, Database, Ledger, Postgres},
        sqlite::{self, Sqlite},
    },
    transport::{Authority, Transport},
};

/// Everything a gateway is made of.
pub struct Setup {
    /// Its node code.
    pub node: NodeCode,
    /// The controller it stands in front of, `urn:oid:...`.
    pub organization: String,
    /// Own base without a path: `https://host:port`.
    pub url: String,
    /// Has it data of its own? A portal has none.
    pub holds_data: bool,
    /// Where log and store are, unless a database is named.
    pub directory_path: PathBuf,
    /// Keys of stored values; every other key but the token key is derived from them.
    pub keys: Arc<Keys>,
    /// Signs tokens and assertions; its tokens are believed.
    pub ring: Ring,
    /// Clients.
    pub clients: Vec<ClientEntry>,
    /// What makes native documents of those of another form.
    pub filters: Filters,
    /// Whence the keys of clients may be fetched.
    pub key_rules: Rules,
    /// Other gateways.
    pub peers: Vec<PeerSetup>,
    /// How peers, and the hosts of clients' keys, are reached.
    pub transport: Arc<dyn Transport>,
    /// Client certificate and authorities towards peers; none without peers.
    pub peer_tls: Option<Arc<PeerTls>>,
    /// Bounds towards each peer.
    pub peer_limits: client::Limits,
    /// The law table.
    pub law: Law,
    /// Organisations, services, professionals, places.
    pub directory: Listing,
    /// When law table, directory and mapping of this version came into force.
    pub activated: Moment,
    /// Which of several settings these are, where several processes must have the same.
    pub settings: Numbered,
    /// Bounds and switches.
    pub limits: Limits,
    /// Bytes of the cache of compartments and answers.
    pub cache_bytes: u64,
    /// Leading characters of the random part of a Patient id that make up one block of a walk.
    pub stride: usize,
    /// Threads that read the store, where it is this process's own.
    pub readers: NonZeroUsize,
    /// Where what replicas share lives.
    pub shared: shared::Choice,
    /// Where people log in to apps.
    pub providers: Vec<Settings>,
    /// Others whose access tokens count.
    pub issuers: Vec<issuers::Settings>,
    /// Invented people as whom anybody may log in; a demo alone has any.
    pub sandbox: Sandbox,
    /// How often somebody may ask.
    pub rates: Rates,
    /// The database of store and log that several processes share; none for both in the directory.
    pub database: Option<Database>,
    /// Who is told what took how long.
    pub collector: Option<collector::Settings>,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Chance.
    pub chance: Arc<dyn Chance>,
}

/// Another gateway, as configured.
pub struct PeerSetup {
    /// Its node code.
    pub code: NodeCode,
    /// Its issuer: its base without a path.
    pub issuer: String,
    /// The controller it stands in front of, `urn:oid:...`.
    pub organization: String,
    /// Where it is reached.
    pub address: Authority,
    /// Its public keys, a JWKS.
    pub jwks: Value,
    /// SHA-256 of its client certificate.
    pub certificate: [u8; 32],
    /// To which handles are sealed.
    pub handle: PublicKey,
    /// For whom it may speak.
    pub limits: PeerLimits,
    /// Is it asked when the caller names no nodes? A portal asks everybody; a municipality asks
    /// nobody, and still believes the portal and can seal handles for its neighbours.
    pub asked: bool,
}

/// Where in a data directory the audit log is, if it is in files.
pub const AUDIT: &str = "audit";

/// The file in a data directory while no grant counts: after a restore, until it is known which were
/// withdrawn.
pub const SUSPENDED: &str = "grants-suspended";

impl Setup {
    /// Does no grant count?
    pub fn suspended(&self) -> bool {
        // Where that cannot be told it is so.
        self.directory_path.join(SUSPENDED).try_exists().unwrap_or(true)
    }
}

/// A store, and the audit log's rows where it is a database.
pub struct Opened {
    /// The store.
    pub store: Arc<dyn Store>,
    /// None for a log in files of the directory.
    pub ledger: Option<Ledger>,
}

/// The store that a gateway's settings name, for the process that uses the directory.
///
/// # Errors
/// `Unavailable`, saying what to do, if it cannot be opened.
pub async fn open_store(setup: &Setup) -> Result<Opened> {
    match in_database(setup) {
        Some(options) => Ok(opened(Postgres::open(options).await?)),
        None => open_file(setup),
    }
}

/// The same to look at it: a database may be used by gateways meanwhile, a file may not.
///
/// # Errors
/// As [`open_store`].
pub async fn look_at_store(setup: &Setup) -> Result<Opened> {
    match in_database(setup) {
        Some(options) => Ok(opened(Postgres::beside(options).await?)),
        None => open_file(setup),
    }
}

/// The audit log beside the store.
///
/// # Errors
/// As [`Log::open`] and [`Log::shared`].
pub async fn open_log(setup: &Setup, ledger: Option<Ledger>) -> Result<Log> {
    let keys = log_keys(&setup.node, &setup.keys)?;
    let (clock, chance) = (Arc::clone(&setup.clock), Arc::clone(&setup.chance));
    match ledger {
        Some(ledger) => Log::shared(ledger, keys, clock, chance).await,
        None => Log::open(&setup.directory_path.join(AUDIT), keys, clock, chance),
    }
}

fn opened(store: Postgres) -> Opened {
    let ledger = Some(store.ledger());
    Opened { store: Arc::new(store), ledger }
}

fn open_file(setup: &Setup) -> Result<Opened> {
    let (directory, node) = (setup.directory_path.clone(), setup.node.clone());
    let (keys, chance) = (Arc::clone(&setup.keys), Arc::clone(&setup.chance));
    let readers = setup.readers;
    let store = Sqlite::open(sqlite::Options { directory, node, keys, chance, readers })?;
    Ok(Opened { store: Arc::new(store), ledger: None })
}

fn in_database(setup: &Setup) -> Option<postgres::Options> {
    let database = setup.database.clone()?;
    let (directory, node) = (setup.directory_path.clone(), setup.node.clone());
    let (keys, chance) = (Arc::clone(&setup.keys), Arc::clone(&setup.chance));
    Some(postgres::Options { directory, database, node, keys, chance })
}

/// The key to which peers seal handles for the gateway of these keys.
///
/// # Errors
/// `Internal` if the cipher refuses.
pub fn handle_key(keys: &Keys) -> Result<HandleKey> {
    let bytes = Zeroizing::new(keys.mac("handle key", b""));
    HandleKey::parse(&Zeroizing::new(URL_SAFE_NO_PAD.encode(*bytes)))
}

/// The keys of the audit log of the gateway of these keys.
///
/// # Errors
/// `Internal` if the cipher refuses.
pub fn log_keys(node: &NodeCode, keys: &Keys) -> Result<LogKeys> {
    let seed = Zeroizing::new(keys.mac("checkpoint seed", b""));
    Ok(LogKeys {
        node_key: Zeroizing::new(keys.mac("audit node key", b"")),
        receipt_key: Zeroizing::new(keys.mac("receipt key", b"")),
        signer: checkpoint::Signer::from_seed(&format!("mylife.example/log/{node}"), &seed)?,
    })
}

/// The JWKS of a signer's public key, for the configuration of peers.
pub fn jwks(signer: &Signer) -> Value {
    json!({ "keys": [signer.public()] })
}
