//! Requests whose token another issued: looked at by whoever may ask its issuer, before it opens anything.
//!
//! Around the way, before `authenticate` is asked who it is. What is looked at counts for seconds, so a token
//! that is withdrawn at its issuer is soon worth nothing here. Whoever brings tokens that nobody has seen
//! cannot make the gateway ask for them faster than for tokens of our own.

use std::{
    net::{IpAddr, Ipv6Addr},
    pin::Pin,
    sync::Arc,
};

use tokio::sync::Mutex;
use zeroize::Zeroizing;

use crate::{
    authenticate::{
        self, Caller, Stranger, bearer,
        issuer::{Again, still_known},
        jose::Refusal,
    },
    domain::moment::Moment,
    error::{Error, Kind, Result},
    gateway::{Gateway, request::Asked},
    oauth::issuers::{Issuers, Trouble},
    scope::Grant,
};

impl Gateway {
    /// Who bears the token of this request, if it is of another issuer and not known already.
    ///
    /// # Errors
    /// `InvalidToken` and `Expired`; `Unavailable` if its issuer cannot be asked; `Throttled`.
    pub(super) async fn looked_at(&self, asked: &Asked<'_>) -> Result<Option<Arc<Caller>>> {
        if self.tokens.issuers.is_empty() {
            return Ok(None);
        }
        match self.authenticator.stranger(asked.headers, asked.query, asked.now) {
            Some(stranger) => Box::pin(self.look_at(stranger, asked)).await,
            None => Ok(None),
        }
    }

    async fn look_at(
        &self,
        stranger: Stranger<'_>,
        asked: &Asked<'_>,
    ) -> Result<Option<Arc<Caller>>> {
        let Stranger { token, is_met } = stranger;
        let issuers = &self.tokens.issuers;
        let Some(issuer) = issuers.of(token) else { return Ok(None) };
        if issuer.is_asked() && !is_met {
            let nobody = IpAddr::V6(Ipv6Addr::UNSPECIFIED);
            let address = asked.address.parse().unwrap_or(nobody);
            self.pace.token_from(address, asked.now).await?;
        }
        let looked = issuers.look_at(issuer, token, asked.now).await.map_err(told)?;
        self.authenticator.looked_at(token, looked).map(Some)
    }

    /// What tells, while an answer goes on, whether the token that it was asked with is still good; none
    /// for a token of ours.
    pub(super) fn again(&self, asked: &Asked<'_>, grant: &Grant) -> Option<Box<dyn Again>> {
        grant.caller().issuer()?;
        let token = Zeroizing::new(bearer::shown(asked.headers)?.to_owned());
        let since = Mutex::new(asked.now);
        Some(Box::new(Repeated { issuers: Arc::clone(&self.tokens.issuers), token, since }))
    }
}

/// A token that is looked at again and again.
struct Repeated {
    issuers: Arc<Issuers>,
    token: Zeroizing<String>,
    since: Mutex<Moment>,
}

impl Again for Repeated {
    fn still(&self, now: Moment) -> Pin<Box<dyn Future<Output = Result<()>> + Send + '_>> {
        Box::pin(async move {
            let mut since = self.since.lock().await;
            if still_known(*since, now) {
                return Ok(());
            }
            let gone = Trouble::Refused(Refusal::Invalid("its issuer is not listed any more"));
            let issuer = self.issuers.of(&self.token).ok_or_else(|| told(gone))?;
            let looked = self.issuers.look_at(issuer, &self.token, now).await.map_err(told)?;
            *since = looked.1.since;
            Ok(())
        })
    }
}

fn told(trouble: Trouble) -> Error {
    match trouble {
        Trouble::Refused(why) => authenticate::refuse(why),
        Trouble::Unreachable(why) => {
            let say = "The issuer of the access token does not answer; try again later.";
            Error::new(Kind::Unavailable, say).because(why)
        }
    }
}
