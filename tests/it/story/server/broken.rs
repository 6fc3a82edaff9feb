//! A connection to the database ends in the middle of whatever is said on it, byte by byte further on: who
//! wrote is told that it is done or asked to come again, and then it is done once; who read has a whole
//! answer or none; and all that was told stands in the log, once.

use std::cell::{Cell, RefCell};

use http::Method;
use mylife::domain::theme::Theme::{Health, Housing};
use serde_json::{Value, json};
use tokio::time::timeout;

use super::{
    desk::LONGEST,
    members::PORTAL,
    on_one_thread,
    order::{Person, instant},
    out_of_reach::is_asked_to_come_again,
    proxy::Side,
    town::{Told, Town},
};
use crate::world::Terms;

const SOURCE: usize = 0;
const DESK: usize = 1;
const READER: usize = 2;
const UUID: &str = "urn:uuid:00000000-0000-4000-8000-0000000000b1";

/// What is asked while a connection ends.
#[derive(Clone, Copy, Debug)]
enum Deed {
    /// Somebody new, in several statements.
    Newcomer,
    /// Another version of a document, in one.
    Change,
    /// Another version of a consent, which waits for what was decided before.
    Consent,
    /// What somebody may see.
    Read,
}

/// One question, which can be put again.
struct Question {
    client: usize,
    method: Method,
    path: String,
    body: Option<Value>,
    /// What the gateway says to its database about nothing else.
    about: String,
    /// The version that is there afterwards.
    version: u64,
}

struct Story {
    town: Town,
    aino: Person,
    number: Cell<u64>,
    /// Versions of what is changed.
    changed: Cell<u64>,
    consented: Cell<u64>,
    /// `X-Request-Id` of what was done, and of what was refused.
    done: RefCell<Vec<String>>,
    refused: RefCell<Vec<String>>,
}

fn person(id: &str, number: u64) -> Value {
    json!({
        "schema": "mylife/person/1", "id": id, "birth_date": "2001-05-17",
        "name": { "given": [id], "family": format!("Testi-{number}") },
    })
}

impl Story {
    async fn new() -> Self {
        let town = Town::of(1).await;
        let aino = Person::new(&town, "aino", 1).await;
        let count = || Cell::new(0);
        let (done, refused) = (RefCell::default(), RefCell::default());
        // One version was made with the person.
        let changed = Cell::new(1);
        let story =
            Self { town, aino, number: count(), changed, consented: count(), done, refused };
        let question = story.question(Deed::Consent);
        let told = story.ask(&question).await.expect("nothing hinders it");
        assert_eq!(told.status, 201, "{}", told.body);
        story
    }

    fn question(&self, deed: Deed) -> Question {
        let number = self.number.replace(self.number.get() + 1);
        let next = |versions: &Cell<u64>| {
            versions.set(versions.get() + 1);
            versions.get()
        };
        let patient = &self.aino.patient;
        let pushed = |id: &str| (SOURCE, format!("/native/people/{id}"), person(id, number));
        let ((client, path, body), about, version) = match deed {
            Deed::Newcomer => {
                let id = format!("newcomer-{number}");
                (pushed(&id), id, 1)
            }
            Deed::Change => (pushed("aino"), patient.clone(), next(&self.changed)),
            Deed::Consent => {
                let path = format!("/fhir/Consent?identifier=urn:ietf:rfc:3986%7C{UUID}");
                let patient = json!({ "reference": format!("Patient/{patient}") });
                let terms = Terms::grant_to(PORTAL).themes(&[Housing, Health]);
                let mut body = terms.consent(&patient, UUID, "active");
                body["dateTime"] = json!(instant(usize::try_from(number).unwrap()));
                ((DESK, path, body), UUID.to_owned(), next(&self.consented))
            }
            Deed::Read => {
                let path = format!("/fhir/Observation?patient={patient}");
                let (method, about) = (Method::GET, patient.clone());
                return Question { client: READER, method, path, body: None, about, version: 0 };
            }
        };
        Question { client, method: Method::PUT, path, body: Some(body), about, version }
    }

    /// What is told; nothing if no whole answer came.
    async fn ask(&self, question: &Question) -> Option<Told> {
        let Question { client, method, path, body, .. } = question;
        let told = self.town.once((0, *client), method.clone(), path, body.as_ref()).await?;
        let list = if told.status < 300 { &self.done } else { &self.refused };
        list.borrow_mut().push(told.request.clone());
        Some(told)
    }

    /// Asks until it is done.
    async fn is_done(&self, question: &Question) -> Told {
        let asked = async {
            loop {
                match self.ask(question).await {
                    Some(told) if told.status < 300 => return told,
                    Some(told) => is_asked_to_come_again(&told, &self.aino),
                    None => {}
                }
            }
        };
        timeout(LONGEST, asked).await.expect("it does not recover")
    }

    /// As often as there is something to break: each time later, by ever more.
    async fn each(&self, deed: Deed, side: Side, step: usize) -> usize {
        let database = &self.town.outside.as_ref().unwrap().databases[0];
        for turn in 0.. {
            self.town.renew();
            let (question, after) = (self.question(deed), turn * turn * step);
            database.breaks(&question.about, side, after);
            let told = self.ask(&question).await;
            let has_broken = database.has_broken();
            let told = match told {
                Some(told) if told.status < 300 => told,
                Some(told) => {
                    is_asked_to_come_again(&told, &self.aino);
                    self.is_done(&question).await
                }
                None => self.is_done(&question).await,
            };
            let version = told.body["version"].as_u64().or(told.version).unwrap_or(0);
            let at = || format!("{deed:?} broken after {after} of the {side:?}");
            match deed {
                Deed::Read => {
                    for theme in [Housing, Health] {
                        assert!(told.text.contains(theme.code()), "{}: {}", at(), told.text);
                    }
                }
                Deed::Newcomer | Deed::Change | Deed::Consent => {
                    assert_eq!(version, question.version, "{}: {}", at(), told.body);
                    // It is there, so putting it again makes no other.
                    let told = self.is_done(&question).await;
                    let again = told.body["version"].as_u64().or(told.version);
                    assert_eq!((told.status, again), (200, Some(version)), "{}", at());
                }
            }
            if !has_broken {
                return turn;
            }
        }
        0
    }
}

async fn broken(deeds: &[Deed], step: usize) {
    let story = Story::new().await;
    for deed in deeds {
        for side in [Side::Gateway, Side::Server] {
            let times = story.each(*deed, side, step).await;
            assert!(times > 1, "{deed:?} is never broken");
        }
    }
    assert!(story.refused.borrow().len() > 5, "nobody was refused");
    story.town.has_gathered();
    story.town.kill(0);
    let told = story.town.audit();
    let count = |id: &String| told.get(id).copied().unwrap_or(0);
    let wrong = |ids: &[String], is: fn(usize) -> bool| {
        let wrong = ids.iter().map(|id| (id.clone(), count(id))).filter(|(_, times)| !is(*times));
        wrong.collect::<Vec<_>>()
    };
    assert_eq!(wrong(&story.done.borrow(), |times| times == 1), Vec::new());
    // It may have been made, and its writer not have heard: then the write stands there and the refusal.
    assert_eq!(wrong(&story.refused.borrow(), |times| times <= 2), Vec::new());
}

#[test]
fn wherever_a_connection_breaks_a_write_is_made_once_and_an_answer_is_whole() {
    on_one_thread(broken(&[Deed::Newcomer, Deed::Change, Deed::Read], 5));
}

mod long {
    use super::Deed::{Change, Consent, Newcomer, Read};

    #[test]
    fn wherever_a_connection_breaks_by_small_steps_everything_is_made_once() {
        super::on_one_thread(super::broken(&[Newcomer, Change, Read, Consent], 1));
    }
}
