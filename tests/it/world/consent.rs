//! What a person consents to, in the strict form a gateway accepts.

use mylife::{chance::Chance, domain::theme::Theme};
use serde_json::{Value, json};

use super::{Actor, Node};

const TERMINOLOGY: &str = "http://terminology.hl7.org/CodeSystem";
const OURS: &str = "https://mylife.example/fhir/CodeSystem";

/// A grant or a prohibition.
#[derive(Clone)]
pub(crate) struct Terms {
    kind: &'static str,
    to: Option<String>,
    labels: Vec<Value>,
    period: Value,
    purpose: &'static str,
}

impl Terms {
    pub(crate) fn grant(to: &Actor) -> Self {
        Self::grant_to(&to.organization)
    }

    /// Grants to an organisation.
    pub(crate) fn grant_to(organization: &str) -> Self {
        Self { kind: "grant", ..Self::prohibition_of(organization) }
    }

    /// Forbids to one.
    pub(crate) fn prohibition(to: &Actor) -> Self {
        Self { kind: "prohibition", ..Self::grant(to) }
    }

    /// Forbids to an organisation.
    pub(crate) fn prohibition_of(organization: &str) -> Self {
        let to = Some(organization.to_owned());
        let (labels, period) = (Vec::new(), json!({}));
        Self { kind: "prohibition", to, labels, period, purpose: "TREAT" }
    }

    pub(crate) fn themes(mut self, themes: &[Theme]) -> Self {
        let labels =
            themes.iter().map(|t| json!({ "system": format!("{OURS}/theme"), "code": t.code() }));
        self.labels.extend(labels);
        self
    }

    /// A withheld class by name.
    pub(crate) fn class(mut self, class: &str) -> Self {
        self.labels.push(json!({ "system": format!("{OURS}/class"), "code": class }));
        self
    }

    pub(crate) fn from(mut self, at: &str) -> Self {
        self.period["start"] = json!(at);
        self
    }

    pub(crate) fn until(mut self, at: &str) -> Self {
        self.period["end"] = json!(at);
        self
    }

    /// Grants for another purpose.
    pub(crate) fn purpose(self, purpose: &'static str) -> Self {
        Self { purpose, ..self }
    }

    /// A writer's uuid.
    pub(crate) fn uuid(&self, node: &Node) -> String {
        let mut bytes = [0; 16];
        node.world.chance.fill(&mut bytes);
        let hex: String = bytes.iter().map(|b| format!("{b:02x}")).collect();
        let (a, b) = (hex.split_at(8), hex.split_at(12).1);
        format!("urn:uuid:{}-{}-{}-{}-{}", a.0, &a.1[..4], &b[..4], &b[4..8], &b[8..])
    }

    /// The Consent.
    pub(crate) fn consent(&self, patient: &Value, uuid: &str, status: &str) -> Value {
        let mut rule = json!({});
        if !self.labels.is_empty() {
            rule["securityLabel"] = json!(self.labels);
        }
        if let Some(to) = &self.to {
            let role = json!({ "coding": [{
                "system": format!("{TERMINOLOGY}/v3-ParticipationType"), "code": "IRCP" }] });
            let identifier = json!({ "system": "urn:ietf:rfc:3986", "value": to });
            rule["actor"] = json!([{ "role": role, "reference": { "identifier": identifier } }]);
        }
        if self.period != json!({}) {
            rule["period"] = self.period.clone();
        }
        let provision = if self.kind == "grant" {
            rule["type"] = json!("permit");
            rule["purpose"] =
                json!([{ "system": format!("{TERMINOLOGY}/v3-ActReason"), "code": self.purpose }]);
            json!({ "type": "deny", "provision": [rule] })
        } else {
            rule["type"] = json!("deny");
            rule
        };
        json!({
            "resourceType": "Consent",
            "identifier": [{ "system": "urn:ietf:rfc:3986", "value": uuid }],
            "status": status,
            "scope": { "coding": [
                { "system": format!("{TERMINOLOGY}/consentscope"), "code": "patient-privacy" }] },
            "category": [{ "coding": [{ "system": "urn:mylife:consent-kind", "code": self.kind }] }],
            "patient": patient,
            "dateTime": "2026-03-02",
            "performer": [patient],
            "policy": [{ "uri": "urn:mylife:policy:1" }],
            "provision": provision,
        })
    }
}
