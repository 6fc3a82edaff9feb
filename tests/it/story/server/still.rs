//! A world in which time stands still until it is let pass, and a holder in it.

use std::{
    sync::{
        Arc,
        mpsc::{Sender, channel},
    },
    time::Duration,
};

use mylife::shared::{Away, Choice, redis::door::Door};

use super::Slow;
use crate::{
    shared::server::{self as redis, fixture::Server},
    store::server as postgres,
    world::{Node, Person, World},
};

/// As long as it is kept no timer goes off by itself.
pub(super) fn stand_still(world: &World) -> Sender<()> {
    let (frozen, thawed) = channel();
    world.runtime.block_on(async {
        tokio::time::pause();
        tokio::task::spawn_blocking(move || thawed.recv().is_err());
    });
    frozen
}

/// A holder, and time.
pub(super) struct Still {
    pub(super) holder: Node,
    _redis: Option<Server>,
    _frozen: Sender<()>,
    pub(super) world: World,
}

impl Still {
    /// `several`: the holder is one of several processes; one alone has its log on the disk.
    pub(super) fn new(several: bool, disk: &Slow) -> Self {
        let world = World::new();
        let frozen = stand_still(&world);
        let server = several.then(|| Server::start(&[]));
        let holder = if let Some(server) = &server {
            let door = Arc::new(Door::new(redis::one(server)).unwrap());
            Node::replica(&world, "297", 0, None, |setup| {
                setup.shared = Choice::Redis { door, away: Away::Refuse };
                setup.database = Some(postgres::fresh().1);
            })
        } else {
            world.municipality_on("297", Arc::new(disk.clone()))
        };
        Self { holder, _redis: server, _frozen: frozen, world }
    }

    /// Moves time for gateways and timers alike.
    pub(super) async fn pass(&self, millis: u64) {
        let by = Duration::from_millis(millis);
        self.world.pass(by);
        tokio::time::advance(by).await;
    }

    /// The version of what the holder has stored about somebody.
    pub(super) async fn stored(&self, person: &Person) -> Option<u64> {
        let local = self.holder.gateway.reach.sources.local.as_ref().unwrap();
        local.store().version(person.patient()).await.unwrap()
    }
}
