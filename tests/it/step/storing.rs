//! Where the store is: what settings may say of it, and how it is brought to its present form.

use mylife::cli::exit::Exit;

use super::config::{Dir, around, gateway, run};

/// A password that must not be seen in any complaint.
const SECRET: &str = "hunter2";

#[test]
fn a_database_is_named_without_mistakes_or_every_mistake_is_told() {
    let dir = Dir::new("storing");
    let good = gateway(&dir, 8443);
    dir.write("password", SECRET);
    dir.write("not.pem", "none");
    let local = "url = \"postgresql://m@127.0.0.1/m\"\n";
    let far = "url = \"postgresql://m@db.example/m\"\n";
    let kind = "kind = \"postgres\"\n";
    for (lines, expected) in [
        (format!("{kind}{local}"), None),
        (format!("{kind}{local}password_file = \"password\"\nprepared = false\n"), None),
        (format!("{kind}{far}ca_file = \"keys/ca.pem\"\nconnections = 20\n"), None),
        (kind.to_owned(), Some("store.url is missing")),
        (format!("{kind}{far}"), Some("store.ca_file is missing: a database on another machine")),
        (format!("{kind}{far}ca_file = \"not.pem\"\n"), Some("store.ca_file cannot be used")),
        (format!("{kind}{far}ca_file = \"none.pem\"\n"), Some("none.pem cannot be read")),
        (
            format!("{kind}url = \"postgresql://m:{SECRET}@127.0.0.1/m\"\n"),
            Some("store.url holds a password"),
        ),
        (format!("{kind}url = \"db\"\n"), Some("store.url must be postgresql://")),
        (format!("{kind}{local}readers = 2\n"), Some("store.readers goes with kind = \"sqlite\"")),
        (format!("{kind}{local}connections = 0\n"), Some("store.connections must be")),
        (format!("{kind}{local}answer_ms = 100\n"), Some("must not be less than statement_ms")),
        (local.to_owned(), Some("store.url goes with kind = \"postgres\"")),
        ("kind = \"oracle\"\n".to_owned(), Some("must be one of sqlite, postgres")),
    ] {
        let text = good.replacen("[store]\n", &format!("[store]\n{lines}"), 1);
        let path = dir.write("gateway.toml", &text).display().to_string();
        let (exit, said, complaint) = run(&around(), &["check", &path]);
        match expected {
            None => assert_eq!(exit, Exit::Fine, "{lines}: {said}{complaint}"),
            Some(expected) => assert!(said.contains(expected), "{lines}: {said}"),
        }
        assert!(!said.contains(SECRET) && !complaint.contains(SECRET), "{lines}");
    }
}

#[test]
fn a_file_is_brought_to_its_present_form_once_and_looking_makes_none() {
    let dir = Dir::new("migrate");
    let path = dir.write("gateway.toml", &gateway(&dir, 8443)).display().to_string();
    let migrate = |dry: &[&str]| {
        let line: Vec<&str> = ["migrate", &path].iter().chain(dry).copied().collect();
        let (exit, said, complaint) = run(&around(), &line);
        assert_eq!(exit, Exit::Fine, "{complaint}");
        said
    };
    let dry = ["--dry-run"];
    let all = |what: &str| (1..=7).map(|step| format!("step {step}: {what}\n")).collect::<String>();
    assert_eq!(migrate(&dry), all("lacking"));
    assert_eq!(migrate(&dry), all("lacking"), "looking changes nothing");
    assert_eq!(migrate(&[]), all("taken"));
    assert_eq!(migrate(&dry), "no step is lacking\n");
    assert_eq!(migrate(&[]), "no step was lacking\n");
}
