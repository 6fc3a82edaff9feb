//! A small HTTPS client, as an integrator would write one: a token by signed assertion, then JSON.
//!
//! Beside the way of a request, on its other end: it trusts the demo's authority alone and knows
//! nothing of the gateways but their addresses. It asks again when an answer was cut off; whatever
//! it asks may be asked twice.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use bytes::Bytes;
use http::{HeaderMap, Method, Request, header};
use http_body_util::{BodyExt, Full};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::TokioExecutor,
};
use serde_json::{Value, json};
use tokio::time::{sleep, timeout};

use crate::{
    authenticate::jose::{TokenKind, claims::Registered},
    chance::{Chance, base32},
    clock::Clock,
    demo::{clients::DemoClient, nodes::Node},
    domain::moment::Moment,
    error::{Error, Kind, Result},
    oauth::client::ASSERTION_TYPE,
    pki::{self, CertificateTime},
};

/// How often one thing is asked before the demo gives up.
const TRIES: usize = 4;
const PATIENCE: Duration = Duration::from_secs(20);
/// Before a gateway is asked again that could not answer: it knows more by then, or never.
const PAUSE: Duration = Duration::from_secs(1);
/// Tokens are renewed this long before they end.
const AHEAD: Duration = Duration::from_secs(30);

const FORM: &str = "application/x-www-form-urlencoded";

/// One request.
#[derive(Clone)]
pub struct Ask {
    /// The method.
    pub method: Method,
    /// The whole address.
    pub url: String,
    /// Type and bytes of the body.
    pub body: Option<(&'static str, Bytes)>,
    /// `MyLife-Nodes`.
    pub nodes: Option<String>,
}

impl Ask {
    /// Reads an address.
    pub fn read(url: impl Into<String>) -> Self {
        Self { method: Method::GET, url: url.into(), body: None, nodes: None }
    }

    /// Sends a form.
    pub fn form(url: impl Into<String>, form: &[(&str, &str)]) -> Self {
        let form = form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish();
        let body = Some((FORM, form.into()));
        Self { method: Method::POST, url: url.into(), body, nodes: None }
    }

    /// Sends a document.
    pub fn document(url: impl Into<String>, kind: &'static str, bytes: impl Into<Bytes>) -> Self {
        let body = Some((kind, bytes.into()));
        Self { method: Method::PUT, url: url.into(), body, nodes: None }
    }
}

/// What came back.
pub struct Reply {
    /// The status.
    pub status: u16,
    /// The headers.
    pub headers: HeaderMap,
    /// The body; null if it is no JSON.
    pub body: Value,
}

impl Reply {
    /// The body of a success.
    ///
    /// # Errors
    /// `SourceFailed` with the status and what the gateway said.
    pub fn expect(self, what: &str) -> Result<Self> {
        if (200..300).contains(&self.status) {
            return Ok(self);
        }
        let said = self.body.pointer("/issue/0/diagnostics").or_else(|| self.body.get("error"));
        let said = said.and_then(Value::as_str).unwrap_or("nothing");
        let say = format!("{what} was answered {}: {said}", self.status);
        Err(Error::new(Kind::SourceFailed, say))
    }
}

type Tokens = HashMap<(String, &'static str), (String, Moment)>;

/// Asks gateways.
pub struct Visitor {
    http: Client<HttpsConnector<HttpConnector>, Full<Bytes>>,
    clock: Arc<dyn Clock>,
    chance: Arc<dyn Chance>,
    tokens: Mutex<Tokens>,
}

impl Visitor {
    /// Trusts the authorities of a PEM text.
    ///
    /// # Errors
    /// `Invalid` if there is none in it.
    pub fn new(authorities: &str, clock: Arc<dyn Clock>, chance: Arc<dyn Chance>) -> Result<Self> {
        let time = Arc::new(CertificateTime(Arc::clone(&clock)));
        let mut tls = pki::nameless(pki::anchors(authorities)?, time)?;
        // The connector says itself what it speaks.
        tls.alpn_protocols.clear();
        let connector =
            HttpsConnectorBuilder::new().with_tls_config(tls).https_only().enable_http1().build();
        let http = Client::builder(TokioExecutor::new()).build(connector);
        Ok(Self { http, clock, chance, tokens: Mutex::new(HashMap::new()) })
    }

    /// Asks as a client at a node.
    ///
    /// # Errors
    /// `SourceFailed` if no whole answer came.
    pub async fn ask(&self, client: &DemoClient, node: &Node, ask: &Ask) -> Result<Reply> {
        let token = self.token(client, node).await?;
        self.send(ask, Some(&token)).await
    }

    async fn token(&self, client: &DemoClient, node: &Node) -> Result<String> {
        let place = (client.id.clone(), node.slug);
        let now = self.clock.now();
        let kept = {
            let tokens = self.tokens.lock().unwrap_or_else(PoisonError::into_inner);
            tokens.get(&place).filter(|(_, until)| *until > now.plus(AHEAD)).cloned()
        };
        if let Some((token, _)) = kept {
            return Ok(token);
        }
        let mut last = Error::internal("no token was asked for");
        for _ in 0..TRIES {
            // Every try is signed anew: an assertion is good once.
            let form = self.assertion(client, node)?;
            match self.once(&form, None).await {
                Ok(reply) if reply.status >= 500 => {
                    last = reply.expect("A token request").err().unwrap_or(last);
                    sleep(PAUSE).await;
                }
                Ok(reply) => {
                    let reply = reply.expect("A token request")?;
                    let text = reply.body.get("access_token").and_then(Value::as_str);
                    let text = text.ok_or_else(|| failed("A token is missing."))?.to_owned();
                    let seconds = reply.body.get("expires_in").and_then(Value::as_u64);
                    let until = now.plus(Duration::from_secs(seconds.unwrap_or(0)));
                    let mut tokens = self.tokens.lock().unwrap_or_else(PoisonError::into_inner);
                    tokens.insert(place, (text.clone(), until));
                    return Ok(text);
                }
                Err(why) => last = why,
            }
        }
        Err(last)
    }

    fn assertion(&self, client: &DemoClient, node: &Node) -> Result<Ask> {
        let now = self.clock.now();
        let registered = Registered {
            iss: client.id.clone(),
            sub: client.id.clone(),
            aud: node.token_endpoint(),
            exp: now.plus(Duration::from_mins(4)).seconds(),
            iat: Some(now.seconds()),
            nbf: None,
            jti: base32(&*self.chance, 26),
        };
        let purpose = json!({ "extensions": { "ihe_iua": { "purpose_of_use": [{
            "system": "http://terminology.hl7.org/CodeSystem/v3-ActReason",
            "code": client.purpose,
        }] } } });
        let assertion = client.signer.sign(TokenKind::ClientAssertion, &registered, &purpose)?;
        Ok(Ask::form(
            node.token_endpoint(),
            &[
                ("grant_type", "client_credentials"),
                ("scope", client.scope),
                ("client_assertion_type", ASSERTION_TYPE),
                ("client_assertion", &assertion),
            ],
        ))
    }

    async fn send(&self, ask: &Ask, token: Option<&str>) -> Result<Reply> {
        let mut last = Error::internal("nothing was asked");
        for _ in 0..TRIES {
            match self.once(ask, token).await {
                Ok(reply) if reply.status < 500 => return Ok(reply),
                Ok(reply) => {
                    last = failed(format!("A gateway answered {}.", reply.status));
                    sleep(PAUSE).await;
                }
                Err(why) => last = why,
            }
        }
        Err(last)
    }

    async fn once(&self, ask: &Ask, token: Option<&str>) -> Result<Reply> {
        let mut request = Request::builder().method(ask.method.clone()).uri(&ask.url);
        if let Some(token) = token {
            request = request
                .header(header::AUTHORIZATION, format!("Bearer {token}"))
                .header(header::ACCEPT, "application/fhir+json");
        }
        if let Some(nodes) = &ask.nodes {
            request = request.header("mylife-nodes", nodes);
        }
        let (kind, bytes) = match &ask.body {
            Some((kind, bytes)) => (Some(*kind), bytes.clone()),
            None => (None, Bytes::new()),
        };
        if let Some(kind) = kind {
            request = request.header(header::CONTENT_TYPE, kind);
        }
        let request = request.body(Full::new(bytes)).map_err(Error::internal)?;
        let cut = |why| failed("A gateway's answer was cut off.").because(why);
        let exchange = async {
            let response = self
                .http
                .request(request)
                .await
                .map_err(|why| failed("A gateway could not be reached.").because(why))?;
            let (parts, body) = response.into_parts();
            let bytes = body.collect().await.map_err(cut)?.to_bytes();
            Ok(Reply {
                status: parts.status.as_u16(),
                headers: parts.headers,
                body: serde_json::from_slice(&bytes).unwrap_or(Value::Null),
            })
        };
        let late = |_| failed("A gateway did not answer in time.");
        timeout(PATIENCE, exchange).await.map_err(late)?
    }
}

fn failed(say: impl Into<std::borrow::Cow<'static, str>>) -> Error {
    Error::new(Kind::SourceFailed, say)
}
