//! The receipt of a Consent for the citizen: what was agreed to, by whom, for whom, and what became of it.
//!
//! Part of `bundle`. Made from the released bytes alone, with the fields of a consent record by ISO/IEC TS
//! 27560:2023. It adds nothing that a reader of the Consent and of its history could not read there.

use std::time::Duration;

use serde_json::{Value, json};

use super::{Answer, disclosure, said};
use crate::{
    bundle::Frame,
    consent::rule::{coding, codings},
    domain::moment::Moment,
    error::{Error, Result},
    fhir::labels,
    json::list,
    query::history::Asked,
    search::{Hit, history::History},
    unit::label,
};

/// The schema a receipt follows.
const SCHEMA: &str = "ISO/IEC TS 27560:2023";

/// The receipt of a Consent that the reader sees, with what became of it.
///
/// # Errors
/// `Internal` if what was released is no JSON.
pub fn receipt(
    hit: &Hit,
    history: History,
    controller: &str,
    frame: &Frame<'_>,
    known_current: Duration,
) -> Result<Answer> {
    let written = hit.view.written(&hit.resource, &hit.sight, frame.sealer);
    let consent: Value = serde_json::from_slice(&written.text).map_err(Error::internal)?;
    let rules = match consent.pointer("/provision/provision").and_then(Value::as_array) {
        Some(rules) => rules.iter().map(purpose).collect(),
        None => consent.get("provision").map(purpose).into_iter().collect::<Vec<_>>(),
    };
    let id = &hit.resource.id;
    let base = frame.base;
    let receipt = json!({
        "schema_version": SCHEMA,
        "record_id": format!("{base}/Consent/{id}"),
        "identifiers": consent.get("identifier"),
        "pii_principal_id": consent.pointer("/patient/reference"),
        "pii_controllers": [{ "id": controller, "node": frame.node.as_str() }],
        "given_by": consent.get("performer"),
        "consent_type": kind(&consent),
        "privacy_notice": list(&consent, "policy").first().and_then(|policy| policy.get("uri")),
        "language": consent.get("language"),
        "jurisdiction": "FI",
        "purposes": rules,
        "withdrawal_method": {
            "method": "PUT",
            "address": format!("{base}/Consent/{id}"),
            "how": "Send the Consent with status inactive and If-Match; it ends within two seconds.",
        },
        "state": consent.get("status"),
        "events": events(history),
    });
    Ok(said::of_people(&receipt, vec![disclosure(hit, frame.node)], known_current))
}

/// Grant, prohibition, or of another form.
fn kind(consent: &Value) -> &str {
    let categories = list(consent, "category").iter().flat_map(codings);
    let mut own = categories.filter_map(|one| match coding(one) {
        (Some(label::CONSENT_KIND), Some(code)) => Some(code),
        (_, _) => None,
    });
    own.next().unwrap_or("imported")
}

/// One rule: what for, of what, to whom, until when; and what is excepted.
fn purpose(rule: &Value) -> Value {
    let of_system = |system: &str| -> Vec<&Value> {
        let all = list(rule, "securityLabel").iter();
        let of = all.filter(|one| coding(one).0 == Some(system));
        of.filter_map(|one| one.get("code")).collect()
    };
    let recipients: Vec<&Value> =
        list(rule, "actor").iter().filter_map(|actor| actor.get("reference")).collect();
    let codes = |name| -> Vec<&Value> {
        list(rule, name).iter().filter_map(|one| one.get("code")).collect()
    };
    json!({
        "type": rule.get("type"),
        "purpose": codes("purpose"),
        "personal_data": {
            "categories": of_system(labels::THEME),
            "special_categories": of_system(labels::CLASS),
            "resource_types": codes("class"),
        },
        "recipients": recipients,
        "validity": rule.get("period"),
        "exceptions": list(rule, "provision").iter().map(purpose).collect::<Vec<_>>(),
    })
}

/// What became of it, oldest first.
fn events(history: History) -> Vec<Value> {
    let mut versions = history.find(&Asked::everything());
    versions.reverse();
    let mut before: Option<String> = None;
    let mut all = Vec::new();
    for version in versions {
        let Some(written) = &version.written else { continue };
        let status = serde_json::from_slice::<Value>(&written.text).ok();
        let status = status.and_then(|v| v.get("status")?.as_str().map(str::to_owned));
        let status = status.unwrap_or_default();
        all.push(event(version.at, &status, before.as_deref(), version.version()));
        before = Some(status);
    }
    all
}

fn event(at: Moment, status: &str, before: Option<&str>, version: Option<&str>) -> Value {
    let what = match (before, status) {
        (None | Some("draft" | "proposed"), "active") => "given",
        (_, "active") if before != Some("active") => "renewed",
        (_, "active") => "changed",
        (_, "inactive" | "entered-in-error") => "withdrawn",
        (_, _) => "recorded",
    };
    json!({ "event_time": at.to_string(), "event_type": what, "state": status, "version": version })
}
