//! On what a disclosure rests, as kinds that may be counted.
//!
//! Part of `domain`. Says nothing of anybody: which consent or ground it was stands in the record alone.

/// Kinds of what permits.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Warrant {
    /// A consent.
    Consent,
    /// The law table.
    Law,
    /// Nothing of a person left.
    Nothing,
    /// Use within the register.
    Register,
    /// A representation.
    Representation,
}

impl Warrant {
    /// All of them.
    pub const ALL: [Self; 5] =
        [Self::Consent, Self::Law, Self::Nothing, Self::Register, Self::Representation];

    /// Its name among metrics.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Consent => "consent",
            Self::Law => "law",
            Self::Nothing => "nothing",
            Self::Register => "register",
            Self::Representation => "representation",
        }
    }
}
