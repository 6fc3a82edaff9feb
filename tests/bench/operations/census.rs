//! A town is counted, of a year that has ended.
//!
//! Beside `operations`. Who counts is a process of its own that has seen nobody yet and keeps little of whom
//! it sees, so what it takes of memory is what the count takes; a law permits it.

use std::{env, fs, path::PathBuf, process::Command, sync::Arc};

use http::{Method, StatusCode};
use mylife::{
    clock::{Clock, SystemClock},
    consent::law::Law,
    domain::theme::Theme,
    gateway::Gateway,
};
use serde_json::{Value, json};
use tokio::task::JoinSet;

use super::{
    cpu::cpu,
    memory::memory,
    world::{BY_ONE_TOKEN, CENSUS, COUNTY, Size, TOGETHER, World, ask, assessment},
};

/// Counts, of which the first meets everybody for the first time.
const COUNTS: usize = 4;
/// What is kept of people, in bytes.
const LITTLE: u64 = 8 << 20;
const MEASURE: &str = "/fhir/Measure/wellbeing/$evaluate-measure?periodStart=2025&periodEnd=2025";

/// Has so many people, who answered in that year, and has them counted.
pub(super) async fn measure(dir: PathBuf, count: usize) {
    let size = Size { people: count, assessments: 0, consents: 0 };
    let (world, _) = World::filled(dir, size, None).await;
    let gateway = Arc::new(world.open().await);
    let (mut pushing, mut token) = (JoinSet::new(), String::new());
    for number in 0..count {
        if number.is_multiple_of(BY_ONE_TOKEN) {
            token = world.token("source");
        }
        if pushing.len() >= TOGETHER {
            pushing.join_next().await.unwrap().unwrap();
        }
        pushing.spawn(answered(Arc::clone(&gateway), token.clone(), number));
    }
    pushing.join_all().await;
    drop(gateway);
    println!("\n$evaluate-measure, of {count} people");
    let child = Command::new(env::current_exe().unwrap()).arg("counted").output().unwrap();
    let failed = String::from_utf8_lossy(&child.stderr);
    assert!(child.status.success(), "{failed}");
    print!("{}", String::from_utf8(child.stdout).unwrap());
}

/// What somebody answered in the year that is counted.
async fn answered(gateway: Arc<Gateway>, token: String, number: usize) {
    let mut one = assessment(&format!("p-{number}"), number, 0);
    one["authored"] = "2025-05-01T09:30:00+02:00".into();
    let path = format!("/native/assessments/a-{number}-0");
    let (status, told) = ask(&gateway, Method::PUT, &path, &token, one.to_string()).await;
    assert_eq!(status, StatusCode::CREATED, "{}", String::from_utf8_lossy(&told));
}

/// Counts, in a process that has done nothing else.
pub(super) async fn counted(dir: PathBuf) {
    let mut world = World::at(dir);
    let themes: Vec<&str> = Theme::ALL.iter().map(|theme| theme.code()).collect();
    let ground = json!({ "id": "statistics", "orgs": [COUNTY], "themes": themes });
    world.law = serde_json::from_value::<Law>(json!({ "grounds": [ground] })).unwrap();
    world.cache = LITTLE;
    let (gateway, clock) = (world.open().await, SystemClock::default());
    let people = world.people().len() as f64;
    for turn in 0..COUNTS {
        let token = world.token(CENSUS);
        // The most that it has had counts from here.
        fs::write("/proc/self/clear_refs", "5").unwrap();
        let (resident, before, began) = (memory("self", "VmRSS"), cpu(), clock.elapsed());
        let (status, told) = ask(&gateway, Method::GET, MEASURE, &token, String::new()).await;
        let (spent, took) = (cpu() - before, clock.elapsed().saturating_sub(began));
        let told: Value = serde_json::from_slice(&told).unwrap();
        assert_eq!(status, StatusCode::OK, "{told}");
        let said = told.to_string();
        assert!(said.contains("\"complete\"") && said.contains("\"count\""), "{said}");
        println!(
            "{:<20}{:>7.2} s, {:.1} us of CPU a person; at most {:.1} KB of memory a person more than before",
            if turn == 0 { "for the first time" } else { "again" },
            took.as_secs_f64(),
            spent / people,
            (memory("self", "VmHWM") - resident) / people,
        );
    }
}
