//! Runs worked cases: what is stored, who asks, one unit, and what must come out.
//!
//! The command `mylife consent cases FILE` and the tests run any file of the format of the golden
//! cases through the same decision as every request. Source: the cases' own description. It must
//! not decide anything itself.

mod wire;

use std::{fmt, sync::Arc};

use serde::Deserialize;
use serde_json::{Map, Value};

use self::wire::Scenario;
use super::decide::{Verdict, Why};
use crate::error::{self, Error};

/// What a case expects, or what came out of it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Outcome {
    /// Is the unit released?
    pub permit: bool,
    /// Which step decided.
    pub why: Why,
    /// What permits, sorted; `None` where a case does not say.
    pub basis: Option<Vec<Arc<str>>>,
}

/// A case that did not come out as expected.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Mismatch {
    /// The case's name.
    pub name: String,
    /// What it expects.
    pub expected: Outcome,
    /// What came out.
    pub got: Outcome,
}

/// What running a file gave.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Report {
    /// How many cases were run.
    pub run: usize,
    /// Those that did not come out as expected, in order of the file.
    pub mismatches: Vec<Mismatch>,
}

/// Runs every case of a file. A file that cannot be read as cases is `Kind::Invalid`, and `say`
/// names the case and what is wrong.
pub fn run(file: &[u8]) -> error::Result<Report> {
    let file: Value = serde_json::from_slice(file)
        .map_err(|e| Error::invalid(format!("The file is not JSON: {e}.")))?;
    let defaults = object(&file, "defaults").map_err(Error::invalid)?;
    let cases = file
        .get("cases")
        .and_then(Value::as_array)
        .ok_or_else(|| Error::invalid("The file needs an array `cases`."))?;
    let mut report = Report::default();
    for (index, case) in cases.iter().enumerate() {
        let name = case.get("name").and_then(Value::as_str).unwrap_or("without a name");
        let wrong = |what| {
            Error::invalid(format!("Case {} ({name}): {what}.", index + 1))
                .at(format!("cases[{index}]"))
        };
        let (expected, got) = outcome(&defaults, case).map_err(wrong)?;
        report.run += 1;
        if expected != got {
            report.mismatches.push(Mismatch { name: name.to_owned(), expected, got });
        }
    }
    Ok(report)
}

fn outcome(defaults: &Map<String, Value>, case: &Value) -> Result<(Outcome, Outcome), String> {
    let members = case.as_object().ok_or("it is not an object")?;
    let known = ["name", "expect", "why", "basis", "store", "q", "unit", "note"];
    if let Some(stray) = members.keys().find(|key| !known.contains(&key.as_str())) {
        return Err(format!("it has an unknown member `{stray}`"));
    }
    let expected = expectation(case)?;
    let layer = |key| laid_over(defaults, case, key);
    let default_unit = defaults.get("unit").cloned().unwrap_or_default();
    let scenario = Scenario::read(layer("store")?, layer("q")?, layer("unit")?, &default_unit)?;
    let Verdict { permit, why, basis, .. } = scenario.decide();
    let basis = expected.basis.is_some().then_some(basis);
    Ok((expected, Outcome { permit, why, basis }))
}

fn expectation(case: &Value) -> Result<Outcome, String> {
    let text = |key| case.get(key).and_then(Value::as_str);
    let permit = match text("expect") {
        Some("permit") => true,
        Some("deny") => false,
        Some(_) | None => return Err("`expect` is not permit or deny".to_owned()),
    };
    let why = text("why").and_then(Why::from_code).ok_or("`why` is not one of the six steps")?;
    let basis = match case.get("basis") {
        None => None,
        Some(ids) => {
            let mut ids = Vec::<Arc<str>>::deserialize(ids)
                .map_err(|_| "`basis` is not a list of ids".to_owned())?;
            ids.sort_unstable();
            Some(ids)
        }
    };
    Ok(Outcome { permit, why, basis })
}

/// The defaults of a part with the case's own keys laid over them, on the first level.
fn laid_over(
    defaults: &Map<String, Value>,
    case: &Value,
    key: &str,
) -> Result<Map<String, Value>, String> {
    let mut part = match defaults.get(key) {
        None => Map::new(),
        Some(Value::Object(part)) => part.clone(),
        Some(_) => return Err(format!("the default `{key}` is not an object")),
    };
    if case.get(key).is_some() {
        part.extend(object(case, key)?);
    }
    Ok(part)
}

fn object(value: &Value, key: &str) -> Result<Map<String, Value>, String> {
    let part = value.get(key).and_then(Value::as_object);
    part.cloned().ok_or_else(|| format!("`{key}` is not an object"))
}

impl Why {
    /// The word of the cases for a step.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Allowed => "allowed",
            Self::Bar => "bar",
            Self::Default => "default",
            Self::Prohibition => "prohibition",
            Self::Scope => "scope",
            Self::SelfAccess => "self",
        }
    }

    /// The step of a word of the cases.
    pub fn from_code(code: &str) -> Option<Self> {
        let all = [
            Self::Allowed,
            Self::Bar,
            Self::Default,
            Self::Prohibition,
            Self::Scope,
            Self::SelfAccess,
        ];
        all.into_iter().find(|why| why.code() == code)
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let expect = if self.permit { "permit" } else { "deny" };
        write!(f, "{expect} ({})", self.why.code())?;
        match &self.basis {
            Some(basis) => write!(f, " by [{}]", basis.join(", ")),
            None => Ok(()),
        }
    }
}

impl fmt::Display for Mismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: expected {}, got {}", self.name, self.expected, self.got)
    }
}
