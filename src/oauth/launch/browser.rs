//! Who sits at the browser: a cookie, and the login that goes with it.
//!
//! Part of `oauth::launch`. Sources: RFC 6265bis (`__Host-`, `SameSite`), RFC 9700 section 4.7. The cookie
//! is a random name and nothing else; it is a new one at every login, so that one planted before is
//! worth nothing after. What a page sends counts only from the browser that the page was made for.

use http::{HeaderMap, HeaderValue, header::COOKIE};
use serde::{Deserialize, Serialize};

use super::{errand::Errand, login::User};
use crate::{
    chance::{Chance, base32},
    digest::sha256,
    domain::moment::Moment,
    error::{Error, Result},
    oauth::token::TokenEndpoint,
};

/// Name of the cookie: no subdomain and no plain HTTP can set it.
const NAME: &str = "__Host-mylife";
/// Characters of a cookie, and of what names a page: five random bits each.
const SECRET: usize = 26;
/// How long a login lasts.
pub(in crate::oauth) const LOGIN: std::time::Duration = std::time::Duration::from_hours(1);
/// How long a page waits.
const PAGE: std::time::Duration = std::time::Duration::from_mins(20);

/// A browser, by its cookie.
pub(super) struct Browser(String);

/// A login.
#[derive(Clone, Deserialize, Serialize)]
pub(super) struct Login {
    /// Who.
    pub(super) user: User,
    /// Since when.
    pub(super) since: Moment,
}

/// A page that waits for somebody, and for whom.
#[derive(Clone, Deserialize, Serialize)]
pub(super) struct Waiting {
    browser: [u8; 32],
    /// What it is part of.
    pub(super) errand: Errand,
}

impl Browser {
    /// Of a request; two cookies of the name are none.
    pub(super) fn of(headers: &HeaderMap) -> Option<Self> {
        let texts = headers.get_all(COOKIE).iter().filter_map(|value| value.to_str().ok());
        let pairs = texts.flat_map(|text| text.split(';')).filter_map(|pair| pair.split_once('='));
        let mut ours = pairs.filter(|(name, _)| name.trim() == NAME).map(|(_, value)| value.trim());
        let fits =
            |value: &str| value.len() == SECRET && value.bytes().all(|b| b.is_ascii_alphanumeric());
        match (ours.next(), ours.next()) {
            (Some(value), None) if fits(value) => Some(Self(value.to_owned())),
            (_, _) => None,
        }
    }

    /// One that nobody has seen before.
    pub(super) fn new(chance: &dyn Chance) -> Self {
        Self(base32(chance, SECRET))
    }

    /// `Set-Cookie`: for this host over TLS, out of reach of scripts, gone with the browser.
    pub(super) fn cookie(&self) -> Result<HeaderValue> {
        let text = format!("{NAME}={}; Path=/; Secure; HttpOnly; SameSite=Lax", self.0);
        HeaderValue::try_from(text).map_err(Error::internal)
    }

    pub(super) fn hash(&self) -> [u8; 32] {
        sha256(self.0.as_bytes())
    }
}

impl TokenEndpoint {
    /// The login of a browser.
    pub(super) async fn login(&self, browser: &Browser, now: Moment) -> Result<Option<Login>> {
        self.launch.kept.look("login", &browser.0, now).await
    }

    /// Logs somebody in, under a cookie of their own.
    pub(super) async fn log_in(&self, user: User, now: Moment) -> Result<(Browser, Login)> {
        let (browser, login) = (Browser::new(&*self.chance), Login { user, since: now });
        self.launch.kept.put("login", &browser.0, &login, now.plus(LOGIN), now).await?;
        Ok((browser, login))
    }

    /// Ends the login of a browser.
    pub(super) async fn log_out(&self, browser: &Browser, now: Moment) -> Result<()> {
        let _gone: Option<Login> = self.launch.kept.take("login", &browser.0, now).await?;
        Ok(())
    }

    /// A page for this browser; its name is also what keeps others from sending it.
    pub(super) async fn wait(
        &self,
        browser: &Browser,
        errand: Errand,
        now: Moment,
    ) -> Result<String> {
        let name = base32(&*self.chance, SECRET);
        let waiting = Waiting { browser: browser.hash(), errand };
        self.launch.kept.put("page", &name, &waiting, now.plus(PAGE), now).await?;
        Ok(name)
    }

    /// The page of a name, if it was made for this browser.
    pub(super) async fn waiting(
        &self,
        name: &str,
        browser: &Browser,
        now: Moment,
    ) -> Result<Option<Waiting>> {
        let waiting: Option<Waiting> = self.launch.kept.look("page", name, now).await?;
        Ok(waiting.filter(|waiting| waiting.browser == browser.hash()))
    }

    /// The same for the last time: of two who send it at once one is heard.
    pub(super) async fn answered(&self, name: &str, now: Moment) -> Result<bool> {
        let taken: Option<Waiting> = self.launch.kept.take("page", name, now).await?;
        Ok(taken.is_some())
    }
}
