//! Where a walk over a resource is.
//!
//! Part of [`super`]: a list on the stack, turned into text for a fault alone.

/// A place in a resource.
pub(super) enum Place<'p> {
    /// The resource, or what stands for the way to it.
    Root(&'p str),
    /// A member of what is at a place.
    Member(&'p Self, &'p str),
    /// An entry of the list at a place.
    At(&'p Self, usize),
}

impl Place<'_> {
    /// As a `FHIRPath`.
    pub(super) fn text(&self) -> String {
        match self {
            Self::Root(name) => (*name).to_owned(),
            Self::Member(parent, name) => format!("{}.{name}", parent.text()),
            Self::At(parent, index) => format!("{}[{index}]", parent.text()),
        }
    }

    /// How many steps it is from the root.
    pub(super) fn depth(&self) -> usize {
        match self {
            Self::Root(_) => 0,
            Self::Member(parent, _) | Self::At(parent, _) => parent.depth() + 1,
        }
    }
}
