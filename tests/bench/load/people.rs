//! Whom the driver asks about: people whom one holder or both know, and what it knows of them.
//!
//! Beside the way; of the load driver. Nobody here exists. Everybody's own words about a theme name it, and
//! the push they came with.

use std::{
    collections::{BTreeMap, HashMap},
    rc::Rc,
};

use mylife::domain::{
    day::Day,
    identity::IdentityCode,
    theme::{Theme, ThemeSet},
};
use serde_json::{Value, json};
use tokio::task::JoinSet;

use super::{
    history::History,
    judge::Known,
    line::Line,
    members,
    rounds::world::{SHARED, assessment, framed, permit},
    shown::MARK,
    stand::{HOLDERS, Stand},
};

/// Clients, by their numbers.
pub(crate) const SOURCE: usize = 0;
pub(crate) const DESK: usize = 1;
pub(crate) const READER: usize = 2;
/// Connections on which people are put in.
const ABREAST: usize = 16;

/// A person at a holder.
#[derive(Clone)]
pub(crate) struct Whose {
    /// The holder.
    pub(crate) node: usize,
    /// The person's number.
    pub(crate) person: usize,
    /// Id of the Patient.
    pub(crate) patient: String,
}

/// What one holder has of one person, and what is known of it.
pub(crate) struct Record {
    /// Who and where.
    pub(crate) whose: Whose,
    /// Id of the one `QuestionnaireResponse`.
    pub(crate) document: String,
    /// What was done to it.
    pub(crate) known: Known,
    /// What was asked for last; no two changes of one thing go at once.
    pub(crate) allowed: ThemeSet,
    pub(crate) pushed: u32,
    pub(crate) is_consenting: bool,
    pub(crate) is_pushing: bool,
    /// Lanes on which an answer about it is waited for.
    pub(crate) waiting: Vec<usize>,
}

/// Everybody.
pub(crate) struct People {
    pub(crate) records: Vec<Record>,
    /// Records by document, and by Patient in the order of pages.
    pub(crate) by_document: HashMap<String, usize>,
    pub(crate) by_patient: [BTreeMap<String, usize>; HOLDERS],
    of_node: [Vec<usize>; HOLDERS],
    /// The two records of those whom both holders know, with their identity codes.
    pub(crate) both: Vec<([usize; 2], String)>,
    /// At each holder somebody whom nobody asks about.
    pub(crate) apart: Vec<Whose>,
}

/// What people permit, by turns.
pub(crate) const TERMS: [&[Theme]; 4] =
    [&SHARED, &[Theme::Housing, Theme::Health], &[], &Theme::ALL];

/// A request as it goes over the wire.
pub(crate) fn request(
    (method, path): (&str, &str),
    token: &str,
    extra: &str,
    body: &str,
) -> Vec<u8> {
    let length =
        if method == "GET" { String::new() } else { format!("content-length: {}\r\n", body.len()) };
    format!(
        "{method} {path} HTTP/1.1\r\nhost: 127.0.0.1\r\nauthorization: Bearer {token}\r\n{extra}{length}\r\n{body}"
    )
    .into_bytes()
}

/// Pushes the assessment of a person as it is after so many pushes.
pub(crate) fn push(stand: &Stand, node: usize, person: usize, number: u32) -> Vec<u8> {
    let mut body = assessment(&format!("p-{person}"), person, 0);
    for answer in body["answers"].as_array_mut().into_iter().flatten() {
        let code = answer["theme"].as_str().unwrap_or_default();
        answer["future"] = format!("{MARK}{code}.{number}").into();
    }
    let path = format!("/native/assessments/a-{person}-0");
    document(stand, node, &path, &body)
}

fn document(stand: &Stand, node: usize, path: &str, body: &Value) -> Vec<u8> {
    let token = stand.token(node, SOURCE);
    request(("PUT", path), &token, "content-type: application/json\r\n", &body.to_string())
}

/// Permits exactly this of somebody's at a holder, with the desk's token.
pub(crate) fn consent(
    token: &str,
    Whose { node, person, patient }: &Whose,
    to: &str,
    allowed: ThemeSet,
) -> Vec<u8> {
    let themes: Vec<Theme> = allowed.iter().collect();
    let named = if themes.is_empty() { &SHARED[..] } else { &themes };
    let rule = json!({ "type": "deny", "provision": [permit(to, named, true)] });
    let uuid = format!("urn:uuid:00000000-0000-4000-8{node:03}-{person:012}");
    let mut body = framed(patient, &uuid, "grant", &rule);
    if themes.is_empty() {
        body["status"] = "inactive".into();
    }
    let path = format!("/fhir/Consent?identifier=urn:ietf:rfc:3986%7C{uuid}");
    let kind = "content-type: application/fhir+json\r\n";
    request(("PUT", &path), token, kind, &body.to_string())
}

impl Record {
    /// Permits exactly this of it to the reader.
    pub(crate) fn consent(&self, stand: &Stand, allowed: ThemeSet) -> Vec<u8> {
        consent(&stand.token(self.whose.node, DESK), &self.whose, members::PORTAL, allowed)
    }
}

impl People {
    /// Puts so many in: of three, one is known to both holders and two to one each.
    pub(crate) async fn put(stand: Rc<Stand>, count: usize) -> Self {
        let homes = |person: usize| (0..HOLDERS).filter(move |node| person % 3 != node + 1);
        let all = (0..count).flat_map(|person| homes(person).map(move |node| (person, node)));
        let all: Vec<(usize, usize)> = all.collect();
        let mut doing = JoinSet::new();
        for share in all.chunks(all.len().div_ceil(ABREAST).max(1)) {
            let (stand, share) = (Rc::clone(&stand), share.to_vec());
            doing.spawn_local(async move {
                let mut records = Vec::new();
                for (person, node) in share {
                    records.push(put(&stand, person, node).await);
                }
                records
            });
        }
        let mut records: Vec<Record> = doing.join_all().await.into_iter().flatten().collect();
        records.sort_by_key(|record| (record.whose.person, record.whose.node));
        let mut people = Self {
            by_document: HashMap::new(),
            by_patient: Default::default(),
            of_node: Default::default(),
            both: Vec::new(),
            apart: Vec::new(),
            records,
        };
        for node in 0..HOLDERS {
            let Record { whose, .. } = put(&stand, count + node, node).await;
            let taken = consent(&stand.token(node, DESK), &whose, members::CITY, ThemeSet::EMPTY);
            let port = stand.port(node);
            let mut line = Line::reach(&stand.tls, port).await.expect("it can be reached");
            let status = line.ask(&taken).await.expect("it answers").status;
            assert_eq!(status, 200, "nothing hinders it");
            people.apart.push(whose);
        }
        // Until all of it is in force everywhere.
        tokio::time::sleep((0..HOLDERS).map(|node| stand.within(node)).max().unwrap()).await;
        for (at, record) in people.records.iter().enumerate() {
            people.by_document.insert(record.document.clone(), at);
            people.of_node[record.whose.node].push(at);
            people.by_patient[record.whose.node].insert(record.whose.patient.clone(), at);
            if at > 0 && people.records[at - 1].whose.person == record.whose.person {
                people.both.push(([at - 1, at], code(record.whose.person).reveal().to_owned()));
            }
        }
        people
    }

    /// A record of a holder, by chance.
    pub(crate) fn any(&self, node: usize, chance: usize) -> usize {
        let all = self.of_node.get(node).unwrap_or(&self.of_node[0]);
        all[chance % all.len()]
    }

    /// That record of a holder, or the next of which this holds; none if it does of none.
    pub(crate) fn free(&self, any: usize, is: impl Fn(&Record) -> bool) -> Option<usize> {
        let node = self.records[any].whose.node;
        let (before, from) = self.records.split_at(any);
        let all = from.iter().chain(before).zip((any..self.records.len()).chain(0..any));
        let mut free = all.filter(|(one, _)| one.whose.node == node && is(one));
        free.next().map(|(_, at)| at)
    }

    /// The record that an id belongs to: of the document or of what follows from it.
    pub(crate) fn of(&self, id: &str) -> Option<usize> {
        let end = id.match_indices('.').nth(1).map_or(id.len(), |(at, _)| at);
        self.by_document.get(&id[..end]).copied()
    }
}

/// A birthday, which a hundred people share.
fn birth(person: usize) -> String {
    let day = person / 100;
    format!("{}-{:02}-{:02}", 1940 + day / 336, day / 28 % 12 + 1, day % 28 + 1)
}

/// An identity code that is issued to nobody.
fn code(person: usize) -> IdentityCode {
    let number = 900 + u16::try_from(person % 100).unwrap();
    IdentityCode::invent(Day::parse(&birth(person)).unwrap(), number).unwrap()
}

async fn put(stand: &Stand, person: usize, node: usize) -> Record {
    let mut line = None;
    let code = code(person);
    let body = json!({
        "schema": "mylife/person/1", "id": format!("p-{person}"), "language": "fi",
        "municipality": "297", "identity_code": code.reveal(),
        "name": { "given": ["Testi"], "family": format!("Esimerkki{person}") },
        "birth_date": birth(person), "non_disclosure": false,
    });
    let path = format!("/native/people/p-{person}");
    let held = made(stand, node, &mut line, &document(stand, node, &path, &body)).await;
    let patient = held["patient"].as_str().unwrap().to_owned();
    let held = made(stand, node, &mut line, &push(stand, node, person, 0)).await;
    let allowed: ThemeSet = SHARED.into_iter().collect();
    let record = Record {
        whose: Whose { node, person, patient },
        document: held["id"].as_str().unwrap().to_owned(),
        known: Known { consents: History::of(allowed), pushes: History::of(0) },
        allowed,
        pushed: 0,
        is_consenting: false,
        is_pushing: false,
        waiting: Vec::new(),
    };
    made(stand, node, &mut line, &record.consent(stand, allowed)).await;
    record
}

/// Asks until it is made; replicas refuse for a moment now and then.
async fn made(stand: &Stand, node: usize, line: &mut Option<Line>, question: &[u8]) -> Value {
    loop {
        let mut open = match line.take().filter(Line::is_kept) {
            Some(open) => open,
            None => Line::reach(&stand.tls, stand.port(node)).await.expect("it can be reached"),
        };
        let reply = open.ask(question).await.expect("it answers");
        let (status, body) = (reply.status, String::from_utf8_lossy(reply.body).into_owned());
        *line = Some(open);
        if status != 503 {
            assert_eq!(status, 201, "{body}");
            return serde_json::from_str(&body).unwrap();
        }
    }
}
