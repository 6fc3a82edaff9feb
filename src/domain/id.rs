//! Identifiers: node codes, ids that are unique in the whole federation, and OIDs of organisations.
//!
//! A document's id is `<node>.<26 random base32 characters>`; what is derived from it appends short
//! codes. The part before the first dot says which gateway holds it, so nothing is ever rewritten
//! on its way through another. At most 48 characters (FHIR R4 allows 64).

use std::{fmt, sync::Arc};

use serde::{Deserialize, Serialize};

use crate::{
    chance::{Chance, base32},
    digest::{hex, sha256},
};

/// Longest id the gateway makes or looks for.
pub const MAX_ID: usize = 48;

/// The short code of a gateway: `297` for Kuopio, `h13` for a county.
#[derive(Clone, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(transparent)]
pub struct NodeCode(Arc<str>);

impl NodeCode {
    /// One to eight lower-case letters and digits; `None` for anything else.
    pub fn parse(text: &str) -> Option<Self> {
        let fits = (1..=8).contains(&text.len())
            && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
        fits.then(|| Self(text.into()))
    }

    /// The code.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// A new document id of this node.
    pub fn mint(&self, chance: &dyn Chance) -> String {
        format!("{}.{}", self.0, base32(chance, 26))
    }
}

impl fmt::Display for NodeCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Is it an id this federation can have made?
pub fn is_id(text: &str) -> bool {
    text.len() <= MAX_ID
        && text.split_once('.').is_some_and(|(node, rest)| {
            NodeCode::parse(node).is_some()
                && !rest.is_empty()
                && rest
                    .bytes()
                    .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'.' || b == b'-')
        })
}

/// Could it be an id at all? FHIR R4 datatypes.html#id.
pub fn may_be_id(text: &str) -> bool {
    (1..=64).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'.')
}

/// The node that made an id.
pub fn node_of(id: &str) -> Option<NodeCode> {
    id.split_once('.').and_then(|(node, _)| NodeCode::parse(node))
}

/// The document an id is derived from: its first two parts.
pub fn document_of(id: &str) -> &str {
    let end = id.match_indices('.').nth(1).map_or(id.len(), |(at, _)| at);
    id.get(..end).unwrap_or(id)
}

/// Is it an organisation's OID, `urn:oid:1.2.246...`, of at most 255 characters?
pub fn is_oid(text: &str) -> bool {
    let arc = |arc: &str| {
        !arc.is_empty()
            && arc.bytes().all(|b| b.is_ascii_digit())
            && (arc == "0" || !arc.starts_with('0'))
    };
    text.len() <= 255
        && text
            .strip_prefix("urn:oid:")
            .is_some_and(|oid| oid.contains('.') && oid.split('.').all(arc))
}

/// The `urn:uuid` of what has no address: the same for the same words.
pub fn urn_of(words: &str) -> String {
    let hex = hex(&sha256(words.as_bytes()));
    let part = |from, to| hex.get(from..to).unwrap_or_default();
    let parts = [part(0, 8), part(8, 12), part(12, 16), part(16, 20), part(20, 32)];
    format!("urn:uuid:{}", parts.join("-"))
}
