//! A goal about several people is seen by whom each of them permits, as long as each of them does.

use std::time::Duration;

use http::Method;
use mylife::{
    audit::record::{Basis, Entry},
    domain::theme::Theme::{self, Family, Health, Housing},
};
use serde_json::{Value, json};

use super::{
    explained::{ask, caller, citizen, permitted},
    export::{begin, files, manifest},
};
use crate::world::{
    Node, Person, Reply, Terms, World, actor::Ask, browser::Browser, municipality::At, person::path,
};

/// A plan with a goal of the person's own, and one about others too.
fn plan(person: &str, others: &[&str]) -> Value {
    json!({
        "schema": "mylife/plan/1", "id": format!("{person}-w"), "person": person,
        "status": "active", "period": { "start": "2026-02-10" },
        "created": "2026-02-10T08:00:00Z", "assessments": [],
        "goals": [
            { "id": "g-1", "themes": ["housing"], "words": "My own key", "set_by": "person",
              "status": "active" },
            { "id": "g-2", "themes": ["family"], "concerns": others, "words": "Supper together",
              "set_by": "together", "status": "active" },
        ],
        "services": [],
        "actions": [{ "id": "t-1", "themes": ["housing"], "text": "Call", "status": "planned",
            "performer": "person", "goal": "g-2" }],
        "team": [{ "id": "m-1", "practitioner": "297.prac.youth1", "role": "case-manager",
            "organization": "297.org.youth", "active": true }],
        "follow_up": [],
    })
}

/// Aino, who plans something with Eetu, and shares everything of it with the portal.
struct Together {
    aino: Person,
    eetu: Person,
    portal: At,
    kuopio: Node,
    world: World,
}

impl Together {
    fn new() -> Self {
        let world = World::new();
        let kuopio = world.municipality("297");
        let portal = kuopio.client("national-portal");
        let eetu = kuopio.person("eetu");
        let aino = kuopio.person("aino").planned(&plan("aino", &["eetu"]));
        let family = Self { aino, eetu, portal, kuopio, world };
        family.aino.gives(family.terms(&[Housing, Family]));
        family
    }

    /// What one of them permits the portal, own words too.
    fn terms(&self, themes: &[Theme]) -> Terms {
        Terms::grant(&self.portal.actor).themes(themes).class("free-text")
    }
}

/// Does the reader see the goal of the family, in whatever it may ask?
fn sees(reader: &At, aino: &Person) -> bool {
    let goals = reader.search("Goal", aino);
    goals.says("My own key");
    let shown = goals.text().contains("Supper together");
    let count = if shown { 2 } else { 1 };
    assert_eq!(goals.matches().len(), count, "{goals:?}");
    let plan = reader.search("CarePlan", aino);
    assert_eq!(plan.matches()[0]["goal"].as_array().unwrap().len(), count, "{plan:?}");
    let task = reader.search("Task", aino);
    assert_eq!(task.matches()[0].get("focus").is_some(), shown, "{task:?}");
    let past = reader.get(&format!("/fhir/Goal/_history?patient={}", aino.patient()));
    assert_eq!(past.text().contains("Supper together"), shown, "{past:?}");
    let everything = reader.get(&format!("/fhir/Patient/{}/$everything", aino.patient()));
    assert_eq!(everything.text().contains("Supper together"), shown, "{everything:?}");
    shown
}

fn push(node: &Node, body: &Value) -> Reply {
    let id = body["id"].as_str().unwrap();
    let kind = if body["schema"] == "mylife/person/1" { "people" } else { "plans" };
    let ask =
        Ask { kind: Some("application/json"), body: body.to_string().into(), ..Ask::default() };
    node.world.actor("source").send(node, Method::PUT, &format!("/native/{kind}/{id}"), ask)
}

#[test]
fn a_goal_about_two_people_needs_the_permission_of_both() {
    let Together { aino, eetu, portal, world, .. } = Together::new();
    assert!(!sees(&portal, &aino));
    // What is permitted of another theme, or without own words, is not enough.
    eetu.gives(Terms::grant(&portal.actor).themes(&[Health]).class("free-text"));
    assert!(!sees(&portal, &aino));
    let theme = eetu.grants(&portal, [Family]);
    let goals = portal.search("Goal", &aino);
    assert_eq!(goals.keeps_quiet("Supper together").total(), Some(2), "{goals:?}");
    theme.revoke();
    world.pass(Duration::from_mins(1));
    let given = eetu.gives(Terms::grant(&portal.actor).themes(&[Family]).class("free-text"));
    assert!(sees(&portal, &aino));
    // It is new to the reader from when both permitted it.
    let found = portal.search("Goal", &aino);
    let newest = found.matches()[0];
    assert!(newest.to_string().contains("Supper together"), "{newest}");
    assert_eq!(newest["meta"]["lastUpdated"], world.now().to_string());
    world.pass(Duration::from_mins(1));
    // Again in the same words: and now that he takes it back, whatever was answered before.
    assert!(sees(&portal, &aino));
    given.revoke();
    assert!(!sees(&portal, &aino));
    eetu.gives(Terms::grant(&portal.actor).themes(&[Family]).class("free-text"));
    assert!(sees(&portal, &aino));
    eetu.gives(Terms::prohibition(&portal.actor));
    assert!(!sees(&portal, &aino));
}

#[test]
fn nobody_sees_more_of_it_for_being_one_of_them() {
    let Together { aino, eetu, kuopio, .. } = Together::new();
    let herself = citizen(&kuopio, &format!("Patient/{}", aino.patient()));
    let goals = herself.search("Goal", &aino);
    assert_eq!(goals.says("My own key").keeps_quiet("Supper").total(), Some(1), "{goals:?}");
    let himself = citizen(&kuopio, &format!("Patient/{}", eetu.patient()));
    assert!(himself.search("Goal", &aino).matches().is_empty());
}

#[test]
fn whom_nothing_else_is_seen_of_is_not_there_for_a_goal_that_is_hidden() {
    let Together { aino, eetu, kuopio, .. } = Together::new();
    let (other, path) = (kuopio.client("north-savo"), format!("/fhir/Patient/{}", aino.patient()));
    aino.gives(Terms::grant(&other.actor).themes(&[Family]));
    other.get(&path).refused(404, "not-found");
    assert!(other.search("CarePlan", &aino).matches().is_empty());
    eetu.grants(&other, [Family]);
    other.get(&path).accepted();
    assert_eq!(other.search("CarePlan", &aino).matches().len(), 1);
}

#[test]
fn who_asks_what_a_portal_may_see_is_told_what_all_of_them_permit() {
    let Together { aino, eetu, portal, kuopio, .. } = Together::new();
    let herself = citizen(&kuopio, &format!("Patient/{}", aino.patient()));
    let body = caller(&portal.actor.organization, "TREAT", &[]);
    let may = |theme: &str| permitted(&ask(&herself, aino.patient(), &body, "en"), theme, None);
    assert_eq!((may("housing"), may("family")), (Some(true), Some(false)));
    let given = eetu.gives(Terms::grant(&portal.actor).themes(&[Family]).class("free-text"));
    assert_eq!((may("housing"), may("family")), (Some(true), Some(true)));
    given.revoke();
    assert_eq!(may("family"), Some(false));
}

#[test]
fn another_gateway_is_told_nothing_of_what_is_about_several() {
    let Together { aino, eetu, portal: here, world, .. } = Together::new();
    eetu.gives(Terms::grant(&here.actor).themes(&[Family]).class("free-text"));
    assert!(sees(&here, &aino));
    let mut there = world.portal().client("national-portal");
    there.nodes = Some("297".to_owned());
    let goals = there.search("Goal", &aino);
    assert_eq!(goals.says("My own key").keeps_quiet("Supper").matches().len(), 1, "{goals:?}");
    assert!(there.search("Goal", &eetu).matches().is_empty());
}

#[test]
fn a_plan_names_others_who_were_pushed_and_nobody_else() {
    let world = World::new();
    let kuopio = world.municipality("297");
    kuopio.person("aino");
    let unknown = push(&kuopio, &plan("aino", &["iida"]));
    unknown.refused(422, "business-rule");
    assert_eq!(unknown.expression(), ["$.goals[1].concerns[0]"], "{unknown:?}");
    let own = push(&kuopio, &plan("aino", &["aino"]));
    own.refused(422, "business-rule");
    assert_eq!(own.expression(), ["$.goals[1].concerns"], "{own:?}");
    kuopio.person("iida");
    push(&kuopio, &plan("aino", &["iida"])).accepted();
}

/// Which consents a record says it rests on.
fn consents(record: &Entry<'_>) -> Vec<String> {
    let of = |basis: &Basis<'_>| {
        let Basis::Consent { id, .. } = basis else { return None };
        Some(id.to_string())
    };
    record.basis.iter().filter_map(of).collect()
}

#[test]
fn what_is_told_of_it_stands_in_the_record_of_each_with_what_that_one_gave() {
    let Together { aino, eetu, portal, kuopio, .. } = Together::new();
    let of = |person: &Person| {
        let is = |entry: &Entry<'_>| &*entry.caller.client == "national-portal";
        kuopio.disclosures(person.patient()).into_iter().filter(is).collect::<Vec<_>>()
    };
    // While it is hidden nothing of him is told.
    portal.search("Goal", &aino).keeps_quiet("Supper together");
    assert!(of(&eetu).is_empty());
    eetu.gives(Terms::grant(&portal.actor).themes(&[Family, Health]).class("free-text"));
    let goals = portal.search("Goal", &aino);
    goals.says("Supper together");
    let is_theirs = |goal: &&Value| goal.to_string().contains("Supper together");
    let found = goals.matches().into_iter().find(is_theirs).unwrap();
    let goal = format!("Goal/{}", found["id"].as_str().unwrap());
    let (hers, his) = (of(&aino).pop().unwrap(), of(&eetu).pop().unwrap());
    assert_eq!((hers.request.clone(), hers.at), (his.request.clone(), his.at), "of one answer");
    assert_eq!(json!(his.resources), json!({ "listed": [goal] }));
    assert_eq!(his.labels.codes().collect::<Vec<_>>(), ["family", "free-text"]);
    assert_eq!(his.caller.organization.as_deref(), Some(&*portal.actor.organization));
    let (of_hers, of_his) = (consents(&hers), consents(&his));
    assert_eq!((of_hers.len(), of_his.len()), (1, 1), "{hers:?} {his:?}");
    assert_ne!(of_hers, of_his);
    // Whichever way it leaves; and not where it is only referred to.
    let begun = begin(&portal, "/fhir/$export?_type=Goal");
    let file = files(&manifest(&portal, &begun), "Goal").remove(0);
    let whole = format!("/fhir/Patient/{}", aino.patient());
    let ways = [
        (format!("/fhir/{goal}"), 1),
        (format!("/fhir/{goal}/_history"), 1),
        (format!("/fhir/Goal/_history?patient={}", aino.patient()), 1),
        (format!("/fhir/Task?patient={}&_include=Task:focus", aino.patient()), 1),
        (format!("{whole}/$everything"), 1),
        (format!("{whole}/$collective-plan"), 1),
        (file, 1),
        (format!("/fhir/CarePlan?patient={}", aino.patient()), 0),
        (format!("/fhir/Task?patient={}", aino.patient()), 0),
    ];
    for (way, more) in ways {
        let before = of(&eetu).len();
        portal.get(&way).accepted();
        let all = of(&eetu);
        assert_eq!(all.len(), before + more, "{way}");
        assert_eq!(json!(all.last().unwrap().resources), json!({ "listed": [goal] }), "{way}");
    }
    // He reads there what he gave, and nothing that she did.
    let himself = citizen(&kuopio, &format!("Patient/{}", eetu.patient()));
    let told = himself.search("AuditEvent", &eetu);
    told.says(&goal).says(&of_his[0]).keeps_quiet(&of_hers[0]).keeps_quiet("Supper together");
    let herself = citizen(&kuopio, &format!("Patient/{}", aino.patient()));
    herself.search("AuditEvent", &aino).says(&goal).keeps_quiet(&of_his[0]);
}

#[test]
fn that_it_is_gone_is_written_down_of_each_of_them() {
    let Together { aino, eetu, portal, kuopio, world } = Together::new();
    eetu.gives(Terms::grant(&portal.actor).themes(&[Family]).class("free-text"));
    let goals = portal.search("Goal", &aino);
    let found = goals.matches().into_iter().find(|g| g.to_string().contains("Supper")).unwrap();
    let goal = format!("Goal/{}", found["id"].as_str().unwrap());
    let since = world.now();
    world.pass(Duration::from_mins(1));
    let mut without = plan("aino", &["eetu"]);
    without["goals"].as_array_mut().unwrap().pop();
    without["actions"][0].as_object_mut().unwrap().remove("goal");
    push(&kuopio, &without).accepted();
    let export = format!("/fhir/Patient/$export?_type=Goal&_since={since}");
    let file = files(&manifest(&portal, &begin(&portal, &export)), "Bundle").remove(0);
    let of_type = |of: &Person| format!("/fhir/Goal/_history?_count=1&patient={}", of.patient());
    let of_goal = format!("/fhir/{goal}/_history?_count=1");
    for way in [file, of_goal, of_type(&aino), of_type(&eetu)] {
        let before = [&aino, &eetu].map(|of| kuopio.disclosures(of.patient()).len());
        portal.get(&way).accepted().says("\"DELETE\"").says(&goal);
        for (of, before) in [&aino, &eetu].into_iter().zip(before) {
            let all = kuopio.disclosures(of.patient());
            let [told] = &all[before..] else { panic!("{way}: {all:?}") };
            assert_eq!(json!(told.resources), json!({ "listed": [goal] }), "{way}");
            assert_eq!(told.labels.codes().collect::<Vec<_>>(), ["family", "free-text"], "{way}");
            assert_eq!(consents(told).len(), 1, "{way}");
        }
    }
}

#[test]
fn one_of_them_reaches_it_by_a_token_of_their_own_where_the_others_let_them() {
    let world = World::new();
    let kuopio = world.municipality("297");
    let portal = kuopio.client("national-portal");
    let aino = kuopio.person("aino");
    let eino = kuopio.person("eino").planned(&plan("eino", &["aino"]));
    let terms = Terms::grant(&portal.actor).themes(&[Housing, Family]).class("free-text");
    let given = eino.means(terms);
    let lets = |status: &str| {
        let mut body = given.body(status);
        let rule = &mut body["provision"]["provision"][0];
        let her = format!("Patient/{}", aino.patient());
        rule["actor"][0]["reference"] = json!({ "reference": her });
        rule["purpose"][0]["code"] = json!("PATRQT");
        world.actor("consent-desk").put(&kuopio, &path(given.uuid()), &body, None).accepted();
    };
    let browser = Browser::at(&kuopio);
    let token = browser.tokens("aino", "launch/patient patient/*.rs");
    let reads = |path: &str| browser.reads(&token, path);
    let of_eino = |kind: &str| reads(&format!("/fhir/{kind}?patient={}", eino.patient()));
    reads("/fhir/Goal").is_empty();
    of_eino("Goal").is_empty();

    lets("active");
    reads("/fhir/Goal").says("Supper together").keeps_quiet("My own key");
    let hers = reads(&format!("/fhir/Goal?patient={}", aino.patient()));
    assert_eq!(hers.says("Supper together").matches().len(), 1);
    let found = of_eino("Goal");
    found.says("Supper together").keeps_quiet("My own key");
    assert_eq!(found.matches().len(), 1);
    let at = format!("/fhir/Goal/{}", found.ids()[0]);
    reads(&at).says("Supper together");
    reads(&format!("{at}/_history")).says("Supper together");
    // Whatever else he lets her see, a token about her is about nothing else of his.
    for kind in ["CarePlan", "CareTeam", "Task", "Provenance"] {
        of_eino(kind).is_empty();
    }
    reads(&format!("/fhir/Patient/{}", eino.patient())).refused(404, "not-found");
    assert_eq!(reads("/fhir/Patient").ids(), [aino.patient()]);
    // That she read it stands in his record too, and the other way round.
    let told = citizen(&kuopio, &format!("Patient/{}", eino.patient())).search("AuditEvent", &eino);
    told.says(&found.ids()[0]);

    lets("inactive");
    of_eino("Goal").is_empty();
    reads(&at).refused(404, "not-found");
    reads("/fhir/Goal").is_empty();
}

/// Eetu's plan: a goal of his own alone.
fn his_own() -> Value {
    let mut body = plan("eetu", &["aino"]);
    body["goals"].as_array_mut().unwrap().truncate(1);
    body["actions"] = json!([]);
    body
}

#[test]
fn each_of_them_leads_to_it_in_every_way_of_asking() {
    let Together { aino, eetu, portal, world, .. } = Together::new();
    let eetu = eetu.planned(&his_own());
    let id = eetu.patient();
    let all = Terms::grant(&portal.actor).themes(&[Housing, Family]).class("free-text");
    let housing = eetu.grants(&portal, [Housing]);
    assert_eq!(portal.search("Goal", &eetu).keeps_quiet("Supper").total(), Some(1));
    housing.revoke();
    world.pass(Duration::from_mins(1));
    eetu.gives(all);
    let found = portal.search("Goal", &eetu);
    assert_eq!(found.says("Supper together").total(), Some(2), "{found:?}");
    let shared = |reply: &Reply| {
        let is_it = |goal: &&&Value| goal.to_string().contains("Supper together");
        let goal = *reply.matches().iter().find(is_it).unwrap_or_else(|| panic!("{reply:?}"));
        goal.clone()
    };
    let goal = shared(&found);
    let at = format!("/fhir/Goal/{}", goal["id"].as_str().unwrap());
    assert_eq!(*portal.get(&at).json(), goal, "as it is read by id");
    assert_eq!(goal["subject"]["reference"], format!("Patient/{}", aino.patient()));
    let person = format!("urn:oid:1.2.246.21|{}", eetu.code());
    let ways = [
        portal.get(&format!("/fhir/Goal?subject=Patient/{id}")),
        portal.get(&format!("/fhir/Goal?patient:Patient={id}")),
        portal.get(&format!("/fhir/Patient/{id}/Goal")),
        portal.post("Goal", &[("patient.identifier", &person)]),
        portal.post("Goal", &[("subject.identifier", &person)]),
        portal.get(&format!("/fhir/Goal?patient={id}&lifecycle-status=active&_sort=-_id")),
        portal.get(&format!("/fhir/Goal?patient={id}&category=family&_include=Goal:subject")),
    ];
    for reply in &ways {
        assert_eq!(shared(reply), goal);
    }
    let [.., sorted, included] = &ways;
    let mut ids = found.ids();
    ids.sort_unstable_by(|a, b| b.cmp(a));
    assert_eq!(sorted.ids(), ids);
    included.says(&format!("Patient/{}\"", aino.patient()));
    assert_eq!((included.matches().len(), included.total()), (1, Some(1)));
    let counted = portal.get(&format!("/fhir/Goal?patient={id}&_summary=count"));
    assert_eq!(counted.total(), Some(2));
    let pages = portal.pages(&format!("/fhir/Goal?patient={id}&_count=1"));
    let paged: Vec<String> = pages.iter().flat_map(Reply::ids).collect();
    assert_eq!(paged, found.ids());
    let past = portal.get(&format!("/fhir/Goal/_history?patient={id}"));
    assert_eq!(past.says("Supper together").total(), Some(2));
    let everything = portal.get(&format!("/fhir/Patient/{id}/$everything"));
    assert_eq!(shared(&everything), goal);
    let of_hers = everything.ids().iter().filter(|id| id.starts_with(&aino.document(0))).count();
    assert_eq!(of_hers, 1, "nothing else of hers: {everything:?}");
    assert_eq!(portal.search("CarePlan", &eetu).total(), Some(1), "her plan is not his");
}

#[test]
fn it_is_found_from_each_as_long_as_it_is_about_them_and_all_permit_it() {
    let world = World::new();
    let kuopio = world.municipality("297");
    let portal = kuopio.client("national-portal");
    let eetu = kuopio.person("eetu");
    let of_eetu = || {
        // Twice in the same words, of which the second may be answered from what is kept.
        let [first, again] = [0; 2].map(|_| portal.search("Goal", &eetu).bytes().2);
        assert_eq!(first, again);
        first.contains("Supper together")
    };
    assert!(!of_eetu());
    let terms = || Terms::grant(&portal.actor).themes(&[Housing, Family]).class("free-text");
    let his = eetu.gives(terms());
    let aino = kuopio.person("aino");
    let hers = aino.gives(terms());
    assert!(!of_eetu());
    push(&kuopio, &plan("aino", &["eetu"])).accepted();
    assert!(of_eetu());
    for (given, whose) in [(his, &eetu), (hers, &aino)] {
        given.revoke();
        assert!(!of_eetu());
        whose.gives(terms());
        assert!(of_eetu());
    }
    // The same person under another name of the sender's, and under both.
    let twin = json!({ "schema": "mylife/person/1", "id": "eetu-2", "birth_date": "2001-05-17",
        "name": { "given": ["eetu"], "family": "Testi" }, "identity_code": eetu.code(),
        "language": "fi", "municipality": "297" });
    assert_eq!(push(&kuopio, &twin).accepted().json()["patient"], eetu.patient());
    push(&kuopio, &plan("aino", &["eetu-2"])).accepted();
    assert!(of_eetu());
    push(&kuopio, &plan("aino", &["eetu", "eetu-2"])).accepted();
    assert!(of_eetu());
    assert_eq!(portal.search("Goal", &eetu).total(), Some(1));
    // It is about somebody else now, and was about him.
    let onni = kuopio.person("onni");
    onni.gives(terms());
    push(&kuopio, &plan("aino", &["onni"])).accepted();
    assert!(!of_eetu());
    portal.search("Goal", &onni).says("Supper together");
    let past = portal.get(&format!("/fhir/Goal/_history?patient={}", eetu.patient()));
    past.says("Supper together").says("DELETE");
    // Nothing of hers is about others any more, and what is his own is seen at once.
    let mut hers = plan("aino", &["eetu"]);
    hers["goals"][1].as_object_mut().unwrap().remove("concerns");
    push(&kuopio, &hers).accepted();
    assert!(!of_eetu());
    push(&kuopio, &his_own()).accepted();
    assert_eq!(portal.search("Goal", &eetu).total(), Some(1));
}

#[test]
fn what_is_found_from_one_of_them_stands_in_the_records_of_each() {
    let Together { aino, eetu, portal, kuopio, .. } = Together::new();
    eetu.gives(Terms::grant(&portal.actor).themes(&[Family]).class("free-text"));
    let ways = [
        format!("/fhir/Goal?patient={}", eetu.patient()),
        format!("/fhir/Goal/_history?patient={}", eetu.patient()),
        format!("/fhir/Patient/{}/$everything", eetu.patient()),
    ];
    let of = |person: &Person| kuopio.disclosures(person.patient()).len();
    for way in ways {
        let before = [&aino, &eetu].map(of);
        portal.get(&way).says("Supper together");
        assert_eq!([&aino, &eetu].map(of), before.map(|count| count + 1), "{way}");
    }
    let [hers, his] = [&aino, &eetu].map(|one| kuopio.disclosures(one.patient()).pop().unwrap());
    assert_eq!((hers.request.clone(), consents(&hers).len()), (his.request.clone(), 1));
    assert_ne!(consents(&hers), consents(&his));
}
