//! What is durable: compartments, the change sequence, replay protection, the outbox, subscriptions.
//!
//! One trait, honest implementations, one conformance suite for all. The person is the unit:
//! everything about one person at this gateway is loaded in one go and versioned by one number.
//! A store decides nothing and maps nothing; it keeps what it is given, values sealed at rest.

use std::{collections::HashMap, future::Future, pin::Pin, sync::Arc, time::Duration};

use self::subscription::State;
use crate::{
    domain::{moment::Moment, person::Named},
    error::Result,
};

pub use self::subscription::Subscription;
pub use crate::seal::IdentityMac;

pub mod lock;
pub mod moving;
pub mod postgres;
pub mod sqlite;
pub mod subscription;

mod debug;
mod schema;
mod sealed;
mod succession;

/// What a store call gives back. Nothing happens before it is first polled; a write that is dropped
/// after that may still be made.
pub type Task<T> = Pin<Box<dyn Future<Output = Result<T>> + Send>>;

/// What a stored document is.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum DocumentKind {
    /// `mylife/person/1`.
    Person,
    /// `mylife/assessment/1`.
    Assessment,
    /// `mylife/plan/1`.
    Plan,
    /// A FHIR R4 Consent, as accepted.
    Consent,
    /// `mylife/proposal/1`.
    Proposal,
}

impl DocumentKind {
    /// What stands in a column.
    const fn number(self) -> i64 {
        match self {
            Self::Person => 1,
            Self::Assessment => 2,
            Self::Plan => 3,
            Self::Consent => 4,
            Self::Proposal => 5,
        }
    }

    /// Is it bounded how many an owner has of one person? Not of Consents: nobody is kept from forbidding.
    pub const fn is_bounded(self) -> bool {
        !matches!(self, Self::Consent)
    }

    /// What a number in a column stands for.
    fn of_number(number: i64) -> Option<Self> {
        let all = [Self::Person, Self::Assessment, Self::Plan, Self::Consent, Self::Proposal];
        all.into_iter().find(|kind| kind.number() == number)
    }
}

/// One version of one document.
#[derive(Clone, Eq, PartialEq)]
pub struct Document {
    /// `<node>.<26 base32>`, unique in the federation.
    pub id: Arc<str>,
    /// What it is.
    pub kind: DocumentKind,
    /// The owner system (client id) that alone may write it again.
    pub owner: Arc<str>,
    /// The owner's id for it; unique per owner and kind.
    pub local_id: Arc<str>,
    /// 1, 2, 3, ...
    pub version: u64,
    /// When this version was committed.
    pub recorded: Moment,
    /// JSON: what was made at commit for the document's parts (random ids, times of change).
    pub parts: Arc<[u8]>,
    /// The canonical JSON.
    pub body: Arc<[u8]>,
}

/// Everything about one person at this gateway, as stored.
#[derive(Clone)]
pub struct Stored {
    /// Id of the Patient resource.
    pub patient: Arc<str>,
    /// Grows by one with each commit to this person.
    pub version: u64,
    /// When the last commit was made.
    pub changed: Moment,
    /// Key under which this person's audit records are sealed; forgotten at erasure.
    pub audit_key: [u8; 32],
    /// The newest version of each document, and of consents every version, in order of (id, version);
    /// of [`Store::history`] every version of all.
    pub documents: Vec<Document>,
}

/// One person on a walk over people in order of Patient id.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Walked {
    /// Id of the Patient resource.
    pub patient: Arc<str>,
    /// Compartment version, so that a cached compartment can be used without loading.
    pub version: u64,
    /// When the last commit was made.
    pub changed: Moment,
}

/// One step of the change sequence: which person changed, in the order of the commits.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Changed {
    /// Grows with each commit to anyone; never shown to a caller.
    pub sequence: i64,
    /// Id of the Patient resource.
    pub patient: Arc<str>,
    /// Instant of the commit.
    pub at: Moment,
}

/// A page of the change sequence.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Changes {
    /// In order of the sequence.
    pub changed: Vec<Changed>,
    /// Up to and including this place nothing will appear any more. Above it a change may still
    /// come up below others that are seen already, as its transaction began before theirs and ended
    /// later. Whoever follows the sequence reads pages from one place to the end, each after the last
    /// change of the one before, and starts the next round after the `settled` of the first page of
    /// this one: it then meets some changes twice and misses none.
    pub settled: i64,
    /// Which server says so. Another one, or one that was started again, may lack what was seen before,
    /// and give its places to other changes: then nothing that was read is known to be stored.
    pub server: i64,
}

/// Tokens that were revoked.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Revocations {
    /// SHA-256 of the name of each, and until when that matters.
    pub tokens: Vec<([u8; 32], Moment)>,
    /// Up to and including this place nothing will appear any more: the next round starts after it,
    /// and meets some again.
    pub settled: i64,
    /// Which server says so, as for [`Changes`].
    pub server: i64,
    /// The highest number of settings that any process has; 0 where there is one process.
    pub settings: i64,
}

/// The settings of every process of a gateway.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Settings {
    /// Only grows.
    pub number: i64,
    /// A keyed digest of what they say.
    pub mark: [u8; 32],
}

/// One person's change, made in one transaction.
#[derive(Clone)]
pub struct Change {
    /// Id of the Patient resource (existing or new).
    pub patient: Arc<str>,
    /// Compartment version the change was computed from, 0 for a new person. If the store holds
    /// another, nothing is written and the answer is `Kind::Conflict`; the caller computes again.
    pub based_on: u64,
    /// Look-up value of the identity code, when this change sets it.
    pub identity: Option<IdentityMac>,
    /// Instant of the commit.
    pub now: Moment,
    /// New document versions, each the successor of the stored one, of the same kind and owner and
    /// under the same local id. Another is a defect of the caller: nothing is written.
    pub documents: Vec<Document>,
    /// Most documents of a kind that is bounded that their owner may have of the person. If there are as many,
    /// no further one is begun: nothing is written and the answer is `Kind::TooCostly`.
    pub most: usize,
    /// Whom they are about beside the person; from now on each of them leads here.
    pub names: Vec<Named>,
    /// The write's own audit record, sealed; appended to the log before the acknowledgement.
    pub record: Arc<[u8]>,
    /// Messages to other gateways that this change owes.
    pub outbox: Vec<Outgoing>,
}

/// What a commit made.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Committed {
    /// The compartment's new version.
    pub version: u64,
    /// Row id of the audit record that must reach the log.
    pub record: i64,
}

/// Where a document stands.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Place {
    /// Id of the Patient resource of its compartment.
    pub patient: Arc<str>,
    /// Id of the document.
    pub document: Arc<str>,
}

/// A message owed to another gateway.
#[derive(Clone, Eq, PartialEq)]
pub struct Outgoing {
    /// Idempotency key: the same key is kept once per peer.
    pub key: Arc<str>,
    /// Node code of the receiver.
    pub peer: Arc<str>,
    /// The message.
    pub body: Arc<[u8]>,
}

/// An export that a client began: what is to be read, never a copy of it.
#[derive(Clone, Eq, PartialEq)]
pub struct Job {
    /// Random, never used twice.
    pub id: Arc<str>,
    /// The client that alone may know of it.
    pub owner: Arc<str>,
    /// When it ends by itself.
    pub until: Moment,
    /// What was asked for.
    pub body: Arc<[u8]>,
}

/// What somebody permits an app, for as long as the app can get tokens by it.
#[derive(Clone, Eq, PartialEq)]
pub struct Permission {
    /// Under what it is revoked ([`Store::revoke`]).
    pub name: [u8; 32],
    /// Look-up value of who gave it, where that is known.
    pub giver: Option<IdentityMac>,
    /// Id of the Patient whose data it is about.
    pub patient: Arc<str>,
    /// When it ends by itself.
    pub until: Moment,
    /// When the app last got a token by it.
    pub used: Moment,
    /// What was permitted.
    pub body: Arc<[u8]>,
}

/// What has ended is remembered for so much longer where forgetting it would let it count again: so far a
/// clock may have been ahead, and be set right.
pub const BEYOND: Duration = Duration::from_hours(2);

/// The durable store.
pub trait Store: Send + Sync {
    /// Everything about one person; `None` if nothing is held.
    fn load(&self, patient: &str) -> Task<Option<Stored>>;
    /// The same of no more than one document, by its owner's id for it, and of that no more than the
    /// newest version: for who writes the next.
    fn load_one(
        &self,
        patient: &str,
        owner: &str,
        kind: DocumentKind,
        local_id: &str,
    ) -> Task<Option<Stored>>;
    /// Whose documents were ever about this person, and as whom they name them, in order of Patient id.
    /// Whoever has the name now is meant, whenever it came to be theirs.
    fn naming(&self, patient: &str) -> Task<Vec<(Arc<str>, Named)>>;
    /// The same with every version of every document, for roads that show what was there before;
    /// as of one instant, in order of (id, version).
    fn history(&self, patient: &str) -> Task<Option<Stored>>;
    /// The same of no more than these documents, by their ids, and of those that say who the person is.
    fn history_of(&self, patient: &str, documents: Vec<Arc<str>>) -> Task<Option<Stored>> {
        let all = self.history(patient);
        Box::pin(async move {
            Ok(all.await?.map(|mut stored| {
                let is_meant = |held: &Document| {
                    held.kind == DocumentKind::Person || documents.contains(&held.id)
                };
                stored.documents.retain(is_meant);
                stored
            }))
        })
    }
    /// Keys of people's audit records, by Patient id; who is not held is left out.
    fn audit_keys(&self, patients: Vec<Arc<str>>) -> Task<HashMap<Arc<str>, [u8; 32]>> {
        let loads: Vec<_> = patients.iter().map(|patient| self.load(patient)).collect();
        Box::pin(async move {
            let mut keys = HashMap::new();
            for load in loads {
                keys.extend(load.await?.map(|stored| (stored.patient, stored.audit_key)));
            }
            Ok(keys)
        })
    }
    /// A person's compartment version; `None` if nothing is held.
    fn version(&self, patient: &str) -> Task<Option<u64>> {
        let loaded = self.load(patient);
        Box::pin(async move { Ok(loaded.await?.map(|stored| stored.version)) })
    }
    /// May other processes write it? Then what was loaded before is only as good as its version.
    fn is_shared(&self) -> bool {
        false
    }
    /// The person of an identity code.
    fn find(&self, identity: IdentityMac) -> Task<Option<Arc<str>>>;
    /// The document an owner knows by its own id.
    fn local(&self, owner: &str, kind: DocumentKind, local_id: &str) -> Task<Option<Place>>;
    /// The compartment of a document id.
    fn place(&self, document: &str) -> Task<Option<Place>>;
    /// People in order of Patient id, after `after`, at most `limit`.
    fn walk(&self, after: Option<&str>, limit: usize) -> Task<Vec<Walked>>;
    /// The change sequence after `after` (0 for all of it), at most `limit`. What is committed is
    /// there at once; what [`Changes::settled`] says must be kept by whoever follows it.
    fn changes(&self, after: i64, limit: usize) -> Task<Changes>;
    /// One person's change: all of it or nothing, durable when acknowledged.
    ///
    /// `Kind::Conflict` if `based_on` is not the stored version, if a new document's owner, kind and
    /// local id or its id are taken, or if the identity code belongs to another person.
    fn commit(&self, change: Change) -> Task<Committed>;
    /// Marks a one-time value as used through `until`; `false` if it was used before. [`BEYOND`] that
    /// it is forgotten, so what carries the value must not be accepted after `until`; to fail closed,
    /// the answer is `false` too if `until` has passed.
    fn spend(&self, value: [u8; 32], until: Moment, now: Moment) -> Task<bool>;
    /// Remembers through `until`, and [`BEYOND`] it, that a token is revoked, by the SHA-256 of its name; durable when
    /// acknowledged, and there for every process at once. Doing it again changes nothing. A permission of
    /// the name is forgotten.
    fn revoke(&self, token: [u8; 32], until: Moment, now: Moment) -> Task<()>;
    /// What was revoked after `after`, 0 for all that is remembered.
    fn revoked(&self, after: i64) -> Task<Revocations>;
    /// Keeps a permission, or of one that is there already when it was last used. `false`, and nothing is
    /// kept, if it was revoked. Those that have ended are forgotten in time.
    fn permit(&self, permission: Permission, now: Moment) -> Task<bool>;
    /// The permissions somebody gave, and those about their data, that have neither ended nor been
    /// revoked; those that end first come first.
    fn permissions(
        &self,
        giver: IdentityMac,
        patient: Option<Arc<str>>,
        now: Moment,
    ) -> Task<Vec<Permission>>;
    /// Audit records of commits that have not been marked as appended, oldest first, whoever made them;
    /// a store that others share gives some thousand at once.
    fn unrecorded(&self) -> Task<Vec<(i64, Arc<[u8]>)>>;
    /// Marks audit records of commits as appended to the log.
    fn recorded(&self, records: Vec<i64>) -> Task<()>;
    /// Messages owed to other gateways, oldest first, at most `limit`.
    fn owed(&self, limit: usize) -> Task<Vec<(i64, Outgoing)>>;
    /// Adds messages owed to other gateways, all or none; their ids, in order. One that is owed already
    /// under its key is left as it is.
    fn owe(&self, messages: Vec<Outgoing>) -> Task<Vec<i64>>;
    /// Messages owed to one gateway whose key begins with `start`, oldest first.
    fn owed_to(&self, peer: &str, start: &str) -> Task<Vec<(i64, Outgoing)>> {
        let (all, peer, start) = (self.owed(usize::MAX), peer.to_owned(), start.to_owned());
        Box::pin(async move {
            let mut owed = all.await?;
            owed.retain(|(_, one)| *one.peer == *peer && one.key.starts_with(&start));
            Ok(owed)
        })
    }
    /// Forgets a message that its receiver has acknowledged.
    fn delivered(&self, message: i64) -> Task<()>;
    /// Begins an export; `false`, and nothing is kept, if its owner has `most` that have not ended. There
    /// for every process once it is acknowledged.
    fn begin_job(&self, job: Job, most: usize, now: Moment) -> Task<bool>;
    /// An export that has not ended.
    fn job(&self, id: &str, now: Moment) -> Task<Option<Job>>;
    /// Ends an export; what is not there stays so.
    fn end_job(&self, id: &str) -> Task<()>;
    /// Writes the next version of a subscription, and with `about` whom it is about from now on; `false`,
    /// and nothing is written, if another came first, or if its owner has `most` before the first one.
    fn put_subscription(
        &self,
        row: Subscription,
        about: Option<Vec<Arc<str>>>,
        most: usize,
    ) -> Task<bool>;
    /// A subscription by its id.
    fn subscription(&self, id: &str) -> Task<Option<Subscription>>;
    /// The subscriptions of a client, in order of id.
    fn subscriptions_of(&self, owner: &str) -> Task<Vec<Subscription>>;
    /// How many subscriptions there are in each state; none where there are none.
    fn count_subscriptions(&self) -> Task<Vec<(State, u64)>>;
    /// Subscriptions whose turn it is, at most `limit`: what is due, and what is ready and was touched.
    fn due_subscriptions(&self, now: Moment, limit: usize) -> Task<Vec<Subscription>>;
    /// Notes that there was nothing to tell, up to a touch, and when its turn comes next; of a
    /// subscription as it was read, so that nothing is done where it was written since.
    fn looked_at(&self, read: &Subscription, due: Moment) -> Task<()>;
    /// Touches the subscriptions that are about any of these people, or all of them; writes nothing if
    /// there are none.
    fn touch(&self, patients: Option<Vec<Arc<str>>>) -> Task<()>;
    /// Forgets a subscription; what is not there stays so.
    fn end_subscription(&self, id: &str) -> Task<()>;
    /// Makes settings those of every process, unless some of this or a higher number are; gives those
    /// that are. Where no other process writes the store they always are.
    fn settle(&self, own: Settings) -> Task<Settings> {
        Box::pin(async move { Ok(own) })
    }
    /// Takes, or keeps, what one process at a time may do, for so long at most; `false` while it is
    /// another's. Within a process it does not exclude: that is for a lock there.
    fn take_turn(&self, _name: &str, _life: Duration) -> Task<bool> {
        Box::pin(async { Ok(true) })
    }
    /// Gives a turn of this process back before its time.
    fn end_turn(&self, _name: &str) -> Task<()> {
        Box::pin(async { Ok(()) })
    }
}
