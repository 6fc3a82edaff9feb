//! A person as a municipality's system describes one: `mylife/person/1`.
//!
//! Floor of the house: read on the write road after `native::validate`, and when a compartment is
//! loaded. Members and their meaning: `schemas/native/person.schema.json`; minors' stance: code
//! system `urn:oid:1.2.246.537.5.40202.201901`; turvakielto: act 661/2009, section 36.

use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::{
    digest::{hex, sha256},
    domain::{
        class::ClassSet,
        coded::coded,
        day::{Day, Period},
        identity::IdentityCode,
        theme::ThemeSet,
        words::{Language, LocalId, Municipality, Words, redacted},
    },
};

coded! {
    /// The name and version of the form.
    PersonSchema {
        /// The first.
        V1 = "mylife/person/1",
    }
}

coded! {
    /// What a representative is to the person.
    Relation {
        /// A parent or guardian, from the population register.
        Guardian = "guardian",
        /// Somebody the person has authorised.
        Authorised = "authorised",
    }
}

/// A minor's stance on disclosure to guardians.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum MinorStance {
    /// 1: not capable of deciding; guardians are told.
    NotCapable,
    /// 2: capable, and allows it.
    Allows,
    /// 3: capable, and forbids it.
    Forbids,
    /// 4: capability unknown; guardians are not told.
    Unknown,
}

impl MinorStance {
    /// The code, 1 to 4.
    pub const fn code(self) -> u8 {
        match self {
            Self::NotCapable => 1,
            Self::Allows => 2,
            Self::Forbids => 3,
            Self::Unknown => 4,
        }
    }

    /// The stance of a code.
    pub const fn from_code(code: u8) -> Option<Self> {
        match code {
            1 => Some(Self::NotCapable),
            2 => Some(Self::Allows),
            3 => Some(Self::Forbids),
            4 => Some(Self::Unknown),
            _ => None,
        }
    }
}

impl Serialize for MinorStance {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_u8(self.code())
    }
}

impl<'de> Deserialize<'de> for MinorStance {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        Self::from_code(u8::deserialize(from)?).ok_or_else(|| de::Error::custom("1 to 4"))
    }
}

/// Which themes a representative may see.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Reach {
    /// `"*"`: every theme, and what has none.
    All,
    /// These.
    Themes(ThemeSet),
}

impl Serialize for Reach {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::All => to.serialize_str("*"),
            Self::Themes(themes) => themes.serialize(to),
        }
    }
}

impl<'de> Deserialize<'de> for Reach {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Form {
            Star(String),
            List(ThemeSet),
        }
        match Form::deserialize(from)? {
            Form::Star(star) if star == "*" => Ok(Self::All),
            Form::Star(_) => Err(de::Error::custom("`*` or a list of themes")),
            Form::List(themes) => Ok(Self::Themes(themes)),
        }
    }
}

/// A name in parts.
#[derive(Clone, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Name {
    /// Given names, the one in use first.
    pub given: Vec<Words>,
    /// Family name.
    pub family: Words,
}

/// How the person is reached; class `contact`.
#[derive(Clone, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Contact {
    /// Telephone number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phone: Option<Words>,
    /// Address of electronic mail.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email: Option<Words>,
    /// Postal address on one line.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<Words>,
}

/// Somebody who represents the person.
#[derive(Clone, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Representative {
    /// Full name.
    pub name: Words,
    /// Identity code, where known: by it the representative is recognised.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub identity_code: Option<IdentityCode>,
}

/// That somebody may act for the person, for what, and when.
#[derive(Clone, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Representation {
    /// The sender's id of this part.
    pub id: LocalId,
    /// Who.
    pub who: Representative,
    /// As what.
    pub relation: Relation,
    /// For which themes.
    pub themes: Reach,
    /// For which withheld classes; none of them is covered unless it stands here.
    pub classes: ClassSet,
    /// When.
    pub period: Period,
}

/// Somebody else whom a document is about, by the id that its owner has for them.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Named {
    /// The owner of the document.
    pub owner: Arc<str>,
    /// The owner's id of the person.
    pub local: Arc<str>,
}

/// Id of the `RelatedPerson` of a representation: a digest of the sender's id, which may be any text.
pub fn related_id(patient: &str, local: &str) -> Arc<str> {
    let hex = hex(&sha256(local.as_bytes()));
    format!("{patient}.r{}", hex.get(..12).unwrap_or(&hex)).into()
}

/// A person.
#[derive(Clone, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Person {
    /// Name and version of the form.
    pub schema: PersonSchema,
    /// The sender's id of the person.
    pub id: LocalId,
    /// Name.
    pub name: Name,
    /// Birthday.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub birth_date: Option<Day>,
    /// Personal identity code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub identity_code: Option<IdentityCode>,
    /// Language of service.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub language: Option<Language>,
    /// Home municipality.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub municipality: Option<Municipality>,
    /// How the person is reached.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contact: Option<Contact>,
    /// Turvakielto: address and municipality are told to nobody without a right of their own.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub non_disclosure: bool,
    /// Who may act for the person.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub representation: Vec<Representation>,
    /// A minor's stance on disclosure to guardians; absent is read as [`MinorStance::Unknown`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub minor_stance: Option<MinorStance>,
}

redacted!(Name, Contact, Representative, Representation, Person);
