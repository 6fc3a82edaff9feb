//! What is printed of a stretch of load, and which figures hold.
//!
//! Beside the way; of the load driver.

use std::time::Duration;

use super::{
    mix::Kind,
    tally::{Tally, Times},
    watch::{DEADLINE, Watched},
};

/// A withdrawal is acknowledged within: 2 s, and a second for what is before it.
const WITHDRAWN: f64 = 3000.0;
/// Growth of this part of its memory in all the time measured is none.
const GROWTH: f64 = 0.02;

/// Says whether a figure holds.
pub(crate) fn hold(holds: bool, what: &str) {
    println!("{:<8}{what}", if holds { "holds" } else { "MISSED" });
}

fn times(name: &str, times: &Times, rest: &str) {
    let [p50, p99, p999] = [0.5, 0.99, 0.999].map(|share| times.within(share));
    println!("{name:<28}{:>10}{p50:>11.2}{p99:>11.2}{p999:>11.2}{rest}", times.count());
}

/// Everything of one stretch; `cpu` is that of gateways and servers.
pub(crate) fn stretch(tally: &Tally, took: Duration, cpu: Duration) {
    let (seconds, answered) = (took.as_secs_f64(), tally.answered());
    println!(
        "\n{:<28}{:>10}{:>11}{:>11}{:>11}{:>10}{:>8}",
        "ms from when it was due", "answered", "p50", "p99", "p99.9", "refused", "badly"
    );
    for (kind, row) in &tally.rows {
        let rest = format!("{:>10}{:>8}", row.refused.count(), row.badly);
        times(kind.name(), &row.times, &rest);
    }
    times("all but consent changes", &tally.times(), "");
    times("a withdrawal, once sent", &tally.withdrawn, "");
    println!(
        "answered: {:.0}/s; CPU of gateways and servers: {:.0} us each, {:.2} of a core",
        answered as f64 / seconds,
        cpu.as_secs_f64() * 1e6 / answered.max(1) as f64,
        cpu.as_secs_f64() / seconds,
    );
    println!(
        "not sent for want of a connection: {}; answers of the portal without a source: {}",
        tally.unsent, tally.partial
    );
    println!(
        "checked: {} answers with {} documents; wrong: {}",
        tally.checked, tally.documents, tally.wrong
    );
    for say in tally.told() {
        println!("WRONG   {say}");
    }
}

/// What was refused, and whether early.
pub(crate) fn refusals(tally: &Tally, sent: u64) {
    let mut refused = Times::default();
    tally.rows.values().for_each(|row| refused.add(&row.refused));
    println!(
        "refused with Retry-After: {:.1} % of {sent} sent, after {:.2} ms (median), {:.2} ms (p99)",
        100.0 * tally.refused() as f64 / sent.max(1) as f64,
        refused.within(0.5),
        refused.within(0.99),
    );
    let late = tally.withdrawn.within(1.0);
    let all = tally.withdrawn.count();
    let say = format!(
        "{all} withdrawals acknowledged, the last of them after {late:.0} ms of {WITHDRAWN:.0}; {} not",
        tally.not_withdrawn
    );
    hold(late <= WITHDRAWN && tally.not_withdrawn == 0 && all > 0, &say);
}

/// Were health checks answered all along?
pub(crate) fn health(watched: &Watched) {
    let say = format!(
        "{} health checks answered within {} s, the slowest in {:.1} ms; {} not",
        watched.healthy.count(),
        DEADLINE.as_secs(),
        watched.healthy.within(1.0),
        watched.unhealthy
    );
    hold(watched.unhealthy == 0, &say);
}

/// Is memory flat?
pub(crate) fn flat(watched: &Watched, took: Duration) {
    let minutes = took.as_secs_f64() / 60.0;
    for process in &watched.processes {
        let (first, peak) = process.first_and_peak();
        let Some(trend) = process.trend() else { continue };
        let bound = GROWTH * peak / minutes;
        let say = format!(
            "memory of {}: {first:.1} MB at first, {peak:.1} MB at most; {:+.3} MB/min, standard error \
             {:.3}, bound {bound:.3}",
            process.name, trend.slope, trend.error
        );
        hold(trend.is_flat(bound), &say);
    }
}

/// Does memory stay under a bound?
pub(crate) fn bounded(watched: &Watched, most: f64) {
    for process in &watched.processes {
        let (first, peak) = process.first_and_peak();
        let say = format!(
            "memory of {}: {first:.1} MB at first, {peak:.1} MB at most, bound {most:.0}",
            process.name
        );
        hold(peak <= most, &say);
    }
}

/// The kinds that there are, with their shares.
pub(crate) fn mix() -> String {
    let shares = Kind::SHARES.iter().map(|(kind, share)| format!("{share} % {}", kind.name()));
    shares.collect::<Vec<_>>().join(", ")
}
