//! `sandbox.json`: the whole demo described, for tests and for an integrator's scripts.
//!
//! Beside the way of a request. Private keys are named by their path, never written into it; the
//! people in it are nobody.

use std::{fs, path::Path};

use serde_json::{Map, Value, json};

use crate::{
    demo::{
        apps::{APPS, App},
        clients::DemoClient,
        loading::Resident,
        nodes::Running,
        receiver,
    },
    domain::identity::SYSTEM as IDENTITY,
    domain::words::Words,
    error::{Error, Result},
};

/// Writes `ca.pem` and `sandbox.json` into the demo's directory.
///
/// # Errors
/// `Unavailable` if they cannot be written.
pub fn write(
    dir: &Path,
    running: &Running,
    clients: &[DemoClient],
    residents: &[Resident],
) -> Result<()> {
    let nodes: Map<String, Value> = running
        .nodes
        .iter()
        .map(|node| {
            let described = json!({
                "code": node.code,
                "organization": node.organization,
                "fhir": node.fhir(),
                "native": format!("{}/native", node.url),
                "issuer": node.url,
                "token_endpoint": node.token_endpoint(),
                "management": node.management,
            });
            (node.slug.to_owned(), described)
        })
        .collect();
    let clients: Map<String, Value> =
        clients.iter().map(|client| (client.id.clone(), client.listed())).collect();
    let people = residents.iter().map(person).collect::<Result<Vec<_>>>()?;
    let whole = json!({
        "ca": "ca.pem",
        "nodes": nodes,
        "clients": clients,
        "apps": APPS.iter().map(App::listed).collect::<Map<String, Value>>(),
        "people": people,
        "receiver": { "url": running.told.url(), "file": receiver::FILE },
    });
    let text = serde_json::to_string_pretty(&whole).map_err(Error::internal)?;
    fs::write(dir.join("sandbox.json"), text).map_err(Error::unavailable)
}

fn person(of: &Resident) -> Result<Value> {
    let person = of.person()?;
    let given: Vec<&str> = person.name.given.iter().map(Words::as_str).collect();
    let records: Vec<Value> = of
        .records
        .iter()
        .map(|record| {
            json!({
                "node": record.node,
                "patient": format!("Patient/{}", record.patient),
                "documents": record.documents,
            })
        })
        .collect();
    Ok(json!({
        "name": format!("{} {}", given.join(" "), person.name.family.as_str()),
        "birth_date": person.birth_date.map(|day| day.to_string()),
        // Absent outside the holding controller, whatever was granted.
        "non_disclosure": person.non_disclosure,
        "identifier": { "system": IDENTITY, "value": of.code()? },
        "records": records,
        "grants": of.grants,
        "prohibitions": of.prohibitions,
    }))
}
