//! The operator of one of several processes sees which server is away, and none of its secrets.

use serde_json::{Value, json};

use super::Twins;
use crate::{store::server as postgres, story::operator_looks_at_peers::shown, world::Node};

/// The status line, and the health.
fn health(node: &Node) -> (bool, Value) {
    let text = shown(node, "/health");
    let (head, body) = text.split_once("\r\n\r\n").unwrap();
    (head.starts_with("HTTP/1.1 200 "), serde_json::from_str(body).unwrap())
}

#[test]
fn redis_and_the_database_show_up_or_down_with_no_secret() {
    let mut twins = Twins::new();
    let (ready, up) = health(&twins.a);
    assert!(ready, "{up}");
    assert_eq!(up["components"]["store"], json!({ "status": "UP", "kind": "postgres" }));
    assert_eq!(up["components"]["shared"], json!({ "status": "UP", "kind": "redis" }));

    twins.redis.kill();
    let (ready, down) = health(&twins.a);
    assert_eq!(down["components"]["shared"], json!({ "status": "DOWN", "kind": "redis" }));
    assert_eq!((ready, &down["status"]), (true, &json!("UP")), "what may be lost stops nothing");

    postgres::run(&twins.database, "ALTER TABLE person RENAME TO away");
    let (ready, down) = health(&twins.a);
    assert_eq!(down["components"]["store"], json!({ "status": "DOWN", "kind": "postgres" }));
    assert_eq!((ready, &down["status"]), (false, &json!("DOWN")));
    for secret in ["redis://", "postgresql://", "127.0.0.1", &twins.database, "password"] {
        assert!(!down.to_string().contains(secret), "{secret}: {down}");
    }
}
