//! What left, and what was refused, is written down before anything leaves.

use std::{
    io,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use http::Method;
use mylife::{
    audit::{
        log::{Disk, FileDisk, Tape},
        record::{Basis, Outcome},
    },
    domain::theme::Theme::{Health, Housing},
};
use serde_json::json;

use super::{
    export::{begin, status},
    notified::{subscribes, wanted},
};
use crate::world::{World, actor::Ask};

#[test]
fn each_disclosure_and_each_refusal_has_one_record() {
    let world = World::new();
    let kuopio = world.municipality("297");
    let portal = kuopio.client("national-portal");
    let aino = kuopio.person("aino").answered([(Housing, 2, 1, ""), (Health, 1, 1, "")]);
    let eetu = kuopio.person("eetu").answered([(Housing, 2, 1, "")]);
    aino.grants(&portal, [Housing]);
    eetu.grants(&portal, [Housing]);
    assert!(kuopio.disclosures(aino.patient()).is_empty());
    portal.search("QuestionnaireResponse", &aino).shows([Housing]);
    let [record] = &kuopio.disclosures(aino.patient())[..] else { panic!("one record") };
    assert_eq!(&*record.caller.client, "national-portal");
    assert_eq!(record.purpose.as_deref(), Some("TREAT"));
    assert_eq!(record.labels.themes.iter().collect::<Vec<_>>(), [Housing]);
    assert!(matches!(&record.basis[..], [Basis::Consent { version: 1, .. }]), "{record:?}");
    // One answer about two people: one record each.
    portal.get("/fhir/QuestionnaireResponse").shows([Housing]);
    assert_eq!(kuopio.disclosures(aino.patient()).len(), 2);
    assert_eq!(kuopio.disclosures(eetu.patient()).len(), 1);
    let refusals = |code: &str| {
        let is = |e: &mylife::audit::record::Entry<'_>| matches!(&e.outcome, Outcome::Refused(why) if **why == *code);
        kuopio.audit().into_iter().filter(is).count()
    };
    let before = refusals("not-found");
    portal
        .get("/fhir/QuestionnaireResponse/297.aaaaaaaaaaaaaaaaaaaaaaaaaa")
        .refused(404, "not-found");
    assert_eq!(refusals("not-found"), before + 1);
}

#[test]
fn a_disclosure_through_the_portal_is_recorded_at_both_ends() {
    let world = World::new();
    let kuopio = world.municipality("297");
    let aino = kuopio.person("aino").answered([(Housing, 2, 1, "")]);
    aino.grants(&kuopio.client("national-portal"), [Housing]);
    let at_portal = world.portal();
    let mut portal = at_portal.client("national-portal");
    portal.nodes = Some("297".to_owned());
    portal.search("QuestionnaireResponse", &aino).shows([Housing]);
    let [there] = &kuopio.disclosures(aino.patient())[..] else { panic!("one record there") };
    assert_eq!(&*there.caller.client, "900/national-portal");
    assert_eq!(there.caller.act.len(), 1, "{there:?}");
    assert_eq!(at_portal.disclosures(aino.patient()).len(), 1);
}

/// A disk that is full when told so.
#[derive(Clone, Default)]
struct Full(Arc<AtomicBool>);

struct Tapes(Box<dyn Tape>, Full);

impl Full {
    fn check(&self) -> io::Result<()> {
        if self.0.load(Ordering::SeqCst) { Err(io::Error::other("full")) } else { Ok(()) }
    }
}

impl Disk for Full {
    fn create(&self, path: &Path) -> io::Result<Box<dyn Tape>> {
        self.check()?;
        Ok(Box::new(Tapes(FileDisk.create(path)?, self.clone())))
    }

    fn resume(&self, path: &Path, length: u64) -> io::Result<Box<dyn Tape>> {
        self.check()?;
        Ok(Box::new(Tapes(FileDisk.resume(path, length)?, self.clone())))
    }

    fn replace(&self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        self.check()?;
        FileDisk.replace(path, bytes)
    }
}

impl Tape for Tapes {
    fn make_room(&mut self, length: usize) -> io::Result<()> {
        self.1.check()?;
        self.0.make_room(length)
    }

    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.1.check()?;
        self.0.append(bytes)
    }
}

#[test]
fn nothing_leaves_while_the_log_cannot_be_written() {
    let world = World::new();
    let full = Full::default();
    let kuopio = world.municipality_on("297", Arc::new(full.clone()));
    let portal = kuopio.client("national-portal");
    let aino = kuopio.person("aino").answered([(Housing, 2, 1, "")]);
    aino.grants(&portal, [Housing]);
    portal.search("QuestionnaireResponse", &aino).shows([Housing]);
    full.0.store(true, Ordering::SeqCst);
    let reply = portal.search("QuestionnaireResponse", &aino);
    reply.refused(503, "no-store").keeps_quiet("housing");
    assert_eq!(reply.header("retry-after"), Some("1"));
    // Not even that something is absent.
    portal.get("/fhir/Goal/297.aaaaaaaaaaaaaaaaaaaaaaaaaa").refused(503, "no-store");
    full.0.store(false, Ordering::SeqCst);
    portal.search("QuestionnaireResponse", &aino).shows([Housing]);
    assert_eq!(kuopio.disclosures(aino.patient()).len(), 2, "and the log is whole");
}

#[test]
fn what_a_client_ends_goes_on_while_the_log_cannot_be_written() {
    let world = World::new();
    let full = Full::default();
    let kuopio = world.municipality_on("297", Arc::new(full.clone()));
    let watcher = kuopio.client("watcher");
    let aino = kuopio.person("aino").answered([(Housing, 2, 1, "")]);
    let topic = wanted("assessment-completed", &[aino.patient()], &json!({}));
    let subscription = subscribes(&watcher, &topic);
    let exporter = kuopio.client("national-portal");
    let job = status(&begin(&exporter, "/fhir/Patient/$export"));
    for (client, at) in [(&watcher, &subscription), (&exporter, &job)] {
        let delete = || client.actor.send(&kuopio, Method::DELETE, at, Ask::default());
        full.0.store(true, Ordering::SeqCst);
        delete().refused(503, "no-store");
        full.0.store(false, Ordering::SeqCst);
        assert_ne!(client.get(at).status(), 404, "it is not done: {at}");
        assert!(delete().status() < 300, "{at}");
        assert_eq!(client.get(at).status(), 404, "it is done: {at}");
    }
}
