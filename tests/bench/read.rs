//! One released `QuestionnaireResponse`, read over TLS: the gateway against hyper and rustls alone.
//!
//! `cargo bench --bench read`. Half of the themes are withheld; every read is in the audit log,
//! durably, before its first byte leaves.
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
        name: "read",
        size: Size { people: 1000, assessments: 1 },
        path: |somebody| format!("/fhir/QuestionnaireResponse/{}", somebody.response),
        hold: 0.50,
    }
    .run();
}
