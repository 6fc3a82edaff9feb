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

#[path = "stand/machine.rs"]
mod machine;

use std::{fs, path::Path, sync::Arc, time::Duration};

use mylife::{
    chance::{Chance, SystemChance},
    clock::{Clock, SystemClock},
    demo::{
        client::{Ask, Visitor},
        clients::{self, DESK, DemoClient, PORTAL, client, source},
        loading::{self, Record, Resident},
        nodes::{self, Running, World},
        people::{self, Story},
        rules::{self, Draft},
    },
    native::NativeKind,
    pki::{self, Ca},
};
use tokio::runtime::Builder;

const HOLDERS: [&str; 3] = ["espoo", "kajaani", "kuopio"];
const ROUNDS: usize = 25;
const SEED: u64 = 7;
/// What a holder is let forget that it told the portal.
const FORGOTTEN: Duration = Duration::from_millis(2500);

/// Everything that is asked.
struct Stand {
    visitor: Visitor,
    running: Running,
    clients: Vec<DemoClient>,
    clock: Arc<dyn Clock>,
}

fn main() {
    println!("{}", machine::line());
    let dir = Path::new(env!("CARGO_TARGET_TMPDIR")).join("bench-revoke");
    drop(fs::remove_dir_all(&dir));
    fs::create_dir_all(&dir).unwrap();
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::default());
    let chance: Arc<dyn Chance> = Arc::new(SystemChance);
    let now = clock.now();
    let ca = Ca::new(pki::THROW_AWAY, now).unwrap();
    let clients = clients::clients(&dir).unwrap();
    let all = people::people(SEED, now).unwrap();
    let pem = ca.issued().certificate.clone();
    let world =
        World { ca, clock: Arc::clone(&clock), chance: Arc::clone(&chance), now, servers: None };
    let running = nodes::start(&dir, 0, &clients, &all, &world).unwrap();
    let visitor = Visitor::new(&pem, Arc::clone(&clock), chance).unwrap();
    let drafts = rules::drafts(&all, &clients, SEED, now).unwrap();
    let granted = |(one, _): &(people::Somebody, Vec<Draft>)| one.story == Story::AllThemes;
    let (somebody, drafts) = all.into_iter().zip(drafts).find(granted).unwrap();
    let stand = Stand { visitor, running, clients, clock };
    let runtime = Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let mut resident = Resident {
            somebody,
            records: Vec::new(),
            grants: Vec::new(),
            prohibitions: Vec::new(),
            drafts: Vec::new(),
        };
        for slug in HOLDERS {
            resident.records.push(stand.push(&resident, slug).await);
        }
        let draft = Draft { through_portal: true, ..drafts.first().unwrap().clone() };
        stand.rounds("with nothing told of the person", 50.0, false, &resident, &draft).await;
        stand.rounds("right after the portal was told", 2000.0, true, &resident, &draft).await;
    });
    stand.running.stop();
}

impl Stand {
    /// The person, with everything, at one municipality.
    async fn push(&self, resident: &Resident, slug: &'static str) -> Record {
        let (node, owner) = (self.running.node(slug).unwrap(), source(slug));
        let owner = client(&self.clients, &owner).unwrap();
        let mut record = Record { node: slug, patient: String::new(), documents: Vec::new() };
        for (kind, local, bytes) in resident.somebody.homes.first().unwrap().documents().unwrap() {
            let path = match kind {
                NativeKind::Person => "people",
                NativeKind::Assessment => "assessments",
                // A plan names a team of its own municipality.
                NativeKind::Plan => continue,
            };
            let url = format!("{}/native/{path}/{}", node.url, local.as_str());
            let ask = Ask::document(url, "application/json", bytes);
            let reply =
                self.visitor.ask(owner, node, &ask).await.unwrap().expect("A push").unwrap();
            reply.body["patient"].as_str().unwrap().clone_into(&mut record.patient);
        }
        record
    }

    /// Grants and takes back.
    async fn rounds(
        &self,
        name: &str,
        hold: f64,
        is_told: bool,
        resident: &Resident,
        draft: &Draft,
    ) {
        let desk = client(&self.clients, DESK).unwrap();
        let mut times = Vec::new();
        for _ in 0..ROUNDS {
            for active in [true, false] {
                let mut draft = draft.clone();
                draft.rule.active = active;
                if !active && is_told {
                    self.read(resident).await;
                } else if !active {
                    tokio::time::sleep(FORGOTTEN).await;
                }
                let (before, now) = (self.clock.elapsed(), self.clock.now());
                let written =
                    loading::put(resident, &draft, &self.visitor, &self.running, desk, now);
                assert_eq!(written.await.unwrap().status, 200, "all three acknowledge");
                if !active {
                    let took = self.clock.elapsed().saturating_sub(before);
                    times.push(took.as_secs_f64() * 1000.0);
                }
            }
        }
        let longest = times.iter().copied().fold(0.0, f64::max);
        let word = if longest <= hold { "holds" } else { "misses" };
        let spread = machine::spread(times.into_iter(), 1);
        println!("{name:<52}{spread:>22} ms; longest {longest:.1}, {word} {hold}");
    }

    /// The portal pulls the person's surveys of all three.
    async fn read(&self, resident: &Resident) {
        let portal = self.running.node("portal").unwrap();
        let reader = client(&self.clients, PORTAL).unwrap();
        let person = format!("{}|{}", mylife::domain::identity::SYSTEM, resident.code().unwrap());
        let form = [("patient.identifier", person.as_str())];
        let url = format!("{}/QuestionnaireResponse/_search", portal.fhir());
        let reply = self.visitor.ask(reader, portal, &Ask::form(url, &form)).await.unwrap();
        let found = loading::entries(&reply.body).count();
        assert!(found >= HOLDERS.len(), "all three are read: {}", reply.body);
    }
}
