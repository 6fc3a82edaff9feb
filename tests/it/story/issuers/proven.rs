//! Tokens of other issuers that are bound to a key or a certificate: worth nothing without it.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use http::{Request, header};
use mylife::{
    authenticate::jose::key::Algorithm,
    domain::theme::Theme::Housing,
    listen::{Answer as _, Incoming, body::BodyReader},
};
use serde_json::{Value, json};

use super::{Town, none};
use crate::world::holder::Holder;

fn towns() -> [Town; 2] {
    [Town::by_keys(), Town::by_asking()]
}

/// A token of the first issuer, in the way it is known by.
fn token(town: &Town, changes: &Value) -> String {
    if town.kuopio.gateway.tokens.issuers.of("opaque").is_some() {
        town.one.issues(&town.world, changes)
    } else {
        town.one.token(&town.world, changes)
    }
}

#[test]
fn a_token_bound_to_a_key_is_shown_with_a_proof_of_it() {
    // DP-07 to DP-13, AT-33
    for town in towns() {
        let (holder, thief) = (Holder::new(Algorithm::Es256), Holder::new(Algorithm::Es256));
        let bound = json!({ "cnf": { "jkt": holder.thumbprint() }, "token_type": "DPoP" });
        let token = token(&town, &bound);
        let path = format!("/fhir/Observation?patient={}", town.aino.patient());
        town.refuses("as a bearer token", &token);
        holder.reads(&town.kuopio, &token, &path).refused(401, "login");
        holder.reads(&town.kuopio, &token, &path).shows([Housing]);
        thief.reads(&town.kuopio, &token, &path).refused(401, "login");
        let stolen = thief.reads(&town.kuopio, &token, &path);
        assert_eq!(stolen.challenge(), Some("DPoP error=\"invalid_token\", algs=\"ES256 ES384\""));
        // A proof counts once.
        let request = (&http::Method::GET, &*path);
        let proof = holder.proof(&town.kuopio, request, Some(&token));
        holder.reads_with(&town.kuopio, &token, &path, proof.clone()).shows([Housing]);
        holder.reads_with(&town.kuopio, &token, &path, proof).refused(401, "login");
        let said = town.told_of(&token);
        assert_eq!(said.json()["token_type"], "DPoP", "{said:?}");
        assert_eq!(said.json()["cnf"], json!({ "jkt": holder.thumbprint() }));
    }
    // One that is bound to nothing is not shown with a proof.
    for town in towns() {
        let free = token(&town, &none());
        let holder = Holder::new(Algorithm::Es256);
        holder.reads(&town.kuopio, &free, "/fhir/Organization").refused(401, "login");
        holder.reads(&town.kuopio, &free, "/fhir/Organization").refused(401, "login");
        town.reads(&free).shows([Housing]);
    }
}

#[test]
fn a_token_bound_to_a_certificate_comes_with_it() {
    // MT-01, MT-04, MT-05
    for town in towns() {
        let thumbprint = [7; 32];
        let named = URL_SAFE_NO_PAD.encode(thumbprint);
        let cnf = json!({ "x5t#S256": named });
        let token = token(&town, &json!({ "cnf": cnf }));
        let reads_with = |certificate: Option<[u8; 32]>, more: &[(&'static str, &str)]| {
            let plain = Request::get(format!("/fhir/Observation?patient={}", town.aino.patient()))
                .header(header::AUTHORIZATION, format!("Bearer {token}"));
            let request =
                more.iter().fold(plain, |request, (name, value)| request.header(*name, *value));
            let (parts, ()) = request.body(()).unwrap().into_parts();
            let body = BodyReader::of(bytes::Bytes::new());
            let address = "127.0.0.1".into();
            let request =
                Incoming { parts, body, peer_certificate: certificate, peer_names: None, address };
            let answer = town.kuopio.gateway.answer(request);
            town.world.runtime.block_on(answer).status().as_u16()
        };
        let reads = |certificate| reads_with(certificate, &[]);
        assert_eq!(reads(None), 401, "without a certificate");
        assert_eq!(reads(Some([8; 32])), 401, "with another");
        assert_eq!(reads(Some(thumbprint)), 200);
        assert_eq!(reads(None), 401, "though it was met with its own");
        // What a proxy would say of the connection is what anybody can say.
        let hash = format!("Hash={named}");
        for said in [
            ("client-cert", &*named),
            ("x-forwarded-client-cert", &*hash),
            ("x-client-cert-sha256", &*named),
            ("x-ssl-client-fingerprint", &*named),
        ] {
            assert_eq!(reads_with(None, &[said]), 401, "{said:?}");
            assert_eq!(reads_with(Some([8; 32]), &[said]), 401, "{said:?}");
        }
        let told = town.told_of(&token);
        assert_eq!(told.json()["cnf"], cnf, "{told:?}");
    }
}
