//! The classes an explanation tells of: themes, what has none, withheld classes in them, and records.
//!
//! Part of [`super`]. A class is what a consent can name; what there is of it is not looked at here.

use crate::{
    domain::{
        class::{Class, ClassSet},
        theme::{Theme, ThemeSet},
    },
    fhir::labels::Labels,
    mapping::kinds::Kind,
    unit::Sort,
};

/// A class of data.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum About {
    /// A theme, alone or with a withheld class in it.
    Theme(Theme, Option<Class>),
    /// What has no theme, alone or with a withheld class in it.
    Unclassified(Option<Class>),
    /// Consents, representation, audit records.
    Records,
}

impl About {
    /// The ten themes and the unclassified, without a withheld class.
    pub const PLAIN: [Self; 11] = [
        Self::Theme(Theme::StudiesWork, None),
        Self::Theme(Theme::Family, None),
        Self::Theme(Theme::Health, None),
        Self::Theme(Theme::Friends, None),
        Self::Theme(Theme::PersonalDevelopment, None),
        Self::Theme(Theme::Housing, None),
        Self::Theme(Theme::Finance, None),
        Self::Theme(Theme::LifeSatisfaction, None),
        Self::Theme(Theme::SelfEsteem, None),
        Self::Theme(Theme::Resilience, None),
        Self::Unclassified(None),
    ];

    /// The withheld classes in it.
    pub fn withheld(self) -> impl Iterator<Item = Self> {
        Class::ALL.into_iter().filter_map(move |class| match self {
            Self::Theme(theme, _) => Some(Self::Theme(theme, Some(class))),
            Self::Unclassified(_) => Some(Self::Unclassified(Some(class))),
            Self::Records => None,
        })
    }

    /// The same without a withheld class.
    pub const fn plain(self) -> Self {
        match self {
            Self::Theme(theme, _) => Self::Theme(theme, None),
            Self::Unclassified(_) => Self::Unclassified(None),
            Self::Records => Self::Records,
        }
    }

    /// The withheld class.
    pub const fn class(self) -> Option<Class> {
        match self {
            Self::Theme(_, class) | Self::Unclassified(class) => class,
            Self::Records => None,
        }
    }

    /// Its labels; none where it is about records.
    pub fn labels(self) -> Option<Labels> {
        let classes = self.class().into_iter().collect::<ClassSet>();
        match self {
            Self::Theme(theme, _) => Some(Labels { themes: ThemeSet::EMPTY.with(theme), classes }),
            Self::Unclassified(_) => Some(Labels { themes: ThemeSet::EMPTY, classes }),
            Self::Records => None,
        }
    }

    /// Is a kind of this class, and of no other beside?
    pub fn is_of(self, kind: &Kind) -> bool {
        match self.labels() {
            None => kind.sort == Sort::Records,
            Some(Labels { themes, classes }) => {
                kind.sort == Sort::Item && kind.themes == themes && kind.classes == classes
            }
        }
    }

    /// Its code: `housing`, `housing+free-text`, `unclassified`, `records`.
    pub fn code(self) -> String {
        let plain = match self {
            Self::Theme(theme, _) => theme.code(),
            Self::Unclassified(_) => "unclassified",
            Self::Records => "records",
        };
        self.class().map_or_else(|| plain.to_owned(), |class| format!("{plain}+{}", class.code()))
    }

    /// The class of a code.
    pub fn from_code(code: &str) -> Option<Self> {
        let (plain, class) = match code.split_once('+') {
            Some((plain, class)) => (plain, Some(Class::from_code(class)?)),
            None => (code, None),
        };
        match (plain, class) {
            ("unclassified", class) => Some(Self::Unclassified(class)),
            ("records", None) => Some(Self::Records),
            ("records", Some(_)) => None,
            (theme, class) => Some(Self::Theme(Theme::from_code(theme)?, class)),
        }
    }
}
