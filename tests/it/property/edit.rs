//! Changes to what a gateway holds; only those that a reader may not see are kept.

use mylife::domain::{
    assessment::{Answer, Assessment, Form, Score},
    person::Person,
    plan::{Action, Goal, Member, Performer, Plan, Service, Views},
    theme::Theme,
};
use proptest::{option, prelude::*, sample::select};

use super::{
    oracle::{ground, visible},
    past::alike,
    reader::Reader,
    world::{
        Somebody, THEMES, Wish, World, actions, answer, assessment, goals, identified, local,
        person, plan, services, somebody, team, wish, words,
    },
};

/// One change; numbers are taken modulo what there is.
#[derive(Clone, Debug)]
pub(super) enum Edit {
    /// A score of an answer, or a remark, in a version of an assessment.
    Answer(usize, usize, Theme, u8, Option<u8>),
    /// A whole answer.
    AnswerAnew(usize, usize, Box<Answer>),
    /// A whole assessment.
    Assessment(Vec<Assessment>),
    /// A whole plan.
    Plan(Vec<Plan>),
    /// A later version of an assessment or plan, equal so far.
    Again(usize, bool),
    /// A part of a version of a plan: the part, where it stands, put there or taken away.
    Part(usize, usize, Box<Part>, usize, bool),
    /// What somebody said in a version of a plan: which remark, of which part.
    Said(usize, usize, u8, usize, Option<u8>),
    /// To what a part refers, or by what a system knows it: which, of which part.
    Refers(usize, usize, u8, usize, Option<u8>),
    /// A version of the person.
    Person(usize, Box<Person>, bool),
    /// A consent.
    Consent(Wish),
    /// Another person.
    Stranger(Somebody),
}

/// A part of a plan.
#[derive(Clone, Debug)]
pub(super) enum Part {
    Goal(Goal),
    Service(Service),
    Action(Action),
    Member(Member),
}

pub(super) fn edits() -> impl Strategy<Value = Edit> {
    let at = || (0..4_usize, 0..4_usize);
    let number = || option::weighted(0.7, 0..3_u8);
    let theme = select(THEMES.to_vec());
    let anew = select(vec![Form::Thirty, Form::Ten]).prop_flat_map(answer).prop_map(Box::new);
    let part = prop_oneof![
        goals().prop_filter_map("a goal", |g| g.into_iter().next().map(Part::Goal)),
        services().prop_filter_map("a service", |s| s.into_iter().next().map(Part::Service)),
        actions().prop_filter_map("an action", |a| a.into_iter().next().map(Part::Action)),
        team().prop_filter_map("a member", |m| m.into_iter().next().map(Part::Member)),
    ];
    let put = prop::bool::weighted(0.7);
    prop_oneof![
        4 => (at(), theme, 0..3_u8, number())
            .prop_map(|((d, v), t, w, n)| Edit::Answer(d, v, t, w, n)),
        2 => (at(), anew).prop_map(|((d, v), a)| Edit::AnswerAnew(d, v, a)),
        1 => assessment().prop_map(Edit::Assessment),
        1 => plan().prop_map(Edit::Plan),
        3 => (0..4_usize, any::<bool>()).prop_map(|(d, plan)| Edit::Again(d, plan)),
        4 => (at(), part.prop_map(Box::new), 0..4_usize, put)
            .prop_map(|((d, v), p, place, put)| Edit::Part(d, v, p, place, put)),
        4 => (at(), 0..7_u8, 0..3_usize, number())
            .prop_map(|((d, v), what, of, n)| Edit::Said(d, v, what, of, n)),
        2 => (at(), 0..8_u8, 0..3_usize, number())
            .prop_map(|((d, v), what, of, n)| Edit::Refers(d, v, what, of, n)),
        1 => (0..2_usize, person().prop_map(Box::new), any::<bool>())
            .prop_map(|(v, p, more)| Edit::Person(v, p, more)),
        2 => wish().prop_map(Edit::Consent),
        1 => somebody().prop_map(Edit::Stranger),
    ]
}

/// The world after those edits that change nothing the reader may see; how many were kept.
pub(super) fn apply(world: &World, reader: &Reader, edits: &[Edit]) -> (World, usize) {
    let (before, rests_on) = (visible(world, reader), ground(world, reader));
    // What is gone was there once, so what was before counts too.
    apply_to(world, edits, |next| {
        ground(next, reader) == rests_on
            && visible(next, reader) == before
            && alike(world, next, reader)
    })
}

/// The world after those edits that may be made; how many were kept.
pub(super) fn apply_to(
    world: &World,
    edits: &[Edit],
    may: impl Fn(&World) -> bool,
) -> (World, usize) {
    let (mut now, mut kept) = (world.clone(), 0);
    for edit in edits {
        let mut next = now.clone();
        if edit.make(&mut next).is_some() && may(&next) {
            now = next;
            kept += 1;
        }
    }
    (now, kept)
}

fn pick<T>(of: &mut [T], at: usize) -> Option<&mut T> {
    let length = of.len();
    of.get_mut(at.checked_rem(length)?)
}

impl Edit {
    /// Makes the change; nothing if there is nothing to change.
    fn make(&self, world: &mut World) -> Option<()> {
        let one = world.people.first_mut()?;
        match self {
            Self::Answer(d, v, theme, which, number) => {
                let version = pick(pick(&mut one.assessments, *d)?, *v)?;
                change_answer(version, *theme, *which, *number)?;
            }
            Self::AnswerAnew(d, v, answer) => {
                let version = pick(pick(&mut one.assessments, *d)?, *v)?;
                version.answers.retain(|a| a.theme != answer.theme);
                let place = usize::from(answer.theme as u8) % (version.answers.len() + 1);
                version.answers.insert(place, (**answer).clone());
                version.answers.sort_by_key(|a| a.theme);
            }
            Self::Assessment(versions) => {
                let id = local(format!("a{}", one.assessments.len()));
                let named = versions.iter().map(|v| Assessment { id: id.clone(), ..v.clone() });
                one.assessments.push(named.collect());
            }
            Self::Plan(versions) => one.plans.push(versions.clone()),
            Self::Again(d, true) => again(pick(&mut one.plans, *d)?)?,
            Self::Again(d, false) => again(pick(&mut one.assessments, *d)?)?,
            Self::Part(d, v, part, place, put) => {
                let version = pick(pick(&mut one.plans, *d)?, *v)?;
                part.put(version, *place, *put);
            }
            Self::Said(d, v, what, of, number) => {
                let version = pick(pick(&mut one.plans, *d)?, *v)?;
                say(version, *what, *of, *number)?;
            }
            Self::Refers(d, v, what, of, number) => {
                let version = pick(pick(&mut one.plans, *d)?, *v)?;
                refer(version, *what, *of, *number)?;
            }
            Self::Person(_, person, true) if one.person.len() < 3 => {
                one.person.push((**person).clone());
            }
            Self::Person(v, person, _) => *pick(&mut one.person, *v)? = (**person).clone(),
            Self::Consent(wish) if one.consents.len() < 6 => one.consents.push(wish.clone()),
            Self::Consent(wish) => *one.consents.last_mut()? = wish.clone(),
            Self::Stranger(other) if world.people.len() < 4 => world.people.push(other.clone()),
            Self::Stranger(other) => *world.people.last_mut()? = other.clone(),
        }
        Some(())
    }
}

fn again<T: Clone>(versions: &mut Vec<T>) -> Option<()> {
    if versions.len() > 3 {
        return None;
    }
    versions.push(versions.last()?.clone());
    Some(())
}

fn change_answer(
    version: &mut Assessment,
    theme: Theme,
    which: u8,
    number: Option<u8>,
) -> Option<()> {
    let (score, said) = (number.and_then(|n| Score::new(n * 3)), number.map(words));
    let thirty = version.form == Form::Thirty;
    let answer = version.answers.iter_mut().find(|a| a.theme == theme)?;
    match (which, thirty) {
        (0, true) => answer.importance = score,
        (1, _) | (0, false) => answer.satisfaction = score,
        (_, true) => answer.future = said,
        (_, false) => answer.comment = said,
    }
    version.answers.retain(|a| {
        a.importance.is_some()
            || a.satisfaction.is_some()
            || a.future.is_some()
            || a.comment.is_some()
    });
    Some(())
}

/// Puts a part at a place, in stead of the one of its id, or takes that one away.
fn put<T: Clone>(all: &mut Vec<T>, one: &T, same: impl Fn(&T) -> bool, place: usize, put: bool) {
    let old = all.iter().position(same);
    if let Some(at) = old {
        all.remove(at);
    }
    if put {
        let place = old.unwrap_or(place % (all.len() + 1));
        all.insert(place, one.clone());
    }
}

impl Part {
    fn put(&self, plan: &mut Plan, place: usize, is_put: bool) {
        match self {
            Self::Goal(g) => put(&mut plan.goals, g, |o| o.id == g.id, place, is_put),
            Self::Service(s) => put(&mut plan.services, s, |o| o.id == s.id, place, is_put),
            Self::Action(a) => put(&mut plan.actions, a, |o| o.id == a.id, place, is_put),
            Self::Member(m) => put(&mut plan.team, m, |o| o.id == m.id, place, is_put),
        }
    }
}

fn say(plan: &mut Plan, what: u8, of: usize, number: Option<u8>) -> Option<()> {
    let said = number.map(words);
    let mut views = plan.views.clone().unwrap_or(Views { person: None, professional: None });
    match what {
        0 => plan.title = said,
        1 => views.person = said,
        2 => views.professional = said,
        3 => pick(&mut plan.goals, of)?.words = said?,
        4 => pick(&mut plan.services, of)?.note = said,
        5 => pick(&mut plan.actions, of)?.text = said?,
        _ => pick(&mut plan.follow_up, of)?.text = said,
    }
    plan.views = Some(views).filter(|v| v.person.is_some() || v.professional.is_some());
    Some(())
}

fn refer(plan: &mut Plan, what: u8, of: usize, number: Option<u8>) -> Option<()> {
    let to = |letter: char| number.map(|n| local(format!("{letter}{n}")));
    match what {
        0 => {
            let to = to('a')?;
            if plan.assessments.contains(&to) {
                plan.assessments.retain(|a| *a != to);
            } else {
                let place = of % (plan.assessments.len() + 1);
                plan.assessments.insert(place, to);
            }
        }
        1 => pick(&mut plan.goals, of)?.assessment = to('a'),
        2 => pick(&mut plan.actions, of)?.goal = to('g'),
        4 => pick(&mut plan.goals, of)?.identifier = number.map(identified),
        5 => pick(&mut plan.services, of)?.identifier = number.map(identified),
        6 => pick(&mut plan.actions, of)?.identifier = number.map(identified),
        7 => pick(&mut plan.follow_up, of)?.identifier = number.map(identified),
        _ => {
            let by = to('m').map_or(Performer::Person, Performer::Member);
            pick(&mut plan.actions, of)?.performer = by;
        }
    }
    Some(())
}
