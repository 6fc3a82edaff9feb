//! What of a topic a subscriber sees, and what of it is new.
//!
//! Part of `notify`. It has a view and nothing else, so what is hidden is not there: not as a difference
//! either. The mark of what is seen is its version in that view, which is a digest of the very bytes; of a
//! team it is of the case manager alone.

use std::{collections::BTreeMap, sync::Arc};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::Value;

use crate::{
    consent::view::View,
    fhir::version::Version,
    mapping::plan::PLAN,
    notify::topic::Topic,
    query::page::Sealer,
    search::{self, Hit},
};

/// Statuses of an assessment that is completed.
const DONE: [&str; 2] = ["completed", "amended"];

/// Something that a topic is about, as the subscriber sees it.
pub struct Focus {
    /// What it is.
    pub hit: Hit,
    /// Another whenever what the topic is about is another.
    pub mark: String,
}

/// Marks of all that was seen of a person, by id.
pub type Marks = BTreeMap<Arc<str>, String>;

/// All that the subscriber sees of a topic in one person's data, by when it came to be seen so.
pub fn all(view: &Arc<View>, topic: Topic, sealer: &dyn Sealer) -> Vec<Focus> {
    let hits = search::any(view, topic.focus(), &[]).into_iter();
    let mut found: Vec<Focus> = hits
        .filter_map(|hit| {
            let mark = mark(&hit, topic, sealer)?;
            Some(Focus { hit, mark })
        })
        .collect();
    found.sort_by(|a, b| {
        let at = |focus: &Focus| focus.hit.sight.seen.last_updated;
        at(a).cmp(&at(b)).then_with(|| a.hit.resource.id.cmp(&b.hit.resource.id))
    });
    found
}

/// The marks of what was found.
pub fn marks(found: &[Focus]) -> Marks {
    found.iter().map(|one| (Arc::clone(&one.hit.resource.id), one.mark.clone())).collect()
}

/// Is it what was seen before?
pub fn is_known(focus: &Focus, before: &Marks) -> bool {
    before.get(&focus.hit.resource.id).is_some_and(|mark| *mark == focus.mark)
}

/// `None` for what the topic is not about.
fn mark(hit: &Hit, topic: Topic, sealer: &dyn Sealer) -> Option<String> {
    let written = || hit.view.written(&hit.resource, &hit.sight, sealer);
    let version = || written().version.as_ref().map(|version: &Version| version.id().to_owned());
    match topic {
        Topic::AssessmentCompleted if !DONE.contains(&&*hit.sight.seen.status) => None,
        Topic::AssessmentCompleted | Topic::ConsentChanged | Topic::PlanChanged => version(),
        Topic::CaseManagerChanged => {
            let team: Value = serde_json::from_slice(&written().text).ok()?;
            let all = team.get("participant").and_then(Value::as_array)?;
            let leading: Vec<String> =
                all.iter().filter(|one| answers_for_all(one)).map(Value::to_string).collect();
            let parts: Vec<&[u8]> = leading.iter().map(String::as_bytes).collect();
            (!parts.is_empty()).then(|| URL_SAFE_NO_PAD.encode(sealer.digest(&parts)))
        }
    }
}

fn answers_for_all(participant: &Value) -> bool {
    let roles = participant.get("role").and_then(Value::as_array).into_iter().flatten();
    let mut codings = roles.filter_map(|role| role.get("coding")?.as_array()).flatten();
    let is = |coding: &Value, name: &str, text: &str| {
        coding.get(name).and_then(Value::as_str) == Some(text)
    };
    codings.any(|coding| is(coding, "system", PLAN) && is(coding, "code", "case-manager"))
}
