//! From checked settings to a running [`Gateway`], and from a running one to one with other settings.
//!
//! Part of `gateway`. What is durable, counted or under way is opened once and stays: store, log, cache,
//! revocations, rate limits, what is owed to peers. All that settings say is made anew, whole, before
//! anything takes its place, so a mistake changes nothing. Requests that were begun end under the
//! settings they began with.

use std::sync::Arc;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use tokio::sync::Semaphore;
use zeroize::Zeroizing;

use crate::{
    audit::log::Log,
    authenticate::{
        Authenticator,
        jose::key::{KeySet, PublicKey},
        peer::{Peer, Peers},
        registry::Registry,
        revoked::Revoked,
    },
    clock::Clock,
    commit,
    consent::release::{Over, Terms},
    directory::Directory,
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
    gateway::{
        Gateway,
        collector::Collector,
        indicator,
        kept::Kept,
        numbered::agree,
        open::{Opened, PeerSetup, Setup, handle_key, open_log, open_store},
        origin::Origins,
        public::Documents,
        write::conversion::Conversions,
    },
    native::schemas::Schemas,
    oauth::{
        issuers::{Issuers, Means},
        keys::{PublishedKeys, fetch::Fetcher},
        launch::{Launch, fleeting::Fleeting, provider::Providers},
        metadata::Metadata,
        token::TokenEndpoint,
    },
    query::page::Sealer,
    respond::flight::Flights,
    seal::Keys,
    shared::{self, Shared, pace::Pace},
    source::local::Local,
    store::Store,
    telemetry::Inside,
    transport::Transport,
};

/// Tokens of one peer that are kept.
const TOKENS: u64 = 1000;
/// Answers have the n-th part of the cache, compartments the rest.
const KEPT: u64 = 3;
/// Keys that signed tokens before, and whose tokens are still believed.
const FORMER: usize = 2;

/// What is opened once.
struct Stock {
    store: Arc<dyn Store>,
    log: Arc<Log>,
    local: Option<Arc<Local>>,
    shared: Arc<dyn Shared>,
    pace: Pace,
    flights: Arc<Flights>,
    revoked: Arc<Revoked>,
    outbox: Option<Arc<Outbox>>,
    schemas: Arc<Schemas>,
    fhir: Arc<Validator>,
    keys: Arc<Keys>,
    former: Vec<PublicKey>,
    number: u64,
    inside: Arc<Inside>,
    collector: Option<Arc<Collector>>,
}

impl Gateway {
    /// Opens a gateway.
    ///
    /// # Errors
    /// `Invalid` naming every mistake in clients, peers and directory; `Unavailable` when store or log
    /// cannot be opened.
    pub async fn open(setup: Setup) -> Result<Self> {
        let Opened { store, ledger } = open_store(&setup).await?;
        let log = open_log(&setup, ledger).await?;
        Self::open_on(setup, store, log).await
    }

    /// The same on a store and a log that are open already.
    ///
    /// # Errors
    /// As [`Gateway::open`].
    pub async fn open_on(mut setup: Setup, store: Arc<dyn Store>, log: Log) -> Result<Self> {
        let log = Arc::new(log);
        let custodian: Arc<str> = setup.organization.as_str().into();
        let bytes = setup.cache_bytes - setup.cache_bytes / KEPT;
        let local =
            setup.holds_data.then(|| Arc::new(Local::new(Arc::clone(&store), custodian, bytes)));
        if let Some(local) = &local {
            commit::missing::append_missing(local, &log).await?;
            local.follow(setup.clock.elapsed()).await?;
        }
        let revoked = Arc::<Revoked>::default();
        let (asked, now) = (setup.clock.elapsed(), setup.clock.now());
        revoked.follow(&*store, asked, now).await?;
        let keys = Arc::clone(&setup.keys);
        let name_key = Zeroizing::new(keys.mac("names of what is shared", b""));
        let shared = std::mem::take(&mut setup.shared);
        let opened = shared::open(shared, &setup.node, &name_key, &setup.clock);
        let collector = setup.collector.take().map(|settings| {
            let means = (Arc::clone(&setup.clock), Arc::clone(&setup.chance));
            Collector::new(settings, setup.node.clone(), Arc::clone(&setup.transport), means)
        });
        let collector = collector.transpose()?.map(Arc::new);
        let stock = Stock {
            store,
            log,
            local,
            pace: Pace::new(opened.limiter, setup.rates),
            shared: opened.shared,
            flights: Arc::default(),
            revoked,
            outbox: None,
            schemas: Arc::new(Schemas::compile()?),
            fhir: Arc::new(Validator::new()?),
            keys,
            former: Vec::new(),
            number: 0,
            inside: Arc::default(),
            collector,
        };
        Self::assemble(setup, stock).await
    }

    /// The same gateway with other settings. Where it is, what it holds and whose it is stay: for those
    /// the setup is not looked at.
    ///
    /// # Errors
    /// As [`Gateway::open`]; then this one goes on as it is.
    pub async fn renewed(&self, setup: Setup) -> Result<Self> {
        let mut former = vec![self.tokens.signer.public().clone()];
        former.extend(self.former_keys.iter().cloned());
        let named = setup.ring.public();
        former.retain(|key| !named.contains(key));
        former.truncate(FORMER);
        let stock = Stock {
            store: Arc::clone(&self.tokens.store),
            log: Arc::clone(&self.log),
            local: self.reach.sources.local.clone(),
            shared: Arc::clone(&self.shared),
            pace: self.pace.renewed(setup.rates),
            flights: Arc::clone(&self.flights),
            revoked: Arc::clone(self.authenticator.revoked()),
            outbox: Some(Arc::clone(&self.outbox)),
            schemas: Arc::clone(&self.schemas),
            fhir: Arc::clone(&self.fhir),
            keys: Arc::clone(&self.keys),
            former,
            number: self.terms.number + 1,
            inside: Arc::clone(&self.inside),
            collector: self.collector.clone(),
        };
        Self::assemble(setup, stock).await
    }

    #[expect(clippy::too_many_lines, reason = "it names every part once, in order")]
    async fn assemble(setup: Setup, stock: Stock) -> Result<Self> {
        let suspended = setup.suspended();
        let Stock { store, log, local, keys, .. } = stock;
        let registry = Arc::new(Registry::build(setup.clients).map_err(mistakes)?);
        let directory = Arc::new(Directory::new(setup.directory).map_err(mistakes)?);
        let base = format!("{}/fhir", setup.url);
        let fetcher = Fetcher::new(Arc::clone(&setup.transport), setup.key_rules, &setup.clock)?;
        let fetcher = Arc::new(fetcher);
        let keys_of_clients = PublishedKeys::new(&registry, &fetcher);
        let ring = setup.ring.believing(&stock.former);
        let own_keys = ring.accepted()?;
        let (peers, sources) = peers(
            setup.peers,
            &setup.url,
            &setup.transport,
            setup.peer_tls.as_ref(),
            setup.peer_limits,
            &setup.clock,
        )?;
        let peers = Arc::new(Peers::build(peers).map_err(mistakes)?);
        let metadata = Metadata::new(&setup.url, ring.public(), !peers.is_empty())?
            .with_launch(!setup.sandbox.is_empty() || !setup.providers.is_empty())
            .with_identity(ring.identity().algorithm())
            .with_certified(registry.clients().any(|client| client.is_certified()))
            .with_issuers(setup.issuers.iter().map(|one| one.issuer.issuer.to_string()).collect());
        let documents = Documents::new(&base, &metadata, &directory, setup.activated)?;
        let pace = Arc::new(stock.pace);
        let kept = Fleeting::new(Arc::clone(&stock.shared), Arc::clone(&keys));
        let (sandbox, test_range) = (setup.sandbox, setup.limits.test_range);
        let means = Means {
            fetcher: Arc::clone(&fetcher),
            signer: Arc::clone(ring.signing()),
            chance: Arc::clone(&setup.chance),
            kept: Arc::new(Fleeting::new(Arc::clone(&stock.shared), Arc::clone(&keys))),
        };
        let issuers = Arc::new(Issuers::new(setup.issuers, &base, &means));
        let providers = Providers::new(setup.providers, Arc::clone(&fetcher));
        let launch = Launch { kept, sandbox, providers, test_range };
        let sources = Arc::new(Sources { node: setup.node.clone(), local, peers: sources });
        let sender = Sender {
            node: setup.node.clone(),
            signer: Arc::clone(ring.signing()),
            chance: Arc::clone(&setup.chance),
            clock: Arc::clone(&setup.clock),
        };
        let handle = handle_key(&keys)?;
        let authenticator = Authenticator::new(
            setup.url.clone(),
            base.clone(),
            own_keys,
            Arc::clone(&registry),
            Arc::clone(&peers),
        );
        let authenticator = Arc::new(authenticator.with_revoked(stock.revoked));
        // Nothing above has an effect; what follows has, and is last of what can fail.
        let agreed = agree(&*store, &keys, setup.settings).await?;
        authenticator.revoked().settled_on(agreed);
        let outbox = match stock.outbox {
            Some(outbox) => {
                outbox.renew(sender, Arc::clone(&sources)).await?;
                outbox
            }
            None => Arc::new(Outbox::open(sender, Arc::clone(&store), Arc::clone(&sources)).await?),
        };
        Ok(Self {
            origins: Origins::of(&registry),
            outbox,
            authenticator: Arc::clone(&authenticator),
            fetcher,
            tokens: TokenEndpoint {
                url: format!("{}/oauth/token", setup.url),
                issuer: setup.url,
                audience: base.clone(),
                signer: Arc::clone(ring.signing()),
                identity: Arc::clone(ring.identity()),
                registry,
                keys: keys_of_clients,
                peers,
                issuers,
                authenticator,
                store,
                chance: Arc::clone(&setup.chance),
                pace: Arc::clone(&pace),
                launch,
            },
            pace,
            shared: stock.shared,
            reach: Reach { sources, keys: Arc::clone(&keys), stride: setup.stride },
            handle,
            kept: Kept::new(setup.cache_bytes / KEPT),
            terms: Arc::new(Terms {
                law: Arc::new(setup.law),
                directory,
                activated: setup.activated,
                number: stock.number,
                suspended,
                over: Over::default(),
            }),
            log,
            flights: stock.flights,
            sealer: Arc::new(KeysSealer(Arc::clone(&keys))),
            keys,
            censuses: Semaphore::new(indicator::AT_A_TIME),
            conversions: Conversions::new(
                setup.filters,
                setup.limits.document,
                Arc::clone(&stock.inside),
            ),
            schemas: stock.schemas,
            fhir: stock.fhir,
            documents,
            limits: setup.limits,
            node: setup.node,
            base,
            clock: setup.clock,
            chance: setup.chance,
            former_keys: stock.former,
            inside: stock.inside,
            collector: stock.collector,
        })
    }
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
