//! What is looked at beside the load, on a thread of its own: memory, and whether health checks are answered.
//!
//! Beside the way; of the load driver.

use std::{
    fs,
    sync::mpsc::{self, RecvTimeoutError, Sender},
    thread::{self, JoinHandle},
    time::Duration,
};

use mylife::clock::{Clock, SystemClock};
use tokio::{runtime::Builder, time::timeout};

use super::{
    stand::{Gateway, Stand, says_yes},
    tally::Times,
    trend::Trend,
};

/// How often it looks.
const EVERY: Duration = Duration::from_millis(250);
/// A health check that is answered later is not answered.
pub(crate) const DEADLINE: Duration = Duration::from_secs(1);

/// What was seen of one process.
pub(crate) struct Sampled {
    /// Its name in figures.
    pub(crate) name: String,
    pid: u32,
    management: u16,
    /// Seconds, and resident megabytes.
    samples: Vec<(f64, f64)>,
}

/// What was seen.
pub(crate) struct Watched {
    /// Of each process.
    pub(crate) processes: Vec<Sampled>,
    /// Health checks that were answered in time.
    pub(crate) healthy: Times,
    /// Those that were not.
    pub(crate) unhealthy: u64,
}

/// Looks until it is told to end.
pub(crate) struct Watch {
    end: Sender<()>,
    looking: JoinHandle<Watched>,
}

impl Watch {
    /// Begins to look at every process of a stand.
    pub(crate) fn start(stand: &Stand) -> Self {
        let own = |(gateway, pid): (&Gateway, u32)| Sampled {
            name: gateway.name.clone(),
            pid,
            management: gateway.management,
            samples: Vec::new(),
        };
        let processes = stand.gateways.iter().zip(stand.pids()).map(own).collect();
        let (end, ended) = mpsc::channel();
        let looking = thread::spawn(move || {
            let runtime = Builder::new_current_thread().enable_all().build().unwrap();
            let (clock, healthy) = (SystemClock::default(), Times::default());
            let mut watched = Watched { processes, healthy, unhealthy: 0 };
            while ended.recv_timeout(EVERY) == Err(RecvTimeoutError::Timeout) {
                runtime.block_on(watched.look(&clock));
            }
            watched
        });
        Self { end, looking }
    }

    /// What was seen until now.
    pub(crate) fn end(self) -> Watched {
        self.end.send(()).unwrap();
        self.looking.join().unwrap()
    }
}

impl Watched {
    async fn look(&mut self, clock: &SystemClock) {
        for process in &mut self.processes {
            let now = clock.elapsed();
            process.samples.push((now.as_secs_f64(), resident(process.pid)));
            for path in ["/livez", "/readyz"] {
                let asked = clock.elapsed();
                match timeout(DEADLINE, says_yes(process.management, path)).await {
                    Ok(true) => self.healthy.note(clock.elapsed().saturating_sub(asked)),
                    Ok(false) | Err(_) => self.unhealthy += 1,
                }
            }
        }
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
        Trend::of(&later.map(|(time, size)| (time / 60.0, *size)).collect::<Vec<_>>())
    }
}

/// Resident memory of a process, in megabytes.
fn resident(pid: u32) -> f64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<f64>().unwrap() / 1000.0
}
