//! Does a concept have a code of the value set that its element is bound to?
//!
//! Part of [`super`]: the keyword `x-coded`, for a `CodeableConcept` under a required binding (one of its
//! codings must be of the set) or under one that names the largest set there may be (text alone will do).
//! JSON Schema has words for it that say nothing a reader could mend it by. Source:
//! <http://hl7.org/fhir/R4/terminologies.html#strength>, `extension-elementdefinition-maxvalueset.html`.

use jsonschema::{Keyword, ValidationError, paths::Location};
use regex::Regex;
use serde_json::{Map, Value};

/// The name of the keyword: `{"text": false, "systems": {"urn:x": ["a", "b"], "urn:y": "^[a-z]+$"}}`.
pub(super) const KEYWORD: &str = "x-coded";

/// Told with the system, and with its codes where they are few and listed.
pub(super) const UNBOUND: &str = "unbound";
/// The most codes that are told.
const MOST: usize = 12;

/// The compiled keyword of one element.
struct Coded {
    /// Will text without a coding do?
    text: bool,
    systems: Vec<(String, Codes)>,
}

/// The codes of a system.
enum Codes {
    Listed(Vec<String>),
    Formed(Regex),
}

/// Reads the keyword of one element.
pub(super) fn compile<'a>(
    _: &'a Map<String, Value>,
    rule: &'a Value,
    _: Location,
) -> Result<Box<dyn for<'i> Keyword<'i>>, ValidationError<'a>> {
    let wrong = || ValidationError::schema("must name systems with codes");
    let systems = rule.get("systems").and_then(Value::as_object).ok_or_else(wrong)?;
    let read = |(system, codes): (&String, &Value)| {
        let codes = if let Some(pattern) = codes.as_str() {
            Codes::Formed(Regex::new(pattern).ok()?)
        } else {
            let listed = codes.as_array()?.iter().map(|code| Some(code.as_str()?.to_owned()));
            Codes::Listed(listed.collect::<Option<_>>()?)
        };
        Some((system.clone(), codes))
    };
    let systems = systems.iter().map(read).collect::<Option<_>>().ok_or_else(wrong)?;
    let text = rule.get("text").and_then(Value::as_bool).unwrap_or(false);
    Ok(Box::new(Coded { text, systems }))
}

impl Coded {
    fn has(&self, coding: &Value) -> bool {
        let text = |name: &str| coding.get(name).and_then(Value::as_str);
        let (Some(of), Some(code)) = (text("system"), text("code")) else { return false };
        self.systems.iter().filter(|(system, _)| system == of).any(|(_, codes)| match codes {
            Codes::Listed(all) => all.iter().any(|one| one == code),
            Codes::Formed(form) => form.is_match(code),
        })
    }

    /// What must be so, if it is not.
    fn fault(&self, concept: &Value) -> Option<String> {
        let codings = concept.get("coding").and_then(Value::as_array);
        let fits = match codings {
            Some(codings) => codings.iter().any(|coding| self.has(coding)),
            // What is no object at all is another rule's business.
            None => self.text || !concept.is_object(),
        };
        if fits {
            return None;
        }
        let shown = |(system, codes): &(String, Codes)| match codes {
            Codes::Listed(all) if all.len() <= MOST => format!("{system} ({})", all.join(" | ")),
            Codes::Listed(_) | Codes::Formed(_) => system.clone(),
        };
        let systems: Vec<String> = self.systems.iter().map(shown).collect();
        Some(format!("{UNBOUND} {}", systems.join(" or ")))
    }
}

impl<'i> Keyword<'i> for Coded {
    fn validate(&self, value: &'i Value) -> Result<(), ValidationError<'i>> {
        self.fault(value).map_or(Ok(()), |fault| Err(ValidationError::custom(fault)))
    }

    fn is_valid(&self, value: &'i Value) -> bool {
        self.fault(value).is_none()
    }

    fn iter_errors(&self, value: &'i Value) -> Box<dyn Iterator<Item = ValidationError<'i>> + 'i> {
        Box::new(self.fault(value).map(ValidationError::custom).into_iter())
    }
}
