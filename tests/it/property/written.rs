//! A welfare plan goes through FHIR and back and is what it was; and what is made of a plan in FHIR alone
//! comes out as the FHIR it was made of.

use mylife::{
    domain::{
        moment::Moment,
        plan::{Member, Performer, Plan},
        words::LocalId,
    },
    mapping::{
        kept,
        planned::{self, Names},
    },
};
use proptest::prelude::*;
use serde_json::Value;

use super::{
    MANY,
    validity::Mapped,
    world::{Somebody, somebody},
};

/// The resources of somebody's one plan, whole, the plan and its team first.
fn resources(mapped: &Mapped) -> Vec<(String, Value)> {
    let of_plan = mapped.resources().filter(|resource| resource.kind.is_planned());
    let mut all: Vec<_> = of_plan
        .filter_map(|one| Some((format!("{}/{}", one.kind.name(), one.id), kept::whole(one).ok()?)))
        .collect();
    all.sort_by_key(|(name, _)| (!name.starts_with("CarePlan/"), !name.starts_with("CareTeam/")));
    all
}

/// The plan into which all of it has been put.
fn put_all(mapped: &Mapped, mut plan: Plan) -> Plan {
    let held = &mapped.compartment().plans[0];
    let mut names = Names::of(mapped.compartment(), &held.owner);
    names.add_parts(held);
    for (name, resource) in resources(mapped) {
        let new = |n: usize| LocalId::parse(&format!("new-{n}")).unwrap();
        names.add_members((0..planned::members(&resource)).map(new).collect());
        let part = names.part(&name).cloned().unwrap_or_else(|| new(0));
        let kind = mylife::fhir::types::ResourceType::parse(name.split('/').next().unwrap());
        let put = planned::put(&mut plan, kind.unwrap(), &part, &resource, &names);
        put.unwrap_or_else(|faults| panic!("{faults:?} in {resource}"));
    }
    plan
}

/// Somebody's plan, in which no action points at what is not there: no such plan is taken.
fn plan_of(one: &Somebody) -> Option<Plan> {
    let mut plan = one.plans.first()?.last()?.clone();
    for action in &mut plan.actions {
        let is_there = |goal: &LocalId| plan.goals.iter().any(|one| one.id == *goal);
        action.goal = action.goal.take().filter(is_there);
        let is_of_team = |id: &LocalId| plan.team.iter().any(|member| member.id == *id);
        if matches!(&action.performer, Performer::Member(id) if !is_of_team(id)) {
            action.performer = Performer::Person;
        }
    }
    Some(plan)
}

fn with(one: &Somebody, plan: Plan) -> Somebody {
    Somebody { plans: vec![vec![plan]], ..one.clone() }
}

/// Those who are in the team, then those who were.
fn in_order(plan: &Plan) -> Plan {
    let (now, before): (Vec<Member>, Vec<Member>) =
        plan.team.iter().cloned().partition(|member| member.active);
    Plan { team: [now, before].concat(), ..plan.clone() }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(MANY))]

    #[test]
    fn what_is_read_and_put_back_is_the_same_plan(one in somebody()) {
        let Some(plan) = plan_of(&one) else { return Ok(()) };
        let mapped = Mapped::of(&with(&one, plan.clone()));
        prop_assert!(put_all(&mapped, plan.clone()) == in_order(&plan), "{:?}", resources(&mapped));
    }

    #[test]
    fn what_is_made_of_fhir_comes_out_as_it_went_in(one in somebody()) {
        let Some(mut plan) = plan_of(&one) else { return Ok(()) };
        // Of who has left a team FHIR tells nothing.
        plan.team.iter_mut().for_each(|member| member.active = true);
        let mapped = Mapped::of(&with(&one, plan.clone()));
        let person = plan.person.as_str().into();
        let empty = planned::empty(plan.id.clone(), &person, Moment::MIN).unwrap();
        let made = put_all(&mapped, empty);
        let again = Mapped::of(&with(&one, made));
        let (before, after) = (resources(&mapped), resources(&again));
        prop_assert_eq!(before.len(), after.len());
        for ((name, sent), (_, kept)) in before.iter().zip(&after) {
            let lost = kept::differences(sent, kept);
            prop_assert!(lost.is_empty(), "{}: {:?}: {} became {}", name, lost, sent, kept);
            prop_assert!(kept::differences(kept, sent).is_empty(), "{} has more than {}", kept, sent);
        }
    }
}
