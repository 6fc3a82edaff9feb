//! A collective plan of one person over three holders, asked of the portal.
//!
//! Beside `operations`. What the portal itself does for it is the CPU time of the thread that serves it: what
//! holders and client spend is on threads of their own. The time until it is there is told beside the time
//! that the slowest holder alone takes; with five threads on few cores they wait for each other.

use std::path::Path;

use mylife::{
    demo::{
        client::Ask,
        clients::{COUNTY, client},
        directory::SOCIAL,
        loading::Resident,
        nodes::Node,
        people::Home,
        rules::Draft,
    },
    domain::{plan::Plan, theme::Theme},
};
use serde_json::{Value, json};

use super::{cpu::cpu_of, goal::verdict, land::Land, machine, runtime};

/// Plans that are asked for.
const PLANS: usize = 200;
/// What one may cost beside the slowest holder, in microseconds of the portal's CPU.
const BESIDE: f64 = 2000.0;

pub(super) fn measure(dir: &Path) {
    let (land, all) = Land::start(dir);
    let is_meant = |draft: &Draft| {
        draft.grant && !draft.by_guardian && draft.rule.to.as_deref() == Some(COUNTY)
    };
    let found = all
        .into_iter()
        .find_map(|(somebody, drafts)| Some((somebody, drafts.into_iter().find(is_meant)?)));
    let (somebody, mut draft) = found.unwrap();
    // All of it, at all three, as long as it is measured.
    draft.through_portal = true;
    (draft.rule.labels, draft.rule.types) = (Some(vec!["*".into()]), Some(vec!["*".into()]));
    draft.rule.classes = Some(vec!["free-text".into()]);
    (draft.rule.start, draft.rule.end, draft.rule.active) = (None, None, true);
    runtime().block_on(async {
        let resident = land.hold(somebody, |home| Some(plan(home))).await;
        land.write(&resident, &draft).await;
        plans(&land, &resident).await;
    });
    land.running.stop();
}

/// A goal for each theme, and who answers for it.
fn plan(home: &Home) -> Plan {
    let at = &home.municipality;
    let goal = |(number, theme): (usize, &Theme)| {
        json!({ "id": format!("g-{number}"), "themes": [theme.code()], "words": words(number),
            "set_by": "together", "status": "active", "start": "2026-02-11" })
    };
    let goals: Vec<Value> = Theme::ALL.iter().enumerate().map(goal).collect();
    let plan = json!({
        "schema": "mylife/plan/1", "id": "bench-plan", "person": home.person.id, "status": "active",
        "period": { "start": "2026-02-10" }, "created": "2026-02-10T08:00:00Z", "goals": goals,
        "team": [{
            "id": "m-1", "role": "case-manager", "active": true,
            "practitioner": at.practitioner(&SOCIAL, 1), "organization": at.unit(&SOCIAL),
        }],
    });
    serde_json::from_value(plan).unwrap()
}

fn words(number: usize) -> String {
    format!("Tavoite {number}")
}

async fn plans(land: &Land, resident: &Resident) {
    let portal = land.running.node("portal").unwrap();
    let holders: Vec<(&Node, &str)> = resident
        .records
        .iter()
        .map(|record| (land.running.node(record.node).unwrap(), record.patient.as_str()))
        .collect();
    let (_, known) = holders[0];
    let mut all: [Vec<f64>; 4] = Default::default();
    for turn in 0..=PLANS {
        let (time, cost) = asked(land, portal, known, &holders).await;
        let (mut slowest, mut dearest) = (0.0_f64, 0.0_f64);
        for holder in &holders {
            let (time, cost) = asked(land, holder.0, holder.1, &[*holder]).await;
            (slowest, dearest) = (slowest.max(time), dearest.max(cost));
        }
        // At first everybody is met for the first time.
        if turn > 0 {
            all.iter_mut().zip([time, slowest, cost, dearest]).for_each(|(all, one)| all.push(one));
        }
    }
    println!("\ncollective plan of three holders, {PLANS} times, in microseconds");
    let names = [
        "from question to answer",
        "of the slowest holder alone",
        "CPU of the portal",
        "CPU of the dearest holder alone",
    ];
    for (name, all) in names.into_iter().zip(&all) {
        println!("{name:<44}{:>26}", machine::spread(all.iter().copied(), 0));
    }
    let [_, middle, _] = machine::quartiles(all[2].iter().copied());
    println!("{} {BESIDE:.0} of the portal's CPU: {middle:.0}", verdict(middle <= BESIDE));
}

/// One question to a node: how long its answer took, and CPU time of the node, in microseconds. The plans of
/// these holders are in it, and no others.
async fn asked(land: &Land, node: &Node, patient: &str, of: &[(&Node, &str)]) -> (f64, f64) {
    let thread = format!("node-{}-1", node.slug);
    let county = client(&land.clients, COUNTY).unwrap();
    let ask = Ask::read(format!("{}/Patient/{patient}/$collective-plan", node.fhir()));
    let (before, spent) = (land.clock.elapsed(), cpu_of("self", &thread));
    let reply = land.visitor.ask(county, node, &ask).await.unwrap();
    let took = land.clock.elapsed().saturating_sub(before);
    let spent = cpu_of("self", &thread) - spent;
    let whole = reply.body.to_string();
    assert_eq!(reply.status, 200, "{whole}");
    assert!((0..Theme::ALL.len()).all(|number| whole.contains(&words(number))), "{whole}");
    for one in &land.running.nodes {
        let is_meant = of.iter().any(|(holder, _)| holder.code == one.code);
        assert_eq!(whole.contains(&format!("CarePlan/{}.", one.code)), is_meant, "{whole}");
    }
    (took.as_secs_f64() * 1e6, spent)
}
