//! The keys that clients and other issuers publish themselves: fetched when they are needed, kept while
//! they may be.
//!
//! Part of `oauth`. Sources: SMART App Launch 2.2 `client-confidential-asymmetric`, RFC 7517, RFC 9111.
//! Whoever asks cannot make this gateway ask the host of another more often than [`PAUSE`] and the word of
//! that other say, and one question at a time is under way to each. A set is used no longer
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
            key::{Algorithm, KeySet, with_algorithm},
        },
        registry::{Client, ClientKeys, Registry},
    },
    domain::moment::Moment,
};

/// A set counts for so long though its owner says `no-store`: what arrives together shares one answer.
const SHORTEST: Duration = Duration::from_secs(1);
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
            ClientKeys::Absent | ClientKeys::Certified(_) | ClientKeys::Registered(_) => None,
            ClientKeys::Published { address, algorithms } => {
                let (id, place) = (Arc::clone(client.id()), Place::At(address.clone()));
                let publisher = Publisher::new(Arc::clone(&id), place, algorithms.clone(), fetcher);
                Some((id, Arc::new(publisher)))
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
                let kid = jose::claimed_key(assertion, Some(address.url()))?;
                publisher.keys(kid, now).await
            }
            (ClientKeys::Published { .. }, None)
            | (ClientKeys::Absent | ClientKeys::Certified(_), _) => Err(ABSENT),
        }
    }
}

/// What there is where keys cannot be fetched.
const ABSENT: Refusal = Refusal::Invalid("the keys cannot be fetched");

/// Where keys are published.
pub(super) enum Place {
    /// At a registered address.
    At(KeyAddress),
    /// Where this issuer says they are.
    Discovered(Arc<str>),
}

/// One who publishes keys.
pub(super) struct Publisher {
    /// A client, or an issuer by its short name.
    owner: Arc<str>,
    place: Place,
    algorithms: Vec<Algorithm>,
    /// Has a key that names no algorithm the only one there can be?
    completes: bool,
    fetcher: Arc<Fetcher>,
    kept: Mutex<Kept>,
    /// Held while the owner's host is asked.
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
    /// Nothing is asked yet.
    pub(super) fn new(
        owner: Arc<str>,
        place: Place,
        algorithms: Vec<Algorithm>,
        fetcher: &Arc<Fetcher>,
    ) -> Self {
        let (kept, flight) = (Mutex::default(), tokio::sync::Mutex::default());
        let (fetcher, completes) = (Arc::clone(fetcher), false);
        Self { owner, place, algorithms, completes, fetcher, kept, flight }
    }

    /// The same of one whose keys need not name the only algorithm there can be.
    pub(super) fn that_completes(self) -> Self {
        Self { completes: true, ..self }
    }

    /// The keys, looked for anew where none of them is called `kid`, if that may be asked again.
    ///
    /// # Errors
    /// If there are none that may be used.
    pub(super) async fn keys(
        self: &Arc<Self>,
        kid: String,
        now: Moment,
    ) -> Result<Arc<KeySet>, Refusal> {
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

    /// Are there any keys, asked now?
    pub(super) async fn look(&self, now: Moment) -> Result<(), &'static str> {
        let set = self.fetched(now).await?;
        if set.keys.algorithms().is_empty() {
            Err("it publishes no key that counts")
        } else {
            Ok(())
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
                tracing::warn!(owner = &*self.owner, reason, "no new keys of a client or issuer");
            }
        }
    }

    async fn fetched(&self, now: Moment) -> Result<Set, &'static str> {
        let address = match &self.place {
            Place::At(address) => address.clone(),
            Place::Discovered(issuer) => {
                let said = discovery::document(&self.fetcher, issuer).await?;
                discovery::endpoint(&said, "jwks_uri")?
            }
        };
        let fetched = self.fetcher.fetch(&address).await?;
        let url = Arc::clone(address.url());
        let set = if self.completes {
            with_algorithm(fetched.set, &self.algorithms)
        } else {
            fetched.set
        };
        let keys = Arc::new(KeySet::published(&set, url, &self.algorithms)?);
        Ok(Set { keys, since: now, life: fetched.life.clamp(SHORTEST, LONGEST) })
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
