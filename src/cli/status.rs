//! `mylife status`: asks a running gateway how it is.
//!
//! Part of `cli`. For people, and for whoever probes a container that has no shell.

use std::time::Duration;

use clap::Args;
use http::StatusCode;
use serde_json::Value;
use tokio::time::timeout;

use super::{Settings, doctor, exit::Exit, output::Output};
use crate::error::Result;

/// The longest that is waited.
const PATIENCE: Duration = Duration::from_secs(4);

/// Which gateway.
#[derive(Args, Debug)]
pub struct Status {
    /// The gateway's settings, and what is said beside them
    #[command(flatten)]
    pub settings: Settings,
    /// The whole of what it says, as JSON
    #[arg(long)]
    pub json: bool,
}

/// Asks; ends with 75 unless it takes requests.
pub fn run(asked: &Status, output: &mut Output<'_>) -> Result<Exit> {
    let Some(config) = asked.settings.read(output) else { return Ok(Exit::Usage) };
    let at = config.listening.management;
    let runtime = super::runtime()?;
    let asking = async { timeout(PATIENCE, doctor::ask(at, "/health")).await };
    let Ok(Ok((status, health))) = runtime.block_on(asking) else {
        output.complain(format_args!("Nothing answers at http://{at}: the gateway does not run."));
        return Ok(Exit::Unavailable);
    };
    if asked.json {
        output.line(&health);
    } else {
        let of = |value: &Value| value.get("status").and_then(Value::as_str).map(str::to_owned);
        let parts = health.get("components").and_then(Value::as_object);
        for (name, part) in parts.into_iter().flatten() {
            if let Some(word) = of(part) {
                output.line(format_args!("{name}: {word}"));
            }
        }
        output.line(format_args!("gateway: {}", of(&health).unwrap_or_default()));
    }
    Ok(if status == StatusCode::OK { Exit::Fine } else { Exit::Unavailable })
}
