//! Those who ask and write: each a client of its own, known by its key, on the public wire alone.

use std::{cell::RefCell, collections::BTreeMap, rc::Rc, sync::Arc};

use bytes::Bytes;
use http::{Method, Request, header};
use http_body_util::{BodyExt, Full};
use hyper_util::rt::TokioIo;
use mylife::{
    authenticate::{
        jose::{TokenKind, claims::Registered, sign::Signer},
        registry::ClientEntry,
    },
    chance::base32,
    gateway::open::jwks,
    pki::{self, CertificateTime, Issued},
};
use rustls::{ClientConfig, pki_types::ServerName};
use serde_json::{Value, json};
use tokio_rustls::TlsConnector;

use super::{
    Node, Reply, World,
    browser::BACK,
    identity::signer,
    receiver::{GARBAGE, INSIDE, NOBODY, PLACE, TOKENS},
};

/// OIDs of the organisations that ask: the portal, a county, a municipality's own systems.
pub(crate) const ORGANIZATIONS: [&str; 3] =
    ["1.2.246.10.99909002", "1.2.246.10.99900139", "1.2.246.10.99902978"];

/// What one who watches shares with every gateway.
pub(crate) const SECRET: &str = "not-a-secret-but-long-enough-for-one";

pub(crate) struct Actor {
    pub(crate) id: &'static str,
    pub(crate) organization: String,
    scopes: &'static [&'static str],
    purpose: &'static str,
    signer: Signer,
    anchors: Arc<rustls::RootCertStore>,
    /// Tokens by node and scope, with the second they were fetched at.
    tokens: RefCell<BTreeMap<(String, String), (i64, String)>>,
    /// What it states beside itself from now on: `extensions` of its assertions.
    states: RefCell<Value>,
}

/// The clients that every gateway of the world knows.
pub(crate) fn cast(authority: &pki::Ca) -> BTreeMap<String, Rc<Actor>> {
    let anchors = pki::anchors(&authority.issued().certificate).unwrap();
    let [portal, county, city] = ORGANIZATIONS;
    let rows: [(&str, &str, &[&str], &str); 17] = [
        ("national-portal", portal, &["system/*.rs"], "TREAT"),
        ("north-savo", county, &["system/*.rs"], "TREAT"),
        ("indicator-office", county, &["system/Observation.rs", "system/Patient.rs"], "HOUTCOMS"),
        ("goals-only", portal, &["system/Goal.rs"], "TREAT"),
        ("source", city, &["mylife/native.write"], "PATADMIN"),
        ("plan-keeper", city, &["system/*.cruds"], "TREAT"),
        ("consent-desk", city, &["system/Consent.cu"], "PATADMIN"),
        ("consent-book", city, &["system/Consent.crus"], "PATADMIN"),
        (
            "survey-portal",
            portal,
            &["system/QuestionnaireResponse.crs", "system/Patient.r"],
            "TREAT",
        ),
        ("citizen-app", city, &["system/*.rs"], "PATRQT"),
        ("officer-desk", city, &["system/*.rs"], "HLEGAL"),
        ("case-system", county, &["mylife/launch.write"], "CAREMGT"),
        ("server-app", city, &["patient/*.rs", "launch/patient", "offline_access"], "PATRQT"),
        ("ward", county, &["system/*.rs"], "ETREAT"),
        ("watcher", portal, &["system/*.rs", "system/Subscription.cud"], "TREAT"),
        (
            "watcher-of-consents",
            city,
            &["system/Consent.crus", "system/Subscription.cruds"],
            "PATADMIN",
        ),
        ("watcher-too", portal, &["system/*.rs", "system/Subscription.cud"], "TREAT"),
    ];
    rows.into_iter()
        .map(|(id, oid, scopes, purpose)| {
            let actor = Actor {
                id,
                organization: format!("urn:oid:{oid}"),
                scopes,
                purpose,
                signer: signer(),
                anchors: Arc::clone(&anchors),
                tokens: RefCell::default(),
                states: RefCell::new(json!({})),
            };
            (id.to_owned(), Rc::new(actor))
        })
        .collect()
}

impl Actor {
    /// Another client of the same name, of another organisation.
    pub(crate) fn namesake(&self, organization: &str) -> Self {
        Self {
            id: self.id,
            organization: format!("urn:oid:{organization}"),
            scopes: self.scopes,
            purpose: self.purpose,
            signer: signer(),
            anchors: Arc::clone(&self.anchors),
            tokens: RefCell::default(),
            states: RefCell::new(json!({})),
        }
    }

    /// From now on its assertions have these `extensions`.
    pub(crate) fn states(&self, extensions: Value) {
        *self.states.borrow_mut() = extensions;
    }

    pub(crate) fn entry(&self) -> ClientEntry {
        serde_json::from_value(json!({
            "client_id": self.id, "name": self.id, "organization": self.organization,
            "jwks": jwks(&self.signer), "scopes": self.scopes, "purposes": [self.purpose],
            "native_owner": self.id == "source", "introspects": self.id == "north-savo",
            "exchanges": matches!(self.id, "consent-desk" | "north-savo"),
            "may_act": (self.id == "goals-only").then_some("north-savo"),
            "redirect_uris": if self.id == "server-app" { vec![BACK] } else { Vec::new() },
            "people_act": self.id == "citizen-app", "break_glass": self.id == "ward",
            "roles": match self.id {
                "officer-desk" => vec!["data-protection-officer"],
                "ward" => vec!["nurse"],
                _ => Vec::new(),
            },
            "declares": if self.id == "ward" { vec!["law:rescue"] } else { Vec::new() },
            "notify": {
                "urls": if self.id.starts_with("watcher") {
                    vec![PLACE, NOBODY, INSIDE, GARBAGE]
                } else {
                    Vec::new()
                },
                "secret": (self.id == "watcher-too").then_some(SECRET),
                "token_url": (self.id == "watcher-too").then_some(TOKENS),
                "token_client": (self.id == "watcher-too").then_some("gateway-at-watcher"),
            },
        }))
        .unwrap()
    }

    pub(crate) fn get(&self, node: &Node, path: &str, nodes: Option<&str>) -> Reply {
        self.send(node, Method::GET, path, Ask { nodes, ..Ask::default() })
    }

    pub(crate) fn post(&self, node: &Node, path: &str, form: &str, nodes: Option<&str>) -> Reply {
        let kind = Some("application/x-www-form-urlencoded");
        self.send(
            node,
            Method::POST,
            path,
            Ask { kind, nodes, body: form.to_owned().into(), ..Ask::default() },
        )
    }

    pub(crate) fn put(&self, node: &Node, path: &str, body: &Value, nodes: Option<&str>) -> Reply {
        self.put_bytes(node, path, body.to_string().into(), nodes)
    }

    pub(crate) fn put_bytes(
        &self,
        node: &Node,
        path: &str,
        body: Bytes,
        nodes: Option<&str>,
    ) -> Reply {
        let kind = Some("application/fhir+json");
        self.send(node, Method::PUT, path, Ask { kind, nodes, body, ..Ask::default() })
    }

    /// Asks with this client's own token.
    pub(crate) fn send(&self, node: &Node, method: Method, path: &str, ask: Ask<'_>) -> Reply {
        let headers = [vec![self.bearer(node)], ask.headers].concat();
        self.raw(node, method, path, Ask { headers, ..ask })
    }

    /// Asks with whatever headers are given.
    pub(crate) fn raw(&self, node: &Node, method: Method, path: &str, ask: Ask<'_>) -> Reply {
        let asked = self.meanwhile(node, method, path, ask);
        node.world.runtime.block_on(asked).expect("the gateway answers")
    }

    /// The same with the certificate of whoever holds it; none if it is not believed.
    pub(crate) fn shows(
        &self,
        issued: &Issued,
        node: &Node,
        (method, path): (Method, &str),
        ask: Ask<'_>,
    ) -> Option<Reply> {
        let request = request(node, method, path, ask);
        let response = node.world.runtime.block_on(self.exchange(node, request, Some(issued)))?;
        Some(Reply::checked(path, response))
    }

    /// The same as `raw` while other things happen; none if the gateway closed the connection instead.
    pub(crate) async fn meanwhile(
        &self,
        node: &Node,
        method: Method,
        path: &str,
        ask: Ask<'_>,
    ) -> Option<Reply> {
        let request = request(node, method, path, ask);
        Some(Reply::checked(path, self.exchange(node, request, None).await?))
    }

    async fn exchange(
        &self,
        node: &Node,
        request: Request<Full<Bytes>>,
        shows: Option<&Issued>,
    ) -> Option<http::Response<Bytes>> {
        let world: &World = &node.world;
        let time = Arc::new(CertificateTime(world.clock.clone()));
        let settings = ClientConfig::builder_with_details(pki::provider(), time)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(Arc::clone(&self.anchors));
        let settings = match shows {
            None => settings.with_no_client_auth(),
            Some(Issued { certificate, key }) => {
                let chain = pki::certificates(certificate).unwrap();
                settings.with_client_auth_cert(chain, pki::private_key(key).unwrap()).unwrap()
            }
        };
        let link = world.wires.open(node.port).unwrap();
        let name = ServerName::try_from(node.identity.host.clone()).unwrap();
        let link = TlsConnector::from(Arc::new(settings)).connect(name, link).await.unwrap();
        let (mut sender, connection) =
            hyper::client::conn::http1::handshake(TokioIo::new(link)).await.unwrap();
        let connection = tokio::spawn(connection);
        let response = sender.send_request(request).await.ok()?;
        let (parts, body) = response.into_parts();
        let body = body.collect().await.ok()?.to_bytes();
        connection.abort();
        Some(http::Response::from_parts(parts, body))
    }

    /// A token of this client at a gateway; kept while it is good.
    pub(crate) fn token(&self, node: &Node, scope: &str) -> String {
        let scope_and_words = format!("{scope} {}", self.states.borrow());
        let (key, now) = ((node.code().to_owned(), scope_and_words), node.world.now().seconds());
        if let Some((at, token)) = self.tokens.borrow().get(&key)
            && now < at + 240
        {
            return token.clone();
        }
        let reply = self.ask_token(node, &self.token_form(node, scope));
        assert_eq!(reply.status(), 200, "{reply:?}");
        let token = reply.json()["access_token"].as_str().unwrap().to_owned();
        self.tokens.borrow_mut().insert(key, (now, token.clone()));
        token
    }

    /// Asks for a token.
    pub(crate) fn ask_token(&self, node: &Node, form: &str) -> Reply {
        let kind = Some("application/x-www-form-urlencoded");
        let ask = Ask { kind, body: form.to_owned().into(), ..Ask::default() };
        self.raw(node, Method::POST, "/oauth/token", ask)
    }

    /// Ends a token, or asks what it says, with a proof of this client's own.
    pub(crate) fn about_token(&self, node: &Node, path: &str, token: &str) -> Reply {
        let form = format!("{}&token={token}", self.token_form(node, "none"));
        let kind = Some("application/x-www-form-urlencoded");
        self.raw(node, Method::POST, path, Ask { kind, body: form.into(), ..Ask::default() })
    }

    /// What is said to get a token; it holds once.
    pub(crate) fn token_form(&self, node: &Node, scope: &str) -> String {
        let now = node.world.now().seconds();
        let registered = Registered {
            iss: self.id.to_owned(),
            sub: self.id.to_owned(),
            aud: format!("{}/oauth/token", node.identity.url),
            exp: now + 300,
            iat: Some(now),
            nbf: None,
            jti: base32(&*node.world.chance, 26),
        };
        let stated = self.states.borrow();
        let said = json!({ "extensions": &*stated });
        let said = if *stated == json!({}) { json!({}) } else { said };
        let proof = self.signer.sign(TokenKind::ClientAssertion, &registered, &said).unwrap();
        form_urlencoded::Serializer::new(String::new())
            .append_pair("grant_type", "client_credentials")
            .append_pair(
                "client_assertion_type",
                "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
            )
            .append_pair("client_assertion", &proof)
            .append_pair("scope", scope)
            .finish()
    }

    /// The header that carries this client's own token.
    pub(crate) fn bearer(&self, node: &Node) -> (&'static str, String) {
        ("authorization", format!("Bearer {}", self.token(node, &self.scopes.join(" "))))
    }
}

/// What goes over the wire.
fn request(node: &Node, method: Method, path: &str, ask: Ask<'_>) -> Request<Full<Bytes>> {
    let mut request = Request::builder().method(method).uri(path);
    request =
        request.header(header::HOST, format!("{}:{}", node.identity.host, node.identity.port));
    for (name, value) in &ask.headers {
        request = request.header(*name, value);
    }
    for (name, value) in [("content-type", ask.kind), ("mylife-nodes", ask.nodes)] {
        if let Some(value) = value {
            request = request.header(name, value);
        }
    }
    request.body(Full::new(ask.body)).unwrap()
}

/// What is sent beside method and path.
#[derive(Clone, Default)]
pub(crate) struct Ask<'a> {
    pub(crate) headers: Vec<(&'static str, String)>,
    pub(crate) kind: Option<&'a str>,
    pub(crate) nodes: Option<&'a str>,
    pub(crate) body: Bytes,
}
