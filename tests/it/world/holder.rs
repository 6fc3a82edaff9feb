//! Somebody who holds a key and shows it with each request (`DPoP`).

use std::cell::RefCell;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use http::Method;
use mylife::{
    authenticate::jose::{
        key::Algorithm,
        sign::{Signer, generate},
    },
    chance::base32,
};
use serde_json::{Value, json};

use super::{Node, Reply, actor::Ask};

/// A key, and the number that was last named to its holder.
pub(crate) struct Holder {
    pub(crate) signer: Signer,
    pub(crate) number: RefCell<Option<String>>,
}

impl Holder {
    pub(crate) fn new(algorithm: Algorithm) -> Self {
        let signer = Signer::from_jwk(&generate(algorithm).unwrap()).unwrap();
        Self { signer, number: RefCell::default() }
    }

    /// The public key as a proof carries it.
    pub(crate) fn jwk(&self) -> Value {
        let key = self.signer.public();
        json!({ "kty": key.kty, "crv": key.crv, "x": key.x, "y": key.y })
    }

    pub(crate) fn thumbprint(&self) -> String {
        self.signer.public().thumbprint()
    }

    /// What a proof for a request says, beside `changes`: `null` takes a claim away.
    pub(crate) fn claims(
        &self,
        node: &Node,
        (method, path): (&Method, &str),
        token: Option<&str>,
    ) -> Value {
        let hash = |token: &str| {
            let hash = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, token.as_bytes());
            URL_SAFE_NO_PAD.encode(hash.as_ref())
        };
        let path = path.split('?').next().unwrap();
        let mut claims = json!({
            "jti": base32(&*node.world.chance, 26), "htm": method.as_str(),
            "htu": format!("{}{path}", node.identity.url), "iat": node.world.now().seconds(),
        });
        if let Some(number) = &*self.number.borrow() {
            claims["nonce"] = json!(number);
        }
        if let Some(token) = token {
            claims["ath"] = json!(hash(token));
        }
        claims
    }

    /// Signs a proof, with changes to header and claims.
    pub(crate) fn signs(&self, claims: &Value, header: &Value) -> String {
        let head = json!({ "typ": "dpop+jwt", "alg": self.signer.algorithm(), "jwk": self.jwk() });
        let head = crate::step::signed::with(head, header);
        crate::step::signed::sign(&self.signer, &head, claims)
    }

    pub(crate) fn proof(
        &self,
        node: &Node,
        request: (&Method, &str),
        token: Option<&str>,
    ) -> String {
        self.signs(&self.claims(node, request, token), &json!({}))
    }

    /// Learns the number that a reply names.
    pub(crate) fn learns(&self, reply: &Reply) {
        if let Some(number) = reply.header("dpop-nonce") {
            *self.number.borrow_mut() = Some(number.to_owned());
        }
    }

    /// Asks for a token, again if our number is demanded.
    pub(crate) fn ask_token(&self, node: &Node, form: impl Fn() -> String) -> Reply {
        let ask = || {
            let proof = self.proof(node, (&Method::POST, "/oauth/token"), None);
            self.ask_token_with(node, &form(), proof)
        };
        let reply = ask();
        if reply.json()["error"] == "use_dpop_nonce" { ask() } else { reply }
    }

    /// The same once, with this proof.
    pub(crate) fn ask_token_with(&self, node: &Node, form: &str, proof: String) -> Reply {
        let ask = Ask {
            headers: vec![("dpop", proof)],
            kind: Some("application/x-www-form-urlencoded"),
            body: form.to_owned().into(),
            ..Ask::default()
        };
        let wire = node.world.actor("north-savo");
        let reply = wire.raw(node, Method::POST, "/oauth/token", ask);
        self.learns(&reply);
        reply
    }

    /// Reads with a token and a proof of its own.
    pub(crate) fn reads(&self, node: &Node, token: &str, path: &str) -> Reply {
        let proof = self.proof(node, (&Method::GET, path), Some(token));
        self.reads_with(node, token, path, proof)
    }

    /// The same with this proof.
    pub(crate) fn reads_with(&self, node: &Node, token: &str, path: &str, proof: String) -> Reply {
        let headers = vec![("authorization", format!("DPoP {token}")), ("dpop", proof)];
        let wire = node.world.actor("north-savo");
        let ask = Ask { headers, nodes: Some(node.code()), ..Ask::default() };
        let reply = wire.raw(node, Method::GET, path, ask);
        self.learns(&reply);
        reply
    }
}
