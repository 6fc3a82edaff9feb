//! Questions that are operations: everything of a person, why somebody may see what, and a bulk export
//! from its kick-off to its last file and its end.

use std::time::Duration;

use form_urlencoded::Serializer;
use mylife::fhir::types::ResourceType;
use proptest::{collection::vec, option, prelude::*, sample::select};
use serde_json::{Value, json};

use super::{FHIR, Lab, Seen, TYPES, dates, walk};
use crate::property::{
    lab::Sent,
    world::{CITY, OTHER, READER, YOUTH, patient},
};

/// What an export settles in.
const SETTLES: Duration = Duration::from_secs(2);
const FHIR_JSON: &str = "application/fhir+json";

#[derive(Clone, Debug)]
pub(in crate::property) enum Operation {
    /// `$everything` of a person, and all its pages.
    Everything(usize, Vec<(&'static str, String)>),
    /// `$explain`: about whom, what is told of the one who would ask, and of whom it is asked.
    Explain(usize, Value, Option<&'static str>),
    /// `$export`: where it begins, and its parameters; those people alone, if any are named.
    Export(&'static str, Vec<(&'static str, String)>, Option<Vec<usize>>),
}

pub(super) fn operations() -> impl Strategy<Value = Operation> {
    let whose = || prop_oneof![4 => Just(0_usize), 1 => 1..3_usize];
    let everything =
        (whose(), of_everything()).prop_map(|(whose, pairs)| Operation::Everything(whose, pairs));
    let nodes = select(vec![None, None, Some("297"), Some("297, 205")]);
    let explain = (whose(), callers(), nodes)
        .prop_map(|(whose, caller, nodes)| Operation::Explain(whose, caller, nodes));
    let level = select(vec!["$export", "Patient/$export", "Group/297/$export"]);
    let people = option::weighted(0.3, vec(whose(), 1..3));
    let export = (level, of_export(), people)
        .prop_map(|(level, pairs, people)| Operation::Export(level, pairs, people));
    prop_oneof![2 => everything, 2 => explain, 2 => export]
}

/// Some types, separated by commas.
fn kinds() -> impl Strategy<Value = String> {
    let some = vec(select(TYPES.to_vec()), 1..4);
    some.prop_map(|all| all.into_iter().map(ResourceType::name).collect::<Vec<_>>().join(","))
}

fn of_everything() -> impl Strategy<Value = Vec<(&'static str, String)>> {
    let count = option::of((1..4_u8).prop_map(|n| n.to_string()));
    let since = option::weighted(0.3, Just("2026-03-02T08:00:00Z".to_owned()));
    (option::weighted(0.3, kinds()), count, since).prop_map(|(kinds, count, since)| {
        let all = [("_type", kinds), ("_count", count), ("_since", since)];
        all.into_iter().filter_map(|(name, value)| Some((name, value?))).collect()
    })
}

fn of_export() -> impl Strategy<Value = Vec<(&'static str, String)>> {
    let instants = || {
        let all = ["2026-02-15T08:00:00Z", "2026-03-02T08:00:00Z", "2026-03-12T08:00:00Z"];
        option::weighted(0.2, select(all.to_vec()).prop_map(str::to_owned))
    };
    let filter = prop_oneof![
        Just("Observation?code=health.satisfaction".to_owned()),
        Just("Goal?lifecycle-status=active".to_owned()),
        Just("QuestionnaireResponse?status=completed".to_owned()),
        dates().prop_map(|date| format!("QuestionnaireResponse?authored={date}")),
    ];
    let elements = option::weighted(0.1, Just("status,Goal.category".to_owned()));
    let filter = option::weighted(0.3, filter);
    (option::weighted(0.5, kinds()), instants(), instants(), filter, elements).prop_map(
        |(kinds, since, until, filter, elements)| {
            let all = [
                ("_type", kinds),
                ("_since", since),
                ("_until", until),
                ("_typeFilter", filter),
                ("_elements", elements),
            ];
            all.into_iter().filter_map(|(name, value)| Some((name, value?))).collect()
        },
    )
}

/// The parameters that tell of a caller.
fn callers() -> impl Strategy<Value = Value> {
    let organization = select(vec![READER, READER, OTHER, CITY, YOUTH]);
    let purpose = select(vec!["TREAT", "TREAT", "HRESCH"]);
    let code = |name: &str, value: &str| json!({ "name": name, "valueCode": value });
    let more = vec![
        code("role", "officer"),
        code("register", "youth-services"),
        code("type", "Observation"),
        code("type", "CareTeam"),
        code("declared", "law:1"),
        json!({ "name": "emergency", "valueBoolean": true }),
        json!({ "name": "client", "valueString": "reader" }),
        json!({ "name": "user", "valueReference": { "reference": "Practitioner/297.prac.youth" } }),
    ];
    (organization, purpose, option::of(select(more))).prop_map(
        move |(organization, purpose, more)| {
            let oid = json!({ "system": "urn:ietf:rfc:3986", "value": organization });
            let mut all = vec![
                json!({ "name": "organization", "valueIdentifier": oid }),
                code("purpose", purpose),
            ];
            all.extend(more);
            json!({ "resourceType": "Parameters", "parameter": all })
        },
    )
}

fn encoded(pairs: &[(&'static str, String)]) -> String {
    Serializer::new(String::new()).extend_pairs(pairs).finish()
}

impl Operation {
    pub(super) fn ask(&self, lab: &Lab, token: &str) -> Vec<Seen> {
        match self {
            Self::Everything(whose, pairs) => {
                let path = format!("{FHIR}/Patient/{}/$everything", patient(*whose));
                walk(lab, token, lab.fetch(token, &format!("{path}?{}", encoded(pairs))))
            }
            Self::Explain(whose, caller, nodes) => {
                let target = &format!("{FHIR}/Patient/{}/$explain", patient(*whose));
                let mut headers = vec![("content-type", FHIR_JSON.to_owned())];
                headers.extend(nodes.map(|nodes| ("mylife-nodes", nodes.to_owned())));
                let body = &caller.to_string();
                vec![lab.send(token, &Sent { method: "POST", target, headers, body })]
            }
            Self::Export(level, pairs, people) => {
                let begun = match people {
                    None => kick_off(lab, token, &format!("{level}?{}", encoded(pairs)), ""),
                    Some(people) => kick_off(lab, token, level, &parameters(pairs, people)),
                };
                export(lab, token, begun)
            }
        }
    }
}

/// What is asked for, as a body that names people.
fn parameters(pairs: &[(&'static str, String)], people: &[usize]) -> String {
    let all = pairs.iter().map(|(name, value)| json!({ "name": name, "valueString": value }));
    let named = people.iter().map(|whose| {
        let reference = format!("Patient/{}", patient(*whose));
        json!({ "name": "patient", "valueReference": { "reference": reference } })
    });
    let all: Vec<Value> = all.chain(named).collect();
    json!({ "resourceType": "Parameters", "parameter": all }).to_string()
}

/// Begins an export, by URL or by a body.
pub(in crate::property) fn kick_off(lab: &Lab, token: &str, path: &str, body: &str) -> Seen {
    let mut headers = vec![("prefer", "respond-async".to_owned())];
    if !body.is_empty() {
        headers.push(("content-type", FHIR_JSON.to_owned()));
    }
    let method = if body.is_empty() { "GET" } else { "POST" };
    let target = &format!("{FHIR}/{path}");
    lab.send(token, &Sent { method, target, headers, body })
}

/// Where an export that has begun says how far it is.
pub(in crate::property) fn place(begun: &Seen) -> Option<String> {
    let place = begun.headers.iter().find(|(name, _)| name == "content-location");
    place.map(|(_, place)| place.clone())
}

/// All that is seen of an export from here on: how far it is, the manifest, every file in its order,
/// its end, and what is left of it then.
fn export(lab: &Lab, token: &str, begun: Seen) -> Vec<Seen> {
    let place = place(&begun);
    let mut seen = vec![begun];
    let Some(place) = place else { return seen };
    seen.push(lab.fetch(token, &place));
    assert_eq!(seen[1].status, 202, "{:?}", seen[1]);
    lab.pass(SETTLES);
    seen.extend(taken(lab, token, &place));
    seen
}

/// How far an export is; if it has settled that is its manifest, and every file in its order follows.
pub(in crate::property) fn files(lab: &Lab, token: &str, place: &str) -> Vec<Seen> {
    let mut seen = vec![lab.fetch(token, place)];
    if seen[0].status == 200 {
        let manifest = seen[0].json();
        for list in ["output", "deleted", "error"] {
            for file in manifest[list].as_array().into_iter().flatten() {
                seen.push(lab.fetch(token, file["url"].as_str().unwrap()));
            }
        }
    }
    seen
}

/// The manifest of an export that has settled, every file in its order, its end, and what is left.
pub(in crate::property) fn taken(lab: &Lab, token: &str, place: &str) -> Vec<Seen> {
    let mut seen = files(lab, token, place);
    assert_eq!(seen[0].status, 200, "{:?}", seen[0]);
    let end = Sent { method: "DELETE", target: place, ..Sent::default() };
    seen.extend([lab.send(token, &end), lab.fetch(token, place)]);
    seen
}
