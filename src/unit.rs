//! The smallest releasable piece of data, as everything a decision reads of it.
//!
//! Mapping makes one `Unit` per kind of segment; equal units have equal decisions, so the caller
//! interns them and decides once per kind. Source: the design's labelled segments, `consent` 1.4.
//! It holds no content, and a field that is not known stays not known.

pub mod label;
pub mod period;
pub mod tri;

use std::sync::Arc;

use self::{
    label::{Confidentiality, Themes},
    period::Span,
};
use crate::domain::{class::ClassSet, person::Named, theme::Theme};

/// What sort of thing the unit is; three of them have a rule of their own.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Sort {
    /// Identifier, name and birth date of the Patient.
    Identity,
    /// A segment of a resource, such as one item of a `QuestionnaireResponse`.
    Item,
    /// A reference to, or the name of, a professional, unit or service.
    Mention,
    /// A part of a plan; without themes of its own it follows the other units of that plan.
    Plan,
    /// Consent, `AuditEvent`, Subscription, `RelatedPerson`.
    Records,
}

impl Sort {
    /// The sort of a code of the golden cases.
    pub fn from_code(code: &str) -> Option<Self> {
        match code {
            "identity" => Some(Self::Identity),
            "item" => Some(Self::Item),
            "mention" => Some(Self::Mention),
            "plan" => Some(Self::Plan),
            "records" => Some(Self::Records),
            _ => None,
        }
    }
}

/// A clinical code; without a system it is compared by code alone.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct Code {
    /// Its code system.
    pub system: Option<Arc<str>>,
    /// The code.
    pub code: Arc<str>,
}

impl Code {
    /// The same code, where the systems do not differ.
    pub fn is(&self, other: &Self) -> bool {
        let systems = self.system.as_ref().zip(other.system.as_ref());
        self.code == other.code && systems.is_none_or(|(own, others)| own == others)
    }
}

/// One kind of data.
#[derive(Clone, Eq, Hash, PartialEq)]
pub struct Unit {
    /// Its sort.
    pub sort: Sort,
    /// Type of the resource it belongs to.
    pub resource: Arc<str>,
    /// `Type/id` of that resource.
    pub id: Option<Arc<str>>,
    /// Its themes; none is *unclassified*.
    pub themes: Themes,
    /// Its confidentiality.
    pub confidentiality: Option<Confidentiality>,
    /// Its withheld classes.
    pub classes: ClassSet,
    /// Its labels that are neither themes nor withheld classes: only bars and `*` know them, and
    /// no consent covers them.
    pub labels: Arc<[Arc<str>]>,
    /// The time of the data.
    pub date: Option<Span>,
    /// References of its authors; none is *unknown*.
    pub authors: Arc<[Arc<str>]>,
    /// Reference of the controller that holds it.
    pub custodian: Option<Arc<str>>,
    /// Code of its register.
    pub register: Option<Arc<str>>,
    /// Code of its service task.
    pub service_task: Option<Arc<str>>,
    /// Code of its sector.
    pub sector: Option<Arc<str>>,
    /// The minor's recorded stance on disclosure to guardians, 1 to 4; absent is 4.
    pub minor_stance: Option<u8>,
    /// Of `records`: reference of who gave it.
    pub given_by: Option<Arc<str>>,
    /// Of `records`: id of the client that wrote it.
    pub written_by: Option<Arc<str>>,
    /// References from its resource to others.
    pub refs: Arc<[Arc<str>]>,
    /// Its clinical codes.
    pub codes: Arc<[Code]>,
    /// `Type/id` of the plan it is a part of.
    pub plan: Option<Arc<str>>,
    /// Whom it is about beside the person.
    pub members: Arc<[Named]>,
}

impl Unit {
    /// A unit of which nothing but sort and resource type is known.
    pub fn new(sort: Sort, resource: impl Into<Arc<str>>) -> Self {
        Self {
            sort,
            resource: resource.into(),
            id: None,
            themes: Themes::default(),
            confidentiality: None,
            classes: ClassSet::EMPTY,
            labels: Arc::default(),
            date: None,
            authors: Arc::default(),
            custodian: None,
            register: None,
            service_task: None,
            sector: None,
            minor_stance: None,
            given_by: None,
            written_by: None,
            refs: Arc::default(),
            codes: Arc::default(),
            plan: None,
            members: Arc::default(),
        }
    }

    /// The themes to be decided on, one by one; *unclassified* if there is none.
    pub fn slots(&self) -> impl Iterator<Item = Slot> + use<> {
        let Themes { known, unknown } = self.themes;
        let unclassified = self.themes.is_empty().then_some(Slot::Unclassified);
        let unknown = unknown.then_some(Slot::Unknown);
        known.iter().map(Slot::Theme).chain(unknown).chain(unclassified)
    }
}

/// Some of the slots.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Slots(u16);

impl Slots {
    /// All there are.
    pub const ALL: Self = Self(u16::MAX);
    /// None.
    pub const NONE: Self = Self(0);

    /// Those that a condition which names these themes may hold of.
    pub fn that_may_be(themes: Themes) -> Self {
        if themes.unknown {
            return Self::ALL;
        }
        let known = themes.known.iter().map(Slot::Theme);
        known.chain([Slot::Unknown]).fold(Self::NONE, |all, slot| Self(all.0 | slot.bit()))
    }

    /// Those in both.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// Those in either.
    #[must_use]
    pub const fn or(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Has it?
    pub const fn contains(self, slot: Slot) -> bool {
        self.0 & slot.bit() != 0
    }
}

/// What a rule's theme condition is compared with.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Slot {
    /// One of the ten.
    Theme(Theme),
    /// No theme at all.
    Unclassified,
    /// A theme code outside the ten.
    Unknown,
}

impl Slot {
    const fn bit(self) -> u16 {
        match self {
            Self::Theme(theme) => 1 << theme as u16,
            Self::Unclassified => 1 << Theme::ALL.len(),
            Self::Unknown => 2 << Theme::ALL.len(),
        }
    }
}
