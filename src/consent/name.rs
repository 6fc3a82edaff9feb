//! Who or what a reference in a consent means, and whether that is somebody we know.
//!
//! A FHIR Reference names by `Type/id` or by identifier; both forms are compared as text with the
//! names of requester, custodian or author. Source: FHIR R4 Reference. It must not resolve over a
//! network, and where two forms cannot be compared the answer is unknown, not no.

use std::sync::Arc;

use serde_json::Value;

use super::tri::Tri;
use crate::{directory::Directory, domain::id};

/// Identifiers that are whole by themselves, such as `urn:oid:1.2.246.10.1`.
pub const URI: &str = "urn:ietf:rfc:3986";

/// A reference, as far as it can be compared.
#[derive(Clone, Debug, Default, Eq, Hash, PartialEq)]
pub struct Name {
    /// `Type/id`.
    reference: Option<Arc<str>>,
    /// The value of an identifier of system [`URI`], else `system|value`.
    identifier: Option<Arc<str>>,
}

impl Name {
    /// Reads a Reference; what is contained, absolute or only displayed names nobody we know.
    pub fn parse(reference: &Value) -> Self {
        let text = reference.get("reference").and_then(Value::as_str);
        let identifier = reference.get("identifier").and_then(identifier);
        Self {
            reference: text.filter(|t| kind_of(t).is_some()).map(Arc::from),
            identifier: identifier.map(Arc::from),
        }
    }

    /// `Type/id`, if it is given so.
    pub fn reference(&self) -> Option<&Arc<str>> {
        self.reference.as_ref()
    }

    /// The identifier, if it has one.
    pub fn identifier(&self) -> Option<&Arc<str>> {
        self.identifier.as_ref()
    }

    /// Does it name nobody?
    pub fn is_unresolvable(&self) -> bool {
        self.reference.is_none() && self.identifier.is_none()
    }

    /// Can a decision tell of everybody who asks whether it is them? An organisation is told by its OID,
    /// somebody who acts by a reference; who is in a `CareTeam` is written in no name.
    pub fn is_recipient(&self) -> bool {
        let by_identifier = self.identifier.as_deref().is_none_or(id::is_oid);
        let by_reference = self.reference.is_none() || self.kind().is_some_and(is_single);
        by_identifier && by_reference && !self.is_unresolvable()
    }

    /// Is it an organisation that is named by reference and is not listed here? Nobody could ever be it.
    pub fn is_unlisted(&self, directory: &Directory) -> bool {
        let organization = self.reference.as_deref().and_then(|r| r.strip_prefix("Organization/"));
        organization.is_some_and(|id| directory.oid(id).is_none())
    }

    /// The resource type it names, if it is given by reference.
    pub fn kind(&self) -> Option<&str> {
        self.reference.as_deref().and_then(kind_of)
    }

    /// Is it `known`? Unknown if `known` is, or the two are named in different ways.
    pub fn is(&self, known: Option<&str>) -> Tri {
        let Some(known) = known else { return Tri::Unknown };
        let comparable = match (&self.reference, &self.identifier) {
            (Some(_), _) if kind_of(known).is_some() => true,
            (_, Some(own)) => is_oid(own) && is_oid(known),
            _ => false,
        };
        self.equals_or(known, comparable)
    }

    /// Is it the requester: the subject itself or one of its organisations?
    pub fn is_requester(&self, subject: Option<&str>, orgs: &[Arc<str>]) -> Tri {
        let mut names = subject.into_iter().chain(orgs.iter().map(|org| &**org));
        if names.any(|name| self.equals(name)) {
            return Tri::True;
        }
        let stated = |form: &dyn Fn(&str) -> bool| orgs.is_empty() || orgs.iter().any(|o| form(o));
        let by_reference = match self.kind() {
            Some("Organization") => stated(&|org| kind_of(org) == Some("Organization")),
            Some(kind) if is_single(kind) => subject.and_then(kind_of).is_some_and(is_single),
            Some(_) | None => false,
        };
        let by_identifier = self.identifier.as_deref().is_some_and(is_oid) && stated(&is_oid);
        if by_reference || by_identifier { Tri::False } else { Tri::Unknown }
    }

    /// Is it certainly `name`?
    pub fn equals(&self, name: &str) -> bool {
        self.reference.as_deref() == Some(name) || self.identifier.as_deref() == Some(name)
    }

    fn equals_or(&self, known: &str, comparable: bool) -> Tri {
        if self.equals(known) {
            Tri::True
        } else if comparable {
            Tri::False
        } else {
            Tri::Unknown
        }
    }
}

/// An Identifier as one text.
fn identifier(identifier: &Value) -> Option<String> {
    let part = |key| identifier.get(key).and_then(Value::as_str).filter(|t: &&str| !t.is_empty());
    match (part("system"), part("value")?) {
        (None | Some(URI), value) => Some(value.to_owned()),
        (Some(system), value) => Some(format!("{system}|{value}")),
    }
}

/// The type of a relative reference `Type/id`.
fn kind_of(reference: &str) -> Option<&str> {
    let (kind, id) = reference.split_once('/')?;
    let letters = kind.starts_with(|c: char| c.is_ascii_uppercase())
        && kind.bytes().all(|b| b.is_ascii_alphabetic());
    let token = (1..=64).contains(&id.len())
        && id.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.'));
    (letters && token).then_some(kind)
}

fn is_oid(name: &str) -> bool {
    name.starts_with("urn:oid:")
}

/// Types that stand for one actor and are told apart by reference; membership in a `CareTeam` or
/// `Group`, or who holds a `PractitionerRole`, is not written in a name.
fn is_single(kind: &str) -> bool {
    matches!(kind, "Device" | "Organization" | "Patient" | "Practitioner" | "RelatedPerson")
}
