//! One running gateway: opened as in earnest, behind TLS that asks for client certificates.

use std::{num::NonZeroUsize, path::PathBuf, rc::Rc, sync::Arc};

use mylife::{
    audit::{
        chain::LinkKey,
        log::{Disk, Log, LogKeys},
        read::{self, Found, Keys},
        record::{Entry, Outcome},
        verify::{rows, verify},
    },
    authenticate::registry::ClientEntry,
    clock::Clock,
    consent::law::Law,
    domain::{
        id::NodeCode,
        identity::{TestRange, WrongCheck},
    },
    federation::tls::{PeerTls, Pem as PeerPem},
    gateway::{
        Gateway, Limits,
        open::{Setup, log_keys},
    },
    listen::{
        Door, Limits as DoorLimits, Stop,
        guard::Hosts,
        serve,
        tls::{Pem, Tls},
    },
    oauth::{
        keys::fetch::Rules,
        launch::login::{Invented, Post, Sandbox, Who},
    },
    pki::trust::Trust,
    seal::audit::AuditKey,
    serve::{counted::Counted, current::Current},
    store::postgres::{Database, Options, Postgres},
    telemetry::Telemetry,
    transport::Transport,
};
use serde_json::Value;

use super::{Actor, CODES, Identity, PORTAL, Person, Reply, START, World, listing::listing};

/// A gateway of the world.
#[derive(Clone)]
pub(crate) struct Node(Rc<Inner>);

pub(crate) struct Inner {
    pub(crate) world: World,
    pub(crate) identity: Rc<Identity>,
    pub(crate) gateway: Arc<Gateway>,
    /// What is counted at its door.
    pub(crate) telemetry: Arc<Telemetry>,
    /// Where it is on the network; replicas of one gateway share all but this.
    pub(crate) port: u16,
    /// Where store and log are, if several share them.
    database: Option<Database>,
    pub(crate) dir: PathBuf,
    audit: PathBuf,
    _stop: Stop,
}

impl std::ops::Deref for Node {
    type Target = Inner;

    fn deref(&self) -> &Inner {
        &self.0
    }
}

impl Node {
    pub(crate) fn open(world: &World, code: &'static str, disk: Option<Arc<dyn Disk>>) -> Self {
        Self::open_in(world, code, fresh(code), None, disk)
    }

    /// One of several processes of a gateway: the n-th, with a data directory of its own.
    pub(crate) fn replica(
        world: &World,
        code: &'static str,
        number: u16,
        disk: Option<Arc<dyn Disk>>,
        place: impl FnOnce(&mut Setup),
    ) -> Self {
        let dir = fresh(code);
        let mut setup = setup(world, &world.identities[code], dir.clone());
        place(&mut setup);
        Self::begin(world, code, number * 1000, dir, disk, setup)
    }

    /// Stops it, and starts it again on what it has stored.
    pub(crate) fn restart(self) -> Self {
        let (world, code) = (self.world.clone(), self.code());
        let (dir, database) = self.halt();
        Self::open_in(&world, code, dir, database, None)
    }

    /// Stops it; gives the directory of what it has stored.
    pub(crate) fn stop(self) -> PathBuf {
        self.halt().0
    }

    fn halt(self) -> (PathBuf, Option<Database>) {
        let mut inner = Rc::into_inner(self.0).expect("nobody else holds it");
        let (dir, world) = (std::mem::take(&mut inner.dir), inner.world.clone());
        let gateway = Arc::clone(&inner.gateway);
        let database = inner.database.take();
        drop(inner);
        world.runtime.block_on(async {
            while Arc::strong_count(&gateway) > 1 {
                tokio::task::yield_now().await;
            }
        });
        drop(gateway);
        (dir, database)
    }

    /// What the gateway of a node is made of, on what is in a directory.
    pub(crate) fn setup(world: &World, code: &'static str, dir: PathBuf) -> Setup {
        setup(world, &world.identities[code], dir)
    }

    /// A gateway on what is in a directory.
    pub(crate) fn open_in(
        world: &World,
        code: &'static str,
        dir: PathBuf,
        database: Option<Database>,
        disk: Option<Arc<dyn Disk>>,
    ) -> Self {
        let mut setup = Self::setup(world, code, dir.clone());
        world.place(&mut setup, database);
        Self::begin(world, code, 0, dir, disk, setup)
    }

    fn begin(
        world: &World,
        code: &'static str,
        beside: u16,
        dir: PathBuf,
        disk: Option<Arc<dyn Disk>>,
        setup: Setup,
    ) -> Self {
        let identity = Rc::clone(&world.identities[code]);
        let port = identity.port + beside;
        let database = setup.database.clone();
        let mut audit = dir.join("audit");
        let mut gateway = world.runtime.block_on(Gateway::open(setup)).unwrap();
        if let Some(disk) = disk {
            let keys = log_keys(&gateway.node, &identity.keys).unwrap();
            audit = dir.join("audit-on-another-disk");
            let (clock, chance) = (world.clock.clone(), world.chance.clone());
            gateway.log = Arc::new(Log::open_on(&audit, keys, disk, clock, chance).unwrap());
        }
        let gateway = Arc::new(gateway);
        let telemetry = Arc::new(Telemetry::default());
        let counted = Arc::new(Counted {
            current: Arc::new(Current::new(Arc::clone(&gateway))),
            telemetry: Arc::clone(&telemetry),
            clock: world.clock.clone(),
            room: world.room.get(),
            phase: Arc::default(),
        });
        world.follows(&gateway);
        let (stop, stopping) = Stop::new();
        world.runtime.block_on(async {
            let port = world.wires.bind(([127, 0, 0, 1], port).into()).await.unwrap();
            tokio::spawn(serve(door(world, &identity), port, counted, stopping));
        });
        let world = world.clone();
        Self(Rc::new(Inner {
            world,
            identity,
            gateway,
            telemetry,
            port,
            database,
            dir,
            audit,
            _stop: stop,
        }))
    }

    /// What it counted so far, as an operator sees it.
    pub(crate) fn counted(&self) -> String {
        self.telemetry.text(&self.gateway.inside, |_| {})
    }

    pub(crate) fn code(&self) -> &'static str {
        self.identity.code
    }

    /// A person known here; pushed at once, without documents.
    pub(crate) fn person(&self, name: &str) -> Person {
        Person::new(self, name)
    }

    /// Somebody who asks this gateway.
    pub(crate) fn client(&self, id: &str) -> At {
        At { actor: self.world.actor(id), node: self.clone(), nodes: None }
    }

    /// What the audit log of this gateway says; the whole log must verify.
    pub(crate) fn audit(&self) -> Vec<Entry<'static>> {
        // A mark says nothing that another record does not.
        let found = self.records().into_iter().filter(|one| one.key_id != AuditKey::REVIEWS);
        found.map(|one| one.entry.expect("its key is known")).collect()
    }

    /// The records of the audit log, opened where the person is known here; the whole log must verify.
    pub(crate) fn records(&self) -> Vec<Found> {
        let keys = log_keys(&self.gateway.node, &self.identity.keys).unwrap();
        let of = |id: &str| {
            if !AuditKey::is_of_person(id) {
                return Some(*keys.node_key);
            }
            let local = self.gateway.reach.sources.local.as_ref()?;
            let stored = self.world.runtime.block_on(local.store().load(id)).unwrap()?;
            Some(stored.audit_key)
        };
        if self.gateway.log.is_shared() {
            return self.shared_records(&keys, &of);
        }
        let report = verify(&self.audit, Some(&keys.signer.verifier()), &of).unwrap();
        assert!(report.fault.is_none(), "{report:?}");
        read::read(&self.audit, &of).unwrap().map(Result::unwrap).collect()
    }

    /// The same of the log that several share, up to now.
    fn shared_records(&self, keys: &LogKeys, of: Keys<'_>) -> Vec<Found> {
        let runtime = &self.world.runtime;
        runtime.block_on(self.gateway.gather_records()).unwrap();
        let beside = Postgres::beside(Options {
            directory: self.dir.clone(),
            database: self.database.clone().unwrap(),
            node: self.gateway.node.clone(),
            keys: Arc::clone(&self.gateway.keys),
            chance: self.world.chance.clone(),
        });
        let ledger = runtime.block_on(beside).unwrap().ledger();
        let (verifier, links) = (keys.signer.verifier(), LinkKey::of_node(&keys.node_key));
        let report = rows::verify(&ledger, Some(&verifier), Some(&links), of).unwrap();
        assert!(report.fault.is_none(), "{report:?}");
        read::rows::read(ledger, of).map(Result::unwrap).collect()
    }

    /// The disclosures of one person that the log knows of.
    pub(crate) fn disclosures(&self, patient: &str) -> Vec<Entry<'static>> {
        let is = |entry: &Entry<'_>| {
            entry.patient.as_deref() == Some(patient)
                && entry.outcome == Outcome::Success
                && &*entry.caller.client != "source"
                && !entry.caller.client.contains("consent-desk")
        };
        self.audit().into_iter().filter(is).collect()
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        drop(std::fs::remove_dir_all(&self.dir));
    }
}

/// An actor at a gateway.
#[derive(Clone)]
pub(crate) struct At {
    pub(crate) actor: Rc<Actor>,
    pub(crate) node: Node,
    pub(crate) nodes: Option<String>,
}

impl At {
    /// Searches what belongs to one person.
    pub(crate) fn search(&self, kind: &str, person: &Person) -> Reply {
        self.get(&format!("/fhir/{kind}?patient={}", person.patient()))
    }

    /// Asks the gateway's own data alone, or what the portal finds everywhere.
    pub(crate) fn get(&self, path: &str) -> Reply {
        self.actor.get(&self.node, path, self.named().as_deref())
    }

    /// `POST _search`.
    pub(crate) fn post(&self, kind: &str, form: &[(&str, &str)]) -> Reply {
        let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish();
        self.actor.post(
            &self.node,
            &format!("/fhir/{kind}/_search"),
            &body,
            self.named().as_deref(),
        )
    }

    /// All pages to the end.
    pub(crate) fn pages(&self, path: &str) -> Vec<Reply> {
        let mut all = vec![self.get(path)];
        while let Some(next) = all.last().unwrap().next() {
            assert!(all.len() < 100, "pages without an end");
            all.push(self.get(&next));
        }
        all
    }

    /// A token of the gateway's own for this client, with what else it says.
    pub(crate) fn token(&self, scope: &str, more: &Value) -> String {
        let Self { actor, node, .. } = self;
        node.identity.token(actor, scope, node.world.now(), more)
    }

    /// Asks what somebody would be permitted to see of a person.
    pub(crate) fn explains(&self, patient: &str, body: &Value) -> Reply {
        let ask = super::actor::Ask {
            kind: Some("application/fhir+json"),
            nodes: self.nodes.as_deref(),
            body: body.to_string().into(),
            ..super::actor::Ask::default()
        };
        let path = format!("/fhir/Patient/{patient}/$explain");
        self.actor.send(&self.node, http::Method::POST, &path, ask)
    }

    fn named(&self) -> Option<String> {
        match &self.nodes {
            Some(nodes) => Some(nodes.clone()),
            None => (self.node.code() != PORTAL).then(|| self.node.code().to_owned()),
        }
    }
}

fn fresh(code: &str) -> PathBuf {
    static COUNT: std::sync::atomic::AtomicUsize = std::sync::atomic::AtomicUsize::new(0);
    let count = COUNT.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
    let name = format!("mylife-story-{}-{count}-{code}", std::process::id());
    let dir = std::env::temp_dir().join(name);
    drop(std::fs::remove_dir_all(&dir));
    std::fs::create_dir_all(&dir).unwrap();
    dir
}

fn setup(world: &World, identity: &Identity, directory_path: PathBuf) -> Setup {
    let clock: Arc<dyn Clock> = world.clock.clone();
    let authorities = &*world.authority.issued().certificate;
    let Identity { code, url, issued, .. } = identity;
    let pem = PeerPem {
        peers: Trust::of(authorities),
        certificate: &issued.certificate,
        key: &issued.key,
    };
    let unknown = world.unknown.get();
    let others = CODES.into_iter().filter(|other| other != code && Some(*other) != unknown);
    // The portal has no data, so nobody asks it; it is known only as one who asks.
    Setup {
        node: NodeCode::parse(code).unwrap(),
        organization: identity.organization(),
        url: url.clone(),
        holds_data: *code != PORTAL,
        directory_path,
        keys: Arc::clone(&identity.keys),
        ring: world.ring.borrow_mut().take().unwrap_or_else(|| identity.ring()),
        clients: clients(world),
        peers: others.map(|other| world.identities[other].peer(*code == PORTAL)).collect(),
        filters: mylife::native::foreign::Filters::default(),
        key_rules: Rules {
            inside: [super::provider::inside(), super::issuer::inside(), super::receiver::inside()]
                .concat(),
            authorities: Some(authorities.to_owned()),
        },
        transport: Arc::new(world.wires.clone()),
        peer_tls: Some(Arc::new(PeerTls::new(pem, clock.clone()).unwrap())),
        peer_limits: world.limits,
        law: serde_json::from_value::<Law>(world.law.borrow().clone()).unwrap(),
        directory: listing(code),
        activated: START.minus(std::time::Duration::from_hours(24 * 365)),
        settings: mylife::gateway::numbered::Numbered::default(),
        limits: Limits {
            page: 100,
            test_range: TestRange::Allow(WrongCheck::Refuse),
            document: mylife::json::Limits::default(),
            documents: world.documents.get(),
        },
        cache_bytes: 1 << 20,
        stride: world.stride,
        readers: NonZeroUsize::MIN,
        shared: mylife::shared::Choice::Process,
        providers: world.providers.borrow_mut().drain(..).collect(),
        issuers: world.issuers.borrow().clone(),
        sandbox: sandbox(code),
        rates: world.rates,
        database: None,
        collector: world.collector.borrow_mut().take(),
        clock,
        chance: world.chance.clone(),
    }
}

fn clients(world: &World) -> Vec<ClientEntry> {
    let actors = world.actors.borrow();
    let more = world.clients.borrow();
    let others = super::browser::apps().into_iter().chain(more.iter().cloned());
    actors.values().map(|actor| actor.entry()).chain(others).collect()
}

/// Anybody of these names can log in, whether the municipality knows them or not.
fn sandbox(code: &str) -> Sandbox {
    let person = |name: &str| Invented {
        name: name.to_owned(),
        who: Who::Person(super::person::code(name)),
    };
    let post = |oid: &str, role: &str| Post {
        organization: format!("urn:oid:{oid}"),
        role: role.to_owned(),
    };
    let [portal, county, _] = super::actor::ORGANIZATIONS;
    let worker = Invented {
        name: "worker".to_owned(),
        who: Who::Professional {
            id: format!("{code}.worker"),
            posts: vec![
                post(county, "case-worker"),
                post(county, "gardener"),
                post(portal, "case-worker"),
            ],
        },
    };
    let people = ["aino", "eino", "guardian"].map(person);
    Sandbox::of(people.into_iter().chain([worker]).collect()).unwrap()
}

/// Where requests to a gateway come in.
pub(crate) fn door(world: &World, identity: &Identity) -> Arc<Door> {
    let pem = Pem {
        certificate: &identity.issued.certificate,
        key: &identity.issued.key,
        clients: Some(Trust::of(&world.authority.issued().certificate)),
    };
    let tls = Tls::new(pem, world.clock.clone()).unwrap();
    Arc::new(Door::new(DoorLimits::default(), Hosts::new([&*identity.host]), Some(Arc::new(tls))))
}
