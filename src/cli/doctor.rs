//! `mylife doctor`: looks for everything that keeps a gateway from working, and says what mends it.
//!
//! Part of `cli`. It looks from outside, whether the gateway runs or not: settings, key files, disk, clock,
//! certificates of its own and of others, store, Redis, its own name, every peer by name, address, TLS and
//! answer, and every other issuer. Each finding is one line. It changes nothing, holds no lock for longer than a
//! look, and shows no secret.

pub mod certificates;
pub mod finding;
mod issuers;
pub mod peers;
mod machine;
mod names;
mod servers;
mod shown;

use std::{path::PathBuf, time::Duration};

use clap::Args;
use serde_json::json;

use self::finding::{Findings, Level};
pub(super) use self::servers::ask;
use super::{Settings, exit::Exit, filters, output::Output};
use crate::{
    config::{self, Config, asked::Asked},
    error::Result,
};

/// The longest that one server or peer is waited for.
const PATIENCE: Duration = Duration::from_secs(5);

/// Which gateway, and how it is told.
#[derive(Args, Debug)]
pub struct Doctor {
    /// The gateway's settings, and what is said beside them
    #[command(flatten)]
    pub settings: Settings,
    /// Ask no peer, no issuer and no DNS
    #[arg(long)]
    pub offline: bool,
    /// A certificate that a client shows, PEM: is it believed, and whose is it? May be given several times
    #[arg(long, value_name = "FILE")]
    pub certificate: Vec<PathBuf>,
    /// One JSON object for each finding
    #[arg(long)]
    pub json: bool,
}

/// Looks and tells. Ends with 1 if something is to be mended.
pub fn run(asked: &Doctor, output: &mut Output<'_>) -> Result<Exit> {
    let around = output.around;
    let said = around.environment.clone().with(asked.settings.set.clone());
    let path = &asked.settings.config;
    let (read, keys) = config::explained(path, &said, &around.clock, &around.chance);
    let mut findings = Findings::default();
    match read {
        Ok(config) => {
            findings.fine("settings", format!("no mistake in {}", path.display()));
            look(&config, &keys, asked, &mut findings, output)?;
        }
        Err(mistakes) => {
            for mistake in mistakes {
                findings.wrong("settings", mistake.to_string(), "mend it, then `mylife check`");
            }
            machine::files(&keys, &mut findings);
        }
    }
    for finding in findings.all() {
        if asked.json {
            output.line(json!({
                "level": finding.level.name(), "part": finding.part, "say": finding.say,
                "mend": finding.mend,
            }));
        } else {
            output.line(finding);
        }
    }
    Ok(Exit::findings(findings.all().iter().any(|one| one.level > Level::Fine)))
}

fn look(
    config: &Config,
    keys: &[Asked],
    asked: &Doctor,
    findings: &mut Findings,
    output: &Output<'_>,
) -> Result<()> {
    let now = output.around.clock.now();
    machine::files(keys, findings);
    machine::of_owner(keys, &config.setup, findings);
    machine::directory(&config.setup, findings);
    machine::clock(findings);
    certificates::look(config, now, findings);
    shown::look(config, keys, &asked.certificate, now, findings);
    filters::look(&config.setup, findings);
    let runtime = super::runtime()?;
    runtime.block_on(async {
        servers::running(config, findings).await;
        servers::store(&config.setup, &output.around.clock, findings).await;
        servers::shared(&config.setup, &output.around.clock, findings).await;
        if asked.offline {
            return;
        }
        names::look(config, findings).await;
        for peer in &config.setup.peers {
            peers::look(&config.setup, peer, &output.around.clock, findings).await;
        }
        issuers::look(&config.setup, &output.around.clock, findings).await;
    });
    Ok(())
}
