//! One released `QuestionnaireResponse`, read over TLS: the gateway against hyper and rustls alone.
//!
//! `cargo bench --bench read`. Half of the themes are withheld; every read is in the audit log,
//! durably, before its first byte leaves.

#[path = "stand/race.rs"]
mod race;

use race::{Race, world::Size};

fn main() {
    Race {
        name: "read",
        size: Size { people: 1000, assessments: 1, consents: 1 },
        path: |somebody| format!("/fhir/QuestionnaireResponse/{}", somebody.response),
        hold: 0.50,
    }
    .run();
}
