//! Filters tried on their examples: what they make of them has to be good.
//!
//! Part of `mylife check` and `mylife doctor`; the same steps as a document that is pushed walks until it is
//! committed. A reference to what is not stored is no mistake here.

use super::documents;
use crate::{
    config::{Mistake, tree::Place},
    error::Result,
    gateway::open::Setup,
    native::{
        self, Rules,
        foreign::{Filter, apart::Apart},
        schemas::Schemas,
    },
};

/// Everything that is wrong with what the filters make of their examples.
pub(super) fn mistakes(setup: &Setup) -> Vec<Mistake> {
    let mut all = Vec::new();
    let mut told = |filter: &Filter, place: String, say: String| {
        let key = format!("filters {}", filter.name);
        all.push(Mistake { place: Place::Said(place.into()), key, say });
    };
    let filters = setup.filters.all.iter().filter(|filter| !filter.examples.is_empty());
    for filter in filters {
        if let Err(error) = tried(filter, setup, &mut |place, say| told(filter, place, say)) {
            told(filter, "examples".to_owned(), error.say().to_owned());
        }
    }
    all
}

/// Tries one; tells of each document that it makes nothing good of.
fn tried(filter: &Filter, setup: &Setup, told: &mut dyn FnMut(String, String)) -> Result<()> {
    let schemas = Schemas::compile()?;
    let (limits, now) = (setup.limits.document, setup.clock.now());
    let rules = Rules { schemas: &schemas, now, test_range: setup.limits.test_range, limits };
    let mut apart = Apart::new(filter.program.clone())?;
    for path in &filter.examples {
        let found = match documents::of_form(path, filter.form) {
            Ok(found) => found,
            Err(error) => {
                told(path.display().to_string(), error.say().to_owned());
                continue;
            }
        };
        if found.is_empty() {
            told(path.display().to_string(), "holds no document to try it on".to_owned());
        }
        for one in found {
            match filter.make(&mut apart, &one.bytes, &limits) {
                Err(error) => told(one.place, error.say().to_owned()),
                Ok(made) => {
                    let faults = native::validate(&made, &rules).err().unwrap_or_default();
                    for fault in faults {
                        let say = format!("{}: {}", fault.path, fault.say);
                        told(one.place.clone(), filter.told(&say));
                    }
                }
            }
        }
    }
    Ok(())
}

/// What a look at the filters found, in one line each.
pub(super) fn look(setup: &Setup) -> Vec<(String, std::result::Result<String, String>)> {
    let mistakes = mistakes(setup);
    let of = |filter: &Filter| {
        let (part, key) = (format!("filter {}", filter.name), format!("filters {}", filter.name));
        let wrong = mistakes.iter().find(|mistake| mistake.key == key);
        let found = match wrong {
            Some(mistake) => Err(format!("{}: {}", mistake.place, mistake.say)),
            None if filter.examples.is_empty() => Ok("it can be read".to_owned()),
            None => Ok("it makes good documents of its examples".to_owned()),
        };
        (part, found)
    };
    setup.filters.all.iter().map(|filter| of(filter)).collect()
}
