//! Numbers of people: whoever is not seen is in none, and who is shows in none.

use std::sync::Arc;

use http::Method;
use mylife::{
    domain::theme::Theme::{Health, Housing},
    indicator::{cell::Counts, measure::Measure, question::Question},
};

use crate::world::{
    Gate, Lie, Node, Person, Reply, Terms, World, actor::Ask, municipality::At, person,
};

const ASKED: &str =
    "/fhir/Measure/wellbeing/$evaluate-measure?periodStart=2025-01-01&periodEnd=2025-12-31";

/// Somebody who was satisfied with their housing in 2025, and permits that this is counted.
fn counted(node: &Node, name: &str) -> (Person, person::Given) {
    let answers = [(Housing, 2, 9, ""), (Health, 1, 1, "")];
    let person = node.person(name).answered_in("2025-11", answers);
    let office = node.world.actor("indicator-office");
    let terms = Terms::grant(&office).themes(&[Housing]).purpose("HOUTCOMS");
    let given = person.gives(terms);
    (person, given)
}

fn office(node: &Node) -> At {
    node.client("indicator-office")
}

fn same(one: &Reply, other: &Reply) {
    assert_eq!(one.status(), 200, "{one:?}");
    assert_eq!(one.bytes(), other.bytes(), "{one:?}\nand\n{other:?}");
}

#[test]
pub(super) fn whoever_is_not_seen_is_counted_nowhere() {
    let world = World::new();
    let kuopio = world.municipality("297");
    for name in ["aino", "eetu", "iida", "onni", "vilma"] {
        drop(counted(&kuopio, name));
    }
    let before = office(&kuopio).get(ASKED);
    before.says(r#""count":5"#);
    let answers = [(Housing, 2, 9, ""), (Health, 1, 1, "")];
    for name in ["leevi", "saga", "topias", "aada", "elli"] {
        let one = kuopio.person(name).answered_in("2025-11", answers);
        // Another may see all of it, and the office may for another purpose.
        one.grants(&kuopio.client("national-portal"), [Housing, Health]);
        one.grants(&office(&kuopio), [Housing, Health]);
    }
    same(&before, &office(&kuopio).get(ASKED));
}

#[test]
pub(super) fn one_person_more_does_not_show() {
    let world = World::new();
    let kuopio = world.municipality("297");
    let before = office(&kuopio).get(ASKED);
    for name in ["aino", "eetu", "iida", "onni"] {
        let (_, given) = counted(&kuopio, name);
        same(&before, &office(&kuopio).get(ASKED));
        given.revoke();
        same(&before, &office(&kuopio).get(ASKED));
        drop(counted(&kuopio, &format!("{name}-too")));
    }
    // Of five it is told that there are five or some more, of six and seven the same.
    drop(counted(&kuopio, "vilma"));
    let five = office(&kuopio).get(ASKED);
    five.says(r#""count":5"#);
    for name in ["leevi", "saga"] {
        drop(counted(&kuopio, name));
        same(&five, &office(&kuopio).get(ASKED));
    }
}

/// The gateway waits for another when its own people are counted already.
#[test]
pub(super) fn who_withdraws_while_others_are_counted_is_not_counted() {
    let world = World::new();
    let kuopio = world.municipality("297");
    let gate = Arc::new(Gate::default());
    let question = Question { measure: Measure::Wellbeing, year: 2025 };
    let nobody = Counts::default().parameters(question).to_string();
    world.impostor("205", Lie::Waits(Arc::clone(&gate), nobody));
    let [.., (_, given)] =
        ["aino", "eetu", "iida", "onni", "vilma"].map(|name| counted(&kuopio, name));
    let (office, desk) = (world.actor("indicator-office"), world.actor("consent-desk"));
    office.get(&kuopio, ASKED, Some("297")).says(r#""count":5"#);
    let headers = vec![office.bearer(&kuopio)];
    let asks = Ask { headers, nodes: Some("205,297"), ..Ask::default() };
    let body = given.body("inactive").to_string();
    let (headers, kind) = (vec![desk.bearer(&kuopio)], Some("application/fhir+json"));
    let withdraws = Ask { headers, kind, body: body.into(), ..Ask::default() };
    let path = person::path(given.uuid());
    let (report, withdrawn) = world.runtime.block_on(async {
        let report = office.meanwhile(&kuopio, Method::GET, ASKED, asks);
        let withdrawn = async {
            gate.asked.notified().await;
            let withdrawn = desk.meanwhile(&kuopio, Method::PUT, &path, withdraws).await;
            gate.goes.notify_one();
            withdrawn
        };
        tokio::join!(report, withdrawn)
    });
    withdrawn.unwrap().accepted();
    // Nobody waited for the count: it was not over.
    report.unwrap().accepted().says("masked").keeps_quiet(r#""count":"#);
}
