//! What operators count: requests by road and class of status, disclosures, refusals.
//!
//! Beside the way of a request, around it: whoever serves a gateway holds one and shows it on the
//! management listener (Prometheus text format 0.0.4). It must not hold or show anything of a person
//! or a caller; roads and classes are few and fixed.

use std::{
    fmt::Write as _,
    sync::atomic::{AtomicU64, Ordering},
};

/// The roads of a gateway, and `none` for what is no call of ours.
const ROADS: [&str; 8] =
    ["handles", "none", "public", "push", "read", "search", "token", "write-consent"];
/// Classes of status.
const CLASSES: [&str; 5] = ["1xx", "2xx", "3xx", "4xx", "5xx"];

/// The counters of one gateway.
#[derive(Default)]
pub struct Telemetry {
    requests: [[AtomicU64; CLASSES.len()]; ROADS.len()],
    disclosures: AtomicU64,
    refusals: AtomicU64,
}

/// What is measured at the moment of showing.
pub struct Gauges {
    /// Connections open at the public listener.
    pub connections: usize,
    /// Records in the audit log.
    pub audit_records: u64,
    /// May requests come?
    pub ready: bool,
}

impl Telemetry {
    /// Counts one answer: its road, its status, and whether data of a person left with a receipt.
    pub fn count(&self, road: &str, status: u16, disclosed: bool) {
        let row = ROADS.iter().position(|known| *known == road);
        let class = usize::from(status / 100).checked_sub(1);
        let counter = row.zip(class).and_then(|(row, class)| self.requests.get(row)?.get(class));
        counter.map(|counter| counter.fetch_add(1, Ordering::Relaxed));
        if disclosed {
            self.disclosures.fetch_add(1, Ordering::Relaxed);
        }
        if matches!(status, 401 | 403 | 404) {
            self.refusals.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// All of it in Prometheus text format.
    pub fn text(&self, gauges: &Gauges) -> String {
        let mut text = String::new();
        head(
            &mut text,
            "mylife_requests_total",
            "counter",
            "Requests by road and class of status.",
        );
        for (road, row) in ROADS.iter().zip(&self.requests) {
            for (class, counter) in CLASSES.iter().zip(row) {
                let count = counter.load(Ordering::Relaxed);
                let labels = format_args!("road=\"{road}\",status=\"{class}\"");
                // Writing to a String cannot fail.
                writeln!(text, "mylife_requests_total{{{labels}}} {count}").ok();
            }
        }
        let disclosures = self.disclosures.load(Ordering::Relaxed);
        let refusals = self.refusals.load(Ordering::Relaxed);
        let connections = u64::try_from(gauges.connections).unwrap_or(u64::MAX);
        let rows = [
            ("mylife_disclosures_total", "counter", "Answers with a receipt.", disclosures),
            ("mylife_refusals_total", "counter", "Answers 401, 403 and 404.", refusals),
            (
                "mylife_connections",
                "gauge",
                "Connections open at the public listener.",
                connections,
            ),
            ("mylife_audit_records", "gauge", "Records in the audit log.", gauges.audit_records),
            ("mylife_ready", "gauge", "1 if requests may come.", u64::from(gauges.ready)),
        ];
        for (name, kind, help, value) in rows {
            head(&mut text, name, kind, help);
            writeln!(text, "{name} {value}").ok();
        }
        text
    }
}

fn head(text: &mut String, name: &str, kind: &str, help: &str) {
    writeln!(text, "# HELP {name} {help}\n# TYPE {name} {kind}").ok();
}
