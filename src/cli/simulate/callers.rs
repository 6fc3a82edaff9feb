//! Who asks, and what is expected: a file of TOML, or whoever consents and laws name.
//!
//! Part of [`super`]. A caller is read by the same rules as one that `$explain` is asked about.
//!
//! ```toml
//! [[callers]]
//! name = "portal"
//! organization = "urn:oid:1.2.246.10.99909002"
//! purpose = "TREAT"
//! # role = ["nurse"], user, client, register, sector, declared = ["law:1"], emergency = true, type
//!
//! [[expect]]
//! person = "*"
//! caller = "portal"
//! class = ["housing", "housing+free-text"]
//! permit = true
//! ```

use std::{collections::BTreeSet, fs, path::Path};

use serde::Deserialize;
use serde_json::{Value, json};

use crate::{
    cli::{documents::unreadable, people::Written},
    consent::{
        explain::{about::About, question::Question},
        law::Law,
        name::URI,
    },
    error::{Error, Result},
};

/// An arc of nobody's (ITU-T X.660): who asks where a law names no organisation.
const ANYBODY: &str = "urn:oid:2.999.1";

/// Somebody who asks.
#[derive(Clone)]
pub(super) struct Caller {
    /// As the report calls them.
    pub(super) name: String,
    /// As a decision reads them.
    pub(super) question: Question,
}

/// What the file says.
#[derive(Default)]
pub(super) struct Expectations {
    /// Who asks.
    pub(super) callers: Vec<Caller>,
    /// What they are expected to be given.
    pub(super) expect: Vec<Expected>,
}

/// What somebody is expected to be given of somebody.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Expected {
    /// The sender's id, or `*`.
    person: String,
    /// Name of a caller.
    pub(super) caller: String,
    /// Codes of classes.
    class: Vec<String>,
    /// Is something of each permitted?
    pub(super) permit: bool,
}

impl Expected {
    /// Is it about this person and this caller?
    pub(super) fn is_about(&self, person: &str, caller: &str) -> bool {
        (self.person == "*" || self.person == person) && self.caller == caller
    }

    /// The classes.
    pub(super) fn about(&self) -> impl Iterator<Item = About> {
        self.class.iter().filter_map(|code| About::from_code(code))
    }
}

/// The file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    callers: Vec<Named>,
    #[serde(default)]
    expect: Vec<Expected>,
}

/// A caller as written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Named {
    name: String,
    organization: String,
    purpose: String,
    #[serde(default)]
    role: Vec<String>,
    user: Option<String>,
    client: Option<String>,
    register: Option<String>,
    sector: Option<String>,
    #[serde(default)]
    declared: Vec<String>,
    #[serde(default)]
    emergency: bool,
    #[serde(rename = "type")]
    kind: Option<String>,
}

impl Named {
    /// The same as `$explain` is asked about it.
    fn caller(self) -> Result<Caller> {
        let identifier = json!({ "system": URI, "value": self.organization });
        let mut all = vec![
            json!({ "name": "organization", "valueIdentifier": identifier }),
            json!({ "name": "purpose", "valueCode": self.purpose }),
        ];
        let code = |name: &str, code: &String| json!({ "name": name, "valueCode": code });
        all.extend(self.role.iter().map(|role| code("role", role)));
        all.extend(self.declared.iter().map(|ground| code("declared", ground)));
        all.extend(self.register.iter().map(|register| code("register", register)));
        all.extend(self.sector.iter().map(|sector| code("sector", sector)));
        all.extend(self.kind.iter().map(|kind| code("type", kind)));
        let user = |user| json!({ "name": "user", "valueReference": { "reference": user } });
        all.extend(self.user.iter().map(user));
        let client = |client| json!({ "name": "client", "valueString": client });
        all.extend(self.client.iter().map(client));
        all.extend(self.emergency.then(|| json!({ "name": "emergency", "valueBoolean": true })));
        let name = self.name;
        let body = json!({ "resourceType": "Parameters", "parameter": all });
        let question = Question::read(&body)
            .map_err(|error| Error::invalid(format!("callers {name:?}: {}", error.say())))?;
        Ok(Caller { name, question })
    }
}

impl Expectations {
    /// Reads the file.
    ///
    /// # Errors
    /// `Invalid` with what to write instead.
    pub(super) fn read(path: &Path) -> Result<Self> {
        let text = fs::read_to_string(path).map_err(|error| unreadable(path, error))?;
        let at = |say: &str| Error::invalid(format!("{}: {say}", path.display()));
        let file: File = toml::from_str(&text).map_err(|error| at(&error.to_string()))?;
        let callers = file.callers.into_iter().map(Named::caller).collect::<Result<_>>();
        let callers = callers.map_err(|error| at(error.say()))?;
        Ok(Self { callers, expect: file.expect })
    }
}

/// Does every expectation name what there is?
///
/// # Errors
/// `Invalid` with what to write instead.
pub(super) fn resolve(
    expect: &[Expected],
    callers: &[Caller],
    is_known: impl Fn(&str) -> bool,
) -> Result<()> {
    for (at, one) in expect.iter().enumerate() {
        let wrong = |say: &str| Err(Error::invalid(format!("expect[{at}]: {say}")));
        if one.person != "*" && !is_known(&one.person) {
            return wrong("person is nobody's id: write one of the documents', or \"*\"");
        }
        if callers.iter().all(|caller| caller.name != one.caller) {
            return wrong("caller is the name of none of the callers");
        }
        if one.class.is_empty() || one.class.iter().any(|code| About::from_code(code).is_none()) {
            return wrong(
                "class must list codes such as \"housing\", \"housing+free-text\", \
                 \"unclassified\", \"records\"",
            );
        }
    }
    Ok(())
}

/// Whoever the laws and consents name, with each purpose they name.
///
/// # Errors
/// `Invalid` if a law names one that cannot be asked about.
pub(super) fn of<'a>(
    laws: &[&Law],
    consents: impl Iterator<Item = &'a Written>,
) -> Result<Vec<Caller>> {
    let mut named: BTreeSet<(String, String, Option<String>)> = BTreeSet::new();
    for consent in consents {
        let (mut who, mut why) = (BTreeSet::new(), BTreeSet::new());
        let of_consent = consent.body.get("provision").unwrap_or(&Value::Null);
        collect(of_consent, &mut who, &mut why);
        if why.is_empty() {
            why.insert("TREAT".to_owned());
        }
        let pairs = who.iter().flat_map(|who| why.iter().map(move |why| (who, why)));
        named.extend(pairs.map(|(who, why)| (who.clone(), why.clone(), None)));
    }
    for ground in laws.iter().flat_map(|law| &law.grounds) {
        let list = |list: &Option<Vec<_>>, or: &str| -> Vec<String> {
            let texts = list.iter().flatten().map(|one: &std::sync::Arc<str>| one.to_string());
            let texts: Vec<String> = texts.collect();
            if texts.is_empty() { vec![or.to_owned()] } else { texts }
        };
        let roles: Vec<Option<String>> = match &ground.roles {
            Some(roles) => roles.iter().map(|role| Some(role.to_string())).collect(),
            None => vec![None],
        };
        let orgs = list(&ground.orgs, ANYBODY).into_iter().filter(|org| org.starts_with("urn:"));
        for org in orgs {
            for purpose in list(&ground.purposes, "TREAT") {
                let with = |role: &Option<String>| (org.clone(), purpose.clone(), role.clone());
                named.extend(roles.iter().map(with));
            }
        }
    }
    named.into_iter().map(caller).collect()
}

fn caller((organization, purpose, role): (String, String, Option<String>)) -> Result<Caller> {
    let who = if organization == ANYBODY { "anybody" } else { &organization };
    let name = match &role {
        Some(role) => format!("{who} as {role} for {purpose}"),
        None => format!("{who} for {purpose}"),
    };
    let named = Named {
        name,
        role: role.into_iter().collect(),
        organization,
        purpose,
        user: None,
        client: None,
        register: None,
        sector: None,
        declared: Vec::new(),
        emergency: false,
        kind: None,
    };
    named.caller()
}

/// Organisations and purposes anywhere in a provision.
fn collect(value: &Value, who: &mut BTreeSet<String>, why: &mut BTreeSet<String>) {
    match value {
        Value::Object(members) => {
            let actors = members.get("actor").and_then(Value::as_array).into_iter().flatten();
            let oids = actors.filter_map(|actor| actor.pointer("/reference/identifier/value"));
            let oids = oids.filter_map(Value::as_str).filter(|oid| oid.starts_with("urn:oid:"));
            who.extend(oids.map(str::to_owned));
            let purposes = members.get("purpose").and_then(Value::as_array).into_iter().flatten();
            let codes = purposes.filter_map(|purpose| purpose.get("code")?.as_str());
            why.extend(codes.map(str::to_owned));
            members.values().for_each(|member| collect(member, who, why));
        }
        Value::Array(all) => all.iter().for_each(|one| collect(one, who, why)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}
