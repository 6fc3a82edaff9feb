//! Questions about what belongs together: chains, `_has`, includes, modifiers, orders; asked of one
//! municipality and of all through the portal, on what may be seen alone.

use mylife::domain::theme::Theme::{self, Health, Housing};
use serde_json::json;

use crate::world::{Node, Person, Reply, Terms, World, municipality::At};

/// Somebody with two surveys and a plan; housing is open to the portal, health is not.
fn known(node: &Node, name: &str, themes: &[Theme]) -> Person {
    let code = node.code();
    let id = |kind: &str| format!("{code}.{kind}");
    let plan = json!({
        "schema": "mylife/plan/1", "id": format!("{name}-w"), "person": name, "status": "active",
        "period": { "start": "2026-02-10", "end": "2027-02-10" },
        "created": "2026-02-10T08:00:00Z", "assessments": [format!("{name}-a1")],
        "goals": [
            { "id": "g-1", "themes": ["housing"], "words": "My own key", "set_by": "person",
              "status": "active", "start": "2026-02-11" },
            { "id": "g-2", "themes": ["health"], "words": "Sleep", "set_by": "person",
              "status": "completed", "start": "2026-02-12" },
        ],
        "services": [{ "id": "s-1", "service": id("svc.youth"), "themes": ["housing"],
            "state": "granted", "decided": "2026-02-12" }],
        "actions": [
            { "id": "t-1", "themes": ["housing"], "text": "Call", "status": "planned",
              "performer": "person", "goal": "g-1" },
            { "id": "t-2", "themes": ["housing"], "text": "Rest", "status": "completed",
              "performer": "person", "goal": "g-2" },
        ],
        "team": [{ "id": "m-1", "practitioner": id("prac.youth1"), "role": "case-manager",
            "organization": id("org.youth"), "active": true }],
        "follow_up": [],
    });
    let one = node.person(name);
    let one =
        one.answered([(Housing, 2, 1, ""), (Health, 1, 1, "")]).answered([(Health, 3, 3, "")]);
    let one = one.planned(&plan);
    one.gives(Terms::grant(&node.client("national-portal").actor).themes(themes));
    one
}

/// Types and ids of what was added to the matches.
fn added(reply: &Reply) -> Vec<(String, String)> {
    let text = |value: &serde_json::Value| value.as_str().unwrap().to_owned();
    let entries = reply.json()["entry"].as_array().unwrap();
    let added = entries.iter().filter(|entry| entry["search"]["mode"] == "include");
    let name =
        |e: &serde_json::Value| (text(&e["resource"]["resourceType"]), text(&e["resource"]["id"]));
    let mut all: Vec<_> = added.map(name).collect();
    all.sort();
    all
}

fn kinds(reply: &Reply) -> Vec<String> {
    added(reply).into_iter().map(|(kind, _)| kind).collect()
}

/// Kuopio asked itself, and through the portal with Kajaani beside it.
fn askers(world: &World) -> (Person, [At; 2]) {
    let (kajaani, kuopio) = (world.municipality("205"), world.municipality("297"));
    let aino = known(&kuopio, "aino", &[Housing]);
    let there = known(&kajaani, "aino", &[Housing, Health]);
    assert_ne!(aino.patient(), there.patient());
    let mut portal = world.portal().client("national-portal");
    portal.nodes = Some("297".to_owned());
    (aino, [kuopio.client("national-portal"), portal])
}

#[test]
fn a_condition_on_a_neighbour_holds_of_what_is_seen_alone() {
    let world = World::new();
    let (aino, askers) = askers(&world);
    for asker in &askers {
        let count = |path: &str| {
            let (kind, more) = path.split_once('?').unwrap();
            let who = if kind == "Patient" { "_id" } else { "patient" };
            let found = asker.get(&format!("/fhir/{kind}?{who}={}&{more}", aino.patient()));
            assert_eq!(found.total(), Some(found.ids().len() as u64), "{found:?}");
            found.ids().len()
        };
        for (path, expected) in [
            ("Observation?derived-from.status=completed", 2),
            ("Observation?derived-from:QuestionnaireResponse.status=completed", 2),
            ("Observation?derived-from.status=amended", 0),
            ("Task?focus.lifecycle-status=active", 1),
            // The other task is for a goal that is not seen.
            ("Task?focus.lifecycle-status=completed", 0),
            ("Task?focus:missing=true", 1),
            ("Task?focus:missing=false", 1),
            ("Task?based-on.status=active", 2),
            ("Task?based-on.care-team.status=active", 2),
            ("ServiceRequest?based-on:CarePlan.intent=plan", 1),
            ("QuestionnaireResponse?_has:Observation:derived-from:code=housing.satisfaction", 1),
            ("QuestionnaireResponse?_has:Observation:derived-from:code=health.satisfaction", 0),
            ("Goal?_has:Task:focus:status=requested", 1),
            ("Goal?_has:Task:focus:status=completed", 0),
            ("Goal?_has:Task:focus:based-on.status=active", 1),
            ("CarePlan?_has:Task:based-on:focus.category=housing", 1),
            ("CarePlan?_has:Task:based-on:focus.category=health", 0),
            ("Patient?_has:Observation:patient:code=housing.importance", 1),
            ("Patient?_has:Observation:patient:code=health.importance", 0),
            ("Patient?_has:Goal:subject:_has:Task:focus:status=requested", 1),
        ] {
            assert_eq!(count(path), expected, "{path} by {}", asker.node.code());
        }
    }
}

#[test]
fn a_modifier_says_how_a_value_is_meant() {
    let world = World::new();
    let (aino, askers) = askers(&world);
    for asker in &askers {
        let count = |kind: &str, more: &str| {
            asker.get(&format!("/fhir/{kind}?patient={}&{more}", aino.patient())).ids().len()
        };
        let themes = "https://mylife.example/fhir/ValueSet/theme";
        for (kind, more, expected) in [
            ("Observation", "code:not=housing.importance", 1),
            ("Observation", "code:not=nothing", 2),
            ("Observation", "code:text=asum", 2),
            ("Observation", "code:text=terv", 0),
            ("Observation", "code:in=https://mylife.example/fhir/ValueSet/3x10d", 2),
            ("Observation", "status:missing=false", 2),
            ("Observation", "status:missing=true", 0),
            ("Goal", &*format!("category:in={themes}"), 1),
            ("Goal", &*format!("category:not-in={themes}"), 0),
            ("Goal", "target-date:missing=true", 1),
            ("ServiceRequest", "code:text=a", 0),
            ("Provenance", "agent:identifier=urn:ietf:rfc:3986|urn:oid:1.2.3", 0),
        ] {
            assert_eq!(count(kind, more), expected, "{kind}?{more} by {}", asker.node.code());
        }
        for (kind, more) in [
            ("Observation", "code:in=https://mylife.example/fhir/ValueSet/none"),
            ("Observation", "status:missing=perhaps"),
        ] {
            let path = format!("/fhir/{kind}?patient={}&{more}", aino.patient());
            asker.get(&path).refused(400, "invalid");
        }
    }
}

#[test]
fn neighbours_come_with_a_page_and_change_neither_its_matches_nor_its_total() {
    let world = World::new();
    let (aino, askers) = askers(&world);
    let audited = |n: usize| aino.node().disclosures(aino.patient())[n..].to_vec();
    for asker in &askers {
        let ask = |kind: &str, more: &str| {
            let who = if kind == "Patient" { "_id" } else { "patient" };
            asker.get(&format!("/fhir/{kind}?{who}={}{more}", aino.patient()))
        };
        for (kind, more, expected) in [
            ("Observation", "&_include=Observation:derived-from", vec!["QuestionnaireResponse"]),
            ("Observation", "&_include=Observation:subject:Patient", vec!["Patient"]),
            (
                "QuestionnaireResponse",
                "&_revinclude=Observation:derived-from",
                vec!["Observation"; 2],
            ),
            ("Task", "&_include=Task:focus", vec!["Goal"]),
            (
                "Task",
                "&_include=Task:based-on&_include:iterate=CarePlan:care-team",
                vec!["CarePlan", "CareTeam"],
            ),
            ("Task", "&_include=Task:based-on&_include=Task:owner", vec!["CarePlan", "Patient"]),
            (
                "Goal",
                "&_revinclude=Task:focus&_include:iterate=Task:based-on",
                vec!["CarePlan", "Task"],
            ),
            (
                "Patient",
                "&_revinclude=Goal:patient&_revinclude=CarePlan:subject",
                vec!["CarePlan", "Goal"],
            ),
            ("CareTeam", "&_include=CareTeam:participant", vec!["Practitioner"]),
            ("Provenance", "&_include=Provenance:target:CarePlan", vec!["CarePlan"]),
        ] {
            let before = audited(0).len();
            let (plain, with) = (ask(kind, ""), ask(kind, more));
            assert_eq!(kinds(&with), expected, "{kind}{more} by {}", asker.node.code());
            assert_eq!(with.ids(), plain.ids());
            assert_eq!(with.total(), plain.total());
            with.hides([Health]);
            // What came with it is written down, too.
            let told: Vec<_> = audited(before).into_iter().collect();
            let last = told.last().unwrap();
            let written = serde_json::to_string(&last.resources).unwrap();
            for (kind, id) in added(&with).iter().filter(|(kind, _)| kind != "Practitioner") {
                assert!(written.contains(id.as_str()), "{kind}/{id} is not in {written}");
            }
        }
        let pages = asker.pages(&format!(
            "/fhir/Observation?patient={}&_count=1&_include=Observation:derived-from",
            aino.patient()
        ));
        let shape: Vec<_> =
            pages.iter().map(|page| (page.ids().len(), added(page).len())).collect();
        assert_eq!(shape, [(1, 1), (1, 1)], "each page has its own neighbours");
    }
    let forms = askers[0].get(&format!(
        "/fhir/QuestionnaireResponse?patient={}&_include=QuestionnaireResponse:questionnaire",
        aino.patient()
    ));
    assert_eq!(kinds(&forms), ["Questionnaire"]);
}

#[test]
fn what_cannot_be_followed_is_refused_with_what_to_do() {
    let world = World::new();
    let (aino, askers) = askers(&world);
    for asker in &askers {
        let ask = |more: &str| asker.get(&format!("/fhir/Task?patient={}&{more}", aino.patient()));
        let long = "x".repeat(3000);
        for (more, status, code) in [
            ("_include=*", 400, "not-supported"),
            ("_include=Task:*", 400, "not-supported"),
            ("_include=Task", 400, "not-supported"),
            ("_include=Task:status", 400, "not-supported"),
            ("_include=Task:focus:Patient", 400, "not-supported"),
            ("_include=Goal:patient", 400, "not-supported"),
            ("_include:often=Task:focus", 400, "not-supported"),
            ("_include=Spaceship:crew", 400, "not-supported"),
            ("_revinclude=AuditEvent:entity", 400, "not-supported"),
            ("_revinclude=Observation:patient", 400, "not-supported"),
            ("_has:Task:focus:status=x", 200, ""),
            ("_has:Observation:derived-from:code=x", 400, "not-supported"),
            ("_has:=x", 400, "not-supported"),
            ("_has:AuditEvent:entity:type=rest", 400, "not-supported"),
            ("focus.nothing=x", 400, "not-supported"),
            ("owner:Practitioner.name=x", 400, "not-supported"),
            ("status.code=x", 200, ""),
            ("status:exact=x", 400, "not-supported"),
            ("based-on:Patient.name=x", 400, "not-supported"),
            ("based-on.patient.identifier=a", 400, "not-supported"),
            ("focus.patient.birthdate=2001", 400, "invalid"),
            ("based-on.care-team.patient._has:Goal:patient:status=x", 422, "too-costly"),
        ] {
            let reply = ask(more);
            if status == 200 {
                assert_eq!(reply.status(), 200, "{more}: {reply:?}");
            } else {
                let place = reply.refused(status, code).expression();
                assert_eq!(place.len(), 1, "{more}: {reply:?}");
            }
        }
        ask(&format!("focus.category={long}")).is_empty();
        let many = vec!["x"; 10_000].join(",");
        ask(&format!("code={}", &many[..1000])).refused(422, "too-costly");
        let deep = "based-on.".repeat(200);
        ask(&format!("{deep}status=x")).refused(400, "not-supported");
        let many = "_has:Task:focus:status=requested&".repeat(11);
        let path = format!("/fhir/Goal?patient={}&{many}", aino.patient());
        asker.get(&path).refused(422, "too-costly");
        let circle = "&_include:iterate=Task:based-on&_revinclude:iterate=Task:based-on";
        let found = ask(circle);
        assert_eq!((found.ids().len(), kinds(&found)), (2, vec!["CarePlan".to_owned()]));
    }
}

#[test]
fn who_somebody_is_stands_in_no_link() {
    let world = World::new();
    let (aino, askers) = askers(&world);
    for asker in &askers {
        for (name, value) in [
            ("name", "AINO"),
            ("name:exact", "Testi"),
            ("family:contains", "est"),
            ("given", "ai"),
            ("birthdate", "ge2001-05"),
            ("name:missing", "false"),
        ] {
            let url = format!("/fhir/Patient?{name}={value}");
            if !name.ends_with("missing") {
                asker.get(&url).refused(400, "invalid");
            }
            let found = asker.post("Patient", &[(name, value)]);
            assert_eq!(found.ids(), [aino.patient()], "{name}={value}");
            found.keeps_quiet(&format!("={value}"));
            let link = found.own_link();
            let again = asker.get(&link[link.find("/fhir").unwrap()..]);
            assert_eq!(again.ids(), found.ids(), "the link asks the same");
        }
        assert!(asker.post("Patient", &[("name:exact", "testi")]).ids().is_empty());
        assert!(asker.post("Patient", &[("family", "est")]).ids().is_empty());
        // Where somebody lives was not granted.
        assert!(asker.post("Patient", &[("address:missing", "false")]).ids().is_empty());
        let of = asker.post("Goal", &[("patient.name", "aino"), ("patient", aino.patient())]);
        assert_eq!(of.ids().len(), 1);
        of.keeps_quiet("aino");
        let sealed = "https://mylife.example/fhir/sid/sealed%7CAAAA";
        asker.get(&format!("/fhir/Patient?name={sealed}")).refused(400, "invalid");
        let of_type =
            format!("http://terminology.hl7.org/CodeSystem/v2-0203|NNFIN|{}", aino.code());
        let found = asker.post("Patient", &[("identifier:of-type", &of_type)]);
        assert_eq!(found.ids(), [aino.patient()]);
        let link = found.own_link().to_owned();
        assert_eq!(asker.get(&link[link.find("/fhir").unwrap()..]).ids(), [aino.patient()]);
    }
}

#[test]
fn the_order_may_be_that_of_any_parameter_at_every_source() {
    let world = World::new();
    let (kajaani, kuopio) = (world.municipality("205"), world.municipality("297"));
    let (here, there) =
        (known(&kuopio, "aino", &[Housing, Health]), known(&kajaani, "aino", &[Housing, Health]));
    let mut portal = world.portal().client("national-portal");
    portal.nodes = Some("205,297".to_owned());
    let codes = |sort: &str| {
        let pages = portal
            .pages(&format!("/fhir/Observation?patient={}&_count=3&_sort={sort}", here.patient()));
        let code =
            |r: &&serde_json::Value| r["code"]["coding"][0]["code"].as_str().unwrap().to_owned();
        pages.iter().flat_map(|page| page.matches().iter().map(code).collect::<Vec<_>>()).collect()
    };
    let up: Vec<String> = codes("code,_id");
    assert_eq!(up.len(), 12, "six here and six there of {}", there.patient());
    assert!(up.is_sorted(), "{up:?}");
    let mut down: Vec<String> = codes("-code,_id");
    assert!(down.is_sorted_by(|a, b| a >= b), "{down:?}");
    down.sort();
    assert_eq!(up, down);
    let goals = portal
        .get(&format!("/fhir/Goal?patient={}&_sort=-lifecycle-status,start-date", here.patient()));
    let status: Vec<_> = goals.matches().iter().map(|g| g["lifecycleStatus"].clone()).collect();
    assert_eq!(status, ["completed", "completed", "active", "active"]);
    portal
        .get(&format!("/fhir/Goal?patient={}&_sort=_security", here.patient()))
        .refused(400, "invalid");
}

#[test]
fn the_directory_is_searched_with_its_own_neighbours() {
    let world = World::new();
    let kuopio = world.municipality("297");
    let portal = kuopio.client("national-portal");
    let get = |path: &str| portal.get(&format!("/fhir/{path}"));
    let role = get(
        "PractitionerRole?practitioner=Practitioner/297.prac.youth1&_include=PractitionerRole:practitioner&_include=PractitionerRole:organization",
    );
    assert_eq!(role.ids(), ["297.prac.youth1.role"]);
    assert_eq!(kinds(&role), ["Organization", "Practitioner"]);
    let back = get("Practitioner?_id=297.prac.youth1&_revinclude=PractitionerRole:practitioner");
    assert_eq!(kinds(&back), ["PractitionerRole"]);
    let up = get(
        "PractitionerRole?_id=297.prac.youth1.role&_include=PractitionerRole:organization&_include:iterate=Organization:partof",
    );
    assert!(kinds(&up).len() > 1, "{up:?}");
    let name = get("HealthcareService?_sort=name&_count=2");
    let names: Vec<_> =
        name.matches().iter().map(|r| r["name"].to_string().to_lowercase()).collect();
    assert!(names.is_sorted(), "{names:?}");
    assert!(name.next().is_some());
    assert_eq!(get("Organization?_summary=true&_count=1").matches()[0].get("alias"), None);
    get("PractitionerRole?practitioner.name=x").refused(400, "not-supported");
    get("Questionnaire?title:contains=3X10D&subject-type=Patient&code=housing.satisfaction").ids();
}
