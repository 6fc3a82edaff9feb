//! May whoever writes a Consent write it, and may whoever gives it give it?
//!
//! Part of `profile`, read by the road of writes after the form was checked. The person gives consent; a
//! representative gives it for what the representation covers; an officer writes down what either said.
//! A system with the scope writes for those it serves, and answers for who they are. A client on behalf
//! of anybody else is refused, alike for everybody. Source: `consent` 1.3, 1.4 *applicable*.

use std::sync::Arc;

use serde_json::Value;

use super::{Accepted, Kind, Status, broken};
use crate::{
    compartment::Compartment,
    consent::{name::Name, release::represents},
    domain::{
        assessment::AnsweredBy,
        class::{Class, ClassSet},
        moment::Moment,
        person::{Reach, Representation},
        theme::{Theme, ThemeSet},
    },
    error::{self, Error, Result},
    fhir::labels,
    json::{list, text},
};

/// Who writes.
pub struct Writer<'a> {
    /// `Type/id` of the user; none for a system by itself.
    pub subject: Option<&'a str>,
    /// Has the user a role that may write for others?
    pub is_officer: bool,
    /// Instant of the write.
    pub now: Moment,
}

/// Is it for this writer to write, and for its performers to give?
///
/// # Errors
/// `Forbidden`, the same whoever is meant and whatever is held, for a user who may not write it;
/// `Unprocessable` for a performer who may not give it.
pub fn check(
    writer: &Writer<'_>,
    accepted: &Accepted,
    consent: &Value,
    held: Option<&Compartment>,
) -> Result<()> {
    let patient = held.map(|held| format!("Patient/{}", held.patient));
    let is_patient = |name: &Name| {
        let stated = consent.get("patient").map(Name::parse).unwrap_or_default();
        let same = [stated.reference(), stated.identifier()];
        same.into_iter().flatten().any(|known| name.equals(known))
            || patient.as_deref().is_some_and(|patient| name.equals(patient))
    };
    let covers = |who: &str| covers(who, accepted, consent, held, writer.now);
    match writer.subject {
        None => {}
        Some(_) if writer.is_officer => {}
        Some(subject) if patient.as_deref() == Some(subject) => {}
        Some(subject) if subject.starts_with("RelatedPerson/") && covers(subject) => {}
        Some(_) => return Err(forbidden()),
    }
    let by_patient = accepted.performers.iter().any(is_patient);
    let representatives = accepted.performers.iter().filter_map(Name::reference);
    let mut representatives = representatives.filter(|who| who.starts_with("RelatedPerson/"));
    if !by_patient && !representatives.any(|who| covers(who)) {
        let say = "Name as performer the person, or a representative whose representation is known \
                   here, is in force and covers every theme and class of the consent.";
        return Err(broken("Consent.performer", say));
    }
    Ok(())
}

/// As whom a user may answer for a person: as the person, or as a representative whose representation is
/// in force and covers what is answered. `None` for anybody else.
pub fn answers(
    user: &str,
    held: &Compartment,
    (themes, classes): (ThemeSet, ClassSet),
    now: Moment,
) -> Option<AnsweredBy> {
    if user.strip_prefix("Patient/") == Some(&*held.patient) {
        return Some(AnsweredBy::Person);
    }
    let covers = |one: &Representation| {
        let reaches = match one.themes {
            Reach::All => true,
            Reach::Themes(covered) => themes.iter().all(|theme| covered.contains(theme)),
        };
        reaches && one.classes.contains_all(classes)
    };
    in_force(user, held, now).any(covers).then_some(AnsweredBy::Representative)
}

/// The representations of a person by somebody that are in force.
fn in_force<'h>(
    who: &'h str,
    held: &'h Compartment,
    now: Moment,
) -> impl Iterator<Item = &'h Representation> {
    let patient: Arc<str> = format!("Patient/{}", held.patient).into();
    let known = held.person.iter().flat_map(|person| &person.native.representation);
    known.filter(move |one| {
        let law = represents(one, &held.patient, &patient);
        *law.who == *who && law.period.is_none_or(|period| period.permits_at(now))
    })
}

/// The refusal of who may not write a Consent, or answers.
pub fn forbidden() -> Error {
    let say = "Only the person, a representative or an officer may write this; a system by itself for \
               those it serves.";
    Error::new(error::Kind::Forbidden, say)
}

/// May this representative give the consent now? What forbids, and what takes back, is for any of them.
fn covers(
    who: &str,
    accepted: &Accepted,
    consent: &Value,
    held: Option<&Compartment>,
    now: Moment,
) -> bool {
    let tightens = accepted.kind == Kind::Prohibition || accepted.status != Status::Active;
    let Some(held) = held else { return tightens };
    in_force(who, held, now).any(|one| {
        tightens || rules(consent).iter().all(|rule| reaches(rule, one.themes, one.classes))
    })
}

/// The rules of a grant that permit.
fn rules(consent: &Value) -> &[Value] {
    consent.get("provision").map_or(&[], |root| list(root, "provision"))
}

/// Does a representation cover all that a rule permits?
fn reaches(rule: &Value, themes: Reach, classes: ClassSet) -> bool {
    let of = |system: &'static str| {
        let labels = list(rule, "securityLabel").iter();
        labels
            .filter(move |label| text(label, "system") == Some(system))
            .filter_map(|label| text(label, "code"))
    };
    let named: ThemeSet = of(labels::THEME).filter_map(Theme::from_code).collect();
    let withheld: ClassSet = of(labels::CLASS).filter_map(Class::from_code).collect();
    let covers = match themes {
        Reach::All => true,
        Reach::Themes(covered) => {
            !named.is_empty() && named.iter().all(|theme| covered.contains(theme))
        }
    };
    covers && classes.contains_all(withheld)
}
