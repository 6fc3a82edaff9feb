//! A token for a place that a client is notified at, where it wants one.
//!
//! Part of `oauth`: the gateway as a client, by client credentials with `private_key_jwt`. Asked for anew each
//! time, so none is kept. Sources: RFC 6749 section 4.4, RFC 7523 section 2.2. Never shows a token.

use http::HeaderValue;
use serde_json::Value;
use zeroize::Zeroizing;

use super::{keys::fetch::Fetcher, own_proof::own_proof, token::CLIENT_CREDENTIALS};
use crate::{
    authenticate::{
        jose::{address::KeyAddress, sign::Signer},
        registry::NotifyEntry,
    },
    chance::Chance,
    domain::moment::Moment,
};

/// The value of `Authorization`, marked sensitive; none where the place wants none.
///
/// # Errors
/// Why there is no token, for the log.
pub async fn authorization(
    entry: &NotifyEntry,
    fetcher: &Fetcher,
    signer: &Signer,
    chance: &dyn Chance,
    now: Moment,
) -> Result<Option<HeaderValue>, &'static str> {
    let (Some(url), Some(client)) = (&entry.token_url, &entry.token_client) else {
        return Ok(None);
    };
    let at = KeyAddress::parse(url).ok_or("its token endpoint has no address")?;
    let proof =
        own_proof(client, url, signer, chance, now).map_err(|_| "the gateway cannot sign")?;
    let said = fetcher.post(&at, form(proof, entry.token_scope.as_deref()), None).await?;
    let text = |name: &str| said.get(name).and_then(Value::as_str).unwrap_or_default();
    let token = text("access_token");
    if token.is_empty() || !text("token_type").eq_ignore_ascii_case("bearer") {
        return Err("its token endpoint gives no bearer token");
    }
    let value = Zeroizing::new(format!("Bearer {token}"));
    let mut header =
        HeaderValue::from_str(&value).map_err(|_| "its token does not fit into a header")?;
    header.set_sensitive(true);
    Ok(Some(header))
}

fn form(proof: [(&'static str, String); 3], scope: Option<&str>) -> String {
    let mut form = form_urlencoded::Serializer::new(String::new());
    form.append_pair("grant_type", CLIENT_CREDENTIALS).extend_pairs(proof);
    form.extend_pairs(scope.map(|scope| ("scope", scope)));
    form.finish()
}
