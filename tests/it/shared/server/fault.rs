//! Whatever is wrong with a server is said in one line, with what mends it.

use std::{error::Error as _, time::Duration};

use mylife::{
    clock::{Clock, SystemClock},
    error::Kind,
    shared::{
        Shared,
        redis::door::{Login, Settings, Tls},
    },
};

use super::{
    Server,
    fixture::{PASSWORD, Pki},
    one, redis,
};
use crate::shared::{NOON, after, key};

/// What the operator's log has of a value that could not be kept.
async fn told(settings: Settings) -> String {
    let redis = redis(settings);
    let kept = redis.put(&key("a"), &[7; 9_000], after(1000), NOON).await;
    // A full server may forget something first, and one with a stranger's value takes ours.
    let error = match kept {
        Ok(()) => redis.once(&key("a"), after(1000), NOON).await.map(drop),
        refused => refused,
    };
    let error = error.expect_err("it is refused");
    assert_eq!(error.kind(), Kind::Unavailable);
    assert!(!error.say().to_lowercase().contains("redis"), "callers read nothing of it: {error}");
    let cause = error.source().expect("it has a cause").to_string();
    assert!(cause.lines().count() == 1 && !cause.contains("wrong-password"), "{cause}");
    cause
}

fn user(name: &str, password: &str) -> Login {
    Login { user: Some(name.to_owned()), password: Some(password.to_owned().into()) }
}

#[tokio::test]
async fn who_may_not_is_told_what_to_correct() {
    let pki = Pki::new();
    let server = Server::start(&["--aclfile", &pki.access_list()]);
    for login in [user("mylife", "wrong-password"), user("nobody", PASSWORD), Login::default()] {
        let said = told(Settings { login, ..one(&server) }).await;
        assert!(said.contains("shared.password_file"), "{said}");
    }
    let server = Server::start(&[]);
    server.cli(&["ACL", "SETUSER", "mylife", "on", &format!(">{PASSWORD}"), "+ping", "+hello"]);
    let said = told(Settings { login: user("mylife", PASSWORD), ..one(&server) }).await;
    assert!(said.contains("ACL SETUSER"), "{said}");
}

#[tokio::test]
async fn who_is_not_there_or_not_who_it_says_is_told_what_to_correct() {
    let (good, other) = (Pki::new(), Pki::new());
    let expired = Pki::of(SystemClock::default().now().minus(Duration::from_hours(24 * 500)));
    let optional = ["--tls-auth-clients", "optional"];
    for (server, known) in [(&good, &other), (&expired, &expired)] {
        let tls = Some(Tls { authorities: known.authorities(), identity: None });
        let server = Server::start(&[&server.server_options()[..], &optional].concat());
        let said = told(Settings { tls, ..one(&server) }).await;
        assert!(said.contains("shared.authorities"), "{said}");
    }
    let mut server = Server::start(&[]);
    server.kill();
    let said = told(one(&server)).await;
    assert!(said.contains("start it") && said.contains("shared.url"), "{said}");
}

#[tokio::test]
async fn who_cannot_keep_it_is_told_what_to_change() {
    let full = Server::start(&["--maxmemory", "1", "--maxmemory-policy", "noeviction"]);
    let said = told(one(&full)).await;
    assert!(said.contains("maxmemory-policy volatile-lru"), "{said}");
    let copy = Server::start(&[]);
    copy.cli(&["REPLICAOF", "127.0.0.1", "1"]);
    let said = told(one(&copy)).await;
    assert!(said.contains("name the master"), "{said}");
    let of_cluster = Server::start(&["--cluster-enabled", "yes"]);
    let said = told(one(&of_cluster)).await;
    assert!(said.contains("CLUSTER INFO"), "{said}");
    let used = Server::start(&[]);
    assert!(redis(one(&used)).once(&key("a"), after(1000), NOON).await.unwrap());
    let name = used.cli(&["--scan"]).trim().to_owned();
    used.cli(&["DEL", &name]);
    used.cli(&["LPUSH", &name, "of another program"]);
    let said = told(one(&used)).await;
    assert!(said.contains("another program"), "{said}");
}
