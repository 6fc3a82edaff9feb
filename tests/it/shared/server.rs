//! On a real Redis, which each test starts for itself.

pub(crate) mod fixture;
mod cluster;
mod failover;
mod fault;
mod foreign;
mod loss;
mod same;
mod secret;

use std::sync::Arc;

use mylife::{
    clock::{Clock, SystemClock},
    domain::id::NodeCode,
    shared::{
        Shared,
        redis::{
            Redis,
            door::{Door, Login, Reach, Settings, Tls},
        },
    },
    transport::Authority,
};

use self::fixture::Server;
use super::suite;

const NAME_KEY: [u8; 32] = [5; 32];
/// Long enough for the slowest machine that runs the tests.
const PATIENCE: std::time::Duration = std::time::Duration::from_secs(20);

fn settings(reach: Reach) -> Settings {
    let (login, tls) = (Login::default(), None);
    Settings { reach, tls, login, connect: PATIENCE, response: PATIENCE }
}

fn at(port: u16) -> Authority {
    Authority::new("127.0.0.1", port)
}

pub(crate) fn one(server: &Server) -> Settings {
    settings(Reach::One(at(server.port)))
}

fn redis(settings: Settings) -> Arc<Redis> {
    on_clock(settings, Arc::new(SystemClock::default()))
}

fn on_clock(settings: Settings, clock: Arc<dyn Clock>) -> Arc<Redis> {
    let node = NodeCode::parse("297").unwrap();
    Arc::new(Redis::new(Arc::new(Door::new(settings).unwrap()), &node, &NAME_KEY, clock))
}

#[tokio::test]
async fn the_suite_holds_on_one_server() {
    let server = Server::start(&[]);
    server.cli(&["SET", "of-others", "stays"]);
    server.cli(&["SET", "mylife:205:v:x", "stays"]);
    suite::all(redis(one(&server))).await;
    let keys = server.cli(&["--scan"]);
    let (ours, others): (Vec<_>, Vec<_>) =
        keys.lines().partition(|key| key.starts_with("mylife:297:"));
    assert!(ours.len() > 5, "{keys}");
    assert!(ours.iter().all(|key| !key.contains("test") && !key.contains("first")), "{keys}");
    assert_eq!(others.len(), 2, "{keys}");
    assert_eq!(server.cli(&["GET", "of-others"]).trim(), "stays");
    let lasting = ours.iter().filter(|key| server.cli(&["TTL", key]).trim() == "-1");
    assert_eq!(lasting.count(), 0, "whatever we write, the server forgets some day");
}

#[tokio::test]
async fn the_suite_holds_over_tls_with_an_access_list() {
    let pki = fixture::Pki::new();
    let server = Server::start(
        &[
            &pki.server_options()[..],
            &["--tls-auth-clients", "yes", "--aclfile", &pki.access_list()],
        ]
        .concat(),
    );
    let tls = Some(Tls { authorities: pki.authorities(), identity: Some(pki.client()) });
    let password = Some(fixture::PASSWORD.to_owned().into());
    let login = Login { user: Some("mylife".to_owned()), password };
    suite::all(redis(Settings { tls, login, ..one(&server) })).await;
}

#[tokio::test]
async fn the_suite_holds_on_a_cluster() {
    let server = Server::start(&["--cluster-enabled", "yes"]);
    server.cli(&["CLUSTER", "ADDSLOTSRANGE", "0", "16383"]);
    server.until(&["CLUSTER", "INFO"], "cluster_state:ok");
    suite::all(redis(settings(Reach::Cluster(vec![at(server.port)])))).await;
}

#[tokio::test]
async fn the_suite_holds_behind_a_sentinel() {
    let server = Server::start(&[]);
    let sentinel = Server::sentinel(server.port);
    sentinel.until(&["SENTINEL", "GET-MASTER-ADDR-BY-NAME", "main"], &server.port.to_string());
    let reach = |master: &str| Reach::Sentinel {
        master: master.to_owned(),
        nodes: vec![at(sentinel.port)],
        login: Login::default(),
    };
    suite::all(redis(settings(reach("main")))).await;
    let unknown = redis(settings(reach("other")));
    assert!(unknown.look(&super::key("a"), super::NOON).await.is_err());
}
