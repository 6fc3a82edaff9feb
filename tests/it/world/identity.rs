//! What makes a gateway known to others before it runs: keys, certificate, address.

use std::sync::{Arc, LazyLock};

use mylife::{
    authenticate::{
        jose::{
            TokenKind,
            claims::Registered,
            key::Algorithm,
            ring::Ring,
            sign::{Signer, generate, generate_rsa},
        },
        peer::PeerLimits,
    },
    chance::{Chance, SeededChance},
    domain::{id::NodeCode, moment::Moment},
    gateway::open::{PeerSetup, handle_key, jwks},
    pki::{self, Ca, Issued},
    seal::Keys,
    transport::Authority,
};
use serde_json::{Value, json};

use super::{Actor, START, actor::ORGANIZATIONS};

static IDENTITY: LazyLock<Arc<Signer>> = LazyLock::new(|| {
    let signer = Signer::from_pem(&generate_rsa().unwrap(), Some("identity")).unwrap();
    Arc::new(signer.for_identity().unwrap())
});

pub(crate) struct Identity {
    pub(crate) code: &'static str,
    pub(crate) host: String,
    pub(crate) port: u16,
    pub(crate) url: String,
    pub(crate) signer: Arc<Signer>,
    pub(crate) keys: Arc<Keys>,
    pub(crate) issued: Issued,
}

impl Identity {
    pub(crate) fn new(code: &'static str, authority: &Ca, chance: &Arc<SeededChance>) -> Self {
        let host = format!("n{code}.test");
        let port: u16 = code.parse().unwrap();
        let mut master = [0; 32];
        chance.fill(&mut master);
        Self {
            code,
            url: format!("https://{host}:{port}"),
            signer: Arc::new(signer()),
            keys: Arc::new(Keys::from_master(&master, chance.clone()).unwrap()),
            issued: authority.gateway(&[&host], START).unwrap(),
            host,
            port,
        }
    }

    /// Its keys of tokens; RSA keys take long to make, so all gateways sign ID tokens with one.
    pub(crate) fn ring(&self) -> Ring {
        Ring::of(Arc::clone(&self.signer)).with_identity(Some(Arc::clone(&IDENTITY)))
    }

    /// A token of the gateway's own for a client, with what else it says.
    pub(crate) fn token(&self, actor: &Actor, scope: &str, now: Moment, more: &Value) -> String {
        let registered = Registered {
            iss: self.url.clone(),
            sub: actor.id.to_owned(),
            aud: format!("{}/fhir", self.url),
            exp: now.seconds() + 300,
            iat: Some(now.seconds()),
            nbf: None,
            jti: format!("{scope}{more}{now}"),
        };
        let mut claims = json!({
            "client_id": actor.id, "scope": scope, "organization": actor.organization,
            "purpose": "PATRQT",
        });
        for (name, value) in more.as_object().unwrap() {
            claims[name] = value.clone();
        }
        self.signer.sign(TokenKind::AccessToken, &registered, &claims).unwrap()
    }

    /// The controller it stands in front of.
    pub(crate) fn organization(&self) -> String {
        format!("urn:oid:1.2.246.10.9{}", self.code)
    }

    /// The gateway as others have it in their configuration; the portal asks it.
    pub(crate) fn peer(&self, asked: bool) -> PeerSetup {
        let der = pki::certificates(&self.issued.certificate).unwrap();
        PeerSetup {
            code: NodeCode::parse(self.code).unwrap(),
            asked,
            issuer: self.url.clone(),
            organization: self.organization(),
            address: Authority::new(&*self.host, self.port),
            jwks: jwks(&self.signer),
            certificate: pki::thumbprint(&der[0]),
            handle: handle_key(&self.keys).unwrap().public(),
            limits: PeerLimits {
                organizations: ORGANIZATIONS.iter().map(|oid| format!("urn:oid:{oid}")).collect(),
                purposes: ["TREAT", "PATADMIN", "HLEGAL", "HOUTCOMS"].map(str::to_owned).to_vec(),
                roles: vec!["data-protection-officer".to_owned()],
                // The portal adds up; municipalities tell each other no counts.
                counts: self.code == super::PORTAL,
                ..PeerLimits::default()
            },
        }
    }
}

pub(crate) fn signer() -> Signer {
    Signer::from_jwk(&generate(Algorithm::Es256).unwrap()).unwrap()
}
