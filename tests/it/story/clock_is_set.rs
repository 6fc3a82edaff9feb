//! The clock of a machine is set, an hour forward or back: nothing is told for longer than it may be, what
//! holds once holds once, nobody is locked out, and the log stays in the order in which things happened.

use std::time::Duration;

use http::Method;
use mylife::domain::{
    moment::Moment,
    theme::Theme::{self, Health, Housing},
};

use crate::world::{Node, Person, Reply, START, Terms, World, actor::Ask, municipality::At};

const HOUR: Duration = Duration::from_hours(1);
const HALF: Duration = Duration::from_mins(30);
/// How often somebody is told to wait at most: at a gateway, and by a peer behind it.
const TURNS: usize = 9;

fn either_way() -> [Moment; 2] {
    [START.plus(HOUR), START.minus(HOUR)]
}

/// Who is counted by a clock that was ahead is told to wait a second, and waits. Nobody waits long.
fn patiently(world: &World, ask: impl Fn() -> Reply) -> Reply {
    for _ in 0..TURNS {
        let reply = ask();
        if reply.status() != 429 {
            return reply;
        }
        assert_eq!(reply.header("retry-after"), Some("1"));
        world.pass(Duration::from_secs(1));
    }
    panic!("it is told to wait for ever");
}

/// A new token.
fn token(at: &At) -> String {
    let ask = || at.actor.ask_token(&at.node, &at.actor.token_form(&at.node, "system/*.rs"));
    let told = patiently(&at.node.world, ask).accepted();
    told.json()["access_token"].as_str().unwrap().to_owned()
}

/// Asks for somebody's observations with this token.
fn reads(at: &At, token: &str, person: &Person) -> Reply {
    let path = format!("/fhir/Observation?patient={}", person.patient());
    patiently(&at.node.world, || {
        let headers = vec![("authorization", format!("Bearer {token}"))];
        let ask = Ask { headers, nodes: Some("297"), ..Ask::default() };
        at.actor.raw(&at.node, Method::GET, &path, ask)
    })
}

/// Exactly these of the two are shown with a new token.
fn shows(at: &At, person: &Person, shown: &[Theme]) -> Reply {
    let reply = reads(at, &token(at), person);
    for theme in [Housing, Health] {
        if shown.contains(&theme) {
            reply.shows([theme]);
        } else {
            reply.hides([theme]);
        }
    }
    reply
}

/// The requests that the log knows of, in its order.
fn requests(node: &Node) -> Vec<String> {
    node.audit().into_iter().map(|entry| entry.request.to_string()).collect()
}

#[test]
fn a_token_of_before_opens_nothing_and_the_next_one_does() {
    for set in either_way() {
        let world = World::new();
        let kuopio = world.municipality("297");
        let portal = kuopio.client("national-portal");
        let aino = kuopio.person("aino").answered([(Housing, 2, 1, ""), (Health, 1, 1, "")]);
        aino.grants(&portal, [Housing]);
        let mut asked = vec![shows(&portal, &aino, &[Housing])];
        let before = token(&portal);
        reads(&portal, &before, &aino).shows([Housing]);
        world.clock.set(set);
        let refused = reads(&portal, &before, &aino);
        assert_eq!(refused.status(), 401, "{refused:?}");
        for at in [set, START] {
            world.clock.set(at);
            asked.push(shows(&portal, &aino, &[Housing]));
        }
        let asked: Vec<String> =
            asked.iter().map(|reply| reply.header("x-request-id").unwrap().to_owned()).collect();
        let mut told = requests(&kuopio);
        told.retain(|id| asked.contains(id));
        assert_eq!(told, asked, "in the order in which they were told");
    }
}

#[test]
fn a_consent_is_judged_by_the_clock_as_it_stands_and_no_earlier_than_it_was_written() {
    let world = World::new();
    let kuopio = world.municipality("297");
    let portal = kuopio.client("national-portal");
    let aino = kuopio.person("aino").answered([(Housing, 2, 1, ""), (Health, 1, 1, "")]);
    let terms = |theme| Terms::grant(&portal.actor).themes(&[theme]);
    aino.gives(terms(Housing).from(&START.plus(HALF).to_string()));
    aino.gives(terms(Health).until(&START.plus(HALF).to_string()));
    let [forward, back] = either_way();
    let (early, late): (&[Theme], &[Theme]) = (&[Health], &[Housing]);
    for (at, shown) in [(START, early), (forward, late), (START, early), (back, early)] {
        world.clock.set(at);
        shows(&portal, &aino, shown);
    }
}

#[test]
fn what_was_withdrawn_by_a_clock_that_was_ahead_stays_so_when_it_is_set_right() {
    let world = World::new();
    let kuopio = world.municipality("297");
    let portal = kuopio.client("national-portal");
    let aino = kuopio.person("aino").answered([(Housing, 2, 1, ""), (Health, 1, 1, "")]);
    let housing = aino.grants(&portal, [Housing]);
    aino.grants(&portal, [Health]);
    shows(&portal, &aino, &[Housing, Health]);
    world.clock.set(START.plus(HOUR));
    housing.revoke();
    shows(&portal, &aino, &[Health]);
    aino.gives(Terms::prohibition(&portal.actor).themes(&[Health]));
    for at in [START.plus(HOUR), START, START.plus(HALF), START.plus(HOUR + HALF)] {
        world.clock.set(at);
        shows(&portal, &aino, &[]);
    }
}

#[test]
fn another_gateway_is_asked_as_before() {
    for set in either_way() {
        let world = World::new();
        let kuopio = world.municipality("297");
        let aino = kuopio.person("aino").answered([(Housing, 2, 1, "")]);
        aino.grants(&kuopio.client("national-portal"), [Housing]);
        let portal = world.portal().client("national-portal");
        for at in [START, set, START] {
            world.clock.set(at);
            let is_reached = || {
                let reply = reads(&portal, &token(&portal), &aino);
                if reply.completeness()["297"] == "complete" {
                    reply.shows([Housing]);
                    return true;
                }
                // The other gateway has told this one to wait.
                world.pass(Duration::from_secs(1));
                false
            };
            assert!((0..TURNS).any(|_| is_reached()), "at {at} it is never reached");
            assert!(is_reached(), "with the token that is kept, at {at}");
        }
    }
}

#[test]
fn what_holds_once_holds_once_and_what_was_ended_stays_so() {
    let world = World::new();
    let mut kuopio = world.municipality("297");
    let aino = kuopio.person("aino").patient().to_owned();
    let path = format!("/fhir/Observation?patient={aino}");
    let portal = world.actor("national-portal");
    let proof = portal.token_form(&kuopio, "system/*.rs");
    let first = portal.ask_token(&kuopio, &proof).accepted();
    let first = first.json()["access_token"].as_str().unwrap().to_owned();
    portal.about_token(&kuopio, "/oauth/revoke", &first).accepted();
    let holds = |kuopio: &Node| {
        let again = patiently(&world, || portal.ask_token(kuopio, &proof));
        let error = again.json()["error"].as_str();
        assert_eq!((again.status(), error), (401, Some("invalid_client")), "{again:?}");
        let ended = patiently(&world, || {
            let headers = vec![("authorization", format!("Bearer {first}"))];
            portal.raw(kuopio, Method::GET, &path, Ask { headers, ..Ask::default() })
        });
        assert_eq!(ended.status(), 401, "{ended:?}");
    };
    holds(&kuopio);
    world.clock.set(START.plus(HOUR));
    // What is over is forgotten as others come.
    for _ in 0..5 {
        let other = token(&kuopio.client("national-portal"));
        portal.about_token(&kuopio, "/oauth/revoke", &other).accepted();
    }
    world.clock.set(START);
    holds(&kuopio);
    kuopio = kuopio.restart();
    holds(&kuopio);
}
