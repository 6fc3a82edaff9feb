//! One answer of many sources does not depend on which answered first.

use std::{sync::Arc, time::Duration};

use http::{HeaderMap, header};
use http_body_util::BodyExt;
use mylife::{
    audit::{self, step},
    bundle::{Frame, Page, include::Directory},
    domain::{id::NodeCode, moment::Moment},
    federation::{Answered, Completeness, Entry, State},
    fhir::{labels::Labels, types::ResourceType},
    query::{Person, Query, Sort, order::Key},
    respond::{self, Sending, flight::Flights},
    route::Call,
    scope,
};
use proptest::{
    collection::{btree_map, vec},
    prelude::*,
    sample::select,
};
use serde_json::{json, value::RawValue};

use super::{
    MANY,
    lab::{FHIR, Lab, now, token},
    reader::Reader,
    world::{READER, day},
};

/// What one peer answers: days of change by number, and how complete it is.
type Said = (std::collections::BTreeMap<u8, u8>, State);

fn said() -> impl Strategy<Value = Said> {
    let state = select(vec![State::Complete, State::Complete, State::Partial]);
    (btree_map(0..9_u8, 0..4_u8, 0..5), state)
}

fn entry(node: &NodeCode, number: u8, days: u8) -> Entry {
    let id = format!("{node}.{}{}", "a".repeat(25), number);
    let at: Moment = day(days);
    let goal = json!({ "resourceType": "Goal", "id": id, "meta": { "lastUpdated": at } });
    Entry {
        node: node.clone(),
        kind: ResourceType::Goal,
        id,
        patient: format!("{node}.{}", "a".repeat(26)).into(),
        last_updated: at,
        version: None,
        keys: vec![Key::At(at)],
        labels: Labels::default(),
        resource: RawValue::from_string(goal.to_string()).unwrap(),
    }
}

fn query(count: usize, sort: Vec<Sort>) -> Query {
    let person = Some(Person::Id("297.a".to_owned()));
    Query { person, sort, count, ..Query::new(ResourceType::Goal) }
}

/// The bytes of the page when the peers answer in this order.
fn page(lab: &Lab, token: &str, query: &Query, order: &[(NodeCode, &Said)]) -> String {
    let gateway = lab.gateway();
    let directory = Directory::default();
    let frame = Frame {
        node: &gateway.node,
        base: FHIR,
        sealer: &*gateway.sealer,
        directory: &directory,
        federated: true,
        now: now(),
    };
    let mut page = Page::new(query, frame, Duration::ZERO);
    for (node, (entries, state)) in order {
        let entries = entries.iter().map(|(number, days)| entry(node, *number, *days));
        page.answered(Answered {
            entries: entries.collect(),
            included: Vec::new(),
            total: Some(9),
            asked_at: Duration::ZERO,
        });
        page.state(Completeness { node: node.clone(), state: *state });
    }
    let answer = page.close().unwrap();
    let bearer = format!("Bearer {token}").parse().unwrap();
    let headers = HeaderMap::from_iter([(header::AUTHORIZATION, bearer)]);
    let caller = gateway.authenticator.verify(&headers, None, None, now()).unwrap();
    let grant = scope::grant(caller, Call::Search(ResourceType::Goal)).unwrap();
    let request = step::Request::alone("r1", "");
    lab.block_on(async {
        let recorded = audit::record(&gateway.log, &answer, &grant, &request, now()).await;
        let receipt = recorded.unwrap();
        let sending = Sending {
            request_id: "r1",
            mac: [0; 32],
            head: false,
            clock: Arc::new(mylife::clock::FixedClock::new(Moment::from_millis(0))),
            in_flight: Flights::default().take(),
        };
        let response = respond::bundle(answer, &receipt, sending);
        let body = response.into_body().collect().await.unwrap().to_bytes();
        String::from_utf8(body.to_vec()).unwrap()
    })
}

#[test]
fn the_order_in_which_peers_answer_shows_nowhere() {
    let lab = Lab::new();
    let reader = Reader {
        organization: READER,
        purpose: Some("TREAT"),
        scope: "system/*.rs".to_owned(),
        register: None,
        subject: None,
        officer: false,
    };
    let token = token(&reader);
    let sort = select(vec![
        Vec::new(),
        vec![Sort { param: "_lastUpdated", descending: false }],
        vec![Sort { param: "_lastUpdated", descending: true }],
    ]);
    let shuffled = vec(said(), 3).prop_flat_map(|all| {
        let order = Just(vec![0_usize, 1, 2]).prop_shuffle();
        (Just(all), order)
    });
    let config = ProptestConfig { cases: MANY, failure_persistence: None, ..Default::default() };
    proptest!(config, |((all, order) in shuffled, count in 0..8_usize, sort in sort)| {
        let nodes = ["049", "205", "h13"].map(|code| NodeCode::parse(code).unwrap());
        let query = query(count, sort);
        let in_order = |order: &[usize]| {
            let asked: Vec<_> = order.iter().map(|at| (nodes[*at].clone(), &all[*at])).collect();
            page(&lab, &token, &query, &asked)
        };
        prop_assert_eq!(in_order(&[0, 1, 2]), in_order(&order));
    });
}
