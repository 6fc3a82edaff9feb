//! The keys that clients publish themselves: fetched when they are needed, kept while they may be.
//!
//! Part of `oauth`. Sources: SMART App Launch 2.2 `client-confidential-asymmetric`, RFC 7517, RFC 9111.
//! Whoever asks for tokens cannot make this gateway ask a client's host more often than [`PAUSE`] and
//! the client's own word say, and one question at a time is under way to each. A set is used no longer
//! than its owner lets it be kept, whatever becomes of the owner's host; from half of that time on a
//! new one is looked for. It must not tell anybody but the log why there is none.

pub mod discovery;
pub mod fetch;
pub mod guard;

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use self::fetch::Fetcher;
use crate::{
    authenticate::{
        jose::{
            self, Refusal,
            address::KeyAddress,
            claims::SKEW,
            key::{Algorithm, KeySet},
        },
        registry::{Client, ClientKeys, Registry},
    },
    domain::moment::Moment,
};

/// A set counts for so long though its owner says `no-store`: what arrives together shares one answer.
pub const SHORTEST: Duration = Duration::from_secs(1);
/// And for no longer than this, whatever its owner says: so soon is a key gone that is taken away.
pub const LONGEST: Duration = Duration::from_hours(1);
/// From a question that failed, or that was asked for a key of a name not met yet, to the next one.
pub const PAUSE: Duration = Duration::from_secs(10);

/// The keys of all clients that publish them.
#[derive(Default)]
pub struct PublishedKeys {
    clients: HashMap<Arc<str>, Arc<Publisher>>,
}

impl PublishedKeys {
    /// Of the clients that are registered with an address; nothing is asked yet.
    pub fn new(registry: &Registry, fetcher: &Arc<Fetcher>) -> Self {
        let publisher = |client: &Arc<Client>| match client.keys() {
            ClientKeys::Absent | ClientKeys::Registered(_) => None,
            ClientKeys::Published { address, algorithms } => {
                let publisher = Publisher {
                    client: Arc::clone(client.id()),
                    address: address.clone(),
                    algorithms: algorithms.clone(),
                    fetcher: Arc::clone(fetcher),
                    kept: Mutex::default(),
                    flight: tokio::sync::Mutex::default(),
                };
                Some((Arc::clone(client.id()), Arc::new(publisher)))
            }
        };
        Self { clients: registry.clients().filter_map(publisher).collect() }
    }

    /// The keys that can tell whether a client made this assertion.
    pub(super) async fn of(
        &self,
        client: &Client,
        assertion: &str,
        now: Moment,
    ) -> Result<Arc<KeySet>, Refusal> {
        match (client.keys(), self.clients.get(client.id())) {
            (ClientKeys::Registered(keys), _) => Ok(Arc::clone(keys)),
            (ClientKeys::Published { address, .. }, Some(publisher)) => {
                let kid = jose::claimed_key(assertion, address.url())?;
                publisher.keys(kid, now).await
            }
            (ClientKeys::Published { .. }, None) | (ClientKeys::Absent, _) => Err(ABSENT),
        }
    }
}

const ABSENT: Refusal = Refusal::Invalid("the client's keys cannot be fetched");

/// One client that publishes its keys.
struct Publisher {
    client: Arc<str>,
    address: KeyAddress,
    algorithms: Vec<Algorithm>,
    fetcher: Arc<Fetcher>,
    kept: Mutex<Kept>,
    /// Held while the client's host is asked.
    flight: tokio::sync::Mutex<()>,
}

#[derive(Default)]
struct Kept {
    set: Option<Set>,
    /// The last question, and whether nothing came of it.
    asked: Option<(Moment, bool)>,
}

/// A set, and when it was asked for.
struct Set {
    keys: Arc<KeySet>,
    since: Moment,
    life: Duration,
}

/// What to do for a key.
enum Step {
    Use(Arc<KeySet>),
    Fetch,
    Refuse,
}

impl Kept {
    fn step(&self, kid: &str, now: Moment) -> Step {
        let resting = |failed_only: bool| {
            self.asked
                .is_some_and(|(at, failed)| (failed || !failed_only) && within(at, PAUSE, now))
        };
        match &self.set {
            Some(set) if within(set.since, set.life, now) => {
                let is_known = set.keys.has(kid);
                let is_young = within(set.since, set.life / 2, now);
                if (is_known && is_young) || resting(is_known) {
                    Step::Use(Arc::clone(&set.keys))
                } else {
                    Step::Fetch
                }
            }
            Some(_) | None if resting(true) => Step::Refuse,
            Some(_) | None => Step::Fetch,
        }
    }
}

/// Is `now` before `since` and `life`, by a clock that was not put back?
fn within(since: Moment, life: Duration, now: Moment) -> bool {
    now < since.plus(life) && since <= now.plus(SKEW)
}

impl Publisher {
    async fn keys(self: &Arc<Self>, kid: String, now: Moment) -> Result<Arc<KeySet>, Refusal> {
        let step = self.kept().step(&kid, now);
        if let Step::Fetch = step {
            let (this, kid) = (Arc::clone(self), kid.clone());
            // A task of its own: whoever hangs up must not leave a question half asked.
            let flight = tokio::spawn(async move {
                let _alone = this.flight.lock().await;
                let step = this.kept().step(&kid, now);
                if let Step::Fetch = step {
                    this.renew(now).await;
                }
            });
            flight.await.map_err(|_| ABSENT)?;
        }
        let step = self.kept().step(&kid, now);
        match step {
            Step::Use(keys) => Ok(keys),
            Step::Fetch | Step::Refuse => Err(ABSENT),
        }
    }

    async fn renew(&self, now: Moment) {
        let set = self.fetched(now).await;
        let mut kept = self.kept();
        kept.asked = Some((now, set.is_err()));
        match set {
            Ok(set) => kept.set = Some(set),
            Err(reason) => {
                drop(kept);
                tracing::warn!(client = &*self.client, reason, "no new keys of a client");
            }
        }
    }

    async fn fetched(&self, now: Moment) -> Result<Set, &'static str> {
        let fetched = self.fetcher.fetch(&self.address).await?;
        let url = Arc::clone(self.address.url());
        let keys = Arc::new(KeySet::published(&fetched.set, url, &self.algorithms)?);
        Ok(Set { keys, since: now, life: fetched.life.clamp(SHORTEST, LONGEST) })
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
