//! Which claims of an issuer say what.
//!
//! Part of the step `authenticate`. A rule names a claim, or where it begins with `/` is a pointer into the
//! claims (RFC 6901), as `/extensions/ihe_iua/subject_organization_id`. What is there and cannot be read
//! refuses the token: it must not be taken for absent.

use serde::Deserialize;
use serde_json::{Map, Value};

use crate::authenticate::{
    coded::{Many, PURPOSE_SYSTEMS, ROLE_SYSTEM},
    jose::Refusal,
};

/// Which claims say what.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ClaimRules {
    /// The client, by the issuer's name for it.
    pub client: String,
    /// Scopes: a text, or a list.
    pub scope: String,
    /// The organisation, `urn:oid:...`; with no rule the only one that the issuer may speak for.
    pub organization: Option<String>,
    /// Roles.
    pub role: Option<String>,
    /// The purpose, a code of v3-ActReason.
    pub purpose: Option<String>,
    /// The one Patient whom the token is about.
    pub patient: String,
    /// The person who acts, a FHIR reference.
    pub user: String,
}

impl Default for ClaimRules {
    /// The names of RFC 9068 and SMART App Launch 2.2.
    fn default() -> Self {
        Self {
            client: "client_id".to_owned(),
            scope: "scope".to_owned(),
            organization: None,
            role: None,
            purpose: None,
            patient: "patient".to_owned(),
            user: "fhirUser".to_owned(),
        }
    }
}

/// What the claims say.
pub(super) struct Read {
    pub(super) client: String,
    pub(super) scope: String,
    pub(super) organization: Option<String>,
    pub(super) roles: Vec<String>,
    pub(super) purpose: Option<String>,
    pub(super) patient: Option<String>,
    pub(super) user: Option<String>,
}

impl ClaimRules {
    /// Reads the claims; references to our own `base` lose it.
    pub(super) fn read(&self, all: &Map<String, Value>, base: &str) -> Result<Read, Refusal> {
        let found = |rule: &str| found(all, rule);
        let by = |rule: &Option<String>| rule.as_deref().and_then(&found);
        let text = |value: &Value| value.as_str().map(str::to_owned);
        let client = found(&self.client).and_then(text).ok_or(Refusal::Invalid("no client"))?;
        let organization = only(codes(by(&self.organization), &[])?, "several organisations")?;
        let purpose = only(codes(by(&self.purpose), &PURPOSE_SYSTEMS)?, "several purposes")?;
        let reference = |rule: &str| {
            let Some(value) = found(rule) else { return Ok(None) };
            let text = value.as_str().ok_or(Refusal::Invalid("a reference that is no text"))?;
            let own = text.strip_prefix(base).and_then(|rest| rest.strip_prefix('/'));
            Ok(Some(own.unwrap_or(text).to_owned()))
        };
        let patient = reference(&self.patient)?;
        let bare = |text: String| text.strip_prefix("Patient/").map_or(text.clone(), str::to_owned);
        Ok(Read {
            client,
            scope: scope(found(&self.scope))?,
            organization,
            roles: codes(by(&self.role), &[ROLE_SYSTEM])?,
            purpose,
            patient: patient.map(bare),
            user: reference(&self.user)?,
        })
    }
}

/// What a rule points at; null is nothing.
fn found<'a>(all: &'a Map<String, Value>, rule: &str) -> Option<&'a Value> {
    let value = match rule.strip_prefix('/') {
        None => all.get(rule),
        Some(pointer) => {
            let (first, rest) = pointer.split_once('/').unwrap_or((pointer, ""));
            let first = all.get(&first.replace("~1", "/").replace("~0", "~"))?;
            if rest.is_empty() { Some(first) } else { first.pointer(&format!("/{rest}")) }
        }
    };
    value.filter(|value| !value.is_null())
}

fn codes(value: Option<&Value>, systems: &[&str]) -> Result<Vec<String>, Refusal> {
    let Some(value) = value else { return Ok(Vec::new()) };
    let many = Many::deserialize(value).map_err(|_| Refusal::Invalid("a claim that is no code"))?;
    let mut codes = many.codes(systems);
    codes.sort_unstable();
    codes.dedup();
    Ok(codes)
}

fn only(codes: Vec<String>, several: &'static str) -> Result<Option<String>, Refusal> {
    let mut codes = codes.into_iter();
    match (codes.next(), codes.next()) {
        (one, None) => Ok(one),
        (_, Some(_)) => Err(Refusal::Invalid(several)),
    }
}

/// A text, or a list of words.
fn scope(value: Option<&Value>) -> Result<String, Refusal> {
    let refused = Refusal::Invalid("a scope that is no text");
    match value {
        None => Ok(String::new()),
        Some(Value::String(text)) => Ok(text.clone()),
        Some(Value::Array(all)) => {
            let words: Option<Vec<&str>> = all.iter().map(Value::as_str).collect();
            Ok(words.ok_or(refused)?.join(" "))
        }
        Some(Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_)) => Err(refused),
    }
}
