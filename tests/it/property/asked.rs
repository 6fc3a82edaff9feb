//! Questions over the whole grammar: reads, searches of every parameter, by URL and by form, page by
//! page to the end, and all that is asked or refused beside them.

pub(super) mod operated;
mod other;

use form_urlencoded::Serializer;
use mylife::{domain::theme::Theme, fhir::types::ResourceType, query::param};
use proptest::{collection::vec, option, prelude::*, sample::select};

use self::{operated::Operation, other::Other};
use super::{
    lab::{FHIR, Lab, Seen},
    oracle::{observation, part},
    world::{THEMES, document, patient},
};

/// Types that belong to a person.
pub(super) const TYPES: [ResourceType; 11] = [
    ResourceType::Patient,
    ResourceType::QuestionnaireResponse,
    ResourceType::Observation,
    ResourceType::CarePlan,
    ResourceType::Goal,
    ResourceType::ServiceRequest,
    ResourceType::Task,
    ResourceType::CareTeam,
    ResourceType::Provenance,
    ResourceType::Consent,
    ResourceType::RelatedPerson,
];

/// Most pages that are followed; a walk over a small world ends long before.
const PAGES: usize = 80;

/// One question.
#[derive(Clone, Debug)]
pub(super) enum Question {
    /// One resource by id, which may be hidden or none.
    Read(ResourceType, String),
    /// A search, and all its pages.
    Search { kind: ResourceType, pairs: Vec<(&'static str, String)>, form: bool },
    /// An operation, with all that follows of it.
    Operation(Operation),
    /// Anything else.
    Other(Other),
}

pub(super) fn questions() -> impl Strategy<Value = Question> {
    let read = select(TYPES.to_vec())
        .prop_flat_map(|kind| ids(kind).prop_map(move |id| Question::Read(kind, id)));
    let search = select(TYPES.to_vec()).prop_flat_map(|kind| {
        let who = prop_oneof![5 => Just(Some(0_usize)), 1 => Just(Some(1)), 2 => Just(None)];
        let filters = vec(select(filters(kind)).prop_flat_map(move |p| values(kind, p)), 0..3);
        let more = vec(select(more(kind)), 0..3);
        (who, filters, more, control(kind), any::<bool>(), 0..3_u8).prop_map(
            move |(who, filters, more, control, form, named)| {
                let mut pairs = Vec::new();
                let form = match who {
                    Some(whose) => person(kind, whose, named, form, &mut pairs),
                    None => form,
                };
                pairs.extend(filters);
                pairs.extend(more.into_iter().map(|(name, value)| (name, value.to_owned())));
                pairs.extend(control.into_iter().filter(|(name, value)| {
                    who.is_some() || *name != "_sort" || value.ends_with("_id")
                }));
                Question::Search { kind, pairs, form }
            },
        )
    });
    let other = other::others().prop_map(Question::Other);
    let operation = operated::operations().prop_map(Question::Operation);
    prop_oneof![3 => read, 9 => search, 2 => operation, 4 => other]
}

/// Names the person; by identifier only in a form.
fn person(
    kind: ResourceType,
    whose: usize,
    named: u8,
    form: bool,
    pairs: &mut Vec<(&'static str, String)>,
) -> bool {
    let code = "urn:oid:1.2.246.21|290200A900";
    let is_patient = kind == ResourceType::Patient;
    let by_code = named == 0 && whose == 0;
    let (name, value) = match (is_patient, by_code) {
        (true, true) => ("identifier", identity(code)),
        (false, true) => ("patient.identifier", identity(code)),
        (true, false) => ("_id", patient(whose)),
        (false, false) => ("patient", format!("Patient/{}", patient(whose))),
    };
    pairs.push((name, value));
    form || by_code
}

/// With the check character that the code has.
fn identity(start: &str) -> String {
    use mylife::domain::{day::Day, identity::IdentityCode};
    let code = IdentityCode::invent(Day::parse("2000-02-29").unwrap(), 900).unwrap();
    format!("{}|{}", start.split_once('|').unwrap().0, code.reveal())
}

fn filters(kind: ResourceType) -> Vec<(&'static str, param::Type)> {
    let own = param::COMMON.iter().chain(param::of(kind));
    let named = ["patient", "subject", "identifier"];
    let mut all: Vec<_> = own
        .filter(|(name, _)| {
            !named.contains(name) || (*name == "identifier" && kind != ResourceType::Patient)
        })
        .filter(|(name, _)| kind != ResourceType::Patient || *name != "_id")
        .copied()
        .collect();
    all.sort_unstable_by_key(|(name, _)| *name);
    all
}

/// What is asked of neighbours, with modifiers, and in other forms; some of it is refused.
fn more(kind: ResourceType) -> Vec<(&'static str, &'static str)> {
    let of_all = [
        ("status:not", "active"),
        ("status:missing", "true"),
        ("category:in", "https://mylife.example/fhir/ValueSet/theme"),
        ("_profile:missing", "false"),
        ("_summary", "true"),
        ("_summary", "text"),
        ("_summary", "data"),
        ("_summary", "count"),
        ("_elements", "status,subject"),
        ("_include", "*"),
        ("_pretty", "true"),
        ("subject:Patient.active", "true"),
        ("patient.name", "Aino"),
        ("_revinclude", "Provenance:target"),
    ];
    let own: &[(&str, &str)] = match kind {
        ResourceType::Patient => &[
            ("_has:Observation:patient:code", "health.satisfaction"),
            ("_has:Goal:subject:category", "health"),
            ("_has:CareTeam:patient:participant", "Practitioner/297.prac.mind"),
            ("_revinclude", "Goal:subject"),
            ("_revinclude", "Observation:patient"),
            ("name:missing", "false"),
        ],
        ResourceType::QuestionnaireResponse => &[
            ("_has:Observation:derived-from:code", "health.satisfaction"),
            ("_has:Provenance:target:recorded", "ge2026-02"),
            ("_revinclude", "Observation:derived-from"),
            ("_include", "QuestionnaireResponse:questionnaire"),
        ],
        ResourceType::Observation => &[
            ("code:text", "terv"),
            ("code:not", "health.satisfaction"),
            ("derived-from.authored", "ge2026-02-15"),
            ("derived-from.status", "amended"),
            ("_include", "Observation:derived-from"),
        ],
        ResourceType::CarePlan => &[
            ("goal.category", "health"),
            ("goal:missing", "true"),
            ("activity-reference.status", "active"),
            ("care-team.participant", "Practitioner/297.prac.mind"),
            ("_has:Task:based-on:focus.category", "health"),
            ("_include", "CarePlan:goal"),
            ("_include", "CarePlan:activity-reference"),
            ("_revinclude", "Task:based-on"),
            ("_include:iterate", "Task:focus"),
        ],
        ResourceType::Goal => &[
            ("_has:Task:focus:status", "requested"),
            ("_revinclude", "Task:focus"),
            ("target-date:missing", "true"),
        ],
        ResourceType::ServiceRequest => &[
            ("code:text", "a"),
            ("based-on.status", "active"),
            ("_include", "ServiceRequest:performer"),
        ],
        ResourceType::Task => &[
            ("focus.category", "health"),
            ("focus:missing", "true"),
            ("owner:missing", "true"),
            ("_include", "Task:focus"),
            ("_include", "Task:owner"),
        ],
        ResourceType::CareTeam => &[
            ("_include", "CareTeam:participant"),
            ("participant:missing", "true"),
            ("_has:CarePlan:care-team:goal.category", "health"),
        ],
        ResourceType::Consent => &[
            ("actor:missing", "false"),
            ("_include", "Consent:consentor"),
            ("action:missing", "true"),
        ],
        ResourceType::Provenance => {
            &[("target:CarePlan.status", "active"), ("_include", "Provenance:target")]
        }
        ResourceType::RelatedPerson
        | ResourceType::AuditEvent
        | ResourceType::HealthcareService
        | ResourceType::Location
        | ResourceType::Organization
        | ResourceType::Practitioner
        | ResourceType::PractitionerRole
        | ResourceType::Questionnaire
        | ResourceType::Subscription => &[("_include", "RelatedPerson:patient")],
    };
    [&of_all[..], own].concat()
}

fn values(
    kind: ResourceType,
    (name, of): (&'static str, param::Type),
) -> BoxedStrategy<(&'static str, String)> {
    let text = |all: Vec<&'static str>| select(all).prop_map(str::to_owned).boxed();
    let value: BoxedStrategy<String> = match (name, of) {
        ("_id", _) => vec(ids(kind), 1..3).prop_map(|ids| ids.join(",")).boxed(),
        ("_security", _) => security().boxed(),
        ("code", _) if kind == ResourceType::Observation => {
            (select(THEMES.to_vec()), select(vec!["importance", "satisfaction"]))
                .prop_map(|(theme, from)| format!("{}.{from}", theme.code()))
                .boxed()
        }
        ("code", _) => text(vec!["297.svc.youth", "297.svc.mind", "action", "housing"]),
        ("category", _) => {
            text(vec!["housing", "health,finance", "survey", "welfare-plan", "grant"])
        }
        ("status" | "lifecycle-status", _) => {
            text(vec!["active", "completed", "in-progress", "final", "requested", "inactive"])
        }
        ("name" | "family" | "given" | "address", _) => text(vec!["a", "Aino", "mäki"]),
        ("intent", _) => text(vec!["plan", "order"]),
        ("identifier", _) => {
            let system = "https://mylife.example/fhir/sid/document";
            let document = (select(vec!['a', 'w']), 0..2_usize)
                .prop_map(move |(letter, n)| format!("{system}|{}", document(letter, 0, n)));
            let of_sender =
                (0..3_u8).prop_map(|n| format!("urn:uuid:00000000-0000-4000-8000-00000000000{n}"));
            prop_oneof![document, of_sender, Just("urn:uuid:1".to_owned())].boxed()
        }
        (_, param::Type::Date) => dates().boxed(),
        (_, param::Type::Reference) => prop_oneof![
            (0..2_usize).prop_map(|n| document('w', 0, n)),
            (0..2_usize).prop_map(|n| format!("QuestionnaireResponse/{}", document('a', 0, n))),
            (0..2_usize).prop_map(|n| format!("CareTeam/{}.ct", document('w', 0, n))),
            Just("Practitioner/297.prac.mind".to_owned()),
            Just("Organization/297.org.youth".to_owned()),
        ]
        .boxed(),
        (_, param::Type::Uri | param::Type::Canonical) => {
            text(vec!["https://mylife.example/fhir/Questionnaire/3x10d-30-18plus"])
        }
        (_, param::Type::Token) => text(vec!["active", "true", "improving"]),
        (_, param::Type::Text) => text(vec!["a", "Asuminen", "127"]),
    };
    value.prop_map(move |value| (name, value)).boxed()
}

fn security() -> impl Strategy<Value = String> {
    let system = "https://mylife.example/fhir/CodeSystem";
    let theme = select(THEMES.to_vec()).prop_map(Theme::code);
    prop_oneof![
        theme.clone().prop_map(move |code| format!("{system}/theme|{code}")),
        theme.prop_map(str::to_owned),
        select(vec!["free-text", "mental-health", "contact"])
            .prop_map(move |code| format!("{system}/class|{code}")),
    ]
}

fn dates() -> impl Strategy<Value = String> {
    let prefix = select(vec!["", "eq", "ne", "gt", "lt", "ge", "le", "sa", "eb"]);
    let date = select(vec![
        "2026",
        "2026-01",
        "2026-02-15",
        "2026-01-10T00:00:00Z",
        "2026-03-02T08:00:00.000Z",
        "2026-02-24T08:00:00.000Z",
        "2026-03-01",
    ]);
    (prefix, date).prop_map(|(prefix, date)| format!("{prefix}{date}"))
}

fn control(kind: ResourceType) -> impl Strategy<Value = Vec<(&'static str, String)>> {
    let mut keys = vec!["_lastUpdated", "_id"];
    keys.extend(param::of(kind).iter().map(|(name, _)| *name));
    let sort = vec((select(keys), any::<bool>()), 1..3).prop_map(|keys| {
        let key = |(name, down): (&str, bool)| format!("{}{name}", if down { "-" } else { "" });
        keys.into_iter().map(key).collect::<Vec<_>>().join(",")
    });
    let count = option::of((0..4_u8).prop_map(|n| n.to_string()));
    let total = option::of(select(vec!["none", "accurate", "estimate"]).prop_map(str::to_owned));
    (count, total, option::of(sort)).prop_map(|(count, total, sort)| {
        let all = [("_count", count), ("_total", total), ("_sort", sort)];
        all.into_iter().filter_map(|(name, value)| Some((name, value?))).collect()
    })
}

/// Ids that may exist.
pub(super) fn ids(kind: ResourceType) -> BoxedStrategy<String> {
    let numbers = (0..2_usize, 0..3_u8);
    let theme = (select(THEMES.to_vec()), select(vec!["importance", "satisfaction"]));
    (numbers, theme, any::<bool>())
        .prop_map(move |((number, local), (theme, from), other)| {
            let (survey, plan) = (document('a', 0, number), document('w', 0, number));
            let of = |key: &str, letter| part(&plan, &format!("{key}:{letter}{local}"), letter);
            match kind {
                ResourceType::Patient => patient(number),
                ResourceType::QuestionnaireResponse => survey,
                ResourceType::Observation => observation(&survey, theme, from),
                ResourceType::CarePlan => plan,
                ResourceType::Goal => of("goal", 'g'),
                ResourceType::ServiceRequest => of("service", 's'),
                ResourceType::Task if other => of("follow-up", 'f'),
                ResourceType::Task => part(&plan, &format!("action:t{local}"), 'a'),
                ResourceType::CareTeam => format!("{plan}.ct"),
                ResourceType::Provenance if other => format!("{plan}.pv"),
                ResourceType::Provenance => format!("{survey}.pv"),
                ResourceType::Consent => document('c', 0, usize::from(local)),
                ResourceType::RelatedPerson
                | ResourceType::AuditEvent
                | ResourceType::HealthcareService
                | ResourceType::Location
                | ResourceType::Organization
                | ResourceType::Practitioner
                | ResourceType::PractitionerRole
                | ResourceType::Questionnaire
                | ResourceType::Subscription => "297.nothing".to_owned(),
            }
        })
        .boxed()
}

impl Question {
    /// Asks it, and for every further page.
    pub(super) fn ask(&self, lab: &Lab, token: &str) -> Vec<Seen> {
        match self {
            Self::Operation(operation) => operation.ask(lab, token),
            Self::Other(other) => other.ask(lab, token),
            Self::Read(kind, id) => vec![lab.fetch(token, &format!("{FHIR}/{}/{id}", kind.name()))],
            Self::Search { kind, pairs, form } => {
                let mut text = Serializer::new(String::new());
                text.extend_pairs(pairs);
                let (text, base) = (text.finish(), format!("{FHIR}/{}", kind.name()));
                let first = if *form {
                    lab.post(token, &format!("{base}/_search"), &text)
                } else {
                    lab.fetch(token, &format!("{base}?{text}"))
                };
                walk(lab, token, first)
            }
        }
    }
}

/// A page and all that follow it.
pub(super) fn walk(lab: &Lab, token: &str, first: Seen) -> Vec<Seen> {
    let mut pages = vec![first];
    while let Some(next) = next(pages.last().unwrap()) {
        assert!(pages.len() < PAGES, "a walk must end");
        pages.push(lab.fetch(token, &next));
    }
    pages
}

/// The link to the next page.
pub(super) fn next(page: &Seen) -> Option<String> {
    let bundle = page.json();
    let links = bundle["link"].as_array()?;
    let next = links.iter().find(|link| link["relation"] == "next")?;
    Some(next["url"].as_str().unwrap().to_owned())
}
