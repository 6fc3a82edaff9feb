//! The road of several documents of another form in one body: each goes the way of one that is pushed alone.
//!
//! Each is made native, judged, committed and recorded by itself, and has an outcome of its own, so one that
//! is refused costs the others nothing. Who sends them again, after whatever went wrong, sends the same
//! documents by the same ids.

use std::sync::Arc;

use http::{Response, StatusCode};
use serde_json::{Value, json};

use super::unread;
use crate::{
    commit::{self, Written},
    error::{Error, Kind, Result},
    gateway::{Gateway, request::Asked},
    listen::body::Body,
    native::{NativeKind, foreign::Filter},
    respond,
    scope::Grant,
};

/// Most documents of one body.
const MOST: usize = 1000;

impl Gateway {
    /// `POST /native/{kind}`.
    pub(crate) async fn push_several(
        &self,
        asked: &mut Asked<'_>,
        grant: &Grant,
        kind: NativeKind,
    ) -> Result<Response<Body>> {
        let client = grant.caller().client_id();
        let filter = self.conversions.meant(client, asked.headers, kind).ok_or_else(unread)?;
        let all = filter.form.documents(&asked.body, MOST)?;
        if all.len() > MOST {
            let say = format!("At most {MOST} documents are taken at a time; send fewer.");
            return Err(Error::new(Kind::TooCostly, say));
        }
        let mut rows = Vec::with_capacity(all.len());
        for (line, document) in all {
            let row = match self.push_made(asked, grant, filter, document).await {
                Ok(written) => told(line, &written),
                Err(error) => {
                    let shape = error.kind().shape();
                    self.inside.refused(shape.status);
                    self.record_refused(asked, Some(grant), false, &error).await?;
                    let outcome = respond::outcome(&error);
                    json!({ "line": line, "status": shape.status, "outcome": outcome })
                }
            };
            rows.push(row);
        }
        Ok(respond::written(StatusCode::OK, &json!({ "documents": rows }), &asked.request_id))
    }

    async fn push_made(
        &self,
        asked: &mut Asked<'_>,
        grant: &Grant,
        filter: &Arc<Filter>,
        document: Vec<u8>,
    ) -> Result<Written> {
        if self.authenticator.is_revoked(grant.caller()) {
            // One body may take long, and what it says is not yet the sender's to say.
            return Err(Error::new(Kind::InvalidToken, "The token was revoked."));
        }
        let source = self.own()?;
        let document = self.converted(asked, filter, document).await?;
        let request = asked.request_alone();
        commit::native(&self.desk(source, grant, &request, asked), &document).await
    }
}

fn told(line: u64, written: &Written) -> Value {
    let mut row = written.told();
    row.insert("line".to_owned(), line.into());
    row.insert("status".to_owned(), if written.created { 201 } else { 200 }.into());
    row.into()
}
