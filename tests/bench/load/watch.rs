//! What is looked at beside the load, on a thread of its own: memory, whether health checks are answered, and
//! whether somebody can withdraw a consent.
//!
//! Beside the way; of the load driver. Whom these consents are about nobody asks about, so that the order of
//! what the driver sees stays its own.

use std::{thread, time::Duration};

use mylife::{
    clock::{Clock, SystemClock},
    domain::theme::ThemeSet,
    listen::{Stop, Stopping},
};
use tokio::{
    runtime::Builder,
    task::{JoinSet, LocalSet},
    time::timeout,
};
use tokio_rustls::TlsConnector;

use super::{
    line::Line,
    members,
    memory::memory,
    people::{DESK, Whose, consent},
    stand::{Gateway, Stand, Tokens, says_yes},
    tally::Times,
    trend::Trend,
};

/// How often it looks.
const EVERY: Duration = Duration::from_millis(250);
/// The most changes of one consent, each of which stays with its person: longer stretches have fewer a second.
const CHANGES: u32 = 400;
/// Stretches of time whose means are looked at: samples that follow closely on each other are alike.
const STRETCHES: usize = 40;
/// A health check that is answered later is not answered.
pub(crate) const HEALTHY: Duration = Duration::from_secs(1);
/// The same of a withdrawal: two seconds, in which what was decided before can still start, and one.
pub(crate) const WITHDRAWN: Duration = Duration::from_secs(3);

/// What was seen of one process.
pub(crate) struct Sampled {
    /// Its name in figures.
    pub(crate) name: String,
    pid: u32,
    management: u16,
    /// Seconds, and resident megabytes.
    samples: Vec<(f64, f64)>,
}

/// How often something was done in time, and how often not.
#[derive(Default)]
pub(crate) struct Kept {
    pub(crate) within: Times,
    pub(crate) not: u64,
}

/// What was seen.
#[derive(Default)]
pub(crate) struct Watched {
    /// Of each process.
    pub(crate) processes: Vec<Sampled>,
    /// Health checks that were answered.
    pub(crate) healthy: Kept,
    /// Withdrawals that were acknowledged.
    pub(crate) withdrawn: Kept,
}

/// Looks until it is told to end.
pub(crate) struct Watch {
    end: Stop,
    looking: thread::JoinHandle<Watched>,
}

/// Where and as whom consents are withdrawn.
struct Desk {
    whose: Whose,
    port: u16,
    tls: TlsConnector,
    tokens: Tokens,
    /// How often one is changed.
    pause: Duration,
}

impl Watch {
    /// Begins to look at every process of a stand, and to withdraw consents of these people, for so long.
    pub(crate) fn start(stand: &Stand, apart: &[Whose], time: Duration) -> Self {
        let own = |(gateway, pid): (&Gateway, u32)| Sampled {
            name: gateway.name.clone(),
            pid,
            management: gateway.management,
            samples: Vec::new(),
        };
        let processes: Vec<Sampled> = stand.gateways.iter().zip(stand.pids()).map(own).collect();
        let desk = |whose: &Whose| Desk {
            port: stand.port(whose.node),
            tls: stand.tls.clone(),
            tokens: Tokens::clone(&stand.tokens),
            whose: whose.clone(),
            pause: EVERY.max(time / CHANGES),
        };
        let desks: Vec<Desk> = apart.iter().map(desk).collect();
        let (end, ended) = Stop::new();
        let looking = thread::spawn(move || {
            let runtime = Builder::new_current_thread().enable_all().build().unwrap();
            LocalSet::new().block_on(&runtime, look(processes, desks, ended))
        });
        Self { end, looking }
    }

    /// What was seen until now.
    pub(crate) fn end(self) -> Watched {
        self.end.now();
        self.looking.join().unwrap()
    }
}

async fn look(processes: Vec<Sampled>, desks: Vec<Desk>, ended: Stopping) -> Watched {
    let mut watched = Watched { processes, ..Watched::default() };
    let (clock, mut looks) = (SystemClock::default(), ended.clone());
    let looking = async {
        while goes_on(EVERY, &mut looks).await {
            watched.look(&clock).await;
        }
    };
    let withdrawing = async {
        let mut doing = JoinSet::new();
        desks.into_iter().for_each(|desk| drop(doing.spawn_local(desk.withdraw(ended.clone()))));
        doing.join_all().await
    };
    let ((), withdrawn) = tokio::join!(looking, withdrawing);
    for Kept { within, not } in withdrawn {
        watched.withdrawn.within.add(&within);
        watched.withdrawn.not += not;
    }
    watched
}

/// Waits until something is done again; no more once it is told to end.
async fn goes_on(pause: Duration, ended: &mut Stopping) -> bool {
    timeout(pause, ended.asked()).await.is_err()
}

impl Watched {
    async fn look(&mut self, clock: &SystemClock) {
        for process in &mut self.processes {
            process.samples.push((clock.elapsed().as_secs_f64(), resident(process.pid)));
            for path in ["/livez", "/readyz"] {
                let asked = clock.elapsed();
                let says = timeout(HEALTHY, says_yes(process.management, path)).await;
                self.healthy.note(says == Ok(true), clock.elapsed().saturating_sub(asked));
            }
        }
    }
}

impl Kept {
    fn note(&mut self, is: bool, took: Duration) {
        if is {
            self.within.note(took);
        } else {
            self.not += 1;
        }
    }
}

impl Desk {
    /// Grants and withdraws by turns; a grant does not count.
    async fn withdraw(self, mut ended: Stopping) -> Kept {
        let (clock, mut kept, mut line) = (SystemClock::default(), Kept::default(), None);
        for turn in 0_u64.. {
            if !goes_on(self.pause, &mut ended).await {
                break;
            }
            let allowed = if turn % 2 == 0 { ThemeSet::FULL } else { ThemeSet::EMPTY };
            let token = self.tokens.lock().unwrap()[self.whose.node][DESK].clone();
            let question = consent(&token, &self.whose, members::CITY, allowed);
            let asked = clock.elapsed();
            let done = timeout(WITHDRAWN, self.ask(&mut line, &question)).await;
            if allowed.is_empty() {
                kept.note(done == Ok(true), clock.elapsed().saturating_sub(asked));
            }
        }
        kept
    }

    async fn ask(&self, kept: &mut Option<Line>, question: &[u8]) -> bool {
        let line = match kept.take().filter(Line::is_kept) {
            Some(line) => Some(line),
            None => Line::reach(&self.tls, self.port).await,
        };
        let Some(mut line) = line else { return false };
        let done = line.ask(question).await.is_some_and(|reply| reply.status == 200);
        *kept = Some(line);
        done
    }
}

impl Sampled {
    /// The first of its samples, and the largest.
    pub(crate) fn first_and_peak(&self) -> (f64, f64) {
        let sizes = self.samples.iter().map(|(_, size)| *size);
        (sizes.clone().next().unwrap_or_default(), sizes.fold(0.0, f64::max))
    }

    /// Megabytes a minute, after the first third of the time: until then caches fill.
    pub(crate) fn trend(&self) -> Option<Trend> {
        let later = self.samples.iter().skip(self.samples.len() / 3);
        let later: Vec<_> = later.map(|(time, size)| (time / 60.0, *size)).collect();
        Trend::of_means(&later, STRETCHES)
    }
}

/// Resident memory of a process, in megabytes.
fn resident(pid: u32) -> f64 {
    memory(&pid.to_string(), "VmRSS") / 1000.0
}
