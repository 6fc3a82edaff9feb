//! What the collective plan says, in Finnish, Swedish and English.
//!
//! Part of `collective`. Data, and the one sentence of each finding; "to be seen" stands wherever
//! something is said not to be there, for everybody.

use super::{
    Line, Sort,
    findings::{Cause, Finding},
};
use crate::{
    circle::texts::Text,
    mapping::text::{self, pick},
};

/// Name of the page.
pub const TITLE: Text = Text::new("Yhteinen suunnitelma", "Gemensam plan", "Collective plan");
/// Before the day of birth.
pub const BORN: Text = Text::new("Syntynyt", "Född", "Born");
/// Before the day it was put together.
pub const MADE: Text = Text::new("Koottu", "Sammanställd", "Put together");
/// What is to be talked about.
pub const TALK: Text = Text::new("Puhuttavaa", "Att tala om", "To talk about");
/// Lines of no theme.
pub const OTHER: Text = Text::new("Muut", "Övrigt", "Other");
/// The team.
pub const TEAM: Text = Text::new("Työryhmä", "Team", "Team");
/// Days of review.
pub const REVIEWS: Text = Text::new("Seuranta", "Uppföljning", "Reviews");
/// Where it comes from.
pub const SOURCES: Text = Text::new("Suunnitelmat", "Planerna", "The plans");
/// The person's view.
pub const VIEW: Text = Text::new("Oma näkemys", "Egen syn", "Own view");
/// The professional's view.
pub const REMARK: Text =
    Text::new("Ammattilaisen näkemys", "Den professionellas syn", "The professional's view");
/// Head of a column: what.
pub const WHAT: Text = Text::new("Mitä", "Vad", "What");
/// Head of a column: who.
pub const WHO: Text = Text::new("Kuka vastaa", "Vem ansvarar", "Who answers for it");
/// Head of a column: how it stands.
pub const STATE: Text = Text::new("Tilanne", "Läge", "State");
/// Before the day something is due or ends.
pub const UNTIL: Text = Text::new("viimeistään", "senast", "by");
/// Before the satisfaction a goal aims at.
pub const AIM: Text =
    Text::new("tavoitteena tyytyväisyys", "målet är nöjdheten", "aims at satisfaction");
/// Said of lines whose words are not there to show.
const GOAL: Text = Text::new("Tavoite", "Mål", "Goal");
/// The same of a service.
const SERVICE: Text = Text::new("Palvelu", "Tjänst", "Service");
/// The same of an action.
const ACTION: Text = Text::new("Teko", "Åtgärd", "Action");
/// The same of a proposal.
const PROPOSAL: Text = Text::new("Ehdotus", "Förslag", "Proposal");

/// What a line is.
pub fn sort(of: Sort, language: &str) -> &'static str {
    match of {
        Sort::Goal => GOAL.of(language),
        Sort::Service => SERVICE.of(language),
        Sort::Action => ACTION.of(language),
        Sort::Proposal => PROPOSAL.of(language),
    }
}

/// How a line stands.
pub fn state<'a>(line: &'a Line, language: &str) -> &'a str {
    let [fi, sv, en] = match (line.sort, line.status.as_str(), line.is_granted) {
        (Sort::Service, "active", true) => ["myönnetty", "beviljad", "granted"],
        (Sort::Service, "active", false) => {
            ["suunniteltu, ei päätöstä", "planerad, inget beslut", "planned, not decided"]
        }
        (Sort::Proposal, "requested", _) | (_, "proposed", _) => {
            ["ehdotettu", "föreslagen", "proposed"]
        }
        (_, "planned" | "requested", _) => ["suunniteltu", "planerad", "planned"],
        (_, "accepted", _) => ["sovittu", "överenskommen", "agreed"],
        (_, "active" | "in-progress", _) => ["käynnissä", "pågår", "under way"],
        (_, "on-hold", _) => ["tauolla", "vilande", "on hold"],
        (Sort::Proposal, "completed", _) => ["suunnitelmassa", "i planen", "in the plan"],
        (Sort::Proposal, "rejected", _) => ["hylätty", "avböjd", "declined"],
        (_, "completed", _) => ["päättynyt", "avslutad", "ended"],
        (_, "cancelled" | "revoked" | "rejected", _) => ["peruttu", "avbruten", "cancelled"],
        (_, other, _) => return other,
    };
    pick(language, fi, sv, en)
}

/// A role in a team.
pub fn role<'a>(code: &'a str, language: &str) -> &'a str {
    let [fi, sv, en] = match code {
        "case-manager" => ["vastuutyöntekijä", "ansvarig kontaktperson", "case manager"],
        "own-worker" => ["omatyöntekijä", "egen kontaktperson", "own worker"],
        "professional" => ["ammattilainen", "professionell", "professional"],
        "experience-expert" => ["kokemusasiantuntija", "erfarenhetsexpert", "expert by experience"],
        "helper" => ["vapaaehtoinen", "frivillig", "volunteer"],
        other => return other,
    };
    pick(language, fi, sv, en)
}

/// One finding as a sentence.
pub fn sentence(finding: &Finding, language: &str) -> String {
    let about = finding.theme.map_or_else(
        || finding.name.clone().unwrap_or_default(),
        |theme| text::theme(theme, language).to_owned(),
    );
    let who = finding.who.join("; ");
    let name = finding.name.as_deref().unwrap_or_default();
    match (finding.cause, language) {
        (Cause::CaseManagers, "sv") => format!("Flera ansvariga kontaktpersoner: {who}."),
        (Cause::CaseManagers, "en") => format!("More than one active case manager: {who}."),
        (Cause::CaseManagers, _) => format!("Useampi vastuutyöntekijä: {who}."),
        (Cause::Targets, "sv") => format!("{about}: målen siktar på olika nöjdhet ({who})."),
        (Cause::Targets, "en") => {
            format!("{about}: goals aim at different satisfaction ({who}).")
        }
        (Cause::Targets, _) => format!("{about}: tavoitteet tähtäävät eri lukuun ({who})."),
        (Cause::Dates, "sv") => format!("{about}: samma mål, olika dag ({who})."),
        (Cause::Dates, "en") => format!("{about}: the same aim by different days ({who})."),
        (Cause::Dates, _) => format!("{about}: sama tavoite, eri päivä ({who})."),
        (Cause::Gap, "sv") => {
            format!("{about}: viktigt men inte bra ännu, och inget mål som du får se.")
        }
        (Cause::Gap, "en") => {
            format!("{about}: important but not yet well, and no goal that you may see.")
        }
        (Cause::Gap, _) => {
            format!("{about}: tärkeää mutta ei vielä hyvin, eikä tavoitetta, jonka saat nähdä.")
        }
        (Cause::Goals, "sv") => format!("{about}: mål i flera planer ({who})."),
        (Cause::Goals, "en") => format!("{about}: goals in several plans ({who})."),
        (Cause::Goals, _) => format!("{about}: tavoitteita useassa suunnitelmassa ({who})."),
        (Cause::Services, "sv") => format!("{about}: tjänster av flera ({who})."),
        (Cause::Services, "en") => format!("{about}: services by several ({who})."),
        (Cause::Services, _) => format!("{about}: palveluja useammalta ({who})."),
        (Cause::Orphan, "sv") => {
            format!("{name} ({who}): ingen gällande plan eller inget mål som du får se.")
        }
        (Cause::Orphan, "en") => {
            format!("{name} ({who}): no plan in force or no goal that you may see.")
        }
        (Cause::Orphan, _) => {
            format!(
                "{name} ({who}): ei voimassa olevaa suunnitelmaa tai tavoitetta, jonka saat nähdä."
            )
        }
    }
}
