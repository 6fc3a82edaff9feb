//! What an explanation says to people, and in which language.

use std::sync::Arc;

use mylife::{
    consent::{
        decide::Why,
        explain::{
            By, Row,
            about::About,
            words::{language, sentence},
        },
    },
    directory::Name,
    domain::{class::Class, theme::Theme},
};

fn title(fi: &str, sv: &str, en: &str) -> Name {
    Name { fi: fi.to_owned(), sv: sv.to_owned(), en: en.to_owned() }
}

fn permitted(about: About, basis: Vec<By>) -> Row {
    Row { about, permitted: true, partly: false, why: Why::Allowed, basis, against: Vec::new() }
}

fn denied(about: About, why: Why, against: Vec<By>) -> Row {
    Row { about, permitted: false, partly: false, why, basis: Vec::new(), against }
}

fn law(overrides: bool) -> By {
    let reference =
        Some(Arc::new(title("laki 703/2023, 5 §", "lag 703/2023, 5 §", "act 703/2023, s. 5")));
    By::Law { id: "law:1".into(), reference, overrides }
}

fn consent() -> By {
    By::Consent("297.c".into())
}

const HOUSING: About = About::Theme(Theme::Housing, None);
const WORDS: About = About::Theme(Theme::Health, Some(Class::FreeText));

#[test]
fn every_reason_is_a_plain_sentence_in_three_languages() {
    let partly = Row { partly: true, ..permitted(HOUSING, vec![consent()]) };
    let own = Row { why: Why::SelfAccess, ..permitted(HOUSING, Vec::new()) };
    let rows = [
        (
            permitted(HOUSING, vec![consent()]),
            "Asuminen: Kysyjä saa nähdä tämän, koska suostumus sallii sen.",
            "Boende: Den som frågar får se detta, eftersom ett samtycke tillåter det.",
            "Housing: The caller may see this, because a consent allows it.",
        ),
        (
            partly,
            "Asuminen: Kysyjä saa nähdä osan tästä, koska suostumus sallii sen.",
            "Boende: Den som frågar får se en del av detta, eftersom ett samtycke tillåter det.",
            "Housing: The caller may see a part of this, because a consent allows it.",
        ),
        (
            permitted(WORDS, vec![consent(), consent(), law(false)]),
            "Terveys (omin sanoin kerrottu): Kysyjä saa nähdä tämän, koska suostumus sallii sen ja \
             laki sallii sen (laki 703/2023, 5 §).",
            "Hälsa (med egna ord): Den som frågar får se detta, eftersom ett samtycke tillåter det \
             och lagen tillåter det (lag 703/2023, 5 §).",
            "Health (in own words): The caller may see this, because a consent allows it and the \
             law allows it (act 703/2023, s. 5).",
        ),
        (
            permitted(HOUSING, vec![law(true)]),
            "Asuminen: Kysyjä saa nähdä tämän, koska laki sallii sen kiellosta huolimatta (laki \
             703/2023, 5 §).",
            "Boende: Den som frågar får se detta, eftersom lagen tillåter det trots ett förbud (lag \
             703/2023, 5 §).",
            "Housing: The caller may see this, because the law allows it in spite of a prohibition \
             (act 703/2023, s. 5).",
        ),
        (
            permitted(HOUSING, vec![By::Representation("RelatedPerson/297.r".into())]),
            "Asuminen: Kysyjä saa nähdä tämän, koska kysyjällä on oikeus toimia henkilön puolesta.",
            "Boende: Den som frågar får se detta, eftersom den som frågar har rätt att handla för \
             personen.",
            "Housing: The caller may see this, because the caller is entitled to act for the person.",
        ),
        (
            permitted(HOUSING, vec![By::Register]),
            "Asuminen: Kysyjä saa nähdä tämän, koska se käyttää saman rekisterin tietoja asiakkaansa \
             asioissa.",
            "Boende: Den som frågar får se detta, eftersom den använder uppgifter i samma register i \
             sin klients ärenden.",
            "Housing: The caller may see this, because it uses the same register in its client's \
             matters.",
        ),
        (
            permitted(About::Records, vec![By::Officer]),
            "Suostumukset, kiellot ja käyttöloki: Kysyjä saa nähdä tämän, koska valvontatehtävä \
             antaa siihen oikeuden.",
            "Samtycken, förbud och användningslogg: Den som frågar får se detta, eftersom ett \
             tillsynsuppdrag ger rätt till det.",
            "Consents, prohibitions and the access log: The caller may see this, because its duty of \
             supervision gives it the right.",
        ),
        (
            permitted(About::Records, vec![By::Writer]),
            "Suostumukset, kiellot ja käyttöloki: Kysyjä saa nähdä tämän, koska se on itse kirjannut \
             tiedon.",
            "Samtycken, förbud och användningslogg: Den som frågar får se detta, eftersom den \
             själv har antecknat uppgiften.",
            "Consents, prohibitions and the access log: The caller may see this, because it recorded \
             the information itself.",
        ),
        (
            own,
            "Asuminen: Kysyjä saa nähdä tämän, koska kyse on omista tiedoista.",
            "Boende: Den som frågar får se detta, eftersom det gäller egna uppgifter.",
            "Housing: The caller may see this, because the information is their own.",
        ),
        (
            denied(HOUSING, Why::Default, Vec::new()),
            "Asuminen: Kysyjä ei saa nähdä tätä, koska mikään suostumus tai laki ei salli sitä.",
            "Boende: Den som frågar får inte se detta, eftersom inget samtycke och ingen lag tillåter \
             det.",
            "Housing: The caller may not see this, because no consent and no law allows it.",
        ),
        (
            denied(HOUSING, Why::Prohibition, vec![consent()]),
            "Asuminen: Kysyjä ei saa nähdä tätä, koska se on kielletty.",
            "Boende: Den som frågar får inte se detta, eftersom det har förbjudits.",
            "Housing: The caller may not see this, because it has been prohibited.",
        ),
        (
            denied(About::Unclassified(Some(Class::Contact)), Why::Bar, vec![law(false)]),
            "Muut tiedot (yhteystiedot): Kysyjä ei saa nähdä tätä, koska tiedot on suojattu eikä \
             niitä saa luovuttaa (laki 703/2023, 5 §).",
            "Övriga uppgifter (kontaktuppgifter): Den som frågar får inte se detta, eftersom \
             uppgifterna är skyddade och inte får lämnas ut (lag 703/2023, 5 §).",
            "Other information (contact details): The caller may not see this, because the \
             information is protected and must not be disclosed (act 703/2023, s. 5).",
        ),
    ];
    for (row, fi, sv, en) in rows {
        for (language, expected) in [("fi", fi), ("sv", sv), ("en", en)] {
            assert_eq!(sentence(&row, None, language), expected);
        }
    }
    let portal = title("Hyvinvointiportaali", "Välfärdsportalen", "Welfare portal");
    let row = permitted(HOUSING, vec![consent()]);
    let said = sentence(&row, Some(&portal), "sv");
    assert_eq!(said, "Boende: Välfärdsportalen får se detta, eftersom ett samtycke tillåter det.");
}

#[test]
fn the_language_wanted_most_is_spoken_and_finnish_where_none_is_ours() {
    for (accepted, expected) in [
        (None, "fi"),
        (Some(""), "fi"),
        (Some("sv"), "sv"),
        (Some("en-GB,en;q=0.9"), "en"),
        (Some("de, sv;q=0.5, en;q=0.7"), "en"),
        (Some("en;q=0, sv;q=0.1"), "sv"),
        (Some("EN"), "en"),
        (Some("sv;q=nonsense"), "fi"),
        (Some("english"), "fi"),
        (Some("fi, sv"), "fi"),
    ] {
        assert_eq!(language(accepted), expected, "{accepted:?}");
    }
}

#[test]
fn every_class_has_a_code_that_names_it_alone() {
    let all = About::PLAIN.into_iter().flat_map(|plain| plain.withheld().chain([plain]));
    let all: Vec<About> = all.chain([About::Records]).collect();
    assert_eq!(all.len(), 11 * 6 + 1);
    for about in all {
        assert_eq!(About::from_code(&about.code()), Some(about));
    }
    for code in ["", "wealth", "housing+", "housing+health", "records+free-text"] {
        assert_eq!(About::from_code(code), None, "{code}");
    }
}
