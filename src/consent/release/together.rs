//! What is about several people: how far a caller's scopes reach it, what each of the others decides, and
//! what the record of each says.
//!
//! Part of `release`. Of others only what decides is read, before the caller that asks. What one of them
//! gave is told to nobody but in their own record. Source: `consent` 1.4; design 3.2 (a family), 9.

use std::sync::Arc;

use super::{Decided, Shared, Terms, asker_about, cover, snapshot};
use crate::{
    compartment::Compartment,
    consent::{asker::Asker, decide::Member, sight::Basis},
    domain::{
        moment::Moment,
        person::{MinorStance, Named},
    },
    fhir::{labels::Labels, segment::KindId, types::ResourceType},
    mapping::chart::Chart,
    mutant::{self, Mutant},
    scope::Grant,
    source,
    unit::Unit,
};

/// What of a person's data a caller's scopes are about.
pub(super) enum Meant {
    /// All of it.
    All,
    /// What is about somebody else too, to whom the scopes are confined: as the data name them.
    About(Named),
    /// Nothing.
    Nothing,
}

impl Meant {
    /// A scope of one patient covers what is about that patient, and nothing else of anybody, whatever
    /// they permit.
    pub(super) fn of(grant: &Grant, compartment: &Compartment, held: &[source::Member]) -> Self {
        let Some(one) = grant.caller().confined_to() else { return Self::All };
        if one == Some(&*compartment.patient) || mutant::on(Mutant::PatientScopeIsEverybodys) {
            return Self::All;
        }
        let is_meant = |member: &&source::Member| {
            let known = member.compartment.as_ref();
            known.is_some_and(|known| one == Some(&*known.patient))
        };
        let about = held.iter().find(is_meant).map(|member| member.named.clone());
        about.map_or(Self::Nothing, Self::About)
    }

    /// Is anything meant?
    pub(super) const fn is_some(&self) -> bool {
        !matches!(self, Self::Nothing)
    }

    /// Is this meant?
    pub(super) fn covers(&self, unit: &Unit) -> bool {
        match self {
            Self::All => true,
            Self::About(named) => unit.members.contains(named),
            Self::Nothing => false,
        }
    }
}

/// The others whom data are about, before this caller. A gateway that asks passes on what it is told,
/// and a withdrawal waits for what was told of the one who withdraws: so of what is about several it is
/// told nothing.
pub(super) fn members(
    held: &[source::Member],
    grant: &Grant,
    terms: &Terms,
    now: Moment,
) -> Arc<[Member]> {
    if grant.caller().node().is_some() {
        return Arc::default();
    }
    // Whether the scopes are about it was asked of the data themselves.
    members_before(held, terms, |of| asker_about(of, grant, terms, (cover(grant), true), now))
}

/// The others whom data are about, before the asker that there is of each.
pub(in crate::consent) fn members_before(
    held: &[source::Member],
    terms: &Terms,
    asker: impl Fn(&Compartment) -> Asker,
) -> Arc<[Member]> {
    let member = |held: &source::Member| {
        let compartment = held.compartment.as_ref()?;
        let person = compartment.person.as_ref();
        Some(Member {
            named: held.named.clone(),
            snapshot: snapshot(compartment, Vec::new(), terms),
            asker: asker(compartment),
            stance: person.and_then(|p| p.native.minor_stance).map(MinorStance::code),
        })
    };
    held.iter().filter_map(member).collect()
}

/// Somebody else whom something that is seen is about, as the record under their own key says it.
#[derive(Clone)]
pub struct Other {
    /// Id of the Patient.
    pub patient: Arc<str>,
    /// Key of their audit records.
    pub audit_key: [u8; 32],
    /// Labels of what is about them.
    pub labels: Labels,
    /// What of theirs permits it.
    pub basis: Vec<Basis>,
}

/// Somebody else whom some kinds are about.
pub struct Concerned {
    compartment: Arc<Compartment>,
    /// The kinds that are about them, each with what of theirs permits it.
    kinds: Box<[(KindId, Vec<Basis>)]>,
}

impl Concerned {
    /// What the record of them says of a resource of this type of which these kinds are seen; `None` if
    /// nothing in it is about them. That something refers to what is about them is not about them.
    pub(in crate::consent) fn by(
        &self,
        of: ResourceType,
        seen: &[KindId],
        chart: &Chart,
    ) -> Option<Other> {
        let (mut labels, mut basis) = (None, Vec::new());
        let is_of = |kind: KindId| chart.kinds().get(usize::from(kind)).is_some_and(|k| k.of == of);
        for (kind, permits) in &self.kinds {
            if seen.contains(kind) && is_of(*kind) {
                labels = Some(Labels::union(labels.unwrap_or_default(), chart.labels(*kind)));
                for one in permits {
                    if !basis.contains(one) {
                        basis.push(one.clone());
                    }
                }
            }
        }
        let Compartment { patient, audit_key, .. } = &*self.compartment;
        let (patient, audit_key) = (Arc::clone(patient), *audit_key);
        labels.map(|labels| Other { patient, audit_key, labels, basis })
    }
}

/// Whom what is permitted is about beside the person, and what of theirs permits each kind.
pub(super) fn concerned(held: &[source::Member], decided: &Decided) -> Arc<[Concerned]> {
    let one = |held: &source::Member| {
        let compartment = Arc::clone(held.compartment.as_ref()?);
        let given = |(kind, named, theirs): &Shared| {
            let at = named.iter().position(|one| *one == held.named)?;
            let of_it = |id: &Arc<str>| (Arc::clone(id), compartment.consent_version(id));
            Some((*kind, theirs.get(at)?.iter().map(of_it).collect()))
        };
        let kinds = decided.theirs.iter().filter_map(given).collect();
        Some(Concerned { compartment, kinds })
    };
    held.iter().filter_map(one).collect()
}
