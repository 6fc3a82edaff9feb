//! A withdrawal written at the gateway that was told: the holder leaves it to that gateway to wait, which
//! waits for what is under way there and for nothing else.

use std::{future::Future, pin::Pin, sync::Arc};

use http::Method;
use mylife::domain::theme::Theme::Housing;
use tokio::task::{LocalSet, spawn_local};

use super::{ANSWERS, Slow, still::Still, when, writes};
use crate::world::{
    Node, Person, Reply, Terms,
    actor::Ask,
    municipality::At,
    person::{Given, path},
};

/// A holder, its neighbour and a portal, which know one person. Time stands still.
struct Told {
    portal: Node,
    neighbour: Node,
    /// On which the neighbour writes down what it answers.
    at_neighbour: Slow,
    aino: Person,
    grant: Given,
    still: Still,
}

impl Drop for Told {
    fn drop(&mut self) {
        self.at_neighbour.let_go();
    }
}

impl Told {
    fn new() -> Self {
        let still = Still::new(false, &Slow::default());
        let at_neighbour = Slow::default();
        let neighbour = still.world.municipality_on("205", Arc::new(at_neighbour.clone()));
        let portal = still.world.portal();
        let [aino, there] =
            [&still.holder, &neighbour].map(|node| node.person("aino").answered(ANSWERS));
        there.grants(&neighbour.client("national-portal"), [Housing]);
        let to = still.holder.client("national-portal");
        let grant = aino.means(Terms::grant(&to.actor).themes(&[Housing]));
        grant.through(&portal, Some("297"), "active").accepted();
        Self { portal, neighbour, at_neighbour, aino, grant, still }
    }

    /// The reader at one of the two that ask the holder.
    fn reader(&self, node: &Node) -> At {
        At { nodes: Some("297".to_owned()), ..node.client("national-portal") }
    }

    /// It asks the holder and the neighbour.
    fn asks_both(&self) -> impl Future<Output = Option<Reply>> + use<> {
        let At { actor, node, .. } = self.reader(&self.portal);
        let path = format!("/fhir/Observation?patient={}", self.aino.patient());
        let headers = vec![actor.bearer(&node)];
        async move {
            let ask = Ask { headers, nodes: Some("205,297"), ..Ask::default() };
            actor.meanwhile(&node, Method::GET, &path, ask).await
        }
    }

    /// The person withdraws at the portal.
    fn withdraws(&self) -> impl Future<Output = Option<Reply>> + use<> {
        let (desk, node) = (self.still.world.actor("consent-desk"), self.portal.clone());
        let body = self.grant.body_by_code("inactive").to_string();
        let (headers, path) = (vec![desk.bearer(&node)], path(self.grant.uuid()));
        async move {
            let kind = Some("application/fhir+json");
            let ask = Ask { headers, kind, body: body.into(), nodes: Some("297") };
            desk.meanwhile(&node, Method::PUT, &path, ask).await
        }
    }

    async fn stored(&self) -> Option<u64> {
        self.still.stored(&self.aino).await
    }

    /// Lets time pass in which a gateway in haste would acknowledge.
    async fn linger(&self, tenths: u32) {
        for _ in 0..tenths {
            self.stored().await;
            self.still.pass(100).await;
        }
    }
}

#[test]
fn what_has_started_is_not_waited_for() {
    let told = Told::new();
    let reader = told.reader(&told.portal);
    reader.search("Observation", &told.aino).shows([Housing]);
    // Time stands still, so who waits waits for ever.
    told.grant.through(&told.portal, Some("297"), "inactive").accepted();
    reader.search("Observation", &told.aino).is_empty();
}

#[test]
fn what_has_not_started_at_the_portal_is_waited_for_there() {
    for in_time in [true, false] {
        let told = Told::new();
        let (asked, ended) = (told.asks_both(), told.withdraws());
        LocalSet::new().block_on(&told.still.world.runtime, async {
            let before = told.stored().await;
            told.at_neighbour.hold();
            let asked = spawn_local(asked);
            // The holder has answered when its neighbour is asked with the handles it gave, or soon.
            when(async || told.at_neighbour.is_waited_for()).await;
            told.linger(1).await;
            let ended = spawn_local(ended);
            when(async || told.stored().await != before).await;
            told.linger(16).await;
            assert!(!ended.is_finished(), "it is acknowledged while the portal has an answer");
            if in_time {
                told.at_neighbour.let_go();
                asked.await.unwrap().expect("it is in time").shows([Housing]);
                ended.await.unwrap().unwrap().accepted();
            } else {
                // It counts from when it hears of the acknowledgement, whenever that is.
                while !ended.is_finished() {
                    told.linger(1).await;
                }
                ended.await.unwrap().unwrap().accepted();
                told.at_neighbour.let_go();
                asked.await.unwrap().expect("it is told").refused(503, "no-store");
            }
        });
        told.reader(&told.portal).search("Observation", &told.aino).is_empty();
    }
}

#[test]
fn a_holder_waits_for_what_it_told_another_gateway_and_believes_no_client_that_sees_to_it() {
    for through_portal in [true, false] {
        let told = Told::new();
        let asks = if through_portal { &told.neighbour } else { &told.portal };
        told.reader(asks).search("Observation", &told.aino).shows([Housing]);
        let ended: Pin<Box<dyn Future<Output = Option<Reply>>>> = if through_portal {
            Box::pin(told.withdraws())
        } else {
            let claims = vec![("mylife-waits", "own".to_owned())];
            Box::pin(writes(&told.grant, "inactive", &told.still.holder, claims))
        };
        LocalSet::new().block_on(&told.still.world.runtime, async {
            let before = told.stored().await;
            let ended = spawn_local(ended);
            when(async || told.stored().await != before).await;
            told.linger(17).await;
            assert!(!ended.is_finished(), "it is acknowledged while another gateway has it");
            told.linger(2).await;
            ended.await.unwrap().unwrap().accepted();
        });
        told.reader(asks).search("Observation", &told.aino).is_empty();
    }
}
