//! The demo's gateways: what each is made of, and the threads they run on.
//!
//! Beside the way of a request. Three municipalities and the portal, each with its own store, keys
//! and certificate; every one believes every other, the portal alone asks. All of them speak real
//! TLS on 127.0.0.1. On servers that somebody named each is two replicas behind a balancer.

use std::{
    fs,
    net::{Ipv4Addr, TcpListener},
    num::NonZeroUsize,
    path::{Path, PathBuf},
    sync::{Arc, mpsc},
    thread,
};

use crate::{
    authenticate::{
        jose::{
            key::Algorithm,
            ring::Ring,
            sign::{self, Signer},
        },
        peer::PeerLimits,
    },
    chance::Chance,
    clock::Clock,
    consent::law::{Bar, Law},
    demo::{
        apps::{self, APPS},
        balancer,
        clients::DemoClient,
        directory::{MUNICIPALITIES, PORTAL_OID},
        listing,
        people::Somebody,
        receiver::{self, Place},
        servers::{REPLICAS, Servers},
    },
    domain::{
        id::NodeCode,
        identity::{TestRange, WrongCheck},
        moment::Moment,
    },
    error::{Error, Kind, Result},
    federation::{client, tls::PeerTls},
    gateway::{
        Gateway, Limits,
        notify::notify,
        numbered::Numbered,
        open::{PeerSetup, Setup, handle_key, jwks},
    },
    json,
    listen::{self, Door, Stop, Stopping, guard::Hosts, tls::Tls},
    oauth::launch::login::Sandbox,
    pki::{self, Ca, Issued, trust::Trust},
    seal::{Keys, master},
    serve::{
        counted::Counted,
        current::Current,
        management::{Certificates, Management, Phase},
    },
    telemetry::Telemetry,
    transport::{Authority, Port, Tcp},
};

/// Requests of one node that may be under way.
const ROOM: usize = 1024;
/// Distance from a node's port to its management port.
const MANAGEMENT: u16 = 1000;
const CACHE_BYTES: u64 = 16 * 1024 * 1024;
const HOST: &str = "127.0.0.1";

/// A node, as others see it.
pub struct Node {
    /// Short name for people, files and configuration.
    pub slug: &'static str,
    /// Its code.
    pub code: NodeCode,
    /// Its organisation, `urn:oid:...`.
    pub organization: String,
    /// Its base without a path.
    pub url: String,
    /// Its management face.
    pub management: String,
    /// Its public port.
    port: u16,
    /// Ports of its replicas, where it has several.
    replicas: Vec<u16>,
    directory: PathBuf,
    keys: Arc<Keys>,
    signer: Arc<Signer>,
    /// Signs ID tokens.
    identity: Arc<Signer>,
    tls: Issued,
}

impl Node {
    /// Its FHIR base.
    pub fn fhir(&self) -> String {
        format!("{}/fhir", self.url)
    }

    /// Its token endpoint.
    pub fn token_endpoint(&self) -> String {
        format!("{}/oauth/token", self.url)
    }

    /// What stands behind its port, for people.
    pub fn behind(&self) -> String {
        if self.replicas.is_empty() {
            return String::new();
        }
        let ports: Vec<_> = self.replicas.iter().map(u16::to_string).collect();
        format!("  by turns at the ports {} of its replicas", ports.join(", "))
    }

    /// Has it no data of its own?
    pub fn is_portal(&self) -> bool {
        self.slug == "portal"
    }
}

/// The ports of one node, or of one of its replicas, bound.
struct Ports {
    public: TcpListener,
    management: TcpListener,
}

/// What all nodes share.
pub struct World {
    /// The throw-away authority.
    pub ca: Ca,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Chance.
    pub chance: Arc<dyn Chance>,
    /// When the demo started.
    pub now: Moment,
    /// What two processes of each node share; none for one process each, with a file.
    pub servers: Option<Servers>,
}

/// Nodes that run until told to stop.
pub struct Running {
    /// The nodes, in order of their ports.
    pub nodes: Vec<Node>,
    /// Where clients are notified.
    pub told: Place,
    stop: Stop,
    threads: Vec<thread::JoinHandle<()>>,
}

impl Running {
    /// The node of a slug.
    ///
    /// # Errors
    /// `Internal` if there is none.
    pub fn node(&self, slug: &str) -> Result<&Node> {
        let found = self.nodes.iter().find(|node| node.slug == slug);
        found.ok_or_else(|| Error::internal("the demo lacks a node"))
    }

    /// Stops all of them and waits until they have.
    pub fn stop(self) {
        self.stop.now();
        for thread in self.threads {
            // A node that panicked has said so; there is nothing left to wait for.
            drop(thread.join());
        }
    }
}

/// Binds the ports, writes keys and certificates below `dir`, and starts every node.
///
/// # Errors
/// `Unavailable` when a port is taken or a file cannot be written; what opening a gateway refuses.
pub fn start(
    dir: &Path,
    port: u16,
    clients: &[DemoClient],
    people: &[Somebody],
    world: &World,
) -> Result<Running> {
    let (mut nodes, mut ports) = (Vec::new(), Vec::new());
    let after_nodes = u16::try_from(slugs().count()).map_err(Error::internal)?;
    let hook = listener(if port == 0 { Some(0) } else { port.checked_add(after_nodes) })?;
    let told = Place::of(&hook)?;
    for ((slug, code, oid), number) in parties().zip(0..) {
        let bound = bind(port, number)?;
        let count = if world.servers.is_some() { REPLICAS } else { 0 };
        let behind = (0..count).map(|_| bind(0, 0)).collect::<Result<Vec<_>>>()?;
        nodes.push(node(dir, slug, code, oid, (&bound, &behind), world)?);
        ports.push((bound, behind));
    }
    let (stop, stopping) = Stop::new();
    let (ready, is_ready) = mpsc::channel();
    let (mut threads, mut count) = (Vec::new(), 0);
    let mut start = |name: String, run: Box<dyn FnOnce() + Send>| {
        let thread = thread::Builder::new().name(name).spawn(run).map_err(Error::unavailable)?;
        threads.push(thread);
        Ok::<_, Error>(())
    };
    for (node, (bound, behind)) in nodes.iter().zip(ports) {
        let replicas = if behind.is_empty() {
            vec![bound]
        } else {
            let (port, replicas, stopping) =
                (bound.public, node.replicas.clone(), stopping.clone());
            let pass = move || pass(port, &replicas, stopping);
            start(format!("balancer-{}", node.slug), Box::new(pass))?;
            let mut management = Some(bound.management);
            let own = |ports: Ports| Ports {
                management: management.take().unwrap_or(ports.management),
                ..ports
            };
            behind.into_iter().map(own).collect()
        };
        for (number, ports) in (1..).zip(replicas) {
            let mut setup = setup(node, number, &nodes, (clients, &told), world)?;
            welcome(node, people, &mut setup)?;
            let door = door(node, world)?;
            let (ready, stopping) = (ready.clone(), stopping.clone());
            let run = move || run(setup, door, ports, &ready, stopping);
            start(format!("node-{}-{number}", node.slug), Box::new(run))?;
            count += 1;
        }
    }
    if let Some(any) = nodes.first() {
        let (door, file) = (door(any, world)?, receiver::file(dir)?);
        start("receiver".to_owned(), Box::new(|| receiver::run(hook, door, file, stopping)))?;
    }
    drop(ready);
    for _ in 0..count {
        is_ready.recv().map_err(Error::internal)??;
    }
    Ok(Running { nodes, told, stop, threads })
}

/// Slug, code and organisation of each node, in order of their ports.
fn parties() -> impl Iterator<Item = (&'static str, &'static str, &'static str)> {
    let municipalities = MUNICIPALITIES.iter().map(|m| (m.slug, m.code, m.oid));
    municipalities.chain([("portal", "portal", PORTAL_OID)])
}

/// The slugs of all nodes.
pub fn slugs() -> impl Iterator<Item = &'static str> {
    parties().map(|(slug, _, _)| slug)
}

/// A balancer's life, on a thread of its own.
fn pass(port: TcpListener, replicas: &[u16], stopping: Stopping) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let passed = runtime.and_then(|runtime| {
        runtime.block_on(async {
            let port = tokio::net::TcpListener::from_std(port)?;
            balancer::serve(port, async || replicas.to_vec(), stopping).await;
            Ok(())
        })
    });
    if let Err(error) = passed {
        tracing::error!(%error, "the demo's balancer cannot serve");
    }
}

fn listener(port: Option<u16>) -> Result<TcpListener> {
    let port = port.ok_or_else(|| Error::invalid("Choose a smaller --port."))?;
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).map_err(|why| {
        let say = format!("Port {port} cannot be used; choose another by --port.");
        Error::new(Kind::Unavailable, say).because(why)
    })?;
    listener.set_nonblocking(true).map_err(Error::unavailable)?;
    Ok(listener)
}

/// Port 0 takes free ones.
fn bind(first: u16, number: u16) -> Result<Ports> {
    if first == 0 {
        return Ok(Ports { public: listener(Some(0))?, management: listener(Some(0))? });
    }
    let public = first.checked_add(number);
    let management = public.and_then(|port| port.checked_add(MANAGEMENT));
    Ok(Ports { public: listener(public)?, management: listener(management)? })
}

fn node(
    dir: &Path,
    slug: &'static str,
    code: &str,
    oid: &str,
    (ports, behind): (&Ports, &[Ports]),
    world: &World,
) -> Result<Node> {
    let directory = dir.join(slug);
    fs::create_dir_all(&directory).map_err(Error::unavailable)?;
    let master = directory.join("master.key");
    master::create(&master, &*world.chance)?;
    let keys = Arc::new(master::read(&master, Arc::clone(&world.chance))?);
    let jwk = sign::throw_away(Algorithm::Es256)?;
    pki::write_secret(&directory.join("token.jwk"), jwk.as_bytes()).map_err(Error::unavailable)?;
    let identity = sign::generate_rsa()?;
    let identity_file = directory.join("identity.pem");
    pki::write_secret(&identity_file, identity.as_bytes()).map_err(Error::unavailable)?;
    let tls = world.ca.gateway(&[HOST, "localhost"], world.now)?;
    tls.write(&directory, "tls").map_err(Error::unavailable)?;
    let port = |listener: &TcpListener| {
        listener.local_addr().map(|at| at.port()).map_err(Error::unavailable)
    };
    let (public, management) = (port(&ports.public)?, port(&ports.management)?);
    Ok(Node {
        slug,
        code: NodeCode::parse(code).ok_or_else(|| Error::internal("a node code"))?,
        organization: format!("urn:oid:{oid}"),
        url: format!("https://{HOST}:{public}"),
        management: format!("http://{HOST}:{management}"),
        port: public,
        replicas: behind.iter().map(|ports| port(&ports.public)).collect::<Result<_>>()?,
        directory,
        keys,
        signer: Arc::new(Signer::from_jwk(&jwk)?),
        identity: Arc::new(Signer::from_pem(&identity, None)?.for_identity()?),
        tls,
    })
}

/// The n-th process of a node; the first has the directory of a node of one.
fn setup(
    node: &Node,
    number: usize,
    all: &[Node],
    (clients, told): (&[DemoClient], &Place),
    world: &World,
) -> Result<Setup> {
    let own = if number > 1 { format!("data-{number}") } else { "data".to_owned() };
    let servers = world.servers.as_ref();
    let others = all.iter().filter(|other| other.slug != node.slug);
    let peers = others.map(|other| peer(node, other, clients)).collect::<Result<Vec<_>>>()?;
    let pem = crate::federation::tls::Pem {
        peers: Trust::of(&world.ca.issued().certificate),
        certificate: &node.tls.certificate,
        key: &node.tls.key,
    };
    Ok(Setup {
        node: node.code.clone(),
        organization: node.organization.clone(),
        url: node.url.clone(),
        holds_data: !node.is_portal(),
        directory_path: node.directory.join(own),
        keys: Arc::clone(&node.keys),
        ring: Ring::of(Arc::clone(&node.signer)).with_identity(Some(Arc::clone(&node.identity))),
        clients: clients
            .iter()
            .filter(|client| client.nodes.contains(&node.slug))
            .map(|client| told.registered(client.entry()))
            .collect(),
        peers,
        filters: crate::native::foreign::Filters::default(),
        key_rules: told.rules(&world.ca.issued().certificate),
        transport: Arc::new(Tcp),
        peer_tls: Some(Arc::new(PeerTls::new(pem, Arc::clone(&world.clock))?)),
        peer_limits: client::Limits::default(),
        law: law(),
        directory: listing::of(node.slug)?,
        activated: world.now,
        settings: Numbered::default(),
        limits: Limits {
            page: 200,
            test_range: TestRange::Allow(WrongCheck::Refuse),
            document: json::Limits::default(),
            documents: crate::config::limits::DOCUMENTS,
        },
        cache_bytes: CACHE_BYTES,
        stride: 0,
        readers: NonZeroUsize::MIN,
        shared: servers.map_or(crate::shared::Choice::Process, Servers::shared),
        providers: Vec::new(),
        issuers: Vec::new(),
        sandbox: Sandbox::default(),
        rates: crate::shared::pace::Rates::default(),
        database: servers.and_then(|servers| servers.database(node.slug)),
        collector: None,
        clock: Arc::clone(&world.clock),
        chance: Arc::clone(&world.chance),
    })
}

/// At a municipality the invented people can log in to apps.
fn welcome(node: &Node, people: &[Somebody], setup: &mut Setup) -> Result<()> {
    if let Some(at) = MUNICIPALITIES.iter().find(|at| at.slug == node.slug) {
        setup.clients.extend(APPS.iter().map(|app| app.entry(at)));
        setup.sandbox = apps::sandbox(at, people)?;
    }
    Ok(())
}

/// One law is in force everywhere: who has a turvakielto is absent outside the controller.
fn law() -> Law {
    let turvakielto = Bar {
        id: "turvakielto".into(),
        labels: Vec::new(),
        persons: Vec::new(),
        turvakielto: true,
        except_roles: Vec::new(),
        reference: None,
    };
    Law { bars: vec![turvakielto], ..Law::default() }
}

/// Another node, as this one has it configured: the portal may speak for every client it knows.
fn peer(node: &Node, other: &Node, clients: &[DemoClient]) -> Result<PeerSetup> {
    let certificate = pki::certificates(&other.tls.certificate)?;
    let leaf = certificate.first().ok_or_else(|| Error::internal("no certificate"))?;
    let spoken_for = clients.iter().filter(|client| client.nodes.contains(&other.slug));
    // The portal alone adds up numbers of people.
    let mut limits = PeerLimits { counts: other.is_portal(), ..PeerLimits::default() };
    for client in spoken_for {
        limits.organizations.push(client.organization.clone());
        limits.purposes.push(client.purpose.to_owned());
    }
    Ok(PeerSetup {
        code: other.code.clone(),
        issuer: other.url.clone(),
        organization: other.organization.clone(),
        address: Authority::new(HOST, other.port),
        jwks: jwks(&other.signer),
        certificate: pki::thumbprint(leaf),
        handle: handle_key(&other.keys)?.public(),
        limits,
        asked: node.is_portal(),
    })
}

fn door(node: &Node, world: &World) -> Result<Door> {
    let pem = listen::tls::Pem {
        certificate: &node.tls.certificate,
        key: &node.tls.key,
        clients: Some(Trust::of(&world.ca.issued().certificate)),
    };
    let tls = Arc::new(Tls::new(pem, Arc::clone(&world.clock))?);
    Ok(Door::new(listen::Limits::default(), hosts(), Some(tls)))
}

fn hosts() -> Hosts {
    Hosts::new([HOST, "localhost"])
}

/// One node's life, on a thread of its own.
fn run(
    setup: Setup,
    door: Door,
    ports: Ports,
    ready: &mpsc::Sender<Result<()>>,
    stopping: Stopping,
) {
    let life = async {
        let listener = |std| tokio::net::TcpListener::from_std(std).map_err(Error::unavailable);
        let (public, loopback) = (listener(ports.public)?, listener(ports.management)?);
        let gateway = Arc::new(Gateway::open(setup).await?);
        let (public, loopback): (Box<dyn Port>, Box<dyn Port>) =
            (Box::new(public), Box::new(loopback));
        let door = Arc::new(door);
        let telemetry = Arc::new(Telemetry::default());
        // Whoever can ask here asks a gateway that is open.
        let phase = Arc::new(Phase { started: true.into(), ..Phase::default() });
        let current = Arc::new(Current::new(Arc::clone(&gateway)));
        let clock = Arc::clone(&gateway.clock);
        let management = Management {
            current: Arc::clone(&current),
            door: Arc::clone(&door),
            phase: Arc::clone(&phase),
            telemetry: Arc::clone(&telemetry),
            certificates: Certificates::default(),
            exposed: false,
        };
        let of_now = Arc::clone(&current);
        let counted = Arc::new(Counted { current, telemetry, clock, room: ROOM, phase });
        let told = ready.send(Ok(()));
        told.map_err(Error::internal)?;
        tokio::join!(
            gateway.errands(stopping.clone()),
            notify(move || of_now.gateway(), stopping.clone()),
            listen::serve(door, public, counted, stopping.clone()),
            management.serve(loopback, stopping),
        );
        Ok(())
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let outcome = runtime.map_err(Error::unavailable).and_then(|runtime| runtime.block_on(life));
    if let Err(why) = outcome {
        // Nobody waits any more if the demo has given up already.
        drop(ready.send(Err(why)));
    }
}
