//! Which value of a native document made which element of FHIR, found by trying.
//!
//! Part of `cli`. No table says it, so none can be out of date: a document with one other value walks
//! the same check and the same mapping, and what differs then was made of that value. Of several other
//! values the one counts that moves least, so that a status with which a resource comes and goes does
//! not stand for all that is in it. Quadratic in a document; made for one that somebody looks at.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use serde_json::Value;

use crate::{
    chance::SeededChance,
    cli::people,
    directory::Directory,
    domain::id::NodeCode,
    error::{Error, Result},
    fhir::{
        labels::Labels,
        segment::{KindId, Permitted, Resource},
        types::ResourceType,
    },
    mapping::{
        chart::Chart,
        kept::{Everything, written},
        kinds::Kind,
    },
    native::{self, Native, Rules, schemas},
};

/// With every `id`: says which document or part it is and of whom, not what stands in it.
const NAMES: [&str; 2] = ["/person", "/schema"];
/// Made by the gateway of its own: it says nothing that somebody wrote down.
const OWN: [&str; 3] = ["id", "meta", "resourceType"];

/// So many other values that make a difference are looked at for the one that makes the least.
const ENOUGH: usize = 4;

/// An element of FHIR: its resource, `Type/id`, and the path in it; no path for the whole resource.
pub(super) type Place = (String, String);

/// A value and by which of the resource's kinds it is shown.
#[derive(Clone, PartialEq)]
pub(super) struct Element {
    pub(super) value: Value,
    /// Any of them suffices; none if the element goes with whatever else is shown.
    pub(super) kinds: Vec<Kind>,
}

/// All elements of what is mapped.
pub(super) type Elements = BTreeMap<Place, Element>;

/// A value of a native document, and the elements that were made of it.
pub(super) struct Origin {
    /// JSON path.
    pub(super) path: String,
    pub(super) value: Value,
    /// `None` if no other value was found that could stand there.
    pub(super) makes: Option<Vec<Place>>,
}

/// How documents are mapped again and again.
pub(super) struct Trial<'a> {
    pub(super) rules: Rules<'a>,
    pub(super) directory: &'a Arc<Directory>,
    pub(super) node: &'a NodeCode,
    pub(super) custodian: &'a Arc<str>,
}

impl Trial<'_> {
    /// Everything that is made of one person's documents.
    pub(super) fn elements(&self, documents: &[Native]) -> Result<Elements> {
        let (chance, now) = (SeededChance::new(0), self.rules.now);
        let about = (self.node, self.custodian);
        let compartment = people::compartment(documents, &[], about, now, &chance)?;
        let chart = Chart::new(&compartment, self.directory);
        let mut found = Elements::new();
        for kind in ResourceType::ALL {
            for resource in chart.resources(&compartment, *kind) {
                elements(resource, &chart, &mut found)?;
            }
        }
        Ok(found)
    }

    /// What each value of the document at `index` makes, in its order.
    pub(super) fn origins(
        &self,
        documents: &[Native],
        index: usize,
        made: &Elements,
    ) -> Result<Vec<Origin>> {
        let Some(document) = documents.get(index) else { return Ok(Vec::new()) };
        let whole: Value = serde_json::from_slice(document.canonical()).map_err(Error::internal)?;
        let words = words()?;
        let mut values = Vec::new();
        leaves(&whole, &mut |pointer, value| values.push((pointer.to_owned(), value.clone())));
        values
            .retain(|(pointer, _)| !NAMES.contains(&pointer.as_str()) && !pointer.ends_with("/id"));
        let mut origins = Vec::new();
        for (pointer, value) in values {
            let (mut makes, mut looked) = (None::<Vec<Place>>, 0);
            for other in others(&value, &words) {
                let mut changed = whole.clone();
                if let Some(place) = changed.pointer_mut(&pointer) {
                    *place = other;
                }
                let Ok(changed) = native::validate(changed.to_string().as_bytes(), &self.rules)
                else {
                    continue;
                };
                let mut all = documents.to_vec();
                all.splice(index..=index, [changed]);
                let now = differing(made, &self.elements(&all)?);
                looked += usize::from(!now.is_empty());
                let goes = now.iter().any(|(_, path)| path.is_empty());
                let least = |least: &Vec<Place>| least.is_empty() || now.len() < least.len();
                if makes.as_ref().is_none_or(least) {
                    makes = Some(now);
                }
                if looked == ENOUGH || (looked > 0 && !goes) {
                    break;
                }
            }
            origins.push(Origin { path: json_path(&pointer), value, makes });
        }
        Ok(origins)
    }
}

/// What is another now, or gone; a resource that is gone stands for all that was in it.
fn differing(made: &Elements, after: &Elements) -> Vec<Place> {
    let there: BTreeSet<&str> = after.keys().map(|(resource, _)| &**resource).collect();
    let mut all: Vec<Place> = Vec::new();
    for (place, before) in made {
        let (resource, _) = place;
        if !there.contains(&**resource) {
            all.push((resource.clone(), String::new()));
        } else if after.get(place).is_none_or(|element| element.value != before.value) {
            all.push(place.clone());
        }
    }
    all.dedup();
    all
}

/// The elements of one resource, each with the kinds that show it.
fn elements(resource: &Resource, chart: &Chart, found: &mut Elements) -> Result<()> {
    let name = format!("{}/{}", resource.kind.name(), resource.id);
    let whole = shown(resource, &Everything)?;
    let mut of_kind = Vec::new();
    let seen = resource.look(&Everything).map(|seen| seen.kinds).unwrap_or_default();
    for kind in &seen {
        if let Some(known) = chart.kinds().get(usize::from(*kind)) {
            of_kind.push((*known, shown(resource, &Alone(*kind))?));
        }
    }
    let mut kinds = vec![Vec::new(); whole.len()];
    for (kind, alone) in &of_kind {
        // What one kind shows is the whole with gaps, in the same order. From the end on, since the
        // names that tell like things apart come after what they name.
        let mut at = whole.len();
        for leaf in alone.iter().rev() {
            let same = |(path, value): &Leaf| bare(path) == bare(&leaf.0) && *value == leaf.1;
            if let Some(found) = whole.iter().take(at).rposition(same) {
                kinds.get_mut(found).into_iter().for_each(|of: &mut Vec<Kind>| of.push(*kind));
                at = found;
            }
        }
    }
    for ((path, value), mut kinds) in whole.into_iter().zip(kinds) {
        if kinds.len() == of_kind.len() && kinds.len() > 1 {
            kinds.clear();
        }
        found.insert((name.clone(), path), Element { value, kinds });
    }
    Ok(())
}

/// A path and its value.
type Leaf = (String, Value);

/// A path without its indexes.
fn bare(path: &str) -> String {
    path.chars().filter(|c| !c.is_ascii_digit()).collect()
}

/// What a reader sees of a resource, leaf by leaf.
fn shown(resource: &Resource, to: &impl Permitted) -> Result<Vec<Leaf>> {
    let mut all = Vec::new();
    if let Some(seen) = resource.look(to) {
        let json = written(resource, to, &seen, Labels::default())?;
        for (member, value) in json.as_object().into_iter().flatten() {
            if !OWN.contains(&member.as_str()) {
                let at = |pointer: &str| json_path(&format!("/{member}{pointer}"));
                leaves(value, &mut |pointer, leaf| {
                    let path = at(pointer).trim_start_matches("$.").to_owned();
                    all.push((path, leaf.clone()));
                });
            }
        }
    }
    Ok(all)
}

/// A reader who may see one kind alone.
struct Alone(KindId);

impl Permitted for Alone {
    fn since(&self, kind: KindId) -> Option<crate::domain::moment::Moment> {
        Everything.since(kind).filter(|_| kind == self.0)
    }
}

/// Every value that holds no other, by its JSON pointer.
fn leaves(value: &Value, tell: &mut dyn FnMut(&str, &Value)) {
    fn walk(value: &Value, at: &mut String, tell: &mut dyn FnMut(&str, &Value)) {
        let back = at.len();
        match value {
            Value::Object(members) => {
                for (name, member) in members {
                    at.push('/');
                    at.push_str(name);
                    walk(member, at, tell);
                    at.truncate(back);
                }
            }
            Value::Array(items) => {
                for (number, item) in items.iter().enumerate() {
                    at.push('/');
                    at.push_str(&number.to_string());
                    walk(item, at, tell);
                    at.truncate(back);
                }
            }
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => tell(at, value),
        }
    }
    walk(value, &mut String::new(), tell);
}

/// `/goals/0/words` as `$.goals[0].words`; no member's name here holds a slash.
fn json_path(pointer: &str) -> String {
    let mut path = String::from("$");
    for step in pointer.split('/').skip(1) {
        let is_index = step.bytes().all(|byte| byte.is_ascii_digit());
        path.push_str(&if is_index { format!("[{step}]") } else { format!(".{step}") });
    }
    path
}

/// Values to put in a value's place; the check says which of them can stand there.
fn others(value: &Value, words: &[String]) -> Vec<Value> {
    match value {
        Value::Bool(is) => vec![Value::Bool(!is)],
        Value::Number(number) => {
            let number = number.as_i64().unwrap_or_default();
            [number + 1, number - 1].map(Value::from).to_vec()
        }
        Value::String(text) => {
            let longer = [format!("{text} x"), format!("{text}x")].into_iter();
            // A date, a time, a code with digits: another digit somewhere, from the right.
            let digits = text.char_indices().rev().filter(|(_, c)| c.is_ascii_digit());
            let another = digits.map(|(at, digit)| {
                let (head, tail) = text.split_at(at);
                let other = if digit == '1' { '2' } else { '1' };
                format!("{head}{other}{}", tail.get(1..).unwrap_or_default())
            });
            let known = words.iter().filter(|word| *word != text).cloned();
            longer.chain(another).chain(known).map(Value::String).collect()
        }
        Value::Null | Value::Array(_) | Value::Object(_) => Vec::new(),
    }
}

/// Every code that the schemas name.
fn words() -> Result<Vec<String>> {
    let mut words = Vec::new();
    for (_, text) in schemas::FILES {
        let schema: Value = serde_json::from_str(text).map_err(Error::internal)?;
        leaves(&schema, &mut |pointer, value| {
            let is_code = pointer.contains("/enum/") || pointer.ends_with("/const");
            if let Some(word) = value.as_str().filter(|_| is_code) {
                words.push(word.to_owned());
            }
        });
    }
    words.sort();
    words.dedup();
    Ok(words)
}
