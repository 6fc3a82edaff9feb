//! People from files as a store would hold them: what `map` and `consent simulate` look at.
//!
//! Part of `cli`. Documents walk the same check as what is pushed. Ids are made from what chance is
//! given, so that two runs can be compared; nothing is stored or recorded.

use std::{collections::BTreeMap, path::Path, sync::Arc};

use serde_json::{Value, json};

use super::{documents, output::Output};
use crate::{
    chance::SeededChance,
    compartment::Compartment,
    config,
    directory::{Directory, Listing},
    domain::{
        id::NodeCode,
        identity::{IdentityCode, TestRange},
        moment::Moment,
        part,
    },
    error::{Error, Result},
    federation::outbox::letter::rename_person,
    json::Limits,
    native::{self, Native, Rules, Typed, schemas::Schemas},
    store::{Document, DocumentKind, Stored},
};

/// Good documents, by the sender's id of the person.
pub type People = BTreeMap<String, Vec<Native>>;

/// A consent as it stands in a file.
#[derive(Clone)]
pub struct Written {
    /// Its own identifier, which is its id here.
    pub uuid: String,
    /// The Consent.
    pub body: Value,
}

/// The directory in a file; `None` once its mistakes are told, an empty one where no file is named.
pub fn directory(path: Option<&Path>, output: &mut Output<'_>) -> Result<Option<Arc<Directory>>> {
    let listing = match path {
        Some(path) => match config::directory::of_file(path) {
            Ok(listing) => listing,
            Err(all) => {
                all.iter().for_each(|mistake| output.complain(mistake));
                return Ok(None);
            }
        },
        None => Listing::default(),
    };
    listed(listing).map(Some)
}

/// A checked directory.
///
/// # Errors
/// `Invalid` naming every mistake.
pub fn listed(listing: Listing) -> Result<Arc<Directory>> {
    let mistakes = |all: Vec<String>| Error::invalid(all.join("\n"));
    Ok(Arc::new(Directory::new(listing).map_err(mistakes)?))
}

/// The good documents of a path; is there a bad one?
pub fn read(
    path: &Path,
    test_range: TestRange,
    now: Moment,
    output: &mut Output<'_>,
) -> Result<(People, bool)> {
    let schemas = Schemas::compile()?;
    let rules = Rules { schemas: &schemas, now, test_range, limits: Limits::default() };
    let (mut people, mut bad) = (People::new(), false);
    for file in documents::files(path)? {
        for found in documents::of_file(&file)? {
            match native::validate(&found.bytes, &rules) {
                Ok(document) => {
                    let person = document.typed().person().as_str().to_owned();
                    people.entry(person).or_default().push(document);
                }
                Err(faults) => {
                    bad = true;
                    faults.iter().for_each(|fault| {
                        output.complain(format_args!("{}: {fault}", found.place));
                    });
                }
            }
        }
    }
    Ok((people, bad))
}

/// The identity code of whom documents are about.
pub fn code(documents: &[Native]) -> Option<&IdentityCode> {
    documents.iter().find_map(|document| match document.typed() {
        Typed::Person(person) => person.identity_code.as_ref(),
        Typed::Assessment(_) | Typed::Plan(_) => None,
    })
}

/// What a store would hold of them; consents are in force from `now`.
pub fn compartment(
    documents: &[Native],
    consents: &[Written],
    (node, custodian): (&NodeCode, &Arc<str>),
    now: Moment,
    chance: &SeededChance,
) -> Result<Compartment> {
    let patient: Arc<str> = node.mint(chance).into();
    let mut stored = Stored {
        patient: Arc::clone(&patient),
        version: 1,
        changed: now,
        audit_key: [0; 32],
        documents: Vec::new(),
    };
    for document in documents {
        let (kind, content) = match document.typed() {
            Typed::Person(person) => (DocumentKind::Person, part::of_person(person)),
            Typed::Assessment(a) => (DocumentKind::Assessment, part::of_assessment(a)),
            Typed::Plan(plan) => (DocumentKind::Plan, part::of_plan(plan)),
        };
        let parts = part::Parts::next(None, &content, now, chance);
        let is_person = kind == DocumentKind::Person;
        stored.documents.push(Document {
            id: if is_person { Arc::clone(&patient) } else { node.mint(chance).into() },
            kind,
            owner: "file".into(),
            local_id: document.typed().id().as_str().into(),
            version: 1,
            recorded: now,
            parts: serde_json::to_vec(&parts).map_err(Error::internal)?.into(),
            body: Arc::clone(document.canonical()),
        });
    }
    stored.documents.extend(consents.iter().map(|consent| document(consent, &patient, now)));
    Compartment::decode(&stored, custodian)
}

/// A Consent as a store would hold it: the person by reference.
fn document(consent: &Written, patient: &str, now: Moment) -> Document {
    let mut body = consent.body.clone();
    if let Some(members) = body.as_object_mut() {
        let person = json!({ "reference": format!("Patient/{patient}") });
        rename_person(members, &person);
        members.insert("patient".to_owned(), person);
    }
    Document {
        id: consent.uuid.as_str().into(),
        kind: DocumentKind::Consent,
        owner: "file".into(),
        local_id: consent.uuid.as_str().into(),
        version: 1,
        recorded: now,
        parts: Arc::default(),
        body: body.to_string().into_bytes().into(),
    }
}
