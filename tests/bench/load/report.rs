//! What is printed of a stretch of load, and which figures hold.
//!
//! Beside the way; of the load driver.

use std::time::Duration;

use super::{
    mix::Kind,
    tally::{Tally, Times},
    watch::{HEALTHY, Kept, WITHDRAWN, Watched},
};

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

/// Everything of one stretch; `cpu` is that of gateways and servers, where none of them was replaced.
pub(crate) fn stretch(tally: &Tally, took: Duration, cpu: Option<Duration>) {
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
    times("(how late the driver was)", &tally.late, "");
    println!("answered: {:.0}/s", answered as f64 / seconds);
    if let Some(cpu) = cpu.map(|cpu| cpu.as_secs_f64()) {
        let (each, share) = (cpu * 1e6 / answered.max(1) as f64, cpu / seconds);
        println!("CPU of gateways and servers: {each:.0} us an answer, {share:.2} of a core");
    }
    println!(
        "not sent for want of a connection: {}; answers of the portal without a source: {}",
        tally.unsent, tally.partial
    );
    for (said, count) in &tally.said {
        println!("told {count} times: {said}");
    }
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
}

/// Were health checks and withdrawals answered all along?
pub(crate) fn kept(watched: &Watched) {
    let say = |what: &str, kept: &Kept, deadline: Duration| {
        let (count, slowest) = (kept.within.count(), kept.within.within(1.0));
        let (seconds, not) = (deadline.as_secs(), kept.not);
        let say =
            format!("{count} {what} within {seconds} s, the slowest in {slowest:.1} ms; {not} not");
        hold(not == 0 && count > 0, &say);
    };
    say("health checks answered", &watched.healthy, HEALTHY);
    say("withdrawals acknowledged beside", &watched.withdrawn, WITHDRAWN);
}

/// Is memory flat? In a short time caches fill, so that it is only told.
pub(crate) fn flat(watched: &Watched, took: Duration, counts: bool) {
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
        if counts {
            hold(trend.is_flat(bound), &say);
        } else {
            println!("{say}");
        }
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
