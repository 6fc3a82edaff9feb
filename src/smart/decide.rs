//! What of a request is granted, and what of the data a grant covers.
//!
//! Part of `smart`. Both only narrow: nothing is covered by an intersection that is not
//! covered by both sides. Source: SMART App Launch 2.2, `scope-equivalence`: scopes are a union.

use super::{Context, Limits, Permissions, Scope, Scopes};
use crate::{
    error::{Error, Kind},
    fhir::types::{Interaction, ResourceType},
};

/// How much of a type one interaction may reach.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Cover<'a> {
    /// What satisfies any one of these.
    Limited(Vec<&'a Limits>),
    /// Nothing: the answer is 403, whatever the data.
    Nothing,
    /// Everything.
    Whole,
}

impl Scopes {
    /// What is granted of `self` to a client registered for `registered`: the part of each scope
    /// that the registration has too. A scope that is granted whole keeps its wording.
    pub fn intersect(&self, registered: &Self) -> Self {
        let mut granted = Self {
            fhir: Vec::new(),
            native_write: self.native_write && registered.native_write,
            launch_write: self.launch_write && registered.launch_write,
        };
        for asked in &self.fhir {
            let mut pieces: Vec<Scope> = Vec::new();
            for had in &registered.fhir {
                if let Some(piece) = both(asked, had) {
                    keep(&mut pieces, piece);
                }
            }
            for mut piece in pieces {
                piece.v1 &= piece.permissions.v1().is_some();
                granted.add(piece);
            }
        }
        granted
    }

    /// How much of `resource` these scopes let `interaction` reach.
    pub fn covers(&self, resource: ResourceType, interaction: Interaction) -> Cover<'_> {
        let letter = Permissions::of(interaction);
        let reaching = |s: &&Scope| {
            s.permissions.contains(letter) && s.resource.is_none_or(|named| named == resource)
        };
        if self.fhir.iter().filter(reaching).any(|s| s.limits.is_empty()) {
            return Cover::Whole;
        }
        let limits: Vec<&Limits> = self.fhir.iter().filter(reaching).map(|s| &s.limits).collect();
        if limits.is_empty() { Cover::Nothing } else { Cover::Limited(limits) }
    }
}

/// The scope a call would have needed, for the challenge of a 403 (RFC 6750 section 3.1).
pub fn needed(context: Context, resource: ResourceType, interaction: Interaction) -> String {
    format!("{}/{resource}.{}", context.name(), Permissions::of(interaction))
}

/// The refusal of a call that no scope covers; it depends on no person's data.
pub fn insufficient() -> Error {
    Error::new(Kind::Forbidden, "The access token has no scope for this; ask for one that has.")
}

/// What two scopes both cover.
fn both(asked: &Scope, had: &Scope) -> Option<Scope> {
    if asked.context != had.context {
        return None;
    }
    let resource = match (asked.resource, had.resource) {
        (None, other) | (other, None) => other,
        (Some(a), Some(b)) if a == b => Some(a),
        (Some(_), Some(_)) => return None,
    };
    let permissions = asked.permissions.intersection(had.permissions);
    (!permissions.is_empty()).then(|| Scope {
        context: asked.context,
        resource,
        permissions,
        limits: asked.limits.and(&had.limits),
        v1: asked.v1,
    })
}

/// Adds a piece of one asked scope; pieces of the same reach become one, and one within another goes.
fn keep(pieces: &mut Vec<Scope>, mut piece: Scope) {
    pieces.retain(|held| {
        let same = held.resource == piece.resource && held.limits == piece.limits;
        if same {
            piece.permissions = piece.permissions.union(held.permissions);
        }
        !same
    });
    if !pieces.iter().any(|held| within(&piece, held)) {
        pieces.retain(|held| !within(held, &piece));
        pieces.push(piece);
    }
}

/// Does `wide` surely cover all of `narrow`?
fn within(narrow: &Scope, wide: &Scope) -> bool {
    let Scope { context: _, resource, permissions, limits, v1: _ } = narrow;
    (wide.resource.is_none() || wide.resource == *resource)
        && wide.permissions.contains(*permissions)
        && wide.limits.labels.iter().all(|l| limits.labels.contains(l))
        && wide.limits.filters.iter().all(|f| limits.filters.contains(f))
}
