//! What operators count: requests and their time, stages, decisions, peers, limits, this process.
//!
//! Beside the way of a request, around it: whoever serves a gateway holds one and shows it on the
//! management listener (Prometheus text format 0.0.4; names as OpenTelemetry's semantic conventions have
//! them, where they have). It must not hold or show anything of a person or a caller: labels are roads,
//! stages, reasons, node codes, of which there are few.

pub mod histogram;
pub mod otlp;
pub mod process;
pub mod span;
pub mod text;
pub mod trace;

use std::{
    collections::BTreeMap,
    sync::{
        Mutex, OnceLock, PoisonError,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
    time::Duration,
};

pub use self::histogram::Histogram;
use self::text::Text;
use crate::domain::warrant::Warrant;

/// The roads of a gateway; `none` for what is no call of ours, and for any other name.
pub const ROADS: [&str; 43] = [
    "authorize",
    "batch",
    "circle-of-life",
    "collective-plan",
    "compartment",
    "consent",
    "create-consent",
    "create-planned",
    "create-response",
    "delete-planned",
    "evaluate-measure",
    "everything",
    "explain",
    "export",
    "export-end",
    "export-file",
    "export-status",
    "extract",
    "handles",
    "history-instance",
    "history-type",
    "import-consent",
    "introspect",
    "launch",
    "login",
    "none",
    "notification",
    "permissions",
    "populate",
    "public",
    "push",
    "read",
    "receipt",
    "return",
    "revoke",
    "search",
    "subscription",
    "token",
    "update-consent",
    "update-planned",
    "validate",
    "vread",
    "write-consent",
];
/// Statuses that are answered; 0 for any other.
const STATUSES: [u16; 30] = [
    0, 200, 201, 202, 204, 206, 302, 303, 304, 400, 401, 403, 404, 405, 406, 408, 409, 410, 412,
    413, 414, 415, 417, 422, 429, 431, 500, 502, 503, 504,
];

/// The parts of a request that are measured each.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Stage {
    /// Token, caller and grant.
    Authenticate,
    /// Load, ask peers, decide, search, write.
    Answer,
    /// Until the record of it is durable.
    Record,
}

impl Stage {
    const ALL: [Self; 3] = [Self::Authenticate, Self::Answer, Self::Record];

    const fn name(self) -> &'static str {
        match self {
            Self::Authenticate => "authenticate",
            Self::Answer => "answer",
            Self::Record => "record",
        }
    }
}

/// What became of a document of another form.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Conversion {
    /// A good native document.
    Made,
    /// A document that is refused.
    Refused,
    /// Nothing: the filter failed on it.
    Failed,
    /// Nothing: the filter met one of its bounds.
    Costly,
    /// Nothing yet: there was no room, or no time.
    Turned,
}

impl Conversion {
    const ALL: [Self; 5] = [Self::Made, Self::Refused, Self::Failed, Self::Costly, Self::Turned];

    const fn name(self) -> &'static str {
        match self {
            Self::Made => "made",
            Self::Refused => "refused",
            Self::Failed => "failed",
            Self::Costly => "too-costly",
            Self::Turned => "turned-away",
        }
    }
}

/// What the gateway counts inside.
#[derive(Default)]
pub struct Inside {
    stages: [Histogram; Stage::ALL.len()],
    permitted: [AtomicU64; Warrant::ALL.len()],
    refused: [AtomicU64; STATUSES.len()],
    notified: [AtomicU64; 2],
    /// By filter, of which there are few.
    converted: Mutex<BTreeMap<String, [u64; Conversion::ALL.len()]>>,
}

impl Inside {
    /// Notes how long a stage took.
    pub fn took(&self, stage: Stage, took: Duration) {
        let place = Stage::ALL.iter().position(|known| *known == stage);
        if let Some(times) = place.and_then(|place| self.stages.get(place)) {
            times.observe(took);
        }
    }

    /// Notes on what an answer rests.
    pub fn permitted(&self, warrant: Warrant) {
        let place = Warrant::ALL.iter().position(|known| *known == warrant);
        count(place.and_then(|place| self.permitted.get(place)));
    }

    /// Notes a refusal, by its status.
    pub fn refused(&self, status: u16) {
        count(self.refused.get(place_of(status)));
    }

    /// A notification was sent, and acknowledged or not.
    pub fn notified(&self, acknowledged: bool) {
        count(self.notified.get(usize::from(!acknowledged)));
    }

    /// Notes what became of a document that a filter was asked about.
    pub fn converted(&self, filter: &str, became: Conversion) {
        let mut all = self.converted.lock().unwrap_or_else(PoisonError::into_inner);
        let place = Conversion::ALL.iter().position(|known| *known == became);
        let row = all.entry(filter.to_owned()).or_default();
        if let Some(number) = place.and_then(|place| row.get_mut(place)) {
            *number += 1;
        }
    }

    fn write_converted(&self, text: &mut Text) {
        let name = "mylife_conversions_total";
        text.head(name, "counter", "Documents of another form, by filter and what became of them.");
        let all = self.converted.lock().unwrap_or_else(PoisonError::into_inner);
        for (filter, row) in &*all {
            for (became, number) in Conversion::ALL.iter().zip(row) {
                text.row(name, &[("filter", filter), ("result", became.name())], number);
            }
        }
    }

    fn write(&self, text: &mut Text) {
        self.write_converted(text);
        let name = "mylife_notifications_total";
        text.head(name, "counter", "Notifications sent, by whether they were acknowledged.");
        for (outcome, number) in ["acknowledged", "failed"].iter().zip(&self.notified) {
            text.row(name, &[("outcome", outcome)], number.load(Ordering::Relaxed));
        }
        text.head("mylife_stage_duration_seconds", "histogram", "Time of each stage of a request.");
        for (stage, times) in Stage::ALL.iter().zip(&self.stages) {
            text.histogram("mylife_stage_duration_seconds", &[("stage", stage.name())], times);
        }
        text.head(
            "mylife_decisions_total",
            "counter",
            "Answers by what they rest on, refusals by why.",
        );
        for (reason, number) in Warrant::ALL.iter().zip(&self.permitted) {
            let labels = [("outcome", "permit"), ("reason", reason.name())];
            text.row("mylife_decisions_total", &labels, number.load(Ordering::Relaxed));
        }
        for (status, number) in STATUSES.iter().zip(&self.refused) {
            let number = number.load(Ordering::Relaxed);
            if number > 0 {
                let status = status.to_string();
                let labels = [("outcome", "refuse"), ("reason", status.as_str())];
                text.row("mylife_decisions_total", &labels, number);
            }
        }
    }
}

/// The counters of one gateway's public listener.
pub struct Telemetry {
    /// Of each road and status its times; made when there is the first.
    times: Box<[[OnceLock<Box<Histogram>>; STATUSES.len()]]>,
    active: AtomicUsize,
    disclosures: AtomicU64,
    shed: AtomicU64,
    reloads: [AtomicU64; 2],
}

impl Default for Telemetry {
    fn default() -> Self {
        Self {
            times: ROADS.iter().map(|_| [const { OnceLock::new() }; STATUSES.len()]).collect(),
            active: AtomicUsize::new(0),
            disclosures: AtomicU64::new(0),
            shed: AtomicU64::new(0),
            reloads: Default::default(),
        }
    }
}

impl Telemetry {
    /// A request begins; so many are under way with it.
    pub fn begin(&self) -> usize {
        self.active.fetch_add(1, Ordering::Relaxed) + 1
    }

    /// A request has ended, answered or not.
    pub fn end(&self) {
        self.active.fetch_sub(1, Ordering::Relaxed);
    }

    /// Counts one answer: its road, its status, its time, and whether data of a person left with a
    /// receipt.
    pub fn count(&self, road: &str, status: u16, took: Duration, disclosed: bool) {
        let road = ROADS.iter().position(|known| *known == road);
        let none = || ROADS.iter().position(|known| *known == "none");
        let row = road.or_else(none).and_then(|row| self.times.get(row));
        if let Some(cell) = row.and_then(|row| row.get(place_of(status))) {
            cell.get_or_init(Box::default).observe(took);
        }
        if disclosed {
            self.disclosures.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// A request was refused because too many are under way.
    pub fn shed(&self) {
        self.shed.fetch_add(1, Ordering::Relaxed);
    }

    /// Settings were read again, and taken or not.
    pub fn reloaded(&self, taken: bool) {
        count(self.reloads.get(usize::from(!taken)));
    }

    /// All of it in Prometheus text format, with what is measured now.
    pub fn text(&self, inside: &Inside, measure: impl FnOnce(&mut Text)) -> String {
        let mut text = Text::default();
        let name = "http_server_request_duration_seconds";
        text.head(name, "histogram", "Time from a request's head to that of its answer.");
        let mut throttled = 0;
        for (road, row) in ROADS.iter().zip(&self.times) {
            for (status, cell) in STATUSES.iter().zip(row) {
                let Some(times) = cell.get() else { continue };
                throttled += if *status == 429 { times.count() } else { 0 };
                let status = status.to_string();
                let labels =
                    [("http_route", *road), ("http_response_status_code", status.as_str())];
                text.histogram(name, &labels, times);
            }
        }
        let active = self.active.load(Ordering::Relaxed) as u64;
        text.gauge("http_server_active_requests", "Requests under way.", active);
        let of = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        text.counter("mylife_disclosures_total", "Answers with a receipt.", of(&self.disclosures));
        text.counter("mylife_throttled_total", "Answers 429: a client asked too often.", throttled);
        text.counter("mylife_shed_total", "Refused as too many are under way.", of(&self.shed));
        text.head("mylife_reloads_total", "counter", "Times that settings were read again.");
        for (outcome, number) in ["taken", "failed"].iter().zip(&self.reloads) {
            text.row("mylife_reloads_total", &[("outcome", outcome)], of(number));
        }
        inside.write(&mut text);
        measure(&mut text);
        process::write(&mut text);
        text.into_string()
    }
}

fn count(counter: Option<&AtomicU64>) {
    if let Some(counter) = counter {
        counter.fetch_add(1, Ordering::Relaxed);
    }
}

fn place_of(status: u16) -> usize {
    STATUSES.iter().position(|known| *known == status).unwrap_or_default()
}
