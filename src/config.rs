//! One TOML file, the environment and `--set`, checked whole before anything is opened.
//!
//! Beside the way of a request, at its start: the command line outranks the environment
//! (`MYLIFE__SECTION__KEY`), that the file, that what is built in. Sections are the files here and
//! keys the fields in them. Every mistake is told in one run, with file and line; no port is bound
//! and no file made. The one place that reads the environment.

pub mod asked;
pub mod meaning;
pub mod mistake;
pub mod tree;
pub mod section;
mod typed;
mod beside;
pub mod node;
pub mod listen;
pub mod store;
pub mod audit;
pub mod tokens;
pub mod clients;
pub mod client_keys;
pub mod filters;
pub mod login;
pub mod issuers;
pub mod peers;
pub mod law;
pub mod directory;
pub mod limits;
pub mod shared;
pub mod telemetry;
mod throw_away;
mod alike;

use std::{
    fs,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    sync::Arc,
};

pub use self::mistake::Mistake;
use self::{
    asked::{Asked, Questions, Want},
    audit::Auditing,
    listen::Listening,
    mistake::Mistakes,
    section::Section,
    tree::{Place, Table},
};
use crate::{
    authenticate::{jose::ring::Ring, registry::ClientEntry},
    chance::Chance,
    clock::Clock,
    consent::law::Law,
    directory::Listing,
    domain::identity::TestRange,
    gateway::{
        Limits, collector,
        numbered::Numbered,
        open::{PeerSetup, Setup},
    },
    native::foreign::{Filter, Filters},
    oauth::{
        keys::fetch::Rules,
        launch::{login::Sandbox, provider::Settings},
    },
    shared::Choice,
    transport::Tcp,
};

/// What starts the name of a variable that is ours.
const PREFIX: &str = "MYLIFE__";

/// What was said beside the file.
#[derive(Clone, Debug, Default)]
pub struct Said {
    /// Variables `MYLIFE__SECTION__KEY` and their values.
    pub environment: Vec<(String, String)>,
    /// `section.key=value`, in order.
    pub set: Vec<String>,
    /// The program that filters are run by, if it is not the one that runs.
    pub program: Option<PathBuf>,
}

impl Said {
    /// Our variables of the process's environment, in order of name.
    pub fn environment() -> Self {
        let ours = |(name, value): (std::ffi::OsString, std::ffi::OsString)| {
            let name = name.into_string().ok().filter(|name| name.starts_with(PREFIX))?;
            Some((name, value.into_string().ok()?))
        };
        let mut environment: Vec<_> = std::env::vars_os().filter_map(ours).collect();
        environment.sort();
        Self { environment, ..Self::default() }
    }

    /// The program that filters are run by. Named so that it is the one that runs even when another version
    /// has been put in its place.
    pub fn program(&self) -> PathBuf {
        self.program.clone().unwrap_or_else(|| "/proc/self/exe".into())
    }

    /// The same with what `--set` says.
    pub fn with(self, set: Vec<String>) -> Self {
        Self { set, ..self }
    }

    fn lay_over(&self, table: &mut Table, mistakes: &Mistakes) {
        for (name, value) in &self.environment {
            let path = name.strip_prefix(PREFIX).unwrap_or(name).to_ascii_lowercase();
            let path: Vec<&str> = path.split("__").collect();
            tree::lay_over(table, &path, value, &Place::Said(name.as_str().into()), mistakes);
        }
        for said in &self.set {
            let (path, value) = said.split_once('=').unwrap_or((said, ""));
            let place = Place::Said(format!("--set {path}").into());
            if path.is_empty() || !said.contains('=') {
                let say = "must be written section.key=value".to_owned();
                mistakes.add(Mistake { place, key: String::new(), say });
                continue;
            }
            let path: Vec<&str> = path.trim().split('.').collect();
            tree::lay_over(table, &path, value, &place, mistakes);
        }
    }
}

/// Settings in which no mistake was found.
pub struct Config {
    /// What the gateway is made of.
    pub setup: Setup,
    /// Ports, certificates and bounds.
    pub listening: Listening,
    /// How often the log is signed.
    pub auditing: Auditing,
    /// Host of the gateway's own address.
    pub host: String,
    /// What is logged: a level or filters.
    pub log: String,
    /// Requests under way at a time.
    pub requests: usize,
    /// Whence these settings came.
    pub origin: Origin,
}

/// Whence settings came, to look whether they have changed and to read them again.
#[derive(Clone, Debug, Default)]
pub struct Origin {
    path: PathBuf,
    said: Said,
    /// The file and every file it names.
    files: Vec<PathBuf>,
    /// What takes a restart, and how it was set.
    fixed: Vec<(String, String)>,
    /// How the files were then.
    read: State,
}

/// What tells one state of the files from another: inode, time and length of each.
pub type State = Vec<Option<(u64, i64, i64, u64)>>;

/// Settings that a running gateway does not take: where it is, what it holds and whose it is.
const FIXED: [&str; 16] = [
    "listen.body_bytes",
    "listen.connections",
    "listen.cores",
    "listen.drain_seconds",
    "listen.goodbye_seconds",
    "listen.idle_seconds",
    "listen.management",
    "listen.management_exposed",
    "listen.names",
    "listen.public",
    "node.code",
    "node.holds_data",
    "node.log",
    "node.organization",
    "node.url",
    "limits.requests",
];

impl Origin {
    fn of(path: &Path, said: &Said, asked: &[Asked]) -> Self {
        let named = asked.iter().filter(|one| matches!(one.want, Want::File | Want::Path));
        let mut files: Vec<PathBuf> = named.filter_map(|one| one.file.clone()).collect();
        files.retain(|file| file.is_file());
        files.push(path.to_owned());
        let is_fixed = |key: &str| {
            let section = key.split_once('.').map(|(section, _)| section);
            FIXED.contains(&key) || matches!(section, Some("shared" | "store" | "telemetry"))
        };
        let written = asked.iter().filter(|one| is_fixed(&one.key));
        let fixed =
            written.filter_map(|one| Some((one.key.clone(), one.written.as_ref()?.1.clone())));
        let (path, fixed) = (path.to_owned(), fixed.collect());
        let mut origin = Self { path, said: said.clone(), fixed, files, read: State::new() };
        origin.read = origin.state();
        origin
    }

    /// The state the files had when the settings were read, or were last found wrong.
    pub fn as_read(&self) -> &State {
        &self.read
    }

    /// Takes note that the files were found wrong in this state.
    pub fn found_wrong(&mut self, state: State) {
        self.read = state;
    }

    /// The same settings as they stand there now.
    ///
    /// # Errors
    /// Every mistake; and every setting that was changed and takes a restart.
    pub fn again(
        &self,
        clock: &Arc<dyn Clock>,
        chance: &Arc<dyn Chance>,
    ) -> Result<Config, Vec<Mistake>> {
        let config = read(&self.path, &self.said, clock, chance)?;
        let (before, now) = (&self.fixed, &config.origin.fixed);
        let changed = before.iter().filter(|one| !now.contains(one));
        let changed = changed.chain(now.iter().filter(|one| !before.contains(one)));
        let mistakes: Vec<Mistake> = changed
            .map(|(key, _)| Mistake {
                place: Place::Said(self.path.to_string_lossy().into()),
                key: key.clone(),
                say: "was changed, which takes a restart: nothing of the change is taken"
                    .to_owned(),
            })
            .collect();
        if mistakes.is_empty() { Ok(config) } else { Err(mistakes) }
    }

    /// What tells one state of the files from another; links are followed, as whoever mounts secrets
    /// swaps those.
    pub fn state(&self) -> State {
        let of = |path: &PathBuf| {
            let metadata = fs::metadata(path).ok()?;
            Some((metadata.ino(), metadata.mtime(), metadata.mtime_nsec(), metadata.len()))
        };
        self.files.iter().map(of).collect()
    }
}

/// Reads and checks the settings of a gateway.
///
/// # Errors
/// Every mistake, in order of file and line.
pub fn read(
    path: &Path,
    said: &Said,
    clock: &Arc<dyn Clock>,
    chance: &Arc<dyn Chance>,
) -> Result<Config, Vec<Mistake>> {
    explained(path, said, clock, chance).0
}

/// The same, and every key that was asked for.
pub fn explained(
    path: &Path,
    said: &Said,
    clock: &Arc<dyn Clock>,
    chance: &Arc<dyn Chance>,
) -> (Result<Config, Vec<Mistake>>, Vec<Asked>) {
    let mistakes = Mistakes::default();
    let config = whole(path, said, &mistakes, (clock, chance)).filter(|_| mistakes.is_empty());
    let asked = mistakes.questions().all();
    let config = config.map(|config| Config { origin: Origin::of(path, said, &asked), ..config });
    (config.ok_or_else(|| mistakes.sorted()), asked)
}

/// Every key there is, whatever it takes for it to be asked for; nothing stands there.
pub fn keys(clock: &Arc<dyn Clock>, chance: &Arc<dyn Chance>) -> Vec<Asked> {
    let questions = Questions::default();
    for text in meaning::EVERYTHING {
        let mistakes = Mistakes::default();
        let table = tree::parse("", text, &mistakes);
        let root = Section::root(&table, Place::Said("".into()), Path::new("."), &mistakes);
        // What is wrong with it is not of interest.
        drop(sections(root, &Said::default(), (clock, chance)));
        for asked in mistakes.questions().all() {
            let key = asked.name();
            questions.add(Asked { key, written: None, file: None, ..asked });
        }
    }
    questions.all()
}

fn whole(
    path: &Path,
    said: &Said,
    mistakes: &Mistakes,
    (clock, chance): (&Arc<dyn Clock>, &Arc<dyn Chance>),
) -> Option<Config> {
    let name = path.to_string_lossy();
    let mut table = match fs::read_to_string(path) {
        Ok(text) => tree::parse(&name, &text, mistakes),
        Err(error) => {
            let (place, key) = (Place::Said((&*name).into()), String::new());
            let say = format!("cannot be read: {}", error.kind());
            mistakes.add(Mistake { place, key, say });
            return None;
        }
    };
    if !mistakes.is_empty() {
        return None;
    }
    said.lay_over(&mut table, mistakes);
    let directory = path.parent().unwrap_or(Path::new("."));
    let place = Place::File((&*name).into(), 1);
    let root = Section::root(&table, place, directory, mistakes);
    let mut config = sections(root, said, (clock, chance))?;
    config.setup.settings.digest = alike::digest(&table, &mistakes.questions().all());
    Some(config)
}

/// Reads every section, whatever is wrong with the others.
fn sections(
    mut root: Section<'_>,
    said: &Said,
    (clock, chance): (&Arc<dyn Clock>, &Arc<dyn Chance>),
) -> Option<Config> {
    let node = node::read(root.section("node"));
    let listening = listen::read(root.section("listen"), clock);
    let storing = store::read(root.section("store"), clock, chance);
    let auditing = audit::read(root.section("audit"));
    let ring = tokens::read(root.section("tokens"));
    let key_rules = client_keys::read(root.section("client_keys"));
    let clients = clients::read(root.each("clients"), &key_rules);
    let filters = filters::read(root.each("filters"), &clients, said);
    let providers = login::read(root.each("login"), &key_rules);
    let holds_data = node.as_ref().is_none_or(|node| node.holds_data);
    let peers = peers::read(root.each("peers"), node.as_ref().map(|node| &node.code), holds_data);
    let own = node.as_ref().map(|node| node.url.as_str());
    let gateways: Vec<&str> = peers.iter().map(|peer| peer.issuer.as_str()).collect();
    let issuers = issuers::read(root.each("issuers"), &key_rules, own, &gateways);
    let law = law::read(root.section("law"));
    let listing = directory::read(root.section("directory"));
    let costs = limits::read(root.section("limits"));
    let sharing = shared::read(root.section("shared"));
    let collector = telemetry::read(root.section("telemetry"), clock);
    if shared_by_several(storing.as_ref(), sharing.as_ref()) {
        let say = "is a file, which one process uses: replicas > 1 under [shared] needs kind = \
                   \"postgres\" and url";
        root.fault("store", say);
    }
    for (client, say) in law::strays(&law, &clients) {
        root.fault("clients", format!("{client:?} {say}"));
    }
    let shows = !peers.is_empty() || clients.iter().any(|client| client.tls_client_auth.is_said());
    if let (true, Some(None)) = (shows, listening.as_ref().map(|l| &l.peer_tls)) {
        let say = "needs authorities: a PEM file of those that vouch for peers and clients";
        root.fault("listen", say);
    }
    if node.as_ref().is_some_and(|node| node.test_range == TestRange::Refuse) {
        throw_away::refuse(&root, listening.as_ref(), ring.as_ref(), &clients);
    }
    root.finish();
    let (clock, chance) = (Arc::clone(clock), Arc::clone(chance));
    let parts = Parts {
        node: node?,
        storing: storing?,
        ring: ring?,
        clients,
        filters,
        key_rules,
        providers,
        issuers,
        peers,
        law,
        listing,
        costs,
        shared: sharing?.choice,
        collector,
    };
    let (host, log) = (parts.node.host.clone(), parts.node.log.clone());
    let listening = listening?;
    let per_threads = limits::PER_THREAD.saturating_mul(listening.cores);
    let requests = parts.costs.requests.unwrap_or(per_threads);
    let setup = parts.setup(&listening, clock, chance);
    Some(Config { setup, listening, auditing, host, log, requests, origin: Origin::default() })
}

/// Is a file to be the store of several processes?
const fn shared_by_several(
    storing: Option<&store::Storing>,
    sharing: Option<&shared::Sharing>,
) -> bool {
    let is_file = matches!(storing, Some(store::Storing { database: None, .. }));
    is_file && matches!(sharing, Some(shared::Sharing { replicas: 2.., .. }))
}

/// The sections that a gateway is made of.
struct Parts {
    node: node::Node,
    storing: store::Storing,
    ring: Ring,
    clients: Vec<ClientEntry>,
    filters: Vec<Filter>,
    key_rules: Rules,
    providers: Vec<Settings>,
    issuers: Vec<crate::oauth::issuers::Settings>,
    peers: Vec<PeerSetup>,
    law: Law,
    listing: Listing,
    costs: limits::Costs,
    shared: Choice,
    collector: Option<collector::Settings>,
}

impl Parts {
    fn setup(self, listening: &Listening, clock: Arc<dyn Clock>, chance: Arc<dyn Chance>) -> Setup {
        let Self { node, storing, ring, clients, key_rules, peers, law, .. } = self;
        let Self { listing, costs, shared, providers, issuers, filters, collector, .. } = self;
        Setup {
            node: node.code,
            organization: node.organization,
            url: node.url,
            holds_data: node.holds_data,
            directory_path: storing.directory,
            keys: storing.keys,
            ring,
            clients,
            filters: Filters {
                all: filters.into_iter().map(Arc::new).collect(),
                abreast: costs.conversions,
                queue: costs.conversion_queue,
            },
            key_rules,
            peers,
            transport: Arc::new(Tcp),
            peer_tls: listening.peer_tls.clone(),
            peer_limits: costs.peer,
            law,
            directory: listing,
            activated: node.activated,
            settings: Numbered { number: node.settings, ..Numbered::default() },
            limits: Limits {
                page: costs.page,
                test_range: node.test_range,
                document: costs.document,
                documents: costs.documents,
            },
            cache_bytes: storing.cache_bytes,
            stride: costs.stride,
            readers: storing.readers,
            shared,
            providers,
            issuers,
            sandbox: Sandbox::default(),
            rates: costs.rates,
            database: storing.database,
            collector,
            clock,
            chance,
        }
    }
}
