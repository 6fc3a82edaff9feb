//! The name of a peer's host is not found for a while: it costs the peer's own entry, then the peer is left
//! in peace, and when the name is found again so is the peer, by itself.

use std::time::Duration;

use mylife::{domain::theme::Theme::Housing, federation::client::Limits};

use crate::world::{Reply, World};

#[test]
fn a_peer_whose_name_is_lost_costs_its_own_entry_until_it_is_found() {
    let world = World::new();
    let [kuopio, kajaani] = ["297", "205"].map(|code| world.municipality(code));
    let [here, there] =
        [&kuopio, &kajaani].map(|node| node.person("aino").answered([(Housing, 2, 1, "")]));
    here.grants(&kuopio.client("national-portal"), [Housing]);
    there.grants(&kajaani.client("national-portal"), [Housing]);
    let mut portal = world.portal().client("national-portal");
    portal.nodes = Some("205,297".to_owned());
    let code = format!("urn:oid:1.2.246.21|{}", here.code());
    let asks = || portal.post("QuestionnaireResponse", &[("patient.identifier", &code)]);
    let is_whole = |reply: &Reply| {
        let mut ids = reply.ids();
        ids.sort();
        assert_eq!(ids, [there.document(0), here.document(0)]);
        assert!(reply.completeness().values().all(|state| state == "complete"), "{reply:?}");
        assert_eq!(reply.total(), Some(2));
    };
    is_whole(&asks());
    for times in [1, 12] {
        // Connections of before are not used any more.
        world.pass(Limits::default().idle);
        world.wires.lose(&kajaani.identity.host, true);
        for _ in 0..times {
            let reply = asks();
            assert_eq!(reply.ids(), [here.document(0)]);
            let states = reply.completeness();
            assert_eq!((&*states["205"], &*states["297"]), ("not-reached", "complete"));
            assert_eq!(reply.total(), None, "no total where one is missing");
            assert!(!reply.text().contains(&kajaani.identity.host), "{reply:?}");
        }
        world.wires.lose(&kajaani.identity.host, false);
        if times > 1 {
            // It has failed too often to be asked at once.
            assert_eq!(asks().completeness()["205"], "not-reached");
            world.pass(Duration::from_secs(2));
        }
        is_whole(&asks());
    }
}
