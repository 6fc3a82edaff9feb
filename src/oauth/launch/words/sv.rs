//! The pages in Swedish.
//!
//! Part of `oauth::launch::words`.

use super::Texts;
use crate::fhir::types::ResourceType;

pub(super) const TEXTS: Texts = Texts {
    languages: "Språk",
    sign_in: "Logga in",
    sign_in_lead: "{} vill använda uppgifter i Mitt liv. Logga in först. Sedan väljer du vad appen \
                   får se.",
    sign_in_with: "Logga in: {}",
    invented: "Pröva som någon av de här personerna",
    invented_lead: "Det här är en demonstration. Ingen av personerna finns på riktigt.",
    opened: "Appen öppnades för en person: den vars uppgifter du hade öppna.",
    at_work: "I arbetet",
    consent: "Vad får {} göra?",
    signed_in: "Du är inloggad som {}.",
    signed_in_nameless: "Du är inloggad.",
    somebody_else: "Logga in som någon annan",
    whose: "Vems uppgifter?",
    own: "Mina egna",
    others: "Någon som jag sköter ärenden för, till exempel mitt barn",
    others_code: "Personens personbeteckning",
    others_hint: "Fyll i bara om du sköter ärenden för någon annan. Appen får inte beteckningen.",
    not_represented: "Det finns ingen anteckning här om att du får sköta ärenden för personen. \
                      Kontrollera beteckningen.",
    nothing_here: "Här finns inga uppgifter om dig. Du kan gå tillbaka, eller sköta ärenden för någon \
                   annan.",
    post: "I vilken uppgift arbetar du?",
    purpose: "Varför behöver du uppgifterna?",
    choose: "Välj i vilken uppgift du arbetar och varför du behöver uppgifterna.",
    no_post: "Du kan inte använda appen i de uppgifter som du har.",
    what: "Vad får appen göra?",
    what_lead: "Ta bort krysset från det som du inte vill.",
    see: "Se: {}",
    change: "Lägga till och ändra: {}",
    see_and_change: "Se, lägga till och ändra: {}",
    everything: "allt som är sparat här",
    only: "bara: {}",
    nothing: "ingenting",
    identity: "Veta vem som loggade in",
    offline: "Hämta nya uppgifter också när du inte använder appen, i 90 dagar",
    offline_at_work: "Hämta nya uppgifter resten av arbetsdagen",
    online: "Hämta nya uppgifter tills din inloggning slutar, i en timme",
    nothing_ticked: "Inget är valt. Kryssa för vad appen får göra, eller välj ”Tillåt inte”.",
    allow: "Tillåt",
    deny: "Tillåt inte",
    back_to: "Sedan går du tillbaka till {}.",
    to_permissions: "Se och avsluta tillstånd som du har gett appar",
    sign_in_to_permissions: "Logga in för att se vilka appar som får använda uppgifter om dig. Du kan avsluta \
                             varje tillstånd.",
    permissions: "Tillstånd som du har gett appar",
    given_lead: "De här apparna får hämta uppgifter härifrån. När du avslutar ett tillstånd får appen inget \
                 mer. Det som den har hämtat tidigare blir kvar i appen.",
    no_permissions: "Just nu får ingen app hämta uppgifter om dig härifrån.",
    given_own: "Dina egna uppgifter",
    given_other: "Uppgifter om någon som du sköter ärenden för",
    given_by_other: "Dina uppgifter. Tillståndet har getts av någon som sköter ärenden för dig.",
    since: "Gavs: {}.",
    used: "Användes senast: {}.",
    until: "Upphör av sig självt: {}.",
    end: "Avsluta tillståndet: {}",
    ended: "Tillståndet är avslutat. Appen får inget mer härifrån.",
    login_failed: "Inloggningen lyckades inte. Försök igen.",
    gone: "Den här sidan gäller inte längre",
    gone_lead: "Gå tillbaka till appen och börja om. Inget delades.",
    unknown: "Länken fungerar inte",
    unknown_lead: "Appen skickade dig hit med en adress som vi inte känner till. Inget delades. Du kan \
                   berätta om det för dem som har gjort appen.",
    closed: "Här kan man inte logga in",
    closed_lead: "Inloggning används inte här.",
    busy: "För många försök",
    busy_lead: "Vänta en stund och försök igen.",
    failed: "Något gick fel",
    failed_lead: "Vänta en stund, gå tillbaka till appen och börja om. Inget delades.",
    error: "Kontrollera det här:",
    purposes: &[
        ("TREAT", "Vård och tjänster"),
        ("CAREMGT", "Planering av vård och tjänster"),
        ("ETREAT", "Nödsituation"),
        ("PATRQT", "Personen bad om det"),
        ("PATADMIN", "Skötsel av personens uppgifter"),
        ("COVERAGE", "Beslut om förmåner"),
    ],
};

pub(super) const fn of_type(kind: ResourceType) -> &'static str {
    match kind {
        ResourceType::AuditEvent => "vem som har sett uppgifterna",
        ResourceType::CarePlan => "planen",
        ResourceType::CareTeam => "vilka som arbetar med planen",
        ResourceType::Consent => "tillstånd och förbud",
        ResourceType::Goal => "mål",
        ResourceType::HealthcareService => "tjänster som finns",
        ResourceType::Location => "platser",
        ResourceType::Observation => "poäng för varje del av livet",
        ResourceType::Organization => "organisationer",
        ResourceType::Patient => "namn och födelsedatum",
        ResourceType::Practitioner | ResourceType::PractitionerRole => "yrkespersoner",
        ResourceType::Provenance => "varifrån uppgifterna kommer",
        ResourceType::Questionnaire => "frågorna i enkäten",
        ResourceType::QuestionnaireResponse => "svar om livet",
        ResourceType::RelatedPerson => "vem som får sköta ärenden för personen",
        ResourceType::ServiceRequest => "planerade och beviljade tjänster",
        ResourceType::Task => "saker att göra",
    }
}
