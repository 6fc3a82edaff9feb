//! The roads of `$circle-of-life`: one assessment, or the latest of a person, as a picture, a page or
//! numbers.
//!
//! Of the same shape as the others. It draws what a released `QuestionnaireResponse` says; which is the
//! latest follows from what is released alone, at whichever gateway it is. Nothing to show is the same
//! 404 whether there is nothing or nothing for this reader.

use http::Response;
use serde_json::Value;

use crate::{
    audit::record::Query,
    bundle::gathered::{Gathered, Piece},
    circle::{Circle, Shown, draw, numbers, page},
    domain::day::Day,
    error::{Error, Result},
    fhir::types::ResourceType::QuestionnaireResponse,
    gateway::{Gateway, request::Asked},
    listen::body::Body,
    respond::form::{self, Form},
    scope::Grant,
};

/// The forms there are; the first is for whoever takes anything.
const FORMS: [Form; 3] = [Form::Fhir, Form::Page, Form::Picture];

/// Which of a person's assessments are meant: the last of those up to the end of these days.
#[derive(Clone, Copy, Default)]
struct Days {
    date: Option<Day>,
    compare: Option<Day>,
}

impl Gateway {
    /// `GET /fhir/QuestionnaireResponse/{id}/$circle-of-life`.
    pub(crate) async fn circle_of_one(
        &self,
        asked: &Asked<'_>,
        grant: &Grant,
        id: &str,
    ) -> Result<Response<Body>> {
        let form = form(asked)?;
        asked.parameters_of(&[])?;
        let in_flight = self.flights.take();
        let one = (QuestionnaireResponse, id);
        let (gathered, plan) = self.gathered_one(asked, grant, one).await?;
        let answer = {
            let circle = gathered.pieces().first().map(|piece| Circle::of(&piece.resource));
            let circle = circle.ok_or_else(Error::not_found)?;
            let body = written(&gathered, (&circle, None), form);
            gathered.close(body)
        };
        self.told_in_form((asked, grant, &plan), answer, Query::of([]), form, in_flight).await
    }

    /// `GET /fhir/Patient/{id}/$circle-of-life`.
    pub(crate) async fn circle_of_latest(
        &self,
        asked: &Asked<'_>,
        grant: &Grant,
        id: &str,
    ) -> Result<Response<Body>> {
        let form = form(asked)?;
        let given = asked.parameters_of(&["date", "compare"])?;
        let days = Days::of(&given)?;
        let in_flight = self.flights.take();
        let (mut gathered, plan) =
            self.gathered(asked, grant, id, &[QuestionnaireResponse]).await?;
        let (now, before) = chosen(&gathered, days);
        let named = |id: &str| [&now, &before].into_iter().flatten().any(|one| one.response == id);
        gathered.keep(|piece| named(&piece.id));
        if now.is_none() && gathered.is_complete() {
            return Err(Error::not_found());
        }
        let now = now.unwrap_or_else(Circle::empty);
        let body = written(&gathered, (&now, before.as_ref()), form);
        let query = Query::of(given.iter().map(|(name, value)| (name.as_str(), value.as_str())));
        let answer = gathered.close(body);
        self.told_in_form((asked, grant, &plan), answer, query, form, in_flight).await
    }
}

impl Days {
    fn of(given: &[(String, String)]) -> Result<Self> {
        let day = |wanted: &str| {
            let found = given.iter().find(|(name, _)| name == wanted);
            let bad = || Error::invalid("It is a day: 2026-03-02.").at(wanted.to_owned());
            found.map(|(_, value)| Day::parse(value).ok_or_else(bad)).transpose()
        };
        Ok(Self { date: day("date")?, compare: day("compare")? })
    }
}

/// The assessment that is meant, and the one it is compared with.
fn chosen(gathered: &Gathered, days: Days) -> (Option<Circle>, Option<Circle>) {
    let now = latest(gathered.of(QuestionnaireResponse), days.date);
    let before = days.compare.and_then(|day| latest(gathered.of(QuestionnaireResponse), Some(day)));
    let is_other = |one: &Circle| now.as_ref().is_none_or(|now| now.response != one.response);
    let before = before.filter(is_other);
    (now, before)
}

/// The latest assessment that is finished, up to the end of a day in Finland.
pub(super) fn latest<'a>(
    all: impl Iterator<Item = &'a Piece>,
    until: Option<Day>,
) -> Option<Circle> {
    let is_finished = |resource: &Value| {
        matches!(resource.get("status").and_then(Value::as_str), Some("completed" | "amended"))
    };
    let in_time = |circle: &Circle| {
        let day = circle.at().and_then(Day::in_finland);
        until.is_none_or(|until| day.is_some_and(|day| day <= until))
    };
    all.filter(|piece| is_finished(&piece.resource))
        .map(|piece| Circle::of(&piece.resource))
        .filter(in_time)
        .max_by(|a, b| (a.at(), &a.response).cmp(&(b.at(), &b.response)))
}

/// It in the form that was asked for.
fn written(
    gathered: &Gathered,
    (now, before): (&Circle, Option<&Circle>),
    (form, language): (Form, &'static str),
) -> String {
    let asked = gathered.asked();
    let shown = Shown { now, before, asked: &asked, language };
    match form {
        Form::Fhir => numbers::parameters(&shown).to_string(),
        Form::Page => page::html(&shown),
        Form::Picture => draw::svg(&shown, draw::Place::Alone),
    }
}

/// Form and language that are asked for.
fn form(asked: &Asked<'_>) -> Result<(Form, &'static str)> {
    Ok((form::form(asked.query, asked.headers, &FORMS)?, asked.language()))
}
