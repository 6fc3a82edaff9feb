//! Which rate limits there are, and of whom.
//!
//! Part of `shared`, asked by `oauth` before a signature is checked and by `gateway` before a road is
//! walked. A client that has proven who it is is limited as such. One that only says so is limited
//! together with the address it says it from, so that nobody can use up what belongs to another.
//! Refusals are `Throttled`, 429 with `Retry-After`.

use std::{net::IpAddr, sync::Arc};

use super::{Key, Limit, Limiter};
use crate::{
    domain::moment::Moment,
    error::{Error, Result},
    mutant::{self, Mutant},
};

/// Seconds of a rate that may come at once.
const BURST: u32 = 4;

/// How often a second an export may be asked how far it is.
const POLLS: u32 = 2;

/// How many requests a second are let through, each at least 1; [`BURST`] seconds' worth at once.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Rates {
    /// Of one client, over all roads but the token endpoint.
    pub client: u32,
    /// For tokens, of one client; of one that has not proven itself yet, from one address.
    pub client_tokens: u32,
    /// For tokens, from one address, whoever it says it is.
    pub address_tokens: u32,
}

impl Default for Rates {
    fn default() -> Self {
        Self { client: 2000, client_tokens: 20, address_tokens: 50 }
    }
}

/// Holds the rates.
pub struct Pace {
    limiter: Arc<Limiter>,
    client: Limit,
    client_tokens: Limit,
    address_tokens: Limit,
    polls: Limit,
}

impl Pace {
    /// Holds `rates` with `limiter`.
    pub fn new(limiter: impl Into<Arc<Limiter>>, rates: Rates) -> Self {
        let limiter = limiter.into();
        let limit = |rate: u32| Limit::per_second(rate, rate.saturating_mul(BURST));
        Self {
            limiter,
            client: limit(rates.client),
            client_tokens: limit(rates.client_tokens),
            address_tokens: limit(rates.address_tokens),
            polls: limit(POLLS),
        }
    }

    /// Holds other rates, and goes on counting.
    #[must_use]
    pub fn renewed(&self, rates: Rates) -> Self {
        Self::new(Arc::clone(&self.limiter), rates)
    }

    /// A request of a client that has shown a token.
    pub async fn request(&self, client: &str, now: Moment) -> Result<()> {
        let shared = mutant::on(Mutant::ThrottleIsShared);
        let client = if shared { "everybody" } else { client };
        self.keep(&Key::new("request", &[client.as_bytes()]), self.client, now).await
    }

    /// A question how far an export is.
    pub async fn poll(&self, job: &str, now: Moment) -> Result<()> {
        self.keep(&Key::new("poll", &[job.as_bytes()]), self.polls, now).await
    }

    /// A request for a token, before anything in it is read.
    pub async fn token_from(&self, address: IpAddr, now: Moment) -> Result<()> {
        let address = network(address).to_be_bytes();
        self.keep(&Key::new("token from", &[&address]), self.address_tokens, now).await
    }

    /// A request for a token by somebody who says to be `client`.
    pub async fn token_claimed(&self, client: &str, address: IpAddr, now: Moment) -> Result<()> {
        let address = network(address).to_be_bytes();
        let key = Key::new("token claimed", &[client.as_bytes(), &address]);
        self.keep(&key, self.client_tokens, now).await
    }

    /// A request for a token by a peer whose certificate has shown who it is.
    pub async fn token_of(&self, peer: &str, now: Moment) -> Result<()> {
        self.keep(&Key::new("token of", &[peer.as_bytes()]), self.client_tokens, now).await
    }

    async fn keep(&self, key: &Key, limit: Limit, now: Moment) -> Result<()> {
        let permit = self.limiter.permit(key, limit, now).await?;
        if permit.allowed() { Ok(()) } else { Err(Error::throttled(permit.retry_after)) }
    }
}

/// What one customer of a network has: an IPv4 address, or 64 bits of an IPv6 address.
fn network(address: IpAddr) -> u64 {
    match address.to_canonical() {
        IpAddr::V4(address) => u64::from(u32::from(address)),
        IpAddr::V6(address) => (u128::from(address) >> 64) as u64,
    }
}
