//! A read with consent and with consent switched off.
//!
//! Beside `decide`, in a build with the feature `mutants` alone. Three figures: a read that was answered
//! before and is given again, of which consent is not asked but whether its last word still stands; a read
//! that is worked out anew from what is decided; and the first read of somebody, whose data are loaded,
//! mapped and decided about.

use std::{path::PathBuf, sync::Arc};

use http::{Method, StatusCode};
use mylife::{
    domain::theme::Theme,
    gateway::{Gateway, kept::Kept},
};

use super::{
    DEARER, READS, ROUNDS,
    cpu::cpu,
    paths,
    switched::{both, compare, open_up},
    together::read_all,
    world::{Size, World, ask},
};

const HOLD: (usize, f64) = (ROUNDS, DEARER);

/// Fills a world and tells the three.
pub(super) async fn reads(dir: PathBuf, size: Size) {
    let (world, _) = World::filled(dir, size, None).await;
    open_up(&world, size.assessments).await;
    let paths = paths(&world.people());
    let mut gateway = world.open().await;
    same_bytes(&world, &gateway, &paths).await;
    // An answer is kept where there is room for it.
    gateway.kept = Kept::new(1);
    let gateway = Arc::new(gateway);
    let anew = async |token: String| read_all(&gateway, &paths, &token, READS).await.0;
    compare("a read worked out anew", &world, HOLD, anew).await;
    let first = async |token: String| {
        let local = gateway.reach.sources.local.as_ref().unwrap();
        let before = cpu();
        for path in &*paths {
            local.clear();
            read(&gateway, path, &token).await;
        }
        (cpu() - before) / paths.len() as f64
    };
    compare("the first read of somebody", &world, HOLD, first).await;
    drop(gateway);
    let gateway = Arc::new(world.open().await);
    let again = async |token: String| read_all(&gateway, &paths, &token, READS).await.0;
    compare("a read given again", &world, HOLD, again).await;
}

/// Whether consent is asked or not, everybody's answers are the same bytes, and all of them.
async fn same_bytes(world: &World, gateway: &Gateway, paths: &[String]) {
    for path in paths {
        let [with, without] =
            both(world, async |token: String| read(gateway, path, &token).await).await;
        assert_eq!(with, without, "what is read differs");
        assert!(Theme::ALL.iter().all(|theme| with.contains(theme.code())), "{with}");
    }
}

async fn read(gateway: &Gateway, path: &str, token: &str) -> String {
    let (status, body) = ask(gateway, Method::GET, path, token, String::new()).await;
    assert_eq!(status, StatusCode::OK);
    String::from_utf8(body.to_vec()).unwrap()
}
