//! What the log says of a person, in FHIR: `AuditEvent`s, and Tasks of what is to be reviewed, as
//! `records`.
//!
//! Pure. The log writes each event as IHE BALP has it; here it gets its label, its narrative and its
//! search rows. No grant can name it: it is released to the person and to an officer. Source: FHIR R4
//! auditevent.html.

pub mod review;

use std::sync::Arc;

use serde_json::{Value, json};

use crate::{
    domain::moment::Moment,
    fhir::{
        segment::{KindId, Resource, Stamp},
        types::ResourceType,
    },
    mapping::{context::Context, text::reference, told::review::Review},
};

/// Profiles that an event can claim; each stands in `meta.profile` of those that do.
const PROFILES: [&str; 9] = [
    "https://profiles.ihe.net/ITI/BALP/StructureDefinition/IHE.BasicAudit.PatientRead",
    "https://profiles.ihe.net/ITI/BALP/StructureDefinition/IHE.BasicAudit.PatientQuery",
    "https://profiles.ihe.net/ITI/BALP/StructureDefinition/IHE.BasicAudit.PatientCreate",
    "https://profiles.ihe.net/ITI/BALP/StructureDefinition/IHE.BasicAudit.PatientUpdate",
    "https://profiles.ihe.net/ITI/BALP/StructureDefinition/IHE.BasicAudit.Read",
    "https://profiles.ihe.net/ITI/BALP/StructureDefinition/IHE.BasicAudit.Query",
    "https://profiles.ihe.net/ITI/BALP/StructureDefinition/IHE.BasicAudit.Create",
    "https://profiles.ihe.net/ITI/BALP/StructureDefinition/IHE.BasicAudit.Update",
    "https://profiles.ihe.net/ITI/BALP/StructureDefinition/IHE.BasicAudit.AuthZconsent",
];

/// One thing that the log says.
pub enum Told {
    /// That something happened.
    Event(Event),
    /// That something is to be reviewed, or was.
    Review(Review),
}

/// Something that happened.
pub struct Event {
    /// Id of the resource.
    pub id: Arc<str>,
    /// When it happened.
    pub at: Moment,
    /// The whole `AuditEvent`.
    pub event: Value,
}

/// The resource of what was told.
pub(super) fn resource(told: &Told, kind: KindId, context: &Context<'_>) -> Resource {
    match told {
        Told::Event(event) => self::event(event, kind, context),
        Told::Review(review) => review::task(review, kind, context),
    }
}

fn event(of: &Event, kind: KindId, context: &Context<'_>) -> Resource {
    let Event { id, at, event } = of;
    let of = |pointer: &str| event.pointer(pointer).and_then(Value::as_str);
    let claimed = PROFILES.into_iter().find(|profile| of("/meta/profile/0") == Some(profile));
    let own = "https://mylife.example/fhir/StructureDefinition/mylife-auditevent";
    let language = context.language();
    let mut b = context.builder(
        ResourceType::AuditEvent,
        Arc::clone(id),
        claimed.unwrap_or(own),
        &language,
    );
    let done = of("/subtype/0/code").unwrap_or_default();
    let client = of("/agent/0/who/identifier/value").unwrap_or_default();
    b.narrative(|b| b.line(&[kind], &format!("{at}: {client}, {done}")));
    let time = at.to_string();
    let stamp =
        b.stamp(Stamp { changed: *at, status: "final".into(), authored: time.as_str().into() });
    for (name, value) in event.as_object().into_iter().flatten() {
        if !["resourceType", "id", "meta"].contains(&name.as_str()) {
            b.rows(&[kind], || json!({ name: value }));
            b.content(&[kind], stamp, name, || value.clone());
        }
    }
    b.row(&[kind], "patient", reference("Patient", &context.compartment.patient));
    b.build()
}
