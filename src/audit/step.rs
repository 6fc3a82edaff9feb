//! Written down, durably: an answer becomes a [`Receipt`], without which nothing leaves.
//!
//! Step of the way after `bundle`, before `respond`. One record per disclosure and person; refusals
//! too. If it cannot be written the answer is 503. Source: design 3.5; act 703/2023 section 11.

use std::{borrow::Cow, sync::Arc, time::Duration};

use crate::{
    audit::{
        frame::AuditKey,
        log::Log,
        record::{
            self, Basis, Emergency, Entry, Interaction, Occasion, Outcome, Query, Resources, ToldOn,
        },
        review,
    },
    bundle::{Answer, Disclosure, Tells, Told},
    domain::{id::NodeCode, moment::Moment},
    error::{Error, Kind, Result},
    fhir::{labels::Labels, types},
    scope::Grant,
};

/// How long an answer is good for, from the last instant its state was known to be current. A withdrawal
/// waits as long at most, and is acknowledged at the portal within 2 s, so the way there and back has
/// the rest.
pub const GOOD_FOR: Duration = Duration::from_millis(1800);

/// That an answer is written down, and until when it may start to leave.
pub struct Receipt {
    leaf: [u8; 32],
    deadline: Duration,
    gateway: Option<NodeCode>,
    people: Vec<Arc<str>>,
}

impl Receipt {
    /// Leaf of the record; of several, the first.
    pub fn leaf(&self) -> &[u8; 32] {
        &self.leaf
    }

    /// Until when, on the monotonic clock, the answer may start to leave.
    pub fn deadline(&self) -> Duration {
        self.deadline
    }

    /// May the answer start to leave at this instant of the monotonic clock?
    ///
    /// # Errors
    /// `Unavailable` if it took too long to get this far. It is on record as told all the same.
    pub fn in_time(&self, now: Duration) -> Result<()> {
        if now < self.deadline { Ok(()) } else { Err(Error::too_old()) }
    }

    /// The other gateway that passes the answer on, and of whom it tells it; none where a client asks.
    pub fn passed_on(&self) -> Option<(&NodeCode, &[Arc<str>])> {
        Some((self.gateway.as_ref()?, &self.people))
    }
}

/// What a record says of the request itself.
#[derive(Clone)]
pub struct Request {
    /// `X-Request-Id`.
    pub id: Arc<str>,
    /// Network address of the connection.
    pub address: Arc<str>,
    /// What was searched for, where something was.
    pub query: Option<Query>,
    /// Node codes of the sources asked.
    pub sources: Vec<Arc<str>>,
}

impl Request {
    /// One that searches for nothing and asks no source; without an address where it came over no network.
    pub fn alone(id: impl Into<Arc<str>>, address: impl Into<Arc<str>>) -> Self {
        Self { id: id.into(), address: address.into(), query: None, sources: Vec::new() }
    }
}

/// Writes down what leaves in an answer, person by person.
///
/// # Errors
/// `Unavailable` when the log cannot be written; then nothing may leave.
pub async fn record<'a>(
    log: &'a Log,
    answer: &'a Answer,
    grant: &Grant,
    request: &Request,
    now: Moment,
) -> Result<Receipt> {
    let deadline = answer.known_current().saturating_add(GOOD_FOR);
    // What was asked for was there: that much is told of it, and no more.
    let outcome = if answer.is_gone() {
        Outcome::Failed(Kind::Gone.shape().code.into())
    } else {
        Outcome::Success
    };
    let told = answer.told(|people| tell(people, &outcome, grant, request, now))?;
    let occasion = Occasion { at: now, request: &request.id, address: &request.address };
    let key = |tells: &'a Tells| tells.key.as_ref().unwrap_or(log.node_key());
    let payload = |tells: &'a Tells| ToldOn { occasion, told: &tells.record };
    let uses = for_review(answer, grant, request, now);
    let marks = marks(&uses, request, now)?;
    let leaf = match (&**told, &*marks) {
        ([one], []) => log.append(key(one), &payload(one)).await?.leaf,
        (all, marks) => {
            let occasion = Occasion { address: "", ..occasion };
            let marks = marks.iter().map(|told| (log.review_key(), ToldOn { occasion, told }));
            let records = all.iter().map(|one| (key(one), payload(one)));
            let records: Vec<_> = records.chain(marks).collect();
            let recorded = log.append_many(&records).await?;
            recorded.first().ok_or_else(|| Error::internal("no record was made"))?.leaf
        }
    };
    if !uses.is_empty() {
        notify(request);
    }
    let gateway = grant.caller().node().cloned();
    let people = if gateway.is_some() {
        answer.disclosures().iter().map(|one| Arc::clone(&one.patient)).collect()
    } else {
        Vec::new()
    };
    Ok(Receipt { leaf, deadline, gateway, people })
}

/// What of an answer a second person is to review.
fn for_review<'a>(
    answer: &'a Answer,
    grant: &Grant,
    request: &Request,
    now: Moment,
) -> Vec<&'a Disclosure> {
    let caller = grant.caller();
    if caller.break_glass().is_none() && caller.declared().is_empty() {
        return Vec::new();
    }
    let is_use = |one: &&Disclosure| entry(Some(one), grant, request, now).is_for_review();
    answer.disclosures().iter().filter(is_use).collect()
}

/// The marks of what is to be reviewed, of whoever is held here.
fn marks(uses: &[&Disclosure], request: &Request, now: Moment) -> Result<Vec<Box<[u8]>>> {
    let own = uses.iter().filter(|one| one.audit_key.is_some());
    own.map(|one| review::mark(&one.patient, request, None, now).told()).collect()
}

/// Says in the operator's log that a disclosure waits for its review; the record says the rest.
fn notify(request: &Request) {
    tracing::warn!(
        reason = "declared access",
        request.id = %request.id,
        "told of a person by a declared ground: tell the person, see `mylife audit notices`, and review \
         it, see `mylife audit reviews` or the Tasks of code emergency-review"
    );
}

/// What the records of an answer say, whenever it is given: one of each person, or one of nobody.
fn tell(
    people: &[Disclosure],
    outcome: &Outcome<'_>,
    grant: &Grant,
    request: &Request,
    now: Moment,
) -> Result<Told> {
    let record = |one| Entry { outcome: outcome.clone(), ..entry(one, grant, request, now) }.told();
    match people {
        // Nobody's data leaves: the record says that the question was asked and answered.
        [] => Ok([Tells { record: record(None)?, key: None }].into()),
        people => people
            .iter()
            .map(|one| Ok(Tells { record: record(Some(one))?, key: one.key() }))
            .collect(),
    }
}

/// How a request ended that was refused or failed.
pub struct Refused<'a> {
    /// Which, with a stable code.
    pub outcome: Outcome<'a>,
    /// The key of the person of whom the refusal tells something; none of nobody's.
    pub about: Option<&'a AuditKey>,
}

/// Writes down that a request was refused or failed, and of whom that tells something.
///
/// # Errors
/// `Unavailable` when the log cannot be written.
pub async fn record_refusal(
    log: &Log,
    grant: Option<&Grant>,
    refused: Refused<'_>,
    request: &Request,
    now: Moment,
) -> Result<()> {
    let mut entry = match grant {
        Some(grant) => entry(None, grant, request, now),
        None => blank(request, now),
    };
    entry.outcome = refused.outcome;
    entry.patient = refused.about.map(|key| (&*key.id).into());
    let what = grant.and_then(|grant| grant.call().resource().zip(grant.call().id()));
    let what = what.filter(|_| refused.about.is_some());
    entry.resources = Resources::Listed(what.iter().map(|(kind, id)| name(*kind, id)).collect());
    log.append(refused.about.unwrap_or_else(|| log.node_key()), &entry.to_payload()?).await?;
    Ok(())
}

/// Writes down what this gateway did by itself or for its caller, with no resource of its own: passed
/// a Consent on to a node, gave a token.
///
/// # Errors
/// `Unavailable` when the log cannot be written.
pub async fn record_done(log: &Log, done: Done<'_>, request: &Request, now: Moment) -> Result<()> {
    let mut entry = blank(request, now);
    entry.caller = done.caller;
    entry.purpose = done.purpose;
    entry.interaction = done.interaction;
    entry.types = done.types;
    entry.outcome = done.outcome;
    entry.patient = done.about.as_ref().map(|key| (&*key.id).into());
    let key = done.about.as_ref().unwrap_or_else(|| log.node_key());
    log.append(key, &entry.to_payload()?).await?;
    Ok(())
}

/// Writes down that what a caller wrote was passed on to another gateway, and is kept there by this name,
/// `Type/id`.
///
/// # Errors
/// `Unavailable` when the log cannot be written.
pub async fn record_passed_on(
    log: &Log,
    grant: &Grant,
    name: &str,
    request: &Request,
    now: Moment,
) -> Result<()> {
    let mut entry = entry(None, grant, request, now);
    entry.resources = Resources::Listed(vec![name.into()]);
    log.append(log.node_key(), &entry.to_payload()?).await?;
    Ok(())
}

/// What was done, as the record says it.
pub struct Done<'a> {
    /// For whom.
    pub caller: record::Caller<'a>,
    /// `ActReason` code.
    pub purpose: Option<Cow<'a, str>>,
    /// What it was.
    pub interaction: Interaction,
    /// Resource types it was about.
    pub types: Vec<Cow<'a, str>>,
    /// How it ended.
    pub outcome: Outcome<'a>,
    /// The key of the person who is to find it among their records; none of nobody's.
    pub about: Option<AuditKey>,
}

/// Who writes, as the record of the write says it.
#[derive(Clone, Copy)]
pub enum Author<'a> {
    /// A client with the right to.
    Granted(&'a Grant),
    /// The operator of the node, by a command, in the name of a client.
    Operator {
        /// The client that owns what is written.
        client: &'a str,
        /// Its organisation, `urn:oid:...`.
        organization: &'a str,
    },
}

impl Author<'_> {
    /// The client that owns what is written.
    pub fn client_id(&self) -> &str {
        match self {
            Self::Granted(grant) => grant.caller().client_id(),
            Self::Operator { client, .. } => client,
        }
    }

    /// Its organisation, `urn:oid:...`.
    pub fn organization(&self) -> &str {
        match self {
            Self::Granted(grant) => grant.caller().organization(),
            Self::Operator { organization, .. } => organization,
        }
    }

    /// Does it declare an emergency?
    pub fn declares_emergency(&self) -> bool {
        matches!(self, Self::Granted(grant) if grant.caller().break_glass().is_some())
    }

    /// What is taken away by it: `Type/id`.
    pub fn deletes(&self) -> Option<String> {
        let Self::Granted(grant) = self else { return None };
        let is_deletion = grant.interaction() == types::Interaction::Delete;
        let (kind, id) = grant.call().resource().zip(grant.call().id())?;
        is_deletion.then(|| format!("{kind}/{id}"))
    }
}

/// The record of a write, made before it: a row of the transaction that makes the change, if it makes one.
///
/// # Errors
/// `Internal` when it cannot be written as bytes.
pub fn of_write(
    author: Author<'_>,
    request: &Request,
    patient: &Arc<str>,
    (resources, consent): (&[&str], Option<record::Written<'_>>),
    deed: Interaction,
    now: Moment,
) -> Result<Vec<u8>> {
    let mut entry = match author {
        Author::Granted(grant) => entry(None, grant, request, now),
        Author::Operator { client, organization } => {
            let mut entry = blank(request, now);
            entry.caller.client = client.into();
            entry.caller.organization = Some(organization.into());
            entry
        }
    };
    entry.interaction = deed;
    entry.patient = Some((&**patient).into());
    entry.resources = Resources::Listed(resources.iter().map(|name| (*name).into()).collect());
    entry.consent = consent;
    entry.to_payload()
}

/// Who asks, as it is written down.
pub fn asker(grant: &Grant) -> record::Caller<'_> {
    let caller = grant.caller();
    record::Caller {
        client: caller.client_id().into(),
        issuer: caller.issuer().map(Into::into),
        organization: Some(caller.organization().into()),
        subject: caller.subject().map(Into::into),
        role: caller.roles().first().map(|role| role.as_str().into()),
        act: caller.actors().into_iter().map(Into::into).collect(),
        jti: None,
    }
}

fn entry<'a>(
    one: Option<&'a Disclosure>,
    grant: &'a Grant,
    request: &'a Request,
    now: Moment,
) -> Entry<'a> {
    let caller = grant.caller();
    let mut entry = blank(request, now);
    entry.caller = asker(grant);
    entry.purpose = caller.purpose().map(Into::into);
    let declared = caller.break_glass();
    entry.emergency = declared
        .map(|glass| Emergency { reason: glass.reason.as_str().into(), until: glass.until });
    entry.types = grant.call().resource().map(|kind| kind.name().into()).into_iter().collect();
    entry.interaction = if grant.call().is_operation() {
        Interaction::Operation
    } else {
        interaction(grant.interaction())
    };
    if let Some(one) = one {
        entry.basis = one.basis.iter().map(|(id, version)| basis(id, *version, grant)).collect();
        entry.resources =
            Resources::Listed(one.resources.iter().map(|(kind, id)| name(*kind, id)).collect());
        entry.labels = labels(one);
        entry.patient = Some((&*one.patient).into());
    }
    entry
}

/// `Type/id`.
fn name(kind: types::ResourceType, id: &str) -> Cow<'static, str> {
    [kind.name(), "/", id].concat().into()
}

const fn interaction(of: types::Interaction) -> Interaction {
    match of {
        types::Interaction::Create => Interaction::Create,
        types::Interaction::Delete => Interaction::Delete,
        types::Interaction::HistoryInstance | types::Interaction::HistoryType => {
            Interaction::History
        }
        types::Interaction::Read => Interaction::Read,
        types::Interaction::Search => Interaction::SearchType,
        types::Interaction::Update => Interaction::Update,
        types::Interaction::Vread => Interaction::Vread,
    }
}

/// What every record of a request says.
pub(super) fn blank(request: &Request, now: Moment) -> Entry<'_> {
    Entry {
        at: now,
        request: (&*request.id).into(),
        address: (&*request.address).into(),
        caller: record::Caller::default(),
        purpose: None,
        basis: Vec::new(),
        interaction: Interaction::Read,
        types: Vec::new(),
        query: request.query.clone(),
        resources: Resources::default(),
        labels: record::Labels::default(),
        patient: None,
        outcome: Outcome::Success,
        sources: request.sources.iter().map(|node| (&**node).into()).collect(),
        emergency: None,
        review: None,
        notice: None,
        consent: None,
    }
}

fn basis<'a>(id: &'a str, version: Option<u64>, grant: &'a Grant) -> Basis<'a> {
    let declared = grant.caller().declared().iter().find(|d| *d.id == *id);
    if let Some(version) = version {
        return Basis::Consent { id: id.into(), version };
    }
    match (id, declared) {
        ("same-register", _) => Basis::Register,
        (_, Some(declared)) => Basis::Law {
            id: id.into(),
            reason: Some(declared.reason.as_str().into()),
            overrode: true,
        },
        (text, None) if text.starts_with("RelatedPerson/") => {
            Basis::Representation { id: id.into() }
        }
        (_, None) => Basis::Law { id: id.into(), reason: None, overrode: false },
    }
}

fn labels(one: &Disclosure) -> record::Labels {
    let Labels { themes, classes } = one.labels;
    let is_record =
        |kind| [types::ResourceType::Consent, types::ResourceType::RelatedPerson].contains(&kind);
    let records = one.resources.iter().any(|(kind, _)| is_record(*kind));
    let all_records = one.resources.iter().all(|(kind, _)| is_record(*kind));
    record::Labels { themes, classes, records, unclassified: themes.is_empty() && !all_records }
}
