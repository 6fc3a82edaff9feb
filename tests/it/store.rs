//! The store's world: every implementation, and the small changes the stories are made of.
//!
//! `contract`, `model` and `race` run against every implementation: here on `SQLite`, in `server` on
//! `PostgreSQL`. The other files test what one of them alone can show.

use std::{
    fs,
    num::NonZeroUsize,
    path::{Path, PathBuf},
    sync::Arc,
};

use mylife::{
    chance::{Chance, SeededChance, SystemChance, base32},
    domain::{id::NodeCode, moment::Moment},
    error::Result,
    seal::Keys,
    store::{
        Change, Document, DocumentKind, IdentityMac, Outgoing, Permission, Store,
        sqlite::{Options, Sqlite},
    },
};

mod bound;
mod contract;
mod crash;
mod damage;
mod former;
mod model;
mod race;
pub(crate) mod server;
mod sqlite;
mod subscriptions;

/// A directory of a test's own, gone when the test is over.
struct Directory(PathBuf);

impl Directory {
    fn new(name: &str) -> Self {
        let own = format!("{name}-{}", base32(&SystemChance, 12));
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(own);
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    fn path(&self) -> &Path {
        &self.0
    }

    fn file(&self) -> PathBuf {
        self.0.join(mylife::store::sqlite::FILE)
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        drop(fs::remove_dir_all(&self.0));
    }
}

/// Keys that are the same for the same seed.
pub(crate) fn keys(seed: u64) -> Arc<Keys> {
    let mut master = [0; 32];
    SeededChance::new(seed).fill(&mut master);
    Arc::new(Keys::from_master(&master, Arc::new(SystemChance)).unwrap())
}

fn options(directory: &Path) -> Options {
    Options {
        directory: directory.to_path_buf(),
        node: NodeCode::parse("297").unwrap(),
        keys: keys(1),
        chance: Arc::new(SystemChance),
        readers: NonZeroUsize::new(2).unwrap(),
    }
}

fn sqlite(directory: &Path) -> Arc<dyn Store> {
    Arc::new(Sqlite::open(options(directory)).unwrap())
}

/// Runs a story on a new store of one machine, on one thread. `server` runs the same stories on
/// stores of the other kind.
fn every(name: &str, story: impl AsyncFn(Arc<dyn Store>)) {
    let directory = Directory::new(name);
    on_one_thread(story(sqlite(directory.path())));
}

fn on_one_thread<T>(story: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(story)
}

fn at(seconds: i64) -> Moment {
    Moment::from_millis(seconds * 1000)
}

/// A change of nothing but the version.
pub(crate) fn change(patient: &str, based_on: u64) -> Change {
    Change {
        patient: patient.into(),
        based_on,
        identity: None,
        now: at(i64::try_from(based_on).unwrap()),
        documents: Vec::new(),
        most: usize::MAX,
        names: Vec::new(),
        record: format!("{patient} {based_on}").into_bytes().into(),
        outbox: Vec::new(),
    }
}

/// A change that writes one document.
fn writes(patient: &str, based_on: u64, document: Document) -> Change {
    Change { documents: vec![document], ..change(patient, based_on) }
}

/// An assessment of the one owner; local id and content follow from id and version.
fn assessment(id: &str, version: u64) -> Document {
    Document {
        id: id.into(),
        kind: DocumentKind::Assessment,
        owner: "survey-desk".into(),
        local_id: format!("local of {id}").into(),
        version,
        recorded: at(i64::try_from(version).unwrap()),
        parts: format!("parts of {id} {version}").into_bytes().into(),
        body: format!("body of {id} {version}").into_bytes().into(),
    }
}

fn consent(id: &str, version: u64) -> Document {
    Document { kind: DocumentKind::Consent, ..assessment(id, version) }
}

fn message(peer: &str, key: &str) -> Outgoing {
    let body = format!("body for {peer} {key}").into_bytes().into();
    Outgoing { key: key.into(), peer: peer.into(), body }
}

/// A permission by its number, of a giver, about somebody.
fn permission(number: u8, giver: Option<u8>, patient: &str, until: i64) -> Permission {
    Permission {
        name: [number; 32],
        giver: giver.map(|giver| IdentityMac([giver; 32])),
        patient: patient.into(),
        until: at(until),
        used: at(0),
        body: format!("what {number} permits").into_bytes().into(),
    }
}

/// Documents of a person, as the store has them.
async fn documents(store: &dyn Store, patient: &str) -> Result<Vec<Document>> {
    Ok(store.load(patient).await?.map(|stored| stored.documents).unwrap_or_default())
}
