//! The history of the view: what a reader would have read after each change, under today's policy.
//!
//! Part of `search`. Reads views alone. States whose projections are equal are one version, so a change
//! that the reader may not see makes none; a resource of which nothing is visible is as one that is gone.
//! The instant of a version is the latest of its `lastUpdated`, the commit that made it, the version
//! before it, and the end of a permit that left it narrower. Source: design 3.2; FHIR R4 http.html#history.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use crate::{
    consent::{
        release::{former::Today, together::Other},
        sight::{Basis, Written},
        view::View,
    },
    domain::{moment::Moment, person::Named},
    fhir::{labels::Labels, types::ResourceType},
    mutant::{self, Mutant},
    query::{history::Asked, page::Sealer},
};

/// Id of a Patient, and the key of the person's audit records.
pub type Whose = (Arc<str>, [u8; 32]);

/// One version of one resource.
pub struct Version {
    /// Id of the resource.
    pub id: Arc<str>,
    /// Whose it is, and the key of the person's audit records.
    pub whose: Whose,
    /// 1, 2, 3, ... among the versions that the reader can see of it.
    pub number: u64,
    /// Was there none before it?
    pub is_new: bool,
    /// When it became what the reader sees.
    pub at: Moment,
    /// The bytes that are seen; `None` where nothing was any more.
    pub written: Option<Written>,
    /// By what right the reader is told of it.
    pub ground: Ground,
}

impl Version {
    /// `meta.versionId`.
    pub fn version(&self) -> Option<&str> {
        self.written.as_ref()?.version.as_ref().map(crate::fhir::version::Version::id)
    }
}

/// What is visible of a version and why; that it is gone is told for the reasons of the version before.
#[derive(Clone)]
pub struct Ground {
    /// Labels of what is visible.
    pub labels: Labels,
    /// What permits it.
    pub basis: Box<[Basis]>,
    /// The others whom it is about.
    pub others: Vec<Other>,
}

/// The versions of one resource.
#[derive(Default)]
struct Line {
    /// Oldest first.
    versions: Vec<Version>,
    /// When each of the segments that were ever visible came to be so.
    times: BTreeSet<Moment>,
    /// The last end of a permit that narrowed one of them.
    ended: Moment,
}

/// The histories of a person's resources of one type, as one reader sees them.
pub struct History {
    kind: ResourceType,
    /// One resource, or all.
    id: Option<Arc<str>>,
    /// What is about somebody by one of these names, or all.
    about: Option<Arc<[Named]>>,
    lines: BTreeMap<Arc<str>, Line>,
}

impl History {
    /// Nothing yet, of one resource or of all of a type.
    pub fn new(kind: ResourceType, id: Option<&str>) -> Self {
        let (id, lines) = (id.map(Into::into), BTreeMap::new());
        Self { kind, id, about: None, lines }
    }

    /// The same of what is about somebody by one of these names.
    #[must_use]
    pub fn about(self, names: Arc<[Named]>) -> Self {
        Self { about: Some(names), ..self }
    }

    /// Adds the history of what somebody else has.
    pub fn join(&mut self, other: Self) {
        self.lines.extend(other.lines);
    }

    /// Adds what is seen of the next state, which a commit at `at` made.
    pub fn then(&mut self, today: &mut Today<'_>, view: &View, at: Moment, sealer: &dyn Sealer) {
        let (patient, key) = view.audit_key();
        let whose = (Arc::clone(patient), key);
        let mut gone: Vec<Arc<str>> = self.lines.keys().cloned().collect();
        for resource in view.resources(self.kind) {
            if self.id.as_ref().is_some_and(|id| *id != resource.id) {
                continue;
            }
            let Some(sight) = view.look(resource) else { continue };
            let names = self.about.as_ref();
            if names.is_some_and(|names| !view.is_about(resource, &sight.seen, names)) {
                continue;
            }
            gone.retain(|id| *id != resource.id);
            let written = view.written(resource, &sight, sealer);
            let line = self.lines.entry(Arc::clone(&resource.id)).or_default();
            if line.shows(&written) && !mutant::on(Mutant::HistoryKeepsHiddenVersions) {
                continue;
            }
            line.times.extend(view.times(resource));
            line.ended = line.ended.max(view.ended(today, &sight));
            let at = at.max(sight.seen.last_updated);
            let others = view.others(resource, &sight);
            let ground = Ground { labels: sight.labels, basis: sight.basis.clone(), others };
            line.add(Arc::clone(&resource.id), &whose, at, Some(written), ground);
        }
        for id in gone {
            let Some(line) = self.lines.get_mut(&id) else { continue };
            let newest = line.versions.last().filter(|version| version.written.is_some());
            if let Some(ground) = newest.map(|version| version.ground.clone()) {
                line.add(id, &whose, at, None, ground);
            }
        }
    }

    /// The type.
    pub fn kind(&self) -> ResourceType {
        self.kind
    }

    /// Has the reader ever seen any version?
    pub fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }

    /// The version of this id, of the one resource.
    pub fn version(self, version: &str) -> Option<Version> {
        let versions = self.lines.into_values().flat_map(|line| line.versions);
        let named = |v: &Version| v.version() == Some(version);
        versions.rev().find(named)
    }

    /// Has the one resource not changed for the reader after the second that begins at `since`? If it
    /// changed more than once within it, whoever names that second may have either.
    pub fn stood_still(&self, since: Moment) -> bool {
        let end = since.plus(Duration::from_secs(1));
        self.lines.values().all(|line| {
            let mut times = line.times.clone();
            times.extend(line.versions.iter().map(|version| version.at));
            let ended = (line.ended >= since).then_some(line.ended);
            let later = times.range(since..).copied().chain(ended);
            later.clone().all(|at| at < end) && later.count() <= 1
        })
    }

    /// The newest version of each resource, in order of id.
    pub fn newest(self) -> impl Iterator<Item = Version> {
        let newest = |mut line: Line| {
            let newest = line.versions.pop()?;
            Some(Version { at: newest.at.max(line.ended), ..newest })
        };
        self.lines.into_values().filter_map(newest)
    }

    /// The versions that are asked for, newest first; of one instant in order of id.
    pub fn find(self, asked: &Asked) -> Vec<Version> {
        let mut found = Vec::new();
        for line in self.lines.into_values() {
            let mut next = Moment::MAX;
            for mut version in line.versions.into_iter().rev() {
                version.at = version.at.max(line.ended);
                let until = std::mem::replace(&mut next, version.at);
                if asked.takes(version.at, until) {
                    found.push(version);
                }
            }
        }
        // Those of one resource are in their order already, newest first.
        found.sort_by(|a, b| b.at.cmp(&a.at).then_with(|| a.id.cmp(&b.id)));
        found
    }
}

impl Line {
    fn is_there(&self) -> bool {
        self.versions.last().is_some_and(|version| version.written.is_some())
    }

    /// Are these the bytes that the newest version has?
    fn shows(&self, written: &Written) -> bool {
        let newest = self.versions.last().and_then(|version| version.written.as_ref());
        newest.is_some_and(|newest| newest.text == written.text)
    }

    fn add(
        &mut self,
        id: Arc<str>,
        whose: &Whose,
        at: Moment,
        written: Option<Written>,
        ground: Ground,
    ) {
        let before = self.versions.last();
        let at = before.map_or(at, |before| at.max(before.at));
        let number = before.map_or(1, |before| before.number + 1);
        let is_new = !self.is_there();
        let whose = whose.clone();
        self.versions.push(Version { id, whose, number, is_new, at, written, ground });
    }
}
