//! Whether a figure is what it should be.

/// The word for it.
pub(crate) fn verdict(holds: bool) -> &'static str {
    if holds { "holds" } else { "misses" }
}
