//! About whom an explanation is asked: a `Parameters` body, read strictly.
//!
//! Part of [`super`]. Nothing in it loosens a decision about the one who asks: it names somebody else.
//! What is not known, stands twice or has another type is refused with what to write instead. Source:
//! FHIR R4 parameters.html, operations.html.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use serde_json::Value;

use crate::{
    consent::{
        asker::{BreakGlass, LONGEST_EMERGENCY},
        cover::ScopeCover,
        explain::has_content,
        name::URI,
        purpose::Purpose,
        stated::Stated,
    },
    domain::{id::is_oid, moment::Moment},
    error::{Error, Kind, Result},
    fhir::types::ResourceType,
    json::list,
};

/// Most roles, and most grounds, of one caller.
const MOST: usize = 16;
/// The client of a caller of whom none is named.
const UNNAMED: &str = "-";

/// A value, or how it is written.
type Said<T> = std::result::Result<T, &'static str>;

/// The caller that somebody asks about.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Question {
    /// Its organisation, `urn:oid:...`.
    pub organization: String,
    /// Its purpose, a code of v3-ActReason.
    pub purpose: String,
    /// Roles of the person who acts.
    pub roles: Vec<String>,
    /// `Type/id` of the person who acts; none where a system acts.
    pub user: Option<String>,
    /// The client.
    pub client: Option<String>,
    /// The register it works in.
    pub register: Option<String>,
    /// The sector it works in.
    pub sector: Option<String>,
    /// Ids of the grounds it declares.
    pub declared: Vec<String>,
    /// Does it declare an emergency?
    pub emergency: bool,
    /// The one resource type that is asked about.
    pub kind: Option<ResourceType>,
}

/// The parameters there are: name, member of the value, how often at most.
const KNOWN: [(&str, &str, usize); 10] = [
    ("organization", "valueIdentifier", 1),
    ("purpose", "valueCode", 1),
    ("role", "valueCode", MOST),
    ("user", "valueReference", 1),
    ("client", "valueString", 1),
    ("register", "valueCode", 1),
    ("sector", "valueCode", 1),
    ("declared", "valueCode", MOST),
    ("emergency", "valueBoolean", 1),
    ("type", "valueCode", 1),
];

impl Question {
    /// Reads a `Parameters` that keeps to FHIR R4.
    ///
    /// # Errors
    /// `Unprocessable` with the place and what to write there.
    pub fn read(body: &Value) -> Result<Self> {
        if body.get("resourceType").and_then(Value::as_str) != Some("Parameters") {
            return Err(wrong("Parameters", "Send a Parameters that names the caller."));
        }
        let mut question = Self::default();
        let mut seen = BTreeSet::new();
        let all = list(body, "parameter");
        for (at, parameter) in all.iter().enumerate() {
            let place = format!("Parameters.parameter[{at}]");
            let name = parameter.get("name").and_then(Value::as_str).unwrap_or_default();
            let known = KNOWN.iter().find(|(known, ..)| *known == name);
            let Some((name, member, most)) = known else {
                let all: Vec<&str> = KNOWN.iter().map(|(name, ..)| *name).collect();
                return Err(wrong(&place, format!("Known are: {}.", all.join(", "))));
            };
            let value = alone(parameter, member)
                .ok_or_else(|| wrong(&place, format!("Give {name} as {member}, alone.")))?;
            if !seen.insert(*name) && *most == 1 {
                return Err(wrong(&place, format!("Give {name} once.")));
            }
            question.set(name, value).map_err(|say| wrong(&place, say))?;
        }
        question.is_whole().map_err(|say| wrong("Parameters.parameter", say))?;
        Ok(question)
    }

    /// Takes one parameter; says how it is written if it is not so.
    fn set(&mut self, name: &str, value: &Value) -> Said<()> {
        let text = value.as_str().unwrap_or_default();
        let name_like = || is_name(text).then(|| text.to_owned());
        let code = || name_like().ok_or("Give a code of 1 to 64 printable characters.");
        match name {
            "organization" => self.organization = organization(value)?,
            "purpose" => self.purpose = purpose(text)?,
            "role" => self.roles.push(code()?),
            "user" => self.user = Some(user(value)?),
            "client" => {
                self.client = Some(name_like().ok_or("Give the id of a client.")?);
            }
            "register" => self.register = Some(code()?),
            "sector" => self.sector = Some(code()?),
            "declared" => self.declared.push(code()?),
            "emergency" => self.emergency = value.as_bool() == Some(true),
            "type" => self.kind = Some(kind(text)?),
            _ => return Err("There is no such parameter."),
        }
        Ok(())
    }

    fn is_whole(&self) -> Said<()> {
        if self.organization.is_empty() {
            return Err("Name the caller's organization as valueIdentifier.");
        }
        if self.purpose.is_empty() {
            return Err("Name the caller's purpose as valueCode.");
        }
        if self.roles.len() > MOST || self.declared.len() > MOST {
            return Err("Name at most 16 roles and 16 declared grounds.");
        }
        Ok(())
    }

    /// What such a caller would state.
    pub(super) fn stated(&self, now: Moment) -> Stated<'_> {
        let shared = |all: &[String]| all.iter().map(|one| Arc::from(one.as_str())).collect();
        let until = now.plus(LONGEST_EMERGENCY.saturating_sub(Duration::from_millis(1)));
        Stated {
            organization: &self.organization,
            through: &[],
            subject: self.user.as_deref(),
            client: self.client.as_deref().unwrap_or(UNNAMED),
            roles: shared(&self.roles),
            register: self.register.as_deref(),
            sector: self.sector.as_deref(),
            declared: shared(&self.declared),
            purpose: Some(&self.purpose),
            break_glass: self.emergency.then(|| BreakGlass { reason: "explained".into(), until }),
            scopes: ScopeCover::all(),
        }
    }
}

fn wrong(place: &str, say: impl Into<String>) -> Error {
    Error::new(Kind::Unprocessable, say.into()).at(place.to_owned())
}

/// The value of a parameter that has a name, this value and nothing else.
fn alone<'a>(parameter: &'a Value, member: &str) -> Option<&'a Value> {
    let members = parameter.as_object()?;
    members.keys().all(|key| key == "name" || key == member).then(|| members.get(member))?
}

/// Is it something that can be compared and logged, and no identity code?
fn is_name(text: &str) -> bool {
    (1..=64).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_graphic())
        && !crate::domain::identity::resembles(text)
}

fn organization(identifier: &Value) -> Said<String> {
    let part = |key| identifier.get(key).and_then(Value::as_str);
    let oid = part("value").filter(|oid| is_oid(oid));
    match (part("system"), oid) {
        (Some(URI), Some(oid)) => Ok(oid.to_owned()),
        _ => Err("Give an identifier of system urn:ietf:rfc:3986 and value urn:oid:..."),
    }
}

fn purpose(code: &str) -> Said<String> {
    let known = Purpose::of(code).is_known();
    known.then(|| code.to_owned()).ok_or("Give a purpose of v3-ActReason, such as TREAT.")
}

fn user(reference: &Value) -> Said<String> {
    let text = reference.get("reference").and_then(Value::as_str).unwrap_or_default();
    let person = ["Patient", "Practitioner", "RelatedPerson"];
    let fits = text.split_once('/').is_some_and(|(kind, id)| {
        person.contains(&kind) && crate::domain::id::may_be_id(id) && is_name(id)
    });
    fits.then(|| text.to_owned())
        .ok_or("Give a reference to a Practitioner, RelatedPerson or Patient.")
}

fn kind(name: &str) -> Said<ResourceType> {
    let kind = ResourceType::parse(name).filter(|kind| has_content(*kind));
    kind.ok_or("Give a resource type whose content has themes, such as Observation.")
}
