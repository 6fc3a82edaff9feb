//! The demo's portal and its three municipalities in this process, and somebody whom all three hold.
//!
//! Beside the way. Each node has a thread, a store, keys and TLS of its own. Nobody here exists.

use std::{fs, path::Path, sync::Arc, time::Duration};

use mylife::{
    chance::{Chance, SystemChance},
    clock::{Clock, SystemClock},
    demo::{
        client::Visitor,
        clients::{self, DESK, DemoClient, client, source},
        directory::MUNICIPALITIES,
        loading::{self, Resident},
        nodes::{self, Running, World},
        people::{self, Home, Somebody},
        rules::{self, Draft},
    },
    domain::plan::Plan,
    pki::{self, Ca},
};

const SEED: u64 = 7;

/// Everything that is asked.
pub(crate) struct Land {
    pub(crate) visitor: Visitor,
    pub(crate) running: Running,
    pub(crate) clients: Vec<DemoClient>,
    pub(crate) clock: Arc<dyn Clock>,
}

impl Land {
    /// Starts it in a directory that is emptied; gives the people of the demo with what they decided,
    /// nothing of which is anywhere yet.
    pub(crate) fn start(dir: &Path) -> (Self, Vec<(Somebody, Vec<Draft>)>) {
        drop(fs::remove_dir_all(dir));
        fs::create_dir_all(dir).unwrap();
        let clock: Arc<dyn Clock> = Arc::new(SystemClock::default());
        let chance: Arc<dyn Chance> = Arc::new(SystemChance);
        let now = clock.now();
        let ca = Ca::new(pki::THROW_AWAY, now).unwrap();
        let clients = clients::clients(dir).unwrap();
        let all = people::people(SEED, now).unwrap();
        let pem = ca.issued().certificate.clone();
        let (time, luck) = (Arc::clone(&clock), Arc::clone(&chance));
        let world = World { ca, clock: time, chance: luck, now, servers: None };
        let running = nodes::start(dir, 0, &clients, &all, &world).unwrap();
        let visitor = Visitor::new(&pem, Arc::clone(&clock), chance).unwrap();
        let drafts = rules::drafts(&all, &clients, SEED, now).unwrap();
        let decided = all.into_iter().zip(drafts).collect();
        (Self { visitor, running, clients, clock }, decided)
    }

    /// Has all three hold what somebody's first home has, with a plan of their own: it names a team, which
    /// is of its own municipality.
    pub(crate) async fn hold(
        &self,
        mut somebody: Somebody,
        plan: impl Fn(&Home) -> Option<Plan>,
    ) -> Resident {
        let first = somebody.homes.remove(0);
        let home = |at| {
            let mut home = Home { municipality: at, ..first.clone() };
            home.plan = plan(&home);
            home
        };
        somebody.homes = MUNICIPALITIES.map(home).into();
        let mut records = Vec::new();
        for home in &somebody.homes {
            let slug = home.municipality.slug;
            let owner = client(&self.clients, &source(slug)).unwrap();
            let node = self.running.node(slug).unwrap();
            records.push(loading::push(home, slug, &self.visitor, node, owner).await.unwrap());
        }
        let (grants, prohibitions, drafts) = (Vec::new(), Vec::new(), Vec::new());
        Resident { somebody, records, grants, prohibitions, drafts }
    }

    /// Writes a consent at the portal; how long it took until all three had acknowledged.
    pub(crate) async fn write(&self, resident: &Resident, draft: &Draft) -> Duration {
        let desk = client(&self.clients, DESK).unwrap();
        let (before, now) = (self.clock.elapsed(), self.clock.now());
        let written = loading::put(resident, draft, &self.visitor, &self.running, desk, now);
        assert_eq!(written.await.unwrap().status, 200, "all three acknowledge");
        self.clock.elapsed().saturating_sub(before)
    }
}
