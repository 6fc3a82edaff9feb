//! The code systems a label, a rule or a consent can name, and confidentiality by rank.
//!
//! Read by the parser of policies, by the profile and by mapping. Source: the profile
//! `MyLifeConsent`; HL7 v3 `Confidentiality`; FHIR R4 Consent bindings. Themes and withheld classes
//! are named in `fhir::labels`. It holds names only and must not decide anything.

use crate::domain::{class::Class, class::ClassSet, theme::Theme, theme::ThemeSet};

/// Registers, as social and health care law divides them.
pub const REGISTER: &str = "https://mylife.example/fhir/CodeSystem/register";
/// Service tasks.
pub const SERVICE_TASK: &str = "https://mylife.example/fhir/CodeSystem/service-task";
/// HL7 v3 confidentiality.
pub const CONFIDENTIALITY: &str = "http://terminology.hl7.org/CodeSystem/v3-Confidentiality";
/// `grant` or `prohibition`.
pub const CONSENT_KIND: &str = "urn:mylife:consent-kind";
/// The one policy whose rules the gateway's own consents follow.
pub const POLICY: &str = "urn:mylife:policy:1";
/// `patient-privacy` and its siblings.
pub const SCOPE: &str = "http://terminology.hl7.org/CodeSystem/consentscope";
/// `access`, `collect`, `correct`, `disclose`, `use`.
pub const ACTION: &str = "http://terminology.hl7.org/CodeSystem/consentaction";
/// Roles of an actor.
pub const PARTICIPATION: &str = "http://terminology.hl7.org/CodeSystem/v3-ParticipationType";
/// Resource types as classes of data.
pub const RESOURCE_TYPE: &str = "http://hl7.org/fhir/resource-types";

/// The consent actions of FHIR R4.
pub const ACTIONS: [&str; 5] = ["access", "collect", "correct", "disclose", "use"];

/// How confidential, in rising order.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Confidentiality {
    /// Unrestricted.
    U,
    /// Low.
    L,
    /// Moderate.
    M,
    /// Normal.
    N,
    /// Restricted.
    R,
    /// Very restricted.
    V,
}

impl Confidentiality {
    /// The rank of a code; `None` for any other.
    pub fn from_code(code: &str) -> Option<Self> {
        match code {
            "U" => Some(Self::U),
            "L" => Some(Self::L),
            "M" => Some(Self::M),
            "N" => Some(Self::N),
            "R" => Some(Self::R),
            "V" => Some(Self::V),
            _ => None,
        }
    }
}

/// Themes named by code; a code that is none of the ten is remembered as such.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
pub struct Themes {
    /// Those of the ten.
    pub known: ThemeSet,
    /// Was any other code named?
    pub unknown: bool,
}

impl Themes {
    /// With one more code.
    pub fn with(self, code: &str) -> Self {
        match Theme::from_code(code) {
            Some(theme) => Self { known: self.known.with(theme), ..self },
            None => Self { unknown: true, ..self },
        }
    }

    /// Was nothing named?
    pub fn is_empty(self) -> bool {
        self.known.is_empty() && !self.unknown
    }
}

impl<'a> FromIterator<&'a str> for Themes {
    fn from_iter<I: IntoIterator<Item = &'a str>>(codes: I) -> Self {
        codes.into_iter().fold(Self::default(), Self::with)
    }
}

/// Withheld classes named by code; a code that is none of the five is remembered as such.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
pub struct Classes {
    /// Those of the five.
    pub known: ClassSet,
    /// Was any other code named?
    pub unknown: bool,
}

impl Classes {
    /// With one more code.
    pub fn with(self, code: &str) -> Self {
        match Class::from_code(code) {
            Some(class) => Self { known: self.known.with(class), ..self },
            None => Self { unknown: true, ..self },
        }
    }
}
