//! What may be told of the counts of several sources: the one rule by which numbers are withheld and
//! rounded.
//!
//! Part of `indicator`, applied once all sources have been added up. A municipality's number depends on
//! that cell alone, so every gateway that is asked tells the same of it; which of them a county's number
//! leaves untold follows from those, so no two reports can be subtracted. Source: Statistics Finland's
//! rules of output checking: primary and secondary suppression, rounding to a base.

use super::cell::{Cell, Counts};
use crate::{
    domain::id::NodeCode,
    mutant::{self, Mutant},
};

/// Fewer people than this are never told of; zero neither.
pub const LEAST: u64 = 5;
/// Numbers that are told are multiples of it.
pub const BASE: u64 = 5;

/// A number of people as it may be told.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Figure {
    /// Rounded.
    Told(u64),
    /// It is small, or would let one that is small be worked out.
    Withheld,
    /// Some of it is not known: a source was not reached.
    Unknown,
}

/// One source's part.
pub struct Source {
    /// Its node code.
    pub node: NodeCode,
    /// How many are where; `None` if it was not reached.
    pub counts: Option<Counts>,
}

/// The counts of all sources.
pub struct Table {
    sources: Vec<Source>,
}

impl Table {
    /// Of these sources.
    pub fn new(mut sources: Vec<Source>) -> Self {
        sources.sort_by(|a, b| a.node.cmp(&b.node));
        Self { sources }
    }

    /// Its sources, in order of node code.
    pub fn nodes(&self) -> impl Iterator<Item = &NodeCode> {
        self.sources.iter().map(|source| &source.node)
    }

    /// What may be told of one source.
    pub fn of_source(&self, node: &NodeCode, cell: Cell) -> Figure {
        match self.count(node, cell) {
            None => Figure::Unknown,
            Some(count) if mutant::on(Mutant::SmallNumbersAreTold) => Figure::Told(count),
            Some(count) if count < LEAST => Figure::Withheld,
            Some(count) => Figure::Told(rounded(count)),
        }
    }

    /// What may be told of several together: the sum of what is told of each, and of the rest of them
    /// rounded, if that rest leaves every number in it free to be anything that is withheld. Unless each
    /// was asked and reached nothing is told, or what is missing could be worked out later.
    pub fn of_area(&self, nodes: &[NodeCode], cell: Cell) -> Figure {
        let counts = nodes.iter().map(|node| self.count(node, cell)).collect::<Option<Vec<u64>>>();
        let Some(counts) = counts else { return Figure::Unknown };
        let (told, rest): (Vec<u64>, Vec<u64>) = counts.into_iter().partition(|n| *n >= LEAST);
        let told: u64 = told.into_iter().map(rounded).sum();
        let (many, sum) = (rest.len() as u64, rest.into_iter().sum::<u64>());
        if many == 0 {
            return Figure::Told(told);
        }
        // Each of the rest is known to be less than LEAST. That one of them can be 0 whatever the others
        // are takes room in those for all of it; that it can be the most takes a sum of at least that.
        let room = (LEAST - 1) * (many - 1);
        if (LEAST..=room).contains(&sum) {
            Figure::Told(told + rounded(sum))
        } else {
            Figure::Withheld
        }
    }

    fn count(&self, node: &NodeCode, cell: Cell) -> Option<u64> {
        let source = self.sources.iter().find(|source| source.node == *node)?;
        source.counts.as_ref().map(|counts| counts.of(cell))
    }
}

/// The next multiple of the base; it is odd, so there is always one that is nearer.
const fn rounded(count: u64) -> u64 {
    (count + BASE / 2) / BASE * BASE
}
