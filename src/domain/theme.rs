//! The ten themes of the 3X10D survey and its three viewpoints.
//!
//! Codes are those of `https://mylife.example/fhir/CodeSystem/theme`; the order is that of the
//! method's description. Source: My Life case study, ICIC20 abstract (Juutinen).

/// A theme of life.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[repr(u8)]
pub enum Theme {
    /// Studies and work.
    StudiesWork,
    /// Family.
    Family,
    /// Health.
    Health,
    /// Friends.
    Friends,
    /// Personal development.
    PersonalDevelopment,
    /// Housing.
    Housing,
    /// Finance.
    Finance,
    /// Life satisfaction.
    LifeSatisfaction,
    /// Self-esteem.
    SelfEsteem,
    /// Resilience.
    Resilience,
}

impl Theme {
    /// Every theme, in the order of the method's description.
    pub const ALL: [Self; 10] = [
        Self::StudiesWork,
        Self::Family,
        Self::Health,
        Self::Friends,
        Self::PersonalDevelopment,
        Self::Housing,
        Self::Finance,
        Self::LifeSatisfaction,
        Self::SelfEsteem,
        Self::Resilience,
    ];

    /// Every theme, in the order in which the survey asks about them.
    pub const ASKED: [Self; 10] = [
        Self::Health,
        Self::Resilience,
        Self::Housing,
        Self::StudiesWork,
        Self::Family,
        Self::Friends,
        Self::Finance,
        Self::PersonalDevelopment,
        Self::SelfEsteem,
        Self::LifeSatisfaction,
    ];

    /// The code in the theme `CodeSystem`.
    pub const fn code(self) -> &'static str {
        match self {
            Self::StudiesWork => "studies-work",
            Self::Family => "family",
            Self::Health => "health",
            Self::Friends => "friends",
            Self::PersonalDevelopment => "personal-development",
            Self::Housing => "housing",
            Self::Finance => "finance",
            Self::LifeSatisfaction => "life-satisfaction",
            Self::SelfEsteem => "self-esteem",
            Self::Resilience => "resilience",
        }
    }

    /// Its name in Finnish, Swedish and English: those of the method's description and of the national
    /// `AuroraAI` localisation (MIT).
    pub const fn names(self) -> [&'static str; 3] {
        match self {
            Self::StudiesWork => ["Opiskelu ja työ", "Studier och arbete", "Studies and work"],
            Self::Family => ["Perhe", "Familj", "Family"],
            Self::Health => ["Terveys", "Hälsa", "Health"],
            Self::Friends => ["Ystävät", "Vänner", "Friends"],
            Self::PersonalDevelopment => {
                ["Itsensä kehittäminen", "Självutveckling", "Personal development"]
            }
            Self::Housing => ["Asuminen", "Boende", "Housing"],
            Self::Finance => ["Talous", "Ekonomi", "Finance"],
            Self::LifeSatisfaction => {
                ["Tyytyväisyys elämään", "Nöjdhet med livet", "Life satisfaction"]
            }
            Self::SelfEsteem => ["Itsetunto", "Självkänsla", "Self-esteem"],
            Self::Resilience => ["Selviytymiskyky", "Motståndskraft", "Resilience"],
        }
    }

    /// The two letters that stand for the theme in a derived id.
    pub const fn short(self) -> &'static str {
        match self {
            Self::StudiesWork => "sw",
            Self::Family => "fa",
            Self::Health => "he",
            Self::Friends => "fr",
            Self::PersonalDevelopment => "pd",
            Self::Housing => "ho",
            Self::Finance => "fi",
            Self::LifeSatisfaction => "ls",
            Self::SelfEsteem => "se",
            Self::Resilience => "re",
        }
    }

    /// The theme of a code; `None` for any other.
    pub fn from_code(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|t| t.code() == code)
    }
}

/// From where a theme is looked at.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Viewpoint {
    /// How much it matters, 0 to 10.
    Importance,
    /// How content the person is with it, 0 to 10.
    Satisfaction,
    /// What the person wishes for, in own words.
    Future,
}

impl Viewpoint {
    /// The code, as in `<theme>.<code>`.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Importance => "importance",
            Self::Satisfaction => "satisfaction",
            Self::Future => "future",
        }
    }
}

/// A set of themes.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct ThemeSet(u16);

impl ThemeSet {
    /// No theme: the unclassified.
    pub const EMPTY: Self = Self(0);
    /// All ten.
    pub const FULL: Self = Self(0x3ff);

    /// With one more.
    pub const fn with(self, theme: Theme) -> Self {
        Self(self.0 | 1 << theme as u16)
    }

    /// Both together.
    pub const fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Has it?
    pub const fn contains(self, theme: Theme) -> bool {
        self.0 & (1 << theme as u16) != 0
    }

    /// Is everything of `other` in here?
    pub const fn contains_all(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// Has none?
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Its themes in order.
    pub fn iter(self) -> impl Iterator<Item = Theme> {
        Theme::ALL.into_iter().filter(move |t| self.contains(*t))
    }
}

impl FromIterator<Theme> for ThemeSet {
    fn from_iter<I: IntoIterator<Item = Theme>>(themes: I) -> Self {
        themes.into_iter().fold(Self::EMPTY, Self::with)
    }
}
