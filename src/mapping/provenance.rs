//! Where a document comes from: one Provenance per assessment and plan, and what an officer said of a
//! Consent.
//!
//! Pure. It exists for whom something of the document exists, and names the custodian alone; its
//! targets pass where they exist. Source: FHIR R4 provenance.html; HL7 Finland `InformationCustodian`.

use std::sync::Arc;

use serde_json::json;

use crate::{
    compartment::{Compartment, Held, Recorded},
    domain::{assessment::Assessment, class::ClassSet, plan::Plan, theme::ThemeSet},
    fhir::{
        coding::coding,
        segment::{KindId, Resource, RowValue, Slot, Stamp},
        types::ResourceType::Provenance,
    },
    mapping::{consent, context::Context, plan, text::reference},
    mutant::{self, Mutant},
};

const AGENT: &str = "http://terminology.hl7.org/CodeSystem/provenance-participant-type";

/// Of an assessment: with the labels of each theme answered.
pub fn of_assessment(held: &Held<Assessment>, context: &mut Context<'_>) -> Resource {
    let mut stamps = Vec::new();
    for answer in &held.native.answers {
        let themes = ThemeSet::EMPTY.with(answer.theme);
        for (viewpoint, _, classes) in super::survey::values(answer) {
            let kind = context.kind(Provenance, themes, classes);
            let part = held.parts.of(&format!("{}.{viewpoint}", answer.theme.code()));
            let changed = part.map_or(held.recorded, |p| p.change.changed);
            stamps.push((kind, changed));
        }
    }
    let targets = context.response_kinds(&held.native);
    build(&held.id, "QuestionnaireResponse", &stamps, &targets, context)
}

/// Of a plan: with the labels of each part that has a theme, and of the plan itself.
pub fn of_plan(held: &Held<Plan>, context: &mut Context<'_>) -> Resource {
    let own = context.plan_kind(held, Provenance, ClassSet::EMPTY);
    let targets = plan::plan_kinds(held, context);
    // The document was last recorded when anything of it changed, seen or not; the part was not.
    let changed = if mutant::on(Mutant::ProvenanceIsOfTheDocument) {
        held.recorded
    } else {
        plan::stamp(held, "plan").changed
    };
    build(&held.id, "CarePlan", &[(own, changed)], &targets, context)
}

/// Of a Consent that somebody wrote down for the person: as it came, to be seen with the Consent.
pub fn of_consent(held: &Recorded, context: &mut Context<'_>) -> Option<Resource> {
    let said = held.provenance.as_deref()?;
    let profile = "https://mylife.example/fhir/StructureDefinition/mylife-provenance";
    let kind = consent::kind(Provenance, held, context);
    let id: Arc<str> = format!("{}.pv", held.id).into();
    let mut b = context.builder(Provenance, id, profile, &context.language());
    b.narrative(|b| b.line(&[kind], "Consent"));
    let at = b.stamp(Stamp {
        changed: held.recorded,
        status: "final".into(),
        authored: held.recorded.to_string().into(),
    });
    let consent = json!({ "reference": format!("Consent/{}", held.id) });
    let target = json!([consent, context.subject()]);
    let whole = said.iter().map(|(name, value)| (name.as_str(), value.clone()));
    for (name, value) in whole.chain([("target", target)]) {
        b.rows(&[kind], || json!({ name: value }));
        b.content(&[kind], at, name, || value);
    }
    Some(b.build())
}

fn build(
    document: &str,
    target: &str,
    stamps: &[(KindId, crate::domain::moment::Moment)],
    targets: &[KindId],
    context: &Context<'_>,
) -> Resource {
    let compartment: &Compartment = context.compartment;
    let profile = "https://mylife.example/fhir/StructureDefinition/mylife-provenance";
    let id: Arc<str> = format!("{document}.pv").into();
    let mut b = context.builder(Provenance, id, profile, &context.language());
    let mut kinds: Vec<KindId> = stamps.iter().map(|(k, _)| *k).collect();
    kinds.sort_unstable();
    kinds.dedup();
    b.narrative(|b| b.line(&kinds, "Custodian"));
    b.array("target", |b| {
        b.reference_item(targets, || json!({ "reference": format!("{target}/{document}") }));
        // The document may be outside the caller's scopes; the person it is about never is.
        b.reference_item(&kinds, || context.subject());
    });
    for (kind, at) in stamps {
        let stamp = b.stamp(Stamp {
            changed: *at,
            status: "final".into(),
            authored: at.to_string().into(),
        });
        b.anchor(*kind, stamp);
    }
    b.computed(Slot::Authored("recorded"));
    let custodian = &*compartment.custodian;
    let mut who = json!({ "identifier": { "system": "urn:ietf:rfc:3986", "value": custodian } });
    let name = context.directory.organization(custodian);
    if let (Some(object), Some(name)) = (who.as_object_mut(), name) {
        object.insert("display".to_owned(), json!(name.of(&context.language())));
    }
    let agent = json!([{ "type": { "coding": [coding(AGENT, "custodian")] }, "who": who }]);
    b.rows(&kinds, || json!({ "agent": agent }));
    b.reference(&kinds, "agent", || agent);
    b.row(&kinds, "patient", reference("Patient", &compartment.patient));
    b.row(targets, "target", reference(target, document));
    b.row(&kinds, "target", reference("Patient", &compartment.patient));
    b.row(&kinds, "recorded", RowValue::<&str>::Computed(Slot::Authored("recorded")));
    b.build()
}
