//! What was written, and where: the settings as a tree whose every value knows its place.
//!
//! Part of `config`. One file (TOML 1.0) is read, then the environment and `--set` are laid over it;
//! the last to speak wins. It judges nothing but the grammar: which keys exist is for the sections.

use std::{collections::BTreeMap, fmt, sync::Arc};

use serde_json::Value as Json;
use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

use super::mistake::{Mistake, Mistakes};

/// Where a value was written.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Place {
    /// In a file, on a line (from 1).
    File(Arc<str>, usize),
    /// In a variable of the environment, or behind `--set`.
    Said(Arc<str>),
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(name, line) => write!(f, "{name}:{line}"),
            Self::Said(name) => f.write_str(name),
        }
    }
}

/// A value and its place.
#[derive(Clone, Debug)]
pub struct Node {
    /// What was written.
    pub value: Value,
    /// Where its key stands.
    pub place: Place,
}

/// What was written.
#[derive(Clone, Debug)]
pub enum Value {
    /// `true` or `false`.
    Flag(bool),
    /// A list.
    List(Vec<Node>),
    /// A whole number.
    Number(i64),
    /// Something no key of ours wants.
    Other(&'static str),
    /// Outside the file nothing says what is a text and what a number: the key decides.
    Said(String),
    /// A table.
    Table(Table),
    /// A text, or an instant.
    Text(String),
}

/// Keys and what they hold.
pub type Table = BTreeMap<String, Node>;

impl Value {
    /// What it is, in a mistake.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Flag(_) => "true or false",
            Self::List(_) => "a list",
            Self::Number(_) => "a number",
            Self::Other(name) => name,
            Self::Said(_) | Self::Text(_) => "a text",
            Self::Table(_) => "a table",
        }
    }
}

impl Node {
    /// The same as JSON, for what is read by its own description.
    pub fn json(&self) -> Json {
        match &self.value {
            Value::Flag(flag) => Json::Bool(*flag),
            Value::List(all) => all.iter().map(Self::json).collect(),
            Value::Number(number) => Json::from(*number),
            Value::Other(_) => Json::Null,
            Value::Said(text) | Value::Text(text) => Json::String(text.clone()),
            Value::Table(table) => {
                Json::Object(table.iter().map(|(key, node)| (key.clone(), node.json())).collect())
            }
        }
    }
}

/// Reads a TOML text; what cannot be read is told, and the rest is given back.
pub fn parse(name: &str, text: &str, mistakes: &Mistakes) -> Table {
    let name: Arc<str> = name.into();
    let lines = Lines { name: &name, text };
    let (table, errors) = DeTable::parse_recoverable(text);
    for error in &errors {
        let place = lines.place(error.span().map_or(0, |span| span.start));
        let say = error.message().lines().collect::<Vec<_>>().join("; ");
        mistakes.add(Mistake { place, key: String::new(), say });
    }
    // What follows a fault of grammar would be reported as missing or unknown, which it is not.
    if errors.is_empty() { table_of(table.get_ref(), &lines) } else { Table::new() }
}

struct Lines<'a> {
    name: &'a Arc<str>,
    text: &'a str,
}

impl Lines<'_> {
    fn place(&self, offset: usize) -> Place {
        let before = self.text.as_bytes().get(..offset).unwrap_or_default();
        let line = 1 + before.iter().filter(|byte| **byte == b'\n').count();
        Place::File(Arc::clone(self.name), line)
    }
}

fn table_of(table: &DeTable<'_>, lines: &Lines<'_>) -> Table {
    let entry = |(key, value): (&Spanned<_>, &Spanned<DeValue<'_>>)| {
        let key: &Spanned<std::borrow::Cow<'_, str>> = key;
        let place = lines.place(key.span().start);
        (key.get_ref().to_string(), Node { value: value_of(value.get_ref(), lines), place })
    };
    table.iter().map(entry).collect()
}

fn value_of(value: &DeValue<'_>, lines: &Lines<'_>) -> Value {
    match value {
        DeValue::String(text) => Value::Text(text.to_string()),
        DeValue::Integer(number) => i64::from_str_radix(number.as_str(), number.radix())
            .map_or(Value::Other("a number too large"), Value::Number),
        DeValue::Float(_) => Value::Other("a fraction"),
        DeValue::Boolean(flag) => Value::Flag(*flag),
        DeValue::Datetime(at) => Value::Text(at.to_string()),
        DeValue::Array(all) => Value::List(
            all.iter()
                .map(|item| Node {
                    value: value_of(item.get_ref(), lines),
                    place: lines.place(item.span().start),
                })
                .collect(),
        ),
        DeValue::Table(table) => Value::Table(table_of(table, lines)),
    }
}

/// Lays one value over the tree: `path` are the names down to it.
pub fn lay_over(table: &mut Table, path: &[&str], said: &str, place: &Place, mistakes: &Mistakes) {
    let node = |value| Node { value, place: place.clone() };
    match path {
        [] => {}
        [key] => {
            table.insert((*key).to_owned(), node(Value::Said(said.to_owned())));
        }
        [key, rest @ ..] => {
            let under =
                table.entry((*key).to_owned()).or_insert_with(|| node(Value::Table(Table::new())));
            if let Value::Table(inner) = &mut under.value {
                lay_over(inner, rest, said, place, mistakes);
            } else {
                let say = format!("is {} and is changed in the file alone", under.value.name());
                mistakes.add(Mistake { place: place.clone(), key: (*key).to_owned(), say });
            }
        }
    }
}
