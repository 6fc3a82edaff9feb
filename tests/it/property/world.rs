//! People as the properties need them: few themes, few words, few days, so that things meet.
//!
//! A document is the list of its versions; a part that is equal in two of them keeps its stamp.

mod parts;
mod source;

use std::fmt;

use mylife::domain::{
    assessment::{AgeGroup, Answer, Assessment, AssessmentSchema, AssessmentStatus, Form, Score},
    class::Class,
    day::{Day, Period},
    identity::IdentityCode,
    moment::Moment,
    person::{Contact, Name, Person, PersonSchema},
    plan::{Plan, PlanSchema, PlanStatus, Views},
    questionnaire::{Questionnaire, Questionnaires},
    theme::Theme,
    words::{Code, DirectoryId, Language, LocalId, Municipality, Words},
};
use proptest::{
    collection::{btree_map, vec},
    option,
    prelude::*,
    sample::{select, subsequence},
};
use serde_json::{Value, json};

use self::{
    parts::follow_ups,
    source::{register, told},
};
pub(super) use self::{
    parts::{actions, goals, services, team},
    source::identified,
};

/// The themes that are used.
pub(super) const THEMES: [Theme; 4] =
    [Theme::StudiesWork, Theme::Health, Theme::Housing, Theme::Finance];
/// The organisation of the reader, a unit of none here.
pub(super) const READER: &str = "urn:oid:1.2.246.10.1";
/// Another recipient.
pub(super) const OTHER: &str = "urn:oid:1.2.246.10.2";
/// The unit of the holder for young people.
pub(super) const YOUTH: &str = "urn:oid:1.2.246.10.3.1";
/// The holder.
pub(super) const CITY: &str = "urn:oid:1.2.246.10.3";

/// Everything a gateway holds; the first person is the one most questions are about.
#[derive(Clone, Debug)]
pub(super) struct World {
    pub(super) people: Vec<Somebody>,
}

/// One person and all documents, each as its versions.
#[derive(Clone)]
pub(super) struct Somebody {
    pub(super) person: Vec<Person>,
    pub(super) assessments: Vec<Vec<Assessment>>,
    pub(super) plans: Vec<Vec<Plan>>,
    pub(super) consents: Vec<Wish>,
}

/// A consent: its versions differ in status alone.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Wish {
    pub(super) prohibits: bool,
    pub(super) to: &'static str,
    pub(super) themes: Vec<Theme>,
    pub(super) classes: Vec<Class>,
    pub(super) types: Vec<&'static str>,
    pub(super) purpose: &'static str,
    pub(super) period: Option<(&'static str, &'static str)>,
    pub(super) data_period: Option<(&'static str, &'static str)>,
    pub(super) instance: Option<(&'static str, char)>,
    pub(super) recorded: u8,
    pub(super) revoked: Option<u8>,
    pub(super) writer: &'static str,
}

impl fmt::Debug for Somebody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = |v: Value| v.to_string();
        f.debug_struct("Somebody")
            .field("person", &text(json!(self.person)))
            .field("assessments", &text(json!(self.assessments)))
            .field("plans", &text(json!(self.plans)))
            .field("consents", &self.consents)
            .finish()
    }
}

/// So many days after the new year, at eight.
pub(super) fn day(days: u8) -> Moment {
    let year = Moment::parse("2026-01-01T08:00:00Z").unwrap();
    Moment::from_millis(year.millis() + i64::from(days) * 86_400_000)
}

pub(super) fn local(text: impl AsRef<str>) -> LocalId {
    LocalId::parse(text.as_ref()).unwrap()
}

pub(super) fn words(number: u8) -> Words {
    let known = ["Oma koti & <rauha>", "\"Lisää\" unta\n", "Työ tai koulu"];
    Words::parse(known.get(usize::from(number)).copied().unwrap_or("Jotain muuta")).unwrap()
}

/// Id of a person's Patient: they stand in different places of the id space.
pub(super) fn patient(whose: usize) -> String {
    let first = ["m", "2", "z", "n"].get(whose).copied().unwrap_or("q");
    format!("297.{first}{}", "a".repeat(25))
}

/// Id of a person's document.
pub(super) fn document(letter: char, whose: usize, number: usize) -> String {
    format!("297.{letter}{whose}{number}{}", "a".repeat(23))
}

fn date(text: &str) -> Day {
    Day::parse(text).unwrap()
}

pub(super) fn listed(id: &str) -> DirectoryId {
    DirectoryId::parse(id).unwrap()
}

pub(super) fn worlds() -> impl Strategy<Value = World> {
    (vec(somebody(), 1..=1), vec(stranger(), 0..3)).prop_map(|(mut people, strangers)| {
        people.extend(strangers);
        World { people }
    })
}

pub(super) fn somebody() -> impl Strategy<Value = Somebody> {
    let documents = (vec(assessment(), 0..3), vec(plan(), 0..2));
    (vec(person(), 1..=2), documents, vec(wish(), 0..4)).prop_map(
        |(person, (assessments, plans), consents)| {
            let named = assessments.into_iter().enumerate().map(|(at, versions)| {
                let id = local(format!("a{at}"));
                versions.into_iter().map(|v| Assessment { id: id.clone(), ..v }).collect()
            });
            Somebody { person, assessments: named.collect(), plans, consents }
        },
    )
}

/// Somebody with less to tell.
fn stranger() -> impl Strategy<Value = Somebody> {
    (vec(person(), 1..=1), vec(assessment(), 0..2), vec(wish(), 0..2)).prop_map(
        |(person, assessments, consents)| Somebody {
            person,
            assessments,
            plans: Vec::new(),
            consents,
        },
    )
}

pub(super) fn person() -> impl Strategy<Value = Person> {
    (any::<bool>(), option::of(0..3_u8), option::of(select(vec!["297", "091"]))).prop_map(
        |(named, contact, municipality)| Person {
            schema: PersonSchema::V1,
            id: local("p"),
            name: Name {
                given: vec![Words::parse(if named { "Aino" } else { "Eino" }).unwrap()],
                family: Words::parse("Testinen").unwrap(),
            },
            birth_date: Some(date("2000-02-29")),
            identity_code: IdentityCode::invent(date("2000-02-29"), 900),
            language: Language::parse("fi"),
            municipality: municipality.and_then(Municipality::parse),
            contact: contact.map(|number| Contact {
                phone: Words::parse(&format!("+358 00 000 {number}")),
                email: None,
                address: Some(words(number)),
            }),
            non_disclosure: false,
            representation: Vec::new(),
            minor_stance: None,
        },
    )
}

pub(super) fn score() -> impl Strategy<Value = Option<Score>> {
    option::weighted(0.8, select(vec![0, 5, 10]).prop_map(|n| Score::new(n).unwrap()))
}

pub(super) fn answer(form: Form) -> impl Strategy<Value = Answer> {
    let said = option::of(0..3_u8);
    (select(THEMES.to_vec()), score(), score(), said)
        .prop_map(move |(theme, importance, satisfaction, said)| {
            let (said, thirty) = (said.map(words), form == Form::Thirty);
            Answer {
                theme,
                importance: importance.filter(|_| thirty),
                satisfaction,
                future: said.clone().filter(|_| thirty),
                comment: said.filter(|_| !thirty),
            }
        })
        .prop_filter("something is answered", |a| {
            a.importance.is_some()
                || a.satisfaction.is_some()
                || a.future.is_some()
                || a.comment.is_some()
        })
}

/// One to three versions under one head.
pub(super) fn assessment() -> impl Strategy<Value = Vec<Assessment>> {
    let form = select(vec![Form::Thirty, Form::Ten]);
    (form, option::of(register()), select(vec![10_u8, 40]), told()).prop_flat_map(
        |(form, register, authored, (answered_by, identifier, form_version))| {
            let answers = btree_map(0..4_u8, answer(form), 0..4).prop_map(|found| {
                let mut answers: Vec<Answer> = found.into_values().collect();
                answers.sort_by_key(|a| a.theme);
                answers.dedup_by_key(|a| a.theme);
                answers
            });
            let status = select(vec![
                AssessmentStatus::InProgress,
                AssessmentStatus::Completed,
                AssessmentStatus::Amended,
            ]);
            vec((answers, status), 1..=3).prop_map(move |versions| {
                let version = |(answers, status)| Assessment {
                    schema: AssessmentSchema::V1,
                    id: local("a0"),
                    person: local("p"),
                    identifier: identifier.clone(),
                    form,
                    form_version: form_version.then(|| {
                        let forms = Questionnaires::load().unwrap();
                        let is_it = |one: &&Questionnaire| {
                            one.form == form && one.age_group == AgeGroup::Adult
                        };
                        let form = forms.all().iter().find(is_it).unwrap();
                        Code::parse(&form.version).unwrap()
                    }),
                    age_group: AgeGroup::Adult,
                    status,
                    authored: day(authored),
                    answered_by,
                    language: Language::parse("sv").unwrap(),
                    register: register.clone(),
                    answers,
                };
                versions.into_iter().map(version).collect()
            })
        },
    )
}

fn themes(least: usize) -> impl Strategy<Value = Vec<Theme>> {
    subsequence(THEMES.to_vec(), least..=2)
}

/// One or two versions under one head.
pub(super) fn plan() -> impl Strategy<Value = Vec<Plan>> {
    let said = (option::of(0..3_u8), option::of(0..3_u8), option::of(0..3_u8));
    let rest = (subsequence(vec![0_u8, 1, 2], 0..=2), any::<bool>(), any::<bool>());
    let version = (said, goals(), services(), actions(), team(), follow_ups(), rest);
    (vec(version, 1..=2), option::of(register())).prop_map(|(versions, register)| {
        let version = |version: (_, _, _, _, _, _, (Vec<u8>, bool, bool))| {
            let ((title, own, theirs), goals, services, actions, team, follow_up, rest) = version;
            let (assessments, open, active): (Vec<u8>, _, _) = rest;
            let said = |n: Option<u8>| n.map(words);
            let views = Views { person: said(own), professional: said(theirs) };
            let end = Some(date("2026-12-31")).filter(|_| !open);
            Plan {
                schema: PlanSchema::V1,
                id: local("w"),
                person: local("p"),
                status: if active { PlanStatus::Active } else { PlanStatus::Completed },
                title: said(title),
                period: Period { start: Some(date("2026-01-10")), end },
                created: day(9),
                updated: None,
                assessments: assessments.iter().map(|n| local(format!("a{n}"))).collect(),
                views: Some(views).filter(|v| v.person.is_some() || v.professional.is_some()),
                goals,
                services,
                actions,
                team,
                follow_up,
                register: register.clone(),
            }
        };
        versions.into_iter().map(version).collect()
    })
}

pub(super) fn wish() -> impl Strategy<Value = Wish> {
    let kinds = ["QuestionnaireResponse", "Observation", "CarePlan", "Goal", "ServiceRequest"];
    let classes = [Class::FreeText, Class::Contact, Class::MentalHealth];
    let period = select(vec![
        None,
        None,
        Some(("2026-01-20", "2026-03-01")),
        Some(("2026-03-01", "2026-12-31")),
        Some(("2027-01-01", "2027-12-31")),
    ]);
    let data = select(vec![None, None, None, Some(("2026-01-01", "2026-01-20"))]);
    let instance = select(vec![
        None,
        None,
        None,
        Some(("QuestionnaireResponse", 'a')),
        Some(("CarePlan", 'w')),
    ]);
    let who = (prop::bool::weighted(0.25), select(vec![READER, READER, CITY, OTHER]));
    let what = (
        subsequence(THEMES.to_vec(), 0..=3),
        subsequence(classes.to_vec(), 0..=2),
        prop_oneof![3 => Just(Vec::new()), 1 => subsequence(kinds.to_vec(), 1..=3)],
        instance,
    );
    let when = (period, data, 0..100_u8, option::weighted(0.2, 100..140_u8));
    let writer = select(vec!["consent-desk", "consent-desk", "consent-desk", "reader"]);
    (who, what, when, select(vec!["TREAT", "TREAT", "HRESCH"]), writer).prop_map(
        |((prohibits, to), (themes, classes, types, instance), when, purpose, writer)| {
            let (period, data_period, recorded, revoked) = when;
            Wish {
                prohibits,
                to,
                themes,
                classes,
                types,
                purpose,
                period,
                data_period,
                instance,
                recorded,
                revoked,
                writer,
            }
        },
    )
}

impl Wish {
    /// The Consent in the strict form, of a person, with a status.
    pub(super) fn body(&self, whose: usize, status: &str) -> Value {
        let code = |system: &str, code: &str| json!({ "system": system, "code": code });
        let ours = |name: &str, c: &str| {
            code(&format!("https://mylife.example/fhir/CodeSystem/{name}"), c)
        };
        let mut labels: Vec<Value> = self.themes.iter().map(|t| ours("theme", t.code())).collect();
        labels.extend(self.classes.iter().map(|c| ours("class", c.code())));
        let part = "http://terminology.hl7.org/CodeSystem/v3-ParticipationType";
        let reason = "http://terminology.hl7.org/CodeSystem/v3-ActReason";
        let mut rule = json!({
            "type": if self.prohibits { "deny" } else { "permit" },
            "actor": [{ "role": { "coding": [code(part, "IRCP")] },
                "reference": { "identifier": { "system": "urn:ietf:rfc:3986", "value": self.to } } }],
            "purpose": [code(reason, self.purpose)],
        });
        let period = |(start, end): (&str, &str)| json!({ "start": start, "end": end });
        if !labels.is_empty() {
            rule["securityLabel"] = json!(labels);
        }
        if !self.types.is_empty() {
            let of = |t: &&str| code("http://hl7.org/fhir/resource-types", t);
            rule["class"] = self.types.iter().map(of).collect();
        }
        if let Some(of) = self.period {
            rule["period"] = period(of);
        }
        if let Some(of) = self.data_period {
            rule["dataPeriod"] = period(of);
        }
        if let Some((kind, letter)) = self.instance {
            let of = format!("{kind}/{}", document(letter, 0, 0));
            rule["data"] = json!([{ "meaning": "instance", "reference": { "reference": of } }]);
        }
        let (kind, provision) = if self.prohibits {
            ("prohibition", rule)
        } else {
            ("grant", json!({ "type": "deny", "provision": [rule] }))
        };
        let scope = "http://terminology.hl7.org/CodeSystem/consentscope";
        let patient = json!({ "reference": format!("Patient/{}", patient(whose)) });
        json!({
            "resourceType": "Consent", "status": status,
            "scope": { "coding": [code(scope, "patient-privacy")] },
            "category": [{ "coding": [code("urn:mylife:consent-kind", kind)] }],
            "patient": patient, "performer": [patient],
            "identifier": [{ "system": "urn:ietf:rfc:3986", "value": "urn:uuid:1" }],
            "policy": [{ "uri": "urn:mylife:policy:1" }],
            "provision": provision,
        })
    }
}
