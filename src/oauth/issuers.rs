//! Tokens of other issuers: whose one is, and whether it is good.
//!
//! Part of `oauth`. By the `iss` it states a token is given to that one issuer's keys or endpoint and to no
//! other's, so no key or answer of one speaks for another. A text without parts is shown to the one
//! issuer that the operator says has such tokens: shown to any other it would be theirs to use. Sources:
//! RFC 9068 section 4, RFC 7662, RFC 8725, RFC 9700 section 4.4. Says to the log alone why one is not believed.

mod introspection;

use std::sync::Arc;

use self::introspection::Introspection;
use super::{
    keys::{Place, Publisher, fetch::Fetcher},
    launch::fleeting::Fleeting,
    refresh,
};
use crate::{
    authenticate::{
        Examined,
        issuer::{Elsewhere, Issuer},
        jose::{
            self, Refusal,
            address::KeyAddress,
            compact::MAX_TOKEN,
            foreign::{answered_foreign, verify_foreign},
            key::{Algorithm, KeySet},
            sign::Signer,
        },
    },
    chance::Chance,
    domain::moment::Moment,
};

/// An issuer, as configured.
#[derive(Clone)]
pub struct Settings {
    /// Who, and how much it may give.
    pub issuer: Issuer,
    /// How it is known whether a token of it is good.
    pub check: Check,
}

/// How it is known whether a token is good.
#[derive(Clone)]
pub enum Check {
    /// By keys that are registered here.
    Registered(Arc<KeySet>),
    /// By keys that the issuer publishes.
    Published {
        /// Where; without it where the issuer says.
        address: Option<KeyAddress>,
        /// Those of them that count.
        algorithms: Vec<Algorithm>,
    },
    /// By asking it.
    Introspection {
        /// Where.
        endpoint: KeyAddress,
        /// What it calls this gateway.
        client_id: String,
        /// Is a token that states no issuer one of it?
        opaque: bool,
    },
}

/// What is needed to ask.
#[derive(Clone)]
pub struct Means {
    /// The way to their hosts.
    pub fetcher: Arc<Fetcher>,
    /// Proves who asks.
    pub signer: Arc<Signer>,
    /// Names proofs.
    pub chance: Arc<dyn Chance>,
    /// Keeps what was answered, for other processes too.
    pub kept: Arc<Fleeting>,
}

/// All issuers but this gateway.
#[derive(Default)]
pub struct Issuers {
    all: Vec<Known>,
    /// Our FHIR base.
    base: String,
}

/// One of them.
pub struct Known {
    issuer: Issuer,
    way: Way,
}

enum Way {
    Registered(Arc<KeySet>),
    Published(Arc<Publisher>),
    Asked(Introspection),
}

/// Why nobody bears a token.
#[derive(Clone, Copy, Debug)]
pub enum Trouble {
    /// It is not good.
    Refused(Refusal),
    /// It cannot be known at present.
    Unreachable(&'static str),
}

impl From<Refusal> for Trouble {
    fn from(why: Refusal) -> Self {
        Self::Refused(why)
    }
}

impl Issuers {
    /// Nothing is asked of anybody yet; `base` is our FHIR base.
    pub fn new(all: Vec<Settings>, base: &str, means: &Means) -> Self {
        let known = |Settings { issuer, check }: Settings| {
            let way = match check {
                Check::Registered(keys) => Way::Registered(keys),
                Check::Published { address, algorithms } => {
                    let found = || Place::Discovered(Arc::clone(&issuer.issuer));
                    let place = address.map_or_else(found, Place::At);
                    let owner = issuer.id.as_str().into();
                    let publisher = Publisher::new(owner, place, algorithms, &means.fetcher);
                    Way::Published(Arc::new(publisher.that_completes()))
                }
                Check::Introspection { endpoint, client_id, opaque } => {
                    let audience = issuer.issuer.to_string();
                    let asked = Introspection::new(endpoint, client_id, audience, opaque, means);
                    Way::Asked(asked)
                }
            };
            Known { issuer, way }
        };
        Self { all: all.into_iter().map(known).collect(), base: base.to_owned() }
    }

    /// Are there none?
    pub fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    /// Whose token this is; none if nobody's who is listed.
    pub fn of(&self, token: &str) -> Option<&Known> {
        if token.len() > MAX_TOKEN || token.starts_with(refresh::MARK) {
            return None;
        }
        // What has parts is a signed token, or a broken one; it is never shown to one who might not have
        // issued it.
        if token.contains('.') {
            let issuer = jose::claimed_issuer(token).ok()?;
            return self.all.iter().find(|known| *known.issuer.issuer == *issuer);
        }
        self.all.iter().find(|known| matches!(&known.way, Way::Asked(asked) if asked.opaque()))
    }

    /// Is this token good, and what does it say?
    ///
    /// # Errors
    /// Why nobody bears it; the log knows it then.
    pub(crate) async fn look_at(
        &self,
        known: &Known,
        token: &str,
        now: Moment,
    ) -> Result<(Examined, Elsewhere), Trouble> {
        let looked = self.looked(known, token, now).await;
        if let Err(trouble) = &looked {
            let issuer = known.issuer.id.as_str();
            match trouble {
                Trouble::Refused(why) => {
                    tracing::info!(issuer, reason = %why, "a token of another issuer is not believed");
                }
                Trouble::Unreachable(reason) => {
                    tracing::warn!(issuer, reason, "a token of another issuer cannot be checked");
                }
            }
        }
        looked
    }

    async fn looked(
        &self,
        known: &Known,
        token: &str,
        now: Moment,
    ) -> Result<(Examined, Elsewhere), Trouble> {
        let Known { issuer, way } = known;
        let expected = issuer.expected(now);
        let (said, since) = match way {
            Way::Registered(keys) => (verify_foreign(token, keys, &expected)?, now),
            Way::Published(publisher) => {
                let kid = jose::claimed_key(token, None)?;
                let keys = publisher.keys(kid, now).await;
                let keys = keys.map_err(|_| Trouble::Unreachable("its keys cannot be fetched"))?;
                (verify_foreign(token, &keys, &expected)?, now)
            }
            Way::Asked(asked) => {
                let answer = asked.answer(token, now).await.map_err(Trouble::Unreachable)?;
                let said = answer.said.as_ref().ok_or(Refusal::Invalid("not active"))?;
                (answered_foreign(said, &expected)?, answer.since)
            }
        };
        let examined = issuer.examined(said, token, &self.base)?;
        Ok((examined, Elsewhere { issuer: Arc::clone(&issuer.issuer), since }))
    }

    /// Can each be reached as it must be? By short name, for an operator.
    pub async fn probe(&self, now: Moment) -> Vec<(&str, Result<(), &'static str>)> {
        let mut found = Vec::new();
        for known in &self.all {
            let looked = match &known.way {
                Way::Registered(_) => Ok(()),
                Way::Published(publisher) => publisher.look(now).await,
                Way::Asked(asked) => asked.look(now).await,
            };
            found.push((known.issuer.id.as_str(), looked));
        }
        found
    }
}

impl Known {
    /// Is its host asked for each token?
    pub const fn is_asked(&self) -> bool {
        matches!(self.way, Way::Asked(_))
    }
}
