//! What can be subscribed to.
//!
//! Part of `notify`: each topic has its canonical and the one type of resource that it is about.

use serde::{Deserialize, Serialize};

use crate::fhir::{labels::CANONICAL, types::ResourceType};

/// A topic.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Topic {
    /// A life assessment is completed, or a completed one is corrected.
    AssessmentCompleted,
    /// The case manager of a welfare plan is named or another than before.
    CaseManagerChanged,
    /// A consent is given, changed or withdrawn.
    ConsentChanged,
    /// A welfare plan is made or changed.
    PlanChanged,
}

impl Topic {
    /// All of them, in the order of the alphabet.
    pub const ALL: [Self; 4] = [
        Self::AssessmentCompleted,
        Self::CaseManagerChanged,
        Self::ConsentChanged,
        Self::PlanChanged,
    ];

    /// Its short name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::AssessmentCompleted => "assessment-completed",
            Self::CaseManagerChanged => "case-manager-changed",
            Self::ConsentChanged => "consent-changed",
            Self::PlanChanged => "plan-changed",
        }
    }

    /// What happens, in one line.
    pub const fn say(self) -> &'static str {
        match self {
            Self::AssessmentCompleted => {
                "A life assessment is completed, or a completed one is corrected."
            }
            Self::CaseManagerChanged => {
                "The case manager of a welfare plan is named, or another than before."
            }
            Self::ConsentChanged => "A consent is given, changed or withdrawn.",
            Self::PlanChanged => "A welfare plan is made or changed.",
        }
    }

    /// The type of what it is about.
    pub const fn focus(self) -> ResourceType {
        match self {
            Self::AssessmentCompleted => ResourceType::QuestionnaireResponse,
            Self::CaseManagerChanged => ResourceType::CareTeam,
            Self::ConsentChanged => ResourceType::Consent,
            Self::PlanChanged => ResourceType::CarePlan,
        }
    }

    /// Its canonical.
    pub fn canonical(self) -> String {
        format!("{CANONICAL}/SubscriptionTopic/{}", self.name())
    }

    /// The topic of a canonical.
    pub fn parse(canonical: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|topic| topic.canonical() == canonical)
    }
}
