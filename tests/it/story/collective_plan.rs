//! A meeting of a young person and the case manager: everything that is planned, from everywhere, as
//! one plan, with what does not fit together.

use http::Method;
use mylife::domain::theme::Theme::{self, Finance, Health, Housing, StudiesWork};
use serde_json::{Value, json};

use crate::world::{Lie, Person, Reply, Terms, World, actor::Ask, municipality::At};

pub(super) fn ask(who: &At, person: &Person, form: &str, language: &str) -> Reply {
    let headers = vec![("accept", form.to_owned()), ("accept-language", language.to_owned())];
    let nodes = (who.node.code() != "900").then(|| who.node.code());
    let path = format!("/fhir/Patient/{}/$collective-plan", person.patient());
    who.actor.send(&who.node, Method::GET, &path, Ask { headers, nodes, ..Ask::default() })
}

const FHIR: &str = "application/fhir+json";
const PAGE: &str = "text/html";

/// A plan of a municipality for housing, and one more theme.
pub(super) fn plan(node: &str, aim: u8, more: Theme) -> Value {
    json!({
        "schema": "mylife/plan/1", "id": "aino-w", "person": "aino", "status": "active",
        "title": "Kohti kotia", "period": { "start": "2026-02-10", "end": "2027-02-10" },
        "created": "2026-02-10T08:00:00Z", "assessments": [],
        "views": { "person": "Haluan oman kodin", "professional": "Tukea tarvitaan" },
        "goals": [
            { "id": "g-1", "themes": ["housing"], "words": "Oma avain", "set_by": "person",
              "status": "active",
              "target": { "theme": "housing", "satisfaction": aim, "due": "2026-12-01" } },
            { "id": "g-2", "themes": [more.code()], "words": "Muu", "set_by": "together",
              "status": "completed" },
        ],
        "services": [
            { "id": "s-1", "service": format!("{node}.svc.youth"), "themes": ["housing"],
              "state": "granted", "decided": "2026-02-12" },
            { "id": "s-2", "service": format!("{node}.svc.social"), "themes": [more.code()],
              "state": "planned" },
        ],
        "actions": [{ "id": "t-1", "themes": ["housing"], "text": "Soita", "status": "planned",
            "performer": "person", "due": "2026-03-20", "goal": "g-1" }],
        "team": [{ "id": "m-1", "practitioner": format!("{node}.prac.youth1"), "role": "case-manager",
            "organization": format!("{node}.org.youth"), "active": true }],
        "follow_up": [{ "id": "f-1", "date": "2026-04-15", "text": "Katsotaan yhdessä",
            "status": "planned" }],
    })
}

fn entries<'a>(reply: &'a Reply, kind: &str) -> Vec<&'a Value> {
    assert_eq!(reply.status(), 200, "{reply:?}");
    let all = reply.json()["entry"].as_array().unwrap().iter().map(|entry| &entry["resource"]);
    all.filter(|resource| resource["resourceType"] == kind).collect()
}

/// Codes of what was found, each with the code of its theme.
fn findings(reply: &Reply) -> Vec<String> {
    let of = |issue: &&Value| {
        let codings = issue["code"]["coding"].as_array().unwrap();
        let codes: Vec<&str> = codings.iter().map(|c| c["code"].as_str().unwrap()).collect();
        codes.join(" ")
    };
    entries(reply, "DetectedIssue").iter().map(of).collect()
}

#[test]
fn plans_of_two_municipalities_are_laid_side_by_side_at_the_portal() {
    let world = World::new();
    let (kuopio, kajaani) = (world.municipality("297"), world.municipality("205"));
    let _third = world.municipality("049");
    let portal = world.portal().client("national-portal");
    let survey = [(Housing, 9, 3, ""), (Health, 9, 2, ""), (Finance, 9, 2, "")];
    let here = kuopio.person("aino").answered(survey).planned(&plan("297", 8, StudiesWork));
    let there = kajaani.person("aino").planned(&plan("205", 6, Finance));
    let themes = [Housing, StudiesWork, Finance];
    for one in [&here, &there] {
        one.gives(Terms::grant(&portal.actor).themes(&themes).class("free-text"));
    }
    for patient in [&here, &there] {
        let reply = ask(&portal, patient, FHIR, "en");
        assert_eq!(reply.json()["type"], "collection");
        let plans = entries(&reply, "CarePlan");
        assert_eq!(plans.len(), 3, "one over two: {reply:?}");
        let over = plans[0];
        assert_eq!(over["goal"].as_array().unwrap().len(), 4, "{over}");
        let first = over["goal"][0]["extension"].as_array().unwrap();
        assert_eq!(first[0]["valueCoding"]["code"], "studies-work", "in order of theme");
        let owners: Vec<&Value> =
            first.iter().filter_map(|e| e.get("valueReference")).map(|o| &o["display"]).collect();
        assert_eq!(owners, ["297"], "{over}");
        assert_eq!(
            findings(&reply),
            [
                "case-managers",
                "conflicting-targets housing",
                "gap finance",
                "overlapping-goals housing",
                "overlapping-services housing",
                "orphaned-service studies-work",
                "orphaned-service finance",
            ],
            "{reply:?}"
        );
        // Every entry can be found by what refers to it.
        let urls: Vec<&str> = reply.json()["entry"]
            .as_array()
            .unwrap()
            .iter()
            .filter_map(|entry| entry["fullUrl"].as_str())
            .collect();
        for issue in entries(&reply, "DetectedIssue").into_iter().chain([over]) {
            for to in references(issue) {
                let is_own = to.contains("/Patient/") || to.contains("/Practitioner/");
                assert!(is_own || urls.contains(&to), "{to} in {urls:?}");
            }
        }
        reply.keeps_quiet("\"code\":\"health\"");
        let page = ask(&portal, patient, PAGE, "fi");
        page.says("Asuminen: tavoitteet tähtäävät eri lukuun (205: 6, 2026-12-01; 297: 8");
        page.says("Talous: tärkeää mutta ei vielä hyvin, eikä tavoitetta, jonka saat nähdä.");
        page.says("Oma avain").says("Haluan oman kodin").says("15.4.2026: Katsotaan yhdessä");
        page.says("Nuorisopalvelut").says("vastuutyöntekijä: Leena Kettunen");
        page.says("<strong>aino Testi</strong>").says("class=\"ml\"");
        ask(&portal, patient, PAGE, "sv").says("<html lang=\"sv\">").says("Gemensam plan");
    }
    for (node, patient) in [(&kuopio, &here), (&kajaani, &there)] {
        assert!(!node.disclosures(patient.patient()).is_empty(), "recorded where it is held");
    }
}

/// Every reference in a resource that is made.
fn references(of: &Value) -> Vec<&str> {
    match of {
        Value::Object(members) => members
            .iter()
            .flat_map(|(name, value)| match (name.as_str(), value.as_str()) {
                ("reference", Some(to)) => vec![to],
                (_, _) => references(value),
            })
            .collect(),
        Value::Array(all) => all.iter().flat_map(references).collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => Vec::new(),
    }
}

#[test]
fn what_could_not_be_reached_is_said() {
    let world = World::new();
    let kuopio = world.municipality("297");
    let _other = world.municipality("205");
    world.impostor("049", Lie::Fails(500));
    let portal = world.portal().client("national-portal");
    let aino = kuopio.person("aino").planned(&plan("297", 8, StudiesWork));
    aino.grants(&portal, [Housing]);
    let reply = ask(&portal, &aino, FHIR, "en");
    let outcome = entries(&reply, "OperationOutcome")[0];
    let states: Vec<(&str, &str)> = outcome["issue"]
        .as_array()
        .unwrap()
        .iter()
        .map(|i| {
            let code = i["details"]["coding"][0]["code"].as_str().unwrap();
            (i["diagnostics"].as_str().unwrap(), code)
        })
        .collect();
    assert_eq!(states, [("049", "not-reached"), ("205", "complete"), ("297", "complete")]);
    ask(&portal, &aino, PAGE, "en").says("Not everything could be fetched. Missing: 049");
}

#[test]
fn what_the_scope_lacks_is_absent() {
    let world = World::new();
    let kuopio = world.municipality("297");
    let portal = kuopio.client("national-portal");
    let survey = [(Housing, 9, 3, ""), (StudiesWork, 9, 2, "")];
    let aino = kuopio.person("aino").answered(survey).planned(&plan("297", 8, StudiesWork));
    aino.gives(Terms::grant(&portal.actor).themes(&[Housing, StudiesWork]).class("free-text"));
    let with = |scope: &str| {
        let token = portal.actor.token(&kuopio, scope);
        let headers = vec![("authorization", format!("Bearer {token}"))];
        let path = format!("/fhir/Patient/{}/$collective-plan", aino.patient());
        portal.actor.raw(&kuopio, Method::GET, &path, Ask { headers, ..Ask::default() })
    };
    let kinds = |reply: &Reply| {
        let all = reply.json()["entry"].as_array().unwrap();
        let mut kinds: Vec<&str> =
            all.iter().map(|e| e["resource"]["resourceType"].as_str().unwrap()).collect();
        kinds.dedup();
        kinds.join(" ")
    };
    let all = with("system/*.rs");
    assert_eq!(
        kinds(&all),
        "CarePlan DetectedIssue OperationOutcome CarePlan CareTeam Goal Patient Provenance \
         QuestionnaireResponse ServiceRequest Task"
    );
    assert_eq!(findings(&all), ["gap studies-work", "orphaned-service studies-work"]);
    let some = with("system/CarePlan.rs system/ServiceRequest.rs system/QuestionnaireResponse.rs");
    assert_eq!(
        kinds(&some),
        "CarePlan OperationOutcome CarePlan QuestionnaireResponse ServiceRequest"
    );
    some.keeps_quiet("Oma avain").keeps_quiet("297.prac");
    with("system/Goal.rs").refused(403, "forbidden");
}

#[test]
fn a_professional_finds_their_people_across_holders() {
    let world = World::new();
    let (kuopio, kajaani) = (world.municipality("297"), world.municipality("205"));
    let portal = world.portal().client("national-portal");
    let here = kuopio.person("aino").planned(&plan("297", 8, StudiesWork));
    // The same professional works with somebody in the other municipality too.
    let mut other = plan("205", 6, Finance);
    other["id"] = json!("eetu-w");
    other["person"] = json!("eetu");
    let there = kajaani.person("eetu").planned(&other);
    let unseen = kuopio.person("liisa").planned(&{
        let mut plan = plan("297", 5, Health);
        plan["id"] = json!("liisa-w");
        plan["person"] = json!("liisa");
        plan
    });
    here.grants(&portal, [Housing]);
    there.grants(&portal, [Housing]);
    let mine = |who: &str| -> Vec<String> {
        let path = format!("/fhir/CareTeam?participant=Practitioner/{who}&_count=20");
        let pages = portal.pages(&path);
        let subject = |team: &&Value| team["subject"]["reference"].as_str().unwrap().to_owned();
        pages
            .iter()
            .flat_map(|page| page.matches().iter().map(subject).collect::<Vec<_>>())
            .collect()
    };
    assert_eq!(mine("297.prac.youth1"), [format!("Patient/{}", here.patient())]);
    assert_eq!(mine("205.prac.youth1"), [format!("Patient/{}", there.patient())]);
    assert!(mine("297.prac.nobody").is_empty());
    assert_ne!(unseen.patient(), here.patient());
    // The days of review of one person, wherever they are.
    let reviews = portal
        .get(&format!("/fhir/Task?patient={}&code=follow-up&status=requested", here.patient()));
    let dates: Vec<&Value> =
        reviews.matches().iter().map(|task| &task["restriction"]["period"]["end"]).collect();
    assert_eq!(dates, ["2026-04-15"]);
}

#[test]
fn exactly_one_answers_for_a_plan() {
    let world = World::new();
    let kuopio = world.municipality("297");
    kuopio.person("aino");
    let push = |team: Value| {
        let mut plan = plan("297", 8, StudiesWork);
        plan["team"] = team;
        let kind = Some("application/json");
        let ask = Ask { kind, body: plan.to_string().into(), ..Ask::default() };
        let source = world.actor("source");
        source.send(&kuopio, Method::PUT, "/native/plans/aino-w", ask)
    };
    let member = |number: u8, active: bool| {
        json!({ "id": format!("m-{number}"), "practitioner": format!("297.prac.youth{number}"),
            "role": "case-manager", "organization": "297.org.youth", "active": active })
    };
    push(json!([member(1, true), member(2, true)])).refused(422, "business-rule");
    push(json!([member(1, false)])).refused(422, "business-rule");
    push(json!([member(1, false), member(2, true)])).accepted();
}
