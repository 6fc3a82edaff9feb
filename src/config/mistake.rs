//! What is wrong with the settings: one line each, all of them in one run.
//!
//! Part of `config`. A mistake says where, which key, and what to do. It never repeats a secret.

use std::{cell::RefCell, fmt};

use super::{asked::Questions, tree::Place};

/// One thing that is wrong.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct Mistake {
    /// Where.
    pub place: Place,
    /// Which key, `listen.public`; empty where it is no key's fault.
    pub key: String,
    /// What is wrong and what to do.
    pub say: String,
}

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.place)?;
        if !self.key.is_empty() {
            write!(f, "{} ", self.key)?;
        }
        f.write_str(&self.say)
    }
}

/// All mistakes of a run, as they are found, beside what was asked.
#[derive(Debug, Default)]
pub struct Mistakes(RefCell<Vec<Mistake>>, Questions);

impl Mistakes {
    /// Notes one.
    pub fn add(&self, mistake: Mistake) {
        self.0.borrow_mut().push(mistake);
    }

    /// What was asked of the settings.
    pub fn questions(&self) -> &Questions {
        &self.1
    }

    /// Is there none?
    pub fn is_empty(&self) -> bool {
        self.0.borrow().is_empty()
    }

    /// In order of place, each once.
    pub fn sorted(self) -> Vec<Mistake> {
        let mut all = self.0.into_inner();
        all.sort();
        all.dedup();
        all
    }
}
