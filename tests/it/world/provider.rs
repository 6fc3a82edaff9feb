//! An `OpenID` provider at which people log in: it says what a story lets it say.

use std::sync::{Arc, Mutex};

use http::{HeaderValue, Response, StatusCode, header};
use mylife::{
    authenticate::jose::sign::Signer,
    error::Kind,
    gateway::open::jwks,
    listen::{
        Answer, Answering, Door, Incoming, Limits, Stop,
        body::Body,
        guard::Hosts,
        serve,
        tls::{Pem, Tls},
    },
    oauth::launch::provider::{Claims, Settings},
    transport::{Authority, Transport},
};
use serde_json::{Value, json};

use super::{START, World, identity::signer};

/// Ports of the providers of the world.
pub(crate) const PORTS: [u16; 2] = [8001, 8002];
pub(crate) const HOST: &str = "login.test";

/// Hosts that gateways of the world may ask.
pub(crate) fn inside() -> Vec<Authority> {
    PORTS.iter().map(|port| Authority::new(HOST, *port)).collect()
}

pub(crate) struct Provider {
    pub(crate) id: &'static str,
    pub(crate) issuer: String,
    pub(crate) signer: Arc<Signer>,
    says: Arc<Says>,
}

struct Says {
    configuration: Mutex<Value>,
    keys: Mutex<Value>,
    /// The whole answer of the token endpoint.
    token: Mutex<Value>,
    /// Forms that the token endpoint was sent.
    asked: Mutex<Vec<String>>,
}

impl Provider {
    /// A provider that runs, known to the gateway that is opened next.
    pub(crate) fn stand(world: &World, id: &'static str, port: u16) -> Self {
        let issuer = format!("https://{HOST}:{port}");
        let signer = Arc::new(signer());
        let configuration = json!({
            "issuer": issuer, "authorization_endpoint": format!("{issuer}/authorize"),
            "token_endpoint": format!("{issuer}/token"), "jwks_uri": format!("{issuer}/keys"),
        });
        let says = Arc::new(Says {
            configuration: Mutex::new(configuration),
            keys: Mutex::new(jwks(&signer)),
            token: Mutex::default(),
            asked: Mutex::default(),
        });
        let answer = Arc::new(Desk(Arc::clone(&says)));
        listen(world, port, answer);
        world.providers.borrow_mut().push(settings(id, &issuer));
        Self { id, issuer, signer, says }
    }

    /// From now on it says this of itself too.
    pub(crate) fn configured(&self, name: &str, value: Value) {
        self.says.configuration.lock().unwrap()[name] = value;
    }

    /// From now on its ID tokens have these claims, signed by `signer`.
    pub(crate) fn tells(&self, claims: &Value, signer: &Signer) {
        let header = json!({ "alg": signer.algorithm(), "kid": self.signer.kid(), "typ": "JWT" });
        let token = signer.sign_raw(header.to_string().as_bytes(), claims.to_string().as_bytes());
        *self.says.token.lock().unwrap() =
            json!({ "access_token": "x", "token_type": "Bearer", "id_token": token.unwrap() });
    }

    /// Forms that its token endpoint was sent.
    pub(crate) fn asked(&self) -> Vec<String> {
        self.says.asked.lock().unwrap().clone()
    }
}

fn settings(id: &str, issuer: &str) -> Settings {
    let some = |text: &str| Some(text.to_owned());
    let county = format!("urn:oid:{}", super::actor::ORGANIZATIONS[1]);
    Settings {
        id: id.to_owned(),
        names: ["Tunnistus", "Legitimering", "Strong login"].map(str::to_owned),
        issuer: issuer.to_owned(),
        client_id: format!("gateway-at-{id}"),
        secret: None,
        scope: "openid".to_owned(),
        claims: Claims {
            person: some("urn:oid:1.2.246.21"),
            name: some("name"),
            professional: some("directory_id"),
            organization: some("org"),
            role: some("roles"),
            organizations: vec![county],
            roles: vec!["case-worker".to_owned(), "nurse".to_owned()],
        },
    }
}

struct Desk(Arc<Says>);

impl Answer for Desk {
    fn answer(&self, request: Incoming) -> Answering<'_> {
        Box::pin(async move {
            let path = request.parts.uri.path().to_owned();
            let body = request.body.whole().await.unwrap_or_default();
            let says = &self.0;
            let said = match path.as_str() {
                "/.well-known/openid-configuration" => says.configuration.lock().unwrap().clone(),
                "/keys" => says.keys.lock().unwrap().clone(),
                "/token" => {
                    let form = String::from_utf8(body.to_vec()).unwrap();
                    says.asked.lock().unwrap().push(form);
                    says.token.lock().unwrap().clone()
                }
                _ => Value::Null,
            };
            json_of(StatusCode::OK, &said)
        })
    }

    fn refuse(&self, _: Kind, _: &'static str) -> Response<Body> {
        json_of(StatusCode::BAD_REQUEST, &Value::Null)
    }
}

pub(crate) fn json_of(status: StatusCode, said: &Value) -> Response<Body> {
    let mut response = Response::new(Body::free(said.to_string()));
    *response.status_mut() = status;
    let kind = HeaderValue::from_static("application/json");
    response.headers_mut().insert(header::CONTENT_TYPE, kind);
    response
}

pub(crate) fn listen(world: &World, port: u16, answer: Arc<dyn Answer>) {
    let issued = world.authority.gateway(&[HOST], START).unwrap();
    let pem = Pem { certificate: &issued.certificate, key: &issued.key, clients: None };
    let tls = Tls::new(pem, world.clock.clone()).unwrap();
    let door = Arc::new(Door::new(Limits::default(), Hosts::new([HOST]), Some(Arc::new(tls))));
    world.runtime.block_on(async {
        let port = world.wires.bind(([127, 0, 0, 1], port).into()).await.unwrap();
        // It goes when the runtime does.
        let (stop, stopping) = Stop::new();
        std::mem::forget(stop);
        tokio::spawn(serve(door, port, answer, stopping));
    });
}
