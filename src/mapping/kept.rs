//! Whether what was sent comes out again: the promise that all of a write is kept, or none.
//!
//! Pure; the last look at a write in FHIR before it is committed. What would come out is compared with
//! what was sent, member by member, so nothing that the native form has no place for is lost in silence,
//! also what nobody thought of here. Left aside is what says nothing of its own: id and version (the
//! server's), the narrative, what the server adds to a reference, texts made of codes. Source: design 4.

use serde_json::Value;

use crate::{
    domain::moment::Moment,
    error::{Error, Result},
    fhir::{
        labels::{self, Labels},
        schema::Fault,
        segment::{KindId, MetaText, Permitted, Resource, Seen},
    },
    json::{list, text},
    mapping::sent::at,
};

/// Members of a resource that are the server's own.
pub const SERVERS: [&str; 4] = ["resourceType", "id", "meta", "text"];
/// What a client says of a version, and of what the rest is labelled, is the server's to say again; else
/// nothing of `meta` is kept.
const META: [&str; 4] = ["versionId", "lastUpdated", "profile", "security"];
const LABELS: [&str; 2] = [labels::THEME, labels::CLASS];
/// What the server makes of the rest, so that it may be left out of what is sent.
const MADE: [&str; 15] = [
    "CarePlan.careTeam",
    "CarePlan.category",
    "CarePlan.created",
    "CarePlan.identifier",
    "CarePlan.intent",
    "CarePlan.title",
    "CareTeam.category",
    "Goal.description.coding",
    "ServiceRequest.code.text",
    "ServiceRequest.performer",
    "Task.authoredOn",
    "Task.basedOn",
    "Task.input",
    "Task.intent",
    "Task.requester",
];

/// What of a resource would not come out as it was sent, and what would stay though it was left out.
pub fn differences(sent: &Value, kept: &Value) -> Vec<Fault> {
    let of = sent.get("resourceType").and_then(Value::as_str).unwrap_or_default();
    let mut faults = Vec::new();
    let mut tell = |place: &str, say: &str| {
        faults.push(Fault { expression: place.to_owned(), say: say.to_owned() });
    };
    let meta = sent.get("meta").unwrap_or(&Value::Null);
    let said = meta.as_object().into_iter().flatten();
    for (name, _) in said.filter(|(name, _)| !META.contains(&name.as_str())) {
        tell(&format!("{of}.meta.{name}"), LOST);
    }
    for (index, label) in list(meta, "security").iter().enumerate() {
        if !text(label, "system").is_some_and(|system| LABELS.contains(&system)) {
            tell(&format!("{of}.meta.security[{index}]"), LOST);
        }
    }
    let ours = kept.get("meta").map_or(&[][..], |meta| list(meta, "profile"));
    for (index, profile) in list(meta, "profile").iter().enumerate() {
        if !ours.contains(profile) {
            tell(&format!("{of}.meta.profile[{index}]"), LOST);
        }
    }
    let told = sent.pointer("/text/status").and_then(Value::as_str);
    if told.is_some_and(|status| !matches!(status, "generated" | "empty")) {
        tell(
            &at(of, "text"),
            "must be generated of the rest, or left out: no other narrative can be kept",
        );
    }
    members(of, sent, kept, &SERVERS, &mut tell);
    faults
}

const LOST: &str = "cannot be kept here: leave it out";

fn members(
    place: &str,
    sent: &Value,
    kept: &Value,
    aside: &[&str],
    tell: &mut impl FnMut(&str, &str),
) {
    let of = |value: &Value, name: &str| value.get(name).cloned();
    let names = |value: &'_ Value| -> Vec<String> {
        let all = value.as_object().into_iter().flatten().map(|(name, _)| name.clone());
        all.filter(|name| !aside.contains(&name.as_str())).collect()
    };
    for name in names(sent) {
        let at = at(place, &name);
        match (of(sent, &name), of(kept, &name)) {
            (Some(_), None) if name == "display" => {}
            (Some(sent), Some(kept)) => value(&at, &sent, &kept, tell),
            (_, _) => tell(&at, LOST),
        }
    }
    for name in names(kept).into_iter().filter(|name| sent.get(name).is_none()) {
        let at = at(place, &name);
        let is_made = name == "language" || name == "display" || MADE.contains(&&*at);
        if !is_made {
            tell(&at, "would stay: it is not taken away by leaving it out");
        }
    }
}

fn value(place: &str, sent: &Value, kept: &Value, tell: &mut impl FnMut(&str, &str)) {
    match (sent, kept) {
        (Value::Object(_), Value::Object(_)) => members(place, sent, kept, &[], tell),
        (Value::Array(sent), Value::Array(kept)) => {
            let (sent, kept) = (in_order(sent), in_order(kept));
            for (index, pair) in sent.iter().zip(&kept).enumerate() {
                value(&format!("{place}[{index}]"), pair.0, pair.1, tell);
            }
            if sent.len() > kept.len() {
                tell(&format!("{place}[{}]", kept.len()), LOST);
            }
            if sent.len() < kept.len() {
                tell(place, "would have more: what is left out of it is not taken away");
            }
        }
        // A name that the server gives to what is referred to is no part of the reference.
        (_, _) if sent == kept || place.ends_with(".display") => {}
        (_, _) => tell(place, "would come out as something else: send it as it is read here"),
    }
}

/// References say the same in any order.
fn in_order(all: &[Value]) -> Vec<&Value> {
    let reference = |one: &Value| {
        let of = one.get("reference")?;
        let of = of.get("reference").unwrap_or(of);
        of.as_str().map(str::to_owned)
    };
    let mut all: Vec<&Value> = all.iter().collect();
    if all.iter().all(|one| reference(one).is_some()) {
        all.sort_by_key(|one| reference(one));
    }
    all
}

/// A resource as a reader sees it.
///
/// # Errors
/// None in practice; `Internal`.
pub fn written(
    resource: &Resource,
    to: &impl Permitted,
    seen: &Seen,
    labels: Labels,
) -> Result<Value> {
    let mut out = String::new();
    let meta = MetaText { version: "1", security: &labels::security(labels) };
    resource.write(to, seen, &meta, &mut out);
    serde_json::from_str(&out).map_err(Error::internal)
}

/// All of a resource.
///
/// # Errors
/// As [`written`].
pub fn whole(resource: &Resource) -> Result<Value> {
    let seen = resource.look(&Everything).ok_or_else(|| Error::internal("it has no content"))?;
    written(resource, &Everything, &seen, Labels::default())
}

/// For whom nothing is withheld: who holds the files, or looks whether all that was sent is kept.
pub struct Everything;

impl Permitted for Everything {
    fn since(&self, _: KindId) -> Option<Moment> {
        Some(Moment::MIN)
    }
}
