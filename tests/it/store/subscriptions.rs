//! What every store promises of subscriptions: whose turn it is, and that one of several writes.

use std::sync::Arc;

use mylife::{
    domain::{moment::Moment, person::Named},
    store::{Change, Document, DocumentKind, Store, Subscription, subscription::State},
};

use super::{assessment, at, change, every, writes};

fn row(id: &str, owner: &str) -> Subscription {
    Subscription {
        id: id.into(),
        owner: owner.into(),
        version: 1,
        state: State::Active,
        due: Moment::MAX,
        ready: true,
        touched: 0,
        looked: 0,
        body: format!("what {id} wants").into_bytes().into(),
    }
}

fn these(patients: &[&str]) -> Vec<Arc<str>> {
    patients.iter().map(|one| Arc::from(*one)).collect()
}

async fn due(store: &dyn Store, now: i64) -> Vec<String> {
    let all = store.due_subscriptions(at(now), 10).await.unwrap();
    let mut ids: Vec<String> = all.iter().map(|one| one.id.to_string()).collect();
    ids.sort();
    ids
}

#[test]
fn a_subscription_is_read_back_and_of_two_who_write_it_one_does() {
    every("subscriptions", async |store| {
        let first = row("297.a", "portal");
        assert!(store.put_subscription(first.clone(), Some(these(&["297.p"])), 9).await.unwrap());
        assert_eq!(store.subscription("297.a").await.unwrap(), Some(first.clone()));
        assert_eq!(store.subscription("297.b").await.unwrap(), None);
        let body: Arc<[u8]> = b"more"[..].into();
        let next = Subscription { version: 2, state: State::Failed, body, ..first.clone() };
        assert!(store.put_subscription(next.clone(), None, 9).await.unwrap());
        assert!(
            !store.put_subscription(next.clone(), None, 9).await.unwrap(),
            "it was read before"
        );
        let strange = Subscription { version: 3, owner: "county".into(), ..next.clone() };
        assert!(!store.put_subscription(strange, None, 9).await.unwrap());
        assert_eq!(store.subscriptions_of("portal").await.unwrap(), [next]);
        assert!(store.subscriptions_of("county").await.unwrap().is_empty());
        assert_eq!(store.count_subscriptions().await.unwrap(), [(State::Failed, 1)]);
        store.end_subscription("297.a").await.unwrap();
        store.end_subscription("297.a").await.unwrap();
        assert_eq!(store.subscription("297.a").await.unwrap(), None);
        assert!(store.count_subscriptions().await.unwrap().is_empty());
    });
}

#[test]
fn a_client_has_so_many_subscriptions_and_no_more() {
    every("bounded-subscriptions", async |store| {
        for (id, owner, taken) in [
            ("a", "portal", true),
            ("b", "portal", true),
            ("c", "portal", false),
            ("d", "county", true),
        ] {
            let put =
                store.put_subscription(row(id, owner), Some(these(&["297.p"])), 2).await.unwrap();
            assert_eq!(put, taken, "{id}");
        }
        store.end_subscription("a").await.unwrap();
        assert!(store.put_subscription(row("c", "portal"), None, 2).await.unwrap());
    });
}

#[test]
fn a_turn_comes_when_it_is_due_or_somebody_has_changed() {
    every("turns", async |store| {
        let one = Subscription { due: at(60), ..row("a", "portal") };
        store.put_subscription(one, Some(these(&["297.p", "297.q"])), 9).await.unwrap();
        store.put_subscription(row("b", "portal"), Some(these(&["297.q"])), 9).await.unwrap();
        let busy = Subscription { ready: false, ..row("c", "portal") };
        store.put_subscription(busy, Some(these(&["297.q"])), 9).await.unwrap();
        assert!(due(&*store, 59).await.is_empty());
        assert_eq!(due(&*store, 60).await, ["a"]);
        store.touch(Some(these(&["297.q", "297.nobody"]))).await.unwrap();
        assert_eq!(due(&*store, 0).await, ["a", "b"], "not the one that is busy");
        let read = store.subscription("b").await.unwrap().unwrap();
        assert_eq!((read.touched, read.looked), (1, 0));
        // Something more has changed since it was read, so it is looked at once more.
        store.touch(Some(these(&["297.q"]))).await.unwrap();
        store.looked_at(&read, at(90)).await.unwrap();
        assert_eq!(due(&*store, 0).await, ["a", "b"]);
        let again = store.subscription("b").await.unwrap().unwrap();
        store.looked_at(&again, at(90)).await.unwrap();
        assert_eq!(due(&*store, 0).await, ["a"]);
        assert_eq!(due(&*store, 90).await, ["a", "b"]);
        // Who has read what was written since changes nothing.
        let written = Subscription { version: 2, due: Moment::MAX, looked: 2, ..again.clone() };
        store.put_subscription(written, None, 9).await.unwrap();
        store.looked_at(&again, at(0)).await.unwrap();
        assert_eq!(due(&*store, 90).await, ["a"]);
        store.touch(None).await.unwrap();
        assert_eq!(due(&*store, 0).await, ["a", "b"], "all");
        store.touch(Some(these(&["297.nobody"]))).await.unwrap();
        let alike = store.subscription("b").await.unwrap().unwrap();
        assert_eq!(alike.touched, 3);
        // It is about others from now on.
        let moved = Subscription { version: 3, looked: 3, due: Moment::MAX, ..alike };
        store.put_subscription(moved, Some(these(&["297.r"])), 9).await.unwrap();
        store.touch(Some(these(&["297.q"]))).await.unwrap();
        assert_eq!(due(&*store, 0).await, ["a"]);
        store.touch(Some(these(&["297.r"]))).await.unwrap();
        assert_eq!(due(&*store, 0).await, ["a", "b"]);
    });
}

#[test]
fn a_change_to_who_is_named_touches_who_is_about_the_data() {
    every("named", async |store| {
        let member = Document { kind: DocumentKind::Person, ..assessment("297.m", 1) };
        let named = Named { owner: Arc::clone(&member.owner), local: Arc::clone(&member.local_id) };
        store.commit(writes("297.m", 0, member)).await.unwrap();
        store.commit(Change { names: vec![named], ..change("297.p", 0) }).await.unwrap();
        store.put_subscription(row("a", "portal"), Some(these(&["297.p"])), 9).await.unwrap();
        store.touch(Some(these(&["297.m"]))).await.unwrap();
        assert_eq!(due(&*store, 0).await, ["a"]);
    });
}
