//! The questionnaires: complete, attributed, stable in their ids.

use std::collections::BTreeSet;

use mylife::domain::{
    assessment::{AgeGroup, Form},
    questionnaire::{
        Facet, PublicationStatus, Questionnaire, Questionnaires, Tongue, Translated, url,
    },
    theme::Theme,
};

#[test]
fn there_are_two_forms_for_two_groups_under_their_canonical_urls() {
    let loaded = Questionnaires::load().unwrap();
    let urls: BTreeSet<&str> = loaded.all().iter().map(|one| one.url.as_str()).collect();
    let ids = ["30-18plus", "30-14-17", "10-18plus", "10-14-17"];
    let expected = ids.map(|id| format!("https://mylife.example/fhir/Questionnaire/3x10d-{id}"));
    assert_eq!(urls, expected.iter().map(String::as_str).collect());
    assert!(find(&loaded, Form::Ten, AgeGroup::Seven).is_none());
    assert!(url(Form::Ten, AgeGroup::Families).ends_with("/3x10d-10-families"));
}

#[test]
fn each_form_asks_each_theme_its_own_questions_in_three_languages() {
    let loaded = Questionnaires::load().unwrap();
    for one in loaded.all() {
        let facets: &[Facet] = match one.form {
            Form::Thirty => &[Facet::Importance, Facet::Satisfaction, Facet::Future],
            Form::Ten => &[Facet::Satisfaction, Facet::Comment],
        };
        assert_eq!(one.items.len(), 10 * facets.len());
        for theme in Theme::ALL {
            assert!(loaded.theme(theme).is_some());
            for facet in facets {
                let link_id = format!("{}.{}", theme.code(), facet.code());
                let item = one.items.iter().find(|item| item.link_id == link_id).unwrap();
                assert_eq!(item.ends.is_none(), facet.is_words(), "{link_id}");
                for text in [&item.text, &item.help, &one.title, &one.copyright] {
                    let Translated { fi, sv, en } = text;
                    assert!([fi, sv, en].iter().all(|said| !said.trim().is_empty()), "{link_id}");
                }
            }
        }
        assert!(one.copyright.en.contains("Diak"));
    }
}

#[test]
fn the_published_finnish_wording_stands_unmodified() {
    let loaded = Questionnaires::load().unwrap();
    let ask = |group, link_id: &str| {
        let one = find(&loaded, Form::Ten, group).unwrap();
        one.items.iter().find(|item| item.link_id == link_id).unwrap().text.fi.clone()
    };
    let stem = "Kun ajattelet nykyhetkeä, kuinka tyytyväinen olet";
    assert_eq!(ask(AgeGroup::Adult, "health.satisfaction"), format!("{stem} terveydentilaasi?"));
    let family = "family.satisfaction";
    assert_eq!(ask(AgeGroup::Adult, family), format!("{stem} perheeseesi ja läheisiisi?"));
    assert_eq!(ask(AgeGroup::Fourteen, family), format!("{stem} perheeseesi?"));
}

#[test]
fn what_is_provisional_says_so() {
    for one in Questionnaires::load().unwrap().all() {
        let draft = one.status == PublicationStatus::Draft;
        assert_eq!(draft, one.form == Form::Thirty);
        for item in &one.items {
            let published = item.facet == Facet::Satisfaction;
            assert_eq!(!item.provisional.contains(&Tongue::Finnish), published, "{}", item.link_id);
            assert!(item.provisional.contains(&Tongue::Swedish));
        }
    }
}

fn find(all: &Questionnaires, form: Form, group: AgeGroup) -> Option<&Questionnaire> {
    all.all().iter().find(|one| one.form == form && one.age_group == group)
}
