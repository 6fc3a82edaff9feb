//! A proposal about a plan as a Task of intent `proposal`.
//!
//! Pure. It carries the labels of what it is about, as they were when it was made, and the sensitivity of
//! every unit it speaks of, so it is released as that is; its words are own words. Who proposed is a
//! mention that carries the sensitivity of their unit. Source: FHIR R4 task.html.

use std::sync::Arc;

use serde_json::{Value, json};

use super::{PLAN, part_id, plan_kinds, task, team_id, team_kinds, themes};
use crate::{
    compartment::Held,
    directory::role_of,
    domain::{
        class::ClassSet,
        person::related_id,
        plan::Plan,
        proposal::{Concerned, Proposal},
        theme::ThemeSet,
        words::DirectoryId,
    },
    fhir::{
        coding::coding,
        labels,
        segment::{Builder, KindId, Resource, Stamp},
        types::{Planned, ResourceType},
    },
    mapping::{
        context::Context,
        text::{own_words, pick, reference, stamped},
    },
};

/// Code of a proposed change.
pub const PROPOSAL: &str = "proposal";
/// Code of a hand-over of case management.
pub const HAND_OVER: &str = "hand-over";
/// What an input is: the service that is proposed.
pub const SERVICE: &str = "service";
/// What an output is: what of the plan came of it.
pub const RESULT: &str = "carried-out";
/// What an input of a hand-over is: who answers for the plan until then.
const CASE_MANAGER: &str = "case-manager";
/// `Task.intent` of what nobody has agreed to.
const PROPOSED: &str = "proposal";

/// What a proposal takes over from what it is about.
pub struct Carried {
    /// Its themes.
    pub themes: ThemeSet,
    /// Does it go with the plan as a whole?
    pub of_whole: bool,
    /// The service it is of, whose sensitivity it has.
    pub service: Option<DirectoryId>,
    /// Whom it is about beside the person.
    pub concerns: Vec<Concerned>,
}

/// What a part of a plan hands on to what is proposed about it; `None` if there is no such part.
pub fn carried(held: &Held<Plan>, kind: ResourceType, id: &str) -> Option<Carried> {
    let carried =
        |themes, of_whole| Carried { themes, of_whole, service: None, concerns: Vec::new() };
    let whole = || carried(ThemeSet::EMPTY, true);
    Some(match part(held, kind, id)? {
        Part::Plan | Part::Team | Part::Day => whole(),
        Part::Goal(at) => {
            let goal = held.native.goals.get(at)?;
            let one = |id| Concerned { owner: held.owner.to_string(), id };
            let concerns = goal.concerns.iter().cloned().map(one).collect();
            Carried { concerns, ..carried(goal.themes, false) }
        }
        Part::Service(at) => {
            let service = held.native.services.get(at)?;
            let of = Some(service.service.clone());
            Carried { service: of, ..carried(service.themes, false) }
        }
        Part::Action(at) => carried(held.native.actions.get(at)?.themes, false),
    })
}

/// A part of a plan, by its place there.
enum Part {
    Plan,
    Team,
    Goal(usize),
    Service(usize),
    Action(usize),
    /// On which it is looked at again.
    Day,
}

fn part(held: &Held<Plan>, kind: ResourceType, id: &str) -> Option<Part> {
    let plan = &held.native;
    let is = |key: &str, local: &str, letter: char| *part_id(held, key, local, letter) == *id;
    match kind.planned()? {
        Planned::Plan => (*held.id == *id).then_some(Part::Plan),
        Planned::Team => (*team_id(&held.id) == *id).then_some(Part::Team),
        Planned::Goal => {
            let at = plan.goals.iter().position(|goal| is("goal", goal.id.as_str(), 'g'));
            at.map(Part::Goal)
        }
        Planned::Request => {
            let at = plan.services.iter().position(|one| is("service", one.id.as_str(), 's'));
            at.map(Part::Service)
        }
        Planned::Task => {
            let at = plan.actions.iter().position(|one| is("action", one.id.as_str(), 'a'));
            let is_day = || plan.follow_up.iter().any(|day| is("follow-up", day.id.as_str(), 'f'));
            at.map(Part::Action).or_else(|| is_day().then_some(Part::Day))
        }
    }
}

/// The kinds for whose readers a part exists, if it is still there.
fn kinds(held: &Held<Plan>, name: &str, context: &mut Context<'_>) -> Option<Vec<KindId>> {
    let (kind, id) = name.split_once('/')?;
    let kind = ResourceType::parse(kind)?;
    Some(match part(held, kind, id)? {
        Part::Plan => plan_kinds(held, context),
        Part::Team => team_kinds(held, context),
        Part::Goal(at) => {
            vec![context.goal_kind(held, held.native.goals.get(at)?, ClassSet::EMPTY)]
        }
        Part::Service(at) => {
            let service = held.native.services.get(at)?;
            let classes = context.sensitivity(service.service.as_str());
            vec![context.kind(kind, service.themes, classes)]
        }
        Part::Action(at) => {
            vec![context.kind(kind, held.native.actions.get(at)?.themes, ClassSet::EMPTY)]
        }
        Part::Day => vec![context.plan_kind(held, kind, ClassSet::EMPTY)],
    })
}

/// The Task.
pub(super) fn task(held: &Held<Plan>, of: &Held<Proposal>, context: &mut Context<'_>) -> Resource {
    let proposal = &of.native;
    let classes = proposal
        .units
        .iter()
        .fold(ClassSet::EMPTY, |classes, unit| classes.union(context.sensitivity(unit.as_str())));
    let kind = context.proposal_kind(held, proposal, classes);
    let words = context.proposal_kind(held, proposal, classes.union(own_words()));
    let mut b = task::task(Arc::clone(&of.id), context);
    let at = b.stamp(stamp(of, "proposal"));
    let language = context.language();
    let heading = if proposal.hand_over.is_some() {
        pick(
            &language,
            "Vastuutyöntekijän vaihto",
            "Byte av ansvarig kontaktperson",
            "Hand-over of case management",
        )
    } else {
        pick(&language, "Ehdotus", "Förslag", "Proposal")
    };
    b.narrative(|b| {
        b.line(&[kind], heading);
        if !proposal.themes.is_empty() {
            b.line(&[kind], &themes(proposal.themes, &language));
        }
        if let Some(text) = &proposal.text {
            b.line(&[words], text.as_str());
        }
    });
    let code = if proposal.hand_over.is_some() { HAND_OVER } else { PROPOSAL };
    let mut codes = vec![coding(PLAN, code)];
    codes.extend(proposal.themes.iter().map(|t| coding(labels::THEME, t.code())));
    let status = proposal.status.code();
    let state = task::State { status, intent: PROPOSED, authored: proposal.created };
    task::task_body(held, &mut b, &state, (&[kind], at), &codes, context);
    if let Some(text) = &proposal.text {
        let said = b.stamp(stamp(of, "words"));
        b.content(&[words], said, "description", || json!(text.as_str()));
    }
    if let Some(answer) = &proposal.answer {
        let said = b.stamp(stamp(of, "answer"));
        b.content(&[words], said, "statusReason", || json!({ "text": answer.as_str() }));
    }
    if let Some(kinds) = kinds(held, &proposal.about, context) {
        let (to, id) = proposal.about.split_once('/').unwrap_or_default();
        b.row(&kinds, "focus", reference(to, id));
        b.reference(&kinds, "focus", || json!({ "reference": proposal.about }));
    }
    requester(held, proposal, classes, &mut b, context);
    asks(proposal, (kind, at), &mut b, context);
    results(held, proposal, &mut b, context);
    b.frame_rows(|| json!({ "intent": PROPOSED }));
    b.build()
}

/// What it asks for: a service, or who is to answer for the plan after whom.
fn asks(proposal: &Proposal, (kind, at): (KindId, u16), b: &mut Builder, context: &Context<'_>) {
    let input = |code: &str, value: Value| {
        let of = json!({ "coding": [coding(PLAN, code)] });
        json!([{ "type": of, "valueReference": value }])
    };
    if let Some(service) = &proposal.service {
        let service = context.named("HealthcareService", service.as_str());
        b.content(&[kind], at, "input", || input(SERVICE, service));
    }
    if let Some(over) = &proposal.hand_over {
        let from = context.named("Practitioner", over.from.practitioner.as_str());
        b.content(&[kind], at, "input", || input(CASE_MANAGER, from));
        let to = over.to.practitioner.as_str();
        let (role, name) = (role_of(to), context.name(to));
        b.row(&[kind], "owner", reference("PractitionerRole", &role));
        let owner = json!({ "reference": format!("PractitionerRole/{role}"), "display": name });
        b.content(&[kind], at, "owner", || owner);
    }
}

/// What of the plan came of it, as far as it is still there.
fn results(held: &Held<Plan>, proposal: &Proposal, b: &mut Builder, context: &mut Context<'_>) {
    b.array("output", |b| {
        for name in &proposal.results {
            let Some(kinds) = kinds(held, name, context) else { continue };
            let result = json!({ "type": { "coding": [coding(PLAN, RESULT)] },
                "valueReference": { "reference": name } });
            b.reference_item(&kinds, || result);
        }
    });
}

/// Who proposed: the person who acts, where they are known here, else the organisation.
fn requester(
    held: &Held<Plan>,
    proposal: &Proposal,
    classes: ClassSet,
    b: &mut Builder,
    context: &mut Context<'_>,
) {
    let by = &proposal.by;
    let subject = by.subject.as_deref().and_then(|subject| subject.split_once('/'));
    match subject {
        Some(("Patient", id)) if *id == *context.compartment.patient => {
            b.reference(context.patient(), "requester", || context.subject());
        }
        Some(("RelatedPerson", id)) => {
            let person = context.compartment.person.as_ref();
            let acts = |held: &Held<_>| represents(held, &context.compartment.patient, id);
            if person.is_some_and(acts) {
                let who = format!("RelatedPerson/{id}");
                let of = ResourceType::RelatedPerson;
                let kind = context.record_kind(of, Some(who.as_str().into()), None);
                b.reference(&[kind], "requester", || json!({ "reference": who }));
            }
        }
        Some(("Practitioner", id)) if context.directory.knows(id) => {
            let classes = classes.union(context.sensitivity(id));
            let kind = context.proposal_kind(held, proposal, classes);
            let who = context.named("Practitioner", id);
            b.reference(&[kind], "requester", || who);
        }
        _ => {
            let names = context.directory.names(&by.organization);
            let listed = names.get(1).and_then(|name| name.strip_prefix("Organization/"));
            // What is not listed is sensitive in every way.
            let sensitivity = context.sensitivity(listed.unwrap_or_default());
            let kind = context.proposal_kind(held, proposal, classes.union(sensitivity));
            let who = listed.map_or_else(
                || json!({ "identifier": { "system": "urn:ietf:rfc:3986", "value": by.organization } }),
                |id| context.named("Organization", id),
            );
            b.reference(&[kind], "requester", || who);
        }
    }
}

/// Does somebody of this `RelatedPerson` id still act for the person?
fn represents(held: &Held<crate::domain::person::Person>, patient: &str, id: &str) -> bool {
    let mut all = held.native.representation.iter();
    all.any(|one| *related_id(patient, one.id.as_str()) == *id)
}

fn stamp(of: &Held<Proposal>, key: &str) -> Stamp {
    of.parts.of(key).map_or_else(
        || Stamp { changed: of.recorded, status: "".into(), authored: "".into() },
        |part| stamped(part.change),
    )
}
