//! Searches: totals, pages, cursors, values, order, walks, forms.

use http::Method;

use super::stage::Stage;
use crate::world::actor::Ask;

#[test]
pub(super) fn the_total_counts_what_is_seen() {
    let stage = Stage::new();
    let ask = ["Observation", "QuestionnaireResponse", "Goal"];
    let more = ["", "&_total=accurate", "&_count=0", "&_summary=count", "&_count=1"];
    let paths = ask.iter().flat_map(|kind| more.map(|more| stage.of_aino(kind, more)));
    let found = stage.finds_the_same(&paths.collect::<Vec<_>>());
    let totals: Vec<_> = found.iter().map(|reply| reply.total().unwrap()).collect();
    assert_eq!(totals, [[8; 5], [2; 5], [1; 5]].concat());
}

#[test]
pub(super) fn pages_are_as_long_and_as_many_as_what_is_seen_fills() {
    let stage = Stage::new();
    let pages = stage.tells_nothing(|| {
        let counts = ["&_count=1", "&_count=3", "&_count=1&_sort=_id", "&_count=2&_sort=-date"];
        counts.iter().flat_map(|m| stage.reader.pages(&stage.of_aino("Observation", m))).collect()
    });
    let lengths: Vec<_> = pages.iter().map(|page| page.ids().len()).collect();
    assert_eq!(lengths, [vec![1; 8], vec![3, 3, 2], vec![1; 8], vec![2; 4]].concat());
    assert!(pages[0].next().is_some_and(|next| next.contains("_cursor=")));
}

#[test]
pub(super) fn a_page_link_works_for_who_got_it_alone() {
    let stage = Stage::new();
    stage.hide();
    let next = stage.reader.get(&stage.of_aino("Observation", "&_count=1")).next().unwrap();
    assert_eq!(stage.reader.get(&next).ids().len(), 1);
    let region = stage.kuopio.client("north-savo");
    let garbage = next.replace("_cursor=", "_cursor=A");
    let (stolen, garbage) = (region.get(&next), region.get(&garbage));
    stolen.refused(400, "invalid");
    assert_eq!(stolen.bytes(), garbage.bytes(), "a good link of another is as none");
}

#[test]
pub(super) fn a_search_value_that_is_hidden_matches_nothing() {
    let stage = Stage::new();
    let paths = [
        ("CareTeam", "&participant=Practitioner/297.prac.psychiatry1"),
        ("CareTeam", "&participant=Practitioner/297.prac.youth1"),
        ("QuestionnaireResponse", "&status=amended"),
        ("QuestionnaireResponse", "&authored=2026-02-20"),
        ("QuestionnaireResponse", "&_lastUpdated=gt2026-03-02T10:30:00Z"),
        ("QuestionnaireResponse", "&_security=health"),
        ("Observation", "&code=health.satisfaction"),
        ("ServiceRequest", "&code=297.svc.psychiatry"),
        ("Goal", "&category=health"),
        ("CarePlan", "&category=health"),
    ];
    let paths = paths.map(|(kind, more)| stage.of_aino(kind, more));
    let found = stage.finds_the_same(&paths);
    let found: Vec<_> = found.iter().map(|reply| reply.ids().len()).collect();
    assert_eq!(found, [0, 1, 0, 0, 0, 0, 0, 0, 0, 0]);
}

#[test]
pub(super) fn what_is_hidden_moves_nothing_in_the_order() {
    let stage = Stage::new();
    let sorts =
        ["", "&_sort=_lastUpdated", "&_sort=-_lastUpdated", "&_sort=authored", "&_sort=_id"];
    let paths = sorts.map(|sort| stage.of_aino("QuestionnaireResponse", sort));
    let found = stage.finds_the_same(&paths);
    assert_eq!(found[0].ids(), found[2].ids());
    assert_ne!(found[0].ids(), found[1].ids());
}

#[test]
pub(super) fn a_walk_over_people_goes_on_past_who_is_hidden() {
    let stage = Stage::new();
    let pages = stage.tells_nothing(|| {
        let walks = ["Observation?_count=1", "Observation?_count=50", "Patient?_count=1"];
        walks.iter().flat_map(|walk| stage.reader.pages(&format!("/fhir/{walk}"))).collect()
    });
    assert_eq!(pages.iter().map(|page| page.ids().len()).sum::<usize>(), 8 + 8 + 1);
}

#[test]
pub(super) fn a_form_finds_what_a_url_finds() {
    let stage = Stage::new();
    let person = stage.aino.patient().to_owned();
    let forms = stage.tells_nothing(|| {
        let kinds = ["Observation", "QuestionnaireResponse", "Goal", "CarePlan"];
        kinds.map(|kind| stage.reader.post(kind, &[("patient", &person)])).into()
    });
    let urls = ["Observation", "QuestionnaireResponse", "Goal", "CarePlan"];
    for (form, kind) in forms.iter().zip(urls) {
        assert_eq!(form.bytes(), stage.reader.get(&stage.of_aino(kind, "")).bytes());
    }
    let plain = Ask { body: "patient=x".into(), kind: Some("text/plain"), ..Ask::default() };
    stage.asks(Method::POST, "/fhir/Observation/_search", plain).refused(415, "not-supported");
}
