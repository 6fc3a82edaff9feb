//! The road of `$populate`: one of our forms with the answers of the person's latest assessment, to be
//! looked through and answered anew.
//!
//! Of the same shape as the others. It is filled from what is released alone, wherever that is held: of
//! an answer that is hidden, and of a person nobody has answered for, the form has nothing, and both are
//! the same form. Source: Structured Data Capture 3.0, `Questionnaire-populate`.

use http::{Method, Response};
use serde_json::{Value, json};

use crate::{
    audit::record::Query,
    circle::missing,
    domain::{
        id::{MAX_ID, may_be_id},
        questionnaire::Questionnaire,
    },
    error::{Error, Kind, Result},
    fhir::types::ResourceType::QuestionnaireResponse,
    gateway::{Gateway, circle::latest, request::Asked},
    json::list,
    listen::body::Body,
    respond::{self, form::Form},
    scope::Grant,
};

/// What Structured Data Capture has beside `subject` that changes nothing here: there is one place to
/// fill a form from.
const IDLE: [&str; 2] = ["context", "local"];

impl Gateway {
    /// `GET` and `POST /fhir/Questionnaire/{id}/$populate`.
    pub(crate) async fn populate(
        &self,
        asked: &Asked<'_>,
        grant: &Grant,
        form: &str,
    ) -> Result<Response<Body>> {
        let forms = self.documents.forms.all();
        let form = forms.iter().find(|one| one.id == form).ok_or_else(Error::not_found)?;
        let patient = self.subject(asked)?;
        let in_flight = self.flights.take();
        let kinds = [QuestionnaireResponse];
        let (mut gathered, plan) = self.gathered(asked, grant, &patient, &kinds).await?;
        let last = latest(gathered.of(QuestionnaireResponse), None).map(|circle| circle.response);
        gathered.keep(|piece| last.as_ref() == Some(&piece.id));
        let answered = gathered.pieces().first().map(|piece| &piece.resource);
        let mut all = vec![json!({
            "name": "response", "resource": filled(form, &patient, answered),
        })];
        let sources = gathered.asked();
        let silent: Vec<_> = missing(&sources).into_iter().map(silent).collect();
        if !silent.is_empty() {
            all.push(json!({ "name": "issues", "resource": respond::issues(&silent) }));
        }
        let body = json!({ "resourceType": "Parameters", "parameter": all }).to_string();
        let answer = gathered.close(body);
        let form = (Form::Fhir, asked.language());
        self.told_in_form((asked, grant, &plan), answer, Query::of([]), form, in_flight).await
    }

    /// The Patient whose form it is.
    fn subject(&self, asked: &Asked<'_>) -> Result<String> {
        let (given, place) = if *asked.method == Method::POST {
            let body = self.resource(asked, Kind::Unprocessable)?;
            (named(&body)?, "Parameters.parameter")
        } else {
            let mut all = asked.parameters_of(&["subject", "context", "local"])?;
            all.retain(|(name, _)| name == "subject");
            let given = if all.len() > 1 { None } else { all.pop() };
            (given.map(|(_, value)| value), "subject")
        };
        let own = format!("{}/", self.base);
        let given = given.as_deref().map(|text| text.strip_prefix(&own).unwrap_or(text));
        let id = given.and_then(|text| text.strip_prefix("Patient/"));
        let id = id.filter(|id| id.len() <= MAX_ID && may_be_id(id)).ok_or_else(|| {
            let say = "Name the person once, as subject: Patient/{id}.";
            Error::new(Kind::Unprocessable, say).at(place)
        })?;
        Ok(id.to_owned())
    }
}

/// What `subject` of Parameters refers to.
fn named(body: &Value) -> Result<Option<String>> {
    if body.get("resourceType").and_then(Value::as_str) != Some("Parameters") {
        let say = "Send a Parameters with subject, a valueReference.";
        return Err(Error::new(Kind::Unprocessable, say).at("Parameters"));
    }
    let mut subject = None;
    let all = list(body, "parameter");
    for (at, parameter) in all.iter().enumerate() {
        let wrong = |say: &'static str| {
            let place = format!("Parameters.parameter[{at}]");
            Err(Error::new(Kind::Unprocessable, say).at(place))
        };
        match parameter.get("name").and_then(Value::as_str).unwrap_or_default() {
            "subject" if subject.is_some() => return wrong("Give subject once."),
            "subject" => {
                let reference = parameter.pointer("/valueReference/reference");
                subject = reference.and_then(Value::as_str).map(str::to_owned);
            }
            name if IDLE.contains(&name) => {}
            _ => return wrong("Known are: subject, context, local."),
        }
    }
    Ok(subject)
}

/// A response to the form that says what was answered last, as far as the form asks for it.
fn filled(form: &Questionnaire, patient: &str, answered: Option<&Value>) -> Value {
    let is_asked = |item: &Value| {
        let link = item.get("linkId").and_then(Value::as_str);
        form.items.iter().any(|one| Some(one.link_id.as_str()) == link)
    };
    let groups = answered.and_then(|one| one.get("item")).and_then(Value::as_array);
    let group = |group: &Value| {
        let items = group.get("item").and_then(Value::as_array)?;
        let kept: Vec<&Value> = items.iter().filter(|item| is_asked(item)).collect();
        let link = group.get("linkId")?;
        (!kept.is_empty()).then(|| json!({ "linkId": link, "item": kept }))
    };
    let items: Vec<Value> = groups.into_iter().flatten().filter_map(group).collect();
    let mut response = json!({
        "resourceType": "QuestionnaireResponse",
        "questionnaire": format!("{}|{}", form.url, form.version),
        "status": "in-progress",
        "subject": { "reference": format!("Patient/{patient}") },
    });
    if let Some(members) = response.as_object_mut() {
        let language = answered.and_then(|one| one.get("language")).cloned();
        members.extend(language.map(|language| ("language".to_owned(), language)));
        members.extend((!items.is_empty()).then(|| ("item".to_owned(), items.into())));
    }
    response
}

/// The issue of a source that has not answered with all of it.
fn silent(node: &str) -> (&'static str, &'static str, String, Option<String>) {
    let say = format!("The gateway {node} has not answered; its assessments are not in here.");
    ("warning", "incomplete", say, None)
}
