//! The demo's OAuth clients: who asks, for which organisation, for what and where.
//!
//! Beside the way of a request. Each has a key of its own on P-384, made anew in every demo, and is
//! the same client at every node that lists it. Purposes are codes of HL7 v3 `ActReason`.

use std::{fs, path::Path};

use serde_json::{Value, json};

use crate::{
    authenticate::{
        jose::{
            key::Algorithm,
            sign::{self, Signer},
        },
        registry::ClientEntry,
    },
    demo::directory::{MUNICIPALITIES, PORTAL_OID},
    error::{Error, Result},
    gateway::open::jwks,
    pki,
};

/// The national portal: pulls survey results, is told of them, and hands them in.
pub const PORTAL: &str = "national-portal";
/// The regional service of North Savo: queries plans.
pub const COUNTY: &str = "north-savo";
/// Somebody who tries things out; no person has granted anything to them.
pub const INTEGRATOR: &str = "integrator";
/// Has people counted, who permit it for that.
pub const STATISTICS: &str = "statistics-office";
/// Writes every consent.
pub const DESK: &str = "consent-desk";

/// The portal answers what the person asked for; the county coordinates care.
const PORTAL_PURPOSE: &str = "PATRQT";
const COUNTY_PURPOSE: &str = "CAREMGT";
/// The one purpose for which people are counted.
const STATISTICS_PURPOSE: &str = "HOUTCOMS";

/// OID of the integrator's organisation.
const INTEGRATOR_OID: &str = "1.2.246.10.99909010";
/// OID of the office that answers for outcomes.
const STATISTICS_OID: &str = "1.2.246.10.99909011";

const PORTAL_SCOPE: &str = "system/QuestionnaireResponse.crs system/Observation.rs \
                            system/Subscription.cruds system/Patient.rs system/Questionnaire.rs system/Organization.rs";
const COUNTY_SCOPE: &str = "system/Subscription.cruds system/CarePlan.rs system/Goal.rs system/ServiceRequest.rs \
                            system/Task.rs system/CareTeam.rs system/Patient.rs \
                            system/HealthcareService.rs system/Organization.rs \
                            system/Practitioner.rs";

/// One client.
pub struct DemoClient {
    /// Its name in OAuth.
    pub id: String,
    /// For people.
    pub name: String,
    /// `urn:oid:...`.
    pub organization: String,
    /// Scopes, separated by spaces.
    pub scope: &'static str,
    /// Its one purpose.
    pub purpose: &'static str,
    /// Slugs of the nodes that know it.
    pub nodes: Vec<&'static str>,
    /// Its private key.
    pub signer: Signer,
}

impl DemoClient {
    fn new(
        id: String,
        name: String,
        oid: &str,
        nodes: Vec<&'static str>,
        dir: &Path,
    ) -> Result<Self> {
        let jwk = sign::throw_away(Algorithm::Es384)?;
        let keys = dir.join("keys");
        fs::create_dir_all(&keys).map_err(Error::unavailable)?;
        pki::write_secret(&keys.join(format!("{id}.jwk")), jwk.as_bytes())
            .map_err(Error::unavailable)?;
        let (scope, purpose) = match id.as_str() {
            PORTAL => (PORTAL_SCOPE, PORTAL_PURPOSE),
            COUNTY => (COUNTY_SCOPE, COUNTY_PURPOSE),
            INTEGRATOR => ("system/*.rs", COUNTY_PURPOSE),
            STATISTICS => ("system/Observation.rs system/Patient.rs", STATISTICS_PURPOSE),
            DESK => ("system/Consent.cruds", "PATADMIN"),
            _ => ("mylife/native.write", "RECORDMGT"),
        };
        let (organization, signer) = (format!("urn:oid:{oid}"), Signer::from_jwk(&jwk)?);
        Ok(Self { id, name, organization, scope, purpose, nodes, signer })
    }

    /// Where its private key lies, below the demo's directory.
    pub fn key(&self) -> String {
        format!("keys/{}.jwk", self.id)
    }

    /// As a node's configuration has it.
    pub fn entry(&self) -> ClientEntry {
        ClientEntry {
            client_id: self.id.clone(),
            name: self.name.clone(),
            organization: self.organization.clone(),
            jwks: Some(jwks(&self.signer)),
            scopes: self.scope.split_whitespace().map(str::to_owned).collect(),
            purposes: vec![self.purpose.to_owned()],
            native_owner: self.scope == "mylife/native.write",
            ..ClientEntry::default()
        }
    }

    /// As `sandbox.json` has it.
    pub fn listed(&self) -> Value {
        json!({
            "client_id": self.id,
            "organization": self.organization,
            "key": self.key(),
            "kid": self.signer.kid(),
            "alg": self.signer.algorithm(),
            "scope": self.scope,
            "purpose": self.purpose,
            "nodes": self.nodes,
        })
    }
}

/// Makes all clients, and writes their keys.
///
/// # Errors
/// `Unavailable` if a key cannot be written.
pub fn clients(dir: &Path) -> Result<Vec<DemoClient>> {
    let everywhere: Vec<&'static str> =
        ["portal"].into_iter().chain(MUNICIPALITIES.iter().map(|m| m.slug)).collect();
    let county = MUNICIPALITIES.first().map_or("", |m| m.county_oid);
    let mut all = Vec::new();
    for (id, name, oid) in [
        (PORTAL, "National portal", PORTAL_OID),
        (COUNTY, "North Savo wellbeing services county", county),
        (INTEGRATOR, "An integrator", INTEGRATOR_OID),
        (STATISTICS, "Statistics office", STATISTICS_OID),
        (DESK, "Consent desk", PORTAL_OID),
    ] {
        let (id, name) = (id.to_owned(), name.to_owned());
        all.push(DemoClient::new(id, name, oid, everywhere.clone(), dir)?);
    }
    for at in &MUNICIPALITIES {
        let (id, name) = (source(at.slug), format!("My Life system of {}", at.name.en));
        all.push(DemoClient::new(id, name, at.oid, vec![at.slug], dir)?);
    }
    Ok(all)
}

/// The client that pushes a municipality's documents.
pub fn source(slug: &str) -> String {
    format!("{slug}-source")
}

/// The client of a name.
///
/// # Errors
/// `Internal` if there is none.
pub fn client<'a>(all: &'a [DemoClient], id: &str) -> Result<&'a DemoClient> {
    all.iter().find(|c| c.id == id).ok_or_else(|| Error::internal("the demo lacks a client"))
}
