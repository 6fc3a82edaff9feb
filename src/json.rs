//! Strict reading of JSON that came from outside, and of its members.
//!
//! Floor of the house: used wherever a body or a claim set is read, before anything looks at it.
//! Grammar: RFC 8259, with the freedoms it leaves open closed (unique names, section 4; UTF-8 without
//! a byte order mark, section 8.1; no lone surrogates, section 8.2). Every refusal says line and
//! column, and never repeats a value of the input.

pub mod members;
pub mod pretty;

use std::{borrow::Cow, cell::Cell, fmt};

use serde::de::{self, DeserializeSeed, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

use crate::error::{Error, Kind, Result};

/// What one text may cost.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Longest text, in bytes.
    pub bytes: usize,
    /// Deepest nesting of arrays and objects; no more than 127 whatever stands here.
    pub depth: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { bytes: 1 << 20, depth: 64 }
    }
}

/// Reads what this gateway stored itself; nothing is judged again.
///
/// # Errors
/// `Internal` when it is not what was accepted. Its cause names the place alone: the reader's own words
/// could repeat a value, and causes are logged.
pub fn stored<T: de::DeserializeOwned>(bytes: &[u8]) -> Result<T> {
    serde_json::from_slice(bytes)
        .map_err(|e| Error::internal(format!("stored document, column {}", e.column())))
}

/// Reads one JSON text.
///
/// # Errors
/// [`Kind::TooLarge`] above `limits.bytes`; [`Kind::Invalid`] with line and column (both from 1, the
/// column in bytes) for anything that is not strict JSON. A repeated name stands in `expression` as
/// a JSON path.
pub fn parse(bytes: &[u8], limits: &Limits) -> Result<Value> {
    if bytes.len() > limits.bytes {
        let say = format!("The JSON is larger than {} bytes; send less at a time.", limits.bytes);
        return Err(Error::new(Kind::TooLarge, say));
    }
    if bytes.starts_with(b"\xef\xbb\xbf") {
        return Err(refuse(1, 1, "the text starts with a byte order mark; leave it out"));
    }
    let text = std::str::from_utf8(bytes).map_err(|cause| {
        let (line, column) = place(bytes, cause.valid_up_to());
        refuse(line, column, "the text is not UTF-8; encode it as UTF-8")
    })?;
    let flaw = Cell::new(None);
    let mut reader = serde_json::Deserializer::from_str(text);
    let root = Strict { spot: &Spot::Root, depth: 0, limit: limits.depth, flaw: &flaw };
    root.deserialize(&mut reader)
        .and_then(|value| reader.end().map(|()| value))
        .map_err(|cause| explain(&cause, flaw.take()))
}

/// A member that is a text.
pub fn text<'v>(value: &'v Value, name: &str) -> Option<&'v str> {
    value.get(name).and_then(Value::as_str)
}

/// A member that is a list; none is an empty one.
pub fn list<'v>(value: &'v Value, name: &str) -> &'v [Value] {
    value.get(name).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

/// The path of a member, `$.name`; a name that is no plain word is shown as `*`, since whatever was
/// sent as a name could be a person's data.
pub fn member(path: &str, name: &str) -> String {
    let plain = name.len() <= 40
        && name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-');
    if plain { format!("{path}.{name}") } else { format!("{path}.*") }
}

/// The path of an element, `$.list[3]`.
pub fn element(path: &str, index: usize) -> String {
    format!("{path}[{index}]")
}

/// What the visitor refuses by itself.
struct Flaw {
    path: String,
    say: Cow<'static, str>,
}

/// Where the reader is: a list that lives on the stack, turned into text only for a refusal.
enum Spot<'a> {
    Root,
    Member(&'a Self, &'a str),
    Element(&'a Self, usize),
}

impl Spot<'_> {
    fn path(&self) -> String {
        match self {
            Self::Root => "$".to_owned(),
            Self::Member(parent, name) => member(&parent.path(), name),
            Self::Element(parent, index) => element(&parent.path(), *index),
        }
    }
}

#[derive(Clone, Copy)]
struct Strict<'a> {
    spot: &'a Spot<'a>,
    depth: usize,
    limit: usize,
    flaw: &'a Cell<Option<Flaw>>,
}

impl<'a> Strict<'a> {
    fn refuse<E: de::Error>(&self, path: String, say: impl Into<Cow<'static, str>>) -> E {
        self.flaw.set(Some(Flaw { path, say: say.into() }));
        E::custom("refused")
    }

    fn descend<E: de::Error>(&self) -> std::result::Result<usize, E> {
        if self.depth < self.limit {
            return Ok(self.depth + 1);
        }
        let say = format!("the text nests deeper than {} levels; flatten it", self.limit);
        Err(self.refuse(self.spot.path(), say))
    }

    fn inside<'b>(&self, spot: &'b Spot<'b>, depth: usize) -> Strict<'b>
    where
        'a: 'b,
    {
        Strict { spot, depth, limit: self.limit, flaw: self.flaw }
    }
}

impl<'de> DeserializeSeed<'de> for Strict<'_> {
    type Value = Value;

    fn deserialize<D: de::Deserializer<'de>>(
        self,
        from: D,
    ) -> std::result::Result<Value, D::Error> {
        from.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Strict<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_bool<E>(self, value: bool) -> std::result::Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> std::result::Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> std::result::Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_f64<E: de::Error>(self, value: f64) -> std::result::Result<Value, E> {
        Number::from_f64(value)
            .map(Value::Number)
            .ok_or_else(|| self.refuse(self.spot.path(), "the number is not finite"))
    }

    fn visit_str<E>(self, value: &str) -> std::result::Result<Value, E> {
        Ok(Value::String(value.to_owned()))
    }

    fn visit_string<E>(self, value: String) -> std::result::Result<Value, E> {
        Ok(Value::String(value))
    }

    fn visit_unit<E>(self) -> std::result::Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> std::result::Result<Value, A::Error> {
        let depth = self.descend()?;
        let mut items = Vec::new();
        loop {
            let spot = Spot::Element(self.spot, items.len());
            let Some(item) = list.next_element_seed(self.inside(&spot, depth))? else { break };
            items.push(item);
        }
        Ok(Value::Array(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> std::result::Result<Value, A::Error> {
        let depth = self.descend()?;
        let mut members = Map::new();
        while let Some(name) = object.next_key::<String>()? {
            let spot = Spot::Member(self.spot, &name);
            if members.contains_key(&name) {
                let path = spot.path();
                let say = format!("{path} stands there twice; send each member once");
                return Err(self.refuse(path, say));
            }
            let value = object.next_value_seed(self.inside(&spot, depth))?;
            members.insert(name, value);
        }
        Ok(Value::Object(members))
    }
}

fn refuse(line: usize, column: usize, say: &str) -> Error {
    Error::invalid(format!("Line {line}, column {column}: {say}."))
}

/// The cause of the JSON reader is static text about grammar; values never stand in it.
fn explain(cause: &serde_json::Error, flaw: Option<Flaw>) -> Error {
    let (line, column) = (cause.line(), cause.column());
    if let Some(Flaw { path, say }) = flaw {
        return refuse(line, column, &say).at(path);
    }
    let text = cause.to_string();
    let grammar = text.split(" at line ").next().unwrap_or("broken");
    if grammar == "number out of range" {
        return refuse(line, column, "the number is larger than can be read; write a smaller one");
    }
    refuse(line, column, &format!("this is not JSON ({grammar}); correct it"))
}

fn place(bytes: &[u8], at: usize) -> (usize, usize) {
    let before = bytes.get(..at).unwrap_or(bytes);
    let line = before.split(|b| *b == b'\n').count();
    let column = before.iter().rev().take_while(|b| **b != b'\n').count() + 1;
    (line, column)
}
