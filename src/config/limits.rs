//! `[limits]`: what one request, one document and one peer may cost.
//!
//! Part of `config`.

use std::time::Duration;

use crate::{
    audit::step::GOOD_FOR, config::section::Section, federation::client, json, shared::pace::Rates,
};

/// What one request, one document and one peer may cost.
pub struct Costs {
    /// Most entries of a page.
    pub page: usize,
    /// One document.
    pub document: json::Limits,
    /// Most documents of a kind that a writer may have of one person.
    pub documents: usize,
    /// Leading characters of the random part of a Patient id that make up one block of a walk.
    pub stride: usize,
    /// One peer.
    pub peer: client::Limits,
    /// How often somebody may ask.
    pub rates: Rates,
    /// Requests under way at a time, if that is said; else [`PER_THREAD`] for each thread that serves.
    pub requests: Option<usize>,
    /// Documents that filters are at work on at a time.
    pub conversions: usize,
    /// Documents that may wait for a filter.
    pub conversion_queue: usize,
}

/// Requests under way at a time for each thread that serves, unless something else is said. How much is
/// answered in time grows with the cores; with far more at once every answer is late.
pub const PER_THREAD: usize = 128;

/// Documents of a kind that a writer may have of one person, unless something else is said: a survey each
/// week for twenty years. All of a person is loaded at once, so it is bounded.
pub const DOCUMENTS: usize = 1000;

/// Milliseconds that a question to a peer may last: what it finds must still be handed over.
const LONGEST: u64 = 1700;
const _: () = assert!(Duration::from_millis(LONGEST).as_millis() < GOOD_FOR.as_millis());

/// Reads the section.
pub fn read(mut section: Section<'_>) -> Costs {
    let count = |n: u64| usize::try_from(n).unwrap_or(usize::MAX);
    let size = |n: usize| u64::try_from(n).unwrap_or(u64::MAX);
    let (document, peer) = (json::Limits::default(), client::Limits::default());
    let page = section.number("page", 1..=1000, 100);
    let bytes = section.number("document_bytes", 1024..=1 << 26, size(document.bytes));
    let depth = section.number("document_depth", 8..=127, size(document.depth));
    let documents = section.number("documents", 1..=1_000_000, size(DOCUMENTS));
    let stride = section.number("stride", 0..=3, 1);
    // An answer's life is counted from the question, so no question may last as long as that.
    let deadline = section.number("peer_deadline_milliseconds", 100..=LONGEST, 1200);
    let concurrency = section.number("peer_concurrency", 1..=1024, size(peer.concurrency));
    let queue = section.number("peer_queue", 0..=65_536, size(peer.queue));
    let rates = rates(&mut section);
    let requests = section.number("requests", 0..=1_000_000, 0);
    let conversions = section.number("conversions", 1..=256, 4);
    let conversion_queue = section.number("conversion_queue", 0..=65_536, 64);
    section.finish();
    Costs {
        conversions: count(conversions),
        conversion_queue: count(conversion_queue),
        rates,
        requests: Some(count(requests)).filter(|said| *said > 0),
        page: count(page),
        document: json::Limits { bytes: count(bytes), depth: count(depth) },
        documents: count(documents),
        stride: count(stride),
        peer: client::Limits {
            deadline: Duration::from_millis(deadline),
            concurrency: count(concurrency),
            queue: count(queue),
            ..peer
        },
    }
}

fn rates(section: &mut Section<'_>) -> Rates {
    let built_in = Rates::default();
    let mut rate = |key: &str, default: u32| {
        let rate = section.number(key, 1..=1_000_000, default.into());
        u32::try_from(rate).unwrap_or(default)
    };
    Rates {
        client: rate("client_requests_per_second", built_in.client),
        client_tokens: rate("client_tokens_per_second", built_in.client_tokens),
        address_tokens: rate("address_tokens_per_second", built_in.address_tokens),
    }
}
