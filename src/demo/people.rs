//! The demo's people: at least forty, the same for the same seed and instant.
//!
//! Beside the way of a request. Each has a story, by which consents are attached elsewhere; every
//! municipality has one of each. Documents are native; nothing here is about anybody.

use std::{collections::BTreeSet, time::Duration};

use crate::{
    chance::{Chance, SeededChance},
    demo::{
        directory::{MUNICIPALITIES, Municipality},
        documents,
        texts::{FAMILY_FI, FAMILY_SV, GIVEN_FI, GIVEN_SV},
    },
    domain::{
        assessment::{AgeGroup, Assessment},
        class::{Class, ClassSet},
        coded::coded,
        day::{Day, Period},
        identity::IdentityCode,
        moment::Moment,
        person::{
            Contact, MinorStance, Name, Person, PersonSchema, Reach, Relation, Representation,
            Representative,
        },
        plan::Plan,
        words::{self, Language, LocalId, Words},
    },
    error::{Error, Result},
    native::{NativeKind, canonical},
};

coded! {
    /// What somebody is there to show.
    Story {
        /// Documents in two municipalities.
        TwoMunicipalities = "two-municipalities",
        /// Shares two themes.
        TwoThemes = "two-themes",
        /// Shares all themes.
        AllThemes = "all-themes",
        /// Shares own words too.
        FreeText = "free-text",
        /// Shares scores, but no own words.
        NoFreeText = "no-free-text",
        /// Shares nothing.
        NoGrant = "no-grant",
        /// Shared, and then prohibited.
        Prohibited = "prohibited",
        /// Shared for a time that is over.
        Expired = "expired",
        /// Shares from a day to come.
        Future = "future",
        /// Has a plan the county coordinates.
        CountyPlan = "county-plan",
        /// Is 14, and has a guardian.
        Child = "child",
        /// Has a turvakielto.
        NonDisclosure = "non-disclosure",
        /// Nothing special.
        Ordinary = "ordinary",
    }
}

/// What one municipality holds of somebody.
#[derive(Clone, Debug)]
pub struct Home {
    /// The municipality, and its node.
    pub municipality: Municipality,
    /// The person, as known there.
    pub person: Person,
    /// Assessments, oldest first.
    pub assessments: Vec<Assessment>,
    /// At most one plan.
    pub plan: Option<Plan>,
}

impl Home {
    /// Its documents as canonical JSON, in an order in which each names only earlier ones.
    ///
    /// # Errors
    /// [`crate::error::Kind::Internal`] if one cannot be written as JSON.
    pub fn documents(&self) -> Result<Vec<(NativeKind, LocalId, Vec<u8>)>> {
        let id = &self.person.id;
        let mut all = vec![(NativeKind::Person, id.clone(), canonical(&self.person)?)];
        for one in &self.assessments {
            all.push((NativeKind::Assessment, one.id.clone(), canonical(one)?));
        }
        if let Some(plan) = &self.plan {
            all.push((NativeKind::Plan, plan.id.clone(), canonical(plan)?));
        }
        Ok(all)
    }
}

/// Somebody.
#[derive(Clone, Debug)]
pub struct Somebody {
    /// What for.
    pub story: Story,
    /// Where; two for [`Story::TwoMunicipalities`], else one.
    pub homes: Vec<Home>,
}

/// Ordinary people of each municipality, beside one for each other story.
const ORDINARY: usize = 4;

/// Makes the people: the same seed and instant give the same bytes.
///
/// # Errors
/// [`crate::error::Kind::Internal`] if `now` is no instant a calendar knows.
pub fn people(seed: u64, now: Moment) -> Result<Vec<Somebody>> {
    let mut dice = Dice(SeededChance::new(seed));
    let special = Story::ALL.iter().copied().filter(|story| *story != Story::Ordinary);
    let stories: Vec<Story> = special.chain([Story::Ordinary; ORDINARY]).collect();
    let mut all = Vec::new();
    for (which, municipality) in MUNICIPALITIES.iter().enumerate() {
        for story in &stories {
            let number = u32::try_from(all.len()).unwrap_or(u32::MAX);
            let other = MUNICIPALITIES.iter().cycle().nth(which + 1);
            let (group, ages) = if *story == Story::Child {
                (AgeGroup::Fourteen, (14, 1))
            } else {
                (AgeGroup::Adult, (18, 11))
            };
            let cast = Cast { story: *story, number, now, municipality, other, group, ages };
            let one = somebody(&cast, &mut dice);
            all.push(one.ok_or_else(|| Error::internal("the demo's calendar ends here"))?);
        }
    }
    Ok(all)
}

/// The codes of the municipalities where people live.
pub fn municipalities() -> impl Iterator<Item = &'static str> {
    MUNICIPALITIES.iter().map(|municipality| municipality.code)
}

/// Each age group, with its least age and how many years it spans.
const AGES: [(AgeGroup, (usize, usize)); 5] = [
    (AgeGroup::Adult, (18, 48)),
    (AgeGroup::Seven, (7, 3)),
    (AgeGroup::Fourteen, (14, 4)),
    (AgeGroup::Families, (24, 22)),
    (AgeGroup::Ten, (10, 4)),
];

/// Makes so many people of all ages and gives each to `take`: the same for the same seed and instant, and
/// the first of many the same as of few.
///
/// # Errors
/// What `take` refuses; `Internal` if `now` is no instant a calendar knows.
pub fn crowd(
    count: u32,
    seed: u64,
    now: Moment,
    mut take: impl FnMut(&Somebody) -> Result<()>,
) -> Result<()> {
    let adults =
        [Story::Ordinary, Story::TwoMunicipalities, Story::CountyPlan, Story::NonDisclosure];
    let mut dice = Dice(SeededChance::new(seed));
    let mut codes = BTreeSet::new();
    let beyond = || Error::internal("the calendar ends here");
    for number in 0..count {
        let at = usize::try_from(number).unwrap_or_default();
        let place = at + at / MUNICIPALITIES.len();
        let municipality = MUNICIPALITIES.iter().cycle().nth(place % 3).ok_or_else(beyond)?;
        let other = MUNICIPALITIES.iter().cycle().nth(place % 3 + 1);
        let (group, ages) = AGES.iter().cycle().nth(at % AGES.len()).copied().ok_or_else(beyond)?;
        let story = match group {
            AgeGroup::Seven | AgeGroup::Ten | AgeGroup::Fourteen => Story::Child,
            AgeGroup::Adult | AgeGroup::Families => dice.pick(&adults).ok_or_else(beyond)?,
        };
        let cast = Cast { story, number, now, municipality, group, ages, other };
        // A day has a hundred codes that are issued to nobody, so now and then one is taken.
        let free = (0..100).find_map(|_| {
            let one = somebody(&cast, &mut dice)?;
            let code = one.homes.first()?.person.identity_code.as_ref()?.reveal().to_owned();
            codes.insert(code).then_some(one)
        });
        take(&free.ok_or_else(beyond)?)?;
    }
    Ok(())
}

/// Repeatable chance, read as numbers.
pub(super) struct Dice(SeededChance);

impl Dice {
    /// 0 up to `end`, without it.
    pub(super) fn below(&mut self, end: usize) -> usize {
        let mut bytes = [0; 4];
        self.0.fill(&mut bytes);
        usize::try_from(u32::from_le_bytes(bytes)).unwrap_or(0) % end.max(1)
    }

    /// One of a list; `None` if it is empty.
    pub(super) fn pick<T: Copy>(&mut self, list: &[T]) -> Option<T> {
        list.get(self.below(list.len())).copied()
    }
}

/// What is settled about somebody before the dice are thrown.
pub(super) struct Cast<'a> {
    pub(super) story: Story,
    pub(super) number: u32,
    pub(super) now: Moment,
    pub(super) municipality: &'a Municipality,
    /// For whom the survey's wording is.
    pub(super) group: AgeGroup,
    /// Least age, and how many years it may be from.
    ages: (usize, usize),
    other: Option<&'a Municipality>,
}

impl Cast<'_> {
    /// Every fourth person of Espoo speaks Swedish.
    pub(super) fn swedish(&self) -> bool {
        self.municipality.code == "049" && self.number.is_multiple_of(4)
    }

    pub(super) fn language(&self) -> Option<Language> {
        Language::parse(if self.swedish() { "sv" } else { "fi" })
    }

    /// The instant so many days ago.
    pub(super) fn ago(&self, days: u64) -> Moment {
        self.now.minus(Duration::from_secs(days * 86_400))
    }

    /// Of the hundred codes of a day that are issued to nobody.
    fn code(&self) -> u16 {
        900 + u16::try_from(self.number % 100).unwrap_or_default()
    }

    /// A local id: the system's own number, a word, and the person's number.
    pub(super) fn local(&self, at: &Municipality, word: &str) -> Option<LocalId> {
        LocalId::parse(&format!("{}-{word}-{:03}", at.slug, self.number + 1))
    }
}

fn somebody(cast: &Cast<'_>, dice: &mut Dice) -> Option<Somebody> {
    let person = person(cast, dice)?;
    let mut homes = vec![Home {
        municipality: *cast.municipality,
        assessments: documents::assessments(cast, cast.municipality, &person, dice)?,
        plan: None,
        person,
    }];
    if let (Story::TwoMunicipalities, Some(other)) = (cast.story, cast.other) {
        let first = homes.first()?;
        let person = Person { id: cast.local(other, "p")?, ..first.person.clone() };
        let assessments = documents::assessments(cast, other, &person, dice)?;
        homes.push(Home { municipality: *other, person, assessments, plan: None });
    }
    // Every third ordinary person has no plan.
    let planless = cast.story == Story::Ordinary && cast.number.is_multiple_of(3);
    for home in homes.iter_mut().filter(|_| !planless) {
        home.plan = Some(documents::plan(cast, home, dice)?);
    }
    Some(Somebody { story: cast.story, homes })
}

fn person(cast: &Cast<'_>, dice: &mut Dice) -> Option<Person> {
    let child = cast.story == Story::Child;
    // And some weeks.
    let years = match cast.ages {
        (least, 1) => least,
        (least, span) => least + dice.below(span),
    };
    let days = u64::try_from(years).ok()? * 366 + 20 + u64::try_from(dice.below(200)).ok()?;
    let born = Day::in_finland(cast.ago(days))?;
    let name = name(cast, dice)?;
    let mut person = Person {
        schema: PersonSchema::V1,
        id: cast.local(cast.municipality, "p")?,
        birth_date: Some(born),
        identity_code: Some(IdentityCode::invent(born, cast.code())?),
        language: Some(cast.language()?),
        municipality: words::Municipality::parse(cast.municipality.code),
        contact: Some(contact(cast)?),
        non_disclosure: cast.story == Story::NonDisclosure,
        representation: Vec::new(),
        minor_stance: None,
        name,
    };
    if child {
        person.minor_stance = Some(MinorStance::Allows);
        person.representation.push(guardian(cast, &person, born, dice)?);
    }
    Some(person)
}

fn name(cast: &Cast<'_>, dice: &mut Dice) -> Option<Name> {
    let (given, family) = if cast.swedish() {
        ([dice.pick(&GIVEN_SV)?, dice.pick(&GIVEN_SV)?], dice.pick(&FAMILY_SV)?)
    } else {
        ([dice.pick(&GIVEN_FI)?, dice.pick(&GIVEN_FI)?], dice.pick(&FAMILY_FI)?)
    };
    let given = given.into_iter().map(Words::parse).collect::<Option<_>>()?;
    Some(Name { given, family: Words::parse(family)? })
}

/// Domains and numbers that reach nobody.
fn contact(cast: &Cast<'_>) -> Option<Contact> {
    let number = cast.number + 1;
    let street = format!("Esimerkkikatu {number}, {}", cast.municipality.name.fi);
    Some(Contact {
        phone: Words::parse(&format!("+358 00 000 {number:04}")),
        email: Words::parse(&format!("asukas{number:03}@example.org")),
        address: Some(Words::parse(&street)?),
    })
}

fn guardian(cast: &Cast<'_>, child: &Person, born: Day, dice: &mut Dice) -> Option<Representation> {
    let own = Day::in_finland(cast.ago(42 * 366 + u64::from(cast.number / 100 % 3000)))?;
    let given = dice.pick(&GIVEN_FI)?;
    Some(Representation {
        id: LocalId::parse("r-1")?,
        who: Representative {
            name: Words::parse(&format!("{given} {}", child.name.family.as_str()))?,
            identity_code: Some(IdentityCode::invent(own, cast.code())?),
        },
        relation: Relation::Guardian,
        themes: Reach::All,
        classes: ClassSet::EMPTY.with(Class::Contact),
        period: Period { start: Some(born), end: Some(born.plus_years(18)) },
    })
}
