//! A disk is lost. What comes back from a backup must not bring back what was withdrawn after it.

use std::{
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
};

use mylife::{
    cli::{
        Surroundings,
        backup::backup,
        output::Output,
        restore::{Restored, Source, restore},
    },
    config::Said,
    domain::theme::Theme::{Health, Housing},
    error::{Kind, Result},
    gateway::open::SUSPENDED,
};

use crate::world::{Node, Reply, Terms, World};

fn around(world: &World) -> Surroundings {
    Surroundings {
        clock: world.clock.clone(),
        chance: world.chance.clone(),
        environment: Said::default(),
    }
}

/// Backs up the gateway on a directory, as an operator beside it does.
fn back_up(world: &World, dir: &Path, into: &Path) {
    let setup = Node::setup(world, "297", dir.to_path_buf());
    let around = around(world);
    let output = Output { out: &mut Vec::new(), err: &mut Vec::new(), around: &around };
    backup(&setup, into, &output).unwrap();
}

fn bring_back(world: &World, dir: &Path, source: &Source) -> Result<Restored> {
    let setup = Node::setup(world, "297", dir.to_path_buf());
    let around = around(world);
    restore(setup, source, &Output { out: &mut Vec::new(), err: &mut Vec::new(), around: &around })
}

fn responses(node: &Node, patient: &str) -> Reply {
    let path = format!("/fhir/QuestionnaireResponse?patient={patient}");
    node.client("national-portal").get(&path)
}

/// Somewhere beside a gateway's directory.
fn beside(dir: &Path, name: &str) -> PathBuf {
    let path = dir.with_extension(name);
    drop(std::fs::remove_dir_all(&path));
    path
}

struct Town {
    world: World,
    dir: PathBuf,
    copy: PathBuf,
    patients: [String; 3],
}

impl Drop for Town {
    fn drop(&mut self) {
        for path in [&self.dir, &self.copy, &self.dir.with_extension("lost")] {
            drop(std::fs::remove_dir_all(path));
        }
    }
}

/// Three people granted; then a backup was taken; then one withdrew, one forbade, and the disk was lost.
fn lost() -> Town {
    let world = World::new();
    let kuopio = world.municipality("297");
    let portal = kuopio.client("national-portal");
    let people = ["aino", "eino", "helmi"]
        .map(|name| kuopio.person(name).answered([(Housing, 2, 1, "a home"), (Health, 1, 1, "")]));
    let grants = people.each_ref().map(|person| person.grants(&portal, [Housing]));
    let patients = people.each_ref().map(|person| person.patient().to_owned());
    for patient in &patients {
        responses(&kuopio, patient).shows([Housing]);
    }
    let copy = beside(&kuopio.dir, "copy");
    back_up(&world, &kuopio.dir, &copy);
    grants[0].revoke();
    people[1].gives(Terms::prohibition(&portal.actor));
    drop((grants, people, portal));
    let dir = kuopio.stop();
    std::fs::rename(&dir, beside(&dir, "lost")).unwrap();
    Town { world, dir, copy, patients }
}

#[test]
fn what_was_withdrawn_or_forbidden_after_the_backup_is_so_after_the_restore() {
    let town = lost();
    let log = Some(town.dir.with_extension("lost"));
    let source = Source { backup: town.copy.clone(), log, whole: true };
    let restored = bring_back(&town.world, &town.dir, &source).unwrap();
    assert_eq!((restored.replayed.consents, restored.replayed.unreadable), (2, 0));
    assert!(!restored.suspended);
    let kuopio = Node::open_in(&town.world, "297", town.dir.clone(), None, None);
    let [aino, eino, helmi] = &town.patients;
    responses(&kuopio, aino).is_empty();
    responses(&kuopio, eino).is_empty();
    responses(&kuopio, helmi).shows([Housing]).hides([Health]);
    let log = kuopio.audit();
    let again = log.iter().filter(|entry| entry.caller.client == "mylife restore");
    assert_eq!(again.count(), 2, "what the operator did is written down too");
}

#[test]
fn without_the_log_no_grant_counts_until_somebody_says_so() {
    let town = lost();
    let source = Source { backup: town.copy.clone(), log: None, whole: false };
    let restored = bring_back(&town.world, &town.dir, &source).unwrap();
    assert!(restored.suspended && restored.replayed.consents == 0);
    let kuopio = Node::open_in(&town.world, "297", town.dir.clone(), None, None);
    for patient in &town.patients {
        responses(&kuopio, patient).is_empty();
    }
    let dir = kuopio.stop();
    std::fs::remove_file(dir.join(SUSPENDED)).unwrap();
    let kuopio = Node::open_in(&town.world, "297", dir, None, None);
    responses(&kuopio, &town.patients[2]).shows([Housing]);
}

#[test]
fn neither_what_is_there_nor_what_was_changed_is_taken() {
    let town = lost();
    let source = Source { backup: town.copy.clone(), log: None, whole: false };
    bring_back(&town.world, &town.dir, &source).unwrap();
    let kind = |restored: Result<Restored>| restored.err().map(|error| error.kind());
    assert_eq!(kind(bring_back(&town.world, &town.dir, &source)), Some(Kind::Conflict));
    let empty = beside(&town.dir, "lost");
    let store = town.copy.join("store.db");
    let mut bytes = std::fs::read(&store).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    std::fs::write(&store, bytes).unwrap();
    assert_eq!(kind(bring_back(&town.world, &empty, &source)), Some(Kind::Invalid));
    assert!(!empty.exists(), "nothing was laid out");
}

#[test]
fn a_backup_under_writes_comes_back_as_a_gateway_that_verifies() {
    let world = World::new();
    let kuopio = world.municipality("297");
    let dir = kuopio.dir.clone();
    let copies: Vec<PathBuf> = (0..3).map(|n| beside(&dir, &format!("copy{n}"))).collect();
    let portal = kuopio.client("national-portal");
    let write = |number: usize| {
        let person = kuopio.person(&format!("writer{number}")).answered([(Housing, 2, 1, "")]);
        person.grants(&portal, [Housing]);
    };
    // However fast the first copy is made, it has something to tell.
    write(0);
    let (done, setup) = (Arc::new(AtomicBool::new(false)), dir.clone());
    let copier = {
        let (done, copies) = (Arc::clone(&done), copies.clone());
        let setups: Vec<_> =
            copies.iter().map(|_| Node::setup(&world, "297", setup.clone())).collect();
        let (clock, chance) = (world.clock.clone(), world.chance.clone());
        thread::spawn(move || {
            let around = Surroundings { clock, chance, environment: Said::default() };
            for (into, setup) in copies.iter().zip(&setups) {
                let output = Output { out: &mut Vec::new(), err: &mut Vec::new(), around: &around };
                backup(setup, into, &output).unwrap();
            }
            done.store(true, Ordering::SeqCst);
        })
    };
    for number in 1.. {
        write(number);
        if done.load(Ordering::SeqCst) {
            break;
        }
    }
    copier.join().unwrap();
    drop(portal);
    drop(kuopio);
    for copy in copies {
        let target = beside(&dir, "target");
        let source = Source { backup: copy.clone(), log: None, whole: false };
        bring_back(&world, &target, &source).unwrap();
        std::fs::remove_file(target.join(SUSPENDED)).unwrap();
        let again = Node::open_in(&world, "297", target, None, None);
        // The log is copied after the store, so that no withdrawal is missed: it may tell of somebody
        // whom the store does not know yet, and verifies all the same.
        assert!(!again.records().is_empty());
        std::fs::remove_dir_all(again.stop()).unwrap();
        std::fs::remove_dir_all(copy).unwrap();
    }
}
