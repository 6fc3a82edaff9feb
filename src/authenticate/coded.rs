//! Codes as others state them: bare, or with the system they are of; one, or a list.
//!
//! Part of the step `authenticate`, for assertions of clients and tokens of other issuers alike. Source: IHE
//! IUA, JWT token option.

use serde::Deserialize;

/// Code system of purposes, and its OID.
pub(crate) const PURPOSE_SYSTEMS: [&str; 2] =
    ["http://terminology.hl7.org/CodeSystem/v3-ActReason", "urn:oid:2.16.840.1.113883.5.8"];
/// Our own code system of roles.
pub(crate) const ROLE_SYSTEM: &str = "https://mylife.example/fhir/CodeSystem/role";

/// One code or several.
#[derive(Deserialize)]
#[serde(untagged)]
pub(crate) enum Many {
    One(Coded),
    Several(Vec<Coded>),
}

/// A code, alone or with its system.
#[derive(Deserialize)]
#[serde(untagged)]
pub(crate) enum Coded {
    Coding { system: Option<String>, code: String },
    Code(String),
}

impl Default for Many {
    fn default() -> Self {
        Self::Several(Vec::new())
    }
}

impl Many {
    /// The codes, those of a system among `systems` without it.
    pub(crate) fn codes(self, systems: &[&str]) -> Vec<String> {
        let coded = match self {
            Self::One(one) => vec![one],
            Self::Several(several) => several,
        };
        coded.into_iter().map(|coded| coded.code(systems)).collect()
    }
}

impl Coded {
    /// The bare code of a system that is understood, else `system|code`: it can match only what is
    /// registered in the same words.
    fn code(self, systems: &[&str]) -> String {
        match self {
            Self::Code(code) | Self::Coding { system: None, code } => code,
            Self::Coding { system: Some(system), code } if systems.contains(&&*system) => code,
            Self::Coding { system: Some(system), code } => format!("{system}|{code}"),
        }
    }
}
