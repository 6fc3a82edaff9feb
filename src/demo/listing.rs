//! The demo's directory in the form a gateway reads.
//!
//! Beside the way of a request: the bridge from [`super::directory`] to [`crate::directory`].

use crate::{
    demo::directory::{MUNICIPALITIES, Municipality, Names, PORTAL_OID},
    directory::{Area, HealthcareService, Listing, Name, Organization, Practitioner},
    domain::id::NodeCode,
    error::{Error, Result},
};

/// The listing of a node: a municipality's units and services, or the portal alone.
///
/// # Errors
/// `Internal` if the demo's directory is broken.
pub fn of(slug: &str) -> Result<Listing> {
    let Some(municipality) = MUNICIPALITIES.iter().find(|m| m.slug == slug) else {
        return Ok(portal());
    };
    let all = municipality
        .directory()
        .ok_or_else(|| Error::internal("an id of the demo's directory is none"))?;
    let organizations = all.organizations.into_iter().map(|o| Organization {
        id: o.id.to_string(),
        name: name(o.name),
        oid: format!("urn:oid:{}", o.oid),
        part_of: o.part_of.map(|id| id.to_string()),
        sensitivity: o.class.into_iter().collect(),
    });
    let services = all.services.into_iter().map(|s| HealthcareService {
        id: s.id.to_string(),
        name: name(s.name),
        organization: s.organization.to_string(),
        sensitivity: s.class.into_iter().collect(),
    });
    let practitioners = all.practitioners.into_iter().map(|p| Practitioner {
        id: p.id.to_string(),
        name: format!("{} {}", p.given, p.family),
        organization: p.organization.to_string(),
    });
    Ok(Listing {
        organizations: organizations.collect(),
        services: services.collect(),
        practitioners: practitioners.collect(),
        locations: Vec::new(),
        areas: Vec::new(),
    })
}

fn portal() -> Listing {
    let names = Names { fi: "Kansallinen portaali", sv: "Nationell portal", en: "National portal" };
    let organization = Organization {
        id: "portal.org.portal".to_owned(),
        name: name(names),
        oid: format!("urn:oid:{PORTAL_OID}"),
        part_of: None,
        sensitivity: Vec::new(),
    };
    Listing { organizations: vec![organization], areas: areas(), ..Listing::default() }
}

/// The county of each municipality; of no other is anybody a peer here.
fn areas() -> Vec<Area> {
    let area = |of: &Municipality| {
        let nodes = NodeCode::parse(of.code).into_iter().collect();
        Area { code: of.county_code.to_owned(), name: name(of.county), nodes }
    };
    MUNICIPALITIES.iter().map(area).collect()
}

fn name(of: Names) -> Name {
    Name { fi: of.fi.to_owned(), sv: of.sv.to_owned(), en: of.en.to_owned() }
}
