//! Cursors: where a page ended, sealed.
//!
//! A cursor says which source answers next and after which place. It is of fixed length and sealed
//! by deterministic authenticated encryption: equal views give equal cursors, and nothing in one
//! can be read, changed, or used by another caller, for another query, or too late.

use std::time::Duration;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};

use crate::{
    domain::moment::Moment,
    error::{Error, Result},
};

/// How long a page link works.
const LIFE: Duration = Duration::from_mins(15);

/// Two ids and a slash.
const KEY: usize = 100;
/// A source's own cursor.
const ALONE: usize = 16 + 8 + 1 + 8 + 1 + KEY;
/// Room for a source's sealed cursor inside that of the gateway that asked it.
const PEER: usize = 160;
const FEDERATED: usize = ALONE + 2 + PEER;

/// Deterministic authenticated encryption and a keyed digest, as the gateway's keys give them.
pub trait Sealer: Send + Sync {
    /// Seals; the same input gives the same output.
    fn seal(&self, plain: &[u8]) -> Vec<u8>;
    /// Opens what [`Sealer::seal`] made.
    fn open(&self, sealed: &[u8]) -> Option<Vec<u8>>;
    /// Seals a value that must not stand in a link.
    fn seal_link(&self, value: &str) -> String;
    /// Opens what [`Sealer::seal_link`] made.
    fn open_link(&self, text: &str) -> Option<String>;
    /// A keyed digest of parts.
    fn digest(&self, parts: &[&[u8]]) -> [u8; 16];
}

/// Where the next page starts.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Cursor {
    /// Number of the source, in order of node code.
    pub source: u8,
    /// The last entry's place: its sort moment and its id.
    pub after: Option<(i64, String)>,
    /// A peer's own cursor, as it gave it.
    pub peer: Option<String>,
}

impl Cursor {
    /// The text of the `_cursor` parameter: one length where peers are asked, one where not.
    pub fn seal(
        &self,
        binding: &[u8; 16],
        federated: bool,
        sealer: &dyn Sealer,
        now: Moment,
    ) -> Option<String> {
        let mut plain = Vec::with_capacity(FEDERATED);
        plain.extend_from_slice(binding);
        // Whole minutes, so that the same page asked for twice has the same link.
        let until = now.plus(LIFE).millis().div_euclid(60_000);
        plain.extend_from_slice(&until.to_be_bytes());
        plain.push(self.source);
        let (at, id) = self.after.as_ref().map_or((0, ""), |(at, id)| (*at, id.as_str()));
        plain.extend_from_slice(&at.to_be_bytes());
        plain.push(u8::try_from(id.len()).ok().filter(|n| usize::from(*n) <= KEY)?);
        plain.extend_from_slice(id.as_bytes());
        plain.resize(ALONE, 0);
        if federated {
            let peer = match &self.peer {
                None => Vec::new(),
                Some(text) => URL_SAFE_NO_PAD.decode(text).ok().filter(|p| p.len() <= PEER)?,
            };
            plain.extend_from_slice(&u16::try_from(peer.len()).ok()?.to_be_bytes());
            plain.extend_from_slice(&peer);
            plain.resize(FEDERATED, 0);
        }
        Some(URL_SAFE_NO_PAD.encode(sealer.seal(&plain)))
    }

    /// Reads a cursor back.
    ///
    /// # Errors
    /// `Invalid`, the same for one that is altered, another's, another query's or too old.
    pub fn open(text: &str, binding: &[u8; 16], sealer: &dyn Sealer, now: Moment) -> Result<Self> {
        Self::read(text, binding, sealer, now).ok_or_else(|| {
            Error::invalid("This page link is not valid for this caller and query; search again.")
                .at("_cursor")
        })
    }

    fn read(text: &str, binding: &[u8; 16], sealer: &dyn Sealer, now: Moment) -> Option<Self> {
        let sealed = URL_SAFE_NO_PAD.decode(text).ok().filter(|s| s.len() < 2 * FEDERATED)?;
        let plain = sealer.open(&sealed).filter(|p| p.len() == ALONE || p.len() == FEDERATED)?;
        let (bound, rest) = plain.split_first_chunk::<16>()?;
        let (until, rest) = rest.split_first_chunk::<8>()?;
        let (source, rest) = rest.split_first()?;
        let (at, rest) = rest.split_first_chunk::<8>()?;
        let (length, rest) = rest.split_first()?;
        let (id, rest) = rest.split_first_chunk::<KEY>()?;
        let (peer_length, rest) = rest.split_first_chunk::<2>().unwrap_or((&[0, 0], &[]));
        let until = Moment::from_millis(i64::from_be_bytes(*until).checked_mul(60_000)?);
        if bound != binding || now > until.plus(Duration::from_mins(1)) {
            return None;
        }
        let id = str::from_utf8(id.get(..usize::from(*length))?).ok()?;
        let peer = rest.get(..usize::from(u16::from_be_bytes(*peer_length)))?;
        Some(Self {
            source: *source,
            after: (!id.is_empty()).then(|| (i64::from_be_bytes(*at), id.to_owned())),
            peer: (!peer.is_empty()).then(|| URL_SAFE_NO_PAD.encode(peer)),
        })
    }
}
