//! Version and time of a resource as HTTP says them.
//!
//! Floor. Sources: FHIR R4 http.html#versioning; RFC 9110 sections 5.6.7, 8.8.2 and 8.8.3.

use http::HeaderValue;
use jiff::fmt::rfc2822::DateTimePrinter;

use crate::domain::moment::Moment;

/// `ETag` and `Last-Modified` of one version.
#[derive(Clone, Debug)]
pub struct Version {
    /// `W/"..."` around `meta.versionId`.
    pub etag: HeaderValue,
    /// `meta.lastUpdated`, to the second.
    pub modified: HeaderValue,
}

impl Version {
    /// `None` for a version that cannot stand in a header.
    pub fn new(id: &str, last_updated: Moment) -> Option<Self> {
        let at = jiff::Timestamp::from_millisecond(last_updated.millis()).ok()?;
        let date = DateTimePrinter::new().timestamp_to_rfc9110_string(&at).ok()?;
        let etag = HeaderValue::try_from(format!("W/\"{id}\"")).ok()?;
        Some(Self { etag, modified: HeaderValue::try_from(date).ok()? })
    }

    /// `meta.versionId`.
    pub fn id(&self) -> &str {
        let text = self.etag.to_str().unwrap_or_default();
        text.strip_prefix("W/\"").and_then(|t| t.strip_suffix('"')).unwrap_or_default()
    }
}
