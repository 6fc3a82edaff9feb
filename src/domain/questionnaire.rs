//! The questionnaires of the survey: two forms, each in the wordings whose items are known.
//!
//! Floor of the house: read once when the gateway starts, from `schemas/questionnaires.json`, where
//! sources, licence remarks and what is provisional stand. Mapping makes R4 Questionnaire of them.
//! Item ids do not depend on the order of the items, and no item sums others up.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::{
    domain::{
        assessment::{AgeGroup, Form},
        coded::coded,
        theme::Theme,
    },
    error::{Error, Result},
};

const TEXTS: &str = include_str!("../../schemas/questionnaires.json");
const BASE: &str = "https://mylife.example/fhir/Questionnaire/";

/// Longest answer in own words, in characters; the schema of the assessment has the same.
pub const MAX_WORDS: usize = 2000;

coded! {
    /// What is asked about a theme.
    Facet {
        /// How much it matters, 0 to 10.
        Importance = "importance",
        /// How content the person is, 0 to 10.
        Satisfaction = "satisfaction",
        /// What the person wishes for, in own words.
        Future = "future",
        /// A remark on the answer, in own words.
        Comment = "comment",
    }
}

impl Facet {
    /// Is the answer a text? Else it is a whole number from 0 to 10.
    pub const fn is_words(self) -> bool {
        matches!(self, Self::Future | Self::Comment)
    }
}

coded! {
    /// R4 `publication-status`, as far as it is used.
    PublicationStatus {
        /// The wording is provisional.
        Draft = "draft",
        /// The wording is published.
        Active = "active",
    }
}

coded! {
    /// The languages every text of the gateway has.
    Tongue {
        /// Finnish.
        Finnish = "fi",
        /// Swedish.
        Swedish = "sv",
        /// English.
        English = "en",
    }
}

/// One text in three languages.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq)]
#[serde(deny_unknown_fields)]
pub struct Translated {
    /// Finnish.
    pub fi: String,
    /// Swedish.
    pub sv: String,
    /// English.
    pub en: String,
}

impl Translated {
    fn joined(&self, space: &str, other: &Self, end: &str) -> Self {
        let join = |a: &str, b: &str| format!("{a}{space}{b}{end}");
        Self {
            fi: join(&self.fi, &other.fi),
            sv: join(&self.sv, &other.sv),
            en: join(&self.en, &other.en),
        }
    }
}

/// One question.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Item {
    /// About what.
    pub theme: Theme,
    /// What of it.
    pub facet: Facet,
    /// `<theme>.<facet>`: the `linkId`, equal in every questionnaire.
    pub link_id: String,
    /// The whole question.
    pub text: Translated,
    /// How to answer, and what is meant.
    pub help: Translated,
    /// What 0 and 10 mean; absent where the answer is a text.
    pub ends: Option<(Translated, Translated)>,
    /// The languages in which the wording is not the published one.
    pub provisional: Vec<Tongue>,
}

/// One questionnaire.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Questionnaire {
    /// Which form.
    pub form: Form,
    /// For whom.
    pub age_group: AgeGroup,
    /// Canonical URL, without version.
    pub url: String,
    /// The last segment of the URL: its id.
    pub id: String,
    /// Version of the wording.
    pub version: String,
    /// Whether the wording is published.
    pub status: PublicationStatus,
    /// Heading.
    pub title: Translated,
    /// Attribution and licence remarks.
    pub copyright: Translated,
    /// The questions, theme by theme in the published order.
    pub items: Vec<Item>,
}

/// All questionnaires, and the names of the themes.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Questionnaires {
    all: Vec<Questionnaire>,
    themes: Vec<(Theme, Translated)>,
}

impl Questionnaires {
    /// Reads the texts that are built in.
    ///
    /// # Errors
    /// [`crate::error::Kind::Internal`] if they do not fit together: a fault of the build.
    pub fn load() -> Result<Self> {
        Self::parse(TEXTS)
    }

    /// Reads an operator's own texts, of the shape of `schemas/questionnaires.json`.
    ///
    /// # Errors
    /// [`crate::error::Kind::Internal`] if the shape is another, or a theme or facet is missing.
    pub fn parse(text: &str) -> Result<Self> {
        let texts: Texts = serde_json::from_str(text).map_err(Error::internal)?;
        let complete = Theme::ALL.iter().all(|t| texts.themes.iter().any(|row| row.code == *t));
        if !complete || texts.themes.len() != Theme::ALL.len() {
            return Err(Error::internal("questionnaires: each theme stands there once"));
        }
        let mut all = Vec::new();
        for form in &texts.forms {
            for group in &texts.age_groups {
                all.push(texts.questionnaire(form, group)?);
            }
        }
        let themes = texts.themes.into_iter().map(|row| (row.code, row.name)).collect();
        Ok(Self { all, themes })
    }

    /// All of them.
    pub fn all(&self) -> &[Questionnaire] {
        &self.all
    }

    /// The name of a theme.
    pub fn theme(&self, theme: Theme) -> Option<&Translated> {
        self.themes.iter().find(|(known, _)| *known == theme).map(|(_, name)| name)
    }
}

/// The id of a questionnaire, `3x10d-10-18plus`; also where its items are not known.
pub fn id(form: Form, age_group: AgeGroup) -> String {
    let group = match age_group {
        AgeGroup::Adult => "18plus",
        AgeGroup::Seven | AgeGroup::Ten | AgeGroup::Fourteen | AgeGroup::Families => {
            age_group.code()
        }
    };
    format!("{}-{group}", form.code())
}

/// The canonical URL of a questionnaire, without version; also where its items are not known.
pub fn url(form: Form, age_group: AgeGroup) -> String {
    format!("{BASE}{}", id(form, age_group))
}

/// The data file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Texts {
    #[serde(rename = "note")]
    _note: String,
    #[serde(rename = "sources")]
    _sources: Vec<String>,
    copyright: Translated,
    forms: Vec<FormRow>,
    age_groups: Vec<GroupRow>,
    facets: Vec<FacetRow>,
    themes: Vec<ThemeRow>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FormRow {
    form: Form,
    version: String,
    status: PublicationStatus,
    title: Translated,
    facets: Vec<Facet>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct GroupRow {
    code: AgeGroup,
    title: Translated,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FacetRow {
    code: Facet,
    stem: Translated,
    low: Option<Translated>,
    high: Option<Translated>,
    help: Translated,
    provisional: Vec<Tongue>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ThemeRow {
    code: Theme,
    name: Translated,
    help: Translated,
    satisfaction: Translated,
    #[serde(default)]
    satisfaction_of: BTreeMap<AgeGroup, Translated>,
}

impl Texts {
    fn questionnaire(&self, form: &FormRow, group: &GroupRow) -> Result<Questionnaire> {
        let mut items = Vec::new();
        for theme in &self.themes {
            for facet in &form.facets {
                let row = self.facets.iter().find(|row| row.code == *facet);
                let row =
                    row.ok_or_else(|| Error::internal("questionnaires: a facet is missing"))?;
                items.push(item(theme, row, group.code));
            }
        }
        Ok(Questionnaire {
            form: form.form,
            age_group: group.code,
            url: url(form.form, group.code),
            id: id(form.form, group.code),
            version: form.version.clone(),
            status: form.status,
            title: form.title.joined(", ", &group.title, ""),
            copyright: self.copyright.clone(),
            items,
        })
    }
}

fn item(theme: &ThemeRow, facet: &FacetRow, group: AgeGroup) -> Item {
    let text = if facet.code == Facet::Satisfaction {
        let asked = theme.satisfaction_of.get(&group).unwrap_or(&theme.satisfaction);
        facet.stem.joined(" ", asked, "?")
    } else {
        facet.stem.joined(" ", &theme.name, "")
    };
    Item {
        theme: theme.code,
        facet: facet.code,
        link_id: format!("{}.{}", theme.code.code(), facet.code.code()),
        text,
        help: theme.help.joined(" ", &facet.help, ""),
        ends: facet.low.clone().zip(facet.high.clone()),
        provisional: facet.provisional.clone(),
    }
}
