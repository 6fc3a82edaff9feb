//! A question that a holder widened by handles: what others answer by them is under way as long as what
//! the holder told, and a withdrawal there waits for it.

use std::{
    sync::{
        Arc,
        mpsc::{Sender, channel},
    },
    time::Duration,
};

use http::Method;
use mylife::{audit::step::GOOD_FOR, domain::theme::Theme::Housing};
use tokio::task::{LocalSet, spawn_local};

use super::{ANSWERS, Slow, when, writes};
use crate::world::{Node, PORTAL, Person, World, actor::Ask};

/// A holder that gives handles, a neighbour that answers by them, and a portal. Time stands still.
struct Widened {
    holder: Node,
    portal: Node,
    disks: [Slow; 2],
    aino: Person,
    _neighbour: Node,
    _frozen: Sender<()>,
    world: World,
}

impl Drop for Widened {
    fn drop(&mut self) {
        self.disks.iter().for_each(Slow::let_go);
    }
}

impl Widened {
    async fn pass(&self, millis: u64) {
        let by = Duration::from_millis(millis);
        self.world.pass(by);
        tokio::time::advance(by).await;
    }

    async fn stored(&self) -> Option<u64> {
        let local = self.holder.gateway.reach.sources.local.as_ref().unwrap();
        local.store().version(self.aino.patient()).await.unwrap()
    }
}

#[test]
fn a_withdrawal_waits_for_what_others_answer_by_handles_and_that_starts_no_later() {
    for in_time in [true, false] {
        let world = World::new();
        let (frozen, thawed) = channel();
        world.runtime.block_on(async {
            tokio::time::pause();
            tokio::task::spawn_blocking(move || thawed.recv().is_err());
        });
        let disks = [Slow::default(), Slow::default()];
        let holder = world.municipality_on("297", Arc::new(disks[0].clone()));
        let portal = world.municipality_on(PORTAL, Arc::new(disks[1].clone()));
        let neighbour = world.municipality("205");
        let (aino, there) = (holder.person("aino"), neighbour.person("aino").answered(ANSWERS));
        let aino = aino.answered(ANSWERS);
        let grant = aino.grants(&holder.client("national-portal"), [Housing]);
        there.grants(&neighbour.client("national-portal"), [Housing]);
        let mut at_portal = portal.client("national-portal");
        at_portal.nodes = Some("205".to_owned());
        // She is named as the holder knows her, and only the neighbour is asked about her.
        at_portal.search("Observation", &aino).shows([Housing]);
        world.pass(GOOD_FOR);
        let path = format!("/fhir/Observation?patient={}", aino.patient());
        let ended = writes(&grant, "inactive", &holder, Vec::new());
        let all =
            Widened { holder, portal, disks, aino, _neighbour: neighbour, _frozen: frozen, world };
        let [at_holder, here] = &all.disks;
        let asked = {
            let (actor, node) = (at_portal.actor.clone(), all.portal.clone());
            let headers = vec![actor.bearer(&node)];
            async move {
                let ask = Ask { headers, nodes: Some("205"), ..Ask::default() };
                actor.meanwhile(&node, Method::GET, &path, ask).await
            }
        };
        LocalSet::new().block_on(&all.world.runtime, async {
            let before = all.stored().await;
            at_holder.hold();
            let asked = spawn_local(asked);
            when(async || at_holder.is_waited_for()).await;
            // The handles take a while; the neighbour is asked by them afterwards.
            all.pass(900).await;
            here.hold();
            at_holder.let_go();
            when(async || here.is_waited_for()).await;
            let ended = spawn_local(ended);
            when(async || all.stored().await != before).await;
            for _ in 0..10 {
                // Asking takes a moment, in which a gateway in haste would acknowledge.
                all.stored().await;
                all.pass(100).await;
            }
            assert!(!ended.is_finished(), "it is acknowledged while the portal has an answer");
            if in_time {
                here.let_go();
                asked.await.unwrap().expect("it is in time").shows([Housing]);
                all.pass(200).await;
                ended.await.unwrap().unwrap().accepted();
            } else {
                all.pass(200).await;
                ended.await.unwrap().unwrap().accepted();
                here.let_go();
                let late = asked.await.unwrap();
                assert!(late.is_none(), "{late:?}");
            }
        });
        at_portal.search("Observation", &all.aino).is_empty();
    }
}
