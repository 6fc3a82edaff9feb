//! What others do in a history: documents pushed, consents written, questions asked, mistakes made.
//!
//! Whether a deed shows is settled by how it is made: the reader may see housing and studies of one
//! person while the grant stands, and nothing else of anybody.

use std::collections::BTreeMap;

use mylife::domain::{day::Day, identity::IdentityCode, moment::Moment};
use proptest::{option, prelude::*, sample::select};
use serde_json::{Value, json};

use super::{
    super::{
        lab::{FHIR, Lab, Seen, Sent},
        world::{OTHER, READER},
    },
    Tokens,
};

/// Themes that the reader may see, and those that it may not.
const OPEN: [&str; 2] = ["studies-work", "housing"];
const SHUT: [&str; 2] = ["health", "finance"];

#[derive(Clone, Debug)]
pub(super) enum Deed {
    /// An answer that shows: in which survey, of which theme, with which score.
    Answer(usize, usize, u8),
    /// The grant by which the reader sees anything is taken back, or given again.
    Grant(bool),
    /// The same for an answer of another theme, or own words.
    ShutAnswer(usize, usize, Option<u8>),
    /// A survey of nothing that shows.
    ShutSurvey(u8),
    /// The state of the goal that shows.
    Goal(bool),
    /// Parts of the plan that do not show: title, goal, service, member, action, and a goal that is about
    /// a companion too.
    ShutPlan(u8),
    /// What the companion permits, and it does not show: which, and does it stand.
    Companion(u8, bool),
    /// Contact of the person.
    Contact(u8),
    /// Somebody else, and a survey of theirs.
    Stranger(u8),
    /// A Consent that gives the reader nothing: which, and does it stand.
    ShutConsent(u8, bool),
    /// Somebody else asks.
    Asks(&'static str),
    /// A push that is refused.
    Mistake,
}

pub(super) fn deeds() -> impl Strategy<Value = Deed> {
    let which = || (0..2_usize, 0..2_usize);
    prop_oneof![
        3 => (which(), 0..4_u8).prop_map(|((survey, theme), n)| Deed::Answer(survey, theme, n)),
        1 => any::<bool>().prop_map(Deed::Grant),
        4 => (which(), option::of(0..4_u8)).prop_map(|((s, t), n)| Deed::ShutAnswer(s, t, n)),
        1 => (0..4_u8).prop_map(Deed::ShutSurvey),
        1 => any::<bool>().prop_map(Deed::Goal),
        3 => (0..64_u8).prop_map(Deed::ShutPlan),
        2 => (0..4_u8, any::<bool>()).prop_map(|(n, stands)| Deed::Companion(n, stands)),
        1 => (0..3_u8).prop_map(Deed::Contact),
        2 => (0..4_u8).prop_map(Deed::Stranger),
        2 => (0..4_u8, any::<bool>()).prop_map(|(n, stands)| Deed::ShutConsent(n, stands)),
        2 => select(vec!["Observation", "QuestionnaireResponse", "CarePlan"]).prop_map(Deed::Asks),
        1 => Just(Deed::Mistake),
    ]
}

/// The people of one history and what was pushed of them.
pub(super) struct Town {
    pub(super) number: u64,
    /// Id of the Patient.
    pub(super) patient: String,
    /// Of whom the reader sees nothing, and whom a goal of the person's plan may be about.
    pub(super) companion: String,
    surveys: [Survey; 2],
    goal: bool,
    plan: u8,
}

#[derive(Default)]
struct Survey {
    open: BTreeMap<&'static str, u8>,
    shut: BTreeMap<&'static str, u8>,
}

impl Town {
    pub(super) fn new(number: u64) -> Self {
        let (patient, companion) = (String::new(), String::new());
        Self { number, patient, companion, surveys: Default::default(), goal: true, plan: 0 }
    }

    /// What there is before the history.
    pub(super) fn begin(&mut self, lab: &Lab, tokens: &Tokens) {
        let [patient, companion] = [0, 2].map(|n| {
            let pushed = self.push_person(lab, tokens, n, 0);
            pushed.json()["patient"].as_str().unwrap().to_owned()
        });
        (self.patient, self.companion) = (patient, companion);
        self.consent(lab, tokens, (&self.patient, 0), READER, "grant", &OPEN, "active");
        Deed::Answer(0, 1, 3).done(self, lab, tokens);
        Deed::Goal(true).done(self, lab, tokens);
    }

    /// Where an export of types begins, and the body that names the person if it is of them alone.
    pub(super) fn export(
        &self,
        kinds: &str,
        since: Option<Moment>,
        alone: bool,
    ) -> (String, String) {
        let since = since.map(|since| since.to_string());
        if alone {
            let text = |name: &str, value: &str| json!({ "name": name, "valueString": value });
            let reference = format!("Patient/{}", self.patient);
            let person = json!({ "name": "patient", "valueReference": { "reference": reference } });
            let more = since.iter().map(|since| text("_since", since));
            let all: Vec<Value> = [text("_type", kinds), person].into_iter().chain(more).collect();
            let body = json!({ "resourceType": "Parameters", "parameter": all });
            return ("Patient/$export".to_owned(), body.to_string());
        }
        let since = since.map(|since| format!("&_since={since}")).unwrap_or_default();
        (format!("$export?_type={kinds}{since}"), String::new())
    }

    /// An identity code: of the person, or of a stranger.
    pub(super) fn code(&self, n: u8) -> String {
        let born = Day::new(1990, 1, 1 + i8::try_from(self.number % 28).unwrap()).unwrap();
        IdentityCode::invent(born, 900 + u16::from(n)).unwrap().reveal().to_owned()
    }

    fn local(&self, what: &str) -> String {
        format!("c{}-{what}", self.number)
    }

    fn push(&self, lab: &Lab, tokens: &Tokens, kind: &str, what: &str, mut body: Value) -> Seen {
        let id = self.local(what);
        body["id"] = json!(id);
        let target = &format!("{}/native/{kind}/{id}", FHIR.trim_end_matches("/fhir"));
        let headers = vec![("content-type", "application/json".to_owned())];
        let body = &body.to_string();
        lab.send_there(&tokens.source, &Sent { method: "PUT", target, headers, body })
    }

    fn push_person(&self, lab: &Lab, tokens: &Tokens, n: u8, contact: u8) -> Seen {
        let born = format!("1990-01-{:02}", 1 + self.number % 28);
        let mut body = json!({ "schema": "mylife/person/1", "language": "fi", "birth_date": born,
            "name": { "given": ["Aino"], "family": "Testi" }, "identity_code": self.code(n) });
        if contact > 0 {
            body["contact"] = json!({ "phone": format!("+358 00 000 000{contact}") });
        }
        let pushed = self.push(lab, tokens, "people", &format!("p{n}"), body);
        assert!(pushed.status < 300, "{pushed:?}");
        pushed
    }

    fn push_survey(&self, lab: &Lab, tokens: &Tokens, what: &str, of: &str, survey: &Survey) {
        let all = survey.open.iter().chain(&survey.shut);
        let mut answers: BTreeMap<usize, Value> = BTreeMap::new();
        let order = ["studies-work", "health", "housing", "finance"];
        for (theme, score) in all {
            // Own words stand beside an answer that shows.
            let (theme, key) = match theme.strip_suffix('!') {
                Some(theme) => (theme, "future"),
                None => (*theme, "satisfaction"),
            };
            let at = order.iter().position(|known| *known == theme).unwrap();
            let answer = answers.entry(at).or_insert_with(|| json!({ "theme": theme }));
            answer[key] = if key == "future" { json!(format!("{score}")) } else { json!(score) };
        }
        let answers: Vec<Value> = answers.into_values().collect();
        let body = json!({ "schema": "mylife/assessment/1", "person": self.local(of),
            "form": "3x10d-30", "status": "completed", "authored": "2026-02-01T10:00:00Z",
            "answered_by": "person", "language": "fi", "answers": answers });
        let pushed = self.push(lab, tokens, "assessments", what, body);
        assert!(pushed.status < 300, "{pushed:?}");
    }

    fn push_plan(&self, lab: &Lab, tokens: &Tokens) {
        let has = |bit: u8| self.plan & (1 << bit) != 0;
        let some = |bit: u8, value: Value| if has(bit) { vec![value] } else { Vec::new() };
        let status = if self.goal { "active" } else { "completed" };
        let goal = json!({ "id": "g-1", "themes": ["housing"], "words": "Koti", "set_by": "person",
            "status": status });
        let other = json!({ "id": "g-2", "themes": ["health"], "words": "Uni", "set_by": "person",
            "status": "active" });
        let member = |n: u8, unit: &str| {
            json!({ "id": format!("m-{n}"), "practitioner": format!("297.prac.{unit}"),
                "role": if n == 1 { "case-manager" } else { "professional" },
                "organization": format!("297.org.{unit}"), "active": true })
        };
        let both = json!({ "id": "g-3", "themes": ["housing"], "concerns": [self.local("p2")],
            "words": "Yhdess\u{e4}", "set_by": "together", "status": "active" });
        let goals = [vec![goal], some(0, other), some(5, both)].concat();
        let team = [vec![member(1, "youth")], some(3, member(2, "mind"))].concat();
        let mut body = json!({
            "schema": "mylife/plan/1", "person": self.local("p0"), "status": "active",
            "period": { "start": "2026-02-10" }, "created": "2026-02-10T08:00:00Z",
            "assessments": [], "goals": goals,
            "services": some(1, json!({ "id": "s-2", "service": "297.svc.mind",
                "themes": ["housing"], "state": "planned" })),
            "actions": some(2, json!({ "id": "t-2", "themes": ["health"], "text": "Nuku",
                "status": "planned", "performer": "person" })),
            "team": team,
            "follow_up": [],
        });
        if has(4) {
            body["title"] = json!("Kohti kotia");
        }
        let pushed = self.push(lab, tokens, "plans", "w", body);
        assert!(pushed.status < 300, "{pushed:?}");
    }

    #[expect(clippy::too_many_arguments, reason = "it is one line of a table")]
    fn consent(
        &self,
        lab: &Lab,
        tokens: &Tokens,
        (whose, n): (&str, u8),
        to: &str,
        kind: &str,
        themes: &[&str],
        status: &str,
    ) {
        let uuid = format!("urn:uuid:00000000-0000-4000-8000-{:010}{n:02}", self.number);
        let patient = json!({ "reference": format!("Patient/{whose}") });
        let body = consent(&uuid, &patient, to, kind, themes, status).to_string();
        let target = &format!("{FHIR}/Consent?identifier=urn:ietf:rfc:3986%7C{uuid}");
        let headers = vec![("content-type", "application/fhir+json".to_owned())];
        let sent = Sent { method: "PUT", target, headers, body: &body };
        let written = lab.send_there(&tokens.desk, &sent);
        assert!(written.status < 300, "{written:?}");
    }
}

/// A Consent in the strict form.
pub(super) fn consent(
    uuid: &str,
    patient: &Value,
    to: &str,
    kind: &str,
    themes: &[&str],
    status: &str,
) -> Value {
    let terminology = "http://terminology.hl7.org/CodeSystem";
    let theme = "https://mylife.example/fhir/CodeSystem/theme";
    let labels: Vec<Value> =
        themes.iter().map(|code| json!({ "system": theme, "code": code })).collect();
    let role = json!({ "coding": [{ "code": "IRCP",
        "system": format!("{terminology}/v3-ParticipationType") }] });
    let who = json!({ "identifier": { "system": "urn:ietf:rfc:3986", "value": to } });
    let mut rule = json!({ "type": "permit", "actor": [{ "role": role, "reference": who }],
        "purpose": [{ "system": format!("{terminology}/v3-ActReason"), "code": "TREAT" }],
        "securityLabel": labels });
    if themes.is_empty() {
        rule.as_object_mut().unwrap().remove("securityLabel");
    }
    let provision = if kind == "grant" {
        json!({ "type": "deny", "provision": [rule] })
    } else {
        rule["type"] = json!("deny");
        rule
    };
    json!({
        "resourceType": "Consent", "status": status,
        "identifier": [{ "system": "urn:ietf:rfc:3986", "value": uuid }],
        "scope": { "coding": [
            { "system": format!("{terminology}/consentscope"), "code": "patient-privacy" }] },
        "category": [{ "coding": [{ "system": "urn:mylife:consent-kind", "code": kind }] }],
        "patient": patient, "performer": [patient],
        "policy": [{ "uri": "urn:mylife:policy:1" }], "provision": provision,
    })
}

impl Deed {
    /// May the reader see something of it?
    pub(super) fn shows(&self) -> bool {
        matches!(self, Self::Answer(..) | Self::Grant(_) | Self::Goal(_))
    }

    pub(super) fn done(&self, town: &mut Town, lab: &Lab, tokens: &Tokens) {
        let status = |stands: bool| if stands { "active" } else { "inactive" };
        match self {
            Self::Answer(survey, theme, score) => {
                town.surveys[*survey].open.insert(OPEN[*theme], *score);
                town.push_survey(lab, tokens, &format!("a{survey}"), "p0", &town.surveys[*survey]);
            }
            Self::ShutAnswer(survey, theme, score) => {
                let of = &mut town.surveys[*survey];
                // A document is born where it is seen first; its id is of that moment.
                if of.open.is_empty() {
                    return;
                }
                let theme = match SHUT[*theme] {
                    "finance" if of.open.contains_key("housing") => "housing!",
                    other => other,
                };
                match score {
                    Some(score) => drop(of.shut.insert(theme, *score)),
                    None => drop(of.shut.remove(theme)),
                }
                town.push_survey(lab, tokens, &format!("a{survey}"), "p0", &town.surveys[*survey]);
            }
            Self::ShutSurvey(score) => {
                let shut = [(SHUT[0], *score)].into();
                let survey = Survey { shut, ..Survey::default() };
                town.push_survey(lab, tokens, "a9", "p0", &survey);
            }
            Self::Grant(stands) => {
                let whose = (&*town.patient, 0);
                town.consent(lab, tokens, whose, READER, "grant", &OPEN, status(*stands));
            }
            Self::Goal(active) => {
                town.goal = *active;
                town.plan |= 64;
                town.push_plan(lab, tokens);
            }
            // A plan is born where it is seen first.
            Self::ShutPlan(_) if town.plan & 64 == 0 => {}
            Self::ShutPlan(bits) => {
                town.plan = 64 | bits;
                town.push_plan(lab, tokens);
            }
            Self::Companion(n, stands) => {
                // Whatever it is, the goal's theme is not permitted to the reader.
                let (to, kind, themes): (_, _, &[&str]) = match n {
                    0 => (READER, "grant", &SHUT),
                    1 => (OTHER, "grant", &OPEN),
                    2 => (READER, "prohibition", &OPEN),
                    _ => (OTHER, "prohibition", &[]),
                };
                let whose = (&*town.companion, 10 + n);
                town.consent(lab, tokens, whose, to, kind, themes, status(*stands));
            }
            Self::Contact(contact) => drop(town.push_person(lab, tokens, 0, *contact)),
            Self::Stranger(score) => {
                town.push_person(lab, tokens, 1, 0);
                let open = [("housing", *score)].into();
                let survey = Survey { open, ..Survey::default() };
                town.push_survey(lab, tokens, "s", "p1", &survey);
            }
            Self::ShutConsent(n, stands) => {
                let (to, kind, themes): (_, _, &[&str]) = match n {
                    0 => (OTHER, "grant", &SHUT),
                    1 => (OTHER, "prohibition", &[]),
                    2 => (READER, "grant", &SHUT[..0]),
                    _ => (READER, "prohibition", &SHUT),
                };
                // Of all themes to the reader, but never in force.
                let stands = *stands && *n != 2;
                let whose = (&*town.patient, 1 + n);
                town.consent(lab, tokens, whose, to, kind, themes, status(stands));
            }
            Self::Asks(kind) => {
                let about = format!("{FHIR}/{kind}?patient={}", town.patient);
                for target in [about, format!("{FHIR}/{kind}?_count=1")] {
                    let sent = Sent { target: &target, ..Sent::default() };
                    lab.send_there(&tokens.other, &sent);
                }
            }
            Self::Mistake => {
                let body = json!({ "schema": "mylife/person/1" });
                let refused = town.push(lab, tokens, "people", "p9", body);
                assert!(refused.status >= 400, "{refused:?}");
            }
        }
    }
}
