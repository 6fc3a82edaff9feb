//! Whoever has a token looks up organisations, services and forms, page by page.

use crate::world::World;

#[test]
fn the_pages_of_the_directory_hold_each_entry_once_in_order_of_id() {
    let world = World::new();
    let kuopio = world.municipality("297");
    let portal = kuopio.client("national-portal");
    for kind in ["Organization", "Questionnaire", "HealthcareService"] {
        let whole = portal.get(&format!("/fhir/{kind}?_count=100"));
        let total = whole.ids().len();
        assert!(total > 1 && whole.ids().is_sorted(), "{whole:?}");
        assert_eq!((whole.total(), whole.next()), (Some(total as u64), None));
        let pages = portal.pages(&format!("/fhir/{kind}?_count=1"));
        let ids: Vec<String> = pages.iter().flat_map(crate::world::reply::Reply::ids).collect();
        assert_eq!(ids, whole.ids(), "{kind}");
        assert!(pages.iter().all(|page| page.total() == Some(total as u64)), "{pages:?}");
    }
}

#[test]
fn a_page_link_of_the_directory_is_good_for_its_caller_and_query_alone() {
    let world = World::new();
    let kuopio = world.municipality("297");
    let (portal, region) = (kuopio.client("national-portal"), kuopio.client("north-savo"));
    let next = portal.get("/fhir/Organization?_count=1").next().unwrap();
    region.get(&next).refused(400, "invalid");
    portal.get(&next.replace("Organization", "Questionnaire")).refused(400, "invalid");
    portal.get(&next);
}
