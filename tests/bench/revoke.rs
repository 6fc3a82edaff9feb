//! What a withdrawal through the portal takes, until all three holders have acknowledged it.
//!
//! `cargo bench --bench revoke`. The demo's three municipalities and its portal run in this process, each
//! with its own store, keys and TLS, and know one person by the same identity code. A grant is written at
//! the portal for all three and taken back, again and again: once with nothing told of the person, and
//! once right after the portal was told of them, when every holder must wait until that can no longer
//! start there. How many questions that takes to each holder is a test (`story::revoked_at_the_portal`).
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a benchmark tells what it found, in rounded figures, and stops when something is wrong"
)]

#[path = "stand/goal.rs"]
mod goal;
#[path = "stand/land.rs"]
mod land;
#[path = "stand/machine.rs"]
mod machine;

use std::{path::Path, time::Duration};

use mylife::demo::{
    client::Ask,
    clients::{PORTAL, client},
    loading::{self, Resident},
    people::{Somebody, Story},
    rules::Draft,
};
use tokio::runtime::Builder;

use self::land::Land;

const ROUNDS: usize = 25;
/// What a holder is let forget that it told the portal.
const FORGOTTEN: Duration = Duration::from_millis(2500);

fn main() {
    println!("{}", machine::line());
    let dir = Path::new(env!("CARGO_TARGET_TMPDIR")).join("bench-revoke");
    let (land, all) = Land::start(&dir);
    let granted = |(one, _): &(Somebody, Vec<Draft>)| one.story == Story::AllThemes;
    let (somebody, drafts) = all.into_iter().find(granted).unwrap();
    let runtime = Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let resident = land.hold(somebody, |_| None).await;
        let draft = Draft { through_portal: true, ..drafts[0].clone() };
        rounds(&land, ("with nothing told of the person", 50.0), false, &resident, &draft).await;
        rounds(&land, ("right after the portal was told", 2000.0), true, &resident, &draft).await;
    });
    land.running.stop();
}

/// Grants and takes back.
async fn rounds(
    land: &Land,
    (name, hold): (&str, f64),
    is_told: bool,
    resident: &Resident,
    draft: &Draft,
) {
    let mut times = Vec::new();
    for _ in 0..ROUNDS {
        for active in [true, false] {
            let mut draft = draft.clone();
            draft.rule.active = active;
            if !active && is_told {
                read(land, resident).await;
            } else if !active {
                tokio::time::sleep(FORGOTTEN).await;
            }
            let took = land.write(resident, &draft).await;
            if !active {
                times.push(took.as_secs_f64() * 1000.0);
            }
        }
    }
    let longest = times.iter().copied().fold(0.0, f64::max);
    let word = goal::verdict(longest <= hold);
    let spread = machine::spread(times.into_iter(), 1);
    println!("{name:<52}{spread:>22} ms; longest {longest:.1}, {word} {hold}");
}

/// The portal pulls the person's surveys of all three.
async fn read(land: &Land, resident: &Resident) {
    let portal = land.running.node("portal").unwrap();
    let reader = client(&land.clients, PORTAL).unwrap();
    let person = format!("{}|{}", mylife::domain::identity::SYSTEM, resident.code().unwrap());
    let form = [("patient.identifier", person.as_str())];
    let url = format!("{}/QuestionnaireResponse/_search", portal.fhir());
    let reply = land.visitor.ask(reader, portal, &Ask::form(url, &form)).await.unwrap();
    let found = loading::entries(&reply.body).count();
    assert!(found >= resident.records.len(), "all three are read: {}", reply.body);
}
