//! Documents that are the same for everybody, written once and packed where that is worth it.
//!
//! Part of `respond`. Beside them only files of exports are compressed, line by line: an answer about
//! somebody stands beside text that its caller, or whoever moves its caller, chose (the question is in its
//! links), so its packed length would tell what it holds (BREACH). Sources: RFC 9110 section 12.5.3; RFC 1952.

use std::io::Write as _;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use bytes::Bytes;
use flate2::{Compression, write::GzEncoder};
use http::{HeaderMap, header};
use serde_json::Value;

use crate::digest::sha256;

/// Bytes below which packing is not worth it.
const WORTH: usize = 16 << 10;

/// One document.
pub struct Document {
    text: Bytes,
    packed: Option<Bytes>,
}

/// A document as one who asks gets it.
pub struct Given {
    /// It, whole.
    pub bytes: Bytes,
    /// Is it packed?
    pub is_packed: bool,
    /// Names these bytes: others have another.
    pub tag: String,
}

impl Document {
    /// Writes it, and packs it if it is long.
    pub fn new(value: &Value) -> Self {
        let text = Bytes::from(value.to_string());
        let packed = (text.len() > WORTH).then(|| packed(&text)).flatten();
        Self { text, packed }
    }

    /// It, for who sent these headers.
    pub fn given(&self, headers: &HeaderMap) -> Given {
        let (bytes, is_packed) = match &self.packed {
            Some(packed) if takes_gzip(headers) => (packed.clone(), true),
            Some(_) | None => (self.text.clone(), false),
        };
        let hash = sha256(&bytes);
        let tag = URL_SAFE_NO_PAD.encode(hash.get(..12).unwrap_or_default());
        Given { bytes, is_packed, tag }
    }
}

fn packed(text: &[u8]) -> Option<Bytes> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(text).ok()?;
    encoder.finish().ok().map(Bytes::from)
}

/// Is gzip named, and not as what is not wanted?
pub(super) fn takes_gzip(headers: &HeaderMap) -> bool {
    let lines = headers.get_all(header::ACCEPT_ENCODING).iter().filter_map(|v| v.to_str().ok());
    lines.flat_map(|line| line.split(',')).any(|coding| {
        let mut parts = coding.split(';').map(str::trim);
        let is_gzip = parts.next().is_some_and(|name| name.eq_ignore_ascii_case("gzip"));
        let mut weights = parts.filter_map(|part| part.strip_prefix("q="));
        is_gzip && weights.all(|weight| weight.parse::<f32>().is_ok_and(|weight| weight > 0.0))
    })
}
