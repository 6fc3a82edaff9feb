//! Small worlds for the properties: few names, few dates, so that things meet.

use std::sync::Arc;

use mylife::{
    consent::{
        asker::{Asker, BreakGlass},
        cover::{Interaction, ScopeCover},
        decide::Snapshot,
        law::{Bar, Ground, Law, Representation},
        policy::{Origin, Policy},
        purpose::Purpose,
    },
    domain::{class::Class, moment::Moment},
    unit::{
        Code, Sort, Unit,
        label::{Confidentiality, Themes},
        period::{Majority, Span},
    },
};
use proptest::{prelude::*, sample::select};
use serde_json::{Value, json};

pub(super) const NOW: &str = "2026-01-05T12:00:00Z";
const TERMINOLOGY: &str = "http://terminology.hl7.org/CodeSystem";
const SYSTEMS: &str = "https://mylife.example/fhir/CodeSystem";

/// One stored version of a consent.
#[derive(Clone, Debug)]
pub(super) struct Held {
    pub(super) consent: Value,
    pub(super) recorded: Option<i64>,
    pub(super) force: (Option<i64>, Option<i64>),
}

/// Everything a decision looks at, in a form that can be printed, shuffled and changed.
#[derive(Clone, Debug)]
pub(super) struct World {
    pub(super) consents: Vec<Held>,
    pub(super) grounds: Vec<Value>,
    pub(super) bars: Vec<Value>,
    pub(super) representation: Vec<Value>,
    pub(super) born: Option<&'static str>,
    pub(super) others: Vec<Thing>,
    pub(super) who: Who,
    pub(super) thing: Thing,
}

/// The asker.
#[derive(Clone, Debug)]
pub(super) struct Who {
    pub(super) subject: Option<&'static str>,
    pub(super) orgs: Vec<&'static str>,
    pub(super) role: &'static str,
    pub(super) register: Option<&'static str>,
    pub(super) purpose: Option<&'static str>,
    pub(super) action: Option<&'static str>,
    pub(super) declared: bool,
    pub(super) care: bool,
    pub(super) glass: Option<i64>,
}

/// The unit.
#[derive(Clone, Debug)]
pub(super) struct Thing {
    pub(super) sort: &'static str,
    pub(super) themes: Vec<&'static str>,
    pub(super) classes: Vec<&'static str>,
    pub(super) labels: Vec<&'static str>,
    pub(super) conf: Option<&'static str>,
    pub(super) date: Option<&'static str>,
    pub(super) author: Option<&'static str>,
    pub(super) custodian: Option<&'static str>,
    pub(super) register: Option<&'static str>,
    pub(super) stance: Option<u8>,
    pub(super) given_by: Option<&'static str>,
}

pub(super) fn at(text: &str) -> Moment {
    Moment::parse(text).unwrap()
}

/// Whole hours after the turn of the year in UTC.
pub(super) fn hour(hours: i64) -> Moment {
    Moment::from_millis(at("2026-01-01T00:00:00Z").millis() + hours * 3_600_000)
}

impl Held {
    pub(super) fn policy(&self) -> Policy {
        let origin = Origin {
            patient: None,
            recorded: self.recorded.map(hour),
            in_force_from: self.force.0.map(hour),
            in_force_until: self.force.1.map(hour),
        };
        Policy::parse(&self.consent, origin)
    }
}

impl World {
    /// A case worker of the county asks for housing, and these consents are all there is.
    pub(super) fn of(consents: Vec<Held>) -> Self {
        Self {
            consents,
            grounds: Vec::new(),
            bars: Vec::new(),
            representation: Vec::new(),
            born: None,
            others: Vec::new(),
            who: Who {
                subject: Some("Practitioner/cm1"),
                orgs: vec!["Organization/county"],
                role: "clerk",
                register: None,
                purpose: Some("TREAT"),
                action: Some("access"),
                declared: false,
                care: false,
                glass: None,
            },
            thing: Thing {
                sort: "item",
                themes: vec!["housing"],
                classes: Vec::new(),
                labels: Vec::new(),
                conf: Some("N"),
                date: Some("2026-01-04"),
                author: None,
                custodian: Some("Organization/kuopio"),
                register: None,
                stance: None,
                given_by: None,
            },
        }
    }

    pub(super) fn snapshot(&self) -> Snapshot {
        let bars = read::<Bar>(&self.bars);
        Snapshot {
            patient: "Patient/p1".into(),
            majority: Majority::of(self.born),
            turvakielto: false,
            law: Arc::new(Law {
                grounds: read::<Ground>(&self.grounds),
                bars,
                officer_roles: vec!["officer".into()],
            }),
            policies: self.consents.iter().map(Held::policy).collect(),
            representation: read::<Representation>(&self.representation),
            others: self.others.iter().map(Thing::unit).collect(),
            members: Arc::default(),
        }
    }

    pub(super) fn asker(&self) -> Asker {
        let who = &self.who;
        Asker {
            through: Vec::new(),
            now: at(NOW),
            subject: who.subject.map(Arc::from),
            orgs: who.orgs.iter().map(|org| Arc::from(*org)).collect(),
            roles: vec![who.role.into()],
            client: None,
            register: who.register.map(Arc::from),
            sector: None,
            declared: if who.declared { vec!["law:0".into()] } else { Vec::new() },
            purpose: who.purpose.map(Purpose::of),
            action: who.action.map(Arc::from),
            care_relation: who.care,
            scopes: ScopeCover::all(),
            interaction: Interaction::Read,
            break_glass: who
                .glass
                .map(|hours| BreakGlass { reason: "danger".into(), until: hour(hours) }),
        }
    }
}

impl Thing {
    pub(super) fn unit(&self) -> Unit {
        Unit {
            id: Some("Observation/o1".into()),
            themes: self.themes.iter().copied().collect::<Themes>(),
            classes: self.classes.iter().filter_map(|c| Class::from_code(c)).collect(),
            labels: self.labels.iter().map(|label| Arc::from(*label)).collect(),
            confidentiality: self.conf.and_then(Confidentiality::from_code),
            date: self.date.and_then(Span::parse),
            authors: self.author.into_iter().map(Arc::from).collect(),
            custodian: self.custodian.map(Arc::from),
            register: self.register.map(Arc::from),
            minor_stance: self.stance,
            given_by: self.given_by.map(Arc::from),
            codes: Arc::from([Code { system: None, code: "72166-2".into() }]),
            ..Unit::new(Sort::from_code(self.sort).unwrap(), "Observation")
        }
    }
}

fn read<T: for<'de> serde::Deserialize<'de>>(values: &[Value]) -> Vec<T> {
    values.iter().map(|value| T::deserialize(value).unwrap()).collect()
}

pub(super) fn worlds() -> impl Strategy<Value = World> {
    let consents = prop::collection::vec(helds(), 0..5);
    let law = (prop::collection::vec(grounds(), 0..3), prop::collection::vec(bars(), 0..2));
    let representation = prop::collection::vec(representations(), 0..2);
    let born = select(vec![None, Some("2000-01-01"), Some("2012-04-01"), Some("2008-01-04")]);
    let others = prop::collection::vec(things(), 0..3);
    (consents, law, representation, born, others, whos(), things()).prop_map(
        |(mut consents, (mut grounds, bars), representation, born, others, who, thing)| {
            for (index, held) in consents.iter_mut().enumerate() {
                held.consent["id"] = json!(format!("c{index}"));
            }
            for (index, ground) in grounds.iter_mut().enumerate() {
                ground["id"] = json!(format!("law:{index}"));
            }
            World { consents, grounds, bars, representation, born, others, who, thing }
        },
    )
}

fn whos() -> impl Strategy<Value = Who> {
    let subjects = ["Practitioner/cm1", "Practitioner/cm1", "RelatedPerson/mother", "Patient/p1"];
    (
        select(subjects.to_vec()),
        select(vec![vec!["Organization/county"], vec!["Organization/kuopio"], vec![]]),
        select(vec!["clerk", "officer"]),
        select(vec![None, Some("social")]),
        select(vec![None, Some("TREAT"), Some("ETREAT"), Some("HRESCH"), Some("X")]),
        select(vec![None, Some("access"), Some("disclose")]),
        any::<(bool, bool)>(),
        select(vec![None, Some(109), Some(110), Some(200)]),
    )
        .prop_map(
            |(subject, orgs, role, register, purpose, action, (declared, care), glass)| Who {
                subject: Some(subject),
                orgs,
                role,
                register,
                purpose,
                action,
                declared,
                care,
                glass,
            },
        )
}

fn things() -> impl Strategy<Value = Thing> {
    let themes = vec!["housing", "housing", "health", "wealth"];
    (
        select(vec!["item", "item", "item", "mention", "records", "identity", "plan"]),
        prop::collection::vec(select(themes), 0..3),
        prop::collection::vec(select(vec!["free-text", "contact"]), 0..2),
        select(vec![vec![], vec![], vec![], vec!["sealed"]]),
        select(vec![None, Some("L"), Some("N"), Some("R")]),
        select(vec![None, Some("2026-01-04"), Some("2026-01"), Some("2026-01-04T10:00:00Z")]),
        select(vec![None, Some("Patient/p1"), Some("Practitioner/x")]),
        select(vec![None, Some("Organization/kuopio"), Some("Organization/county")]),
        select(vec![None, Some("social"), Some("health")]),
        prop::option::of(1..5_u8),
        select(vec![None, Some("RelatedPerson/mother")]),
    )
        .prop_map(
            |(
                sort,
                themes,
                classes,
                labels,
                conf,
                date,
                author,
                custodian,
                register,
                stance,
                given_by,
            )| Thing {
                sort,
                themes,
                classes,
                labels,
                conf,
                date,
                author,
                custodian,
                register,
                stance,
                given_by,
            },
        )
}

fn grounds() -> impl Strategy<Value = Value> {
    let whole = vec![
        json!({"themes": ["housing"]}),
        json!({"classes": ["free-text"], "purposes": ["TREAT"]}),
        json!({"classes": "*", "care_relation": true}),
        json!({"emergency": true}),
        json!({"same_register": true}),
        json!({"period": {"start": "2026-01-03", "end": "2026-01-05T09:00:00Z"}}),
        json!({"period": {"start": "2026-01"}}),
        json!({"roles": ["officer"]}),
    ];
    (select(whole), any::<bool>()).prop_map(|(mut ground, overrides)| {
        ground["overrides_prohibition"] = json!(overrides);
        ground
    })
}

fn bars() -> impl Strategy<Value = Value> {
    select(vec![
        json!({"id": "bar:1", "persons": ["Patient/p1"], "except_roles": ["officer"]}),
        json!({"id": "bar:2", "labels": ["contact"]}),
        json!({"id": "bar:3", "labels": ["sealed"], "except_roles": ["officer"]}),
    ])
}

fn representations() -> impl Strategy<Value = Value> {
    let mother = |more: Value| {
        let mut by = json!({"id": "rep:m", "who": "RelatedPerson/mother", "patient": "Patient/p1"});
        by.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        by
    };
    select(vec![
        mother(json!({})),
        mother(json!({"themes": ["housing"], "classes": ["free-text"]})),
        mother(json!({"period": {"start": "2026-01-04", "end": "2026-01-07"}})),
    ])
}

pub(super) fn helds() -> impl Strategy<Value = Held> {
    let force = select(vec![
        (None, None),
        (None, None),
        (Some(40), None),
        (None, Some(103)),
        (Some(50), Some(200)),
    ]);
    (consents(), select(vec![None, Some(30), Some(80)]), force)
        .prop_map(|(consent, recorded, force)| Held { consent, recorded, force })
}

fn consents() -> impl Strategy<Value = Value> {
    let stray = select(vec!["", "", "", "", "modifierExtension", "decision"]);
    let performers = select(vec![None, None, None, Some("RelatedPerson/mother"), Some("#x")]);
    let status = select(vec!["active", "active", "active", "active", "inactive", "unheard-of"]);
    let root = prop_oneof![3 => grant_roots(), 3 => rules(0, Some("deny")), 2 => imported_roots()];
    (root, select(vec!["grant", "prohibition", "foreign"]), stray, performers, status).prop_map(
        |(root, kind, stray, performer, status)| {
            let mut consent = consent(kind, &root);
            consent["status"] = json!(status);
            if !stray.is_empty() {
                consent[stray] = json!([{}]);
            }
            if let Some(performer) = performer {
                consent["performer"] = json!([{ "reference": performer }]);
            }
            consent
        },
    )
}

/// A consent about the person, in force, with this root.
pub(super) fn consent(kind: &str, root: &Value) -> Value {
    let system = if kind == "foreign" { "http://loinc.org" } else { "urn:mylife:consent-kind" };
    json!({
        "resourceType": "Consent",
        "id": "c",
        "status": "active",
        "scope": {"coding": [
            {"system": format!("{TERMINOLOGY}/consentscope"), "code": "patient-privacy"}]},
        "category": [{"coding": [{"system": system, "code": kind}]}],
        "patient": {"reference": "Patient/p1"},
        "policy": [{"uri": "urn:mylife:policy:1"}],
        "provision": root,
    })
}

/// A root that frames rules that permit, with exceptions and exceptions of those.
pub(super) fn grant_roots() -> impl Strategy<Value = Value> {
    prop::collection::vec(rules(2, Some("permit")), 1..3)
        .prop_map(|rules| json!({"type": "deny", "provision": rules}))
}

fn imported_roots() -> impl Strategy<Value = Value> {
    select(vec![None, Some("permit"), Some("deny")]).prop_flat_map(|effect| rules(2, effect))
}

/// One rule with some conditions and up to `depth` levels below it.
pub(super) fn rules(depth: u8, effect: Option<&'static str>) -> BoxedStrategy<Value> {
    let own = prop::collection::vec(select(conditions()), 0..3).prop_map(move |conditions| {
        let mut rule = json!({});
        if let Some(effect) = effect {
            rule["type"] = json!(effect);
        }
        for (key, value) in conditions {
            rule[key] = value;
        }
        rule
    });
    if depth == 0 {
        return own.boxed();
    }
    let below = if effect == Some("permit") { "deny" } else { "permit" };
    (own, prop::collection::vec(rules(depth - 1, Some(below)), 0..2))
        .prop_map(|(mut rule, below)| {
            if !below.is_empty() {
                rule["provision"] = json!(below);
            }
            rule
        })
        .boxed()
}

fn conditions() -> Vec<(&'static str, Value)> {
    let label = |codes: &[(&str, &str)]| {
        let coding = |(system, code): &(&str, &str)| match *system {
            "conf" => json!({"system": format!("{TERMINOLOGY}/v3-Confidentiality"), "code": code}),
            "other" => json!({"system": "urn:other", "code": code}),
            own => json!({"system": format!("{SYSTEMS}/{own}"), "code": code}),
        };
        ("securityLabel", codes.iter().map(coding).collect::<Value>())
    };
    let actor = |role: &str, who: &str| {
        let role = json!({"coding": [{"code": role}]});
        ("actor", json!([{"role": role, "reference": {"reference": who}}]))
    };
    let purpose = |code: &str| ("purpose", json!([{"code": code}]));
    vec![
        label(&[("theme", "housing")]),
        label(&[("theme", "housing"), ("class", "free-text")]),
        label(&[("theme", "health"), ("conf", "N")]),
        label(&[("theme", "wealth")]),
        label(&[("class", "free-text"), ("class", "contact")]),
        label(&[("conf", "R")]),
        label(&[("register", "social")]),
        label(&[("other", "x")]),
        actor("IRCP", "Organization/county"),
        actor("IRCP", "Organization/county"),
        actor("PRCP", "RelatedPerson/mother"),
        actor("IRCP", "CareTeam/t"),
        actor("CST", "Organization/kuopio"),
        actor("AUT", "Patient/p1"),
        actor("INF", "Patient/p1"),
        purpose("TREAT"),
        purpose("HRESCH"),
        ("action", json!([{"coding": [{"code": "access"}]}])),
        ("class", json!([{"code": "Observation"}])),
        ("code", json!([{"coding": [{"system": "http://loinc.org", "code": "72166-2"}]}])),
        ("code", json!([{"coding": [{"system": format!("{SYSTEMS}/theme"), "code": "health"}]}])),
        ("data", json!([{"meaning": "instance", "reference": {"reference": "Observation/o1"}}])),
        ("data", json!([{"meaning": "authoredby", "reference": {"reference": "Patient/p1"}}])),
        ("dataPeriod", json!({"start": "2026-01-04"})),
        ("dataPeriod", json!({"end": "2026-01-03"})),
        ("period", json!({"start": "2026-01-04"})),
        ("period", json!({"end": "2026-01-05"})),
        ("period", json!({"end": "2026-01-05T10:00:00Z"})),
        ("period", json!({"start": "2026-01-05T11:00:00Z"})),
        ("period", json!({"start": "2026-01-03", "end": "2026-01-08"})),
        ("period", json!({"start": "2026-01"})),
        ("period", json!({"end": "2026-01"})),
        ("period", json!({"end": "soon"})),
        ("frobnicate", json!(true)),
    ]
}
