//! Where the endpoints of an issuer are, as it says itself.
//!
//! Part of `oauth::keys`. Source: `OpenID` Connect Discovery 1.0 section 4. What it says counts only if it
//! names itself letter by letter as it is configured: else one issuer could stand for another.

use serde_json::Value;

use super::fetch::Fetcher;
use crate::authenticate::jose::address::KeyAddress;

/// What an issuer says of itself.
///
/// # Errors
/// Why it is not believed, for the log.
pub(in crate::oauth) async fn document(
    fetcher: &Fetcher,
    issuer: &str,
) -> Result<Value, &'static str> {
    let url = format!("{}/.well-known/openid-configuration", issuer.trim_end_matches('/'));
    let at = KeyAddress::parse(&url).ok_or("its issuer is no address")?;
    let said = fetcher.fetch(&at).await?.set;
    if said.get("issuer").and_then(Value::as_str) != Some(issuer) {
        return Err("its configuration is another issuer's");
    }
    Ok(said)
}

/// One of its endpoints.
///
/// # Errors
/// Why there is none, for the log.
pub(in crate::oauth) fn endpoint(said: &Value, name: &str) -> Result<KeyAddress, &'static str> {
    let text = said.get(name).and_then(Value::as_str);
    text.and_then(KeyAddress::parse).ok_or("its configuration lacks an endpoint")
}
