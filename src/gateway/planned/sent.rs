//! What was sent of a plan: each resource, where it stands, and by what others name it.
//!
//! Part of `planned`. Source: FHIR R4 http.html#transaction.

use std::collections::BTreeMap;

use http::{HeaderMap, HeaderValue, header};
use serde_json::Value;

use crate::{
    compartment::Held,
    domain::{plan::Plan, words::LocalId},
    error::{Error, Result},
    fhir::{schema::Fault, types::ResourceType},
    mapping::{plan::names, planned},
    respond::condition::Versions,
};

/// One resource on its way into a plan.
pub(super) struct Sent {
    pub(super) kind: ResourceType,
    /// Its id here; a new one has none.
    pub(super) id: Option<String>,
    /// By what others name it that come with it.
    pub(super) name: Option<String>,
    /// What of it the sender has read.
    pub(super) read: Option<Versions>,
    pub(super) resource: Value,
    /// Where it stands in what was sent.
    pub(super) place: String,
}

/// An entry of a transaction.
pub(super) fn read(index: usize, entry: &Value) -> Result<Sent> {
    let place = format!("Bundle.entry[{index}]");
    let of = |name: &str| entry.get("request").and_then(|request| request.get(name)?.as_str());
    let wrong = |say: &'static str| Error::invalid(say).at(format!("{place}.request"));
    let url = of("url").unwrap_or_default();
    let (kind, id) = url.split_once('/').map_or((url, None), |(kind, id)| (kind, Some(id)));
    let kind = ResourceType::parse(kind).filter(|kind| kind.is_planned());
    let kind = kind.ok_or_else(|| wrong("Name what of a plan it is: Goal, or Goal/id."))?;
    match (of("method"), id) {
        (Some("POST"), None) | (Some("PUT"), Some(_)) => {}
        (_, _) => return Err(wrong("POST to the type, or PUT to the id.")),
    }
    if of("ifNoneExist").is_some() {
        return Err(wrong("What is of a plan is created without ifNoneExist."));
    }
    let mut headers = HeaderMap::new();
    let read = of("ifMatch").and_then(|version| HeaderValue::from_str(version).ok());
    headers.extend(read.map(|version| (header::IF_MATCH, version)));
    Ok(Sent {
        kind,
        id: id.map(str::to_owned),
        name: entry.get("fullUrl").and_then(Value::as_str).map(str::to_owned),
        read: Versions::of(&headers, header::IF_MATCH),
        resource: entry.get("resource").cloned().unwrap_or_default(),
        place: format!("{place}.resource"),
    })
}

/// The order in which they are put: the plan, its team, then parts as the plan names them.
pub(super) fn in_order(sent: &[Sent]) -> Vec<usize> {
    let plan = sent.iter().find(|one| one.kind == ResourceType::CarePlan);
    let named: Vec<&str> = plan.into_iter().flat_map(|one| planned::order(&one.resource)).collect();
    let rank = |at: &usize| {
        let one = sent.get(*at);
        let kind = one.and_then(|one| one.kind.planned()).filter(|kind| kind.is_whole());
        let kind = kind.map_or((true, None), |kind| (false, Some(kind)));
        let name = one.and_then(|one| one.name.as_deref());
        (kind, named.iter().position(|one| Some(*one) == name).unwrap_or(usize::MAX), *at)
    };
    let mut order: Vec<usize> = (0..sent.len()).collect();
    order.sort_by_key(rank);
    order
}

/// `Type/id` of each, in order.
pub(super) fn places(plan: &Held<Plan>, sent: &[Sent], parts: &[LocalId]) -> Vec<String> {
    let names = names(plan);
    let place = |(one, part): (&Sent, &LocalId)| {
        if one.kind == ResourceType::CarePlan {
            return format!("CarePlan/{}", plan.id);
        }
        if one.kind == ResourceType::CareTeam {
            return format!("CareTeam/{}.ct", plan.id);
        }
        let of =
            |(name, local): &&(String, LocalId)| local == part && name.starts_with(one.kind.name());
        names.iter().find(of).map(|(name, _)| name.clone()).unwrap_or_default()
    };
    sent.iter().zip(parts).map(place).collect()
}

/// Names on the way become those that things have here.
pub(super) fn rename(value: &mut Value, known: &BTreeMap<&str, &str>, own: &str) {
    match value {
        Value::Object(members) => {
            for (name, member) in members {
                if let (true, Value::String(text)) = (name == "reference", &mut *member) {
                    let short = text.strip_prefix(own).unwrap_or(text);
                    *text = (*known.get(short).unwrap_or(&short)).to_owned();
                } else {
                    rename(member, known, own);
                }
            }
        }
        Value::Array(all) => all.iter_mut().for_each(|one| rename(one, known, own)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// Faults at the place where the resource stands.
pub(super) fn at_place(faults: Vec<Fault>, one: &Sent) -> Vec<Fault> {
    let moved = |fault: Fault| {
        let rest = fault.expression.strip_prefix(one.kind.name()).unwrap_or_default();
        Fault { expression: format!("{}{rest}", one.place), ..fault }
    };
    faults.into_iter().map(moved).collect()
}
