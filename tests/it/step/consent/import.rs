//! What is kept of a Consent of another form permits no more than its text under any reading, and forbids
//! no less; each narrowing is told.

use mylife::{
    cli::exit::Exit,
    consent::{
        decide::decide,
        import::{Imported, import},
    },
};
use proptest::{collection::vec, prelude::*, sample::select};
use serde_json::{Value, json};

use super::world::{Held, World, consent, rules, worlds};
use crate::step::config::{Dir, around, run};

/// Rules of any type within rules of any type.
fn trees(depth: u8) -> BoxedStrategy<Value> {
    let own = select(vec![None, Some("permit"), Some("deny"), Some("permit"), Some("maybe")])
        .prop_flat_map(|effect| rules(0, effect));
    if depth == 0 {
        return own.boxed();
    }
    (own, vec(trees(depth - 1), 0..3))
        .prop_map(|(mut rule, nested)| {
            if !nested.is_empty() {
                rule["provision"] = json!(nested);
            }
            rule
        })
        .boxed()
}

/// A rule that permits to whom the tests ask for, so that something is left of some trees.
pub(super) fn granted(mut rule: Value) -> Value {
    rule["actor"] = json!([{ "role": { "coding": [{ "code": "IRCP" }] },
        "reference": { "reference": "Organization/county" } }]);
    rule["purpose"] = json!([{ "code": "TREAT" }]);
    rule
}

fn foreign(root: &Value, performer: Option<&str>, policy: Option<&str>) -> Value {
    let mut text = consent("foreign", root);
    if let Some(performer) = performer {
        text["performer"] = json!([{ "reference": performer }]);
    }
    if let Some(code) = policy {
        text["policyRule"] = json!({ "coding": [{ "code": code }] });
    }
    text
}

fn held(consent: Value) -> Held {
    Held { consent, recorded: None, force: (None, None) }
}

pub(super) fn permits(world: &World, consents: &[Value]) -> bool {
    let mut world = world.clone();
    world.consents = consents.iter().cloned().map(held).collect();
    decide(&world.snapshot(), &world.asker(), &world.thing.unit()).permit
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(3000))]

    #[test]
    fn what_is_kept_permits_no_more_and_forbids_no_less(
        world in worlds(),
        root in prop_oneof![1 => trees(3), 1 => trees(2).prop_map(granted)],
        performer in select(vec![Some("Patient/p1"), Some("Patient/p1"), None, Some("RelatedPerson/mother")]),
        policy in select(vec![None, Some("OPTIN"), Some("OPTOUT")]),
    ) {
        let text = foreign(&root, performer, policy);
        let Imported { consent: kept, .. } = import(&text).unwrap();
        let again = import(&kept).unwrap();
        let mut once = kept.clone();
        once["id"] = json!("c");
        prop_assert!(!permits(&world, std::slice::from_ref(&once)) || permits(&world, std::slice::from_ref(&text)), "{kept}");
        // Beside a grant of everything only what is forbidden counts.
        let all = json!({ "type": "deny", "provision": [{ "type": "permit" }] });
        let all = consent("grant", &all);
        prop_assert!(
            !permits(&world, &[all.clone(), once.clone()]) || permits(&world, &[all, text]),
            "{kept}"
        );
        // What is kept once is kept again.
        prop_assert_eq!(again.consent, kept);
    }
}

/// Known shapes: root, who gave it, its policy; the places that are narrowed, and whether housing is
/// permitted to the county.
fn shapes() -> Vec<(&'static str, Value, Vec<&'static str>, bool)> {
    let permit = granted(json!({ "type": "permit" }));
    let theme = |code: &str| json!([{ "system": "https://mylife.example/fhir/CodeSystem/theme", "code": code }]);
    let with = |key: &str, value: Value| {
        let mut rule = permit.clone();
        rule[key] = value;
        rule
    };
    let root = "Consent.provision";
    let nested = "Consent.provision.provision[0]";
    vec![
        ("a root that permits, with recipient and purpose", permit.clone(), vec![], true),
        (
            "R4's basic: until when, and no more",
            json!({ "period": { "end": "2030" } }),
            vec![root],
            false,
        ),
        (
            "R4's grant of one kind: a permit in a root without a type",
            json!({ "provision": [permit] }),
            vec![root],
            false,
        ),
        (
            "PCF: a root that permits, and denials in it",
            with("provision", json!([{ "type": "deny", "securityLabel": theme("health") }])),
            vec![],
            true,
        ),
        (
            "the same, of what is asked for",
            with("provision", json!([{ "type": "deny", "securityLabel": theme("housing") }])),
            vec![],
            false,
        ),
        (
            "PCF: a permit in a permit",
            with("provision", json!([{ "type": "permit", "securityLabel": theme("housing") }])),
            vec![nested],
            false,
        ),
        (
            "PCF: a label of a system not known here",
            with(
                "securityLabel",
                json!([{ "system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "ETH" }]),
            ),
            vec!["Consent.provision.securityLabel"],
            false,
        ),
        (
            "Kanta's: a frame, and one rule with a period and the organisations that may receive",
            json!({ "type": "deny", "provision": [with("period", json!({ "start": "2020-01-01" }))] }),
            vec![],
            true,
        ),
        (
            "the same for no purpose",
            json!({ "type": "deny", "provision": [{ "type": "permit", "actor": permit["actor"] }] }),
            vec![nested],
            false,
        ),
        (
            "to nobody named",
            json!({ "type": "permit", "purpose": permit["purpose"] }),
            vec![root],
            false,
        ),
        (
            "some recipients that cannot be told",
            with("actor", json!([permit["actor"][0], { "role": { "text": "friend" } }])),
            vec!["Consent.provision.actor"],
            true,
        ),
        (
            "an exception without a type",
            with("provision", json!([{ "securityLabel": theme("housing") }])),
            vec![nested],
            false,
        ),
        ("a plain dissent", json!({ "type": "deny" }), vec![], false),
    ]
}

#[test]
fn each_shape_is_kept_as_far_as_all_readings_agree_and_each_narrowing_is_told() {
    let world = World::of(Vec::new());
    for (what, root, places, is_permitted) in shapes() {
        let imported = import(&foreign(&root, Some("Patient/p1"), None)).unwrap();
        let told: Vec<&str> = imported.report.iter().map(|one| one.path.as_str()).collect();
        assert_eq!(told, places, "{what}");
        let mut kept = imported.consent;
        kept["id"] = json!("c");
        assert_eq!(permits(&world, &[kept]), is_permitted, "{what}");
    }
    let permit = granted(json!({ "type": "permit" }));
    for (performer, policy, place) in [
        (None, None, "Consent.performer"),
        (Some("RelatedPerson/mother"), None, "Consent.performer"),
        (Some("Patient/p1"), Some("OPTOUT"), "Consent.policyRule"),
    ] {
        let imported = import(&foreign(&permit, performer, policy)).unwrap();
        assert_eq!(imported.report[0].path, place);
        assert!(!permits(&world, &[imported.consent]), "{place}");
    }
    let mut odd = foreign(&permit, Some("Patient/p1"), None);
    odd["modifierExtension"] = json!([{ "url": "urn:not" }]);
    let imported = import(&odd).unwrap();
    assert_eq!(imported.report[0].path, "Consent.modifierExtension");
    assert!(!permits(&world, &[imported.consent]));
}

/// Shapes of HL7 R4's examples, of IHE PCF's and of Kanta's.
const SHAPES: &str = include_str!("../../../fixtures/foreign-consents.json");

#[test]
fn what_others_publish_is_kept_on_the_closed_side() {
    let shapes: Value = serde_json::from_str(SHAPES).unwrap();
    let plain = World::of(Vec::new());
    let with = |change: fn(&mut World)| {
        let mut world = plain.clone();
        change(&mut world);
        world
    };
    let emergency = with(|world| world.who.purpose = Some("ETREAT"));
    let restricted = with(|world| world.thing.conf = Some("R"));
    let register = with(|world| world.thing.register = Some("social"));
    let mut all = granted(json!({ "type": "permit" }));
    all["purpose"] = json!([{ "code": "PurposeOfUse" }]);
    let all = consent("grant", &json!({ "type": "deny", "provision": [all] }));
    for shape in shapes["shapes"].as_array().unwrap() {
        let name = &shape["name"];
        let text = foreign(&shape["root"], shape["performer"].as_str(), shape["policy"].as_str());
        let Imported { consent: mut kept, report } = import(&text).unwrap();
        kept["id"] = json!("c");
        let alone = |world: &World| permits(world, std::slice::from_ref(&kept));
        let beside = |world: &World| permits(world, &[all.clone(), kept.clone()]);
        let found = [
            ("alone", alone(&plain)),
            ("beside", beside(&plain)),
            ("emergency", beside(&emergency)),
            ("restricted", alone(&restricted)),
            ("register", beside(&register)),
        ];
        for (case, is_permitted) in found {
            let expected = shape.get(case).and_then(Value::as_str);
            let word = if is_permitted { "yes" } else { "no" };
            assert!(expected.is_none_or(|one| one == word), "{name}, {case}: {word}");
        }
        assert_eq!(json!(report.len()), shape["told"], "{name}: {report:?}");
    }
}

#[test]
fn what_cannot_be_imported_is_refused_where_it_cannot() {
    let permit = granted(json!({ "type": "permit" }));
    let good = foreign(&permit, Some("Patient/p1"), None);
    let mut research = good.clone();
    research["scope"]["coding"][0]["code"] = json!("research");
    let deep =
        (0..8).fold(permit.clone(), |inner, _| json!({ "type": "deny", "provision": [inner] }));
    for (text, place) in [
        (json!({ "resourceType": "Contract" }), "Consent"),
        (consent("grant", &permit), "Consent.category"),
        (research, "Consent.scope"),
        (foreign(&deep, None, None), "Consent.provision.provision"),
    ] {
        let error = import(&text).err().unwrap();
        assert!(error.expression()[0].starts_with(place), "{:?}", error.expression());
    }
}

#[test]
fn the_command_tells_what_would_be_kept() {
    let dir = Dir::new("import");
    let permit = granted(json!({ "type": "permit" }));
    let sure = dir.write("sure.json", &foreign(&permit, Some("Patient/p1"), None).to_string());
    let until = json!({ "period": { "end": "2030" } });
    let vague = dir.write("vague.json", &foreign(&until, None, None).to_string());
    let (sure, vague) = (sure.display().to_string(), vague.display().to_string());
    let (exit, said, _) = run(&around(), &["consent", "import", &sure]);
    assert_eq!((exit, said.as_str()), (Exit::Fine, "0 narrowed\n"));
    let (exit, said, _) = run(&around(), &["consent", "import", &vague]);
    assert_eq!(exit, Exit::findings(true));
    let lines: Vec<&str> = said.lines().collect();
    assert!(lines[0].starts_with("Consent.performer: "), "{said}");
    assert!(lines[1].starts_with("Consent.provision: "), "{said}");
    assert_eq!(lines.last(), Some(&"2 narrowed"));
    let (_, said, _) = run(&around(), &["consent", "import", &vague, "--json"]);
    let told: Value = serde_json::from_str(&said).unwrap();
    assert_eq!(told["narrowed"].as_array().unwrap().len(), 2);
    assert_eq!(told["consent"]["resourceType"], "Consent");
}

#[test]
fn the_command_refuses_what_a_gateway_would_with_the_rule_and_the_place() {
    let permit = granted(json!({ "type": "permit" }));
    let good = foreign(&permit, Some("Patient/p1"), None);
    let with = |key: &str, value: Value| {
        let mut text = good.clone();
        text[key] = value;
        text.to_string()
    };
    let framed =
        |rules: Vec<Value>| with("provision", json!({ "type": "deny", "provision": rules }));
    let deep =
        (0..8).fold(permit.clone(), |inner, _| json!({ "type": "deny", "provision": [inner] }));
    let mut labels = permit.clone();
    let label =
        json!({ "system": "https://mylife.example/fhir/CodeSystem/theme", "code": "housing" });
    labels["securityLabel"] = json!(vec![label; 101]);
    let mut research = good.clone();
    research["scope"]["coding"][0]["code"] = json!("research");
    let whole = good.to_string();
    let rows = [
        ("far too many rules", framed(vec![json!({}); 100_000]), "Consent.provision.provision"),
        ("too many rules", framed(vec![permit.clone(); 201]), "Consent.provision.provision"),
        ("too many values", framed(vec![labels]), "provision[0].securityLabel"),
        ("too deep", framed(vec![deep]), "Consent.provision.provision[0].provision"),
        ("far too deep", format!("{}{}", "[".repeat(100), "]".repeat(100)), "nests deeper"),
        ("too large", with("language", json!("x".repeat(2_000_000))), "larger than"),
        ("no JSON", whole.trim_end_matches('}').to_owned(), "not JSON"),
        ("a member twice", whole.replacen('{', "{\"status\":\"draft\",", 1), "stands there twice"),
        ("not FHIR R4", with("status", json!("perhaps")), "Consent.status"),
        ("of the gateway's own form", consent("grant", &permit).to_string(), "Consent.category"),
        ("about research", research.to_string(), "Consent.scope"),
        ("about nobody", with("patient", json!({ "display": "x" })), "Consent.patient"),
        ("about a group", with("patient", json!({ "reference": "Group/1" })), "Consent.patient"),
        ("given years ahead", with("dateTime", json!("2126-01-01")), "Consent.dateTime"),
    ];
    let dir = Dir::new("import-bad");
    for (what, text, rule) in rows {
        let file = dir.write("bad.json", &text).display().to_string();
        let (exit, said, complaint) = run(&around(), &["consent", "import", &file]);
        assert_eq!((exit, said.as_str()), (Exit::Usage, ""), "{what}: {complaint}");
        assert!(complaint.contains(rule), "{what}: {complaint}");
    }
    let file = dir.write("good.json", &whole).display().to_string();
    assert_eq!(run(&around(), &["consent", "import", &file]).0, Exit::Fine);
}
