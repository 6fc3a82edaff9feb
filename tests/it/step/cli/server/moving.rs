//! `mylife move` as an operator runs it, with a real `PostgreSQL`.

use std::{fs, sync::Arc};

use mylife::{
    cli::exit::Exit,
    config,
    gateway::open::{Opened, Setup, open_log, open_store},
    seal::audit::AuditKey,
    store::{Change, Store, lock::Lock},
};

use super::super::{
    super::config::{Dir, around, run},
    documents, town,
};
use crate::{
    step::audit::{block_on, entry},
    store::{change, server as postgres},
};

#[test]
fn a_gateway_moves_from_a_file_to_a_database_and_back_with_its_log() {
    let dir = Dir::new("cli-move");
    let config = town(&dir, 8443);
    let file = dir.write("all.ndjson", &documents().join("\n")).display().to_string();
    let load = |config: &str| run(&around(), &["load", config, &file, "--owner", "kuopio-source"]);
    assert_eq!(load(&config).0, Exit::Fine);
    let (name, _) = postgres::fresh();
    let text = fs::read_to_string(&config).unwrap();
    let own = text.lines().find(|line| line.starts_with("directory = ")).unwrap();
    let there = dir.path().join("there").display().to_string();
    let store = format!(
        "directory = \"{there}\"\nkind = \"postgres\"\nurl = \"{}\"",
        postgres::address(&name)
    );
    let to = dir.write("there.toml", &text.replacen(own, &store, 1)).display().to_string();
    let go = |from: &str, to: &str| run(&around(), &["move", "--from", from, "--to", to]);

    let (exit, said, complaint) = go(&config, &to);
    assert_eq!(exit, Exit::Fine, "{complaint}");
    assert!(
        said.contains("\nchange: ") && said.contains(" records alike under one root, "),
        "{said}"
    );
    let (_, again, _) = load(&to);
    assert!(again.contains("0 new, "), "it is all there: {again}");
    let (_, before, _) = run(&around(), &["audit", "show", &config]);
    let (exit, after, _) = run(&around(), &["audit", "show", &to]);
    assert!(exit == Exit::Fine && after.starts_with(&before), "{after}");

    let back = dir.path().join("back").display().to_string();
    let back = text.replacen(own, &format!("directory = \"{back}\""), 1);
    let back = dir.write("back.toml", &back).display().to_string();
    let (exit, _, complaint) = go(&to, &back);
    assert_eq!(exit, Exit::Fine, "{complaint}");
    assert!(load(&back).1.contains("0 new, "));

    let (exit, _, complaint) = go(&config, &to);
    assert_ne!(exit, Exit::Fine);
    assert!(complaint.contains("holds this node's data already"), "{complaint}");
    let (_, _, complaint) = go(&config, &config);
    assert!(complaint.contains("name the same store"), "{complaint}");
    let twin = there.replace("there", "twin");
    let twin = dir.write("twin.toml", &fs::read_to_string(&to).unwrap().replace(&there, &twin));
    let (exit, _, complaint) = go(&to, &twin.display().to_string());
    assert_ne!(exit, Exit::Fine);
    assert!(complaint.contains("name the same store"), "{complaint}");
    // By another of its names.
    let plain = postgres::address(&name);
    let other = format!("{plain}&connect_timeout=7");
    let text = fs::read_to_string(&twin).unwrap().replace(&plain, &other);
    let (exit, _, complaint) = go(&to, &dir.write("alias.toml", &text).display().to_string());
    assert_ne!(exit, Exit::Fine);
    assert!(complaint.contains("name the same database, if by two names"), "{complaint}");
    let other = dir.write("205.toml", &text.replacen("code = \"297\"", "code = \"205\"", 1));
    let (_, _, complaint) = go(&config, &other.display().to_string());
    assert!(complaint.contains("of two nodes, 297 and 205"), "{complaint}");
    let key = text.lines().find(|line| line.starts_with("master_key_file = ")).unwrap();
    let theirs = "master_key = \"q7Xv2LkP9sTzR4wYbN1mHc8JdF6gUe3aVo5iKtQxWZ0\"";
    let theirs = dir.write("key.toml", &text.replacen(key, theirs, 1)).display().to_string();
    let (_, _, complaint) = go(&theirs, &to);
    assert!(complaint.contains("two master keys"), "{complaint}");

    let data = own.split('"').nth(1).unwrap();
    let _running = Lock::take(&dir.path().join(data)).unwrap();
    let (exit, _, complaint) = go(&config, &to);
    assert_eq!(exit, Exit::Unavailable, "{complaint}");
    assert!(complaint.contains("is in use by another process"), "{complaint}");
}

/// What these settings say.
fn setup(path: &str) -> Setup {
    let around = around();
    let read = config::read(path.as_ref(), &config::Said::default(), &around.clock, &around.chance);
    read.map_err(|all| all.len()).unwrap().setup
}

/// Commits a change about somebody whose record then waits for the log.
async fn write(store: &dyn Store, patient: &str, based_on: u64) -> (AuditKey, i64, Arc<[u8]>) {
    let mut told = entry("waiting");
    told.patient = Some(patient.into());
    let record: Arc<[u8]> = told.to_payload().unwrap().into();
    let change = Change { record: Arc::clone(&record), ..change(patient, based_on) };
    let row = store.commit(change).await.unwrap().record;
    let key = store.load(patient).await.unwrap().unwrap().audit_key;
    (AuditKey::new(patient, key), row, record)
}

fn shown(config: &str, patient: &str) -> usize {
    let (exit, said, complaint) = run(&around(), &["audit", "show", config, "--person", patient]);
    assert_eq!(exit, Exit::Fine, "{complaint}");
    said.lines().count()
}

#[test]
fn records_that_wait_come_into_the_log_once_wherever_they_waited() {
    let dir = Dir::new("cli-move-waiting");
    let file = town(&dir, 8443);
    let text = fs::read_to_string(&file).unwrap();
    let own = text.lines().find(|line| line.starts_with("directory = ")).unwrap();
    let (name, _) = postgres::fresh();
    let url = format!("kind = \"postgres\"\nurl = \"{}\"", postgres::address(&name));
    let settings = |directory: &str, rest: &str| {
        let at = dir.path().join(directory).display().to_string();
        let text = text.replacen(own, &format!("directory = \"{at}\"\n{rest}"), 1);
        dir.write(&format!("{directory}.toml"), &text).display().to_string()
    };
    let [one, two] = ["one", "two"].map(|directory| settings(directory, &url));
    let back = settings("back", "");
    let go = |from: &str, to: &str| {
        let (exit, said, complaint) = run(&around(), &["move", "--from", from, "--to", to]);
        assert_eq!(exit, Exit::Fine, "{said}{complaint}");
        said
    };

    // Of three writes the record of one is in the log already, and the store has not heard of it.
    block_on(async {
        let setup = setup(&file);
        let Opened { store, ledger } = open_store(&setup).await.unwrap();
        let log = open_log(&setup, ledger).await.unwrap();
        let (key, row, record) = write(&*store, "297.aino", 0).await;
        log.append_row(&key, row, &record).await.unwrap();
        write(&*store, "297.aino", 1).await;
        write(&*store, "297.eero", 0).await;
        assert_eq!(store.unrecorded().await.unwrap().len(), 3);
    });
    let said = go(&file, &one);
    assert!(said.contains("audit_pending: 0 alike") && said.contains("log: 3 records"), "{said}");
    assert_eq!((shown(&one, "297.aino"), shown(&one, "297.eero")), (2, 1));

    // Two processes each leave one behind, and one of them a turn.
    for (config, based_on) in [(&one, 1), (&two, 2)] {
        block_on(async {
            let Opened { store, .. } = open_store(&setup(config)).await.unwrap();
            write(&*store, "297.eero", based_on).await;
        });
    }
    let turn = "INSERT INTO turn VALUES ('205', 'somebody', now() + '1 hour')";
    postgres::run(&name, turn);
    assert_eq!(postgres::run(&name, "SELECT count(*) FROM audit_pending"), ["2"]);
    let said = go(&two, &back);
    assert!(said.contains("audit_pending: 0 alike") && said.contains("log: 5 records"), "{said}");
    assert_eq!((shown(&back, "297.aino"), shown(&back, "297.eero")), (2, 3));
    for config in [&one, &back] {
        let (exit, said, _) = run(&around(), &["audit", "verify", config]);
        assert_eq!(exit, Exit::Fine, "{said}");
        assert!(said.starts_with("5 records in "), "{said}");
    }

    // A turn ends by itself: who moves to another database takes none along.
    let (other, _) = postgres::fresh();
    let url = format!("kind = \"postgres\"\nurl = \"{}\"", postgres::address(&other));
    go(&one, &settings("other", &url));
    assert_eq!(postgres::run(&other, "SELECT count(*) FROM turn"), ["0"]);
}
