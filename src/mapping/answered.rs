//! FHIR to native: a `QuestionnaireResponse` that a portal sends, as the life assessment it is.
//!
//! Pure; the other direction of [`super::survey`], on the road of writes before `native::validate`. All of
//! it is kept or none: what has no place in the native form is refused where it stands, so that what
//! comes out again is what went in. Left aside is only what says nothing of its own: `id` and version
//! (the server's), a narrative made of the rest, texts of the form itself, items without an answer.
//! Sources: FHIR R4 questionnaireresponse.html; the forms in `schemas/questionnaires.json`.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use crate::{
    domain::{
        assessment::{AnsweredBy, AssessmentSchema, AssessmentStatus, Identifier},
        class::{Class, ClassSet},
        moment::Moment,
        questionnaire::{Item, MAX_WORDS, Questionnaire, Questionnaires, Translated},
        theme::{Theme, ThemeSet},
        words::Language,
    },
    fhir::{labels::CANONICAL, schema::Fault},
    json::{list, text},
    mapping::{
        sent::{self, at},
        survey::{ANSWERED_BY, PROFILE},
    },
};

/// The language of answers whose language was not said (ISO 639-2).
const UNDETERMINED: &str = "und";
/// What a response may have; everything else of R4 has no place in the native form.
const MEMBERS: [&str; 13] = [
    "resourceType",
    "id",
    "meta",
    "language",
    "text",
    "extension",
    "identifier",
    "questionnaire",
    "status",
    "subject",
    "authored",
    "source",
    "item",
];
/// The same of a group, a question and an answer.
const GROUP: [&str; 3] = ["linkId", "text", "item"];
const QUESTION: [&str; 3] = ["linkId", "text", "answer"];

/// A response that can be kept whole.
pub struct Received {
    /// The native document, without `id` and `person`, which the gateway gives.
    pub document: Map<String, Value>,
    /// How it names whose answers they are.
    pub subject: Value,
    /// By what its sender knows it.
    pub identifier: Option<Identifier>,
    /// Who answered.
    pub answered_by: AnsweredBy,
    /// About what.
    pub themes: ThemeSet,
    /// What of it is withheld.
    pub classes: ClassSet,
}

/// Reads a response to one of the forms, found good by the schema of R4.
///
/// # Errors
/// Every element that cannot be kept, with what to do.
pub fn response(resource: &Value, forms: &Questionnaires) -> Result<Received, Vec<Fault>> {
    let mut reader = Reader { faults: Vec::new() };
    let received = reader.response(resource, forms);
    match received {
        Some(received) if reader.faults.is_empty() => Ok(received),
        Some(_) | None => Err(reader.faults),
    }
}

/// What of a response to a form of ours is not as the form asks it: which it names, its questions, and the
/// type and range of each answer. Of forms of others nothing is known here.
pub fn misanswered(resource: &Value, forms: &Questionnaires) -> Vec<Fault> {
    let mut reader = Reader { faults: Vec::new() };
    let is_ours = |url: &str| url.strip_prefix(CANONICAL).is_some_and(|of| of.starts_with('/'));
    if text(resource, "questionnaire").is_some_and(is_ours)
        && let Some((form, _)) = reader.form(resource, forms)
    {
        reader.groups(resource, form, forms);
    }
    reader.faults
}

/// What was found on the way.
struct Reader {
    faults: Vec<Fault>,
}

/// The answers, theme by theme.
#[derive(Default)]
struct Answers {
    list: Vec<Value>,
    themes: ThemeSet,
    classes: ClassSet,
}

impl Reader {
    fn tell(&mut self, place: impl Into<String>, say: impl Into<String>) {
        self.faults.push(Fault { expression: place.into(), say: say.into() });
    }

    fn response(&mut self, resource: &Value, forms: &Questionnaires) -> Option<Received> {
        const OF: &str = "QuestionnaireResponse";
        self.only(OF, resource, &MEMBERS);
        self.meta(resource);
        self.narrative(resource);
        let answered_by = self.answered_by(resource);
        let identifier = self.identifier(resource);
        let form = self.form(resource, forms);
        let status = text(resource, "status").and_then(AssessmentStatus::from_code);
        if status.is_none() {
            self.tell(at(OF, "status"), "must be in-progress, completed or amended");
        }
        let subject = resource.get("subject").cloned();
        match &subject {
            None => self.tell(at(OF, "subject"), "is required: name the Patient"),
            Some(subject) => {
                self.only(&at(OF, "subject"), subject, &["reference", "type", "identifier"]);
                if let Some(one) = subject.get("identifier") {
                    self.only(&at(OF, "subject.identifier"), one, &["system", "value"]);
                }
            }
        }
        if resource.get("source").is_some() && resource.get("source") != subject.as_ref() {
            let say =
                "must be the subject; of who else answered, say so in the extension answered-by";
            self.tell(at(OF, "source"), say);
        }
        self.authored(resource);
        let language = text(resource, "language").unwrap_or(UNDETERMINED);
        if Language::parse(language).is_none() {
            self.tell(at(OF, "language"), "must be a language tag such as fi, sv, en or se");
        }
        let (form, version) = form?;
        let answers = self.groups(resource, form, forms);
        if answers.list.is_empty() && self.faults.is_empty() {
            self.tell(at(OF, "item"), "must have an answer: send it once something is answered");
        }
        let document = json!({
            "schema": AssessmentSchema::V1,
            "form": form.form,
            "age_group": form.age_group,
            "status": status?,
            "authored": text(resource, "authored")?,
            "answered_by": answered_by,
            "language": language,
            "answers": answers.list,
        });
        let Value::Object(mut document) = document else { return None };
        document.extend(version.map(|version| ("form_version".to_owned(), version.into())));
        document.extend(identifier.as_ref().map(|one| ("identifier".to_owned(), json!(one))));
        let Answers { themes, classes, .. } = answers;
        Some(Received { document, subject: subject?, identifier, answered_by, themes, classes })
    }

    /// Nothing stands there but what is known.
    fn only(&mut self, place: &str, value: &Value, known: &[&str]) {
        let members = value.as_object().into_iter().flatten();
        for (name, _) in members.filter(|(name, _)| !known.contains(&name.as_str())) {
            match name.strip_prefix('_') {
                Some(of) => self.tell(at(place, of), "may have no extension here: leave it out"),
                None => self.tell(at(place, name), "cannot be kept here: leave it out"),
            }
        }
    }

    fn meta(&mut self, resource: &Value) {
        let Some(meta) = resource.get("meta") else { return };
        let place = "QuestionnaireResponse.meta";
        self.only(place, meta, &["versionId", "lastUpdated", "profile"]);
        for (index, named) in list(meta, "profile").iter().enumerate() {
            if named.as_str() != Some(PROFILE) {
                let say = format!("must be {PROFILE}, or left out");
                self.tell(format!("{place}.profile[{index}]"), say);
            }
        }
    }

    /// A narrative that is made of the rest says nothing more than the rest.
    fn narrative(&mut self, resource: &Value) {
        let Some(narrative) = resource.get("text") else { return };
        let place = "QuestionnaireResponse.text";
        self.only(place, narrative, &["status", "div"]);
        if !matches!(text(narrative, "status"), Some("generated" | "empty")) {
            let say =
                "must be generated of the answers, or left out: no other narrative can be kept";
            self.tell(at(place, "status"), say);
        }
    }

    fn answered_by(&mut self, resource: &Value) -> AnsweredBy {
        let mut by = None;
        for (index, one) in list(resource, "extension").iter().enumerate() {
            let place = format!("QuestionnaireResponse.extension[{index}]");
            if text(one, "url") != Some(ANSWERED_BY) {
                self.tell(place, "is not known here and cannot be kept: leave it out");
                continue;
            }
            self.only(&place, one, &["url", "valueCode"]);
            let code = text(one, "valueCode").and_then(AnsweredBy::from_code);
            match code.filter(|code| *code != AnsweredBy::Person) {
                Some(_) if by.is_some() => self.tell(place, "may stand once"),
                Some(code) => by = Some(code),
                None => self.tell(at(&place, "value"), "must be representative or professional"),
            }
        }
        if by == Some(AnsweredBy::Representative) && resource.get("source").is_some() {
            let say = "must be left out where a representative answered";
            self.tell("QuestionnaireResponse.source", say);
        }
        by.unwrap_or(AnsweredBy::Person)
    }

    fn identifier(&mut self, resource: &Value) -> Option<Identifier> {
        let one = resource.get("identifier")?;
        let place = "QuestionnaireResponse.identifier";
        self.only(place, one, &["system", "value"]);
        sent::identifier(one, |name, say| self.tell(at(place, name), say))
    }

    /// The form that is answered, and its version if it is named.
    fn form<'f>(
        &mut self,
        resource: &Value,
        forms: &'f Questionnaires,
    ) -> Option<(&'f Questionnaire, Option<&'f str>)> {
        let place = "QuestionnaireResponse.questionnaire";
        let Some(canonical) = text(resource, "questionnaire") else {
            self.tell(place, "is required: name a Questionnaire of /fhir/Questionnaire");
            return None;
        };
        let (url, version) = canonical
            .split_once('|')
            .map_or((canonical, None), |(url, version)| (url, Some(version)));
        let Some(form) = forms.all().iter().find(|form| form.url == url) else {
            self.tell(place, "must be one of those published here: see /fhir/Questionnaire");
            return None;
        };
        if version.is_some_and(|version| version != form.version) {
            self.tell(place, format!("must be of version {}, or of none", form.version));
        }
        Some((form, version.map(|_| form.version.as_str())))
    }

    fn authored(&mut self, resource: &Value) {
        let place = "QuestionnaireResponse.authored";
        match text(resource, "authored") {
            None => self.tell(place, "is required: say when it was answered"),
            Some(said) if Moment::parse(said).is_none() || is_finer(said) => {
                let say = "must be a time with a zone, at most to the millisecond";
                self.tell(place, say);
            }
            Some(_) => {}
        }
    }

    fn groups(
        &mut self,
        resource: &Value,
        form: &Questionnaire,
        forms: &Questionnaires,
    ) -> Answers {
        let mut answers = Answers::default();
        let mut met = BTreeSet::new();
        for (index, group) in list(resource, "item").iter().enumerate() {
            let place = format!("QuestionnaireResponse.item[{index}]");
            let link = text(group, "linkId").unwrap_or_default();
            let Some(theme) = Theme::from_code(link) else {
                let say = match form.items.iter().find(|item| item.link_id == link) {
                    Some(item) => {
                        format!("must stand in the item of its theme, {}", item.theme.code())
                    }
                    None => "must be the linkId of a theme in this Questionnaire".to_owned(),
                };
                self.tell(at(&place, "linkId"), say);
                continue;
            };
            if !met.insert(theme) {
                self.tell(at(&place, "linkId"), "stands there twice: answer each theme once");
                continue;
            }
            self.only(&place, group, &GROUP);
            self.worded(&place, group, forms.theme(theme));
            let of_theme: Vec<&Item> = form.items.iter().filter(|i| i.theme == theme).collect();
            let found = self.questions(&place, group, &of_theme, &mut answers.classes);
            if found.len() > 1 {
                answers.themes = answers.themes.with(theme);
                answers.list.push(Value::Object(found));
            }
        }
        answers
    }

    /// What is answered about one theme, the theme among it.
    fn questions(
        &mut self,
        place: &str,
        group: &Value,
        known: &[&Item],
        classes: &mut ClassSet,
    ) -> Map<String, Value> {
        let mut found = Map::new();
        let mut met = BTreeSet::new();
        for (index, question) in list(group, "item").iter().enumerate() {
            let place = format!("{place}.item[{index}]");
            let link = text(question, "linkId").unwrap_or_default();
            let Some(item) = known.iter().find(|item| item.link_id == link) else {
                let links: Vec<&str> = known.iter().map(|item| item.link_id.as_str()).collect();
                let say =
                    format!("must be one of those in this Questionnaire: {}", links.join(", "));
                self.tell(at(&place, "linkId"), say);
                continue;
            };
            if !met.insert(link) {
                self.tell(at(&place, "linkId"), "stands there twice: answer each question once");
                continue;
            }
            found.insert("theme".to_owned(), item.theme.code().into());
            self.only(&place, question, &QUESTION);
            self.worded(&place, question, Some(&item.text));
            let answers = list(question, "answer");
            if answers.len() > 1 {
                self.tell(at(&place, "answer"), "may stand once: the question takes one answer");
            }
            let Some(answer) = answers.first() else { continue };
            if let Some(value) = self.answer(&format!("{place}.answer[0]"), answer, item) {
                if item.facet.is_words() {
                    *classes = classes.with(Class::FreeText);
                }
                found.insert(item.facet.code().to_owned(), value);
            }
        }
        found
    }

    /// The value of an answer, of the type and in the range of its question.
    fn answer(&mut self, place: &str, answer: &Value, item: &Item) -> Option<Value> {
        let (name, say) = if item.facet.is_words() {
            ("valueString", "must be valueString: at most 2000 characters, one of them visible")
        } else {
            ("valueInteger", "must be valueInteger: a whole number from 0 to 10")
        };
        let beside = answer.as_object().into_iter().flatten();
        let is_value = |member: &str| member.starts_with("value");
        let others: Map<String, Value> =
            beside.filter(|(n, _)| !is_value(n)).map(|(n, v)| (n.clone(), v.clone())).collect();
        self.only(place, &Value::Object(others), &[]);
        let fits = |value: &&Value| {
            if item.facet.is_words() {
                value.as_str().is_some_and(|words| {
                    !words.trim().is_empty() && words.chars().count() <= MAX_WORDS
                })
            } else {
                value.as_u64().is_some_and(|score| score <= 10)
            }
        };
        let values = answer.as_object().into_iter().flatten();
        let is_alone =
            values.filter(|(member, _)| is_value(member.trim_start_matches('_'))).count() == 1;
        let value = answer.get(name).filter(fits).filter(|_| is_alone);
        if value.is_none() {
            self.tell(at(place, "value"), say);
        }
        value.cloned()
    }

    /// A text may stand with an item if it is the form's own.
    fn worded(&mut self, place: &str, item: &Value, known: Option<&Translated>) {
        let Some(said) = item.get("text") else { return };
        let is_known = known.is_some_and(|known| {
            [&known.fi, &known.sv, &known.en].into_iter().any(|one| said == one.as_str())
        });
        if !is_known {
            self.tell(at(place, "text"), "must be as in the Questionnaire, or left out");
        }
    }
}

/// Would a part of the time be lost: what is below a millisecond, or a leap second?
fn is_finer(time: &str) -> bool {
    let fraction = time.split_once('.').map_or("", |(_, rest)| rest);
    let digits = fraction.bytes().take_while(u8::is_ascii_digit).count();
    digits > 3 || time.get(17..19) == Some("60")
}
