//! Today's decisions, applied to what was held before.
//!
//! Part of `release`. A state of the past is mapped anew and judged by the consents, the representation,
//! the law and the care relation of today: what was withdrawn since is in no earlier version, and what
//! was granted since is in all. Has no error path that yields data. Source: `consent` 1.6, 2.2 row 11.

use std::{
    collections::{HashMap, hash_map::Entry},
    sync::Arc,
};

use super::{
    Terms, asker_about, cover, decide_all, snapshot,
    together::{self, Meant},
};
use crate::{
    compartment::Compartment,
    consent::{
        asker::Asker,
        boundary::{Course, Standing},
        decide::Snapshot,
        view::View,
    },
    domain::{
        class::{Class, ClassSet},
        moment::Moment,
        person::MinorStance,
        theme::{Theme, ThemeSet},
    },
    fhir::segment::KindId,
    mapping::{Mapped, chart::Chart},
    scope::Grant,
    source,
    unit::{
        Sort, Unit,
        label::{Confidentiality, Themes},
    },
};

/// What today's decisions read, for one reader of one person.
pub struct Today<'a> {
    compartment: Arc<Compartment>,
    snapshot: Snapshot,
    asker: Asker,
    /// Whom any of it is about beside the person.
    held: Arc<[source::Member]>,
    meant: Meant,
    grant: &'a Grant,
    terms: &'a Terms,
    /// Decisions that were made; good while the units there are stay the same.
    known: HashMap<Unit, Option<Standing>>,
    /// When permits of what has such an origin last ended.
    ended: HashMap<Unit, Moment>,
}

impl<'a> Today<'a> {
    /// From what is held now.
    pub fn new(mapped: Mapped, grant: &'a Grant, terms: &'a Terms, now: Moment) -> Self {
        let held = Arc::clone(mapped.members());
        let members = together::members(&held, grant, terms, now);
        let (compartment, chart) = mapped.into_parts();
        let meant = Meant::of(grant, &compartment, &held);
        let about = (cover(grant), meant.is_some());
        let asker = asker_about(&compartment, grant, terms, about, now);
        let snapshot = Snapshot { members, ..snapshot(&compartment, chart.others(), terms) };
        let (known, ended) = (HashMap::new(), HashMap::new());
        Self { compartment, snapshot, asker, held, meant, grant, terms, known, ended }
    }

    /// What the reader may see today of what was held then.
    pub fn release(&mut self, mapped: Mapped) -> Arc<View> {
        let (then, chart) = mapped.into_parts();
        let person = self.compartment.person.as_ref();
        let stance = person.and_then(|p| p.native.minor_stance).map(MinorStance::code);
        let mut others = chart.others();
        others.iter_mut().for_each(|unit| unit.minor_stance = stance);
        if others != self.snapshot.others {
            // Identity and the theme-less parts of plans go with what else there is.
            self.snapshot.others = others;
            self.known.clear();
        }
        let (asker, known, meant) = (&self.asker, &mut self.known, &self.meant);
        let course = Course::new(&self.snapshot, asker, asker.now);
        let mut standing = |mut unit: Unit| {
            if !meant.covers(&unit) {
                return None;
            }
            unit.minor_stance = stance;
            match known.entry(unit) {
                Entry::Occupied(of) => of.get().clone(),
                Entry::Vacant(of) => {
                    let stands = course.standing(of.key());
                    of.insert(stands).clone()
                }
            }
        };
        let until = course.next_change();
        let decided = decide_all(asker, until, &chart, self.terms, self.grant, &mut standing);
        let today = Some(Arc::clone(&self.compartment));
        let concerned = together::concerned(&self.held, &decided);
        Arc::new(View::new(then, chart, Arc::new(decided), today).about(concerned))
    }

    /// When a permit last ended under which there could have been more in a resource of which these
    /// kinds are seen. Asked of every theme and class of the same origin, be there such or not, so that
    /// it tells nothing of what is there.
    pub(in crate::consent) fn ended(&mut self, chart: &Chart, kinds: &[KindId]) -> Moment {
        let seen = kinds.iter().filter_map(|kind| chart.kinds().get(usize::from(*kind)));
        let mut last = Moment::MIN;
        let course = Course::new(&self.snapshot, &self.asker, self.asker.now);
        for unit in seen.map(|kind| chart.unit(kind)).filter(|unit| unit.sort != Sort::Records) {
            let (themes, classes) = (Themes::default(), ClassSet::EMPTY);
            let origin = Unit { sort: Sort::Item, themes, classes, plan: None, ..unit };
            let of = self.ended.entry(origin);
            last = last.max(*of.or_insert_with_key(|origin| ended(&course, origin)));
        }
        last
    }
}

/// When a permit of what has such an origin last ended that is not there now.
fn ended(course: &Course<'_>, origin: &Unit) -> Moment {
    let themes = Theme::ALL.into_iter().map(|theme| ThemeSet::EMPTY.with(theme));
    let classes = || Class::ALL.into_iter().map(|class| ClassSet::EMPTY.with(class));
    let sensitive = [Class::MentalHealth, Class::SubstanceUse, Class::ChildProtection];
    let mut last = Moment::MIN;
    for known in themes.chain([ThemeSet::EMPTY]) {
        for classes in classes().chain([ClassSet::EMPTY]) {
            let is_restricted = sensitive.into_iter().any(|class| classes.contains(class));
            let of = if is_restricted { Confidentiality::R } else { Confidentiality::N };
            let (themes, confidentiality) = (Themes { known, unknown: false }, Some(of));
            let unit = Unit { themes, confidentiality, classes, ..origin.clone() };
            last = last.max(course.ended(&unit));
        }
    }
    last
}
