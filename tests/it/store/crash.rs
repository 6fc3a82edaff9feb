//! A process killed at any moment loses nothing it has acknowledged.
//!
//! The test binary starts itself with one exact test, `the_process_that_is_killed`, which writes until
//! it dies and tells on its standard output what the store has acknowledged.

use std::{
    env,
    io::{BufRead, BufReader, Read, Write},
    path::Path,
    process::{Child, Command, Stdio},
    sync::Arc,
};

use mylife::{
    chance::{Chance, SystemChance},
    error::Kind,
    store::sqlite::Sqlite,
};
use tokio::task::JoinSet;

use super::{Directory, at, consent, documents, on_one_thread, options, sqlite, writes};

/// Names the directory to the process that is killed; absent in an ordinary run.
const DIRECTORY: &str = "MYLIFE_TEST_CRASH_DIRECTORY";

/// The one-time value that goes with a version of a person.
fn value(person: u64, base: u64) -> [u8; 32] {
    let mut value = [0; 32];
    value[..8].copy_from_slice(&person.to_le_bytes());
    value[8..16].copy_from_slice(&base.to_le_bytes());
    value
}

/// Writes one person from the stored version on, for ever; tells each acknowledged version.
async fn write(store: Arc<dyn mylife::store::Store>, person: u64) {
    let patient = format!("297.p{person}");
    let consents = format!("297.c{person}");
    let mut told = std::io::stdout();
    let from = store.load(&patient).await.unwrap().map_or(0, |stored| stored.version);
    for base in from.. {
        let next = writes(&patient, base, consent(&consents, base + 1));
        let committed = store.commit(next).await.unwrap();
        assert!(store.spend(value(person, base), at(60), at(0)).await.unwrap());
        writeln!(told, "ack {person} {}", committed.version).unwrap();
    }
}

#[test]
fn the_process_that_is_killed() {
    let Some(directory) = env::var_os(DIRECTORY) else { return };
    let store = sqlite(Path::new(&directory));
    on_one_thread(async {
        let writers: JoinSet<()> = (0..4).map(|person| write(Arc::clone(&store), person)).collect();
        writers.join_all().await;
    });
}

fn start(directory: &Path) -> Child {
    Command::new(env::current_exe().unwrap())
        .args(["--exact", "store::crash::the_process_that_is_killed", "--nocapture"])
        .env(DIRECTORY, directory)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

/// `ack 2 17` is person 2, version 17; a torn last line tells nothing.
fn acknowledged(line: &str) -> Option<(usize, u64)> {
    let (person, version) = line.strip_suffix('\n')?.strip_prefix("ack ")?.split_once(' ')?;
    Some((person.parse().ok()?, version.parse().ok()?))
}

#[test]
fn a_killed_process_loses_nothing_it_has_acknowledged() {
    let directory = Directory::new("crash");
    let mut newest = [0; 4];
    for _ in 0..6 {
        let mut child = start(directory.path());
        let mut told = BufReader::new(child.stdout.take().unwrap());
        let mut chance = [0];
        SystemChance.fill(&mut chance);
        let mut heard = Vec::new();
        while heard.len() <= usize::from(chance[0]) {
            let mut line = String::new();
            assert!(told.read_line(&mut line).unwrap() > 0, "it writes until it is killed");
            heard.extend(acknowledged(&line));
        }
        let refused = Sqlite::open(options(directory.path()));
        assert_eq!(refused.err().unwrap().kind(), Kind::Unavailable, "the directory is its own");
        child.kill().unwrap();
        let mut rest = String::new();
        told.read_to_string(&mut rest).unwrap();
        heard.extend(rest.split_inclusive('\n').filter_map(acknowledged));
        assert!(!child.wait().unwrap().success());
        for (person, version) in heard {
            assert_eq!(version, newest[person] + 1, "each version is acknowledged once");
            newest[person] = version;
        }
        on_one_thread(check(directory.path(), &mut newest));
    }
    assert!(newest.iter().all(|version| *version > 0), "every writer got its turn");
}

/// Opens what the killed process left: everything acknowledged, and at most what was on its way.
async fn check(directory: &Path, newest: &mut [u64; 4]) {
    let store = sqlite(directory);
    for (person, newest) in (0_u64..).zip(newest) {
        let patient = format!("297.p{person}");
        let version = store.load(&patient).await.unwrap().map_or(0, |stored| stored.version);
        assert!((*newest..=*newest + 1).contains(&version), "{version} is not {newest}");
        let held = documents(&*store, &patient).await.unwrap();
        assert!(held.iter().map(|consent| consent.version).eq(1..=version), "every version");
        for base in 0..version {
            let first = store.spend(value(person, base), at(60), at(0)).await.unwrap();
            assert!(!first || base >= *newest, "what was spent before it was told stays spent");
        }
        *newest = version;
    }
    let changes = store.changes(0, usize::MAX).await.unwrap().changed.len();
    assert_eq!(store.unrecorded().await.unwrap().len(), changes, "a record for each commit");
}
