//! One person searched for, five hits in one answer over TLS: the gateway against hyper and rustls.
//!
//! `cargo bench --bench search`. Half of the themes of each hit are withheld; every answer is in the
//! audit log, durably, before its first byte leaves.

#[path = "stand/race.rs"]
mod race;

use race::{Race, world::Size};

fn main() {
    Race {
        name: "search",
        size: Size { people: 1000, assessments: 5, consents: 1 },
        path: |somebody| {
            format!("/fhir/QuestionnaireResponse?patient=Patient/{}", somebody.patient)
        },
        hold: 0.40,
    }
    .run();
}
