//! Everything about one person at this gateway, decoded: the unit of loading, caching, deciding.
//!
//! Floor of the house. Made by `source` from what the store holds; later steps keep here, once, what
//! they derive from it. Versioned by one number and never changed: a commit makes another.

pub mod derived;

use std::{collections::BTreeSet, sync::Arc};

use serde::{Deserialize, de::DeserializeOwned};
use serde_json::{Map, Value, json};

use crate::{
    compartment::derived::Derived,
    domain::{
        assessment::Assessment,
        moment::Moment,
        part::Parts,
        person::{Named, Person},
        plan::Plan,
        proposal::Proposal,
    },
    error::{Error, Result},
    json,
    store::{Document, DocumentKind, Stored},
};

/// One native document and what was made for it at commit.
#[derive(Debug)]
pub struct Held<T> {
    /// Document id, unique in the federation.
    pub id: Arc<str>,
    /// The client that pushes it.
    pub owner: Arc<str>,
    /// When this version was committed.
    pub recorded: Moment,
    /// What was made at commit for its parts.
    pub parts: Parts,
    /// The document.
    pub native: T,
}

/// One version of a Consent.
#[derive(Debug)]
pub struct Recorded {
    /// Consent id.
    pub id: Arc<str>,
    /// The client that wrote it.
    pub owner: Arc<str>,
    /// 1, 2, 3, ...
    pub version: u64,
    /// When this version was committed.
    pub recorded: Moment,
    /// Reference of who gave it, where that is not the person.
    pub given_by: Option<Arc<str>>,
    /// How this version came to be, where somebody wrote it down for the person.
    pub provenance: Option<Box<Map<String, Value>>>,
    /// The Consent as accepted, in JSON that was read once.
    body: Arc<[u8]>,
}

impl Recorded {
    /// The Consent, as accepted.
    pub fn consent(&self) -> Value {
        // Decoding read these bytes already.
        json::stored(&self.body).unwrap_or_default()
    }

    /// How it names the person if no Patient was known when it came.
    pub fn the_person() -> Value {
        json!({ "type": "Patient", "display": "the person" })
    }
}

/// Reference of who gave a Consent, where that is not the person. Nothing else of it is read.
fn given_by(consent: &[u8]) -> Result<Option<Arc<str>>> {
    #[derive(Deserialize)]
    struct Given {
        #[serde(default)]
        performer: Value,
    }
    let Given { performer } = json::stored(consent)?;
    let performers = performer.as_array().into_iter().flatten();
    let mut references = performers.filter_map(|p| p.get("reference")?.as_str());
    Ok(references.find(|r| r.starts_with("RelatedPerson/")).map(Into::into))
}

/// What was written beside a Consent of how it came to be.
fn provenance(parts: &[u8]) -> Result<Option<Box<Map<String, Value>>>> {
    #[derive(Deserialize)]
    struct Beside {
        provenance: Map<String, Value>,
    }
    let name = b"\"provenance\"";
    if !parts.windows(name.len()).any(|part| part == name) {
        return Ok(None);
    }
    Ok(Some(Box::new(json::stored::<Beside>(parts)?.provenance)))
}

/// Which sides of a datum the person's consents or the law table mention; only these enter kinds.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Limits {
    /// Time of the data.
    pub by_time: bool,
    /// Single documents.
    pub by_instance: bool,
}

/// Everything about one person.
pub struct Compartment {
    /// Id of the Patient.
    pub patient: Arc<str>,
    /// Grows with each commit.
    pub version: u64,
    /// When the last commit was made.
    pub changed: Moment,
    /// Key of the person's audit records.
    pub audit_key: [u8; 32],
    /// Organisation that holds the data.
    pub custodian: Arc<str>,
    /// The person.
    pub person: Option<Held<Person>>,
    /// Assessments, in order of id.
    pub assessments: Vec<Held<Assessment>>,
    /// Plans, in order of id.
    pub plans: Vec<Held<Plan>>,
    /// Proposals about plans, in order of id.
    pub proposals: Vec<Held<Proposal>>,
    /// Every version of every Consent, in order of (id, version).
    pub consents: Vec<Recorded>,
    /// What enters kinds.
    pub limits: Limits,
    /// Is a plan about others too?
    pub is_shared: bool,
    /// What later steps derived from it, by type.
    pub derived: Derived,
    /// Bytes its documents take in memory.
    size: usize,
}

impl Compartment {
    /// Whom its plans, and proposals about them, are about beside the person, each once.
    pub fn others(&self) -> BTreeSet<Named> {
        let goals =
            self.plans.iter().flat_map(|held| held.native.goals.iter().map(move |g| (held, g)));
        let planned = goals.flat_map(|(held, goal)| goal.others(&held.owner));
        planned.chain(self.proposals.iter().flat_map(|held| held.native.others())).collect()
    }

    /// The number of a Consent's newest version, where it is one of the person's.
    pub fn consent_version(&self, id: &str) -> Option<u64> {
        let of_it = self.consents.iter().filter(|consent| *consent.id == *id);
        of_it.map(|consent| consent.version).max()
    }

    /// Bytes it takes in memory now, and those of them that later steps added.
    pub fn weight(&self) -> (usize, usize) {
        let derived = self.derived.weight();
        (size_of::<Self>() + self.size + derived, derived)
    }

    /// Decodes what the store holds. `custodian` is the organisation that holds the data.
    ///
    /// # Errors
    /// `Unavailable` when a stored document is not what was accepted: nothing is released then.
    pub fn decode(stored: &Stored, custodian: &Arc<str>) -> Result<Self> {
        let documents = Documents::decode(stored).map_err(Error::unavailable)?;
        Ok(Self {
            patient: Arc::clone(&stored.patient),
            version: stored.version,
            changed: stored.changed,
            audit_key: stored.audit_key,
            custodian: Arc::clone(custodian),
            person: documents.person,
            assessments: documents.assessments,
            plans: documents.plans,
            proposals: documents.proposals,
            consents: documents.consents,
            limits: documents.limits,
            is_shared: documents.is_shared,
            derived: Derived::default(),
            size: documents.size,
        })
    }
}

/// The documents of a compartment, decoded.
#[derive(Default)]
struct Documents {
    /// The person.
    person: Option<Held<Person>>,
    /// Assessments.
    assessments: Vec<Held<Assessment>>,
    /// Plans.
    plans: Vec<Held<Plan>>,
    /// Proposals.
    proposals: Vec<Held<Proposal>>,
    /// Every version of every Consent, in order of (id, version).
    consents: Vec<Recorded>,
    /// What enters kinds.
    limits: Limits,
    /// Is a plan about others too?
    is_shared: bool,
    /// Bytes they take in memory.
    size: usize,
}

impl Documents {
    /// Decodes what the store holds.
    ///
    /// # Errors
    /// `Internal` when a stored document is not what was accepted: nothing is released then.
    fn decode(stored: &Stored) -> Result<Self> {
        let mut documents = Self::default();
        for document in &stored.documents {
            match document.kind {
                DocumentKind::Person => documents.person = Some(documents.held(document)?),
                DocumentKind::Assessment => {
                    let held = documents.held(document)?;
                    documents.assessments.push(held);
                }
                DocumentKind::Plan => {
                    let held: Held<Plan> = documents.held(document)?;
                    let goals = &held.native.goals;
                    documents.is_shared |= goals.iter().any(|goal| !goal.concerns.is_empty());
                    documents.plans.push(held);
                }
                DocumentKind::Proposal => {
                    let held: Held<Proposal> = documents.held(document)?;
                    documents.is_shared |= !held.native.concerns.is_empty();
                    documents.proposals.push(held);
                }
                DocumentKind::Consent => documents.consent(document)?,
            }
        }
        documents.assessments.shrink_to_fit();
        documents.plans.shrink_to_fit();
        documents.proposals.shrink_to_fit();
        documents.consents.shrink_to_fit();
        Ok(documents)
    }

    fn consent(&mut self, document: &Document) -> Result<()> {
        // A condition is found by its name wherever it stands; too many finds only split kinds.
        let text = str::from_utf8(&document.body).map_err(Error::internal)?;
        self.limits.by_time |= text.contains("\"dataPeriod\"");
        self.limits.by_instance |= text.contains("\"data\"");
        // It is kept as its bytes and, once somebody was decided about, as a policy.
        self.size += size_of::<Recorded>() + 2 * document.body.len();
        self.consents.push(Recorded {
            id: Arc::clone(&document.id),
            owner: Arc::clone(&document.owner),
            version: document.version,
            recorded: document.recorded,
            given_by: given_by(&document.body)?,
            provenance: provenance(&document.parts)?,
            body: Arc::clone(&document.body),
        });
        Ok(())
    }

    fn held<T: DeserializeOwned>(&mut self, document: &Document) -> Result<Held<T>> {
        let held = Held {
            id: Arc::clone(&document.id),
            owner: Arc::clone(&document.owner),
            recorded: document.recorded,
            parts: json::stored(&document.parts)?,
            native: json::stored(&document.body)?,
        };
        // Decoded, a document takes about as much as its text: names go, counts of texts come.
        self.size += size_of::<Held<T>>() + document.body.len() + held.parts.weight();
        Ok(held)
    }
}
