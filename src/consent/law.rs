//! The law table and who may act for whom: what permits besides a consent.
//!
//! Grounds, bars and officer roles are configuration, signed off by a lawyer; representation comes
//! with the person's record. The format is that of the golden cases, read with serde from TOML or
//! JSON. Source: `consent` 1.4 and 1.5. Laws stand in the table, never in the code.

use std::sync::Arc;

use serde::{Deserialize, Deserializer, de};

use super::{
    asker::Asker,
    label::{Classes, Themes},
    period::Window,
    unit::{Slot, Unit},
};
use crate::{directory::Name, domain::moment::Moment};

/// The law table.
#[derive(Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Law {
    /// What permits without a consent.
    pub grounds: Vec<Ground>,
    /// What forbids absolutely.
    pub bars: Vec<Bar>,
    /// The roles that may read `records`.
    pub officer_roles: Vec<Arc<str>>,
}

/// A ground in law. Every condition given must be met.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(clippy::struct_excessive_bools, reason = "each is a row of the lawyer's table")]
pub struct Ground {
    /// Its id, as audited and declared.
    pub id: Arc<str>,
    /// One of them is the stated purpose, exactly.
    pub purposes: Option<Vec<Arc<str>>>,
    /// One of them is held by the requester.
    pub roles: Option<Vec<Arc<str>>>,
    /// One of them is an organisation of the requester.
    pub orgs: Option<Vec<Arc<str>>>,
    /// The themes it covers; all of them and the unclassified if not given.
    #[serde(default)]
    pub themes: CoveredThemes,
    /// The withheld classes it covers; none if not given.
    #[serde(default)]
    pub classes: CoveredClasses,
    /// The resource types it covers.
    pub resources: Option<Vec<Arc<str>>>,
    /// A care or customer relation must be established.
    #[serde(default)]
    pub care_relation: bool,
    /// The use must be inside the same register.
    #[serde(default)]
    pub same_register: bool,
    /// From which sectors to which.
    pub sectors: Option<Sectors>,
    /// When it is in force.
    pub period: Option<Window>,
    /// A declared, reasoned and unexpired emergency is needed.
    #[serde(default)]
    pub emergency: bool,
    /// Does it override a prohibition? Then it is offered only if the request declares it.
    #[serde(default)]
    pub overrides_prohibition: bool,
    /// Which law, and where in it, in words that people read.
    pub reference: Option<Name>,
    /// The role of the second person who is told of each use and reviews it.
    pub reviewer: Option<Arc<str>>,
    /// Within how many days of a use.
    pub review_days: Option<u16>,
}

/// From the unit's sector to the requester's.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sectors {
    /// Sectors of the unit.
    pub from: Option<Vec<Arc<str>>>,
    /// Sectors of the requester.
    pub to: Option<Vec<Arc<str>>>,
}

impl Ground {
    /// Does it permit this theme of this unit to a requester that meets it, prohibitions aside?
    pub(super) fn permits_unit(&self, asker: &Asker, unit: &Unit, slot: Slot) -> bool {
        let from = |sectors: &Sectors| names(sectors.from.as_ref(), unit.sector.as_ref());
        self.covers(unit, slot)
            && (!self.same_register || same_register(asker, unit))
            && self.sectors.as_ref().is_none_or(from)
    }

    fn covers(&self, unit: &Unit, slot: Slot) -> bool {
        self.themes.cover(slot)
            && self.classes.cover(unit)
            && names(self.resources.as_ref(), Some(&unit.resource))
    }

    /// Is everything met that it demands of the requester and of the instant?
    pub(super) fn is_met_by(&self, asker: &Asker, now: Moment) -> bool {
        let to = |sectors: &Sectors| names(sectors.to.as_ref(), asker.sector.as_ref());
        let purpose = |purposes: &Vec<Arc<str>>| {
            asker.purpose.as_ref().is_some_and(|p| purposes.iter().any(|code| **code == *p.code()))
        };
        let emergency = || asker.break_glass.as_ref().is_some_and(|glass| glass.counts_at(now));
        self.purposes.as_ref().is_none_or(purpose)
            && self.roles.as_ref().is_none_or(|roles| asker.has_role(roles))
            && self.orgs.as_ref().is_none_or(|orgs| orgs.iter().any(|o| asker.orgs.contains(o)))
            && (!self.care_relation || asker.care_relation)
            && self.period.is_none_or(|period| period.permits_at(now))
            && (!self.emergency || emergency())
            && self.sectors.as_ref().is_none_or(to)
            && (!self.overrides_prohibition || asker.declared.contains(&self.id))
    }
}

/// Use inside the register the data was recorded in, by the controller that holds it.
pub fn same_register(asker: &Asker, unit: &Unit) -> bool {
    let register = unit.register.is_some() && unit.register == asker.register;
    register && asker.is_of(unit.custodian.as_ref())
}

/// Is the value in the list, where there is a list? No list names an unknown value.
fn names(list: Option<&Vec<Arc<str>>>, value: Option<&Arc<str>>) -> bool {
    list.is_none_or(|list| value.is_some_and(|value| list.contains(value)))
}

/// An absolute bar: neither consent nor ground opens it.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Bar {
    /// Its id.
    pub id: Arc<str>,
    /// A unit that carries one of these labels is barred, for everybody.
    #[serde(default)]
    pub labels: Vec<Arc<str>>,
    /// Every unit of these people is barred outside the controller that holds it.
    #[serde(default)]
    pub persons: Vec<Arc<str>>,
    /// Does it hold, as for `persons`, for everybody whose record says *turvakielto*?
    #[serde(default)]
    pub turvakielto: bool,
    /// Roles to which the bar does not apply.
    #[serde(default)]
    pub except_roles: Vec<Arc<str>>,
    /// Which law, and where in it, in words that people read.
    pub reference: Option<Name>,
}

impl Bar {
    /// Does the unit carry one of the bar's labels?
    pub fn labels(&self, unit: &Unit) -> bool {
        let carries = |label: &Arc<str>| {
            unit.labels.contains(label)
                || unit.classes.iter().any(|class| class.code() == &**label)
                || unit.themes.known.iter().any(|theme| theme.code() == &**label)
        };
        self.labels.iter().any(carries)
    }
}

/// Who may act for whom, from the population register.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Representation {
    /// Its id.
    pub id: Arc<str>,
    /// `Type/id` of the representative.
    pub who: Arc<str>,
    /// `Type/id` of the represented person.
    pub patient: Arc<str>,
    /// The themes it covers; all of them and the unclassified if not given.
    #[serde(default)]
    pub themes: CoveredThemes,
    /// The withheld classes it covers; none if not given.
    #[serde(default)]
    pub classes: CoveredClasses,
    /// When it is in force.
    pub period: Option<Window>,
}

impl Representation {
    /// May this requester act for this person now?
    pub fn is_valid(&self, asker: &Asker, patient: &str, now: Moment) -> bool {
        asker.subject.as_deref() == Some(&*self.who)
            && *self.patient == *patient
            && self.period.is_none_or(|period| period.permits_at(now))
    }

    /// Does it reach this theme of this unit?
    pub fn covers(&self, unit: &Unit, slot: Slot) -> bool {
        self.themes.cover(slot) && self.classes.cover(unit)
    }
}

/// The themes a ground or representation covers: `"*"` or a list of codes.
#[derive(Clone, Copy, Default)]
pub enum CoveredThemes {
    /// Every theme and the unclassified.
    #[default]
    All,
    /// These.
    Listed(Themes),
}

impl CoveredThemes {
    fn cover(self, slot: Slot) -> bool {
        match (self, slot) {
            (Self::All, _) => true,
            (Self::Listed(themes), Slot::Theme(theme)) => themes.known.contains(theme),
            (Self::Listed(_), Slot::Unclassified | Slot::Unknown) => false,
        }
    }
}

/// The withheld classes a ground or representation covers: `"*"` or a list of codes.
#[derive(Clone)]
pub enum CoveredClasses {
    /// Every one.
    All,
    /// These, and these labels beyond the five.
    Listed(Classes, Vec<Arc<str>>),
}

impl Default for CoveredClasses {
    fn default() -> Self {
        Self::Listed(Classes::default(), Vec::new())
    }
}

impl CoveredClasses {
    fn cover(&self, unit: &Unit) -> bool {
        match self {
            Self::All => true,
            Self::Listed(classes, labels) => {
                classes.known.contains_all(unit.classes)
                    && unit.labels.iter().all(|label| labels.contains(label))
            }
        }
    }
}

/// `"*"` or a list of codes.
enum Codes {
    Every,
    Listed(Vec<Arc<str>>),
}

impl<'de> Deserialize<'de> for Codes {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Form {
            Word(String),
            List(Vec<Arc<str>>),
        }
        match Form::deserialize(from)? {
            Form::Word(word) if word == "*" => Ok(Self::Every),
            Form::Word(_) => Err(de::Error::custom("a list of codes or \"*\"")),
            Form::List(codes) => Ok(Self::Listed(codes)),
        }
    }
}

impl<'de> Deserialize<'de> for CoveredThemes {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        Ok(match Codes::deserialize(from)? {
            Codes::Every => Self::All,
            Codes::Listed(codes) => Self::Listed(codes.iter().map(|code| &**code).collect()),
        })
    }
}

impl<'de> Deserialize<'de> for CoveredClasses {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        Ok(match Codes::deserialize(from)? {
            Codes::Every => Self::All,
            Codes::Listed(codes) => {
                let known = codes.iter().fold(Classes::default(), |set, code| set.with(code));
                Self::Listed(known, codes)
            }
        })
    }
}
