//! What an explanation says to people: one plain sentence a class, in Finnish, Swedish and English.
//!
//! Part of [`super`]. Says who may see what and why, in the words people use of their own affairs; the
//! title of a law is the law table's. It never says what data there are.

use super::{About, By, Row};
use crate::{
    consent::decide::Why,
    directory::Name,
    domain::class::Class,
    mapping::text::{pick, theme},
};

/// The language a list of preferences asks for, as in `Accept-Language` (RFC 9110 section 12.5.4):
/// the one of ours that is wanted most, Finnish if none is.
pub fn language(accepted: Option<&str>) -> &'static str {
    let mut best = ("fi", 0.0);
    for part in accepted.unwrap_or_default().split(',') {
        let mut words = part.split(';').map(str::trim);
        let tag = words.next().unwrap_or_default().to_ascii_lowercase();
        let weight = words.find_map(|word| word.strip_prefix("q="));
        let weight = weight.map_or(1.0, |q| q.parse::<f32>().unwrap_or(0.0));
        let ours = ["fi", "sv", "en"];
        let known = ours.into_iter().find(|code| tag.split('-').next() == Some(code));
        if let Some(code) = known.filter(|_| weight > best.1) {
            best = (code, weight);
        }
    }
    best.0
}

/// The name of a class.
pub fn class(about: About, language: &str) -> String {
    let plain = match about {
        About::Theme(of, _) => theme(of, language),
        About::Unclassified(_) => {
            pick(language, "Muut tiedot", "Övriga uppgifter", "Other information")
        }
        About::Records => pick(
            language,
            "Suostumukset, kiellot ja käyttöloki",
            "Samtycken, förbud och användningslogg",
            "Consents, prohibitions and the access log",
        ),
    };
    about.class().map_or_else(
        || plain.to_owned(),
        |class| format!("{plain} ({})", withheld(class, language)),
    )
}

/// The name of a withheld class.
fn withheld(class: Class, language: &str) -> &'static str {
    let [fi, sv, en] = class.names();
    pick(language, fi, sv, en)
}

/// Who may see what, or may not, and why. `caller` is the organisation's name, where it has one here.
pub fn sentence(row: &Row, caller: Option<&Name>, language: &str) -> String {
    let unnamed = pick(language, "Kysyjä", "Den som frågar", "The caller");
    let caller = caller.map_or(unnamed, |name| name.of(language));
    let subject = class(row.about, language);
    let says = match (row.permitted, row.partly) {
        (true, false) => pick(language, "saa nähdä tämän", "får se detta", "may see this"),
        (true, true) => pick(
            language,
            "saa nähdä osan tästä",
            "får se en del av detta",
            "may see a part of this",
        ),
        (false, _) => pick(language, "ei saa nähdä tätä", "får inte se detta", "may not see this"),
    };
    format!("{subject}: {caller} {says}{}", reason(row, language))
}

/// From the comma to the full stop.
fn reason(row: &Row, language: &str) -> String {
    if row.permitted {
        return match row.why {
            Why::SelfAccess => pick(
                language,
                ", koska kyse on omista tiedoista.",
                ", eftersom det gäller egna uppgifter.",
                ", because the information is their own.",
            )
            .to_owned(),
            Why::Allowed | Why::Bar | Why::Default | Why::Prohibition | Why::Scope => {
                because(&row.basis, language)
            }
        };
    }
    let plain = match row.why {
        Why::Bar => pick(
            language,
            ", koska tiedot on suojattu eikä niitä saa luovuttaa",
            ", eftersom uppgifterna är skyddade och inte får lämnas ut",
            ", because the information is protected and must not be disclosed",
        ),
        Why::Prohibition => pick(
            language,
            ", koska se on kielletty",
            ", eftersom det har förbjudits",
            ", because it has been prohibited",
        ),
        Why::Default | Why::Scope | Why::Allowed | Why::SelfAccess => pick(
            language,
            ", koska mikään suostumus tai laki ei salli sitä",
            ", eftersom inget samtycke och ingen lag tillåter det",
            ", because no consent and no law allows it",
        ),
    };
    format!("{plain}{}.", titles(&row.against, language))
}

fn because(basis: &[By], language: &str) -> String {
    let mut reasons: Vec<String> = Vec::new();
    for by in basis {
        let plain = match by {
            By::Consent(_) => pick(
                language,
                "suostumus sallii sen",
                "ett samtycke tillåter det",
                "a consent allows it",
            ),
            By::Law { overrides: false, .. } => {
                pick(language, "laki sallii sen", "lagen tillåter det", "the law allows it")
            }
            By::Law { overrides: true, .. } => pick(
                language,
                "laki sallii sen kiellosta huolimatta",
                "lagen tillåter det trots ett förbud",
                "the law allows it in spite of a prohibition",
            ),
            By::Representation(_) => pick(
                language,
                "kysyjällä on oikeus toimia henkilön puolesta",
                "den som frågar har rätt att handla för personen",
                "the caller is entitled to act for the person",
            ),
            By::Register => pick(
                language,
                "se käyttää saman rekisterin tietoja asiakkaansa asioissa",
                "den använder uppgifter i samma register i sin klients ärenden",
                "it uses the same register in its client's matters",
            ),
            By::Officer => pick(
                language,
                "valvontatehtävä antaa siihen oikeuden",
                "ett tillsynsuppdrag ger rätt till det",
                "its duty of supervision gives it the right",
            ),
            By::Writer => pick(
                language,
                "se on itse kirjannut tiedon",
                "den själv har antecknat uppgiften",
                "it recorded the information itself",
            ),
        };
        let reason = format!("{plain}{}", titles(std::slice::from_ref(by), language));
        if !reasons.contains(&reason) {
            reasons.push(reason);
        }
    }
    let (because, and) = (
        pick(language, ", koska ", ", eftersom ", ", because "),
        pick(language, " ja ", " och ", " and "),
    );
    format!("{because}{}.", reasons.join(and))
}

/// The titles of laws, in brackets.
fn titles(by: &[By], language: &str) -> String {
    let titles: Vec<&str> = by
        .iter()
        .filter_map(|by| match by {
            By::Law { reference, .. } => reference.as_ref().map(|title| title.of(language)),
            By::Consent(_) | By::Representation(_) | By::Register | By::Officer | By::Writer => {
                None
            }
        })
        .collect();
    if titles.is_empty() { String::new() } else { format!(" ({})", titles.join("; ")) }
}
