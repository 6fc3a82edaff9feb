//! A Goal, as a goal of the plan.
//!
//! Part of `planned`. Source: FHIR R4 goal.html.

use serde_json::Value;

use super::{Reader, placed};
use crate::{
    domain::{
        assessment::Score,
        plan::{Achievement, Goal, GoalStatus, Plan, SetBy, Target},
        theme::Theme,
        words::LocalId,
    },
    json::{list, text},
};

impl Reader<'_> {
    pub(super) fn goal(&mut self, plan: &mut Plan, id: &LocalId) -> Option<()> {
        let before = plan.goals.iter().find(|goal| goal.id == *id);
        let themes = self.themes(list(self.resource, "category"), "category");
        let words = self.words("/description/text", "description.text");
        let words = self.told(words, "description.text", "is required: the goal in own words");
        let status = self.text("lifecycleStatus").and_then(GoalStatus::from_code);
        let say = "must be proposed, planned, accepted, active, on-hold, completed, cancelled or rejected";
        let status = self.told(status, "lifecycleStatus", say);
        let start = self.day("/startDate", "startDate");
        let target = self.target();
        let achievement = self.achievement();
        let assessment = self.assessment();
        let next = Goal {
            id: id.clone(),
            identifier: self.identifier(),
            themes,
            // FHIR says nothing of whom else it is about.
            concerns: before.map(|goal| goal.concerns.clone()).unwrap_or_default(),
            words: words?,
            set_by: self.set_by(before.map(|goal| goal.set_by)),
            status: status?,
            start,
            target,
            achievement,
            // An assessment in which the theme was not answered is told of nowhere.
            assessment: assessment.or_else(|| before.and_then(|goal| goal.assessment.clone())),
        };
        placed(&mut plan.goals, |goal| goal.id == *id, next);
        Some(())
    }

    /// Who set a goal that the person expresses, the person alone or with a professional, stays as it was.
    fn set_by(&mut self, before: Option<SetBy>) -> SetBy {
        if self.pointed("/expressedBy").is_none() {
            return SetBy::Professional;
        }
        if !self.is_person("expressedBy") {
            self.tell(
                "expressedBy",
                "must be the person, or left out where a professional set the goal",
            );
        }
        before.filter(|by| *by == SetBy::Together).unwrap_or(SetBy::Person)
    }

    fn achievement(&mut self) -> Option<Achievement> {
        let code = self.pointed("/achievementStatus/coding/0/code")?.as_str()?;
        let say = "must be a code of goal-achievement";
        self.told(Achievement::from_code(code), "achievementStatus", say)
    }

    fn target(&mut self) -> Option<Target> {
        self.pointed("/target/0")?;
        let code = self.pointed("/target/0/measure/coding/0/code").and_then(Value::as_str);
        let theme = code.and_then(|code| code.strip_suffix(".satisfaction"));
        let theme = theme.and_then(Theme::from_code);
        let say = "must be the satisfaction with a theme: <theme>.satisfaction";
        let theme = self.told(theme, "target[0].measure", say);
        let score = self.pointed("/target/0/detailInteger").and_then(Value::as_u64);
        let score = score.and_then(|score| Score::new(u8::try_from(score).ok()?));
        let say = "must be detailInteger: a whole number from 0 to 10";
        let satisfaction = self.told(score, "target[0].detail", say);
        let due = self.day("/target/0/dueDate", "target[0].due");
        Some(Target { theme: theme?, satisfaction: satisfaction?, due })
    }

    /// The assessment of the Observation that the goal is measured against.
    fn assessment(&mut self) -> Option<LocalId> {
        let addressed = text(list(self.resource, "addresses").first()?, "reference")?;
        let of = self.names.measured.get(addressed).cloned();
        self.told(
            of,
            "addresses[0]",
            "must be a satisfaction Observation of the person that this system keeps",
        )
    }
}
