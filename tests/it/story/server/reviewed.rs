//! An access at one process is found, and reviewed, at another; of two who review it at once one does.

use std::time::Duration;

use http::Method;
use mylife::shared::Away;
use serde_json::Value;

use super::Twins;
use crate::story::{
    proposed::Writer,
    reviewed::{LIST, found, in_an_emergency, legislated, reviewer},
};

#[test]
fn an_access_at_one_is_reviewed_at_the_other_and_once() {
    let twins = Twins::on(legislated(), false, Away::Refuse);
    let aino = in_an_emergency(&twins.a, "aino");
    twins.settle();
    let (at_a, at_b) = (reviewer(&twins.a), reviewer(&twins.b));
    let list = at_b.get(LIST).accepted();
    let [task] = &list.matches()[..] else { panic!("one: {list:?}") };
    let path = format!("/Task/{}", task["id"].as_str().unwrap());
    let read = at_b.get(&path);
    let etag = read.header("etag").unwrap().to_owned();
    let send = |by: &Writer, finding: &str| {
        let mut task: Value = (*task).clone();
        for (name, value) in found(finding, None).as_object().unwrap() {
            task[name] = value.clone();
        }
        by.send(Method::PUT, &path, &task, &[("if-match", etag.as_str())]).status()
    };
    twins.run(twins.pass(Duration::from_mins(1)));
    assert_eq!(send(&at_b, "justified"), 200);
    assert_eq!(send(&at_a, "unjustified"), 412, "it was reviewed at the other");
    for by in [&at_a, &at_b] {
        assert!(by.get(LIST).accepted().matches().is_empty());
        assert_eq!(by.get(&path).json()["output"], found("justified", None)["output"]);
    }
    let reviews = twins.a.disclosures(aino.patient());
    assert_eq!(reviews.iter().filter(|entry| entry.review.is_some()).count(), 1);
}
