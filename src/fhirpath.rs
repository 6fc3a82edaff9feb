//! `FHIRPath`: what a resource's search parameters and invariants say, evaluated.
//!
//! Floor of the house: reads JSON by the types of FHIR R4 and nothing else. An expression is read once
//! and evaluated often, without files, network or clock, in bounded steps; numbers are exact; what it
//! cannot do is an error and never an empty answer. Source: `FHIRPath` 2.0.0, FHIR R4 fhirpath.html.

pub mod decimal;
pub mod item;
pub mod model;
pub mod quantity;
pub mod temporal;
mod compare;
mod lex;
mod parse;
mod run;
mod tree;

use std::cell::Cell;

use serde_json::Value;

use crate::error::{Error, Result};
use item::{Item, Node};
use model::Model;
use temporal::Temporal;

/// Bytes of the longest expression that is read.
const LONGEST: usize = 8192;
/// Steps that the questions of one scope may take together, if nobody says otherwise.
const STEPS: u32 = 1_000_000;

/// An expression, read.
#[derive(Debug)]
pub struct Expression {
    root: tree::Expr,
}

impl Expression {
    /// Reads an expression. Types and functions are looked up at once.
    ///
    /// # Errors
    /// `Invalid` for what is no expression, or uses a function that is not supported.
    pub fn parse(text: &str, model: &Model<'_>) -> Result<Self> {
        if text.len() > LONGEST {
            return Err(refuse(format!("it is longer than {LONGEST} bytes")));
        }
        Ok(Self { root: parse::parse(text, model)? })
    }

    /// What it says of some items.
    ///
    /// # Errors
    /// `Invalid` where the expression asks for what cannot be said, or takes too many steps.
    pub fn evaluate<'a>(&'a self, scope: &Scope<'a>, on: &[Item<'a>]) -> Result<Vec<Item<'a>>> {
        run::evaluate(&self.root, scope, on)
    }

    /// Does it say `false` of some items, as an invariant does that they break?
    ///
    /// # Errors
    /// As [`Self::evaluate`].
    pub fn denies<'a>(&'a self, scope: &Scope<'a>, on: &[Item<'a>]) -> Result<bool> {
        run::denies(&self.root, scope, on)
    }
}

/// What stands around a question, and how much asking is left.
#[derive(Debug)]
pub struct Scope<'a> {
    /// The types.
    pub model: &'a Model<'a>,
    /// `%resource`: the nearest resource.
    pub resource: Node<'a>,
    /// `%rootResource`: the resource that holds it, or itself.
    pub root: Node<'a>,
    /// What `now()` is; unknown, if nobody may ask.
    pub now: Option<Temporal>,
    steps: Cell<u32>,
}

impl<'a> Scope<'a> {
    /// Around a resource.
    ///
    /// # Errors
    /// `Invalid` if it names no type of R4.
    pub fn of(model: &'a Model<'a>, resource: &'a Value) -> Result<Self> {
        let node = Node::resource(model, resource)
            .ok_or_else(|| refuse("what is asked about is no resource of FHIR R4"))?;
        Ok(Self { model, resource: node, root: node, now: None, steps: Cell::new(STEPS) })
    }

    /// With so many steps left.
    pub fn within(self, steps: u32) -> Self {
        self.steps.set(steps);
        self
    }

    fn step(&self, cost: usize) -> Result<()> {
        let left = u32::try_from(cost).ok().and_then(|cost| self.steps.get().checked_sub(cost));
        self.steps.set(left.unwrap_or_default());
        left.map(|_| ()).ok_or_else(|| refuse("it takes too many steps"))
    }
}

fn refuse(why: impl std::fmt::Display) -> Error {
    Error::invalid(format!("The FHIRPath expression cannot be evaluated: {why}."))
}
