//! A section that may stand in a file of its own, TOML or JSON: `file = "law.toml"`.
//!
//! Part of `config`. Line numbers are those of the file the words stand in.

use std::{fs, path::Path, sync::Arc};

use super::{
    mistake::{Mistake, Mistakes},
    section::Section,
    tree::{self, Node, Place, Table, Value},
};

/// Reads a section, or the file it names, with `read`.
pub(super) fn read<T>(
    mut section: Section<'_>,
    read: impl Fn(&mut Section<'_>, &Mistakes) -> T,
) -> T {
    let mistakes = section.mistakes();
    let path = section.named_file("file");
    if let Some(path) = path {
        section.finish();
        return of_file(&path, mistakes, read);
    }
    let value = read(&mut section, mistakes);
    section.finish();
    value
}

/// Reads a file as the whole of a section.
pub(super) fn of_file<T>(
    path: &Path,
    mistakes: &Mistakes,
    read: impl Fn(&mut Section<'_>, &Mistakes) -> T,
) -> T {
    let table = table(path, mistakes);
    let place = Place::File(path.to_string_lossy().into(), 1);
    let directory = path.parent().unwrap_or(Path::new("."));
    let mut section = Section::root(&table, place, directory, mistakes);
    let value = read(&mut section, mistakes);
    section.finish();
    value
}

fn table(path: &Path, mistakes: &Mistakes) -> Table {
    let name = path.to_string_lossy();
    let place = |line| Place::File(Arc::from(&*name), line);
    let fault = |line, say: String| {
        mistakes.add(Mistake { place: place(line), key: String::new(), say });
        Table::new()
    };
    let text = match fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) => return fault(1, format!("cannot be read: {}", error.kind())),
    };
    if path.extension().is_none_or(|end| end != "json") {
        return tree::parse(&name, &text, mistakes);
    }
    match serde_json::from_str(&text).map(|json| of_json(&json, &place(1))) {
        Ok(Value::Table(table)) => table,
        Ok(_) => fault(1, "must be an object".to_owned()),
        Err(error) => fault(error.line(), "is not JSON".to_owned()),
    }
}

fn of_json(json: &serde_json::Value, place: &Place) -> Value {
    use serde_json::Value as Json;
    let node = |json| Node { value: of_json(json, place), place: place.clone() };
    match json {
        Json::Null => Value::Other("null"),
        Json::Bool(flag) => Value::Flag(*flag),
        Json::Number(number) => number.as_i64().map_or(Value::Other("a fraction"), Value::Number),
        Json::String(text) => Value::Text(text.clone()),
        Json::Array(all) => Value::List(all.iter().map(node).collect()),
        Json::Object(all) => {
            Value::Table(all.iter().map(|(key, json)| (key.clone(), node(json))).collect())
        }
    }
}
