//! The audit log: what is durable stays, what is damaged is found, what is forgotten is gone.

mod event;
pub(crate) mod failing;
mod open;
mod reviews;
mod rows;
mod verify;
mod waiting;

use std::{
    fs,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
};

use mylife::{
    audit::{
        checkpoint::Signer,
        log::{Disk, FileDisk, Log, LogKeys},
        record::{Basis, Caller, Entry, Interaction, Labels, Outcome, Query, Resources},
        segment,
    },
    chance::SeededChance,
    clock::FixedClock,
    domain::{class::Class, moment::Moment, theme::Theme},
    error::Result,
    seal::audit::AuditKey,
};
use zeroize::Zeroizing;

pub(crate) const NOW: Moment = Moment::from_millis(1_790_000_000_000);

/// A directory that goes when the test does.
pub(crate) struct Dir(PathBuf);

impl Dir {
    pub(crate) fn new() -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let name = format!("mylife-audit-{}-{number}", std::process::id());
        let path = std::env::temp_dir().join(name);
        drop(fs::remove_dir_all(&path));
        Self(path)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    /// The first segment up to its last record, without the zeros laid out for more.
    pub(crate) fn written(&self) -> Vec<u8> {
        let mut bytes = fs::read(segment::path(self.path(), 1)).unwrap();
        bytes.truncate(bytes.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1));
        bytes
    }

    pub(crate) fn open(&self) -> Log {
        self.try_open().unwrap()
    }

    pub(crate) fn try_open(&self) -> Result<Log> {
        Log::inline(&self.0, keys(), Arc::new(FileDisk), clock(), chance())
    }

    pub(crate) fn threaded(&self, disk: Arc<dyn Disk>) -> Log {
        Log::open_on(&self.0, keys(), disk, clock(), chance()).unwrap()
    }
}

impl Drop for Dir {
    fn drop(&mut self) {
        drop(fs::remove_dir_all(&self.0));
    }
}

pub(crate) fn clock() -> Arc<FixedClock> {
    Arc::new(FixedClock::new(NOW))
}

fn chance() -> Arc<SeededChance> {
    Arc::new(SeededChance::new(7))
}

pub(crate) fn signer() -> Signer {
    Signer::from_seed("mylife.example/audit/297", &[3; 32]).unwrap()
}

pub(crate) fn keys() -> LogKeys {
    LogKeys {
        node_key: Zeroizing::new([1; 32]),
        receipt_key: Zeroizing::new([2; 32]),
        signer: signer(),
    }
}

pub(crate) fn aino() -> AuditKey {
    AuditKey::new("297.aino", [10; 32])
}

pub(crate) fn eero() -> AuditKey {
    AuditKey::new("297.eero", [11; 32])
}

/// Knows the keys of Aino, Eero and the node.
pub(crate) fn all_keys(id: &str) -> Option<[u8; 32]> {
    match id {
        "297.aino" => Some([10; 32]),
        "297.eero" => Some([11; 32]),
        AuditKey::NODE | AuditKey::REVIEWS => Some([1; 32]),
        _ => None,
    }
}

pub(crate) fn no_keys(_: &str) -> Option<[u8; 32]> {
    None
}

/// A portal reads an assessment of Aino.
pub(crate) fn entry(request: &str) -> Entry<'_> {
    Entry {
        at: NOW,
        request: request.into(),
        address: "192.0.2.7".into(),
        caller: Caller {
            client: "national-portal".into(),
            issuer: None,
            organization: Some("urn:oid:1.2.246.10.1".into()),
            subject: Some("u-77".into()),
            role: Some("case-manager".into()),
            act: vec!["urn:oid:1.2.246.10.2".into()],
            jti: Some("j-1".into()),
        },
        purpose: Some("CAREMGT".into()),
        basis: vec![Basis::Consent { id: "297.consent".into(), version: 2 }],
        interaction: Interaction::Read,
        types: vec!["QuestionnaireResponse".into()],
        query: None,
        resources: Resources::Listed(vec!["QuestionnaireResponse/297.a".into()]),
        labels: Labels {
            themes: [Theme::Housing].into_iter().collect(),
            classes: [Class::FreeText].into_iter().collect(),
            ..Labels::default()
        },
        patient: Some("297.aino".into()),
        outcome: Outcome::Success,
        sources: vec!["297".into()],
        emergency: None,
        review: None,
        notice: None,
        consent: None,
    }
}

/// A search that looked for an identity code.
pub(crate) fn search(request: &str) -> Entry<'_> {
    let query = [("patient.identifier", "urn:oid:1.2.246.21|010101-900A"), ("status", "active")];
    Entry { interaction: Interaction::SearchType, query: Some(Query::of(query)), ..entry(request) }
}

/// Appends `count` records in one batch each.
pub(crate) fn fill(log: &Log, count: usize) {
    for n in 0..count {
        let payload = entry(&format!("r{n}")).to_payload().unwrap();
        let key = if n % 2 == 0 { aino() } else { eero() };
        block_on(log.append(&key, &payload)).unwrap();
    }
}

/// Runs a future that needs no runtime.
pub(crate) fn block_on<F: Future>(future: F) -> F::Output {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(future)
}
