//! A client's own host on a network with names, and the token endpoint that asks it.

use std::{
    collections::BTreeMap,
    io,
    net::{IpAddr, SocketAddr},
    sync::{Arc, Mutex},
    time::Duration,
};

use http::{Method, StatusCode};
use mylife::{
    authenticate::{jose::sign::Signer, registry::Registry},
    clock::{Clock, FixedClock},
    oauth::{
        keys::{
            PublishedKeys,
            fetch::{Fetcher, Rules},
        },
        token::{Answered, Asked},
    },
    pki::{self, Ca, CertificateTime},
    transport::{Authority, Later, Link, Port, Transport},
};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio_rustls::TlsAcceptor;

use super::super::{
    asking::{Desk, HOME, claims, credentials, entry, form_headers},
    signed::{ES384, RS384, header, jwks, noon, sign, with},
    wires::Wires,
};

pub(super) const HOST: &str = "keys.example";
pub(super) const URL: &str = "https://keys.example/jwks.json";
pub(super) const REFUSED: &str =
    r#"{"error":"invalid_client","error_description":"Client authentication failed."}"#;

/// What the client's host says.
#[derive(Clone)]
pub(super) struct Says {
    pub(super) status: &'static str,
    pub(super) headers: String,
    pub(super) body: String,
    /// It takes the question and says nothing.
    pub(super) hangs: bool,
}

impl Says {
    pub(super) fn set(set: &Value) -> Self {
        let headers = "content-type: application/json\r\n".to_owned();
        Self { status: "200 OK", headers, body: set.to_string(), hangs: false }
    }

    pub(super) fn headers(self, headers: &str) -> Self {
        Self { headers: format!("{headers}\r\n"), ..self }
    }

    pub(super) fn kept(self, directives: &str) -> Self {
        self.headers(&format!("content-type: application/json\r\ncache-control: {directives}"))
    }

    fn text(&self) -> String {
        let Self { status, headers, body, .. } = self;
        format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\n{headers}\r\n{body}", body.len())
    }
}

/// A network with names, which keeps account of what was asked of it.
#[derive(Clone)]
pub(super) struct Net {
    pub(super) wires: Wires,
    pub(super) names: Arc<Mutex<BTreeMap<String, Vec<IpAddr>>>>,
    pub(super) looked_up: Arc<Mutex<u32>>,
    pub(super) reached: Arc<Mutex<Vec<Authority>>>,
}

impl Transport for Net {
    fn bind(&self, at: SocketAddr) -> Later<'_, Box<dyn Port>> {
        self.wires.bind(at)
    }

    fn resolve<'a>(&'a self, to: &'a Authority) -> Later<'a, Vec<SocketAddr>> {
        *self.looked_up.lock().unwrap() += 1;
        let found = self.names.lock().unwrap().get(to.host()).cloned();
        Box::pin(async move {
            let found = found.ok_or(io::ErrorKind::NotFound)?;
            Ok(found.into_iter().map(|ip| (ip, to.port()).into()).collect())
        })
    }

    fn connect<'a>(&'a self, to: &'a Authority) -> Later<'a, Link> {
        self.reached.lock().unwrap().push(to.clone());
        self.wires.connect(to)
    }
}

/// A token endpoint that knows a client by the address of its keys, and the client's host.
pub(super) struct Scene {
    pub(super) desk: Desk,
    pub(super) net: Net,
    pub(super) says: Arc<Mutex<Says>>,
    pub(super) asked: Arc<Mutex<Vec<String>>>,
}

impl Scene {
    pub(super) fn new() -> Self {
        Self::with(&json!({}), true)
    }

    /// The client's entry with changes; `named`: does the operator name the host?
    pub(super) fn with(changes: &Value, named: bool) -> Self {
        let authority = Ca::new("hosts", noon()).unwrap();
        let clock: Arc<dyn Clock> = Arc::new(FixedClock::new(noon()));
        let names = BTreeMap::from([(HOST.to_owned(), vec![IpAddr::from([127, 0, 0, 1])])]);
        let net = Net {
            wires: Wires::default(),
            names: Arc::new(Mutex::new(names)),
            looked_up: Arc::default(),
            reached: Arc::default(),
        };
        let pem = authority.issued().certificate.clone();
        let inside = if named { vec![Authority::new(HOST, 443)] } else { Vec::new() };
        let rules = Rules { inside, authorities: named.then_some(pem) };
        let fetcher = Fetcher::new(Arc::new(net.clone()), rules, &clock).unwrap();
        let client = entry(&with(json!({"jwks": null, "jwks_uri": URL}), changes));
        let registry = Arc::new(Registry::build(vec![client]).unwrap());
        let mut desk = Desk::new();
        desk.endpoint.keys = PublishedKeys::new(&registry, &Arc::new(fetcher));
        desk.endpoint.registry = registry;
        let says = Arc::new(Mutex::new(Says::set(&jwks(&[&ES384, &RS384]))));
        let asked = Arc::new(Mutex::new(Vec::new()));
        stand(&net.wires, &authority, &clock, Arc::clone(&says), Arc::clone(&asked));
        Self { desk, net, says, asked }
    }

    pub(super) fn say(&self, says: Says) {
        *self.says.lock().unwrap() = says;
    }

    pub(super) fn fetches(&self) -> usize {
        self.asked.lock().unwrap().len()
    }

    /// A token request, so many seconds after noon.
    pub(super) async fn ask(&self, proof: &str, after: Duration) -> Answered {
        let (method, headers, body) =
            (Method::POST, form_headers(), credentials(proof, "system/Goal.rs"));
        let asked = Asked {
            method: &method,
            query: None,
            headers: &headers,
            body: body.as_bytes(),
            certificate: None,
            names: None,
            address: HOME,
        };
        self.desk.endpoint.answer(asked, noon().plus(after)).await
    }

    /// Does a fresh proof by this key count?
    pub(super) async fn believes(&self, signer: &Signer, after: Duration) -> bool {
        static COUNT: Mutex<u32> = Mutex::new(0);
        let jti = {
            let mut count = COUNT.lock().unwrap();
            *count += 1;
            format!("n{count}")
        };
        let now = noon().plus(after).seconds();
        let claims = with(claims(&jti), &json!({"exp": now + 300, "iat": now}));
        let answered = self.ask(&sign(signer, &header(signer, "JWT"), &claims), after).await;
        if answered.response.status() == StatusCode::OK {
            return true;
        }
        assert_eq!(answered.response.status(), StatusCode::UNAUTHORIZED);
        assert_eq!(answered.response.body(), REFUSED, "PK-14");
        false
    }
}

/// The client's host, behind TLS.
fn stand(
    wires: &Wires,
    authority: &Ca,
    clock: &Arc<dyn Clock>,
    says: Arc<Mutex<Says>>,
    asked: Arc<Mutex<Vec<String>>>,
) {
    let issued = authority.server(&[HOST], noon()).unwrap();
    let time = Arc::new(CertificateTime(Arc::clone(clock)));
    let settings = rustls::ServerConfig::builder_with_details(pki::provider(), time)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(
            pki::certificates(&issued.certificate).unwrap(),
            pki::private_key(&issued.key).unwrap(),
        )
        .unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(settings));
    let mut arriving = wires.listen(443);
    tokio::spawn(async move {
        loop {
            let link = arriving.next().await;
            let (acceptor, says, asked) = (acceptor.clone(), Arc::clone(&says), Arc::clone(&asked));
            tokio::spawn(async move {
                let Ok(mut link) = acceptor.accept(link).await else { return };
                let mut head = Vec::new();
                while !head.ends_with(b"\r\n\r\n") {
                    let Ok(byte) = link.read_u8().await else { return };
                    head.push(byte);
                }
                asked.lock().unwrap().push(String::from_utf8(head).unwrap());
                let says = says.lock().unwrap().clone();
                if says.hangs {
                    std::future::pending::<()>().await;
                }
                drop(link.write_all(says.text().as_bytes()).await);
                drop(link.shutdown().await);
            });
        }
    });
}

pub(super) const fn seconds(n: u64) -> Duration {
    Duration::from_secs(n)
}
