//! What this server says of itself: one struct, so that its documents cannot disagree.
//!
//! Part of `oauth`. Sources: SMART App Launch 2.2 `conformance`, RFC 8414, RFC 9728, RFC 7517, FHIR R4
//! `CapabilityStatement.rest.security`. Only what is really there is named.

use serde_json::{Value, json};

use super::{
    exchange,
    token::{AUTHORIZATION_CODE, CLIENT_CREDENTIALS, JWT_BEARER, REFRESH_TOKEN, TOKEN_EXCHANGE},
};
use crate::{
    authenticate::jose::{
        key::{Algorithm, PublicKey},
        proof,
    },
    error::{Error, Result},
    fhir::types::ResourceType,
    smart::word::Word,
};

/// What is there where people log in, in the words of SMART App Launch 2.2.
const LAUNCH: [&str; 10] = [
    "launch-ehr",
    "launch-standalone",
    "authorize-post",
    "client-public",
    "context-ehr-patient",
    "context-standalone-patient",
    "context-banner",
    "permission-patient",
    "permission-user",
    "permission-offline",
];

/// Everything the documents are made of.
#[derive(Clone, Debug)]
pub struct Metadata {
    /// The issuer identifier.
    pub issuer: String,
    /// URL of the token endpoint.
    pub token_endpoint: String,
    /// URL of the endpoint that ends tokens.
    pub revocation_endpoint: String,
    /// URL of the endpoint that tells what a token says.
    pub introspection_endpoint: String,
    /// URL of the JWK Set.
    pub jwks_uri: String,
    /// Public keys: the one that signs, and those whose tokens still live.
    pub keys: Vec<PublicKey>,
    /// Do other gateways ask here?
    pub peers: bool,
    /// URL of the endpoint at which people log in to an app; none where nobody can.
    pub authorization_endpoint: Option<String>,
    /// How ID tokens are signed.
    pub identity: Algorithm,
    /// Others whose access tokens count.
    pub issuers: Vec<String>,
    /// Do clients prove themselves by certificates?
    pub certified: bool,
}

impl Metadata {
    /// The documents of a gateway whose issuer is `issuer`, a URL without a slash at its end.
    /// Refuses a URL that is not absolute.
    pub fn new(issuer: &str, keys: Vec<PublicKey>, peers: bool) -> Result<Self> {
        let absolute = issuer.parse::<http::Uri>().is_ok_and(|uri| {
            matches!(uri.scheme_str(), Some("https" | "http")) && uri.authority().is_some()
        });
        if !absolute || issuer.ends_with('/') {
            return Err(Error::invalid(
                "The issuer must be an absolute URL without a slash at its end.",
            ));
        }
        Ok(Self {
            issuer: issuer.to_owned(),
            token_endpoint: format!("{issuer}/oauth/token"),
            revocation_endpoint: format!("{issuer}/oauth/revoke"),
            introspection_endpoint: format!("{issuer}/oauth/introspect"),
            jwks_uri: format!("{issuer}/.well-known/jwks.json"),
            keys,
            peers,
            authorization_endpoint: None,
            identity: Algorithm::Es256,
            issuers: Vec::new(),
            certified: false,
        })
    }

    /// The same of a gateway at which people log in, if they do.
    pub fn with_launch(mut self, offered: bool) -> Self {
        self.authorization_endpoint = offered.then(|| format!("{}/oauth/authorize", self.issuer));
        self
    }

    /// The same where ID tokens are signed so.
    pub const fn with_identity(mut self, identity: Algorithm) -> Self {
        self.identity = identity;
        self
    }

    /// The same of a gateway at which tokens of others count too.
    pub fn with_issuers(mut self, issuers: Vec<String>) -> Self {
        self.issuers = issuers;
        self
    }

    /// The same of a gateway that knows clients by their certificates.
    pub const fn with_certified(mut self, certified: bool) -> Self {
        self.certified = certified;
        self
    }

    /// `[base]/.well-known/smart-configuration`. It has an `issuer` only where people log in and apps can
    /// verify who they are, which SMART has by RSA alone. S256 is named all the same, as SMART demands
    /// the member.
    pub fn smart_configuration(&self) -> Value {
        let mut document = self.shared();
        document.insert("code_challenge_methods_supported".to_owned(), json!(["S256"]));
        let mut capabilities =
            vec!["client-confidential-asymmetric", "permission-v1", "permission-v2"];
        if self.authorization_endpoint.is_some() {
            capabilities.extend(LAUNCH);
            let management = format!("{}/oauth/permissions", self.issuer);
            document.insert("management_endpoint".to_owned(), json!(management));
            if self.identity == Algorithm::Rs256 {
                capabilities.push("sso-openid-connect");
                document.insert("issuer".to_owned(), json!(self.issuer));
            }
        }
        document.insert("capabilities".to_owned(), json!(capabilities));
        document.into()
    }

    /// `/.well-known/oauth-authorization-server` (RFC 8414).
    pub fn authorization_server(&self) -> Value {
        let mut document = self.shared();
        document.insert("issuer".to_owned(), json!(self.issuer));
        if self.authorization_endpoint.is_some() {
            document.insert("code_challenge_methods_supported".to_owned(), json!(["S256"]));
        } else {
            document.insert("response_types_supported".to_owned(), json!([]));
        }
        if self.peers || self.certified {
            let bound = "tls_client_certificate_bound_access_tokens";
            document.insert(bound.to_owned(), json!(true));
        }
        document.into()
    }

    /// `/.well-known/oauth-protected-resource` of the FHIR base (RFC 9728).
    pub fn protected_resource(&self) -> Value {
        let servers: Vec<_> = std::iter::once(&self.issuer).chain(&self.issuers).collect();
        json!({
            "resource": format!("{}/fhir", self.issuer),
            "resource_name": "My Life gateway",
            "authorization_servers": servers,
            "bearer_methods_supported": ["header"],
            "dpop_signing_alg_values_supported": proof::ALGORITHMS,
            "tls_client_certificate_bound_access_tokens": self.peers || self.certified,
            "scopes_supported": scopes(self.authorization_endpoint.is_some()),
        })
    }

    /// `/.well-known/openid-configuration` (`OpenID` Connect Discovery), where people log in. Each app
    /// knows them by names of its own.
    pub fn openid_configuration(&self) -> Option<Value> {
        self.authorization_endpoint.as_ref()?;
        let mut document = self.authorization_server();
        let members = [
            ("subject_types_supported", json!(["pairwise"])),
            ("id_token_signing_alg_values_supported", json!([self.identity])),
            ("claims_supported", json!(["iss", "sub", "aud", "exp", "iat", "nonce", "fhirUser"])),
            ("request_parameter_supported", json!(false)),
            ("request_uri_parameter_supported", json!(false)),
        ];
        let all = document.as_object_mut()?;
        all.extend(members.map(|(name, value)| (name.to_owned(), value)));
        Some(document)
    }

    /// `CapabilityStatement.rest.security`.
    pub fn capability_security(&self) -> Value {
        let mut addresses = vec![
            json!({ "url": "token", "valueUri": self.token_endpoint }),
            json!({ "url": "introspect", "valueUri": self.introspection_endpoint }),
            json!({ "url": "revoke", "valueUri": self.revocation_endpoint }),
        ];
        if let Some(endpoint) = &self.authorization_endpoint {
            addresses.push(json!({ "url": "authorize", "valueUri": endpoint }));
        }
        json!({
            "extension": [{
                "url": "http://fhir-registry.smarthealthit.org/StructureDefinition/oauth-uris",
                "extension": addresses,
            }],
            "service": [{
                "coding": [{
                    "system": "http://terminology.hl7.org/CodeSystem/restful-security-service",
                    "code": "SMART-on-FHIR",
                }],
            }],
            "description": "SMART App Launch 2.2; see .well-known/smart-configuration.",
        })
    }

    /// `/.well-known/jwks.json`.
    pub fn jwks(&self) -> Value {
        json!({ "keys": self.keys })
    }

    /// By what a token can be asked for.
    pub fn grants(&self) -> Vec<&'static str> {
        let between = [JWT_BEARER, TOKEN_EXCHANGE].into_iter().filter(|_| self.peers);
        let launch = self.authorization_endpoint.is_some();
        let people = [AUTHORIZATION_CODE, REFRESH_TOKEN].into_iter().filter(|_| launch);
        std::iter::once(CLIENT_CREDENTIALS).chain(between).chain(people).collect()
    }

    fn shared(&self) -> serde_json::Map<String, Value> {
        let algorithms = [Algorithm::Es384, Algorithm::Rs384, Algorithm::Es256, Algorithm::Rs256];
        let clients = ["private_key_jwt", "tls_client_auth"];
        let clients = clients.into_iter().take(if self.certified { 2 } else { 1 });
        let mut methods: Vec<&str> = clients.clone().collect();
        let revoking = methods.clone();
        let introspecting: Vec<&str> = clients.chain(["Bearer"]).collect();
        let mut chaining = None;
        if self.peers {
            methods.push("self_signed_tls_client_auth");
            let kinds = "identity_chaining_requested_token_types_supported";
            chaining = Some((kinds, json!([exchange::STATEMENT])));
        }
        let mut launch = Vec::new();
        if let Some(endpoint) = &self.authorization_endpoint {
            methods.push("none");
            launch = vec![
                ("authorization_endpoint", json!(endpoint)),
                ("authorization_response_iss_parameter_supported", json!(true)),
                ("response_types_supported", json!(["code"])),
                ("response_modes_supported", json!(["query"])),
                ("ui_locales_supported", json!(["fi", "sv", "en"])),
            ];
        }
        let members = [
            ("token_endpoint", json!(self.token_endpoint)),
            ("jwks_uri", json!(self.jwks_uri)),
            ("grant_types_supported", json!(self.grants())),
            ("token_endpoint_auth_methods_supported", json!(methods)),
            ("token_endpoint_auth_signing_alg_values_supported", json!(algorithms)),
            ("revocation_endpoint", json!(self.revocation_endpoint)),
            ("revocation_endpoint_auth_methods_supported", json!(revoking)),
            ("revocation_endpoint_auth_signing_alg_values_supported", json!(algorithms)),
            ("introspection_endpoint", json!(self.introspection_endpoint)),
            ("introspection_endpoint_auth_methods_supported", json!(introspecting)),
            ("introspection_endpoint_auth_signing_alg_values_supported", json!(algorithms)),
            ("dpop_signing_alg_values_supported", json!(proof::ALGORITHMS)),
            ("scopes_supported", json!(scopes(self.authorization_endpoint.is_some()))),
        ];
        let members = members.into_iter().chain(chaining).chain(launch);
        members.map(|(name, value)| (name.to_owned(), value)).collect()
    }
}

/// Reading of every type, and writing of those that clients write.
fn scopes(launch: bool) -> Vec<String> {
    let words = Word::ALL.into_iter().filter(|_| launch).map(|word| word.text().to_owned());
    let people = ["patient/*.rs", "user/*.rs", "patient/Consent.crus"];
    let people = people.into_iter().filter(|_| launch).map(str::to_owned);
    let each = ResourceType::ALL.iter().map(|kind| format!("system/{kind}.rs"));
    ["system/*.rs", "system/*.read", "system/Consent.cu", "system/Subscription.cud"]
        .into_iter()
        .map(str::to_owned)
        .chain(each)
        .chain(words)
        .chain(people)
        .collect()
}
