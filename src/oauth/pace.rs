//! How often somebody may ask for a token, counted before any signature is checked.
//!
//! Part of `oauth`, the only file of it that knows of rate limits: what may be used once is no such
//! hint and is spent in the store. Source: RFC 6585 section 4.

use std::net::IpAddr;

use super::{
    refused::{Code, Refused},
    token::TokenEndpoint,
};
use crate::{
    authenticate::{peer::Peer, registry::Client},
    domain::moment::Moment,
    error::Error,
};

impl TokenEndpoint {
    /// By address alone, before the body is read.
    pub(super) async fn keep_address(&self, address: IpAddr, now: Moment) -> Result<(), Refused> {
        self.pace.token_from(address, now).await.map_err(too_fast)
    }

    /// By somebody who has only said which client they are: counted by that name, whether there is such a
    /// client or not, so that nobody learns it here.
    pub(super) async fn keep_claimed(
        &self,
        client: &str,
        address: IpAddr,
        now: Moment,
    ) -> Result<(), Refused> {
        self.pace.token_claimed(client, address, now).await.map_err(too_fast)
    }

    /// The same where a signature is to be checked.
    pub(super) async fn keep_signed(
        &self,
        client: &str,
        address: IpAddr,
        now: Moment,
    ) -> Result<(), Refused> {
        self.pace.token_signed(client, address, now).await.map_err(too_fast)
    }

    /// The client has proven who it is from there.
    pub(super) fn know(&self, client: &Client, address: IpAddr) {
        self.pace.token_proven(client.id(), address);
    }

    /// By a peer, which its certificate has proven.
    pub(super) async fn keep_peer(&self, peer: &Peer, now: Moment) -> Result<(), Refused> {
        self.pace.token_of(peer.code.as_str(), now).await.map_err(too_fast)
    }
}

#[expect(clippy::needless_pass_by_value, reason = "it is given to map_err")]
fn too_fast(why: Error) -> Refused {
    match why.retry_after() {
        Some(after) => Refused { retry_after: after, ..Refused::new(Code::Throttled, "too fast") },
        None => Refused::unavailable(&why),
    }
}
