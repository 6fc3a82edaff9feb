//! A person of whom a reader may see a part, and everything that is then hidden from that reader.
//!
//! A test asks, then more is stored that its reader may not see, and it asks again: the bytes must be
//! the same. Time has passed since what is seen was written, so what is hidden is newer.

use std::time::Duration;

use http::Method;
use mylife::domain::theme::Theme::{Health, Housing, StudiesWork};
use serde_json::{Value, json};

use crate::world::{Node, Person, Reply, Terms, World, actor::Ask, municipality::At};

pub(super) struct Stage {
    pub(super) world: World,
    pub(super) kuopio: Node,
    /// Who may see housing and studies of Aino.
    pub(super) reader: At,
    pub(super) aino: Person,
}

/// Somebody of whom the reader may see nothing.
pub(super) const HIDDEN: &str = "eetu";

impl Stage {
    /// What the reader sees, an hour old.
    pub(super) fn new() -> Self {
        Self::at(|kuopio| kuopio.client("national-portal"))
    }

    /// The same, asked from another place.
    pub(super) fn at(place: impl FnOnce(&Node) -> At) -> Self {
        let world = World::new();
        let kuopio = world.municipality("297");
        let reader = place(&kuopio);
        let aino = kuopio.person("aino");
        aino.grants(&kuopio.client("national-portal"), [Housing, StudiesWork]);
        world.pass(Duration::from_mins(1));
        push(&kuopio, "assessments", &survey("aino", 1, "completed", &answers()));
        world.pass(Duration::from_mins(1));
        push(&kuopio, "assessments", &survey("aino", 2, "completed", &answers()));
        push(&kuopio, "plans", &plan(&json!({})));
        world.pass(Duration::from_hours(1));
        Self { world, kuopio, reader, aino }
    }

    /// Stores what the reader may not see, and lets others ask for what they may.
    pub(super) fn hide(&self) {
        let Self { kuopio, aino, .. } = self;
        for (kind, body) in hidden_documents() {
            push(kuopio, kind, &body);
        }
        let eetu = kuopio.person(HIDDEN).answered([(Housing, 3, 3, "Ei muille")]);
        let region = kuopio.client("north-savo");
        for person in [aino, &eetu] {
            person.gives(Terms::grant(&region.actor).themes(&[Health]).class("free-text"));
            for kind in ["Observation", "QuestionnaireResponse", "Patient"] {
                let name = if kind == "Patient" { "_id" } else { "patient" };
                region.get(&format!("/fhir/{kind}?{name}={}", person.patient())).matches();
            }
        }
    }

    /// Asks, hides, and asks again: nothing may differ. Returns what was answered.
    pub(super) fn tells_nothing(&self, ask: impl Fn() -> Vec<Reply>) -> Vec<Reply> {
        let before = ask();
        self.hide();
        let after = ask();
        assert_eq!(before.len(), after.len(), "{before:?}\nand\n{after:?}");
        for (one, other) in before.iter().zip(&after) {
            assert_eq!(one.bytes(), other.bytes(), "{one:?}\nand\n{other:?}");
        }
        after
    }

    /// The same of single addresses; what is found is more than nothing.
    pub(super) fn finds_the_same(&self, paths: &[String]) -> Vec<Reply> {
        let found = self.tells_nothing(|| paths.iter().map(|p| self.reader.get(p)).collect());
        for reply in &found {
            assert_eq!(reply.status(), 200, "{reply:?}");
        }
        found
    }

    /// Where Aino's data of a type is searched.
    pub(super) fn of_aino(&self, kind: &str, more: &str) -> String {
        format!("/fhir/{kind}?patient={}{more}", self.aino.patient())
    }

    /// Id of the first resource of a type that the reader finds.
    pub(super) fn first(&self, kind: &str) -> String {
        let found = self.reader.get(&self.of_aino(kind, "&_sort=_id"));
        found.ids().first().unwrap_or_else(|| panic!("{found:?}")).clone()
    }

    /// A request of any kind by the reader.
    pub(super) fn asks(&self, method: Method, path: &str, ask: Ask<'_>) -> Reply {
        let nodes = ask.nodes.or(Some("297"));
        self.reader.actor.send(&self.reader.node, method, path, Ask { nodes, ..ask })
    }
}

pub(super) fn answer(theme: &str, importance: u8, satisfaction: u8, future: &str) -> Value {
    let mut answer =
        json!({ "theme": theme, "importance": importance, "satisfaction": satisfaction });
    if !future.is_empty() {
        answer["future"] = json!(future);
    }
    answer
}

fn answers() -> Vec<Value> {
    vec![answer("studies-work", 5, 6, ""), answer("housing", 2, 1, "")]
}

/// An assessment; an amended one says another time of itself.
pub(super) fn survey(person: &str, number: u8, status: &str, answers: &[Value]) -> Value {
    let day = if status == "amended" { 20 } else { number };
    let mut answers = answers.to_vec();
    let order = ["studies-work", "health", "housing"];
    answers.sort_by_key(|a| order.iter().position(|theme| a["theme"] == *theme));
    json!({
        "schema": "mylife/assessment/1", "id": format!("{person}-a{number}"), "person": person,
        "form": "3x10d-30", "status": status, "authored": format!("2026-02-{day:02}T10:00:00Z"),
        "answered_by": "person", "language": "fi", "answers": answers,
    })
}

/// A plan with these parts beside those that are seen.
pub(crate) fn plan(more: &Value) -> Value {
    let mut plan = json!({
        "schema": "mylife/plan/1", "id": "aino-w", "person": "aino", "status": "active",
        "period": { "start": "2026-02-10", "end": "2027-02-10" },
        "created": "2026-02-10T08:00:00Z", "assessments": ["aino-a1"],
        "goals": [{ "id": "g-1", "themes": ["housing"], "words": "Oma avain", "set_by": "person",
            "status": "active" }],
        "services": [{ "id": "s-1", "service": "297.svc.youth", "themes": ["housing"],
            "state": "granted", "decided": "2026-02-12" }],
        "actions": [],
        "team": [{ "id": "m-1", "practitioner": "297.prac.youth1", "role": "case-manager",
            "organization": "297.org.youth", "active": true }],
        "follow_up": [],
    });
    for (name, value) in more.as_object().unwrap() {
        match (plan[name].as_array_mut(), value.as_array()) {
            (Some(all), Some(more)) => all.extend(more.clone()),
            _ => plan[name] = value.clone(),
        }
    }
    plan
}

/// Documents of Aino with more than the reader may see.
pub(super) fn hidden_documents() -> [(&'static str, Value); 3] {
    let more = [answers(), vec![answer("health", 4, 2, "Unohda se")]].concat();
    [
        ("assessments", survey("aino", 1, "amended", &more)),
        ("assessments", survey("aino", 3, "completed", &more[2..])),
        ("plans", plan(&hidden_parts())),
    ]
}

/// What of the plan the reader may not see: own words, another theme, a sensitive unit.
pub(super) fn hidden_parts() -> Value {
    json!({
        "title": "Kohti kotia", "assessments": ["aino-a3"],
        "goals": [{ "id": "g-2", "themes": ["health"], "words": "Uni", "set_by": "person",
            "status": "active" }],
        "services": [{ "id": "s-2", "service": "297.svc.psychiatry", "themes": ["housing"],
            "state": "granted", "decided": "2026-02-12" }],
        "actions": [{ "id": "t-2", "themes": ["health"], "text": "Nuku", "status": "planned",
            "performer": "person", "goal": "g-2" }],
        "team": [{ "id": "m-2", "practitioner": "297.prac.psychiatry1", "role": "professional",
            "organization": "297.org.psychiatry", "active": true }],
    })
}

/// Pushes a document as the municipality's own system does.
pub(crate) fn push(node: &Node, kind: &str, body: &Value) -> Reply {
    let id = body["id"].as_str().unwrap();
    let kind_of = Some("application/json");
    let ask = Ask { kind: kind_of, body: body.to_string().into(), ..Ask::default() };
    let source = node.world.actor("source");
    source.send(node, Method::PUT, &format!("/native/{kind}/{id}"), ask).accepted()
}
