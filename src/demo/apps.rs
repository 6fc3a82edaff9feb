//! The demo's apps: a citizen's and a worker's, and the invented people who can log in to them.
//!
//! Beside the way of a request. An app is known by its redirect URI, on this machine; it keeps no key. The
//! only maker of a login without proof: nothing that is configured can name one.

use serde_json::{Value, json};

use crate::{
    authenticate::registry::ClientEntry,
    demo::{
        directory::{FIELDS, MUNICIPALITIES, Municipality},
        people::{Home, Somebody},
    },
    domain::{person::Person, words::Words},
    error::Result,
    oauth::launch::login::{Invented, Post, Sandbox, Who},
};

/// Where both apps have people sent back to.
const BACK: &str = "http://127.0.0.1:8765/back";
/// In which role somebody at work uses an app.
const ROLE: &str = "case-manager";
/// What both can be granted beside data.
const WORDS: [&str; 4] = ["launch/patient", "openid", "fhirUser", "offline_access"];

/// An app.
pub struct App {
    id: &'static str,
    name: &'static str,
    scopes: &'static [&'static str],
    purposes: &'static [&'static str],
    at_work: bool,
}

/// All of them.
pub const APPS: [App; 2] = [
    App {
        id: "my-days",
        name: "My Days",
        scopes: &["patient/*.rs", "patient/Consent.crus"],
        purposes: &["PATRQT"],
        at_work: false,
    },
    App {
        id: "plan-desk",
        name: "Plan Desk",
        scopes: &["user/*.rs", "patient/*.rs", "launch"],
        purposes: &["CAREMGT", "TREAT"],
        at_work: true,
    },
];

impl App {
    fn scopes(&self) -> Vec<String> {
        self.scopes.iter().chain(&WORDS).map(|&scope| scope.to_owned()).collect()
    }

    /// As the configuration of a municipality's node has it.
    pub fn entry(&self, at: &Municipality) -> ClientEntry {
        let oid = if self.at_work { at.county_oid } else { at.oid };
        ClientEntry {
            client_id: self.id.to_owned(),
            name: self.name.to_owned(),
            organization: format!("urn:oid:{oid}"),
            roles: if self.at_work { vec![ROLE.to_owned()] } else { Vec::new() },
            scopes: self.scopes(),
            purposes: self.purposes.iter().map(|&purpose| purpose.to_owned()).collect(),
            public: true,
            redirect_uris: vec![BACK.to_owned()],
            ..ClientEntry::default()
        }
    }

    /// Its name in OAuth, and how `sandbox.json` has it.
    pub fn listed(&self) -> (String, Value) {
        let nodes: Vec<&str> = MUNICIPALITIES.iter().map(|at| at.slug).collect();
        let listed = json!({
            "client_id": self.id,
            "redirect_uri": BACK,
            "scope": self.scopes().join(" "),
            "nodes": nodes,
        });
        (self.id.to_owned(), listed)
    }
}

/// Who can log in at a municipality: the people it knows, their guardians, and somebody at work.
///
/// # Errors
/// `Invalid` if somebody is not invented.
pub fn sandbox(at: &Municipality, people: &[Somebody]) -> Result<Sandbox> {
    let homes = people.iter().flat_map(|one| &one.homes);
    let here = homes.filter(|home| home.municipality.code == at.code);
    let mut all: Vec<Invented> = here.flat_map(|home: &Home| of_person(&home.person)).collect();
    let worker = FIELDS.first().and_then(|field| at.practitioner(field, 1));
    all.extend(worker.map(|id| Invented {
        name: at.county.en.to_owned(),
        who: Who::Professional {
            id: id.as_str().to_owned(),
            posts: vec![Post {
                organization: format!("urn:oid:{}", at.county_oid),
                role: ROLE.to_owned(),
            }],
        },
    }));
    Sandbox::of(all)
}

/// A person, and who may act for them.
fn of_person(person: &Person) -> Vec<Invented> {
    let given = person.name.given.first().map_or("", Words::as_str);
    let year = person.birth_date.map(|born| format!(" ({})", born.parts().0)).unwrap_or_default();
    let own = person.identity_code.clone().map(|code| Invented {
        name: format!("{given} {}{year}", person.name.family.as_str()),
        who: Who::Person(code),
    });
    let others = person.representation.iter().filter_map(|one| {
        let code = one.who.identity_code.clone()?;
        Some(Invented { name: one.who.name.as_str().to_owned(), who: Who::Person(code) })
    });
    own.into_iter().chain(others).collect()
}
