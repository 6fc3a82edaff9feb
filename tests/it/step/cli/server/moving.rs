//! `mylife move` as an operator runs it, with a real `PostgreSQL`.

use std::fs;

use mylife::{cli::exit::Exit, store::lock::Lock};

use super::super::{
    super::config::{Dir, around, run},
    documents, town,
};
use crate::store::server as postgres;

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
    assert!(said.contains("\nchange: ") && said.contains("files copied and compared"), "{said}");
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
