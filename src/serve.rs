//! Runs one gateway until it is told to stop.
//!
//! Beside the way of a request, around it: opens the gateway, binds the public listener on every core
//! and the management listener on this thread, signs the audit log from time to time, takes changed
//! settings, and drains. Told to stop, it says so on `/readyz` before a port closes. It decides
//! nothing about any request.

pub mod counted;
pub mod current;
mod renewal;
pub mod management;

use std::{
    io::{self, Write},
    net::SocketAddr,
    sync::{Arc, atomic::Ordering},
    thread,
    time::Duration,
};

use arc_swap::ArcSwap;
use tokio::{
    runtime::Builder,
    signal::unix::{Signal, SignalKind, signal},
    sync::{mpsc, oneshot},
    time::{MissedTickBehavior, interval, timeout},
};

use self::{
    counted::Counted,
    current::Current,
    management::{Management, Phase},
    renewal::Renewal,
};
use crate::{
    config::{Config, listen::Listening},
    error::{Error, Result},
    gateway::{Gateway, notify::notify},
    listen::{
        self, Answer, Door, Stop, Stopping,
        cores::{Entrance, serve_per_core},
        guard::Hosts,
    },
    telemetry::Telemetry,
    transport::{Tcp, Transport},
};

/// What a gateway that serves can be told.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Order {
    /// Take the settings as they stand now.
    Reload,
    /// Drain, sign the log, end.
    Stop,
}

/// Who gives orders.
pub enum Orders {
    /// Whoever holds the other end; letting go of it means stop.
    Given(mpsc::UnboundedReceiver<Order>),
    /// The operating system: SIGTERM and SIGINT stop, SIGHUP reloads.
    Signals,
}

/// Serves until told to stop, and blocks as long. Once every port is bound one line on `out` says so.
///
/// # Errors
/// `Unavailable` if store, log or a port cannot be opened; `Invalid` as `Gateway::open`.
pub fn run(config: Config, orders: Orders, out: &mut dyn Write) -> Result<()> {
    let runtime = Builder::new_current_thread().enable_all().build().map_err(Error::unavailable)?;
    runtime.block_on(serve(config, orders, out))
}

async fn serve(config: Config, orders: Orders, out: &mut dyn Write) -> Result<()> {
    let mut orders = Ears::open(orders)?;
    let url = config.setup.url.clone();
    let (clock, room) = (Arc::clone(&config.setup.clock), config.requests);
    let chance = Arc::clone(&config.setup.chance);
    let gateway = Arc::new(Gateway::open(config.setup).await?);
    let current = Arc::new(Current::new(Arc::clone(&gateway)));
    let (telemetry, phase) = (Arc::new(Telemetry::default()), Arc::new(Phase::default()));
    let listening = config.listening;
    let names = listening.names.iter().map(String::as_str).chain([config.host.as_str()]);
    let tls = Some(Arc::clone(&listening.tls));
    let door = Arc::new(Door::new(listening.limits, Hosts::new(names), tls));
    let certificates = Arc::new(ArcSwap::from_pointee(listening.certificates()));
    let management = Management {
        current: Arc::clone(&current),
        door: Arc::clone(&door),
        phase: Arc::clone(&phase),
        telemetry: Arc::clone(&telemetry),
        certificates: Arc::clone(&certificates),
        exposed: !listening.management.ip().is_loopback(),
    };
    let (hand_of_management, stopping) = Stop::new();
    let managing = manage(&listening, management, stopping).await?;
    let (hand_of_errands, stopping) = Stop::new();
    // What it does is done with what stays when settings change.
    let errands = tokio::spawn(Arc::clone(&gateway).errands(stopping.clone()));
    let of_now = Arc::clone(&current);
    let notifying = tokio::spawn(notify(move || of_now.gateway(), stopping));
    let counted = Counted {
        current: Arc::clone(&current),
        telemetry: Arc::clone(&telemetry),
        clock: Arc::clone(&clock),
        room,
        phase: Arc::clone(&phase),
    };
    let mut cores = Cores::start(&listening, &door, Arc::new(counted))?;
    cores.bound(listening.cores).await?;
    phase.started.store(true, Ordering::SeqCst);
    let at = (listening.public, listening.management);
    writeln!(out, "Serving {url} at {}; management at http://{}", at.0, at.1)
        .and_then(|()| out.flush())
        .map_err(Error::unavailable)?;
    let goodbye = listening.goodbye;
    let origin = config.origin;
    let renewal = Renewal { origin, current, listening, certificates, telemetry, clock, chance };
    let signing = Signing { gateway: &gateway, every: config.auditing.checkpoint, phase: &phase };
    let served = Box::pin(obey(&mut orders, renewal, signing, &mut cores)).await;
    phase.draining.store(true, Ordering::SeqCst);
    if served.is_ok() {
        linger(goodbye, &mut orders).await;
    }
    let drained = cores.stop().await;
    hand_of_errands.now();
    errands.await.map_err(Error::internal)?;
    notifying.await.map_err(Error::internal)?;
    hand_of_management.now();
    managing.await.map_err(Error::internal)?;
    gateway.log.close()?;
    tracing::info!("drained, the audit log is signed");
    served.and(drained)
}

/// Whoever looks at `/readyz` now and then is given the time to; being told to stop once more ends it.
async fn linger(goodbye: Duration, orders: &mut Ears) {
    let again = async { while orders.next().await == Order::Reload {} };
    // Either will do.
    timeout(goodbye, again).await.ok();
}

/// What the log is signed with, how often, and where it is told.
#[derive(Clone, Copy)]
struct Signing<'a> {
    gateway: &'a Arc<Gateway>,
    every: Duration,
    phase: &'a Phase,
}

/// Does as it is told, and signs the log and looks at the settings in between, until told to stop.
async fn obey(
    orders: &mut Ears,
    mut renewal: Renewal,
    signing: Signing<'_>,
    cores: &mut Cores,
) -> Result<()> {
    let ticks = |every| {
        let mut ticks = interval(every);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        ticks
    };
    let (mut signs, mut looks) = (ticks(signing.every), ticks(renewal::LOOK));
    let mut signed = None;
    let mut watched = renewal.watch();
    loop {
        tokio::select! {
            ended = &mut cores.ended => return ended.map_err(Error::internal)?.map_err(Error::unavailable),
            order = orders.next() => match order {
                Order::Stop => return Ok(()),
                Order::Reload => {
                    renewal.renew().await;
                    watched = renewal.watch();
                }
            },
            _ = looks.tick() => if watched.is_settled(&renewal) {
                renewal.renew().await;
                watched = renewal.watch();
            },
            _ = signs.tick() => {
                let size = signing.gateway.log.head().size;
                if signed != Some(size) && checkpoint(signing.gateway).await {
                    signed = Some(size);
                    signing.phase.signed.store(size, Ordering::SeqCst);
                }
            }
        }
    }
}

/// Signs the log as it is now, away from this thread, since it waits for the disk.
async fn checkpoint(gateway: &Arc<Gateway>) -> bool {
    let gateway = Arc::clone(gateway);
    let signing = move || gateway.log.checkpoint(gateway.clock.now());
    match tokio::task::spawn_blocking(signing).await {
        Ok(Ok(_)) => true,
        Ok(Err(error)) => {
            tracing::error!(cause = ?error, "the audit log could not be signed");
            false
        }
        Err(error) => {
            tracing::error!(%error, "signing the audit log broke off");
            false
        }
    }
}

async fn manage(
    listening: &Listening,
    management: Management,
    stopping: Stopping,
) -> Result<tokio::task::JoinHandle<()>> {
    let at = listening.management;
    let port = Tcp.bind(at).await.map_err(|error| no_port("management", at, error))?;
    Ok(tokio::spawn(management.serve(port, stopping)))
}

fn no_port(which: &str, at: SocketAddr, error: io::Error) -> Error {
    let say = format!("The {which} listener cannot be bound at {at}: is the port free?");
    Error::new(crate::error::Kind::Unavailable, say).because(error)
}

/// The threads that serve the public listener.
struct Cores {
    at: SocketAddr,
    hand: Stop,
    bound: mpsc::UnboundedReceiver<()>,
    ended: oneshot::Receiver<io::Result<()>>,
}

impl Cores {
    fn start(listening: &Listening, door: &Arc<Door>, answer: Arc<dyn Answer>) -> Result<Self> {
        let (hand, stopping) = Stop::new();
        let (is_bound, bound) = mpsc::unbounded_channel();
        let (end, ended) = oneshot::channel();
        let (at, cores, door) = (listening.public, listening.cores, Arc::clone(door));
        let serve = move || {
            let bind = |_| {
                let (door, answer, is_bound) = (Arc::clone(&door), Arc::clone(&answer), &is_bound);
                Box::pin(async move {
                    let port = Tcp.bind(at).await?;
                    // Nobody waits any more if another core could not bind.
                    is_bound.send(()).ok();
                    Ok(vec![Entrance { door, port, answer }])
                }) as listen::cores::Binding<'_>
            };
            // Nobody waits any more if the gateway could not be started.
            end.send(serve_per_core(cores, &bind, &stopping)).ok();
        };
        thread::Builder::new()
            .name("public".to_owned())
            .spawn(serve)
            .map_err(Error::unavailable)?;
        Ok(Self { at, hand, bound, ended })
    }

    /// Waits until all of them listen.
    async fn bound(&mut self, cores: usize) -> Result<()> {
        for _ in 0..cores {
            tokio::select! {
                biased;
                ended = &mut self.ended => {
                    let why = ended.map_err(io::Error::other).and_then(|ended| ended);
                    let why = why.err().unwrap_or_else(|| io::Error::other("ended at once"));
                    return Err(no_port("public", self.at, why));
                }
                Some(()) = self.bound.recv() => {}
            }
        }
        Ok(())
    }

    /// Stops and waits until what is under way is answered.
    async fn stop(self) -> Result<()> {
        self.hand.now();
        // It has ended before if a core broke; that has been told.
        match self.ended.await {
            Ok(ended) => ended.map_err(Error::unavailable),
            Err(_) => Ok(()),
        }
    }
}

/// Where orders arrive.
enum Ears {
    Given(mpsc::UnboundedReceiver<Order>),
    Signals { terminate: Signal, interrupt: Signal, hangup: Signal },
}

impl Ears {
    fn open(orders: Orders) -> Result<Self> {
        let open = |kind| signal(kind).map_err(Error::unavailable);
        Ok(match orders {
            Orders::Given(orders) => Self::Given(orders),
            Orders::Signals => Self::Signals {
                terminate: open(SignalKind::terminate())?,
                interrupt: open(SignalKind::interrupt())?,
                hangup: open(SignalKind::hangup())?,
            },
        })
    }

    async fn next(&mut self) -> Order {
        match self {
            Self::Given(orders) => orders.recv().await.unwrap_or(Order::Stop),
            Self::Signals { terminate, interrupt, hangup } => tokio::select! {
                _ = terminate.recv() => Order::Stop,
                _ = interrupt.recv() => Order::Stop,
                _ = hangup.recv() => Order::Reload,
            },
        }
    }
}
