//! Says what in a JSON value breaks FHIR R4 (4.0.1), where, and in our own words.
//!
//! Asked of what comes in (a `Consent`), and by the tests of everything that goes out. The rules are
//! in `schemas/fhir/fhir.schema.json`; those that JSON Schema has no word for are in [`element`],
//! [`calendar`] and [`targets`]. Sources: <http://hl7.org/fhir/R4/json.html>, `validation.html`.
//! Never repeats a value of the input, which may be personal.

mod calendar;
mod element;
mod targets;
mod words;

use jsonschema::PatternOptions;
use serde_json::Value;

use crate::error::{Error, Result};

const SCHEMA: &str = include_str!("../../schemas/fhir/fhir.schema.json");

/// The most faults told of one value; the first few are enough to mend it by.
pub const MOST_FAULTS: usize = 50;

/// One thing that breaks FHIR R4.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Fault {
    /// The element, as a `FHIRPath`: `QuestionnaireResponse.item[0].answer[0].valueInteger`. A choice
    /// is named without its type (`Goal.target[0].due`).
    pub expression: String,
    /// What must be so, in one line, for the reader of an `OperationOutcome`.
    pub say: String,
}

/// The compiled schema: about 30 ms to make, so a gateway makes one and keeps it.
#[derive(Debug)]
pub struct Validator {
    schema: jsonschema::Validator,
}

impl Validator {
    /// Compiles the schema, which is part of the program: neither files nor the network are read.
    ///
    /// Patterns run in linear time, so no input makes them slow.
    pub fn new() -> Result<Self> {
        let document: Value = serde_json::from_str(SCHEMA).map_err(Error::internal)?;
        let schema = jsonschema::options()
            .offline()
            .with_pattern_options(PatternOptions::regex())
            .should_validate_formats(true)
            .with_format(calendar::FORMAT, calendar::exists)
            .with_keyword(element::KEYWORD, element::compile)
            .build(&document)
            .map_err(|fault| Error::internal(fault.to_owned()))?;
        Ok(Self { schema })
    }

    /// Does the resource keep to FHIR R4? Cheaper than asking for the faults.
    pub fn accepts(&self, resource: &Value) -> bool {
        self.schema.is_valid(resource)
            && targets::faults(words::root(resource), resource).is_empty()
    }

    /// Everything in the resource that breaks FHIR R4, at most [`MOST_FAULTS`]; empty if nothing does.
    pub fn faults(&self, resource: &Value) -> Vec<Fault> {
        let root = words::root(resource);
        let faults = self.schema.iter_errors(resource).flat_map(|fault| words::tell(root, &fault));
        let faults = faults.chain(targets::faults(root, resource));
        faults.take(MOST_FAULTS).collect()
    }
}
