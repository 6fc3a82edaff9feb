//! What was sent of a plan: each resource, where it stands, and by what others name it.
//!
//! Part of `planned`. Source: FHIR R4 http.html#transaction.

use http::{HeaderMap, HeaderValue, header};
use serde_json::Value;

use crate::{
    compartment::Held,
    domain::{id::document_of, plan::Plan, words::LocalId},
    error::{Error, Result},
    fhir::{
        schema::Fault,
        types::{Interaction, ResourceType},
    },
    gateway::{request::Asked, reviews::is_review},
    mapping::{
        plan::{names, team_id},
        planned::{self, proposed},
    },
    respond::condition::Versions,
    route::Call,
};

/// Is what has this id a document of its own, and no part of one? Of Tasks a proposal is, and is no part of a plan.
pub(super) fn stands_alone(id: &str) -> bool {
    document_of(id) == id
}

/// What is to become of a resource.
#[derive(Clone, Copy, Eq, PartialEq)]
pub(super) enum Deed {
    /// It is to be there, new.
    Create,
    /// It is to be as it is sent.
    Update,
    /// It is to be gone.
    Delete,
}

/// One resource on its way into a plan, or out of it.
pub(super) struct Sent {
    pub(super) kind: ResourceType,
    pub(super) deed: Deed,
    /// Its id here; a new one has none.
    pub(super) id: Option<String>,
    /// Which one is meant, or must not be there: a search.
    pub(super) condition: Option<String>,
    /// By what others name it that come with it.
    pub(super) name: Option<String>,
    /// What of it the sender has read.
    pub(super) read: Option<Versions>,
    pub(super) resource: Value,
    /// Where it stands in what was sent.
    pub(super) place: String,
}

impl Sent {
    /// What a request of its own asks.
    pub(super) fn alone(
        asked: &Asked<'_>,
        call: &Call,
        kind: ResourceType,
        resource: Value,
    ) -> Self {
        let is_new = matches!(call, Call::CreatePlanned(_));
        let exists = asked.headers.get("if-none-exist").filter(|_| is_new);
        let exists = exists.map(|condition| condition.to_str().unwrap_or_default());
        let is_matched = matches!(call, Call::UpdateMatching(_) | Call::DeleteMatching(_));
        let matched = is_matched.then(|| asked.query.unwrap_or_default());
        let deed = match call.interaction() {
            Some(Interaction::Delete) => Deed::Delete,
            Some(Interaction::Update) => Deed::Update,
            Some(_) | None => Deed::Create,
        };
        Self {
            kind,
            deed,
            id: call.id().map(str::to_owned),
            condition: exists.or(matched).map(str::to_owned),
            name: None,
            read: Versions::of(asked.headers, header::IF_MATCH),
            resource,
            place: kind.name().to_owned(),
        }
    }

    /// The id of the review that it is the next version of.
    pub(super) fn review(&self) -> Option<&str> {
        let is_one = self.kind == ResourceType::Task && self.deed == Deed::Update;
        self.id.as_deref().filter(|id| is_one && is_review(id))
    }

    /// Is it a proposal, by its id, or by what a new one says it is?
    pub(super) fn is_proposal(&self) -> bool {
        let is_one = match &self.id {
            Some(id) => stands_alone(id),
            None => proposed::proposes(&self.resource),
        };
        is_one && self.kind == ResourceType::Task && self.deed != Deed::Delete
    }

    /// The call that it would be alone, under whose scope it is made.
    pub(super) fn call(&self) -> Call {
        let kind = self.kind;
        match (self.deed, &self.id) {
            (Deed::Create, _) => Call::CreatePlanned(kind),
            (Deed::Update, Some(id)) => Call::UpdatePlanned(kind, id.clone()),
            (Deed::Update, None) => Call::UpdateMatching(kind),
            (Deed::Delete, Some(id)) => Call::DeletePlanned(kind, id.clone()),
            (Deed::Delete, None) => Call::DeleteMatching(kind),
        }
    }
}

/// An entry of a transaction.
pub(super) fn read(index: usize, entry: &Value) -> Result<Sent> {
    let place = format!("Bundle.entry[{index}]");
    let of = |name: &str| entry.get("request").and_then(|request| request.get(name)?.as_str());
    let wrong = |say: &'static str| Error::invalid(say).at(format!("{place}.request"));
    let (path, query) = match of("url").unwrap_or_default().split_once('?') {
        Some((path, query)) => (path, Some(query)),
        None => (of("url").unwrap_or_default(), None),
    };
    let (kind, id) = path.split_once('/').map_or((path, None), |(kind, id)| (kind, Some(id)));
    let kind = ResourceType::parse(kind).filter(|kind| kind.is_planned());
    let kind = kind.ok_or_else(|| wrong("Name what of a plan it is: Goal, or Goal/id."))?;
    let is_one = id.is_some() != query.is_some();
    let deed = match of("method") {
        Some("POST") if id.is_none() && query.is_none() => Deed::Create,
        Some("PUT") if is_one => Deed::Update,
        Some("DELETE") if kind == ResourceType::CarePlan => {
            let say = "A CarePlan is not deleted: write it with status revoked or completed.";
            return Err(wrong(say));
        }
        Some("DELETE") if is_one => Deed::Delete,
        Some(_) | None => {
            let say = "POST to the type; PUT or DELETE to the id, or to the type with a condition.";
            return Err(wrong(say));
        }
    };
    let exists = of("ifNoneExist");
    if exists.is_some() && deed != Deed::Create {
        return Err(wrong("ifNoneExist goes with POST."));
    }
    let mut headers = HeaderMap::new();
    let read = of("ifMatch").and_then(|version| HeaderValue::from_str(version).ok());
    headers.extend(read.map(|version| (header::IF_MATCH, version)));
    Ok(Sent {
        kind,
        deed,
        id: id.map(str::to_owned),
        condition: exists.or(query).map(str::to_owned),
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
            return format!("CareTeam/{}", team_id(&plan.id));
        }
        if let Some(id) = &one.id {
            return format!("{}/{id}", one.kind);
        }
        let of =
            |(name, local): &&(String, LocalId)| local == part && name.starts_with(one.kind.name());
        names.iter().find(of).map(|(name, _)| name.clone()).unwrap_or_default()
    };
    sent.iter().zip(parts).map(place).collect()
}

/// References become others, where they are to.
pub(super) fn rename(value: &mut Value, to: &impl Fn(&str) -> Option<String>) {
    match value {
        Value::Object(members) => {
            for (name, member) in members {
                if let (true, Value::String(text)) = (name == "reference", &mut *member) {
                    if let Some(other) = to(text) {
                        *text = other;
                    }
                } else {
                    rename(member, to);
                }
            }
        }
        Value::Array(all) => all.iter_mut().for_each(|one| rename(one, to)),
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
