//! What was held of a person, one state after another: what roads of history are answered from.
//!
//! Stands under `federation`, beside `local`. A state is what was held after one commit. Loaded whole
//! for one request and kept nowhere, so what is read every day pays nothing for it. Says nothing of who
//! may see what: decisions are those of today.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use crate::{
    compartment::{Compartment, Limits},
    domain::{moment::Moment, person::Named, plan::Plan, proposal::Proposal},
    error::Result,
    json,
    source::{Held, Member, commits::Ground},
    store::{Document, DocumentKind, Stored},
};

/// Everything that was ever held of one person.
pub struct Past {
    stored: Stored,
    custodian: Arc<str>,
    /// Whom any of it is about beside the person, as of now: decisions are those of today.
    members: Arc<[Member]>,
    ground: Ground,
    steps: Vec<Step>,
    limits: Limits,
    /// How many steps were taken.
    taken: usize,
    /// The documents as of then, by id; of Consents every version.
    then: BTreeMap<Arc<str>, Vec<Document>>,
}

/// One commit.
struct Step {
    at: Moment,
    /// Which of the stored documents it made.
    made: Vec<usize>,
}

impl Past {
    pub(super) fn new(
        stored: Stored,
        custodian: Arc<str>,
        members: Arc<[Member]>,
        ground: Ground,
    ) -> Self {
        let steps = steps(&stored.documents);
        let (limits, then) = (Limits::default(), BTreeMap::new());
        Self { stored, custodian, members, ground, steps, limits, taken: 0, then }
    }

    /// The same where what is held now is known: what enters kinds is said by all of it.
    pub(super) const fn within(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// What is held now.
    ///
    /// # Errors
    /// `Internal` when what is stored cannot be decoded.
    pub fn today(&mut self) -> Result<Held> {
        let mut then = BTreeMap::new();
        for document in &self.stored.documents {
            put(&mut then, document);
        }
        let compartment = self.decode(self.stored.changed, &then)?;
        // What consents and law mention today enters the kinds of what was before.
        self.limits = compartment.limits;
        Ok(self.held(compartment))
    }

    /// The next state and the instant of its commit, oldest first; `None` after the newest.
    ///
    /// # Errors
    /// As [`Past::today`], which must be asked before where what is held now is not known.
    pub fn advance(&mut self) -> Result<Option<(Moment, Held)>> {
        let Some(step) = self.steps.get(self.taken) else { return Ok(None) };
        let made = step.made.iter().filter_map(|at| self.stored.documents.get(*at));
        for document in made {
            put(&mut self.then, document);
        }
        let at = step.at;
        self.taken += 1;
        let mut compartment = self.decode(at, &self.then)?;
        compartment.limits = self.limits;
        Ok(Some((at, self.held(compartment))))
    }

    /// All that was ever held, at once: whatever was ever released of a person by what else there was is
    /// released of this.
    ///
    /// # Errors
    /// As [`Past::today`], which must be asked before.
    pub fn at_once(&self) -> Result<Held> {
        let mut compartment = Compartment::decode(&self.stored, &self.custodian)?;
        compartment.limits = self.limits;
        Ok(self.held(compartment))
    }

    /// The state at an instant: after the last commit up to it; `None` before the first.
    ///
    /// # Errors
    /// As [`Past::today`], which must be asked before.
    pub fn at(mut self, instant: Moment) -> Result<Option<Held>> {
        let is_before = |step: &&Step| step.at <= instant;
        let mut last = None;
        for step in self.steps.iter().take_while(is_before) {
            for document in step.made.iter().filter_map(|at| self.stored.documents.get(*at)) {
                put(&mut self.then, document);
            }
            last = Some(step.at);
        }
        let Some(at) = last else { return Ok(None) };
        let mut compartment = self.decode(at, &self.then)?;
        compartment.limits = self.limits;
        Ok(Some(self.held(compartment)))
    }

    fn decode(
        &self,
        changed: Moment,
        then: &BTreeMap<Arc<str>, Vec<Document>>,
    ) -> Result<Compartment> {
        let Stored { patient, version, audit_key, .. } = &self.stored;
        let documents = then.values().flatten().cloned().collect();
        let (patient, version, audit_key) = (Arc::clone(patient), *version, *audit_key);
        let stored = Stored { patient, version, changed, audit_key, documents };
        Compartment::decode(&stored, &self.custodian)
    }

    fn held(&self, compartment: Compartment) -> Held {
        let members = Arc::clone(&self.members);
        Held { compartment: Arc::new(compartment), members, ground: self.ground, about: None }
    }
}

/// Whom any version of a plan, or of a proposal about one, is about beside the person, each once.
///
/// # Errors
/// `Internal` when what is stored cannot be decoded.
pub fn others(documents: &[Document]) -> Result<BTreeSet<Named>> {
    let mut all = BTreeSet::new();
    for document in documents {
        match document.kind {
            DocumentKind::Plan => {
                let plan: Plan = json::stored(&document.body)?;
                all.extend(plan.goals.iter().flat_map(|goal| goal.others(&document.owner)));
            }
            DocumentKind::Proposal => {
                let proposal: Proposal = json::stored(&document.body)?;
                all.extend(proposal.others());
            }
            DocumentKind::Person | DocumentKind::Assessment | DocumentKind::Consent => {}
        }
    }
    Ok(all)
}

/// The newest version of a document, or one more of a Consent.
fn put(then: &mut BTreeMap<Arc<str>, Vec<Document>>, document: &Document) {
    let versions = then.entry(Arc::clone(&document.id)).or_default();
    if document.kind != DocumentKind::Consent {
        versions.clear();
    }
    versions.push(document.clone());
}

/// The commits, oldest first, from documents in order of (id, version). Of two versions of a document the
/// later was committed later, whatever the clocks of two processes said.
fn steps(documents: &[Document]) -> Vec<Step> {
    let mut made: BTreeMap<(Moment, usize), Vec<usize>> = BTreeMap::new();
    let mut before: Option<(&str, Moment, usize)> = None;
    for (place, document) in documents.iter().enumerate() {
        let (at, round) = match before {
            Some((id, at, round)) if *id == *document.id && at >= document.recorded => {
                (at, round + 1)
            }
            Some(_) | None => (document.recorded, 0),
        };
        before = Some((&document.id, at, round));
        made.entry((at, round)).or_default().push(place);
    }
    made.into_iter().map(|((at, _), made)| Step { at, made }).collect()
}
