//! A `ServiceRequest`, as a service of the plan: planned until it is decided upon.
//!
//! Part of `planned`. Source: FHIR R4 servicerequest.html.

use serde_json::Value;

use super::{Reader, placed};
use crate::{
    domain::{
        plan::{Plan, Quantity, Service, ServiceState},
        words::{DirectoryId, LocalId},
    },
    json::{list, text},
    mapping::text::SERVICE,
};

impl Reader<'_> {
    pub(super) fn request(&mut self, plan: &mut Plan, id: &LocalId) -> Option<()> {
        let codings = self.pointed("/code").map_or(&[][..], |code| list(code, "coding"));
        let of_ours = codings.iter().find(|coding| text(coding, "system") == Some(SERVICE));
        let service = of_ours.and_then(|coding| DirectoryId::parse(text(coding, "code")?));
        let say = "must be a service of the directory: the id of a HealthcareService";
        let service = self.told(service, "code", say);
        let state = match (self.text("status"), self.text("intent")) {
            (Some("active"), Some("plan")) => Some(ServiceState::Planned),
            (Some("active"), Some("order")) => Some(ServiceState::Granted),
            (Some("completed"), Some("order")) => Some(ServiceState::Ended),
            (_, _) => None,
        };
        let say = "must be active with intent plan (planned) or order (granted), or completed with order (ended)";
        let state = self.told(state, "status", say);
        let next = Service {
            id: id.clone(),
            identifier: self.identifier(),
            service: service?,
            themes: self.themes(list(self.resource, "category"), "category"),
            state: state?,
            decided: self.day("/authoredOn", "authoredOn"),
            period: self.period("/occurrencePeriod", "occurrence"),
            quantity: self.quantity(),
            note: self.words("/note/0/text", "note[0].text"),
        };
        placed(&mut plan.services, |service| service.id == *id, next);
        Some(())
    }

    fn quantity(&mut self) -> Option<Quantity> {
        self.pointed("/quantityQuantity")?;
        let value = self.pointed("/quantityQuantity/value").and_then(Value::as_u64);
        let value = value.and_then(|value| u32::try_from(value).ok());
        let value = self.told(value, "quantity", "must be a whole number of something");
        let unit = self.words("/quantityQuantity/unit", "quantity");
        let unit = self.told(unit, "quantity", "must say of what, in unit");
        Some(Quantity { value: value?, unit: unit? })
    }
}
