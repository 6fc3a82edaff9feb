//! Closed lists of codes: one table per list, from variant to code and back, on the wire and off.
//!
//! Floor of the house. Themes and classes are written by their codes too, and sets of them as lists
//! in the order of the method. An unknown code is refused, and its text is not repeated.

use crate::domain::{
    class::{Class, ClassSet},
    theme::{Theme, ThemeSet},
};

/// Makes `Serialize` and `Deserialize` of `code()` and `from_code()`.
macro_rules! written_by_code {
    ($name:ident) => {
        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(
                &self,
                to: S,
            ) -> std::result::Result<S::Ok, S::Error> {
                to.serialize_str(self.code())
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(
                from: D,
            ) -> std::result::Result<Self, D::Error> {
                let code = std::borrow::Cow::<'de, str>::deserialize(from)?;
                let unknown = || serde::de::Error::custom(concat!("a ", stringify!($name)));
                Self::from_code(&code).ok_or_else(unknown)
            }
        }
    };
}

/// Makes an enum of codes.
macro_rules! coded {
    ($(#[$about:meta])* $name:ident {
        $($(#[$what:meta])* $variant:ident = $code:literal),+ $(,)?
    }) => {
        $(#[$about])*
        #[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
        pub enum $name {
            $($(#[$what])* $variant),+
        }

        impl $name {
            /// All of them, in order.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The code on the wire.
            pub const fn code(self) -> &'static str {
                match self {
                    $(Self::$variant => $code),+
                }
            }

            /// The one of a code; `None` for any other text.
            pub fn from_code(code: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|one| one.code() == code)
            }
        }

        $crate::domain::coded::written_by_code!($name);
    };
}

/// Makes `Serialize` and `Deserialize` of a set: the list of its members in order.
macro_rules! written_as_list {
    ($set:ident of $one:ident) => {
        impl serde::Serialize for $set {
            fn serialize<S: serde::Serializer>(
                &self,
                to: S,
            ) -> std::result::Result<S::Ok, S::Error> {
                to.collect_seq(self.iter())
            }
        }

        impl<'de> serde::Deserialize<'de> for $set {
            fn deserialize<D: serde::Deserializer<'de>>(
                from: D,
            ) -> std::result::Result<Self, D::Error> {
                Ok(Vec::<$one>::deserialize(from)?.into_iter().collect())
            }
        }
    };
}

pub(crate) use {coded, written_by_code};

written_by_code!(Theme);
written_by_code!(Class);
written_as_list!(ThemeSet of Theme);
written_as_list!(ClassSet of Class);
