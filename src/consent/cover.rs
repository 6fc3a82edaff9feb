//! What the token's scopes cover, as the first step of a decision needs it.
//!
//! A short list of (resource type, permissions). Source: SMART App Launch 2.2, scopes. The
//! gateway's full scope grammar, with granular parameters, stands in its own step; this must not
//! grow into one, so a scope it does not understand covers nothing.

use std::sync::Arc;

/// What is to be done with the unit's resource.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[repr(u8)]
pub enum Interaction {
    /// `c`
    Create,
    /// `r`: read, vread, history of one resource.
    Read,
    /// `u`: update, patch.
    Update,
    /// `d`
    Delete,
    /// `s`: search, history of a type.
    Search,
}

impl Interaction {
    const fn bit(self) -> u8 {
        1 << self as u8
    }
}

/// Permissions in the order SMART demands, each letter at most once.
const LETTERS: [(char, Interaction); 5] = [
    ('c', Interaction::Create),
    ('r', Interaction::Read),
    ('u', Interaction::Update),
    ('d', Interaction::Delete),
    ('s', Interaction::Search),
];

/// The union of some scopes.
#[derive(Clone, Debug, Default, Eq, Hash, PartialEq)]
pub struct ScopeCover(Vec<(Option<Arc<str>>, u8)>);

impl ScopeCover {
    /// Everything: for a caller whose scopes another step has already applied.
    pub fn all() -> Self {
        Self::of([("*", "cruds")])
    }

    /// From pairs of resource type (or `*`) and permissions (`rs`, or version 1 `read`, `write`,
    /// `*`). A pair with other permissions covers nothing.
    pub fn of<'a>(pairs: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        let entry = |(resource, letters): (&str, &str)| {
            let permissions = permissions(letters)?;
            Some(((resource != "*").then(|| resource.into()), permissions))
        };
        Self(pairs.into_iter().filter_map(entry).collect())
    }

    /// From the texts of scopes, such as `user/*.rs`; what is not of this form covers nothing.
    pub fn parse<'a>(scopes: impl IntoIterator<Item = &'a str>) -> Self {
        Self::of(scopes.into_iter().filter_map(|scope| {
            let (level, rest) = scope.split_once('/')?;
            let (resource, letters) = rest.split_once('.')?;
            let plain = resource == "*" || resource.bytes().all(|b| b.is_ascii_alphabetic());
            let level = matches!(level, "patient" | "user" | "system");
            (level && plain && !resource.is_empty()).then_some((resource, letters))
        }))
    }

    /// Does some scope cover this interaction with this resource type?
    pub fn covers(&self, resource: &str, interaction: Interaction) -> bool {
        self.0.iter().any(|(of, permissions)| {
            of.as_deref().is_none_or(|of| of == resource) && permissions & interaction.bit() != 0
        })
    }
}

fn permissions(letters: &str) -> Option<u8> {
    let letters = match letters {
        "read" => "rs",
        "write" => "cud",
        "*" => "cruds",
        other => other,
    };
    let mut order = LETTERS.into_iter();
    let mut permissions = 0;
    for letter in letters.chars() {
        let (_, interaction) = order.find(|(expected, _)| *expected == letter)?;
        permissions |= interaction.bit();
    }
    (permissions != 0).then_some(permissions)
}
