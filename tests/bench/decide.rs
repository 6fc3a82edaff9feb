//! What consent costs: a decision for each kind of data, its compilation, a read, a withdrawal.
//!
//! `cargo bench --bench decide`. Everybody gave twenty consents, most of which speak of others. A read
//! under them is compared, in turns, with the same read of the same bytes under one rule of law and
//! without any consent: what is served has no switch that turns consent off. A build with one,
//! `cargo bench --profile switched --features mutants --bench decide`, compares with that too. Beside it
//! stands what a withdrawal takes that finds nothing in flight.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::cast_precision_loss,
    reason = "a benchmark tells what it found, in rounded figures, and stops when something is wrong"
)]

#[path = "stand/cpu.rs"]
mod cpu;
#[path = "stand/goal.rs"]
mod goal;
#[path = "stand/machine.rs"]
mod machine;
#[path = "stand/ratio.rs"]
mod ratio;
#[cfg(feature = "mutants")]
#[path = "stand/switched.rs"]
mod switched;
#[path = "stand/together.rs"]
mod together;
#[cfg(feature = "mutants")]
#[path = "decide/without.rs"]
mod without;
#[path = "stand/world.rs"]
mod world;

use std::{env, hint::black_box, path::Path, sync::Arc};

use http::{Method, StatusCode};
use mylife::{
    clock::{Clock, SystemClock},
    compartment::Compartment,
    consent::{
        asker::Asker,
        cover::{Interaction, ScopeCover},
        decide::{Compiled, Snapshot},
        law::Law,
        policy::{Origin, Policy},
        purpose::Purpose,
        release,
    },
    domain::moment::Moment,
    gateway::Gateway,
    mapping::{self, chart::Chart},
    route, scope,
    source::local::Local,
    unit::{Unit, period::Majority},
};
use serde_json::json;
use tokio::runtime::Builder;

use goal::verdict;
use together::read_all;
use world::{COUNTY, SHARED, Size, Somebody, World, ask, consent, demand_disk};

const SAMPLES: usize = 15;
const TURNS: usize = 2000;
/// Rounds in which both gateways are asked, by turns.
const ROUNDS: usize = 15;
/// Reads of a round.
const READS: usize = 8000;
/// What a read with consent may cost of one without.
const DEARER: f64 = 1.10;
const CONSENTS: usize = 20;
const SIZE: Size = Size { people: 64, assessments: 1, consents: CONSENTS };

fn main() {
    let dir = |name: &str| Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let runtime = Builder::new_current_thread().enable_all().build().unwrap();
    println!("{}", machine::line());
    demand_disk(&dir(""));
    runtime.block_on(async {
        let (asked, _) = World::filled(dir("bench-decide"), SIZE, None).await;
        let size = Size { consents: 0, ..SIZE };
        let (mut lawful, _) = World::filled(dir("bench-decide-law"), size, None).await;
        lawful.law = law();
        Box::pin(decisions(&asked)).await;
        reads(&asked, &lawful).await;
        #[cfg(feature = "mutants")]
        without::reads(dir("bench-decide-switched"), SIZE).await;
        Box::pin(withdrawals(&asked)).await;
    });
}

/// One rule that shows the county what the consents show it.
fn law() -> Law {
    let themes: Vec<&str> = SHARED.iter().map(|theme| theme.code()).collect();
    let ground = json!({
        "id": "everything", "orgs": [COUNTY], "themes": themes, "classes": ["free-text"],
    });
    serde_json::from_value(json!({ "grounds": [ground] })).unwrap()
}

fn micros(clock: &SystemClock) -> f64 {
    clock.elapsed().as_secs_f64() * 1e6
}

/// Tells the median cost of a turn, by so many things it is about.
fn tell(name: &str, by: usize, hold: f64, mut turn: impl FnMut()) {
    let clock = SystemClock::default();
    let sample = |_| {
        let before = micros(&clock);
        (0..TURNS).for_each(|_| turn());
        (micros(&clock) - before) / (TURNS * by) as f64
    };
    let all: Vec<f64> = (0..SAMPLES).map(sample).collect();
    let [_, middle, _] = machine::quartiles(all.iter().copied());
    let word = verdict(middle <= hold);
    println!("{name:<52}{:>22} us; {word} {hold}", machine::spread(all.into_iter(), 3));
}

/// Compiling for a person, and deciding about each of the kinds that the person has.
async fn decisions(world: &World) {
    let gateway = world.open().await;
    let somebody = &world.people()[0];
    let local = gateway.reach.sources.local.as_ref().unwrap();
    let held = local.load(&somebody.patient).await.unwrap().unwrap();
    let (compartment, chart) = mapping::to_fhir(held, &gateway.terms.directory).into_parts();
    let now = gateway.clock.now();
    let (snapshot, asker) = (snapshot(&compartment, &chart), asker(now));
    let units: Vec<Unit> = chart.kinds().iter().map(|kind| chart.unit(kind)).collect();
    let permitted = |unit: &&Unit| Compiled::new(&snapshot, &asker, now).decide(unit).permit;
    let permits = units.iter().filter(permitted).count();
    println!("{CONSENTS} consents, {} kinds, of which {permits} are permitted", units.len());
    tell("compiling, a person", 1, 5.0, || {
        black_box(Compiled::new(&snapshot, &asker, now));
    });
    tell("a compiled decision, a kind", units.len(), 0.3, || {
        let compiled = Compiled::new(&snapshot, &asker, now);
        for unit in &units {
            black_box(compiled.decide(unit));
        }
    });
    cold(world, &gateway).await;
}

/// All of it for somebody who was not decided about: since when each permit has stood, too.
async fn cold(world: &World, gateway: &Gateway) {
    let token = http::HeaderValue::try_from(format!("Bearer {}", world.token("county"))).unwrap();
    let mut headers = http::HeaderMap::new();
    headers.insert("authorization", token);
    let (clock, now) = (SystemClock::default(), gateway.clock.now());
    let caller = gateway.authenticator.verify(&headers, None, None, now).unwrap();
    let mut costs = Vec::new();
    for somebody in world.people() {
        let path = format!("/fhir/QuestionnaireResponse/{}", somebody.response);
        let call = route::recognise(&Method::GET, &path).unwrap();
        let grant = scope::grant(Arc::clone(&caller), call).unwrap();
        let store = gateway.reach.sources.local.as_ref().unwrap().store();
        let local = Local::new(Arc::clone(store), "urn:oid:1".into(), 1 << 30);
        let held = local.load(&somebody.patient).await.unwrap().unwrap();
        let mapped = mapping::to_fhir(held, &gateway.terms.directory);
        let before = micros(&clock);
        drop(black_box(release::release(mapped, &grant, &gateway.terms, now)));
        costs.push(micros(&clock) - before);
    }
    let name = "consent::release, never decided before";
    println!("{name:<52}{:>22} us", machine::spread(costs.into_iter(), 1));
}

fn snapshot(compartment: &Compartment, chart: &Chart) -> Snapshot {
    let patient: Arc<str> = format!("Patient/{}", compartment.patient).into();
    let policy = |which| {
        let (_, mut body) = consent(&compartment.patient, 0, which);
        body["id"] = format!("297.consent{which}").into();
        let from = Moment::parse("2026-01-01T00:00:00Z");
        let origin = Origin {
            patient: Some(Arc::clone(&patient)),
            recorded: from,
            in_force_from: from,
            in_force_until: None,
        };
        Policy::parse(&body, origin)
    };
    Snapshot {
        majority: Majority::of(Some("2000-02-03")),
        turvakielto: false,
        law: Arc::default(),
        policies: (0..CONSENTS).map(policy).collect(),
        representation: Vec::new(),
        others: chart.others(),
        members: Arc::default(),
        patient,
    }
}

fn asker(now: Moment) -> Asker {
    Asker {
        now,
        subject: Some("Device/county".into()),
        orgs: vec!["Organization/297.county".into(), COUNTY.into()],
        through: Vec::new(),
        roles: Vec::new(),
        client: Some("county".into()),
        register: None,
        sector: None,
        declared: Vec::new(),
        purpose: Some(Purpose::of("TREAT")),
        action: Some("access".into()),
        care_relation: false,
        scopes: ScopeCover::all(),
        interaction: Interaction::Read,
        break_glass: None,
    }
}

/// The same bytes, under consents and under one rule.
async fn reads(asked: &World, lawful: &World) {
    let worlds = [asked, lawful];
    let gateways = [Arc::new(asked.open().await), Arc::new(lawful.open().await)];
    let paths = worlds.map(|world| paths(&world.people()));
    let mut sizes = [0; 2];
    let mut rounds = Vec::new();
    for round in 0..=ROUNDS {
        let mut costs = [0.0; 2];
        // Who comes first changes from round to round.
        for which in [round % 2, (round + 1) % 2] {
            let token = worlds[which].token("county");
            (costs[which], sizes[which]) =
                read_all(&gateways[which], &paths[which], &token, READS).await;
        }
        rounds.push(costs);
    }
    assert_eq!(sizes[0], sizes[1], "the same is read");
    // In the first round everybody is met for the first time.
    let warm = rounds.iter().skip(1);
    let [with, without] = [0, 1].map(|at| machine::spread(warm.clone().map(|r| r[at]), 1));
    println!("{:<52}{with:>22} us of CPU", format!("a read under {CONSENTS} consents"));
    println!("{:<52}{without:>22} us of CPU", "the same under one rule of law, no consent");
    ratio::tell(&warm.map(|costs| costs[0] / costs[1]).collect::<Vec<_>>(), DEARER);
}

/// What of each person is read.
fn paths(people: &[Somebody]) -> Arc<[String]> {
    let path = |one: &Somebody| format!("/fhir/QuestionnaireResponse/{}", one.response);
    people.iter().map(path).collect()
}

/// From the request of a withdrawal to its acknowledgement, with nothing in flight.
async fn withdrawals(world: &World) {
    let gateway = world.open().await;
    let token = world.token("source");
    let clock = SystemClock::default();
    let mut times = Vec::new();
    for (number, somebody) in world.people().iter().enumerate() {
        let (path, mut body) = consent(&somebody.patient, number, 0);
        body["status"] = "inactive".into();
        let before = micros(&clock);
        let (status, _) = ask(&gateway, Method::PUT, &path, &token, body.to_string()).await;
        times.push((micros(&clock) - before) / 1000.0);
        assert_eq!(status, StatusCode::OK);
    }
    let longest = times.iter().copied().fold(0.0, f64::max);
    let word = verdict(longest <= 50.0);
    let spread = machine::spread(times.into_iter(), 2);
    println!(
        "{:<52}{spread:>22} ms; longest {longest:.2}, {word} 50",
        "a withdrawal, acknowledged"
    );
}
