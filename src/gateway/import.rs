//! The road of Consents of other forms: narrow, commit, record, respond with what was narrowed.
//!
//! As the other roads of Consents, but what is kept is made by `consent::import`: it permits no more than
//! any reading of the text would, and says where it permits less. For systems and officers alone: who
//! gave it cannot be asked here.

use http::Response;

use crate::{
    chance::base32,
    commit::{self, Known},
    consent::{import, profile},
    digest::{hex, sha256},
    error::Result,
    gateway::{
        Gateway,
        accept::{FHIR_JSON, content_type},
        consent::{PATIENT, without_code},
        request::Asked,
    },
    json,
    listen::body::Body,
    respond,
    scope::Grant,
};

impl Gateway {
    /// `POST /fhir/Consent/$import`.
    pub(crate) async fn import_consent(
        &self,
        asked: &Asked<'_>,
        grant: &Grant,
    ) -> Result<Response<Body>> {
        content_type(asked.headers, FHIR_JSON)?;
        self.may_pass_on(grant)?;
        let body = json::parse(&asked.body, &self.limits.document)?;
        let import::Imported { consent, report } = import::taken(&body, &self.fhir, asked.now)?;
        let local = self.own()?;
        let (patient, identity) =
            self.meant(asked, grant, local, &profile::patient(&body)?, PATIENT).await?;
        let kept = without_code(&consent, patient.as_deref());
        let first = profile::identifiers(&body)?.into_iter().next();
        // Sent again it is the next version; without a name of its own it is another one.
        let (own, is_named) = match first {
            Some(one) => {
                let hex = hex(&sha256(format!("{}|{}", one.system, one.value).as_bytes()));
                (format!("import:{}", hex.get(..32).unwrap_or(&hex)), true)
            }
            None => (format!("import:{}", base32(&*self.chance, 26)), false),
        };
        let request = asked.request_alone();
        let desk = self.desk(local, grant, &request, asked);
        let is_active = body.get("status").is_some_and(|status| status == "active");
        let consent = commit::Consent {
            known: if is_named { Known::Uuid(&own) } else { Known::New(&own) },
            body: &kept,
            written: asked.now,
            provenance: self.provenance(asked, grant, None)?,
            loosens: is_active,
        };
        let written = commit::consent(&desk, patient, identity, |_| true, &consent).await?;
        // It may forbid something from now on.
        self.nothing_earlier_starts(local, &written.patient, None).await;
        let mut issues = vec![("information", "informational", SAY.to_owned(), None)];
        issues.extend(report.into_iter().map(|one| {
            let say = format!("{}; kept: {}", one.said, one.kept);
            ("warning", "incomplete", say, Some(one.path))
        }));
        Ok(self
            .acknowledged(asked, &written)
            .map(|_| Body::free(respond::issues(&issues).to_string())))
    }
}

const SAY: &str = "The consent is in force as far as it can be told; each narrowing follows.";
