//! One person searched for, five hits in one answer over TLS: the gateway against hyper and rustls.
//!
//! `cargo bench --bench search`. Half of the themes of each hit are withheld; every answer is in the
//! audit log, durably, before its first byte leaves.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a benchmark tells what it found, in rounded figures, and stops when something is wrong"
)]

#[path = "stand/client.rs"]
mod client;
#[path = "stand/machine.rs"]
mod machine;
#[path = "stand/race.rs"]
mod race;
#[path = "stand/server.rs"]
mod server;
#[path = "stand/world.rs"]
mod world;

use race::Race;
use world::Size;

fn main() {
    Race {
        name: "search",
        size: Size { people: 1000, assessments: 5 },
        path: |somebody| {
            format!("/fhir/QuestionnaireResponse?patient=Patient/{}", somebody.patient)
        },
        hold: 0.40,
    }
    .run();
}
