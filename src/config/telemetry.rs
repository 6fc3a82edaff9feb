//! `[telemetry]`: who is told what took how long.
//!
//! Part of `config`. Without a collector nobody is. No collector is asked here.

use std::{sync::Arc, time::Duration};

use crate::{
    clock::Clock, config::section::Section, federation::tls::PeerTls, gateway::collector::Settings,
    pki, telemetry::span, transport::Authority,
};

/// How a collector is written.
const URL: &str = "https://host:port, or http://host:port, without a path";

/// Reads the section.
pub fn read(mut section: Section<'_>, clock: &Arc<dyn Clock>) -> Option<Settings> {
    let collector = section.parsed("collector", URL, place);
    let (is_named, authorities) = (section.has("collector"), section.has("authorities"));
    let anchors = if authorities { section.file("authorities") } else { None };
    let anchors = anchors.map(|(_, pem)| pki::anchors(&pem));
    let one_in = section.number("one_in", 1..=1_000_000, 1);
    let queue = section.number("queue", 1..=1_000_000, 4096);
    let deadline = section.number("deadline_milliseconds", 10..=60_000, 5000);
    if is_named && !span::MADE {
        let say = "needs a program that was built with the feature otlp, which this one was not: \
                   cargo build --release --features otlp";
        section.fault("collector", say);
    }
    if authorities && !matches!(collector, Some((true, _))) {
        section.fault("authorities", "goes with a collector at https://");
    }
    let anchors = match anchors {
        Some(Err(error)) => {
            section.fault("authorities", error.say().to_owned());
            None
        }
        Some(Ok(anchors)) => Some(anchors),
        None => Some(pki::public_anchors()),
    };
    let clock = Arc::clone(clock);
    let reached = collector.zip(anchors).map(|((is_tls, to), anchors)| {
        let tls = is_tls.then(|| PeerTls::nameless(anchors, clock).map(Arc::new));
        tls.transpose().map(|tls| (to, tls))
    });
    let reached = reached.transpose();
    let reached = reached.inspect_err(|error| section.fault("", error.say().to_owned()));
    section.finish();
    let (to, tls) = reached.ok()??;
    let queue = usize::try_from(queue).unwrap_or(usize::MAX);
    Some(Settings { to, tls, one_in, queue, deadline: Duration::from_millis(deadline) })
}

/// Where it is, and whether over TLS.
fn place(url: &str) -> Option<(bool, Authority)> {
    let (is_tls, rest) = match url.strip_prefix("https://") {
        Some(rest) => (true, rest),
        None => (false, url.strip_prefix("http://")?),
    };
    let at = rest.parse().ok().filter(|_| !rest.contains(['/', '?', '#', ' ']));
    at.map(|at| (is_tls, at))
}
