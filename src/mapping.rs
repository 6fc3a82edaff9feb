//! What that is in FHIR: native documents to labelled segments, pure and total.
//!
//! Step of the way after `federation`, before `consent`. FHIR is a view of the native documents and
//! is never stored, so a better mapping needs no migration. Decides nothing about who may see what.

pub mod kinds;
pub mod context;
pub mod chart;
pub mod survey;
pub mod answered;
pub mod plan;
pub mod planned;
pub mod kept;
mod sent;
pub mod person;
pub mod consent;
pub mod provenance;
pub mod questionnaire;
pub mod text;
pub mod told;

use std::sync::Arc;

use crate::{
    compartment::Compartment,
    directory::Directory,
    mapping::chart::Chart,
    source::{Held, Member},
};

/// One person's data in FHIR, not yet released to anybody.
pub struct Mapped {
    compartment: Arc<Compartment>,
    chart: Arc<Chart>,
    members: Arc<[Member]>,
}

impl Mapped {
    /// Whom it is about beside the person.
    pub const fn members(&self) -> &Arc<[Member]> {
        &self.members
    }

    /// Gives the person and their chart to the next step.
    pub fn into_parts(self) -> (Arc<Compartment>, Arc<Chart>) {
        (self.compartment, self.chart)
    }
}

/// Maps what a source holds of one person. A compartment that was mapped before costs nothing, unless with
/// a directory that is not this one: whoever began before a change of the settings still brings theirs.
pub fn to_fhir(held: Held, directory: &Arc<Directory>) -> Mapped {
    let members = Arc::clone(held.members());
    let compartment = held.into_compartment();
    let chart = compartment.derived.of(|| {
        let chart = Chart::new(&compartment, directory);
        compartment.derived.grew(chart.weight());
        chart
    });
    let is_ours = chart.is_of(directory);
    let chart = if is_ours { chart } else { Arc::new(Chart::new(&compartment, directory)) };
    Mapped { compartment, chart, members }
}
