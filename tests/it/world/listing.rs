//! Who works where: the directory of the demo's municipality, as configuration has it.

use mylife::{
    demo::directory::{MUNICIPALITIES, Names},
    directory::{HealthcareService, Listing, Location, Name, Organization, Practitioner},
    domain::words::DirectoryId,
};
use serde_json::json;

use super::CODES;

/// The directory of a municipality; of a portal the areas alone.
pub(crate) fn listing(code: &str) -> Listing {
    let Some(at) = MUNICIPALITIES.iter().find(|m| m.code == code) else {
        // What the portal adds up: one county of all of them.
        let name = json!({ "fi": "Maakunta", "sv": "Landskap", "en": "County" });
        let county = json!({ "code": "99", "name": name, "nodes": CODES[..3] });
        return serde_json::from_value(json!({ "areas": [county] })).unwrap();
    };
    let all = at.directory().unwrap();
    let name = |n: Names| Name { fi: n.fi.into(), sv: n.sv.into(), en: n.en.into() };
    let id = |id: &DirectoryId| id.as_str().to_owned();
    Listing {
        organizations: all
            .organizations
            .iter()
            .map(|o| Organization {
                id: id(&o.id),
                name: name(o.name),
                oid: format!("urn:oid:{}", o.oid),
                part_of: o.part_of.as_ref().map(id),
                sensitivity: o.class.into_iter().collect(),
            })
            .collect(),
        services: all
            .services
            .iter()
            .map(|s| HealthcareService {
                id: id(&s.id),
                name: name(s.name),
                organization: id(&s.organization),
                sensitivity: s.class.into_iter().collect(),
            })
            .collect(),
        practitioners: all
            .practitioners
            .iter()
            .map(|p| Practitioner {
                id: id(&p.id),
                name: format!("{} {}", p.given, p.family),
                organization: id(&p.organization),
            })
            .collect(),
        locations: vec![Location {
            id: format!("{code}.loc.youth"),
            name: serde_json::from_value(
                json!({ "fi": "Nuorten talo", "sv": "Ungdomshuset", "en": "Youth house" }),
            )
            .unwrap(),
            organization: format!("{code}.org.youth"),
        }],
        ..Listing::default()
    }
}
