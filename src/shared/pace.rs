//! Which rate limits there are, and of whom.
//!
//! Part of `shared`, asked by `oauth` before a signature is checked and by `gateway` before a road is
//! walked. A client that has proven who it is is limited as such. One that only says so is limited
//! together with the address it says it from, so that nobody can use up what belongs to another. Whoever
//! sends assertions in a client's name from many addresses makes the gateway check a signature for each:
//! so all addresses that the client has not proven itself from have one limit together, and those that it
//! has are not held back by it. Refusals are `Throttled`, 429 with `Retry-After`.

use std::{net::IpAddr, sync::Arc};

use quick_cache::sync::Cache;

use super::{Key, Limit, Limiter};
use crate::{
    domain::moment::Moment,
    error::{Error, Result},
    mutant::{self, Mutant},
};

/// Seconds of a rate that may come at once.
const BURST: u32 = 4;

/// Rates of a client's that all addresses which it has not proven itself from have together.
const STRANGERS: u32 = 4;

/// Addresses of clients that are kept in mind, by this process alone: whoever is pushed out is a stranger
/// again.
const KNOWN: usize = 16 * 1024;

/// How often a second an export may be asked how far it is.
const POLLS: u32 = 2;

/// How many requests a second are let through, each at least 1; [`BURST`] seconds' worth at once.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Rates {
    /// Of one client, over all roads but the token endpoint.
    pub client: u32,
    /// For tokens, of one client; of one that has not proven itself yet, from one address, and
    /// `STRANGERS` times as many from all addresses where it never has.
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
    strangers: Limit,
    polls: Limit,
    /// From where which client has proven itself.
    known: Arc<Cache<Key, ()>>,
}

impl Pace {
    /// Holds `rates` with `limiter`.
    pub fn new(limiter: impl Into<Arc<Limiter>>, rates: Rates) -> Self {
        Self::of(limiter.into(), rates, Arc::new(Cache::new(KNOWN)))
    }

    fn of(limiter: Arc<Limiter>, rates: Rates, known: Arc<Cache<Key, ()>>) -> Self {
        let limit = |rate: u32| Limit::per_second(rate, rate.saturating_mul(BURST));
        Self {
            limiter,
            client: limit(rates.client),
            client_tokens: limit(rates.client_tokens),
            address_tokens: limit(rates.address_tokens),
            strangers: limit(rates.client_tokens.saturating_mul(STRANGERS)),
            polls: limit(POLLS),
            known,
        }
    }

    /// Holds other rates, and goes on counting.
    #[must_use]
    pub fn renewed(&self, rates: Rates) -> Self {
        Self::of(Arc::clone(&self.limiter), rates, Arc::clone(&self.known))
    }

    /// A request of a client that has shown a token.
    ///
    /// # Errors
    /// `Throttled` with when the next may come; `Unavailable` where limits are kept elsewhere and that is away.
    pub async fn request(&self, client: &str, now: Moment) -> Result<()> {
        let shared = mutant::on(Mutant::ThrottleIsShared);
        let client = if shared { "everybody" } else { client };
        self.keep(&Key::new("request", &[client.as_bytes()]), self.client, now).await
    }

    /// A question how far an export is.
    ///
    /// # Errors
    /// As [`Pace::request`].
    pub async fn poll(&self, job: &str, now: Moment) -> Result<()> {
        self.keep(&Key::new("poll", &[job.as_bytes()]), self.polls, now).await
    }

    /// A request for a token, before anything in it is read.
    ///
    /// # Errors
    /// As [`Pace::request`].
    pub async fn token_from(&self, address: IpAddr, now: Moment) -> Result<()> {
        let address = network(address).to_be_bytes();
        self.keep(&Key::new("token from", &[&address]), self.address_tokens, now).await
    }

    /// A request for a token by somebody who says to be `client`.
    ///
    /// # Errors
    /// As [`Pace::request`].
    pub async fn token_claimed(&self, client: &str, address: IpAddr, now: Moment) -> Result<()> {
        self.keep(&claimed(client, address), self.client_tokens, now).await
    }

    /// The same, where a signature is to be checked for it.
    ///
    /// # Errors
    /// As [`Pace::request`].
    pub async fn token_signed(&self, client: &str, address: IpAddr, now: Moment) -> Result<()> {
        self.token_claimed(client, address, now).await?;
        if self.known.get(&claimed(client, address)).is_some() {
            return Ok(());
        }
        self.keep(&Key::new("token signed", &[client.as_bytes()]), self.strangers, now).await
    }

    /// It was the client indeed.
    pub fn token_proven(&self, client: &str, address: IpAddr) {
        self.known.insert(claimed(client, address), ());
    }

    /// A request for a token by a peer whose certificate has shown who it is.
    ///
    /// # Errors
    /// As [`Pace::request`].
    pub async fn token_of(&self, peer: &str, now: Moment) -> Result<()> {
        self.keep(&Key::new("token of", &[peer.as_bytes()]), self.client_tokens, now).await
    }

    async fn keep(&self, key: &Key, limit: Limit, now: Moment) -> Result<()> {
        let permit = self.limiter.permit(key, limit, now).await?;
        if permit.allowed() { Ok(()) } else { Err(Error::throttled(permit.retry_after)) }
    }
}

fn claimed(client: &str, address: IpAddr) -> Key {
    Key::new("token claimed", &[client.as_bytes(), &network(address).to_be_bytes()])
}

/// What one customer of a network has: an IPv4 address, or 64 bits of an IPv6 address.
fn network(address: IpAddr) -> u64 {
    match address.to_canonical() {
        IpAddr::V4(address) => u64::from(u32::from(address)),
        IpAddr::V6(address) => (u128::from(address) >> 64) as u64,
    }
}
