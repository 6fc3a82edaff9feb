//! The gateway's own data: the store behind a cache of decoded compartments.
//!
//! A slot is made before the store is read; a commit marks the slot before it is acknowledged, and a
//! load that finds its slot marked loads again. Where other processes write the same store a follower
//! marks slots for them, a little later: what is loaded is then as of the instant that
//! [`Local::known_current`] gave before. The cache is bounded in bytes.

use std::{collections::BTreeSet, convert::Infallible, sync::Arc, time::Duration};

use quick_cache::sync::Cache;
use tokio::sync::Notify;

use crate::{
    compartment::Compartment,
    domain::person::Named,
    error::{Error, Kind, Result},
    source::{
        Held, Member,
        commits::{Commits, Ground},
        follower::Follower,
        past::{Past, others},
        slot::{self, Loaded, Slot, Slots},
    },
    store::{Change, Committed, DocumentKind, IdentityMac, Place, Store, Stored, Walked},
};

/// Whose data beside their own are about somebody.
pub struct Naming {
    /// Ids of the Patients.
    pub patients: BTreeSet<Arc<str>>,
    /// As whom they are named there.
    pub names: Arc<[Named]>,
}

/// The gateway's own data.
pub struct Local {
    store: Arc<dyn Store>,
    custodian: Arc<str>,
    slots: Slots,
    places: Cache<Arc<str>, Place>,
    /// The Patient of whom an owner knows by an id of its own.
    people: Cache<(Arc<str>, Arc<str>), Arc<str>>,
    commits: Commits,
    committed: Notify,
    follower: Option<Follower>,
}

impl Local {
    /// `bytes` bounds the cache.
    pub fn new(store: Arc<dyn Store>, custodian: Arc<str>, bytes: u64) -> Self {
        let slots = slot::cache(bytes);
        // An id and its place are a few hundred bytes; the bound follows that of the compartments.
        let entries = usize::try_from(bytes / 1024).unwrap_or(usize::MAX).max(1024);
        let (places, people) = (Cache::new(entries), Cache::new(entries));
        let commits = Commits::default();
        let follower = store.is_shared().then(Follower::new);
        let committed = Notify::new();
        Self { store, custodian, slots, places, people, commits, committed, follower }
    }

    /// Forgets everything that was read, to be mapped and decided about anew.
    pub fn clear(&self) {
        self.slots.clear();
    }

    /// The organisation that holds the data, `urn:oid:...`.
    pub fn custodian(&self) -> &str {
        &self.custodian
    }

    /// Up to when what is kept here is known to be what is stored, on the monotonic clock, where it is
    /// `now`. Asked before anything is loaded: what is loaded afterwards is at least as new.
    ///
    /// # Errors
    /// `Unavailable` when the store was not heard of for too long.
    pub fn known_current(&self, now: Duration) -> Result<Duration> {
        self.follower.as_ref().map_or(Ok(now), |follower| follower.known(now))
    }

    /// Takes in what other processes committed; `now` is that of the monotonic clock. Where no other
    /// process writes the store there is nothing to do.
    ///
    /// # Errors
    /// `Unavailable` when the store cannot be read.
    pub async fn follow(&self, now: Duration) -> Result<()> {
        match &self.follower {
            None => Ok(()),
            Some(follower) => {
                let mark = |patient: Option<&str>| match patient {
                    Some(patient) => self.mark(patient),
                    None => self.mark_all(),
                };
                follower.round(&self.store, now, mark).await
            }
        }
    }

    /// What is held of a person, by Patient id.
    ///
    /// # Errors
    /// `Unavailable` when the store, or something it holds of the person, cannot be read.
    pub async fn load(&self, patient: &str) -> Result<Option<Held>> {
        let Some((compartment, mut ground)) = self.alone(patient).await? else { return Ok(None) };
        let mut members = Arc::default();
        if compartment.is_shared {
            // Of what is about several no ground is told: nothing that rests on it may last.
            ground = Ground::NONE;
            members = Box::pin(self.members(compartment.others())).await?;
        }
        Ok(Some(Held { compartment, members, ground, about: None }))
    }

    /// Whose data beside their own are about a person. Asked of the store each time: a replica hears of
    /// changes by the person whose data they are in.
    ///
    /// # Errors
    /// `Unavailable` when the store cannot be read.
    pub async fn naming(&self, patient: &str) -> Result<Naming> {
        let (mut patients, mut names) = (BTreeSet::new(), BTreeSet::new());
        for (whose, named) in self.store.naming(patient).await? {
            // Of two names of one person one may stand in the other's plan.
            if *whose != *patient {
                patients.insert(whose);
                names.insert(named);
            }
        }
        Ok(Naming { patients, names: names.into_iter().collect() })
    }

    /// What is held of a person, and what others' data hold about them. What is answered of it may be
    /// given again only where every commit that names the person is seen.
    ///
    /// # Errors
    /// As [`Local::load`].
    pub async fn load_about(&self, own: Held) -> Result<Vec<Held>> {
        let Naming { patients, names } = self.naming(&own.compartment.patient).await?;
        // Other processes tell of whose data change, not of whom those are about.
        let ground = if self.follower.is_some() { Ground::NONE } else { own.ground };
        let mut all = vec![Held { ground, ..own }];
        for whose in patients {
            let held = self.load(&whose).await?;
            all.extend(held.map(|held| Held { about: Some(Arc::clone(&names)), ..held }));
        }
        Ok(all)
    }

    /// The others whom somebody's data are about. Whom nobody knows any more is there without data.
    async fn members(&self, named: BTreeSet<Named>) -> Result<Arc<[Member]>> {
        let mut all = Vec::new();
        for named in named {
            let (owner, local) = (&named.owner, &named.local);
            let compartment = match self.person(owner, local).await? {
                Some(patient) => self.alone(&patient).await?.map(|(compartment, _)| compartment),
                None => None,
            };
            all.push(Member { named, compartment });
        }
        Ok(all.into())
    }

    /// What is held of a person, without the others whom it is about.
    async fn alone(&self, patient: &str) -> Result<Option<(Arc<Compartment>, Ground)>> {
        loop {
            // Before the slot is found: a commit counts before it marks the slot and after.
            let ground = self.commits.ground(patient);
            let slot = self.slot(patient);
            if slot.is_marked() {
                self.forget(patient, &slot);
                continue;
            }
            if let Some(loaded) = slot.loaded() {
                self.weigh(patient, &slot, loaded);
                let compartment = loaded.compartment.clone();
                return Ok(compartment.map(|compartment| (compartment, ground)));
            }
            let _one = slot.one.lock().await;
            if !slot.is_empty() || slot.is_marked() {
                continue;
            }
            let before = self.commits.ground(patient);
            let stored = self.store.load(patient).await.map_err(unreadable)?;
            let compartment = match &stored {
                None => None,
                Some(stored) => Some(Arc::new(Compartment::decode(stored, &self.custodian)?)),
            };
            let is_so = self.put(patient, Loaded { compartment: compartment.clone(), before });
            // Whoever waits for it finds the other.
            slot.mark();
            if is_so {
                return Ok(compartment.map(|compartment| (compartment, before)));
            }
        }
    }

    /// What would be held of a person, to be released to its writer before it is stored.
    ///
    /// # Errors
    /// As [`Local::load`].
    pub async fn supposed(&self, stored: &Stored) -> Result<Held> {
        let compartment = Arc::new(Compartment::decode(stored, &self.custodian)?);
        let mut members = Arc::default();
        if compartment.is_shared {
            members = Box::pin(self.members(compartment.others())).await?;
        }
        Ok(Held { compartment, members, ground: Ground::NONE, about: None })
    }

    /// What is held of a person as the store has it now, for what a writer just wrote elsewhere.
    ///
    /// # Errors
    /// As [`Local::load`].
    pub async fn load_now(&self, patient: &str) -> Result<Option<Held>> {
        let held = self.load(patient).await?;
        if self.follower.is_none() {
            return Ok(held);
        }
        let stored = self.store.version(patient).await?;
        if stored == held.as_ref().map(Held::version) {
            return Ok(held);
        }
        self.mark(patient);
        self.load(patient).await
    }

    /// Everything that was ever held of a person; kept nowhere.
    ///
    /// # Errors
    /// `Unavailable` when the store cannot be read.
    pub async fn history(&self, patient: &str) -> Result<Option<Past>> {
        let ground = self.commits.ground(patient);
        let stored = self.store.history(patient).await.map_err(unreadable)?;
        let Some(stored) = stored else { return Ok(None) };
        let named = others(&stored.documents).map_err(unreadable)?;
        let members = self.members(named).await?;
        Ok(Some(Past::new(stored, Arc::clone(&self.custodian), members, ground)))
    }

    /// What is held of a person, and everything that was ever held of one document: with it who the person
    /// is, and of a proposal the plan it is about, as nothing is mapped without them. Kept nowhere.
    ///
    /// # Errors
    /// `Unavailable` when the store cannot be read.
    pub async fn history_of(&self, patient: &str, document: &str) -> Result<Option<(Held, Past)>> {
        let Some((compartment, ground)) = self.alone(patient).await? else { return Ok(None) };
        let of_it = compartment.proposals.iter().filter(|held| *held.id == *document);
        let plans = of_it.map(|held| Arc::from(&*held.native.plan));
        let documents = plans.chain([document.into()]).collect();
        let stored = self.store.history_of(patient, documents).await.map_err(unreadable)?;
        let Some(stored) = stored else { return Ok(None) };
        let named = others(&stored.documents).map_err(unreadable)?;
        let members = self.members(named).await?;
        let custodian = Arc::clone(&self.custodian);
        let past = Past::new(stored, custodian, Arc::clone(&members), ground);
        let past = past.within(compartment.limits);
        Ok(Some((Held { compartment, members, ground, about: None }, past)))
    }

    /// The Patient id of an identity code.
    ///
    /// # Errors
    /// `Unavailable` when the store cannot be read.
    pub async fn find(&self, identity: IdentityMac) -> Result<Option<Arc<str>>> {
        self.store.find(identity).await
    }

    /// The Patient id of whom an owner knows by an id of its own.
    ///
    /// # Errors
    /// `Unavailable` when the store cannot be read.
    pub async fn person(&self, owner: &str, local_id: &str) -> Result<Option<Arc<str>>> {
        let name = (owner.into(), local_id.into());
        if let Some(patient) = self.people.get(&name) {
            return Ok(Some(patient));
        }
        let place = self.store.local(owner, DocumentKind::Person, local_id).await?;
        // As with places.
        Ok(place.map(|Place { patient, .. }| {
            self.people.insert(name, Arc::clone(&patient));
            patient
        }))
    }

    /// The compartment that holds a document.
    ///
    /// # Errors
    /// `Unavailable` when the store cannot be read.
    pub async fn place(&self, document: &str) -> Result<Option<Arc<str>>> {
        if let Some(place) = self.places.get(document) {
            return Ok(Some(place.patient));
        }
        let place = self.store.place(document).await?;
        // Documents never move and are never forgotten while the process runs.
        Ok(place.map(|place| {
            self.places.insert(Arc::clone(&place.document), place.clone());
            place.patient
        }))
    }

    /// People in order of Patient id.
    ///
    /// # Errors
    /// `Unavailable` when the store cannot be read.
    pub async fn walk(&self, after: Option<&str>, limit: usize) -> Result<Vec<Walked>> {
        self.store.walk(after, limit).await
    }

    /// Commits one person's change. No later load gives what was there before.
    ///
    /// # Errors
    /// `Conflict` when the person changed meanwhile; `Unavailable` when the store cannot be written.
    pub async fn commit(&self, change: Change) -> Result<Committed> {
        let (patient, names) = (Arc::clone(&change.patient), change.names.clone());
        let committed = self.store.commit(change).await;
        // Also after an error: a commit whose answer was lost may have been made.
        self.mark(&patient);
        for Named { owner, local } in names {
            match self.person(&owner, &local).await {
                Ok(known) => known.into_iter().for_each(|patient| self.mark(&patient)),
                Err(_) => self.mark_all(),
            }
        }
        self.committed.notify_one();
        committed
    }

    /// Waits until something was committed here since this was last waited for; for one who waits.
    pub async fn committed(&self) {
        self.committed.notified().await;
    }

    /// Is what was loaded there still what is held?
    pub fn stands(&self, ground: &Ground) -> bool {
        self.commits.stand(ground)
    }

    /// The store itself, for what is not a compartment.
    pub fn store(&self) -> &Arc<dyn Store> {
        &self.store
    }

    /// No later load gives what was there before. Also for who finds that a change is stored already:
    /// who made it may not have come so far.
    pub fn mark(&self, patient: &str) {
        self.commits.count(patient);
        if let Some(slot) = self.slots.get(patient) {
            slot.mark();
            self.forget(patient, &slot);
        }
        self.commits.count(patient);
    }

    /// The same of everybody, at once: the store may be another than before.
    fn mark_all(&self) {
        self.commits.count_all();
        for (patient, slot) in self.slots.iter().collect::<Vec<_>>() {
            slot.mark();
            self.forget(&patient, &slot);
        }
        self.places.clear();
        self.people.clear();
        self.commits.count_all();
    }

    fn slot(&self, patient: &str) -> Arc<Slot> {
        if let Some(slot) = self.slots.get(patient) {
            return slot;
        }
        let empty = || Ok::<_, Infallible>(Slot::of(None));
        let Ok(slot) = self.slots.get_or_insert_with(&Arc::from(patient), empty);
        slot
    }

    /// Puts in a slot that nobody reads from yet, and opens it; tells whether that is what is held. A commit
    /// counts before it looks for the slot: either it finds this one, or the count has moved.
    fn put(&self, patient: &str, loaded: Loaded) -> bool {
        let before = loaded.before;
        let slot = Slot::of(Some(loaded));
        self.slots.insert(patient.into(), Arc::clone(&slot));
        let is_so = self.commits.stand(&before);
        if is_so {
            slot.open();
        } else {
            slot.mark();
        }
        is_so
    }

    /// Puts what grew since it was weighed in again, in a slot of its own: the one there
    /// was may have been dropped, and something committed that did not find it.
    fn weigh(&self, patient: &str, slot: &Slot, loaded: &Loaded) {
        if slot.grew() {
            self.put(patient, loaded.clone());
        }
    }

    fn forget(&self, patient: &str, slot: &Arc<Slot>) {
        self.slots.remove_if(patient, |now| Arc::ptr_eq(now, slot));
    }
}

/// Something of a person that cannot be read could be a consent: it is as a store that is away, so that
/// nothing is released, in the same words whatever it is.
fn unreadable(error: Error) -> Error {
    if error.kind() == Kind::Internal { Error::unavailable(error) } else { error }
}
