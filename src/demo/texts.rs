//! Names and sentences of the demo's people; invented, in Finnish and Swedish.
//!
//! Beside the way of a request. Common given and family names, combined by chance; the sentences were
//! written for the demo and tell of nobody.

use crate::domain::theme::Theme;

/// Given names of Finnish speakers.
pub const GIVEN_FI: [&str; 24] = [
    "Aino", "Eetu", "Emilia", "Helmi", "Iida", "Joona", "Juho", "Kaisa", "Lauri", "Liisa",
    "Matias", "Milla", "Niko", "Noora", "Oona", "Onni", "Petra", "Pyry", "Ronja", "Sampo", "Satu",
    "Tiia", "Valtteri", "Veera",
];

/// Family names of Finnish speakers.
pub const FAMILY_FI: [&str; 20] = [
    "Hakala",
    "Heikkinen",
    "Hiltunen",
    "Huttunen",
    "Järvinen",
    "Kangas",
    "Karppinen",
    "Kokkonen",
    "Koskela",
    "Laine",
    "Leinonen",
    "Mäkelä",
    "Niemi",
    "Partanen",
    "Rautio",
    "Rissanen",
    "Salmi",
    "Tuominen",
    "Vainio",
    "Väisänen",
];

/// Given names of Swedish speakers.
pub const GIVEN_SV: [&str; 12] = [
    "Alva", "Axel", "Ebba", "Elias", "Fanny", "Hugo", "Ida", "Linnea", "Ludvig", "Molly", "Oskar",
    "Viggo",
];

/// Family names of Swedish speakers.
pub const FAMILY_SV: [&str; 10] = [
    "Björklund",
    "Eklund",
    "Forsman",
    "Grönroos",
    "Holmberg",
    "Lindholm",
    "Nyman",
    "Sjöblom",
    "Söderström",
    "Wikström",
];

/// What one wishes of the future, by theme, in Finnish and Swedish.
pub const WISHES: [(Theme, &str, &str); 10] = [
    (Theme::StudiesWork, "Haluan saada opinnot loppuun.", "Jag vill slutföra mina studier."),
    (Theme::Family, "Toivon, että soittelisimme useammin.", "Jag hoppas att vi rings oftare."),
    (Theme::Health, "Haluan nukkua kunnolla öisin.", "Jag vill sova ordentligt om nätterna."),
    (Theme::Friends, "Kaipaan kaveria, jolle puhua.", "Jag saknar en vän att prata med."),
    (
        Theme::PersonalDevelopment,
        "Aloitan kitaransoiton uudelleen.",
        "Jag börjar spela gitarr igen.",
    ),
    (Theme::Housing, "Haluan oman kodin vuoden sisällä.", "Jag vill ha ett eget hem inom ett år."),
    (Theme::Finance, "Velat pois, yksi kerrallaan.", "Skulderna bort, en i taget."),
    (
        Theme::LifeSatisfaction,
        "Haluan tavallisia, hyviä päiviä.",
        "Jag vill ha vanliga, goda dagar.",
    ),
    (Theme::SelfEsteem, "Opettelen sanomaan, mitä ajattelen.", "Jag lär mig säga vad jag tänker."),
    (Theme::Resilience, "Pyydän apua ennen kuin on pakko.", "Jag ber om hjälp innan jag måste."),
];

/// Remarks on an answer, in Finnish and Swedish.
pub const REMARKS: [(&str, &str); 5] = [
    ("Paremmin kuin viime vuonna.", "Bättre än i fjol."),
    ("En osaa vielä sanoa.", "Jag kan inte säga ännu."),
    ("Tästä haluan puhua.", "Det här vill jag prata om."),
    ("Vaihtelee päivästä toiseen.", "Det växlar från dag till dag."),
    ("Ihan hyvin menee.", "Det går helt bra."),
];

/// The texts of a plan in one language.
#[derive(Clone, Copy, Debug)]
pub struct PlanTexts {
    /// Heading.
    pub title: &'static str,
    /// The person's view.
    pub person: &'static str,
    /// The professional's view.
    pub professional: &'static str,
    /// A goal about housing and finance.
    pub home: &'static str,
    /// A goal about studies, work and resilience.
    pub study: &'static str,
    /// An action of the person.
    pub apply: &'static str,
    /// An action of the case manager.
    pub invite: &'static str,
    /// A remark on a service.
    pub note: &'static str,
    /// A follow-up.
    pub review: &'static str,
}

/// In Finnish.
pub const PLAN_FI: PlanTexts = PlanTexts {
    title: "Yhteinen hyvinvointisuunnitelma",
    person: "Haluan, että asiat hoidetaan kerralla eikä minun tarvitse kertoa kaikkea uudestaan.",
    professional: "Asuminen ja arjen rytmi ensin, opinnot sen jälkeen.",
    home: "Oma vuokra-asunto ja rahat riittämään.",
    study: "Takaisin kouluun pienin askelin.",
    apply: "Täytän asuntohakemuksen.",
    invite: "Kutsun koolle yhteisen tapaamisen.",
    note: "Ensimmäinen käynti sovittu yhdessä.",
    review: "Katsotaan yhdessä, mitä on saatu aikaan.",
};

/// In Swedish.
pub const PLAN_SV: PlanTexts = PlanTexts {
    title: "Gemensam välfärdsplan",
    person: "Jag vill att allt sköts på en gång så att jag slipper berätta allting igen.",
    professional: "Boendet och vardagsrytmen först, studierna därefter.",
    home: "En egen hyresbostad och pengar som räcker.",
    study: "Tillbaka till skolan med små steg.",
    apply: "Jag fyller i bostadsansökan.",
    invite: "Jag kallar till ett gemensamt möte.",
    note: "Första besöket avtalat tillsammans.",
    review: "Vi ser tillsammans vad vi har fått till stånd.",
};
