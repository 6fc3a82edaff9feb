//! What a reader may see, computed from the native documents and `decide` alone: the yardstick that
//! knows neither mapping nor release nor search.

mod of_plan;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use mylife::{
    consent::{
        asker::Asker,
        boundary::Course,
        cover::{Interaction, ScopeCover},
        decide::{Snapshot, decide},
        policy::{Origin, Policy},
        purpose::Purpose,
    },
    domain::{
        assessment::{Assessment, Register},
        class::{Class, ClassSet},
        moment::Moment,
        plan::{Performer, Plan, PlanStatus},
        theme::{Theme, ThemeSet},
    },
    fhir::types::ResourceType,
    unit::{
        Sort, Unit,
        label::{Confidentiality, Themes},
        period::{Majority, Span},
    },
};
use serde_json::json;

use super::{
    lab::{activated, law, now},
    reader::Reader,
    shelf::{committed, suffix},
    world::{CITY, Somebody, World, YOUTH, day, document, patient},
};

/// The smallest thing that can be seen alone.
struct Bit {
    /// `Type/id#what`.
    key: String,
    value: String,
    unit: Unit,
    stamp: String,
}

/// What is seen, and the instant it counts as changed at.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Sight {
    value: String,
    /// When it changed, and the document's status then.
    pub(super) stamp: String,
    since: Option<Moment>,
}

impl Sight {
    /// The latest of its change and the start of the permit.
    pub(super) fn updated(&self) -> Option<Moment> {
        let changed = self.stamp.split(' ').next().and_then(Moment::parse);
        changed.max(self.since)
    }
}

/// What of everything a reader may see: by `Type/id#what`.
pub(super) type Visible = BTreeMap<String, Sight>;

pub(super) fn observation(document: &str, theme: Theme, viewpoint: &str) -> String {
    format!("{document}.{}.{}", theme.short(), &viewpoint[..1])
}

pub(super) fn part(plan: &str, key: &str, letter: char) -> String {
    format!("{plan}.{letter}{}", suffix(key))
}

/// Everything of everybody.
pub(super) fn visible(world: &World, reader: &Reader) -> Visible {
    let mut all = Visible::new();
    for (whose, one) in world.people.iter().enumerate() {
        all.extend(of_person(one, whose, reader));
    }
    all
}

/// Everything of one person.
pub(super) fn of_person(one: &Somebody, whose: usize, reader: &Reader) -> Visible {
    of_person_then(one, one, whose, reader)
}

/// Everything of one person as it was, under the policy of today.
pub(super) fn of_person_then(
    one: &Somebody,
    today: &Somebody,
    whose: usize,
    reader: &Reader,
) -> Visible {
    let bits = bits(one, whose);
    let eye = Eye::new(today, whose, reader, &bits);
    let mut seen = Visible::new();
    for bit in &bits {
        if let Some(since) = eye.since(&bit.unit) {
            let (value, stamp) = (bit.value.clone(), bit.stamp.clone());
            seen.insert(bit.key.clone(), Sight { value, stamp, since: Some(since) });
        }
    }
    Eye::references(one, whose, &mut seen);
    seen
}

/// When permits ended under which the reader could have seen more of what it sees of one person, as it
/// was: by its unit, theme and class, be there such or not. An end is known to who had the permit.
pub(super) fn ended_then(
    one: &Somebody,
    today: &Somebody,
    whose: usize,
    reader: &Reader,
) -> BTreeMap<String, Moment> {
    let bits = bits(one, whose);
    let eye = Eye::new(today, whose, reader, &bits);
    let course = Course::new(&eye.snapshot, &eye.asker, eye.asker.now);
    let mut ends = BTreeMap::new();
    let seen = bits.iter().map(|bit| &bit.unit).filter(|unit| unit.sort != Sort::Records);
    for seen in seen.filter(|unit| eye.since(unit).is_some()) {
        let id = seen.id.as_deref().unwrap();
        if ends.insert(id.to_owned(), Moment::MIN).is_some() {
            continue;
        }
        let themes = Theme::ALL.into_iter().map(|theme| ThemeSet::EMPTY.with(theme));
        for themes in themes.chain([ThemeSet::EMPTY]) {
            let classes = Class::ALL.into_iter().map(|class| ClassSet::EMPTY.with(class));
            for classes in classes.chain([ClassSet::EMPTY]) {
                let other = unit(Sort::Item, &seen.resource, "", themes, classes);
                let Unit { themes: known, confidentiality, .. } = other;
                let other = Unit { sort: Sort::Item, themes: known, ..seen.clone() };
                let ended = course.ended(&Unit { classes, confidentiality, ..other });
                ends.insert(format!("{id} {themes:?} {classes:?}"), ended);
            }
        }
    }
    ends
}

/// What the policy about everybody's data rests on beside their consents, which `$explain` tells an
/// officer of: that somebody is here and not barred, where each document comes from, and who is in the
/// team of a plan that is active.
pub(super) fn ground(world: &World, reader: &Reader) -> BTreeSet<String> {
    let mut all = BTreeSet::new();
    for (whose, one) in world.people.iter().enumerate().filter(|_| reader.officer) {
        all.insert(json!([whose, one.person.last().map(|p| p.non_disclosure)]).to_string());
        for (number, last) in one.assessments.iter().map(|v| v.last().unwrap()).enumerate() {
            let origin = json!([document('a', whose, number), last.register, last.authored]);
            all.insert(origin.to_string());
        }
        for (number, last) in one.plans.iter().map(|v| v.last().unwrap()).enumerate() {
            let id = document('w', whose, number);
            all.insert(json!([id, last.register, last.created]).to_string());
            let team = last.team.iter().filter(|m| m.active && last.status == PlanStatus::Active);
            all.extend(team.map(|m| json!([whose, m.organization, m.practitioner]).to_string()));
        }
    }
    all
}

/// One reader before one person's data.
struct Eye<'a> {
    reader: &'a Reader,
    snapshot: Snapshot,
    asker: Asker,
}

impl<'a> Eye<'a> {
    fn new(one: &Somebody, whose: usize, reader: &'a Reader, bits: &[Bit]) -> Self {
        let themed = |b: &&Bit| b.unit.sort == Sort::Item && !b.unit.themes.is_empty();
        let person: Arc<str> = format!("Patient/{}", patient(whose)).into();
        let birth = one.person.last().and_then(|p| p.birth_date).map(|d| d.to_string());
        let snapshot = Snapshot {
            majority: Majority::of(birth.as_deref()),
            turvakielto: one.person.last().is_some_and(|p| p.non_disclosure),
            law: Arc::new(law()),
            policies: policies(one, whose, &person).into(),
            representation: Vec::new(),
            others: bits.iter().filter(themed).map(|b| b.unit.clone()).collect(),
            members: Arc::default(),
            patient: person,
        };
        Self { reader, asker: asker(one, reader), snapshot }
    }

    /// Since when the unit is seen.
    fn since(&self, unit: &Unit) -> Option<Moment> {
        let admitted = admits(&self.reader.scope, unit);
        let permit = admitted && decide(&self.snapshot, &self.asker, unit).permit;
        let (snapshot, asker) = (&self.snapshot, &self.asker);
        let standing = Course::new(snapshot, asker, asker.now).standing(unit);
        standing.filter(|_| permit).map(|standing| standing.since.max(activated()))
    }

    /// References show where both of their ends do.
    fn references(one: &Somebody, whose: usize, seen: &mut Visible) {
        let shows = |seen: &Visible, resource: &str| {
            let start = format!("{resource}#");
            seen.range(start.clone()..).next().is_some_and(|(key, _)| key.starts_with(&start))
        };
        let survey = |id: &str| document('a', whose, id[1..].parse().unwrap());
        for (number, versions) in one.plans.iter().enumerate() {
            let (plan, id) = (versions.last().unwrap(), document('w', whose, number));
            let mut add = |from: String, to: String| {
                if shows(seen, &from) && shows(seen, &to) {
                    let nothing = String::new();
                    let sight = Sight { value: nothing.clone(), stamp: nothing, since: None };
                    seen.insert(format!("{from}#to {to}"), sight);
                }
            };
            for local in &plan.assessments {
                let to = format!("QuestionnaireResponse/{}", survey(local.as_str()));
                add(format!("CarePlan/{id}"), to);
            }
            for goal in &plan.goals {
                let from = format!("Goal/{}", goal_id(&id, goal.id.as_str()));
                if let (Some(local), Some(target)) = (&goal.assessment, &goal.target) {
                    let to = observation(&survey(local.as_str()), target.theme, "satisfaction");
                    add(from, format!("Observation/{to}"));
                }
            }
            for action in &plan.actions {
                let key = format!("action:{}", action.id.as_str());
                let from = format!("Task/{}", part(&id, &key, 'a'));
                if action.performer == Performer::Person {
                    add(from.clone(), format!("Patient/{}", patient(whose)));
                }
                if let Some(goal) = &action.goal {
                    add(from, format!("Goal/{}", goal_id(&id, goal.as_str())));
                }
            }
        }
    }
}

fn goal_id(plan: &str, local: &str) -> String {
    part(plan, &format!("goal:{local}"), 'g')
}

fn asker(one: &Somebody, reader: &Reader) -> Asker {
    let orgs: Vec<Arc<str>> = match reader.organization {
        YOUTH => vec![YOUTH.into(), CITY.into()],
        other => vec![other.into()],
    };
    let mut units = one
        .plans
        .iter()
        .filter_map(|versions| versions.last())
        .filter(|plan| plan.status == PlanStatus::Active)
        .flat_map(|plan| plan.team.iter().filter(|m| m.active));
    let care_relation =
        reader.organization == YOUTH && units.any(|m| m.organization.as_str() == "297.org.youth");
    let covered = scopes(&reader.scope).into_iter().flat_map(|(kind, _)| match kind {
        "*" => ResourceType::ALL.iter().map(|k| k.name()).collect(),
        one => vec![one],
    });
    Asker {
        through: Vec::new(),
        now: now(),
        subject: reader.subject.as_deref().map(Arc::from),
        orgs,
        roles: if reader.officer { vec!["officer".into()] } else { Vec::new() },
        client: Some("reader".into()),
        register: reader.register.map(Arc::from),
        sector: None,
        declared: Vec::new(),
        purpose: reader.purpose.map(Purpose::of),
        action: Some("access".into()),
        care_relation,
        scopes: ScopeCover::of(covered.map(|kind| (kind, "rs"))),
        interaction: Interaction::Read,
        break_glass: None,
    }
}

fn policies(one: &Somebody, whose: usize, person: &Arc<str>) -> Vec<Policy> {
    let mut all = Vec::new();
    for (number, wish) in one.consents.iter().enumerate() {
        let mut add = |status: &str, from: u8, until: Option<u8>| {
            let mut body = wish.body(whose, status);
            body["id"] = json!(document('c', whose, number));
            let origin = Origin {
                patient: Some(Arc::clone(person)),
                recorded: Some(day(wish.recorded)),
                in_force_from: Some(day(from)),
                in_force_until: until.map(day),
            };
            all.push(Policy::parse(&body, origin));
        };
        add("active", wish.recorded, wish.revoked);
        if let Some(revoked) = wish.revoked {
            add("inactive", revoked, None);
        }
    }
    all
}

/// Type and granular part of each scope.
fn scopes(text: &str) -> Vec<(&str, Option<&str>)> {
    text.split_whitespace()
        .map(|scope| {
            let rest = scope.strip_prefix("system/").unwrap();
            let (kind, rest) = rest.split_once(".rs").unwrap();
            (kind, rest.strip_prefix('?'))
        })
        .collect()
}

/// Does some scope of the type let a segment with these labels through? What selects whole resources
/// is not looked at, so the answer may be too wide.
fn admits(scope: &str, unit: &Unit) -> bool {
    scopes(scope).into_iter().filter(|(kind, _)| *kind == "*" || *kind == &*unit.resource).any(
        |(_, granular)| {
            let Some(labels) = granular.and_then(|g| g.strip_prefix("_security=")) else {
                return true;
            };
            let codes: Vec<&str> =
                labels.split(',').map(|l| l.rsplit('|').next().unwrap()).collect();
            let themes: Vec<&str> = unit.themes.known.iter().map(Theme::code).collect();
            let classes: Vec<&str> = unit.classes.iter().map(Class::code).collect();
            let within = |own: &[&str]| !own.is_empty() && own.iter().all(|c| codes.contains(c));
            within(&themes) || within(&classes)
        },
    )
}

/// Everything there is of one person, seen or not.
fn bits(one: &Somebody, whose: usize) -> Vec<Bit> {
    let mut all = person(one, whose);
    for (number, versions) in one.assessments.iter().enumerate() {
        all.extend(assessment(versions, whose, number));
    }
    for (number, versions) in one.plans.iter().enumerate() {
        all.extend(of_plan::plan(versions, whose, number));
    }
    for (number, wish) in one.consents.iter().enumerate() {
        let id = document('c', whose, number);
        let status = if wish.revoked.is_some() { "inactive" } else { "active" };
        let mut unit = Unit::new(Sort::Records, "Consent");
        unit.custodian = Some(CITY.into());
        unit.confidentiality = Some(Confidentiality::N);
        unit.written_by = Some(wish.writer.into());
        all.push(Bit {
            key: format!("Consent/{id}#all"),
            value: wish.body(whose, status).to_string(),
            unit,
            stamp: day(wish.revoked.unwrap_or(wish.recorded)).to_string(),
        });
    }
    all
}

/// What each part last became, and when: `(changed, status)`.
fn stamps<T>(
    letter: char,
    number: usize,
    versions: &[T],
    content: impl Fn(&T) -> (BTreeMap<String, String>, String),
) -> BTreeMap<String, String> {
    let mut stamps = BTreeMap::new();
    let mut before: Option<(BTreeMap<String, String>, String)> = None;
    for (at, version) in versions.iter().enumerate() {
        let (parts, status) = content(version);
        let alone = before.as_ref().is_some_and(|(old, was)| *old == parts && *was != status);
        for (key, value) in &parts {
            let kept = before.as_ref().is_some_and(|(old, _)| old.get(key) == Some(value));
            if !kept || alone {
                let changed = committed(letter, number, at);
                stamps.insert(key.clone(), format!("{changed} {status}"));
            }
        }
        before = Some((parts, status));
    }
    stamps
}

fn unit(sort: Sort, of: &str, id: &str, themes: ThemeSet, classes: ClassSet) -> Unit {
    let sensitive = [Class::MentalHealth, Class::SubstanceUse, Class::ChildProtection];
    let mut unit = Unit::new(sort, of);
    unit.id = Some(format!("{of}/{id}").into());
    unit.themes = Themes { known: themes, unknown: false };
    unit.classes = classes;
    unit.custodian = Some(CITY.into());
    let restricted = sensitive.into_iter().any(|c| classes.contains(c));
    unit.confidentiality = Some(if restricted { Confidentiality::R } else { Confidentiality::N });
    unit
}

fn placed(mut unit: Unit, register: Option<&Register>, date: Moment) -> Unit {
    unit.register = register.map(|r| r.code.as_str().into());
    unit.date = Span::parse(&date.to_string());
    unit
}

fn person(one: &Somebody, whose: usize) -> Vec<Bit> {
    let content = |p: &mylife::domain::person::Person| {
        let identity = json!([p.name, p.birth_date, p.identity_code]).to_string();
        let contact = json!([p.contact, p.municipality]).to_string();
        let parts = [("identity".to_owned(), identity), ("contact".to_owned(), contact)];
        (BTreeMap::from(parts), String::new())
    };
    let stamps = stamps('p', 0, &one.person, content);
    let last = one.person.last().unwrap();
    let (parts, _) = content(last);
    let id = patient(whose);
    let identity = unit(Sort::Identity, "Patient", &id, ThemeSet::EMPTY, ClassSet::EMPTY);
    let contact = ClassSet::EMPTY.with(Class::Contact);
    let contact = unit(Sort::Item, "Patient", &id, ThemeSet::EMPTY, contact);
    let bit = |what: &str, unit: Unit| Bit {
        key: format!("Patient/{id}#{what}"),
        value: parts[what].clone(),
        unit,
        stamp: stamps[what].clone(),
    };
    let mut all = vec![bit("identity", identity)];
    if last.contact.is_some() || last.municipality.is_some() {
        all.push(bit("contact", contact));
    }
    all
}

fn answers(assessment: &Assessment) -> Vec<(Theme, &'static str, String)> {
    let mut all = Vec::new();
    for answer in &assessment.answers {
        let score = |s: mylife::domain::assessment::Score| s.value().to_string();
        let said = |w: &mylife::domain::words::Words| w.as_str().to_owned();
        let each = [
            ("importance", answer.importance.map(score)),
            ("satisfaction", answer.satisfaction.map(score)),
            ("future", answer.future.as_ref().map(said)),
            ("comment", answer.comment.as_ref().map(said)),
        ];
        let given = each.into_iter().filter_map(|(v, value)| Some((answer.theme, v, value?)));
        all.extend(given);
    }
    all
}

fn assessment(versions: &[Assessment], whose: usize, number: usize) -> Vec<Bit> {
    let content = |a: &Assessment| {
        let parts =
            answers(a).into_iter().map(|(t, v, value)| (format!("{}.{v}", t.code()), value));
        (parts.collect(), a.status.code().to_owned())
    };
    let stamps = stamps('a', number, versions, content);
    let last = versions.last().unwrap();
    let id = document('a', whose, number);
    let mut all = Vec::new();
    for (theme, viewpoint, value) in answers(last) {
        let scored = matches!(viewpoint, "importance" | "satisfaction");
        let classes = if scored { ClassSet::EMPTY } else { ClassSet::EMPTY.with(Class::FreeText) };
        let what = format!("{}.{viewpoint}", theme.code());
        let mut add = |of: &str, own: String| {
            let themes = ThemeSet::EMPTY.with(theme);
            let unit = unit(Sort::Item, of, &own, themes, classes);
            all.push(Bit {
                key: format!("{of}/{own}#{what}"),
                value: if of == "Provenance" { String::new() } else { value.clone() },
                unit: placed(unit, last.register.as_ref(), last.authored),
                stamp: stamps[&what].clone(),
            });
        };
        add("QuestionnaireResponse", id.clone());
        add("Provenance", format!("{id}.pv"));
        if scored {
            add("Observation", observation(&id, theme, viewpoint));
        }
    }
    all
}
