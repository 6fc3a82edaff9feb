//! `mylife peer`: adds another gateway to the settings, tries it, lists them.
//!
//! Part of `cli`. What a peer is, its operator prints with `mylife pki gateway`; here it is put into the
//! file, if nothing is wrong with the whole then. A running gateway takes it at the next reload.

use std::{
    fs,
    os::unix::fs::{MetadataExt, chown},
    path::PathBuf,
};

use clap::Subcommand;
use serde_json::{Value, json};

use super::{
    Settings,
    doctor::{
        self,
        finding::{Findings, Level},
    },
    documents::{unreadable, unwritable},
    exit::Exit,
    output::Output,
};
use crate::{
    config::{self, Config},
    error::{Error, Kind, Result},
};

/// What is done with peers.
#[derive(Debug, Subcommand)]
pub enum Peer {
    /// Add an entry to the settings, as the peer's `mylife pki gateway` printed it
    Add {
        /// The gateway's settings, which are changed
        config: PathBuf,
        /// The entry, TOML with one `[[peers]]`
        #[arg(long, value_name = "FILE")]
        entry: PathBuf,
        /// Do not try whether it answers
        #[arg(long)]
        untried: bool,
    },
    /// Try whether a peer answers, and say what is wrong if not
    Test {
        /// The gateway's settings
        config: PathBuf,
        /// Node code of the peer; every peer if it is left out
        code: Option<String>,
        /// One setting, above environment and file
        #[arg(long, value_name = "SECTION.KEY=VALUE")]
        set: Vec<String>,
        /// One JSON object for each finding
        #[arg(long)]
        json: bool,
    },
    /// List the peers, and how each is doing if the gateway runs
    List {
        /// The gateway's settings, and what is said beside them
        #[command(flatten)]
        settings: Settings,
        /// One JSON object for each peer
        #[arg(long)]
        json: bool,
    },
}

/// Does it.
pub fn run(asked: &Peer, output: &mut Output<'_>) -> Result<Exit> {
    match asked {
        Peer::Add { config, entry, untried } => add(config, entry, *untried, output),
        Peer::Test { config, code, set, json } => {
            let settings = Settings { config: config.clone(), set: set.clone() };
            let Some(config) = settings.read(output) else { return Ok(Exit::Usage) };
            test(&config, code.as_deref(), *json, output)
        }
        Peer::List { settings, json } => list(settings, *json, output),
    }
}

fn add(path: &PathBuf, entry: &PathBuf, untried: bool, output: &mut Output<'_>) -> Result<Exit> {
    let read = |path: &PathBuf| fs::read_to_string(path).map_err(|error| unreadable(path, error));
    let (before, entry) = (read(path)?, read(entry)?);
    let heads: Vec<&str> =
        entry.lines().filter(|line| line.trim_start().starts_with('[')).collect();
    if heads.first().is_none_or(|head| head.trim() != "[[peers]]") {
        return Err(Error::invalid("The entry must begin with [[peers]], and hold one."));
    }
    let after = format!("{}\n\n{}\n", before.trim_end(), entry.trim());
    // Relative paths start where the file is.
    let draft = path.with_extension("toml.new");
    let was = fs::metadata(path).map_err(|error| unreadable(path, error))?;
    // Whoever runs this, the file stays with who may read it.
    let written = fs::write(&draft, &after)
        .and_then(|()| chown(&draft, Some(was.uid()), Some(was.gid())))
        .and_then(|()| fs::set_permissions(&draft, was.permissions()));
    if let Err(error) = written {
        // What is there of it is not the settings, and the fault is told.
        fs::remove_file(&draft).ok();
        return Err(unwritable(&draft, error));
    }
    let around = output.around;
    let checked = config::read(&draft, &around.environment, &around.clock, &around.chance);
    let config = match checked {
        Ok(config) => config,
        Err(mistakes) => {
            fs::remove_file(&draft).map_err(|error| unwritable(&draft, error))?;
            mistakes.iter().for_each(|mistake| output.complain(mistake));
            return Ok(Exit::Usage);
        }
    };
    let code = config.setup.peers.last().map(|peer| peer.code.to_string()).unwrap_or_default();
    fs::rename(&draft, path).map_err(|error| unwritable(path, error))?;
    output.line(format_args!(
        "{}: peer {code} added; a running gateway takes it by itself",
        path.display()
    ));
    if untried { Ok(Exit::Fine) } else { test(&config, Some(&code), false, output) }
}

fn test(
    config: &Config,
    code: Option<&str>,
    as_json: bool,
    output: &mut Output<'_>,
) -> Result<Exit> {
    let is_meant = |peer: &&crate::gateway::open::PeerSetup| {
        code.is_none_or(|code| code == peer.code.as_str())
    };
    let peers: Vec<_> = config.setup.peers.iter().filter(is_meant).collect();
    if let (Some(code), true) = (code, peers.is_empty()) {
        return Err(Error::new(Kind::Invalid, format!("There is no peer {code} in the settings.")));
    }
    let mut findings = Findings::default();
    let runtime = super::runtime()?;
    runtime.block_on(async {
        for peer in peers {
            doctor::peers::look(&config.setup, peer, &output.around.clock, &mut findings).await;
        }
    });
    for one in findings.all() {
        if as_json {
            output.line(json!({ "level": one.level.name(), "part": one.part, "say": one.say, "mend": one.mend }));
        } else {
            output.line(one);
        }
    }
    Ok(Exit::findings(findings.all().iter().any(|one| one.level > Level::Fine)))
}

fn list(settings: &Settings, as_json: bool, output: &mut Output<'_>) -> Result<Exit> {
    let Some(config) = settings.read(output) else { return Ok(Exit::Usage) };
    let runtime = super::runtime()?;
    let told = runtime.block_on(doctor::ask(config.listening.management, "/peers"));
    let rows =
        told.ok().and_then(|(_, told)| told.get("peers")?.as_array().cloned()).unwrap_or_default();
    for peer in &config.setup.peers {
        let (code, issuer, organization) = (&peer.code, &peer.issuer, &peer.organization);
        let row =
            rows.iter().find(|row| row.get("node").is_some_and(|node| *node == *code.as_str()));
        let breaker = row.and_then(|row| row.get("breaker")?.as_str());
        if as_json {
            output.line(json!({
                "node": code.as_str(), "url": issuer, "organization": organization,
                "asked": peer.asked, "standing": row.cloned().unwrap_or(Value::Null),
            }));
        } else {
            let asked = if peer.asked { "asked" } else { "asked when named" };
            let state = breaker.unwrap_or("not known: the gateway does not run");
            output.line(format_args!("{code} {issuer} {organization} {asked}; {state}"));
        }
    }
    Ok(Exit::Fine)
}
