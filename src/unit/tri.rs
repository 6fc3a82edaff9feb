//! Three-valued truth: what is unknown stays unknown until a rule says which side is closed.
//!
//! Used by every match of a decision. Source: Kleene's strong three-valued logic. It must not turn
//! `Unknown` into either side by itself.

/// False, unknown, true, in this order, so that *and* is the least and *or* the greatest.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Tri {
    /// Certainly not.
    False,
    /// Cannot be told.
    Unknown,
    /// Certainly.
    True,
}

impl Tri {
    /// All of them: false as soon as one is false; true if there is none.
    pub fn all(values: impl IntoIterator<Item = Self>) -> Self {
        let mut least = Self::True;
        for value in values {
            least = least.min(value);
            if least == Self::False {
                break;
            }
        }
        least
    }

    /// Any of them: true as soon as one is true; false if there is none.
    pub fn any(values: impl IntoIterator<Item = Self>) -> Self {
        let mut greatest = Self::False;
        for value in values {
            greatest = greatest.max(value);
            if greatest == Self::True {
                break;
            }
        }
        greatest
    }

    /// Nothing but certainty counts.
    pub fn is_true(self) -> bool {
        self == Self::True
    }
}

impl From<bool> for Tri {
    fn from(known: bool) -> Self {
        if known { Self::True } else { Self::False }
    }
}
