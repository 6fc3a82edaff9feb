//! Writes of what a plan consists of: changes of what the writer reads, new parts, deletions, by id and by
//! a condition, alone and several at once; some of what is hidden, some of what is not there.

use mylife::fhir::types::ResourceType;
use proptest::{collection::vec, option, prelude::*, sample::select};
use serde_json::{Value, json};

use super::{
    asked::ids,
    lab::{FHIR, Lab, Seen, Sent},
    world::{document, patient},
};

/// The types.
pub(super) const KINDS: [ResourceType; 5] = [
    ResourceType::CarePlan,
    ResourceType::CareTeam,
    ResourceType::Goal,
    ResourceType::ServiceRequest,
    ResourceType::Task,
];

const SYSTEM: &str = "https://mylife.example/fhir/CodeSystem";

/// Which resource is meant.
#[derive(Clone, Debug)]
pub(super) enum Which {
    /// One of those that are found.
    Found(usize),
    /// By id, be it seen or not.
    Id(String),
}

/// One write.
#[derive(Clone, Debug)]
pub(super) enum Write {
    /// What is read, with these members changed: a pointer, and what stands there then.
    Change(ResourceType, Which, Vec<(&'static str, Value)>),
    /// The same by a condition.
    ChangeSuch(ResourceType, Which, Vec<(&'static str, Value)>, &'static str),
    /// A new part of a plan, unless there is such a one.
    Create(ResourceType, usize, Vec<(&'static str, Value)>, Option<&'static str>),
    /// It is to be gone.
    Delete(ResourceType, Which),
    /// The one that is such is to be gone.
    DeleteSuch(ResourceType, &'static str),
    /// Somebody of a unit is to answer for a plan, and then what becomes of that.
    HandOver(usize, &'static str, &'static str),
    /// A part is to be gone and another to be there, at once.
    Exchange(ResourceType, Which, Vec<(&'static str, Value)>),
}

pub(super) fn writes() -> impl Strategy<Value = Write> {
    let kind = || select(KINDS.to_vec());
    let which = |kind: ResourceType| prop_oneof![4 => (0..3_usize).prop_map(Which::Found), 1 => ids(kind).prop_map(Which::Id)];
    let of = move || kind().prop_flat_map(move |kind| (Just(kind), which(kind)));
    let changed = move || {
        of().prop_flat_map(|(kind, which)| {
            (Just(kind), Just(which), vec(select(changes(kind)), 0..3))
        })
    };
    let part =
        || select(vec![ResourceType::Task, ResourceType::Task, ResourceType::ServiceRequest]);
    let made = move || {
        part().prop_flat_map(|kind| (Just(kind), 0..2_usize, vec(select(changes(kind)), 0..2)))
    };
    let such = || select(SUCH.to_vec());
    prop_oneof![
        8 => changed().prop_map(|(kind, which, how)| Write::Change(kind, which, how)),
        2 => (changed(), such())
            .prop_map(|((kind, which, how), such)| Write::ChangeSuch(kind, which, how, such)),
        3 => (made(), option::weighted(0.4, such()))
            .prop_map(|((kind, plan, how), such)| Write::Create(kind, plan, how, such)),
        4 => of().prop_map(|(kind, which)| Write::Delete(kind, which)),
        2 => (kind(), such()).prop_map(|(kind, such)| Write::DeleteSuch(kind, such)),
        2 => changed().prop_map(|(kind, which, how)| Write::Exchange(kind, which, how)),
        3 => (0..2_usize, select(vec!["youth", "mind"]), select(vec!["accepted", "cancelled"]))
            .prop_map(|(plan, unit, status)| Write::HandOver(plan, unit, status)),
    ]
}

/// Conditions, some of which the type does not have.
const SUCH: [&str; 6] = [
    "category=health",
    "category=housing",
    "code=finance",
    "code=health",
    "lifecycle-status=active",
    "status=requested",
];

fn reference(to: &str) -> Value {
    json!({ "reference": to })
}

fn member(role: &str, unit: &str) -> Value {
    json!({ "role": [{ "coding": [{ "system": format!("{SYSTEM}/plan"), "code": role }] }],
        "member": reference(&format!("Practitioner/297.prac.{unit}")),
        "onBehalfOf": reference(&format!("Organization/297.org.{unit}")) })
}

/// Changes of a resource; `null` takes a member away.
fn changes(kind: ResourceType) -> Vec<(&'static str, Value)> {
    let about = |theme: &str| json!([{ "coding": [{ "system": format!("{SYSTEM}/theme"), "code": theme }] }]);
    let part = |key: &str, letter: char| super::oracle::part(&document('w', 0, 0), key, letter);
    let survey = reference(&format!("QuestionnaireResponse/{}", document('a', 0, 0)));
    match kind {
        ResourceType::CarePlan => vec![
            ("/description", json!("Uutta")),
            ("/description", Value::Null),
            ("/note", json!([{ "text": "Sanottua" }])),
            ("/period/end", json!("2027-06-30")),
            ("/goal", Value::Null),
            ("/supportingInfo", json!([survey])),
            ("/supportingInfo", Value::Null),
            ("/careTeam", Value::Null),
        ],
        ResourceType::CareTeam => vec![
            ("/participant", json!([member("case-manager", "youth")])),
            ("/participant", json!([member("professional", "youth")])),
            ("/participant", json!([member("case-manager", "mind")])),
            ("/participant", json!([member("helper", "youth"), member("case-manager", "youth")])),
            ("/participant/0/period", json!({ "start": "2026-04-01" })),
            ("/participant", Value::Null),
        ],
        ResourceType::Goal => vec![
            ("/lifecycleStatus", json!("completed")),
            ("/description/text", json!("Uutta")),
            ("/description/text", Value::Null),
            ("/startDate", json!("2026-04-01")),
            ("/category", about("health")),
            ("/target", Value::Null),
            ("/addresses", Value::Null),
            ("/expressedBy", Value::Null),
        ],
        ResourceType::ServiceRequest => vec![
            ("/note", json!([{ "text": "Uutta" }])),
            ("/note", Value::Null),
            ("/occurrencePeriod", json!({ "start": "2026-05-01" })),
            ("/category", about("finance")),
            ("/code/coding/0/code", json!("297.svc.mind")),
            ("/quantityQuantity", json!({ "value": 3, "unit": "kertaa" })),
        ],
        ResourceType::Task => vec![
            ("/status", json!("completed")),
            ("/description", json!("Uutta")),
            ("/description", Value::Null),
            ("/focus", reference(&format!("Goal/{}", part("goal:g0", 'g')))),
            ("/focus", reference(&format!("Goal/{}", part("goal:g1", 'g')))),
            ("/focus", Value::Null),
            ("/owner", reference("Practitioner/297.prac.mind")),
            ("/owner", reference("Practitioner/297.prac.youth")),
            ("/restriction", json!({ "period": { "end": "2026-10-01" } })),
        ],
        ResourceType::AuditEvent
        | ResourceType::Consent
        | ResourceType::HealthcareService
        | ResourceType::Location
        | ResourceType::Observation
        | ResourceType::Organization
        | ResourceType::Patient
        | ResourceType::Practitioner
        | ResourceType::PractitionerRole
        | ResourceType::Provenance
        | ResourceType::Questionnaire
        | ResourceType::QuestionnaireResponse
        | ResourceType::RelatedPerson
        | ResourceType::Subscription => vec![("/language", json!("fi"))],
    }
}

fn change(resource: &mut Value, how: &[(&'static str, Value)]) {
    for (pointer, value) in how {
        let (parent, name) = pointer.rsplit_once('/').unwrap();
        let Some(members) = resource.pointer_mut(parent).and_then(Value::as_object_mut) else {
            continue;
        };
        if value.is_null() {
            members.remove(name);
        } else {
            members.insert(name.to_owned(), value.clone());
        }
    }
}

/// A part as a system might send it.
fn new(kind: ResourceType, plan: usize) -> Value {
    let whose = reference(&format!("Patient/{}", patient(0)));
    let based_on = json!([reference(&format!("CarePlan/{}", document('w', 0, plan)))]);
    let coding =
        |system: &str, code: &str| json!({ "system": format!("{SYSTEM}/{system}"), "code": code });
    if kind == ResourceType::ServiceRequest {
        return json!({ "resourceType": "ServiceRequest", "status": "active", "intent": "plan",
            "basedOn": based_on, "subject": whose, "category": [{ "coding": [coding("theme", "housing")] }],
            "code": { "coding": [coding("healthcare-service", "297.svc.youth")] } });
    }
    json!({ "resourceType": "Task", "status": "requested", "intent": "plan", "basedOn": based_on,
        "code": { "coding": [coding("plan", "action"), coding("theme", "housing")] },
        "description": "Soitto", "for": whose, "owner": whose })
}

/// That somebody else answers for a plan.
fn hand_over(plan: usize, unit: &str) -> Value {
    let code = json!({ "system": format!("{SYSTEM}/plan"), "code": "hand-over" });
    json!({ "resourceType": "Task", "status": "requested", "intent": "proposal",
        "code": { "coding": [code] }, "for": reference(&format!("Patient/{}", patient(0))),
        "focus": reference(&format!("CareTeam/{}.ct", document('w', 0, plan))),
        "owner": reference(&format!("PractitionerRole/297.prac.{unit}.role")) })
}

/// What is asked of a gateway, one after another.
struct Asking<'a> {
    lab: &'a Lab,
    token: &'a str,
    seen: Vec<Seen>,
}

impl Asking<'_> {
    fn get(&mut self, path: &str) -> Seen {
        let seen = self.lab.fetch(self.token, &format!("{FHIR}/{path}"));
        self.seen.push(seen.clone());
        seen
    }

    fn send(
        &mut self,
        method: &str,
        path: &str,
        headers: Vec<(&'static str, String)>,
        body: &Value,
    ) {
        let kind = ("content-type", "application/fhir+json".to_owned());
        let headers = headers.into_iter().chain([kind]).collect();
        let (target, body) = (&format!("{FHIR}{path}"), &body.to_string());
        self.seen.push(self.lab.send(self.token, &Sent { method, target, headers, body }));
    }

    /// Which one is meant: `Type/id`.
    fn at(&mut self, kind: ResourceType, which: &Which) -> Option<String> {
        let id = match which {
            Which::Id(id) => id.clone(),
            Which::Found(number) => {
                let kind = kind.name();
                let found = self.get(&format!("{kind}?patient=Patient/{}&_sort=_id", patient(0)));
                let all = found.json()["entry"].as_array()?.clone();
                let is_one = |one: &&Value| one["search"]["mode"] == "match";
                let ids =
                    all.iter().filter(is_one).map(|one| one["resource"]["id"].as_str().unwrap());
                let ids: Vec<&str> = ids.collect();
                (*ids.get(number.checked_rem(ids.len())?)?).to_owned()
            }
        };
        Some(format!("{}/{id}", kind.name()))
    }
}

impl Write {
    /// Does it; what was answered on the way, the write's own answer last.
    pub(super) fn ask(&self, lab: &Lab, token: &str) -> Vec<Seen> {
        let mut asking = Asking { lab, token, seen: Vec::new() };
        self.go(&mut asking);
        asking.seen
    }

    fn go(&self, asking: &mut Asking<'_>) -> Option<()> {
        match self {
            Self::Change(kind, which, how) => {
                let at = asking.at(*kind, which)?;
                let (mut resource, tag) = read(asking, &at);
                change(&mut resource, how);
                asking.send("PUT", &format!("/{at}"), vec![("if-match", tag)], &resource);
            }
            Self::ChangeSuch(kind, which, how, such) => {
                let at = asking.at(*kind, which)?;
                let (mut resource, _) = read(asking, &at);
                change(&mut resource, how);
                resource.as_object_mut()?.retain(|name, _| !["id", "meta"].contains(&&**name));
                let path = format!("/{}?{such}", kind.name());
                asking.send("PUT", &path, Vec::new(), &resource);
            }
            Self::Create(kind, plan, how, such) => {
                let mut resource = new(*kind, *plan);
                change(&mut resource, how);
                let unless = such.map(|such| ("if-none-exist", such.to_owned()));
                let path = format!("/{}", kind.name());
                asking.send("POST", &path, unless.into_iter().collect(), &resource);
            }
            Self::Delete(kind, which) => {
                let at = asking.at(*kind, which)?;
                asking.send("DELETE", &format!("/{at}"), Vec::new(), &json!({}));
            }
            Self::DeleteSuch(kind, such) => {
                let path = format!("/{}?patient=Patient/{}&{such}", kind.name(), patient(0));
                asking.send("DELETE", &path, Vec::new(), &json!({}));
            }
            Self::HandOver(plan, unit, status) => {
                asking.send("POST", "/Task", Vec::new(), &hand_over(*plan, unit));
                let made = asking.seen.last()?.headers.iter().find(|(name, _)| name == "location");
                let at = made?.1.split_once("/Task/")?.1.to_owned();
                let at = format!("Task/{at}");
                let (mut resource, tag) = read(asking, &at);
                change(&mut resource, &[("/status", json!(status))]);
                asking.send("PUT", &format!("/{at}"), vec![("if-match", tag)], &resource);
            }
            Self::Exchange(kind, which, how) => {
                let at = asking.at(*kind, which)?;
                let mut task = new(ResourceType::Task, 0);
                change(&mut task, how);
                let entries = json!([
                    { "request": { "method": "DELETE", "url": at } },
                    { "request": { "method": "POST", "url": "Task" }, "resource": task },
                ]);
                let body =
                    json!({ "resourceType": "Bundle", "type": "transaction", "entry": entries });
                asking.send("POST", "", Vec::new(), &body);
            }
        }
        Some(())
    }
}

/// A resource and its version, be it there or not.
fn read(asking: &mut Asking<'_>, at: &str) -> (Value, String) {
    let seen = asking.get(at);
    let tag = seen.headers.iter().find(|(name, _)| name == "etag");
    let tag = tag.map_or_else(|| "W/\"1\"".to_owned(), |(_, tag)| tag.clone());
    (seen.json(), tag)
}
