//! The assessments and plans of the demo's people.
//!
//! Beside the way of a request. Stories decide what must be there (housing, studies and own words for
//! those who share them); chance decides the rest.

use crate::{
    demo::{
        directory::{CHILD, Field, Municipality, PSYCHIATRY, SOCIAL, STUDENT, SUBSTANCE, YOUTH},
        people::{Cast, Dice, Home, Story},
        texts::{PLAN_FI, PLAN_SV, PlanTexts, REMARKS, WISHES},
    },
    domain::{
        assessment::{
            Answer, AnsweredBy, Assessment, AssessmentSchema, AssessmentStatus, Form, Register,
            Score,
        },
        day::{Day, Period},
        person::Person,
        plan::{
            Achievement, Action, ActionStatus, FollowUp, FollowUpStatus, Goal, GoalStatus, Member,
            Performer, Plan, PlanSchema, PlanStatus, Quantity, Role, Service, ServiceState, SetBy,
            Target, Views,
        },
        theme::{Theme, ThemeSet},
        words::{Code, LocalId, Words},
    },
};

/// One to three assessments, oldest first; the newest is whole, except for ordinary people.
pub(super) fn assessments(
    cast: &Cast<'_>,
    at: &Municipality,
    person: &Person,
    dice: &mut Dice,
) -> Option<Vec<Assessment>> {
    let count = 1 + usize::try_from(cast.number % 3).ok()?;
    let mut all = Vec::new();
    for number in 1..=count {
        let newest = number == count;
        let form = if newest == (cast.number % 4 != 3) { Form::Thirty } else { Form::Ten };
        let whole = newest && cast.story != Story::Ordinary;
        let status = if whole || dice.below(3) > 0 {
            AssessmentStatus::Completed
        } else {
            AssessmentStatus::InProgress
        };
        let days = u64::try_from((count - number) * 120 + 30 + dice.below(20)).ok()?;
        all.push(Assessment {
            schema: AssessmentSchema::V1,
            id: cast.local(at, &format!("a{number}"))?,
            person: person.id.clone(),
            identifier: None,
            form,
            form_version: None,
            age_group: cast.group,
            status,
            authored: cast.ago(days),
            answered_by: AnsweredBy::Person,
            language: cast.language()?,
            register: Some(register(&YOUTH)?),
            answers: answers(cast, form, whole, dice)?,
        });
    }
    Some(all)
}

fn register(field: &Field) -> Option<Register> {
    Some(Register {
        code: Code::parse(field.register)?,
        service_task: Some(Code::parse(field.code)?),
        sector: None,
    })
}

fn answers(cast: &Cast<'_>, form: Form, whole: bool, dice: &mut Dice) -> Option<Vec<Answer>> {
    let mut all = Vec::new();
    for (theme, fi, sv) in WISHES {
        if !whole && dice.below(4) == 0 {
            continue;
        }
        let wish = Words::parse(if cast.swedish() { sv } else { fi })?;
        let (fi, sv) = dice.pick(&REMARKS)?;
        let remark = Words::parse(if cast.swedish() { sv } else { fi })?;
        let says = whole || dice.below(2) == 0;
        let thirty = form == Form::Thirty;
        all.push(Answer {
            theme,
            importance: thirty.then(|| score(dice)).flatten(),
            satisfaction: score(dice),
            future: (thirty && says).then_some(wish),
            comment: (!thirty && says).then_some(remark),
        });
    }
    Some(all)
}

fn score(dice: &mut Dice) -> Option<Score> {
    u8::try_from(dice.below(11)).ok().and_then(Score::new)
}

/// The plan at one home.
pub(super) fn plan(cast: &Cast<'_>, home: &Home, dice: &mut Dice) -> Option<Plan> {
    let at = &home.municipality;
    let texts = if cast.swedish() { &PLAN_SV } else { &PLAN_FI };
    let id = cast.local(at, "w")?;
    Some(Plan {
        schema: PlanSchema::V1,
        id,
        person: home.person.id.clone(),
        status: PlanStatus::Active,
        title: Words::parse(texts.title),
        period: Period { start: Some(day(cast, 25)?), end: Some(day(cast, 25)?.plus_years(1)) },
        created: cast.ago(25),
        updated: Some(cast.ago(3)),
        assessments: home.assessments.iter().map(|one| one.id.clone()).collect(),
        views: Some(Views {
            person: Words::parse(texts.person),
            professional: Words::parse(texts.professional),
        }),
        goals: goals(cast, home, texts)?,
        services: services(cast, at, texts, dice)?,
        actions: actions(texts)?,
        team: team(cast, at)?,
        follow_up: vec![FollowUp {
            id: LocalId::parse("f-1")?,
            identifier: None,
            date: day(cast, 5)?,
            text: Words::parse(texts.review),
            status: FollowUpStatus::Completed,
        }],
        register: Some(register(&SOCIAL)?),
    })
}

fn day(cast: &Cast<'_>, ago: u64) -> Option<Day> {
    Day::in_finland(cast.ago(ago))
}

fn goals(cast: &Cast<'_>, home: &Home, texts: &PlanTexts) -> Option<Vec<Goal>> {
    let measured = home.assessments.last().map(|one| one.id.clone());
    let goal = |id: &str, themes: [Theme; 2], words: &str, set_by| {
        let [first, _] = themes;
        let due = Some(day(cast, 25)?.plus_years(1));
        Some(Goal {
            id: LocalId::parse(id)?,
            identifier: None,
            themes: ThemeSet::from_iter(themes),
            concerns: Vec::new(),
            words: Words::parse(words)?,
            set_by,
            status: GoalStatus::Active,
            start: day(cast, 25),
            target: Some(Target { theme: first, satisfaction: Score::new(8)?, due }),
            achievement: Some(Achievement::InProgress),
            assessment: measured.clone(),
        })
    };
    Some(vec![
        goal("g-1", [Theme::Housing, Theme::Finance], texts.home, SetBy::Person)?,
        goal("g-2", [Theme::StudiesWork, Theme::Resilience], texts.study, SetBy::Together)?,
    ])
}

/// The sensitive unit somebody is a client of, if any.
fn sensitive(cast: &Cast<'_>) -> Option<&'static Field> {
    match (cast.story, cast.number % 4) {
        (Story::Child, _) => Some(&CHILD),
        (_, 0) => Some(&PSYCHIATRY),
        (_, 1) => Some(&SUBSTANCE),
        (_, 2) if cast.story != Story::Ordinary => Some(&CHILD),
        _ => None,
    }
}

fn services(
    cast: &Cast<'_>,
    at: &Municipality,
    texts: &PlanTexts,
    dice: &mut Dice,
) -> Option<Vec<Service>> {
    let service = |id: &str, field: &Field, themes: &[Theme], granted: bool| {
        let state = if granted { ServiceState::Granted } else { ServiceState::Planned };
        Some(Service {
            id: LocalId::parse(id)?,
            identifier: None,
            service: at.service(field)?,
            themes: themes.iter().copied().collect(),
            state,
            decided: granted.then(|| day(cast, 15)).flatten(),
            period: granted.then_some(Period { start: day(cast, 10), end: None }),
            quantity: None,
            note: granted.then(|| Words::parse(texts.note)).flatten(),
        })
    };
    let youth = Quantity { value: 10, unit: Words::parse("h")? };
    let mut all = vec![
        Service {
            quantity: Some(youth),
            ..service("s-1", &YOUTH, &[Theme::StudiesWork, Theme::Friends], true)?
        },
        service("s-2", &SOCIAL, &[Theme::Housing, Theme::Finance], dice.below(2) == 0)?,
        service("s-3", &STUDENT, &[Theme::Health], false)?,
    ];
    if let Some(field) = sensitive(cast) {
        let themes = [Theme::Health, Theme::Resilience];
        all.push(service("s-4", field, &themes, cast.story != Story::Ordinary)?);
    }
    Some(all)
}

fn actions(texts: &PlanTexts) -> Option<Vec<Action>> {
    let action = |id: &str, theme, text: &str, status, performer, goal: &str| {
        Some(Action {
            id: LocalId::parse(id)?,
            identifier: None,
            themes: ThemeSet::EMPTY.with(theme),
            text: Words::parse(text)?,
            status,
            performer,
            due: None,
            goal: Some(LocalId::parse(goal)?),
        })
    };
    let manager = Performer::Member(LocalId::parse("m-1")?);
    let (home, study) = (Theme::Housing, Theme::StudiesWork);
    Some(vec![
        action("t-1", home, texts.apply, ActionStatus::InProgress, Performer::Person, "g-1")?,
        action("t-2", study, texts.invite, ActionStatus::Planned, manager, "g-2")?,
    ])
}

fn team(cast: &Cast<'_>, at: &Municipality) -> Option<Vec<Member>> {
    let member = |id: &str, role, field: &Field, number: u8, active: bool| {
        let end = if active { None } else { day(cast, 12) };
        Some(Member {
            id: LocalId::parse(id)?,
            practitioner: at.practitioner(field, number)?,
            role,
            organization: at.unit(field)?,
            active,
            period: Some(Period { start: day(cast, 25), end }),
        })
    };
    let mut manager = member("m-1", Role::CaseManager, &YOUTH, 1, true)?;
    if cast.story == Story::CountyPlan {
        manager.practitioner = at.coordinator()?;
        manager.organization = at.county_organization()?;
    }
    let mut all = vec![
        manager,
        member("m-2", Role::OwnWorker, &SOCIAL, 1, true)?,
        member("m-3", Role::CaseManager, &SOCIAL, 2, false)?,
    ];
    if let Some(field) = sensitive(cast) {
        all.push(member("m-4", Role::Professional, field, 1, true)?);
    }
    Some(all)
}
