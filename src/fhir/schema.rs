//! Says what in a JSON value breaks FHIR R4 (4.0.1), where, and in our own words.
//!
//! Asked of what comes in (a `Consent`), and by the tests of everything that goes out. In two stages: the
//! schema `schemas/fhir/fhir.schema.json` with [`element`], [`coded`] and [`calendar`], and then what no
//! schema has words for, in [`rules`], and what the profiles say that the resource names, in [`profile`]. Sources:
//! <http://hl7.org/fhir/R4/json.html>, `validation.html`. Never repeats a value of the input, which may be personal.

mod calendar;
mod coded;
mod element;
mod place;
mod profile;
mod rules;
mod words;

use jsonschema::PatternOptions;
use serde_json::Value;

use profile::Profiles;
use rules::{Asked, Rules};

use crate::{
    error::{Error, Kind, Result},
    fhirpath::model::Model,
};

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

/// The compiled schema and the table of types: about 30 ms to make, so a gateway makes one and keeps it.
#[derive(Debug)]
pub struct Validator {
    schema: jsonschema::Validator,
    rules: Rules,
    profiles: Profiles,
}

impl Validator {
    /// Compiles the schema, which is part of the program: neither files nor the network are read.
    ///
    /// Patterns run in linear time, so no input makes them slow.
    pub fn new() -> Result<Self> {
        let mut document: Value = serde_json::from_str(SCHEMA).map_err(Error::internal)?;
        // Else every part of the compiled schema keeps its whole address, which nobody is told: 2.4 MB.
        document.as_object_mut().and_then(|schema| schema.remove("$id"));
        let schema = jsonschema::options()
            .offline()
            .with_pattern_options(PatternOptions::regex())
            .should_validate_formats(true)
            .with_format(calendar::FORMAT, calendar::exists)
            .with_keyword(element::KEYWORD, element::compile)
            .with_keyword(coded::KEYWORD, coded::compile)
            .build(&document)
            .map_err(|fault| Error::internal(fault.to_owned()))?;
        Ok(Self { schema, rules: Rules::new()?, profiles: Profiles::new()? })
    }

    /// Does the resource keep to FHIR R4? Cheaper than asking for the faults.
    pub fn accepts(&self, resource: &Value) -> bool {
        let root = words::root(resource);
        self.schema.is_valid(resource)
            && self.rules.faults(root, resource, Asked::Errors).is_empty()
            && self.profiles.faults(root, resource).is_empty()
    }

    /// Does the resource keep to the schema alone, which is the first stage?
    pub fn matches_schema(&self, resource: &Value) -> bool {
        self.schema.is_valid(resource)
    }

    /// Everything in the resource that breaks FHIR R4, at most [`MOST_FAULTS`]; empty if nothing does.
    pub fn faults(&self, resource: &Value) -> Vec<Fault> {
        let root = words::root(resource);
        let model = self.model();
        let faults = self.schema.iter_errors(resource);
        let faults = faults.flat_map(|fault| words::tell(root, &fault, model));
        let mut faults: Vec<Fault> = faults.take(MOST_FAULTS).collect();
        // Of what is not even well-formed no invariant says anything that helps.
        let asked = if faults.is_empty() { Asked::Errors } else { Asked::None };
        faults.extend(self.rules.faults(root, resource, asked));
        if faults.is_empty() {
            faults.extend(self.profiles.faults(root, resource));
        }
        faults.truncate(MOST_FAULTS);
        faults
    }

    /// Refuses a resource that is not as FHIR R4 has it, for the first of its faults.
    ///
    /// # Errors
    /// Of this kind, at the element.
    pub fn demand(&self, resource: &Value, kind: Kind) -> Result<()> {
        match self.faults(resource).into_iter().next() {
            Some(fault) => Err(Error::new(kind, fault.say).at(fault.expression)),
            None => Ok(()),
        }
    }

    /// What FHIR R4 calls good practice and the resource does not do; asked of a resource without faults.
    pub fn advice(&self, resource: &Value) -> Vec<Fault> {
        self.rules.faults(words::root(resource), resource, Asked::Warnings)
    }

    /// The types of R4, to evaluate `FHIRPath` by.
    pub fn model(&self) -> &Model<'static> {
        &self.rules.model
    }

    /// Invariants that our `FHIRPath` cannot read, by key: none.
    pub fn unread(&self) -> Vec<&'static str> {
        self.rules.unread()
    }
}
