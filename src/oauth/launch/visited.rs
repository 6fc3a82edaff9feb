//! What became of a step: a page or a way on, and what is to be written down of it.
//!
//! Part of `oauth::launch`. An event names the app and whoever acts as the log knows them; it holds no code,
//! no cookie and nothing that narrows a scope, since that can be about somebody.

use std::sync::Arc;

use bytes::Bytes;
use http::Response;

use crate::error::Error;

/// What became of a request for a page.
pub struct Visited {
    /// What goes out.
    pub response: Response<Bytes>,
    /// What is to be written down of it, if something was decided.
    pub event: Option<Event>,
}

/// Something that was decided.
#[derive(Debug)]
pub struct Event {
    /// `authorize`, `login`, `consent` or `end-permission`.
    pub what: &'static str,
    /// The app.
    pub client: Option<String>,
    /// `Type/id` of who acts.
    pub subject: Option<String>,
    /// Why nothing came of it.
    pub refused: Option<&'static str>,
    /// Scopes that were granted, without what narrows them.
    pub granted: Vec<String>,
    /// Scopes that could have been, or no longer are.
    pub withheld: Vec<String>,
    /// Id of the Patient about whom an app may do nothing any more.
    pub ended: Option<Arc<str>>,
}

impl Event {
    pub(super) fn new(what: &'static str, client: Option<&str>) -> Self {
        let client = client.map(str::to_owned);
        let (granted, withheld) = (Vec::new(), Vec::new());
        let (subject, refused, ended) = (None, None, None);
        Self { what, client, subject, refused, granted, withheld, ended }
    }

    pub(super) fn refused(self, why: &'static str) -> Self {
        Self { refused: Some(why), ..self }
    }
}

/// Why a step of a page ends early.
pub(super) enum Stop {
    /// With this answer.
    Here(Box<Visited>),
    /// With a fault of ours, or too many tries.
    Failed(Error),
}

impl From<Error> for Stop {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

impl Stop {
    pub(super) fn page(response: Response<Bytes>) -> Self {
        Self::Here(Box::new(Visited { response, event: None }))
    }
}

pub(super) type Step = Result<Visited, Stop>;
