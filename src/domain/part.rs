//! The parts of a native document: what was made for each at commit, and when each last changed.
//!
//! Floor of the house. A part is the smallest thing that can be released alone. Random suffixes of
//! ids are made once and kept as long as the sender's local id of the part stays, so a reader's
//! references hold across re-pushes; a part's stamp moves only when the part itself changes.

mod table;

use std::{borrow::Cow, collections::BTreeMap};

use serde::Serialize;

use self::table::Collector;
pub use self::table::{Change, Part, Parts};
use crate::{
    chance::{Chance, base32},
    domain::{
        assessment::{Assessment, Identifier},
        moment::Moment,
        person::Person,
        plan::Plan,
        proposal::Proposal,
        words::{LocalId, Words},
    },
};

/// A document as its parts see it: key and content of each, its status, its own time.
pub struct Content {
    /// Key and serialised content of each part.
    pub parts: Vec<(String, String)>,
    /// Status in the native code.
    pub status: &'static str,
    /// The document's own time, as FHIR writes it.
    pub authored: String,
}

impl Parts {
    /// The parts of a new version: kept where content is equal, stamped anew where it is not. When
    /// nothing but the document's status moved, it moved for every part.
    pub fn next(
        earlier: Option<(&Self, &Content)>,
        content: &Content,
        now: Moment,
        chance: &dyn Chance,
    ) -> Self {
        let before: BTreeMap<&str, &str> = earlier
            .iter()
            .flat_map(|(_, c)| c.parts.iter().map(|(k, v)| (k.as_str(), v.as_str())))
            .collect();
        let after: BTreeMap<&str, &str> =
            content.parts.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
        let status_alone =
            before == after && earlier.is_some_and(|(_, c)| c.status != content.status);
        let mut parts = Collector::default();
        for (key, text) in &after {
            let old = earlier.and_then(|(parts, _)| parts.of(key));
            let kept = old.filter(|_| !status_alone && before.get(key) == Some(text));
            let suffix =
                old.map_or_else(|| base32(chance, 10).into(), |old| Cow::Borrowed(old.suffix));
            let (changed, status, authored) = match &kept {
                Some(Part { change, .. }) => (change.changed, &*change.status, &*change.authored),
                None => (now, content.status, &*content.authored),
            };
            parts.add(key, &suffix, changed, status, authored);
        }
        parts.parts()
    }
}

/// The parts of an assessment: each answer from each viewpoint, by `<theme>.<viewpoint>`.
pub fn of_assessment(assessment: &Assessment) -> Content {
    let mut parts = Vec::new();
    for answer in &assessment.answers {
        let mut add = |viewpoint: &str, value: Option<String>| {
            if let Some(value) = value {
                parts.push((format!("{}.{viewpoint}", answer.theme.code()), value));
            }
        };
        add("importance", answer.importance.map(|s| s.value().to_string()));
        add("satisfaction", answer.satisfaction.map(|s| s.value().to_string()));
        add("future", answer.future.as_ref().map(|w| w.as_str().to_owned()));
        add("comment", answer.comment.as_ref().map(|w| w.as_str().to_owned()));
    }
    Content { parts, status: assessment.status.code(), authored: assessment.authored.to_string() }
}

/// The parts of a plan: `goal:`, `service:`, `action:`, `team:`, `follow-up:` and the sender's id of
/// each, and the same with `-words` for what is said in it; `title`, `views.person`,
/// `views.professional`; `plan` is the rest. References are in none: whether one shows depends on
/// its target, so a change of it must not move a stamp.
pub fn of_plan(plan: &Plan) -> Content {
    let mut parts = vec![("plan".to_owned(), json(&(&plan.period, plan.created)))];
    let mut add = |key: String, content: String| parts.push((key, content));
    if let Some(title) = &plan.title {
        add("title".to_owned(), title.as_str().to_owned());
    }
    if let Some(words) = plan.views.as_ref().and_then(|v| v.person.as_ref()) {
        add("views.person".to_owned(), words.as_str().to_owned());
    }
    if let Some(words) = plan.views.as_ref().and_then(|v| v.professional.as_ref()) {
        add("views.professional".to_owned(), words.as_str().to_owned());
    }
    let mut part = |of: &str, id: &LocalId, content: String, words: Option<&Words>| {
        add(format!("{of}:{}", id.as_str()), content);
        if let Some(words) = words {
            add(format!("{of}-words:{}", id.as_str()), words.as_str().to_owned());
        }
    };
    for p in &plan.goals {
        let rest = (p.themes, p.set_by, p.status, p.start, &p.target, p.achievement);
        // Whom it is about says who may see it, so that is told as a change of it.
        let rest = if p.concerns.is_empty() { json(&rest) } else { json(&(rest, &p.concerns)) };
        part("goal", &p.id, known(rest, p.identifier.as_ref()), Some(&p.words));
    }
    for p in &plan.services {
        let rest = (&p.service, p.themes, p.state, p.decided, &p.period, &p.quantity);
        part("service", &p.id, known(json(&rest), p.identifier.as_ref()), p.note.as_ref());
    }
    for p in &plan.actions {
        let rest = json(&(p.themes, p.status, p.due));
        part("action", &p.id, known(rest, p.identifier.as_ref()), Some(&p.text));
    }
    plan.team.iter().for_each(|p| part("team", &p.id, json(p), None));
    for p in &plan.follow_up {
        let rest = known(json(&(p.date, p.status)), p.identifier.as_ref());
        part("follow-up", &p.id, rest, p.text.as_ref());
    }
    Content {
        parts,
        status: plan.status.code(),
        authored: plan.updated.unwrap_or(plan.created).to_string(),
    }
}

/// Content with its identifier; of a part that has none it is as it was before there were any.
fn known(content: String, identifier: Option<&Identifier>) -> String {
    match identifier {
        Some(one) => json(&(content, one)),
        None => content,
    }
}

/// The parts of a proposal: `proposal`, and what is said in it, `words` and `answer`. References are in
/// none, as in a plan.
pub fn of_proposal(proposal: &Proposal) -> Content {
    let Proposal { status, themes, service, hand_over, .. } = proposal;
    let rest = json(&(status, themes, service, hand_over));
    let mut parts = vec![("proposal".to_owned(), rest)];
    for (key, words) in [("words", &proposal.text), ("answer", &proposal.answer)] {
        parts.extend(words.iter().map(|words| (key.to_owned(), words.as_str().to_owned())));
    }
    Content { parts, status: status.code(), authored: proposal.created.to_string() }
}

/// The parts of a person: `identity`, `contact` (home municipality too), and `representation:` with
/// the sender's id of each.
pub fn of_person(person: &Person) -> Content {
    let identity = json(&(&person.name, &person.birth_date, &person.identity_code));
    let mut parts = vec![("identity".to_owned(), identity)];
    if person.contact.is_some() || person.municipality.is_some() {
        parts.push(("contact".to_owned(), json(&(&person.contact, &person.municipality))));
    }
    let representation = person.representation.iter();
    parts.extend(representation.map(|r| (format!("representation:{}", r.id.as_str()), json(r))));
    Content { parts, status: "active", authored: String::new() }
}

/// Content to compare; what cannot be written is equal to nothing written.
fn json<T: Serialize>(value: &T) -> String {
    serde_json::to_string(value).unwrap_or_default()
}
