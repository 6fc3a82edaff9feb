//! Somebody a municipality knows, with what the municipality's system pushed about them.

use std::{cell::RefCell, rc::Rc};

use http::Method;
use mylife::domain::{day::Day, identity::IdentityCode, theme::Theme};
use serde_json::{Value, json};

use super::{Node, Reply, Terms, municipality::At};

/// Somebody, as one municipality knows them.
#[derive(Clone)]
pub(crate) struct Person(Rc<Inner>);

struct Inner {
    node: Node,
    name: String,
    code: String,
    patient: String,
    documents: RefCell<Vec<String>>,
}

impl Person {
    pub(crate) fn new(node: &Node, name: &str) -> Self {
        Self::with(node, name, &json!({}))
    }

    /// With other members than everybody has.
    pub(crate) fn with(node: &Node, name: &str, members: &Value) -> Self {
        let code = code(name).reveal().to_owned();
        let mut body = json!({
            "schema": "mylife/person/1", "id": name,
            "name": { "given": [name], "family": "Testi" },
            "birth_date": "2001-05-17", "identity_code": code, "language": "fi",
            "municipality": node.code(),
        });
        for (key, value) in members.as_object().unwrap() {
            body[key] = value.clone();
        }
        let reply = push(node, "people", name, &body);
        let patient = reply.json()["patient"].as_str().unwrap().to_owned();
        let (node, name) = (node.clone(), name.to_owned());
        Self(Rc::new(Inner { node, name, code, patient, documents: RefCell::default() }))
    }

    /// Answers the survey: theme, importance, satisfaction, own words.
    pub(crate) fn answered<const N: usize>(self, answers: [(Theme, u8, u8, &str); N]) -> Self {
        self.answered_in("2026-02", answers)
    }

    /// The same in another month.
    pub(crate) fn answered_in<const N: usize>(
        self,
        month: &str,
        answers: [(Theme, u8, u8, &str); N],
    ) -> Self {
        let number = self.0.documents.borrow().len() + 1;
        let answers: Vec<Value> = answers
            .iter()
            .map(|(theme, importance, satisfaction, words)| {
                let mut answer = json!({ "theme": theme.code(), "importance": importance,
                    "satisfaction": satisfaction });
                if !words.is_empty() {
                    answer["future"] = json!(words);
                }
                answer
            })
            .collect();
        let id = format!("{}-a{number}", self.0.name);
        let body = json!({
            "schema": "mylife/assessment/1", "id": id, "person": self.0.name, "form": "3x10d-30",
            "status": "completed", "authored": format!("{month}-{number:02}T10:00:00Z"),
            "answered_by": "person", "language": "fi", "answers": answers,
        });
        self.push("assessments", &id, &body);
        self
    }

    /// Has a plan; what it says is given whole.
    pub(crate) fn planned(self, plan: &Value) -> Self {
        let id = plan["id"].as_str().unwrap().to_owned();
        self.push("plans", &id, plan);
        self
    }

    fn push(&self, kind: &str, id: &str, body: &Value) {
        let reply = push(&self.0.node, kind, id, body);
        self.0.documents.borrow_mut().push(reply.json()["id"].as_str().unwrap().to_owned());
    }

    /// Id of the Patient.
    pub(crate) fn patient(&self) -> &str {
        &self.0.patient
    }

    /// Id of the n-th document, from 0.
    pub(crate) fn document(&self, n: usize) -> String {
        self.0.documents.borrow()[n].clone()
    }

    /// The identity code; of the range that is issued to nobody.
    pub(crate) fn code(&self) -> &str {
        &self.0.code
    }

    pub(crate) fn node(&self) -> &Node {
        &self.0.node
    }

    /// Grants themes to whom somebody asks for, through the consent desk.
    pub(crate) fn grants<const N: usize>(&self, to: &At, themes: [Theme; N]) -> Given {
        self.gives(Terms::grant(&to.actor).themes(&themes))
    }

    /// Means to give a consent; nothing is written yet.
    pub(crate) fn means(&self, terms: Terms) -> Given {
        Given { person: self.clone(), uuid: terms.uuid(&self.0.node), terms }
    }

    /// Writes a consent through the consent desk.
    pub(crate) fn gives(&self, terms: Terms) -> Given {
        let given = self.means(terms);
        given.write("active").accepted();
        given
    }
}

/// The identity code of a name: the same name is the same person in every municipality.
pub(crate) fn code(name: &str) -> IdentityCode {
    let born = Day::new(2001, 5, 17).unwrap();
    let number = name.bytes().fold(0_u16, |sum, b| (sum * 7 + u16::from(b)) % 90);
    IdentityCode::invent(born, 900 + number).unwrap()
}

/// A consent that was written.
pub(crate) struct Given {
    person: Person,
    uuid: String,
    terms: Terms,
}

impl Given {
    /// Takes it back.
    pub(crate) fn revoke(&self) -> Reply {
        self.write("inactive").accepted()
    }

    /// Writes it at a gateway without data, which passes it on.
    pub(crate) fn through(&self, portal: &Node, nodes: Option<&str>, status: &str) -> Reply {
        let body = self.body_by_code(status);
        portal.world.actor("consent-desk").put(portal, &path(&self.uuid), &body, nodes)
    }

    /// What is written where the person is known by identity code alone.
    pub(crate) fn body_by_code(&self, status: &str) -> Value {
        let identifier = json!({ "system": "urn:oid:1.2.246.21", "value": self.person.code() });
        let patient = json!({ "type": "Patient", "identifier": identifier });
        self.terms.consent(&patient, &self.uuid, status)
    }

    /// The same consent in other terms; nothing is written yet.
    pub(crate) fn with(&self, terms: Terms) -> Self {
        Self { person: self.person.clone(), uuid: self.uuid.clone(), terms }
    }

    /// What it says.
    pub(crate) fn terms(&self) -> &Terms {
        &self.terms
    }

    /// The writer's uuid.
    pub(crate) fn uuid(&self) -> &str {
        &self.uuid
    }

    /// What is written.
    pub(crate) fn body(&self, status: &str) -> Value {
        let patient = json!({ "reference": format!("Patient/{}", self.person.patient()) });
        self.terms.consent(&patient, &self.uuid, status)
    }

    fn write(&self, status: &str) -> Reply {
        let body = self.body(status);
        let desk = self.person.node().world.actor("consent-desk");
        desk.put(self.person.node(), &path(&self.uuid), &body, None)
    }
}

/// Where a consent with the writer's uuid is written.
pub(crate) fn path(uuid: &str) -> String {
    format!("/fhir/Consent?identifier=urn:ietf:rfc:3986%7C{uuid}")
}

fn push(node: &Node, kind: &str, id: &str, body: &Value) -> Reply {
    let source = node.world.actor("source");
    let ask = super::actor::Ask {
        kind: Some("application/json"),
        body: body.to_string().into(),
        ..Default::default()
    };
    source.send(node, Method::PUT, &format!("/native/{kind}/{id}"), ask).accepted()
}
