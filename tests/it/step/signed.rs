//! Keys and tokens for the tests of `authenticate` and `oauth`: made anew in each run.

use std::sync::LazyLock;

use aws_lc_rs::{
    encoding::{AsDer, Pkcs8V1Der},
    rsa::{KeyPair, KeySize},
};
use base64::{Engine, engine::general_purpose::STANDARD};
use mylife::{
    authenticate::jose::{
        key::{Algorithm, KeySet},
        sign::{Signer, generate},
    },
    domain::moment::Moment,
};
use serde_json::{Value, json};

pub(crate) static ES256: LazyLock<Signer> = LazyLock::new(|| elliptic(Algorithm::Es256));
pub(crate) static ES384: LazyLock<Signer> = LazyLock::new(|| elliptic(Algorithm::Es384));
pub(crate) static OTHER: LazyLock<Signer> = LazyLock::new(|| elliptic(Algorithm::Es384));
pub(crate) static BROKER: LazyLock<Signer> = LazyLock::new(|| elliptic(Algorithm::Es256));
pub(crate) static RS384: LazyLock<Signer> = LazyLock::new(|| rsa(KeySize::Rsa2048));

pub(crate) fn elliptic(algorithm: Algorithm) -> Signer {
    Signer::from_jwk(&generate(algorithm).unwrap()).unwrap()
}

fn rsa(size: KeySize) -> Signer {
    let der: Pkcs8V1Der<'_> = KeyPair::generate(size).unwrap().as_der().unwrap();
    let lines = STANDARD.encode(der.as_ref());
    let pem = format!("-----BEGIN PRIVATE KEY-----\n{lines}\n-----END PRIVATE KEY-----\n");
    Signer::from_pem(&pem, Some("rsa")).unwrap()
}

pub(crate) fn noon() -> Moment {
    Moment::parse("2026-06-01T12:00:00Z").unwrap()
}

/// Seconds since the epoch at noon, and `ahead` more.
pub(crate) fn at(ahead: i64) -> i64 {
    noon().seconds() + ahead
}

pub(crate) fn jwks(signers: &[&Signer]) -> Value {
    json!({ "keys": signers.iter().map(|s| s.public()).collect::<Vec<_>>() })
}

pub(crate) fn keys(signers: &[&Signer]) -> KeySet {
    KeySet::parse(&jwks(signers)).unwrap()
}

pub(crate) fn header(signer: &Signer, typ: &str) -> Value {
    json!({ "alg": signer.algorithm(), "kid": signer.kid(), "typ": typ })
}

/// Members of `changes` replace those of `value`; `null` takes one away.
pub(crate) fn with(mut value: Value, changes: &Value) -> Value {
    let members = value.as_object_mut().unwrap();
    for (name, change) in changes.as_object().unwrap() {
        if change.is_null() {
            members.remove(name);
        } else {
            members.insert(name.clone(), change.clone());
        }
    }
    value
}

pub(crate) fn sign(signer: &Signer, header: &Value, claims: &Value) -> String {
    signer.sign_raw(header.to_string().as_bytes(), claims.to_string().as_bytes()).unwrap()
}
