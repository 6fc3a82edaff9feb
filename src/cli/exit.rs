//! How a command ended, as scripts read it.
//!
//! Part of `cli`; the numbers above 1 are those of BSD `sysexits.h`.

use crate::error::Kind;

/// How a command ended.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Exit {
    /// It was done, and nothing was amiss.
    Fine,
    /// It was done, and something was found amiss: a document refused, a case that differs.
    Findings,
    /// The command, its files or the settings are wrong.
    Usage,
    /// A fault of the program.
    Internal,
    /// Something is not to be had at present: try again.
    Unavailable,
}

impl Exit {
    /// The number.
    pub const fn code(self) -> u8 {
        match self {
            Self::Fine => 0,
            Self::Findings => 1,
            Self::Usage => 64,
            Self::Internal => 70,
            Self::Unavailable => 75,
        }
    }

    /// Of an error.
    pub const fn of(kind: Kind) -> Self {
        match kind.shape().status {
            500 => Self::Internal,
            502..=504 => Self::Unavailable,
            _ => Self::Usage,
        }
    }

    /// Findings if there is one.
    pub const fn findings(any: bool) -> Self {
        if any { Self::Findings } else { Self::Fine }
    }
}
