//! The store of several replicas: `PostgreSQL`, reached by any number of processes.
//!
//! Values are sealed on the caller's side before they travel and opened there when they are back, by
//! the same code as `SQLite`'s. A commit is one transaction; the server's group commit lets many share
//! an fsync. Every statement has a bound in time, on the server and here.
//!
//! *The change sequence.* The place of a change is the id of its transaction, so it costs no counter
//! that all commits would queue for: under one lock they would follow each other at the pace of one
//! fsync each. Ids are given out at a transaction's first write, not at its end, so a change can come
//! up below others that were seen before it. It cannot once every older transaction has ended: up
//! to `pg_snapshot_xmin` of the snapshot that reads, the sequence is settled, and a follower begins
//! its rounds there. A long transaction, even of another database of the server, makes followers read
//! some changes again and again; it hides none and delays none.
//!
//! Each process has a data directory of its own; under its name the process keeps its chain of the
//! audit log, which lives in the database too ([`Ledger`]).

use std::{collections::HashMap, path::PathBuf, sync::Arc, time::Duration};

use crate::{
    chance::Chance,
    domain::{id::NodeCode, moment::Moment, person::Named},
    error::{Error, Result},
    seal::Keys,
    store::{
        Change, Changes, Committed, DocumentKind, IdentityMac, Job, Outgoing, Permission, Place,
        Revocations, Settings, Store, Stored, Subscription, Task, Walked,
        lock::Lock,
        postgres::{
            kept::{Kept, chain},
            pool::{Errand, Pool},
            schema::Owner,
        },
        sealed,
        subscription::State,
    },
};

pub use self::{
    ledger::Ledger,
    target::{Address, Database, Patience},
};

pub mod about;
pub mod ledger;

mod at_once;
mod fault;
mod kept;
mod moving;
mod places;
mod pool;
mod read;
mod schema;
mod session;
mod subscription;
mod target;
mod tls;
mod write;

/// Connections for the change sequence alone: one that hangs has a follower.
const FOLLOWING: usize = 2;
/// Connections for what the audit log adds: one batch at a time.
const WRITING: usize = 1;

/// What a store needs to be opened.
pub struct Options {
    /// The data directory of this process; made if it is absent.
    pub directory: PathBuf,
    /// Where the data is.
    pub database: Database,
    /// The gateway whose store it is.
    pub node: NodeCode,
    /// Seals and opens values.
    pub keys: Arc<Keys>,
    /// Makes the audit keys of new people.
    pub chance: Arc<dyn Chance>,
}

/// An open store. Dropping it ends what is under way: the server undoes what was not committed, and
/// who waits is told `Unavailable`.
pub struct Postgres {
    keys: Arc<Keys>,
    chance: Arc<dyn Chance>,
    /// Who takes turns with other processes.
    keeper: Arc<str>,
    ledger: Ledger,
    pool: Arc<Pool>,
    /// Whoever follows the change sequence must not wait until others have loaded what they want.
    following: Arc<Pool>,
}

impl Postgres {
    /// Opens the store of a gateway; makes it if the database is empty.
    ///
    /// # Errors
    /// [`crate::error::Kind::Unavailable`], saying what to do, if the database cannot be reached or
    /// refuses the user, if the store belongs to another program, node or master key, if its form is
    /// older or newer, or if another process uses the directory.
    pub async fn open(options: Options) -> Result<Self> {
        let lock = Lock::take(&options.directory)?;
        let chain = chain(&options.directory, &*options.chance).map_err(Error::unavailable)?;
        Self::reached(options, chain, Some(lock)).await
    }

    /// The same beside a gateway that uses the directory, to look at what is stored.
    ///
    /// # Errors
    /// As [`Postgres::open`], but for the directory.
    pub async fn beside(options: Options) -> Result<Self> {
        Self::reached(options, "".into(), None).await
    }

    async fn reached(options: Options, chain: Arc<str>, lock: Option<Lock>) -> Result<Self> {
        let Options { directory: _, database, node, keys, chance } = options;
        let (pool, engine) = pool::start(&database)?;
        pool.try_out().await?;
        schema::prepare(&pool, Owner { node, keys: Arc::clone(&keys) }).await?;
        let kept = Arc::new(Kept { _engine: engine, _lock: lock });
        let following = pool.beside(&database, FOLLOWING)?;
        let writing = pool.beside(&database, WRITING)?;
        let ledger = Ledger::new(Arc::clone(&pool), writing, kept, Arc::clone(&chain));
        Ok(Self { keys, chance, keeper: chain, ledger, pool, following })
    }

    /// The audit log's rows.
    pub fn ledger(&self) -> Ledger {
        self.ledger.clone()
    }

    /// Numbers of the schema's steps that [`Postgres::migrate`] would take; nothing is changed.
    ///
    /// # Errors
    /// As [`Postgres::open`], as far as that shows in the schema.
    pub async fn pending(database: &Database) -> Result<Vec<i64>> {
        let (pool, _engine) = pool::start(database)?;
        pool.try_out().await?;
        schema::pending(&pool).await
    }

    /// Takes the steps that are lacking, each in a transaction; gives their numbers.
    ///
    /// # Errors
    /// As [`Postgres::pending`], and if a step fails or takes longer than the database's `answer`.
    pub async fn migrate(database: &Database) -> Result<Vec<i64>> {
        let (pool, _engine) = pool::start(database)?;
        pool.try_out().await?;
        schema::migrate(&pool).await
    }
}

/// Opens what was read of a person.
fn open(
    keys: Arc<Keys>,
    patient: Arc<str>,
    loaded: Task<Option<read::Sealed>>,
) -> Task<Option<Stored>> {
    Box::pin(async move {
        let Some((mut stored, audit_key)) = loaded.await? else { return Ok(None) };
        stored.audit_key = sealed::open_audit_key(&keys, &patient, &audit_key)?;
        let open = |document| sealed::open_document(&keys, &patient, document);
        stored.documents = stored.documents.into_iter().map(open).collect::<Result<_>>()?;
        Ok(Some(stored))
    })
}

impl Store for Postgres {
    fn load(&self, patient: &str) -> Task<Option<Stored>> {
        let patient = Arc::<str>::from(patient);
        let loaded = self.pool.ask(Errand::Read, Arc::clone(&patient), |rows, patient| {
            Box::pin(read::load(rows, patient))
        });
        open(Arc::clone(&self.keys), patient, loaded)
    }

    fn load_one(
        &self,
        patient: &str,
        owner: &str,
        kind: DocumentKind,
        local_id: &str,
    ) -> Task<Option<Stored>> {
        let [patient, owner, local_id] = [patient, owner, local_id].map(Arc::<str>::from);
        let what = (Arc::clone(&patient), owner, kind, local_id);
        let loaded = self.pool.ask(Errand::Read, what, |rows, (patient, owner, kind, local_id)| {
            Box::pin(read::load_one(rows, patient, (owner, *kind, local_id)))
        });
        open(Arc::clone(&self.keys), patient, loaded)
    }

    fn naming(&self, patient: &str) -> Task<Vec<(Arc<str>, Named)>> {
        self.pool.ask(Errand::Read, Arc::<str>::from(patient), |rows, patient| {
            Box::pin(read::naming(rows, patient))
        })
    }

    fn history(&self, patient: &str) -> Task<Option<Stored>> {
        let patient = Arc::<str>::from(patient);
        let loaded = self.pool.ask(Errand::Read, Arc::clone(&patient), |rows, patient| {
            Box::pin(read::history(rows, patient))
        });
        open(Arc::clone(&self.keys), patient, loaded)
    }

    fn history_of(&self, patient: &str, documents: Vec<Arc<str>>) -> Task<Option<Stored>> {
        let what = (Arc::<str>::from(patient), documents);
        let loaded = self.pool.ask(Errand::Read, what, |rows, (patient, documents)| {
            Box::pin(read::history_of(rows, patient, documents))
        });
        open(Arc::clone(&self.keys), patient.into(), loaded)
    }

    fn audit_keys(&self, patients: Vec<Arc<str>>) -> Task<HashMap<Arc<str>, [u8; 32]>> {
        let keys = Arc::clone(&self.keys);
        let sealed = self.pool.ask(Errand::Read, patients, |rows, patients| {
            Box::pin(read::audit_keys(rows, patients))
        });
        Box::pin(async move {
            let open = |(patient, key): (Arc<str>, Arc<[u8]>)| {
                let key = sealed::open_audit_key(&keys, &patient, &key)?;
                Ok((patient, key))
            };
            sealed.await?.into_iter().map(open).collect()
        })
    }

    fn version(&self, patient: &str) -> Task<Option<u64>> {
        self.pool.ask(Errand::Read, Arc::<str>::from(patient), |rows, patient| {
            Box::pin(read::version_of(rows, patient))
        })
    }

    fn is_shared(&self) -> bool {
        true
    }

    fn find(&self, identity: IdentityMac) -> Task<Option<Arc<str>>> {
        self.pool
            .ask(Errand::Read, identity, |rows, identity| Box::pin(read::find(rows, *identity)))
    }

    fn local(&self, owner: &str, kind: DocumentKind, local_id: &str) -> Task<Option<Place>> {
        let key = (Arc::<str>::from(owner), kind, Arc::<str>::from(local_id));
        self.pool.ask(Errand::Read, key, |rows, (owner, kind, local_id)| {
            Box::pin(read::local(rows, owner, *kind, local_id))
        })
    }

    fn place(&self, document: &str) -> Task<Option<Place>> {
        self.pool.ask(Errand::Read, Arc::<str>::from(document), |rows, document| {
            Box::pin(read::place_of(rows, document))
        })
    }

    fn walk(&self, after: Option<&str>, limit: usize) -> Task<Vec<Walked>> {
        let from = (Arc::<str>::from(after.unwrap_or_default()), limit);
        self.pool.ask(Errand::Read, from, |rows, (after, limit)| {
            Box::pin(read::walk(rows, after, *limit))
        })
    }

    fn changes(&self, after: i64, limit: usize) -> Task<Changes> {
        self.following.ask(Errand::Read, (after, limit), |rows, (after, limit)| {
            Box::pin(read::changes(rows, *after, *limit))
        })
    }

    fn commit(&self, change: Change) -> Task<Committed> {
        let pool = Arc::clone(&self.pool);
        let (keys, chance) = (Arc::clone(&self.keys), Arc::clone(&self.chance));
        Box::pin(async move {
            let sealed = Arc::new(sealed::seal(&keys, &*chance, change)?);
            if at_once::is_meant(&sealed) {
                let whole = pool.ask(Errand::Whole, Arc::clone(&sealed), |rows, sealed| {
                    Box::pin(at_once::commit(rows, sealed))
                });
                if let Some(committed) = whole.await? {
                    return Ok(committed);
                }
            }
            pool.ask(Errand::Transaction, sealed, |rows, sealed| {
                Box::pin(write::commit(rows, sealed))
            })
            .await
        })
    }

    fn spend(&self, value: [u8; 32], until: Moment, now: Moment) -> Task<bool> {
        self.pool.ask(Errand::Statement, (value, until, now), |rows, (value, until, now)| {
            Box::pin(write::spend(rows, value, *until, *now))
        })
    }

    fn revoke(&self, token: [u8; 32], until: Moment, now: Moment) -> Task<()> {
        self.pool.ask(Errand::Statement, (token, until, now), |rows, (token, until, now)| {
            Box::pin(write::revoke(rows, token, *until, *now))
        })
    }

    fn revoked(&self, after: i64) -> Task<Revocations> {
        self.pool.ask(Errand::Read, after, |rows, after| Box::pin(read::revoked(rows, *after)))
    }

    fn permit(&self, permission: Permission, now: Moment) -> Task<bool> {
        let (keys, pool) = (Arc::clone(&self.keys), Arc::clone(&self.pool));
        Box::pin(async move {
            let sealed = sealed::permission(&keys, permission)?;
            pool.ask(Errand::Statement, (sealed, now), |rows, (sealed, now)| {
                Box::pin(write::permit(rows, sealed, *now))
            })
            .await
        })
    }

    fn permissions(
        &self,
        giver: IdentityMac,
        patient: Option<Arc<str>>,
        now: Moment,
    ) -> Task<Vec<Permission>> {
        let keys = Arc::clone(&self.keys);
        let whose = (giver, patient, now);
        let sealed = self.pool.ask(Errand::Read, whose, |rows, (giver, patient, now)| {
            Box::pin(read::permissions(rows, (giver, patient.as_deref()), *now))
        });
        Box::pin(async move {
            let open = |sealed| sealed::open_permission(&keys, sealed);
            sealed.await?.into_iter().map(open).collect()
        })
    }

    fn unrecorded(&self) -> Task<Vec<(i64, Arc<[u8]>)>> {
        self.pool.ask(Errand::Read, (), |rows, ()| Box::pin(read::unrecorded(rows)))
    }

    fn recorded(&self, records: Vec<i64>) -> Task<()> {
        self.pool.ask(Errand::Statement, records, |rows, records| {
            Box::pin(write::recorded(rows, records))
        })
    }

    fn owed(&self, limit: usize) -> Task<Vec<(i64, Outgoing)>> {
        let keys = Arc::clone(&self.keys);
        let owed =
            self.pool.ask(Errand::Read, limit, |rows, limit| Box::pin(read::owed(rows, *limit)));
        Box::pin(async move {
            let open = |(id, message)| Ok((id, sealed::open_message(&keys, message)?));
            owed.await?.into_iter().map(open).collect()
        })
    }

    fn owe(&self, messages: Vec<Outgoing>) -> Task<Vec<i64>> {
        let (keys, pool) = (Arc::clone(&self.keys), Arc::clone(&self.pool));
        Box::pin(async move {
            let sealed = sealed::messages(&keys, messages)?;
            pool.ask(Errand::Transaction, sealed, |rows, sealed| Box::pin(write::owe(rows, sealed)))
                .await
        })
    }

    fn owed_to(&self, peer: &str, start: &str) -> Task<Vec<(i64, Outgoing)>> {
        let keys = Arc::clone(&self.keys);
        let lane = (Arc::<str>::from(peer), Arc::<str>::from(start));
        let owed = self.pool.ask(Errand::Read, lane, |rows, (peer, start)| {
            Box::pin(read::owed_to(rows, peer, start))
        });
        Box::pin(async move {
            let open = |(id, message)| Ok((id, sealed::open_message(&keys, message)?));
            owed.await?.into_iter().map(open).collect()
        })
    }

    fn take_turn(&self, name: &str, life: Duration) -> Task<bool> {
        let turn = (Arc::<str>::from(name), Arc::clone(&self.keeper), life);
        self.pool.ask(Errand::Statement, turn, |rows, (name, keeper, life)| {
            Box::pin(write::take_turn(rows, name, keeper, *life))
        })
    }

    fn end_turn(&self, name: &str) -> Task<()> {
        let turn = (Arc::<str>::from(name), Arc::clone(&self.keeper));
        self.pool.ask(Errand::Statement, turn, |rows, (name, keeper)| {
            Box::pin(write::end_turn(rows, name, keeper))
        })
    }

    fn delivered(&self, message: i64) -> Task<()> {
        self.pool.ask(Errand::Statement, message, |rows, message| {
            Box::pin(write::delivered(rows, *message))
        })
    }

    fn begin_job(&self, job: Job, most: usize, now: Moment) -> Task<bool> {
        let (keys, pool) = (Arc::clone(&self.keys), Arc::clone(&self.pool));
        Box::pin(async move {
            let sealed = sealed::job(&keys, job)?;
            pool.ask(Errand::Transaction, (sealed, most, now), |rows, (job, most, now)| {
                Box::pin(write::begin_job(rows, job, *most, *now))
            })
            .await
        })
    }

    fn job(&self, id: &str, now: Moment) -> Task<Option<Job>> {
        let keys = Arc::clone(&self.keys);
        let sealed = self.pool.ask(Errand::Read, (Arc::<str>::from(id), now), |rows, (id, now)| {
            Box::pin(read::job(rows, id, *now))
        });
        Box::pin(async move { sealed.await?.map(|job| sealed::open_job(&keys, job)).transpose() })
    }

    fn settle(&self, own: Settings) -> Task<Settings> {
        self.pool.ask(Errand::Transaction, own, |rows, own| Box::pin(write::settle(rows, own)))
    }

    fn end_job(&self, id: &str) -> Task<()> {
        self.pool.ask(Errand::Statement, Arc::<str>::from(id), |rows, id| {
            Box::pin(write::end_job(rows, id))
        })
    }

    fn put_subscription(
        &self,
        row: Subscription,
        about: Option<Vec<Arc<str>>>,
        most: usize,
    ) -> Task<bool> {
        let (keys, pool) = (Arc::clone(&self.keys), Arc::clone(&self.pool));
        Box::pin(async move {
            let sealed = (sealed::subscription(&keys, row)?, about, most);
            pool.ask(Errand::Transaction, sealed, |rows, (row, about, most)| {
                Box::pin(subscription::put(rows, row, about.as_deref(), *most))
            })
            .await
        })
    }

    fn subscription(&self, id: &str) -> Task<Option<Subscription>> {
        let keys = Arc::clone(&self.keys);
        let sealed = self.pool.ask(Errand::Read, Arc::<str>::from(id), |rows, id| {
            Box::pin(subscription::one(rows, id))
        });
        Box::pin(async move {
            sealed.await?.map(|one| sealed::open_subscription(&keys, one)).transpose()
        })
    }

    fn subscriptions_of(&self, owner: &str) -> Task<Vec<Subscription>> {
        let owner = Arc::<str>::from(owner);
        let all = self
            .pool
            .ask(Errand::Read, owner, |rows, owner| Box::pin(subscription::of(rows, owner)));
        opened(Arc::clone(&self.keys), all)
    }

    fn count_subscriptions(&self) -> Task<Vec<(State, u64)>> {
        self.pool.ask(Errand::Read, (), |rows, ()| Box::pin(subscription::count(rows)))
    }

    fn due_subscriptions(&self, now: Moment, limit: usize) -> Task<Vec<Subscription>> {
        let all = self.following.ask(Errand::Read, (now, limit), |rows, (now, limit)| {
            Box::pin(subscription::due(rows, *now, *limit))
        });
        opened(Arc::clone(&self.keys), all)
    }

    fn looked_at(&self, read: &Subscription, due: Moment) -> Task<()> {
        let looked = (Arc::clone(&read.id), read.version, read.touched, due);
        self.pool.ask(Errand::Statement, looked, |rows, (id, version, touched, due)| {
            Box::pin(subscription::looked(rows, (id, *version), *touched, *due))
        })
    }

    fn touch(&self, patients: Option<Vec<Arc<str>>>) -> Task<()> {
        let is_about = match patients.clone() {
            Some(asked) => self.following.ask(Errand::Read, asked, |rows, asked| {
                Box::pin(subscription::is_about(rows, asked))
            }),
            None => Box::pin(async { Ok(true) }) as Task<bool>,
        };
        let touched = self.pool.ask(Errand::Statement, patients, |rows, patients| {
            Box::pin(subscription::touch(rows, patients.as_deref()))
        });
        Box::pin(async move { if is_about.await? { touched.await } else { Ok(()) } })
    }

    fn end_subscription(&self, id: &str) -> Task<()> {
        self.pool.ask(Errand::Transaction, Arc::<str>::from(id), |rows, id| {
            Box::pin(subscription::end(rows, id))
        })
    }
}

/// Opens what was read of subscriptions.
fn opened(keys: Arc<Keys>, all: Task<Vec<Subscription>>) -> Task<Vec<Subscription>> {
    Box::pin(async move {
        let open = |one| sealed::open_subscription(&keys, one);
        all.await?.into_iter().map(open).collect()
    })
}
