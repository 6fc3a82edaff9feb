//! A client shows with its request that it holds a key: its tokens are then bound to that key (`DPoP`).
//!
//! Part of `oauth`. Source: RFC 9449 sections 5, 8 and 10. The proof is looked at before anything is used
//! up, so that a client which has to repeat our number loses nothing by coming again. That a proof was
//! shown stands in the store, like all that counts once.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, Response};

use super::{
    refused::{Code, Refused},
    token::TokenEndpoint,
};
use crate::{
    authenticate::{
        jose::proof::{self, Flaw, Target},
        registry::{Client, ClientKeys},
    },
    domain::moment::Moment,
};

/// Thumbprint of a key.
pub(super) type Thumbprint = [u8; 32];

impl TokenEndpoint {
    /// The key that the client shows it holds, if it shows one.
    pub(super) async fn possession(
        &self,
        headers: &HeaderMap,
        now: Moment,
    ) -> Result<Option<Thumbprint>, Refused> {
        let target = Target { method: &Method::POST, url: &self.url, token: None };
        let refused = |why: String| Refused::new(Code::InvalidDpopProof, why);
        let proof = match proof::read(headers, &target, self.launch.kept.keys(), now) {
            Ok(Some(proof)) => proof,
            Ok(None) => return Ok(None),
            Err(Flaw::Bad(why)) => return Err(refused(why.to_string())),
            Err(Flaw::Number) => {
                return Err(Refused::new(Code::UseDpopNonce, "a proof without our number"));
            }
        };
        match self.store.spend(proof.id, proof.until, now).await {
            Ok(true) => Ok(Some(proof.key)),
            Ok(false) => Err(refused("a proof shown before".to_owned())),
            Err(why) => Err(Refused::unavailable(&why)),
        }
    }

    /// Names the number for the next proof to whoever sends proofs.
    pub(super) fn with_number(
        &self,
        headers: &HeaderMap,
        mut response: Response<Bytes>,
        now: Moment,
    ) -> Response<Bytes> {
        if headers.contains_key(proof::HEADER) {
            let number = proof::nonce(self.launch.kept.keys(), now);
            let number = HeaderValue::try_from(number).ok();
            response.headers_mut().extend(number.map(|number| (proof::NONCE, number)));
        }
        response
    }
}

/// A client that is registered to do so shows a key each time.
pub(super) fn demanded(client: &Client, key: Option<&Thumbprint>) -> Result<(), Refused> {
    if client.entry().dpop_bound_access_tokens && key.is_none() {
        return Err(Refused::new(
            Code::InvalidDpopProof,
            "no proof, which its registration demands",
        ));
    }
    Ok(())
}

/// The key to which a refresh token is bound: that of an app which proves itself by nothing else.
pub(super) fn binding(client: &Client, key: Option<&Thumbprint>) -> Option<Thumbprint> {
    key.copied().filter(|_| matches!(client.keys(), ClientKeys::Absent))
}

/// Is it a thumbprint as an authorization request names one?
pub(super) fn named(text: &str) -> Option<Thumbprint> {
    URL_SAFE_NO_PAD.decode(text).ok()?.try_into().ok()
}
