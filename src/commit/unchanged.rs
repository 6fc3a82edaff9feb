//! The record of a write that changes nothing.
//!
//! Part of `commit`. Whoever writes what is there already learns that it is there, so that is written down
//! before it is acknowledged, as a change would be; but there is no transaction to which it belongs. Design
//! 3.5.

use std::sync::Arc;

use super::{Desk, content::resource_name};
use crate::{
    audit::{frame::AuditKey, record::Interaction, review, step},
    error::Result,
    store::{Document, Stored},
};

/// Writes down that a document was written as it is.
pub(super) async fn record_document(
    desk: &Desk<'_>,
    stored: Option<&Stored>,
    same: &Document,
) -> Result<()> {
    let Some(stored) = stored else { return Ok(()) };
    let name = format!("{}/{}", resource_name(same.kind), same.id);
    record(desk, (&stored.patient, stored.audit_key), (&name, Interaction::Update)).await
}

/// Writes down what somebody's data is told of to its writer, and that it stays as it is.
///
/// # Errors
/// `Unavailable` when the log cannot be written; then nothing may be acknowledged.
pub async fn record(
    desk: &Desk<'_>,
    (patient, key): (&Arc<str>, [u8; 32]),
    (name, deed): (&str, Interaction),
) -> Result<()> {
    let what = (&[name][..], None);
    let payload = step::of_write(desk.author, desk.request, patient, what, deed, desk.now)?;
    review::mark_write(desk.log, desk.author, patient, desk.request, desk.now).await?;
    desk.log.append(&AuditKey::new(Arc::clone(patient), key), &payload).await?;
    Ok(())
}
