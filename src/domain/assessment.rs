//! One filled-in 3X10D survey: `mylife/assessment/1`.
//!
//! Floor of the house: read on the write road after `native::validate`, and when a compartment is
//! loaded. A skipped item is absent, never 0, and there is no total score: the method has none
//! (Diak, Puheenvuoro 44). Members: `schemas/native/assessment.schema.json`.

use serde::{Deserialize, Deserializer, Serialize, de};

use crate::domain::{
    coded::coded,
    moment::Moment,
    theme::Theme,
    words::{Code, Language, LocalId, Plain, Words, redacted},
};

coded! {
    /// The name and version of the form.
    AssessmentSchema {
        /// The first.
        V1 = "mylife/assessment/1",
    }
}

coded! {
    /// Which form of the survey was answered.
    Form {
        /// Thirty items: importance, satisfaction and future of each theme.
        Thirty = "3x10d-30",
        /// Ten items: satisfaction with each theme, with an optional comment.
        Ten = "3x10d-10",
    }
}

coded! {
    /// For whom the survey's wording is.
    AgeGroup {
        /// 7 to 9 years.
        Seven = "7-9",
        /// 10 to 13 years.
        Ten = "10-13",
        /// 14 to 17 years.
        Fourteen = "14-17",
        /// Adults.
        Adult = "18+",
        /// Families and parents.
        Families = "families",
    }
}

coded! {
    /// How far the answering came.
    AssessmentStatus {
        /// Not yet finished.
        InProgress = "in-progress",
        /// Finished.
        Completed = "completed",
        /// Corrected after it was finished.
        Amended = "amended",
    }
}

coded! {
    /// Who gave the answers.
    AnsweredBy {
        /// The person.
        Person = "person",
        /// Somebody who represents the person.
        Representative = "representative",
        /// A professional, as told by the person.
        Professional = "professional",
    }
}

/// A choice from 0 (not at all) to 10 (very).
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(transparent)]
pub struct Score(u8);

impl Score {
    /// 0 to 10; `None` above.
    pub const fn new(value: u8) -> Option<Self> {
        if value <= 10 { Some(Self(value)) } else { None }
    }

    /// The number.
    pub const fn value(self) -> u8 {
        self.0
    }
}

impl<'de> Deserialize<'de> for Score {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        Self::new(u8::deserialize(from)?).ok_or_else(|| de::Error::custom("0 to 10"))
    }
}

/// The register a document belongs to; a rule of use within the same register reads it.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Register {
    /// Which register.
    pub code: Code,
    /// Service task (palvelutehtävä).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service_task: Option<Code>,
    /// Sector.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sector: Option<Code>,
}

/// By what the system that made a document knows it.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Identifier {
    /// Whose naming it is: a URI.
    pub system: Plain,
    /// The name.
    pub value: Plain,
}

/// What was answered about one theme; at least one member beside the theme is there.
#[derive(Clone, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Answer {
    /// About what.
    pub theme: Theme,
    /// How much it matters; in the 30-item form.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub importance: Option<Score>,
    /// How content the person is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub satisfaction: Option<Score>,
    /// What the person wishes for, in own words; in the 30-item form.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub future: Option<Words>,
    /// A remark; in the 10-item form.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub comment: Option<Words>,
}

fn adult() -> AgeGroup {
    AgeGroup::Adult
}

/// A filled-in survey.
#[derive(Clone, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Assessment {
    /// Name and version of the form.
    pub schema: AssessmentSchema,
    /// The sender's id of this document.
    pub id: LocalId,
    /// The sender's id of the person.
    pub person: LocalId,
    /// By what the system knows it that had it filled in; the document's own id if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub identifier: Option<Identifier>,
    /// Which form.
    pub form: Form,
    /// Version of its wording, where that was said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub form_version: Option<Code>,
    /// For whom its wording is; 18+ if absent.
    #[serde(default = "adult")]
    pub age_group: AgeGroup,
    /// How far it came.
    pub status: AssessmentStatus,
    /// When it was answered.
    pub authored: Moment,
    /// Who answered.
    pub answered_by: AnsweredBy,
    /// In which language.
    pub language: Language,
    /// Which register it belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub register: Option<Register>,
    /// The answers, at most one per theme.
    pub answers: Vec<Answer>,
}

redacted!(Answer, Assessment);
