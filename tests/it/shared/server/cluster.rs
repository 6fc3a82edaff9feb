//! A cluster of several servers.

use mylife::shared::redis::door::Reach;

use super::{Server, at, redis, settings};
use crate::shared::suite;

#[tokio::test]
async fn the_suite_holds_on_a_cluster_of_several() {
    let servers: [Server; 3] =
        std::array::from_fn(|_| Server::start(&["--cluster-enabled", "yes"]));
    let parts = [["0", "5460"], ["5461", "10922"], ["10923", "16383"]];
    for (number, (server, [first, last])) in servers.iter().zip(parts).enumerate() {
        server.cli(&["CLUSTER", "SET-CONFIG-EPOCH", &(number + 1).to_string()]);
        server.cli(&["CLUSTER", "ADDSLOTSRANGE", first, last]);
    }
    for other in &servers[1..] {
        servers[0].cli(&["CLUSTER", "MEET", "127.0.0.1", &other.port.to_string()]);
    }
    for server in &servers {
        server.until(&["CLUSTER", "INFO"], "cluster_known_nodes:3");
        server.until(&["CLUSTER", "INFO"], "cluster_slots_ok:16384");
        server.until(&["CLUSTER", "INFO"], "cluster_state:ok");
    }
    // One is named, the others are learnt of.
    suite::all(redis(settings(Reach::Cluster(vec![at(servers[0].port)])))).await;
    let used = servers.iter().filter(|server| server.cli(&["--scan"]).contains("mylife:297:"));
    assert!(used.count() > 1, "all is on one of them");
}
