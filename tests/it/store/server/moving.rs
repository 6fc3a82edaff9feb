//! From a file to a database and back: nothing is lost, nothing is taken for whole that is not.

use std::sync::Arc;

use mylife::{
    chance::SystemChance,
    domain::{id::NodeCode, person::Named},
    error::Result,
    store::{
        Change, Document, DocumentKind, IdentityMac, Store, Subscription,
        lock::Lock,
        moving::{self, Moved, Side},
        postgres::{Database, Postgres},
        sqlite::Sqlite,
        subscription::State,
    },
};
use tokio::sync::Notify;

use super::{
    Directory, assessment, at, change, consent, fresh, keys, message, on_one_thread, open, options,
    permission, shared, try_open, writes,
};
use crate::store::sqlite;

const PEOPLE: u8 = 12;

/// Something of everything, with gaps where ids were given out and their rows are gone.
async fn fill(store: &dyn Store) {
    for n in 0..PEOPLE {
        let (patient, id) = (format!("297.p{n:02}"), format!("297.d{n:02}"));
        let identity = (n % 2 == 0).then_some(IdentityMac([n; 32]));
        let first = writes(&patient, 0, assessment(&id, 1));
        let made = store.commit(Change { identity, ..first }).await.unwrap();
        store.commit(writes(&patient, 1, assessment(&id, 2))).await.unwrap();
        let body: Arc<[u8]> = vec![n; 10_000].into();
        let large = Document { body, ..consent(&format!("297.c{n:02}"), 1) };
        store.commit(writes(&patient, 2, large)).await.unwrap();
        store.commit(writes(&patient, 3, consent(&format!("297.c{n:02}"), 2))).await.unwrap();
        store.recorded(vec![made.record]).await.unwrap();
        assert!(store.spend([n; 32], at(1000), at(0)).await.unwrap());
        let giver = (n % 2 == 0).then_some(n);
        assert!(store.permit(permission(n, giver, &patient, 1000), at(0)).await.unwrap());
    }
    // Somebody whom another's documents name.
    let own = Document { kind: DocumentKind::Person, ..assessment("297.me", 1) };
    let name = Named { owner: Arc::clone(&own.owner), local: Arc::clone(&own.local_id) };
    store.commit(writes("297.p00", 4, own)).await.unwrap();
    store.commit(Change { names: vec![name], ..change("297.p01", 4) }).await.unwrap();
    let messages = (0..5).map(|n| message("205", &n.to_string())).collect();
    let ids = store.owe(messages).await.unwrap();
    store.delivered(ids[4]).await.unwrap();
    let subscription = Subscription {
        id: "297.s".into(),
        owner: "portal".into(),
        version: 1,
        state: State::Active,
        due: at(1000),
        ready: true,
        touched: 0,
        looked: 0,
        body: b"what is wanted"[..].into(),
    };
    let about = Some(vec!["297.p01".into(), "297.nobody".into()]);
    assert!(store.put_subscription(subscription, about, 9).await.unwrap());
}

/// Everything that a store tells.
async fn told(store: &dyn Store) -> String {
    let mut all = String::new();
    for person in store.walk(None, usize::MAX).await.unwrap() {
        let stored = store.history(&person.patient).await.unwrap().unwrap();
        let held = stored.documents;
        let bytes: Vec<_> = held.iter().map(|d| (&d.local_id, &d.parts, &d.body)).collect();
        let naming = store.naming(&person.patient).await.unwrap();
        all += &format!("{person:?} {:?} {held:?} {bytes:?} {naming:?}\n", stored.audit_key);
        let (nobody, whose) = (IdentityMac([99; 32]), Some(Arc::clone(&person.patient)));
        for one in store.permissions(nobody, whose, at(0)).await.unwrap() {
            all += &format!("{one:?} {:?} {:?} {:?}\n", one.name, one.giver, one.body);
        }
    }
    for n in 0..PEOPLE {
        all += &format!("{:?}\n", store.find(IdentityMac([n; 32])).await.unwrap());
        all += &format!("{}\n", store.spend([n; 32], at(1000), at(0)).await.unwrap());
    }
    let owed = store.owed(99).await.unwrap();
    let bodies: Vec<_> = owed.iter().map(|(_, message)| message.body.clone()).collect();
    let changes = store.changes(0, 999).await.unwrap().changed;
    store.touch(Some(vec!["297.p01".into()])).await.unwrap();
    for one in store.due_subscriptions(at(0), 9).await.unwrap() {
        all += &format!("{} {} {:?}\n", one.id, one.owner, one.body);
    }
    all += &format!("{changes:?} {owed:?} {bodies:?} {:?}", store.unrecorded().await.unwrap());
    all
}

fn file(directory: &Directory) -> Side {
    Sqlite::side(directory.path()).unwrap()
}

async fn there(database: &Database, held: &Lock) -> Result<Side> {
    let directory = Directory::new("side");
    Postgres::side(database, directory.path(), &SystemChance, held).await
}

async fn run(from: &Side, to: &Side) -> Result<Moved> {
    let node = NodeCode::parse("297").unwrap();
    let own = keys(1);
    let moved = moving::run(from, to, (&node, &own), &mut |_| ()).await?;
    moving::finish(from, to, (&node, &own)).await?;
    Ok(moved)
}

fn say<T>(refused: Result<T>) -> String {
    refused.err().expect("it must be refused").say().to_owned()
}

#[test]
fn there_and_back_again_everything_is_as_it_was_and_ids_go_on() {
    let (_, database) = fresh();
    let [one, two, three] = ["one", "two", "three"].map(Directory::new);
    on_one_thread(async {
        let before = {
            let store = sqlite(one.path());
            fill(&*store).await;
            told(&*store).await
        };
        let held = Lock::take(two.path()).unwrap();
        let moved = run(&file(&one), &there(&database, &held).await.unwrap()).await;
        let moved = moved.unwrap();
        assert_eq!(moved.before, 0);
        assert!(moved.alike.contains(&("document_version", 2 * u64::from(PEOPLE))), "{moved:?}");
        assert!(moved.alike.contains(&("change", 4 * u64::from(PEOPLE) + 2)), "{moved:?}");
        assert!(moved.alike.contains(&("naming", 1)), "{moved:?}");
        assert!(moved.alike.contains(&("subscription", 1)), "{moved:?}");
        assert!(moved.alike.contains(&("subscription_person", 2)), "{moved:?}");
        drop(held);
        {
            let store = open(&two, database.clone()).await;
            assert_eq!(told(&*store).await, before);
        }
        let held = Lock::take(two.path()).unwrap();
        let back = run(&there(&database, &held).await.unwrap(), &file(&three)).await;
        back.unwrap();
        drop(held);
        let (there, here) = (open(&two, database.clone()).await, sqlite(three.path()));
        assert_eq!(told(&*here).await, before);
        // Ids that were given out are not given out again, and changes go above the old ones.
        for store in [&*there, &*here] {
            let last = store.owed(99).await.unwrap().last().unwrap().0;
            let new = store.owe(vec![message("205", "new")]).await.unwrap()[0];
            assert_eq!(new, last + 2, "the one between was delivered");
            let newest = store.changes(0, 999).await.unwrap().changed.last().unwrap().sequence;
            store.commit(change("297.p00", 5)).await.unwrap();
            store.commit(change("297.new", 0)).await.unwrap();
            assert_eq!(store.changes(newest, 9).await.unwrap().changed.len(), 2);
        }
    });
}

#[test]
fn no_table_is_forgotten() {
    let (name, database) = fresh();
    let [one, two] = ["one", "two"].map(Directory::new);
    let mut moved: Vec<&str> = on_one_thread(async {
        fill(&*sqlite(one.path())).await;
        let held = Lock::take(two.path()).unwrap();
        let moved = run(&file(&one), &there(&database, &held).await.unwrap()).await.unwrap();
        moved.alike.into_iter().map(|(table, _)| table).collect()
    });
    // The log is moved by itself; a turn ends by itself, and the rest the target makes its own.
    moved.extend(["audit_batch", "audit_chain", "audit_checkpoint", "audit_place", "audit_tree"]);
    moved.extend(["gateway", "schema_version", "turn"]);
    moved.sort_unstable();
    let tables = "SELECT tablename FROM pg_tables WHERE schemaname = current_schema() ORDER BY 1";
    assert_eq!(shared().run(&name, tables), moved);
}

#[test]
fn what_was_interrupted_goes_on_and_no_gateway_opens_it_before() {
    let (name, database) = fresh();
    let [one, two] = ["one", "two"].map(Directory::new);
    on_one_thread(async {
        fill(&*sqlite(one.path())).await;
        let node = NodeCode::parse("297").unwrap();
        let held = Lock::take(two.path()).unwrap();
        let target = there(&database, &held).await.unwrap();
        let (stop, from, own) = (Notify::new(), file(&one), keys(1));
        let mut step = |_| stop.notify_one();
        tokio::select! {
            biased;
            () = stop.notified() => {}
            ended = moving::run(&from, &target, (&node, &own), &mut step) => {
                panic!("it ended: {ended:?}")
            }
        }
        drop((from, target, held));
    });
    assert_eq!(shared().run(&name, "SELECT count(*) FROM person"), [PEOPLE.to_string()]);
    assert_eq!(shared().run(&name, "SELECT count(*) FROM outbox"), ["0"]);
    let half = say(try_open(database.clone()));
    assert!(half.contains("has not ended: run `mylife move` again"), "{half}");
    on_one_thread(async {
        let held = Lock::take(two.path()).unwrap();
        let target = there(&database, &held).await.unwrap();
        let moved = run(&file(&one), &target).await.unwrap();
        assert!(moved.before >= u64::from(PEOPLE), "{moved:?}");
        let again = say(run(&file(&one), &target).await);
        assert!(again.contains("holds this node's data already"), "{again}");
        drop((target, held));
        let store = open(&two, database.clone()).await;
        assert_eq!(told(&*store).await, told(&*sqlite(one.path())).await);
    });
}

#[test]
fn what_must_not_be_moved_is_refused_and_left_alone() {
    let (name, database) = fresh();
    let [one, two, other] = ["one", "two", "other"].map(Directory::new);
    on_one_thread(async {
        fill(&*sqlite(one.path())).await;
        let held = Lock::take(two.path()).unwrap();
        let (from, target) = (file(&one), there(&database, &held).await.unwrap());
        let code = |code: &str| NodeCode::parse(code).unwrap();
        let as_of = async |node: &str, seed| {
            say(moving::run(&from, &target, (&code(node), &keys(seed)), &mut |_| ()).await)
        };
        let node = as_of("205", 1).await;
        assert!(node.contains("belongs to node 297, not 205"), "{node}");
        let key = as_of("297", 2).await;
        assert!(key.contains("another master key"), "{key}");
        let empty = say(run(&file(&other), &target).await);
        assert!(empty.contains("The store to move from is empty"), "{empty}");
        assert_eq!(shared().run(&name, "SELECT count(*) FROM person"), ["0"]);

        // A gateway is at work, on the source or on the target.
        let replica = open(&other, database.clone()).await;
        let busy = say(run(&from, &target).await);
        assert!(busy.contains("A gateway is at work on the database"), "{busy}");
        let busy = say(run(&target, &from).await);
        assert!(busy.contains("A gateway is at work on the database"), "{busy}");
        replica.commit(change("297.p", 0)).await.unwrap();
        drop(replica);
        let full = say(run(&from, &target).await);
        assert!(full.contains("holds this node's data already"), "{full}");
        drop((target, held));

        // Another node's database.
        let (_, foreign) = fresh();
        let theirs = options(other.path(), foreign.clone());
        let theirs = mylife::store::postgres::Options { node: code("205"), ..theirs };
        drop(Postgres::open(theirs).await.unwrap());
        let held = Lock::take(two.path()).unwrap();
        let target = there(&foreign, &held).await.unwrap();
        let theirs = say(run(&from, &target).await);
        assert!(theirs.contains("belongs to node 205, not 297"), "{theirs}");
    });
}

#[test]
fn a_row_that_differs_at_the_end_keeps_the_target_shut() {
    let (name, database) = fresh();
    let [one, two] = ["one", "two"].map(Directory::new);
    on_one_thread(async {
        fill(&*sqlite(one.path())).await;
        let held = Lock::take(two.path()).unwrap();
        let target = there(&database, &held).await.unwrap();
        let (node, mut steps) = (NodeCode::parse("297").unwrap(), 0);
        let mut spoil = |_| {
            steps += 1;
            if steps == 3 {
                shared().run(&name, "UPDATE document SET body = 'x' WHERE row = 1");
            }
        };
        let moved = moving::run(&file(&one), &target, (&node, &keys(1)), &mut spoil).await;
        let differs = say(moved);
        assert!(differs.contains("The two stores differ (document)"), "{differs}");
    });
    assert!(say(try_open(database)).contains("has not ended"));
}
