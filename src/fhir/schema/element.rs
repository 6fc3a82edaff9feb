//! How often an element may stand in its parent, seen as FHIR sees it.
//!
//! Part of [`super`]: the keyword `x-element`. A primitive is present by its value or by its
//! extensions (`_status`), and of a choice (`value[x]`) at most one type may stand; `required` can
//! say neither. Source: <http://hl7.org/fhir/R4/json.html#primitive>, `formats.html#choice`.

use std::collections::BTreeMap;

use jsonschema::{Keyword, ValidationError, paths::Location};
use serde_json::{Map, Value};

/// The name of the keyword: `{"due": {"min": 0, "of": ["dueDate", "dueDuration"]}}`.
pub(super) const KEYWORD: &str = "x-element";

/// Told when an element must stand and does not.
pub(super) const MISSING: &str = "missing";
/// Told when two types of one choice stand.
pub(super) const TWICE: &str = "twice";

/// One element of the parent.
struct Element {
    name: String,
    required: bool,
}

/// The compiled keyword of one parent.
struct Elements {
    elements: Vec<Element>,
    /// From the name of a member to its place in `elements`.
    members: BTreeMap<String, usize>,
}

/// Reads the keyword of one definition.
pub(super) fn compile<'a>(
    _: &'a Map<String, Value>,
    rule: &'a Value,
    _: Location,
) -> Result<Box<dyn for<'i> Keyword<'i>>, ValidationError<'a>> {
    let rule = rule.as_object().ok_or_else(|| ValidationError::schema("must be an object"))?;
    let mut compiled = Elements { elements: Vec::new(), members: BTreeMap::new() };
    for (place, (name, element)) in rule.iter().enumerate() {
        let required = element.get("min").and_then(Value::as_u64).is_some_and(|min| min > 0);
        compiled.elements.push(Element { name: name.clone(), required });
        let members = element.get("of").and_then(Value::as_array).into_iter().flatten();
        let members = members.filter_map(Value::as_str);
        compiled.members.extend(members.map(|member| (member.to_owned(), place)));
    }
    Ok(Box::new(compiled))
}

impl Elements {
    /// Each fault as the element's name and [`MISSING`] or [`TWICE`].
    fn faults(&self, object: &Map<String, Value>) -> Vec<(&str, &'static str)> {
        let mut faults = Vec::new();
        let mut seen = vec![None; self.elements.len()];
        for key in object.keys() {
            let member = key.strip_prefix('_').unwrap_or(key);
            let Some(place) = self.members.get(member) else { continue };
            let (Some(first), Some(element)) = (seen.get_mut(*place), self.elements.get(*place))
            else {
                continue;
            };
            if *first.get_or_insert(member) != member {
                faults.push((element.name.as_str(), TWICE));
            }
        }
        let unseen =
            self.elements.iter().zip(seen).filter(|(e, seen)| e.required && seen.is_none());
        faults.extend(unseen.map(|(element, _)| (element.name.as_str(), MISSING)));
        faults
    }
}

impl<'i> Keyword<'i> for Elements {
    fn validate(&self, value: &'i Value) -> Result<(), ValidationError<'i>> {
        self.iter_errors(value).next().map_or(Ok(()), Err)
    }

    fn is_valid(&self, value: &'i Value) -> bool {
        value.as_object().is_none_or(|object| self.faults(object).is_empty())
    }

    fn iter_errors(&self, value: &'i Value) -> Box<dyn Iterator<Item = ValidationError<'i>> + 'i> {
        let faults = value.as_object().map(|object| self.faults(object)).unwrap_or_default();
        let errors: Vec<_> = faults
            .into_iter()
            .map(|(name, what)| ValidationError::custom(format!("{what} {name}")))
            .collect();
        Box::new(errors.into_iter())
    }
}
