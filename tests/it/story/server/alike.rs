//! Whichever process is asked, the answer is the same: what was begun at one, page, launch, token or
//! export, goes on at another, also when the first is gone.

use std::{collections::BTreeSet, time::Duration};

use http::{
    HeaderMap, HeaderValue, Method,
    header::{CONTENT_TYPE, COOKIE},
};
use mylife::{
    clock::{Clock, SystemClock},
    domain::theme::Theme::{Health, Housing},
    oauth::token::Asked,
};
use serde_json::{Value, json};

use super::{ANSWERS, Twins, on_one_thread, order::Person, town::Town};
use crate::world::browser::{Browser, encoded, name_of, parameter, refreshes, wish};

/// Index of the client that reads.
const READER: usize = 2;
/// Longer than the slowest machine takes to begin an export.
const LONGEST: Duration = Duration::from_mins(1);

fn path(url: &str) -> String {
    url[url.find("/fhir").unwrap()..].to_owned()
}

/// The manifest, from whichever process has it first.
async fn manifest(town: &Town, at: usize, status: &str) -> Value {
    let clock = SystemClock::default();
    while clock.elapsed() < LONGEST {
        let told = town.once((at, READER), Method::GET, status, None).await.unwrap();
        match told.status {
            200 => return told.body,
            // Not yet; or asked again too soon.
            202 | 429 => {}
            other => panic!("{other}: {}", told.text),
        }
    }
    panic!("an export does not settle");
}

/// Lines of a type of an export whose files are taken at these by turns.
async fn taken(town: &Town, manifest: &Value, turns: &[usize]) -> Vec<Value> {
    let mut lines = Vec::new();
    for (number, file) in manifest["output"].as_array().unwrap().iter().enumerate() {
        let path = path(file["url"].as_str().unwrap());
        let at = turns[number % turns.len()];
        let told = town.once((at, READER), Method::GET, &path, None).await.unwrap();
        assert_eq!(told.status, 200, "{}", told.text);
        lines.extend(told.text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()));
    }
    lines
}

async fn exported() {
    let town = Town::of(2).await;
    let mut people = Vec::new();
    for (name, number) in [("aino", 1), ("eetu", 2), ("helmi", 3)] {
        let person = Person::new(&town, name, number).await;
        assert!(person.permits(&town, 0, &[Housing]).await);
        person.is_shown(&town, 1, &[Housing]).await;
        people.push(person.patient.clone());
    }
    people.sort();
    let path_of = "/fhir/Patient/$export";
    let begun = town.once((0, READER), Method::GET, path_of, None).await.unwrap();
    assert_eq!(begun.status, 202, "{}", begun.text);
    let status = path(&begun.location.unwrap());
    // Nobody but the other knows of it now.
    town.kill(0);
    let told = manifest(&town, 1, &status).await;
    assert!(told["output"].as_array().unwrap().len() > 2, "{told}");
    let first = taken(&town, &json!({ "output": [told["output"][0]] }), &[1]).await;
    town.start(0).await;
    town.kill(1);
    assert_eq!(manifest(&town, 0, &status).await["output"], told["output"]);
    let again = taken(&town, &json!({ "output": [told["output"][0]] }), &[0]).await;
    assert_eq!(again, first, "the same file, from either");
    town.start(1).await;
    let lines = taken(&town, &told, &[1, 0]).await;
    let ids: Vec<&str> = lines.iter().map(|line| line["id"].as_str().unwrap()).collect();
    let once: BTreeSet<&str> = ids.iter().copied().collect();
    assert_eq!(once.len(), ids.len(), "nothing comes twice");
    let patients = lines.iter().filter(|line| line["resourceType"] == "Patient");
    let mut patients: Vec<&str> = patients.map(|line| line["id"].as_str().unwrap()).collect();
    patients.sort_unstable();
    assert_eq!(patients, people);
    let text = lines.iter().map(Value::to_string).collect::<String>();
    assert!(text.contains("\"housing\"") && !text.contains("\"health\""), "{text}");
    // Ended at one, it is gone at the other.
    let ended = town.once((0, READER), Method::DELETE, &status, None).await.unwrap();
    assert_eq!(ended.status, 202, "{}", ended.text);
    let gone = town.once((1, READER), Method::GET, &status, None).await.unwrap();
    assert_eq!(gone.status, 404, "{}", gone.text);
}

#[test]
fn an_export_goes_on_at_the_other_when_the_process_that_began_it_is_killed() {
    on_one_thread(exported());
}

const SCOPE: &str = "launch/patient patient/Observation.rs patient/Patient.rs offline_access";

#[test]
fn a_launch_goes_from_page_to_page_of_either_and_its_tokens_hold_at_both() {
    let twins = Twins::with_one_log();
    let (a, b) = (&twins.a, &twins.b);
    let aino = a.person("aino").answered(ANSWERS);
    twins.settle();
    let (at_a, at_b) = (Browser::at(a), Browser::at(b));
    let page = at_a.launch(&wish(a, &[("scope", SCOPE)]));
    at_b.cookie.replace(at_a.cookie.borrow().clone());
    let page = at_b.logs_in(&page, "aino");
    at_a.cookie.replace(at_b.cookie.borrow().clone());
    let code = parameter(&at_a.allows(&page), "code");
    let first = at_b.redeem(&[("code", &code)]);
    assert_eq!(first.status(), 200, "{first:?}");
    let search = format!("/fhir/Observation?patient={}", aino.patient());
    at_a.reads(first.json(), &search).shows([Housing, Health]);
    let second = refreshes(a, first.json(), &[]);
    assert_eq!(second.status(), 200, "{second:?}");
    at_b.reads(second.json(), &search).shows([Housing, Health]);
    // What was used once at one was used, and its second use ends the launch, everywhere.
    let again = refreshes(b, first.json(), &[]);
    assert_eq!((again.status(), &again.json()["error"]), (400, &"invalid_grant".into()));
    twins.settle();
    for node in [a, b] {
        let ended = refreshes(node, second.json(), &[]);
        assert_eq!((ended.status(), &ended.json()["error"]), (400, &"invalid_grant".into()));
    }
    for browser in [&at_a, &at_b] {
        browser.reads(second.json(), &search).refused(401, "login");
        let used = browser.redeem(&[("code", &code)]);
        assert_eq!((used.status(), &used.json()["error"]), (400, &"invalid_grant".into()));
    }
}

#[test]
fn what_somebody_ends_at_one_gives_no_token_at_the_other_from_that_moment() {
    let twins = Twins::with_one_log();
    let (a, b) = (&twins.a, &twins.b);
    a.person("aino").answered(ANSWERS);
    twins.settle();
    let (at_a, at_b) = (Browser::at(a), Browser::at(b));
    let first = at_a.tokens("aino", SCOPE);
    let second = refreshes(b, &first, &[]).json().clone();
    at_b.cookie.replace(at_a.cookie.borrow().clone());
    let page = at_b.get("/oauth/permissions");
    let text = page.text();
    let (_, rest) = text.split_once("name=\"end\" value=\"").unwrap_or_else(|| panic!("{text}"));
    let form = [("page", &*name_of(&page)), ("end", rest.split('"').next().unwrap())];
    // Not over the wire, where it is said once all that is under way has started, and time stands still.
    let headers = HeaderMap::from_iter([
        (COOKIE, at_b.cookie.borrow().as_ref().unwrap().try_into().unwrap()),
        (CONTENT_TYPE, HeaderValue::from_static("application/x-www-form-urlencoded")),
    ]);
    let form = encoded(&form);
    let asked = Asked {
        method: &Method::POST,
        query: None,
        headers: &headers,
        body: form.as_bytes(),
        certificate: None,
        names: None,
        address: [127, 0, 0, 1].into(),
    };
    let ended = b.gateway.tokens.permissions(asked, twins.world.now());
    let ended = twins.world.runtime.block_on(ended);
    assert_eq!(ended.event.map(|event| event.what), Some("end-permission"));
    // The other has not looked at the store since, and asks it all the same.
    let ended = refreshes(a, &second, &[]);
    assert_eq!((ended.status(), &ended.json()["error"]), (400, &"invalid_grant".into()));
    at_a.get("/oauth/permissions").says("no app may get information");
    twins.settle();
    for browser in [&at_a, &at_b] {
        browser.reads(&second, "/fhir/Organization").refused(401, "login");
    }
}
