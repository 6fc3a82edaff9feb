//! What is owed to a node that does not answer: when it is sent again, and what is not sent any more.

use std::{sync::Arc, time::Duration};

use mylife::{
    chance::SeededChance,
    domain::{id::NodeCode, moment::Moment},
    federation::{
        ask::Source,
        choose::Sources,
        client::{Limits, PeerClient},
        outbox::{
            Outbox,
            letter::{Delivery, Letter, Sender},
        },
        token::PeerTokens,
    },
    handle::HandleKey,
    store::{Outgoing, Store},
};
use serde_json::{Value, json};
use tokio::time::Instant;

use super::{
    asking::{Desk, Memory, assertion, body, credentials},
    signed::elliptic,
    wires::{Wires, clock},
};

const UUID: &str = "urn:uuid:01020304-0506-0708-090a-0b0c0d0e0f10";

/// A gateway whose only peer is never there.
async fn outbox(store: Arc<Memory>) -> Arc<Outbox> {
    let (wires, clock) = (Wires::default(), clock());
    let (issuer, chance) = ("https://portal.example", Arc::new(SeededChance::new(3)));
    let to = "peer.test:1".parse().unwrap();
    let limits = Limits::default();
    let client = PeerClient::new(to, Arc::new(wires), None, limits, clock.clone()).unwrap();
    let client = Arc::new(client);
    let tokens =
        PeerTokens::new(client.clone(), "/oauth/token", "https://peer", issuer, 9, clock.clone());
    let peer = Source {
        code: node("205"),
        client,
        tokens: tokens.unwrap(),
        handle: HandleKey::generate(&*chance).unwrap().0.public(),
        asked: true,
    };
    let signer = Arc::new(elliptic(mylife::authenticate::jose::key::Algorithm::Es256));
    let sender = Sender { node: node("900"), signer, chance, clock };
    let sources = Sources { node: node("900"), local: None, peers: vec![Arc::new(peer)] };
    Arc::new(Outbox::open(sender, store, Arc::new(sources)).await.unwrap())
}

fn node(code: &str) -> NodeCode {
    NodeCode::parse(code).unwrap()
}

async fn letter(status: &str) -> Letter {
    written("grant", status, 0).await
}

/// A version of the one Consent, a grant or a prohibition, as it was written at an instant.
async fn written(kind: &str, status: &str, at: i64) -> Letter {
    let desk = Desk::new();
    let form = credentials(&assertion(status, &json!({})), "system/Consent.cu");
    let (response, refused) = desk.post(&form).await;
    assert!(refused.is_none(), "{refused:?}");
    let caller = desk.caller(body(&response)["access_token"].as_str().unwrap(), None).unwrap();
    let identifier = json!({ "system": "urn:oid:1.2.246.21", "value": "170501A9000" });
    let consent: Value = json!({ "status": status, "patient": { "identifier": identifier } });
    Letter::new(
        &caller,
        "https://portal.example",
        UUID,
        consent,
        kind == "prohibition",
        (&"r".into(), Moment::from_millis(at)),
    )
    .unwrap()
}

#[tokio::test(start_paused = true)]
async fn the_pauses_grow_from_a_second_to_five_minutes_and_are_never_quite_the_same() {
    let store = Arc::new(Memory::default());
    let outbox = outbox(Arc::clone(&store)).await;
    let mut before = Instant::now();
    for attempt in outbox.send(letter("active").await, &[node("205")]).await.unwrap() {
        assert_eq!(attempt.delivery, Delivery::Pending);
        outbox.settle(attempt).await.unwrap();
    }
    let mut pauses = Vec::new();
    for _ in 0..12 {
        outbox.due().await;
        pauses.push(before.elapsed());
        before = Instant::now();
        let attempts = outbox.send_due().await;
        assert_eq!(attempts.len(), 1);
        for attempt in attempts {
            outbox.settle(attempt).await.unwrap();
        }
    }
    for (n, pause) in pauses.iter().enumerate() {
        let whole = Duration::from_secs(1 << n.min(10)).min(Duration::from_mins(5));
        let slack = Duration::from_millis(2);
        assert!(whole / 2 <= *pause && *pause <= whole + slack, "{n}: {pause:?} of {whole:?}");
    }
    let last = &pauses[9..];
    assert!(last.iter().any(|pause| *pause != last[0]), "{last:?}");
    assert_eq!(store.owed(9).await.unwrap().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_later_version_goes_alone_whatever_a_crash_left() {
    let store = Arc::new(Memory::default());
    let earlier = outbox(Arc::clone(&store)).await;
    let to = [node("205")];
    earlier.send(letter("active").await, &to).await.unwrap();
    let first = store.owed(9).await.unwrap();
    earlier.send(letter("inactive").await, &to).await.unwrap();
    let second = store.owed(9).await.unwrap();
    assert_eq!((first.len(), second.len()), (1, 1));
    assert!(second[0].1.body != first[0].1.body);
    // A crash before the earlier one was forgotten.
    store.owed.lock().unwrap().1.insert(0, first[0].clone());
    outbox(Arc::clone(&store)).await;
    assert_eq!(store.owed(9).await.unwrap(), second);
}

/// Kind, then status and writing of each letter in the order in which the store got them, and which of
/// them the node is owed and peers that join are to get.
type Order = (&'static str, &'static [(&'static str, i64)], usize);

const ORDERS: &[Order] = &[
    ("grant", &[("active", 1), ("inactive", 2)], 1),
    ("grant", &[("inactive", 1), ("active", 2)], 1),
    // Late on its way, it would undo the withdrawal after it.
    ("grant", &[("inactive", 2), ("active", 1)], 0),
    // The clock was set back between them, and a withdrawal is one all the same.
    ("grant", &[("active", 2), ("inactive", 1)], 1),
    ("prohibition", &[("active", 1), ("inactive", 2)], 1),
    ("prohibition", &[("active", 2), ("inactive", 1)], 0),
    ("prohibition", &[("inactive", 2), ("active", 1)], 1),
    // Who says the same again says it now.
    ("prohibition", &[("active", 1), ("active", 3), ("inactive", 2)], 1),
    ("grant", &[("inactive", 1), ("inactive", 3), ("active", 2)], 1),
];

#[tokio::test(start_paused = true)]
async fn what_was_late_on_its_way_loosens_nothing_that_was_written_after_it() {
    let to = [node("205")];
    for (kind, letters, last) in ORDERS {
        let store = Arc::new(Memory::default());
        let sending = outbox(Arc::clone(&store)).await;
        let mut all: Vec<(i64, Outgoing)> = Vec::new();
        for (status, at) in *letters {
            sending.send(written(kind, status, *at).await, &to).await.unwrap();
            let owed = store.owed(9).await.unwrap();
            all.retain(|row| owed.iter().all(|other| other.0 != row.0));
            all.extend(owed);
        }
        let wanted = letters[*last];
        check(&store, wanted).await;
        // A crash left every row.
        all.sort_by_key(|(row, _)| *row);
        store.owed.lock().unwrap().1 = all;
        outbox(Arc::clone(&store)).await;
        check(&store, wanted).await;
    }
}

/// The node is owed this letter alone, and of a prohibition it is what is kept.
async fn check(store: &Memory, wanted: (&str, i64)) {
    let owed = store.owed(9).await.unwrap();
    assert!(!owed.is_empty());
    let mut receivers: Vec<&str> = owed.iter().map(|(_, one)| &*one.peer).collect();
    receivers.sort_unstable();
    receivers.dedup();
    assert_eq!(receivers.len(), owed.len(), "{wanted:?}");
    for (_, message) in &owed {
        let body: Value = serde_json::from_slice(&message.body).unwrap();
        let letter = body.get("letter").unwrap_or(&body);
        let status = letter.pointer("/consent/status").and_then(Value::as_str);
        let at = serde_json::to_value(Moment::from_millis(wanted.1)).unwrap();
        assert_eq!((status, &letter["written"]), (Some(wanted.0), &at), "{}", message.peer);
    }
}
