//! The language of the stories: a world of municipalities, a portal, people and those who ask.
//!
//! Every gateway is a real one behind real TLS on a network inside the process; actors go through
//! the wire alone. Time stands still until a story moves it. What a reply must always be is checked
//! where it arrives, so a story says only what it is about. With `MYLIFE_STORIES=servers` in the
//! environment every gateway has a real `PostgreSQL` and a real Redis in place of its own directory and
//! memory: the same stories must hold.

pub(crate) mod actor;
pub(crate) mod browser;
pub(crate) mod consent;
pub(crate) mod emitted;
pub(crate) mod fake;
pub(crate) mod holder;
pub(crate) mod identity;
pub(crate) mod issuer;
mod listing;
pub(crate) mod logged;
pub(crate) mod municipality;
pub(crate) mod page;
pub(crate) mod person;
pub(crate) mod provider;
pub(crate) mod receiver;
pub(crate) mod reply;

use std::{
    cell::{Cell, RefCell},
    collections::BTreeMap,
    rc::Rc,
    sync::{Arc, Weak},
    time::Duration,
};

use mylife::{
    audit::log::Disk,
    authenticate::{jose::ring::Ring, registry::ClientEntry},
    chance::SeededChance,
    clock::{Clock, FixedClock},
    domain::moment::Moment,
    federation::client::Limits,
    gateway::{Gateway, open::Setup},
    oauth::launch::provider::Settings,
    pki::Ca,
    shared::{Away, Choice, pace::Rates, redis::door::Door},
    store::postgres::Database,
};
use serde_json::{Value, json};
use tokio::runtime::{Builder, Handle, Runtime};

pub(crate) use self::{
    actor::Actor,
    consent::Terms,
    fake::{Gate, Lie},
    identity::Identity,
    municipality::Node,
    person::Person,
    reply::Reply,
};
use crate::{shared::server as redis, step::wires::Wires, store::server as postgres};

/// 2026-03-02, a Monday, noon in Finland.
pub(crate) const START: Moment = Moment::from_millis(1_772_445_600_000);

/// Codes of all nodes there can be; the last one is the portal.
pub(crate) const CODES: [&str; 4] = ["049", "205", "297", "900"];
pub(crate) const PORTAL: &str = "900";

/// Everything a story happens in.
#[derive(Clone)]
pub(crate) struct World(Rc<Core>);

pub(crate) struct Core {
    pub(crate) runtime: Runtime,
    pub(crate) wires: Wires,
    pub(crate) clock: Arc<FixedClock>,
    pub(crate) chance: Arc<SeededChance>,
    pub(crate) authority: Ca,
    pub(crate) identities: BTreeMap<&'static str, Rc<Identity>>,
    pub(crate) actors: RefCell<BTreeMap<String, Rc<Actor>>>,
    pub(crate) limits: Limits,
    /// Leading characters of an id that make up one block of a walk over people.
    pub(crate) stride: usize,
    pub(crate) rates: Rates,
    /// Requests of one gateway that may be under way.
    pub(crate) room: Cell<usize>,
    /// Documents of a kind that a writer may have of one person.
    pub(crate) documents: Cell<usize>,
    /// A node that gateways opened from now on do not know.
    pub(crate) unknown: Cell<Option<&'static str>>,
    /// Where people log in at the gateway opened next.
    pub(crate) providers: RefCell<Vec<Settings>>,
    /// Others whose access tokens count at gateways opened from now on.
    pub(crate) issuers: RefCell<Vec<mylife::oauth::issuers::Settings>>,
    /// Clients of gateways opened from now on, beside the actors.
    pub(crate) clients: RefCell<Vec<ClientEntry>>,
    /// The keys of tokens of the gateway opened next, if they are not its identity's.
    pub(crate) ring: RefCell<Option<Ring>>,
    /// Who is told what took how long at the gateway opened next.
    pub(crate) collector: RefCell<Option<mylife::gateway::collector::Settings>>,
    /// The law table of gateways opened from now on.
    pub(crate) law: RefCell<Value>,
    /// The Redis that gateways share with other processes of theirs, if stories run on servers.
    redis: Option<redis::fixture::Server>,
    /// Names of the databases of the gateways, if stories run on servers.
    pub(crate) databases: RefCell<Vec<String>>,
    /// Gateways that follow what other processes write.
    following: RefCell<Vec<Weak<Gateway>>>,
}

impl std::ops::Deref for World {
    type Target = Core;

    fn deref(&self) -> &Core {
        &self.0
    }
}

impl World {
    pub(crate) fn new() -> Self {
        // Long enough for the slowest machine that runs the tests.
        Self::with(Duration::from_secs(30), 0, Rates::default())
    }

    /// A world whose gateways end the pages of a walk over people at fixed points, `stride` fine.
    pub(crate) fn with_stride(stride: usize) -> Self {
        Self::with(Duration::from_secs(30), stride, Rates::default())
    }

    /// A world whose gateways wait no longer for a peer.
    pub(crate) fn with_deadline(deadline: Duration) -> Self {
        Self::with(deadline, 0, Rates::default())
    }

    /// A world whose gateways have room for so many requests at a time.
    pub(crate) fn with_room(room: usize) -> Self {
        let world = Self::new();
        world.room.set(room);
        world
    }

    /// A world whose gateways let through so many requests.
    pub(crate) fn with_rates(rates: Rates) -> Self {
        Self::with(Duration::from_secs(30), 0, rates)
    }

    fn with(deadline: Duration, stride: usize, rates: Rates) -> Self {
        let authority = Ca::new("stories", START).unwrap();
        let chance = Arc::new(SeededChance::new(1));
        let made = |code| (code, Rc::new(Identity::new(code, &authority, &chance)));
        let identities = CODES.into_iter().map(made).collect();
        Self(Rc::new(Core {
            runtime: Builder::new_current_thread().enable_all().build().unwrap(),
            wires: Wires::default(),
            clock: Arc::new(FixedClock::new(START)),
            chance,
            identities,
            actors: RefCell::new(actor::cast(&authority)),
            authority,
            limits: Limits { deadline, ..Limits::default() },
            stride,
            rates,
            room: Cell::new(usize::MAX),
            documents: Cell::new(usize::MAX),
            unknown: Cell::default(),
            providers: RefCell::default(),
            issuers: RefCell::default(),
            clients: RefCell::default(),
            ring: RefCell::default(),
            collector: RefCell::default(),
            law: RefCell::new(json!({ "officer_roles": ["officer"] })),
            redis: on_servers().then(|| redis::fixture::Server::start(&[])),
            databases: RefCell::default(),
            following: RefCell::default(),
        }))
    }

    /// A municipality's gateway.
    pub(crate) fn municipality(&self, code: &'static str) -> Node {
        Node::open(self, code, None)
    }

    /// A municipality's gateway whose audit log is on this disk.
    pub(crate) fn municipality_on(&self, code: &'static str, disk: Arc<dyn Disk>) -> Node {
        Node::open(self, code, Some(disk))
    }

    /// The gateway of the national portal, which holds no data.
    pub(crate) fn portal(&self) -> Node {
        Node::open(self, PORTAL, None)
    }

    /// Something that stands where a municipality's gateway should be.
    pub(crate) fn impostor(&self, code: &'static str, lie: Lie) {
        fake::stand(self, code, lie);
    }

    /// Somebody who asks, by client id.
    pub(crate) fn actor(&self, id: &str) -> Rc<Actor> {
        Rc::clone(&self.actors.borrow()[id])
    }

    /// Gateways opened from now on know another client by this one's name.
    pub(crate) fn replace(&self, id: &str, organization: &str) {
        let namesake = Rc::new(self.actor(id).namesake(organization));
        self.actors.borrow_mut().insert(id.to_owned(), namesake);
    }

    /// Gateways opened from now on have this law table.
    pub(crate) fn legislate(&self, law: Value) {
        *self.law.borrow_mut() = law;
    }

    pub(crate) fn now(&self) -> Moment {
        self.clock.now()
    }

    /// Lets time pass; who follows others has heard of them since, and what was written is in the log.
    pub(crate) fn pass(&self, by: Duration) {
        self.clock.advance(by);
        // A story that stands on the runtime says itself who looks when.
        if Handle::try_current().is_err() {
            for gateway in self.following.borrow().iter().filter_map(Weak::upgrade) {
                self.runtime.block_on(async {
                    gateway.look().await.unwrap();
                    gateway.gather_records().await.unwrap();
                });
            }
        }
    }

    /// Where a gateway has its data and what it may lose, if stories run on servers; the same as
    /// before, if it had one.
    fn place(&self, setup: &mut Setup, database: Option<Database>) {
        if let Some(server) = &self.redis {
            let door = Arc::new(Door::new(redis::one(server)).unwrap());
            setup.shared = Choice::Redis { door, away: Away::Refuse };
            setup.database = Some(database.unwrap_or_else(|| {
                let (name, database) = postgres::fresh();
                self.databases.borrow_mut().push(name);
                database
            }));
        }
    }

    fn follows(&self, gateway: &Arc<Gateway>) {
        if self.redis.is_some() {
            self.following.borrow_mut().push(Arc::downgrade(gateway));
        }
    }
}

/// Do the stories run on real servers?
fn on_servers() -> bool {
    std::env::var_os("MYLIFE_STORIES").is_some_and(|named| named == "servers")
}
