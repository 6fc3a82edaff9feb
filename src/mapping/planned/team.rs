//! A `CareTeam`, as the team of the plan.
//!
//! Part of `planned`. Who is no longer named has left the team, and is remembered to have been in it.
//! Source: FHIR R4 careteam.html.

use serde_json::Value;

use super::{Reader, entry};
use crate::{
    domain::{
        plan::{Member, Plan, Role},
        words::DirectoryId,
    },
    json::{list, text},
};

impl Reader<'_> {
    pub(super) fn team(&mut self, plan: &mut Plan) {
        let mut before = std::mem::take(&mut plan.team);
        let mut team = Vec::new();
        for (index, one) in list(self.resource, "participant").iter().enumerate() {
            if let Some(member) = self.member(index, one, &mut before) {
                team.push(member);
            }
        }
        team.extend(before.into_iter().map(|member| Member { active: false, ..member }));
        plan.team = team;
    }

    fn member(&mut self, index: usize, one: &Value, before: &mut Vec<Member>) -> Option<Member> {
        let place = |name: &str| format!("participant[{index}].{name}");
        let named = |member: &str, kind: &str| {
            let reference = text(one.get(member)?, "reference")?;
            DirectoryId::parse(entry(kind, reference)?)
        };
        let say = "must be a Practitioner of the directory";
        let practitioner = self.told(named("member", "Practitioner"), &place("member"), say);
        let say = "must be the Organization of the directory for which they work";
        let organization =
            self.told(named("onBehalfOf", "Organization"), &place("onBehalfOf"), say);
        let role = one.pointer("/role/0/coding/0/code").and_then(Value::as_str);
        let say = "must be case-manager, own-worker, professional, experience-expert or helper";
        let role = self.told(role.and_then(Role::from_code), &place("role"), say);
        let period = format!("/participant/{index}/period");
        let period = self.period(&period, &place("period"));
        let (practitioner, organization, role) = (practitioner?, organization?, role?);
        let same = |old: &Member| {
            old.active && old.practitioner == practitioner && old.organization == organization
        };
        let known = before
            .iter()
            .position(|old| same(old) && old.role == role)
            .or_else(|| before.iter().position(same));
        let id = match known {
            Some(at) => before.remove(at).id,
            None => self.names.members.get(index)?.clone(),
        };
        Some(Member { id, practitioner, role, organization, active: true, period })
    }
}
