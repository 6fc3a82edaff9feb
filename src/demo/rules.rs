//! What the demo's people have granted and prohibited, and the Consents that say so.
//!
//! Beside the way of a request. A rule has the shape of `sandbox.json`; the Consent is written in the
//! strict form of [`crate::consent::profile`]. Uuids come from the seed.

use std::time::Duration;

use serde::Serialize;
use serde_json::{Value, json};

use crate::{
    chance::{Chance, SeededChance},
    consent::{name, purpose},
    demo::{
        clients::{COUNTY, DemoClient, PORTAL, client},
        people::{Somebody, Story},
    },
    domain::{identity::SYSTEM as IDENTITY, moment::Moment, theme::Theme},
    error::Result,
    fhir::{coding::coding, labels},
    unit::label,
};

/// Types of a plan, as the county is granted them.
const PLAN_TYPES: [&str; 5] = ["CarePlan", "CareTeam", "Goal", "ServiceRequest", "Task"];

const MONTH: Duration = Duration::from_hours(30 * 24);

/// A grant, or a prohibition (then `null` is everything), at one node.
#[derive(Clone, Debug, Serialize)]
pub struct Rule {
    /// Name of the client.
    pub to: Option<String>,
    /// The client's organisation, `urn:oid:...`.
    pub organization: Option<String>,
    /// Slug of the node that holds it.
    pub node: &'static str,
    /// `Consent/id` there; known once it is written.
    pub consent: String,
    /// `urn:uuid:...`, the writer's.
    pub identifier: String,
    /// Themes, or `*`.
    pub labels: Option<Vec<String>>,
    /// Withheld classes that are named.
    pub classes: Option<Vec<String>>,
    /// Resource types, or `*`.
    pub types: Option<Vec<String>>,
    /// A code of v3-ActReason.
    pub purpose: Option<String>,
    /// Not before.
    pub start: Option<Moment>,
    /// Not after.
    pub end: Option<Moment>,
    /// Is it in force, its period aside?
    pub active: bool,
}

/// A consent to be written.
#[derive(Clone)]
pub struct Draft {
    /// Is it a grant? Else a prohibition.
    pub grant: bool,
    /// Is it written at the portal? Else where the data is.
    pub through_portal: bool,
    /// Did a guardian give it?
    pub by_guardian: bool,
    /// The rule; `node` is the first home, `consent` is empty.
    pub rule: Rule,
}

/// What each of the people has decided.
///
/// # Errors
/// `Internal` if the demo lacks a client.
pub fn drafts(
    people: &[Somebody],
    clients: &[DemoClient],
    seed: u64,
    now: Moment,
) -> Result<Vec<Vec<Draft>>> {
    // Not the people's own sequence: a consent more must not change anybody's answers.
    let chance = SeededChance::new(seed ^ 0x5eed_c0de);
    let desk = Desk { clients, chance, now };
    let mut ordinary = 0;
    let mut all = Vec::new();
    for somebody in people {
        all.push(if somebody.story == Story::Ordinary {
            ordinary += 1;
            desk.ordinary(somebody, ordinary % 4)?
        } else {
            desk.special(somebody)?
        });
    }
    Ok(all)
}

struct Desk<'a> {
    clients: &'a [DemoClient],
    chance: SeededChance,
    now: Moment,
}

impl Desk<'_> {
    fn special(&self, of: &Somebody) -> Result<Vec<Draft>> {
        Ok(match of.story {
            Story::TwoMunicipalities => {
                vec![Draft { through_portal: true, ..self.survey(of, &["*"], &[])? }]
            }
            Story::TwoThemes => {
                let mut draft = self.survey(of, &["housing", "studies-work"], &[])?;
                draft.through_portal = draft.rule.node == "espoo";
                vec![draft]
            }
            Story::AllThemes => vec![self.survey(of, &["*"], &[])?],
            Story::FreeText => vec![self.survey(of, &["*"], &["free-text"])?],
            Story::NoFreeText => vec![self.survey(of, &Theme::ALL.map(Theme::code), &[])?],
            Story::Prohibited => self.prohibited(of)?,
            Story::Expired => {
                let mut draft = self.survey(of, &["*"], &["free-text"])?;
                draft.rule.start = Some(self.now.minus(MONTH * 12));
                draft.rule.end = Some(self.now.minus(MONTH));
                vec![draft]
            }
            Story::Future => {
                let mut draft = self.survey(of, &["*"], &["free-text"])?;
                draft.rule.start = Some(self.now.plus(MONTH));
                vec![draft]
            }
            Story::CountyPlan => vec![self.plan(of, &["*"], &["free-text"])?],
            Story::Child => vec![Draft {
                by_guardian: true,
                ..self.survey(of, &["studies-work", "friends"], &[])?
            }],
            // Granted, and absent all the same: outside the controller a turvakielto outweighs it.
            Story::NonDisclosure
                if of.homes.first().is_some_and(|h| h.municipality.slug == "kuopio") =>
            {
                vec![self.survey(of, &["*"], &["free-text"])?]
            }
            Story::NoGrant | Story::NonDisclosure | Story::Ordinary => Vec::new(),
        })
    }

    /// In each municipality another form: everything for everybody, everything for the portal, two
    /// themes for everybody.
    fn prohibited(&self, of: &Somebody) -> Result<Vec<Draft>> {
        let grant = self.survey(of, &["*"], &["free-text"])?;
        let mut ban = Draft { grant: false, ..self.survey(of, &["*"], &[])? };
        let Rule { to, organization, labels, classes, types, purpose, .. } = &mut ban.rule;
        let whole = (to.take(), organization.take());
        (*labels, *classes, *types, *purpose) = (None, None, None, None);
        match grant.rule.node {
            "kuopio" => ban.through_portal = true,
            "kajaani" => (ban.rule.to, ban.rule.organization) = whole,
            _ => ban.rule.labels = Some(texts(&["health", "self-esteem"])),
        }
        Ok(vec![grant, ban])
    }

    fn ordinary(&self, of: &Somebody, which: usize) -> Result<Vec<Draft>> {
        let sensitive = ["free-text", "mental-health", "substance-use", "child-protection"];
        Ok(match which {
            1 => vec![
                self.survey(of, &["housing", "finance"], &["free-text"])?,
                self.survey(of, &["health"], &[])?,
            ],
            2 => vec![self.plan(of, &["housing", "finance", "studies-work"], &[])?],
            3 => vec![self.survey(of, &["*"], &["free-text"])?, self.plan(of, &["*"], &sensitive)?],
            _ => Vec::new(),
        })
    }

    fn survey(&self, of: &Somebody, labels: &[&str], classes: &[&str]) -> Result<Draft> {
        self.draft(of, PORTAL, labels, classes, &["*"])
    }

    fn plan(&self, of: &Somebody, labels: &[&str], classes: &[&str]) -> Result<Draft> {
        self.draft(of, COUNTY, labels, classes, &PLAN_TYPES)
    }

    fn draft(
        &self,
        of: &Somebody,
        to: &str,
        labels: &[&str],
        classes: &[&str],
        types: &[&str],
    ) -> Result<Draft> {
        let to = client(self.clients, to)?;
        let rule = Rule {
            to: Some(to.id.clone()),
            organization: Some(to.organization.clone()),
            node: of.homes.first().map_or("", |home| home.municipality.slug),
            consent: String::new(),
            identifier: format!("urn:uuid:{}", uuid(&self.chance)),
            labels: Some(texts(labels)),
            classes: Some(texts(classes)),
            types: Some(texts(types)),
            purpose: Some(to.purpose.to_owned()),
            start: None,
            end: None,
            active: true,
        };
        Ok(Draft { grant: true, through_portal: false, by_guardian: false, rule })
    }
}

fn texts(all: &[&str]) -> Vec<String> {
    all.iter().map(|text| (*text).to_owned()).collect()
}

/// A uuid of version 4 (RFC 9562) from the seed.
fn uuid(chance: &dyn Chance) -> String {
    let mut bytes = [0; 16];
    chance.fill(&mut bytes);
    let number = u128::from_be_bytes(bytes);
    let number = (number & !(0xf << 76) | (0x4 << 76)) & !(0x3 << 62) | (0x2 << 62);
    let hex = format!("{number:032x}");
    let part = |from: usize, to: usize| hex.get(from..to).unwrap_or_default().to_owned();
    [part(0, 8), part(8, 12), part(12, 16), part(16, 20), part(20, 32)].join("-")
}

/// The Consent of a draft, about the person of an identity code. `performer` is who gave it.
pub fn consent(draft: &Draft, code: &str, performer: &Value, now: Moment) -> Value {
    let rule = &draft.rule;
    let conditions = conditions(rule);
    let provision = if draft.grant {
        let mut permit = conditions;
        permit.insert("type".to_owned(), "permit".into());
        json!({ "type": "deny", "provision": [permit] })
    } else {
        let mut deny = conditions;
        deny.insert("type".to_owned(), "deny".into());
        Value::Object(deny)
    };
    json!({
        "resourceType": "Consent",
        "identifier": [{ "system": name::URI, "value": rule.identifier }],
        "status": if rule.active { "active" } else { "inactive" },
        "scope": { "coding": [{ "system": label::SCOPE, "code": "patient-privacy" }] },
        "category": [{ "coding": [{
            "system": label::CONSENT_KIND,
            "code": if draft.grant { "grant" } else { "prohibition" },
        }] }],
        "patient": { "identifier": { "system": IDENTITY, "value": code } },
        "dateTime": now,
        "performer": [performer],
        "policy": [{ "uri": label::POLICY }],
        "provision": provision,
    })
}

fn conditions(rule: &Rule) -> serde_json::Map<String, Value> {
    let mut all = serde_json::Map::new();
    let mut period = serde_json::Map::new();
    period.extend(rule.start.map(|at| ("start".to_owned(), json!(at))));
    period.extend(rule.end.map(|at| ("end".to_owned(), json!(at))));
    if !period.is_empty() {
        all.insert("period".to_owned(), Value::Object(period));
    }
    if let Some(oid) = &rule.organization {
        let actor = json!([{
            "role": { "coding": [{ "system": label::PARTICIPATION, "code": "IRCP" }] },
            "reference": { "identifier": { "system": name::URI, "value": oid } },
        }]);
        all.insert("actor".to_owned(), actor);
    }
    let coded = |system: &'static str, codes: &Option<Vec<String>>| -> Vec<Value> {
        let named = codes.iter().flatten().filter(|code| *code != "*");
        named.map(|code| coding(system, code)).collect()
    };
    let mut labels = coded(labels::THEME, &rule.labels);
    labels.extend(coded(labels::CLASS, &rule.classes));
    let purposes = rule.purpose.iter().map(|code| coding(purpose::SYSTEM, code));
    let lists = [
        ("purpose", purposes.collect()),
        ("securityLabel", labels),
        ("class", coded(label::RESOURCE_TYPE, &rule.types)),
    ];
    for (name, list) in lists.into_iter().filter(|(_, list)| !list.is_empty()) {
        all.insert(name.to_owned(), Value::Array(list));
    }
    all
}
