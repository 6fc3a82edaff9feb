//! Reads one table of the settings, key by key, and tells every mistake in it.
//!
//! Part of `config`. A key exists because somebody asks for it here: what was written and never
//! asked for is unknown. Secrets come as text or, under `..._file`, from a file. Relative paths are
//! relative to the file of the settings.

use std::{
    fs,
    ops::RangeInclusive,
    path::{Path, PathBuf},
};

use serde_json::Value as Json;
use zeroize::Zeroizing;

use super::{
    asked::{Asked, Want},
    mistake::{Mistake, Mistakes},
    tree::{Node, Place, Table, Value},
};
use crate::domain::near::nearest;

/// One table and what has been asked of it.
pub struct Section<'a> {
    path: String,
    table: Option<&'a Table>,
    place: Place,
    asked: Vec<String>,
    directory: &'a Path,
    mistakes: &'a Mistakes,
}

impl<'a> Section<'a> {
    /// The whole of the settings; `directory` is where relative paths start.
    pub fn root(
        table: &'a Table,
        place: Place,
        directory: &'a Path,
        mistakes: &'a Mistakes,
    ) -> Self {
        let asked = Vec::new();
        Self { path: String::new(), table: Some(table), place, asked, directory, mistakes }
    }

    /// Where mistakes are noted.
    pub fn mistakes(&self) -> &'a Mistakes {
        self.mistakes
    }

    /// Where the table stands.
    pub fn place(&self) -> &Place {
        &self.place
    }

    /// What was written under a key.
    pub fn node(&mut self, key: &str) -> Option<&'a Node> {
        self.asked.push(key.to_owned());
        self.table?.get(key)
    }

    /// Notes that a key is asked for, and how it is written.
    fn note(&self, key: &str, want: Want) {
        let node = self.table.and_then(|table| table.get(key));
        let shown = |node: &Node| match &node.value {
            _ if want == Want::Secret => "...".to_owned(),
            Value::Text(text) | Value::Said(text) => text.clone(),
            Value::Table(_) => "{...}".to_owned(),
            Value::Flag(_) | Value::List(_) | Value::Number(_) | Value::Other(_) => {
                node.json().to_string()
            }
        };
        let written = node.map(|node| (node.place.clone(), shown(node)));
        let names = |node: &Node| match &node.value {
            Value::Text(text) | Value::Said(text) => Some(self.directory.join(text)),
            Value::Flag(_)
            | Value::List(_)
            | Value::Number(_)
            | Value::Other(_)
            | Value::Table(_) => None,
        };
        let file = node.filter(|_| matches!(want, Want::File | Want::Path)).and_then(names);
        let asked = Asked { key: self.name(key), want, written, file };
        self.mistakes.questions().add(asked);
    }

    /// The same of a secret, or of JSON, and of the file it may stand in.
    fn note_beside(&self, key: &str, want: Want) {
        self.note(key, want);
        self.note(&format!("{key}_file"), Want::File);
    }

    /// Notes a secret that is read in a way of its own.
    pub fn note_secret(&self, key: &str) {
        self.note_beside(key, Want::Secret);
    }

    /// A list whose rows have a form of their own.
    pub fn rows(&mut self, key: &str) -> Option<&'a Node> {
        self.note(key, Want::Rows);
        self.node(key)
    }

    /// Is a key written?
    pub fn has(&mut self, key: &str) -> bool {
        self.node(key).is_some()
    }

    /// Notes a mistake of a key, or of the table if the key is not there.
    pub fn fault(&self, key: &str, say: impl Into<String>) {
        let node = self.table.and_then(|table| table.get(key));
        let place = node.map_or(&self.place, |node| &node.place).clone();
        self.mistakes.add(Mistake { place, key: self.name(key), say: say.into() });
    }

    fn name(&self, key: &str) -> String {
        match (self.path.as_str(), key) {
            (path, "") => path.to_owned(),
            ("", key) => key.to_owned(),
            (path, key) => format!("{path}.{key}"),
        }
    }

    fn wanted(&self, key: &str, want: &str, node: &Node) {
        self.fault(key, format!("must be {want}, not {}", node.value.name()));
    }

    /// A table in it, empty if it was not written.
    pub fn section(&mut self, key: &str) -> Self {
        self.note(key, Want::Table);
        let node = self.node(key);
        let table = match node.map(|node| &node.value) {
            Some(Value::Table(table)) => Some(table),
            Some(_) => {
                node.inspect(|node| self.wanted(key, "a table", node));
                None
            }
            None => None,
        };
        let place = node.map_or(&self.place, |node| &node.place).clone();
        self.inner(self.name(key), table, place)
    }

    fn inner(&self, path: String, table: Option<&'a Table>, place: Place) -> Self {
        let (directory, mistakes) = (self.directory, self.mistakes);
        Self { path, table, place, asked: Vec::new(), directory, mistakes }
    }

    /// The tables of a list.
    pub fn each(&mut self, key: &str) -> Vec<Self> {
        self.note(key, Want::Tables);
        let Some(node) = self.node(key) else { return Vec::new() };
        let Value::List(all) = &node.value else {
            self.wanted(key, "a list of tables", node);
            return Vec::new();
        };
        let mut tables = Vec::new();
        for (n, item) in all.iter().enumerate() {
            let path = format!("{}[{n}]", self.name(key));
            if let Value::Table(table) = &item.value {
                tables.push(self.inner(path, Some(table), item.place.clone()));
            } else {
                self.mistakes.add(Mistake {
                    place: item.place.clone(),
                    key: path,
                    say: format!("must be a table, not {}", item.value.name()),
                });
            }
        }
        tables
    }

    /// A text.
    pub fn text(&mut self, key: &str) -> Option<String> {
        self.note(key, Want::Text(String::new()));
        let node = self.node(key)?;
        match &node.value {
            Value::Text(text) | Value::Said(text) => Some(text.clone()),
            Value::Flag(_)
            | Value::List(_)
            | Value::Number(_)
            | Value::Other(_)
            | Value::Table(_) => {
                self.wanted(key, "a text", node);
                None
            }
        }
    }

    /// A text that must be there.
    pub fn required_text(&mut self, key: &str) -> Option<String> {
        self.required(key, "", |text| Some(text.to_owned()))
    }

    /// A text that is read as something; `want` says how it is written.
    pub fn parsed<T>(
        &mut self,
        key: &str,
        want: &str,
        parse: impl FnOnce(&str) -> Option<T>,
    ) -> Option<T> {
        self.note(key, Want::Text(want.to_owned()));
        let text = self.text(key)?;
        let parsed = parse(&text);
        if parsed.is_none() {
            self.fault(key, format!("must be {want}"));
        }
        parsed
    }

    /// The same, and it must be there.
    pub fn required<T>(
        &mut self,
        key: &str,
        want: &str,
        parse: impl FnOnce(&str) -> Option<T>,
    ) -> Option<T> {
        self.note(key, Want::Text(want.to_owned()));
        if self.node(key).is_none() {
            self.missing(key, want);
            return None;
        }
        self.parsed(key, want, parse)
    }

    fn missing(&self, key: &str, want: &str) {
        let say =
            if want.is_empty() { "is missing".to_owned() } else { format!("is missing: {want}") };
        self.fault(key, say);
    }

    /// One of some words.
    pub fn one_of<T: Copy>(&mut self, key: &str, words: &[(&str, T)], default: T) -> T {
        self.note(key, Want::Word(words.iter().map(|(word, _)| (*word).to_owned()).collect()));
        let Some(text) = self.text(key) else { return default };
        if let Some((_, meant)) = words.iter().find(|(word, _)| *word == text) {
            return *meant;
        }
        let all: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
        self.fault(key, format!("must be one of {}", all.join(", ")));
        default
    }

    /// A whole number.
    pub fn number(&mut self, key: &str, range: RangeInclusive<u64>, default: u64) -> u64 {
        self.note(key, Want::Number { range: range.clone(), default });
        let Some(node) = self.node(key) else { return default };
        let number = match &node.value {
            Value::Number(number) => u64::try_from(*number).ok(),
            Value::Said(text) => text.trim().parse().ok(),
            Value::Flag(_)
            | Value::List(_)
            | Value::Other(_)
            | Value::Table(_)
            | Value::Text(_) => None,
        };
        number.filter(|number| range.contains(number)).unwrap_or_else(|| {
            let (least, most) = range.into_inner();
            self.fault(key, format!("must be a whole number from {least} to {most}"));
            default
        })
    }

    /// `true` or `false`.
    pub fn flag(&mut self, key: &str, default: bool) -> bool {
        self.note(key, Want::Flag { default });
        let Some(node) = self.node(key) else { return default };
        match &node.value {
            Value::Flag(flag) => *flag,
            Value::Said(text) if text == "true" => true,
            Value::Said(text) if text == "false" => false,
            Value::Said(_)
            | Value::List(_)
            | Value::Number(_)
            | Value::Other(_)
            | Value::Table(_)
            | Value::Text(_) => {
                self.fault(key, "must be true or false");
                default
            }
        }
    }

    /// A list of texts; outside the file they are separated by commas.
    pub fn texts(&mut self, key: &str) -> Vec<String> {
        self.note(key, Want::List);
        let Some(node) = self.node(key) else { return Vec::new() };
        match &node.value {
            Value::List(all) => {
                let text = |item: &Node| match &item.value {
                    Value::Text(text) => Some(text.clone()),
                    Value::Flag(_)
                    | Value::List(_)
                    | Value::Number(_)
                    | Value::Other(_)
                    | Value::Said(_)
                    | Value::Table(_) => None,
                };
                all.iter().map(text).collect::<Option<_>>().unwrap_or_else(|| {
                    self.fault(key, "must be a list of texts");
                    Vec::new()
                })
            }
            Value::Said(text) => text
                .split(',')
                .map(str::trim)
                .filter(|t| !t.is_empty())
                .map(str::to_owned)
                .collect(),
            Value::Flag(_)
            | Value::Number(_)
            | Value::Other(_)
            | Value::Table(_)
            | Value::Text(_) => {
                self.wanted(key, "a list of texts", node);
                Vec::new()
            }
        }
    }

    /// A path, from the directory of the settings.
    pub fn path(&mut self, key: &str) -> Option<PathBuf> {
        self.note(key, Want::Path);
        let text = self.text(key)?;
        Some(self.directory.join(text))
    }

    /// The text of a file that a key names.
    pub fn file(&mut self, key: &str) -> Option<(PathBuf, Zeroizing<String>)> {
        self.note(key, Want::File);
        let path = self.path(key)?;
        match fs::read_to_string(&path) {
            Ok(text) => Some((path, Zeroizing::new(text))),
            Err(error) => {
                self.fault(key, format!("{} cannot be read: {}", path.display(), error.kind()));
                None
            }
        }
    }

    /// The path of a file that something else reads.
    pub fn named_file(&mut self, key: &str) -> Option<PathBuf> {
        self.note(key, Want::File);
        self.path(key)
    }

    /// The text of a file that must be named.
    pub fn required_file(&mut self, key: &str) -> Option<(PathBuf, Zeroizing<String>)> {
        self.note(key, Want::File);
        self.required_text(key)?;
        self.file(key)
    }

    /// Paths that a key lists, from the directory of the settings.
    pub fn paths(&mut self, key: &str) -> Vec<PathBuf> {
        self.texts(key).iter().map(|text| self.directory.join(text)).collect()
    }

    /// The texts of files that a key lists.
    pub fn files(&mut self, key: &str) -> Vec<Zeroizing<String>> {
        let paths = self.paths(key);
        let read = |path: &PathBuf| match fs::read_to_string(path) {
            Ok(text) => Some(Zeroizing::new(text)),
            Err(error) => {
                self.fault(key, format!("{} cannot be read: {}", path.display(), error.kind()));
                None
            }
        };
        paths.iter().filter_map(read).collect()
    }

    /// A secret: the text of `key`, or of the file that `key_file` names. Gives the file too.
    pub fn secret(&mut self, key: &str) -> Option<(Option<PathBuf>, Zeroizing<String>)> {
        self.note_beside(key, Want::Secret);
        let from_file = format!("{key}_file");
        match (self.node(key).is_some(), self.node(&from_file).is_some()) {
            (true, true) => {
                self.fault(&from_file, format!("stands beside {key}: keep one of them"));
                None
            }
            (true, false) => self.text(key).map(|text| (None, Zeroizing::new(text))),
            (false, true) => self.file(&from_file).map(|(path, text)| (Some(path), text)),
            (false, false) => {
                self.fault(&from_file, format!("is missing (or {key}); `mylife pki` makes one"));
                None
            }
        }
    }

    /// JSON: a table of the settings, or the file that `key_file` names.
    pub fn json(&mut self, key: &str) -> Option<Json> {
        self.note_beside(key, Want::Json);
        let from_file = format!("{key}_file");
        match (self.node(key), self.node(&from_file).is_some()) {
            (Some(_), true) => {
                self.fault(&from_file, format!("stands beside {key}: keep one of them"));
                None
            }
            (Some(node), false) => Some(node.json()),
            (None, true) => {
                let (path, text) = self.file(&from_file)?;
                let parsed = serde_json::from_str(&text);
                parsed
                    .inspect_err(|error| {
                        let (path, line) = (path.display(), error.line());
                        self.fault(&from_file, format!("{path} is not JSON (line {line})"));
                    })
                    .ok()
            }
            (None, false) => {
                self.fault(&from_file, format!("is missing (or {key})"));
                None
            }
        }
    }

    /// Tells what was written and never asked for.
    pub fn finish(self) {
        let known = || self.asked.iter().map(String::as_str);
        for (key, node) in self.table.into_iter().flatten() {
            if known().any(|asked| asked == key) {
                continue;
            }
            let say = match nearest(key, known()) {
                Some(meant) => format!("is not known; did you mean {meant:?}?"),
                None => "is not known".to_owned(),
            };
            let (place, key) = (node.place.clone(), self.name(key));
            self.mistakes.add(Mistake { place, key, say });
        }
    }
}
