//! A Task, as what somebody proposes about a plan that another keeps.
//!
//! Part of `planned`, but it stands beside the plan, and is sent alone. Source: FHIR R4 task.html.

use serde_json::Value;

use super::{Names, Reader, entry, task};
use crate::{
    directory::practitioner_of,
    domain::{
        theme::ThemeSet,
        words::{DirectoryId, Words},
    },
    fhir::{coding::coding, labels, schema::Fault, types::ResourceType},
    json::{list, text},
    mapping::plan::proposal::{HAND_OVER, PROPOSAL, RESULT, SERVICE},
};

/// What is proposed.
pub struct Proposed {
    /// What of a plan it is about.
    pub about: (ResourceType, String),
    /// Themes that it names itself.
    pub themes: ThemeSet,
    /// In own words.
    pub text: Option<Words>,
    /// What it asks for.
    pub what: What,
}

/// What is asked for.
pub enum What {
    /// A change of the plan, by a service if one is named.
    Change(Option<DirectoryId>),
    /// That this Practitioner answers for the plan from then on.
    HandOver(DirectoryId),
}

/// Does a resource say of itself that it proposes something?
pub fn proposes(resource: &Value) -> bool {
    task::codes(resource).any(|code| code == PROPOSAL || code == HAND_OVER)
}

/// Reads a new one.
///
/// # Errors
/// Every element without which it cannot be understood.
pub fn read(resource: &Value) -> Result<Proposed, Vec<Fault>> {
    let names = Names::default();
    let of = ResourceType::Task.name();
    let mut reader = Reader { of, resource, names: &names, faults: Vec::new() };
    let proposed = reader.proposed();
    proposed.filter(|_| reader.faults.is_empty()).ok_or(reader.faults)
}

/// Names all its themes beside those it names itself, as it comes out.
pub fn label(resource: &mut Value, themes: ThemeSet) {
    let Some(codings) = resource.pointer_mut("/code/coding").and_then(Value::as_array_mut) else {
        return;
    };
    codings.retain(|coding| text(coding, "system") != Some(labels::THEME));
    codings.extend(themes.iter().map(|theme| coding(labels::THEME, theme.code())));
}

/// What was said to it, if anything was.
///
/// # Errors
/// The fault of words that cannot be kept.
pub fn answer(resource: &Value) -> Result<Option<Words>, Vec<Fault>> {
    let names = Names::default();
    let of = ResourceType::Task.name();
    let mut reader = Reader { of, resource, names: &names, faults: Vec::new() };
    let words = reader.words("/statusReason/text", "statusReason.text");
    if reader.faults.is_empty() { Ok(words) } else { Err(reader.faults) }
}

/// What of the plan came of it, by the references it names.
pub fn results(resource: &Value) -> impl Iterator<Item = &str> {
    let all = list(resource, "output").iter().filter(|one| is_of(one, RESULT));
    all.filter_map(|one| text(one.get("valueReference")?, "reference"))
}

/// Is an input or output of this type?
fn is_of(one: &Value, code: &str) -> bool {
    one.pointer("/type/coding/0/code").and_then(Value::as_str) == Some(code)
}

impl Reader<'_> {
    fn proposed(&mut self) -> Option<Proposed> {
        let text = self.words("/description", "description");
        let themes = self.themes(self.pointed("/code").map_or(&[], std::slice::from_ref), "code");
        let mut of: Vec<&str> = task::codes(self.resource).collect();
        of.dedup();
        let what = match of[..] {
            [PROPOSAL] => self.change(text.is_some()),
            [HAND_OVER] => self.hand_over(themes),
            _ => {
                self.tell("code", "must be either proposal or hand-over of CodeSystem/plan");
                None
            }
        };
        let about = self.reference("/focus").and_then(|to| {
            let (kind, id) = to.split_once('/')?;
            Some((ResourceType::parse(kind).filter(|kind| kind.is_planned())?, id.to_owned()))
        });
        let say = match what {
            Some(What::HandOver(_)) => "is required: the CareTeam of the plan",
            Some(What::Change(_)) | None => {
                "is required: the CarePlan, or the Goal, ServiceRequest or Task of it"
            }
        };
        let fits = |(kind, _): &(ResourceType, String)| {
            let is_team = *kind == ResourceType::CareTeam;
            is_team == matches!(what, Some(What::HandOver(_)))
        };
        let about = self.told(about.filter(fits), "focus", say);
        Some(Proposed { about: about?, themes, text, what: what? })
    }

    fn change(&mut self, has_words: bool) -> Option<What> {
        if self.pointed("/input").is_none() {
            let say = "is required, unless input says which service is proposed";
            self.told(has_words.then_some(()), "description", say)?;
            return Some(What::Change(None));
        }
        let input = self.pointed("/input/0").filter(|one| is_of(one, SERVICE));
        let service = input.and_then(|one| text(one.get("valueReference")?, "reference"));
        let service = service.and_then(|to| DirectoryId::parse(entry("HealthcareService", to)?));
        let say = "must be the service of CodeSystem/plan: a HealthcareService of the directory";
        self.told(service, "input[0]", say).map(|service| What::Change(Some(service)))
    }

    fn hand_over(&mut self, themes: ThemeSet) -> Option<What> {
        if !themes.is_empty() {
            self.tell("code", "must name no theme: the whole plan is handed over");
        }
        let role = self.reference("/owner").and_then(|to| entry("PractitionerRole", to));
        let to = role.and_then(practitioner_of).and_then(DirectoryId::parse);
        let say = "must be the PractitionerRole of the directory who is to answer for the plan";
        self.told(to, "owner", say).map(What::HandOver)
    }
}
