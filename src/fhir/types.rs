//! The resource types the gateway serves and the interactions it offers on them.
//!
//! Floor of the house, named by routes, scopes and search alike. Source: FHIR R4 4.0.1, `resourcelist`
//! and `http`. A type that is not listed here does not exist for any part of the gateway.

use std::fmt;

macro_rules! resource_types {
    ($($name:ident),+ $(,)?) => {
        /// A resource type the gateway serves.
        #[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
        pub enum ResourceType {
            $(
                #[doc = concat!("FHIR R4 ", stringify!($name), ".")]
                $name,
            )+
        }

        impl ResourceType {
            /// Every type, in the order of the alphabet.
            pub const ALL: &'static [Self] = &[$(Self::$name),+];

            /// The name, as `resourceType` has it.
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$name => stringify!($name),)+
                }
            }

            /// The type of a name, letter case included; `None` for any other.
            pub fn parse(name: &str) -> Option<Self> {
                match name {
                    $(stringify!($name) => Some(Self::$name),)+
                    _ => None,
                }
            }
        }
    };
}

resource_types! {
    AuditEvent,
    CarePlan,
    CareTeam,
    Consent,
    Goal,
    HealthcareService,
    Location,
    Observation,
    Organization,
    Patient,
    Practitioner,
    PractitionerRole,
    Provenance,
    Questionnaire,
    QuestionnaireResponse,
    RelatedPerson,
    ServiceRequest,
    Subscription,
    Task,
}

impl ResourceType {
    /// Does it belong to a person? The rest is the directory, and what belongs to a client.
    pub const fn is_personal(self) -> bool {
        match self {
            Self::Questionnaire
            | Self::Subscription
            | Self::Practitioner
            | Self::PractitionerRole
            | Self::Organization
            | Self::HealthcareService
            | Self::Location => false,
            Self::QuestionnaireResponse
            | Self::Observation
            | Self::CarePlan
            | Self::Goal
            | Self::ServiceRequest
            | Self::Task
            | Self::CareTeam
            | Self::Patient
            | Self::RelatedPerson
            | Self::Consent
            | Self::Provenance
            | Self::AuditEvent => true,
        }
    }

    /// What of a welfare plan it is.
    pub const fn planned(self) -> Option<Planned> {
        match self {
            Self::CarePlan => Some(Planned::Plan),
            Self::CareTeam => Some(Planned::Team),
            Self::Goal => Some(Planned::Goal),
            Self::ServiceRequest => Some(Planned::Request),
            Self::Task => Some(Planned::Task),
            Self::AuditEvent
            | Self::Consent
            | Self::HealthcareService
            | Self::Location
            | Self::Observation
            | Self::Organization
            | Self::Patient
            | Self::Practitioner
            | Self::PractitionerRole
            | Self::Provenance
            | Self::Questionnaire
            | Self::QuestionnaireResponse
            | Self::RelatedPerson
            | Self::Subscription => None,
        }
    }

    /// Does a welfare plan consist of such?
    pub const fn is_planned(self) -> bool {
        self.planned().is_some()
    }

    /// Does it have a history? The directory has none, and a record of the log never changes.
    pub const fn has_history(self) -> bool {
        self.is_personal() && !matches!(self, Self::AuditEvent)
    }
}

impl fmt::Display for ResourceType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The types of which a welfare plan consists.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Planned {
    /// `CarePlan`: the plan itself.
    Plan,
    /// `CareTeam`: its team.
    Team,
    /// Goal.
    Goal,
    /// `ServiceRequest`: a service, planned or granted.
    Request,
    /// Task: an action, or a day on which the plan is looked at again.
    Task,
}

impl Planned {
    /// Is it of the plan itself, and of no part?
    pub const fn is_whole(self) -> bool {
        matches!(self, Self::Plan | Self::Team)
    }
}

/// What a caller does with resources of one type.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Interaction {
    /// `POST [type]`.
    Create,
    /// `DELETE [type]/[id]`.
    Delete,
    /// `GET [type]/[id]/_history`.
    HistoryInstance,
    /// `GET [type]/_history`.
    HistoryType,
    /// `GET [type]/[id]`.
    Read,
    /// `GET [type]?...` and `POST [type]/_search`.
    Search,
    /// `PUT [type]/[id]` and `PATCH [type]/[id]`.
    Update,
    /// `GET [type]/[id]/_history/[version]`.
    Vread,
}

impl Interaction {
    /// Every interaction, in the order of the alphabet.
    pub const ALL: [Self; 8] = [
        Self::Create,
        Self::Delete,
        Self::HistoryInstance,
        Self::HistoryType,
        Self::Read,
        Self::Search,
        Self::Update,
        Self::Vread,
    ];
}
