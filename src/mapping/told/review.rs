//! The review of what was told by a declared ground, as a Task: one of each request and person.
//!
//! Pure. It names the `AuditEvent`s of what was told and repeats nothing of the data: what was disclosed,
//! and to whom, is theirs to say. Whoever may read it is settled before; it goes with the person's
//! `records`. Source: FHIR R4 task.html; `consent` 1.4, break-glass.

use std::sync::Arc;

use serde_json::{Value, json};

use crate::{
    domain::moment::Moment,
    fhir::{
        coding::concept,
        schema::Fault,
        segment::{KindId, Resource, Stamp},
        types::ResourceType,
    },
    json::{list, text},
    mapping::{
        context::Context,
        plan::PLAN,
        text::{pick, reference},
    },
};

/// Code of the Task.
pub const REVIEW: &str = "emergency-review";
/// Status of one that waits.
pub const REQUESTED: &str = "requested";
/// Status of one that was made.
pub const COMPLETED: &str = "completed";
/// What an input is: an access that is to be reviewed.
const ACCESS: &str = "access";
/// What an output is: what the reviewer found.
const FINDING: &str = "finding";
/// The findings there are.
const JUSTIFIED: &str = "justified";
const UNJUSTIFIED: &str = "unjustified";
/// `Task.intent` of what somebody must do.
const INTENT: &str = "order";

/// A review, as the log has it.
pub struct Review {
    /// Id of the Task.
    pub id: Arc<str>,
    /// When the first access was.
    pub opened: Moment,
    /// When something last came to it.
    pub changed: Moment,
    /// When it is to be done at the latest.
    pub due: Option<Moment>,
    /// Ids of the `AuditEvent`s of the accesses, oldest first.
    pub events: Vec<Arc<str>>,
    /// The roles that review it.
    pub roles: Vec<String>,
    /// Why it was done, as declared.
    pub reason: String,
    /// What came of it.
    pub found: Option<Found>,
}

/// What a reviewer found.
pub struct Found {
    /// When.
    pub at: Moment,
    /// Who, as they are named.
    pub by: String,
    /// What, and what they wrote of it.
    pub finding: Finding,
}

/// A finding.
pub struct Finding {
    /// Was it justified?
    pub justified: bool,
    /// What they wrote of it.
    pub note: Option<String>,
}

/// The Task.
pub(super) fn task(of: &Review, kind: KindId, context: &Context<'_>) -> Resource {
    let profile = "https://mylife.example/fhir/StructureDefinition/mylife-task";
    let language = context.language();
    let mut b = context.builder(ResourceType::Task, Arc::clone(&of.id), profile, &language);
    let status = if of.found.is_some() { COMPLETED } else { REQUESTED };
    let heading = pick(
        &language,
        "Hätätilassa tapahtuneen käytön tarkastus",
        "Granskning av användning i nödläge",
        "Review of an access in an emergency",
    );
    let opened = of.opened.to_string();
    b.narrative(|b| b.line(&[kind], &format!("{heading}: {opened}, {status}")));
    let authored = opened.as_str().into();
    let stamp = b.stamp(Stamp { changed: of.changed, status: status.into(), authored });
    for (name, value) in members(of, status, context) {
        b.rows(&[kind], || json!({ name: value }));
        b.content(&[kind], stamp, name, || value.clone());
    }
    b.row(&[kind], "patient", reference("Patient", &context.compartment.patient));
    b.build()
}

fn members(of: &Review, status: &str, context: &Context<'_>) -> Vec<(&'static str, Value)> {
    let concept = |code| concept(PLAN, code);
    let event = |id: &Arc<str>| json!({ "reference": format!("AuditEvent/{id}") });
    let mut all =
        vec![("status", json!(status)), ("intent", json!(INTENT)), ("code", concept(REVIEW))];
    all.extend(of.events.first().map(|first| ("focus", event(first))));
    all.push(("for", context.subject()));
    all.push(("authoredOn", json!(of.opened)));
    all.push(("lastModified", json!(of.changed)));
    let roles: Vec<Value> = of.roles.iter().map(|role| json!({ "text": role })).collect();
    if !roles.is_empty() {
        all.push(("performerType", roles.into()));
    }
    if let Some(Found { by, .. }) = &of.found {
        all.push(("owner", json!({ "display": by })));
    }
    if !of.reason.is_empty() {
        all.push(("reasonCode", json!({ "text": of.reason })));
    }
    let found = of.found.as_ref();
    if let Some((Found { at, by, .. }, note)) =
        found.and_then(|found| Some((found, found.finding.note.as_ref()?)))
    {
        all.push(("note", json!([{ "authorString": by, "time": at, "text": note }])));
    }
    if let Some(due) = of.due {
        all.push(("restriction", json!({ "period": { "end": due } })));
    }
    let access = |id| json!({ "type": concept(ACCESS), "valueReference": event(id) });
    all.push(("input", of.events.iter().map(access).collect()));
    if let Some(Found { finding, .. }) = found {
        let code = if finding.justified { JUSTIFIED } else { UNJUSTIFIED };
        let output = json!([{ "type": concept(FINDING), "valueCodeableConcept": concept(code) }]);
        all.push(("output", output));
    }
    all
}

/// Reads what a reviewer found, of a Task that is sent back as completed.
///
/// # Errors
/// Every element without which it cannot be understood, or that cannot be kept.
pub fn read(task: &Value, is_note: impl Fn(&str) -> bool) -> Result<Finding, Vec<Fault>> {
    let mut faults = Vec::new();
    let mut tell = |place: &str, say: &str| {
        faults.push(Fault { expression: format!("Task.{place}"), say: say.to_owned() });
    };
    if text(task, "status") != Some(COMPLETED) {
        tell("status", "must be completed: that is its one next status");
    }
    let of_plan = |concept: Option<&Value>| {
        let coding = concept?.pointer("/coding/0")?;
        text(coding, "code").filter(|_| text(coding, "system") == Some(PLAN)).map(str::to_owned)
    };
    let output = match list(task, "output") {
        [one] if of_plan(one.get("type")).as_deref() == Some(FINDING) => {
            of_plan(one.get("valueCodeableConcept"))
        }
        _ => None,
    };
    let justified = match output.as_deref() {
        Some(JUSTIFIED) => Some(true),
        Some(UNJUSTIFIED) => Some(false),
        Some(_) | None => {
            let say = "must be the one finding of CodeSystem/plan: a valueCodeableConcept with \
                       justified or unjustified";
            tell("output", say);
            None
        }
    };
    let note = match list(task, "note") {
        [one] if one.as_object().is_some_and(|one| one.len() == 1) => {
            text(one, "text").filter(|text| is_note(text)).map(str::to_owned)
        }
        _ => None,
    };
    if note.is_none() && task.get("note").is_some() {
        tell("note", "must be one, of a text of 1 to 2000 characters and nothing else");
    }
    match justified {
        Some(justified) if faults.is_empty() => Ok(Finding { justified, note }),
        Some(_) | None => Err(faults),
    }
}
