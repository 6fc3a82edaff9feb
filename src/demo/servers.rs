//! The servers that the demo's gateways share, where somebody names them: a database of its own for
//! each node, and one Redis.
//!
//! Part of the demo. What it makes it names, and nothing else is touched: names of databases are new
//! and random, and in the Redis each node's keys begin with its code and are hashed under its key.

use std::{io::Write, num::NonZeroUsize, sync::Arc, time::Duration};

use crate::{
    chance::{Chance, base32},
    clock::Clock,
    config::shared::server,
    domain::id::NodeCode,
    error::{Error, Kind, Result},
    shared::{
        self, Away, Choice, Key,
        redis::door::{Door, Login, Reach, Settings},
    },
    store::postgres::{Address, Database, Patience, Postgres},
};

/// Processes of each node.
pub const REPLICAS: usize = 2;

/// How long the demo waits for either server, which may be slow on a small machine.
const PATIENCE: Duration = Duration::from_secs(10);

/// The servers as the command line names them.
#[derive(Clone, Debug)]
pub struct Named {
    /// `postgres://USER@HOST:PORT/DATABASE` of somebody who may make databases; that one is left alone.
    pub store: String,
    /// `redis://HOST:PORT`.
    pub redis: String,
}

/// One node's part of them.
struct Own {
    slug: &'static str,
    name: String,
    database: Database,
}

/// The servers, with what was made there.
pub struct Servers {
    server: Database,
    own: Vec<Own>,
    door: Arc<Door>,
}

impl Servers {
    /// Makes a database for each node and tries the Redis out.
    ///
    /// # Errors
    /// `Invalid` for an address that cannot be read, `Unavailable` for a server that cannot be used;
    /// then nothing is left behind.
    pub async fn make(
        named: &Named,
        nodes: impl IntoIterator<Item = &'static str>,
        clock: &Arc<dyn Clock>,
        chance: &dyn Chance,
    ) -> Result<Self> {
        let (server, door) = (database(&named.store)?, door(&named.redis)?);
        try_out(&door, clock).await?;
        let mut made = Self { server, own: Vec::new(), door };
        let run = base32(chance, 8);
        for slug in nodes {
            let name = format!("mylife_demo_{run}_{slug}");
            match Postgres::make_database(&made.server, &name).await {
                Ok(database) => made.own.push(Own { slug, name, database }),
                Err(error) => {
                    made.remove().await?;
                    return Err(error);
                }
            }
        }
        Ok(made)
    }

    /// The database of a node.
    pub(super) fn database(&self, slug: &str) -> Option<Database> {
        self.own.iter().find(|own| own.slug == slug).map(|own| own.database.clone())
    }

    /// The Redis of all of them.
    pub(super) fn shared(&self) -> Choice {
        Choice::Redis { door: Arc::clone(&self.door), away: Away::Refuse }
    }

    /// Says what was made.
    ///
    /// # Errors
    /// `Unavailable` if nobody reads it.
    pub(super) fn tell(&self, out: &mut dyn Write) -> Result<()> {
        for own in &self.own {
            writeln!(out, "{:8} made the database {}", own.slug, own.name)
                .map_err(Error::unavailable)?;
        }
        Ok(())
    }

    /// Removes what was made, and nothing else. Keys in the Redis end by themselves.
    ///
    /// # Errors
    /// `Unavailable` if the server does not let it.
    pub(super) async fn remove(&self) -> Result<()> {
        for own in &self.own {
            Postgres::remove_database(&self.server, &own.name).await?;
        }
        Ok(())
    }
}

fn database(url: &str) -> Result<Database> {
    let wrong = |why: &str| Error::new(Kind::Invalid, format!("--store {why}."));
    let address = Address::parse(url).map_err(wrong)?;
    if !address.is_local() {
        return Err(wrong("must name a server on this machine: the demo speaks no TLS to it"));
    }
    let patience =
        Patience { connect: PATIENCE, statement: PATIENCE, lock: PATIENCE, answer: PATIENCE * 2 };
    let connections = NonZeroUsize::MIN.saturating_add(3);
    Ok(Database { address, password: None, tls: None, connections, prepared: true, patience })
}

fn door(url: &str) -> Result<Arc<Door>> {
    let Some((at, false)) = server(url) else {
        return Err(Error::invalid("--redis must be redis://HOST:PORT."));
    };
    let settings = Settings {
        reach: Reach::One(at),
        tls: None,
        login: Login::default(),
        connect: PATIENCE,
        response: PATIENCE,
    };
    Ok(Arc::new(Door::new(settings)?))
}

async fn try_out(door: &Arc<Door>, clock: &Arc<dyn Clock>) -> Result<()> {
    let choice = Choice::Redis { door: Arc::clone(door), away: Away::Refuse };
    let code = NodeCode::parse("demo").ok_or_else(|| Error::internal("a node code"))?;
    let opened = shared::open(choice, &code, &[0; 32], clock);
    let looked = opened.shared.look(&Key::new("demo", &[]), clock.now()).await;
    looked.map(drop).map_err(|cause| {
        let say = "The Redis of --redis cannot be used: start it, or correct the address.";
        Error::new(Kind::Unavailable, say).because(cause)
    })
}
