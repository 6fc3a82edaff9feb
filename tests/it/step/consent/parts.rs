//! The small parts a decision is made of, as tables.

use mylife::{
    consent::{
        cover::{Interaction, ScopeCover},
        decide::{Why, decide},
        law::Law,
        name::Name,
        policy::{Origin, Policy},
        purpose::Purpose,
    },
    domain::moment::Moment,
    unit::{
        period::{Majority, Reading, Span, Window},
        tri::Tri::{self, False, True, Unknown},
    },
};
use serde_json::json;

use super::world::{Held, World, at, consent};

#[test]
fn a_date_is_a_day_in_finland_and_a_time_needs_a_zone() {
    let rows = [
        ("2026-06-01", Some(("2026-05-31T21:00:00Z", "2026-06-01T21:00:00Z"))),
        ("2026-01-01", Some(("2025-12-31T22:00:00Z", "2026-01-01T22:00:00Z"))),
        ("2026-03-29", Some(("2026-03-28T22:00:00Z", "2026-03-29T21:00:00Z"))),
        ("2026-02", Some(("2026-01-31T22:00:00Z", "2026-02-28T22:00:00Z"))),
        ("2026", Some(("2025-12-31T22:00:00Z", "2026-12-31T22:00:00Z"))),
        ("2026-06-01T12:00:00Z", Some(("2026-06-01T12:00:00Z", "2026-06-01T12:00:00.001Z"))),
        (
            "2026-06-01T12:00:00.5+03:00",
            Some(("2026-06-01T09:00:00.5Z", "2026-06-01T09:00:00.501Z")),
        ),
        ("2026-06-01T12:00:00", None),
        ("2026-06-01T12:00Z", None),
        ("2026-06-01T12:00:00.Z", None),
        ("2026-06-01T12:00:00.5.5Z", None),
        ("2026-06-01t12:00:00z", None),
        ("2026-06-01T12:00:00Z[Europe/Helsinki]", None),
        ("2026-06-01T12:00:00+0300", None),
        ("2026-06-01 12:00:00Z", None),
        ("2026-06-31", None),
        ("2026-6-1", None),
        ("26", None),
        ("2026-", None),
        ("2026-06-01-01", None),
        ("", None),
        ("soon", None),
    ];
    for (text, expected) in rows {
        let span = Span::parse(text);
        assert_eq!(span.is_some(), expected.is_some(), "{text}");
        let Some((span, (from, until))) = span.zip(expected) else { continue };
        let exactly = Window::of(Some(from), Some(until));
        let before = Window::of(None, Some(from));
        let after = Window::of(Some(until), None);
        assert_eq!(exactly.holds(span, Reading::Both), True, "{text} inside");
        assert_eq!(before.holds(span, Reading::Both), False, "{text} not before");
        assert_eq!(after.holds(span, Reading::Both), False, "{text} not after");
        let short = Moment::from_millis(at(until).millis() - 1).to_string();
        let short = Window::of(Some(from), Some(&short));
        assert_ne!(short.holds(span, Reading::Both), True, "{text} to its end");
    }
}

#[test]
fn a_period_that_cannot_be_read_is_neither_inside_nor_outside() {
    let rows = [
        json!({}),
        json!("2026"),
        json!({"end": "soon"}),
        json!({"start": 2026}),
        json!({"start": "2027-01-01", "end": "2026-01-01"}),
        json!({"start": "2026-01-01", "until": "2026-01-02"}),
    ];
    for period in rows {
        assert_eq!(Window::parse(&period), Window::Bad, "{period}");
        for reading in [Reading::Wide, Reading::Narrow, Reading::Both] {
            assert_eq!(Window::Bad.holds(Span::parse("2026-01-01").unwrap(), reading), Unknown);
        }
    }
    assert_ne!(Window::parse(&json!({"start": "2026-01-01", "end": "2026-01-01"})), Window::Bad);
}

#[test]
fn a_person_is_of_age_from_the_start_of_the_18th_birthday() {
    let rows = [
        (Some("2008-06-01"), "2026-05-31T20:59:59.999Z", False),
        (Some("2008-06-01"), "2026-05-31T21:00:00Z", True),
        (Some("2008-02-29"), "2026-02-27T21:59:59.999Z", False),
        (Some("2008-02-29"), "2026-02-27T22:00:00Z", True),
        (Some("2008"), "2025-12-31T21:59:59Z", False),
        (Some("2008"), "2026-06-01T00:00:00Z", Unknown),
        (Some("2008"), "2026-12-30T22:00:00Z", True),
        (Some("soon"), "2026-06-01T00:00:00Z", Unknown),
        (None, "2126-06-01T00:00:00Z", Unknown),
    ];
    for (born, now, expected) in rows {
        assert_eq!(Majority::of(born).reached(at(now)), expected, "{born:?} at {now}");
    }
}

#[test]
fn a_purpose_covers_its_kinds_and_nothing_unheard_of() {
    let rows = [
        ("TREAT", "TREAT", True),
        ("TREAT", "ETREAT", True),
        ("TREAT", "BTG", True),
        ("ETREAT", "TREAT", False),
        ("HOPERAT", "LABELING", True),
        ("TREAT", "CAREMGT", False),
        ("HRESCH", "CLINTRCHPC", True),
        ("PurposeOfUse", "HMARKT", True),
        ("TREAT", "statistics", Unknown),
        ("statistics", "statistics", Unknown),
        ("", "", Unknown),
    ];
    for (rule, stated, expected) in rows {
        let covers = Purpose::of(rule).covers(&Purpose::of(stated));
        assert_eq!(covers, expected, "{rule} for {stated}");
    }
}

#[test]
fn a_name_is_compared_only_with_names_of_its_form() {
    let org = "Organization/county";
    let rows: [(_, Option<&str>, &[&str], Tri); 12] = [
        (json!({"reference": org}), Some("Practitioner/a"), &[org], True),
        (json!({"reference": org}), Some("Practitioner/a"), &["Organization/b"], False),
        (json!({"reference": org}), Some("Practitioner/a"), &[], False),
        (json!({"reference": org}), Some("Practitioner/a"), &["urn:oid:1.2"], Unknown),
        (json!({"reference": "Practitioner/a"}), Some("Practitioner/a"), &[], True),
        (json!({"reference": "Practitioner/a"}), Some("RelatedPerson/a"), &[], False),
        (json!({"reference": "Practitioner/a"}), Some("PractitionerRole/a"), &[], Unknown),
        (json!({"reference": "Practitioner/a"}), None, &[], Unknown),
        (json!({"identifier": {"value": "urn:oid:1.2"}}), None, &["urn:oid:1.2"], True),
        (json!({"identifier": {"value": "urn:oid:1.2"}}), None, &["urn:oid:1.3"], False),
        (json!({"identifier": {"system": "urn:x", "value": "1"}}), None, &["urn:x|1"], True),
        (json!({"identifier": {"system": "urn:x", "value": "1"}}), None, &["urn:x|2"], Unknown),
    ];
    for (reference, subject, orgs, expected) in rows {
        let orgs: Vec<_> = orgs.iter().map(|org| (*org).into()).collect();
        let is = Name::parse(&reference).is_requester(subject, &orgs);
        assert_eq!(is, expected, "{reference} for {subject:?} of {orgs:?}");
    }
    let nobody = [
        json!({"display": "The county"}),
        json!({"reference": "#county"}),
        json!({"reference": "https://elsewhere.example/fhir/Organization/county"}),
        json!({"reference": "Organization/county/_history/1"}),
        json!({"reference": "urn:uuid:0b2f6c2e-6a43-4a3c-8d8e-1f5f4b3f7a10"}),
        json!({"identifier": {"system": "urn:x"}}),
        json!("Organization/county"),
    ];
    for reference in nobody {
        assert!(Name::parse(&reference).is_unresolvable(), "{reference}");
    }
}

#[test]
fn scopes_cover_what_they_name() {
    use Interaction::{Create, Delete, Read, Search, Update};
    let every = [Create, Read, Update, Delete, Search];
    let rows: [(&str, &[Interaction]); 11] = [
        ("user/*.rs", &[Read, Search]),
        ("system/Goal.cruds", &every),
        ("patient/Goal.read", &[Read, Search]),
        ("user/Goal.write", &[Create, Update, Delete]),
        ("user/*.*", &every),
        ("user/Observation.rs", &[]),
        ("user/Goal.sr", &[]),
        ("user/Goal.rr", &[]),
        ("user/Goal.", &[]),
        ("user/Goal.rs?category=x", &[]),
        ("group/Goal.rs", &[]),
    ];
    for (scope, covered) in rows {
        let cover = ScopeCover::parse([scope]);
        for interaction in every {
            let expected = covered.contains(&interaction);
            assert_eq!(cover.covers("Goal", interaction), expected, "{scope} {interaction:?}");
        }
    }
    let both = ScopeCover::of([("Goal", "r"), ("Goal", "s")]);
    assert!(both.covers("Goal", Read) && both.covers("Goal", Search) && !both.covers("Task", Read));
    assert!(every.iter().all(|interaction| ScopeCover::all().covers("Task", *interaction)));
}

#[test]
fn a_patient_named_by_identifier_is_who_the_store_resolved() {
    let mut held = consent("grant", &json!({"type": "deny", "provision": [{"type": "permit"}]}));
    held["patient"] = json!({"identifier": {"system": "urn:oid:1.2.246.21", "value": "x"}});
    held["performer"] = json!([held["patient"]]);
    let patient = |id: Option<&str>| Origin { patient: id.map(Into::into), ..Origin::default() };
    let world = World::of(Vec::new());
    for (id, why) in [
        (Some("Patient/p1"), Why::Allowed),
        (Some("Patient/p2"), Why::Default),
        (None, Why::Default),
    ] {
        let mut snapshot = world.snapshot();
        snapshot.policies = [Policy::parse(&held, patient(id))].into();
        let verdict = decide(&snapshot, &world.asker(), &world.thing.unit());
        assert_eq!(verdict.why, why, "{id:?}");
    }
}

#[test]
fn the_law_table_is_read_from_toml_and_turvakielto_needs_no_list_of_people() {
    let table = r#"
        officer_roles = ["data-protection-officer"]
        [[grounds]]
        id = "law:emergency"
        roles = ["social-worker"]
        classes = "*"
        emergency = true
        overrides_prohibition = true
        period = { start = "2026-01-01" }
        [[bars]]
        id = "turvakielto"
        turvakielto = true
        except_roles = ["clerk"]
    "#;
    let law: Law = toml::from_str(table).unwrap();
    assert!(toml::from_str::<Law>("[[grounds]]\nid = \"a\"\npurpose = [\"TREAT\"]").is_err());
    let root = json!({"type": "deny", "provision": [{"type": "permit"}]});
    let grant = Held { consent: consent("grant", &root), recorded: None, force: (None, None) };
    let world = World::of(vec![grant]);
    let mut snapshot = world.snapshot();
    let why = |snapshot: &_, role: &str| {
        let mut asker = world.asker();
        asker.roles = vec![role.into()];
        decide(snapshot, &asker, &world.thing.unit()).why
    };
    snapshot.turvakielto = true;
    assert_eq!(why(&snapshot, "clerk"), Why::Bar, "no law says who is exempt");
    snapshot.law = law.into();
    assert_eq!(why(&snapshot, "clerk"), Why::Allowed);
    assert_eq!(why(&snapshot, "nurse"), Why::Bar);
    snapshot.turvakielto = false;
    assert_eq!(why(&snapshot, "nurse"), Why::Allowed);
}
