//! The road of `$extract`: the Observations that an assessment comes to, as a transaction for another
//! server.
//!
//! Of the same shape as the others. They are the Observations that are released of the person and come
//! from that assessment, as a search finds them; a client that puts them elsewhere twice
//! puts the same ones there. Of one that is sent, nothing that is held is looked at ([`given`]).
//! Source: Structured Data Capture 3.0, `QuestionnaireResponse-extract`.

mod given;

use http::Response;
use serde_json::{Value, json};

use crate::{
    audit::record::Query,
    bundle::gathered::Piece,
    error::{Error, Result},
    fhir::types::ResourceType::{Observation, QuestionnaireResponse},
    gateway::{Gateway, request::Asked},
    listen::body::Body,
    respond::{self, form::Form},
    scope::Grant,
};

const NOTHING: &str =
    "Nothing of this assessment is a number that you may see: there is no Observation of it.";

impl Gateway {
    /// `GET` and `POST /fhir/QuestionnaireResponse/{id}/$extract`.
    pub(crate) async fn extract(
        &self,
        asked: &Asked<'_>,
        grant: &Grant,
        id: &str,
    ) -> Result<Response<Body>> {
        asked.parameters_of(&[])?;
        let in_flight = self.flights.take();
        let (one, _) = self.gathered_one(asked, grant, (QuestionnaireResponse, id)).await?;
        let subject = one.pieces().first().and_then(|piece| {
            piece.resource.pointer("/subject/reference")?.as_str()?.strip_prefix("Patient/")
        });
        let patient = subject.ok_or_else(Error::not_found)?.to_owned();
        let (mut gathered, plan) = self.gathered(asked, grant, &patient, &[Observation]).await?;
        let from = json!([{ "reference": format!("QuestionnaireResponse/{id}") }]);
        gathered.keep(|piece| piece.resource.get("derivedFrom") == Some(&from));
        let entry = |piece: &Piece| self.put_elsewhere(&piece.id, &piece.resource);
        let entries: Vec<Value> = gathered.pieces().iter().map(entry).collect();
        let body = told(&entries, NOTHING).to_string();
        // That there is none says that the assessment is there, which is on record then.
        let all = if gathered.pieces().is_empty() { one } else { gathered };
        let answer = all.close(body);
        let form = (Form::Fhir, asked.language());
        self.told_in_form((asked, grant, &plan), answer, Query::of([]), form, in_flight).await
    }

    /// An entry that puts an Observation into another server, under the id it has here.
    fn put_elsewhere(&self, id: &str, resource: &Value) -> Value {
        let at = format!("{Observation}/{id}");
        json!({
            "fullUrl": format!("{}/{at}", self.base),
            "resource": resource,
            "request": { "method": "PUT", "url": at },
        })
    }
}

/// The transaction of these entries; where there is none, what is to be said.
fn told(entries: &[Value], nothing: &str) -> Value {
    let one = if entries.is_empty() {
        let none = [("information", "not-found", nothing.to_owned(), None)];
        json!({ "name": "issues", "resource": respond::issues(&none) })
    } else {
        let bundle = json!({ "resourceType": "Bundle", "type": "transaction", "entry": entries });
        json!({ "name": "return", "resource": bundle })
    };
    json!({ "resourceType": "Parameters", "parameter": [one] })
}
