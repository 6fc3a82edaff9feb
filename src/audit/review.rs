//! What was told of somebody by a declared ground, and what came of it: the notice and the review.
//!
//! The person's own records say all of it, and [`uses`] puts it together for every face: the commands,
//! `$explain` and the Task of the reviewer. So that a list over people costs no walk over the log, each
//! use is accompanied by a *mark*: a record under a key id of its own, durable with it or before it, that
//! names person and request and says nothing else; a review adds how many uses of the request were seen
//! to. Marks are counted, never put in order, so replicas may make them side by side; they say where to
//! look and decide nothing. Source: `consent` 1.4, break-glass.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use super::{
    frame::AuditKey,
    log::Log,
    read::Found,
    record::{Basis, Caller, Entry, Interaction, Labels, Notice, Resources, Review},
    step::{Author, Request, blank},
    tree::Hash,
};
use crate::{domain::moment::Moment, error::Result};

/// Resource type of what a mark opens, or sees to.
const TASK: &str = "Task";

/// A disclosure that a second person is to review, and what came of it.
#[derive(Clone, Debug)]
pub struct Use {
    /// Leaf of its record.
    pub leaf: Hash,
    /// What was told.
    pub entry: Entry<'static>,
    /// The record of the review, once somebody made one.
    pub review: Option<Entry<'static>>,
    /// The record of the notice, once somebody told the person.
    pub notice: Option<Entry<'static>>,
}

impl Use {
    /// Did a second person find it justified?
    pub fn justified(&self) -> Option<bool> {
        self.review.as_ref()?.review.as_ref().map(|review| review.justified)
    }

    /// The ground in law it rests on, and why its user declared it.
    pub fn ground(&self) -> Option<(&str, Option<&str>)> {
        self.entry.basis.iter().find_map(|basis| match basis {
            Basis::Law { id, reason, .. } => Some((&**id, reason.as_deref())),
            Basis::Consent { .. }
            | Basis::Person
            | Basis::Register
            | Basis::Representation { .. } => None,
        })
    }

    /// Why it was done, as its ground or else its emergency was declared.
    pub fn reason(&self) -> &str {
        let emergency = || self.entry.emergency.as_ref().map(|emergency| &*emergency.reason);
        let declared = self.ground().and_then(|(_, reason)| reason);
        declared.or_else(emergency).unwrap_or_default()
    }

    /// Is this who asked: as a user, or as a client?
    pub fn is_by(&self, who: &str) -> bool {
        let Caller { client, subject, .. } = &self.entry.caller;
        subject.as_deref() == Some(who) || *client == *who
    }
}

/// The uses that records tell of, in their order. A notice or a review is of what the same request had
/// told the same person's data up to then; of several the first counts.
///
/// # Errors
/// The first of the records'.
pub fn uses(records: impl IntoIterator<Item = Result<(Hash, Entry<'static>)>>) -> Result<Vec<Use>> {
    let (mut uses, mut after): (Vec<Use>, Vec<Entry<'static>>) = Default::default();
    let mut places: BTreeMap<(String, String), Vec<usize>> = BTreeMap::new();
    for record in records {
        let (leaf, entry) = record?;
        if entry.review.is_some() || entry.notice.is_some() {
            after.push(entry);
        } else if entry.is_for_review() {
            places.entry(name(&entry)).or_default().push(uses.len());
            uses.push(Use { leaf, entry, review: None, notice: None });
        }
    }
    after.sort_by_key(|entry| entry.at);
    for entry in after {
        for at in places.get(&name(&entry)).into_iter().flatten() {
            let Some(used) = uses.get_mut(*at).filter(|used| used.entry.at <= entry.at) else {
                continue;
            };
            let seen_to = if entry.review.is_some() { &mut used.review } else { &mut used.notice };
            seen_to.get_or_insert_with(|| entry.clone());
        }
    }
    Ok(uses)
}

/// Request and person.
fn name(entry: &Entry<'_>) -> (String, String) {
    (entry.request.to_string(), entry.patient.as_deref().unwrap_or_default().to_owned())
}

/// The uses of one person, as the log has them now.
///
/// # Errors
/// `Unavailable` if the log cannot be read, `Internal` for something damaged.
pub async fn of_person(log: &Log, key: AuditKey) -> Result<Vec<Use>> {
    let found = log.about(key).await?.into_iter();
    uses(found.filter_map(|found| Some(Ok((found.leaf, found.entry?)))))
}

/// Of whom something may wait for a review, in order of Patient id; with `all`, of whom something ever
/// did.
///
/// # Errors
/// As [`of_person`].
pub async fn people(log: &Log, all: bool) -> Result<BTreeSet<Arc<str>>> {
    let marks = marks(log).await?;
    let waiting =
        marks.into_iter().filter(|(_, Marks { opened, seen_to })| all || opened > seen_to);
    Ok(waiting.map(|((_, patient), _)| patient.into()).collect())
}

/// The marks of a request about a person.
#[derive(Default)]
struct Marks {
    opened: u64,
    seen_to: u64,
}

async fn marks(log: &Log) -> Result<BTreeMap<(String, String), Marks>> {
    let mut all: BTreeMap<(String, String), Marks> = BTreeMap::new();
    for Found { entry, .. } in log.about(log.review_key().clone()).await? {
        let Some(entry) = entry else { continue };
        let marks = all.entry(name(&entry)).or_default();
        match entry.resources {
            Resources::Listed(_) => marks.opened += 1,
            Resources::Counted(uses) => marks.seen_to = marks.seen_to.max(uses),
        }
    }
    Ok(all)
}

/// The mark that something of a person is to be reviewed, or that so many uses of the request were.
pub(super) fn mark<'a>(
    patient: &'a str,
    request: &'a Request,
    seen_to: Option<u64>,
    now: Moment,
) -> Entry<'a> {
    let interaction = if seen_to.is_some() { Interaction::Update } else { Interaction::Create };
    Entry {
        // Where from is the use's own to say.
        address: "".into(),
        patient: Some(patient.into()),
        types: vec![TASK.into()],
        resources: seen_to.map_or_else(Resources::default, Resources::Counted),
        interaction,
        sources: Vec::new(),
        query: None,
        ..blank(request, now)
    }
}

/// Marks a write in a declared emergency, before it is made: its own record follows it by its
/// transaction. One that is not made after all leaves nothing to review.
///
/// # Errors
/// `Unavailable` when the log cannot be written; then nothing may be written.
pub async fn mark_write(
    log: &Log,
    author: Author<'_>,
    patient: &str,
    request: &Request,
    now: Moment,
) -> Result<()> {
    if author.declares_emergency() {
        let mark = mark(patient, request, None, now);
        log.append(log.review_key(), &mark.to_payload()?).await?;
    }
    Ok(())
}

/// Writes down what a second person found of what a request told of somebody up to now.
///
/// # Errors
/// `Unavailable` when the log cannot be written.
pub async fn record_review(
    log: &Log,
    key: &AuditKey,
    used: &Entry<'_>,
    (found, by): (Review<'_>, Caller<'_>),
    now: Moment,
) -> Result<()> {
    let name = name(used);
    let opened = marks(log).await?.get(&name).map_or(0, |marks| marks.opened);
    let uses = of_person(log, key.clone()).await?;
    let is_seen_to = |one: &&Use| one.entry.request == used.request && one.entry.at <= now;
    let uses = u64::try_from(uses.iter().filter(is_seen_to).count()).unwrap_or(u64::MAX);
    let request = Request::alone(&*used.request, "");
    let entry = Entry { review: Some(found), caller: by, ..afterwards(used, now) };
    let mark = mark(&name.1, &request, Some(opened.min(uses)), now);
    let (entry, mark) = (entry.to_payload()?, mark.to_payload()?);
    log.append_many(&[(key, &entry), (log.review_key(), &mark)]).await?;
    Ok(())
}

/// Writes down that somebody was told what a request disclosed of them.
///
/// # Errors
/// `Unavailable` when the log cannot be written.
pub async fn record_notice(
    log: &Log,
    key: &AuditKey,
    used: &Entry<'_>,
    told: Notice<'_>,
    now: Moment,
) -> Result<()> {
    let entry = Entry { notice: Some(told), ..afterwards(used, now) };
    log.append(key, &entry.to_payload()?).await?;
    Ok(())
}

/// Can it stand in the log as what a reviewer wrote: 1 to 2000 characters?
pub fn is_note(text: &str) -> bool {
    !text.trim().is_empty() && text.chars().count() <= 2000
}

/// Who acts by a command.
pub fn operator() -> Caller<'static> {
    Caller { client: "operator".into(), ..Caller::default() }
}

/// A record of what came after a disclosure, of the same request.
fn afterwards<'a>(used: &Entry<'a>, now: Moment) -> Entry<'a> {
    Entry {
        at: now,
        address: "".into(),
        caller: operator(),
        purpose: None,
        interaction: Interaction::Operation,
        types: Vec::new(),
        query: None,
        resources: Resources::default(),
        labels: Labels::default(),
        sources: Vec::new(),
        emergency: None,
        review: None,
        notice: None,
        consent: None,
        ..used.clone()
    }
}
