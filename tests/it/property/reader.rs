//! Who asks: an organisation, a purpose and scopes, some of them granular.

use mylife::{
    authenticate::jose::{TokenKind, claims::Registered, sign::Signer},
    domain::moment::Moment,
};
use proptest::{prelude::*, sample::select};
use serde_json::{Map, Value, json};

use super::world::{CITY, OTHER, READER, YOUTH, patient};

const THEME: &str = "https://mylife.example/fhir/CodeSystem/theme";
const CLASS: &str = "https://mylife.example/fhir/CodeSystem/class";

/// A reader.
#[derive(Clone, Debug)]
pub(super) struct Reader {
    pub(super) organization: &'static str,
    pub(super) purpose: Option<&'static str>,
    pub(super) scope: String,
    pub(super) register: Option<&'static str>,
    pub(super) subject: Option<String>,
    pub(super) officer: bool,
}

pub(super) fn readers() -> impl Strategy<Value = Reader> {
    let organization = select(vec![READER, READER, READER, OTHER, CITY, YOUTH]);
    let purpose = select(vec![Some("TREAT"), Some("TREAT"), Some("HRESCH"), None]);
    let register = select(vec![None, Some("youth-services")]);
    let person = prop::bool::weighted(0.05);
    (organization, purpose, scopes(), register, person, prop::bool::weighted(0.1)).prop_map(
        |(organization, purpose, scope, register, person, officer)| Reader {
            organization,
            purpose,
            scope,
            register,
            subject: person.then(|| format!("Patient/{}", patient(0))),
            officer,
        },
    )
}

/// Scopes that leave everything to consent, more often than others.
pub(super) fn whole() -> impl Strategy<Value = Reader> {
    readers().prop_map(|reader| Reader { scope: "system/*.rs".to_owned(), ..reader })
}

/// A client whose scopes leave out types, or some resources of a type, that others refer to.
pub(super) fn narrow() -> impl Strategy<Value = Reader> {
    let scope = select(vec![
        "system/CarePlan.rs system/Task.rs system/Observation.rs".to_owned(),
        "system/Provenance.rs system/CareTeam.rs system/ServiceRequest.rs".to_owned(),
        format!("system/Goal.rs?category={THEME}|housing system/CarePlan.rs system/Task.rs"),
        format!("system/*.rs?_security={THEME}|housing system/CarePlan.rs"),
        "system/CarePlan.rs?status=active system/*.rs?_security=housing system/Task.rs".to_owned(),
    ]);
    (readers(), scope).prop_map(|(reader, scope)| Reader {
        organization: READER,
        purpose: Some("TREAT"),
        scope,
        ..reader
    })
}

fn scopes() -> impl Strategy<Value = String> {
    let whole = Just("system/*.rs".to_owned());
    let some = Just(
        "system/QuestionnaireResponse.rs system/Observation.rs system/CarePlan.rs \
                     system/Goal.rs"
            .to_owned(),
    );
    let limited = select(vec![
        format!("system/*.rs?_security={THEME}|housing"),
        format!("system/*.rs?_security={THEME}|housing,{THEME}|health,{CLASS}|free-text"),
        format!("system/*.rs?_security={CLASS}|contact"),
        format!("system/QuestionnaireResponse.rs?_security={THEME}|housing system/Observation.rs"),
        format!("system/Goal.rs?category={THEME}|housing system/CarePlan.rs system/Task.rs"),
        "system/QuestionnaireResponse.rs?status=completed system/Observation.rs system/Patient.rs"
            .to_owned(),
        "system/Observation.rs?category=survey system/Provenance.rs".to_owned(),
    ]);
    prop_oneof![4 => whole, 1 => some, 3 => limited]
}

impl Reader {
    /// An access token of the gateway at `url`, got at an instant.
    pub(super) fn token(&self, signer: &Signer, url: &str, at: Moment) -> String {
        let roles = if self.officer { vec!["officer"] } else { Vec::new() };
        let claims = json!({
            "scope": self.scope, "organization": self.organization,
            "purpose": self.purpose, "register": self.register, "subject": self.subject,
            "roles": roles,
        });
        signed(signer, "reader", &claims, url, at)
    }
}

impl Reader {
    /// The same who may write what the client `source` keeps.
    pub(super) fn writing(&self, signer: &Signer, url: &str, at: Moment) -> String {
        let claims = json!({
            "scope": "system/*.cruds", "organization": self.organization,
            "purpose": self.purpose, "register": self.register, "subject": self.subject,
        });
        signed(signer, "source", &claims, url, at)
    }
}

/// An access token of a client at a gateway, got at an instant; a claim that is null is left out.
pub(super) fn signed(
    signer: &Signer,
    client: &str,
    claims: &Value,
    url: &str,
    at: Moment,
) -> String {
    let registered = Registered {
        iss: url.to_owned(),
        sub: client.to_owned(),
        aud: format!("{url}/fhir"),
        exp: at.seconds() + 300,
        iat: Some(at.seconds()),
        nbf: None,
        jti: "one".to_owned(),
    };
    let kept = claims.as_object().unwrap().iter().filter(|(_, v)| !v.is_null());
    let mut claims: Map<_, _> = kept.map(|(k, v)| (k.clone(), v.clone())).collect();
    claims.insert("client_id".to_owned(), client.into());
    signer.sign(TokenKind::AccessToken, &registered, &claims).unwrap()
}
