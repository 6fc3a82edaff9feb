//! Lists whose form is described elsewhere: rows of the law table, entries of the directory.
//!
//! Part of `config`. Each row is read by its own type; an unknown key is told with its line and the
//! word that was meant, taken out, and the row read again, so that one run tells all of them.

use serde::de::DeserializeOwned;
use serde_json::Value as Json;

use super::{
    mistake::{Mistake, Mistakes},
    tree::{Node, Place, Value},
};
use crate::domain::near::nearest;

/// A row of a list, to say what is wrong with it that its form allows.
pub(super) struct Row<'a> {
    name: String,
    node: &'a Node,
    mistakes: &'a Mistakes,
}

impl Row<'_> {
    /// Notes a mistake of a key, at its line, or of the whole row where the key is not there.
    pub(super) fn fault(&self, key: &str, say: impl Into<String>) {
        let there = match &self.node.value {
            Value::Table(table) => table.get(key),
            Value::Flag(_)
            | Value::List(_)
            | Value::Number(_)
            | Value::Other(_)
            | Value::Said(_)
            | Value::Text(_) => None,
        };
        let place = there.map_or(&self.node.place, |node| &node.place).clone();
        let key = format!("{}.{key}", self.name);
        self.mistakes.add(Mistake { place, key, say: say.into() });
    }
}

/// Reads the rows of a list; those that cannot be read are told.
pub(super) fn rows<T: DeserializeOwned>(
    list: Option<&Node>,
    name: &str,
    mistakes: &Mistakes,
) -> Vec<T> {
    judged(list, name, mistakes, |_, _| {})
}

/// The same, each row that can be read handed to `judge`.
pub(super) fn judged<T: DeserializeOwned>(
    list: Option<&Node>,
    name: &str,
    mistakes: &Mistakes,
    mut judge: impl FnMut(&Row<'_>, &T),
) -> Vec<T> {
    let Some(node) = list else { return Vec::new() };
    let Value::List(all) = &node.value else {
        let say = format!("must be a list of tables, not {}", node.value.name());
        mistakes.add(Mistake { place: node.place.clone(), key: name.to_owned(), say });
        return Vec::new();
    };
    let row = |(n, item)| {
        let name = format!("{name}[{n}]");
        let read = row(item, &name, mistakes)?;
        judge(&Row { name, node: item, mistakes }, &read);
        Some(read)
    };
    all.iter().enumerate().filter_map(row).collect()
}

fn row<T: DeserializeOwned>(node: &Node, name: &str, mistakes: &Mistakes) -> Option<T> {
    let mut json = node.json();
    loop {
        let said = match serde_json::from_value(json.clone()) {
            Ok(read) => return Some(read),
            Err(error) => error.to_string(),
        };
        let mut quoted = said.split('`').skip(1).step_by(2);
        let stray = said.starts_with("unknown field").then(|| quoted.next()).flatten();
        let Some(stray) = stray.filter(|stray| leave_out(&mut json, stray)) else {
            let mistake = Mistake { place: node.place.clone(), key: name.to_owned(), say: said };
            mistakes.add(mistake);
            return None;
        };
        let say = match nearest(stray, quoted) {
            Some(meant) => format!("is not known; did you mean {meant:?}?"),
            None => "is not known".to_owned(),
        };
        let place = place_of(node, stray).unwrap_or(&node.place).clone();
        mistakes.add(Mistake { place, key: format!("{name}.{stray}"), say });
    }
}

/// Takes a key out, at the first place where it stands; `false` if it stands nowhere.
fn leave_out(json: &mut Json, key: &str) -> bool {
    match json {
        Json::Object(members) => {
            members.remove(key).is_some()
                || members.values_mut().any(|member| leave_out(member, key))
        }
        Json::Array(items) => items.iter_mut().any(|item| leave_out(item, key)),
        Json::Null | Json::Bool(_) | Json::Number(_) | Json::String(_) => false,
    }
}

fn place_of<'a>(node: &'a Node, key: &str) -> Option<&'a Place> {
    match &node.value {
        Value::Table(table) => {
            let here = table.get(key).map(|found| &found.place);
            here.or_else(|| table.values().find_map(|inner| place_of(inner, key)))
        }
        Value::List(all) => all.iter().find_map(|inner| place_of(inner, key)),
        Value::Flag(_) | Value::Number(_) | Value::Other(_) | Value::Said(_) | Value::Text(_) => {
            None
        }
    }
}
