//! Actions and follow-ups of a plan as Tasks.
//!
//! Pure. An action goes with its themes, a follow-up with the plan; what is to be done is in own words.
//! Source: FHIR R4 task.html.

use std::sync::Arc;

use serde_json::{Value, json};

use super::{PLAN, identified, part_id, person_rows, plan_kinds, stamp, themes};
use crate::{
    compartment::Held,
    domain::{
        class::ClassSet,
        moment::Moment,
        plan::{Action, ActionStatus, FollowUp, FollowUpStatus, Performer, Plan},
    },
    fhir::{
        coding::coding,
        labels,
        segment::{Builder, KindId, Resource},
        types::ResourceType,
    },
    mapping::{
        context::Context,
        text::{date, own_words, reference, token},
    },
};

pub(super) fn action(held: &Held<Plan>, action: &Action, context: &mut Context<'_>) -> Resource {
    let kind = context.kind(ResourceType::Task, action.themes, ClassSet::EMPTY);
    let words = context.kind(ResourceType::Task, action.themes, own_words());
    let key = format!("action:{}", action.id.as_str());
    let id = part_id(held, "action", action.id.as_str(), 'a');
    let mut b = task(id, context);
    let at = b.stamp(stamp(held, &key));
    b.narrative(|b| {
        if !action.themes.is_empty() {
            b.line(&[kind], &themes(action.themes, &context.language()));
        }
        b.line(&[words], action.text.as_str());
    });
    identified(&mut b, kind, at, action.identifier.as_ref());
    let status = match action.status {
        ActionStatus::Planned => "requested",
        ActionStatus::InProgress => "in-progress",
        ActionStatus::OnHold => "on-hold",
        ActionStatus::Completed => "completed",
        ActionStatus::Cancelled => "cancelled",
    };
    let mut codes = vec![coding(PLAN, "action")];
    codes.extend(action.themes.iter().map(|t| coding(labels::THEME, t.code())));
    let state = State { status, intent: PLANNED, authored: held.native.created };
    task_body(held, &mut b, &state, (&[kind], at), &codes, context);
    let said = b.stamp(stamp(held, &format!("action-words:{}", action.id.as_str())));
    b.content(&[words], said, "description", || json!(action.text.as_str()));
    if let Some(goal) = &action.goal
        && let Some(of) = held.native.goals.iter().find(|g| g.id == *goal)
    {
        let kind = context.goal_kind(held, of, ClassSet::EMPTY);
        let id = part_id(held, "goal", goal.as_str(), 'g');
        b.row(&[kind], "focus", reference("Goal", &id));
        b.reference(&[kind], "focus", || json!({ "reference": format!("Goal/{id}") }));
    }
    match &action.performer {
        Performer::Person => {
            let owner = reference("Patient", &context.compartment.patient);
            b.row(context.patient(), "owner", owner);
            b.reference(context.patient(), "owner", || context.subject());
        }
        Performer::Member(id) => {
            if let Some(member) = held.native.team.iter().find(|m| m.id == *id) {
                let classes = context.sensitivity(member.organization.as_str());
                let kind = context.kind(ResourceType::Task, action.themes, classes);
                let to = format!("Practitioner/{}", member.practitioner);
                b.row(&[kind], "owner", reference("Practitioner", member.practitioner.as_str()));
                b.reference(&[kind], "owner", || json!({ "reference": to }));
            }
        }
    }
    if let Some(due) = action.due {
        let due = json!({ "period": { "end": due.to_string() } });
        b.content(&[kind], at, "restriction", || due);
    }
    b.frame_rows(|| json!({ "intent": PLANNED }));
    b.build()
}

pub(super) fn follow_up(
    held: &Held<Plan>,
    follow_up: &FollowUp,
    context: &mut Context<'_>,
) -> Resource {
    let kind = context.plan_kind(held, ResourceType::Task, ClassSet::EMPTY);
    let words = context.plan_kind(held, ResourceType::Task, own_words());
    let key = format!("follow-up:{}", follow_up.id.as_str());
    let id = part_id(held, "follow-up", follow_up.id.as_str(), 'f');
    let mut b = task(id, context);
    let at = b.stamp(stamp(held, &key));
    b.narrative(|b| b.line(&[kind], &follow_up.date.to_string()));
    identified(&mut b, kind, at, follow_up.identifier.as_ref());
    let status = match follow_up.status {
        FollowUpStatus::Planned => "requested",
        FollowUpStatus::Completed => "completed",
        FollowUpStatus::Cancelled => "cancelled",
    };
    let state = State { status, intent: PLANNED, authored: held.native.created };
    task_body(held, &mut b, &state, (&[kind], at), &[coding(PLAN, "follow-up")], context);
    if let Some(text) = &follow_up.text {
        let said = b.stamp(stamp(held, &format!("follow-up-words:{}", follow_up.id.as_str())));
        b.content(&[words], said, "description", || json!(text.as_str()));
    }
    let due = json!({ "period": { "end": follow_up.date.to_string() } });
    b.content(&[kind], at, "restriction", || due);
    b.frame_rows(|| json!({ "intent": PLANNED }));
    b.build()
}

/// `Task.intent` of what is in a plan.
const PLANNED: &str = "plan";

/// How a Task stands.
pub(super) struct State<'a> {
    pub(super) status: &'a str,
    pub(super) intent: &'a str,
    /// When it was made.
    pub(super) authored: Moment,
}

pub(super) fn task(id: Arc<str>, context: &Context<'_>) -> Builder {
    let profile = "https://mylife.example/fhir/StructureDefinition/mylife-task";
    context.builder(ResourceType::Task, id, profile, &context.language())
}

pub(super) fn task_body(
    held: &Held<Plan>,
    b: &mut Builder,
    state: &State<'_>,
    (kinds, at): (&[KindId], u16),
    codes: &[Value],
    context: &mut Context<'_>,
) {
    let (plan, authored) = (plan_kinds(held, context), state.authored.to_string());
    let based_on = json!([{ "reference": format!("CarePlan/{}", held.id) }]);
    b.reference(&plan, "basedOn", || based_on);
    b.frame("status", || json!(state.status));
    b.frame("intent", || json!(state.intent));
    b.content(kinds, at, "code", || json!({ "coding": codes }));
    b.frame("for", || context.subject());
    b.content(kinds, at, "authoredOn", || json!(authored));
    person_rows(b, kinds, context);
    b.row(kinds, "status", token(None, state.status));
    b.row(&plan, "based-on", reference("CarePlan", &held.id));
    for code in codes {
        let part = |name| code.get(name).and_then(Value::as_str).unwrap_or_default();
        b.row(kinds, "code", token(Some(part("system")), part("code")));
    }
    if let Some(row) = date(&authored) {
        b.row(kinds, "authored-on", row);
    }
}
