//! Who may talk to whom: passwords, certificates, access lists.

use std::time::Duration;

use mylife::{
    clock::{Clock, SystemClock},
    error::Kind,
    shared::{
        Shared,
        redis::door::{Door, Login, Settings, Tls},
    },
};

use super::{
    Server,
    fixture::{PASSWORD, Pki},
    one, redis,
};
use crate::shared::{NOON, after, key};

fn login(user: Option<&str>, password: Option<&str>) -> Login {
    let password = password.map(|password| password.to_owned().into());
    Login { user: user.map(str::to_owned), password }
}

async fn works(settings: Settings) -> bool {
    match redis(settings).put(&key("a"), b"a", after(1000), NOON).await {
        Ok(()) => true,
        Err(error) => {
            assert_eq!(error.kind(), Kind::Unavailable);
            let told = format!("{error} {error:?}");
            assert!(!told.contains(PASSWORD) && !told.contains("wrong"), "{told}");
            false
        }
    }
}

#[tokio::test]
async fn only_the_right_name_and_password_are_let_in() {
    let pki = Pki::new();
    let server = Server::start(&["--aclfile", &pki.access_list()]);
    let rows = [
        (Some("mylife"), Some(PASSWORD), true),
        (Some("mylife"), Some("wrong-password"), false),
        (Some("nobody"), Some(PASSWORD), false),
        (None, Some(PASSWORD), false),
        (None, None, false),
    ];
    for (user, password, expected) in rows {
        let login = login(user, password);
        assert_eq!(works(Settings { login, ..one(&server) }).await, expected, "{user:?}");
    }
}

#[tokio::test]
async fn only_a_server_with_a_good_certificate_is_talked_to() {
    let now = SystemClock::default().now();
    let (good, other) = (Pki::new(), Pki::new());
    let expired = Pki::of(now.minus(Duration::from_hours(24 * 500)));
    let tls = |pki: &Pki| Some(Tls { authorities: pki.authorities(), identity: None });
    let optional = ["--tls-auth-clients", "optional"];
    let server = Server::start(&[&good.server_options()[..], &optional].concat());
    assert!(works(Settings { tls: tls(&good), ..one(&server) }).await);
    assert!(!works(Settings { tls: tls(&other), ..one(&server) }).await, "another authority");
    let short = Settings { response: Duration::from_millis(250), ..one(&server) };
    let short = Settings { connect: Duration::from_millis(250), ..short };
    assert!(!works(short).await, "without TLS");
    let server = Server::start(&[&expired.server_options()[..], &optional].concat());
    assert!(!works(Settings { tls: tls(&expired), ..one(&server) }).await, "expired");
    let needed = ["--tls-auth-clients", "yes"];
    let server = Server::start(&[&good.server_options()[..], &needed].concat());
    assert!(!works(Settings { tls: tls(&good), ..one(&server) }).await, "we show none");
    let identity = Some(good.client());
    let shown = Some(Tls { authorities: good.authorities(), identity });
    assert!(works(Settings { tls: shown, ..one(&server) }).await);
}

#[tokio::test]
async fn what_cannot_be_used_is_found_before_a_server_is_asked() {
    let server = mylife::transport::Authority::new("127.0.0.1", 1);
    let reach = mylife::shared::redis::door::Reach::One(server);
    let tls = Some(Tls {
        authorities: String::new(),
        identity: Some(("no certificate".to_owned(), "no key".to_owned().into())),
    });
    let error = Door::new(Settings { tls, ..super::settings(reach) }).err().unwrap();
    assert_eq!(error.kind(), Kind::Invalid);
}
