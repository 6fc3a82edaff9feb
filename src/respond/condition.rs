//! Conditions on versions: `If-None-Match` of a read, `If-Match` of a write.
//!
//! Part of `respond`, read by the roads of writes too. Versions are compared weakly, as FHIR has it. A
//! date alone is no condition here: what a withdrawal takes away leaves no later date behind, and a
//! reader that asked by date would keep it. Source: RFC 9110 section 13, FHIR R4 http.html#cread.

use http::{HeaderMap, HeaderName};

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
