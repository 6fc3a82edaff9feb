//! The team of a plan as a `CareTeam`.
//!
//! Pure. Every member is a mention that carries the sensitivity of their unit. Source: FHIR R4
//! careteam.html.

use serde_json::json;

use super::{PLAN, period, person_rows, stamp, team_id, team_kinds};
use crate::{
    compartment::Held,
    domain::plan::{Member, Plan},
    fhir::{coding::coding, segment::Resource, types::ResourceType},
    mapping::{
        context::Context,
        text::{reference, token},
    },
};

pub(super) fn care_team(held: &Held<Plan>, context: &mut Context<'_>) -> Resource {
    let profile = "https://mylife.example/fhir/StructureDefinition/mylife-careteam";
    let language = context.language();
    let mut b =
        context.builder(ResourceType::CareTeam, team_id(&held.id), profile, language.as_str());
    let active: Vec<&Member> = held.native.team.iter().filter(|m| m.active).collect();
    let kinds = team_kinds(held, context);
    let mut members = Vec::new();
    for member in active {
        let classes = context.sensitivity(member.organization.as_str());
        let kind = context.plan_kind(held, ResourceType::CareTeam, classes);
        members.push((member, kind));
    }
    b.narrative(|b| {
        for (member, kind) in &members {
            let name = context.name(member.practitioner.as_str());
            b.line(&[*kind], &format!("{name} ({})", member.role.code()));
        }
    });
    b.frame("status", || json!("active"));
    b.frame("category", || json!([{ "coding": [coding(PLAN, "welfare-team")] }]));
    b.frame("subject", || context.subject());
    b.array("participant", |b| {
        for (member, kind) in &members {
            let at = b.stamp(stamp(held, &format!("team:{}", member.id.as_str())));
            let mut value = json!({
                "role": [{ "coding": [coding(PLAN, member.role.code())] }],
                "member": context.named("Practitioner", member.practitioner.as_str()),
                "onBehalfOf": context.named("Organization", member.organization.as_str()),
            });
            if let (Some(object), Some(period)) =
                (value.as_object_mut(), member.period.and_then(period))
            {
                object.insert("period".to_owned(), period);
            }
            b.content_item(&[*kind], at, || value);
        }
    });
    person_rows(&mut b, &kinds, context);
    b.row(&kinds, "status", token(None, "active"));
    b.row(&kinds, "category", token(Some(PLAN), "welfare-team"));
    for (member, kind) in &members {
        let row = reference("Practitioner", member.practitioner.as_str());
        b.row(&[*kind], "participant", row);
    }
    b.build()
}
