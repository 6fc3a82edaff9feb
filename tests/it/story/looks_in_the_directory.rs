//! Whoever has a token looks up organisations, services and forms, page by page.

use std::sync::Arc;

use mylife::{directory::Directory, domain::theme::Theme::Housing, mapping};

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

#[test]
fn who_still_has_another_directory_leaves_nothing_of_it_to_others() {
    let world = World::new();
    let kuopio = world.municipality("297");
    let aino = kuopio.person("aino").answered([(Housing, 2, 1, "")]);
    let gateway = &kuopio.gateway;
    let local = gateway.reach.sources.local.as_ref().unwrap();
    let with = |directory: &Arc<Directory>| {
        let held = world.runtime.block_on(local.load(aino.patient())).unwrap().unwrap();
        mapping::to_fhir(held, directory).into_parts().1
    };
    let (before, after) = (Arc::new(Directory::default()), &gateway.terms.directory);
    for directory in [&before, after, &before, after] {
        assert!(with(directory).is_of(directory), "what is sensitive follows from it");
    }
    assert!(Arc::ptr_eq(&with(&before), &with(&before)) || Arc::ptr_eq(&with(after), &with(after)));
}
