//! Filters tried on their examples: what they make of them has to be good.
//!
//! Part of `mylife check` and `mylife doctor`; the same steps as a document that is pushed walks until it is
//! committed. A reference to what is not stored is no mistake here.

use super::{doctor::finding::Findings, documents};
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
        all.push(Mistake { place: Place::Said(place.into()), key: key(filter), say });
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

/// Looks at each for `mylife doctor`.
pub(super) fn look(setup: &Setup, findings: &mut Findings) {
    let mistakes = mistakes(setup);
    for filter in &setup.filters.all {
        let part = format!("filter {}", filter.name);
        let mut wrong = mistakes.iter().filter(|mistake| mistake.key == key(filter)).peekable();
        if wrong.peek().is_none() {
            let tried = !filter.examples.is_empty();
            let say =
                if tried { "it makes good documents of its examples" } else { "it can be read" };
            findings.fine(part.clone(), say);
        }
        for mistake in wrong {
            let mend = "try it with `mylife convert`, and mend the filter or the example";
            findings.wrong(part.clone(), format!("{}: {}", mistake.place, mistake.say), mend);
        }
    }
}

fn key(filter: &Filter) -> String {
    format!("filters {}", filter.name)
}
