//! One answer of what was found here and what peers answered: merge, order, page, completeness.
//!
//! Step of the way after `search`, before `audit`. Hits are written here, for the first time as
//! bytes; a peer's entries pass unchanged but for `fullUrl` and links. Decides nothing and searches
//! nothing again. Source: FHIR R4 bundle.html, http.html#search.

mod entry;
pub mod explained;
pub mod gathered;
pub mod export;
pub mod history;
pub mod notification;
pub mod include;
pub mod receipt;
pub mod said;
pub mod several;
pub mod write;

use std::{
    iter,
    sync::{Arc, OnceLock},
    time::Duration,
};

use bytes::Bytes;

use self::{
    entry::{Entry, order},
    include::Included,
};
use crate::{
    consent::{
        release::together::Other,
        sight::{Basis, Written},
    },
    domain::{id::NodeCode, moment::Moment, warrant::Warrant},
    error::Result,
    federation::{Answered, Completeness, State, Waypoint},
    fhir::{labels::Labels, types::ResourceType, version::Version},
    mutant::{self, Mutant},
    query::{
        Query,
        page::{Cursor, Sealer},
        shape::Shape,
    },
    seal::audit::AuditKey,
    search::{Found, Hit},
};

/// What of one person leaves in an answer: the substance of one audit record.
#[derive(Clone, Debug)]
pub struct Disclosure {
    /// Id of the Patient resource.
    pub patient: Arc<str>,
    /// Key of the person's audit records, where the data is this gateway's own.
    pub audit_key: Option<[u8; 32]>,
    /// Types and ids of the resources.
    pub resources: Vec<(ResourceType, Arc<str>)>,
    /// Labels of what leaves.
    pub labels: Labels,
    /// What permits it: ids of consents, each with its version, and of grounds.
    pub basis: Vec<Basis>,
    /// The gateway that holds it.
    pub source: NodeCode,
}

impl Disclosure {
    /// What the record of it is sealed under.
    pub(crate) fn key(&self) -> Option<AuditKey> {
        self.audit_key.map(|key| AuditKey::new(Arc::clone(&self.patient), key))
    }

    /// What kind of thing the first of what permits it is.
    fn warrant(&self) -> Warrant {
        match self.basis.first() {
            None => Warrant::Nothing,
            Some((_, Some(_))) => Warrant::Consent,
            Some((id, None)) if **id == *"same-register" => Warrant::Register,
            Some((id, None)) if id.starts_with("RelatedPerson/") => Warrant::Representation,
            Some((_, None)) => Warrant::Law,
        }
    }
}

/// One finished answer; nothing of it has left.
pub struct Answer {
    said: Arc<Said>,
    known_current: Duration,
}

/// What an answer says, whenever it is given.
pub struct Said {
    body: Bytes,
    version: Option<Version>,
    disclosures: Vec<Disclosure>,
    warrant: Warrant,
    /// Does it hold nothing that has an end of its own, as a cursor has?
    lasts: bool,
    /// Does it say that what was asked for was there, and is no more?
    is_gone: bool,
    told: OnceLock<Told>,
}

/// Bytes of a record without what it names.
const TOLD: usize = 1536;
/// Bytes of a resource or a basis that is named, here and in the record.
const NAMED: usize = 128;

/// The records of an answer, one of each person or one of nobody; made by `audit`.
pub type Told = Box<[Tells]>;

/// One record of an answer, but for what differs each time that it is given.
pub struct Tells {
    /// What it says.
    pub record: Box<[u8]>,
    /// What it is sealed under; the gateway's own key where there is none.
    pub key: Option<AuditKey>,
}

impl Said {
    fn new(body: Bytes, version: Option<Version>, disclosures: Vec<Disclosure>) -> Self {
        let warrant = disclosures.first().map_or(Warrant::Nothing, Disclosure::warrant);
        let (lasts, is_gone, told) = (true, false, OnceLock::new());
        Self { body, version, disclosures, warrant, lasts, is_gone, told }
    }

    /// Bytes it takes in memory once it has been recorded, about.
    pub fn weight(&self) -> usize {
        let told = |d: &Disclosure| TOLD + NAMED * (d.resources.len() + d.basis.len());
        size_of::<Self>() + self.body.len() + self.disclosures.iter().map(told).sum::<usize>()
    }
}

impl Answer {
    const fn new(said: Arc<Said>, known_current: Duration) -> Self {
        Self { said, known_current }
    }

    /// The same answer, given again: all it rests on is known to be as it was since `known_current`.
    pub(crate) fn again(said: &Arc<Said>, known_current: Duration) -> Self {
        Self::new(Arc::clone(said), known_current)
    }

    /// What it says, if that may be said again.
    pub(crate) fn lasting(&self) -> Option<&Arc<Said>> {
        self.said.lasts.then_some(&self.said)
    }

    /// What leaves, person by person.
    pub fn disclosures(&self) -> &[Disclosure] {
        &self.said.disclosures
    }

    /// On what the first of it rests.
    pub fn warrant(&self) -> Warrant {
        self.said.warrant
    }

    /// What the record says of each disclosure, made once.
    pub(crate) fn told(&self, make: impl FnOnce(&[Disclosure]) -> Result<Told>) -> Result<&Told> {
        if let Some(told) = self.said.told.get() {
            return Ok(told);
        }
        let made = make(&self.said.disclosures)?;
        Ok(self.said.told.get_or_init(|| made))
    }

    /// The same in another form, where it is one resource.
    #[must_use]
    pub fn shaped(self, kind: ResourceType, shape: &Shape) -> Self {
        let cut = if self.is_gone() { None } else { shape.cut(kind, &self.said.body) };
        let Some(cut) = cut else { return self };
        let (version, disclosures) = (self.said.version.clone(), self.said.disclosures.clone());
        Self::new(Arc::new(Said::new(cut.into(), version, disclosures)), self.known_current)
    }

    /// Since when, on the monotonic clock, all of it is known to be current.
    pub fn known_current(&self) -> Duration {
        self.known_current
    }

    /// Version of the one resource.
    pub fn version(&self) -> Option<&Version> {
        self.said.version.as_ref()
    }

    /// The body, to hand over. Only `respond` takes it, and only with a receipt.
    pub(crate) fn into_body(self) -> Bytes {
        self.said.body.clone()
    }
}

/// The answer that is one resource.
pub fn one(hit: &Hit, node: &NodeCode, sealer: &dyn Sealer, known_current: Duration) -> Answer {
    let Written { version, text } = hit.view.written(&hit.resource, &hit.sight, sealer);
    let said = Said::new(text, version, disclosures(hit, node));
    Answer::new(Arc::new(said), known_current)
}

/// The answer that is one resource a peer released, byte for byte.
pub fn peers(entry: &crate::federation::Entry, asked_at: Duration) -> Answer {
    let version = entry.version.as_deref().and_then(|v| Version::new(v, entry.last_updated));
    let body = entry.resource.get().to_owned().into();
    Answer::new(Arc::new(Said::new(body, version, vec![peers_disclosure(entry)])), asked_at)
}

/// What a page is built for.
#[derive(Clone, Copy)]
pub struct Frame<'a> {
    /// This gateway.
    pub node: &'a NodeCode,
    /// Own FHIR base, without a slash at the end.
    pub base: &'a str,
    /// Seals cursors, makes versions.
    pub sealer: &'a dyn Sealer,
    /// What belongs to nobody, for what is included.
    pub directory: &'a include::Directory,
    /// Are peers asked too? Then cursors have room for theirs.
    pub federated: bool,
    /// Instant of the answer.
    pub now: Moment,
}

/// A searchset page in the making: pieces are added as they are gathered.
pub struct Page<'a> {
    query: &'a Query,
    frame: Frame<'a>,
    entries: Vec<Entry>,
    /// What peers added to theirs.
    sent: Vec<crate::federation::Entry>,
    statements: Vec<Completeness>,
    total: Option<usize>,
    next: Option<Cursor>,
    known_current: Duration,
}

impl<'a> Page<'a> {
    /// An empty page.
    pub fn new(query: &'a Query, frame: Frame<'a>, known_current: Duration) -> Self {
        Self {
            query,
            frame,
            entries: Vec::new(),
            sent: Vec::new(),
            statements: Vec::new(),
            total: Some(0),
            next: None,
            known_current,
        }
    }

    /// Has the page as many entries as were asked for?
    pub fn is_full(&self) -> bool {
        self.entries.len() > self.query.count || self.says_nothing()
    }

    /// Across people there is no total, so a page of no entries is the same whoever there is: nobody need be
    /// looked for, and it is recorded of nobody.
    fn says_nothing(&self) -> bool {
        self.query.person.is_none() && self.query.count == 0
    }

    /// Adds what was found of one person here.
    pub fn found(&mut self, found: Found) {
        self.total = self.total.map(|t| t + found.count());
        let mut entries: Vec<Entry> = found.into_hits().into_iter().map(Entry::Own).collect();
        // The person in whose middle the last page ended: what it had is not shown again.
        if let (None, Some((at, place))) = (&self.query.person, self.after()) {
            let sort = &self.query.sort;
            let (patient, id) = place.split_once('/').unwrap_or((place, ""));
            let same = entries.first().is_some_and(|e| e.patient() == patient) && !id.is_empty();
            let last = entries.iter().position(|e| e.id() == id).map(|at| at + 1);
            // Where it ended may be withdrawn by now; then its place in the order says what is done.
            let before = || entries.iter().take_while(|e| e.before(*at, id, sort)).count();
            let done = if same { last.unwrap_or_else(before) } else { 0 };
            entries.drain(..done);
        }
        self.entries.extend(entries);
    }

    /// Adds what a peer answered.
    pub fn answered(&mut self, answered: Answered) {
        self.total = self.total.zip(answered.total).map(|(a, b)| a + b);
        self.known_current = self.known_current.min(answered.asked_at);
        self.entries.extend(answered.entries.into_iter().map(Entry::Peers));
        self.sent.extend(answered.included);
    }

    /// Adds what is known of a source's completeness.
    pub fn state(&mut self, statement: Completeness) {
        if statement.state != State::Complete {
            self.total = None;
        }
        self.statements.push(statement);
    }

    /// Across people: where the next page starts.
    pub fn ends_at(&mut self, waypoint: Waypoint) {
        self.total = None;
        self.next = match waypoint {
            Waypoint::End => None,
            Waypoint::At(cursor) => Some(cursor),
        };
    }

    /// The finished page.
    ///
    /// # Errors
    /// `TooCostly` if more would be included than a page may hold.
    pub fn close(mut self) -> Result<Answer> {
        if self.query.person.is_some() {
            self.cut();
        } else {
            self.cut_across();
        }
        self.write()
    }

    /// The bytes of what is on the page.
    fn write(mut self) -> Result<Answer> {
        let mut disclosures: Vec<Disclosure> = Vec::new();
        let mut body = Vec::with_capacity(1024 + self.entries.len() * 4096);
        write::open(&mut body, "searchset", self.total.filter(|_| self.query.total), &self.links());
        write::entries(&mut body);
        if self.query.count == 0 {
            // That they are counted is told of whom they are about.
            self.entries
                .drain(..)
                .for_each(|one| note_all(&mut disclosures, one.told(&self.frame)));
        }
        let mut first = true;
        for entry in &self.entries {
            write::comma(&mut body, &mut first);
            match entry {
                Entry::Own(hit) => {
                    write::entry(hit, &self.query.shape, &self.frame, &mut body);
                }
                Entry::Peers(entry) => {
                    write::peers_entry(entry, &self.query.shape, self.frame.base, &mut body);
                }
            }
            note_all(&mut disclosures, entry.told(&self.frame));
        }
        self.include(&mut body, &mut first, &mut disclosures)?;
        // Peers answer in any order; what is said of them has one.
        self.statements.sort_by(|a, b| a.node.cmp(&b.node));
        write::comma(&mut body, &mut first);
        write::completeness(&self.statements, &mut body);
        write::close(&mut body);
        body.shrink_to_fit();
        let lasts = self.next.is_none();
        let said = Said { lasts, ..Said::new(body.into(), None, disclosures) };
        Ok(Answer::new(Arc::new(said), self.known_current))
    }

    /// Adds the neighbours of the page's matches.
    fn include(
        &self,
        body: &mut Vec<u8>,
        first: &mut bool,
        disclosures: &mut Vec<Disclosure>,
    ) -> Result<()> {
        let Self { query, entries, sent, frame, .. } = self;
        let find = || include::included(query, entries, sent, frame.directory);
        for found in mutant::careless(Mutant::IncludesSeeHidden, find)? {
            write::comma(body, first);
            let write = || write::included(&found, &query.shape, frame, body);
            mutant::careless(Mutant::IncludesSeeHidden, write);
            match &found {
                Included::Own(hit) => note_all(disclosures, self::disclosures(hit, frame.node)),
                Included::Peers(entry) if entry.kind.is_personal() => {
                    note(disclosures, peers_disclosure(entry));
                }
                Included::Peers(_) | Included::Directory(..) => {}
            }
        }
        Ok(())
    }

    /// One person: merge in order, drop what earlier pages had, keep a page, point to the next.
    fn cut(&mut self) {
        let sort = &self.query.sort;
        self.entries.sort_by(|a, b| order(self.query, a, b));
        if let Some((at, id)) = self.after() {
            let place = self.entries.iter().position(|e| e.id() == id);
            let done = place.map_or_else(
                || self.entries.iter().take_while(|e| e.before(*at, id, sort)).count(),
                |p| p + 1,
            );
            self.entries.drain(..done.min(self.entries.len()));
        }
        if self.query.count > 0 && self.entries.len() > self.query.count {
            self.entries.truncate(self.query.count);
            self.next = self.entries.last().map(|last| Cursor {
                source: 0,
                after: Some((last.at(sort), last.id().to_owned())),
                peer: None,
            });
        }
    }

    /// Across people entries are in order as they come; one too many says that there are more.
    fn cut_across(&mut self) {
        self.total = None;
        if self.says_nothing() {
            self.entries.clear();
            self.next = None;
        } else if self.entries.len() > self.query.count {
            self.entries.truncate(self.query.count);
            let source = self.query.cursor.as_ref().map_or(0, |c| c.source);
            self.next = self.entries.last().map(|last| Cursor {
                source,
                after: Some((last.key(&self.query.sort).place(), last.place())),
                peer: None,
            });
        }
    }

    fn after(&self) -> Option<&'a (i64, String)> {
        self.query.cursor.as_ref().and_then(|c| c.after.as_ref())
    }

    fn links(&self) -> Vec<(&'static str, String)> {
        let url = |cursor| self.query.url(self.frame.base, cursor);
        let Frame { sealer, federated, now, .. } = self.frame;
        let mut links = vec![("self", url(None))];
        let next = self.next.as_ref();
        if let Some(text) = next.and_then(|n| n.seal(&self.query.binding, federated, sealer, now)) {
            links.push(("next", url(Some(&text))));
        }
        links
    }
}

fn disclosure(hit: &Hit, node: &NodeCode) -> Disclosure {
    let (patient, key) = hit.view.audit_key();
    Disclosure {
        patient: Arc::clone(patient),
        audit_key: Some(key),
        resources: vec![(hit.resource.kind, Arc::clone(&hit.resource.id))],
        labels: hit.sight.labels,
        basis: hit.sight.basis.to_vec(),
        source: node.clone(),
    }
}

/// What leaves of a resource to the record of each whom it is about: the person first.
fn disclosures(hit: &Hit, node: &NodeCode) -> Vec<Disclosure> {
    with_others(disclosure(hit, node), hit.view.others(&hit.resource, &hit.sight))
}

/// A disclosure of somebody's data, and what the records of the others say whom it is about too.
fn with_others(own: Disclosure, others: Vec<Other>) -> Vec<Disclosure> {
    let of = |other: Other| {
        let Other { patient, audit_key, labels, basis } = other;
        let (resources, source) = (own.resources.clone(), own.source.clone());
        Disclosure { patient, audit_key: Some(audit_key), resources, labels, basis, source }
    };
    let others: Vec<Disclosure> = others.into_iter().map(of).collect();
    iter::once(own).chain(others).collect()
}

fn note_all(all: &mut Vec<Disclosure>, more: Vec<Disclosure>) {
    more.into_iter().for_each(|one| note(all, one));
}

fn peers_disclosure(entry: &crate::federation::Entry) -> Disclosure {
    Disclosure {
        patient: Arc::clone(&entry.patient),
        audit_key: None,
        resources: vec![(entry.kind, entry.id.as_str().into())],
        labels: entry.labels,
        basis: Vec::new(),
        source: entry.node.clone(),
    }
}

/// Adds to the record of the same person, or begins one.
fn note(all: &mut Vec<Disclosure>, one: Disclosure) {
    match all.iter_mut().find(|d| d.patient == one.patient && d.source == one.source) {
        None => all.push(one),
        Some(known) => {
            known.resources.extend(one.resources);
            known.labels = known.labels.union(one.labels);
            for basis in one.basis {
                if !known.basis.contains(&basis) {
                    known.basis.push(basis);
                }
            }
        }
    }
}
