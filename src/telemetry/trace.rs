//! The trace a request belongs to: `traceparent`, in and out.
//!
//! Part of `telemetry`. Source: W3C Trace Context, version 00. A request without one begins a trace that
//! follows from its request id, so that what was logged can be found by either. It tells nothing of
//! anybody.

use aws_lc_rs::digest::{SHA256, digest};

use crate::chance::Chance;

/// The header's name.
pub const TRACEPARENT: &str = "traceparent";

/// A trace.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Trace {
    id: [u8; 16],
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
        if !(ends && known) || bytes::<8>(parent)? == [0; 8] {
            return None;
        }
        let (id, [flags]) = (bytes::<16>(id)?, bytes::<1>(flags)?);
        (id != [0; 16]).then_some(Self { id, sampled: flags & 1 == 1 })
    }

    /// The one that follows from a request id.
    pub fn of_request(id: &str) -> Self {
        let mut own = [0; 16];
        own.iter_mut()
            .zip(digest(&SHA256, id.as_bytes()).as_ref())
            .for_each(|(to, from)| *to = *from);
        Self { id: own, sampled: false }
    }

    /// Its id, as logs and headers have it.
    pub fn id(&self) -> String {
        hex(&self.id)
    }

    /// The header of a question that is asked for it.
    pub fn header(&self, chance: &dyn Chance) -> String {
        let mut span = [0; 8];
        chance.fill(&mut span);
        // All zeros would be none.
        let [first, ..] = &mut span;
        *first |= 1;
        format!("00-{}-{}-0{}", self.id(), hex(&span), u8::from(self.sampled))
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
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
