//! From checked settings to a running [`Gateway`]: opens store and log, derives keys, wires the parts.
//!
//! Called at start-up, and by tests; everything a gateway needs comes in through [`Setup`], so several
//! live in one process.

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
        Authenticator,
        jose::{key::KeySet, sign::Signer},
        peer::{Peer, PeerLimits, Peers},
        registry::{ClientEntry, Registry},
    },
    chance::Chance,
    clock::Clock,
    commit,
    consent::{law::Law, release::Terms},
    directory::{Directory, Listing},
    domain::{id::NodeCode, moment::Moment},
    error::{Error, Result},
    federation::{
        ask::Source,
        choose::Sources,
        client::{self, PeerClient},
        gather::Reach,
        outbox::{Outbox, letter::Sender},
        tls::PeerTls,
        token::PeerTokens,
    },
    fhir::schema::Validator,
    gateway::{Gateway, Limits, kept::Kept, public::Documents},
    handle::{HandleKey, PublicKey},
    native::schemas::Schemas,
    oauth::{
        keys::{
            PublishedKeys,
            fetch::{Fetcher, Rules},
        },
        launch::{
            Launch,
            fleeting::Fleeting,
            login::Sandbox,
            provider::{Providers, Settings},
        },
        metadata::Metadata,
        token::TokenEndpoint,
    },
    query::page::Sealer,
    seal::Keys,
    shared::{
        self,
        pace::{Pace, Rates},
    },
    source::local::Local,
    store::{
        Store,
        postgres::{self, Database, Ledger, Postgres},
        sqlite::{self, Sqlite},
    },
    transport::{Authority, Transport},
};

/// Tokens of one peer that are kept.
const TOKENS: u64 = 1000;
/// Answers have the n-th part of the cache, compartments the rest.
const KEPT: u64 = 3;

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
    /// Signs tokens and assertions.
    pub signer: Arc<Signer>,
    /// Clients.
    pub clients: Vec<ClientEntry>,
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
    /// Invented people as whom anybody may log in; a demo alone has any.
    pub sandbox: Sandbox,
    /// How often somebody may ask.
    pub rates: Rates,
    /// The database of store and log that several processes share; none for both in the directory.
    pub database: Option<Database>,
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

impl Gateway {
    /// Opens a gateway.
    ///
    /// # Errors
    /// `Invalid` naming every mistake in clients, peers and directory; `Unavailable` when store or log
    /// cannot be opened.
    #[expect(clippy::too_many_lines, reason = "it names every part once, in order")]
    pub async fn open(setup: Setup) -> Result<Self> {
        let Opened { store, ledger } = open_store(&setup).await?;
        let log = Arc::new(open_log(&setup, ledger).await?);
        let registry = Arc::new(Registry::build(setup.clients).map_err(mistakes)?);
        let directory = Arc::new(Directory::new(setup.directory).map_err(mistakes)?);
        let custodian: Arc<str> = setup.organization.as_str().into();
        let bytes = setup.cache_bytes - setup.cache_bytes / KEPT;
        let local =
            setup.holds_data.then(|| Arc::new(Local::new(Arc::clone(&store), custodian, bytes)));
        if let Some(local) = &local {
            commit::append_missing(local, &log).await?;
            local.follow(setup.clock.elapsed()).await?;
        }
        let base = format!("{}/fhir", setup.url);
        let fetcher = Fetcher::new(Arc::clone(&setup.transport), setup.key_rules, &setup.clock)?;
        let fetcher = Arc::new(fetcher);
        let keys_of_clients = PublishedKeys::new(&registry, &fetcher);
        let own_keys = KeySet::of([setup.signer.public()]).map_err(mistakes)?;
        let (peers, sources) = peers(
            setup.peers,
            &setup.url,
            &setup.transport,
            setup.peer_tls.as_ref(),
            setup.peer_limits,
            &setup.clock,
        )?;
        let peers = Arc::new(Peers::build(peers).map_err(mistakes)?);
        let metadata =
            Metadata::new(&setup.url, vec![setup.signer.public().clone()], !peers.is_empty())?
                .with_launch(!setup.sandbox.is_empty() || !setup.providers.is_empty());
        let documents = Documents::new(&base, &metadata, &directory, setup.activated)?;
        let keys = setup.keys;
        let name_key = Zeroizing::new(keys.mac("names of what is shared", b""));
        let opened = shared::open(setup.shared, &setup.node, &name_key, &setup.clock);
        let pace = Arc::new(Pace::new(opened.limiter, setup.rates));
        let kept = Fleeting::new(Arc::clone(&opened.shared), Arc::clone(&keys));
        let (sandbox, test_range) = (setup.sandbox, setup.limits.test_range);
        let providers = Providers::new(setup.providers, fetcher);
        let launch = Launch { kept, sandbox, providers, test_range };
        let sources = Arc::new(Sources { node: setup.node.clone(), local, peers: sources });
        let sender = Sender {
            node: setup.node.clone(),
            issuer: setup.url.clone(),
            signer: Arc::clone(&setup.signer),
            chance: Arc::clone(&setup.chance),
            clock: Arc::clone(&setup.clock),
        };
        let outbox = Outbox::open(sender, Arc::clone(&store), Arc::clone(&sources)).await?;
        let authenticator = Arc::new(Authenticator::new(
            setup.url.clone(),
            base.clone(),
            own_keys,
            Arc::clone(&registry),
            Arc::clone(&peers),
        ));
        let (asked, now) = (setup.clock.elapsed(), setup.clock.now());
        authenticator.revoked().follow(&*store, asked, now).await?;
        Ok(Self {
            outbox: Arc::new(outbox),
            authenticator: Arc::clone(&authenticator),
            tokens: TokenEndpoint {
                url: format!("{}/oauth/token", setup.url),
                issuer: setup.url,
                audience: base.clone(),
                signer: setup.signer,
                registry,
                keys: keys_of_clients,
                peers,
                authenticator,
                store,
                chance: Arc::clone(&setup.chance),
                pace: Arc::clone(&pace),
                launch,
            },
            pace,
            shared: opened.shared,
            reach: Reach { sources, keys: Arc::clone(&keys), stride: setup.stride },
            handle: handle_key(&keys)?,
            kept: Kept::new(setup.cache_bytes / KEPT),
            terms: Arc::new(Terms {
                law: Arc::new(setup.law),
                directory,
                activated: setup.activated,
            }),
            log,
            flights: Arc::default(),
            sealer: Arc::new(KeysSealer(Arc::clone(&keys))),
            keys,
            schemas: Schemas::compile()?,
            fhir: Validator::new()?,
            documents,
            limits: setup.limits,
            node: setup.node,
            base,
            clock: setup.clock,
            chance: setup.chance,
        })
    }
}

/// Where in a data directory the audit log is, if it is in files.
pub const AUDIT: &str = "audit";

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

fn peers(
    setups: Vec<PeerSetup>,
    issuer: &str,
    transport: &Arc<dyn Transport>,
    tls: Option<&Arc<PeerTls>>,
    limits: client::Limits,
    clock: &Arc<dyn Clock>,
) -> Result<(Vec<Peer>, Vec<Arc<Source>>)> {
    let (mut peers, mut sources) = (Vec::new(), Vec::new());
    for setup in setups {
        peers.push(Peer {
            code: setup.code.clone(),
            issuer: setup.issuer.clone(),
            organization: setup.organization,
            keys: KeySet::parse(&setup.jwks).map_err(mistakes)?,
            certificate: setup.certificate,
            limits: setup.limits,
        });
        let (transport, clock) = (Arc::clone(transport), Arc::clone(clock));
        let tls = tls.cloned();
        let client =
            Arc::new(PeerClient::new(setup.address, transport, tls, limits, Arc::clone(&clock))?);
        let at = Arc::clone(&client);
        let tokens = PeerTokens::new(at, "/oauth/token", &setup.issuer, issuer, TOKENS, clock)?;
        sources.push(Arc::new(Source {
            code: setup.code,
            issuer: setup.issuer,
            client,
            tokens,
            handle: setup.handle,
            asked: setup.asked,
        }));
    }
    sources.sort_by(|a, b| a.code.cmp(&b.code));
    Ok((peers, sources))
}

#[expect(clippy::needless_pass_by_value, reason = "it is given to map_err")]
fn mistakes(all: Vec<String>) -> Error {
    Error::invalid(all.join("\n"))
}

/// The gateway's keys as cursors, links and versions need them.
struct KeysSealer(Arc<Keys>);

impl Sealer for KeysSealer {
    fn seal(&self, plain: &[u8]) -> Vec<u8> {
        // The cipher refuses only texts of many gigabytes; an empty cursor then opens as nothing.
        self.0.seal_fixed("cursor", &[], plain).unwrap_or_default()
    }

    fn open(&self, sealed: &[u8]) -> Option<Vec<u8>> {
        self.0.open_fixed("cursor", &[], sealed).ok()
    }

    fn seal_link(&self, value: &str) -> String {
        let sealed = self.0.seal_fixed("link", &[], value.as_bytes()).unwrap_or_default();
        URL_SAFE_NO_PAD.encode(sealed)
    }

    fn open_link(&self, text: &str) -> Option<String> {
        let sealed = URL_SAFE_NO_PAD.decode(text).ok()?;
        String::from_utf8(self.0.open_fixed("link", &[], &sealed).ok()?).ok()
    }

    fn digest(&self, parts: &[&[u8]]) -> [u8; 16] {
        let whole = self.0.mac("digest", &parts.concat());
        let mut short = [0; 16];
        short.iter_mut().zip(whole).for_each(|(to, from)| *to = from);
        short
    }
}

/// The JWKS of a signer's public key, for the configuration of peers.
pub fn jwks(signer: &Signer) -> Value {
    json!({ "keys": [signer.public()] })
}
