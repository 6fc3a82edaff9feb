//! The format of a case, and how it becomes what a decision reads.
//!
//! Source: the description of the golden cases. Unknown members are refused, so that a condition
//! nobody evaluates cannot hide in a file.

use std::sync::Arc;

use serde::Deserialize;
use serde_json::{Map, Value};

use crate::{
    consent::{
        asker::{Asker, BreakGlass, Gateway},
        cover::{Interaction, ScopeCover},
        decide::{Compiled, Snapshot, Verdict},
        label::{Confidentiality, Themes},
        law::{Bar, Ground, Law, Representation},
        period::{Majority, Span},
        policy::{Origin, Policy},
        purpose::Purpose,
        unit::{Code, Slot, Sort, Unit},
    },
    domain::{class::Class, moment::Moment, theme::Theme},
};

type Text = Arc<str>;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Store {
    #[serde(default)]
    consents: Vec<Value>,
    #[serde(default)]
    grounds: Vec<Ground>,
    #[serde(default)]
    bars: Vec<Bar>,
    #[serde(default)]
    representation: Vec<Representation>,
    birth_date: Option<String>,
    #[serde(default)]
    officer_roles: Vec<Text>,
    #[serde(default)]
    units: Vec<Map<String, Value>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Request {
    now: Moment,
    patient: Text,
    subject: Option<Text>,
    #[serde(default)]
    orgs: Vec<Text>,
    /// Organisations of the gateways on the way; null for one that is not known.
    #[serde(default)]
    through: Vec<Option<Vec<Text>>>,
    #[serde(default)]
    roles: Vec<Text>,
    client: Option<Text>,
    register: Option<Text>,
    sector: Option<Text>,
    #[serde(default)]
    declared: Vec<Text>,
    purpose: Option<String>,
    action: Option<Text>,
    #[serde(default)]
    care_relation: bool,
    #[serde(default)]
    scopes: Vec<String>,
    break_glass: Option<Declared>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Declared {
    reason: Option<Text>,
    until: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Part {
    class: String,
    resource: Text,
    id: Option<Text>,
    #[serde(default)]
    themes: Vec<String>,
    conf: Option<String>,
    #[serde(default)]
    labels: Vec<Text>,
    date: Option<String>,
    authors: Option<Vec<Text>>,
    custodian: Option<Text>,
    register: Option<Text>,
    service_task: Option<Text>,
    sector: Option<Text>,
    minor_stance: Option<u8>,
    given_by: Option<Text>,
    written_by: Option<Text>,
    refs: Option<Vec<Text>>,
    codes: Option<Vec<Clinical>>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Clinical {
    Text(String),
    Coding { system: Option<Text>, code: Text },
}

/// A case, ready to be decided.
pub(super) struct Scenario {
    snapshot: Snapshot,
    asker: Asker,
    unit: Unit,
    /// The unit's themes in the order of the case.
    slots: Vec<Slot>,
}

impl Scenario {
    pub(super) fn read(
        store: Map<String, Value>,
        q: Map<String, Value>,
        unit: Map<String, Value>,
        default_unit: &Value,
    ) -> Result<Self, String> {
        let store: Store = typed("store", store)?;
        let request: Request = typed("q", q)?;
        let part: Part = typed("unit", unit)?;
        let slots = part.themes.iter().map(|code| slot(code)).collect();
        let others = store.units.iter().map(|unit| {
            let mut whole = default_unit.as_object().cloned().unwrap_or_default();
            whole.extend(unit.clone());
            typed::<Part>("store.units", whole)?.unit()
        });
        let snapshot = Snapshot {
            patient: request.patient.clone(),
            majority: Majority::of(store.birth_date.as_deref()),
            turvakielto: false,
            others: others.collect::<Result<_, String>>()?,
            members: Arc::default(),
            policies: store.consents.iter().map(policy).collect(),
            law: Arc::new(Law {
                grounds: store.grounds,
                bars: store.bars,
                officer_roles: store.officer_roles,
            }),
            representation: store.representation,
        };
        Ok(Self { snapshot, asker: request.asker(), unit: part.unit()?, slots })
    }

    pub(super) fn decide(&self) -> Verdict {
        let Self { snapshot, asker, unit, slots } = self;
        let unclassified = slots.is_empty().then_some(Slot::Unclassified);
        let slots = slots.iter().copied().chain(unclassified);
        Compiled::new(snapshot, asker, asker.now).decide_in_order(unit, slots)
    }
}

impl Request {
    fn asker(self) -> Asker {
        let break_glass = self.break_glass.and_then(|Declared { reason, until }| {
            let until = until.as_deref().and_then(Moment::parse)?;
            Some(BreakGlass { reason: reason.unwrap_or_default(), until })
        });
        Asker {
            now: self.now,
            subject: self.subject,
            orgs: self.orgs,
            through: self.through.into_iter().map(|orgs| Gateway { orgs }).collect(),
            roles: self.roles,
            client: self.client,
            register: self.register,
            sector: self.sector,
            declared: self.declared,
            purpose: self.purpose.as_deref().map(Purpose::of),
            action: self.action,
            care_relation: self.care_relation,
            scopes: ScopeCover::parse(self.scopes.iter().map(String::as_str)),
            interaction: Interaction::Read,
            break_glass,
        }
    }
}

impl Part {
    fn unit(self) -> Result<Unit, String> {
        let sort = Sort::from_code(&self.class)
            .ok_or_else(|| format!("unit.class `{}` is not a sort of unit", self.class))?;
        let beyond = |label: &Text| Class::from_code(label).is_none();
        Ok(Unit {
            id: self.id,
            themes: self.themes.iter().map(String::as_str).collect::<Themes>(),
            confidentiality: self.conf.as_deref().and_then(Confidentiality::from_code),
            classes: self.labels.iter().filter_map(|label| Class::from_code(label)).collect(),
            labels: self.labels.iter().filter(|label| beyond(label)).cloned().collect(),
            date: self.date.as_deref().and_then(Span::parse),
            authors: self.authors.unwrap_or_default().into(),
            custodian: self.custodian,
            register: self.register,
            service_task: self.service_task,
            sector: self.sector,
            minor_stance: self.minor_stance,
            given_by: self.given_by,
            written_by: self.written_by,
            refs: self.refs.unwrap_or_default().into(),
            codes: self.codes.unwrap_or_default().into_iter().map(Clinical::code).collect(),
            ..Unit::new(sort, self.resource)
        })
    }
}

impl Clinical {
    fn code(self) -> Code {
        match self {
            Self::Coding { system, code } => Code { system, code },
            Self::Text(text) => match text.split_once('|') {
                Some((system, code)) => Code { system: Some(system.into()), code: code.into() },
                None => Code { system: None, code: text.into() },
            },
        }
    }
}

fn slot(code: &str) -> Slot {
    Theme::from_code(code).map_or(Slot::Unknown, Slot::Theme)
}

/// A consent with the instant of its first recording, which is no part of the resource.
fn policy(consent: &Value) -> Policy {
    let recorded = consent.get("_recorded").and_then(Value::as_str).and_then(Moment::parse);
    Policy::parse(consent, Origin { recorded, ..Origin::default() })
}

fn typed<T: for<'de> Deserialize<'de>>(place: &str, part: Map<String, Value>) -> Result<T, String> {
    T::deserialize(Value::Object(part)).map_err(|e| format!("`{place}` cannot be read: {e}"))
}
