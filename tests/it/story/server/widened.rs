//! A question that a holder widened by handles: what others answer by them is under way as long as what
//! the holder told, so a withdrawal there waits for it, and it is as old as what the holder knew.

use std::{future::Future, sync::Arc};

use http::Method;
use mylife::{audit::step::GOOD_FOR, domain::theme::Theme::Housing};
use tokio::task::{LocalSet, spawn_local};

use super::{ANSWERS, Slow, still::Still, when, writes};
use crate::world::{Node, PORTAL, Person, Reply, actor::Ask, municipality::At, person::Given};

/// A holder that gives handles, a neighbour that answers by them, and a portal. Time stands still.
struct Widened {
    at_portal: At,
    at_holder: Slow,
    here: Slow,
    aino: Person,
    grant: Given,
    _neighbour: Node,
    still: Still,
}

impl Drop for Widened {
    fn drop(&mut self) {
        [&self.at_holder, &self.here].into_iter().for_each(Slow::let_go);
    }
}

impl Widened {
    /// Aino is named as the holder knows her, and only the neighbour is asked about her. `several`: the
    /// holder is one of several processes.
    fn new(several: bool) -> Self {
        let (at_holder, here) = (Slow::default(), Slow::default());
        let still = Still::new(several, &at_holder);
        let (world, holder) = (&still.world, &still.holder);
        let portal = world.municipality_on(PORTAL, Arc::new(here.clone()));
        let neighbour = world.municipality("205");
        let [aino, there] = [holder, &neighbour].map(|node| node.person("aino").answered(ANSWERS));
        there.grants(&neighbour.client("national-portal"), [Housing]);
        let grant = aino.grants(&holder.client("national-portal"), [Housing]);
        let at_portal = At { nodes: Some("205".to_owned()), ..portal.client("national-portal") };
        world.runtime.block_on(holder.gateway.look()).unwrap();
        at_portal.search("Observation", &aino).shows([Housing]);
        world.pass(GOOD_FOR);
        world.runtime.block_on(holder.gateway.look()).unwrap();
        Self { at_portal, at_holder, here, aino, grant, _neighbour: neighbour, still }
    }

    fn asks(&self) -> impl Future<Output = Option<Reply>> + use<> {
        let At { actor, node, .. } = self.at_portal.clone();
        let path = format!("/fhir/Observation?patient={}", self.aino.patient());
        let headers = vec![actor.bearer(&node)];
        async move {
            let ask = Ask { headers, nodes: Some("205"), ..Ask::default() };
            actor.meanwhile(&node, Method::GET, &path, ask).await
        }
    }
}

#[test]
fn a_withdrawal_waits_for_what_others_answer_by_handles() {
    for in_time in [true, false] {
        let all = Widened::new(false);
        let (asked, ended) =
            (all.asks(), writes(&all.grant, "inactive", &all.still.holder, Vec::new()));
        LocalSet::new().block_on(&all.still.world.runtime, async {
            let before = all.still.stored(&all.aino).await;
            all.at_holder.hold();
            let asked = spawn_local(asked);
            when(async || all.at_holder.is_waited_for()).await;
            // The handles take a while; the neighbour is asked by them afterwards.
            all.still.pass(900).await;
            all.here.hold();
            all.at_holder.let_go();
            when(async || all.here.is_waited_for()).await;
            let ended = spawn_local(ended);
            when(async || all.still.stored(&all.aino).await != before).await;
            for _ in 0..8 {
                // Asking takes a moment, in which a gateway in haste would acknowledge.
                all.still.stored(&all.aino).await;
                all.still.pass(100).await;
            }
            assert!(!ended.is_finished(), "it is acknowledged while the portal has an answer");
            if in_time {
                all.here.let_go();
                asked.await.unwrap().expect("it is in time").shows([Housing]);
                all.still.pass(200).await;
                ended.await.unwrap().unwrap().accepted();
            } else {
                all.still.pass(200).await;
                ended.await.unwrap().unwrap().accepted();
                all.here.let_go();
                asked.await.unwrap().expect("it is told").refused(503, "no-store");
            }
        });
        all.at_portal.search("Observation", &all.aino).is_empty();
    }
}

#[test]
fn what_others_answer_by_handles_is_as_old_as_what_their_giver_knew() {
    for (passes, starts) in [(870, true), (890, false)] {
        let all = Widened::new(true);
        let asked = all.asks();
        LocalSet::new().block_on(&all.still.world.runtime, async {
            // What the holder tells then it knew now.
            all.still.pass(900).await;
            all.here.hold();
            let asked = spawn_local(asked);
            when(async || all.here.is_waited_for()).await;
            all.still.pass(passes).await;
            all.here.let_go();
            let told = asked.await.unwrap().expect("it is told");
            assert_eq!(told.status(), if starts { 200 } else { 503 }, "{passes} ms later");
        });
    }
}
