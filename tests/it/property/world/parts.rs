//! What the plans of the properties' people consist of.

use mylife::domain::{
    assessment::Score,
    day::Period,
    plan::{
        Achievement, Action, ActionStatus, FollowUp, FollowUpStatus, Goal, GoalStatus, Member,
        Performer, Quantity, Role, Service, ServiceState, SetBy, Target,
    },
    theme::Theme,
};
use proptest::{collection::btree_map, option, prelude::*, sample::select};

use super::{date, listed, local, score, source::identifier, themes, words};

pub(in super::super) fn goals() -> impl Strategy<Value = Vec<Goal>> {
    let goal = (
        themes(1),
        0..3_u8,
        select(vec![SetBy::Person, SetBy::Professional]),
        select(vec![GoalStatus::Active, GoalStatus::Completed]),
        (option::of(score()), any::<bool>(), any::<bool>(), option::of(0..3_u8)),
        option::of(identifier()),
    );
    btree_map(0..3_u8, goal, 0..3).prop_map(|goals| {
        let goal = |(id, goal): (u8, (Vec<Theme>, _, _, _, _, _))| {
            let (themes, said, set_by, status, more, identifier) = goal;
            let (target, started, fares, assessment): (Option<Option<Score>>, _, _, Option<u8>) =
                more;
            let theme = *themes.first().unwrap();
            Goal {
                id: local(format!("g{id}")),
                identifier,
                themes: themes.into_iter().collect(),
                concerns: Vec::new(),
                words: words(said),
                set_by,
                status,
                start: Some(date("2026-02-01")).filter(|_| started),
                target: target.flatten().map(|satisfaction| Target {
                    theme,
                    satisfaction,
                    due: None,
                }),
                achievement: Some(Achievement::Improving).filter(|_| fares),
                assessment: assessment.map(|n| local(format!("a{n}"))),
            }
        };
        goals.into_iter().map(goal).collect()
    })
}

pub(in super::super) fn services() -> impl Strategy<Value = Vec<Service>> {
    let states = vec![ServiceState::Planned, ServiceState::Granted, ServiceState::Ended];
    let service = (
        select(vec!["297.svc.youth", "297.svc.mind", "297.svc.gone"]),
        themes(0),
        select(states),
        option::of(0..3_u8),
        any::<bool>(),
        option::of(identifier()),
    );
    btree_map(0..3_u8, service, 0..3).prop_map(|services| {
        let service = |(id, service): (u8, (_, Vec<Theme>, _, _, _, _))| {
            let (service, themes, state, note, much, identifier) = service;
            Service {
                id: local(format!("s{id}")),
                identifier,
                service: listed(service),
                themes: themes.into_iter().collect(),
                state,
                decided: Some(date("2026-03-01")).filter(|_| state != ServiceState::Planned),
                period: Some(Period { start: Some(date("2026-03-02")), end: None })
                    .filter(|_| much),
                quantity: Some(Quantity { value: 10, unit: words(1) }).filter(|_| much),
                note: Option::<u8>::map(note, words),
            }
        };
        services.into_iter().map(service).collect()
    })
}

pub(in super::super) fn actions() -> impl Strategy<Value = Vec<Action>> {
    let action = (
        themes(0),
        0..3_u8,
        select(vec![ActionStatus::Planned, ActionStatus::Completed]),
        option::of(0..3_u8),
        option::of(0..3_u8),
        option::of(identifier()),
    );
    btree_map(0..3_u8, action, 0..3).prop_map(|actions| {
        let action = |(id, action): (u8, (Vec<Theme>, _, _, _, _, _))| {
            let (themes, text, status, by, goal, identifier) = action;
            let by = Option::<u8>::map(by, |n| Performer::Member(local(format!("m{n}"))));
            Action {
                id: local(format!("t{id}")),
                identifier,
                themes: themes.into_iter().collect(),
                text: words(text),
                status,
                performer: by.unwrap_or(Performer::Person),
                due: Some(date("2026-09-01")).filter(|_| text == 0),
                goal: Option::<u8>::map(goal, |n| local(format!("g{n}"))),
            }
        };
        actions.into_iter().map(action).collect()
    })
}

pub(in super::super) fn team() -> impl Strategy<Value = Vec<Member>> {
    let unit = select(vec!["youth", "mind"]);
    btree_map(0..3_u8, (unit, any::<bool>()), 0..3).prop_map(|members| {
        let member = |(id, (unit, active)): (u8, (&str, bool))| Member {
            id: local(format!("m{id}")),
            practitioner: listed(&format!("297.prac.{unit}")),
            role: if id == 0 { Role::CaseManager } else { Role::Professional },
            organization: listed(&format!("297.org.{unit}")),
            active,
            period: Some(Period { start: Some(date("2026-01-15")), end: None }).filter(|_| active),
        };
        members.into_iter().map(member).collect()
    })
}

pub(super) fn follow_ups() -> impl Strategy<Value = Vec<FollowUp>> {
    let day = (option::of(0..3_u8), option::of(identifier()));
    btree_map(0..2_u8, day, 0..2).prop_map(|all| {
        let one = |(id, (text, identifier)): (u8, (Option<u8>, _))| FollowUp {
            id: local(format!("f{id}")),
            identifier,
            date: date("2026-05-05"),
            text: text.map(words),
            status: FollowUpStatus::Planned,
        };
        all.into_iter().map(one).collect()
    })
}
