//! `mylife serve` and `mylife check`: a gateway's settings, tried and run.
//!
//! Part of `cli`. Without settings it says politely what to do first.

use clap::Args;

use super::{OptionalSettings, Settings, exit::Exit, filters, logging, output::Output};
use crate::{
    error::Result,
    serve::{self, Orders},
};

/// What is to be checked.
#[derive(Args, Debug)]
pub struct Check {
    /// The gateway's settings, and what is said beside them
    #[command(flatten)]
    pub settings: Settings,
    /// One JSON object for each mistake
    #[arg(long)]
    pub json: bool,
}

/// Finds every mistake, what filters make of their examples included.
pub fn check(asked: &Check, output: &mut Output<'_>) -> Exit {
    let loaded = asked.settings.load(output).and_then(|config| {
        let mistakes = filters::mistakes(&config.setup);
        if mistakes.is_empty() { Ok(config) } else { Err(mistakes) }
    });
    match loaded {
        Ok(config) => {
            if !asked.json {
                let setup = &config.setup;
                let (clients, peers) = (setup.clients.len(), setup.peers.len());
                let (node, filters) = (&setup.node, setup.filters.all.len());
                output.line(format_args!(
                    "node {node}, {clients} clients, {peers} peers, {filters} filters: no mistake found"
                ));
            }
            Exit::Fine
        }
        Err(mistakes) => {
            for mistake in &mistakes {
                if asked.json {
                    let (place, key) = (mistake.place.to_string(), &mistake.key);
                    let say = &mistake.say;
                    output.line(serde_json::json!({ "place": place, "key": key, "say": say }));
                } else {
                    output.line(mistake);
                }
            }
            Exit::Usage
        }
    }
}

/// Serves until told to stop.
pub fn serve(asked: &OptionalSettings, output: &mut Output<'_>) -> Result<Exit> {
    let Some(settings) = asked.clone().named() else {
        output.complain(
            "A gateway needs its settings: mylife serve CONFIG.\n\
             To see one at work without any, run `mylife demo`.\n\
             To make keys, certificates and the first lines of a CONFIG, run `mylife pki init DIR`, \
             then `mylife pki gateway`.",
        );
        return Ok(Exit::Usage);
    };
    let Some(config) = settings.read(output) else { return Ok(Exit::Usage) };
    logging::start(&config.log);
    serve::run(config, Orders::Signals, output.out)?;
    Ok(Exit::Fine)
}
