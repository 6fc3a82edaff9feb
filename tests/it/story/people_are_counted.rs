//! An office that answers for outcomes has people counted: by municipality, county, age group and theme, of
//! those who permit it for that, in numbers in which nobody shows.

use std::{sync::Arc, time::Duration};

use http::Method;
use mylife::{
    domain::{
        day::Day,
        identity::IdentityCode,
        theme::Theme::{self, Health, Housing},
    },
    indicator::{cell::Counts, measure::Measure, question::Question},
};
use serde_json::{Value, json};

use crate::world::{
    Gate, Lie, Node, Person, Reply, Terms, World, actor::Ask, municipality::At, person::Given,
};

const YEAR: &str = "periodStart=2025-01-01&periodEnd=2025-12-31";

fn asked(measure: &str) -> String {
    format!("/fhir/Measure/{measure}/$evaluate-measure?{YEAR}")
}

fn office(node: &Node) -> At {
    let nodes = (node.code() != "900").then(|| node.code().to_owned());
    At { nodes, ..node.client("indicator-office") }
}

/// The n-th of those who were as satisfied with their housing, and with their health, in 2025.
fn somebody(node: &Node, number: u16, satisfaction: u8) -> Person {
    let day = i8::try_from(1 + number % 28).unwrap();
    let born = Day::new(2001, 5, day).unwrap();
    let code = IdentityCode::invent(born, 900 + number / 28).unwrap();
    let own = json!({ "birth_date": born.to_string(), "identity_code": code.reveal() });
    let answers = [(Housing, 2, satisfaction, ""), (Health, 1, satisfaction, "")];
    Person::with(node, &format!("p{number}"), &own).answered_in("2025-11", answers)
}

/// Permits that housing is counted.
fn permits(person: &Person) -> Given {
    let office = person.node().world.actor("indicator-office");
    person.gives(Terms::grant(&office).themes(&[Housing]).purpose("HOUTCOMS"))
}

/// So many who permit it.
fn crowd(node: &Node, from: u16, many: u16, satisfaction: u8) -> Vec<(Person, Given)> {
    let one = |number| {
        let person = somebody(node, number, satisfaction);
        let given = permits(&person);
        (person, given)
    };
    (from..from + many).map(one).collect()
}

fn stratifier<'a>(reply: &'a Reply, theme: Theme, by: &str) -> Option<&'a Vec<Value>> {
    assert_eq!(reply.status(), 200, "{reply:?}");
    let groups = reply.json()["group"].as_array().unwrap();
    let group = groups.iter().find(|one| one["code"]["coding"][0]["code"] == theme.code()).unwrap();
    let all = group["stratifier"].as_array()?;
    let of = all.iter().find(|one| one["code"][0]["coding"][0]["code"] == by)?;
    of["stratum"].as_array()
}

/// The numbers of a place and an age group, by class: `10`, `masked`, `unknown`; then the share.
fn told_of(reply: &Reply, theme: Theme, (by, place): (&str, &str), age: &str) -> String {
    let strata = stratifier(reply, theme, by).unwrap();
    let is = |one: &&Value, at: usize, code: &str| {
        one["component"][at]["value"]["coding"][0]["code"] == code
    };
    let stratum = strata.iter().find(|one| is(one, 0, place) && is(one, 1, age)).unwrap();
    let figure = |one: &Value| match one["count"].as_u64() {
        Some(count) => {
            assert_eq!(one.get("_count"), None);
            count.to_string()
        }
        None => one["_count"]["extension"][0]["valueCode"].as_str().unwrap().to_owned(),
    };
    let figures = stratum["population"].as_array().unwrap().iter().map(figure);
    let share = stratum["measureScore"]["value"].as_u64().map(|share| format!("{share} %"));
    figures.chain(share).collect::<Vec<_>>().join(" ")
}

fn housing(reply: &Reply, place: &str) -> String {
    told_of(reply, Housing, ("municipality", place), "18-29")
}

#[test]
fn those_are_counted_who_permit_it_for_that() {
    let world = World::new();
    let kuopio = world.municipality("297");
    let office = office(&kuopio);
    let mut satisfied = crowd(&kuopio, 0, 8, 9);
    drop(crowd(&kuopio, 10, 5, 5));
    drop(crowd(&kuopio, 20, 4, 2));
    // Who permits it for another purpose, or to another, or nothing, is nowhere.
    for number in 30..40 {
        let one = somebody(&kuopio, number, 2);
        one.grants(&kuopio.client("north-savo"), [Housing]);
        let portal = world.actor("national-portal");
        one.gives(Terms::grant(&portal).themes(&[Housing]).purpose("HOUTCOMS"));
    }
    let report = office.get(&asked("wellbeing"));
    let json = report.json();
    assert_eq!(json["resourceType"], "MeasureReport");
    assert_eq!(json["measure"], "https://mylife.example/fhir/Measure/wellbeing");
    assert_eq!(json["period"], json!({ "start": "2025-01-01", "end": "2025-12-31" }));
    assert_eq!(json["group"].as_array().unwrap().len(), 10, "each theme, and no number over all");
    assert_eq!(housing(&report, "297"), "masked 5 10");
    for age in ["0-17", "30-44", "45-64", "65-"] {
        let place = ("municipality", "297");
        assert_eq!(told_of(&report, Housing, place, age), "masked masked masked");
    }
    // Everybody was asked about their health, and nobody permits that.
    let health = told_of(&report, Health, ("municipality", "297"), "18-29");
    assert_eq!(health, "masked masked masked");
    // Which county it is in is not configured here.
    assert_eq!(stratifier(&report, Housing, "county"), None);
    // The fifth who is not satisfied is told of, and with it the share.
    drop(crowd(&kuopio, 24, 1, 3));
    assert_eq!(housing(&office.get(&asked("wellbeing")), "297"), "5 5 10 50 %");
    // Who takes it back is not in the next.
    let (_, given) = satisfied.pop().unwrap();
    given.revoke();
    assert_eq!(housing(&office.get(&asked("wellbeing")), "297"), "5 5 5 33 %");
    // Nobody said it twice in the year.
    assert_eq!(housing(&office.get(&asked("change")), "297"), "masked masked masked");
}

#[test]
fn who_says_it_again_in_the_year_is_counted_by_how_it_changed() {
    let world = World::new();
    let kuopio = world.municipality("297");
    for number in 0..5 {
        let one = somebody(&kuopio, number, 3).answered_in("2025-12", [(Housing, 2, 6, "")]);
        permits(&one);
    }
    let office = office(&kuopio);
    assert_eq!(housing(&office.get(&asked("change")), "297"), "masked masked 5");
    assert_eq!(housing(&office.get(&asked("wellbeing")), "297"), "masked 5 masked");
    let before = "/fhir/Measure/change/$evaluate-measure?periodStart=2024&periodEnd=2024";
    assert_eq!(housing(&office.get(before), "297"), "masked masked masked");
}

#[test]
fn whoever_is_counted_finds_it_in_the_log_and_nobody_else() {
    let world = World::new();
    let kuopio = world.municipality("297");
    let counted = crowd(&kuopio, 0, 2, 9);
    let other = somebody(&kuopio, 9, 9);
    let report = office(&kuopio).get(&asked("wellbeing"));
    assert_eq!(housing(&report, "297"), "masked masked masked");
    for (person, _) in &counted {
        let told = kuopio.disclosures(person.patient());
        let [entry] = &told[..] else { panic!("{told:?}") };
        let query = entry.query.as_ref().unwrap().as_str();
        assert_eq!(query, "measure=wellbeing&period=2025-01-01&period=2025-12-31");
        assert_eq!(entry.purpose.as_deref(), Some("HOUTCOMS"));
        assert_eq!(entry.labels.codes().collect::<Vec<_>>(), ["housing"]);
        assert_eq!(entry.basis.len(), 1, "{entry:?}");
        // Of whom it is: not in the report.
        report.keeps_quiet(person.patient()).keeps_quiet(person.code());
    }
    assert!(kuopio.disclosures(other.patient()).is_empty());
}

#[test]
fn who_has_a_turvakielto_counts_for_nobody_outside() {
    let world = World::new();
    let kuopio = world.municipality("297");
    drop(crowd(&kuopio, 0, 4, 9));
    let code = crate::world::person::code("hidden").reveal().to_owned();
    let hidden = json!({ "identity_code": code, "non_disclosure": true });
    let answers = [(Housing, 2, 9, "")];
    let hidden = Person::with(&kuopio, "hidden", &hidden).answered_in("2025-11", answers);
    permits(&hidden);
    let report = office(&kuopio).get(&asked("wellbeing"));
    assert_eq!(housing(&report, "297"), "masked masked masked");
    assert!(kuopio.disclosures(hidden.patient()).is_empty());
}

#[test]
fn the_portal_adds_up_what_municipalities_count_and_masks_afterwards() {
    let world = World::new();
    let nodes = ["049", "205", "297"].map(|code| world.municipality(code));
    nodes.iter().for_each(|node| drop(crowd(node, 0, 2, 9)));
    let portal = office(&world.portal());
    let ask = || portal.get(&asked("wellbeing"));
    let of_county = |reply: &Reply| told_of(reply, Housing, ("county", "99"), "18-29");
    // Six together, of whom two are in each: none of the three can be worked out.
    let six = ask();
    assert_eq!(of_county(&six), "masked masked 5");
    for code in ["049", "205", "297"] {
        assert_eq!(housing(&six, code), "masked masked masked");
    }
    let sources = &six.json()["contained"][0]["issue"];
    let states: Vec<&Value> =
        sources.as_array().unwrap().iter().map(|i| &i["details"]["coding"][0]["code"]).collect();
    assert_eq!(states, ["complete", "complete", "complete"]);
    // One person more, in either, does not show.
    let (one, given) = crowd(&nodes[1], 10, 1, 9).pop().unwrap();
    assert_eq!(ask().bytes(), six.bytes());
    given.revoke();
    assert_eq!(ask().bytes(), six.bytes());
    permits(&one);
    // So many in one of them that it is told, and of the others each could be worked out.
    drop(crowd(&nodes[0], 20, 6, 9));
    let told = ask();
    assert_eq!(housing(&told, "049"), "masked masked 10");
    assert_eq!(of_county(&told), "masked masked masked");
    // A municipality says of itself what the portal says of it.
    let alone = office(&nodes[0]).get(&asked("wellbeing"));
    assert_eq!(housing(&alone, "049"), "masked masked 10");
    // Each holder has it on record that its people were counted, on whose behalf.
    let told = nodes[1].disclosures(one.patient());
    assert!(told.iter().all(|entry| &*entry.caller.client == "900/indicator-office"), "{told:?}");
    assert!(!told.is_empty());
}

#[test]
fn without_a_source_no_sum_is_told() {
    let lies = [Lie::Says("{}".to_owned()), Lie::Fails(403), Lie::Silence].map(Some);
    for lie in std::iter::once(None).chain(lies) {
        // Who counts for longer than is waited for has not answered either.
        let world = match lie {
            Some(Lie::Silence) => World::with_deadline(Duration::from_secs(8)),
            _ => World::new(),
        };
        let nodes = ["049", "205"].map(|code| world.municipality(code));
        nodes.iter().for_each(|node| drop(crowd(node, 0, 5, 9)));
        if let Some(lie) = &lie {
            world.impostor("297", lie.clone());
        }
        let report = office(&world.portal()).get(&asked("wellbeing"));
        assert_eq!(housing(&report, "049"), "masked masked 5", "{lie:?}");
        assert_eq!(housing(&report, "205"), "masked masked 5");
        assert_eq!(housing(&report, "297"), "unknown unknown unknown");
        let county = told_of(&report, Housing, ("county", "99"), "18-29");
        assert_eq!(county, "unknown unknown unknown");
        report.says(
            r#""code":"not-reached","system":"https://mylife.example/fhir/CodeSystem/completeness""#,
        );
        // Nor where the caller leaves one out; there is no sum of fewer then.
        let two = At { nodes: Some("049,205".to_owned()), ..office(&world.portal()) };
        let report = two.get(&asked("wellbeing"));
        assert_eq!(housing(&report, "205"), "masked masked 5");
        assert_eq!(stratifier(&report, Housing, "county"), None);
    }
}

#[test]
fn people_are_counted_for_so_many_at_a_time_and_one_more_comes_again() {
    let world = World::with_deadline(Duration::from_secs(8));
    let kuopio = world.municipality("297");
    drop(crowd(&kuopio, 0, 6, 9));
    let office = world.actor("indicator-office");
    let bearer = office.bearer(&kuopio);
    // Two wait for another gateway when the own people are counted already.
    let gate = Arc::new(Gate::default());
    let question = Question { measure: Measure::Wellbeing, year: 2025 };
    let nobody = Counts::default().parameters(question).to_string();
    world.impostor("205", Lie::Waits(Arc::clone(&gate), nobody));
    let path = asked("wellbeing");
    let ask = |nodes| {
        let asks = Ask { headers: vec![bearer.clone()], nodes: Some(nodes), ..Ask::default() };
        office.meanwhile(&kuopio, Method::GET, &path, asks)
    };
    let (one, two, others) = world.runtime.block_on(async {
        let others = async {
            gate.asked.notified().await;
            gate.asked.notified().await;
            let third = ask("297").await.unwrap();
            // Who only asks others has nobody counted here.
            let far = ask("049").await.unwrap();
            gate.goes.notify_one();
            gate.goes.notify_one();
            (third, far)
        };
        tokio::join!(ask("205,297"), ask("205,297"), others)
    });
    let (third, far) = others;
    third.refused(503, "no-store");
    assert_eq!(third.header("retry-after"), Some("1"));
    assert!(third.text().contains("ask again"), "{third:?}");
    far.accepted();
    for counted in [one, two] {
        assert_eq!(housing(&counted.unwrap(), "297"), "masked masked 5");
    }
    let again = At { nodes: Some("297".to_owned()), ..self::office(&kuopio) };
    assert_eq!(housing(&again.get(&path), "297"), "masked masked 5");
}

#[test]
fn a_gateway_that_is_not_trusted_with_counts_is_told_none() {
    let world = World::new();
    let (kajaani, kuopio) = (world.municipality("205"), world.municipality("297"));
    let there = crowd(&kajaani, 0, 6, 9);
    drop(crowd(&kuopio, 0, 6, 9));
    let both = At { nodes: Some("205,297".to_owned()), ..office(&kuopio) };
    let report = both.get(&asked("wellbeing"));
    assert_eq!(housing(&report, "297"), "masked masked 5");
    assert_eq!(housing(&report, "205"), "unknown unknown unknown");
    assert!(kajaani.disclosures(there[0].0.patient()).is_empty());
}

#[test]
fn what_would_choose_among_people_is_refused() {
    let world = World::new();
    let kuopio = world.municipality("297");
    drop(crowd(&kuopio, 0, 6, 9));
    let at = office(&kuopio);
    let measure = "/fhir/Measure/wellbeing/$evaluate-measure";
    for (path, status, code) in [
        (format!("{measure}?periodStart=2026&periodEnd=2026"), 400, "invalid"),
        (format!("{measure}?periodStart=2025-01-01&periodEnd=2025-06-30"), 400, "invalid"),
        (format!("{measure}?{YEAR}&reportType=subject-list"), 400, "not-supported"),
        (format!("{measure}?{YEAR}&subject=Patient/297.x"), 400, "not-supported"),
        (format!("{measure}?{YEAR}&practitioner=Practitioner/297.x"), 400, "not-supported"),
        (measure.to_owned(), 400, "invalid"),
        (asked("total"), 404, "not-found"),
    ] {
        at.get(&path).refused(status, code);
    }
    // For another purpose, of a part of the types, of a part of the people.
    kuopio.client("national-portal").get(&asked("wellbeing")).refused(403, "forbidden");
    kuopio.client("goals-only").get(&asked("wellbeing")).refused(403, "forbidden");
    let with = |token: String| {
        let headers = vec![("authorization", format!("Bearer {token}"))];
        let ask = Ask { headers, ..Ask::default() };
        at.actor.raw(&kuopio, Method::GET, &asked("wellbeing"), ask)
    };
    let scopes = "system/Observation.rs system/Patient.rs";
    with(at.actor.token(&kuopio, scopes)).accepted();
    for part in [
        "system/Observation.rs",
        "system/Observation.rs?date=lt2025-06-01 system/Patient.rs",
        "system/Observation.rs system/Patient.rs?birthdate=2001-05-01",
    ] {
        with(at.token(part, &json!({ "purpose": "HOUTCOMS" }))).refused(403, "forbidden");
    }
    // With a user, a patient, a declared ground: each would see others.
    let token = |scope: &str, more: &Value| with(at.token(scope, more));
    token(scopes, &json!({ "purpose": "HOUTCOMS" })).accepted();
    token("patient/*.rs", &json!({ "purpose": "HOUTCOMS", "patient": "297.x" }))
        .refused(403, "forbidden");
    let user = json!({ "purpose": "HOUTCOMS", "subject": "Practitioner/297.prac.youth1" });
    token("user/*.rs", &user).refused(403, "forbidden");
    let role = json!({ "purpose": "HOUTCOMS", "roles": ["social-worker"] });
    token(scopes, &role).refused(403, "forbidden");
    let declared = json!([{ "id": "law:rescue", "reason": "because" }]);
    token(scopes, &json!({ "purpose": "HOUTCOMS", "declared": declared }))
        .refused(403, "forbidden");
}

#[test]
fn it_can_be_asked_in_a_body() {
    let world = World::new();
    let kuopio = world.municipality("297");
    drop(crowd(&kuopio, 0, 6, 9));
    let at = office(&kuopio);
    let post = |body: &Value| {
        let kind = Some("application/fhir+json");
        let ask = Ask { kind, body: body.to_string().into(), ..Ask::default() };
        let path = "/fhir/Measure/wellbeing/$evaluate-measure";
        at.actor.send(&kuopio, Method::POST, path, ask)
    };
    let date = |name: &str, day: &str| json!({ "name": name, "valueDate": day });
    let all = [date("periodStart", "2025-01-01"), date("periodEnd", "2025-12-31")];
    let body = json!({ "resourceType": "Parameters", "parameter": all });
    assert_eq!(post(&body).json(), at.get(&asked("wellbeing")).json());
    let more = [&all[..], &[json!({ "name": "subject", "valueString": "x" })]].concat();
    let body = json!({ "resourceType": "Parameters", "parameter": more });
    post(&body).refused(400, "not-supported");
    post(&json!({ "resourceType": "Patient" })).refused(400, "invalid");
}
