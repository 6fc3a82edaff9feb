//! What an expression is, read.
//!
//! Part of `fhirpath`: made by `parse`, walked by `run`.

use regex::Regex;

use super::{
    item::Item,
    model::{Name, TypeId},
    run::Function,
};

/// One step.
#[derive(Debug)]
pub(super) enum Expr {
    /// Text, a number, a date or an amount.
    Literal(Item<'static>),
    /// `{}`.
    Nothing,
    /// `$this`, which also stands before a name or call without one.
    This,
    /// `$index`.
    Index,
    /// `$total`.
    Total,
    /// `%resource`.
    Variable(Variable),
    /// `Patient`, at the beginning of a path: what of that type is asked about.
    Root(TypeId),
    /// `.name`; in a plain path from the beginning a name that no type has is a mistake.
    Member(Box<Self>, Label, bool),
    /// `[0]`.
    At(Box<Self>, Box<Self>),
    /// `-`.
    Negative(Box<Self>),
    /// `+`, which only numbers take.
    Positive(Box<Self>),
    /// `is`, `as`, `.is()`, `.as()`, `.ofType()`.
    Type(Test, Box<Self>, Spec),
    /// An operator.
    Binary(Operator, Box<Self>, Box<Self>),
    /// A function.
    Call(Box<Call>),
}

/// What a path calls an element.
#[derive(Debug)]
pub(super) struct Label {
    pub(super) text: String,
    /// Its number; none, if no type has it.
    pub(super) name: Option<Name>,
}

/// A function with what it is called on and with.
#[derive(Debug)]
pub(super) struct Call {
    pub(super) on: Expr,
    pub(super) function: &'static Function,
    pub(super) arguments: Vec<Expr>,
    /// The first argument, where it is a text that the function reads as a pattern.
    pub(super) pattern: Option<Regex>,
}

/// What a test of types gives.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Test {
    /// Whether it is.
    Is,
    /// The one, if it is.
    As,
    /// All that are.
    Of,
}

/// The type that is asked for.
#[derive(Clone, Copy, Debug)]
pub(super) enum Spec {
    /// Of FHIR's model.
    Fhir(TypeId),
    /// Of `FHIRPath` itself.
    System(System),
    /// Named without saying of which, and there is one in each.
    Either(TypeId, System),
}

/// The types of `FHIRPath` itself.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum System {
    Any,
    Boolean,
    String,
    Integer,
    Decimal,
    Date,
    DateTime,
    Time,
    Quantity,
}

impl System {
    /// The type of a name.
    pub(super) fn find(name: &str) -> Option<Self> {
        Some(match name {
            "Any" => Self::Any,
            "Boolean" => Self::Boolean,
            "String" => Self::String,
            "Integer" => Self::Integer,
            "Decimal" => Self::Decimal,
            "Date" => Self::Date,
            "DateTime" => Self::DateTime,
            "Time" => Self::Time,
            "Quantity" => Self::Quantity,
            _ => return None,
        })
    }

    /// Its name.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Any => "Any",
            Self::Boolean => "Boolean",
            Self::String => "String",
            Self::Integer => "Integer",
            Self::Decimal => "Decimal",
            Self::Date => "Date",
            Self::DateTime => "DateTime",
            Self::Time => "Time",
            Self::Quantity => "Quantity",
        }
    }
}

/// What stands around the question.
#[derive(Debug)]
pub(super) enum Variable {
    /// `%resource`.
    Resource,
    /// `%rootResource`.
    Root,
    /// `%context`.
    Context,
    /// One that never changes: `%ucum`.
    Fixed(String),
}

/// What stands between two.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Operator {
    Times,
    Over,
    Div,
    Mod,
    Plus,
    Minus,
    Join,
    Union,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    Equal,
    NotEqual,
    Equivalent,
    NotEquivalent,
    In,
    Contains,
    And,
    Or,
    Xor,
    Implies,
}

impl Operator {
    /// Does it say of two truths whether?
    pub(super) fn joins_truths(self) -> bool {
        matches!(self, Self::And | Self::Or | Self::Xor | Self::Implies)
    }
}
