//! What replicas share and may lose: one suite for every place it can live in, the limiter over it.

mod gate;
mod limiter;
mod process;
pub(crate) mod server;
mod suite;

use std::time::Duration;

use mylife::{domain::moment::Moment, shared::Key};

/// Noon of some day.
const NOON: Moment = Moment::from_millis(1_780_000_000_000);

fn key(name: &str) -> Key {
    Key::new("test", &[name.as_bytes()])
}

fn after(millis: u64) -> Moment {
    NOON.plus(Duration::from_millis(millis))
}
