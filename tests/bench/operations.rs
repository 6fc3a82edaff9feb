//! What the operations cost: the collective plan, the Circle of Life, and counting many people.
//!
//! `cargo bench --bench operations`. A collective plan over three holders is asked of the demo's portal, all
//! in this process with their own stores, keys and TLS, and each holder is asked for its own part alone
//! beside it. The Circle of Life is asked of one gateway without a wire, audit record and all.
//! `$evaluate-measure` counts a town of 20,000 people in a process of its own; `-- 500` has so many.
//! What a portal says of a peer that counts for too long is a test (`story::people_are_counted`).
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::cast_precision_loss,
    reason = "a benchmark tells what it found, in rounded figures, and stops when something is wrong"
)]

#[path = "operations/census.rs"]
mod census;
#[path = "operations/collective.rs"]
mod collective;
#[path = "stand/cpu.rs"]
mod cpu;
#[path = "stand/goal.rs"]
mod goal;
#[path = "stand/land.rs"]
mod land;
#[path = "stand/machine.rs"]
mod machine;
#[path = "stand/memory.rs"]
mod memory;
#[path = "stand/together.rs"]
mod together;
#[path = "stand/world.rs"]
mod world;

use std::{
    env,
    path::{Path, PathBuf},
    sync::Arc,
};

use tokio::runtime::{Builder, Runtime};

use self::{
    goal::verdict,
    together::read_all,
    world::{Size, Somebody, World, demand_disk},
};

/// People who are counted, unless others are asked for.
const PEOPLE: usize = 20_000;
/// Rounds of pictures, and pictures of a round.
const ROUNDS: usize = 15;
const CIRCLES: usize = 1000;
/// What one may cost, in microseconds of CPU.
const CIRCLE: f64 = 200.0;

/// Of what of somebody a picture is asked.
type Of = fn(&Somebody) -> String;

fn main() {
    let words: Vec<String> = env::args().skip(1).filter(|word| word != "--bench").collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let census = dir("bench-census");
    match words.as_slice() {
        ["counted"] => runtime().block_on(census::counted(census)),
        [] => measure(PEOPLE),
        [count] => measure(count.parse().expect("how many people are counted")),
        other => panic!("how many people are counted: {other:?}"),
    }
}

fn measure(people: usize) {
    println!("{}", machine::line());
    demand_disk(&dir(""));
    collective::measure(&dir("bench-collective"));
    runtime().block_on(circle(dir("bench-circle")));
    runtime().block_on(census::measure(dir("bench-census"), people));
}

fn dir(name: &str) -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join(name)
}

fn runtime() -> Runtime {
    Builder::new_current_thread().enable_all().build().unwrap()
}

/// The Circle of Life of people who were met before, in each of its forms.
async fn circle(dir: PathBuf) {
    let size = Size { people: 64, assessments: 1, consents: 1 };
    let (world, _) = World::filled(dir, size, None).await;
    let (gateway, token, people) =
        (Arc::new(world.open().await), world.token("county"), world.people());
    println!("\nCircle of Life, {CIRCLES} at a time, in microseconds of CPU");
    let one: Of = |somebody| format!("QuestionnaireResponse/{}", somebody.response);
    let latest: Of = |somebody| format!("Patient/{}", somebody.patient);
    let rows = [
        ("of an assessment, as a picture", "svg", one),
        ("as numbers", "json", one),
        ("as a page", "html", one),
        ("of a person's latest, as a picture", "svg", latest),
    ];
    for (name, form, of) in rows {
        let path = |one| format!("/fhir/{}/$circle-of-life?_format={form}", of(one));
        let paths: Arc<[String]> = people.iter().map(path).collect();
        read_all(&gateway, &paths, &token, people.len()).await;
        let mut costs = Vec::new();
        for _ in 0..ROUNDS {
            costs.push(read_all(&gateway, &paths, &token, CIRCLES).await.0);
        }
        let [_, middle, _] = machine::quartiles(costs.iter().copied());
        let spread = machine::spread(costs.into_iter(), 1);
        println!("{name:<44}{spread:>26}; {} {CIRCLE:.0}", verdict(middle <= CIRCLE));
    }
}
