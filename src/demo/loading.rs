//! Brings the demo's people into the gateways, as the municipalities' own systems would.
//!
//! Beside the way of a request: every document goes by `PUT /native/...` over HTTPS, every consent by
//! `PUT /fhir/Consent`, at the node that holds the data or through the portal.

use std::collections::BTreeMap;

use http::header;
use serde_json::{Value, json};

use crate::{
    demo::{
        client::{Ask, Reply, Visitor},
        clients::{DESK, DemoClient, client, source},
        directory::{MUNICIPALITIES, Municipality},
        nodes::{Node, Running},
        people::{Home, Somebody},
        rules::{self, Draft, Rule},
    },
    domain::identity::SYSTEM as IDENTITY,
    domain::{
        identity::IdentityCode,
        moment::Moment,
        person::{Person, related_id},
    },
    error::{Error, Result},
    native::NativeKind,
};

/// What one node holds of somebody, by the ids it gave.
pub struct Record {
    /// Slug of the node.
    pub node: &'static str,
    /// `Patient/id` without the type.
    pub patient: String,
    /// Documents: the assessments, oldest first, then the plan.
    pub documents: Vec<String>,
}

/// Somebody who has been loaded, with everything they decided.
pub struct Resident {
    /// Their documents.
    pub somebody: Somebody,
    /// One for each home, in the same order.
    pub records: Vec<Record>,
    /// What they granted, node by node.
    pub grants: Vec<Rule>,
    /// What they prohibited, node by node.
    pub prohibitions: Vec<Rule>,
    /// The consents, as they were written.
    pub drafts: Vec<Draft>,
}

impl Resident {
    /// The person, as known at the first home.
    ///
    /// # Errors
    /// `Internal` if there is none.
    pub fn person(&self) -> Result<&Person> {
        person(&self.somebody)
    }

    /// The identity code.
    ///
    /// # Errors
    /// `Internal` if there is none.
    pub fn code(&self) -> Result<&str> {
        let code = self.person()?.identity_code.as_ref();
        code.map(IdentityCode::reveal).ok_or_else(|| Error::internal("somebody lacks a code"))
    }

    /// Homes with what their nodes hold.
    pub fn places(&self) -> impl Iterator<Item = (&Home, &Record)> {
        self.somebody.homes.iter().zip(&self.records)
    }
}

fn person(of: &Somebody) -> Result<&Person> {
    let home = of.homes.first().ok_or_else(|| Error::internal("somebody lives nowhere"))?;
    Ok(&home.person)
}

/// Loads everybody, then everything they decided.
///
/// # Errors
/// `SourceFailed` with what a gateway refused.
pub async fn load(
    people: Vec<Somebody>,
    drafts: Vec<Vec<Draft>>,
    visitor: &Visitor,
    running: &Running,
    clients: &[DemoClient],
    now: Moment,
) -> Result<Vec<Resident>> {
    let [first, second, third] = &MUNICIPALITIES;
    let at = |municipality| push_all(&people, municipality, visitor, running, clients);
    let (first, second, third) = tokio::try_join!(at(first), at(second), at(third))?;
    let mut held = [first, second, third];
    let mut residents = Vec::new();
    for ((number, somebody), drafts) in people.into_iter().enumerate().zip(drafts) {
        let mut records = Vec::new();
        for home in &somebody.homes {
            let here = MUNICIPALITIES.iter().position(|at| at.slug == home.municipality.slug);
            let record = here.and_then(|at| held.get_mut(at)?.remove(&number));
            records.push(record.ok_or_else(|| Error::internal("a record was lost"))?);
        }
        let (grants, prohibitions) = (Vec::new(), Vec::new());
        residents.push(Resident { somebody, records, grants, prohibitions, drafts });
    }
    let desk = client(clients, DESK)?;
    for resident in &mut residents {
        for draft in resident.drafts.clone() {
            let written = write(resident, &draft, visitor, running, desk, now).await?;
            let list = if draft.grant { &mut resident.grants } else { &mut resident.prohibitions };
            list.extend(written);
        }
    }
    Ok(residents)
}

/// Everybody of one municipality, by their number.
async fn push_all(
    people: &[Somebody],
    at: &Municipality,
    visitor: &Visitor,
    running: &Running,
    clients: &[DemoClient],
) -> Result<BTreeMap<usize, Record>> {
    let (node, source) = (running.node(at.slug)?, client(clients, &source(at.slug))?);
    let mut all = BTreeMap::new();
    for (number, somebody) in people.iter().enumerate() {
        for home in somebody.homes.iter().filter(|home| home.municipality.slug == at.slug) {
            all.insert(number, push(home, at.slug, visitor, node, source).await?);
        }
    }
    Ok(all)
}

/// Hands in what one home has, as a municipality's own system does.
///
/// # Errors
/// `SourceFailed` with what the gateway refused.
pub async fn push(
    home: &Home,
    slug: &'static str,
    visitor: &Visitor,
    node: &Node,
    source: &DemoClient,
) -> Result<Record> {
    let mut record = Record { node: slug, patient: String::new(), documents: Vec::new() };
    for (kind, local, bytes) in home.documents()? {
        let url = format!("{}/native/{}/{}", node.url, kind.plural(), local.as_str());
        let ask = Ask::document(url, "application/json", bytes);
        let reply = visitor.ask(source, node, &ask).await?.expect("A push")?;
        let text = |name: &str| reply.body.get(name).and_then(Value::as_str).map(str::to_owned);
        record.patient = text("patient").unwrap_or_default();
        if kind != NativeKind::Person {
            record.documents.extend(text("id"));
        }
    }
    Ok(record)
}

/// How often the portal is asked what was kept.
const TRIES: usize = 4;

/// Writes a consent and learns its ids: one rule for each node that now holds it.
async fn write(
    resident: &Resident,
    draft: &Draft,
    visitor: &Visitor,
    running: &Running,
    desk: &DemoClient,
    now: Moment,
) -> Result<Vec<Rule>> {
    let reply = put(resident, draft, visitor, running, desk, now).await?;
    if !draft.through_portal {
        let location = reply.headers.get(header::LOCATION).and_then(|v| v.to_str().ok());
        let id = location.and_then(|url| url.rsplit_once('/')).map(|(_, id)| id);
        let id = id.ok_or_else(|| Error::internal("a consent was given no id"))?;
        let consent = format!("Consent/{id}");
        return Ok(vec![Rule { consent, ..draft.rule.clone() }]);
    }
    let portal = running.node("portal")?;
    let (identifier, person) = (
        format!("urn:ietf:rfc:3986|{}", draft.rule.identifier),
        format!("{IDENTITY}|{}", resident.code()?),
    );
    let form = [("patient.identifier", person.as_str()), ("identifier", identifier.as_str())];
    let ask = Ask::form(format!("{}/Consent/_search", portal.fhir()), &form);
    // A node that was not reached in time costs its own part, and is asked once more.
    for _ in 0..TRIES {
        let found = visitor.ask(desk, portal, &ask).await?.expect("A search for consents")?;
        let rules = resident.records.iter().map(|record| {
            let code = running.node(record.node)?.code.as_str();
            let of_node = entries(&found.body).find_map(|resource| {
                let id = resource.get("id")?.as_str()?;
                id.strip_prefix(code)?.starts_with('.').then(|| format!("Consent/{id}"))
            });
            Ok(of_node.map(|consent| Rule { node: record.node, consent, ..draft.rule.clone() }))
        });
        if let Some(rules) = rules.collect::<Result<Option<Vec<_>>>>()? {
            return Ok(rules);
        }
    }
    Err(Error::internal("a consent was not kept"))
}

/// Writes a consent as it now stands.
///
/// # Errors
/// `SourceFailed` unless every node concerned has acknowledged.
pub async fn put(
    resident: &Resident,
    draft: &Draft,
    visitor: &Visitor,
    running: &Running,
    desk: &DemoClient,
    now: Moment,
) -> Result<Reply> {
    let first = resident.records.first().map_or("", |record| record.node);
    let node = running.node(if draft.through_portal { "portal" } else { first })?;
    let code = resident.code()?;
    let guardian = resident.person()?.representation.first().filter(|_| draft.by_guardian);
    let performer = match (guardian, resident.records.first()) {
        (Some(guardian), Some(record)) => {
            let id = related_id(&record.patient, guardian.id.as_str());
            json!({ "reference": format!("RelatedPerson/{id}") })
        }
        _ => json!({ "identifier": { "system": IDENTITY, "value": code } }),
    };
    let body = rules::consent(draft, code, &performer, now).to_string();
    let query = form_urlencoded::Serializer::new(String::new())
        .append_pair("identifier", &format!("urn:ietf:rfc:3986|{}", draft.rule.identifier))
        .finish();
    let url = format!("{}/Consent?{query}", node.fhir());
    let mut ask = Ask::document(url, "application/fhir+json", body);
    if draft.through_portal && draft.grant {
        let mut codes = Vec::new();
        for record in &resident.records {
            codes.push(running.node(record.node)?.code.as_str());
        }
        ask.nodes = Some(codes.join(", "));
    }
    let reply = visitor.ask(desk, node, &ask).await?.expect("A consent")?;
    if reply.status == 202 {
        return Err(Error::new(
            crate::error::Kind::SourceFailed,
            "A consent was not acknowledged by every node.",
        ));
    }
    Ok(reply)
}

/// The matches of a searchset.
pub fn entries(bundle: &Value) -> impl Iterator<Item = &Value> {
    let all = bundle.get("entry").and_then(Value::as_array).into_iter().flatten();
    let matches =
        all.filter(|e| e.pointer("/search/mode").and_then(Value::as_str) == Some("match"));
    matches.filter_map(|entry| entry.get("resource"))
}
