//! `[directory]`: organisations, services, professionals and places, here or in a file of its own.
//!
//! Part of `config`; the rules are those of the directory.

use std::path::Path;

use crate::{
    config::{Mistake, beside, mistake::Mistakes, section::Section, typed},
    directory::{Directory, Listing},
};

/// Reads the section.
pub fn read(section: Section<'_>) -> Listing {
    beside::read(section, listing)
}

/// Reads a directory from a file of its own, for commands that need no settings.
///
/// # Errors
/// Every mistake, in order of line.
pub fn of_file(path: &Path) -> Result<Listing, Vec<Mistake>> {
    let mistakes = Mistakes::default();
    let listing = beside::of_file(path, &mistakes, listing);
    if mistakes.is_empty() { Ok(listing) } else { Err(mistakes.sorted()) }
}

fn listing(section: &mut Section<'_>, mistakes: &Mistakes) -> Listing {
    let listing = Listing {
        organizations: typed::rows(section.rows("organizations"), "organizations", mistakes),
        services: typed::rows(section.rows("services"), "services", mistakes),
        practitioners: typed::rows(section.rows("practitioners"), "practitioners", mistakes),
        locations: typed::rows(section.rows("locations"), "locations", mistakes),
        areas: typed::rows(section.rows("areas"), "areas", mistakes),
    };
    for said in Directory::new(listing.clone()).err().into_iter().flatten() {
        let say = said.strip_prefix("directory: ").unwrap_or(&said).to_owned();
        let (place, key) = (section.place().clone(), "directory:".to_owned());
        mistakes.add(Mistake { place, key, say });
    }
    listing
}
