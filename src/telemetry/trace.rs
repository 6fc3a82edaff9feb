//! The trace a request belongs to: `traceparent`, in and out.
//!
//! Part of `telemetry`. Source: W3C Trace Context, version 00. A request without one begins a trace that
//! follows from its request id, so that what was logged can be found by either. It tells nothing of
//! anybody.

use crate::{
    chance::Chance,
    digest::{hex, sha256},
};

/// The header's name.
pub const TRACEPARENT: &str = "traceparent";

/// What tells one span of a trace from another; all zeros are none.
pub type SpanId = [u8; 8];

/// A trace, and the span in it that asks.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Trace {
    id: [u8; 16],
    asker: SpanId,
    sampled: bool,
}

impl Trace {
    /// Of a header; none if it is not as the specification has it.
    pub fn parse(header: &str) -> Option<Self> {
        let mut parts = header.trim().split('-');
        let (version, id, parent) = (parts.next()?, parts.next()?, parts.next()?);
        let flags = parts.next()?;
        // Later versions may go on; this one may not.
        let ends = version != "00" || parts.next().is_none();
        let known = version.len() == 2 && version != "ff" && bytes::<1>(version).is_some();
        let asker = bytes::<8>(parent)?;
        if !(ends && known) || asker == [0; 8] {
            return None;
        }
        let (id, [flags]) = (bytes::<16>(id)?, bytes::<1>(flags)?);
        (id != [0; 16]).then_some(Self { id, asker, sampled: flags & 1 == 1 })
    }

    /// The one that follows from a request id.
    pub fn of_request(id: &str) -> Self {
        let own = sha256(id.as_bytes()).first_chunk().copied().unwrap_or_default();
        Self { id: own, asker: [0; 8], sampled: false }
    }

    /// The same, sampled if it is that one of so many. Every gateway says the same of a trace.
    #[must_use]
    pub fn sampled_one_in(self, many: u64) -> Self {
        let end = self.id.last_chunk().copied().unwrap_or_default();
        let place = u64::from_be_bytes(end);
        Self { sampled: place <= u64::MAX / many.max(1), ..self }
    }

    /// Does somebody want to know what becomes of it?
    pub fn is_sampled(&self) -> bool {
        self.sampled
    }

    /// Its id, as logs and headers have it.
    pub fn id(&self) -> String {
        hex(&self.id)
    }

    /// The span that asks.
    pub fn asker(&self) -> SpanId {
        self.asker
    }

    /// The header of a question that a span of it asks.
    pub fn header(&self, asker: SpanId) -> String {
        format!("00-{}-{}-0{}", self.id(), hex(&asker), u8::from(self.sampled))
    }
}

/// The id of a new span.
pub fn span_id(chance: &dyn Chance) -> SpanId {
    let mut id = [0; 8];
    chance.fill(&mut id);
    // All zeros would be none.
    let [first, ..] = &mut id;
    *first |= 1;
    id
}

fn bytes<const N: usize>(hex: &str) -> Option<[u8; N]> {
    let digit = |byte: &u8| match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        _ => None,
    };
    let mut read = [0; N];
    let mut pairs = hex.as_bytes().chunks_exact(2);
    if hex.len() != 2 * N {
        return None;
    }
    for to in &mut read {
        let [high, low] = pairs.next()? else { return None };
        *to = digit(high)? << 4 | digit(low)?;
    }
    Some(read)
}
