//! A life assessment in FHIR: one `QuestionnaireResponse` and an Observation per score.
//!
//! Pure. Items carry the label of their theme, own words `free-text` too; `linkId` and Observation
//! code are `<theme>.<viewpoint>` in group `<theme>`. A skipped answer is absent. Sources: FHIR R4
//! `QuestionnaireResponse`, Observation; the method's description (no total score, ever).

use std::sync::Arc;

use serde::Serialize;
use serde_json::json;

use crate::{
    compartment::Held,
    domain::{
        assessment::{Answer, AnsweredBy, Assessment, AssessmentStatus, Score},
        class::ClassSet,
        part::Part,
        questionnaire::url,
        theme::{Theme, ThemeSet, Viewpoint},
        words::Words,
    },
    fhir::{
        coding::coding,
        segment::{KindId, Resource, RowValue, Slot, Stamp},
        types::ResourceType::{Observation, Provenance, QuestionnaireResponse},
    },
    mapping::{
        context::Context,
        text::{self, OBSERVATION_CATEGORY, date, own_words, reference, stamped, token},
    },
};

/// Code system of items and Observations.
pub const CODES: &str = "https://mylife.example/fhir/CodeSystem/3x10d";

/// The profile of a response.
pub const PROFILE: &str =
    "https://mylife.example/fhir/StructureDefinition/mylife-questionnaireresponse";
/// The extension that says who gave the answers, where it is not the person.
pub const ANSWERED_BY: &str = "https://mylife.example/fhir/StructureDefinition/answered-by";

/// What was answered, as `QuestionnaireResponse.item.answer` has it.
#[derive(Clone, Copy, Serialize)]
pub enum Given<'a> {
    /// A score.
    #[serde(rename = "valueInteger")]
    Score(u8),
    /// Own words.
    #[serde(rename = "valueString")]
    Words(&'a str),
}

/// `QuestionnaireResponse.item` of one answer.
#[derive(Serialize)]
struct Item<'a> {
    answer: [Given<'a>; 1],
    #[serde(rename = "linkId")]
    link_id: &'a str,
}

/// The `QuestionnaireResponse`.
pub fn response(held: &Held<Assessment>, context: &mut Context<'_>) -> Resource {
    let assessment = &held.native;
    let id = Arc::clone(&held.id);
    let mut b = context.builder(QuestionnaireResponse, id, PROFILE, assessment.language.as_str());
    let items = given(assessment, context);
    let kinds: Vec<KindId> = items.iter().map(|(.., kind)| *kind).collect();
    b.narrative(|b| {
        for (theme, viewpoint, value, kind) in &items {
            b.line(
                &[*kind],
                &text::answer(*theme, viewpoint, *value, assessment.language.as_str()),
            );
        }
    });
    let by = assessment.answered_by;
    if by != AnsweredBy::Person {
        b.frame("extension", || json!([{ "url": ANSWERED_BY, "valueCode": by.code() }]));
    }
    let (system, value) = identifier(held);
    b.frame("identifier", || json!({ "system": system, "value": value }));
    let questionnaire = url(assessment.form, assessment.age_group);
    b.frame("questionnaire", || match &assessment.form_version {
        Some(version) => json!(format!("{questionnaire}|{version}")),
        None => json!(questionnaire),
    });
    b.computed(Slot::Status);
    b.frame("subject", || context.subject());
    b.computed(Slot::Authored("authored"));
    // Who represents a person gave other answers than the person's own.
    let is_own = by != AnsweredBy::Representative;
    if is_own {
        b.reference(context.patient(), "source", || context.subject());
    }
    b.array("item", |b| {
        // A response has its items in the order of its form.
        for theme in Theme::ASKED {
            let of_theme = items.iter().filter(|(t, ..)| *t == theme);
            b.item(|b| {
                b.frame("linkId", || json!(theme.code()));
                b.array("item", |b| {
                    for (_, viewpoint, value, kind) in of_theme {
                        let link = format!("{}.{viewpoint}", theme.code());
                        let stamp = b.stamp(stamp(held.parts.of(&link), assessment));
                        b.content_item(&[*kind], stamp, || Item {
                            answer: [*value],
                            link_id: &link,
                        });
                    }
                });
            });
        }
    });
    for param in ["patient", "subject"] {
        b.row(&kinds, param, reference("Patient", &context.compartment.patient));
    }
    if is_own {
        b.row(context.patient(), "source", reference("Patient", &context.compartment.patient));
    }
    b.row(&kinds, "authored", RowValue::<&str>::Computed(Slot::Authored("authored")));
    b.row(&kinds, "status", RowValue::<&str>::Computed(Slot::Status));
    b.row(&kinds, "questionnaire", RowValue::Uri(questionnaire));
    b.row(&kinds, "identifier", token(Some(system), value));
    b.build()
}

/// Each value that was given, where it stands and what decides it.
fn given<'a>(
    assessment: &'a Assessment,
    context: &mut Context<'_>,
) -> Vec<(Theme, &'static str, Given<'a>, KindId)> {
    let mut items = Vec::new();
    for answer in &assessment.answers {
        for (viewpoint, value, classes) in values(answer) {
            let themes = ThemeSet::EMPTY.with(answer.theme);
            let kind = context.kind(QuestionnaireResponse, themes, classes);
            items.push((answer.theme, viewpoint, value, kind));
        }
    }
    items
}

/// By what the response is known: to the system that had it filled in, or here.
fn identifier(held: &Held<Assessment>) -> (&str, &str) {
    let own = (text::DOCUMENT, &*held.id);
    held.native.identifier.as_ref().map_or(own, |one| (one.system.as_str(), one.value.as_str()))
}

/// An Observation per importance and satisfaction that was answered.
pub fn observations(held: &Held<Assessment>, context: &mut Context<'_>) -> Vec<Resource> {
    let mut all = Vec::new();
    let source = context.response_kinds(&held.native);
    for answer in &held.native.answers {
        for (viewpoint, score) in [
            (Viewpoint::Importance, answer.importance),
            (Viewpoint::Satisfaction, answer.satisfaction),
        ] {
            if let Some(score) = score {
                let of = (answer.theme, viewpoint, score.value());
                all.push(observation(held, context, of, &source));
            }
        }
    }
    all
}

/// Id of the Observation of a theme and viewpoint.
pub fn observation_id(document: &str, theme: Theme, viewpoint: Viewpoint) -> Arc<str> {
    let short = viewpoint.code().get(..1).unwrap_or_default();
    format!("{document}.{}.{short}", theme.short()).into()
}

fn observation(
    held: &Held<Assessment>,
    context: &mut Context<'_>,
    (theme, viewpoint, score): (Theme, Viewpoint, u8),
    source: &[KindId],
) -> Resource {
    let assessment = &held.native;
    let themes = ThemeSet::EMPTY.with(theme);
    let kind = context.kind(Observation, themes, ClassSet::EMPTY);
    let profile = "https://mylife.example/fhir/StructureDefinition/mylife-observation";
    let id = observation_id(&held.id, theme, viewpoint);
    let mut b = context.builder(Observation, id, profile, assessment.language.as_str());
    let code = format!("{}.{}", theme.code(), viewpoint.code());
    let stamp = stamp(held.parts.of(&code), assessment);
    let status = if &*stamp.status == "amended" { "amended" } else { "final" };
    let authored = Arc::clone(&stamp.authored);
    let stamp = b.stamp(stamp);
    let language = assessment.language.as_str();
    b.narrative(|b| {
        let said = text::answer(theme, viewpoint.code(), Given::Score(score), language);
        b.line(&[kind], &said);
    });
    b.frame("status", || json!(status));
    b.frame("category", || json!([{ "coding": [coding(OBSERVATION_CATEGORY, "survey")] }]));
    let display = text::score(theme, viewpoint, language);
    let mut of_code = coding(CODES, &code);
    if let Some(object) = of_code.as_object_mut() {
        object.insert("display".to_owned(), json!(display));
    }
    b.frame("code", || json!({ "coding": [of_code] }));
    b.frame("subject", || context.subject());
    b.frame("effectiveDateTime", || json!(&*authored));
    b.content(&[kind], stamp, "valueInteger", || json!(score));
    let from = json!([{ "reference": format!("QuestionnaireResponse/{}", held.id) }]);
    b.reference(source, "derivedFrom", || from);
    for param in ["patient", "subject"] {
        b.row(&[kind], param, reference("Patient", &context.compartment.patient));
    }
    b.row(&[kind], "status", token(None, status));
    for param in ["code", "combo-code"] {
        b.row(&[kind], param, token(Some(CODES), &code));
    }
    b.row(&[kind], "code:text", RowValue::Text(&display));
    b.row(&[kind], "category", token(Some(OBSERVATION_CATEGORY), "survey"));
    b.row(source, "derived-from", reference("QuestionnaireResponse", &held.id));
    if let Some(date) = date(&authored) {
        b.row(&[kind], "date", date);
    }
    b.build()
}

/// What was answered about a theme: viewpoint, value, withheld classes.
pub fn values(answer: &Answer) -> impl Iterator<Item = (&'static str, Given<'_>, ClassSet)> {
    let score = |score: Score| Given::Score(score.value());
    let words = |words| Given::Words(Words::as_str(words));
    [
        ("importance", answer.importance.map(score), ClassSet::EMPTY),
        ("satisfaction", answer.satisfaction.map(score), ClassSet::EMPTY),
        ("future", answer.future.as_ref().map(words), own_words()),
        ("comment", answer.comment.as_ref().map(words), own_words()),
    ]
    .into_iter()
    .filter_map(|(viewpoint, value, classes)| value.map(|v| (viewpoint, v, classes)))
}

/// Meets every kind of what an assessment is mapped to, so that nothing of it is mapped for that.
pub fn meet(held: &Held<Assessment>, context: &mut Context<'_>) {
    for answer in &held.native.answers {
        let themes = ThemeSet::EMPTY.with(answer.theme);
        for (_, value, classes) in values(answer) {
            context.kind(QuestionnaireResponse, themes, classes);
            context.kind(Provenance, themes, classes);
            if matches!(value, Given::Score(_)) {
                context.kind(Observation, themes, classes);
            }
        }
    }
}

/// Kinds of the `QuestionnaireResponse`'s content: it exists for whom one of them is permitted.
pub fn response_kinds(assessment: &Assessment, context: &mut Context<'_>) -> Vec<KindId> {
    let mut kinds: Vec<_> = given(assessment, context).iter().map(|(.., kind)| *kind).collect();
    kinds.sort_unstable();
    kinds.dedup();
    kinds
}

fn stamp(part: Option<Part<'_>>, assessment: &Assessment) -> Stamp {
    part.map_or_else(
        || Stamp {
            changed: assessment.authored,
            status: AssessmentStatus::Completed.code().into(),
            authored: assessment.authored.to_string().into(),
        },
        |part| stamped(part.change),
    )
}
