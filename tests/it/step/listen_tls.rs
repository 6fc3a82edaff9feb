//! Who may shake hands, whose certificate counts, and how both change while serving.

use std::{sync::Arc, time::Duration};

use mylife::{
    clock::FixedClock,
    error::Kind,
    federation::tls::{PeerTls, Pem as PeerPem},
    listen::tls::{Pem, Tls},
    pki::{self, Ca, Issued, trust::Trust, validity},
};
use rustls::{ClientConfig, pki_types::ServerName};
use tokio::{io::AsyncReadExt, io::AsyncWriteExt};
use tokio_rustls::TlsConnector;

use super::{
    listen::{Echo, listening_with},
    wires::{NOW, Wires, clock, say},
};

struct Town {
    ca: Ca,
    server: Issued,
}

impl Town {
    fn new(name: &str) -> Self {
        let ca = Ca::new(name, NOW).unwrap();
        let server = ca.gateway(&["gateway.test", "127.0.0.1"], NOW).unwrap();
        Self { ca, server }
    }

    fn pem(&self) -> Pem<'_> {
        Pem {
            certificate: &self.server.certificate,
            key: &self.server.key,
            clients: Some(Trust::of(&self.ca.issued().certificate)),
        }
    }

    /// With what was revoked.
    fn pem_with<'a>(&'a self, revoked: &'a str) -> Pem<'a> {
        let authorities = &self.ca.issued().certificate;
        Pem { clients: Some(Trust { authorities, revoked: Some(revoked) }), ..self.pem() }
    }

    fn tls(&self) -> Arc<Tls> {
        Arc::new(Tls::new(self.pem(), clock()).unwrap())
    }

    fn client(&self, shows: Option<&Issued>, alpn: &[&str]) -> ClientConfig {
        let builder = ClientConfig::builder_with_details(
            pki::provider(),
            Arc::new(pki::CertificateTime(clock())),
        )
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(pki::anchors(&self.ca.issued().certificate).unwrap());
        let mut client = match shows {
            None => builder.with_no_client_auth(),
            Some(issued) => {
                let chain = pki::certificates(&issued.certificate).unwrap();
                builder
                    .with_client_auth_cert(chain, pki::private_key(&issued.key).unwrap())
                    .unwrap()
            }
        };
        client.alpn_protocols = alpn.iter().map(|p| p.as_bytes().to_vec()).collect();
        client
    }
}

/// What the gateway saw of us, or none if it would not talk.
async fn seen(wires: &Wires, client: ClientConfig) -> Option<String> {
    let name = ServerName::try_from("gateway.test").unwrap();
    let link = wires.open(1).unwrap();
    let mut link = TlsConnector::from(Arc::new(client)).connect(name, link).await.ok()?;
    let text = "GET / HTTP/1.1\r\nHost: gateway.test\r\nConnection: close\r\n\r\n";
    link.write_all(text.as_bytes()).await.ok()?;
    let mut heard = String::new();
    link.read_to_string(&mut heard).await.ok()?;
    Some(heard)
}

fn thumb(issued: &Issued) -> String {
    let der = pki::certificates(&issued.certificate).unwrap();
    format!("{:02x?}", pki::thumbprint(&der[0]))
}

#[tokio::test(start_paused = true)]
async fn a_client_certificate_is_seen_only_if_a_known_authority_vouches_for_it() {
    let (kuopio, evil) = (Town::new("Kuopio"), Town::new("Evil"));
    let (wires, _stop) = listening_with(kuopio.tls(), Arc::new(Echo));
    let peer = kuopio.ca.client("portal", NOW).unwrap();
    let forged = evil.ca.client("portal", NOW).unwrap();
    let named_alike = Ca::new("Kuopio", NOW).unwrap().client("portal", NOW).unwrap();

    let heard = seen(&wires, kuopio.client(Some(&peer), &["http/1.1"])).await.unwrap();
    assert!(heard.contains(&thumb(&peer)), "{heard}");
    let heard = seen(&wires, kuopio.client(None, &["h2", "http/1.1"])).await.unwrap();
    assert!(heard.contains("no certificate"), "{heard}");
    // AH-31
    for (why, client) in [
        ("another authority", kuopio.client(Some(&forged), &[])),
        ("an authority of the same name", kuopio.client(Some(&named_alike), &[])),
        ("a server's certificate", {
            let server = kuopio.ca.server(&["portal.test"], NOW).unwrap();
            kuopio.client(Some(&server), &[])
        }),
        ("HTTP/2 only", kuopio.client(None, &["h2"])),
        ("does not trust us", evil.client(None, &[])),
    ] {
        assert_eq!(seen(&wires, client).await, None, "{why}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_expired_client_certificate_does_not_count() {
    let kuopio = Town::new("Kuopio");
    let later = Arc::new(FixedClock::new(NOW.plus(Duration::from_hours(24 * 500))));
    let tls = Arc::new(Tls::new(kuopio.pem(), later).unwrap());
    let (wires, _stop) = listening_with(tls, Arc::new(Echo));
    let peer = kuopio.ca.client("portal", NOW).unwrap();
    assert_eq!(seen(&wires, kuopio.client(Some(&peer), &[])).await, None);
}

/// The list of an authority that revoked these, good for ten days.
fn list(ca: &Ca, revoked: &[&Issued]) -> String {
    let serial = |one: &&Issued| {
        let der = pki::certificates(&one.certificate).unwrap();
        (validity::serial(&der[0]).unwrap().to_vec(), NOW)
    };
    ca.revoked(&revoked.iter().map(serial).collect::<Vec<_>>(), NOW, 10).unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_client_certificate_counts_while_a_list_of_its_issuer_stands_and_does_not_name_it() {
    let (kuopio, other) = (Town::new("Kuopio"), Town::new("Other"));
    let [peer, lost] = ["portal", "lost"].map(|name| kuopio.ca.client(name, NOW).unwrap());
    let (none, one) = (list(&kuopio.ca, &[]), list(&kuopio.ca, &[&lost]));
    let (both, others) = (list(&kuopio.ca, &[&lost, &peer]), list(&other.ca, &[]));
    let (in_time, late) = (Duration::ZERO, Duration::from_hours(24 * 11));
    let rows = [
        ("nothing revoked", &none, in_time, &peer, true),
        ("another one", &one, in_time, &peer, true),
        ("this one", &one, in_time, &lost, false),
        ("both", &both, in_time, &peer, false),
        ("a list that has ended", &none, late, &peer, false),
        ("a list of another authority", &others, in_time, &peer, false),
        ("lists of both authorities", &format!("{others}{one}"), in_time, &peer, true),
    ];
    for (why, revoked, after, shown, counts) in rows {
        let clock = Arc::new(FixedClock::new(NOW.plus(after)));
        let tls = Arc::new(Tls::new(kuopio.pem_with(revoked), clock).unwrap());
        let (wires, _stop) = listening_with(tls, Arc::new(Echo));
        let heard = seen(&wires, kuopio.client(Some(shown), &[])).await;
        assert_eq!(heard.is_some(), counts, "{why}: {heard:?}");
        // Who shows none may come, whatever was revoked.
        assert!(seen(&wires, kuopio.client(None, &[])).await.is_some(), "{why}");
    }
    for bad in ["", "soon", &kuopio.ca.issued().certificate, &one.replacen("MI", "AA", 1)] {
        let refused = Tls::new(kuopio.pem_with(bad), clock()).map(drop).unwrap_err();
        assert_eq!(refused.kind(), Kind::Invalid, "{bad}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_peer_whose_certificate_was_revoked_is_asked_nothing() {
    let kuopio = Town::new("Kuopio");
    let (wires, _stop) = listening_with(kuopio.tls(), Arc::new(Echo));
    let own = kuopio.ca.gateway(&["own.test"], NOW).unwrap();
    for (revoked, answers) in [(None, true), (Some(&own), true), (Some(&kuopio.server), false)] {
        let revoked = list(&kuopio.ca, &revoked.into_iter().collect::<Vec<_>>());
        let authorities = &kuopio.ca.issued().certificate;
        let peers = Trust { authorities, revoked: Some(&revoked) };
        let pem = PeerPem { peers, certificate: &own.certificate, key: &own.key };
        let settings = PeerTls::new(pem, clock()).unwrap().settings();
        assert_eq!(seen(&wires, (*settings).clone()).await.is_some(), answers);
    }
}

#[tokio::test(start_paused = true)]
async fn other_settings_are_taken_with_certificate_and_authority_and_never_unusable_ones() {
    let (old, new) = (Town::new("Old"), Town::new("New"));
    let tls = old.tls();
    let (wires, _stop) = listening_with(tls.clone(), Arc::new(Echo));
    let mixed = Pem { key: &new.server.key, ..old.pem() };
    assert!(Tls::new(mixed, clock()).is_err());
    assert!(Tls::new(Pem { certificate: "", ..old.pem() }, clock()).is_err());
    assert!(seen(&wires, old.client(None, &[])).await.is_some());
    tls.adopt(&new.tls());
    assert!(seen(&wires, old.client(None, &[])).await.is_none());
    let peer = new.ca.client("portal", NOW).unwrap();
    let heard = seen(&wires, new.client(Some(&peer), &[])).await.unwrap();
    assert!(heard.contains(&thumb(&peer)));
}

#[tokio::test(start_paused = true)]
async fn a_handshake_that_does_not_come_is_not_waited_for() {
    let (wires, _stop) = listening_with(Town::new("Kuopio").tls(), Arc::new(Echo));
    for start in ["", "\u{16}\u{3}\u{1}"] {
        let heard = say(wires.open(1).unwrap(), start.as_bytes()).await;
        assert_eq!((heard.text.as_str(), heard.after.as_secs()), ("", 5));
    }
    let heard = say(wires.open(1).unwrap(), b"GET / HTTP/1.1\r\n\r\n").await;
    assert!(heard.statuses().is_empty(), "cleartext was answered");
    assert_eq!(heard.after, Duration::ZERO);
}

#[test]
fn an_authority_comes_back_from_its_files_and_keys_are_its_owners_alone() {
    use std::os::unix::fs::PermissionsExt;
    let made = Ca::new("Kuopio", NOW).unwrap();
    let dir = std::env::temp_dir().join(format!("pki-{}", std::process::id()));
    std::fs::create_dir_all(&dir).unwrap();
    for _ in 0..2 {
        made.issued().write(&dir, "ca").unwrap();
    }
    let key = dir.join("ca.key");
    assert_eq!(key.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    let text = |name| std::fs::read_to_string(dir.join(name)).unwrap();
    let issued = Issued { certificate: text("ca.pem"), key: text("ca.key").into() };
    let back = Ca::load("Kuopio", issued, NOW).unwrap();
    let ours = back.gateway(&["localhost"], NOW).unwrap();
    let tls = PeerTls::new(
        PeerPem {
            peers: Trust::of(&made.issued().certificate),
            certificate: &ours.certificate,
            key: &ours.key,
        },
        clock(),
    );
    assert!(tls.is_ok());
    assert_eq!(format!("{ours:?}"), "Issued");
    std::fs::remove_dir_all(dir).unwrap();
}
