//! The token endpoint.
//!
//! Part of `oauth`: from a request to a token that `authenticate` accepts, or a refusal. Sources: RFC
//! 6749 sections 3.2 and 5, SMART App Launch 2.2 `backend-services`, RFC 9068. A token is issued only
//! after its one-time proof has been spent in the store, and it only ever narrows what is registered.

use std::{net::IpAddr, sync::Arc};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use bytes::Bytes;
use http::{HeaderMap, Method, Response, StatusCode, header::AUTHORIZATION};
use serde_json::{Map, Value};

use super::{
    form::Form,
    issuers::Issuers,
    keys::PublishedKeys,
    launch::{Launch, consent::bare},
    possession::Thumbprint,
    refused::{Code, Refused, json_response},
};
use crate::{
    authenticate::{
        Authenticator,
        behalf::Errand,
        caller::{AccessClaims, Confirmation, MayAct},
        jose::{
            TokenKind,
            claims::{Registered, SKEW},
            proof,
            sign::Signer,
        },
        peer::{Peer, Peers},
        registry::Registry,
        statement::Statement,
    },
    chance::{Chance, base32},
    digest::sha256,
    domain::{id::NodeCode, moment::Moment},
    pki::name::Names,
    shared::pace::Pace,
    smart::{self, Scopes},
    store::Store,
};

/// Grant type of backend services.
pub const CLIENT_CREDENTIALS: &str = "client_credentials";
/// Grant type of apps that people log in to.
pub const AUTHORIZATION_CODE: &str = "authorization_code";
/// Grant type of apps whose users are away.
pub const REFRESH_TOKEN: &str = "refresh_token";
/// Grant type between gateways (RFC 7523 section 2.1).
pub const JWT_BEARER: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";
/// Grant type by which a client has a gateway speak for it to another (RFC 8693).
pub const TOKEN_EXCHANGE: &str = "urn:ietf:params:oauth:grant-type:token-exchange";
/// Longest scope that is granted, in bytes: a token must fit into a request header.
const MAX_GRANTED: usize = 4 * 1024;

/// What an app is told of a launch that a token says too.
const TOLD: [&str; 3] = ["need_patient_banner", "intent", "fhirContext"];

/// A request as the listener hands it over, body read to its end.
#[derive(Clone, Copy)]
pub struct Asked<'a> {
    /// Its method.
    pub method: &'a Method,
    /// What stands behind the question mark.
    pub query: Option<&'a str>,
    /// Its headers.
    pub headers: &'a HeaderMap,
    /// Its body.
    pub body: &'a [u8],
    /// SHA-256 of the client certificate of the connection.
    pub certificate: Option<&'a [u8; 32]>,
    /// Who that certificate says its holder is.
    pub names: Option<&'a Names>,
    /// Who sent it, as the connection says.
    pub address: IpAddr,
}

/// The answer, with what the audit record needs.
pub struct Answered {
    /// What goes out.
    pub response: Response<Bytes>,
    /// The client or peer, once it has proven who it is.
    pub client: Option<Arc<str>>,
    /// `Type/id` of the person who acts, where somebody logged in.
    pub subject: Option<String>,
    /// The `jti` of the token that was revoked or asked about, if it was a good one.
    pub token: Option<String>,
    /// What was stated to another gateway.
    pub exchanged: Option<Exchanged>,
    /// The refusal and its cause.
    pub refused: Option<Refused>,
}

/// What a client has had stated to another gateway.
pub struct Exchanged {
    /// Who asks, through whom.
    pub errand: Errand,
    /// The gateway it is for.
    pub node: NodeCode,
}

impl Exchanged {
    /// The scopes, without what narrows them.
    pub fn granted(&self) -> String {
        bare(&self.errand.statement().scope).join(" ")
    }
}

/// What comes to be known on the way to an answer, for the audit record.
#[derive(Default)]
pub(super) struct Known {
    pub(super) client: Option<Arc<str>>,
    pub(super) subject: Option<String>,
    pub(super) token: Option<String>,
    pub(super) exchanged: Option<Exchanged>,
}

impl Known {
    /// The answer, with what is known.
    pub(super) fn answered(self, decided: Result<Response<Bytes>, Refused>) -> Answered {
        let Self { client, subject, token, exchanged } = self;
        let (response, refused) = match decided {
            Ok(response) => (response, None),
            Err(refused) => (refused.response(), Some(refused)),
        };
        Answered { response, client, subject, token, exchanged, refused }
    }
}

/// Issues access tokens.
pub struct TokenEndpoint {
    /// This gateway's issuer identifier.
    pub issuer: String,
    /// The endpoint's own URL.
    pub url: String,
    /// The FHIR base: audience of the tokens.
    pub audience: String,
    /// Signs the tokens.
    pub signer: Arc<Signer>,
    /// Signs ID tokens.
    pub identity: Arc<Signer>,
    /// The clients.
    pub registry: Arc<Registry>,
    /// The keys that some of them publish.
    pub keys: PublishedKeys,
    /// The other gateways.
    pub peers: Arc<Peers>,
    /// Others whose access tokens count.
    pub issuers: Arc<Issuers>,
    /// Tells whether a token is good.
    pub authenticator: Arc<Authenticator>,
    /// Remembers what has been used, and what was revoked.
    pub store: Arc<dyn Store>,
    /// Names tokens.
    pub chance: Arc<dyn Chance>,
    /// How often somebody may ask.
    pub pace: Arc<Pace>,
    /// What apps are launched with.
    pub launch: Launch,
}

/// What is known of a request before anybody says who they are.
#[derive(Clone, Copy)]
pub(super) struct Proven<'a> {
    /// Who sent it, as the connection says.
    pub(super) address: IpAddr,
    /// The key that its sender holds.
    pub(super) key: Option<&'a Thumbprint>,
    /// SHA-256 of the certificate that its sender holds.
    pub(super) certificate: Option<&'a [u8; 32]>,
    /// Who that says its sender is.
    pub(super) names: Option<&'a Names>,
}

impl<'a> Asked<'a> {
    /// What is known of it, with the key that its sender has shown to hold.
    pub(super) const fn proven(self, key: Option<&'a Thumbprint>) -> Proven<'a> {
        let Self { address, certificate, names, .. } = self;
        Proven { address, key, certificate, names }
    }
}

/// What a token is to say.
pub(super) struct Granted<'a> {
    pub(super) subject: String,
    pub(super) statement: Statement,
    pub(super) peer: Option<&'a Peer>,
    /// Whoever shows another certificate, or none, may not use it.
    pub(super) certificate: Option<[u8; 32]>,
    /// The token ends with it, if not before.
    pub(super) until: Moment,
    /// The launch it comes of.
    pub(super) family: Option<String>,
    /// What the answer says beside the token.
    pub(super) beside: Map<String, Value>,
}

impl TokenEndpoint {
    /// Answers one request.
    pub async fn answer(&self, asked: Asked<'_>, now: Moment) -> Answered {
        let mut known = Known::default();
        let decided = self.decide(asked, &mut known, now).await;
        let mut answered = known.answered(decided);
        answered.response = self.with_number(asked.headers, answered.response, now);
        answered
    }

    /// The form of a request that is one, whoever it is from.
    pub(super) async fn form(&self, asked: Asked<'_>, now: Moment) -> Result<Form, Refused> {
        if asked.method != Method::POST {
            return Err(Refused::new(Code::MethodNotAllowed, "method"));
        }
        if asked.query.is_some_and(|query| !query.is_empty()) {
            return Err(Refused::request("parameters in the URL"));
        }
        self.keep_address(asked.address, now).await?;
        Form::parse(asked.headers, asked.body)
    }

    async fn decide(
        &self,
        asked: Asked<'_>,
        known: &mut Known,
        now: Moment,
    ) -> Result<Response<Bytes>, Refused> {
        let form = self.form(asked, now).await?;
        refuse_second_method(asked.headers, &form)?;
        let key = self.possession(asked.headers, now).await?;
        let proven = asked.proven(key.as_ref());
        let client = &mut known.client;
        let granted = match form.value("grant_type") {
            Some(TOKEN_EXCHANGE) if !self.peers.is_empty() => {
                return self.token_exchange(&form, proven, known, now).await;
            }
            Some(CLIENT_CREDENTIALS) => self.client_credentials(&form, proven, client, now).await?,
            Some(JWT_BEARER) if !self.peers.is_empty() => {
                self.jwt_bearer(&form, asked.certificate, client, now).await?
            }
            Some(AUTHORIZATION_CODE) if self.launch.is_open() => {
                self.authorization_code(&form, proven, client, now).await?
            }
            Some(REFRESH_TOKEN) if self.launch.is_open() => {
                self.refresh_token(&form, proven, client, now).await?
            }
            Some(_) => return Err(Refused::new(Code::UnsupportedGrantType, "grant type")),
            None => return Err(Refused::request("no grant type")),
        };
        known.subject = granted.family.as_ref().and(granted.statement.subject.clone());
        self.issue(granted, key.as_ref(), now)
    }

    /// Uses up a one-time name; the second user of it is refused with `twice`.
    pub(super) async fn spend(
        &self,
        kind: &str,
        proof: &Registered,
        twice: Code,
        now: Moment,
    ) -> Result<(), Refused> {
        let name = [kind, &proof.iss, &proof.jti].join("\0");
        let until = proof.expires().plus(SKEW);
        match self.store.spend(sha256(name.as_bytes()), until, now).await {
            Ok(true) => Ok(()),
            Ok(false) => Err(Refused::new(twice, "jti used before")),
            Err(why) => Err(Refused::unavailable(&why)),
        }
    }

    fn issue(
        &self,
        granted: Granted<'_>,
        key: Option<&Thumbprint>,
        now: Moment,
    ) -> Result<Response<Bytes>, Refused> {
        let Granted { subject, statement, peer, certificate, until, family, beside } = granted;
        let expires = now.plus(TokenKind::AccessToken.longest()).min(until).seconds();
        let scope = statement.scope.clone();
        let registered = Registered {
            iss: self.issuer.clone(),
            sub: subject,
            aud: self.audience.clone(),
            exp: expires,
            iat: Some(now.seconds()),
            nbf: None,
            jti: base32(&*self.chance, 26),
        };
        let certificate = certificate.map(|shown| URL_SAFE_NO_PAD.encode(shown));
        let key = key.map(proof::thumbprint);
        let kind = if key.is_some() { "DPoP" } else { "bearer" };
        let bound = certificate.is_some() || key.is_some();
        let cnf = bound.then_some(Confirmation { certificate, key });
        let node = peer.map(|p| p.code.clone());
        let told = beside.iter().filter(|(name, _)| TOLD.contains(&name.as_str()));
        let launched = told.map(|(name, value)| (name.clone(), value.clone())).collect();
        let client = self.registry.client(&statement.client_id).filter(|_| node.is_none());
        let may_act = client.and_then(|client| client.entry().may_act.clone());
        let may_act = may_act.map(|sub| MayAct { iss: None, sub });
        let claims = AccessClaims { statement, node, cnf, may_act, family, launched };
        let token = self.signer.sign(TokenKind::AccessToken, &registered, &claims);
        let mut body = beside;
        for (name, value) in [
            ("access_token", token.map_err(|why| Refused::fault(&why))?.into()),
            ("token_type", kind.into()),
            ("expires_in", expires.saturating_sub(now.seconds()).into()),
            ("scope", scope.into()),
        ] {
            body.insert(name.to_owned(), value);
        }
        Ok(json_response(StatusCode::OK, Value::from(body).to_string()))
    }
}

/// The part of what is asked that may be granted; nothing left is a refusal.
pub(super) fn narrow(asked: Option<&str>, allowed: &Scopes) -> Result<Scopes, Refused> {
    let refused = |why| Refused::new(Code::InvalidScope, why);
    let text = asked.ok_or_else(|| refused("no scope"))?;
    if text.len() > smart::MAX_TEXT || !smart::grammar::is_scope_text(text) {
        return Err(refused("not a scope parameter"));
    }
    let granted = Scopes::parse(text).only(&[smart::Context::System]).intersect(allowed);
    if granted.is_empty() {
        return Err(refused("nothing in common with what is allowed"));
    }
    if granted.to_string().len() > MAX_GRANTED {
        return Err(refused("too long to fit into a token"));
    }
    Ok(granted)
}

/// One way of proving who asks, not two (RFC 6749 section 2.3); a password is not one of them.
pub(super) fn refuse_second_method(headers: &HeaderMap, form: &Form) -> Result<(), Refused> {
    let by_header = headers.contains_key(AUTHORIZATION);
    let by_form = form.value("client_assertion").is_some();
    let by_secret = form.value("client_secret").is_some();
    match [by_header, by_form, by_secret].into_iter().filter(|used| *used).count() {
        0 => Ok(()),
        1 if by_form => Ok(()),
        1 => {
            let refused = Refused::new(Code::InvalidClient, "a method that is not offered");
            let challenge = by_header.then_some("Basic realm=\"token\"");
            Err(Refused { challenge, ..refused })
        }
        _ => Err(Refused::request("two ways of client authentication")),
    }
}
