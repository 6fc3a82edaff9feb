//! A `CarePlan`, as what the plan says of itself.
//!
//! Part of `planned`. Its parts have resources of their own; here they are only named, which decides in
//! what order new ones stand. Source: FHIR R4 careplan.html.

use super::Reader;
use crate::{
    domain::{
        moment::Moment,
        plan::{Plan, PlanStatus, Views},
    },
    json::{list, text},
    mapping::plan::TITLE,
};

impl Reader<'_> {
    pub(super) fn whole(&mut self, plan: &mut Plan) -> Option<()> {
        let status = self.text("status").and_then(PlanStatus::from_code);
        let say = "must be draft, active, on-hold, revoked or completed";
        let status = self.told(status, "status", say);
        let period = self.period("/period", "period");
        let period = self.told(period, "period", "is required: from when to when the plan is");
        if let Some(created) = self.text("created") {
            let created =
                self.told(Moment::parse(created), "created", "must be a time with a zone");
            plan.created = created.unwrap_or(plan.created);
        }
        let mut extensions = list(self.resource, "extension").iter();
        let title = extensions.position(|one| text(one, "url") == Some(TITLE));
        plan.title = title.and_then(|at| {
            self.words(&format!("/extension/{at}/valueString"), &format!("extension[{at}].value"))
        });
        let person = self.words("/description", "description");
        let professional = self.words("/note/0/text", "note[0].text");
        let has_views = person.is_some() || professional.is_some();
        plan.views = has_views.then_some(Views { person, professional });
        self.rests_on(plan);
        plan.status = status?;
        plan.period = period?;
        Some(())
    }

    /// The assessments. One that there is stays: goals may rest on it, and whether they do is not for every
    /// writer to see.
    fn rests_on(&mut self, plan: &mut Plan) {
        let names = self.names;
        let mut rests = plan.assessments.clone();
        for (index, one) in list(self.resource, "supportingInfo").iter().enumerate() {
            let named = text(one, "reference").and_then(|to| names.assessments.get(to));
            let say = "must be a QuestionnaireResponse of the person that this system keeps";
            let named = self.told(named.cloned(), &format!("supportingInfo[{index}]"), say);
            rests.extend(named.filter(|one| !plan.assessments.contains(one)));
        }
        plan.assessments = rests;
    }
}
