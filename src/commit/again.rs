//! What the log tells of a Consent that was written, and writing it again after a restore.
//!
//! Part of `commit`, for `mylife restore` alone: what was withdrawn or forbidden after a snapshot is in
//! the log, in the record of the write. It must not be used to change what the store knows better.
//! Design 8.

use std::{borrow::Cow, sync::Arc};

use super::{Desk, commit, newest};
use crate::{
    audit::record::Written,
    error::{Error, Kind, Result},
    store::{Document, DocumentKind},
};

/// Commits a version of a Consent again that the log tells of and the store has not, with a record of
/// its own; `false` if the store has it.
///
/// # Errors
/// `Conflict` if versions before it are lacking too; `Unavailable`.
pub async fn write(
    desk: &Desk<'_>,
    patient: &Arc<str>,
    id: &str,
    written: &Written<'_>,
) -> Result<bool> {
    let stored = desk.local.store().load(patient).await?;
    let held = newest(stored.as_ref(), |document| *document.id == *id);
    if held.is_some_and(|held| held.version >= written.version) {
        return Ok(false);
    }
    if held.map_or(0, |held| held.version) + 1 != written.version {
        return Err(Error::new(
            Kind::Conflict,
            "The log lacks a version of a Consent before this.",
        ));
    }
    let document = Document {
        id: id.into(),
        kind: DocumentKind::Consent,
        owner: (&*written.owner).into(),
        local_id: (&*written.local_id).into(),
        version: written.version,
        recorded: desk.now,
        parts: written.parts.as_bytes().into(),
        body: written.body.as_bytes().into(),
    };
    commit(desk, patient, stored.as_ref(), None, vec![document]).await?;
    Ok(true)
}

/// What the record of a write holds of it: a Consent, which a restore must not forget.
pub(super) fn kept(document: &Document) -> Result<Option<Written<'_>>> {
    if document.kind != DocumentKind::Consent {
        return Ok(None);
    }
    let text = |bytes| std::str::from_utf8(bytes).map(Cow::from).map_err(Error::internal);
    Ok(Some(Written {
        version: document.version,
        owner: (&*document.owner).into(),
        local_id: (&*document.local_id).into(),
        parts: text(&document.parts)?,
        body: text(&document.body)?,
    }))
}
