//! The directory of the demo: three municipalities, their counties, units, services, professionals.
//!
//! Beside the way of a request. Municipality and county codes: Statistics Finland, `kunta_1_20230101`
//! and `hyvinvointialue_1_20211013`. OIDs follow `1.2.246.10.<business id>` (HL7 Finland base
//! profiles); the business ids (99...) belong to nobody.

use crate::domain::{class::Class, words::DirectoryId};

/// One text in Finnish, Swedish and English.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Names {
    /// Finnish.
    pub fi: &'static str,
    /// Swedish.
    pub sv: &'static str,
    /// English.
    pub en: &'static str,
}

/// A municipality of the demo and the county it lies in.
#[derive(Clone, Copy, Debug)]
pub struct Municipality {
    /// Municipality code, and code of its node.
    pub code: &'static str,
    /// Short name for people, files and configuration.
    pub slug: &'static str,
    /// Its name.
    pub name: Names,
    /// Its OID.
    pub oid: &'static str,
    /// Code of the county.
    pub county_code: &'static str,
    /// Name of the county.
    pub county: Names,
    /// OID of the county.
    pub county_oid: &'static str,
}

/// The three municipalities.
pub const MUNICIPALITIES: [Municipality; 3] = [
    Municipality {
        code: "297",
        slug: "kuopio",
        name: Names { fi: "Kuopio", sv: "Kuopio", en: "Kuopio" },
        oid: "1.2.246.10.99902978",
        county_code: "13",
        county: Names {
            fi: "Pohjois-Savon hyvinvointialue",
            sv: "Norra Savolax välfärdsområde",
            en: "North Savo wellbeing services county",
        },
        county_oid: "1.2.246.10.99900139",
    },
    Municipality {
        code: "205",
        slug: "kajaani",
        name: Names { fi: "Kajaani", sv: "Kajana", en: "Kajaani" },
        oid: "1.2.246.10.99902054",
        county_code: "20",
        county: Names {
            fi: "Kainuun hyvinvointialue",
            sv: "Kajanalands välfärdsområde",
            en: "Kainuu wellbeing services county",
        },
        county_oid: "1.2.246.10.99900200",
    },
    Municipality {
        code: "049",
        slug: "espoo",
        name: Names { fi: "Espoo", sv: "Esbo", en: "Espoo" },
        oid: "1.2.246.10.99900497",
        county_code: "03",
        county: Names {
            fi: "Länsi-Uudenmaan hyvinvointialue",
            sv: "Västra Nylands välfärdsområde",
            en: "West Uusimaa wellbeing services county",
        },
        county_oid: "1.2.246.10.99900032",
    },
];

/// OID of the organisation that runs the demo's national portal.
pub const PORTAL_OID: &str = "1.2.246.10.99909002";

/// A kind of unit that every municipality of the demo has.
#[derive(Clone, Copy, Debug)]
pub struct Field {
    /// The word in ids.
    pub code: &'static str,
    /// Its name.
    pub name: Names,
    /// The withheld class that every mention of the unit carries.
    pub class: Option<Class>,
    /// The register its documents belong to, and its service task.
    pub register: &'static str,
    /// Does the county run it? Else the municipality does.
    pub of_county: bool,
    /// Its two professionals, given and family name; invented.
    pub staff: [(&'static str, &'static str); 2],
}

/// Youth services.
pub const YOUTH: Field = Field {
    code: "youth",
    name: Names { fi: "Nuorisopalvelut", sv: "Ungdomstjänster", en: "Youth services" },
    class: None,
    register: "youth-services",
    of_county: false,
    staff: [("Leena", "Kettunen"), ("Jari", "Oksanen")],
};

/// Social welfare.
pub const SOCIAL: Field = Field {
    code: "social",
    name: Names { fi: "Sosiaalihuolto", sv: "Socialvård", en: "Social welfare" },
    class: None,
    register: "social-welfare",
    of_county: true,
    staff: [("Marja", "Lehtola"), ("Petri", "Saarela")],
};

/// Student health care.
pub const STUDENT: Field = Field {
    code: "student",
    name: Names {
        fi: "Opiskeluterveydenhuolto",
        sv: "Studerandehälsovård",
        en: "Student health care",
    },
    class: None,
    register: "health-care",
    of_county: true,
    staff: [("Sanna", "Ahola"), ("Ulla", "Westerholm")],
};

/// Substance abuse care.
pub const SUBSTANCE: Field = Field {
    code: "substance",
    name: Names { fi: "Päihdepalvelut", sv: "Missbrukarvård", en: "Substance abuse care" },
    class: Some(Class::SubstanceUse),
    register: "social-welfare",
    of_county: true,
    staff: [("Risto", "Kangasniemi"), ("Katri", "Sundell")],
};

/// Psychiatry.
pub const PSYCHIATRY: Field = Field {
    code: "psychiatry",
    name: Names { fi: "Psykiatria", sv: "Psykiatri", en: "Psychiatry" },
    class: Some(Class::MentalHealth),
    register: "health-care",
    of_county: true,
    staff: [("Anneli", "Vuorela"), ("Mats", "Lindqvist")],
};

/// Child protection.
pub const CHILD: Field = Field {
    code: "child",
    name: Names { fi: "Lastensuojelu", sv: "Barnskydd", en: "Child protection" },
    class: Some(Class::ChildProtection),
    register: "social-welfare",
    of_county: true,
    staff: [("Outi", "Raitala"), ("Henrik", "Bergman")],
};

/// All kinds of units.
pub const FIELDS: [Field; 6] = [YOUTH, SOCIAL, STUDENT, SUBSTANCE, PSYCHIATRY, CHILD];

/// An entry of the directory that is an Organization.
#[derive(Clone, Debug)]
pub struct Organization {
    /// Its id.
    pub id: DirectoryId,
    /// Its OID, without `urn:oid:`.
    pub oid: String,
    /// Its name.
    pub name: Names,
    /// The organisation above it.
    pub part_of: Option<DirectoryId>,
    /// The withheld class of every mention of it.
    pub class: Option<Class>,
}

/// An entry of the directory that is a `HealthcareService`.
#[derive(Clone, Debug)]
pub struct Service {
    /// Its id.
    pub id: DirectoryId,
    /// Its name.
    pub name: Names,
    /// The unit that gives it.
    pub organization: DirectoryId,
    /// The withheld class of every mention of it.
    pub class: Option<Class>,
}

/// An entry of the directory that is a Practitioner.
#[derive(Clone, Debug)]
pub struct Practitioner {
    /// Its id.
    pub id: DirectoryId,
    /// Given name; invented.
    pub given: &'static str,
    /// Family name; invented.
    pub family: &'static str,
    /// The unit the professional works for.
    pub organization: DirectoryId,
}

/// The directory of one node.
#[derive(Clone, Debug, Default)]
pub struct Directory {
    /// Municipality, county, units.
    pub organizations: Vec<Organization>,
    /// Services, one for each unit.
    pub services: Vec<Service>,
    /// Professionals, two for each unit and one for the county.
    pub practitioners: Vec<Practitioner>,
}

impl Municipality {
    /// Its organisation.
    pub fn organization(&self) -> Option<DirectoryId> {
        self.entry("org", "city", "")
    }

    /// The county's organisation, as this node knows it.
    pub fn county_organization(&self) -> Option<DirectoryId> {
        self.entry("org", "county", "")
    }

    /// The unit of a kind.
    pub fn unit(&self, field: &Field) -> Option<DirectoryId> {
        self.entry("org", field.code, "")
    }

    /// The service of a kind.
    pub fn service(&self, field: &Field) -> Option<DirectoryId> {
        self.entry("svc", field.code, "")
    }

    /// The first (`1`) or second (`2`) professional of a kind.
    pub fn practitioner(&self, field: &Field, number: u8) -> Option<DirectoryId> {
        self.entry("prac", field.code, &number.to_string())
    }

    /// The professional who coordinates for the county.
    pub fn coordinator(&self) -> Option<DirectoryId> {
        self.entry("prac", "county", "1")
    }

    /// Everything this node's directory holds.
    pub fn directory(&self) -> Option<Directory> {
        let (city, county) = (self.organization()?, self.county_organization()?);
        let top = |id: &DirectoryId, oid: &str, name| Organization {
            id: id.clone(),
            oid: oid.to_owned(),
            name,
            part_of: None,
            class: None,
        };
        let mut all = Directory {
            organizations: vec![
                top(&city, self.oid, self.name),
                top(&county, self.county_oid, self.county),
            ],
            ..Directory::default()
        };
        for (number, field) in (1_u16..).zip(FIELDS.iter()) {
            let (above, oid) =
                if field.of_county { (&county, self.county_oid) } else { (&city, self.oid) };
            self.add_unit(field, above, format!("{oid}.10.{number}"), &mut all)?;
        }
        all.practitioners.push(Practitioner {
            id: self.coordinator()?,
            given: "Tuula",
            family: "Alueinen",
            organization: county,
        });
        Some(all)
    }

    fn add_unit(
        &self,
        field: &Field,
        above: &DirectoryId,
        oid: String,
        all: &mut Directory,
    ) -> Option<()> {
        let unit = self.unit(field)?;
        all.services.push(Service {
            id: self.service(field)?,
            name: field.name,
            organization: unit.clone(),
            class: field.class,
        });
        for (number, (given, family)) in (1_u8..).zip(field.staff) {
            all.practitioners.push(Practitioner {
                id: self.practitioner(field, number)?,
                given,
                family,
                organization: unit.clone(),
            });
        }
        all.organizations.push(Organization {
            id: unit,
            oid,
            name: field.name,
            part_of: Some(above.clone()),
            class: field.class,
        });
        Some(())
    }

    fn entry(&self, kind: &str, word: &str, number: &str) -> Option<DirectoryId> {
        DirectoryId::parse(&format!("{}.{kind}.{word}{number}", self.code))
    }
}
