//! By how much something is dearer than something else.

use super::{goal::verdict, machine};

/// Tells the ratios of interleaved rounds, and whether the median is at most that.
pub(crate) fn tell(ratios: &[f64], most: f64) {
    let [_, middle, _] = machine::quartiles(ratios.iter().copied());
    let spread = machine::spread(ratios.iter().copied(), 3);
    println!("{:<52}{spread:>22}; {} {most:.2}", "ratio", verdict(middle <= most));
}
