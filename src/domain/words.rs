//! The small texts a native document is made of: local ids, ids of the directory, own words, codes.
//!
//! Floor of the house. Each is a type of its own, so that none is taken for another; what a person
//! wrote or is called prints as dots.

use std::{fmt, sync::Arc};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::domain::id::{MAX_ID, NodeCode};

macro_rules! text {
    ($(#[$about:meta])* $name:ident, $what:literal, $fits:expr) => {
        $(#[$about])*
        #[derive(Clone, Eq, Hash, Ord, PartialEq, PartialOrd)]
        pub struct $name(Arc<str>);

        impl $name {
            /// Takes a text that keeps the rule of the type; `None` for any other.
            pub fn parse(text: &str) -> Option<Self> {
                let fits: fn(&str) -> bool = $fits;
                fits(text).then(|| Self(text.into()))
            }

            /// The text.
            pub fn as_str(&self) -> &str {
                &self.0
            }

            /// The text, to keep without a copy.
            pub fn shared(&self) -> Arc<str> {
                Arc::clone(&self.0)
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
                to.serialize_str(&self.0)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
                let text = std::borrow::Cow::<'de, str>::deserialize(from)?;
                Self::parse(&text).ok_or_else(|| de::Error::custom($what))
            }
        }
    };
}

/// Types whose text is nobody's secret.
macro_rules! shown {
    ($($name:ident),+) => {$(
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self.0)
            }
        }
    )+};
}

/// Makes `Debug` print the name of the type alone.
macro_rules! redacted {
    ($($name:ident),+ $(,)?) => {$(
        impl std::fmt::Debug for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.debug_struct(stringify!($name)).finish_non_exhaustive()
            }
        }
    )+};
}

pub(crate) use redacted;

text!(
    /// The sender's own id of a person, document or part: 1 to 64 of `A-Z a-z 0-9 . _ : -`, the
    /// first a letter or digit. Unique per owner system and kind; never an identity code.
    LocalId, "a local id", |text| {
        (1..=64).contains(&text.len())
            && text.starts_with(|c: char| c.is_ascii_alphanumeric())
            && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"._:-".contains(&b))
    }
);

text!(
    /// The id of an Organization, Practitioner or `HealthcareService` of the directory:
    /// `<node>.<lower-case letters, digits, dots>`, at most 48 characters.
    DirectoryId, "an id of the directory", |text| {
        text.len() <= MAX_ID
            && text.split_once('.').is_some_and(|(node, rest)| {
                NodeCode::parse(node).is_some()
                    && rest.split('.').all(|part| {
                        !part.is_empty()
                            && part.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit())
                    })
            })
    }
);

text!(
    /// A municipality by its three digits (`urn:oid:1.2.246.537.6.21`), leading zero kept.
    Municipality, "a municipality code of three digits", |text| {
        text.len() == 3 && text.bytes().all(|b| b.is_ascii_digit())
    }
);

text!(
    /// A language tag (BCP 47, RFC 5646): `fi`, `sv`, `en`, `se`, `ar`, ...
    Language, "a language tag", |text| {
        let mut parts = text.split('-');
        let first = parts.next().unwrap_or_default();
        text.len() <= 35
            && (2..=3).contains(&first.len())
            && first.bytes().all(|b| b.is_ascii_lowercase())
            && parts.all(|p| {
                (2..=8).contains(&p.len()) && p.bytes().all(|b| b.is_ascii_alphanumeric())
            })
    }
);

text!(
    /// A code of a register, service task or sector: 1 to 64 printable characters without spaces.
    Code, "a code", |text| {
        (1..=64).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic())
    }
);

text!(
    /// System or value of an identifier: 1 to 200 visible ASCII characters.
    Plain, "1 to 200 visible ASCII characters", |text| {
        (1..=200).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic())
    }
);

text!(
    /// What somebody wrote, said or is called; never empty.
    Words, "a text that is not empty", |text| !text.trim().is_empty()
);

shown!(DirectoryId, Municipality, Language, Code, Plain);
redacted!(LocalId, Words);
