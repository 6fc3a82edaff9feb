//! A store of chosen ids in memory: what commits would have left, of a [`World`].

use std::{
    collections::BTreeMap,
    sync::{
        Arc, LazyLock, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};

use aws_lc_rs::digest::{SHA256, digest};
use mylife::{
    chance::SeededChance,
    domain::{
        moment::Moment,
        part::{Content, Parts, of_assessment, of_person, of_plan},
        person::Named,
    },
    error::{Error, Result},
    seal::Keys,
    store::{
        Change, Changes, Committed, Document, DocumentKind, IdentityMac, Job, Outgoing, Permission,
        Place, Revocations, Store, Stored, Subscription, Task, Walked, subscription::State,
    },
};
use serde::Serialize;
use serde_json::{Value, json};

use super::world::{Somebody, World, day, document, patient};

/// Keys of the gateways under test.
pub(super) static KEYS: LazyLock<Arc<Keys>> = LazyLock::new(|| {
    let master = std::array::from_fn(|n| u8::try_from(n * 7).unwrap());
    Arc::new(Keys::from_master(&master, Arc::new(SeededChance::new(3))).unwrap())
});

/// When each version of a document was committed; the last one may be much later.
pub(super) fn committed(letter: char, number: usize, version: usize) -> Moment {
    let first = match letter {
        'p' => 5,
        'a' => 45,
        _ => 60,
    };
    day(u8::try_from(first + number + version * 10).unwrap())
}

/// A world as stored.
pub(super) struct Shelf {
    people: Mutex<BTreeMap<String, Stored>>,
    places: Mutex<BTreeMap<String, String>>,
    identities: Vec<([u8; 32], String)>,
    jobs: Mutex<Vec<Job>>,
    /// How many documents were given to who looks back.
    looked_at: AtomicUsize,
}

impl Shelf {
    pub(super) fn of(world: &World) -> Self {
        let mut shelf = Self {
            people: Mutex::default(),
            places: Mutex::default(),
            identities: Vec::new(),
            jobs: Mutex::default(),
            looked_at: AtomicUsize::new(0),
        };
        for (at, one) in world.people.iter().enumerate() {
            shelf.add(at, one);
        }
        shelf
    }

    fn add(&mut self, whose: usize, one: &Somebody) {
        let id = patient(whose);
        let mut documents = stored('p', whose, 0, &one.person, of_person);
        for (number, versions) in one.assessments.iter().enumerate() {
            documents.extend(stored('a', whose, number, versions, of_assessment));
        }
        for (number, versions) in one.plans.iter().enumerate() {
            documents.extend(stored('w', whose, number, versions, of_plan));
        }
        for (number, wish) in one.consents.iter().enumerate() {
            let versions = [("active", Some(wish.recorded)), ("inactive", wish.revoked)];
            for ((status, at), version) in versions.into_iter().zip(1..) {
                let Some(at) = at else { continue };
                documents.push(Document {
                    id: document('c', whose, number).into(),
                    kind: DocumentKind::Consent,
                    owner: wish.writer.into(),
                    local_id: format!("c{number}").into(),
                    version,
                    recorded: day(at),
                    parts: Arc::from(&b"{}"[..]),
                    body: bytes(&wish.body(whose, status)),
                });
            }
        }
        for of in &documents {
            self.places.lock().unwrap().insert(of.id.to_string(), id.clone());
        }
        if let Some(code) = one.person.last().and_then(|p| p.identity_code.as_ref()) {
            // One code for all would find the first alone; the others are found by nobody.
            if whose == 0 {
                self.identities.push((KEYS.identity_mac(code.reveal()).0, id.clone()));
            }
        }
        let changed = documents.iter().map(|d| d.recorded).max().unwrap();
        let stored = Stored {
            patient: id.as_str().into(),
            version: 1,
            changed,
            audit_key: [7; 32],
            documents,
        };
        self.people.lock().unwrap().insert(id, stored);
    }

    /// How many documents were given to who looks back, since that was last asked.
    pub(super) fn looked_at(&self) -> usize {
        self.looked_at.swap(0, Ordering::Relaxed)
    }

    /// Every version of the documents of a person that are meant.
    fn look_back(&self, patient: &str, is_meant: impl Fn(&Document) -> bool) -> Option<Stored> {
        let mut stored = self.people.lock().unwrap().get(patient).cloned()?;
        stored.documents.retain(is_meant);
        self.looked_at.fetch_add(stored.documents.len(), Ordering::Relaxed);
        Some(stored)
    }

    /// What is held of a person: the newest of each document.
    fn newest(&self, patient: &str) -> Option<Stored> {
        let mut stored = self.people.lock().unwrap().get(patient).cloned()?;
        let all = stored.documents.clone();
        let newest = |d: &Document| !all.iter().any(|o| o.id == d.id && o.version > d.version);
        stored.documents.retain(|d| d.kind == DocumentKind::Consent || newest(d));
        Some(stored)
    }
}

fn bytes(value: &impl Serialize) -> Arc<[u8]> {
    serde_json::to_vec(value).unwrap().into()
}

/// The versions of a document, each with the parts that those up to it left.
fn stored<T: Serialize>(
    letter: char,
    whose: usize,
    number: usize,
    versions: &[T],
    content: impl Fn(&T) -> Content,
) -> Vec<Document> {
    let mut earlier: Option<(Parts, Content)> = None;
    let mut all = Vec::new();
    for (at, version) in versions.iter().enumerate() {
        let content = content(version);
        let before = earlier.as_ref().map(|(parts, content)| (parts, content));
        let recorded = committed(letter, number, at);
        let parts = Parts::next(before, &content, recorded, &SeededChance::new(0));
        all.push(Document {
            id: document(letter, whose, number).into(),
            kind: match letter {
                'p' => DocumentKind::Person,
                'a' => DocumentKind::Assessment,
                _ => DocumentKind::Plan,
            },
            owner: "source".into(),
            local_id: format!("{letter}{number}").into(),
            version: u64::try_from(at + 1).unwrap(),
            recorded,
            parts: bytes(&named(&parts)),
            body: mylife::native::canonical(version).unwrap().into(),
        });
        earlier = Some((parts, content));
    }
    all
}

/// Suffixes that follow from the key, as chance may not depend on what else there is.
fn named(parts: &Parts) -> Value {
    let mut stored = json!(parts);
    for part in stored[1].as_array_mut().unwrap() {
        part[1] = json!(suffix(part[0].as_str().unwrap()));
    }
    stored
}

/// The random end of the id of a part.
pub(super) fn suffix(key: &str) -> String {
    let hash = digest(&SHA256, key.as_bytes());
    hash.as_ref().iter().take(5).map(|b| format!("{b:02x}")).collect()
}

fn now<T: Send + 'static>(value: T) -> Task<T> {
    let value: Result<T> = Ok(value);
    Box::pin(std::future::ready(value))
}

fn never<T: Send + 'static>() -> Task<T> {
    Box::pin(std::future::ready(Err(Error::unavailable("these stores are read"))))
}

impl Store for Shelf {
    fn load(&self, patient: &str) -> Task<Option<Stored>> {
        now(self.newest(patient))
    }
    fn load_one(&self, patient: &str, _: &str, _: DocumentKind, _: &str) -> Task<Option<Stored>> {
        now(self.newest(patient))
    }
    fn naming(&self, _: &str) -> Task<Vec<(Arc<str>, Named)>> {
        // None of the plans is about others.
        now(Vec::new())
    }
    fn history(&self, patient: &str) -> Task<Option<Stored>> {
        now(self.look_back(patient, |_| true))
    }
    fn history_of(&self, patient: &str, documents: Vec<Arc<str>>) -> Task<Option<Stored>> {
        now(self.look_back(patient, |held| {
            held.kind == DocumentKind::Person || documents.contains(&held.id)
        }))
    }
    fn find(&self, identity: IdentityMac) -> Task<Option<Arc<str>>> {
        let found = self.identities.iter().find(|(mac, _)| *mac == identity.0);
        now(found.map(|(_, patient)| patient.as_str().into()))
    }
    fn local(&self, _: &str, _: DocumentKind, _: &str) -> Task<Option<Place>> {
        never()
    }
    fn place(&self, document: &str) -> Task<Option<Place>> {
        let places = self.places.lock().unwrap();
        let place = places
            .get(document)
            .map(|patient| Place { patient: patient.as_str().into(), document: document.into() });
        now(place)
    }
    fn walk(&self, after: Option<&str>, limit: usize) -> Task<Vec<Walked>> {
        let after = after.unwrap_or("");
        let people = self.people.lock().unwrap();
        let people = people.values().filter(|s| &*s.patient > after).take(limit);
        let walked = people.map(|s| Walked {
            patient: Arc::clone(&s.patient),
            version: s.version,
            changed: s.changed,
        });
        now(walked.collect::<Vec<_>>())
    }
    fn commit(&self, change: Change) -> Task<Committed> {
        let mut people = self.people.lock().unwrap();
        let stored = people.get_mut(&*change.patient).expect("somebody who is held");
        assert_eq!(stored.version, change.based_on, "one writes at a time");
        stored.version += 1;
        stored.changed = change.now;
        let places =
            change.documents.iter().map(|one| (one.id.to_string(), change.patient.to_string()));
        self.places.lock().unwrap().extend(places);
        stored.documents.extend(change.documents);
        now(Committed { version: stored.version, record: i64::try_from(stored.version).unwrap() })
    }
    fn changes(&self, _: i64, _: usize) -> Task<Changes> {
        never()
    }
    fn spend(&self, _: [u8; 32], _: Moment, _: Moment) -> Task<bool> {
        never()
    }
    fn revoke(&self, _: [u8; 32], _: Moment, _: Moment) -> Task<()> {
        never()
    }
    fn revoked(&self, _: i64) -> Task<Revocations> {
        Box::pin(async { Ok(Revocations::default()) })
    }
    fn permit(&self, _: Permission, _: Moment) -> Task<bool> {
        never()
    }
    fn permissions(&self, _: IdentityMac, _: Option<Arc<str>>, _: Moment) -> Task<Vec<Permission>> {
        never()
    }
    fn unrecorded(&self) -> Task<Vec<(i64, Arc<[u8]>)>> {
        never()
    }
    fn recorded(&self, _: Vec<i64>) -> Task<()> {
        now(())
    }
    fn owed(&self, _: usize) -> Task<Vec<(i64, Outgoing)>> {
        never()
    }
    fn owe(&self, _: Vec<Outgoing>) -> Task<Vec<i64>> {
        never()
    }
    fn delivered(&self, _: i64) -> Task<()> {
        never()
    }
    fn begin_job(&self, job: Job, _: usize, _: Moment) -> Task<bool> {
        self.jobs.lock().unwrap().push(job);
        now(true)
    }
    fn job(&self, id: &str, at: Moment) -> Task<Option<Job>> {
        let jobs = self.jobs.lock().unwrap();
        now(jobs.iter().find(|job| *job.id == *id && job.until > at).cloned())
    }
    fn end_job(&self, id: &str) -> Task<()> {
        self.jobs.lock().unwrap().retain(|job| *job.id != *id);
        now(())
    }
    fn put_subscription(&self, _: Subscription, _: Option<Vec<Arc<str>>>, _: usize) -> Task<bool> {
        never()
    }
    fn subscription(&self, _: &str) -> Task<Option<Subscription>> {
        never()
    }
    fn subscriptions_of(&self, _: &str) -> Task<Vec<Subscription>> {
        never()
    }
    fn count_subscriptions(&self) -> Task<Vec<(State, u64)>> {
        never()
    }
    fn due_subscriptions(&self, _: Moment, _: usize) -> Task<Vec<Subscription>> {
        never()
    }
    fn looked_at(&self, _: &Subscription, _: Moment) -> Task<()> {
        never()
    }
    fn touch(&self, _: Option<Vec<Arc<str>>>) -> Task<()> {
        never()
    }
    fn end_subscription(&self, _: &str) -> Task<()> {
        never()
    }
}
