//! The command line: what can be asked of the program, and how it ends.
//!
//! Beside the way of a request. Each command is a file here and writes to what it is handed, so that
//! tests call them as the shell does. Errors become one line and an exit code; a cause is shown, as
//! whoever runs commands is the operator.

pub mod exit;
pub mod output;
mod logging;
pub mod documents;
pub mod demo;
pub mod export;
mod https;
pub mod node;
pub mod load;
pub mod migrate;
pub mod moving;
pub mod backup;
pub mod config;
pub mod doctor;
pub mod peer;
pub mod status;
pub mod restore;
pub mod validate;
pub mod people;
pub mod map;
pub mod convert;
mod filters;
pub mod diff;
pub mod sandbox;
pub mod circle;
pub mod token;
pub mod cases;
pub mod simulate;
pub mod pki;
pub mod audit;

use std::{error::Error as _, ffi::OsString, io::Write, path::PathBuf, sync::Arc};

use clap::{Args, Parser, Subcommand};
use tokio::runtime::{Builder, Runtime};

use self::{exit::Exit, output::Output};
use crate::{
    chance::{Chance, SystemChance},
    clock::{Clock, SystemClock},
    config::{self as settings, Config, Mistake, Said},
    error::Error,
};

/// What a command has around it.
pub struct Surroundings {
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Chance.
    pub chance: Arc<dyn Chance>,
    /// What the environment says of settings.
    pub environment: Said,
}

impl Surroundings {
    /// Those of the process.
    pub fn of_process() -> Self {
        Self {
            clock: Arc::new(SystemClock::default()),
            chance: Arc::new(SystemChance),
            environment: Said::environment(),
        }
    }
}

const AFTER: &str = "\
Examples:
  mylife demo --once
  mylife demo --store postgresql://mylife@127.0.0.1/postgres --redis redis://127.0.0.1:6379
  mylife pki init keys
  mylife pki gateway --dir keys --code 297 --url https://gateway.kuopio.example:8443 \
    --organization urn:oid:1.2.246.10.99902978
  mylife check gateway.toml
  mylife serve gateway.toml --set node.log=debug
  MYLIFE__LISTEN__PUBLIC=0.0.0.0:443 mylife serve gateway.toml
  mylife load gateway.toml people.ndjson --owner kuopio-source
  mylife load gateway.toml answers.csv --owner kuopio-source --filter csv-export
  mylife migrate gateway.toml --dry-run
  mylife move --from gateway.toml --to replica-1.toml
  mylife doctor gateway.toml
  mylife status gateway.toml
  mylife config explain listen.drain_seconds
  mylife peer add gateway.toml --entry portal.toml
  mylife peer test gateway.toml 900
  mylife backup gateway.toml --into /backups/2026-11-22
  mylife restore gateway.toml --from /backups/2026-11-22 --log old-data/audit --whole
  mylife validate plan.json
  mylife convert schemas/foreign/csv-export.jq answers.csv > answers.ndjson
  mylife map plan.json
  mylife sandbox --people 200 --seed 7 --municipality 297
  mylife diff before.json after.json --content
  mylife circle assessment.json --lang en --out circle.svg
  mylife export --client-id portal --key portal.jwk --scope \"system/*.rs\" --into taken \
    --token-endpoint https://gateway.example/oauth/token --fhir https://gateway.example/fhir
  mylife consent simulate --law-today law.toml --law new-law.toml --expect expected.toml
  mylife audit verify data/audit --vkey KEY
  mylife audit trace gateway.toml REQUEST-ID

Exit codes:
  0   done, nothing amiss
  1   done, and something was found amiss (a document refused, a case that differs, a damaged log)
  64  the command, its files or the settings are wrong
  70  a fault of the program
  75  something is not to be had at present: try again";

/// My Life gateway: life assessments and welfare plans in FHIR R4, as far as the person consents.
#[derive(Debug, Parser)]
#[command(name = "mylife", version, after_help = AFTER, arg_required_else_help = true)]
struct Line {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Try it out: three municipalities and a portal on this machine, with synthetic people
    Demo(demo::Demo),
    /// Run a gateway
    Serve(OptionalSettings),
    /// Find every mistake in a gateway's settings
    Check(node::Check),
    /// Push documents into the store of a gateway that is not running
    Load(load::Load),
    /// Bring the store to the form this version knows
    Migrate(migrate::Migrate),
    /// Take store and audit log of a gateway to another place: a file to a database, or back
    Move(moving::Move),
    /// Look for everything that keeps a gateway from working, and say what mends it
    Doctor(doctor::Doctor),
    /// Ask a running gateway how it is
    Status(status::Status),
    /// Say what a key of the settings is for
    #[command(subcommand)]
    Config(config::Config),
    /// Add, try and list the other gateways
    #[command(subcommand)]
    Peer(peer::Peer),
    /// Copy what a gateway holds into a directory, while it serves
    Backup(backup::Backup),
    /// Make a gateway's data anew from a backup, with what was withdrawn after it
    Restore(restore::Restore),
    /// Say exactly what is wrong with documents
    Validate(validate::Validate),
    /// Make native documents of files of another form, by a filter in the jq language
    Convert(convert::Convert),
    /// What `convert` starts
    #[command(hide = true)]
    Filter(convert::Filter),
    /// Print the FHIR resources of native documents with their labels
    Map(map::Map),
    /// Tell what differs between two resources or Bundles, in the terms of FHIR
    Diff(diff::Diff),
    /// Invent people and their native documents, the same ones for the same arguments
    Sandbox(sandbox::Sandbox),
    /// Draw the Circle of Life of a native assessment
    Circle(circle::Circle),
    /// Ask a gateway for an access token
    Token(token::Token),
    /// Take everything a client may see: a bulk export into a directory
    Export(export::Export),
    /// Try the consent decision
    #[command(subcommand)]
    Consent(cases::Consent),
    /// Make keys and certificates
    #[command(subcommand)]
    Pki(pki::Pki),
    /// Verify or show the audit log
    #[command(subcommand)]
    Audit(audit::Audit),
}

/// A gateway's settings, and what is said beside them.
#[derive(Args, Clone, Debug)]
pub struct Settings {
    /// The gateway's settings, TOML
    pub config: PathBuf,
    /// One setting, above environment and file
    #[arg(long, value_name = "SECTION.KEY=VALUE")]
    pub set: Vec<String>,
}

/// The same, where leaving them out is answered politely.
#[derive(Args, Clone, Debug)]
pub struct OptionalSettings {
    /// The gateway's settings, TOML
    pub config: Option<PathBuf>,
    /// One setting, above environment and file
    #[arg(long, value_name = "SECTION.KEY=VALUE")]
    pub set: Vec<String>,
}

impl OptionalSettings {
    fn named(self) -> Option<Settings> {
        let Self { config, set } = self;
        config.map(|config| Settings { config, set })
    }
}

impl Settings {
    fn load(&self, output: &Output<'_>) -> Result<Config, Vec<Mistake>> {
        let Surroundings { clock, chance, environment } = output.around;
        let said = environment.clone().with(self.set.clone());
        settings::read(&self.config, &said, clock, chance)
    }

    /// The settings, or every mistake in them as complaints.
    fn read(&self, output: &mut Output<'_>) -> Option<Config> {
        let read = self.load(output);
        read.map_err(|all| all.iter().for_each(|mistake| output.complain(mistake))).ok()
    }
}

/// Runs one command line, the program's name first.
pub fn run(
    line: impl IntoIterator<Item = OsString>,
    around: &Surroundings,
    out: &mut dyn Write,
    err: &mut dyn Write,
) -> Exit {
    let mut output = Output { out, err, around };
    match Line::try_parse_from(line) {
        Ok(line) => command(&line.command, &mut output).unwrap_or_else(|error| {
            output.complain(chain(&error));
            Exit::of(error.kind())
        }),
        Err(said) if said.use_stderr() => {
            output.complain(said);
            Exit::Usage
        }
        Err(said) => {
            output.line(said);
            Exit::Fine
        }
    }
}

fn command(command: &Command, output: &mut Output<'_>) -> Result<Exit, Error> {
    match command {
        Command::Demo(asked) => demo::run(asked, output),
        Command::Serve(asked) => node::serve(asked, output),
        Command::Check(asked) => Ok(node::check(asked, output)),
        Command::Load(asked) => load::run(asked, output),
        Command::Migrate(asked) => migrate::run(asked, output),
        Command::Move(asked) => moving::run(asked, output),
        Command::Doctor(asked) => doctor::run(asked, output),
        Command::Status(asked) => status::run(asked, output),
        Command::Config(asked) => config::run(asked, output),
        Command::Peer(asked) => peer::run(asked, output),
        Command::Backup(asked) => backup::run(asked, output),
        Command::Restore(asked) => restore::run(asked, output),
        Command::Validate(asked) => validate::run(asked, output),
        Command::Convert(asked) => convert::run(asked, output),
        Command::Filter(asked) => convert::filter(asked),
        Command::Map(asked) => map::run(asked, output),
        Command::Diff(asked) => diff::run(asked, output),
        Command::Sandbox(asked) => sandbox::run(asked, output),
        Command::Circle(asked) => circle::run(asked, output),
        Command::Token(asked) => token::run(asked, output),
        Command::Export(asked) => export::run(asked, output),
        Command::Consent(asked) => cases::run(asked, output),
        Command::Pki(asked) => pki::run(asked, output),
        Command::Audit(asked) => audit::run(asked, output),
    }
}

/// What a command waits by.
fn runtime() -> Result<Runtime, Error> {
    Builder::new_current_thread().enable_all().build().map_err(Error::unavailable)
}

/// What was refused, and why.
fn chain(error: &Error) -> String {
    let mut text = error.say().to_owned();
    let mut next = error.source();
    while let Some(cause) = next {
        text.push_str(&format!(" ({cause})"));
        next = cause.source();
    }
    text
}
