//! A Task, as an action of the plan or as a day on which it is looked at again.
//!
//! Part of `planned`. Source: FHIR R4 task.html.

use serde_json::Value;

use super::{Reader, entry, placed};
use crate::{
    domain::{
        plan::{Action, ActionStatus, FollowUp, FollowUpStatus, Performer, Plan},
        words::LocalId,
    },
    json::{list, text},
    mapping::plan::PLAN,
};

/// The code of such a day.
const FOLLOW_UP: &str = "follow-up";

/// The codes of a Task that say what of a plan it is.
pub(super) fn codes(task: &Value) -> impl Iterator<Item = &str> {
    let codings = task.get("code").map_or(&[][..], |code| list(code, "coding"));
    let ours = codings.iter().filter(|coding| text(coding, "system") == Some(PLAN));
    ours.filter_map(|coding| text(coding, "code"))
}

impl Reader<'_> {
    pub(super) fn task(&mut self, plan: &mut Plan, id: &LocalId) -> Option<()> {
        let mut of: Vec<&str> = codes(self.resource).collect();
        of.dedup();
        match of[..] {
            ["action"] => self.action(plan, id),
            [FOLLOW_UP] => self.follow_up(plan, id),
            _ => {
                self.tell(
                    "code",
                    "must be action or follow-up of CodeSystem/plan: a proposal is sent alone",
                );
                None
            }
        }
    }

    fn action(&mut self, plan: &mut Plan, id: &LocalId) -> Option<()> {
        let status = match self.text("status") {
            Some("requested") => Some(ActionStatus::Planned),
            Some("in-progress") => Some(ActionStatus::InProgress),
            Some("on-hold") => Some(ActionStatus::OnHold),
            Some("completed") => Some(ActionStatus::Completed),
            Some("cancelled") => Some(ActionStatus::Cancelled),
            Some(_) | None => None,
        };
        let say = "must be requested, in-progress, on-hold, completed or cancelled";
        let status = self.told(status, "status", say);
        let text = self.words("/description", "description");
        let text = self.told(text, "description", "is required: what is to be done");
        let before = plan.actions.iter().find(|action| action.id == *id);
        let performer = self.performer(plan, before.map(|action| &action.performer));
        let next = Action {
            id: id.clone(),
            identifier: self.identifier(),
            themes: self.themes(self.pointed("/code").map_or(&[], std::slice::from_ref), "code"),
            text: text?,
            status: status?,
            performer: performer?,
            due: self.day("/restriction/period/end", "restriction.period.end"),
            goal: self.towards(),
        };
        placed(&mut plan.actions, |action| action.id == *id, next);
        Some(())
    }

    fn follow_up(&mut self, plan: &mut Plan, id: &LocalId) -> Option<()> {
        let status = match self.text("status") {
            Some("requested") => Some(FollowUpStatus::Planned),
            Some("completed") => Some(FollowUpStatus::Completed),
            Some("cancelled") => Some(FollowUpStatus::Cancelled),
            Some(_) | None => None,
        };
        let status = self.told(status, "status", "must be requested, completed or cancelled");
        let date = self.day("/restriction/period/end", "restriction.period.end");
        let date =
            self.told(date, "restriction.period.end", "is required: the day of the follow-up");
        let text = self.words("/description", "description");
        let identifier = self.identifier();
        let next = FollowUp { id: id.clone(), identifier, date: date?, text, status: status? };
        placed(&mut plan.follow_up, |follow_up| follow_up.id == *id, next);
        Some(())
    }

    /// The goal it is a step towards.
    fn towards(&mut self) -> Option<LocalId> {
        let goal = self.reference("/focus")?;
        let goal = self.names.part(goal).cloned();
        self.told(goal, "focus", "must be a Goal of the same plan")
    }

    /// The person, or a member of the team: the one it was, where that is the same professional.
    fn performer(&mut self, plan: &Plan, before: Option<&Performer>) -> Option<Performer> {
        if self.is_person("owner") {
            return Some(Performer::Person);
        }
        if self.pointed("/owner").is_none() && before.is_some() {
            // One who is no longer in the team is told of nowhere.
            return before.cloned();
        }
        let named = self.reference("/owner").and_then(|owner| entry("Practitioner", owner));
        let of_them = || plan.team.iter().filter(|one| Some(one.practitioner.as_str()) == named);
        let was = |id: &LocalId| before == Some(&Performer::Member(id.clone()));
        let member = of_them()
            .find(|one| was(&one.id))
            .or_else(|| of_them().find(|one| one.active))
            .map(|one| Performer::Member(one.id.clone()));
        self.told(member, "owner", "must be the person, or a Practitioner of the plan's team")
    }
}
