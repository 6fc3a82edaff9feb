//! A portal and two holders on hosts of turmoil's, and a host on which those are who ask them.
//!
//! Each gateway is the product's own on a store and a log of its own, and is asked over TLS. Network, time
//! and chance are the simulation's. No two clocks differ by more than assertions between gateways bear.

use std::{
    cell::{Cell, RefCell},
    fs,
    future::pending,
    path::{Path, PathBuf},
    pin::Pin,
    rc::Rc,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::{Duration, UNIX_EPOCH},
};

use http::Response;
use mylife::{
    audit::log::{FileDisk, Log},
    chance::SeededChance,
    clock::Clock,
    domain::moment::Moment,
    error::Kind,
    gateway::{
        Gateway,
        open::{AUDIT, Opened, Setup, log_keys, open_store},
    },
    listen::{Answer, Answering, Door, Incoming, Stop, body::Body, serve},
    serve::{counted::Counted, current::Current},
};
use tokio::{sync::mpsc, task::JoinSet};
use turmoil::{Builder, Sim};

use super::{
    network::{self, Network, passed},
    slow::{Slow, at_once},
    trouble::USUAL,
};
use crate::{
    load::mix::Dice,
    world::{
        START, World,
        municipality::{Node, door},
    },
};

/// The gateways by their place; the portal is the first.
pub(super) const CODES: [&str; 3] = ["900", "049", "205"];
pub(super) const PORTAL: usize = 0;
pub(super) const HOLDERS: usize = 2;
/// Where those are who ask.
pub(super) const CLIENTS: usize = 3;

/// What all live through before bytes move again.
const TICK: Duration = Duration::from_millis(5);
/// Clocks differ by less than this, in milliseconds.
const APART: u64 = 25_000;
/// What stands on the monotonic clock when a simulation begins.
const PASSED: Duration = Duration::from_hours(1);

/// The time of a host: that of the simulation, and its wall clock so much ahead of it.
struct HostClock {
    ahead: Duration,
}

impl Clock for HostClock {
    fn now(&self) -> Moment {
        START.plus(self.ahead + passed())
    }

    fn elapsed(&self) -> Duration {
        PASSED + passed()
    }
}

/// A gateway, as long as it runs.
type Slot = Rc<RefCell<Option<Arc<Gateway>>>>;

/// Something that those do who ask.
type Doing = Pin<Box<dyn Future<Output = ()>>>;

/// One simulation.
pub(super) struct Federation {
    sim: Sim<'static>,
    pub(super) network: Network,
    running: [Slot; 3],
    is_down: [Rc<Cell<bool>>; 3],
    asking: mpsc::UnboundedSender<Doing>,
    dir: PathBuf,
}

/// Dice for one purpose of a schedule: what is drawn for another moves nothing here.
pub(super) fn dice(seed: u64, purpose: u64) -> Dice {
    Dice::new(seed << 8 | purpose)
}

impl Federation {
    /// All gateways begin, with nothing stored.
    pub(super) fn new(world: &World, seed: u64) -> Self {
        let mut sim = Builder::new()
            .rng_seed(seed)
            .enable_random_order()
            .epoch(UNIX_EPOCH)
            .tick_duration(TICK)
            .simulation_duration(Duration::MAX)
            .min_message_latency(Duration::from_millis(1))
            .max_message_latency(USUAL)
            .tcp_capacity(4096)
            .build();
        let (network, dir, running) = (Network::default(), fresh(), <[Slot; 3]>::default());
        let is_down = <[Rc<Cell<bool>>; 3]>::default();
        for (place, code) in CODES.into_iter().enumerate() {
            let mut dice = dice(seed, place as u64);
            let host = Host {
                world: world.clone(),
                code,
                dir: dir.join(code),
                clock: Arc::new(HostClock { ahead: Duration::from_millis(dice.below(APART)) }),
                network: network.clone(),
                running: Rc::clone(&running[place]),
                is_down: Rc::clone(&is_down[place]),
                dice: RefCell::new(dice),
            };
            sim.host(name(place), move || host.lives());
        }
        let (asking, mut asked) = mpsc::unbounded_channel::<Doing>();
        sim.client(name(CLIENTS), async move {
            let mut doing = JoinSet::new();
            loop {
                tokio::select! {
                    biased;
                    Some(done) = doing.join_next() => done?,
                    Some(what) = asked.recv() => drop(doing.spawn_local(what)),
                    else => return Ok(()),
                }
            }
        });
        Self { sim, network, running, is_down, asking, dir }
    }

    /// Since the beginning.
    pub(super) fn now(&self) -> Duration {
        self.sim.elapsed()
    }

    /// Those who ask do this.
    pub(super) fn asks(&self, what: impl Future<Output = ()> + 'static) {
        self.asking.send(Box::pin(what)).expect("they live as long as the simulation");
    }

    /// Everybody lives until something is so; was it so by then?
    pub(super) fn lives_until(&mut self, by: Duration, is_so: impl Fn(&Self) -> bool) -> bool {
        while !is_so(self) {
            if self.now() >= by {
                return false;
            }
            self.sim.step().expect("nobody fails");
        }
        true
    }

    /// A gateway is gone from one moment to the next.
    pub(super) fn crash(&mut self, place: usize) {
        drop(self.running[place].take());
        self.network.begins_to_die();
        self.is_down[place].set(true);
        self.sim.bounce(name(place));
    }

    /// Starts a gateway on what it has stored.
    pub(super) fn start(&mut self, place: usize) {
        self.is_down[place].set(false);
        self.sim.bounce(name(place));
    }

    /// What passes between two hosts.
    pub(super) fn links(&self) -> &Sim<'static> {
        &self.sim
    }

    /// Do all gateways run?
    pub(super) fn all_run(&self) -> bool {
        self.running.iter().all(|slot| slot.borrow().is_some())
    }

    /// How many letters the portal owes, if it runs.
    pub(super) fn owed(&self) -> Option<usize> {
        let portal = self.running[PORTAL].borrow();
        let portal = portal.as_ref()?;
        let peers = &portal.reach.sources.peers;
        Some(peers.iter().map(|peer| portal.outbox.owed(peer.node())).sum())
    }
}

impl Drop for Federation {
    fn drop(&mut self) {
        // What ends may ask for the time, so it ends on its host.
        if !std::thread::panicking() {
            (0..CODES.len()).for_each(|place| self.crash(place));
        }
        drop(fs::remove_dir_all(&self.dir));
    }
}

/// The host of a place.
pub(super) fn name(place: usize) -> String {
    CODES.get(place).map_or("clients".to_owned(), |code| network::host(code.parse().unwrap()))
}

/// What a gateway is started on, again and again.
struct Host {
    world: World,
    code: &'static str,
    dir: PathBuf,
    clock: Arc<HostClock>,
    network: Network,
    running: Slot,
    /// Nothing runs on it.
    is_down: Rc<Cell<bool>>,
    /// No two starts have the same chance.
    dice: RefCell<Dice>,
}

impl Host {
    /// What is done on it from a start to the next, or from an end to the next start.
    fn lives(&self) -> Pin<Box<dyn Future<Output = turmoil::Result>>> {
        if self.is_down.get() {
            self.network.is_dead();
            return Box::pin(pending());
        }
        let mut dice = self.dice.borrow_mut();
        let mut setup = Node::setup(&self.world, self.code, self.dir.clone());
        setup.clock = Arc::<HostClock>::clone(&self.clock);
        setup.chance = Arc::new(SeededChance::new(dice.below(u64::MAX)));
        setup.transport = Arc::new(self.network.clone());
        let begun = Begun {
            setup,
            door: door(&self.world, &self.world.identities[self.code]),
            network: self.network.clone(),
            dice: Dice::new(dice.below(u64::MAX)),
            running: Rc::clone(&self.running),
        };
        Box::pin(begun.runs())
    }
}

/// A gateway about to run.
struct Begun {
    setup: Setup,
    door: Arc<Door>,
    network: Network,
    dice: Dice,
    running: Slot,
}

impl Begun {
    async fn runs(self) -> turmoil::Result {
        let Self { setup, door, network, dice, running } = self;
        let (clock, transport) = (Arc::clone(&setup.clock), Arc::clone(&setup.transport));
        let Opened { store, .. } = at_once(open_store(&setup))?;
        let keys = log_keys(&setup.node, &setup.keys)?;
        let (audit, chance) = (setup.directory_path.join(AUDIT), Arc::clone(&setup.chance));
        let log = Log::inline(&audit, keys, Arc::new(FileDisk), Arc::clone(&clock), chance)?;
        let port: u16 = setup.node.as_str().parse()?;
        let gateway = Gateway::open_on(setup, Arc::new(Slow::new(store, dice)), log).await?;
        let gateway = Arc::new(gateway);
        let counted = Counted {
            current: Arc::new(Current::new(Arc::clone(&gateway))),
            telemetry: Arc::default(),
            clock,
            room: usize::MAX,
            phase: Arc::default(),
        };
        let (_stop, stopping) = Stop::new();
        let port = transport.bind(([0, 0, 0, 0], port).into()).await?;
        drop(tokio::spawn(Arc::clone(&gateway).errands(stopping.clone())));
        *running.borrow_mut() = Some(gateway);
        serve(door, port, Arc::new(Watched { counted, network }), stopping).await;
        Ok(())
    }
}

/// Tells the network when an answer is ready, so that it is known when it begins to leave.
struct Watched {
    counted: Counted,
    network: Network,
}

impl Answer for Watched {
    fn answer(&self, request: Incoming) -> Answering<'_> {
        let line = request.address.parse().expect("an address");
        Box::pin(async move {
            let answer = self.counted.answer(request).await;
            self.network.is_answered(line);
            answer
        })
    }

    fn refuse(&self, kind: Kind, say: &'static str) -> Response<Body> {
        self.counted.refuse(kind, say)
    }
}

/// A directory of its own, in memory where that can be had: nothing here tries what a disk does.
fn fresh() -> PathBuf {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let count = COUNT.fetch_add(1, Ordering::SeqCst);
    let memory = Path::new("/dev/shm");
    let all = if memory.is_dir() { memory.to_owned() } else { std::env::temp_dir() };
    let dir = all.join(format!("mylife-simulated-{}-{count}", std::process::id()));
    drop(fs::remove_dir_all(&dir));
    fs::create_dir_all(&dir).unwrap();
    dir
}
