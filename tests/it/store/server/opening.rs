//! Which databases are opened, and what is said of those that are not.

use std::sync::Arc;

use mylife::{
    clock::{Clock, FixedClock, SystemClock},
    domain::id::NodeCode,
    error::{Error, Kind},
    pki::{self, Ca, CertificateTime},
    store::postgres::{Address, Database, Options, Postgres},
};
use rustls::ClientConfig;
use zeroize::Zeroizing;

use super::{
    Directory, LAST, NEWEST, ROWS, USER, change, database, fresh, keys, on_one_thread, open,
    options, shared, try_open,
};

fn say(database: &Database) -> String {
    told(&try_open(database.clone()).err().expect("it must be refused"))
}

fn told(error: &Error) -> String {
    assert_eq!(error.kind(), Kind::Unavailable);
    error.say().to_owned()
}

#[test]
fn a_store_of_another_gateway_or_key_is_refused() {
    let (_, database) = fresh();
    let directory = Directory::new("foreign");
    on_one_thread(open(&directory, database.clone()));
    let other = Directory::new("foreign");
    let with = |edit: fn(Options) -> Options| {
        let options = edit(options(other.path(), database.clone()));
        told(&on_one_thread(Postgres::open(options)).err().expect("it must be refused"))
    };
    let node = with(|options| Options { node: NodeCode::parse("205").unwrap(), ..options });
    assert!(node.contains("belongs to node 297, not 205"), "{node}");
    let key = with(|options| Options { keys: keys(2), ..options });
    assert!(key.contains("another master key"), "{key}");
    on_one_thread(open(&directory, database));
}

#[test]
fn a_directory_belongs_to_one_process_though_many_share_the_database() {
    let (_, database) = fresh();
    let [one, two] = ["one", "two"].map(Directory::new);
    let held = on_one_thread(open(&one, database.clone()));
    let second = on_one_thread(Postgres::open(options(one.path(), database.clone())));
    let say = told(&second.err().expect("it must be refused"));
    assert!(say.contains("in use by another process"), "{say}");
    on_one_thread(open(&two, database));
    drop(held);
}

#[test]
fn a_schema_that_is_not_of_this_version_is_refused_and_left_alone() {
    let journal =
        "SELECT string_agg(number || ':' || encode(checksum, 'hex'), ',') FROM schema_version";
    for (sql, why) in [
        ("INSERT INTO schema_version VALUES (99, '')", "written by a newer gateway"),
        ("UPDATE schema_version SET checksum = ''", "not one this gateway made"),
        (
            "DELETE FROM schema_version WHERE number = (SELECT max(number) FROM schema_version)",
            "of an older gateway: stop the gateways",
        ),
        ("DELETE FROM schema_version", "journal of its schema is gone"),
        ("DROP TABLE schema_version", "another program's tables"),
        (
            "DROP SCHEMA public CASCADE; CREATE SCHEMA public; CREATE TABLE x (y int)",
            "another program",
        ),
        (
            "DROP SCHEMA public CASCADE; CREATE SCHEMA public; CREATE TABLE schema_version (v int)",
            "another program",
        ),
    ] {
        let (name, database) = fresh();
        let directory = Directory::new("schema");
        on_one_thread(open(&directory, database.clone()));
        shared().run(&name, sql);
        let there = sql.starts_with("INSERT") || sql.starts_with("UPDATE");
        let before = there.then(|| shared().run(&name, journal));
        let said = say(&database);
        assert!(said.contains(why), "{sql}: {said}");
        assert_eq!(there.then(|| shared().run(&name, journal)), before, "{sql}");
    }
}

#[test]
fn a_step_that_fails_half_way_leaves_nothing_of_itself_and_is_taken_again() {
    let (name, database) = fresh();
    on_one_thread(Postgres::migrate(&database)).unwrap();
    // Before one of its steps, with something in the way of the second half of it.
    let before = format!(
        "DELETE FROM schema_version WHERE number >= 5; DROP TABLE job, {NEWEST}; \
         ALTER TABLE gateway DROP COLUMN settings, DROP COLUMN settings_mark; \
         {ROWS}; {EACH}; CREATE TABLE job_until (in_the_way int)"
    );
    shared().run(&name, &before);
    let there = "SELECT count(*) FROM pg_class WHERE relname IN ('job', 'job_owner')";
    for _ in 0..2 {
        let failed = on_one_thread(Postgres::migrate(&database)).unwrap_err();
        assert_eq!(failed.kind(), Kind::Unavailable, "{failed}");
        assert_eq!(shared().run(&name, there), ["0"], "the first half of it is gone too");
        assert!(say(&database).contains("of an older gateway: stop the gateways"));
    }
    shared().run(&name, "DROP TABLE job_until");
    assert_eq!(
        on_one_thread(Postgres::migrate(&database)).unwrap(),
        (5..=LAST).collect::<Vec<_>>()
    );
    let directory = Directory::new("half");
    on_one_thread(open(&directory, database));
}

/// Places as they were before the seventh step.
const EACH: &str = "DROP TABLE audit_place; CREATE TABLE audit_place (place bigint PRIMARY KEY, \
     chain text COLLATE \"C\" NOT NULL, number bigint NOT NULL, UNIQUE (chain, number))";

#[test]
fn places_of_the_tree_that_had_a_row_each_become_runs() {
    let (name, database) = fresh();
    on_one_thread(Postgres::migrate(&database)).unwrap();
    let each = [(0, "a", 1), (1, "a", 2), (2, "b", 1), (3, "a", 3), (4, "b", 2), (5, "b", 3)];
    let rows = each.map(|(place, chain, number)| format!("({place}, '{chain}', {number})"));
    let rows = rows.join(", ");
    shared().run(
        &name,
        &format!(
            "DELETE FROM schema_version WHERE number >= 7; {ROWS}; DROP TABLE {NEWEST}; {EACH}; \
             INSERT INTO audit_place VALUES {rows}"
        ),
    );
    assert_eq!(
        on_one_thread(Postgres::migrate(&database)).unwrap(),
        (7..=LAST).collect::<Vec<_>>()
    );
    let runs =
        "SELECT place || ' ' || chain || number || ' ' || count FROM audit_place ORDER BY place";
    assert_eq!(shared().run(&name, runs), ["0 a1 2", "2 b1 1", "3 a3 1", "4 b2 2"]);
}

#[test]
fn an_empty_database_is_made_ours_once_by_many_at_once() {
    let (name, database) = fresh();
    on_one_thread(async {
        let all: Vec<i64> = (1..=LAST).collect();
        assert_eq!(Postgres::pending(&database).await.unwrap(), all);
        assert_eq!(Postgres::pending(&database).await.unwrap(), all, "looking changes nothing");
        let directories = [(); 6].map(|()| Directory::new("many"));
        let mut opening = tokio::task::JoinSet::new();
        for directory in &directories {
            opening.spawn(Postgres::open(options(directory.path(), database.clone())));
        }
        assert!(opening.join_all().await.iter().all(Result::is_ok));
        assert_eq!(Postgres::pending(&database).await.unwrap(), [0_i64; 0]);
        assert_eq!(Postgres::migrate(&database).await.unwrap(), [0_i64; 0]);
    });
    assert_eq!(shared().run(&name, "SELECT count(*) FROM schema_version"), [LAST.to_string()]);
    assert_eq!(shared().run(&name, "SELECT count(*) FROM gateway"), ["1"]);
}

#[test]
fn what_is_wrong_with_the_way_there_is_said() {
    let name = shared().database();
    shared().run("postgres", "CREATE ROLE guarded LOGIN PASSWORD 'right'");
    shared().run(&name, "GRANT ALL ON SCHEMA public TO guarded");
    let guarded = |password: Option<&str>| Database {
        address: Address::parse(&shared().url("", "guarded", &name)).unwrap(),
        password: password.map(|text| Zeroizing::new(text.to_owned())),
        ..database(shared(), "", &name)
    };
    for password in [None, Some("wrong")] {
        let said = say(&guarded(password));
        assert!(!said.contains("wrong"), "{said}");
        if password.is_some() {
            assert!(said.contains("store.password_file"), "{said}");
        }
    }
    assert!(say(&database(shared(), "", "absent")).contains("no database of this name"));
    let read = shared().database();
    shared()
        .run("postgres", &format!("ALTER DATABASE {read} SET default_transaction_read_only = on"));
    assert!(say(&database(shared(), "", &read)).contains("or is one that is only read"));
    let nowhere = database(shared(), "nowhere", &name);
    assert!(say(&nowhere).contains("cannot be reached"));
    let directory = Directory::new("guarded");
    let store = on_one_thread(open(&directory, guarded(Some("right"))));
    on_one_thread(store.commit(change("297.p", 0))).unwrap();
}

#[test]
fn a_database_is_believed_only_under_its_own_name_and_authority() {
    let name = shared().database();
    let stranger = Ca::new("Stranger", SystemClock::default().now()).unwrap();
    let stranger = stranger.issued().certificate.clone();
    let at = |host: &str, authority: Option<&str>| {
        let url = format!("postgresql://{USER}@{host}:{}/{name}", shared().port);
        let tls = authority.map(|pem| {
            let settings = ClientConfig::builder_with_provider(pki::provider())
                .with_safe_default_protocol_versions()
                .unwrap()
                .with_root_certificates(pki::anchors(pem).unwrap())
                .with_no_client_auth();
            Arc::new(settings)
        });
        Database { address: Address::parse(&url).unwrap(), tls, ..database(shared(), "", &name) }
    };
    let own = shared().authority.as_str();
    for (host, authority) in
        [("localhost", Some(stranger.as_str())), ("127.0.0.1", Some(own)), ("127.0.0.1", None)]
    {
        say(&at(host, authority));
    }
    // A century on, its certificate has ended.
    let later = SystemClock::default().now().plus(std::time::Duration::from_hours(24 * 36_525));
    let time = Arc::new(CertificateTime(Arc::new(FixedClock::new(later))));
    let settings = ClientConfig::builder_with_details(pki::provider(), time)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(pki::anchors(own).unwrap())
        .with_no_client_auth();
    let ended = Database { tls: Some(Arc::new(settings)), ..at("localhost", Some(own)) };
    assert!(say(&ended).contains("store.ca_file"));
    let directory = Directory::new("tls");
    let store = on_one_thread(open(&directory, at("localhost", Some(own))));
    on_one_thread(store.commit(change("297.p", 0))).unwrap();
}

#[test]
fn the_address_of_a_database_is_read_strictly() {
    for (url, local) in [
        ("postgresql://u@127.0.0.1:5432/d", Some(true)),
        ("postgres://u@[::1]/d", Some(true)),
        ("postgresql://u@localhost/d", Some(true)),
        ("postgresql://u@/d?host=/run/postgresql", Some(true)),
        ("postgresql://u@db.example/d", Some(false)),
        ("postgresql://u@127.0.0.1,db.example/d", Some(false)),
        ("postgresql://u@localhost/d?hostaddr=10.0.0.1", Some(false)),
        ("postgresql://u:secret@localhost/d", None),
        ("postgresql://u@localhost", None),
        ("postgresql://localhost/d", None),
        ("postgresql:///d", None),
        ("postgresql://u@localhost/d?sslmode=disable", None),
        ("postgresql://u@localhost/d?options=-csearch_path%3Dx", None),
        ("mysql://u@localhost/d", None),
        ("", None),
    ] {
        let read = Address::parse(url);
        assert_eq!(read.as_ref().ok().map(Address::is_local), local, "{url}");
        assert!(!format!("{read:?}").contains("secret"));
    }
}
