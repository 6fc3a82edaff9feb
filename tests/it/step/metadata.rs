//! What the authorization server says of itself. Ids are those of the requirement table (SD).

use mylife::authenticate::jose::key::Algorithm;
use mylife::{oauth::metadata::Metadata, smart::Scopes};
use serde_json::{Value, json};

use super::{
    asking::{ISSUER, TOKEN_URL},
    signed::{ES256, keys},
};

fn metadata(peers: bool) -> Metadata {
    Metadata::new(ISSUER, vec![ES256.public().clone()], peers).unwrap()
}

fn strings(value: &Value) -> Vec<&str> {
    value.as_array().unwrap().iter().map(|v| v.as_str().unwrap()).collect()
}

#[test]
fn the_smart_configuration_names_what_is_there() {
    let document = metadata(false).smart_configuration();
    assert_eq!(document["grant_types_supported"], json!(["client_credentials"]), "SD-04");
    assert_eq!(document["token_endpoint"], TOKEN_URL, "SD-03, SD-05");
    assert_eq!(document["code_challenge_methods_supported"], json!(["S256"]), "SD-07");
    assert_eq!(metadata(false).openid_configuration(), None);
    let absent = ["authorization_endpoint", "issuer"];
    for member in absent {
        assert!(document.get(member).is_none(), "SD-08, SD-09: {member}");
    }
    let capabilities = strings(&document["capabilities"]);
    let expected = ["client-confidential-asymmetric", "permission-v1", "permission-v2"];
    assert_eq!(capabilities, expected, "SD-06, SD-13");
    let methods = strings(&document["token_endpoint_auth_methods_supported"]);
    assert_eq!(methods, ["private_key_jwt"], "SD-10");
    let algorithms = strings(&document["token_endpoint_auth_signing_alg_values_supported"]);
    assert_eq!(algorithms, ["ES384", "RS384", "ES256", "RS256"], "SD-10");
    for scope in strings(&document["scopes_supported"]) {
        assert_eq!(Scopes::parse(scope).to_string(), scope, "SD-10");
    }
}

#[test]
fn where_people_log_in_the_documents_say_so() {
    // SD-04, SD-06, SD-07, SD-08, SD-09, SD-13
    let metadata = metadata(false).with_launch(true).with_identity(Algorithm::Rs256);
    let (smart, server) = (metadata.smart_configuration(), metadata.authorization_server());
    for document in [&smart, &server] {
        assert_eq!(document["authorization_endpoint"], format!("{ISSUER}/oauth/authorize"));
        assert_eq!(document["issuer"], ISSUER);
        assert_eq!(document["response_types_supported"], json!(["code"]));
        assert_eq!(document["code_challenge_methods_supported"], json!(["S256"]));
        assert_eq!(document["authorization_response_iss_parameter_supported"], true);
        let grants = strings(&document["grant_types_supported"]);
        assert_eq!(grants, ["client_credentials", "authorization_code", "refresh_token"]);
        let methods = strings(&document["token_endpoint_auth_methods_supported"]);
        assert_eq!(methods, ["private_key_jwt", "none"]);
    }
    assert_eq!(smart["management_endpoint"], format!("{ISSUER}/oauth/permissions"), "SD-11");
    let capabilities = strings(&smart["capabilities"]);
    for capability in [
        "launch-ehr",
        "context-ehr-patient",
        "context-banner",
        "launch-standalone",
        "authorize-post",
        "client-public",
        "client-confidential-asymmetric",
        "sso-openid-connect",
        "context-standalone-patient",
        "permission-patient",
        "permission-user",
        "permission-offline",
    ] {
        assert!(capabilities.contains(&capability), "{capability}");
    }
    // Nothing that is not there: no encounters, no secrets.
    for capability in ["context-ehr-encounter", "client-confidential-symmetric"] {
        assert!(!capabilities.contains(&capability), "{capability}");
    }
    let openid = metadata.openid_configuration().unwrap();
    assert_eq!(openid["id_token_signing_alg_values_supported"], json!(["RS256"]));
    for (name, value) in server.as_object().unwrap() {
        assert_eq!(openid[name], *value, "{name}");
    }
    let security = metadata.capability_security();
    let named = security["extension"][0]["extension"].as_array().unwrap();
    let authorize = named.iter().find(|one| one["url"] == "authorize").unwrap();
    assert_eq!(authorize["valueUri"], smart["authorization_endpoint"], "SD-14, SD-15");
}

#[test]
fn the_documents_agree() {
    // SD-14, SD-15
    let metadata = metadata(true);
    let (smart, server) = (metadata.smart_configuration(), metadata.authorization_server());
    assert_eq!(server["issuer"], ISSUER);
    assert_eq!(server["response_types_supported"], json!([]));
    for (name, value) in smart.as_object().unwrap() {
        if let Some(other) = server.get(name) {
            assert_eq!(other, value, "{name}");
        }
    }
    let between = [
        "client_credentials",
        "urn:ietf:params:oauth:grant-type:jwt-bearer",
        "urn:ietf:params:oauth:grant-type:token-exchange",
    ];
    assert_eq!(strings(&server["grant_types_supported"]), between, "TX-12");
    let kinds = &server["identity_chaining_requested_token_types_supported"];
    assert_eq!(*kinds, json!(["urn:ietf:params:oauth:token-type:jwt"]), "TX-12");
    assert_eq!(server["tls_client_certificate_bound_access_tokens"], true);
    let security = metadata.capability_security();
    assert_eq!(security["extension"][0]["extension"][0]["valueUri"], smart["token_endpoint"]);
    let named = |place: usize| &security["extension"][0]["extension"][place]["valueUri"];
    assert_eq!(*named(1), smart["introspection_endpoint"], "SD-11");
    assert_eq!(*named(2), smart["revocation_endpoint"], "SD-11");
    assert_eq!(smart["revocation_endpoint"], format!("{ISSUER}/oauth/revoke"));
    assert_eq!(smart["introspection_endpoint"], format!("{ISSUER}/oauth/introspect"));
    let methods = strings(&server["introspection_endpoint_auth_methods_supported"]);
    assert_eq!(methods, ["private_key_jwt", "Bearer"], "IU-05");
    assert_eq!(security["service"][0]["coding"][0]["code"], "SMART-on-FHIR");
    assert_eq!(metadata.jwks(), json!({"keys": [ES256.public()]}));
    assert_eq!(keys(&[&ES256]).algorithms(), [ES256.algorithm()]);
}

#[test]
fn an_issuer_that_is_no_absolute_url_is_refused() {
    for issuer in ["kuopio", "/oauth", "https://kuopio.example/", "ftp://kuopio.example", ""] {
        assert!(Metadata::new(issuer, Vec::new(), false).is_err(), "SD-03 {issuer}");
    }
}
