//! Questions beside reads and searches by the book: heads, versions known already, parameters,
//! addresses and methods that are refused or ignored, the directory.

use mylife::fhir::types::ResourceType;
use proptest::{collection::vec, prelude::*, sample::select};
use serde_json::{Value, json};

use super::{FHIR, Lab, Seen, TYPES, ids};
use crate::property::{lab::Sent, world::patient};

#[derive(Clone, Debug)]
pub(in crate::property) enum Other {
    /// A resource by its head, whole, under the version it was got with, under any.
    Known(ResourceType, String),
    /// One request: method, address, headers.
    Plain(&'static str, String, Vec<(&'static str, &'static str)>),
    /// Several reads and searches in one: the kind of Bundle, and each address under the base.
    Several(&'static str, Vec<String>),
}

pub(super) fn others() -> impl Strategy<Value = Other> {
    let of = || select(TYPES.to_vec()).prop_flat_map(|kind| (Just(kind), ids(kind)));
    let known = of().prop_map(|(kind, id)| Other::Known(kind, id));
    let about = (select(TYPES.to_vec()), 0..3_usize, select(REFUSED.to_vec())).prop_map(
        |(kind, whose, more)| {
            let name = if kind == ResourceType::Patient { "_id" } else { "patient" };
            let person =
                if whose < 2 { format!("{name}={}&", patient(whose)) } else { String::new() };
            format!("{FHIR}/{}?{person}{more}", kind.name())
        },
    );
    let headers = select(vec![
        vec![],
        vec![("prefer", "handling=strict")],
        vec![("accept", "application/fhir+xml")],
        vec![("mylife-nodes", "297")],
        vec![("mylife-nodes", "297, 205")],
        vec![("accept-encoding", "gzip")],
    ]);
    let search = (select(vec!["GET", "HEAD"]), about, headers)
        .prop_map(|(method, at, headers)| Other::Plain(method, at, headers));
    let tail = select(vec![
        "",
        "/_history",
        "/_history/1",
        "/$everything",
        "/$meta",
        "/$handles",
        "/Observation",
        "/Goal?_include=Goal:subject",
        "/$validate",
    ]);
    let methods = select(vec!["GET", "PUT", "POST", "PATCH", "DELETE"]);
    let one = (of(), tail, methods).prop_map(|((kind, id), tail, method)| {
        Other::Plain(method, format!("{FHIR}/{}/{id}{tail}", kind.name()), Vec::new())
    });
    let fixed = select(FIXED.to_vec()).prop_map(|(method, at)| {
        let headers =
            if method == "PUT" { vec![("content-type", "application/json")] } else { vec![] };
        Other::Plain(method, format!("{}{at}", FHIR.trim_end_matches("/fhir")), headers)
    });
    prop_oneof![3 => known, 3 => search, 2 => one, 3 => shown(), 2 => several(), 1 => fixed]
}

/// A batch, or a transaction, of which one entry that is refused refuses the whole.
fn several() -> impl Strategy<Value = Other> {
    let read = select(TYPES.to_vec())
        .prop_flat_map(|kind| ids(kind).prop_map(move |id| format!("{}/{id}", kind.name())));
    let of_one =
        (select(TYPES.to_vec()), 0..2_usize, select(vec!["", "&_count=1", "&_total=none"]));
    let of_one = of_one.prop_map(|(kind, whose, more)| {
        let name = if kind == ResourceType::Patient { "_id" } else { "patient" };
        format!("{}?{name}={}{more}", kind.name(), patient(whose))
    });
    let all = (0..2_usize).prop_map(|whose| format!("Patient/{}/$everything", patient(whose)));
    let entries = vec(prop_oneof![3 => read, 4 => of_one, 1 => all], 1..5);
    (select(vec!["batch", "batch", "transaction"]), entries)
        .prop_map(|(kind, entries)| Other::Several(kind, entries))
}

/// What is put together of one person, in each form.
fn shown() -> impl Strategy<Value = Other> {
    let response = ids(ResourceType::QuestionnaireResponse);
    let of_one = (response, select(vec!["$circle-of-life", "$extract"]));
    let response = of_one.prop_map(|(id, asked)| format!("QuestionnaireResponse/{id}/{asked}"));
    let patient = (0..3_usize).prop_map(patient);
    let plan = patient.clone().prop_map(|id| format!("Patient/{id}/$collective-plan"));
    let group = select(vec!["3x10d-30-18plus", "3x10d-10-14-17"]);
    let form = (patient.clone(), group)
        .prop_map(|(id, form)| format!("Questionnaire/{form}/$populate?subject=Patient/{id}"));
    let days = select(vec!["", "?date=2026-02-20", "?compare=2026-02-20", "?date=2026-01-15"]);
    let latest =
        (patient, days).prop_map(|(id, days)| format!("Patient/{id}/$circle-of-life{days}"));
    let forms =
        select(vec!["application/fhir+json", "text/html", "image/svg+xml, text/html;q=0.5"]);
    let methods = select(vec!["GET", "GET", "HEAD"]);
    let asked = prop_oneof![1 => response, 2 => latest, 3 => plan, 1 => form];
    (methods, asked, forms).prop_map(|(method, asked, form)| {
        let headers = vec![("accept", form), ("accept-language", "en")];
        Other::Plain(method, format!("{FHIR}/{asked}"), headers)
    })
}

/// Parameters that are refused or ignored.
const REFUSED: [&str; 16] = [
    "shoe-size=42",
    "status:above=active",
    "_has:AuditEvent:patient:type=rest",
    "subject:Patient.general-practitioner=x",
    "_include=*",
    "_revinclude=AuditEvent:entity",
    "_elements=shoes",
    "_summary=all",
    "_filter=x",
    "_cursor=AAAA",
    "_count=-1",
    "_sort=status",
    "_total=perhaps",
    "_format=xml",
    "_id=%00",
    "date=tomorrow",
];

/// Addresses with no person in them.
const FIXED: [(&str, &str); 14] = [
    ("GET", "/fhir/Organization?_count=1"),
    ("GET", "/fhir/Practitioner/297.prac.mind"),
    ("GET", "/fhir/Practitioner/297.prac.nobody"),
    ("GET", "/fhir/Questionnaire"),
    ("GET", "/fhir/metadata"),
    ("GET", "/fhir/Measure/wellbeing/$evaluate-measure?periodStart=2025&periodEnd=2025"),
    ("GET", "/metrics"),
    ("GET", "/openapi.json"),
    ("GET", "/schemas/native/plan.json"),
    ("POST", "/fhir"),
    ("GET", "/fhir/$export"),
    ("PUT", "/native/assessments/a0"),
    ("PUT", "/native/people/p"),
    ("PUT", "/fhir/Consent?identifier=urn:ietf:rfc:3986|urn:uuid:1"),
];

impl Other {
    pub(super) fn ask(&self, lab: &Lab, token: &str) -> Vec<Seen> {
        match self {
            Self::Plain(method, target, headers) => {
                let headers = headers.iter().map(|(n, v)| (*n, (*v).to_owned())).collect();
                vec![lab.send(token, &Sent { method, target, headers, body: "{}" })]
            }
            Self::Several(kind, urls) => {
                let entry = |url: &String| json!({ "request": { "method": "GET", "url": url } });
                let entries: Vec<Value> = urls.iter().map(entry).collect();
                let bundle = json!({ "resourceType": "Bundle", "type": kind, "entry": entries });
                let headers = vec![("content-type", "application/fhir+json".to_owned())];
                let body = &bundle.to_string();
                vec![lab.send(token, &Sent { method: "POST", target: FHIR, headers, body })]
            }
            Self::Known(kind, id) => {
                let target = &format!("{FHIR}/{}/{id}", kind.name());
                let ask = |method, tag: Option<String>| {
                    let headers = tag.into_iter().map(|tag| ("if-none-match", tag)).collect();
                    lab.send(token, &Sent { method, target, headers, body: "" })
                };
                let whole = ask("GET", None);
                let tag = whole.headers.iter().find(|(name, _)| name == "etag");
                let tag = tag.map_or_else(|| "W/\"1\"".to_owned(), |(_, tag)| tag.clone());
                vec![
                    ask("HEAD", None),
                    ask("GET", Some(tag)),
                    ask("GET", Some("*".to_owned())),
                    whole,
                ]
            }
        }
    }
}
