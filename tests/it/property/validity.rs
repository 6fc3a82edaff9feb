//! Whatever is left out of a resource, what remains is FHIR R4: each kind alone, each left out, and
//! random subsets.

use std::{
    collections::BTreeSet,
    sync::{Arc, LazyLock},
};

use mylife::{
    compartment::Compartment,
    directory::Directory,
    domain::moment::Moment,
    fhir::{
        labels::{Labels, security},
        schema::Validator,
        segment::{KindId, MetaText, Permitted, Resource},
    },
    mapping::chart::Chart,
    source::local::Local,
};
use proptest::{collection::vec, prelude::*};
use serde_json::Value;
use tokio::runtime::Builder;

use super::{
    MANY,
    asked::TYPES,
    lab::listing,
    shelf::Shelf,
    world::{CITY, Somebody, World, day, patient, somebody},
};
use crate::world::emitted;

pub(super) static VALIDATOR: LazyLock<Validator> = LazyLock::new(|| Validator::new().unwrap());

/// Some kinds, all from the same day on.
pub(super) struct Only(pub(super) BTreeSet<KindId>);

impl Permitted for Only {
    fn since(&self, kind: KindId) -> Option<Moment> {
        self.0.contains(&kind).then(|| day(50))
    }
}

/// One person, mapped.
pub(super) struct Mapped {
    compartment: Arc<Compartment>,
    chart: Chart,
}

impl Mapped {
    pub(super) fn of(one: &Somebody) -> Self {
        let world = World { people: vec![one.clone()] };
        let local = Local::new(Arc::new(Shelf::of(&world)), CITY.into(), 1 << 20);
        let runtime = Builder::new_current_thread().build().unwrap();
        let held = runtime.block_on(local.load(&patient(0))).unwrap().unwrap();
        let compartment = held.into_compartment();
        let directory = Arc::new(Directory::new(listing()).unwrap());
        let chart = Chart::new(&compartment, &directory);
        Self { compartment, chart }
    }

    pub(super) fn compartment(&self) -> &Compartment {
        &self.compartment
    }

    pub(super) fn resources(&self) -> impl Iterator<Item = &Arc<Resource>> {
        TYPES.iter().flat_map(|kind| self.chart.resources(&self.compartment, *kind))
    }

    /// The kinds of everything.
    pub(super) fn everything(&self) -> Only {
        Only((0..).zip(self.chart.kinds()).map(|(kind, _)| kind).collect())
    }

    /// What those see of a resource.
    pub(super) fn write(&self, resource: &Resource, only: &Only) -> Option<String> {
        let seen = resource.look(only)?;
        let labels = seen.kinds.iter().map(|kind| self.chart.labels(*kind));
        let security = security(labels.fold(Labels::default(), Labels::union));
        let meta = MetaText { version: "1", security: &security };
        let mut text = String::new();
        resource.write(only, &seen, &meta, &mut text);
        Some(text)
    }
}

/// Nothing that marks what is missing: no empty list, object or text.
fn is_whole(value: &Value) -> bool {
    match value {
        Value::Array(all) => !all.is_empty() && all.iter().all(is_whole),
        Value::Object(all) => !all.is_empty() && all.values().all(is_whole),
        Value::String(text) => !text.is_empty(),
        Value::Null => false,
        Value::Bool(_) | Value::Number(_) => true,
    }
}

fn check(mapped: &Mapped, resource: &Resource, only: &Only) -> Result<(), TestCaseError> {
    let Some(text) = mapped.write(resource, only) else { return Ok(()) };
    let value: Value =
        serde_json::from_str(&text).map_err(|why| TestCaseError::fail(format!("{why}: {text}")))?;
    prop_assert!(is_whole(&value), "something empty: {text}");
    emitted::keep(&value);
    prop_assert!(VALIDATOR.accepts(&value), "{:?}: {text}", VALIDATOR.faults(&value));
    // No kind but those permitted is in it, so the same kinds alone give the same bytes.
    let seen = resource.look(only).unwrap();
    prop_assert!(seen.kinds.iter().all(|kind| only.0.contains(kind)));
    prop_assert_eq!(mapped.write(resource, only), Some(text));
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: MANY / 10, failure_persistence: None, max_shrink_iters: 200,
        ..ProptestConfig::default()
    })]

    #[test]
    fn a_person_weighs_more_by_what_was_mapped(one in somebody()) {
        let mapped = Mapped::of(&one);
        let (before, derived) = mapped.compartment.weight();
        prop_assert_eq!(derived, 0);
        let resources: usize = mapped.resources().map(|resource| resource.weight()).sum();
        prop_assert_eq!(mapped.compartment.weight(), (before + resources, resources));
    }

    #[test]
    fn whatever_is_left_out_what_remains_is_fhir(
        one in somebody(),
        subsets in vec(vec(any::<bool>(), 200), 4),
    ) {
        let mapped = Mapped::of(&one);
        let all = mapped.everything();
        for resource in mapped.resources() {
            let own: BTreeSet<KindId> = resource.content_kinds().collect();
            check(&mapped, resource, &all)?;
            for kind in &own {
                check(&mapped, resource, &Only(BTreeSet::from([*kind])))?;
                check(&mapped, resource, &Only(own.iter().copied().filter(|k| k != kind).collect()))?;
                check(&mapped, resource, &Only(all.0.iter().copied().filter(|k| k != kind).collect()))?;
            }
            for subset in &subsets {
                let chosen = all.0.iter().copied().zip(subset).filter(|(_, is)| **is);
                check(&mapped, resource, &Only(chosen.map(|(kind, _)| kind).collect()))?;
            }
        }
    }
}
