//! What can be counted: each measure, the classes into which it puts people, and the ages.
//!
//! Part of `indicator`. All of it is fixed: nobody who asks can choose other cells, so no two questions
//! overlap. The same codes stand in the guide (`schemas/guide.py`).

/// A measure.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Measure {
    /// How satisfaction with a theme changed from the first assessment of the year to the last.
    Change,
    /// How satisfied people were with a theme when they last said so in the year.
    Wellbeing,
}

impl Measure {
    /// Every measure, in the order of the alphabet.
    pub const ALL: [Self; 2] = [Self::Change, Self::Wellbeing];

    /// The id of the Measure.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Change => "change",
            Self::Wellbeing => "wellbeing",
        }
    }

    /// What it is called.
    pub const fn title(self) -> &'static str {
        match self {
            Self::Change => "Change of satisfaction by theme",
            Self::Wellbeing => "Satisfaction by theme",
        }
    }

    /// The measure of an id.
    pub fn from_code(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|measure| measure.code() == code)
    }

    /// Its classes, the one to be wished for last.
    pub const fn classes(self) -> [Class; 3] {
        match self {
            Self::Change => [Class::Worse, Class::Same, Class::Better],
            Self::Wellbeing => [Class::Unsatisfied, Class::Between, Class::Satisfied],
        }
    }

    /// The class of a code, if it is one of this measure's.
    pub fn class(self, code: &str) -> Option<Class> {
        self.classes().into_iter().find(|class| class.code() == code)
    }
}

/// Into which of three a person falls, as to one theme.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Class {
    /// 0 to 3 of 10.
    Unsatisfied,
    /// 4 to 6.
    Between,
    /// 7 to 10.
    Satisfied,
    /// Less than at first.
    Worse,
    /// As much.
    Same,
    /// More.
    Better,
}

impl Class {
    /// The code in the guide's code system of indicators.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Unsatisfied => "unsatisfied",
            Self::Between => "between",
            Self::Satisfied => "satisfied",
            Self::Worse => "worse",
            Self::Same => "same",
            Self::Better => "better",
        }
    }
}

/// How old somebody is on the last day of the year.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Age {
    /// Minors.
    To17,
    /// 18 to 29.
    To29,
    /// 30 to 44.
    To44,
    /// 45 to 64.
    To64,
    /// 65 and more.
    From65,
}

impl Age {
    /// Every age group, the youngest first.
    pub const ALL: [Self; 5] = [Self::To17, Self::To29, Self::To44, Self::To64, Self::From65];

    /// The code in the guide's code system of age groups.
    pub const fn code(self) -> &'static str {
        match self {
            Self::To17 => "0-17",
            Self::To29 => "18-29",
            Self::To44 => "30-44",
            Self::To64 => "45-64",
            Self::From65 => "65-",
        }
    }

    /// The age group of a code.
    pub fn from_code(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|age| age.code() == code)
    }

    /// The age group of so many years; `None` before birth.
    pub const fn of(years: i16) -> Option<Self> {
        match years {
            i16::MIN..=-1 => None,
            0..=17 => Some(Self::To17),
            18..=29 => Some(Self::To29),
            30..=44 => Some(Self::To44),
            45..=64 => Some(Self::To64),
            65.. => Some(Self::From65),
        }
    }
}
