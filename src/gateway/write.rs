//! The road of native documents: parse, validate, commit, record, respond.
//!
//! A document is pushed by its owner system, in the canonical form or in one that a filter makes so
//! (`conversion`; several at a time: `several`); Consents have roads of their own (`consent`).

pub mod conversion;
mod several;

use std::sync::Arc;

use http::{Response, StatusCode};

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
    native::{self, Native, NativeKind, Rules, foreign::Filter},
    respond,
    scope::Grant,
    source::local::Local,
};

impl Gateway {
    /// `PUT /native/{kind}/{id}`.
    pub(crate) async fn push(
        &self,
        asked: &mut Asked<'_>,
        grant: &Grant,
        kind: NativeKind,
        local: &str,
    ) -> Result<Response<Body>> {
        let source = self.own()?;
        let client = grant.caller().client_id();
        let filter = self.conversions.meant(client, asked.headers, kind);
        let document = if let Some(filter) = filter {
            let one = only(filter, &asked.body)?;
            self.converted(asked, filter, one).await?
        } else {
            content_type(asked.headers, FHIR_JSON).map_err(|_| unread())?;
            let judged = native::validate(&asked.body, &self.rules(asked));
            judged.map_err(|faults| refused(&faults))?
        };
        let of_filter = |say: &str| filter.map_or_else(|| say.to_owned(), |one| one.told(say));
        if document.typed().kind() != kind {
            let say = of_filter("Push this kind of document to its own address.");
            return Err(Error::new(Kind::Unprocessable, say).at("$.schema"));
        }
        if document.typed().id().as_str() != local {
            let say =
                of_filter("The id in the document and the id in the address must be the same.");
            return Err(Error::new(Kind::Unprocessable, say).at("$.id"));
        }
        let request = asked.request_alone();
        let desk = self.desk(source, grant, &request, asked);
        let written = commit::native(&desk, &document).await?;
        let status = if written.created { StatusCode::CREATED } else { StatusCode::OK };
        Ok(respond::written(status, &written.told().into(), &asked.request_id))
    }

    /// The document that a filter makes of one, as good as any that is pushed.
    ///
    /// # Errors
    /// As [`Conversions::convert`](conversion::Conversions::convert); every fault of what was made.
    async fn converted(
        &self,
        asked: &mut Asked<'_>,
        filter: &Arc<Filter>,
        document: Vec<u8>,
    ) -> Result<Native> {
        let made = self.conversions.convert(filter, document).await?;
        // That took a while: what is written has the instant at which all of it was there.
        asked.now = self.clock.now();
        let judged = made.judged(native::validate(&made.bytes, &self.rules(asked)));
        judged.map_err(|faults| refused_in(&faults, |say| filter.told(say)))
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
            most: self.limits.documents,
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

/// The one document of a body.
fn only(filter: &Filter, body: &[u8]) -> Result<Vec<u8>> {
    let mut all = filter.form.documents(body, 1)?;
    if let (Some((_, one)), true) = (all.pop(), all.is_empty()) {
        return Ok(one);
    }
    let say =
        "Push one document to the address of one, and several by POST to the address above it.";
    Err(Error::new(Kind::Unprocessable, say))
}

/// Neither the canonical form, nor one that a filter reads for this client here.
fn unread() -> Error {
    let say = "Send a native document as application/json, or one of another form as the Content-Type of \
               a filter that is registered for this client at this address.";
    Error::new(Kind::UnsupportedMedia, say)
}

/// Every fault of a document, in one refusal.
pub(super) fn refused(faults: &[native::Fault]) -> Error {
    refused_in(faults, str::to_owned)
}

/// The same in such words.
fn refused_in(faults: &[native::Fault], words: impl Fn(&str) -> String) -> Error {
    let kind = faults.first().map_or(Kind::Unprocessable, |fault| fault.kind);
    let said: Vec<&str> = faults.iter().map(|fault| &*fault.say).collect();
    let error = Error::new(kind, words(&said.join("; ")));
    faults.iter().fold(error, |error, fault| error.at(fault.path.clone()))
}
