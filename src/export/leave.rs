//! May a file still go on: asked before each piece of it.
//!
//! Part of `export`. The caller was let in when the file was asked for, so a token that ends meanwhile lets
//! it end; one that is revoked, here or by the issuer it is of, alone or with its launch, cuts it, and so do
//! a job that is ended and new settings: the client may not be known by them, or a law not be in force.

use std::sync::Arc;

use crate::{
    authenticate::{Authenticator, issuer::Again},
    clock::Clock,
    consent::release::Over,
    domain::moment::Moment,
    error::{Error, Kind, Result},
    scope::Grant,
    store::Store,
};

/// What is asked before each piece.
pub struct Leave {
    /// Knows which tokens and launches were ended.
    pub authenticator: Arc<Authenticator>,
    /// Knows whether a token of another issuer is still good; none for tokens of ours.
    pub again: Option<Box<dyn Again>>,
    /// Knows which jobs were ended.
    pub store: Arc<dyn Store>,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// The job.
    pub job: Arc<str>,
    /// Were the settings replaced under which the file was begun?
    pub over: Over,
}

impl Leave {
    /// Is the caller still let in?
    ///
    /// # Errors
    /// `NotFound` if the job was ended, `InvalidToken` if the token was revoked, `Unavailable` if
    /// neither is known or the settings are others: the file can be taken anew.
    pub async fn still(&self, grant: &Grant, now: Moment) -> Result<()> {
        if self.over.is_set() {
            return Err(Error::unavailable("the settings were replaced"));
        }
        self.authenticator.revoked().current(self.clock.elapsed())?;
        if self.authenticator.is_revoked(grant.caller()) {
            return Err(Error::new(Kind::InvalidToken, "The token was revoked."));
        }
        if let Some(again) = self.again.as_ref().filter(|_| now < grant.caller().expires()) {
            again.still(now).await?;
        }
        self.store.job(&self.job, now).await?.map(drop).ok_or_else(Error::not_found)
    }
}
