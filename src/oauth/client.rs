//! Backend services: a client proves who it is by a signed assertion and asks for itself.
//!
//! Part of `oauth`, grant type `client_credentials`. Sources: SMART App Launch 2.2
//! `backend-services` and `client-confidential-asymmetric`, RFC 7523, RFC 8705, IHE IUA. One that is known
//! by its certificate states nothing beside it, and its tokens are bound to it. Every failed proof is
//! answered with the same bytes. What the client states beside it (purpose, user, role, grounds) can only
//! be what it is registered for.

use std::{net::IpAddr, sync::Arc};

use serde::Deserialize;
use serde_json::{Map, value::RawValue};

use super::{
    form::Form,
    possession,
    refused::{Code, Refused},
    token::{Granted, Proven, TokenEndpoint, narrow},
};
use crate::{
    authenticate::{
        coded::{Many, PURPOSE_SYSTEMS, ROLE_SYSTEM},
        jose::{self, Expected, Refusal, TokenKind, Verified},
        registry::{Client, ClientKeys},
        statement::{BreakGlass, Declared, Statement},
    },
    domain::moment::Moment,
    pki::name::Name,
    smart::Scopes,
    unit::period::LONGEST_EMERGENCY,
};

/// How a client is authenticated that has a key of its own, not a certificate (RFC 7523 section 2.2).
pub const ASSERTION_TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
/// Most roles, and most grounds, of one request.
const MAX_STATED: usize = 16;

/// The claims of an assertion beside the registered ones.
#[derive(Deserialize)]
pub(super) struct Assertion {
    /// Kept as text until the client is known.
    extensions: Option<Box<RawValue>>,
}

/// What an assertion states of the one who acts. Members this gateway does not read are left alone.
#[derive(Default, Deserialize)]
struct Extensions {
    #[serde(default)]
    ihe_iua: Acting,
    #[serde(default)]
    mylife: Grounds,
}

/// IHE IUA, JWT token option.
#[derive(Default, Deserialize)]
struct Acting {
    #[serde(default)]
    purpose_of_use: Many,
    #[serde(default)]
    subject_role: Many,
    #[serde(default)]
    subject_id: Option<String>,
    #[serde(default)]
    subject_organization_id: Option<String>,
}

/// Ours.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Grounds {
    #[serde(default)]
    declared: Vec<Declared>,
    #[serde(default)]
    break_glass: Option<BreakGlass>,
}

impl TokenEndpoint {
    pub(super) async fn client_credentials(
        &self,
        form: &Form,
        asked: Proven<'_>,
        known: &mut Option<Arc<str>>,
        now: Moment,
    ) -> Result<Granted<'_>, Refused> {
        let (client, extensions) = self.proven(form, asked, known, now).await?;
        possession::demanded(client, asked.key)?;
        let scopes = narrow(form.value("scope"), client.scopes())?;
        let extensions = extensions.as_deref().map(RawValue::get);
        let stated: Extensions = match extensions.map(serde_json::from_str).transpose() {
            Ok(stated) => stated.unwrap_or_default(),
            Err(_) => return Err(Refused::request("extensions of the assertion")),
        };
        let statement = state(client, &scopes, stated, now)?;
        let until = statement.break_glass.as_ref().map_or(Moment::MAX, |glass| glass.until);
        Ok(Granted {
            subject: client.id().to_string(),
            statement,
            peer: None,
            certificate: asked.certificate.copied().filter(|_| client.is_certified()),
            until,
            family: None,
            beside: Map::new(),
        })
    }

    /// The client that proves who it is, by a proof that is used up with it or by its certificate, and what
    /// it states beside.
    pub(super) async fn proven(
        &self,
        form: &Form,
        asked: Proven<'_>,
        known: &mut Option<Arc<str>>,
        now: Moment,
    ) -> Result<(&Arc<Client>, Option<Box<RawValue>>), Refused> {
        let stated = form.value("client_id").filter(|_| form.value("client_assertion").is_none());
        if let Some(stated) = stated {
            self.keep_claimed(stated, asked.address, now).await?;
        }
        if let Some((client, name)) = self.certified(form) {
            if !asked.names.is_some_and(|names| names.has(name)) {
                return Err(Refused::new(Code::InvalidClient, "no certificate of its name"));
            }
            *known = Some(Arc::clone(client.id()));
            return Ok((client, None));
        }
        let (client, proof) = self.prove(form, asked.address, now).await?;
        self.spend("client-assertion", &proof.registered, Code::InvalidClient, now).await?;
        self.know(client, asked.address);
        *known = Some(Arc::clone(client.id()));
        Ok((client, proof.claims.extensions))
    }

    /// The client that a request without an assertion says to be of, if it is known by a certificate
    /// (RFC 8705 section 2.1), and by which name.
    pub(super) fn certified(&self, form: &Form) -> Option<(&Arc<Client>, &Name)> {
        let id = form.value("client_id").filter(|_| form.value("client_assertion").is_none())?;
        let client = self.registry.client(id)?;
        match client.keys() {
            ClientKeys::Certified(name) => Some((client, name)),
            ClientKeys::Absent | ClientKeys::Published { .. } | ClientKeys::Registered(_) => None,
        }
    }

    /// Who is it? Nothing has been spent yet.
    async fn prove(
        &self,
        form: &Form,
        address: IpAddr,
        now: Moment,
    ) -> Result<(&Arc<Client>, Verified<Assertion>), Refused> {
        let refused = |why: &'static str| Refused::new(Code::InvalidClient, why);
        let unproven = |why: Refusal| Refused::new(Code::InvalidClient, why.to_string());
        if form.value("client_assertion_type") != Some(ASSERTION_TYPE) {
            return Err(refused("client_assertion_type"));
        }
        let token = form.value("client_assertion").ok_or_else(|| refused("no assertion"))?;
        let issuer = jose::claimed_issuer(token).map_err(unproven)?;
        self.keep_signed(&issuer, address, now).await?;
        let client = self.registry.client(&issuer).ok_or_else(|| refused("unknown client"))?;
        let keys = self.keys.of(client, token, now).await.map_err(unproven)?;
        let expected = Expected {
            kind: TokenKind::ClientAssertion,
            issuer: client.id(),
            audience: &[&self.url, &self.issuer],
            now,
        };
        let proof = jose::verify::<Assertion>(token, &keys, &expected).map_err(unproven)?;
        if proof.registered.sub != proof.registered.iss {
            return Err(refused("iss and sub differ"));
        }
        if form.value("client_id").is_some_and(|id| id != &**client.id()) {
            return Err(refused("client_id differs from the assertion"));
        }
        Ok((client, proof))
    }
}

/// What the token will say: what the client states, as far as it is registered for it.
fn state(
    client: &Client,
    scopes: &Scopes,
    stated: Extensions,
    now: Moment,
) -> Result<Statement, Refused> {
    let entry = client.entry();
    let unregistered = |why| Refused::new(Code::UnauthorizedClient, why);
    let Extensions { ihe_iua: acting, mylife: grounds } = stated;
    if acting.subject_organization_id.is_some_and(|id| id != entry.organization) {
        return Err(unregistered("organization"));
    }
    let roles = acting.subject_role.codes(&[ROLE_SYSTEM]);
    if !roles.iter().all(|role| entry.roles.contains(role)) {
        return Err(unregistered("role"));
    }
    if !grounds.declared.iter().all(|d| entry.declares.contains(&d.id)) {
        return Err(unregistered("declared ground"));
    }
    if grounds.break_glass.is_some() && !entry.break_glass {
        return Err(unregistered("emergency"));
    }
    let statement = Statement {
        client_id: client.id().to_string(),
        scope: scopes.to_string(),
        organization: entry.organization.clone(),
        purpose: purpose(acting.purpose_of_use.codes(&PURPOSE_SYSTEMS), &entry.purposes)?,
        roles,
        subject: acting.subject_id,
        patient: None,
        register: entry.register.clone(),
        sector: entry.sector.clone(),
        declared: grounds.declared,
        break_glass: grounds.break_glass,
        act: None,
    };
    if statement.people_act() && !entry.people_act {
        return Err(unregistered("a person who acts"));
    }
    let last = now.plus(LONGEST_EMERGENCY);
    let over = statement.break_glass.as_ref().is_some_and(|g| g.until <= now || g.until > last);
    let many = statement.roles.len().max(statement.declared.len()) > MAX_STATED;
    if over || many || !statement.is_wholesome() {
        return Err(Refused::request("extensions of the assertion"));
    }
    Ok(statement)
}

/// The one purpose: the one stated, else the only one there is. Two purposes are none.
fn purpose(stated: Vec<String>, registered: &[String]) -> Result<Option<String>, Refused> {
    let mut stated = stated.into_iter();
    match (stated.next(), stated.next()) {
        (Some(one), None) if registered.contains(&one) => Ok(Some(one)),
        (Some(_), None) => Err(Refused::new(Code::UnauthorizedClient, "purpose")),
        (Some(_), Some(_)) => Err(Refused::request("more than one purpose")),
        (None, _) => match registered {
            [only] => Ok(Some(only.clone())),
            _ => Ok(None),
        },
    }
}
