//! The members of an object unread, and where in a text something stands.
//!
//! Floor of the house: for what passes a part of a document on byte for byte, and for what tells people
//! where a fault is.

use std::{borrow::Cow, fmt};

use serde::{
    Deserialize, Deserializer,
    de::{MapAccess, Visitor},
};
use serde_json::value::RawValue;

/// The members of an object, in order, their values unread.
pub struct Members<'a>(pub Vec<(Cow<'a, str>, &'a RawValue)>);

impl<'de: 'a, 'a> Deserialize<'de> for Members<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Each;
        impl<'de> Visitor<'de> for Each {
            type Value = Members<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut all = Vec::new();
                while let Some((name, value)) = map.next_entry::<Name<'de>, &'de RawValue>()? {
                    all.push((name.0, value));
                }
                Ok(Members(all))
            }
        }
        deserializer.deserialize_map(Each)
    }
}

/// A name, borrowed where it has no escapes.
#[derive(Deserialize)]
struct Name<'a>(#[serde(borrow)] Cow<'a, str>);

/// Line and column, from 1, of what an expression names: `Goal.target[0].dueDate`. Of what does not stand
/// there, those of what it should stand in.
pub fn place(text: &str, expression: &str) -> (usize, usize) {
    let mut at = text.trim_start();
    for step in expression.split('.').skip(1) {
        let (name, index) = step.split_once('[').map_or((step, None), |(name, rest)| {
            (name, rest.strip_suffix(']').and_then(|digits| digits.parse::<usize>().ok()))
        });
        let Ok(Members(members)) = serde_json::from_str::<Members<'_>>(at) else { break };
        // A choice is named without its type.
        let is_it = |member: &str| {
            let of = member.strip_prefix(name);
            of.is_some_and(|of| of.is_empty() || of.starts_with(char::is_uppercase))
        };
        let exact = members.iter().find(|(member, _)| member == name);
        let found = exact.or_else(|| members.iter().find(|(member, _)| is_it(member)));
        let Some((_, value)) = found else { break };
        at = value.get();
        if let Some(index) = index {
            let Ok(all) = serde_json::from_str::<Vec<&RawValue>>(at) else { break };
            let Some(element) = all.get(index) else { break };
            at = element.get();
        }
    }
    line_and_column(text, at)
}

/// Line and column, from 1, of a part of a text.
pub fn line_and_column(text: &str, part: &str) -> (usize, usize) {
    let offset = part.as_ptr().addr().saturating_sub(text.as_ptr().addr());
    let before = text.get(..offset).unwrap_or_default();
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
    (line, column)
}
