//! What comes beside a Consent: the Provenance in `X-Provenance`, and who must send one.
//!
//! Part of the roads of writes. An officer writes down what a person said, so how it came to be is kept
//! with the Consent and can be read as the Provenance of it. Source: FHIR R4 provenance.html, the header.

use serde_json::{Map, Value};

use crate::{
    consent::profile::provenance,
    error::{Kind, Result},
    federation::ask::PROVENANCE,
    gateway::{Gateway, request::Asked},
    json,
    scope::Grant,
};

impl Gateway {
    /// The Provenance that comes with a Consent of `patient`, who is `Type/id` where that is known.
    ///
    /// # Errors
    /// `Unprocessable` for one that breaks a rule, and for an officer who sends none.
    pub(super) fn provenance(
        &self,
        asked: &Asked<'_>,
        grant: &Grant,
        patient: Option<&str>,
    ) -> Result<Option<Map<String, Value>>> {
        let writer = grant.caller().subject();
        let Some(header) = asked.headers.get(PROVENANCE) else {
            let for_another = writer.is_some_and(|writer| {
                patient != Some(writer) && !writer.starts_with("RelatedPerson/")
            });
            return if for_another { Err(provenance::missing()) } else { Ok(None) };
        };
        let body = json::parse(header.as_bytes(), &self.limits.document)
            .map_err(|error| error.at("Provenance"))?;
        self.fhir.demand(&provenance::targeted(&body), Kind::Unprocessable)?;
        provenance::check(&body, writer, asked.now).map(Some)
    }
}
