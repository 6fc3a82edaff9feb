//! What somebody proposes about a plan that another keeps: a change of it, or who is to answer for it.

mod changes;
mod hand_over;
mod hidden;
mod through;

use http::Method;
use mylife::domain::theme::Theme::Housing;
use serde_json::{Value, json};

use super::plans_are_written::{THEME, known};
use crate::world::{Person, Reply, Terms, World, actor::Ask, municipality::At};

pub(crate) const PLAN: &str = "https://mylife.example/fhir/CodeSystem/plan";
pub(crate) const READS_AND_PROPOSES: &str = "system/*.rs system/Task.cru";

/// Somebody who writes with a token of their own.
pub(crate) struct Writer {
    pub(crate) at: At,
    token: String,
}

impl Writer {
    /// A client, with what its token says beside scope and organisation.
    pub(crate) fn new(at: &At, scope: &str, more: &Value) -> Self {
        let mut claims = json!({ "purpose": "TREAT" });
        for (name, value) in more.as_object().unwrap() {
            claims[name] = value.clone();
        }
        Self { at: at.clone(), token: at.token(scope, &claims) }
    }

    pub(crate) fn send(
        &self,
        method: Method,
        path: &str,
        body: &Value,
        more: &[(&'static str, &str)],
    ) -> Reply {
        let mut headers = vec![("authorization", format!("Bearer {}", self.token))];
        headers.extend(more.iter().map(|(name, value)| (*name, (*value).to_owned())));
        let kind = (method != Method::GET).then_some("application/fhir+json");
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let ask = Ask { headers, kind, nodes: None, body: body.into() };
        self.at.actor.raw(&self.at.node, method, &format!("/fhir{path}"), ask)
    }

    pub(crate) fn get(&self, path: &str) -> Reply {
        self.send(Method::GET, path, &Value::Null, &[])
    }

    /// Where what is proposed is: `Task/id`.
    pub(crate) fn proposes(&self, task: &Value) -> String {
        let reply = self.send(Method::POST, "/Task", task, &[]);
        assert_eq!(reply.status(), 201, "{reply:?}");
        let at = reply.header("location").unwrap().split_once("/fhir/").unwrap().1.to_owned();
        let read = self.get(&format!("/{at}"));
        assert_eq!(read.status(), 200, "{read:?}");
        assert_eq!(read.header("etag"), reply.header("etag"), "the version it is read under");
        at
    }

    /// Reads it, and sends it back with these members.
    pub(crate) fn answers(&self, at: &str, members: &Value) -> Reply {
        let path = format!("/{at}");
        let read = self.get(&path);
        assert_eq!(read.status(), 200, "{read:?}");
        let mut task = read.json().clone();
        for (name, value) in members.as_object().unwrap() {
            task[name] = value.clone();
        }
        self.send(Method::PUT, &path, &task, &[("if-match", read.header("etag").unwrap())])
    }

    pub(crate) fn status(&self, at: &str) -> Value {
        let read = self.get(&format!("/{at}"));
        assert_eq!(read.status(), 200, "{read:?}");
        read.json()["status"].clone()
    }
}

pub(crate) fn answer(status: &str, why: &str) -> Value {
    json!({ "status": status, "statusReason": { "text": why } })
}

/// Aino, her plan at Kuopio, who keeps it, and the county, which sees housing and her own words.
pub(crate) struct Scene {
    world: World,
    pub(crate) aino: Person,
    pub(crate) keeper: At,
    pub(crate) county: Writer,
    pub(crate) goal: String,
    team: String,
    plan: String,
}

impl Scene {
    pub(crate) fn new() -> Self {
        let world = World::new();
        let (keeper, aino, [goal, _, _, team, plan]) = known(&world);
        let county = keeper.node.client("north-savo");
        aino.gives(Terms::grant(&county.actor).themes(&[Housing]).class("free-text"));
        let county = Writer::new(&county, READS_AND_PROPOSES, &json!({}));
        Self { world, aino, keeper, county, goal, team, plan }
    }

    /// Who keeps the plan.
    fn keeper(&self) -> Writer {
        Writer::new(&self.keeper, "system/*.cruds", &json!({}))
    }

    fn subject(&self) -> Value {
        json!({ "reference": format!("Patient/{}", self.aino.patient()) })
    }

    /// A change proposed about a part of the plan.
    pub(crate) fn change(&self, about: &str, words: &str) -> Value {
        json!({ "resourceType": "Task", "status": "requested", "intent": "proposal",
            "code": { "coding": [{ "system": PLAN, "code": "proposal" }] },
            "description": words, "focus": { "reference": about }, "for": self.subject() })
    }

    /// That another is to answer for the plan.
    fn hand_over(&self, to: &str) -> Value {
        json!({ "resourceType": "Task", "status": "requested", "intent": "proposal",
            "code": { "coding": [{ "system": PLAN, "code": "hand-over" }] },
            "focus": { "reference": self.team }, "for": self.subject(),
            "owner": { "reference": format!("PractitionerRole/{to}.role") } })
    }
}

/// Codes of the themes of a resource.
pub(crate) fn themes(resource: &Value) -> Vec<&str> {
    let all = resource["meta"]["security"].as_array().unwrap().iter();
    all.filter(|label| label["system"] == THEME).map(|l| l["code"].as_str().unwrap()).collect()
}
