//! An export with consent and with consent switched off.
//!
//! Beside `export`, in a build with the feature `mutants` alone, and without a wire, so that nothing but what
//! the gateway does counts. Two figures: of people whose data are loaded, mapped and decided about, as of
//! nearly everybody where there are many; and of people who were there a moment ago.

use std::path::PathBuf;

use http::{Method, StatusCode, header};
use mylife::gateway::Gateway;

use super::{
    EACH, KICKOFF, PAUSE, ROUNDS,
    cpu::cpu,
    listed, path,
    switched::{both, compare, open_up},
    world::{Size, World, answer, ask},
};

const SIZE: Size = Size { people: 400, assessments: EACH, consents: 1 };
/// Rounds, and what an export with consent may cost of one without.
const HOLD: (usize, f64) = (ROUNDS, 1.3);

/// Fills a world and tells the two.
pub(super) async fn exports(dir: PathBuf) {
    let (world, _) = World::filled(dir, SIZE, None).await;
    open_up(&world, EACH).await;
    let gateway = world.open().await;
    let local = gateway.reach.sources.local.as_ref().unwrap();
    let whole = async |token: String| taken(&gateway, &token).await;
    let [(_, with), (_, without)] = both(&world, whole).await;
    assert!(with == without, "what is exported differs");
    let first = async |token: String| {
        local.clear();
        taken(&gateway, &token).await.0
    };
    println!();
    compare("a resource exported, of people new to it", &world, HOLD, first).await;
    let again = async |token: String| taken(&gateway, &token).await.0;
    compare("a resource exported, of people known", &world, HOLD, again).await;
}

/// Takes all there is: CPU time of a resource in microseconds, and its lines.
async fn taken(gateway: &Gateway, token: &str) -> (f64, Vec<u8>) {
    let get = async |path: &str| ask(gateway, Method::GET, path, token, String::new()).await;
    let begun = answer(gateway, Method::GET, KICKOFF, token, String::new()).await;
    let status = path(begun.headers()[header::CONTENT_LOCATION].to_str().unwrap());
    let files = loop {
        let (code, manifest) = get(&status).await;
        if code == StatusCode::OK {
            break listed(&manifest);
        }
        tokio::time::sleep(PAUSE).await;
    };
    let (before, mut whole) = (cpu(), Vec::new());
    for file in files {
        let (code, lines) = get(&file).await;
        assert_eq!(code, StatusCode::OK, "{file}");
        whole.extend_from_slice(&lines);
    }
    let spent = cpu() - before;
    ask(gateway, Method::DELETE, &status, token, String::new()).await;
    let resources = memchr::memchr_iter(b'\n', &whole).count();
    assert!(resources > 0, "something is exported");
    (spent / resources as f64, whole)
}
