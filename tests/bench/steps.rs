//! What each step of the way costs by itself, in process; and loading, memory and start.
//!
//! `cargo bench --bench steps`. Medians over samples, in microseconds of one core. The audit step is
//! measured on a disk that takes no time: what remains is what the record itself costs.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::cast_precision_loss,
    reason = "a benchmark tells what it found, in rounded figures, and stops when something is wrong"
)]

#[path = "stand/machine.rs"]
mod machine;
#[path = "stand/memory.rs"]
mod memory;
#[path = "stand/world.rs"]
mod world;

use std::{env, hint::black_box, io, path::Path, process::Command, sync::Arc};

use http::{HeaderMap, HeaderValue, Method, StatusCode, header::AUTHORIZATION};
use mylife::{
    audit::{
        self,
        log::{Disk, Log, Tape},
        step::Request,
    },
    bundle,
    chance::SystemChance,
    clock::{Clock, SystemClock},
    consent::{release, view::View},
    domain::id::{NodeCode, document_of},
    fhir::types::ResourceType,
    gateway::{Gateway, open::log_keys},
    mapping, query, route,
    scope::{self, Grant},
    search,
    shared::{Key, Limit, process::Process},
    source::local::Local,
};
use tokio::runtime::Builder;

use memory::memory;
use world::{Size, Somebody, World, ask, demand_disk};

const SAMPLES: usize = 15;
const TURNS: usize = 2000;
/// People whose first touch is measured, one by one.
const COLD: usize = 300;
const KIND: ResourceType = ResourceType::QuestionnaireResponse;

fn main() {
    let dir = Path::new(env!("CARGO_TARGET_TMPDIR")).join("bench-steps");
    let runtime = Builder::new_current_thread().enable_all().build().unwrap();
    if env::args().any(|word| word == "rest") {
        return runtime.block_on(rest(&World::at(dir)));
    }
    println!("{}", machine::line());
    let size = Size { people: 1000, assessments: 1, consents: 1 };
    demand_disk(&dir);
    let (world, each) = runtime.block_on(World::filled(dir, size, None));
    println!(
        "documents loaded per second, validated, durable, recorded: {:.0}",
        1.0 / each.as_secs_f64()
    );
    let child = Command::new(env::current_exe().unwrap()).arg("rest").output().unwrap();
    print!("{}", String::from_utf8(child.stdout).unwrap());
    runtime.block_on(steps(&world));
}

/// A fresh process: start, memory at rest, memory with everybody cached.
async fn rest(world: &World) {
    let clock = SystemClock::default();
    let gateway = world.open().await;
    println!("start with {} people: {:.1} ms", world.people().len(), micros(&clock, 0.0) / 1000.0);
    let before = memory("self", "VmRSS");
    let token = world.token("county");
    let people = world.people();
    for somebody in &people {
        let (status, _) = ask(&gateway, Method::GET, &path(somebody), &token, String::new()).await;
        assert_eq!(status, StatusCode::OK);
    }
    let cached = (memory("self", "VmRSS") - before) * 1000.0 / people.len() as f64;
    println!("memory at rest: {before:.0} KB; for 1,000 cached people: {cached:.0} KB more");
}

fn path(somebody: &Somebody) -> String {
    format!("/fhir/QuestionnaireResponse/{}", somebody.response)
}

fn micros(clock: &SystemClock, since: f64) -> f64 {
    clock.elapsed().as_secs_f64() * 1e6 - since
}

/// Tells the median cost of a turn.
fn tell(name: &str, mut turn: impl FnMut()) {
    let clock = SystemClock::default();
    let sample = |_| {
        let before = micros(&clock, 0.0);
        (0..TURNS).for_each(|_| turn());
        micros(&clock, before) / TURNS as f64
    };
    let all: Vec<f64> = (0..SAMPLES).map(sample).collect();
    println!("{name:<44}{:>24}", machine::spread(all.into_iter(), 2));
}

async fn steps(world: &World) {
    println!("\n{:<44}{:>24}", "step", "us, median [quartiles]");
    let gateway = world.open().await;
    let people = world.people();
    let somebody = &people[0];
    let now = gateway.clock.now();
    let mut headers = HeaderMap::new();
    let token = format!("Bearer {}", world.token("county"));
    headers.insert(AUTHORIZATION, HeaderValue::try_from(token).unwrap());
    let path = path(somebody);
    let caller = gateway.authenticator.verify(&headers, None, None, now).unwrap();
    tell("route::recognise", || drop(black_box(route::recognise(&Method::GET, &path))));
    tell("authenticate::verify, token seen before", || {
        drop(black_box(gateway.authenticator.verify(&headers, None, None, now)));
    });
    let call = route::recognise(&Method::GET, &path).unwrap();
    tell("scope::grant", || drop(black_box(scope::grant(Arc::clone(&caller), call.clone()))));
    let searched = route::recognise(&Method::GET, "/fhir/QuestionnaireResponse").unwrap();
    let searching = scope::grant(Arc::clone(&caller), searched).unwrap();
    let text = format!("patient=Patient/{}&_count=10", somebody.patient);
    tell("query::parse, two parameters", || {
        let raw = query::Raw { url: Some(&text), body: None, strict: false };
        drop(black_box(query::parse(&searching, raw, terms(&gateway)).unwrap()));
    });
    let grant = scope::grant(caller, call).unwrap();
    cold(&gateway, &people, &grant).await;
    warm(&gateway, somebody, &grant).await;
}

fn terms(gateway: &Gateway) -> query::Terms<'_> {
    query::Terms {
        base: &gateway.base,
        most: 100,
        sealer: &*gateway.sealer,
        handle: &gateway.handle,
        node: gateway.node.as_str(),
        from: None,
        now: gateway.clock.now(),
    }
}

/// The first touch of each person: load, map, decide, write.
async fn cold(gateway: &Gateway, people: &[Somebody], grant: &Grant) {
    let clock = SystemClock::default();
    let source = gateway.reach.sources.local.as_ref().unwrap();
    let local = Local::new(Arc::clone(source.store()), "urn:oid:1".into(), 1 << 30);
    let now = gateway.clock.now();
    let mut costs: [Vec<f64>; 4] = Default::default();
    for somebody in people.iter().take(COLD) {
        let mut at = micros(&clock, 0.0);
        let mut lap = |cost: &mut Vec<f64>| {
            let spent = micros(&clock, at);
            at += spent;
            cost.push(spent);
        };
        let patient = local.place(document_of(&somebody.response)).await.unwrap().unwrap();
        let held = local.load(&patient).await.unwrap().unwrap();
        lap(&mut costs[0]);
        let mapped = mapping::to_fhir(held, &gateway.terms.directory);
        lap(&mut costs[1]);
        let view = release::release(mapped, grant, &gateway.terms, now);
        lap(&mut costs[2]);
        let hit = search::read(&view, KIND, &somebody.response).unwrap();
        drop(bundle::one(&hit, &gateway.node, &*gateway.sealer, clock.elapsed()));
        lap(&mut costs[3]);
    }
    let names = [
        "store: place and load, cold",
        "mapping::to_fhir, cold",
        "consent::release, cold",
        "bundle::one, cold",
    ];
    for (name, cost) in names.into_iter().zip(costs) {
        println!("{name:<44}{:>24}", machine::spread(cost.into_iter(), 1));
    }
}

/// A person everybody asks for.
async fn warm(gateway: &Gateway, somebody: &Somebody, grant: &Grant) {
    let local = gateway.reach.sources.local.as_ref().unwrap();
    let clock = SystemClock::default();
    let mut samples = Vec::new();
    for _ in 0..SAMPLES {
        let before = micros(&clock, 0.0);
        for _ in 0..TURNS {
            let patient = local.place(document_of(&somebody.response)).await.unwrap().unwrap();
            drop(black_box(local.load(&patient).await.unwrap()));
        }
        samples.push(micros(&clock, before) / TURNS as f64);
    }
    println!(
        "{:<44}{:>24}",
        "store: place and load, cached",
        machine::spread(samples.into_iter(), 2)
    );
    let now = gateway.clock.now();
    let view = seen(gateway, somebody, grant).await;
    let hit = search::read(&view, KIND, &somebody.response).unwrap();
    let (limits, limit) = (Process::default(), Limit::per_second(1_000_000, u32::MAX));
    tell("shared: a permit, in process", || {
        let key = Key::new("request", &[b"national-portal"]);
        black_box(limits.permit_now(&key, limit, 1, now));
    });
    tell("search::read", || drop(black_box(search::read(&view, KIND, &somebody.response))));
    tell("bundle::one", || {
        drop(black_box(bundle::one(&hit, &gateway.node, &*gateway.sealer, clock.elapsed())));
    });
    let log = no_disk();
    let answer = bundle::one(&hit, &gateway.node, &*gateway.sealer, clock.elapsed());
    let node: Arc<str> = gateway.node.as_str().into();
    let request =
        Request { id: "bench".into(), address: "".into(), query: None, sources: vec![node] };
    let mut samples = Vec::new();
    for _ in 0..SAMPLES {
        let before = micros(&clock, 0.0);
        for _ in 0..TURNS {
            black_box(audit::record(&log, &answer, grant, &request, now).await.unwrap().leaf());
        }
        samples.push(micros(&clock, before) / TURNS as f64);
    }
    println!(
        "{:<44}{:>24}",
        "audit::record, on a disk without time",
        machine::spread(samples.into_iter(), 2)
    );
}

async fn seen(gateway: &Gateway, somebody: &Somebody, grant: &Grant) -> Arc<View> {
    let local = gateway.reach.sources.local.as_ref().unwrap();
    let now = gateway.clock.now();
    let clock = SystemClock::default();
    let mut samples = Vec::new();
    for _ in 0..SAMPLES {
        let mut spent = 0.0;
        for _ in 0..TURNS {
            let held = local.load(&somebody.patient).await.unwrap().unwrap();
            let mapped = mapping::to_fhir(held, &gateway.terms.directory);
            let before = micros(&clock, 0.0);
            drop(black_box(release::release(mapped, grant, &gateway.terms, now)));
            spent += micros(&clock, before);
        }
        samples.push(spent / TURNS as f64);
    }
    println!(
        "{:<44}{:>24}",
        "consent::release, decided before",
        machine::spread(samples.into_iter(), 2)
    );
    let held = local.load(&somebody.patient).await.unwrap().unwrap();
    release::release(mapping::to_fhir(held, &gateway.terms.directory), grant, &gateway.terms, now)
}

/// A log whose disk takes no time and keeps nothing.
fn no_disk() -> Log {
    struct Nowhere;
    impl Tape for Nowhere {
        fn make_room(&mut self, _: usize) -> io::Result<()> {
            Ok(())
        }

        fn append(&mut self, _: &[u8]) -> io::Result<()> {
            Ok(())
        }
    }
    impl Disk for Nowhere {
        fn create(&self, _: &Path) -> io::Result<Box<dyn Tape>> {
            Ok(Box::new(Self))
        }

        fn resume(&self, _: &Path, _: u64) -> io::Result<Box<dyn Tape>> {
            Ok(Box::new(Self))
        }

        fn replace(&self, _: &Path, _: &[u8]) -> io::Result<()> {
            Ok(())
        }
    }
    let dir = Path::new(env!("CARGO_TARGET_TMPDIR")).join("bench-no-disk");
    let chance: Arc<SystemChance> = Arc::default();
    let keys = mylife::seal::Keys::from_master(
        &std::array::from_fn(|at| u8::try_from(at).unwrap()),
        chance.clone(),
    );
    let node = NodeCode::parse("297").unwrap();
    let keys = log_keys(&node, &keys.unwrap()).unwrap();
    let clock = Arc::new(SystemClock::default());
    Log::inline(&dir, keys, Arc::new(Nowhere), clock, chance).unwrap()
}
