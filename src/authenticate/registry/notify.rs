//! Where a client may be notified, and by what it knows that the gateway speaks.
//!
//! Part of the registry, checked when a client is registered. A subscription names one of these places,
//! letter by letter; nothing a client sends leads anywhere else.

use std::fmt;

use serde::Deserialize;

use super::ClientEntry;
use crate::authenticate::jose::{address::KeyAddress, claims::is_name};

/// Fewest characters of a shared secret.
const SECRET: usize = 32;

/// Where, and how.
#[derive(Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct NotifyEntry {
    /// Its places, `https` URLs.
    pub urls: Vec<String>,
    /// Shared with the client: signs what it is sent (HMAC-SHA-256), in place of the key of tokens.
    pub secret: Option<String>,
    /// Where the gateway gets a token for those places; without one none is sent.
    pub token_url: Option<String>,
    /// The gateway's name there.
    pub token_client: Option<String>,
    /// The scope it asks for there.
    pub token_scope: Option<String>,
}

impl fmt::Debug for NotifyEntry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NotifyEntry").field("urls", &self.urls).finish_non_exhaustive()
    }
}

/// What is wrong with where a client is notified.
pub(super) fn mistakes(entry: &ClientEntry) -> Vec<String> {
    let NotifyEntry { urls, secret, token_url, token_client, token_scope } = &entry.notify;
    let is_address = |url: &String| KeyAddress::parse(url).is_some();
    let form = "https://host/path, without name, password, fragment";
    let mut mistakes = Vec::new();
    let mut demand = |holds: bool, say: String| {
        if !holds {
            mistakes.push(say);
        }
    };
    demand(urls.iter().all(is_address), format!("notify.urls: must each be {form}"));
    demand(token_url.iter().all(is_address), format!("notify.token_url: must be {form}"));
    let is_long = secret.as_ref().is_none_or(|secret| secret.trim().len() >= SECRET);
    demand(is_long, format!("notify.secret: must have at least {SECRET} characters"));
    let named = token_client.iter().chain(token_scope).all(|name| is_name(name));
    demand(named, "notify.token_client, token_scope: 1 to 255 printable characters".to_owned());
    let goes_together = token_url.is_some() == token_client.is_some()
        && (token_url.is_some() || token_scope.is_none());
    demand(goes_together, "notify.token_url: goes together with token_client".to_owned());
    let has_any = !urls.is_empty();
    demand(
        has_any || (secret.is_none() && token_url.is_none()),
        "notify.urls: is missing".to_owned(),
    );
    demand(!(entry.public && has_any), "notify.urls: an app that keeps no key has none".to_owned());
    mistakes
}
