//! Conditions on what a client has: `If-None-Match` and `If-Modified-Since` of a read, `If-Match` of a write.
//!
//! Part of `respond`, read by the roads of writes too. Versions are compared weakly, as FHIR has it. A
//! date is compared with the history of the view, never with a resource's own: what a withdrawal takes
//! away leaves no later date behind. Source: RFC 9110 section 13, FHIR R4 http.html#cread.

use http::{HeaderMap, HeaderName, HeaderValue, header};
use jiff::fmt::rfc2822::DateTimeParser;

use crate::domain::moment::Moment;

/// The versions that a header names.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Versions {
    /// `*`: any there is.
    Any,
    /// These, without quotes.
    These(Vec<String>),
}

impl Versions {
    /// What the header names; `None` where the request has none.
    pub fn of(headers: &HeaderMap, name: HeaderName) -> Option<Self> {
        let all = headers.get_all(name);
        let lines = all.iter().map(|line| line.to_str().unwrap_or_default());
        let tags: Vec<&str> = lines.flat_map(|line| line.split(',')).map(str::trim).collect();
        match tags.as_slice() {
            [] => None,
            ["*"] => Some(Self::Any),
            tags => Some(Self::These(tags.iter().map(|tag| opaque(tag)).collect())),
        }
    }

    /// Is this version, which exists, one of them?
    pub fn name(&self, version: &str) -> bool {
        match self {
            Self::Any => true,
            Self::These(all) => all.iter().any(|one| one == version),
        }
    }
}

/// The tag itself; quotes are often forgotten, and no version of ours has one.
fn opaque(tag: &str) -> String {
    tag.strip_prefix("W/").unwrap_or(tag).trim_matches('"').to_owned()
}

/// The second that `If-Modified-Since` names. `None` beside `If-None-Match`, which says more, and for what
/// is no such date (RFC 9110 section 13.1.3).
pub fn modified_since(headers: &HeaderMap) -> Option<Moment> {
    let mut named = headers.get_all(header::IF_MODIFIED_SINCE).iter();
    match (headers.contains_key(header::IF_NONE_MATCH), named.next(), named.next()) {
        (false, Some(one), None) => date(one),
        (_, _, _) => None,
    }
}

/// A date as HTTP writes it (RFC 9110 section 5.6.7).
pub fn date(value: &HeaderValue) -> Option<Moment> {
    let text = value.to_str().ok().filter(|text| text.ends_with(" GMT"))?;
    let at = DateTimeParser::new().parse_timestamp(text).ok()?;
    Some(Moment::from_millis(at.as_millisecond()))
}
