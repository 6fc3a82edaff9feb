//! The road of native documents: parse, validate, commit, record, respond.
//!
//! A document is pushed by its owner system; Consents have roads of their own (`consent`).

use http::{Response, StatusCode};
use serde_json::json;

use crate::{
    audit::step::Author,
    commit::{self, Desk},
    error::{Error, Kind, Result},
    gateway::{
        Gateway,
        accept::{FHIR_JSON, content_type},
        request::Asked,
    },
    listen::body::Body,
    native::{self, NativeKind, Rules},
    respond,
    scope::Grant,
    source::local::Local,
};

impl Gateway {
    /// `PUT /native/{kind}/{id}`.
    pub(crate) async fn push(
        &self,
        asked: &Asked<'_>,
        grant: &Grant,
        kind: NativeKind,
        local: &str,
    ) -> Result<Response<Body>> {
        content_type(asked.headers, FHIR_JSON)?;
        let source = self.own()?;
        let document =
            native::validate(&asked.body, &self.rules(asked)).map_err(|faults| refused(&faults))?;
        if document.typed().kind() != kind {
            let say = "Push this kind of document to its own address.";
            return Err(Error::new(Kind::Unprocessable, say).at("$.schema"));
        }
        if document.typed().id().as_str() != local {
            let say = "The id in the document and the id in the address must be the same.";
            return Err(Error::new(Kind::Unprocessable, say).at("$.id"));
        }
        let request = asked.request_alone();
        let desk = self.desk(source, grant, &request, asked);
        let written = commit::native(&desk, &document).await?;
        let status = if written.created { StatusCode::CREATED } else { StatusCode::OK };
        let body =
            json!({ "id": &*written.id, "version": written.version, "patient": &*written.patient });
        Ok(respond::written(status, &body, &asked.request_id))
    }

    /// By what a native document is judged.
    pub(super) fn rules(&self, asked: &Asked<'_>) -> Rules<'_> {
        Rules {
            schemas: &self.schemas,
            now: asked.now,
            test_range: self.limits.test_range,
            limits: self.limits.document,
        }
    }

    pub(super) fn desk<'a>(
        &'a self,
        local: &'a Local,
        grant: &'a Grant,
        request: &'a crate::audit::step::Request,
        asked: &Asked<'_>,
    ) -> Desk<'a> {
        Desk {
            node: &self.node,
            local,
            directory: &self.terms.directory,
            keys: &self.keys,
            chance: &*self.chance,
            log: &self.log,
            author: Author::Granted(grant),
            request,
            now: asked.now,
        }
    }

    pub(super) fn own(&self) -> Result<&Local> {
        self.reach
            .sources
            .local
            .as_deref()
            .ok_or_else(|| Error::new(Kind::NotSupported, "This gateway holds no data of its own."))
    }
}

/// Every fault of a document, in one refusal.
pub(super) fn refused(faults: &[native::Fault]) -> Error {
    let kind = faults.first().map_or(Kind::Unprocessable, |fault| fault.kind);
    let said: Vec<String> = faults.iter().map(|fault| fault.say.clone()).collect();
    let error = Error::new(kind, said.join("; "));
    faults.iter().fold(error, |error, fault| error.at(fault.path.clone()))
}
