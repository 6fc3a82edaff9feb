//! A checked document becomes a committed version, durable and recorded before it is acknowledged.
//!
//! Step of the write road after `native` or `consent::profile`. Computes the next version from what
//! is stored, commits it against that version, appends the write's record to the log, and computes
//! again if somebody else was first. All of a document or nothing.

pub mod again;
pub mod missing;
pub mod proposed;
pub mod unchanged;
mod beside;
mod content;

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::{
    audit::{frame::AuditKey, log::Log, record::Interaction, review, step},
    chance::{Chance, SeededChance},
    directory::Directory,
    domain::{
        id::NodeCode,
        moment::Moment,
        part::{Content, Parts},
    },
    error::{Error, Kind, Result},
    json,
    mutant::{self, Mutant},
    native::{Native, Typed},
    seal::Keys,
    source::{local::Local, past},
    store::{Change, Document, DocumentKind, IdentityMac, Place, Stored},
};

use content::{content, of_stored, resource_name};

/// How often a write is computed again when somebody else was first.
const TRIES: usize = 8;

/// What a write reads and writes beside the document.
pub struct Desk<'a> {
    /// This gateway.
    pub node: &'a NodeCode,
    /// Its data.
    pub local: &'a Local,
    /// Services, professionals and units that exist.
    pub directory: &'a Directory,
    /// Look-up of identity codes.
    pub keys: &'a Keys,
    /// Random parts of ids.
    pub chance: &'a dyn Chance,
    /// Where the write is recorded.
    pub log: &'a Log,
    /// Who writes.
    pub author: step::Author<'a>,
    /// What the record says of the request.
    pub request: &'a step::Request,
    /// Instant of the write.
    pub now: Moment,
    /// Most documents of a kind that a writer may have of one person.
    pub most: usize,
}

/// What the next version of a document may follow.
#[derive(Clone, Copy)]
enum Follows<'a> {
    /// Whatever there is.
    Any,
    /// Nothing.
    Nothing,
    /// The version of these bytes: what that named is not asked for again.
    This(&'a [u8]),
}

impl Follows<'_> {
    fn check(self, earlier: Option<&Document>) -> Result<()> {
        match (self, earlier) {
            (Self::Any, _) | (Self::Nothing, None) => Ok(()),
            (Self::Nothing, Some(_)) => Err(taken()),
            (Self::This(of), Some(earlier)) if *earlier.body == *of => Ok(()),
            (Self::This(_), _) => Err(another()),
        }
    }
}

/// A write that is durable and recorded.
pub struct Written {
    /// Document id.
    pub id: Arc<str>,
    /// Its version.
    pub version: u64,
    /// Is it the first version?
    pub created: bool,
    /// Id of the Patient of the compartment.
    pub patient: Arc<str>,
}

impl Written {
    /// What its owner system is told.
    pub fn told(&self) -> Map<String, Value> {
        let (id, patient) = (&*self.id, &*self.patient);
        let all =
            [("id", id.into()), ("version", self.version.into()), ("patient", patient.into())];
        all.into_iter().map(|(name, value): (&str, Value)| (name.to_owned(), value)).collect()
    }
}

/// Commits a native document.
///
/// # Errors
/// `Unprocessable` with every reference that points at nothing; `Conflict`, `Unavailable`.
pub async fn native(desk: &Desk<'_>, document: &Native) -> Result<Written> {
    let identity = match document.typed() {
        Typed::Person(person) => {
            person.identity_code.as_ref().map(|code| desk.keys.identity_mac(code.reveal()))
        }
        Typed::Assessment(_) | Typed::Plan(_) => None,
    };
    let patient = beside::whose(desk, desk.author.client_id(), document, identity).await?;
    next(desk, document, (patient, identity), Follows::Any).await
}

/// Commits a native document that is to be the first of its id, about somebody held here. The same sent
/// again is that one.
///
/// # Errors
/// `Conflict` when there is another one of its id; else as [`native()`].
pub async fn created(desk: &Desk<'_>, document: &Native, patient: Arc<str>) -> Result<Written> {
    next(desk, document, (patient, None), Follows::Nothing).await
}

/// Commits the next version of a native document made of the one there was, unless that is another by
/// now.
///
/// # Errors
/// `PreconditionFailed` when it is; else as [`native()`].
pub async fn changed(
    desk: &Desk<'_>,
    document: &Native,
    patient: Arc<str>,
    of: &[u8],
) -> Result<Written> {
    next(desk, document, (patient, None), Follows::This(of)).await
}

/// What would be stored of a person with the next version of a native document; nothing is. Its random parts are
/// made up: how many it has may follow from what its writer does not see, and must move nothing that is told.
///
/// # Errors
/// As [`native()`].
pub async fn preview(desk: &Desk<'_>, document: &Native, mut stored: Stored) -> Result<Stored> {
    let (kind, content) = content(document);
    let (owner, local) = names(desk, document);
    let earlier = find(Some(&stored), &owner, kind, &local);
    let named = beside::named(earlier.map(|earlier| &*earlier.body))?;
    beside::references(desk, &owner, document, Some(&stored), &named).await?;
    let desk = &Desk { chance: &SeededChance::new(0), ..*desk };
    let parts = next_parts(desk, earlier, &content)?;
    let body = Arc::clone(document.canonical());
    let next = successor(desk, earlier, kind, &owner, &local, parts, body);
    stored.documents.retain(|document| document.id != next.id);
    stored.documents.push(next);
    Ok(stored)
}

/// Commits the next version of a native document, if the one there is may be followed.
async fn next(
    desk: &Desk<'_>,
    document: &Native,
    (patient, identity): (Arc<str>, Option<IdentityMac>),
    follows: Follows<'_>,
) -> Result<Written> {
    let (kind, content) = content(document);
    let (owner, local) = names(desk, document);
    let named = match follows {
        Follows::This(of) => beside::named(Some(of))?,
        Follows::Any | Follows::Nothing => Vec::new(),
    };
    for _ in 0..TRIES {
        let stored = beside::stored(desk, document, &patient, (&owner, kind, &local)).await?;
        beside::references(desk, &owner, document, stored.as_ref(), &named).await?;
        let earlier = find(stored.as_ref(), &owner, kind, &local);
        let parts = next_parts(desk, earlier, &content)?;
        let body = Arc::clone(document.canonical());
        if let Some(same) = earlier.filter(|e| e.body == body && e.parts == parts) {
            let (id, version) = (Arc::clone(&same.id), same.version);
            unchanged::record_document(desk, stored.as_ref(), same).await?;
            desk.local.mark(&patient);
            return Ok(Written { id, version, created: false, patient });
        }
        follows.check(earlier).map_err(|error| error.about(&patient))?;
        let next = successor(desk, earlier, kind, &owner, &local, parts, body);
        match commit(desk, &patient, stored.as_ref(), identity, vec![next]).await {
            Err(error) if error.kind() == Kind::Conflict => {}
            done => return done,
        }
    }
    Err(busy())
}

/// The owner of a document, and the owner's id of it.
fn names(desk: &Desk<'_>, document: &Native) -> (Arc<str>, Arc<str>) {
    (desk.author.client_id().into(), document.typed().id().as_str().into())
}

/// By what a Consent is known to its writer.
#[derive(Clone, Copy)]
pub enum Known<'a> {
    /// By the id it has here; it must be there.
    Id(&'a str),
    /// By an id of the writer's own, of which there must be none.
    New(&'a str),
    /// By the writer's uuid, be there one or not.
    Uuid(&'a str),
}

impl<'a> Known<'a> {
    /// The writer's own id.
    const fn own(self) -> Option<&'a str> {
        match self {
            Self::Id(_) => None,
            Self::New(own) | Self::Uuid(own) => Some(own),
        }
    }
}

/// A Consent that was accepted.
pub struct Consent<'a> {
    /// By what it is known.
    pub known: Known<'a>,
    /// What is kept of it.
    pub body: &'a Value,
    /// When it was written; earlier than now if it was on its way.
    pub written: Moment,
    /// How it came to be, where somebody wrote it down for the person.
    pub provenance: Option<Map<String, Value>>,
    /// May more be released with it than before?
    pub loosens: bool,
}

/// Commits a Consent. `expects` says of the version there is, if any, whether the writer knows of it.
/// What was written before that version cannot loosen it: it was late on its way.
///
/// # Errors
/// `PreconditionFailed` when the writer expects another version; `Conflict`, also for a late one;
/// `Unavailable`.
pub async fn consent(
    desk: &Desk<'_>,
    patient: Option<Arc<str>>,
    identity: Option<IdentityMac>,
    expects: impl Fn(Option<&Document>) -> bool,
    consent: &Consent<'_>,
) -> Result<Written> {
    let owner: Arc<str> = desk.author.client_id().into();
    let writer = Writer {
        organization: desk.author.organization().to_owned(),
        written: Some(consent.written),
        provenance: consent.provenance.clone(),
    };
    let own = consent.known.own();
    let held = match own {
        Some(own) => desk.local.store().local(&owner, DocumentKind::Consent, own).await?,
        None => None,
    };
    let patient = given_by(desk, held, patient, identity).await?;
    let body: Arc<[u8]> = serde_json::to_vec(consent.body).map_err(Error::internal)?.into();
    for _ in 0..TRIES {
        let stored = desk.local.store().load(&patient).await?;
        let earlier = match consent.known {
            Known::Id(id) => {
                Some(newest(stored.as_ref(), |d| *d.id == *id).ok_or_else(Error::not_found)?)
            }
            Known::New(own) | Known::Uuid(own) => {
                find_consent(stored.as_ref(), &owner, &writer, own)
            }
        };
        if earlier.is_some() && matches!(consent.known, Known::New(_)) {
            let say = "A Consent of this identifier is here already; write its next version.";
            let error = Error::new(Kind::Conflict, say).at("Consent.identifier");
            return Err(error.about(&patient));
        }
        if !expects(earlier) {
            return Err(another().about(&patient));
        }
        if let Some(same) = earlier.filter(|e| e.body == body) {
            let (id, version) = (Arc::clone(&same.id), same.version);
            unchanged::record_document(desk, stored.as_ref(), same).await?;
            desk.local.mark(&patient);
            return Ok(Written { id, version, created: false, patient });
        }
        if consent.loosens && earlier.is_some_and(|e| is_later(e, consent.written)) {
            let say = "A later version of this Consent is in force.";
            return Err(Error::new(Kind::Conflict, say).about(&patient));
        }
        let parts = serde_json::to_vec(&writer).map_err(Error::internal)?.into();
        let kind = DocumentKind::Consent;
        let owner = earlier.map_or(&owner, |e| &e.owner);
        let local = earlier.map(|e| Arc::clone(&e.local_id)).or_else(|| own.map(Into::into));
        let local = local.ok_or_else(Error::not_found)?;
        let next = successor(desk, earlier, kind, owner, &local, parts, Arc::clone(&body));
        match commit(desk, &patient, stored.as_ref(), identity, vec![next]).await {
            Err(error) if error.kind() == Kind::Conflict => {}
            done => return done,
        }
    }
    Err(busy())
}

/// Whose Consent it is: of the person it is kept with, of the one named, or of a new one.
async fn given_by(
    desk: &Desk<'_>,
    held: Option<Place>,
    patient: Option<Arc<str>>,
    identity: Option<IdentityMac>,
) -> Result<Arc<str>> {
    match (patient, identity, held) {
        (_, _, Some(Place { patient, .. })) | (Some(patient), _, None) => Ok(patient),
        (None, Some(identity), None) => {
            let known = desk.local.find(identity).await?;
            Ok(known.unwrap_or_else(|| desk.node.mint(desk.chance).into()))
        }
        (None, None, None) => Err(Error::not_found()),
    }
}

fn find<'a>(
    stored: Option<&'a Stored>,
    owner: &str,
    kind: DocumentKind,
    local: &str,
) -> Option<&'a Document> {
    newest_of(stored?, |d| d.kind == kind && *d.owner == *owner && *d.local_id == *local)
}

/// The newest version of the document that is such.
fn newest_of(stored: &Stored, is: impl Fn(&Document) -> bool) -> Option<&Document> {
    stored.documents.iter().filter(|document| is(document)).max_by_key(|d| d.version)
}

/// Who wrote a Consent, beside its owner: kept as its parts, of which a Consent has none.
#[derive(Deserialize, Serialize)]
struct Writer {
    /// The client's organisation, `urn:oid:...`.
    organization: String,
    /// When it was written.
    #[serde(default)]
    written: Option<Moment>,
    /// How it came to be; read by [`compartment`](crate::compartment).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    provenance: Option<Map<String, Value>>,
}

/// Was this version written after then?
fn is_later(version: &Document, then: Moment) -> bool {
    let writer = json::stored::<Writer>(&version.parts).ok();
    writer.and_then(|writer| writer.written).is_some_and(|written| written > then)
}

/// The Consent of a uuid, written by the same client: straight, or through another gateway. Who
/// grants at a portal can so revoke where the data is, and the other way round. Names of clients are
/// given by each gateway, so on another way the organisation must be the same too.
fn find_consent<'a>(
    stored: Option<&'a Stored>,
    owner: &str,
    writer: &Writer,
    uuid: &str,
) -> Option<&'a Document> {
    let client = |owner: &str| owner.rsplit('/').next().map(str::to_owned);
    let by_same = |d: &Document| {
        let of = || json::stored::<Writer>(&d.parts).ok();
        let is_same = |of: Writer| of.organization == writer.organization;
        *d.owner == *owner || (client(&d.owner) == client(owner) && of().is_some_and(is_same))
    };
    let anybodys = mutant::on(Mutant::UuidIsEverybodys);
    newest(stored, |d| *d.local_id == *uuid && (anybodys || by_same(d)))
}

/// The newest version of the Consent that is such.
fn newest(stored: Option<&Stored>, is: impl Fn(&Document) -> bool) -> Option<&Document> {
    newest_of(stored?, |d| d.kind == DocumentKind::Consent && is(d))
}

/// The parts of the next version: kept where content is equal, stamped anew where it is not.
fn next_parts(desk: &Desk<'_>, earlier: Option<&Document>, content: &Content) -> Result<Arc<[u8]>> {
    let before = match earlier {
        None => None,
        Some(document) => {
            let parts: Parts = json::stored(&document.parts)?;
            Some((parts, of_stored(document.kind, &document.body)?))
        }
    };
    let before = before.as_ref().map(|(parts, content)| (parts, content));
    let parts = Parts::next(before, content, desk.now, desk.chance);
    Ok(serde_json::to_vec(&parts).map_err(Error::internal)?.into())
}

fn successor(
    desk: &Desk<'_>,
    earlier: Option<&Document>,
    kind: DocumentKind,
    owner: &Arc<str>,
    local: &Arc<str>,
    parts: Arc<[u8]>,
    body: Arc<[u8]>,
) -> Document {
    Document {
        id: earlier.map_or_else(|| desk.node.mint(desk.chance).into(), |e| Arc::clone(&e.id)),
        kind,
        owner: Arc::clone(owner),
        local_id: Arc::clone(local),
        version: earlier.map_or(1, |e| e.version + 1),
        recorded: desk.now,
        parts,
        body,
    }
}

/// Commits versions of one person's documents, all or none, and appends their record; only then they may
/// be acknowledged. What is written is the first; the others come of it.
async fn commit(
    desk: &Desk<'_>,
    patient: &Arc<str>,
    stored: Option<&Stored>,
    identity: Option<IdentityMac>,
    documents: Vec<Document>,
) -> Result<Written> {
    let document = documents.first().ok_or_else(|| Error::internal("something is committed"))?;
    let (id, mut version) = (Arc::clone(&document.id), document.version);
    let created = version == 1;
    if mutant::on(Mutant::WritesAreNumberedTogether) {
        version = stored.map_or(1, |s| s.version + 1);
    }
    let deed = if created { Interaction::Create } else { Interaction::Update };
    let name = |document: &Document| format!("{}/{}", resource_name(document.kind), document.id);
    let written = || (documents.iter().map(name).collect(), deed);
    let deleted = desk.author.deletes().map(|name| (vec![name], Interaction::Delete));
    let (names, deed): (Vec<String>, _) = deleted.unwrap_or_else(written);
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let what = (&*names, again::kept(document)?);
    let payload = step::of_write(desk.author, desk.request, patient, what, deed, desk.now)?;
    review::mark_write(desk.log, desk.author, patient, desk.request, desk.now).await?;
    let change = Change {
        patient: Arc::clone(patient),
        based_on: stored.map_or(0, |s| s.version),
        identity,
        now: desk.now,
        most: desk.most,
        names: past::others(&documents)?.into_iter().collect(),
        documents,
        record: payload.as_slice().into(),
        outbox: Vec::new(),
    };
    let committed = desk.local.commit(change).await.map_err(|error| error.about(patient))?;
    // A log in the store's own database has the record by the same transaction.
    if !desk.log.is_shared() {
        // From the first commit on it stays as it is.
        let key = match stored.map(|stored| stored.audit_key) {
            Some(known) => Some(known),
            None => desk.local.store().load(patient).await?.map(|now| now.audit_key),
        };
        let key = key.map_or_else(
            || desk.log.node_key().clone(),
            |key| AuditKey::new(Arc::clone(patient), key),
        );
        desk.log.append_row(&key, committed.record, &payload).await?;
        desk.local.store().recorded(vec![committed.record]).await?;
    }
    Ok(Written { id, version, created, patient: Arc::clone(patient) })
}

/// The refusal of an identifier that stands for something else.
pub fn taken() -> Error {
    let say = "Of this identifier there are other answers already; give these their own.";
    Error::new(Kind::Conflict, say).at("QuestionnaireResponse.identifier")
}

/// The refusal of a change of what is not there any more.
pub fn another() -> Error {
    Error::new(Kind::PreconditionFailed, "If-Match names another version; read it again.")
}

fn busy() -> Error {
    Error::new(Kind::Conflict, "This person is being changed by others; try again.")
}
