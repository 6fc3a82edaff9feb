//! The directory: organisations, services, professionals and places, public to any caller.
//!
//! Floor of the house. It belongs to no person and comes from configuration. It says two things that
//! decisions read: which organisation is part of which, and how sensitive a unit is. Source: design
//! of the HL7 Finland base profiles for identifiers; FHIR R4 for the resources.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::{
    domain::{class::Class, class::ClassSet, id::NodeCode},
    fhir::types::ResourceType,
    markup::escape,
};

/// A name in the three languages.
#[derive(Clone, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Name {
    /// Finnish.
    pub fi: String,
    /// Swedish.
    pub sv: String,
    /// English.
    pub en: String,
}

impl Name {
    /// The name in a language; Finnish where it is neither Swedish nor English.
    pub fn of(&self, language: &str) -> &str {
        match language.split('-').next() {
            Some("sv") => &self.sv,
            Some("en") => &self.en,
            _ => &self.fi,
        }
    }
}

/// A controller or one of its units.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Organization {
    /// `<node>.<lower-case letters and digits>`.
    pub id: String,
    /// Name.
    pub name: Name,
    /// `urn:oid:...`.
    pub oid: String,
    /// Id of the organisation it is part of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub part_of: Option<String>,
    /// Withheld classes that a mention of it carries.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sensitivity: Vec<Class>,
}

/// A service somebody can be given.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct HealthcareService {
    /// `<node>.<lower-case letters and digits>`.
    pub id: String,
    /// Name.
    pub name: Name,
    /// Id of the organisation that gives it.
    pub organization: String,
    /// Withheld classes beside those of its organisation.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sensitivity: Vec<Class>,
}

/// A professional.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Practitioner {
    /// `<node>.<lower-case letters and digits>`.
    pub id: String,
    /// Full name.
    pub name: String,
    /// Id of the organisation it works in.
    pub organization: String,
}

/// A place.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Location {
    /// `<node>.<lower-case letters and digits>`.
    pub id: String,
    /// Name.
    pub name: Name,
    /// Id of the organisation that is there.
    pub organization: String,
}

/// A county, for numbers of people: whose municipalities' gateways are these.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Area {
    /// Its code: 1 to 8 small letters and digits.
    pub code: String,
    /// Name.
    pub name: Name,
    /// Node codes of all its municipalities; none is in two areas.
    pub nodes: Vec<NodeCode>,
}

/// The file a directory is read from.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Listing {
    /// Controllers and units.
    pub organizations: Vec<Organization>,
    /// Services.
    pub services: Vec<HealthcareService>,
    /// Professionals.
    pub practitioners: Vec<Practitioner>,
    /// Places.
    pub locations: Vec<Location>,
    /// Counties.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub areas: Vec<Area>,
}

/// The checked directory.
#[derive(Debug, Default)]
pub struct Directory {
    listing: Listing,
    sensitivity: BTreeMap<String, ClassSet>,
    ancestors: BTreeMap<String, Vec<String>>,
}

impl Directory {
    /// Checks a listing; every mistake is named.
    ///
    /// # Errors
    /// One sentence per mistake: an id twice, an organisation that is not listed, a circle.
    pub fn new(listing: Listing) -> Result<Self, Vec<String>> {
        let mut faults = Vec::new();
        let by_id: BTreeMap<&str, &Organization> =
            listing.organizations.iter().map(|o| (o.id.as_str(), o)).collect();
        if by_id.len() < listing.organizations.len() {
            faults.push("directory: an organisation id stands twice".to_owned());
        }
        let mut sensitivity = BTreeMap::new();
        let mut ancestors = BTreeMap::new();
        for organization in &listing.organizations {
            let (mut chain, mut classes) = (Vec::new(), ClassSet::EMPTY);
            let mut at = Some(organization);
            while let Some(o) = at {
                if chain.contains(&o.oid) {
                    faults.push(format!("directory: {} is part of itself", organization.id));
                    break;
                }
                chain.push(o.oid.clone());
                classes = classes.union(o.sensitivity.iter().copied().collect());
                at = match &o.part_of {
                    None => None,
                    Some(parent) => {
                        let found = by_id.get(parent.as_str()).copied();
                        if found.is_none() {
                            faults.push(format!(
                                "directory: {} is part of {parent}, which is not listed",
                                o.id
                            ));
                        }
                        found
                    }
                };
            }
            sensitivity.insert(organization.id.clone(), classes);
            ancestors.insert(organization.oid.clone(), chain);
        }
        let others =
            (listing.services.iter().map(|s| (&s.id, &s.organization, s.sensitivity.as_slice())))
                .chain(listing.practitioners.iter().map(|p| (&p.id, &p.organization, &[][..])))
                .chain(listing.locations.iter().map(|l| (&l.id, &l.organization, &[][..])));
        for (id, organization, own) in others {
            match sensitivity.get(organization).copied() {
                Some(of_unit) => {
                    let classes = of_unit.union(own.iter().copied().collect());
                    if sensitivity.insert(id.clone(), classes).is_some() {
                        faults.push(format!("directory: id {id} stands twice"));
                    }
                }
                None => faults
                    .push(format!("directory: {id} names {organization}, which is not listed")),
            }
        }
        faults.extend(faults_of_areas(&listing.areas));
        if faults.is_empty() { Ok(Self { listing, sensitivity, ancestors }) } else { Err(faults) }
    }

    /// Withheld classes of a mention. What is not listed is taken as sensitive in every way, so a
    /// mistake in configuration hides and never shows.
    pub fn sensitivity(&self, id: &str) -> ClassSet {
        let all = [Class::MentalHealth, Class::SubstanceUse, Class::ChildProtection];
        self.sensitivity.get(id).copied().unwrap_or_else(|| all.into_iter().collect())
    }

    /// An organisation and those it is part of, by OID, the narrowest first.
    fn chain(&self, oid: &str) -> Vec<String> {
        self.ancestors.get(oid).cloned().unwrap_or_else(|| vec![oid.to_owned()])
    }

    /// The same by all their names: OIDs, and `Organization/id` of those that are listed.
    pub fn names(&self, oid: &str) -> Vec<Arc<str>> {
        let listed = |oid: &String| {
            let known = self.listing.organizations.iter().find(|known| known.oid == *oid);
            known.map(|known| Arc::from(format!("Organization/{}", known.id)))
        };
        let names = |oid: String| [Some(Arc::from(&*oid)), listed(&oid)].into_iter().flatten();
        self.chain(oid).into_iter().flat_map(names).collect()
    }

    /// The counties, as they are listed.
    pub fn areas(&self) -> &[Area] {
        &self.listing.areas
    }

    /// Is it listed?
    pub fn knows(&self, id: &str) -> bool {
        self.sensitivity.contains_key(id)
    }

    /// The OID of a listed organisation, by its id.
    pub fn oid(&self, id: &str) -> Option<&str> {
        self.listing.organizations.iter().find(|o| o.id == id).map(|o| o.oid.as_str())
    }

    /// Id of the organisation that gives a listed service.
    pub fn given_by(&self, service: &str) -> Option<&str> {
        let found = self.listing.services.iter().find(|s| s.id == service);
        found.map(|service| service.organization.as_str())
    }

    /// Id of the organisation in which a listed professional works.
    pub fn employer(&self, practitioner: &str) -> Option<&str> {
        let found = self.listing.practitioners.iter().find(|p| p.id == practitioner);
        found.map(|practitioner| practitioner.organization.as_str())
    }

    /// The names of a listed organisation, by its OID.
    pub fn organization(&self, oid: &str) -> Option<&Name> {
        self.listing.organizations.iter().find(|o| o.oid == oid).map(|o| &o.name)
    }

    /// The name of what has this id.
    pub fn name(&self, id: &str, language: &str) -> Option<&str> {
        let organizations = self.listing.organizations.iter().map(|o| (&o.id, &o.name));
        let services = self.listing.services.iter().map(|s| (&s.id, &s.name));
        let locations = self.listing.locations.iter().map(|l| (&l.id, &l.name));
        let named = organizations.chain(services).chain(locations).find(|(i, _)| *i == id);
        named.map(|(_, name)| name.of(language)).or_else(|| {
            self.listing.practitioners.iter().find(|p| p.id == id).map(|p| p.name.as_str())
        })
    }

    /// The resources of a type, without `meta`, in order of id.
    pub fn resources(&self, kind: ResourceType) -> Vec<Value> {
        let mut all: Vec<Value> = match kind {
            ResourceType::Organization => {
                self.listing.organizations.iter().map(organization).collect()
            }
            ResourceType::HealthcareService => self.listing.services.iter().map(service).collect(),
            ResourceType::Practitioner => {
                self.listing.practitioners.iter().map(practitioner).collect()
            }
            ResourceType::PractitionerRole => {
                self.listing.practitioners.iter().map(practitioner_role).collect()
            }
            ResourceType::Location => self.listing.locations.iter().map(location).collect(),
            ResourceType::AuditEvent
            | ResourceType::CarePlan
            | ResourceType::CareTeam
            | ResourceType::Consent
            | ResourceType::Goal
            | ResourceType::Observation
            | ResourceType::Patient
            | ResourceType::Provenance
            | ResourceType::Questionnaire
            | ResourceType::QuestionnaireResponse
            | ResourceType::RelatedPerson
            | ResourceType::ServiceRequest
            | ResourceType::Subscription
            | ResourceType::Task => Vec::new(),
        };
        all.sort_by(|a, b| a["id"].as_str().cmp(&b["id"].as_str()));
        all
    }
}

/// What is wrong with areas: who is counted in two could be worked out from their difference.
fn faults_of_areas(areas: &[Area]) -> Vec<String> {
    let mut faults = Vec::new();
    let (mut codes, mut nodes) = (BTreeSet::new(), BTreeSet::new());
    for Area { code, nodes: of_it, .. } in areas {
        if NodeCode::parse(code).is_none() {
            faults.push(format!("directory: area {code:?} is not 1 to 8 small letters and digits"));
        }
        if !codes.insert(code) {
            faults.push(format!("directory: area {code} stands twice"));
        }
        if of_it.is_empty() {
            faults.push(format!("directory: area {code} has no nodes"));
        }
        for node in of_it {
            if NodeCode::parse(node.as_str()).is_none() {
                faults
                    .push(format!("directory: area {code} names {node:?}, which is no node code"));
            }
            if !nodes.insert(node) {
                faults.push(format!("directory: node {node} stands twice in areas"));
            }
        }
    }
    faults
}

fn organization(of: &Organization) -> Value {
    let mut value = json!({
        "resourceType": "Organization", "id": of.id, "language": "fi", "text": text(&of.name.fi),
        "identifier": [{ "system": "urn:ietf:rfc:3986", "value": of.oid }],
        "active": true, "name": of.name.fi, "alias": [of.name.sv, of.name.en],
    });
    if let (Some(object), Some(parent)) = (value.as_object_mut(), &of.part_of) {
        object
            .insert("partOf".to_owned(), json!({ "reference": format!("Organization/{parent}") }));
    }
    value
}

fn service(of: &HealthcareService) -> Value {
    json!({
        "resourceType": "HealthcareService", "id": of.id, "language": "fi", "text": text(&of.name.fi),
        "active": true, "name": of.name.fi,
        "comment": format!("{} / {}", of.name.sv, of.name.en),
        "providedBy": { "reference": format!("Organization/{}", of.organization) },
    })
}

fn practitioner(of: &Practitioner) -> Value {
    json!({
        "resourceType": "Practitioner", "id": of.id, "language": "fi", "text": text(&of.name),
        "active": true, "name": [{ "text": of.name }],
    })
}

/// Id of the `PractitionerRole` of a listed professional.
pub fn role_of(practitioner: &str) -> String {
    format!("{practitioner}{ROLE}")
}

/// The professional of a `PractitionerRole`, by ids.
pub fn practitioner_of(role: &str) -> Option<&str> {
    role.strip_suffix(ROLE)
}

const ROLE: &str = ".role";

fn practitioner_role(of: &Practitioner) -> Value {
    json!({
        "resourceType": "PractitionerRole", "id": role_of(&of.id), "language": "fi",
        "text": text(&of.name), "active": true,
        "practitioner": { "reference": format!("Practitioner/{}", of.id) },
        "organization": { "reference": format!("Organization/{}", of.organization) },
    })
}

fn location(of: &Location) -> Value {
    json!({
        "resourceType": "Location", "id": of.id, "language": "fi", "text": text(&of.name.fi),
        "status": "active", "name": of.name.fi, "alias": [of.name.sv, of.name.en],
        "managingOrganization": { "reference": format!("Organization/{}", of.organization) },
    })
}

fn text(name: &str) -> Value {
    let name = escape(name);
    json!({
        "status": "generated",
        "div": format!("<div xmlns=\"http://www.w3.org/1999/xhtml\"><p>{name}</p></div>"),
    })
}
