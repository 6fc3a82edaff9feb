//! `mylife demo`: three municipalities and the national portal on this machine, with synthetic people.
//!
//! Beside the way of a request: starts gateways, loads people, asks as the portal and as a county, and
//! compares every answer with what the people's consents give. Nothing here is about anybody:
//! identity codes are in the range 900 to 999, business ids in a range that was never given out.

pub mod apps;
pub mod balancer;
pub mod client;
pub mod clients;
pub mod directory;
pub mod expected;
pub mod listing;
pub mod loading;
pub mod nodes;
pub mod people;
pub mod receiver;
pub mod rules;
pub mod sandbox;
pub mod scenario;
pub mod servers;
pub mod table;
pub mod texts;
mod documents;

use std::{
    fs,
    io::Write,
    path::{Path, PathBuf},
    sync::Arc,
};

use crate::{
    chance::{Chance, SystemChance, base32},
    clock::{Clock, SystemClock},
    demo::{
        client::Visitor,
        clients::DemoClient,
        nodes::{Running, World},
        scenario::Scene,
        servers::{Named, Servers},
    },
    error::{Error, Kind, Result},
    pki::{self, Ca},
};

/// How the demo runs.
#[derive(Clone, Debug)]
pub struct Options {
    /// Where everything is kept; new or empty. Without it a temporary directory is used and removed.
    pub dir: Option<PathBuf>,
    /// The first of five ports: the nodes', with management ports 1000 above, and that of the receiver of
    /// notifications. 0 takes free ones.
    pub port: u16,
    /// The same people for the same seed.
    pub seed: u64,
    /// Servers for two processes of every node; none for one process each, with a file.
    pub servers: Option<Named>,
    /// Stop after the table.
    pub once: bool,
}

/// Runs the demo and tells about it on `out`; true if every answer was right. Without `once` it then
/// serves until interrupted.
///
/// # Errors
/// `Conflict` for a directory in use, `Unavailable` for a port in use, `SourceFailed` for a gateway
/// that refuses what it must take.
pub fn run(options: &Options, out: &mut dyn Write) -> Result<bool> {
    let chance: Arc<dyn Chance> = Arc::new(SystemChance);
    let temporary = || std::env::temp_dir().join(format!("mylife-demo-{}", base32(&*chance, 10)));
    let dir = options.dir.clone().unwrap_or_else(temporary);
    take(&dir)?;
    let outcome = in_directory(options, &dir, &chance, out);
    if options.dir.is_none() {
        fs::remove_dir_all(&dir).map_err(Error::unavailable)?;
    }
    outcome
}

/// Makes the directory, or finds it empty.
fn take(dir: &Path) -> Result<()> {
    fs::create_dir_all(dir).map_err(Error::unavailable)?;
    let mut held = fs::read_dir(dir).map_err(Error::unavailable)?;
    if held.next().is_some() {
        let say = format!("Choose a --dir that is new or empty; {} is not.", dir.display());
        return Err(Error::new(Kind::Conflict, say));
    }
    Ok(())
}

fn in_directory(
    options: &Options,
    dir: &Path,
    chance: &Arc<dyn Chance>,
    out: &mut dyn Write,
) -> Result<bool> {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::default());
    let now = clock.now();
    let ca = Ca::new(pki::THROW_AWAY, now)?;
    fs::write(dir.join("ca.pem"), &ca.issued().certificate).map_err(Error::unavailable)?;
    let clients = clients::clients(dir)?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(Error::unavailable)?;
    let making = servers(options, &clock, &**chance);
    let servers = runtime.block_on(making)?;
    let world = World { ca, clock, chance: Arc::clone(chance), now, servers };
    let told = on_servers(options, dir, &world, &clients, &runtime, out);
    if let Some(servers) = world.servers.filter(|_| options.dir.is_none()) {
        runtime.block_on(servers.remove())?;
        writeln!(out, "\nThe databases are removed again.").map_err(Error::unavailable)?;
    }
    told
}

async fn servers(
    options: &Options,
    clock: &Arc<dyn Clock>,
    chance: &dyn Chance,
) -> Result<Option<Servers>> {
    let Some(named) = &options.servers else { return Ok(None) };
    Servers::make(named, nodes::slugs(), clock, chance).await.map(Some)
}

fn on_servers(
    options: &Options,
    dir: &Path,
    world: &World,
    clients: &[DemoClient],
    runtime: &tokio::runtime::Runtime,
    out: &mut dyn Write,
) -> Result<bool> {
    if let Some(servers) = &world.servers {
        servers.tell(out)?;
    }
    let people = people::people(options.seed, world.now)?;
    let running = nodes::start(dir, options.port, clients, &people, world)?;
    let told = runtime.block_on(tell(options, dir, world, clients, &running, out));
    running.stop();
    told
}

async fn tell(
    options: &Options,
    dir: &Path,
    world: &World,
    clients: &[DemoClient],
    running: &Running,
    out: &mut dyn Write,
) -> Result<bool> {
    let World { ca, clock, chance, now, servers: _ } = world;
    for node in &running.nodes {
        writeln!(out, "{:8} {}{}", node.slug, node.fhir(), node.behind())
            .map_err(Error::unavailable)?;
    }
    let people = people::people(options.seed, *now)?;
    let drafts = rules::drafts(&people, clients, options.seed, *now)?;
    let visitor = Visitor::new(&ca.issued().certificate, Arc::clone(clock), Arc::clone(chance))?;
    let residents = loading::load(people, drafts, &visitor, running, clients, *now).await?;
    writeln!(out, "\n{} people are loaded.\n", residents.len()).map_err(Error::unavailable)?;
    let clock = &**clock;
    let scene = Scene { visitor: &visitor, running, clients, residents: &residents, clock };
    let outcome = scene.play().await?;
    // Who waits for this file finds every grant in it in force: the scene withdraws some for a while.
    sandbox::write(dir, running, clients, &residents)?;
    table::print(&residents, &outcome, clock.now(), out)?;
    table::print_summary(&outcome, out)?;
    if !options.once {
        table::print_commands(dir, running, &residents, out)?;
        writeln!(out, "\nServing until interrupted (Ctrl-C).").map_err(Error::unavailable)?;
        tokio::signal::ctrl_c().await.map_err(Error::unavailable)?;
    }
    Ok(outcome.wrong.is_empty())
}
