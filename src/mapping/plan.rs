//! A collective welfare plan in FHIR: `CarePlan`, Goal, `ServiceRequest`, Task, `CareTeam`.
//!
//! Pure. A service is *planned* until a decision makes it *granted* (`intent` plan or order); the
//! person's and the professional's views stay apart; every mention of a professional, unit or
//! service carries that unit's sensitivity. Source: FHIR R4 careplan.html and its siblings.

pub mod proposal;
mod task;
mod team;

use std::{iter, sync::Arc};

use serde_json::{Value, json};

use crate::{
    compartment::Held,
    domain::{
        assessment::Identifier,
        class::ClassSet,
        day::Period,
        plan::{Goal, Plan, Service, ServiceState, SetBy, Target},
        theme::{ThemeSet, Viewpoint},
        words::LocalId,
    },
    fhir::{
        coding::coding,
        labels,
        segment::{Builder, KindId, Resource, RowValue, Slot, Stamp},
        types::{Planned, ResourceType},
    },
    mapping::{
        context::Context,
        survey::{CODES, observation_id},
        text::{self, date, own_words, reference, stamped, token},
    },
};

/// Code system of plans, plan parts and roles.
pub const PLAN: &str = "https://mylife.example/fhir/CodeSystem/plan";
/// Extension of a `CarePlan` by its heading in own words.
pub const TITLE: &str = "https://mylife.example/fhir/StructureDefinition/plan-title";

/// Everything that is mapped from a plan.
pub fn resources(
    held: &Held<Plan>,
    kind: ResourceType,
    context: &mut Context<'_>,
) -> Vec<Resource> {
    let plan = &held.native;
    match kind.planned() {
        Some(Planned::Plan) => vec![care_plan(held, context)],
        Some(Planned::Team) => vec![team::care_team(held, context)],
        Some(Planned::Goal) => plan.goals.iter().map(|g| goal(held, g, context)).collect(),
        Some(Planned::Request) => plan.services.iter().map(|s| service(held, s, context)).collect(),
        Some(Planned::Task) => {
            let actions = plan.actions.iter().map(|a| task::action(held, a, context));
            let mut tasks: Vec<Resource> = actions.collect();
            tasks.extend(plan.follow_up.iter().map(|f| task::follow_up(held, f, context)));
            let proposals = context.compartment.proposals.iter();
            let of_it = proposals.filter(|proposal| *proposal.native.plan == *held.id);
            tasks.extend(of_it.map(|proposal| proposal::task(held, proposal, context)));
            tasks
        }
        None => Vec::new(),
    }
}

/// `Type/id` of each part that has a resource of its own, with the sender's id of it.
pub fn names(held: &Held<Plan>) -> Vec<(String, LocalId)> {
    let plan = &held.native;
    let name = |of: ResourceType, key: &str, local: &LocalId, letter: char| {
        (format!("{of}/{}", part_id(held, key, local.as_str(), letter)), local.clone())
    };
    let goals = plan.goals.iter().map(|g| name(ResourceType::Goal, "goal", &g.id, 'g'));
    let services =
        plan.services.iter().map(|s| name(ResourceType::ServiceRequest, "service", &s.id, 's'));
    let actions = plan.actions.iter().map(|a| name(ResourceType::Task, "action", &a.id, 'a'));
    let days = plan.follow_up.iter().map(|f| name(ResourceType::Task, "follow-up", &f.id, 'f'));
    goals.chain(services).chain(actions).chain(days).collect()
}

/// Themes and classes of each part beside the goals that has a theme, for the rule of theme-less parts.
pub fn themed(plan: &Plan, context: &Context<'_>) -> Vec<(ResourceType, ThemeSet, ClassSet)> {
    let services = plan
        .services
        .iter()
        .map(|s| (ResourceType::ServiceRequest, s.themes, context.sensitivity(s.service.as_str())));
    let actions = plan.actions.iter().map(|a| (ResourceType::Task, a.themes, ClassSet::EMPTY));
    services.chain(actions).filter(|(_, themes, _)| !themes.is_empty()).collect()
}

fn care_plan(held: &Held<Plan>, context: &mut Context<'_>) -> Resource {
    let plan = &held.native;
    let own = context.plan_kind(held, ResourceType::CarePlan, ClassSet::EMPTY);
    let words = context.plan_kind(held, ResourceType::CarePlan, own_words());
    let profile = "https://mylife.example/fhir/StructureDefinition/mylife-careplan";
    let language = context.language();
    let mut b =
        context.builder(ResourceType::CarePlan, Arc::clone(&held.id), profile, language.as_str());
    let heading = text::pick(&language, "Hyvinvointisuunnitelma", "Välfärdsplan", "Welfare plan");
    b.narrative(|b| b.line(&[own], heading));
    b.frame("identifier", || json!([{ "system": text::DOCUMENT, "value": &*held.id }]));
    b.computed(Slot::Status);
    b.frame("intent", || json!("plan"));
    b.frame("category", || json!([{ "coding": [coding(PLAN, "welfare-plan")] }]));
    let whole = b.stamp(stamp(held, "plan"));
    b.content(&[own], whole, "title", || json!(heading));
    if let Some(title) = &plan.title {
        let at = b.stamp(stamp(held, "title"));
        let own_title = json!([{ "url": TITLE, "valueString": title.as_str() }]);
        b.content(&[words], at, "extension", || own_title);
    }
    if let Some(view) = plan.views.as_ref().and_then(|v| v.person.as_ref()) {
        let at = b.stamp(stamp(held, "views.person"));
        b.content(&[words], at, "description", || json!(view.as_str()));
    }
    b.frame("subject", || context.subject());
    if let Some(period) = period(plan.period) {
        b.content(&[own], whole, "period", || period);
    }
    b.content(&[own], whole, "created", || json!(plan.created.to_string()));
    let team = team_kinds(held, context);
    b.array("careTeam", |b| {
        b.reference_item(
            &team,
            || json!({ "reference": format!("CareTeam/{}", team_id(&held.id)) }),
        );
    });
    care_plan_links(held, context, &mut b);
    if let Some(view) = plan.views.as_ref().and_then(|v| v.professional.as_ref()) {
        let at = b.stamp(stamp(held, "views.professional"));
        b.array("note", |b| b.content_item(&[words], at, || json!({ "text": view.as_str() })));
    }
    person_rows(&mut b, &[own, words], context);
    b.row(&[own, words], "status", RowValue::<&str>::Computed(Slot::Status));
    b.row(&[own, words], "category", token(Some(PLAN), "welfare-plan"));
    b.row(&[own, words], "intent", token(None, "plan"));
    b.row(&[own, words], "identifier", token(Some(text::DOCUMENT), &held.id));
    b.row(&team, "care-team", reference("CareTeam", &team_id(&held.id)));
    if let Some(row) = period_row(plan.period) {
        b.row(&[own], "date", row);
    }
    b.build()
}

/// References to what the plan rests on and consists of; each passes where its target exists.
fn care_plan_links(held: &Held<Plan>, context: &mut Context<'_>, b: &mut Builder) {
    let plan = &held.native;
    b.array("supportingInfo", |b| {
        for local in &plan.assessments {
            if let Some((id, kinds)) = context.assessment(local) {
                let to = format!("QuestionnaireResponse/{id}");
                b.reference_item(&kinds, || json!({ "reference": to }));
            }
        }
    });
    b.array("goal", |b| {
        for goal in &plan.goals {
            let kind = context.goal_kind(held, goal, ClassSet::EMPTY);
            let id = part_id(held, "goal", goal.id.as_str(), 'g');
            b.row(&[kind], "goal", reference("Goal", &id));
            b.reference_item(&[kind], || json!({ "reference": format!("Goal/{id}") }));
        }
    });
    let mut activities = Vec::new();
    for service in &plan.services {
        let classes = context.sensitivity(service.service.as_str());
        let kind = context.kind(ResourceType::ServiceRequest, service.themes, classes);
        let id = part_id(held, "service", service.id.as_str(), 's');
        activities.push((kind, "ServiceRequest", id));
    }
    for action in &plan.actions {
        let kind = context.kind(ResourceType::Task, action.themes, ClassSet::EMPTY);
        let id = part_id(held, "action", action.id.as_str(), 'a');
        activities.push((kind, "Task", id));
    }
    b.array("activity", |b| {
        for (kind, of, id) in activities {
            b.row(&[kind], "activity-reference", reference(of, &id));
            let to = json!({ "reference": format!("{of}/{id}") });
            b.reference_item(&[kind], || json!({ "reference": to }));
        }
    });
}

fn goal(held: &Held<Plan>, goal: &Goal, context: &mut Context<'_>) -> Resource {
    let kind = context.goal_kind(held, goal, ClassSet::EMPTY);
    let words = context.goal_kind(held, goal, own_words());
    let profile = "https://mylife.example/fhir/StructureDefinition/mylife-goal";
    let key = format!("goal:{}", goal.id.as_str());
    let language = context.language();
    let id = part_id(held, "goal", goal.id.as_str(), 'g');
    let mut b = context.builder(ResourceType::Goal, id, profile, language.as_str());
    let at = b.stamp(stamp(held, &key));
    let said = b.stamp(stamp(held, &format!("goal-words:{}", goal.id.as_str())));
    let names = themes(goal.themes, &language);
    b.narrative(|b| {
        b.line(&[kind], &names);
        b.line(&[words], goal.words.as_str());
    });
    identified(&mut b, kind, at, goal.identifier.as_ref());
    b.frame("lifecycleStatus", || json!(goal.status.code()));
    if let Some(achievement) = goal.achievement {
        let system = "http://terminology.hl7.org/CodeSystem/goal-achievement";
        let value = json!({ "coding": [coding(system, achievement.code())] });
        b.rows(&[kind], || json!({ "achievementStatus": value }));
        b.content(&[kind], at, "achievementStatus", || value);
    }
    let about: Vec<Value> = goal.themes.iter().map(|t| coding(labels::THEME, t.code())).collect();
    b.frame("category", || json!([{ "coding": about }]));
    b.object("description", |b| {
        b.content(&[kind], at, "coding", || json!(about));
        b.content(&[words], said, "text", || json!(goal.words.as_str()));
    });
    b.frame("subject", || context.subject());
    if let Some(start) = goal.start {
        b.content(&[kind], at, "startDate", || json!(start.to_string()));
    }
    if let Some(target) = goal.target.as_ref().map(aimed_at) {
        b.rows(&[kind], || json!({ "target": [target] }));
        b.content(&[kind], at, "target", || json!([target]));
    }
    match goal.set_by {
        SetBy::Person | SetBy::Together => {
            b.reference(context.patient(), "expressedBy", || context.subject());
        }
        SetBy::Professional => {}
    }
    goal_basis(goal, context, &mut b);
    person_rows(&mut b, &[kind], context);
    b.row(&[kind], "lifecycle-status", token(None, goal.status.code()));
    for theme in goal.themes.iter() {
        b.row(&[kind], "category", token(Some(labels::THEME), theme.code()));
    }
    if let Some(row) = goal.start.and_then(|d| date(&d.to_string())) {
        b.row(&[kind], "start-date", row);
    }
    b.build()
}

/// The satisfaction that a goal aims at.
fn aimed_at(target: &Target) -> Value {
    let code = format!("{}.satisfaction", target.theme.code());
    let mut value = json!({
        "measure": { "coding": [coding(CODES, &code)] },
        "detailInteger": target.satisfaction.value(),
    });
    if let (Some(object), Some(due)) = (value.as_object_mut(), target.due) {
        object.insert("dueDate".to_owned(), json!(due.to_string()));
    }
    value
}

/// The Observation a goal is measured against.
fn goal_basis(goal: &Goal, context: &mut Context<'_>, b: &mut Builder) {
    let measured = goal.assessment.as_ref().zip(goal.target.as_ref());
    let Some((local, target)) = measured else { return };
    let Some((id, kind)) = context.satisfaction(local, target.theme) else { return };
    let to = format!("Observation/{}", observation_id(&id, target.theme, Viewpoint::Satisfaction));
    b.array("addresses", |b| b.reference_item(&[kind], || json!({ "reference": to })));
}

fn service(held: &Held<Plan>, service: &Service, context: &mut Context<'_>) -> Resource {
    let classes = context.sensitivity(service.service.as_str());
    let kind = context.kind(ResourceType::ServiceRequest, service.themes, classes);
    let words =
        context.kind(ResourceType::ServiceRequest, service.themes, classes.union(own_words()));
    let profile = "https://mylife.example/fhir/StructureDefinition/mylife-servicerequest";
    let language = context.language();
    let id = part_id(held, "service", service.id.as_str(), 's');
    let mut b = context.builder(ResourceType::ServiceRequest, id, profile, language.as_str());
    let at = b.stamp(stamp(held, &format!("service:{}", service.id.as_str())));
    let name = context.name(service.service.as_str());
    b.narrative(|b| b.line(&[kind], &name));
    identified(&mut b, kind, at, service.identifier.as_ref());
    let (status, intent) = status_and_intent(service.state);
    let plan = plan_kinds(held, context);
    let based_on = json!([{ "reference": format!("CarePlan/{}", held.id) }]);
    b.reference(&plan, "basedOn", || based_on);
    b.frame("status", || json!(status));
    b.frame("intent", || json!(intent));
    let about: Vec<Value> =
        service.themes.iter().map(|t| coding(labels::THEME, t.code())).collect();
    if !about.is_empty() {
        b.frame("category", || json!([{ "coding": about }]));
    }
    let code = json!({ "coding": [coding(text::SERVICE, service.service.as_str())], "text": name });
    b.content(&[kind], at, "code", || code);
    b.frame("subject", || context.subject());
    if let Some(period) = service.period.and_then(period) {
        b.rows(&[kind], || json!({ "occurrencePeriod": period }));
        b.content(&[kind], at, "occurrencePeriod", || period);
    }
    if let Some(quantity) = &service.quantity {
        let value = json!({ "value": quantity.value, "unit": quantity.unit.as_str() });
        b.content(&[kind], at, "quantityQuantity", || value);
    }
    if let Some(decided) = service.decided {
        b.content(&[kind], at, "authoredOn", || json!(decided.to_string()));
    }
    let named = || performers(service, context).map(|(of, id)| context.named(of, id)).collect();
    b.content(&[kind], at, "performer", || Value::Array(named()));
    if let Some(note) = &service.note {
        let said = b.stamp(stamp(held, &format!("service-words:{}", service.id.as_str())));
        b.content(&[words], said, "note", || json!([{ "text": note.as_str() }]));
    }
    person_rows(&mut b, &[kind], context);
    b.row(&[kind], "status", token(None, status));
    b.row(&[kind], "intent", token(None, intent));
    b.row(&[kind], "code", token(Some(text::SERVICE), service.service.as_str()));
    b.row(&[kind], "code:text", RowValue::Text(&name));
    for (of, id) in performers(service, context) {
        b.row(&[kind], "performer", reference(of, id));
    }
    for theme in service.themes.iter() {
        b.row(&[kind], "category", token(Some(labels::THEME), theme.code()));
    }
    b.row(&plan, "based-on", reference("CarePlan", &held.id));
    if let Some(row) = service.decided.and_then(|d| date(&d.to_string())) {
        b.row(&[kind], "authored", row);
    }
    b.build()
}

/// `ServiceRequest.status` and `intent`.
const fn status_and_intent(state: ServiceState) -> (&'static str, &'static str) {
    match state {
        ServiceState::Planned => ("active", "plan"),
        ServiceState::Granted => ("active", "order"),
        ServiceState::Ended => ("completed", "order"),
    }
}

/// The service and the unit that gives it, as type and id. A service carries the sensitivity of its unit,
/// so both are of one kind.
fn performers<'a>(
    service: &'a Service,
    context: &'a Context<'_>,
) -> impl Iterator<Item = (&'static str, &'a str)> {
    let id = service.service.as_str();
    let unit = context.directory.given_by(id).map(|unit| ("Organization", unit));
    iter::once(("HealthcareService", id)).chain(unit)
}

/// Kinds of the `CarePlan`'s content: it exists for whom one of them is permitted.
pub fn plan_kinds(held: &Held<Plan>, context: &mut Context<'_>) -> Vec<KindId> {
    let own = context.plan_kind(held, ResourceType::CarePlan, ClassSet::EMPTY);
    let words = context.plan_kind(held, ResourceType::CarePlan, own_words());
    let has_words = held.native.title.is_some() || held.native.views.is_some();
    if has_words { vec![own, words] } else { vec![own] }
}

fn team_kinds(held: &Held<Plan>, context: &mut Context<'_>) -> Vec<KindId> {
    let mut kinds = Vec::new();
    for member in held.native.team.iter().filter(|m| m.active) {
        let classes = context.sensitivity(member.organization.as_str());
        kinds.push(context.plan_kind(held, ResourceType::CareTeam, classes));
    }
    kinds.sort_unstable();
    kinds.dedup();
    kinds
}

/// Id of the `CareTeam` of a plan.
pub fn team_id(plan: &str) -> Arc<str> {
    format!("{plan}.ct").into()
}

/// Is the Task of this id an action? Else it is a follow-up.
pub fn is_action(id: &str) -> bool {
    id.rsplit('.').next().is_some_and(|part| part.starts_with('a'))
}

fn part_id(held: &Held<Plan>, key: &str, local: &str, letter: char) -> Arc<str> {
    let part = held.parts.of(&format!("{key}:{local}"));
    let suffix = part.map_or("", |p| p.suffix);
    format!("{}.{letter}{suffix}", held.id).into()
}

pub(super) fn stamp(held: &Held<Plan>, key: &str) -> Stamp {
    held.parts.of(key).map_or_else(
        || Stamp {
            changed: held.recorded,
            status: held.native.status.code().into(),
            authored: "".into(),
        },
        |part| stamped(part.change),
    )
}

fn person_rows(b: &mut Builder, kinds: &[KindId], context: &Context<'_>) {
    for param in ["patient", "subject"] {
        b.row(kinds, param, reference("Patient", &context.compartment.patient));
    }
}

fn period(period: Period) -> Option<Value> {
    let mut value = serde_json::Map::new();
    if let Some(start) = period.start {
        value.insert("start".to_owned(), json!(start.to_string()));
    }
    if let Some(end) = period.end {
        value.insert("end".to_owned(), json!(end.to_string()));
    }
    (!value.is_empty()).then_some(Value::Object(value))
}

fn period_row(period: Period) -> Option<RowValue<&'static str>> {
    use crate::domain::moment::Moment;
    let edge = |day: Option<crate::domain::day::Day>| {
        day.map(|d| crate::fhir::date::range(&d.to_string()))
    };
    let start = edge(period.start).map_or(Some(Moment::MIN), |r| r.map(|(lo, _)| lo))?;
    let end = edge(period.end).map_or(Some(Moment::MAX), |r| r.map(|(_, hi)| hi))?;
    Some(RowValue::Date(start, end))
}

/// By what the system that made a part knows it.
fn identified(b: &mut Builder, kind: KindId, at: u16, identifier: Option<&Identifier>) {
    let Some(one) = identifier else { return };
    b.row(&[kind], "identifier", token(Some(one.system.as_str()), one.value.as_str()));
    b.content(&[kind], at, "identifier", || json!([one]));
}

fn themes(themes: ThemeSet, language: &str) -> String {
    themes.iter().map(|t| text::theme(t, language)).collect::<Vec<_>>().join(", ")
}
