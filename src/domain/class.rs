//! The withheld classes: labels that no permit covers unless it names them.
//!
//! Codes are those of `https://mylife.example/fhir/CodeSystem/class`.

/// A class of data that is withheld unless named.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[repr(u8)]
pub enum Class {
    /// Own words.
    FreeText,
    /// Address, telephone, electronic mail.
    Contact,
    /// Psychiatry.
    MentalHealth,
    /// Substance abuse care.
    SubstanceUse,
    /// Child protection.
    ChildProtection,
}

impl Class {
    /// Every withheld class.
    pub const ALL: [Self; 5] = [
        Self::FreeText,
        Self::Contact,
        Self::MentalHealth,
        Self::SubstanceUse,
        Self::ChildProtection,
    ];

    /// The code in the class `CodeSystem`.
    pub const fn code(self) -> &'static str {
        match self {
            Self::FreeText => "free-text",
            Self::Contact => "contact",
            Self::MentalHealth => "mental-health",
            Self::SubstanceUse => "substance-use",
            Self::ChildProtection => "child-protection",
        }
    }

    /// What it is for people, in Finnish, Swedish and English.
    pub const fn names(self) -> [&'static str; 3] {
        match self {
            Self::FreeText => ["omin sanoin kerrottu", "med egna ord", "in own words"],
            Self::Contact => ["yhteystiedot", "kontaktuppgifter", "contact details"],
            Self::MentalHealth => ["psykiatria", "psykiatri", "psychiatry"],
            Self::SubstanceUse => ["päihdepalvelut", "missbrukarvård", "substance abuse care"],
            Self::ChildProtection => ["lastensuojelu", "barnskydd", "child protection"],
        }
    }

    /// The class of a code; `None` for any other.
    pub fn from_code(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|c| c.code() == code)
    }
}

/// A set of withheld classes.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct ClassSet(u8);

impl ClassSet {
    /// None.
    pub const EMPTY: Self = Self(0);
    /// All five.
    pub const FULL: Self = Self(0x1f);

    /// With one more.
    pub const fn with(self, class: Class) -> Self {
        Self(self.0 | 1 << class as u8)
    }

    /// Both together.
    pub const fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Has it?
    pub const fn contains(self, class: Class) -> bool {
        self.0 & (1 << class as u8) != 0
    }

    /// Is everything of `other` in here?
    pub const fn contains_all(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// Have both one in common?
    pub const fn intersects(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    /// Has none?
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Its classes in order.
    pub fn iter(self) -> impl Iterator<Item = Class> {
        Class::ALL.into_iter().filter(move |c| self.contains(*c))
    }
}

impl FromIterator<Class> for ClassSet {
    fn from_iter<I: IntoIterator<Item = Class>>(classes: I) -> Self {
        classes.into_iter().fold(Self::EMPTY, Self::with)
    }
}
