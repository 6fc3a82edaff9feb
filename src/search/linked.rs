//! Conditions on the neighbours of a resource, on the view alone: chains and `_has`.
//!
//! Part of `search`. Each condition becomes a set of ids once, by one walk over the resources of the type
//! at its other end, so a link costs what is held of one person and no more. A neighbour, or a reference
//! to it, that the reader may not see is not there. Source: FHIR R4 search.html#chaining, #has.

use std::{collections::HashSet, sync::Arc};

use crate::{
    consent::{sight::Sight, view::View},
    fhir::{
        segment::{Resource, RowValue},
        types::ResourceType,
    },
    mutant::{self, Mutant},
    query::{Filter, lens, linked::Condition},
};

/// A condition that can be asked of single resources.
pub(super) enum Ready<'q> {
    /// Of its own values.
    Is(&'q Filter),
    /// It refers, by a parameter, to one of these.
    RefersTo(&'static str, HashSet<(ResourceType, Arc<str>)>),
    /// It is one of these.
    IsOneOf(HashSet<Box<str>>),
}

/// Makes a condition on resources of a type ready.
pub(super) fn ready<'q>(view: &View, kind: ResourceType, condition: &'q Condition) -> Ready<'q> {
    match condition {
        Condition::Is(filter) => Ready::Is(filter),
        Condition::RefersTo(param, alternatives) => {
            let mut found = HashSet::new();
            for (to, condition) in alternatives {
                let then = ready(view, *to, condition);
                let meets = |resource: &&Arc<Resource>| {
                    then.is_met(view, resource, Mutant::ChainsSeeHidden)
                };
                let all = view.resources(*to).iter().filter(meets);
                found.extend(all.map(|resource| (*to, Arc::clone(&resource.id))));
            }
            Ready::RefersTo(param, found)
        }
        Condition::IsReferredToBy(from, param, condition) => {
            let then = ready(view, *from, condition);
            let mut found = HashSet::new();
            for resource in view.resources(*from) {
                if then.is_met(view, resource, Mutant::HasSeesHidden) {
                    let mut note = |value: RowValue<&str>| {
                        if let RowValue::Reference(of, id) = value
                            && of == kind.name()
                        {
                            found.insert(id.into());
                        }
                    };
                    let all = || values(view, resource, param, &mut note);
                    mutant::careless(Mutant::HasSeesHidden, all);
                }
            }
            Ready::IsOneOf(found)
        }
    }
}

impl Ready<'_> {
    /// Does it hold of a resource that the reader sees?
    pub(super) fn holds(&self, view: &View, resource: &Resource, sight: &Sight) -> bool {
        match self {
            Self::Is(filter) => super::matches(view, resource, sight, filter),
            Self::RefersTo(param, all) => {
                let mut found = false;
                values(view, resource, param, |value| {
                    if let RowValue::Reference(of, id) = value {
                        let of = ResourceType::parse(of);
                        found |= of.is_some_and(|of| all.contains(&(of, id.into())));
                    }
                });
                found
            }
            Self::IsOneOf(all) => all.contains(&*resource.id),
        }
    }

    /// Does it hold of a neighbour, which must be there for the reader?
    fn is_met(&self, view: &View, resource: &Resource, mistake: Mutant) -> bool {
        if mutant::on(mistake) {
            return mutant::careless(mistake, || {
                let seen = view.lens(resource).and_then(|lens| resource.look(&lens));
                seen.is_some_and(|seen| {
                    let (labels, basis) = (crate::fhir::labels::Labels::default(), Box::default());
                    self.holds(view, resource, &Sight::new(seen, labels, basis))
                })
            });
        }
        view.look(resource).is_some_and(|sight| self.holds(view, resource, &sight))
    }
}

/// The values of a parameter that exist for the reader.
pub fn values(view: &View, resource: &Resource, param: &str, mut with: impl FnMut(RowValue<&str>)) {
    let Some(lens) = view.lens(resource) else { return };
    let Some(seen) = resource.look(&lens) else { return };
    for value in lens::values(&lens, resource, &seen, param) {
        with(value);
    }
}
