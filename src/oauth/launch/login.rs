//! Who logged in, and as whom they act.
//!
//! Part of `oauth::launch`. Somebody is known by the look-up value of an identity code, never by the code
//! itself; a representative by a representation that the holder's own data has, and nobody is told who
//! is represented by whom. Sources: SMART App Launch 2.2 `scopes-and-launch-context`, act 703/2023
//! section 54. Decides nothing of data: what a token may see is settled when it asks.

use serde::{Deserialize, Serialize};

use crate::{
    chance::letters,
    domain::{
        day::Day,
        identity::IdentityCode,
        moment::Moment,
        person::{Person, Representation, related_id},
    },
    error::{Error, Result},
    oauth::token::TokenEndpoint,
    smart::Context,
    store::{DocumentKind, IdentityMac},
};

/// Somebody who logged in.
#[derive(Clone, Deserialize, Serialize)]
pub(in crate::oauth) enum User {
    /// A person, for themselves or for somebody they represent.
    Person {
        /// Look-up value of the identity code.
        mac: [u8; 32],
        /// For the page alone.
        name: Option<String>,
    },
    /// Somebody at work.
    Professional {
        /// Id of the Practitioner in the directory.
        id: String,
        /// For the page alone.
        name: Option<String>,
        /// Where and as what.
        posts: Vec<Post>,
    },
}

/// An organisation somebody works for, and a role there.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Post {
    /// `urn:oid:...`.
    pub organization: String,
    /// As the law table and consents name it.
    pub role: String,
}

impl User {
    /// What a page calls them.
    pub(super) fn name(&self) -> Option<&str> {
        match self {
            Self::Person { name, .. } | Self::Professional { name, .. } => name.as_deref(),
        }
    }

    /// Look-up value of the identity code, of a person.
    pub(super) const fn mac(&self) -> Option<[u8; 32]> {
        match self {
            Self::Person { mac, .. } => Some(*mac),
            Self::Professional { .. } => None,
        }
    }

    /// Whose data they may ask for.
    pub(super) const fn context(&self) -> Context {
        match self {
            Self::Person { .. } => Context::Patient,
            Self::Professional { .. } => Context::User,
        }
    }

    /// The same of scopes: somebody at work may confine an app to the person it was opened for.
    pub(super) const fn contexts(&self, opened: bool) -> &'static [Context] {
        match self {
            Self::Person { .. } => &[Context::Patient],
            Self::Professional { .. } if opened => &[Context::User, Context::Patient],
            Self::Professional { .. } => &[Context::User],
        }
    }
}

/// An invented person of a demo, and somebody invented who works there.
#[derive(Clone)]
pub struct Invented {
    /// For the page.
    pub name: String,
    /// Who.
    pub who: Who,
}

/// Who an invented person is.
#[derive(Clone)]
pub enum Who {
    /// A person, by a code that is issued to nobody.
    Person(IdentityCode),
    /// A Practitioner of the directory.
    Professional {
        /// Id.
        id: String,
        /// Where and as what.
        posts: Vec<Post>,
    },
}

/// A login without proof, as one of a list of invented people. No configuration can name it: a demo
/// builds it, and it takes nobody whose identity code could be issued.
#[derive(Clone, Default)]
pub struct Sandbox(Vec<Invented>);

impl Sandbox {
    /// Lets anybody be any of these.
    ///
    /// # Errors
    /// `Invalid` if one of them could be real.
    pub fn of(people: Vec<Invented>) -> Result<Self> {
        let invented = |one: &Invented| match &one.who {
            Who::Person(code) => code.is_test(),
            Who::Professional { .. } => true,
        };
        if people.iter().all(invented) {
            return Ok(Self(people));
        }
        Err(Error::invalid("A login without proof takes invented people alone: 900 to 999."))
    }

    /// Is nobody in it?
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// All of them.
    pub(super) fn people(&self) -> &[Invented] {
        &self.0
    }
}

/// For whom somebody acts, as decisions know both.
pub(super) struct Acting {
    /// `Type/id` of who acts.
    pub(super) subject: String,
    /// Id of the Patient in the launch context.
    pub(super) patient: Option<String>,
    /// Is it somebody else's?
    pub(super) for_other: bool,
}

impl TokenEndpoint {
    /// The invented person of a number.
    pub(super) fn invented(&self, number: &str) -> Option<User> {
        let one = self.launch.sandbox.people().get(number.parse::<usize>().ok()?)?;
        let name = Some(one.name.clone());
        Some(match &one.who {
            Who::Person(code) => User::Person { mac: self.mac(code), name },
            Who::Professional { id, posts } => {
                User::Professional { id: id.clone(), name, posts: posts.clone() }
            }
        })
    }

    pub(super) fn mac(&self, code: &IdentityCode) -> [u8; 32] {
        self.launch.kept.keys().identity_mac(code.reveal()).0
    }

    /// The person themselves; none if nothing is held of them here.
    pub(super) async fn acting_alone(&self, mac: [u8; 32]) -> Result<Option<Acting>> {
        let found = self.store.find(IdentityMac(mac)).await?;
        Ok(found.map(|patient| Acting {
            subject: format!("Patient/{patient}"),
            patient: Some(patient.to_string()),
            for_other: false,
        }))
    }

    /// A representative of the person of this code; none alike if there is no such person, or no such
    /// representation now.
    pub(super) async fn acting_for(
        &self,
        mac: [u8; 32],
        code: &str,
        now: Moment,
    ) -> Result<Option<Acting>> {
        let code = code.trim().to_uppercase();
        let Ok((code, _)) = IdentityCode::parse(&code, self.launch.test_range) else {
            return Ok(None);
        };
        let Some(patient) = self.store.find(IdentityMac(self.mac(&code))).await? else {
            return Ok(None);
        };
        let Some(stored) = self.store.load(&patient).await? else { return Ok(None) };
        let held = stored.documents.iter().find(|held| held.kind == DocumentKind::Person);
        let Some(held) = held else { return Ok(None) };
        let person: Person = serde_json::from_slice(&held.body).map_err(Error::internal)?;
        let is_by = |one: &&Representation| {
            let who = one.who.identity_code.as_ref();
            who.is_some_and(|code| self.mac(code) == mac) && holds(one, now)
        };
        Ok(person.representation.iter().find(is_by).map(|one| Acting {
            subject: format!("RelatedPerson/{}", related_id(&patient, one.id.as_str())),
            patient: Some(patient.to_string()),
            for_other: true,
        }))
    }

    /// What an app calls who logged in: the same at every login, another in every app, so that two apps
    /// cannot find out together that they have the same user. No client can have such a name.
    pub(super) fn pseudonym(&self, user: &User, client: &str) -> String {
        let own = match user {
            User::Person { mac, .. } => letters(mac),
            User::Professional { id, .. } => id.clone(),
        };
        let text = [client, "\0", self.issuer.as_str(), "\0", &own].concat();
        let digest = self.launch.kept.keys().mac("name of a user", text.as_bytes());
        format!("user:{}", letters(&digest))
    }
}

/// Does a representation hold today? What it lets see is decided when somebody asks.
fn holds(one: &Representation, now: Moment) -> bool {
    let Some(today) = Day::in_finland(now) else { return false };
    one.period.start.is_none_or(|start| start <= today)
        && one.period.end.is_none_or(|end| today <= end)
}
