//! A consent written at the portal reaches every node it concerns, whatever happens on the way.

use mylife::{
    audit::record::{Interaction, Outcome},
    domain::theme::Theme::Housing,
};

use crate::world::{Lie, Node, Person, Terms, World, municipality::At, person::Given};

/// Somebody whom Kajaani and Kuopio know, with a survey at each.
fn known(nodes: [&Node; 2]) -> [Person; 2] {
    nodes.map(|node| node.person("aino").answered([(Housing, 2, 1, "")]))
}

/// What Aino, whom Kuopio knows, means to grant the national portal; nothing is written yet.
struct Meant {
    given: Given,
    aino: Person,
    national: At,
    kuopio: Node,
    world: World,
}

impl Meant {
    fn new() -> Self {
        let world = World::new();
        let kuopio = world.municipality("297");
        let aino = kuopio.person("aino").answered([(Housing, 2, 1, "")]);
        let national = kuopio.client("national-portal");
        let given = aino.means(Terms::grant(&national.actor).themes(&[Housing]));
        Self { given, aino, national, kuopio, world }
    }
}

/// What the portal owes to others; copies of prohibitions for peers yet to join are not owed.
fn owed(portal: &Node) -> Vec<String> {
    let store = &portal.gateway.tokens.store;
    let rows = portal.world.runtime.block_on(store.owed(99)).unwrap();
    let to = rows.iter().map(|(_, message)| message.peer.to_string());
    to.filter(|peer| peer != portal.code()).collect()
}

fn send_due(portal: &Node) {
    portal.world.runtime.block_on(portal.gateway.send_due());
}

#[test]
fn a_grant_reaches_a_node_that_was_down_after_a_restart_too() {
    let Meant { given, aino, national, world, .. } = Meant::new();
    let portal = world.portal();
    let nodes = Some("297, 205");
    let reply = given.through(&portal, nodes, "active");
    reply.says("297: acknowledged").says("205: pending").says("1 of 2 nodes");
    assert_eq!(reply.status(), 202, "{reply:?}");
    national.search("Observation", &aino).shows([Housing]);
    assert_eq!(owed(&portal), ["205"]);
    // Once more tells the same, and owes nothing twice.
    given.through(&portal, nodes, "active").says("205: pending");
    assert_eq!(owed(&portal), ["205"]);

    let portal = portal.restart();
    assert_eq!(owed(&portal), ["205"], "durable");
    let kajaani = world.municipality("205");
    let there = kajaani.person("aino").answered([(Housing, 3, 3, "")]);
    world.pass(std::time::Duration::from_mins(1));
    send_due(&portal);
    kajaani.client("national-portal").search("Observation", &there).shows([Housing]);
    assert_eq!(owed(&portal), Vec::<String>::new());
    let reply = given.through(&portal, nodes, "active");
    reply.says("205: acknowledged").says("297: acknowledged").says("in force");
    assert_eq!(reply.status(), 200, "{reply:?}");
}

#[test]
fn a_withdrawal_takes_the_place_of_the_grant_that_is_still_owed() {
    let Meant { given, world, .. } = Meant::new();
    let portal = world.portal();
    given.through(&portal, Some("205"), "active").says("205: pending");
    given.through(&portal, Some("205"), "inactive").says("205: pending");
    assert_eq!(owed(&portal), ["205"], "the later one alone");
    given.through(&portal, Some("205"), "active").says("205: pending");
    given.through(&portal, Some("205"), "inactive").says("205: pending");
    let portal = portal.restart();
    let kajaani = world.municipality("205");
    let there = kajaani.person("aino").answered([(Housing, 3, 3, "")]);
    world.pass(std::time::Duration::from_mins(1));
    send_due(&portal);
    assert_eq!(owed(&portal), Vec::<String>::new());
    kajaani.client("national-portal").search("Observation", &there).is_empty();
}

#[test]
fn a_grant_that_was_late_does_not_undo_what_was_withdrawn_meanwhile() {
    let Meant { given, world, .. } = Meant::new();
    let portal = world.portal();
    given.through(&portal, Some("205"), "active").says("205: pending");
    let kajaani = world.municipality("205");
    let there = kajaani.person("aino").answered([(Housing, 3, 3, "")]);
    world.pass(std::time::Duration::from_secs(1));
    let straight = given.through(&kajaani, None, "inactive");
    assert_eq!(straight.status(), 201, "{straight:?}");
    let portal = portal.restart();
    world.pass(std::time::Duration::from_mins(1));
    send_due(&portal);
    assert_eq!(owed(&portal), Vec::<String>::new());
    let reader = kajaani.client("national-portal");
    reader.search("Observation", &there).is_empty();
    given.through(&portal, Some("205"), "active").says("205: acknowledged");
    reader.search("Observation", &there).shows([Housing]);
}

#[test]
fn a_node_that_refuses_for_good_is_told_and_not_asked_again() {
    let Meant { given, world, .. } = Meant::new();
    world.impostor("205", Lie::Fails(422));
    world.impostor("049", Lie::Fails(429));
    let portal = world.portal();
    let reply = given.through(&portal, Some("049,205,297"), "active");
    reply.says("049: pending").says("205: failed").says("297: acknowledged");
    assert_eq!((reply.status(), owed(&portal)), (202, vec!["049".to_owned()]), "{reply:?}");
    let alone = given.through(&portal, Some("205"), "active");
    assert_eq!(alone.status(), 422, "{alone:?}");
    let rows = portal.audit().into_iter().filter(|e| *e.sources == ["205"]);
    let outcomes: Vec<_> = rows.map(|e| (e.interaction, e.outcome)).collect();
    let refused = (Interaction::Update, Outcome::Failed("refused-by-node".into()));
    assert_eq!(outcomes, [refused.clone(), refused]);
}

#[test]
fn a_prohibition_reaches_a_peer_that_joins_later_and_what_it_became_meanwhile() {
    let world = World::new();
    let (kuopio, kajaani) = (world.municipality("297"), world.municipality("205"));
    let [here, there] = known([&kuopio, &kajaani]);
    let (near, far) = (kuopio.client("national-portal"), kajaani.client("national-portal"));
    here.grants(&near, [Housing]);
    there.grants(&far, [Housing]);
    world.unknown.set(Some("205"));
    let portal = world.portal();
    let never = here.means(Terms::prohibition(&near.actor));
    never.through(&portal, None, "active").says("297: acknowledged").keeps_quiet("205");
    near.search("Observation", &here).is_empty();
    far.search("Observation", &there).shows([Housing]);

    world.unknown.set(None);
    let portal = portal.restart();
    send_due(&portal);
    far.search("Observation", &there).is_empty();
    // It is owed to nobody who has it.
    let portal = portal.restart();
    assert_eq!(owed(&portal), ["049"], "which has never been there");

    world.unknown.set(Some("205"));
    let portal = portal.restart();
    never.through(&portal, None, "inactive").says("297: acknowledged").keeps_quiet("205");
    near.search("Observation", &here).shows([Housing]);
    far.search("Observation", &there).is_empty();
    world.unknown.set(None);
    let portal = portal.restart();
    send_due(&portal);
    far.search("Observation", &there).shows([Housing]);
}

#[test]
fn what_is_passed_on_and_each_token_has_its_own_record_with_the_address() {
    let Meant { given, kuopio, world, .. } = Meant::new();
    let portal = world.portal();
    given.through(&portal, Some("205,297"), "active");
    let all = portal.audit();
    let told = |e: &mylife::audit::record::Entry<'static>| {
        (e.interaction, e.caller.client.to_string(), e.sources.join(","), e.outcome.clone())
    };
    let desk = || "consent-desk".to_owned();
    assert_eq!(
        all.iter().map(told).collect::<Vec<_>>(),
        [
            (Interaction::Operation, desk(), String::new(), Outcome::Success),
            (Interaction::Update, desk(), "205".into(), Outcome::Failed("pending".into())),
            (Interaction::Update, desk(), "297".into(), Outcome::Success),
        ]
    );
    assert!(all.iter().all(|e| &*e.address == "127.0.0.1"), "{all:?}");
    assert!(kuopio.audit().iter().all(|e| &*e.address == "127.0.0.1"));
}
